//! The transform `rand_gaussian_sharpen`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::gaussian_sharpen::GaussianSharpen;
use super::gaussian_smooth::Edge;
use crate::random::{Drawn, Draws, OneOrTwo, RandomTransform, Span, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::Numbers;
use revoxel_transforms::peers::Argument::Fixed;
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::Transform;

/// Sharpens at random with Gaussians.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Does what `gaussian_sharpen` does. The
/// standard deviations (voxels) of the first Gaussian are drawn from `sigma1_x`, `sigma1_y` and `sigma1_z`, those of
/// the second from `sigma2_x`, `sigma2_y` and `sigma2_z`, and the weight from `alpha`. If a `sigma2` is one number, the
/// second deviation lies between it and the first. `edge` sets the values beyond the volume.
///
/// # YAML
/// ```yaml
/// rand_gaussian_sharpen: { prob: 0.2, sigma1_x: [0.5, 1], sigma2_x: 0.5, alpha: [10, 30] }
/// ```
///
/// # Inverse
/// The values are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandGaussianSharpen {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Smallest and largest standard deviation of the first Gaussian along the first axis, in voxels.
    #[serde(default = "first")]
    sigma1_x: Span,
    /// The same along the second axis.
    #[serde(default = "first")]
    sigma1_y: Span,
    /// The same along the third axis.
    #[serde(default = "first")]
    sigma1_z: Span,
    /// Smallest and largest standard deviation of the second Gaussian along the first axis; with one number, the range
    /// is from it to the drawn deviation of the first.
    #[serde(default = "second")]
    sigma2_x: OneOrTwo<f64>,
    /// The same along the second axis.
    #[serde(default = "second")]
    sigma2_y: OneOrTwo<f64>,
    /// The same along the third axis.
    #[serde(default = "second")]
    sigma2_z: OneOrTwo<f64>,
    /// Weight of the detail that the second Gaussian removed: lowest and highest.
    #[serde(default = "weight")]
    alpha: Span,
    /// Values beyond the volume.
    #[serde(default)]
    edge: Edge,
}

const fn first() -> Span {
    Span([0.5, 1.0])
}

const fn second() -> OneOrTwo<f64> {
    OneOrTwo::One(0.5)
}

const fn weight() -> Span {
    Span([10.0, 30.0])
}

impl Define for RandGaussianSharpen {
    const NAME: &'static str = "rand_gaussian_sharpen";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("RandGaussianSharpend")
        .same(&["prob", "sigma1_x", "sigma1_y", "sigma1_z", "sigma2_x", "sigma2_y", "sigma2_z", "alpha"])
        .others(&[Fixed("approx", "\"erf\"")])
        .always(&[("edge", "\"zero\"")])
        .notes("`edge: zero` pulls values near the faces towards 0, and is not the default here.")];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        for (field, sigma) in [("sigma1_x", self.sigma1_x), ("sigma1_y", self.sigma1_y), ("sigma1_z", self.sigma1_z)] {
            sigma.check(field, 0.0, 1000.0)?;
        }
        for (field, sigma) in [("sigma2_x", self.sigma2_x), ("sigma2_y", self.sigma2_y), ("sigma2_z", self.sigma2_z)] {
            Span(sigma.ends(0.0)).check(field, 0.0, 1000.0)?;
        }
        self.alpha.check("alpha", -1e6, 1e6)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandGaussianSharpen {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let sigma1 = [self.sigma1_x, self.sigma1_y, self.sigma1_z].map(|span| span.draw(draws));
        let second = [self.sigma2_x, self.sigma2_y, self.sigma2_z];
        let sigma2 = [0, 1, 2].map(|axis| Span(second[axis].ends(sigma1[axis])).draw(draws));
        let alpha = self.alpha.draw(draws);
        let [first, second] = [sigma1, sigma2].map(|sigma| Numbers(sigma.to_vec()));
        let sharpen = GaussianSharpen { sigma1: first, sigma2: second, alpha, edge: self.edge };
        Drawn::value(sharpen, json!({ "sigma1": sigma1, "sigma2": sigma2, "alpha": alpha }))
    }
}
