//! The transform `rand_2d_elastic`.

use revoxel_core::warp::{Recipe, Smoothing};
use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::random::{Bent, Drawn, Draws, Moves, RandomTransform, Ranges, Span, probability, sampled, tenth, within};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{Named, Padding, PerKey, RealVector};
use revoxel_transforms::peers::{Peer, SAMPLING};
use revoxel_transforms::transform::{Resampling, Transform};

/// Bends slices at random between control points, and moves them in their plane.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Draws a displacement along axes 0 and 1
/// for control points every `spacing` voxels along these axes (normally distributed, with a standard deviation in
/// voxels from `magnitude_range`). Each voxel is sampled where the cubic between the control points leads, in all
/// slices alike and never along axis 2. The same interpolation also rotates, shears, translates and scales the slices
/// in their plane about their centre.
///
/// The bending must have an inverse, so displacements of two points may differ by at most 0.9 of the points' distance.
/// If they differ more, one factor reduces all of them.
///
/// The displacements belong to the voxels of the step's first input; inputs on other grids are bent at the same places
/// of the world.
///
/// # YAML
/// ```yaml
/// rand_2d_elastic: { prob: 0.3, spacing: [20, 30], magnitude_range: [0.5, 1.5], rotate_range: [0.2] }
/// ```
///
/// # Inverse
/// Inverts the bending, to within 1e-7 voxels for each voxel, and resamples: lossy in values. The trace records what
/// the noise is made of, and the inverse makes it again: the same on every machine except for rounding.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rand2dElastic {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Distance of control points in voxels along axes 0 and 1: one number or two, 1 or more.
    spacing: RealVector,
    /// Standard deviation of the control points' displacements in voxels: lowest and highest.
    magnitude_range: Span,
    /// Rotation in radians in the plane of axes 0 and 1: a list of one number or pair.
    #[serde(default)]
    rotate_range: Ranges,
    /// Shear factors of axis 0 by 1 and of axis 1 by 0: a list of up to two numbers or pairs.
    #[serde(default)]
    shear_range: Ranges,
    /// Translation in voxels along axes 0 and 1: a list of numbers or pairs.
    #[serde(default)]
    translate_range: Ranges,
    /// Number added to a scale of 1 along axes 0 and 1: a list of numbers or pairs above −1.
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

impl Define for Rand2dElastic {
    const NAME: &'static str = "rand_2d_elastic";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::imported("Rand2DElasticd")
        .same(&["prob", "spacing", "magnitude_range", "rotate_range", "shear_range", "translate_range", "scale_range"])
        .others(SAMPLING)
        .notes(
            "It takes images of one slice only. It interpolates the places of the control points together with \
             their displacements, with a cubic that does not keep straight lines: at a magnitude of 0 its voxels \
             still move by up to a twentieth of the spacing (and by half a voxel if `spacing` times the control \
             points is even and the image odd). Here they move by the displacements alone. Its noise may fold \
             the image (here it is reduced), and it has no inverse. Its `spatial_size` is not supported.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        if self.spacing.0.len() > 2 {
            return Err(Invalid::new(
                "spacing",
                format!("{} numbers for two axes: give one or two", self.spacing.0.len()),
            ));
        }
        self.spacing.0.iter().try_for_each(|s| within("spacing", *s, 1.0, 1e5))?;
        self.magnitude_range.check("magnitude_range", -1e4, 1e4)?;
        self.rotate_range.check("rotate_range", 1, -1e3, 1e3)?;
        self.shear_range.check("shear_range", 2, -1e3, 1e3)?;
        self.translate_range.check("translate_range", 2, -1e6, 1e6)?;
        self.scale_range.check("scale_range", 2, -1.0, 1e3)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for Rand2dElastic {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let magnitude = self.magnitude_range.draw(draws);
        let [x, y, _] = self.spacing.repeated();
        let smoothing = Smoothing::Bicubic([x, y]);
        let ranges = [&self.rotate_range, &self.shear_range, &self.translate_range, &self.scale_range];
        let moves = Moves::draw(ranges, draws);
        let recipe = Recipe { key: draws.noise().words(), magnitude, smoothing };
        let (interpolation, padding) = (self.interpolation.clone(), self.padding.clone());
        let values = moves.values(json!({ "magnitude": magnitude }));
        Drawn::spatial(Bent::new(recipe, moves.map_in_plane(), true, interpolation, padding), values)
    }

    fn resampling(&self) -> Resampling<'_> {
        sampled(self.interpolation.as_ref(), self.padding.as_ref())
    }
}
