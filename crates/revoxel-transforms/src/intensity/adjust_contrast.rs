//! The transform `adjust_contrast`.

use revoxel_core::{Dtype, ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::map::map;
use super::power::Raised;
use super::statistics::{Moments, Range, by_group};
use crate::definition::{Class, Define, Invalid};
use crate::peers::Peer;
use crate::transform::{ApplyError, Transform, ValueState, ValueTransform};

/// Changes contrast by a power law.
///
/// # What it does
/// Computes `((x − min) / (max − min)) ^ gamma · (max − min) + min` with the smallest and the largest value of the
/// volume. The result is float32. `invert_image` applies this to the negative of the volume and negates the result.
/// `retain_stats` then restores mean and standard deviation.
///
/// # YAML
/// ```yaml
/// adjust_contrast: { gamma: 0.7 }
/// ```
///
/// # Inverse
/// The power of 1 / gamma, with the numbers in the trace, as far as float32 kept the values distinct: high powers bring
/// low values close together.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustContrast {
    /// The exponent, above 0: below 1 brightens, above 1 darkens.
    gamma: f64,
    /// Apply it to the negative of the volume.
    #[serde(default)]
    invert_image: bool,
    /// Restore mean and standard deviation.
    #[serde(default)]
    retain_stats: bool,
}

impl Define for AdjustContrast {
    const NAME: &'static str = "adjust_contrast";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("AdjustContrastd")
        .same(&["gamma", "invert_image", "retain_stats"])
        .notes("Its `invert_image` overflows in unsigned whole numbers.")];

    fn check(&self) -> Result<(), Invalid> {
        if self.gamma.is_nan() || self.gamma <= 0.0 {
            return Err(Invalid::new("gamma", format!("{}: give a number above 0", self.gamma)));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for AdjustContrast {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let sign = if self.invert_image { -1.0 } else { 1.0 };
        let Some([a, b]) = by_group(&volume, false, Range)[0] else { return Ok((volume, ValueUndo::nothing())) };
        let (low, high) = ((sign * a).min(sign * b), (sign * a).max(sign * b));
        let range = high - low;
        if range == 0.0 {
            return Ok((map(volume, |_, x| x)?, ValueUndo::nothing()));
        }
        let all = Moments { counts: |_, _| true, ddof: 1 };
        let before = self.retain_stats.then(|| by_group(&volume, false, all)[0]);
        let gamma = self.gamma;
        let mut result = map(volume, |_, x| sign * (libm::pow((sign * x - low) / range, gamma) * range + low))?;
        let (mut scale, mut shift) = (sign, 0.0);
        if let Some(before) = before {
            let after = by_group(&result, false, all)[0];
            let factor = before.deviation / (after.deviation + 1e-8);
            result = map(result, |_, x| (x - after.mean) * factor + before.mean)?;
            (scale, shift) = (sign * factor, before.mean - after.mean * factor);
        }
        let undo = Raised { gamma, sign, low, range, range_after: range, scale, shift }.undo(Self::NAME);
        Ok((result, undo))
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }
}
