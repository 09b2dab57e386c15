//! Serialised shapes of grids, ops and undos. The types of `revoxel-core` stay unserialised: what is written to
//! disk is decided here, and versioned with the trace.

use std::sync::Arc;

use revoxel_core::{Affine, Grid, GridError, GridOp, SignedPermutation, Slices, ValueUndo, Warp};
use serde::{Deserialize, Serialize};

/// A grid: shape, and the 4×4 affine from voxel index to RAS+ mm, as rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GridRecord {
    /// Voxels along axis 0, 1, 2.
    pub shape: [usize; 3],
    /// Index → RAS+ mm, four rows.
    pub affine: [[f64; 4]; 4],
}

impl From<&Grid> for GridRecord {
    fn from(grid: &Grid) -> Self {
        let [a, b, c] = grid.affine().rows();
        Self { shape: grid.shape(), affine: [a, b, c, [0.0, 0.0, 0.0, 1.0]] }
    }
}

impl GridRecord {
    /// The grid, checked.
    ///
    /// # Errors
    /// Where it is no grid.
    pub fn grid(&self) -> Result<Grid, GridError> {
        let [a, b, c, last] = self.affine;
        let affine = Affine::from_rows([a, b, c]);
        if last != [0.0, 0.0, 0.0, 1.0] {
            return Err(GridError::Singular(Box::new(revoxel_core::grid::AffineText(affine))));
        }
        Grid::new(self.shape, affine)
    }
}

/// A grid op.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OpRecord {
    /// Axis `a` of the result runs along axis `source[a]`, backwards where `flipped[a]`.
    Reorient {
        /// Axis that each axis of the result runs along.
        source: [usize; 3],
        /// Which axes of the result run backwards.
        flipped: [bool; 3],
    },
    /// The box of indices `start .. start + shape`; what sticks out is padding.
    Window {
        /// First index.
        start: [i64; 3],
        /// Voxels along each axis.
        shape: [usize; 3],
    },
    /// Samples onto a grid.
    Resample {
        /// The grid after.
        grid: GridRecord,
    },
    /// Samples slices that lie unevenly along axis 2 onto a grid, or a grid onto such slices. By slice: how far the
    /// centre of its voxel (i, j) lies from (i, j, k) of the even grid, in voxels of that grid.
    Reslice {
        /// The slices before; even where left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Vec<[f64; 3]>>,
        /// The slices after; even where left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Vec<[f64; 3]>>,
        /// The grid after.
        grid: GridRecord,
    },
    /// Moves the points of the world: a voxel at p shows what lies at p + d(p), where d is a cubic B-spline. The
    /// grid of the volume stays.
    Warp {
        /// The grid whose region (outer faces included) is divided into `points` − 3 cells along each axis.
        region: GridRecord,
        /// Control points along each axis; the second and the last but one lie on the faces of the region.
        points: [usize; 3],
        /// Displacements of the control points, mm along RAS; axis 0 fastest.
        displacements: Vec<[f64; 3]>,
        /// Whether the warp is undone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        back: bool,
    },
}

impl From<&GridOp> for OpRecord {
    fn from(op: &GridOp) -> Self {
        match op {
            GridOp::Reorient(p) => {
                Self::Reorient { source: [0, 1, 2].map(|a| p.source(a)), flipped: [0, 1, 2].map(|a| p.flipped(a)) }
            }
            GridOp::Window { start, shape } => Self::Window { start: *start, shape: *shape },
            GridOp::Resample { grid } => Self::Resample { grid: grid.into() },
            GridOp::Reslice { from, to, grid } => {
                let offsets = |slices: &Option<Arc<Slices>>| slices.as_ref().map(|s| s.offsets().to_vec());
                Self::Reslice { from: offsets(from), to: offsets(to), grid: grid.into() }
            }
            GridOp::Warp { warp, back } => Self::Warp {
                region: warp.grid().into(),
                points: warp.points(),
                displacements: warp.displacements().to_vec(),
                back: *back,
            },
            // The enum may grow; the record grows with it.
            _ => unreachable!("an op without a record"),
        }
    }
}

impl OpRecord {
    /// The op, checked.
    ///
    /// # Errors
    /// Where the axes are no permutation, or the grid is no grid.
    pub fn op(&self) -> Result<GridOp, String> {
        match self {
            Self::Reorient { source, flipped } => SignedPermutation::new(*source, *flipped)
                .map(GridOp::Reorient)
                .ok_or_else(|| format!("source {source:?} is not 0, 1, 2 in some order")),
            Self::Window { start, shape } => {
                if start.iter().any(|s| s.unsigned_abs() > 1 << 40) {
                    return Err(format!("a window that starts at {start:?}"));
                }
                Ok(GridOp::Window { start: *start, shape: *shape })
            }
            Self::Resample { grid } => grid.grid().map(|grid| GridOp::Resample { grid }).map_err(|e| e.to_string()),
            Self::Reslice { from, to, grid } => {
                let slices = |offsets: &Option<Vec<[f64; 3]>>| {
                    let slices = offsets.as_ref().map(|o| Slices::new(o.clone()).map(Arc::new)).transpose();
                    slices.map_err(|e| e.to_string())
                };
                let grid = grid.grid().map_err(|e| e.to_string())?;
                Ok(GridOp::Reslice { from: slices(from)?, to: slices(to)?, grid })
            }
            Self::Warp { region, points, displacements, back } => {
                let region = region.grid().map_err(|e| e.to_string())?;
                let warp = Warp::new(region, *points, displacements.clone()).map_err(|e| e.to_string())?;
                Ok(GridOp::Warp { warp: Arc::new(warp), back: *back })
            }
        }
    }
}

/// How values are undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum UndoRecord {
    /// `before = after * scale + shift`, by channel.
    Rescale {
        /// Factors.
        scale: Vec<f64>,
        /// Summands.
        shift: Vec<f64>,
    },
    /// The values are lost.
    Lost {
        /// Why.
        reason: String,
    },
}

impl From<&ValueUndo> for UndoRecord {
    fn from(undo: &ValueUndo) -> Self {
        match undo {
            ValueUndo::Rescale { scale, shift } => Self::Rescale { scale: scale.clone(), shift: shift.clone() },
            ValueUndo::Lost { reason } => Self::Lost { reason: reason.clone() },
            _ => unreachable!("an undo without a record"),
        }
    }
}
