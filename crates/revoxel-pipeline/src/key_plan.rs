//! What a step does to one volume.

use revoxel_core::{Fidelity, Grid, GridOp};
use revoxel_transforms::Outline;

/// What a step does to one volume.
#[derive(Clone, Debug)]
pub struct KeyPlan {
    /// Grid before; `None` where it depends on voxels, or on chance and no case was named.
    pub before: Option<Grid>,
    /// Grid after; `None` where it depends on voxels, or on chance and no case was named.
    pub after: Option<Grid>,
    /// What is known of the grid after where that is not all.
    pub outline: Option<Outline>,
    /// The ops.
    pub ops: Vec<GridOp>,
    /// How much of the voxels survives; `None` where it depends on voxels.
    pub fidelity: Option<Fidelity>,
    /// Whether the step changes values.
    pub changes_values: bool,
    /// Whether it is executed in one pass with the step before it.
    pub fused: bool,
    /// The interpolation, where one is needed.
    pub interpolation: Option<&'static str>,
    /// Whether the grid after is not known because a step draws by the name of the case, and none was given.
    pub by_case: bool,
}

impl KeyPlan {
    /// No voxel moves.
    pub(crate) const fn in_place(grid: Option<Grid>, changes_values: bool) -> Self {
        Self {
            before: grid,
            after: grid,
            outline: None,
            ops: Vec::new(),
            fidelity: Some(Fidelity::Exact),
            changes_values,
            fused: false,
            interpolation: None,
            by_case: false,
        }
    }

    /// The grid after is not known, but for this.
    pub(crate) fn unknown(before: Option<Grid>, outline: Option<Outline>) -> Self {
        Self { after: None, outline, fidelity: None, ..Self::in_place(before, false) }
    }
}
