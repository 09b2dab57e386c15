//! The transform `mark_outside`.

use revoxel_core::{Dtype, Kind, ValueUndo, Volume, Voxel, dispatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::nonzero::region;
use crate::definition::{Class, Define, Invalid};
use crate::label_set::LabelSet;
use crate::peers::Argument::Renamed;
use crate::peers::Peer;
use crate::transform::{ApplyError, Renumbering, Sources, Transform, ValueState, ValueTraits, ValueTransform};

/// Marks voxels outside the measured region in label maps, as nnU-Net does.
///
/// # What it does
/// The region is where any image of `nonzero_of` is nonzero, with its holes (zeros that the outside does not reach
/// through faces), and where any label map of `nonzero_of` is above 0. Voxels outside the region that are 0 get
/// `label`; other labels stay. A voxel type that does not hold the label becomes the next larger signed type.
///
/// # YAML
/// ```yaml
/// mark_outside: { nonzero_of: [image] }
/// ```
/// ```yaml
/// mark_outside: { nonzero_of: [image], label: 255 }
/// ```
///
/// # Inverse
/// None: which voxels were marked is lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkOutside {
    /// The inputs whose nonzero values form the measured region.
    nonzero_of: Vec<String>,
    /// The label of voxels outside the region.
    #[serde(default = "minus_one")]
    label: i32,
}

const fn minus_one() -> i32 {
    -1
}

impl Define for MarkOutside {
    const NAME: &'static str = "mark_outside";
    const CLASS: Class = Class::Label;
    const PEERS: &'static [Peer] = &[Peer::nnunet("crop_to_nonzero")
        .others(&[Renamed("nonzero_label", "label")])
        .notes("This is its part for the segmentation, as in nnU-Net v2.")];
    const KINDS: &'static [Kind] = &[Kind::Label];

    fn check(&self) -> Result<(), Invalid> {
        match self.nonzero_of.is_empty() {
            true => Err(Invalid::new("nonzero_of", "name the inputs that are nonzero inside the region")),
            false => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for MarkOutside {
    fn apply(&self, _: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        Err(ApplyError::MissingInput(self.nonzero_of.join(", ")))
    }

    fn apply_with(&self, volume: Volume, region: &Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (grid, channels) = (*volume.grid(), volume.channels());
        let dtype = match volume.dtype() {
            Dtype::U64 if self.label < 0 && volume.voxels().label_lost_in(Dtype::I64).is_some() => {
                let highest = volume.voxels().whole_range().unwrap_or_default().1;
                return Err(ApplyError::LongLabels([self.label.into(), highest].into()));
            }
            dtype => holding(dtype, self.label),
        };
        let mut voxels = volume.into_voxels().cast(dtype);
        let inside: Vec<bool> = dispatch!(region.voxels(), v => v.iter().map(|x| x.to_f64() > 0.0).collect());
        let mut marked = 0u64;
        dispatch!(&mut voxels, v => for channel in v.chunks_mut(inside.len()) {
            for (value, inside) in channel.iter_mut().zip(&inside) {
                if !inside && value.to_f64() == 0.0 {
                    *value = Voxel::from_f64(f64::from(self.label));
                    marked += 1;
                }
            }
        });
        let undo = match marked {
            0 => ValueUndo::nothing(),
            _ => ValueUndo::Lost { reason: format!("mark_outside marked {marked} voxels") },
        };
        Ok((Volume::new(voxels, grid, Kind::Label, channels)?, undo))
    }

    fn sources(&self) -> Sources<'_> {
        Sources::Mask(&self.nonzero_of)
    }

    fn mask(&self, sources: &[&Volume]) -> Result<Volume, ApplyError> {
        region(sources)
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits { keeps_long_labels: true, ..ValueTraits::default() }
    }

    fn after(&self, before: &ValueState) -> ValueState {
        let marked = |labels: &LabelSet| labels.iter().chain([f64::from(self.label)]).collect();
        ValueState { labels: before.labels.as_ref().map(marked), ..before.changed() }
    }

    fn renumbering(&self) -> Renumbering {
        Renumbering::Added(vec![(0, i64::from(self.label))])
    }
}

/// The type, or one that holds the label too.
fn holding(dtype: Dtype, label: i32) -> Dtype {
    let label = f64::from(label);
    let holds = |d: Dtype| match d {
        Dtype::U8 => (0.0..=255.0).contains(&label),
        Dtype::I8 => (-128.0..=127.0).contains(&label),
        Dtype::U16 => (0.0..=65535.0).contains(&label),
        Dtype::I16 => (-32768.0..=32767.0).contains(&label),
        Dtype::U32 | Dtype::U64 => label >= 0.0,
        _ => true,
    };
    if holds(dtype) {
        return dtype;
    }
    let larger: &[Dtype] = match dtype {
        Dtype::U8 | Dtype::I8 => &[Dtype::I16, Dtype::I32],
        Dtype::U16 | Dtype::I16 => &[Dtype::I32],
        _ => &[Dtype::I64],
    };
    larger.iter().copied().find(|d| holds(*d)).unwrap_or(Dtype::I64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::define;
    use revoxel_core::Grid;
    use serde_json::json;

    #[test]
    fn zeros_outside_are_marked_and_labels_stay() {
        let grid = Grid::without_geometry([6, 1, 1]).unwrap();
        let image = Volume::new(vec![0i16, 0, 5, 7, 0, 0].into(), grid, Kind::Image, 1).unwrap();
        let label = Volume::new(vec![0u8, 2, 1, 0, 0, 9].into(), grid, Kind::Label, 1).unwrap();
        let t = |params: serde_json::Value, dtype: Dtype, expected: [f64; 6]| {
            let Transform::Value(step) = (define::<MarkOutside>().build)(params).unwrap().transform else { panic!() };
            assert!(step.sources().keys().eq(["image"]));
            let region = step.mask(&[&image]).unwrap();
            let (result, _) = step.apply_with(label.clone(), &region).unwrap();
            assert_eq!((result.dtype(), [0, 1, 2, 3, 4, 5].map(|i| result.voxels().get(i))), (dtype, expected));
        };
        t(json!({ "nonzero_of": ["image"] }), Dtype::I16, [-1.0, 2.0, 1.0, 0.0, -1.0, 9.0]);
        t(json!({ "nonzero_of": ["image"], "label": 40 }), Dtype::U8, [40.0, 2.0, 1.0, 0.0, 40.0, 9.0]);
        t(json!({ "nonzero_of": ["image"], "label": 40000 }), Dtype::I32, [4e4, 2.0, 1.0, 0.0, 4e4, 9.0]);
        assert!((define::<MarkOutside>().build)(json!({ "nonzero_of": [] })).is_err());
    }
}
