//! The transform `rand_elastic`.

use std::sync::Arc;

use revoxel_core::{Grid, GridOp, Warp};
use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::planning::planar::{same_plane, stay_in_plane};
use crate::random::{Drawn, Draws, RandomTransform, probability, tenth, within};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{IntVector, Named, Numbers, Padding, PerKey, RealVector};
use revoxel_transforms::peers::Argument::Renamed;
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{Evidence, PlanError, Resampling, SpatialTransform, Transform};

/// Bends the volume smoothly at random.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Moves the points of the world by a cubic
/// B-spline over `num_control_points` control points. Each coordinate of the displacement of each control point is
/// drawn between −`max_displacement_mm` and `max_displacement_mm` (mm along RAS). The outermost `locked_borders` layers
/// of control points stay. The grid does not change.
///
/// ```text
///  |  |  |  |          |  | |   |
///  |  |  |  |   ──►    | |   | |
///  |  |  |  |          |  | |   |
/// ```
///
/// The control points span the volume of the step's first input. The bending must have an inverse, so neighbouring
/// control points may differ only by a limited amount: in units of their distance, the largest differences of a
/// coordinate along the three axes may add up to 0.9. If they add up to more, one factor reduces all displacements.
/// Displacements up to 0.15 of the control points' distance are never reduced.
///
/// # YAML
/// ```yaml
/// rand_elastic: { prob: 0.3, num_control_points: 7, max_displacement_mm: 7.5, padding: minimum }
/// ```
///
/// # Inverse
/// Inverts the bending, to within 1e-7 voxels for each voxel, and resamples: lossy in values. The trace records the
/// control points as used, so nothing is drawn again.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandElastic {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Number of control points: one number, or one per axis; 4 to 20.
    #[serde(default = "seven")]
    num_control_points: IntVector,
    /// Largest displacement of a control point along R, A and S, mm: one number or three.
    #[serde(default = "seven_and_a_half")]
    max_displacement_mm: RealVector,
    /// Number of outermost layers of control points that stay: 0, 1 or 2. With 2, the faces of the volume stay.
    #[serde(default = "two")]
    locked_borders: usize,
    /// nearest, linear, cubic, label or label_nearest, for all inputs or by key. Default: nearest for label maps,
    /// linear for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interpolation: Option<PerKey<Named<Interpolation>>>,
    /// Out-of-bounds value: border (the default), reflection, zeros, minimum or a number, for all inputs or by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    padding: Option<PerKey<Padding>>,
}

fn seven() -> IntVector {
    Numbers(vec![7])
}

fn seven_and_a_half() -> RealVector {
    Numbers(vec![7.5])
}

const fn two() -> usize {
    2
}

impl Define for RandElastic {
    const NAME: &'static str = "rand_elastic";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::torchio("RandomElasticDeformation")
        .same(&["num_control_points", "locked_borders"])
        .others(&[Renamed("max_displacement", "max_displacement_mm")])
        .notes(
            "It warns of folding and inverts by the negative displacements, which is an approximation. The field \
             is that of SimpleITK's `BSplineTransform` over the outer faces (TorchIO's begins an eighth of a \
             voxel further out). MONAI's elastic transforms are `rand_3d_elastic` and `rand_2d_elastic` here.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.num_control_points.by_axis("num_control_points")?;
        self.max_displacement_mm.by_axis("max_displacement_mm")?;
        self.max_displacement_mm.0.iter().try_for_each(|m| within("max_displacement_mm", *m, 0.0, 1e4))?;
        if self.locked_borders > 2 {
            return Err(Invalid::new("locked_borders", format!("{} must be 0, 1 or 2", self.locked_borders)));
        }
        // Something must be left to move.
        let least = (2 * self.locked_borders as i64 + 1).max(4);
        match self.num_control_points.0.iter().find(|n| !(least..=20).contains(*n)) {
            Some(n) => {
                let problem = format!("{n} must be {least} to 20 with locked_borders: {}", self.locked_borders);
                Err(Invalid::new("num_control_points", problem))
            }
            None => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandElastic {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let points = self.num_control_points.repeated().map(|n| n as usize);
        let (most, locked) = (self.max_displacement_mm.repeated(), self.locked_borders);
        let mut displacements = Vec::with_capacity(points.iter().product());
        for z in 0..points[2] {
            for y in 0..points[1] {
                for x in 0..points[0] {
                    let index = [x, y, z];
                    let free = (0..3).all(|a| (locked..points[a] - locked).contains(&index[a]));
                    displacements.push(if free { most.map(|m| draws.uniform(-m, m)) } else { [0.0; 3] });
                }
            }
        }
        // The numbers themselves are in the op, where the inversion reads them.
        Drawn::spatial(Bent { points, displacements, of: self.clone() }, json!({ "control_points": points }))
    }

    fn resampling(&self) -> Resampling<'_> {
        Resampling::asked(self.interpolation.as_ref(), self.padding.as_ref(), Padding::Border)
    }
}

/// What was drawn.
#[derive(Debug)]
struct Bent {
    points: [usize; 3],
    displacements: Vec<[f64; 3]>,
    of: RandElastic,
}

impl SpatialTransform for Bent {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        // Inputs on grids of their own are bent by the same field.
        let region = *evidence.reference.unwrap_or(grid);
        same_plane(grid, &region)?;
        let mut displacements = self.displacements.clone();
        if region.is_planar() {
            stay_in_plane(&mut displacements, &region);
        }
        let steepness = Warp::steepness(&region, self.points, &displacements)?;
        let factor =
            if steepness > revoxel_core::warp::STEEPEST { revoxel_core::warp::STEEPEST / steepness } else { 1.0 };
        displacements.iter_mut().for_each(|d| *d = d.map(|v| v * factor));
        let warp = Arc::new(Warp::new(region, self.points, displacements)?);
        Ok(vec![GridOp::Warp { warp, back: false }])
    }

    fn resampling(&self) -> Resampling<'_> {
        RandomTransform::resampling(&self.of)
    }
}
