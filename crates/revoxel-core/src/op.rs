//! The algebra of grid operations, of which every spatial transform consists.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::ExactMap;
use crate::{Affine, Grid, GridError, SignedPermutation, Slices, Warp};

/// One operation on a grid. All except `Warp` leave every point of the world where it is. Only the voxels move, so the
/// map between the indices before and after follows from the two grids.
///
/// | op | does | inverse, given the grid before it | fidelity |
/// |---|---|---|---|
/// | `Reorient` | permutes and flips axes | the inverse permutation | exact |
/// | `Window` | takes an index box; where it sticks out, it pads | the window back | exact inside the box |
/// | `Resample` | samples onto another grid | sampling back onto the grid before | lossy |
/// | `Reslice` | samples uneven slices onto a grid, or a grid onto uneven slices | the other way round | lossy |
/// | `Warp` | moves the points of the world; the grid stays | the warp undone | lossy |
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum GridOp {
    /// Permutes and flips the axes.
    Reorient(SignedPermutation),
    /// Takes the box of indices `start .. start + shape`; the part beyond the grid is padding. Crop, pad and
    /// crop-or-pad are all this op.
    Window {
        /// First index of the box in the grid before; may be negative.
        start: [i64; 3],
        /// Shape of the box, and of the grid after.
        shape: [usize; 3],
    },
    /// Samples onto another grid.
    Resample {
        /// The grid after.
        grid: Grid,
    },
    /// Samples uneven slices along axis 2: before, after, or both. The grid on the uneven side is the even grid
    /// relative to which the [`Slices`] give positions.
    Reslice {
        /// The positions of the slices before; `None` if they are even.
        from: Option<Arc<Slices>>,
        /// The positions of the slices after; `None` if they are even.
        to: Option<Arc<Slices>>,
        /// The grid after.
        grid: Grid,
    },
    /// Moves the points of the world; the grid does not change.
    Warp {
        /// The warp.
        warp: Arc<Warp>,
        /// Whether its inverse is applied.
        back: bool,
    },
}

/// How much of the voxels an op keeps; ordered from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fidelity {
    /// Every voxel survives and comes back bit for bit.
    Exact,
    /// Voxels inside the window come back bit for bit, those outside it are filled.
    ExactInside,
    /// Values are interpolated; the geometry comes back bit for bit.
    Lossy,
}

impl Fidelity {
    /// All of them, from best to worst.
    pub const ALL: [Self; 3] = [Self::Exact, Self::ExactInside, Self::Lossy];

    /// The name as printed and as written in traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::ExactInside => "exact_inside",
            Self::Lossy => "lossy",
        }
    }
}

impl fmt::Display for Fidelity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is not a fidelity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown fidelity {0:?}: expected exact, exact_inside or lossy")]
pub struct FidelityError(pub String);

impl FromStr for Fidelity {
    type Err = FidelityError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|f| f.name() == name).ok_or_else(|| FidelityError(name.to_owned()))
    }
}

impl GridOp {
    /// The grid that this op makes of `before`.
    ///
    /// A 2-D grid stays 2-D, unless it is sampled onto a grid that is not.
    ///
    /// # Errors
    /// If the result is not a valid grid (an empty window, or more voxels than can be addressed), or if the slice axis
    /// of a 2-D grid would be cropped, padded or turned into the plane.
    pub fn after(&self, before: &Grid) -> Result<Grid, GridError> {
        match *self {
            Self::Resample { grid } | Self::Reslice { grid, .. } => Ok(grid),
            Self::Warp { .. } => Ok(*before),
            Self::Reorient(p) if p.is_identity() => Ok(*before),
            Self::Reorient(p) if before.is_planar() && p.source(2) != 2 => {
                Err(GridError::Planar("its slice axis cannot be turned into its plane"))
            }
            Self::Reorient(p) => {
                let map = ExactMap::reorient(p, before.shape());
                let after = Grid::new(p.permute(before.shape()), before.affine().after(&map.affine()))?;
                Ok(after.planar_like(before))
            }
            Self::Window { start, shape } if before.is_planar() && (start[2], shape[2]) != (0, 1) => {
                Err(GridError::Planar("axis 2, its slice axis, can be neither cropped nor padded"))
            }
            Self::Window { start, shape } => {
                let affine = if start == [0; 3] {
                    *before.affine()
                } else {
                    before.affine().with_translation(before.index_to_world(start.map(|s| s as f64)))
                };
                Ok(Grid::new(shape, affine)?.planar_like(before))
            }
        }
    }

    /// The inverse op, which leads back to the grid `before` this one.
    pub fn inverse(&self, before: &Grid) -> Self {
        match *self {
            Self::Reorient(p) => Self::Reorient(p.inverse()),
            Self::Window { start, .. } => Self::Window { start: start.map(|s| -s), shape: before.shape() },
            Self::Resample { .. } => Self::Resample { grid: *before },
            Self::Reslice { ref from, ref to, .. } => {
                Self::Reslice { from: to.clone(), to: from.clone(), grid: *before }
            }
            Self::Warp { ref warp, back } => Self::Warp { warp: warp.clone(), back: !back },
        }
    }

    /// How much of the voxels of a grid `before` survives this op.
    pub fn fidelity(&self, before: &Grid) -> Fidelity {
        match *self {
            Self::Reorient(_) => Fidelity::Exact,
            Self::Window { start, shape } => {
                let window = crate::IndexBox { start, shape };
                if window.contains(&before.index_box()) { Fidelity::Exact } else { Fidelity::ExactInside }
            }
            Self::Resample { grid } if grid == *before => Fidelity::Exact,
            Self::Resample { .. } | Self::Reslice { .. } | Self::Warp { .. } => Fidelity::Lossy,
        }
    }

    /// The map from indices after this op to indices of the grid `before` it. For uneven slices, between their even
    /// grids; for a warp, without the displacement.
    pub fn index_map(&self, before: &Grid) -> Affine {
        match *self {
            Self::Reorient(p) => ExactMap::reorient(p, before.shape()).affine(),
            Self::Window { start, .. } => ExactMap::shift(start).affine(),
            Self::Resample { grid } | Self::Reslice { grid, .. } => grid.index_map_to(before),
            Self::Warp { .. } => Affine::IDENTITY,
        }
    }

    /// Whether values are interpolated.
    pub fn interpolates(&self) -> bool {
        matches!(self, Self::Resample { .. } | Self::Reslice { .. } | Self::Warp { .. })
    }

    /// The op's name as printed and as written in traces.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Reorient(_) => "reorient",
            Self::Window { .. } => "window",
            Self::Resample { .. } => "resample",
            Self::Reslice { .. } => "reslice",
            Self::Warp { .. } => "warp",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_grid_stays_flat_or_is_refused() {
        let affine = Affine::from_rows([[0.0, -0.9, 0.5, 7.0], [1.1, 0.0, 0.3, -3.0], [0.0, 0.2, 5.0, 11.0]]);
        let grid = Grid::new([24, 20, 1], affine).unwrap().planar();
        let turn = |source, flipped| GridOp::Reorient(SignedPermutation::new(source, flipped).unwrap());
        let quarter = turn([1, 0, 2], [true, false, false]).after(&grid).unwrap();
        assert_eq!((quarter.shape(), quarter.is_planar()), ([20, 24, 1], true));
        assert_eq!(quarter.affine().column(2), affine.column(2));
        for source in [[0, 2, 1], [2, 1, 0], [2, 0, 1], [1, 2, 0]] {
            let op = turn(source, [false; 3]);
            assert!(matches!(op.after(&grid), Err(GridError::Planar(_))), "{source:?}");
            assert!(!op.after(&Grid::new([24, 20, 1], affine).unwrap()).unwrap().is_planar());
        }
        let window = |start, shape| GridOp::Window { start, shape }.after(&grid);
        assert!(window([3, -2, 0], [9, 40, 1]).unwrap().is_planar());
        for (start, shape) in [([0, 0, 0], [24, 20, 2]), ([0, 0, -1], [24, 20, 1]), ([0, 0, -1], [24, 20, 3])] {
            assert!(matches!(window(start, shape), Err(GridError::Planar(_))), "{start:?} {shape:?}");
        }
        let step = crate::Step::new(GridOp::Window { start: [2, 1, 0], shape: [5, 6, 1] }, grid).unwrap();
        assert!(step.inverse().after().is_planar() && *step.inverse().after() == grid);
        let solid = Grid::without_geometry([5, 6, 7]).unwrap();
        assert!(!GridOp::Resample { grid: solid }.after(&grid).unwrap().is_planar());
    }
}
