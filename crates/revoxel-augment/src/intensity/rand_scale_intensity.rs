//! The transform `rand_scale_intensity`.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::rescale::{Linear, rescale};
use crate::random::{ByChannel, Drawn, Draws, RandomTransform, Range, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::peers::{DTYPE, Peer};
use revoxel_transforms::transform::{ApplyError, Transform, ValueTransform};

/// Multiplies intensities by a random factor.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Multiplies every value by `1 + f`, with
/// an `f` drawn from `factors`; the result is float32. With `channel_wise` each channel has its own `f`.
///
/// # YAML
/// ```yaml
/// rand_scale_intensity: { prob: 0.3, factors: 0.1 }
/// ```
/// ```yaml
/// rand_scale_intensity: { prob: 0.3, factors: [-0.1, 0.3], channel_wise: true }
/// ```
///
/// # Inverse
/// Divides by the factor in the trace.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandScaleIntensity {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Values are multiplied by 1 + a number from this range: r for −r to r, or lowest and highest.
    factors: Range,
    /// Draw a factor for each channel.
    #[serde(default)]
    channel_wise: bool,
}

impl Define for RandScaleIntensity {
    const NAME: &'static str = "rand_scale_intensity";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] =
        &[Peer::imported("RandScaleIntensityd").same(&["prob", "factors", "channel_wise"]).ignored(&[DTYPE])];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.factors.span().check("factors", -1e6, 1e6)?;
        if self.factors.bounds() == (-1.0, -1.0) {
            return Err(Invalid::new("factors", "-1 makes every value 0"));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandScaleIntensity {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let factor = ByChannel::draw(self.factors.span(), self.channel_wise, draws);
        Drawn::value(Scaled(factor), json!({ "factor": factor.shown() }))
    }
}

/// What was drawn.
#[derive(Debug)]
struct Scaled(ByChannel);

impl ValueTransform for Scaled {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let factors = self.0.list(volume.channels());
        let maps: Vec<Linear> = factors.into_iter().map(|factor| Linear::new(1.0 + factor, 0.0)).collect();
        rescale(RandScaleIntensity::NAME, volume, &maps)
    }
}
