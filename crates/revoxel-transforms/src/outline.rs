//! What is known of a grid whose place, or more, depends on voxels.

use revoxel_core::{Grid, GridOp, Orientation};

use crate::error::PlanError;

/// What is known of a grid whose place depends on voxels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outline {
    /// A grid that has what is known; the rest of it means nothing.
    like: Grid,
    /// Whether the shape is known.
    sized: bool,
    /// Whether the voxel size and the axes are known.
    framed: bool,
}

impl Outline {
    /// All of this grid but its place.
    pub const fn of(grid: &Grid) -> Self {
        Self { like: *grid, sized: true, framed: true }
    }

    /// The number of voxels along each axis, where it is known.
    pub fn shape(&self) -> Option<[usize; 3]> {
        self.sized.then(|| self.like.shape())
    }

    /// The voxel size, mm, where it is known.
    pub fn spacing(&self) -> Option<[f64; 3]> {
        self.framed.then(|| self.like.spacing())
    }

    /// The axes, where they are known.
    pub fn orientation(&self) -> Option<Orientation> {
        self.framed.then(|| self.like.orientation())
    }

    /// A grid that has what is known, and the right number of axes.
    pub const fn like(&self) -> &Grid {
        &self.like
    }

    /// All but the place, where nothing else is unknown.
    pub fn whole(&self) -> Option<&Grid> {
        (self.sized && self.framed).then_some(&self.like)
    }

    /// After a crop or padding to a shape, which may not be known.
    #[must_use]
    pub fn window(self, shape: Option<[usize; 3]>) -> Self {
        Self { sized: shape.is_some(), ..self.shaped(shape) }
    }

    /// After a crop or padding that is planned by shape, voxel size and axes alone; its shape is known where the one before
    /// is, and where no voxels or other grids decide.
    #[must_use]
    pub fn cropped(self, plan: impl FnOnce(&Grid) -> Result<Vec<GridOp>, PlanError>) -> Self {
        let planned = self.whole().and_then(|grid| self.through(plan(grid)));
        planned.unwrap_or_else(|| self.window(None))
    }

    /// After a resize to a shape, which changes the voxel size.
    #[must_use]
    pub fn resized(self, shape: [usize; 3]) -> Self {
        Self { sized: true, framed: false, ..self.shaped(Some(shape)) }
    }

    /// After ops that depend on what is known alone, planned for [`like`](Self::like); the shape is known only where it
    /// was.
    pub fn through(self, ops: Result<Vec<GridOp>, PlanError>) -> Option<Self> {
        let like = ops.ok()?.iter().try_fold(self.like, |grid, op| op.after(&grid)).ok()?;
        // Which axis is which may depend on what is not known.
        Some(Self { like, sized: self.sized && self.framed, ..self })
    }

    fn shaped(self, shape: Option<[usize; 3]>) -> Self {
        let grid = shape.and_then(|shape| Grid::new(shape, *self.like.affine()).ok());
        let planar = |grid: Grid| if self.like.is_planar() { grid.planar() } else { grid };
        Self { like: grid.map_or(self.like, planar), ..self }
    }
}
