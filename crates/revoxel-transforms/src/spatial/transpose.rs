//! The transform `transpose`.

use revoxel_core::{Grid, GridOp, SignedPermutation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::peers::{Peer, Program};
use crate::transform::{Evidence, Outline, PlanError, SpatialTransform, Transform};

/// Permutes axes.
///
/// # What it does
/// Axis `a` of the result is axis `indices[a]` of the volume. The affine follows, so every voxel keeps its place in the
/// patient.
///
/// ```text
/// [ a b c ]   indices [1, 0, 2]   [ a d ]
/// [ d e f ]          ──►          [ b e ]
///                                 [ c f ]
/// ```
///
/// # YAML
/// ```yaml
/// transpose: { indices: [2, 1, 0] }
/// ```
///
/// # Inverse
/// The inverse permutation; exact.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transpose {
    /// For each axis of the result, the axis of the volume; for a 2-D volume two numbers are enough.
    indices: Vec<usize>,
}

impl Define for Transpose {
    const NAME: &'static str = "transpose";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::new(Program::NumPy, "transpose").notes("It is the same on the three spatial axes."),
        Peer::nnunet("transpose_forward"),
        Peer::monai("Transposed").notes("It moves the voxels but keeps the old affine, which is wrong."),
        Peer::torchio("Transpose").always(&[("indices", "[2, 1, 0]")]),
    ];

    fn check(&self) -> Result<(), Invalid> {
        match order(&self.indices) {
            Some(_) => Ok(()),
            None => Err(Invalid::new("indices", format!("{:?} is not 0, 1, 2 in some order", self.indices))),
        }
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for Transpose {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        if self.indices.len() < grid.axes() {
            let problem = format!("{:?} has no third axis: give 0, 1 and 2 in some order", self.indices);
            return Err(PlanError::ThreeAxes { field: "indices", problem });
        }
        // `check` has seen that it is an order.
        let order = order(&self.indices).unwrap_or(SignedPermutation::IDENTITY);
        Ok(if order.is_identity() { Vec::new() } else { vec![GridOp::Reorient(order)] })
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        before.through(self.plan(before.like(), &Evidence::default()))
    }
}

/// The order of axes of a list of two or three; with two, axis 2 stays.
fn order(indices: &[usize]) -> Option<SignedPermutation> {
    match *indices {
        [a, b] => SignedPermutation::new([a, b, 2], [false; 3]),
        [a, b, c] => SignedPermutation::new([a, b, c], [false; 3]),
        _ => None,
    }
}
