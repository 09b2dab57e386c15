//! The transform `histogram_normalize`.

use revoxel_core::{Dtype, ValueUndo, Volume, Voxel, dispatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::map::map;
use super::mask::flags;
use super::rescale::float;
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::is_false;
use revoxel_transforms::peers::Argument::Renamed;
use revoxel_transforms::peers::{DTYPE, Peer};
use revoxel_transforms::transform::{ApplyError, Sources, Transform, ValueState, ValueTraits, ValueTransform};

/// Equalises the histogram: makes all intensities equally frequent.
///
/// # What it does
/// Replaces each value by the share of values that are not larger, from `min` for the smallest to `max` for the
/// largest. The result is float32. Whole numbers have one bin each; other values have `num_bins` bins of equal width,
/// and lie on straight lines between the centres of the bins. With `source`, the histogram is that of the voxels where
/// this input is above 0; all values change.
///
/// # YAML
/// ```yaml
/// histogram_normalize: { num_bins: 256, min: 0, max: 1 }
/// ```
/// ```yaml
/// histogram_normalize: { source: label }
/// ```
///
/// # Inverse
/// The values are lost: rare ones become the same.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistogramNormalize {
    /// Number of bins of values that are not whole numbers, 2 to 65536.
    #[serde(default = "bins")]
    num_bins: usize,
    /// New value of the smallest value.
    #[serde(default)]
    min: f64,
    /// New value of the largest value.
    #[serde(default = "most")]
    max: f64,
    /// An input; only voxels where it is above 0 count for the histogram.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// Treat whole numbers as single precision, as MONAI reads them from files.
    #[serde(default, skip_serializing_if = "is_false")]
    as_float: bool,
}

const fn bins() -> usize {
    256
}

const fn most() -> f64 {
    255.0
}

impl Define for HistogramNormalize {
    const NAME: &'static str = "histogram_normalize";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("HistogramNormalized")
        .same(&["num_bins", "min", "max"])
        .others(&[Renamed("mask_key", "source")])
        .always(&[("as_float", "true")])
        .ignored(&[DTYPE])
        .notes(
            "It is the same with scikit-image installed. Whole numbers have one bin each, as for arrays in \
             MONAI; from files MONAI makes single precision of them, and `as_float: true` does the same.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        if !(2..=65_536).contains(&self.num_bins) {
            return Err(Invalid::new("num_bins", format!("{}: give 2 to 65536 bins", self.num_bins)));
        }
        if self.min >= self.max {
            return Err(Invalid::new("min", format!("{} is not below max, {}", self.min, self.max)));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for HistogramNormalize {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        match &self.source {
            Some(key) => Err(ApplyError::MissingInput(key.clone())),
            None => self.normalize(volume, None),
        }
    }

    fn apply_with(&self, volume: Volume, source: &Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        self.normalize(volume, Some(source))
    }

    fn sources(&self) -> Sources<'_> {
        self.source.as_deref().map_or(Sources::Nothing, Sources::voxels)
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits::LOST
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }
}

impl HistogramNormalize {
    fn normalize(&self, volume: Volume, source: Option<&Volume>) -> Result<(Volume, ValueUndo), ApplyError> {
        fn masked<T: Voxel>(values: &[T], flags: Option<&[bool]>, bins: usize) -> Histogram {
            match flags {
                None => Histogram::of(values.iter().copied(), bins),
                Some(flags) => {
                    Histogram::of(values.iter().zip(flags).filter(|(_, inside)| **inside).map(|(v, _)| *v), bins)
                }
            }
        }
        let volume = if self.as_float { float(volume) } else { volume };
        let flags = flags(&volume, None, source, false)?;
        let Histogram { centres, counts, whole } =
            dispatch!(volume.voxels(), v => masked(v, flags.as_deref(), self.num_bins));
        let sums: Vec<f64> = counts
            .iter()
            .scan(0, |sum, count| {
                *sum += count;
                Some(*sum as f64)
            })
            .collect();
        let (Some(first), Some(last)) = (sums.first().copied(), sums.last().copied()) else {
            let rule = format!("{} above 0", self.source.as_deref().unwrap_or("numbers"));
            return Err(ApplyError::EmptyMask(rule));
        };
        // One value everywhere is the smallest.
        let extent = if last > first { last - first } else { 1.0 };
        let heights: Vec<f64> = sums.iter().map(|s| self.min + (s - first) / extent * (self.max - self.min)).collect();
        let of = |x: f64| {
            let above = centres.partition_point(|centre| *centre <= x);
            match above {
                _ if x.is_nan() => x,
                0 => heights[0],
                // Whole numbers that are not there have the height of the one before.
                _ if whole || above == centres.len() => heights[above - 1],
                _ => {
                    let slope = (heights[above] - heights[above - 1]) / (centres[above] - centres[above - 1]);
                    heights[above - 1] + slope * (x - centres[above - 1])
                }
            }
        };
        let result = map(volume, |_, x| of(x))?;
        Ok((result, ValueUndo::Lost { reason: "histogram_normalize made rare values the same".to_owned() }))
    }
}
