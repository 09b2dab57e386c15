//! The transform `rand_crop_by_pos_neg_label`.

use revoxel_core::{Grid, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::planning::patches::{CropTo, PatchChoice, around, fitting, keep_above, marked, pick};
use crate::random::{Drawn, Draws, RandomTransform, within};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{IntVector, OnEmpty, is_false};
use revoxel_transforms::peers::Argument::Renamed;
use revoxel_transforms::peers::{LAZY, NUM_SAMPLES, Peer};
use revoxel_transforms::transform::{Observed, PlanError, Sources, Transform};

/// Crops to a box around a random voxel of the foreground or the background.
///
/// # What it does
/// With the probability pos/(pos + neg), draws a foreground voxel of `source`, otherwise a background voxel, all
/// equally likely, and crops every input to the box of `spatial_size` voxels around it. Nonzero voxels are foreground;
/// with several channels, the first is the background and does not count. With `image`, a voxel is background only
/// where that input is above `image_threshold` in any channel.
///
/// A box that would extend beyond the volume is shifted into it. Inputs on other grids are cropped to the same world
/// region. If there is no voxel of the sort that was drawn, one of the other sort is taken, unless its share is 0.
///
/// ```text
/// [ 0 0 0 0 0 0 0 ]
/// [ 0 0 0 1 1 0 0 ]   spatial_size [3, 2]   [ 0 1 1 ]
/// [ 0 0 0 0 1 0 0 ]           ──►           [ 0 0 1 ]
/// ```
///
/// # YAML
/// ```yaml
/// rand_crop_by_pos_neg_label: { source: label, spatial_size: [96, 96, 32], pos: 2, neg: 1 }
/// ```
/// ```yaml
/// rand_crop_by_pos_neg_label: { source: label, spatial_size: 128, image: image, image_threshold: -500, allow_smaller: true }
/// ```
///
/// # Inverse
/// Restores the previous grid: exact inside the box, the kind's fill outside it. The trace records the box.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandCropByPosNegLabel {
    /// The input that defines foreground and background.
    source: String,
    /// Voxels of the source by axis; one number applies to all axes; 0 or less keeps an axis.
    spatial_size: IntVector,
    /// Share of boxes around a foreground voxel, relative to `neg`.
    #[serde(default = "one")]
    pos: f64,
    /// Share of boxes around a background voxel, relative to `pos`.
    #[serde(default = "one")]
    neg: f64,
    /// An input on the grid of `source`; only voxels where it is above the threshold can be background.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    /// Threshold of `image`. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image_threshold: Option<f64>,
    /// Keep an axis that is shorter than the box; if false, that is an error.
    #[serde(default, skip_serializing_if = "is_false")]
    allow_smaller: bool,
    /// What to do if there is no voxel to crop around.
    #[serde(default)]
    on_empty: OnEmpty,
}

const fn one() -> f64 {
    1.0
}

impl Define for RandCropByPosNegLabel {
    const NAME: &'static str = "rand_crop_by_pos_neg_label";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::imported("RandCropByPosNegLabeld")
        .same(&["spatial_size", "pos", "neg", "image_threshold", "allow_smaller"])
        .others(&[Renamed("label_key", "source"), Renamed("image_key", "image")])
        .ignored(&[LAZY, NUM_SAMPLES])
        .notes(
            "The step gives one of its samples. If no voxel is foreground and `neg` is 0, MONAI takes one of the \
             background; here that is an error, unless `on_empty` says otherwise, and so is the opposite. For \
             labels in unsigned 8 bit, MONAI takes every voxel as background if no image narrows it. Its \
             `fg_indices_key` and `bg_indices_key` are not supported.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        self.spatial_size.by_axis("spatial_size")?;
        within("pos", self.pos, 0.0, 1e9)?;
        within("neg", self.neg, 0.0, 1e9)?;
        if self.pos + self.neg == 0.0 {
            return Err(Invalid::new("pos", "pos and neg are both 0: raise one"));
        }
        threshold(self.image.as_ref(), self.image_threshold)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

/// Refuses a threshold that is no number, or has no image.
pub(super) fn threshold(image: Option<&String>, threshold: Option<f64>) -> Result<(), Invalid> {
    match threshold {
        Some(number) if !number.is_finite() => {
            Err(Invalid::new("image_threshold", format!("{number} is not a finite number")))
        }
        Some(_) if image.is_none() => {
            Err(Invalid::new("image_threshold", "it applies to the input that `image` names: give that too"))
        }
        _ => Ok(()),
    }
}

impl RandomTransform for RandCropByPosNegLabel {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        let positive = draws.chance(self.pos / (self.pos + self.neg));
        let voxel = draws.fraction();
        Drawn::spatial(
            CropTo(Patch { positive, voxel, of: self.clone() }),
            json!({ "positive": positive, "voxel": voxel }),
        )
    }

    fn sources(&self) -> Sources<'_> {
        Sources::Voxels { of: &self.source, beside: self.image.as_deref(), also: &[] }
    }
}

/// What was drawn.
#[derive(Debug)]
struct Patch {
    positive: bool,
    voxel: f64,
    of: RandCropByPosNegLabel,
}

impl PatchChoice for Patch {
    fn source(&self) -> &str {
        &self.of.source
    }

    fn beside(&self) -> Option<&str> {
        self.of.image.as_deref()
    }

    fn fits(&self, source: &Grid) -> Result<(), PlanError> {
        fitting("spatial_size", &self.of.spatial_size, source, self.of.allow_smaller).map(|_| ())
    }

    fn look(&self, label: &Volume, image: Option<&Volume>) -> Result<Observed, PlanError> {
        let (of, grid, shape) = (&self.of, *label.grid(), label.grid().shape());
        let size = fitting("spatial_size", &of.spatial_size, &grid, of.allow_smaller)?;
        let channels = label.channels();
        let above = of.image_threshold.unwrap_or(0.0);
        let foreground = |z| marked(label, usize::from(channels > 1)..channels, z, |v| v != 0.0);
        let background = |z| {
            let mut marks = foreground(z);
            marks.iter_mut().for_each(|m| *m = !*m);
            keep_above(&mut marks, image, above, z);
            marks
        };
        let pos = || (of.pos > 0.0).then(|| pick(shape, self.voxel, foreground)).flatten();
        let neg = || (of.neg > 0.0).then(|| pick(shape, self.voxel, background)).flatten();
        let centre = if self.positive { pos().or_else(neg) } else { neg().or_else(pos) };
        let found = centre.map(|centre| around(centre, size, shape));
        Ok(Observed { grid, region: of.on_empty.resolve(found, || of.rule())? })
    }
}

impl RandCropByPosNegLabel {
    /// What was looked for, for people.
    fn rule(&self) -> String {
        let background = match &self.image {
            Some(image) => format!("0 where {image:?} is above {}", self.image_threshold.unwrap_or(0.0)),
            None => "0".to_owned(),
        };
        match (self.pos > 0.0, self.neg > 0.0) {
            (true, false) => format!("not 0 in {:?}; neg: 0 excludes background", self.source),
            (false, true) => format!("{background} in {:?}; pos: 0 excludes foreground", self.source),
            _ => format!("not 0, or {background}, in {:?}", self.source),
        }
    }
}

#[cfg(test)]
mod tests {
    use revoxel_core::{Grid, IndexBox, Kind};
    use serde_json::Value;

    use super::*;
    use crate::random::Change;

    /// Foreground is a column of three voxels; the image is 5 where axis 0 is below 4.
    fn volumes() -> (Volume, Volume) {
        let grid = Grid::without_geometry([9, 8, 7]).unwrap();
        let mut label = vec![0u8; 504];
        (2..5).for_each(|z| label[5 + 9 * (3 + 8 * z)] = 2);
        let image = (0..504).map(|i| if i % 9 < 4 { 5.0 } else { f32::NAN }).collect::<Vec<f32>>();
        let volume = |voxels, kind| Volume::new(voxels, grid, kind, 1).unwrap();
        (volume(label.into(), Kind::Label), volume(image.into(), Kind::Image))
    }

    /// The voxel in the middle of the box that each case draws; the box is one voxel.
    fn run(
        params: Value,
        label: &Volume,
        image: Option<&Volume>,
        cases: usize,
    ) -> Vec<Result<Option<IndexBox>, String>> {
        let mut all = json!({ "source": "label", "spatial_size": 1 });
        all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
        let crop: RandCropByPosNegLabel = serde_json::from_value(all).unwrap();
        crop.check().unwrap();
        let one = |case: usize| {
            let drawn = crop.draw(&mut Draws::new(3, &format!("{case}"), 1)).change;
            let Change::Spatial(drawn) = drawn else { panic!("nothing was drawn") };
            let seen = drawn.observe(label, image);
            seen.map(|o| o.region).map_err(|e| e.to_string())
        };
        (0..cases).map(one).collect()
    }

    #[test]
    fn the_shares_are_those_asked_for_and_every_voxel_is_reached() {
        let (label, image) = volumes();
        for (pos, neg) in [(1.0, 1.0), (3.0, 1.0), (0.5, 4.5), (1.0, 0.0), (0.0, 2.0)] {
            let all = run(json!({ "pos": pos, "neg": neg, "image": "image" }), &label, Some(&image), 2000);
            let starts: Vec<[i64; 3]> = all.into_iter().map(|b| b.unwrap().unwrap().start).collect();
            let column = |s: &&[i64; 3]| s[0] == 5 && s[1] == 3 && (2..5).contains(&s[2]);
            let positive = starts.iter().filter(column).count() as f64;
            let share = pos / (pos + neg);
            let error = (2000f64 * share * (1.0 - share)).sqrt();
            assert!((positive - 2000.0 * share).abs() <= 4.0 * error, "{pos} {neg}: {positive}");
            // Each voxel of the column; of the background, only where the image is above 0: NaN is not.
            for z in (2..5).filter(|_| pos > 0.0) {
                let here = starts.iter().filter(|s| **s == [5, 3, z]).count() as f64;
                assert!((here - positive / 3.0).abs() <= 4.0 * (positive * 2.0 / 9.0).sqrt(), "{z}: {here}");
            }
            assert!(starts.iter().filter(|s| !column(s)).all(|s| s[0] < 4));
        }
    }

    #[test]
    fn where_one_kind_is_missing_the_other_is_taken_if_it_has_a_share() {
        let (label, image) = volumes();
        let empty = label.clone().with_voxels(vec![0i16; 504].into()).unwrap();
        let full = label.clone().with_voxels(vec![7i16; 504].into()).unwrap();
        let t = |params, label: &Volume, image| {
            let mut all = run(params, label, image, 30);
            assert!(all.iter().all(|b| b.is_ok() == all[0].is_ok()));
            all.remove(0)
        };
        assert!(t(json!({}), &empty, None).unwrap().is_some() && t(json!({}), &full, None).unwrap().is_some());
        assert!(t(json!({ "pos": 0 }), &empty, None).unwrap().is_some());
        let error = t(json!({ "neg": 0 }), &empty, None).unwrap_err();
        assert!(error.contains("not 0 in \"label\"") && error.contains("on_empty"), "{error}");
        assert!(t(json!({ "pos": 0 }), &full, None).unwrap_err().contains("pos: 0"));
        assert_eq!(t(json!({ "neg": 0, "on_empty": "keep" }), &empty, None), Ok(None));
        let dark = json!({ "image": "image", "image_threshold": 5 });
        assert!(t(dark, &empty, Some(&image)).unwrap_err().contains("\"image\" is above 5"));
    }

    #[test]
    fn the_box_stays_in_the_volume_and_the_first_of_several_channels_is_background() {
        let grid = Grid::without_geometry([9, 8, 7]).unwrap();
        let mut values = vec![0f32; 1008];
        values[..504].fill(1.0);
        values[1007] = 0.25;
        let label = Volume::new(values.into(), grid, Kind::Probability, 2).unwrap();
        let params = |size: [i64; 3], smaller| json!({ "neg": 0, "spatial_size": size, "allow_smaller": smaller });
        let t = |size, smaller| run(params(size, smaller), &label, None, 1).remove(0);
        assert_eq!(t([4, 5, 0], false), Ok(Some(IndexBox { start: [5, 3, 0], shape: [4, 5, 7] })));
        assert_eq!(t([4, 50, 3], true), Ok(Some(IndexBox { start: [5, 0, 4], shape: [4, 8, 3] })));
        let error = t([4, 50, 3], false).unwrap_err();
        assert!(error.contains("spatial_size [4, 50, 3]") && error.contains("allow_smaller"), "{error}");
    }
}
