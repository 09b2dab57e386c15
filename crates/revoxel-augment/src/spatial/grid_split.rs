//! The transform `grid_split`.

use revoxel_core::Grid;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::planning::choice::Choice;
use crate::planning::sweep::{OneOf, Sweeps};
use crate::planning::windows::Windows;
use crate::random::{Drawn, Draws, RandomTransform};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::IntVector;
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{PlanError, Transform};

/// Takes one part of an evenly split volume; each copy of a case takes another one.
///
/// # What it does
/// Splits the volume into `grid` windows along axis 0, 1, 2. A window has the size of the volume divided by their
/// number (rounded down), or `size` voxels. The windows start at the first voxel and follow in equal steps (rounded
/// down). The step crops to one window, counted with the last axis changing first: the number `patch`, by default the
/// number of the copy in a pipeline with `copies`. A copy without a window is skipped.
///
/// # YAML
/// ```yaml
/// grid_split: { grid: [2, 2, 3] }
/// ```
///
/// # Inverse
/// Puts the part back in its place: exact inside it, and the outside is filled. The trace of each copy records its
/// window.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridSplit {
    /// Number of windows along axis 0, 1, 2; one along axes beyond the end of the list.
    #[serde(default = "quarters")]
    grid: Vec<u32>,
    /// Voxels of a window by axis; one number applies to all axes. Default: the volume divided by the grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<IntVector>,
    /// Number of the window, from 0. Default: number of the copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    patch: Option<u32>,
}

fn quarters() -> Vec<u32> {
    vec![2, 2]
}

impl Define for GridSplit {
    const NAME: &'static str = "grid_split";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::monai("GridSplitd")
        .same(&["grid", "size"])
        .notes("It splits images of one slice along two axes and returns a list of all parts.")];

    fn check(&self) -> Result<(), Invalid> {
        if !(1..=3).contains(&self.grid.len()) {
            return Err(Invalid::new("grid", format!("{} numbers for three axes: give 1 to 3", self.grid.len())));
        }
        if let Some(wrong) = self.grid.iter().find(|n| !(1..=10_000).contains(*n)) {
            return Err(Invalid::new("grid", format!("{wrong} must be 1 to 10000")));
        }
        let Some(size) = &self.size else { return Ok(()) };
        size.by_axis("size")?;
        match size.0.iter().find(|s| **s < 1) {
            Some(wrong) => Err(Invalid::new("size", format!("{wrong}: a window has 1 voxel or more"))),
            None => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for GridSplit {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        let number = self.patch.unwrap_or(draws.copy());
        Drawn::spatial(OneOf { number, of: self.clone(), choice: Choice::default() }, json!({ "patch": number }))
    }
}

impl Sweeps for GridSplit {
    fn windows(&self, there: &Grid) -> Result<Windows, PlanError> {
        let shape = there.shape();
        let grid = [0, 1, 2].map(|a| self.grid.get(a).map_or(1, |n| i64::from(*n)));
        let n = shape.map(|n| n as i64);
        let size = [0, 1, 2].map(|a| match &self.size {
            // An axis that is not split stays whole where no size is given for it.
            Some(size) if a < self.grid.len().max(size.0.len()) && a < there.axes().max(size.0.len()) => {
                size.repeated()[a]
            }
            _ => n[a] / grid[a],
        });
        if (0..3).any(|a| size[a] < 1 || size[a] > n[a]) {
            let (field, size) = if self.size.is_some() { ("size", size) } else { ("grid", grid) };
            return Err(PlanError::Unsplit { field, size, shape });
        }
        let starts = [0, 1, 2].map(|a| {
            let step = if grid[a] > 1 { (n[a] - size[a]) / (grid[a] - 1) } else { 0 };
            (0..grid[a]).map(|i| i * step).collect()
        });
        Ok(Windows { starts, size: size.map(|s| s as usize) })
    }
}
