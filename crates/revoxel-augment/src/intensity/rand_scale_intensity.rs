//! Multiplies intensities by a factor, sometimes.
//!
//! # What it does
//! With the probability `prob`, multiplies every value by `1 + f`, as float32, with an `f` drawn from `factors`, for
//! all inputs of the step alike; with `channel_wise` each channel has an `f` of its own.
//!
//! # YAML
//! ```yaml
//! rand_scale_intensity: { prob: 0.3, factors: 0.1 }
//! ```
//! ```yaml
//! rand_scale_intensity: { prob: 0.3, factors: [-0.1, 0.3], channel_wise: true }
//! ```
//!
//! # Inverse
//! Divided by the factor, which the trace has.
//!
//! # Same as
//! MONAI `RandScaleIntensityd(factors, prob, channel_wise)`.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::rescale::{Linear, rescale};
use crate::random::{ByChannel, Drawn, Draws, RandomTransform, Range, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::transform::{ApplyError, Transform, ValueTransform};

/// Parameters of `rand_scale_intensity`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandScaleIntensity {
    /// How likely the change is, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Values are multiplied by 1 + a number of this range: r for −r to r, or lowest and highest.
    factors: Range,
    /// A factor for each channel.
    #[serde(default)]
    channel_wise: bool,
}

impl Define for RandScaleIntensity {
    const NAME: &'static str = "rand_scale_intensity";
    const SOURCE: &'static str = include_str!("rand_scale_intensity.rs");
    const CLASS: Class = Class::Intensity;

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
