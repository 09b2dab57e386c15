//! The transform `rand_weighted_crop`.

use revoxel_core::{Volume, dispatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::planning::patches::{CropTo, PatchChoice, around, fitting};
use crate::planning::weights::by_weight;
use crate::random::{Drawn, Draws, RandomTransform};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{IntVector, OnEmpty};
use revoxel_transforms::peers::Argument::Renamed;
use revoxel_transforms::peers::{LAZY, NUM_SAMPLES, Peer};
use revoxel_transforms::transform::{Observed, PlanError, Sources, Transform};

/// Crops to a box around a voxel drawn by weights.
///
/// # What it does
/// Draws a voxel with a probability proportional to its value in `source`, and crops every input to the box of
/// `spatial_size` voxels around it. Only voxels are drawn that can be the centre of a box inside the volume (size//2
/// voxels lie before the centre). An axis shorter than the box stays as it is; its centre is n//2. Inputs on other
/// grids are cropped to the same world region.
///
/// Weights are 0 or more, in one channel. Weights at the rim, where no box has its centre, do not count.
///
/// ```text
/// weights [ 0 0 0 9 1 0 0 ]
/// volume  [ a b c d e f g ]   spatial_size 3   [ c d e ]  or, once in ten,  [ d e f ]
///                                   ──►
/// ```
///
/// # YAML
/// ```yaml
/// rand_weighted_crop: { source: weights, spatial_size: [96, 96, 32] }
/// ```
///
/// # Inverse
/// Restores the previous grid: exact inside the box, the kind's fill outside it. The trace records the box.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandWeightedCrop {
    /// The input with the weights.
    source: String,
    /// Voxels of the source by axis; one number applies to all axes; 0 or less keeps an axis.
    spatial_size: IntVector,
    /// What to do if no box has a weight.
    #[serde(default)]
    on_empty: OnEmpty,
}

impl Define for RandWeightedCrop {
    const NAME: &'static str = "rand_weighted_crop";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::imported("RandWeightedCropd")
            .same(&["spatial_size"])
            .others(&[Renamed("w_key", "source")])
            .ignored(&[LAZY, NUM_SAMPLES])
            .notes(
                "The step gives one of its samples. MONAI leaves out the last box along each axis; here all have \
                 their share. If weights are negative, MONAI adds a number to all of them; if no weight counts, or \
                 some are not finite, it draws evenly. Here all of these are errors; if no weight counts, `on_empty` \
                 may say otherwise.",
            ),
        Peer::torchio("WeightedSampler").notes("It draws such boxes during training."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        self.spatial_size.by_axis("spatial_size")
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandWeightedCrop {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        let weight = draws.fraction();
        Drawn::spatial(CropTo(Patch { weight, of: self.clone() }), json!({ "weight": weight }))
    }

    fn sources(&self) -> Sources<'_> {
        Sources::voxels(&self.source)
    }
}

/// What was drawn.
#[derive(Debug)]
struct Patch {
    /// The share of the sum of the weights that lies before the voxel.
    weight: f64,
    of: RandWeightedCrop,
}

impl PatchChoice for Patch {
    fn source(&self) -> &str {
        &self.of.source
    }

    fn look(&self, source: &Volume, _: Option<&Volume>) -> Result<Observed, PlanError> {
        let unfit = |problem: String| PlanError::Unfit { key: self.of.source.clone(), problem };
        if source.channels() != 1 {
            return Err(unfit(format!("weights need one channel, and it has {}", source.channels())));
        }
        let (grid, shape) = (*source.grid(), source.grid().shape());
        let size = fitting("spatial_size", &self.of.spatial_size, &grid, true)?;
        let middles = [0, 1, 2].map(|a| {
            let first = size[a] as usize / 2;
            (first, first + shape[a] - size[a] as usize)
        });
        let drawn = dispatch!(source.voxels(), v => by_weight(v, shape, middles, self.weight)).map_err(unfit)?;
        let found = drawn.map(|centre| around(centre, size, shape));
        let rule = || format!("a weight above 0 in {:?} where a box can be centred", self.of.source);
        Ok(Observed { grid, region: self.of.on_empty.resolve(found, rule)? })
    }
}

#[cfg(test)]
mod tests {
    use revoxel_core::{Grid, Kind};

    use super::*;
    use crate::random::Change;

    fn volume(shape: [usize; 3], weights: &[([usize; 3], f32)]) -> Volume {
        let mut values = vec![0f32; shape.iter().product()];
        weights.iter().for_each(|([x, y, z], w)| values[x + shape[0] * (y + shape[1] * z)] = *w);
        Volume::new(values.into(), Grid::without_geometry(shape).unwrap(), Kind::Image, 1).unwrap()
    }

    fn starts(size: [i64; 3], weights: &Volume, cases: usize) -> Result<Vec<[i64; 3]>, String> {
        let crop: RandWeightedCrop = serde_json::from_value(json!({ "source": "w", "spatial_size": size })).unwrap();
        let one = |case: usize| {
            let drawn = crop.draw(&mut Draws::new(6, &case.to_string(), 3)).change;
            let Change::Spatial(patch) = drawn else { panic!("nothing was drawn") };
            patch.observe(weights, None).map(|o| o.region.unwrap().start).map_err(|e| e.to_string())
        };
        (0..cases).map(one).collect()
    }

    #[test]
    fn voxels_are_drawn_by_their_weights() {
        let rows = [([4, 4, 4], 0.5), ([5, 4, 4], 1.5), ([3, 6, 5], 3.0), ([5, 3, 2], 5.0)];
        let mut rim = rows.to_vec();
        rim.extend([([0, 4, 4], 100.0), ([5, 9, 3], 70.0), ([5, 5, 0], 70.0), ([5, 5, 8], 70.0)]);
        let found = starts([3, 4, 5], &volume([11, 10, 9], &rim), 4000).unwrap();
        let (mut other, mut sum) = (4000, 0.0);
        for ([x, y, z], weight) in rows {
            let start = [x as i64 - 1, y as i64 - 2, z as i64 - 2];
            let here = found.iter().filter(|s| **s == start).count();
            (other, sum) = (other - here, sum + weight);
            let (n, p) = (4000.0, f64::from(weight) / 10.0);
            assert!((here as f64 - n * p).abs() < 4.0 * (n * p * (1.0 - p)).sqrt(), "{start:?}: {here}");
        }
        assert!(other == 0 && sum == 10.0);
    }

    #[test]
    fn every_box_has_its_share_from_the_first_to_the_last() {
        let grid = Grid::without_geometry([7, 6, 3]).unwrap();
        let even = Volume::new(vec![2u16; 126].into(), grid, Kind::Image, 1).unwrap();
        let found = starts([4, 3, 5], &even, 3200).unwrap();
        for x in 0..4 {
            for y in 0..4 {
                let here = found.iter().filter(|s| **s == [x, y, 0]).count();
                assert!(here.abs_diff(200) < 55, "{x} {y}: {here}");
            }
        }
        assert!(found.iter().all(|s| s[0] < 4 && s[1] < 4 && s[2] == 0));
    }

    #[test]
    fn weights_that_are_none_are_refused() {
        let t = |weights: &[([usize; 3], f32)], part: &str| {
            let error = starts([3, 3, 3], &volume([5, 4, 6], weights), 1).unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        t(&[], "a weight above 0 in \"w\"");
        t(&[([0, 2, 2], 1.0)], "where a box can be centred");
        t(&[([2, 2, 2], 1.0), ([1, 0, 3], -0.5), ([1, 0, 5], f32::NAN)], "the weight -0.5 at [1, 0, 3]");
        t(&[([2, 2, 2], f32::NAN)], "the weight NaN at [2, 2, 2]");
        t(&[([4, 3, 5], f32::INFINITY)], "the weight inf at [4, 3, 5]");
        let grid = Grid::without_geometry([3, 2, 1]).unwrap();
        let huge = Volume::new(vec![f64::MAX; 6].into(), grid, Kind::Image, 1).unwrap();
        assert!(starts([1, 1, 1], &huge, 1).unwrap_err().contains("too large"));
        let two = Volume::new(vec![1f32; 12].into(), grid, Kind::Image, 2).unwrap();
        assert!(starts([1, 1, 1], &two, 1).unwrap_err().contains("one channel, and it has 2"));
    }

    #[test]
    fn threads_do_not_matter_to_sums() {
        let grid = Grid::without_geometry([13, 11, 40]).unwrap();
        let weights = (0..5720u32).map(|i| 1e-3 + f64::from(i.wrapping_mul(2_654_435_761) >> 8).powi(2)).collect();
        let volume = Volume::new(Vec::<f64>::into(weights), grid, Kind::Image, 1).unwrap();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| starts([2, 3, 4], &volume, 300).unwrap())
        };
        let one = with(1);
        assert!(one == with(3) && one == with(7));
    }
}
