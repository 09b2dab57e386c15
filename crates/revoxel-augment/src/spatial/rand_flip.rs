//! The transform `rand_flip`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::random::{Drawn, Draws, RandomTransform, Turn, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::Axes;
use revoxel_transforms::peers::{LAZY, Peer};
use revoxel_transforms::transform::Transform;

/// Reverses axes at random.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Reverses the order of voxels along
/// `spatial_axis`: one axis, several, or by default all. The affine follows, so every voxel keeps its place in the
/// patient.
///
/// # YAML
/// ```yaml
/// rand_flip: { prob: 0.5, spatial_axis: 0 }
/// ```
///
/// # Inverse
/// The same flip; exact. The trace records whether it was done.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandFlip {
    /// Probability of the flip, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// The axes to reverse, 0 to 2. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spatial_axis: Option<Axes>,
}

impl Define for RandFlip {
    const NAME: &'static str = "rand_flip";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::imported("RandFlipd").same(&["prob", "spatial_axis"]).ignored(&[LAZY]),
        Peer::torchio("RandomFlip")
            .notes("It draws for each axis (here write one step for each) and keeps the old affine."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.spatial_axis.as_ref().map_or(Ok(()), |axes| axes.resolve("spatial_axis").map(|_| ()))
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandFlip {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        Drawn::spatial(Turn::Axes(self.spatial_axis.as_ref().map(|a| a.0.0.clone())), json!({}))
    }
}
