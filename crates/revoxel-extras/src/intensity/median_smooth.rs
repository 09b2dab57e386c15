//! The transform `median_smooth`.

use revoxel_core::{ValueUndo, Volume, Voxel, Voxels, dispatch, parallel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::IntVector;
use revoxel_transforms::peers::Argument::{Fixed, Listed};
use revoxel_transforms::peers::{Peer, Program};
use revoxel_transforms::transform::{ApplyError, Transform, ValueState, ValueTraits, ValueTransform};

/// Smooths with a median.
///
/// # What it does
/// Replaces each value by the median of the box that extends `radius` voxels to each side, for all axes or by axis.
/// Beyond the volume the nearest voxel is used. The voxel type stays.
///
/// # YAML
/// ```yaml
/// median_smooth: { radius: 1 }
/// ```
///
/// # Inverse
/// The values are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MedianSmooth {
    /// Voxels to each side, for all axes or by axis.
    #[serde(default = "one")]
    radius: IntVector,
}

fn one() -> IntVector {
    revoxel_transforms::params::Numbers(vec![1])
}

/// The largest radius: a box of 31³ voxels.
const MOST: i64 = 15;

impl Define for MedianSmooth {
    const NAME: &'static str = "median_smooth";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[
        Peer::imported("MedianSmoothd").same(&["radius"]),
        Peer::new(Program::SciPy, "median_filter").others(&[Listed("size=2·radius + 1"), Fixed("mode", "\"nearest\"")]),
    ];

    fn check(&self) -> Result<(), Invalid> {
        self.radius.by_axis("radius")?;
        match self.radius.0.iter().find(|r| !(0..=MOST).contains(*r)) {
            Some(wrong) => Err(Invalid::new("radius", format!("{wrong}: give 0 to {MOST} voxels"))),
            None => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for MedianSmooth {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (shape, radius) = (volume.grid().shape(), self.radius.repeated().map(|r| r as usize));
        let voxels: Voxels = dispatch!(volume.voxels(), v => medians(v, shape, radius).into());
        Ok((volume.with_voxels(voxels)?, ValueUndo::Lost { reason: "median_smooth replaced values".to_owned() }))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits::MIXED
    }

    fn after(&self, before: &ValueState) -> ValueState {
        ValueState { dtype: before.dtype, ..before.changed() }
    }
}

fn medians<T: Voxel>(values: &[T], [nx, ny, nz]: [usize; 3], [rx, ry, rz]: [usize; 3]) -> Vec<T> {
    let mut result = vec![T::default(); values.len()];
    let around = |at: usize, radius: usize, n: usize| {
        (0..=2 * radius).map(move |step| (at + step).saturating_sub(radius).min(n - 1))
    };
    parallel::each_with(result.chunks_mut(nx).enumerate(), Vec::new, |window: &mut Vec<T>, (line, out)| {
        let (y, z) = (line % ny, line / ny % nz);
        let channel = line / (ny * nz) * (nx * ny * nz);
        let rows: Vec<&[T]> = around(z, rz, nz)
            .flat_map(|w| around(y, ry, ny).map(move |v| channel + nx * (v + ny * w)))
            .map(|first| &values[first..first + nx])
            .collect();
        for (x, out) in out.iter_mut().enumerate() {
            window.clear();
            for u in around(x, rx, nx) {
                window.extend(rows.iter().map(|row| row[u]));
            }
            let middle = window.len() / 2;
            // What is no number sorts last, so the median of numbers stays one as long as they are most.
            let order =
                |a: &T, b: &T| a.partial_cmp(b).unwrap_or_else(|| a.to_f64().is_nan().cmp(&b.to_f64().is_nan()));
            *out = *window.select_nth_unstable_by(middle, order).1;
        }
    });
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_radius_is_bounded() {
        let wide = MedianSmooth { radius: revoxel_transforms::params::Numbers(vec![16]) };
        let Invalid { field, problem } = wide.check().unwrap_err();
        assert!(field == "radius" && problem.contains("0 to 15"), "{problem}");
    }
}
