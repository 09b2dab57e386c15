//! Displacements by a cubic B-spline over control points, and their inverse.
//!
//! ```text
//! control points   o     o     o     o     o     o     o      cells + 3 of them
//! region                 |-- cell --|-- cell --|              the box of a grid, outer faces included
//! ```
//!
//! The displacement of a point depends on the control points of the cell that it lies in and of the cells around it.
//! Beyond the region it keeps its value on the region's face.

use super::WarpError;
use crate::{Affine, Grid};

/// A smooth field of displacements: a voxel at a point p of the world shows what lies at p + d(p).
///
/// It always has an inverse, because it is a contraction (see [`Warp::steepness`](super::Warp::steepness)): each point
/// is shown in exactly one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Spline {
    shape: [usize; 3],
    points: [usize; 3],
    displacements: Vec<[f64; 3]>,
    /// The displacements in cells.
    cells: Vec<[f64; 3]>,
    steepness: f64,
}

/// The largest steepness of a warp.
pub const STEEPEST: f64 = 0.9;
/// The most control points along an axis.
pub const MOST_POINTS: usize = 64;
/// Largest error of the inverse, in voxels of the warp's grid.
const CLOSE: f64 = 1e-7;
/// Most iterations of the inverse: 0.9^200 times any displacement is far below [`CLOSE`].
const MOST_STEPS: usize = 400;

impl Spline {
    pub(super) fn new(grid: &Grid, points: [usize; 3], displacements: Vec<[f64; 3]>) -> Result<Self, WarpError> {
        let steepness = Self::steepness_of(grid, points, &displacements)?;
        if steepness > STEEPEST * (1.0 + 1e-9) {
            return Err(WarpError::TooSteep(steepness));
        }
        let cells = in_cells(grid, points, &displacements);
        Ok(Self { shape: grid.shape(), points, displacements, cells, steepness })
    }

    pub(super) fn steepness_of(grid: &Grid, points: [usize; 3], displacements: &[[f64; 3]]) -> Result<f64, WarpError> {
        if !points.iter().all(|n| (4..=MOST_POINTS).contains(n)) {
            return Err(WarpError::Points(points));
        }
        let count = points[0] * points[1] * points[2];
        if displacements.len() != count {
            return Err(WarpError::Count { points, given: displacements.len() });
        }
        if let Some(bad) = displacements.iter().position(|d| !d.iter().all(|v| v.is_finite())) {
            return Err(WarpError::NotFinite(bad));
        }
        let cells = in_cells(grid, points, displacements);
        let strides = [1, points[0], points[0] * points[1]];
        let mut largest = [[0.0f64; 3]; 3];
        for (at, here) in cells.iter().enumerate() {
            for axis in 0..3 {
                if at / strides[axis] % points[axis] + 1 < points[axis] {
                    let next = cells[at + strides[axis]];
                    for a in 0..3 {
                        largest[a][axis] = largest[a][axis].max((next[a] - here[a]).abs());
                    }
                }
            }
        }
        Ok(largest.iter().map(|row| row.iter().sum()).fold(0.0, f64::max))
    }

    /// Control points along each axis.
    pub const fn points(&self) -> [usize; 3] {
        self.points
    }

    /// The displacements of the control points, mm along RAS; axis 0 fastest.
    pub fn displacements(&self) -> &[[f64; 3]] {
        &self.displacements
    }

    pub(super) fn apply(&self, index: [f64; 3]) -> [f64; 3] {
        self.of_cells(self.shown(self.to_cells(index)))
    }

    /// Solves x = y − d(x) by fixed-point iteration until the bound on the error is small: each step multiplies the
    /// error by the steepness at most.
    pub(super) fn apply_back(&self, index: [f64; 3]) -> [f64; 3] {
        let wanted = self.to_cells(index);
        let scale = [0, 1, 2].map(|a| self.shape[a] as f64 / self.mesh(a));
        let bound = CLOSE * (1.0 - self.steepness) / self.steepness.max(0.1);
        let mut at = wanted;
        for _ in 0..MOST_STEPS {
            let shown = self.shown(at);
            let mut left: f64 = 0.0;
            for a in 0..3 {
                let error = wanted[a] - shown[a];
                at[a] += error;
                left = left.max(error.abs() * scale[a]);
            }
            if left <= bound {
                break;
            }
        }
        self.of_cells(at)
    }

    fn mesh(&self, axis: usize) -> f64 {
        (self.points[axis] - 3) as f64
    }

    /// Cells from the region's first face.
    fn to_cells(&self, index: [f64; 3]) -> [f64; 3] {
        [0, 1, 2].map(|a| (index[a] + 0.5) / self.shape[a] as f64 * self.mesh(a))
    }

    fn of_cells(&self, cells: [f64; 3]) -> [f64; 3] {
        [0, 1, 2].map(|a| cells[a] / self.mesh(a) * self.shape[a] as f64 - 0.5)
    }

    /// The point that is shown at a point; both in cells.
    fn shown(&self, at: [f64; 3]) -> [f64; 3] {
        let mut first = [0; 3];
        let mut weights = [[0.0; 4]; 3];
        for a in 0..3 {
            let mesh = self.mesh(a);
            let inside = at[a].clamp(0.0, mesh);
            let cell = inside.floor().min(mesh - 1.0);
            first[a] = cell as usize;
            weights[a] = basis(inside - cell);
        }
        let [nx, ny, _] = self.points;
        let mut sum = [0.0; 3];
        for (z, wz) in weights[2].into_iter().enumerate() {
            for (y, wy) in weights[1].into_iter().enumerate() {
                let start = first[0] + nx * (first[1] + y + ny * (first[2] + z));
                let line = &self.cells[start..start + 4];
                let w = wy * wz;
                for a in 0..3 {
                    let row = weights[0][0] * line[0][a]
                        + weights[0][1] * line[1][a]
                        + weights[0][2] * line[2][a]
                        + weights[0][3] * line[3][a];
                    sum[a] += w * row;
                }
            }
        }
        [0, 1, 2].map(|a| at[a] + sum[a])
    }
}

/// Converts displacements in mm along RAS to cells along the axes of the grid.
fn in_cells(grid: &Grid, points: [usize; 3], displacements: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let to_index: Affine = grid.world_to_index();
    let factor = [0, 1, 2].map(|a| (points[a] - 3) as f64 / grid.shape()[a] as f64);
    let one = |d: &[f64; 3]| {
        let voxels = to_index.apply_vector(*d);
        [0, 1, 2].map(|a| voxels[a] * factor[a])
    };
    displacements.iter().map(one).collect()
}

/// The four cubic B-splines around a point `t` of a cell.
fn basis(t: f64) -> [f64; 4] {
    let (s, third) = (1.0 - t, 2.0 / 3.0);
    [s * s * s / 6.0, third - t * t * (1.0 - t / 2.0), third - s * s * (1.0 - s / 2.0), t * t * t / 6.0]
}
