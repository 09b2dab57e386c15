//! Adds a number to intensities, sometimes.
//!
//! # What it does
//! With the probability `prob`, adds a number drawn from `offsets` to every value, as float32, for all inputs of the
//! step alike; with `channel_wise` each channel has a number of its own.
//!
//! # YAML
//! ```yaml
//! rand_shift_intensity: { prob: 0.3, offsets: 50 }
//! ```
//! ```yaml
//! rand_shift_intensity: { prob: 0.3, offsets: [0, 20], channel_wise: true }
//! ```
//!
//! # Inverse
//! The number, which the trace has, is subtracted.
//!
//! # Same as
//! MONAI `RandShiftIntensityd(offsets, prob, channel_wise)`, which keeps the voxel type and cuts fractions off; `safe`
//! is about overflows of whole numbers, which float32 does not have. A factor for the offset out of the header
//! (`factor_key`) has no counterpart.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::rescale::{Linear, rescale};
use crate::random::{ByChannel, Drawn, Draws, RandomTransform, Range, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::transform::{ApplyError, Transform, ValueTransform};

/// Parameters of `rand_shift_intensity`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandShiftIntensity {
    /// How likely the change is, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// What is added: r for −r to r, or lowest and highest.
    offsets: Range,
    /// A number for each channel.
    #[serde(default)]
    channel_wise: bool,
}

impl Define for RandShiftIntensity {
    const NAME: &'static str = "rand_shift_intensity";
    const SOURCE: &'static str = include_str!("rand_shift_intensity.rs");
    const CLASS: Class = Class::Intensity;

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.offsets.span().check("offsets", -1e30, 1e30)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandShiftIntensity {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let offset = ByChannel::draw(self.offsets.span(), self.channel_wise, draws);
        Drawn::value(Shifted(offset), json!({ "offset": offset.shown() }))
    }
}

/// What was drawn.
#[derive(Debug)]
struct Shifted(ByChannel);

impl ValueTransform for Shifted {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let offsets = self.0.list(volume.channels());
        let maps: Vec<Linear> = offsets.into_iter().map(|offset| Linear::new(1.0, offset)).collect();
        rescale(RandShiftIntensity::NAME, volume, &maps)
    }
}
