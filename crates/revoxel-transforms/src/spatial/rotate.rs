//! The transform `rotate`.

use revoxel_core::{Affine, Grid, GridOp};
use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::{Named, Numbers, Padding, PerKey, RealVector, is_false, yes};
use crate::peers::Argument::{Listed, Mode, PaddingMode};
use crate::peers::{ALIGN_CORNERS, DTYPE, LAZY, Peer};
use crate::planning::axes::{ORDER, about_middles, angles, check_order, enclosing, middle, rotation};
use crate::planning::planar::{turn_in_plane, with_slice_axis};
use crate::planning::{finite, resample};
use crate::transform::{Evidence, PlanError, Resampling, SpatialTransform, Transform};

/// Rotates by any angle.
///
/// # What it does
/// Rotates the sampling grid about the centre of the volume and interpolates onto it. The content appears turned the
/// other way. The affine turns with the grid, so every place in the patient keeps its world coordinates.
///
/// `about: volume` (the default) rotates in voxel units about the volume's own axes i, j, k, as MONAI does; if voxels
/// are not cubes, that is a rotation and a shear of the patient. `about: world` rotates in millimetres about the
/// patient's axes: x to the right, y to the anterior, z to the superior end. Angles follow the right-hand rule; one
/// number rotates about all three axes. A 2-D volume rotates in its plane by one number: `about: volume` from axis 0
/// towards axis 1, `about: world` about its normal that points to R, A or S. `keep_size: false` enlarges the shape to
/// hold the whole volume.
///
/// ```text
/// [ . . . . ]        / . . \
/// [ . x . . ]  ──►  / . x . \     voxels of the turned grid, the shape before
/// [ . . . . ]       \ . . . /
/// ```
///
/// # YAML
/// ```yaml
/// rotate: { degrees: [0, 0, 15], about: world, padding: minimum }
/// ```
/// ```yaml
/// rotate: { angle: [0.1, 0, 0.3], keep_size: false }
/// ```
///
/// # Inverse
/// Resamples back onto the previous grid; lossy in values, bit-exact in geometry.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Angles in radians, in the order of `rotate_order`; one number applies to all three. A 2-D volume takes one
    /// number and rotates in its plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    angle: Option<RealVector>,
    /// The same in degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    degrees: Option<RealVector>,
    /// Axes and unit of the rotation: the volume's, in voxels, or the patient's, in mm.
    #[serde(default)]
    about: About,
    /// Keep the shape; if false, enlarge it to hold the whole volume.
    #[serde(default = "yes")]
    keep_size: bool,
    /// Order of the rotations: capitals rotate about the already rotated axes, small letters about fixed axes.
    #[serde(default = "order")]
    rotate_order: String,
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
    /// Whether the angles were drawn: the first of three is then that of a 2-D volume.
    #[serde(skip)]
    drawn: bool,
}

/// The axes of a rotation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The volume's own axes, in voxels.
    #[default]
    Volume,
    /// The patient's axes, in mm.
    World,
}

fn order() -> String {
    ORDER.to_owned()
}

impl Rotate {
    /// The rotation by angles that were drawn, in radians.
    pub fn drawn(
        angle: Vec<f64>,
        about: About,
        keep_size: bool,
        interpolation: Option<PerKey<Named<Interpolation>>>,
        padding: Option<PerKey<Padding>>,
        anti_alias: bool,
    ) -> Self {
        let angle = Some(Numbers(angle));
        let (degrees, rotate_order, drawn) = (None, order(), true);
        Self { angle, degrees, about, keep_size, rotate_order, interpolation, padding, anti_alias, drawn }
    }
}

impl Define for Rotate {
    const NAME: &'static str = "rotate";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::imported("Rotated")
        .same(&["angle", "keep_size"])
        .others(&[Mode, PaddingMode, Listed("rotate_order")])
        .ignored(&[LAZY, DTYPE, ALIGN_CORNERS])
        .notes(
            "It rotates as `about: volume` does, which is the default. Where two voxels are equally close, \
             nearest alternates between them; in MONAI rounding noise decides. Its splines fail on volumes.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        let (field, angles) = match (&self.angle, &self.degrees) {
            (Some(angle), None) => ("angle", angle),
            (None, Some(degrees)) => ("degrees", degrees),
            (Some(_), Some(_)) => return Err(Invalid::new("degrees", "give angle (radians) or degrees, not both")),
            (None, None) => return Err(Invalid::new("", "give angle (radians) or degrees")),
        };
        if angles.0.len() == 2 || angles.0.len() > 3 {
            return Err(Invalid::new(
                field,
                format!("{} angles: give one, or one for each of three axes", angles.0.len()),
            ));
        }
        finite(field, &angles.0)?;
        check_order(&self.rotate_order)
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for Rotate {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let angles = angles(self.angle.as_ref(), self.degrees.as_ref()).unwrap_or_default();
        let in_plane = grid.is_planar() && (angles.len() == 1 || self.drawn);
        let turn = match (in_plane, self.about) {
            (true, About::Volume) => rotation("Z", &angles[..1]),
            (true, About::World) => turn_in_plane(grid, angles[0]),
            (false, _) if angles.len() == 1 => rotation(&self.rotate_order, &[angles[0]; 3]),
            (false, _) => rotation(&self.rotate_order, &angles),
        };
        // As a map from indices after to indices before, but for the middles.
        let index = match self.about {
            About::Volume => turn,
            About::World => {
                let linear = grid.affine().with_translation([0.0; 3]);
                linear.inverse().unwrap_or(Affine::IDENTITY).after(&turn.after(&linear))
            }
        };
        let n = grid.shape();
        let shape = if self.keep_size {
            n
        } else {
            // What holds the volume on the turned grid: its corners, taken from indices before to indices after. For
            // a rotation of cubes the shape is MONAI's, which takes them the other way.
            let map = match self.about {
                About::Volume => index,
                About::World => index.inverse().unwrap_or(Affine::IDENTITY),
            };
            enclosing(n.map(|n| n as f64), &map).map(|n| n.max(1))
        };
        let after = match self.about {
            About::Volume => Grid::new(shape, grid.affine().after(&about_middles(&index, n, shape)))?,
            About::World => {
                let mut linear = turn.after(&grid.affine().with_translation([0.0; 3]));
                if in_plane {
                    linear = with_slice_axis(&linear, grid);
                }
                let (here, there) = (grid.index_to_world(middle(n)), linear.apply_vector(middle(shape)));
                Grid::new(shape, linear.with_translation([0, 1, 2].map(|a| here[a] - there[a])))?
            }
        };
        resample(grid, after)
    }

    fn resampling(&self) -> Resampling<'_> {
        Resampling::asked(self.interpolation.as_ref(), self.padding.as_ref(), Padding::Border).smoothed(self.anti_alias)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::affine::distance;

    fn turned(json: serde_json::Value, grid: &Grid) -> Grid {
        let rotate: Rotate = serde_json::from_value(json).unwrap();
        rotate.check().unwrap();
        let ops = rotate.plan(grid, &Evidence::default()).unwrap();
        ops.iter().fold(*grid, |g, op| op.after(&g).unwrap())
    }

    #[test]
    fn a_rotation_about_the_world_keeps_voxels_rigid() {
        let affine = Affine::from_rows([[0., -1.5, 0.2, 30.], [0.8, 0., 0., -10.], [0., 0.3, 4., 5.]]);
        let grid = Grid::new([11, 9, 7], affine).unwrap();
        let after = turned(serde_json::json!({ "degrees": [10, -20, 30], "about": "world" }), &grid);
        let (a, b) = (grid.spacing(), after.spacing());
        assert!(
            (0..3).all(|i| (a[i] - b[i]).abs() < 1e-12)
                && (grid.affine().shear() - after.affine().shear()).abs() < 1e-12
        );
        let centre = |g: &Grid| g.index_to_world(middle(g.shape()));
        assert!(distance(centre(&grid), centre(&after)) < 1e-12);
        // About z by 90°: what pointed to the right now points to the anterior.
        let quarter = turned(serde_json::json!({ "degrees": [0, 0, 90], "about": "world" }), &grid);
        let (old, new) = (grid.affine().column(1), quarter.affine().column(1));
        assert!(distance(new, [-old[1], old[0], old[2]]) < 1e-12, "{old:?} {new:?}");
    }

    #[test]
    fn the_whole_volume_is_held() {
        let grid = Grid::new([20, 10, 4], Affine::scaling([1.0, 2.0, 5.0])).unwrap();
        for degrees in [[0.0, 0.0, 30.0], [25.0, -40.0, 10.0]] {
            let after = turned(serde_json::json!({ "degrees": degrees, "about": "world", "keep_size": false }), &grid);
            let to_index = after.world_to_index();
            // The shape is rounded, so a corner may stick out by half a voxel in all.
            let inside = |c: [f64; 3]| (0..3).all(|a| c[a] > -0.76 && c[a] < after.shape()[a] as f64 - 0.24);
            assert!(grid.outer_corners().iter().all(|c| inside(to_index.apply(*c))), "{degrees:?}");
        }
    }
}
