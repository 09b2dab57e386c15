//! The transform `savitzky_golay_smooth`.

use revoxel_core::{Dtype, ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filter::{Beyond, filter, floats};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::axis;
use revoxel_transforms::peers::Argument::Special;
use revoxel_transforms::peers::Peer;
use revoxel_transforms::planning::planar::axis_of;
use revoxel_transforms::transform::{ApplyError, Transform, ValueState, ValueTraits, ValueTransform};

/// Smooths along an axis with polynomials (Savitzky and Golay).
///
/// # What it does
/// Replaces each value by that of the polynomial of degree `order` that fits the `window_length` values around it along
/// `spatial_axis` best. Peaks keep their height better than with an average. `mode` sets the values beyond the volume:
/// `zeros`, `reflect` (mirrored at the outermost voxels), `replicate` (the closest voxel) or `circular`. The result is
/// float32.
///
/// # YAML
/// ```yaml
/// savitzky_golay_smooth: { window_length: 5, order: 2, spatial_axis: 2, mode: replicate }
/// ```
///
/// # Inverse
/// The values are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SavitzkyGolaySmooth {
    /// Number of values that a polynomial is fitted to: odd, 1 to 101.
    window_length: usize,
    /// Degree of the polynomial, below `window_length` and at most 20.
    order: usize,
    /// The axis, 0 to 2.
    #[serde(default)]
    spatial_axis: i64,
    /// Values beyond the volume.
    #[serde(default = "zeros")]
    mode: Beyond,
}

const fn zeros() -> Beyond {
    Beyond::Zeros
}

impl Define for SavitzkyGolaySmooth {
    const NAME: &'static str = "savitzky_golay_smooth";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("SavitzkyGolaySmoothd")
        .same(&["window_length", "order", "mode"])
        .others(&[Special("axis", "spatial_axis")])
        .notes(
            "It returns the voxel type of the volume. Its `axis` counts the channels as 0, so it is one more \
             than `spatial_axis`.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        if self.window_length.is_multiple_of(2) || self.window_length > 101 {
            return Err(Invalid::new("window_length", format!("{}: give an odd number, 1 to 101", self.window_length)));
        }
        if self.order >= self.window_length || self.order > 20 {
            let problem = format!("{}: give less than window_length, at most 20", self.order);
            return Err(Invalid::new("order", problem));
        }
        axis(self.spatial_axis, "spatial_axis").map(|_| ())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for SavitzkyGolaySmooth {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (mut values, shape) = (floats(&volume), volume.grid().shape());
        let axis = axis_of("spatial_axis", self.spatial_axis, volume.grid())?;
        filter(&mut values, shape, axis, &taps(self.window_length, self.order), self.mode);
        let undo = ValueUndo::Lost { reason: "savitzky_golay_smooth replaced values".to_owned() };
        Ok((volume.with_voxels(values.into())?, undo))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits::MIXED
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }
}

/// What each value of a window counts for in the middle of the polynomial, by polynomials that are orthogonal on the
/// window.
fn taps(window: usize, order: usize) -> Vec<f64> {
    let half = window / 2;
    let at: Vec<f64> = (0..window).map(|i| (i as f64 - half as f64) / half.max(1) as f64).collect();
    let (mut before, mut now) = (vec![0.0; window], vec![1.0; window]);
    let (mut norm_before, mut taps) = (1.0, vec![0.0; window]);
    for degree in 0..=order {
        let norm: f64 = now.iter().map(|p| p * p).sum();
        for (tap, p) in taps.iter_mut().zip(&now) {
            *tap += now[half] * p / norm;
        }
        let back = if degree == 0 { 0.0 } else { norm / norm_before };
        let next = (0..window).map(|i| at[i] * now[i] - back * before[i]).collect();
        (before, now, norm_before) = (now, next, norm);
    }
    taps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polynomial_stays_as_it_is() {
        for (window, order) in [(1, 0), (5, 2), (9, 3), (21, 6), (101, 20)] {
            let taps = taps(window, order);
            let half = (window / 2) as f64;
            for degree in 0..=order {
                let of = |i: usize| ((i as f64 - half) / half.max(1.0)).powi(degree as i32);
                let found: f64 = taps.iter().enumerate().map(|(i, tap)| tap * of(i)).sum();
                let expected = if degree == 0 { 1.0 } else { 0.0 };
                assert!((found - expected).abs() < 1e-9, "{window}, {order}: {found} for x^{degree}");
            }
        }
        // Published: (-3, 12, 17, 12, -3) / 35.
        let expected = [-3.0, 12.0, 17.0, 12.0, -3.0].map(|v| v / 35.0);
        assert!(taps(5, 2).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}
