//! The transform `rand_crop_by_label_classes`.

use revoxel_core::{Grid, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::rand_crop_by_pos_neg_label::threshold;
use crate::planning::patches::{CropTo, PatchChoice, around, fitting, keep_above, marked, pick};
use crate::random::{Drawn, Draws, RandomTransform, within};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{IntVector, OnEmpty, is_false};
use revoxel_transforms::peers::Argument::Renamed;
use revoxel_transforms::peers::{LAZY, NUM_SAMPLES, Peer};
use revoxel_transforms::transform::{NamedLabel, Names, Observed, PlanError, Sources, Transform};

/// Crops to a box around a random voxel of a random class.
///
/// # What it does
/// Draws a class by `ratios` (all equally likely without them), then a voxel of that class in `source`, all equally
/// likely, and crops every input to the box of `spatial_size` voxels around it. The classes are the labels 0, 1, 2 and
/// so on; with several channels, class c is where channel c is nonzero. With `image`, only voxels count where that
/// input is above `image_threshold` in any channel.
///
/// A box that would extend beyond the volume is shifted into it. Inputs on other grids are cropped to the same world
/// region. Classes without a voxel are left out of the draw. The trace records the order in which the classes were
/// drawn; the first class with a voxel was taken.
///
/// ```text
/// [ 0 0 0 0 0 0 0 ]
/// [ 0 0 0 1 2 0 0 ]   class 1, size [3, 2]   [ 0 1 2 ]
/// [ 0 0 0 0 2 0 0 ]            ──►           [ 0 0 2 ]
/// ```
///
/// # YAML
/// ```yaml
/// rand_crop_by_label_classes: { source: label, spatial_size: [96, 96, 32], ratios: [1, 2, 4] }
/// ```
/// ```yaml
/// rand_crop_by_label_classes: { source: label, spatial_size: 64, num_classes: 5, image: image, allow_smaller: true }
/// ```
///
/// # Inverse
/// Restores the previous grid: exact inside the box, the kind's fill outside it. The trace records the box.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandCropByLabelClasses {
    /// The input with the classes.
    source: String,
    /// Voxels of the source by axis; one number applies to all axes; 0 or less keeps an axis.
    spatial_size: IntVector,
    /// Share of boxes around a voxel of each class, from class 0 on. Default: all equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ratios: Option<Vec<f64>>,
    /// Number of classes, class 0 included. Default: the number of ratios.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    num_classes: Option<usize>,
    /// An input on the grid of `source`; only voxels where it is above the threshold count.
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

/// More classes than anybody has labels for.
const MOST: usize = 1000;

impl Define for RandCropByLabelClasses {
    const NAME: &'static str = "rand_crop_by_label_classes";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::imported("RandCropByLabelClassesd")
            .same(&["spatial_size", "ratios", "num_classes", "image_threshold", "allow_smaller"])
            .others(&[Renamed("label_key", "source"), Renamed("image_key", "image")])
            .ignored(&[LAZY, NUM_SAMPLES])
            .notes(
                "The step gives one of its samples. With ratios the number of classes may be left out. Its \
                 `indices_key` and `max_samples_per_class` are not supported: all voxels count. A label that has a \
                 ratio above 0 and that no case contains is an error.",
            ),
        Peer::torchio("LabelSampler").notes("It draws by probabilities of labels."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        self.spatial_size.by_axis("spatial_size")?;
        let classes = match (&self.ratios, self.num_classes) {
            (Some(ratios), Some(classes)) if ratios.len() != classes => {
                let problem =
                    format!("{} ratios for {classes} classes: give one for each, class 0 included", ratios.len());
                return Err(Invalid::new("ratios", problem));
            }
            (Some(ratios), _) => ratios.len(),
            (None, Some(classes)) => classes,
            (None, None) => return Err(Invalid::new("", "give ratios, or num_classes for equal ratios")),
        };
        if !(1..=MOST).contains(&classes) {
            let field = if self.ratios.is_some() { "ratios" } else { "num_classes" };
            return Err(Invalid::new(field, format!("{classes} classes: give 1 to {MOST}")));
        }
        if let Some(ratios) = &self.ratios {
            ratios.iter().try_for_each(|r| within("ratios", *r, 0.0, 1e9))?;
            if ratios.iter().all(|r| *r == 0.0) {
                return Err(Invalid::new("ratios", "all are 0: raise at least one"));
            }
        }
        threshold(self.image.as_ref(), self.image_threshold)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandCropByLabelClasses {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        let classes = self.order(draws);
        let voxel = draws.fraction();
        let values = json!({ "classes": classes, "voxel": voxel });
        Drawn::spatial(CropTo(Patch { classes, voxel, of: self.clone() }), values)
    }

    fn channels(&self) -> Option<usize> {
        Some(self.count())
    }

    fn named_labels(&self) -> Vec<NamedLabel> {
        let labels = self.ratios.iter().flatten().enumerate();
        let asked = labels.filter(|(_, ratio)| **ratio > 0.0);
        let names = Names::LabelOrChannel;
        asked.map(|(class, _)| NamedLabel { field: "ratios", position: class, label: class as f64, names }).collect()
    }

    fn sources(&self) -> Sources<'_> {
        Sources::Voxels { of: &self.source, beside: self.image.as_deref(), also: &[] }
    }
}

impl RandCropByLabelClasses {
    fn count(&self) -> usize {
        self.ratios.as_ref().map_or(self.num_classes.unwrap_or(0), Vec::len)
    }

    /// The classes in the order of waiting times whose rates are the ratios. The first of any of them is drawn by the
    /// ratios of those.
    fn order(&self, draws: &mut Draws) -> Vec<usize> {
        let ratio = |class: usize| self.ratios.as_ref().and_then(|r| r.get(class).copied()).unwrap_or(1.0);
        let waits = (0..self.count()).map(|class| (-libm::log(draws.uniform(0.0, 1.0)) / ratio(class), class));
        let mut waits: Vec<(f64, usize)> = waits.filter(|(_, class)| ratio(*class) > 0.0).collect();
        waits.sort_by(|a, b| a.0.total_cmp(&b.0));
        waits.into_iter().map(|(_, class)| class).collect()
    }
}

/// What was drawn.
#[derive(Debug)]
struct Patch {
    /// The classes with a share, in the order in which they are tried.
    classes: Vec<usize>,
    voxel: f64,
    of: RandCropByLabelClasses,
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
        if channels > 1 && channels != of.count() {
            let problem =
                format!("it has {channels} channels for {} classes: one channel per class is needed", of.count());
            return Err(PlanError::Unfit { key: of.source.clone(), problem });
        }
        let above = of.image_threshold.unwrap_or(0.0);
        let members = |class: usize, z: usize| {
            let mut marks = match channels {
                1 => marked(label, 0..1, z, |v| v == class as f64),
                _ => marked(label, class..class + 1, z, |v| v != 0.0),
            };
            keep_above(&mut marks, image, above, z);
            marks
        };
        let centre = self.classes.iter().find_map(|class| pick(shape, self.voxel, |z| members(*class, z)));
        let found = centre.map(|centre| around(centre, size, shape));
        Ok(Observed { grid, region: of.on_empty.resolve(found, || self.rule())? })
    }
}

impl Patch {
    /// What was looked for, for people.
    fn rule(&self) -> String {
        let mut classes = self.classes.clone();
        classes.sort_unstable();
        let image = self.of.image.as_ref();
        let above = image.map(|key| format!(", where {key:?} is above {}", self.of.image_threshold.unwrap_or(0.0)));
        format!("classes {classes:?} in {:?}{}", self.of.source, above.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use revoxel_core::{Grid, Kind};
    use serde_json::Value;

    use super::*;
    use crate::random::Change;

    /// Labels 0 and 1 in halves, and label 3 at two voxels; no label 2.
    fn label() -> Volume {
        let grid = Grid::without_geometry([6, 5, 4]).unwrap();
        let mut values: Vec<u8> = (0..120).map(|i| u8::from(i % 6 > 2)).collect();
        (values[8], values[119]) = (3, 3);
        Volume::new(values.into(), grid, Kind::Label, 1).unwrap()
    }

    fn starts(params: Value, label: &Volume, image: Option<&Volume>, cases: usize) -> Result<Vec<[usize; 3]>, String> {
        let mut all = json!({ "source": "label", "spatial_size": 1 });
        all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
        let crop: RandCropByLabelClasses = serde_json::from_value(all).unwrap();
        crop.check().unwrap();
        let one = |case: usize| {
            let drawn = crop.draw(&mut Draws::new(8, &case.to_string(), 0));
            let Change::Spatial(patch) = drawn.change else { panic!("nothing was drawn") };
            let seen = patch.observe(label, image);
            seen.map(|o| o.region.unwrap().start.map(|s| s as usize)).map_err(|e| e.to_string())
        };
        (0..cases).map(one).collect()
    }

    fn shares(label: &Volume, starts: &[[usize; 3]]) -> [f64; 4] {
        let count = |c: usize| starts.iter().filter(|s| label.value(**s, 0) == c as f64).count() as f64;
        [0, 1, 2, 3].map(|c| count(c) / starts.len() as f64)
    }

    #[test]
    fn classes_are_drawn_by_their_ratios_and_missing_ones_are_left_out() {
        let label = label();
        let t = |params: Value, expected: [f64; 4]| {
            let starts = starts(params, &label, None, 3000).unwrap();
            let found = shares(&label, &starts);
            // Four standard errors of a half are 0.037.
            assert!((0..4).all(|c| (found[c] - expected[c]).abs() < 0.037), "{found:?}, not {expected:?}");
            starts
        };
        t(json!({ "num_classes": 4 }), [1.0 / 3.0, 1.0 / 3.0, 0.0, 1.0 / 3.0]);
        t(json!({ "num_classes": 2 }), [0.5, 0.5, 0.0, 0.0]);
        let all = t(json!({ "ratios": [1, 2, 5, 1] }), [0.25, 0.5, 0.0, 0.25]);
        for place in [[2, 1, 0], [5, 4, 3]] {
            let here = all.iter().filter(|s| **s == place).count();
            assert!(here.abs_diff(375) < 73, "{place:?}: {here}");
        }
        t(json!({ "ratios": [0, 0, 2, 0.5] }), [0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn an_image_narrows_the_classes_and_channels_are_classes() {
        let label = label();
        let grid = *label.grid();
        let image = (0..120).map(|i| if i < 60 { 3i16 } else { -1 }).collect::<Vec<i16>>();
        let image = Volume::new(image.into(), grid, Kind::Image, 1).unwrap();
        let found = starts(json!({ "num_classes": 4, "image": "image" }), &label, Some(&image), 300).unwrap();
        assert!(found.iter().all(|s| s[2] < 2) && found.contains(&[2, 1, 0]));
        let nowhere = json!({ "ratios": [0, 0, 1], "image": "image" });
        let error = starts(nowhere, &label, Some(&image), 1).unwrap_err();
        assert!(error.contains("classes [2] in \"label\", where \"image\" is above 0"), "{error}");

        let mut channels = vec![0f32; 360];
        (channels[17], channels[120 + 40]) = (0.5, 1.0);
        let probability = Volume::new(channels.into(), grid, Kind::Probability, 3).unwrap();
        let found = starts(json!({ "ratios": [1, 3, 9] }), &probability, None, 200).unwrap();
        assert!(found.iter().all(|s| [[5, 2, 0], [4, 1, 1]].contains(s)) && found.contains(&[5, 2, 0]));
        let error = starts(json!({ "num_classes": 4 }), &probability, None, 1).unwrap_err();
        assert!(error.contains("3 channels") && error.contains("4 classes"), "{error}");
    }

    #[test]
    fn labels_with_a_ratio_are_named() {
        let crop = json!({ "source": "l", "spatial_size": 2, "ratios": [0, 1, 0, 2] });
        let crop: RandCropByLabelClasses = serde_json::from_value(crop).unwrap();
        let named: Vec<f64> = crop.named_labels().iter().map(|n| n.label).collect();
        assert_eq!(named, [1.0, 3.0]);
    }
}
