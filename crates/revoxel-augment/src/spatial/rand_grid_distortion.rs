//! The transform `rand_grid_distortion`.

use revoxel_core::{Grid, GridOp};
use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::grid_distortion::{Spread, check_cells, stretched};
use crate::planning::planar::same_plane;
use crate::random::{Drawn, Draws, RandomTransform, Range, Ranges, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{IntVector, Named, Numbers, Padding, PerKey};
use revoxel_transforms::peers::{LAZY, Peer, SAMPLING};
use revoxel_transforms::transform::{Evidence, PlanError, Resampling, SpatialTransform, Transform};

/// Stretches and squeezes cells along each axis at random.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Does what `grid_distortion` does, with
/// steps of 1 plus a number drawn from `distort_limit` for every cell of every axis. The cells divide the volume of the
/// step's first input.
///
/// # YAML
/// ```yaml
/// rand_grid_distortion: { prob: 0.3, num_cells: 5, distort_limit: 0.2 }
/// ```
///
/// # Inverse
/// Stretches the cells back, exactly, and resamples: lossy in values. The trace records the steps.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandGridDistortion {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Number of cells: one number, or one per axis.
    #[serde(default = "five")]
    num_cells: IntVector,
    /// Number added to steps of 1: d for −d to d, or lowest and highest, above −1.
    #[serde(default = "little")]
    distort_limit: Range,
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

fn five() -> IntVector {
    Numbers(vec![5])
}

const fn little() -> Range {
    Range::Around(0.03)
}

impl Define for RandGridDistortion {
    const NAME: &'static str = "rand_grid_distortion";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::imported("RandGridDistortiond")
        .same(&["prob", "num_cells", "distort_limit"])
        .others(SAMPLING)
        .always(&[("rule", "\"monai\"")])
        .ignored(&[LAZY])
        .notes("See `grid_distortion`.")];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        check_cells(&self.num_cells)?;
        Ranges(vec![self.distort_limit]).check("distort_limit", 1, -0.999, 999.0)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandGridDistortion {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let (low, high) = self.distort_limit.bounds();
        let steps = self.num_cells.repeated().map(|n| (0..=n).map(|_| 1.0 + draws.uniform(low, high)).collect());
        let values = json!({ "distort_steps": steps });
        Drawn::spatial(Distorted { steps, of: self.clone() }, values)
    }

    fn resampling(&self) -> Resampling<'_> {
        Resampling::asked(self.interpolation.as_ref(), self.padding.as_ref(), Padding::Border)
    }
}

/// What was drawn.
#[derive(Debug)]
struct Distorted {
    steps: [Vec<f64>; 3],
    of: RandGridDistortion,
}

impl SpatialTransform for Distorted {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        // Inputs on grids of their own are distorted by the same cells.
        let region = evidence.reference.unwrap_or(grid);
        same_plane(grid, region)?;
        Ok(vec![stretched(region, &self.of.num_cells, &self.steps, self.of.rule)?])
    }

    fn resampling(&self) -> Resampling<'_> {
        RandomTransform::resampling(&self.of)
    }
}
