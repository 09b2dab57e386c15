//! The transform `rescale_to_8bit`.

use revoxel_core::{Dtype, ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::percentile::{Percentiles, check_percentiles};
use super::rescale::{Linear, rescale};
use super::statistics::by_group;
use crate::definition::{Class, Define, Invalid};
use crate::peers::Argument::Fixed;
use crate::peers::Peer;
use crate::transform::{ApplyError, Transform, ValueState, ValueTransform};

/// Rescales intensities to 8 bit.
///
/// # What it does
/// Maps the `lower` percentile of the values to 0 and the `upper` percentile to 255, clips values beyond, and rounds to
/// uint8 (half to even). The default percentiles are 0 and 100: the smallest and the largest value. `channel_wise`
/// treats each channel separately.
///
/// # YAML
/// ```yaml
/// rescale_to_8bit: { lower: 0.5, upper: 99.5 }
/// ```
///
/// # Inverse
/// The inverse linear map, to half of one of the 255 steps; on request clipped values come back as the percentile.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RescaleTo8bit {
    /// The percentile that becomes 0, from 0 to 100.
    #[serde(default)]
    lower: f64,
    /// The percentile that becomes 255, from 0 to 100.
    #[serde(default = "hundred")]
    upper: f64,
    /// Treat each channel separately.
    #[serde(default)]
    channel_wise: bool,
}

const fn hundred() -> f64 {
    100.0
}

impl Define for RescaleTo8bit {
    const NAME: &'static str = "rescale_to_8bit";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::monai("ScaleIntensityRangePercentilesd")
        .same(&["lower", "upper"])
        .others(&[Fixed("b_min", "0"), Fixed("b_max", "255"), Fixed("clip", "true")])
        .notes("Its result is then rounded, and cast to uint8.")];

    fn check(&self) -> Result<(), Invalid> {
        check_percentiles(Some(self.lower), Some(self.upper))
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for RescaleTo8bit {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let percentiles = by_group(&volume, self.channel_wise, Percentiles(&[self.lower, self.upper]));
        let map = |found: Option<Vec<f64>>| {
            found.map_or(Linear::new(1.0, 0.0), |p| Linear::between([p[0], p[1]], [0.0, 255.0])).held(0.0, 255.0)
        };
        let maps: Vec<Linear> = percentiles.into_iter().map(map).collect();
        let (result, undo) = rescale(Self::NAME, volume, &maps)?;
        Ok((result.cast(Dtype::U8), undo))
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::U8)
    }
}
