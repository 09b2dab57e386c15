//! Voxel types in files: the types of volumes, and float16.

use std::fmt;
use std::str::FromStr;

use crate::holding::near;
use crate::{Dtype, Number, Voxel, Voxels, dispatch};

/// A voxel type as a file stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredDtype {
    /// A type that volumes also have in memory.
    Plain(Dtype),
    /// float16, in arrays only; float32 in memory.
    Half,
}

impl StoredDtype {
    /// The name as numpy spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain(dtype) => dtype.name(),
            Self::Half => "float16",
        }
    }

    /// The type in memory.
    pub const fn in_memory(self) -> Dtype {
        match self {
            Self::Plain(dtype) => dtype,
            Self::Half => Dtype::F32,
        }
    }
}

/// A voxel type would change this label.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "label {label} does not fit into {dtype} and would become another label: choose a dtype that can store it, or \
     leave the dtype out"
)]
pub struct LostLabel {
    /// The label.
    pub label: Number,
    /// The type.
    pub dtype: StoredDtype,
}

impl StoredDtype {
    /// Checks that this type keeps labels unchanged.
    ///
    /// # Errors
    /// The first label that would change.
    pub fn check_labels(self, labels: impl IntoIterator<Item = f64>) -> Result<(), LostLabel> {
        let held = |label: f64| match self {
            Self::Plain(dtype) => dtype.holds_label(label),
            Self::Half => near(half(label), label),
        };
        let lost = labels.into_iter().find(|label| !label.is_nan() && !held(*label));
        lost.map_or(Ok(()), |label| Err(LostLabel { label: label.into(), dtype: self }))
    }

    /// The same for voxels of a label map.
    ///
    /// # Errors
    /// The first label that would change.
    pub fn check_label_map(self, voxels: &Voxels) -> Result<(), LostLabel> {
        match self {
            Self::Plain(dtype) => {
                voxels.label_lost_in(dtype).map_or(Ok(()), |label| Err(LostLabel { label, dtype: self }))
            }
            Self::Half => {
                fn lost<T: Voxel>(values: &[T]) -> Option<Number> {
                    let held = |v: &T| StoredDtype::Half.check_labels([v.to_f64()]).is_ok();
                    values.iter().find(|v| !held(v)).map(|v| Number::of(*v))
                }
                let lost = dispatch!(voxels, v => lost(v));
                lost.map_or(Ok(()), |label| Err(LostLabel { label, dtype: self }))
            }
        }
    }
}

/// The closest half-precision number; infinite beyond its range.
fn half(value: f64) -> f64 {
    const HIGHEST: f64 = 65504.0;
    // Eleven binary digits, so that numbers of one power of two are this far apart.
    let apart = libm::exp2(libm::log2(value.abs().max(f64::from(f32::MIN_POSITIVE))).floor() - 10.0);
    let closest = (value / apart).round_ties_even() * apart;
    if closest.abs() > HIGHEST { f64::INFINITY.copysign(value) } else { closest }
}

impl fmt::Display for StoredDtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for StoredDtype {
    type Err = <Dtype as FromStr>::Err;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name == Self::Half.name() { Ok(Self::Half) } else { name.parse().map(Self::Plain) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_would_become_others_are_named() {
        let half = |label: f64| StoredDtype::Half.check_labels([label]).is_ok();
        assert!([0.0, -1.0, 2048.0, 2050.0, 65504.0, 0.5].into_iter().all(half));
        assert!(![2049.0, -4098.0, 65505.0, 1e9].into_iter().any(half));
        let byte = StoredDtype::Plain(Dtype::U8);
        assert!(byte.check_labels([0.0, 255.0, f64::NAN]).is_ok());
        let lost = byte.check_label_map(&vec![1i16, 300].into()).unwrap_err();
        assert_eq!(lost, LostLabel { label: Number::Whole(300), dtype: byte });
        assert!(lost.to_string().starts_with("label 300 does not fit into uint8"), "{lost}");
        assert!(StoredDtype::Half.check_label_map(&vec![2049u16].into()).is_err());
        let long = (1u64 << 53) + 1;
        let lost = StoredDtype::Half.check_label_map(&vec![1, long].into()).unwrap_err();
        assert_eq!(lost.label, Number::Whole(long.into()));
    }
}
