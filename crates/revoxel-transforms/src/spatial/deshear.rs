//! The transform `deshear`.

use revoxel_core::{Grid, GridOp};
use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define};
use crate::params::{Named, Padding, PerKey, is_false};
use crate::peers::{Peer, Program};
use crate::planning::axes::{around_corners, orthogonal};
use crate::planning::resample;
use crate::transform::{Evidence, PlanError, Resampling, SpatialTransform, Transform};

/// Makes the axes of a sheared grid orthogonal: undoes gantry tilt.
///
/// # What it does
/// Interpolates onto an orthogonal grid of the same voxel size that encloses the volume. The first axis keeps its
/// direction, and the second stays in the plane of the first two. So the slices of a tilted CT keep their plane and
/// shift against one another. A grid without shear does not change. `spacing: { deshear: true }` does the same without
/// a change of voxel size. MONAI and TorchIO keep the shear, or drop it from the affine without moving a voxel.
///
/// ```text
///    /‾‾‾‾/         |‾‾‾‾‾‾|
///   /    /    ──►   |      |     the corners that are new hold padding
///  /____/           |______|
/// ```
///
/// # YAML
/// ```yaml
/// deshear: { padding: minimum }
/// ```
///
/// # Inverse
/// Resamples back onto the sheared grid; lossy in values, bit-exact in geometry.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deshear {
    /// nearest, linear, cubic, label or label_nearest, for all inputs or by key. Default: nearest for label maps,
    /// linear for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interpolation: Option<PerKey<Named<Interpolation>>>,
    /// Out-of-bounds value: border, reflection, zeros, minimum (the default) or a number, for all inputs or by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    padding: Option<PerKey<Padding>>,
    /// Smooth axes that get larger voxels before sampling (labels are not smoothed).
    #[serde(default, skip_serializing_if = "is_false")]
    anti_alias: bool,
}

impl Define for Deshear {
    const NAME: &'static str = "deshear";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::new(Program::Dcm2niix, "dcm2niix")
        .notes("This is its correction of tilted CT, and that of `gantry2` tools.")];

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for Deshear {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        if grid.affine().shear() <= 1e-9 {
            return Ok(Vec::new());
        }
        resample(grid, around_corners(grid, orthogonal(grid.affine(), grid.spacing()), 1.0)?)
    }

    fn resampling(&self) -> Resampling<'_> {
        Resampling::asked(self.interpolation.as_ref(), self.padding.as_ref(), Padding::Minimum)
            .smoothed(self.anti_alias)
    }
}
