//! The transform `grid_distortion`.

use std::sync::Arc;

use revoxel_core::{Grid, GridOp, Stretch, Warp};
use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::{IntVector, Named, Padding, PerKey};
use crate::peers::{DTYPE, LAZY, Peer, SAMPLING};
use crate::transform::{Evidence, PlanError, Resampling, SpatialTransform, Transform};

/// The most cells along an axis.
const MOST_CELLS: i64 = 1000;

/// How voxels are spread over a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// Evenly, up to the first voxel of the next cell; leftover voxels at the end have their own step.
    #[default]
    Even,
    /// As MONAI: the last voxel of a cell shows the same as the first voxel of the next cell, and leftover voxels at
    /// the end show the rest of the volume.
    Monai,
}

impl Spread {
    /// Whether it is what is meant where nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::Even
    }
}

/// Stretches and squeezes cells along each axis.
///
/// # What it does
/// Divides each axis into `num_cells` cells of the same number of whole voxels. Voxels left over at the end of the axis
/// form one more cell. `distort_steps` gives the sampling step of each cell, in voxels: with 1.2 a cell shows more than
/// before, so structures look smaller; with 0.8 it shows less. Cells follow each other without a gap from the first
/// voxel on, which stays. The grid does not change: structures move in the patient.
///
/// ```text
/// |    |    |    |   ──►   |   |      |    |
/// ```
///
/// # YAML
/// ```yaml
/// grid_distortion: { num_cells: 3, distort_steps: [[1.2, 0.9, 1, 1], [1, 1, 1, 1], [0.8, 1.1, 1, 1]] }
/// ```
///
/// # Inverse
/// Stretches the cells back, exactly, and resamples: lossy in values. Content moved out of the volume is lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridDistortion {
    /// Number of cells: one number, or one per axis.
    num_cells: IntVector,
    /// For each axis a list: the step from voxel to voxel in each cell, above 0, and one more for the leftover voxels.
    /// For a 2-D volume two lists are enough.
    distort_steps: Vec<Vec<f64>>,
    /// How voxels are spread over a cell: even, or monai.
    #[serde(default, skip_serializing_if = "Spread::is_default")]
    rule: Spread,
    /// nearest, linear, cubic, label or label_nearest, for all inputs or by key. Default: nearest for label maps,
    /// linear for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interpolation: Option<PerKey<Named<Interpolation>>>,
    /// Out-of-bounds value: border (the default), reflection, zeros, minimum or a number, for all inputs or by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    padding: Option<PerKey<Padding>>,
}

/// Refuses numbers of cells that no volume has.
pub fn check_cells(cells: &IntVector) -> Result<(), Invalid> {
    cells.by_axis("num_cells")?;
    match cells.0.iter().find(|n| !(1..=MOST_CELLS).contains(*n)) {
        Some(n) => Err(Invalid::new("num_cells", format!("{n} must be 1 to {MOST_CELLS}"))),
        None => Ok(()),
    }
}

/// The stretch of a grid's axes.
pub fn stretched(grid: &Grid, cells: &IntVector, steps: &[Vec<f64>], rule: Spread) -> Result<GridOp, PlanError> {
    let cells = cells.repeated().map(|n| n as usize);
    if steps.len() < grid.axes() {
        let problem = format!("{} lists: give one for each of three axes", steps.len());
        return Err(PlanError::ThreeAxes { field: "distort_steps", problem });
    }
    let mut nodes: [Vec<[f64; 2]>; 3] = [0, 1, 2].map(|axis| match steps.get(axis) {
        Some(steps) if axis < grid.axes() => nodes(grid.shape()[axis], cells[axis], steps),
        _ => vec![[0.0, 0.0], [1.0, 1.0]],
    });
    if rule == Spread::Monai {
        for (axis, nodes) in nodes.iter_mut().enumerate().take(grid.axes()) {
            let voxels = grid.shape()[axis];
            let fault = || PlanError::Folded { axis, voxels };
            *nodes = as_monai(voxels, cells[axis], &steps[axis]).ok_or_else(fault)?;
        }
    }
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

/// What a voxel shows twice rises by so much, so that there is a way back.
const HARDLY: f64 = 1e-9;

/// What voxels show in MONAI, at the first and the last voxel of each cell; `None` where it runs back.
fn as_monai(voxels: usize, cells: usize, steps: &[f64]) -> Option<Vec<[f64; 2]>> {
    let width = voxels / cells;
    let (mut shows, mut reached, mut nodes) = (0.0, 0, Vec::new());
    for (cell, step) in steps.iter().enumerate().take(cells + 1) {
        let start = cell * width;
        let (end, next) = match start + width {
            end if end > voxels => (voxels, voxels as f64),
            end => (end, shows + width as f64 * step),
        };
        if end <= start {
            break;
        }
        nodes.push([start as f64, shows]);
        if end - start > 1 {
            nodes.push([(end - 1) as f64, next]);
        }
        (shows, reached) = (next, end);
    }
    if nodes.len() == 1 {
        nodes.push([nodes[0][0] + 1.0, nodes[0][1] + 1.0]);
    }
    let rises = nodes.windows(2).all(|pair| pair[1][1] >= pair[0][1]);
    nodes.iter_mut().enumerate().for_each(|(number, node)| node[1] += number as f64 * HARDLY);
    (rises && reached == voxels).then_some(nodes)
}

impl Define for GridDistortion {
    const NAME: &'static str = "grid_distortion";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::imported("GridDistortiond")
        .same(&["num_cells", "distort_steps"])
        .others(SAMPLING)
        .always(&[("rule", "\"monai\"")])
        .ignored(&[LAZY, DTYPE])
        .notes(
            "MONAI spreads the voxels of a cell up to the first voxel of the next cell, so each cell ends with a \
             voxel shown twice, and steps of 1 change the volume. By default they do not here, and only the \
             first voxels of cells agree with MONAI. MONAI's last cell ends with the volume. If it would run \
             backwards for that, or if voxels after it show the first voxel, there is no inverse, and `rule: \
             monai` is refused.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        check_cells(&self.num_cells)?;
        if !matches!(self.distort_steps.len(), 2 | 3) {
            let problem = format!("{} lists: give one for each of three axes", self.distort_steps.len());
            return Err(Invalid::new("distort_steps", problem));
        }
        let cells = self.num_cells.repeated();
        for (axis, steps) in self.distort_steps.iter().enumerate() {
            let wanted = cells[axis] + 1;
            if steps.len() as i64 != wanted {
                let problem = format!(
                    "axis {axis} has {} steps, and {} cells need {wanted}: one for each and one for leftover voxels",
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
        Ok(vec![stretched(grid, &self.num_cells, &self.distort_steps, self.rule)?])
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
        let t = |voxels, cells, steps: &[f64], expected: Option<&[[f64; 2]]>| {
            let found = as_monai(voxels, cells, steps);
            let found = found.map(|nodes| nodes.iter().map(|n| [n[0], (n[1] * 1e6).round() / 1e6]).collect::<Vec<_>>());
            assert_eq!(found.as_deref(), expected, "{voxels} voxels in {cells} cells");
        };
        let (a, b) = ([[0.0, 0.0], [2.0, 3.0]], [[3.0, 3.0], [5.0, 7.5]]);
        t(6, 2, &[1.0, 1.5, 9.0], Some(&[a, b].concat()));
        t(
            8,
            3,
            &[1.0, 0.5, 2.0, 9.0],
            Some(&[[0., 0.], [1., 2.], [2., 2.], [3., 3.], [4., 3.], [5., 7.], [6., 7.], [7., 25.]]),
        );
        t(11, 3, &[1.5, 1.5, 1.5, 1.0], None);
        t(11, 4, &[1.0; 5], None);
        t(2, 5, &[1.0; 6], None);
    }
}
