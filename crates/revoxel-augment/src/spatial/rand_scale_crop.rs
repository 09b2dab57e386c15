//! The transform `rand_scale_crop`.

use revoxel_core::{Grid, GridOp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::planning::boxes::{carried, clipped};
use crate::planning::patches::{Fractions, whole_axes};
use crate::planning::{finite, window};
use crate::random::{Drawn, Draws, RandomTransform};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{RealVector, is_false, yes};
use revoxel_transforms::peers::{LAZY, Peer};
use revoxel_transforms::transform::{Evidence, Outline, PlanError, SpatialTransform, Transform};

/// Crops to a fraction of the volume at a random place, optionally of a random size.
///
/// # What it does
/// Keeps the fraction `roi_scale` of each axis, rounded up to whole voxels, from a random index on; all places in the
/// volume are equally likely. With `random_center: false` the box is central, as in `center_scale_crop`. With
/// `random_size: true` the number of voxels of each axis is drawn too, from those of `roi_scale` to those of
/// `max_roi_scale`.
///
/// The box refers to the step's first input; inputs on other grids are cropped to the same world region. The draws are
/// fractions: 0 is the smallest size or the first index, and just below 1 the largest or last.
///
/// ```text
/// [ . . . . . . . ]   roi_scale 0.5   [ . . . . ]
///   └───────┘             ──►
/// ```
///
/// # YAML
/// ```yaml
/// rand_scale_crop: { roi_scale: [0.8, 0.8, 1] }
/// ```
/// ```yaml
/// rand_scale_crop: { roi_scale: 0.5, max_roi_scale: 0.9, random_size: true }
/// ```
///
/// # Inverse
/// Restores the previous grid: exact inside the box, the kind's fill outside it. The trace records the box.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandScaleCrop {
    /// Fraction of each axis to keep (the smallest if the size is drawn); one number applies to all axes; 0 or less
    /// keeps an axis, as 1 does.
    roi_scale: RealVector,
    /// Largest fraction of each axis if the size is drawn; 0 or less is the whole axis. Default: the whole axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_roi_scale: Option<RealVector>,
    /// Draw the place; if false, the box is central.
    #[serde(default = "yes")]
    random_center: bool,
    /// Draw the size.
    #[serde(default, skip_serializing_if = "is_false")]
    random_size: bool,
}

impl Define for RandScaleCrop {
    const NAME: &'static str = "rand_scale_crop";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::imported("RandScaleCropd")
        .same(&["roi_scale", "max_roi_scale", "random_center", "random_size"])
        .ignored(&[LAZY])
        .notes(
            "If the size is not drawn, MONAI ignores `max_roi_scale`; here that is an error, and so are scales \
             above 1.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        share("roi_scale", &self.roi_scale)?;
        let Some(most) = &self.max_roi_scale else { return Ok(()) };
        share("max_roi_scale", most)?;
        if !self.random_size {
            let problem = "it takes effect with random_size: true only: set that, or leave it out";
            return Err(Invalid::new("max_roi_scale", problem));
        }
        let whole = |scale: f64| if scale > 0.0 { scale } else { 1.0 };
        let mut both = self.roi_scale.repeated().map(whole).into_iter().zip(most.repeated().map(whole));
        match both.find(|(least, most)| least > most) {
            Some((least, most)) => {
                Err(Invalid::new("max_roi_scale", format!("{most} is less than the roi_scale {least}")))
            }
            None => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

fn share(field: &'static str, scale: &RealVector) -> Result<(), Invalid> {
    scale.by_axis(field)?;
    finite(field, &scale.0)?;
    match scale.0.iter().find(|s| **s > 1.0) {
        Some(wrong) => Err(Invalid::new(field, format!("{wrong} is more than the whole: give up to 1"))),
        None => Ok(()),
    }
}

impl RandomTransform for RandScaleCrop {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        let fractions = Fractions::draw(draws, self.random_size, self.random_center);
        Drawn::spatial(Patch { fractions, of: self.clone() }, fractions.values())
    }
}

/// What was drawn.
#[derive(Debug)]
struct Patch {
    fractions: Fractions,
    of: RandScaleCrop,
}

impl SpatialTransform for Patch {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let there = evidence.reference.unwrap_or(grid);
        let n = there.shape();
        let voxels = |scale: [f64; 3]| whole_axes([0, 1, 2].map(|a| (scale[a] * n[a] as f64).ceil() as i64), n);
        let least = voxels(self.of.roi_scale.repeated());
        let most = voxels(self.of.max_roi_scale.as_ref().map_or([1.0; 3], RealVector::repeated));
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
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::random::Change;

    #[test]
    fn sizes_are_shares_rounded_up_and_places_reach_both_faces() {
        let grid = Grid::without_geometry([11, 10, 7]).unwrap();
        let t = |params: Value| {
            let crop: RandScaleCrop = serde_json::from_value(params).unwrap();
            crop.check().unwrap();
            let (mut sizes, mut starts, mut ends) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
            for case in 0..600 {
                let drawn = crop.draw(&mut Draws::new(9, &case.to_string(), 2)).change;
                let Change::Spatial(drawn) = drawn else { panic!("nothing was drawn") };
                let ops = drawn.plan(&grid, &Evidence::default()).unwrap();
                let [GridOp::Window { start, shape }] = ops[..] else { panic!("{ops:?}") };
                assert_eq!(shape[2], 7);
                sizes.insert(shape[0]);
                starts.insert(start[0]);
                ends.insert(start[0] + shape[0] as i64);
            }
            let bounds = |set: &BTreeSet<i64>| (*set.first().unwrap(), *set.last().unwrap());
            (sizes.into_iter().collect::<Vec<_>>(), bounds(&starts), bounds(&ends))
        };
        assert_eq!(t(json!({ "roi_scale": [0.5, 0.4, 1] })), (vec![6], (0, 5), (6, 11)));
        assert_eq!(t(json!({ "roi_scale": [0.5, 0.4, 0], "random_center": false })), (vec![6], (2, 2), (8, 8)));
        let sizes = json!({ "roi_scale": [0.5, 0.4, 1], "max_roi_scale": [0.8, 0.9, -1], "random_size": true });
        assert_eq!(t(sizes), ((6..=9).collect(), (0, 5), (6, 11)));
    }
}
