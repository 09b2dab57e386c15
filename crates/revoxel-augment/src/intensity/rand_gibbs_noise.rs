//! The transform `rand_gibbs_noise`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::gibbs_noise::GibbsNoise;
use crate::random::{Drawn, Draws, OneOrTwo, RandomTransform, Span, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::Transform;

/// Adds at random the ringing of an MR scan whose k-space was cut off.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Does what `gibbs_noise` does, with an
/// `alpha` drawn from a range.
///
/// # YAML
/// ```yaml
/// rand_gibbs_noise: { prob: 0.2, alpha: [0.2, 0.6] }
/// ```
///
/// # Inverse
/// The frequencies that were removed are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandGibbsNoise {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// How much is removed, from 0 (least) to 1 (all): lowest and highest, or the highest alone, with 0 as the lowest.
    #[serde(default = "any")]
    alpha: OneOrTwo<f64>,
}

const fn any() -> OneOrTwo<f64> {
    OneOrTwo::Two([0.0, 1.0])
}

impl Define for RandGibbsNoise {
    const NAME: &'static str = "rand_gibbs_noise";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("RandGibbsNoised").same(&["prob", "alpha"])];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        Span(self.alpha.ends(0.0)).check("alpha", 0.0, 1.0)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandGibbsNoise {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let alpha = Span(self.alpha.ends(0.0)).draw(draws);
        Drawn::value(GibbsNoise { alpha }, json!({ "alpha": alpha }))
    }
}
