//! Stretches and squeezes cells along each axis.
//!
//! # What it does
//! Divides each axis into `num_cells` cells of as many whole voxels as go; what is left over at its end is one more
//! cell. Voxels of a cell show what lies as many voxels apart as the cell's number in `distort_steps` says: 1.2 shows
//! more than was there, so that things look smaller, 0.8 less. Cells follow each other without a gap from the first
//! voxel, which stays. The grid stays what it is: things move in the patient.
//!
//! ```text
//! |    |    |    |   ──►   |   |      |    |
//! ```
//!
//! # YAML
//! ```yaml
//! grid_distortion: { num_cells: 3, distort_steps: [[1.2, 0.9, 1, 1], [1, 1, 1, 1], [0.8, 1.1, 1, 1]] }
//! ```
//!
//! # Inverse
//! The cells stretched back, exactly, and sampling there: lossy in values. What was moved out of the volume is lost.
//!
//! # Same as
//! MONAI `GridDistortiond(num_cells, distort_steps)`, which spreads the voxels of a cell up to the first of the next
//! one, so that each cell ends with a voxel shown twice and steps of 1 change the volume; here they do not. The first
//! voxels of cells agree. MONAI's last cell ends with the volume; here it has its own step like all others.

use std::sync::Arc;

use revoxel_core::{Grid, GridOp, Stretch, Warp};
use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::{IntVector, Named, Padding, PerKey};
use crate::transform::{Evidence, PlanError, Resampling, SpatialTransform, Transform};

/// The most cells along an axis.
const MOST_CELLS: i64 = 1000;

/// Parameters of `grid_distortion`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridDistortion {
    /// Cells: one number, or one per axis.
    num_cells: IntVector,
    /// For each axis a list: the step from voxel to voxel in each cell, above 0, and one more for what is left over.
    distort_steps: [Vec<f64>; 3],
    /// nearest, linear, cubic, label or label_nearest, for all inputs or by key; by default the kind decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interpolation: Option<PerKey<Named<Interpolation>>>,
    /// What lies outside: border (the default), reflection, zeros, minimum or a number, for all inputs or by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    padding: Option<PerKey<Padding>>,
}

/// Refuses numbers of cells that no volume has.
pub(super) fn check_cells(cells: &IntVector) -> Result<(), Invalid> {
    cells.by_axis("num_cells")?;
    match cells.0.iter().find(|n| !(1..=MOST_CELLS).contains(*n)) {
        Some(n) => Err(Invalid::new("num_cells", format!("{n} must be 1 to {MOST_CELLS}"))),
        None => Ok(()),
    }
}

/// The stretch of a grid's axes.
pub(super) fn stretched(grid: &Grid, cells: &IntVector, steps: &[Vec<f64>; 3]) -> Result<GridOp, PlanError> {
    let cells = cells.repeated().map(|n| n as usize);
    let nodes = [0, 1, 2].map(|axis| nodes(grid.shape()[axis], cells[axis], &steps[axis]));
    let warp = Warp::stretched(*grid, Stretch::new(nodes)?);
    Ok(GridOp::Warp { warp: Arc::new(warp), back: false })
}

/// Where cells begin, and what their first voxel shows. An axis of fewer voxels than cells has cells of one.
fn nodes(voxels: usize, cells: usize, steps: &[f64]) -> Vec<[f64; 2]> {
    let width = (voxels / cells).max(1);
    let (mut at, mut shows, mut nodes) = (0, 0.0, vec![[0.0, 0.0]]);
    for (cell, step) in steps.iter().enumerate().take(cells + 1) {
        let end = if cell == cells { voxels } else { (at + width).min(voxels) };
        if end == at {
            break;
        }
        shows += (end - at) as f64 * step;
        at = end;
        nodes.push([at as f64, shows]);
    }
    nodes
}

impl Define for GridDistortion {
    const NAME: &'static str = "grid_distortion";
    const SOURCE: &'static str = include_str!("grid_distortion.rs");
    const CLASS: Class = Class::Spatial;

    fn check(&self) -> Result<(), Invalid> {
        check_cells(&self.num_cells)?;
        let cells = self.num_cells.repeated();
        for (axis, steps) in self.distort_steps.iter().enumerate() {
            let wanted = cells[axis] + 1;
            if steps.len() as i64 != wanted {
                let problem = format!(
                    "axis {axis} has {} steps, and {} cells need {wanted}: one for each and one for what is left over",
                    steps.len(),
                    cells[axis]
                );
                return Err(Invalid::new("distort_steps", problem));
            }
            if let Some(step) = steps.iter().find(|s| !(1e-3..=1e3).contains(*s)) {
                return Err(Invalid::new("distort_steps", format!("{step} must be 0.001 to 1000")));
            }
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for GridDistortion {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        Ok(vec![stretched(grid, &self.num_cells, &self.distort_steps)?])
    }

    fn resampling(&self) -> Resampling<'_> {
        Resampling::asked(self.interpolation.as_ref(), self.padding.as_ref(), Padding::Border)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_follow_each_other_and_the_rest_is_one_more() {
        let t = |voxels, cells, steps: &[f64], expected: &[[f64; 2]]| {
            assert_eq!(nodes(voxels, cells, steps), expected, "{voxels} voxels in {cells} cells");
        };
        t(6, 3, &[1.0, 1.5, 0.5, 9.0], &[[0.0, 0.0], [2.0, 2.0], [4.0, 5.0], [6.0, 6.0]]);
        t(8, 3, &[1.0, 1.5, 0.5, 0.25], &[[0.0, 0.0], [2.0, 2.0], [4.0, 5.0], [6.0, 6.0], [8.0, 6.5]]);
        t(1, 1, &[2.0, 1.0], &[[0.0, 0.0], [1.0, 2.0]]);
        t(2, 5, &[1.0, 0.5, 1.0, 1.0, 1.0, 1.0], &[[0.0, 0.0], [1.0, 1.0], [2.0, 1.5]]);
    }
}
