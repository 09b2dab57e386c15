//! The transform `rand_shift_intensity`.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::rescale::{Linear, rescale};
use crate::random::{ByChannel, Drawn, Draws, RandomTransform, Range, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::peers::Argument::Fixed;
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{ApplyError, Transform, ValueTransform};

/// Adds a random number to intensities.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Adds a number drawn from `offsets` to
/// every value; the result is float32. With `channel_wise` each channel has its own number.
///
/// # YAML
/// ```yaml
/// rand_shift_intensity: { prob: 0.3, offsets: 50 }
/// ```
/// ```yaml
/// rand_shift_intensity: { prob: 0.3, offsets: [0, 20], channel_wise: true }
/// ```
///
/// # Inverse
/// Subtracts the number in the trace.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandShiftIntensity {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Number to add: r for −r to r, or lowest and highest.
    offsets: Range,
    /// Draw a number for each channel.
    #[serde(default)]
    channel_wise: bool,
}

impl Define for RandShiftIntensity {
    const NAME: &'static str = "rand_shift_intensity";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("RandShiftIntensityd")
        .same(&["prob", "offsets", "channel_wise"])
        .others(&[Fixed("safe", "false")])
        .notes(
            "It keeps the voxel type and truncates fractions; `safe` is about overflows of whole numbers, which \
             float32 does not have. A factor for the offset from the header (`factor_key`) is not supported.",
        )];

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
