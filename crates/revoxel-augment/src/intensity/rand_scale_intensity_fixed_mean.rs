//! The transform `rand_scale_intensity_fixed_mean`.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::scale_intensity_fixed_mean::about_mean;
use crate::random::{ByChannel, Drawn, Draws, RandomTransform, Range, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::yes;
use revoxel_transforms::peers::{DTYPE, Peer};
use revoxel_transforms::transform::{ApplyError, Transform, ValueTransform};

/// Scales intensities at random about their mean.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Does what `scale_intensity_fixed_mean`
/// does, with a factor drawn from `factors`. With `channel_wise` each channel is treated separately, with its own
/// factor.
///
/// # YAML
/// ```yaml
/// rand_scale_intensity_fixed_mean: { prob: 0.3, factors: 0.3, preserve_range: true }
/// ```
///
/// # Inverse
/// The inverse linear map with the same factor and mean; on request values that `preserve_range` clipped come back as
/// the limit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandScaleIntensityFixedMean {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Distances from the mean are multiplied by 1 + a number from this range: r for −r to r, or lowest and highest.
    factors: Range,
    /// Keep the mean; if false, multiply the values themselves.
    #[serde(default = "yes")]
    fixed_mean: bool,
    /// Clip the result to the previous range of values.
    #[serde(default)]
    preserve_range: bool,
    /// Treat each channel separately, with its own factor.
    #[serde(default)]
    channel_wise: bool,
}

impl Define for RandScaleIntensityFixedMean {
    const NAME: &'static str = "rand_scale_intensity_fixed_mean";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("RandScaleIntensityFixedMeand")
        .same(&["prob", "factors", "fixed_mean", "preserve_range", "channel_wise"])
        .ignored(&[DTYPE])];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.factors.span().check("factors", -1e6, 1e6)?;
        if self.factors.bounds() == (-1.0, -1.0) {
            return Err(Invalid::new("factors", "-1 makes all values the same"));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandScaleIntensityFixedMean {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let factor = ByChannel::draw(self.factors.span(), self.channel_wise, draws);
        let Self { fixed_mean, preserve_range, .. } = *self;
        Drawn::value(Scaled { factor, fixed_mean, preserve_range }, json!({ "factor": factor.shown() }))
    }
}

/// What was drawn.
#[derive(Debug)]
struct Scaled {
    factor: ByChannel,
    fixed_mean: bool,
    preserve_range: bool,
}

impl ValueTransform for Scaled {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let factors = self.factor.list(volume.channels());
        about_mean(RandScaleIntensityFixedMean::NAME, volume, &factors, self.fixed_mean, self.preserve_range)
    }
}
