//! The transform `rand_rotate`.

use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::rotate::{About, Rotate};
use crate::random::{Drawn, Draws, RandomTransform, Range, Ranges, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{Named, Padding, PerKey, is_false, yes};
use revoxel_transforms::peers::{ALIGN_CORNERS, DTYPE, LAZY, Peer, SAMPLING};
use revoxel_transforms::transform::{Resampling, Transform};

/// Rotates at random.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Rotates the sampling grid by angles
/// (radians) drawn from `range_x`, `range_y` and `range_z` and interpolates onto it, as `rotate` does with `about:
/// volume` or `about: world`. The affine follows, so every voxel keeps its place in the patient.
///
/// # YAML
/// ```yaml
/// rand_rotate: { prob: 0.5, range_z: 0.3 }
/// ```
/// ```yaml
/// rand_rotate: { prob: 0.5, range_x: [-0.2, 0.2], about: world, padding: minimum }
/// ```
///
/// # Inverse
/// Resamples back onto the previous grid; lossy in values, bit-exact in geometry. The trace records the angles.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandRotate {
    /// Probability of the rotation, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Angle in radians about the first axis: r for −r to r, or lowest and highest.
    #[serde(default = "none")]
    range_x: Range,
    /// Angle in radians about the second axis.
    #[serde(default = "none")]
    range_y: Range,
    /// Angle in radians about the third axis.
    #[serde(default = "none")]
    range_z: Range,
    /// Axes and unit of the rotation: the volume's, in voxels, or the patient's, in mm.
    #[serde(default)]
    about: About,
    /// Keep the shape; if false, enlarge it to hold the whole volume.
    #[serde(default = "yes")]
    keep_size: bool,
    /// nearest, linear, cubic, label or label_nearest, for all inputs or by key. Default: nearest for label maps,
    /// linear for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interpolation: Option<PerKey<Named<Interpolation>>>,
    /// Out-of-bounds value: border (the default), reflection, zeros, minimum or a number, for all inputs or by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    padding: Option<PerKey<Padding>>,
    /// Smooth axes that get larger voxels before sampling (labels are not smoothed).
    #[serde(default, skip_serializing_if = "is_false")]
    anti_alias: bool,
}

const fn none() -> Range {
    Range::Around(0.0)
}

impl Define for RandRotate {
    const NAME: &'static str = "rand_rotate";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::imported("RandRotated")
        .same(&["prob", "range_x", "range_y", "range_z", "keep_size"])
        .others(SAMPLING)
        .ignored(&[LAZY, DTYPE, ALIGN_CORNERS])
        .notes("It rotates as `about: volume` does, which is the default.")];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        // Full turns and more: degrees, most likely.
        let about = |field, range| Ranges(vec![range]).check(field, 1, -7.0, 7.0);
        about("range_x", self.range_x)?;
        about("range_y", self.range_y)?;
        about("range_z", self.range_z)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandRotate {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let angle = Ranges(vec![self.range_x, self.range_y, self.range_z]).draw(draws);
        let values = json!({ "angle": angle });
        let (interpolation, padding) = (self.interpolation.clone(), self.padding.clone());
        Drawn::spatial(
            Rotate::drawn(angle, self.about, self.keep_size, interpolation, padding, self.anti_alias),
            values,
        )
    }

    fn resampling(&self) -> Resampling<'_> {
        Resampling::asked(self.interpolation.as_ref(), self.padding.as_ref(), Padding::Border).smoothed(self.anti_alias)
    }
}
