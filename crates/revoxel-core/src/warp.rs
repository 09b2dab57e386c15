//! Moving points of the world, and the inverse: by a B-spline, by stretching axes, or voxel by voxel.

mod dense;
mod spline;
mod stretch;

pub use dense::{Dense, Displacements, MOST_VOXELS, Make, Recipe, Smoothing};
pub use spline::{MOST_POINTS, STEEPEST, Spline};
pub use stretch::{MOST_NODES, Stretch};

use crate::Grid;

/// Maps every point of the world to the point that is shown there. Each point is shown in exactly one place, so every
/// warp has an inverse.
#[derive(Clone, Debug, PartialEq)]
pub struct Warp {
    grid: Grid,
    field: Field,
}

/// How points move.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Field {
    /// By a cubic B-spline over control points.
    Spline(Spline),
    /// Along each axis of the grid separately.
    Stretch(Stretch),
    /// One displacement per voxel, made from noise.
    Dense(Dense),
}

/// Why numbers are not a valid warp.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WarpError {
    /// A cubic spline has four control points around each cell.
    #[error("{0:?} control points: must be 4 to {MOST_POINTS} along each axis")]
    Points([usize; 3]),
    /// Too few or too many displacements.
    #[error("{given} displacements for {points:?} control points")]
    Count {
        /// Control points along each axis.
        points: [usize; 3],
        /// Displacements given.
        given: usize,
    },
    /// A displacement is not finite.
    #[error("the displacement of control point {0} is not a finite number")]
    NotFinite(usize),
    /// Points of the world could be shown twice or not at all.
    #[error(
        "the displacements change too steeply ({0:.3} between neighbouring control points, at most {STEEPEST} can be \
         undone): use smaller displacements or fewer control points"
    )]
    TooSteep(f64),
    /// The nodes of a stretch do not increase.
    #[error(
        "the nodes of axis {0} must be 2 to {MOST_NODES} finite pairs, with both numbers increasing from pair to pair"
    )]
    Nodes(usize),
    /// A displacement for each voxel would take too much memory.
    #[error("a region of {0:?} voxels: at most {MOST_VOXELS} voxels can have displacements of their own; crop first")]
    Large([usize; 3]),
    /// A number of the recipe is out of range.
    #[error("invalid displacements {0:?}: magnitude must be -1e6 to 1e6, sigma 0.001 to 1e6, spacings 1 to 1e6")]
    Recipe(Recipe),
}

impl Warp {
    /// A warp over the region of `grid` from the displacements of its control points: mm along RAS, axis 0 fastest.
    /// Along each axis, control points 1 and (count − 2) lie on the first and last face of the region.
    ///
    /// # Errors
    /// If the counts are out of range or disagree, a number is not finite, or the warp would have no inverse.
    pub fn new(grid: Grid, points: [usize; 3], displacements: Vec<[f64; 3]>) -> Result<Self, WarpError> {
        let field = Field::Spline(Spline::new(&grid, points, displacements)?);
        Ok(Self { grid, field })
    }

    /// A warp that stretches the axes of `grid`.
    pub const fn stretched(grid: Grid, stretch: Stretch) -> Self {
        Self { grid, field: Field::Stretch(stretch) }
    }

    /// A warp whose displacements belong to the voxels of `grid`. They are made when first needed.
    ///
    /// # Errors
    /// If the grid is too large or the recipe's numbers are out of range.
    pub fn dense(grid: Grid, recipe: Recipe, make: Make) -> Result<Self, WarpError> {
        let field = Field::Dense(Dense::new(&grid, recipe, make)?);
        Ok(Self { grid, field })
    }

    /// The largest change of the displacement between two points, as a share of their distance (the largest
    /// coordinate, in cells). For each coordinate, it is the sum over the three axes of the largest difference between
    /// neighbouring control points. Below 1, no two points are shown in one place.
    ///
    /// # Errors
    /// If the counts are out of range or disagree, or a number is not finite.
    pub fn steepness(grid: &Grid, points: [usize; 3], displacements: &[[f64; 3]]) -> Result<f64, WarpError> {
        Spline::steepness_of(grid, points, displacements)
    }

    /// The grid whose indices [`apply`](Self::apply) uses: control points span its region, stretches follow its axes,
    /// and displacements belong to its voxels.
    pub const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// How points move.
    pub const fn field(&self) -> &Field {
        &self.field
    }

    /// Makes the displacements that [`apply`](Self::apply) and [`apply_back`](Self::apply_back) need, if any. Call it
    /// before many threads need them.
    pub fn prepare(&self) {
        if let Field::Dense(dense) = &self.field {
            dense.made();
        }
    }

    /// The continuous index (of the warp's grid) that is shown at an index.
    pub fn apply(&self, index: [f64; 3]) -> [f64; 3] {
        match &self.field {
            Field::Spline(spline) => spline.apply(index),
            Field::Stretch(stretch) => stretch.apply(index),
            Field::Dense(dense) => dense.apply(index),
        }
    }

    /// The continuous index at which an index (of the warp's grid) is shown; within 1e-7 voxels.
    pub fn apply_back(&self, index: [f64; 3]) -> [f64; 3] {
        match &self.field {
            Field::Spline(spline) => spline.apply_back(index),
            Field::Stretch(stretch) => stretch.apply_back(index),
            Field::Dense(dense) => dense.apply_back(index),
        }
    }
}

/// A warp within a pass, in either direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Bend {
    /// The warp.
    pub warp: std::sync::Arc<Warp>,
    /// Whether the inverse is applied.
    pub back: bool,
}

impl Bend {
    /// The index of the warp's grid that an index comes from.
    pub fn apply(&self, index: [f64; 3]) -> [f64; 3] {
        if self.back { self.warp.apply_back(index) } else { self.warp.apply(index) }
    }

    /// The index of the warp's grid that comes from an index: [`apply`](Self::apply) the other way.
    pub fn apply_back(&self, index: [f64; 3]) -> [f64; 3] {
        if self.back { self.warp.apply(index) } else { self.warp.apply_back(index) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Affine;
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
