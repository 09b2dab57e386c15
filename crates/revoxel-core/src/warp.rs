//! Smooth displacements of the points of the world, and the way back.
//!
//! ```text
//! control points   o     o     o     o     o     o     o      cells + 3 of them
//! region                 |-- cell --|-- cell --|              the box of a grid, outer faces included
//! ```
//!
//! The displacement of a point is a cubic B-spline over control points: those of the cell that it lies in and of
//! the cells around it. Beyond the region it stays what it is on the region's face.

use crate::{Affine, Grid};

/// A smooth field of displacements: a voxel at a point p of the world shows what lies at p + d(p).
///
/// Every warp can be undone: it is a contraction (see [`Warp::steepness`]), so that each point is shown in exactly
/// one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Warp {
    grid: Grid,
    points: [usize; 3],
    displacements: Vec<[f64; 3]>,
    /// The displacements in cells.
    cells: Vec<[f64; 3]>,
    steepness: f64,
}

/// Why numbers are no warp.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WarpError {
    /// A cubic spline has four control points around each cell.
    #[error("{0:?} control points: there must be 4 to {MOST_POINTS} along each axis")]
    Points([usize; 3]),
    /// Too few or too many displacements.
    #[error("{given} displacements for {points:?} control points")]
    Count {
        /// Control points along each axis.
        points: [usize; 3],
        /// Displacements given.
        given: usize,
    },
    /// A displacement without a number.
    #[error("the displacement of control point {0} is not a finite number")]
    NotFinite(usize),
    /// Points of the world could be shown twice or not at all.
    #[error(
        "the displacements change too steeply ({0:.3} between neighbouring control points, at most {STEEPEST} can be \
         undone): use smaller displacements or fewer control points"
    )]
    TooSteep(f64),
}

/// The largest steepness of a warp.
pub const STEEPEST: f64 = 0.9;
/// The most control points along an axis.
pub const MOST_POINTS: usize = 64;
/// How far from the true point the way back may end, in voxels of the warp's grid.
const CLOSE: f64 = 1e-7;
/// Steps on the way back: 0.9^200 is far below [`CLOSE`] over any displacement.
const MOST_STEPS: usize = 400;

impl Warp {
    /// A warp over the region of `grid` from the displacements of its control points: mm along RAS, axis 0 fastest.
    /// Along each axis, control points 1 and (count − 2) lie on the first and last face of the region.
    ///
    /// # Errors
    /// Where the counts are out of range or disagree, a number is not finite, or the warp could not be undone.
    pub fn new(grid: Grid, points: [usize; 3], displacements: Vec<[f64; 3]>) -> Result<Self, WarpError> {
        let steepness = Self::steepness(&grid, points, &displacements)?;
        if steepness > STEEPEST * (1.0 + 1e-9) {
            return Err(WarpError::TooSteep(steepness));
        }
        let cells = in_cells(&grid, points, &displacements);
        Ok(Self { grid, points, displacements, cells, steepness })
    }

    /// How much the displacement may change at most from a point to another, as a share of their distance (the
    /// largest coordinate, in cells): for each coordinate the largest differences of neighbouring control points
    /// along the three axes, added. Below 1 no two points are shown in one place.
    ///
    /// # Errors
    /// Where the counts are out of range or disagree, or a number is not finite.
    pub fn steepness(grid: &Grid, points: [usize; 3], displacements: &[[f64; 3]]) -> Result<f64, WarpError> {
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

    /// The grid whose region the control points span.
    pub const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Control points along each axis.
    pub const fn points(&self) -> [usize; 3] {
        self.points
    }

    /// The displacements of the control points, mm along RAS; axis 0 fastest.
    pub fn displacements(&self) -> &[[f64; 3]] {
        &self.displacements
    }

    /// The continuous index (of the warp's grid) that is shown at an index.
    pub fn apply(&self, index: [f64; 3]) -> [f64; 3] {
        self.of_cells(self.shown(self.to_cells(index)))
    }

    /// The continuous index at which an index (of the warp's grid) is shown; within 1e-7 voxels.
    ///
    /// x = y − d(x) is solved by putting in what was found until the bound on what is left is small: a step
    /// shrinks the error by [`steepness`](Self::steepness) at least.
    pub fn apply_back(&self, index: [f64; 3]) -> [f64; 3] {
        let wanted = self.to_cells(index);
        let scale = [0, 1, 2].map(|a| self.grid.shape()[a] as f64 / self.mesh(a));
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
        let shape = self.grid.shape();
        [0, 1, 2].map(|a| (index[a] + 0.5) / shape[a] as f64 * self.mesh(a))
    }

    fn of_cells(&self, cells: [f64; 3]) -> [f64; 3] {
        let shape = self.grid.shape();
        [0, 1, 2].map(|a| cells[a] / self.mesh(a) * shape[a] as f64 - 0.5)
    }

    /// Where a point in cells is taken from, in cells.
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

/// Displacements in mm along RAS as cells along the axes of the grid.
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

/// A warp on the way of a pass: forwards, or back.
#[derive(Clone, Debug, PartialEq)]
pub struct Bend {
    /// The warp.
    pub warp: std::sync::Arc<Warp>,
    /// Whether it is undone.
    pub back: bool,
}

impl Bend {
    /// The index of the warp's grid that an index comes from.
    pub fn apply(&self, index: [f64; 3]) -> [f64; 3] {
        if self.back { self.warp.apply_back(index) } else { self.warp.apply(index) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Draw;

    #[test]
    fn the_way_back_ends_where_it_began() {
        for seed in 0..60 {
            let mut draw = Draw::new(seed);
            let grid = draw.grid(60);
            let warp = draw.warp(grid, [0.2, 0.6, 1.0][seed as usize % 3]);
            for _ in 0..50 {
                let index = [0, 1, 2].map(|a| draw.real(-3.0, grid.shape()[a] as f64 + 2.0));
                let back = warp.apply_back(warp.apply(index));
                assert!((0..3).all(|a| (back[a] - index[a]).abs() < 2e-6), "{seed}: {index:?} {back:?}");
                let there = warp.apply(warp.apply_back(index));
                assert!((0..3).all(|a| (there[a] - index[a]).abs() < 2e-7), "{seed}: {index:?} {there:?}");
            }
        }
    }

    #[test]
    fn equal_control_points_shift_the_world() {
        let affine = Affine::from_rows([[0., 2., 0., 5.], [-1.5, 0., 0., 6.], [0., 0.4, 3., 7.]]);
        let grid = Grid::new([11, 9, 7], affine).unwrap();
        let warp = Warp::new(grid, [5, 4, 6], vec![[1.0, -2.0, 0.5]; 120]).unwrap();
        let index = [3.0, 4.5, -2.0];
        let (p, q) = (grid.index_to_world(index), grid.index_to_world(warp.apply(index)));
        let moved = [0, 1, 2].map(|a| q[a] - p[a]);
        assert!((0..3).all(|a| (moved[a] - [1.0, -2.0, 0.5][a]).abs() < 1e-12), "{moved:?}");
    }

    #[test]
    fn what_cannot_be_undone_is_refused() {
        let grid = Grid::without_geometry([20; 3]).unwrap();
        let mut all = vec![[0.0; 3]; 64];
        all[21] = [18.5, 0.0, 0.0];
        let error = Warp::new(grid, [4; 3], all.clone()).unwrap_err();
        assert!(matches!(error, WarpError::TooSteep(s) if (s - 3.0 * 18.5 / 20.0).abs() < 1e-12), "{error}");
        all[21] = [f64::NAN; 3];
        assert_eq!(Warp::new(grid, [4; 3], all.clone()).unwrap_err(), WarpError::NotFinite(21));
        assert!(matches!(Warp::new(grid, [4, 4, 5], all), Err(WarpError::Count { given: 64, .. })));
        assert!(matches!(Warp::new(grid, [3, 4, 4], Vec::new()), Err(WarpError::Points(_))));
    }
}
