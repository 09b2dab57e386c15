//! A flip or a turn by right angles.

use revoxel_core::{Grid, GridOp, SignedPermutation};

use crate::planning::planar::axis;
use crate::transform::PlanError;
use crate::transform::{Evidence, Outline, SpatialTransform};

/// Reverses axes, or turns by right angles.
#[derive(Debug)]
pub enum Turn {
    /// Reverses these axes, 0 to 2 or counted back from the last; all where there is no list.
    Axes(Option<Vec<i64>>),
    /// Reverses one axis: the first of a volume, the second of a 2-D one.
    Axis(usize, usize),
    /// `k` right angles from the first axis towards the second.
    Quarters([i64; 2], u32),
}

impl SpatialTransform for Turn {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let turn = match self {
            Self::Axes(axes) => flips(axes.as_deref(), grid)?,
            Self::Axis(_, axis) if grid.is_planar() => one_flip(*axis),
            Self::Axis(axis, _) => one_flip(*axis),
            Self::Quarters(axes, k) => {
                let [a, b] = axes.map(|n| axis("spatial_axes", n, grid));
                quarters(a?, b?, *k)
            }
        };
        Ok(if turn.is_identity() { Vec::new() } else { vec![GridOp::Reorient(turn)] })
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        before.through(self.plan(before.like(), &Evidence::default()))
    }
}

/// Reverses axes of a grid: all of them where there is no list.
pub fn flips(axes: Option<&[i64]>, grid: &Grid) -> Result<SignedPermutation, PlanError> {
    let mut flipped = [0, 1, 2].map(|a| axes.is_none() && a < grid.axes());
    for number in axes.unwrap_or_default() {
        flipped[axis("spatial_axis", *number, grid)?] = true;
    }
    Ok(SignedPermutation::flips(flipped))
}

fn one_flip(axis: usize) -> SignedPermutation {
    SignedPermutation::flips([0, 1, 2].map(|a| a == axis))
}

/// `k` right angles from axis `a` towards axis `b`.
fn quarters(a: usize, b: usize, k: u32) -> SignedPermutation {
    if a == b {
        return SignedPermutation::IDENTITY;
    }
    let (mut source, mut flipped) = ([0, 1, 2], [false; 3]);
    (source[a], source[b]) = (b, a);
    flipped[a] = true;
    let quarter = SignedPermutation::new(source, flipped).unwrap_or(SignedPermutation::IDENTITY);
    (0..k % 4).fold(SignedPermutation::IDENTITY, |turn, _| turn.then(&quarter))
}
