//! The transform `rand_spatial_crop`.

use revoxel_core::{Grid, GridOp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::planning::boxes::{carried, clipped};
use crate::planning::patches::{Fractions, whole_axes};
use crate::planning::planar::by_axis;
use crate::planning::window;
use crate::random::{Drawn, Draws, RandomTransform};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{IntVector, is_false, yes};
use revoxel_transforms::peers::{LAZY, NUM_SAMPLES, Peer};
use revoxel_transforms::transform::{Evidence, Outline, PlanError, SpatialTransform, Transform};

/// Crops to a box at a random place, optionally of a random size.
///
/// # What it does
/// Keeps `roi_size` voxels of each axis from a random index on; all places in the volume are equally likely. With
/// `random_center: false` the box is central, as in `center_spatial_crop`. With `random_size: true` the number of
/// voxels of each axis is drawn too, from `roi_size` to `max_roi_size`. An axis shorter than the size stays as it is.
///
/// The box refers to the step's first input; inputs on other grids are cropped to the same world region. The draws are
/// fractions: 0 is the smallest size or the first index, and just below 1 the largest or last.
///
/// ```text
/// [ . . . . . . . ]   roi_size 4    [ . . . . ]
///   └───────┘             ──►
/// ```
///
/// # YAML
/// ```yaml
/// rand_spatial_crop: { roi_size: [96, 96, -1] }
/// ```
/// ```yaml
/// rand_spatial_crop: { roi_size: 64, max_roi_size: 128, random_size: true }
/// ```
///
/// # Inverse
/// Restores the previous grid: exact inside the box, the kind's fill outside it. The trace records the box.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandSpatialCrop {
    /// Voxels by axis (the fewest if the size is drawn); one number applies to all axes; 0 or less keeps an axis.
    roi_size: IntVector,
    /// Most voxels by axis if the size is drawn; 0 or less is the whole axis. Default: the whole axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_roi_size: Option<IntVector>,
    /// Draw the place; if false, the box is central.
    #[serde(default = "yes")]
    random_center: bool,
    /// Draw the size.
    #[serde(default, skip_serializing_if = "is_false")]
    random_size: bool,
}

impl Define for RandSpatialCrop {
    const NAME: &'static str = "rand_spatial_crop";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::imported("RandSpatialCropd")
            .same(&["roi_size", "max_roi_size", "random_center", "random_size"])
            .ignored(&[LAZY, NUM_SAMPLES])
            .notes("If the size is not drawn, MONAI ignores `max_roi_size`; here that is an error."),
        Peer::imported("RandSpatialCropSamplesd")
            .same(&["roi_size", "max_roi_size", "random_center", "random_size"])
            .ignored(&[LAZY, NUM_SAMPLES])
            .notes("The step gives one of its samples."),
        Peer::torchio("UniformSampler").notes("It draws such boxes during training."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        self.roi_size.by_axis("roi_size")?;
        let Some(most) = &self.max_roi_size else { return Ok(()) };
        most.by_axis("max_roi_size")?;
        if !self.random_size {
            return Err(Invalid::new(
                "max_roi_size",
                "it takes effect with random_size: true only: set that, or leave it out",
            ));
        }
        let both = self.roi_size.repeated().into_iter().zip(most.repeated());
        match both.into_iter().find(|(least, most)| *most > 0 && least > most) {
            Some((least, most)) => {
                Err(Invalid::new("max_roi_size", format!("{most} is less than the roi_size {least}")))
            }
            None => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandSpatialCrop {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        let fractions = Fractions::draw(draws, self.random_size, self.random_center);
        Drawn::spatial(Patch { fractions, of: self.clone() }, fractions.values())
    }
}

/// What was drawn.
#[derive(Debug)]
struct Patch {
    fractions: Fractions,
    of: RandSpatialCrop,
}

impl SpatialTransform for Patch {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let there = evidence.reference.unwrap_or(grid);
        let n = there.shape();
        let size = |field, size: &IntVector| by_axis(field, size, there, 0, |_| true);
        let least = whole_axes(size("roi_size", &self.of.roi_size)?, n);
        let most = match &self.of.max_roi_size {
            Some(most) => whole_axes(size("max_roi_size", most)?, n),
            None => n.map(|n| n as i64),
        };
        let region = self.fractions.in_volume(n, least, most)?;
        let region = clipped(&carried(&region, there, grid), grid)?;
        Ok(window(grid.shape(), region.start, region.end()))
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        Some(before.window(None))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use revoxel_core::{Affine, IndexBox};
    use serde_json::{Value, json};

    use super::*;
    use crate::random::Change;

    fn boxes(params: Value, grid: &Grid, cases: usize) -> Vec<IndexBox> {
        let crop: RandSpatialCrop = serde_json::from_value(params).unwrap();
        crop.check().unwrap();
        let one = |case: usize| {
            let Change::Spatial(drawn) = crop.draw(&mut Draws::new(5, &format!("case {case}"), 0)).change else {
                panic!("nothing was drawn")
            };
            match drawn.plan(grid, &Evidence { observed: None, reference: Some(grid) }).unwrap()[..] {
                [] => grid.index_box(),
                [GridOp::Window { start, shape }] => IndexBox { start, shape },
                ref ops => panic!("{ops:?}"),
            }
        };
        (0..cases).map(one).collect()
    }

    fn counted(values: impl Iterator<Item = i64>) -> BTreeMap<i64, usize> {
        values.fold(BTreeMap::new(), |mut all, v| {
            *all.entry(v).or_default() += 1;
            all
        })
    }

    #[test]
    fn every_place_is_as_likely_from_the_first_to_the_last() {
        let grid = Grid::without_geometry([9, 6, 4]).unwrap();
        let all = boxes(json!({ "roi_size": [5, 6, 3] }), &grid, 5000);
        assert!(all.iter().all(|b| b.shape == [5, 6, 3]));
        // Five places, one and two; four standard errors of 1000 and of 2500 are 113 and 141.
        let starts = [0, 1, 2].map(|a| counted(all.iter().map(|b| b.start[a])));
        assert!(
            starts[0].keys().copied().eq(0..=4) && starts[0].values().all(|c| c.abs_diff(1000) < 113),
            "{starts:?}"
        );
        assert_eq!(starts[1], BTreeMap::from([(0, 5000)]));
        assert!(
            starts[2].keys().copied().eq(0..=1) && starts[2].values().all(|c| c.abs_diff(2500) < 141),
            "{starts:?}"
        );
    }

    #[test]
    fn sizes_are_drawn_between_their_bounds() {
        let grid = Grid::without_geometry([9, 6, 4]).unwrap();
        let params = json!({ "roi_size": [3, 6, 2], "max_roi_size": [5, 30, 0], "random_size": true });
        let all = boxes(params, &grid, 3000);
        let sizes = [0, 1, 2].map(|a| counted(all.iter().map(|b| b.shape[a] as i64)));
        // Sizes above the volume's are cut to it.
        assert!(sizes[0].keys().copied().eq(3..=5) && sizes[0].values().all(|c| c.abs_diff(1000) < 104), "{sizes:?}");
        assert!(sizes[1].keys().copied().eq(6..=6) && sizes[2].keys().copied().eq(2..=4), "{sizes:?}");
        let ends = counted(all.iter().map(|b| b.end()[0]));
        assert!(ends.keys().copied().eq(3..=9) && all.iter().any(|b| b.start[0] == 0), "{ends:?}");
        // In the middle, whatever the size.
        let params = json!({ "roi_size": 1, "random_size": true, "random_center": false });
        for b in boxes(params, &grid, 200) {
            assert_eq!(b.start[0], 9 / 2 - b.shape[0] as i64 / 2);
        }
    }

    #[test]
    fn sizes_that_cannot_be_drawn_are_refused() {
        let crop: RandSpatialCrop = serde_json::from_value(json!({ "roi_size": [4, 9], "random_size": true })).unwrap();
        let Change::Spatial(drawn) = crop.draw(&mut Draws::new(0, "", 0)).change else { panic!("nothing was drawn") };
        let grid = Grid::without_geometry([9, 6, 4]).unwrap();
        let error = drawn.plan(&grid, &Evidence::default()).unwrap_err().to_string();
        assert!(error.contains("[4, 9, 9] to [9, 6, 4]"), "{error}");
    }

    #[test]
    fn other_grids_are_cropped_to_the_same_place() {
        let first = Grid::new([20, 20, 20], Affine::scaling([1.0; 3])).unwrap();
        let affine = Affine::from_rows([[-2., 0., 0., 18.5], [0., 2., 0., 0.5], [0., 0., 2., 0.5]]);
        let second = Grid::new([10, 10, 10], affine).unwrap();
        let crop: RandSpatialCrop = serde_json::from_value(json!({ "roi_size": [8, 6, 10] })).unwrap();
        for case in 0..20 {
            let Change::Spatial(drawn) = crop.draw(&mut Draws::new(0, &case.to_string(), 0)).change else { panic!() };
            let ops = |grid| drawn.plan(grid, &Evidence { observed: None, reference: Some(&first) }).unwrap();
            let ([GridOp::Window { start, shape }], [GridOp::Window { start: s, shape: n }]) =
                (&ops(&first)[..], &ops(&second)[..])
            else {
                panic!("no window")
            };
            // Outer faces in mm: those of the second grid lie around those of the first, less than a voxel away.
            for a in 0..3 {
                let low = start[a] as f64 - 0.5;
                let (mut theirs, end) = (s[a] as f64 * 2.0 - 0.5, (s[a] + n[a] as i64) as f64 * 2.0 - 0.5);
                if a == 0 {
                    theirs = 19.0 - end;
                }
                let (extent, ours) = (n[a] as f64 * 2.0, shape[a] as f64);
                assert!(theirs <= low && low - theirs < 2.0 && theirs + extent >= low + ours, "{start:?} {s:?}");
            }
        }
    }
}
