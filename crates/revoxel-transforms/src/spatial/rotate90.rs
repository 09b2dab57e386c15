//! The transform `rotate90`.

use revoxel_core::{Grid, GridOp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::axis;
use crate::peers::{LAZY, Peer, Program};
use crate::planning::turn::Turn;
use crate::transform::{Evidence, Outline, PlanError, SpatialTransform, Transform};

/// Rotates by right angles.
///
/// # What it does
/// Rotates the volume `k` times by 90° in the plane of `spatial_axes`, from the first axis towards the second. The
/// affine follows, so every voxel keeps its place in the patient.
///
/// ```text
/// [ a b ]   k 1    [ b d ]
/// [ c d ]   ──►    [ a c ]
/// ```
///
/// # YAML
/// ```yaml
/// rotate90: { k: 1, spatial_axes: [0, 1] }
/// ```
///
/// # Inverse
/// The opposite rotation; exact.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate90 {
    /// Number of right angles; negative rotates the other way.
    #[serde(default = "one")]
    k: i64,
    /// The plane: from the first axis towards the second.
    #[serde(default = "first_two")]
    spatial_axes: [i64; 2],
}

const fn one() -> i64 {
    1
}

const fn first_two() -> [i64; 2] {
    [0, 1]
}

impl Define for Rotate90 {
    const NAME: &'static str = "rotate90";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::imported("Rotate90d").same(&["k", "spatial_axes"]).ignored(&[LAZY]),
        Peer::new(Program::NumPy, "rot90"),
        Peer::new(Program::PyTorch, "rot90"),
    ];

    fn check(&self) -> Result<(), Invalid> {
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
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for Rotate90 {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        Turn::Quarters(self.spatial_axes, self.k.rem_euclid(4) as u32).plan(grid, evidence)
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        before.through(self.plan(before.like(), &Evidence::default()))
    }
}
