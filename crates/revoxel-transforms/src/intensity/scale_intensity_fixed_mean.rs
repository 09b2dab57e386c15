//! The transform `scale_intensity_fixed_mean`.

use revoxel_core::{Dtype, ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mask::moments;
use super::rescale::{Linear, rescale};
use super::statistics::{MeanDeviation, Range, by_group};
use crate::definition::{Class, Define, Invalid};
use crate::params::yes;
use crate::peers::Peer;
use crate::transform::{ApplyError, Transform, ValueState, ValueTransform};

/// Scales intensities about their mean.
///
/// # What it does
/// Multiplies the distance of every value from the mean by `1 + factor`; the result is float32. Contrast grows or
/// falls, and the mean stays. With `fixed_mean: false` the values themselves are multiplied. `preserve_range` clips the
/// result to the previous range of values. `channel_wise` treats each channel separately.
///
/// # YAML
/// ```yaml
/// scale_intensity_fixed_mean: { factor: 0.3, preserve_range: true }
/// ```
///
/// # Inverse
/// The inverse linear map with the same mean; on request values that `preserve_range` clipped come back as the limit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleIntensityFixedMean {
    /// Distances from the mean are multiplied by 1 + this.
    factor: f64,
    /// Clip the result to the previous range of values.
    #[serde(default)]
    preserve_range: bool,
    /// Keep the mean; if false, multiply the values themselves.
    #[serde(default = "yes")]
    fixed_mean: bool,
    /// Treat each channel separately.
    #[serde(default)]
    channel_wise: bool,
}

impl Define for ScaleIntensityFixedMean {
    const NAME: &'static str = "scale_intensity_fixed_mean";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] =
        &[Peer::monai("ScaleIntensityFixedMean").same(&["factor", "preserve_range", "fixed_mean", "channel_wise"])];

    fn check(&self) -> Result<(), Invalid> {
        if self.factor == -1.0 {
            return Err(Invalid::new("factor", "-1 makes all values the same"));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for ScaleIntensityFixedMean {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let groups = if self.channel_wise { volume.channels() } else { 1 };
        about_mean(Self::NAME, volume, &vec![self.factor; groups], self.fixed_mean, self.preserve_range)
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }
}

/// Scales all channels together by one factor, or each by its own.
pub fn about_mean(
    name: &str,
    volume: Volume,
    factors: &[f64],
    fixed_mean: bool,
    preserve_range: bool,
) -> Result<(Volume, ValueUndo), ApplyError> {
    let channel_wise = factors.len() > 1;
    let means = moments(&volume, None, channel_wise, 0);
    let ranges = by_group(&volume, channel_wise, Range);
    let map = |((factor, mean), range): ((&f64, MeanDeviation), Option<[f64; 2]>)| {
        let map = Linear::new(1.0 + factor, if fixed_mean { -mean.mean * factor } else { 0.0 });
        range.filter(|_| preserve_range).map_or(map, |[low, high]| map.held(low, high))
    };
    let maps: Vec<Linear> = factors.iter().zip(means).zip(ranges).map(map).collect();
    rescale(name, volume, &maps)
}
