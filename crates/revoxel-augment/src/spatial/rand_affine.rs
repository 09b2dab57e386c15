//! The transform `rand_affine`.

use revoxel_core::{Affine as Map, Grid, GridOp};
use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::planning::axes::about_middles;
use crate::planning::planar::sizes;
use crate::planning::resample;
use crate::random::{Change, Drawn, Draws, Moves, RandomTransform, Ranges, centred, probability, sampled, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{IntVector, Named, Padding, PerKey, is_false};
use revoxel_transforms::peers::{LAZY, Peer, SAMPLING};
use revoxel_transforms::transform::{Evidence, PlanError, Resampling, SpatialTransform, Transform};

/// Rotates, shears, translates and scales at random about the centre of the volume.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Samples the volume on a grid of the same
/// shape that is rotated, sheared, translated and scaled about its centre by amounts drawn from ranges. The affine
/// follows: the patient keeps its place in the world, and lies turned in the array.
///
/// Each range is a list, by axis, of numbers (`r` means −r to r) or pairs of lowest and highest. Axes beyond the end of
/// the list do not change. `rotate_range` is in radians, `shear_range` has up to six factors (axis 0 by 1, 0 by 2, 1 by
/// 0, 1 by 2, 2 by 0, 2 by 1), `translate_range` is in voxels, and `scale_range` is added to 1. The amounts say where a
/// voxel of the result is sampled: a scale above 1 makes the patient smaller.
///
/// `spatial_size` changes the shape about the same centre, even if the draw changes nothing else; 0 or less keeps an
/// axis. If the size of an axis changes by an odd number, its voxels lie half a voxel beside the previous ones.
///
/// # YAML
/// ```yaml
/// rand_affine: { prob: 0.5, rotate_range: [0.2, 0.2, 0.2], scale_range: [0.1, 0.1, 0.1], padding: minimum }
/// ```
/// ```yaml
/// rand_affine: { prob: 1, translate_range: [[-10, 10], [0, 5]], shear_range: [0.1] }
/// ```
/// ```yaml
/// rand_affine: { prob: 0.5, scale_range: [[-0.1, 0.2]], spatial_size: [128, 128, 64], padding: border }
/// ```
///
/// # Inverse
/// Resamples back onto the previous grid; lossy in values, bit-exact in geometry. The trace records the amounts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandAffine {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Rotation in radians about axis 0, 1, 2: a list of numbers or pairs.
    #[serde(default)]
    rotate_range: Ranges,
    /// Shear factors, up to six: a list of numbers or pairs.
    #[serde(default)]
    shear_range: Ranges,
    /// Translation in voxels along axis 0, 1, 2: a list of numbers or pairs.
    #[serde(default)]
    translate_range: Ranges,
    /// Number added to a scale of 1 along axis 0, 1, 2: a list of numbers or pairs above −1.
    #[serde(default)]
    scale_range: Ranges,
    /// Voxels by axis; 0 or less keeps an axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spatial_size: Option<IntVector>,
    /// nearest, linear, cubic, label or label_nearest, for all inputs or by key. Default: nearest for label maps,
    /// linear for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interpolation: Option<PerKey<Named<Interpolation>>>,
    /// Out-of-bounds value: border, reflection (the default), zeros, minimum or a number, for all inputs or by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    padding: Option<PerKey<Padding>>,
    /// Smooth axes that get larger voxels before sampling (labels are not smoothed).
    #[serde(default, skip_serializing_if = "is_false")]
    anti_alias: bool,
}

impl Define for RandAffine {
    const NAME: &'static str = "rand_affine";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::imported("RandAffined")
        .same(&["prob", "rotate_range", "shear_range", "translate_range", "scale_range", "spatial_size"])
        .others(SAMPLING)
        .ignored(&[LAZY])
        .notes(
            "A single number instead of a list means axis 0 only (here a list is required). Its default \
             `padding_mode` is reflection, as here.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.rotate_range.check("rotate_range", 3, -1e3, 1e3)?;
        self.shear_range.check("shear_range", 6, -1e3, 1e3)?;
        self.translate_range.check("translate_range", 3, -1e6, 1e6)?;
        self.scale_range.check("scale_range", 3, -1.0, 1e3)?;
        self.spatial_size.as_ref().map_or(Ok(()), |size| size.by_axis("spatial_size").map(|_| ()))
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandAffine {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            if self.spatial_size.is_none() {
                return Drawn::nothing();
            }
            let sized = Moved { moves: Moves::default(), of: self.clone() };
            return Drawn { change: Change::Spatial(Box::new(sized)), ..Drawn::nothing() };
        }
        let ranges = [&self.rotate_range, &self.shear_range, &self.translate_range, &self.scale_range];
        let moves = Moves::draw(ranges, draws);
        let values = moves.values(json!({}));
        Drawn::spatial(Moved { moves, of: self.clone() }, values)
    }

    fn resampling(&self) -> Resampling<'_> {
        sampled(self.interpolation.as_ref(), self.padding.as_ref()).smoothed(self.anti_alias)
    }
}

/// What was drawn.
#[derive(Debug)]
struct Moved {
    moves: Moves,
    of: RandAffine,
}

impl Moved {
    fn shape(&self, grid: &Grid) -> Result<[usize; 3], PlanError> {
        let now = grid.shape();
        let Some(size) = &self.of.spatial_size else { return Ok(now) };
        let size = sizes("spatial_size", size, grid)?;
        Ok([0, 1, 2].map(|a| if size[a] < 1 { now[a] } else { size[a] as usize }))
    }
}

impl SpatialTransform for Moved {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let (map, before, shape) = (self.moves.map_of(grid), grid.shape(), self.shape(grid)?);
        if shape == before {
            let stays = self.of.spatial_size.is_some() && map == Map::IDENTITY;
            return if stays { Ok(Vec::new()) } else { resample(grid, centred(grid, &map)?) };
        }
        resample(grid, Grid::new(shape, grid.affine().after(&about_middles(&map, before, shape)))?)
    }

    fn resampling(&self) -> Resampling<'_> {
        sampled(self.of.interpolation.as_ref(), self.of.padding.as_ref()).smoothed(self.of.anti_alias)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(value: serde_json::Value) -> RandAffine {
        let step: RandAffine = serde_json::from_value(value).unwrap();
        step.check().unwrap();
        step
    }

    fn drawn(step: &RandAffine, grid: &Grid) -> (Vec<GridOp>, serde_json::Value) {
        let drawn = step.draw(&mut Draws::new(1, "a", 0));
        let Change::Spatial(change) = drawn.change else { panic!("{:?}", drawn.change) };
        (change.plan(grid, &Evidence::default()).unwrap(), drawn.values)
    }

    #[test]
    fn a_size_holds_whatever_is_drawn() {
        let grid = Grid::new([20, 22, 24], Map::scaling([2.0, 3.0, 4.0])).unwrap();
        let after = |value| match drawn(&step(value), &grid) {
            (ops, values) if ops.len() == 1 => match &ops[0] {
                GridOp::Resample { grid } => (*grid, values["apply"] == true),
                op => panic!("{op:?}"),
            },
            (ops, _) => panic!("{ops:?}"),
        };
        // MONAI's affines: RandAffined(spatial_size) on the same grid.
        for (size, origin) in [([16, 30, 0], [4.0, -12.0, 0.0]), ([17, 31, 23], [3.0, -13.5, 2.0])] {
            for prob in [0, 1] {
                let (after, applied) = after(json!({ "prob": prob, "spatial_size": size }));
                assert_eq!(after.origin(), origin);
                assert_eq!(after.shape()[..2], [size[0], size[1]].map(|n| n as usize));
                assert_eq!(applied, prob == 1);
            }
        }
        // The middle stays in place: half a voxel of 2 mm before it lies that of an even number of voxels.
        let (scaled, _) = after(json!({ "prob": 1, "scale_range": [[1, 1]], "spatial_size": [10, 22, 24] }));
        assert_eq!(scaled.origin(), [19.0 - 4.5 * 4.0, 0.0, 0.0]);
        // The size that is there already changes nothing.
        assert!(drawn(&step(json!({ "prob": 0, "spatial_size": [20, -1, 24] })), &grid).0.is_empty());
    }

    #[test]
    fn a_flat_volume_stays_flat() {
        let grid = Grid::new([20, 22, 1], Map::scaling([2.0, 3.0, 4.0])).unwrap().planar();
        let (ops, _) = drawn(&step(json!({ "prob": 1, "rotate_range": [0.3], "spatial_size": [16, 16] })), &grid);
        assert!(matches!(&ops[..], [GridOp::Resample { grid }] if grid.shape() == [16, 16, 1]), "{ops:?}");
    }
}
