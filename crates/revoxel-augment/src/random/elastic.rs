//! Volumes that noise bends, and that are moved in the same interpolation.

use std::sync::{Arc, OnceLock};

use revoxel_core::warp::Recipe;
use revoxel_core::{Affine, Grid, GridOp, Warp};
use revoxel_resample::{Interpolation, elastic};

use super::centred;
use crate::planning::planar::same_plane;
use crate::planning::resample;
use revoxel_transforms::params::{Named, Padding, PerKey};
use revoxel_transforms::transform::PlanError;
use revoxel_transforms::transform::{Evidence, Resampling, SpatialTransform};

/// What was drawn, and how it is sampled.
#[derive(Debug)]
pub(crate) struct Bent {
    /// What the displacements are made of.
    recipe: Recipe,
    /// From displaced voxels, about the middle of the volume, to those that they are taken from.
    map: Affine,
    /// Whether displacements and the map leave the slices of a volume where they are, so that it may be 2-D.
    in_plane: bool,
    /// nearest, linear, cubic, label or label_nearest.
    interpolation: Option<PerKey<Named<Interpolation>>>,
    /// What lies outside.
    padding: Option<PerKey<Padding>>,
    /// The warp that was made for an input: others of the step share it, so that its displacements are made once.
    made: OnceLock<Arc<Warp>>,
}

impl Bent {
    /// Volumes bent by what the recipe makes, and moved by the map; `in_plane` where neither moves slices.
    pub(crate) const fn new(
        recipe: Recipe,
        map: Affine,
        in_plane: bool,
        interpolation: Option<PerKey<Named<Interpolation>>>,
        padding: Option<PerKey<Padding>>,
    ) -> Self {
        Self { recipe, map, in_plane, interpolation, padding, made: OnceLock::new() }
    }

    fn warp(&self, region: Grid) -> Result<Arc<Warp>, PlanError> {
        if let Some(warp) = self.made.get().filter(|warp| *warp.grid() == region) {
            return Ok(warp.clone());
        }
        let warp = Arc::new(elastic(region, self.recipe)?);
        // Where another was made at the same time, or of another region, that one stays.
        let _ = self.made.set(warp.clone());
        Ok(warp)
    }
}

impl SpatialTransform for Bent {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let first = evidence.reference.unwrap_or(grid);
        if grid.is_planar() && !self.in_plane {
            return Err(PlanError::Planar);
        }
        same_plane(grid, first)?;
        let mut ops = resample(grid, centred(grid, &self.map)?)?;
        // Inputs on grids of their own are bent by the same field: that of the first one's voxels, moved.
        let region = centred(first, &self.map)?;
        ops.push(GridOp::Warp { warp: self.warp(region)?, back: false });
        Ok(ops)
    }

    fn resampling(&self) -> Resampling<'_> {
        sampled(self.interpolation.as_ref(), self.padding.as_ref())
    }
}

/// How steps that bend and move sample: beyond the volume it is mirrored where they do not say.
pub(crate) fn sampled<'a>(
    interpolation: Option<&'a PerKey<Named<Interpolation>>>,
    padding: Option<&'a PerKey<Padding>>,
) -> Resampling<'a> {
    Resampling::asked(interpolation, padding, Padding::Reflection)
}
