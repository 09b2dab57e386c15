//! Serialised shapes of grids, ops and undos. The types of `revoxel-core` stay unserialised: what is written to
//! disk is decided here, and versioned with the trace.

mod sampled;
mod undo;

use std::sync::Arc;

use revoxel_core::warp::{Field, Recipe, Smoothing};
use revoxel_core::{Affine, Grid, GridError, GridOp, SignedPermutation, Slices, Stretch, Warp};
use revoxel_resample::elastic;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use sampled::TiesRecord;
pub use sampled::{RepeatsRecord, SampledRecord, SmoothedRecord};
pub use undo::UndoRecord;

use crate::schema;

/// A grid: shape, and the 4×4 affine from voxel index to RAS+ mm, as rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GridRecord {
    /// Voxels along axis 0, 1, 2.
    #[schemars(inner(range(min = 1, max = 1_048_576)))]
    pub shape: [usize; 3],
    /// Index → RAS+ mm, four rows.
    #[schemars(schema_with = "schema::affine")]
    pub affine: [[f64; 4]; 4],
    /// Whether the volume is 2-D: one slice, and its file has axes 0 and 1 only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub planar: bool,
}

impl From<&Grid> for GridRecord {
    fn from(grid: &Grid) -> Self {
        let [a, b, c] = grid.affine().rows();
        Self { shape: grid.shape(), affine: [a, b, c, [0.0, 0.0, 0.0, 1.0]], planar: grid.is_planar() }
    }
}

impl GridRecord {
    /// The grid, checked.
    ///
    /// # Errors
    /// If it is not a valid grid.
    pub fn grid(&self) -> Result<Grid, GridError> {
        let [a, b, c, last] = self.affine;
        let affine = Affine::from_rows([a, b, c]);
        if last != [0.0, 0.0, 0.0, 1.0] {
            return Err(GridError::Singular(Box::new(revoxel_core::grid::AffineText(affine))));
        }
        let grid = Grid::new(self.shape, affine)?;
        Ok(if self.planar { grid.planar() } else { grid })
    }
}

/// A grid op.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OpRecord {
    /// Axis `a` of the result runs along axis `source[a]`, backwards where `flipped[a]`.
    Reorient {
        /// Axis that each axis of the result runs along.
        #[schemars(inner(range(max = 2)), extend("uniqueItems" = true))]
        source: [usize; 3],
        /// Which axes of the result run backwards.
        flipped: [bool; 3],
    },
    /// The box of indices `start .. start + shape`; the part outside the volume is padding.
    Window {
        /// First index.
        #[schemars(inner(range(min = -1_099_511_627_776_i64, max = 1_099_511_627_776_i64)))]
        start: [i64; 3],
        /// Voxels along each axis.
        #[schemars(inner(range(min = 1, max = 1_048_576)))]
        shape: [usize; 3],
    },
    /// Samples onto a grid.
    Resample {
        /// The grid after.
        grid: GridRecord,
    },
    /// Samples unevenly spaced slices along axis 2 onto a grid, or a grid onto such slices. For each slice: the offset
    /// of the centre of its voxel (i, j) from (i, j, k) of the even grid, in voxels of that grid.
    Reslice {
        /// The slices before; default: even.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(required, length(min = 2))]
        from: Option<Vec<[f64; 3]>>,
        /// The slices after; default: even.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "()")]
        to: Option<Vec<[f64; 3]>>,
        /// The grid after.
        grid: GridRecord,
    },
    /// Moves the points of the world: a voxel at p gets the value at p + d(p), where d is a cubic B-spline. The grid of
    /// the volume does not change.
    Warp {
        /// The grid whose region (outer faces included) is divided into `points` − 3 cells along each axis.
        region: GridRecord,
        /// Control points along each axis; the second and the second-last lie on the faces of the region.
        #[schemars(inner(range(min = 4, max = 64)))]
        points: [usize; 3],
        /// Displacements of the control points, mm along RAS; axis 0 fastest.
        displacements: Vec<[f64; 3]>,
        /// Whether the warp is undone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        back: bool,
    },
    /// Moves the voxels of a grid by reproducible noise: a voxel at index i gets the value at i + d(i). The grid of the
    /// volume does not change.
    Elastic {
        /// The grid whose voxels are moved.
        region: GridRecord,
        /// Key of the noise: the four words of a Philox4x32-10 generator.
        #[schemars(inner(range(max = u32::MAX)))]
        noise: [u32; 4],
        /// Factor of the noise, voxels.
        #[schemars(range(min = -1e6, max = 1e6))]
        magnitude: f64,
        /// How the noise is smoothed.
        smoothing: SmoothingRecord,
        /// Whether the displacements are undone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        back: bool,
    },
    /// Moves the points of the world along the axes of a grid. The grid of the volume does not change.
    Stretch {
        /// The grid along whose axes points move.
        region: GridRecord,
        /// For each axis of the grid: pairs of an index and the index whose value it gets; linear between and beyond.
        #[schemars(inner(length(min = 2, max = 65_536)))]
        nodes: [Vec<[f64; 2]>; 3],
        /// Whether the stretch is undone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        back: bool,
    },
}

/// How noise is smoothed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SmoothingRecord {
    /// By a Gaussian with this standard deviation, voxels.
    Gaussian(#[schemars(range(min = 1e-3, max = 1e6))] f64),
    /// Cubic between control points with this spacing in voxels along axes 0 and 1; the same in all slices.
    Bicubic(#[schemars(inner(range(min = 1.0, max = 1e6)))] [f64; 2]),
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
            GridOp::Warp { warp, back } => {
                let (region, back) = (warp.grid().into(), *back);
                match warp.field() {
                    Field::Spline(spline) => {
                        let (points, displacements) = (spline.points(), spline.displacements().to_vec());
                        Self::Warp { region, points, displacements, back }
                    }
                    Field::Stretch(stretch) => Self::Stretch { region, nodes: stretch.nodes().clone(), back },
                    Field::Dense(dense) => {
                        let Recipe { key, magnitude, smoothing } = *dense.recipe();
                        let smoothing = match smoothing {
                            Smoothing::Gaussian(sigma) => SmoothingRecord::Gaussian(sigma),
                            Smoothing::Bicubic(spacing) => SmoothingRecord::Bicubic(spacing),
                            _ => unreachable!("noise without a record"),
                        };
                        Self::Elastic { region, noise: key, magnitude, smoothing, back }
                    }
                    _ => unreachable!("a warp without a record"),
                }
            }
            // The enum may grow; the record grows with it.
            _ => unreachable!("an op without a record"),
        }
    }
}

impl OpRecord {
    /// The op, checked.
    ///
    /// # Errors
    /// If the axes are not a permutation, or the grid is invalid.
    pub fn op(&self) -> Result<GridOp, String> {
        match self {
            Self::Reorient { source, flipped } => SignedPermutation::new(*source, *flipped)
                .map(GridOp::Reorient)
                .ok_or_else(|| format!("source {source:?} is not 0, 1, 2 in some order")),
            Self::Window { start, shape } => {
                if start.iter().any(|s| s.unsigned_abs() > 1 << 40) {
                    return Err(format!("the start of the window, {start:?}, is out of range"));
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
            Self::Elastic { region, noise, magnitude, smoothing, back } => {
                let region = region.grid().map_err(|e| e.to_string())?;
                let smoothing = match *smoothing {
                    SmoothingRecord::Gaussian(sigma) => Smoothing::Gaussian(sigma),
                    SmoothingRecord::Bicubic(spacing) => Smoothing::Bicubic(spacing),
                };
                let recipe = Recipe { key: *noise, magnitude: *magnitude, smoothing };
                let warp = elastic(region, recipe).map_err(|e| e.to_string())?;
                Ok(GridOp::Warp { warp: Arc::new(warp), back: *back })
            }
            Self::Stretch { region, nodes, back } => {
                let region = region.grid().map_err(|e| e.to_string())?;
                let stretch = Stretch::new(nodes.clone()).map_err(|e| e.to_string())?;
                Ok(GridOp::Warp { warp: Arc::new(Warp::stretched(region, stretch)), back: *back })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_written_and_read() {
        fn t(smoothing: Smoothing, json: &str) {
            let grid = Grid::new([7, 5, 3], Affine::scaling([1.0, 2.0, 0.5])).unwrap();
            let recipe = Recipe { key: [1, 2, 3, u32::MAX], magnitude: 2.5, smoothing };
            let op = GridOp::Warp { warp: Arc::new(elastic(grid, recipe).unwrap()), back: true };
            let text = serde_json::to_string(&OpRecord::from(&op)).unwrap();
            assert!(text.ends_with(json), "{text}");
            assert_eq!(serde_json::from_str::<OpRecord>(&text).unwrap().op(), Ok(op));
        }
        let rest = r#""noise":[1,2,3,4294967295],"magnitude":2.5,"smoothing":"#;
        t(Smoothing::Gaussian(1.5), &format!(r#"{rest}{{"gaussian":1.5}},"back":true}}}}"#));
        t(Smoothing::Bicubic([4.0, 5.5]), &format!(r#"{rest}{{"bicubic":[4.0,5.5]}},"back":true}}}}"#));
    }

    #[test]
    fn noise_that_cannot_be_made_is_refused() {
        fn t(shape: [usize; 3], magnitude: f64, smoothing: SmoothingRecord, problem: &str) {
            let region = GridRecord::from(&Grid::without_geometry(shape).unwrap());
            let record = OpRecord::Elastic { region, noise: [0; 4], magnitude, smoothing, back: false };
            let found = record.op().unwrap_err();
            assert!(found.contains(problem), "{found}");
        }
        t([1 << 12, 1 << 12, 1 << 12], 1.0, SmoothingRecord::Gaussian(1.0), "at most");
        t([5; 3], 1e300, SmoothingRecord::Gaussian(1.0), "magnitude");
        t([5; 3], 1.0, SmoothingRecord::Gaussian(-1.0), "sigma");
        t([5; 3], 1.0, SmoothingRecord::Bicubic([0.0, 4.0]), "spacings");
    }
}
