//! The transform `clip_intensity_percentiles`.

use revoxel_core::{Dtype, ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::map::map;
use super::percentile::{Percentiles, check_percentiles};
use super::rescale::{Linear, rescale};
use super::statistics::by_group;
use crate::definition::{Class, Define, Invalid};
use crate::peers::{DTYPE, Peer};
use crate::transform::{ApplyError, Transform, ValueState, ValueTransform};

/// Clips intensities at percentiles.
///
/// # What it does
/// Sets values below the `lower` percentile to it, and values above the `upper` percentile to that one. Either may be
/// left out. With `sharpness_factor` softplus functions round the ends off instead; the higher the factor, the closer
/// to a hard limit. `channel_wise` treats each channel separately. The result is float32.
///
/// # YAML
/// ```yaml
/// clip_intensity_percentiles: { lower: 0.5, upper: 99.5 }
/// ```
///
/// # Inverse
/// Values beyond the percentiles are lost; on request they come back as the percentile. With `sharpness_factor` values
/// are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipIntensityPercentiles {
    /// Lower percentile, 0 to 100; values below it are clipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lower: Option<f64>,
    /// Upper percentile, 0 to 100; values above it are clipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upper: Option<f64>,
    /// Round the ends off: above 0; higher is sharper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sharpness_factor: Option<f64>,
    /// Treat each channel separately.
    #[serde(default)]
    channel_wise: bool,
}

impl Define for ClipIntensityPercentiles {
    const NAME: &'static str = "clip_intensity_percentiles";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("ClipIntensityPercentilesd")
        .same(&["lower", "upper", "sharpness_factor", "channel_wise"])
        .ignored(&[DTYPE])
        .notes("It returns the voxel type of the volume.")];

    fn check(&self) -> Result<(), Invalid> {
        if self.lower.is_none() && self.upper.is_none() {
            return Err(Invalid::new("", "give lower, upper or both"));
        }
        if let Some(factor) = self.sharpness_factor
            && (factor.is_nan() || factor <= 0.0)
        {
            return Err(Invalid::new("sharpness_factor", format!("{factor}: give a number above 0")));
        }
        check_percentiles(self.lower, self.upper)
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for ClipIntensityPercentiles {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let percent = [self.lower.unwrap_or(0.0), self.upper.unwrap_or(100.0)];
        let limits: Vec<[Option<f64>; 2]> = by_group(&volume, self.channel_wise, Percentiles(&percent))
            .into_iter()
            .map(|found| match found {
                Some(p) => [self.lower.map(|_| p[0]), self.upper.map(|_| p[1])],
                None => [None, None],
            })
            .collect();
        let Some(sharpness) = self.sharpness_factor else {
            let maps: Vec<Linear> = limits.iter().map(|l| Linear { limits: *l, ..Linear::new(1.0, 0.0) }).collect();
            return rescale(Self::NAME, volume, &maps);
        };
        let softplus = |x: f64| x.max(0.0) + libm::log1p(libm::exp(-x.abs()));
        let result = map(volume, |channel, x| {
            let [low, high] = limits[channel.min(limits.len() - 1)];
            let below = low.map_or(0.0, |low| softplus(-sharpness * (x - low)) / sharpness);
            let above = high.map_or(0.0, |high| softplus(sharpness * (x - high)) / sharpness);
            x + below - above
        })?;
        Ok((result, ValueUndo::Lost { reason: "clip_intensity_percentiles rounded the ends off".to_owned() }))
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }
}
