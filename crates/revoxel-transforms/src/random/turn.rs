//! A flip or a turn by right angles that was drawn.

use revoxel_core::{Grid, GridOp, SignedPermutation};

use crate::transform::{Evidence, PlanError, SpatialTransform};

/// Reorders axes.
#[derive(Debug)]
pub(crate) struct Turn(pub(crate) SignedPermutation);

impl SpatialTransform for Turn {
    fn plan(&self, _: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        Ok(if self.0.is_identity() { Vec::new() } else { vec![GridOp::Reorient(self.0)] })
    }
}

/// `k` right angles from axis `a` towards axis `b`.
pub(crate) fn quarters(a: usize, b: usize, k: u32) -> SignedPermutation {
    let (mut source, mut flipped) = ([0, 1, 2], [false; 3]);
    (source[a], source[b]) = (b, a);
    flipped[a] = true;
    let quarter = SignedPermutation::new(source, flipped).unwrap_or(SignedPermutation::IDENTITY);
    (0..k % 4).fold(SignedPermutation::IDENTITY, |turn, _| turn.then(&quarter))
}
