//! The transform `scale_intensity`.

use revoxel_core::{Dtype, ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rescale::{Linear, rescale};
use super::statistics::{Range, by_group};
use crate::definition::{Class, Define, Invalid};
use crate::peers::Argument::{Listed, Special};
use crate::peers::{DTYPE, Peer};
use crate::transform::{ApplyError, Transform, ValueState, ValueTransform};

/// Scales intensities to a range, or by a factor.
///
/// # What it does
/// Maps the smallest value of the volume to `minv` and the largest to `maxv` (0 and 1 by default); with `channel_wise`,
/// those of each channel. With `factor` instead, every value is multiplied by `1 + factor`. The result is float32. A
/// constant volume becomes `minv`.
///
/// # YAML
/// ```yaml
/// scale_intensity: { minv: -1, maxv: 1 }
/// ```
/// ```yaml
/// scale_intensity: { factor: 0.1 }
/// ```
///
/// # Inverse
/// The inverse linear map.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleIntensity {
    /// New value of the smallest value. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minv: Option<f64>,
    /// New value of the largest value. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    maxv: Option<f64>,
    /// Multiply by 1 + this instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    factor: Option<f64>,
    /// Treat each channel separately.
    #[serde(default)]
    channel_wise: bool,
}

impl ScaleIntensity {
    fn range(&self) -> [f64; 2] {
        [self.minv.unwrap_or(0.0), self.maxv.unwrap_or(1.0)]
    }
}

impl Define for ScaleIntensity {
    const NAME: &'static str = "scale_intensity";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[
        Peer::imported("ScaleIntensityd")
            .same(&["channel_wise"])
            .others(&[Special("minv", "minv"), Special("maxv", "maxv"), Special("factor", "factor")])
            .ignored(&[DTYPE])
            .notes("It multiplies a constant volume by `minv`, and uses `factor` only with `minv=None, maxv=None`."),
        Peer::nnunet("RescaleTo01Normalization"),
        Peer::torchio("RescaleIntensity")
            .others(&[Listed("out_min_max")])
            .notes("It leaves a constant volume as it is. Its `masking_method` is not supported."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        if self.factor.is_some() && (self.minv.is_some() || self.maxv.is_some()) {
            return Err(Invalid::new("factor", "give a factor, or minv and maxv, not both"));
        }
        if self.factor == Some(-1.0) {
            return Err(Invalid::new("factor", "-1 makes every value 0"));
        }
        let [low, high] = self.range();
        if low == high {
            return Err(Invalid::new("maxv", format!("minv and maxv are both {low}: the range has no extent")));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for ScaleIntensity {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        if let Some(factor) = self.factor {
            return rescale(Self::NAME, volume, &[Linear::new(1.0 + factor, 0.0)]);
        }
        let maps: Vec<Linear> = by_group(&volume, self.channel_wise, Range)
            .into_iter()
            .map(|ends| match ends {
                Some([low, high]) if low < high => Linear::between([low, high], self.range()),
                _ => Linear::new(0.0, self.range()[0]),
            })
            .collect();
        rescale(Self::NAME, volume, &maps)
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }
}
