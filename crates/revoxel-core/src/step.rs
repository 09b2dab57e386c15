//! A grid operation together with the grids before and after it: what a trace records.

use crate::{Fidelity, Grid, GridError, GridOp, Relation};

/// An op with the grids on both sides. The inverse of a step is the inverse op with the two grids exchanged, so the
/// restored grid is the recorded one, bit for bit.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    op: GridOp,
    before: Grid,
    after: Grid,
}

/// Why an op and two grids are not a valid step.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The op cannot be applied to the grid before it.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The recorded grid after is not what the op makes of the grid before.
    #[error("the op {op} maps ({before}) to ({expected}), but the trace records ({recorded}): {relation}")]
    Contradiction {
        /// Name of the op.
        op: &'static str,
        /// The grid before.
        before: Box<Grid>,
        /// The grid that the op makes of it.
        expected: Box<Grid>,
        /// The recorded grid after.
        recorded: Box<Grid>,
        /// How the two differ.
        relation: Relation,
    },
}

/// Recorded grids may differ from recomputed ones by rounding only: this many voxels at the farthest corner.
const ROUNDING_VOXELS: f64 = 1e-6;

impl Step {
    /// The step that `op` makes from `before`.
    ///
    /// # Errors
    /// If the op has no result on this grid.
    pub fn new(op: GridOp, before: Grid) -> Result<Self, GridError> {
        let after = op.after(&before)?;
        Ok(Self { op, before, after })
    }

    /// A step read from a record; checks the grids against the op.
    ///
    /// # Errors
    /// If the op does not lead from `before` to `after`.
    pub fn recorded(op: GridOp, before: Grid, after: Grid) -> Result<Self, StepError> {
        let expected = op.after(&before)?;
        let relation = Relation::between(&expected, &after);
        if expected.shape() != after.shape() || relation.worst_corner_voxels > ROUNDING_VOXELS {
            let (before, expected, recorded) = (Box::new(before), Box::new(expected), Box::new(after));
            return Err(StepError::Contradiction { op: op.name(), before, expected, recorded, relation });
        }
        Ok(Self { op, before, after })
    }

    /// The op.
    pub const fn op(&self) -> &GridOp {
        &self.op
    }

    /// The grid before the op.
    pub const fn before(&self) -> &Grid {
        &self.before
    }

    /// The grid after the op.
    pub const fn after(&self) -> &Grid {
        &self.after
    }

    /// The inverse step: from the grid after to exactly the grid before.
    pub fn inverse(&self) -> Self {
        Self { op: self.op.inverse(&self.before), before: self.after, after: self.before }
    }

    /// How much of the voxels survives.
    pub fn fidelity(&self) -> Fidelity {
        self.op.fidelity(&self.before)
    }
}
