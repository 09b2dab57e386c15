//! The transform `scale_intensity_range`.

use revoxel_core::{Dtype, ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rescale::{Linear, rescale};
use crate::definition::{Class, Define, Invalid};
use crate::peers::Argument::Listed;
use crate::peers::{DTYPE, Peer};
use crate::transform::{ApplyError, Transform, ValueState, ValueTransform};

/// Maps one range of intensities to another.
///
/// # What it does
/// Computes `(x − a_min) / (a_max − a_min) · (b_max − b_min) + b_min`; the result is float32. `clip` sets values
/// outside the new range to its ends. Without `b_min` and `b_max` the new range is 0 to 1 and nothing is clipped.
///
/// ```text
/// a_min ├────────┤ a_max   ──►   b_min ├───┤ b_max
/// ```
///
/// # YAML
/// ```yaml
/// scale_intensity_range: { a_min: -175, a_max: 250, b_min: 0, b_max: 1, clip: true }
/// ```
///
/// # Inverse
/// The inverse linear map; on request values that `clip` changed come back as `a_min` or `a_max`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleIntensityRange {
    /// Value that becomes `b_min`.
    a_min: f64,
    /// Value that becomes `b_max`.
    a_max: f64,
    /// New value of `a_min`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    b_min: Option<f64>,
    /// New value of `a_max`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    b_max: Option<f64>,
    /// Set values outside the new range to its ends.
    #[serde(default)]
    clip: bool,
}

impl Define for ScaleIntensityRange {
    const NAME: &'static str = "scale_intensity_range";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[
        Peer::imported("ScaleIntensityRanged")
            .same(&["a_min", "a_max", "b_min", "b_max", "clip"])
            .ignored(&[DTYPE])
            .notes(
                "Equal `a_min` and `a_max` are an error here. So is only one of `b_min` and `b_max`, which MONAI \
                 takes as a limit only.",
            ),
        Peer::nnunet("RGBTo01Normalization").always(&[("a_min", "0"), ("a_max", "255")]),
        Peer::torchio("RescaleIntensity")
            .others(&[Listed("out_min_max"), Listed("in_min_max")])
            .notes("It is the same unless `percentiles` are given."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        if self.a_min == self.a_max {
            let problem = format!("a_min and a_max are both {}: the range has no extent", self.a_min);
            return Err(Invalid::new("a_max", problem));
        }
        match (self.b_min, self.b_max) {
            (Some(_), None) => Err(Invalid::new("b_min", "b_max is missing: give both or neither")),
            (None, Some(_)) => Err(Invalid::new("b_max", "b_min is missing: give both or neither")),
            (None, None) if self.clip => Err(Invalid::new("clip", "clipping needs b_min and b_max")),
            (Some(low), Some(high)) if low == high => {
                Err(Invalid::new("b_max", format!("b_min and b_max are both {low}: every value would become the same")))
            }
            (Some(low), Some(high)) if self.clip && low > high => {
                Err(Invalid::new("b_min", format!("{low} is larger than b_max, {high}: clip needs b_min below b_max")))
            }
            _ => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for ScaleIntensityRange {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let to = [self.b_min.unwrap_or(0.0), self.b_max.unwrap_or(1.0)];
        let map = Linear::between([self.a_min, self.a_max], to);
        rescale(Self::NAME, volume, &[if self.clip { map.held(to[0], to[1]) } else { map }])
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }
}
