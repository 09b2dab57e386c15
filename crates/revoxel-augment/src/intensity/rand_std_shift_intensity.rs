//! The transform `rand_std_shift_intensity`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::std_shift_intensity::StdShiftIntensity;
use crate::random::{Drawn, Draws, RandomTransform, Range, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::peers::{DTYPE, Peer};
use revoxel_transforms::transform::Transform;

/// Adds a random multiple of the standard deviation to intensities.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step and all channels get the same draw. Does what
/// `std_shift_intensity` does, with a factor drawn from `factors`. The deviation is that of each volume, or with
/// `channel_wise` of each channel.
///
/// # YAML
/// ```yaml
/// rand_std_shift_intensity: { prob: 0.3, factors: 0.5 }
/// ```
///
/// # Inverse
/// Subtracts the number that was added; with `nonzero` values are lost, since zeros cannot be told from values that
/// became 0.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandStdShiftIntensity {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Number of standard deviations to add: r for −r to r, or lowest and highest.
    factors: Range,
    /// Only nonzero values count and change.
    #[serde(default)]
    nonzero: bool,
    /// Use the deviation of each channel.
    #[serde(default)]
    channel_wise: bool,
}

impl Define for RandStdShiftIntensity {
    const NAME: &'static str = "rand_std_shift_intensity";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("RandStdShiftIntensityd")
        .same(&["prob", "factors", "nonzero", "channel_wise"])
        .ignored(&[DTYPE])];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.factors.span().check("factors", -1e6, 1e6)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandStdShiftIntensity {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let factor = self.factors.span().draw(draws);
        let shift = StdShiftIntensity { factor, nonzero: self.nonzero, channel_wise: self.channel_wise };
        Drawn::value(shift, json!({ "factor": factor }))
    }
}
