//! The transform `divisible_crop`.

use revoxel_core::{Grid, GridOp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::IntVector;
use crate::peers::Argument::{Fixed, Renamed};
use crate::peers::Peer;
use crate::planning::window;
use crate::transform::{Evidence, Outline, PlanError, SpatialTransform, Transform};

/// Crops to multiples of a number.
///
/// # What it does
/// Removes voxels at both ends of each axis, the odd one at the beginning, until its length is divisible by `k`. Use it
/// for networks with strides where you do not want padding. An axis shorter than `k` keeps its central voxel only.
///
/// ```text
/// [ a b c d e f g ]   k 4    [ c d e f ]
/// ```
///
/// # YAML
/// ```yaml
/// divisible_crop: { k: [16, 16, 8] }
/// ```
///
/// # Inverse
/// Restores the previous grid: exact where voxels were kept, the kind's fill where they were cropped.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DivisibleCrop {
    /// The divisor, for all axes or by axis; 0 or less keeps an axis.
    k: IntVector,
}

impl Define for DivisibleCrop {
    const NAME: &'static str = "divisible_crop";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] =
        &[Peer::torchio("EnsureShapeMultiple").others(&[Renamed("target_multiple", "k"), Fixed("method", "\"crop\"")])];

    fn check(&self) -> Result<(), Invalid> {
        self.k.by_axis("k")
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for DivisibleCrop {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let (shape, k) = (grid.shape(), self.k.repeated());
        let n = shape.map(|n| n as i64);
        let size = [0, 1, 2].map(|a| if k[a] < 1 { n[a] } else { (n[a] - n[a] % k[a]).max(1) });
        let start = [0, 1, 2].map(|a| (n[a] - size[a] + 1) / 2);
        Ok(window(shape, start, [0, 1, 2].map(|a| start[a] + size[a])))
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        Some(before.cropped(|grid| self.plan(grid, &Evidence::default())))
    }
}
