//! The transform `rand_3d_elastic`.

use revoxel_core::warp::{Recipe, Smoothing};
use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::random::{Bent, Drawn, Draws, Moves, RandomTransform, Ranges, Span, probability, sampled, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{Named, Padding, PerKey};
use revoxel_transforms::peers::{Peer, SAMPLING};
use revoxel_transforms::transform::{Resampling, Transform};

/// Bends the volume at random by smooth noise, and moves it.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Draws a displacement between −1 and 1 for
/// each voxel and along each axis. Smooths the displacements with a Gaussian with a standard deviation from
/// `sigma_range` (voxels); it ends after three of them, and beyond the volume there is no noise. Multiplies them by a
/// number from `magnitude_range` (voxels), and samples each voxel where its displacement leads. The same interpolation
/// also rotates, shears, translates and scales the volume about its centre, as in `rand_affine`.
///
/// ```text
///  |  |  |  |          | |   |  |
///  |  |  |  |   ──►    |  |   | |
///  |  |  |  |          |   | |  |
/// ```
///
/// The bending must have an inverse, so displacements of two points may differ by at most 0.9 of the points' distance.
/// If they differ more, one factor reduces all of them. In volumes of 128 voxels along each axis this happens from
/// magnitudes of about 40 on with a sigma of 3, 140 with 5 and 350 with 7, not far from where the volume would fold.
///
/// The displacements belong to the voxels of the step's first input; inputs on other grids are bent at the same places
/// of the world. They take 12 bytes for each voxel while the case is processed, so crop first.
///
/// # YAML
/// ```yaml
/// rand_3d_elastic: { prob: 0.3, sigma_range: [5, 7], magnitude_range: [50, 150], rotate_range: [0.1, 0.1, 0.1] }
/// ```
///
/// # Inverse
/// Inverts the bending, to within 1e-7 voxels for each voxel, and resamples: lossy in values. The trace records what
/// the noise is made of, and the inverse makes it again: the same on every machine except for rounding.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rand3dElastic {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Standard deviation in voxels of the Gaussian that smooths the noise: lowest and highest.
    sigma_range: Span,
    /// Factor of the smoothed noise in voxels: lowest and highest.
    magnitude_range: Span,
    /// Rotation in radians about axis 0, 1, 2: a list of numbers or pairs.
    #[serde(default)]
    rotate_range: Ranges,
    /// Shear factors, up to six: a list of numbers or pairs.
    #[serde(default)]
    shear_range: Ranges,
    /// Translation in voxels along axis 0, 1, 2: a list of numbers or pairs.
    #[serde(default)]
    translate_range: Ranges,
    /// Number added to a scale of 1 along axis 0, 1, 2: a list of numbers or pairs above −1.
    #[serde(default)]
    scale_range: Ranges,
    /// nearest, linear, cubic, label or label_nearest, for all inputs or by key. Default: nearest for label maps,
    /// linear for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interpolation: Option<PerKey<Named<Interpolation>>>,
    /// Out-of-bounds value: border, reflection (the default), zeros, minimum or a number, for all inputs or by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    padding: Option<PerKey<Padding>>,
}

impl Define for Rand3dElastic {
    const NAME: &'static str = "rand_3d_elastic";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::imported("Rand3DElasticd")
        .same(&[
            "prob",
            "sigma_range",
            "magnitude_range",
            "rotate_range",
            "shear_range",
            "translate_range",
            "scale_range",
        ])
        .others(SAMPLING)
        .notes(
            "Its noise may fold the volume (here it is reduced before), and it has no inverse. Its default \
             `padding_mode` is reflection, as here. Its `spatial_size` is not supported.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.sigma_range.check("sigma_range", 0.1, 1e4)?;
        self.magnitude_range.check("magnitude_range", -1e5, 1e5)?;
        self.rotate_range.check("rotate_range", 3, -1e3, 1e3)?;
        self.shear_range.check("shear_range", 6, -1e3, 1e3)?;
        self.translate_range.check("translate_range", 3, -1e6, 1e6)?;
        self.scale_range.check("scale_range", 3, -1.0, 1e3)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for Rand3dElastic {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let (sigma, magnitude) = (self.sigma_range.draw(draws), self.magnitude_range.draw(draws));
        let smoothing = Smoothing::Gaussian(sigma);
        let ranges = [&self.rotate_range, &self.shear_range, &self.translate_range, &self.scale_range];
        let moves = Moves::draw(ranges, draws);
        let recipe = Recipe { key: draws.noise().words(), magnitude, smoothing };
        let (interpolation, padding) = (self.interpolation.clone(), self.padding.clone());
        let values = moves.values(json!({ "sigma": sigma, "magnitude": magnitude }));
        Drawn::spatial(Bent::new(recipe, moves.map(), false, interpolation, padding), values)
    }

    fn resampling(&self) -> Resampling<'_> {
        sampled(self.interpolation.as_ref(), self.padding.as_ref())
    }
}
