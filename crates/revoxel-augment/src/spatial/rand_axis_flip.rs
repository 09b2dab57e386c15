//! The transform `rand_axis_flip`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::random::{Drawn, Draws, RandomTransform, Turn, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::peers::{LAZY, Peer};
use revoxel_transforms::transform::Transform;

/// Reverses one axis at random.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Reverses the order of voxels along an
/// axis that is drawn. The affine follows, so every voxel keeps its place in the patient. For a 2-D volume, one of its
/// two axes is drawn; the trace records it as `axis_in_plane`.
///
/// # YAML
/// ```yaml
/// rand_axis_flip: { prob: 0.5 }
/// ```
///
/// # Inverse
/// The same flip; exact. The trace records whether it was done, and along which axis.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandAxisFlip {
    /// Probability of the flip, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
}

impl Define for RandAxisFlip {
    const NAME: &'static str = "rand_axis_flip";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] =
        &[Peer::imported("RandAxisFlipd").same(&["prob"]).ignored(&[LAZY]).notes("It draws other axes.")];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandAxisFlip {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let (axis, in_plane) = (draws.below(3) as usize, draws.below(2) as usize);
        Drawn::spatial(Turn::Axis(axis, in_plane), json!({ "axis": axis, "axis_in_plane": in_plane }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Change;

    #[test]
    fn each_axis_is_drawn_about_as_often() {
        let step: RandAxisFlip = serde_json::from_value(json!({ "prob": 0.5 })).unwrap();
        let mut counts = [0; 4];
        for case in 0..1200 {
            let mut draws = Draws::new(7, &format!("case {case}"), 0);
            let drawn = step.draw(&mut draws);
            let axis = drawn.values["axis"].as_u64();
            assert_eq!(axis.is_none(), matches!(drawn.change, Change::Nothing));
            counts[axis.unwrap_or(3) as usize] += 1;
        }
        assert!(counts[..3].iter().all(|n| (160..240).contains(n)) && (540..660).contains(&counts[3]), "{counts:?}");
    }
}
