//! The transform `rand_rotate90`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::random::{Drawn, Draws, RandomTransform, Turn, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::axis;
use revoxel_transforms::peers::{LAZY, Peer};
use revoxel_transforms::transform::Transform;

/// Rotates by right angles at random.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Rotates the volume 1 to `max_k` times
/// (all equally likely) by 90° in the plane of `spatial_axes`, from the first axis towards the second. The affine
/// follows, so every voxel keeps its place in the patient.
///
/// # YAML
/// ```yaml
/// rand_rotate90: { prob: 0.5, max_k: 3, spatial_axes: [0, 1] }
/// ```
///
/// # Inverse
/// The opposite rotation; exact. The trace records the number of turns.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandRotate90 {
    /// Probability of a rotation, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Largest number of right angles, 1 to 3.
    #[serde(default = "three")]
    max_k: u32,
    /// The plane: from the first axis towards the second.
    #[serde(default = "first_two")]
    spatial_axes: [i64; 2],
}

const fn three() -> u32 {
    3
}

const fn first_two() -> [i64; 2] {
    [0, 1]
}

impl Define for RandRotate90 {
    const NAME: &'static str = "rand_rotate90";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] =
        &[Peer::imported("RandRotate90d").same(&["prob", "max_k", "spatial_axes"]).ignored(&[LAZY])];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        if !(1..=3).contains(&self.max_k) {
            return Err(Invalid::new("max_k", format!("{} must be 1, 2 or 3", self.max_k)));
        }
        let [a, b] = self.spatial_axes;
        if axis(a, "spatial_axes")? == axis(b, "spatial_axes")? {
            return Err(Invalid::new(
                "spatial_axes",
                format!("[{a}, {b}] is one axis twice: give the two axes of a plane"),
            ));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandRotate90 {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let k = draws.below(self.max_k) + 1;
        Drawn::spatial(Turn::Quarters(self.spatial_axes, k), json!({ "k": k }))
    }
}
