//! The transform `rand_gaussian_smooth`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::gaussian_smooth::{Edge, GaussianSmooth};
use crate::random::{Drawn, Draws, RandomTransform, Span, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::Numbers;
use revoxel_transforms::peers::Argument::Fixed;
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::Transform;

/// Smooths at random with a Gaussian.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Does what `gaussian_smooth` does, with
/// standard deviations (voxels) drawn from `sigma_x`, `sigma_y` and `sigma_z`. `edge` sets the values beyond the
/// volume.
///
/// # YAML
/// ```yaml
/// rand_gaussian_smooth: { prob: 0.2, sigma_x: [0.5, 1], sigma_y: [0.5, 1], sigma_z: [0.25, 0.5] }
/// ```
///
/// # Inverse
/// The values are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandGaussianSmooth {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Smallest and largest standard deviation along the first axis, in voxels.
    #[serde(default = "usual")]
    sigma_x: Span,
    /// The same along the second axis.
    #[serde(default = "usual")]
    sigma_y: Span,
    /// The same along the third axis.
    #[serde(default = "usual")]
    sigma_z: Span,
    /// Values beyond the volume.
    #[serde(default)]
    edge: Edge,
}

const fn usual() -> Span {
    Span([0.25, 1.5])
}

impl Define for RandGaussianSmooth {
    const NAME: &'static str = "rand_gaussian_smooth";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[
        Peer::imported("RandGaussianSmoothd")
            .same(&["prob", "sigma_x", "sigma_y", "sigma_z"])
            .others(&[Fixed("approx", "\"erf\"")])
            .always(&[("edge", "\"zero\"")])
            .notes("`edge: zero` pulls values near the faces towards 0, and is not the default here."),
        Peer::torchio("RandomBlur").notes("It draws millimetres."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.sigma_x.check("sigma_x", 0.0, 1000.0)?;
        self.sigma_y.check("sigma_y", 0.0, 1000.0)?;
        self.sigma_z.check("sigma_z", 0.0, 1000.0)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandGaussianSmooth {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let sigma = [self.sigma_x, self.sigma_y, self.sigma_z].map(|span| span.draw(draws));
        let smooth = GaussianSmooth { sigma: Some(Numbers(sigma.to_vec())), sigma_mm: None, edge: self.edge };
        Drawn::value(smooth, json!({ "sigma": sigma }))
    }
}
