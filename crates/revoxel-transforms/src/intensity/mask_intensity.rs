//! The transform `mask_intensity`.

use revoxel_core::{ValueUndo, Volume, Voxel, Voxels, dispatch, parallel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rescale::holding;
use crate::definition::{Class, Define, Invalid};
use crate::peers::Argument::{Listed, Renamed};
use crate::peers::Peer;
use crate::transform::{ApplyError, NamedLabel, Sources, Transform, ValueState, ValueTransform};

/// Sets values outside a mask to one value.
///
/// # What it does
/// Keeps values where the input `source` is above 0, or holds one of `labels`, and sets all others to `cval`. The
/// source must lie on the same grid. The voxel type stays if it holds `cval`.
///
/// # YAML
/// ```yaml
/// mask_intensity: { source: label, labels: [1, 2], cval: -1000 }
/// ```
///
/// # Inverse
/// Values outside the mask are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaskIntensity {
    /// The input with the mask.
    source: String,
    /// The values of the source inside the mask. Default: all above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<f64>>,
    /// New value outside the mask.
    #[serde(default)]
    cval: f64,
}

impl Define for MaskIntensity {
    const NAME: &'static str = "mask_intensity";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[
        Peer::imported("MaskIntensityd").others(&[Renamed("mask_key", "source")]).notes(
            "It casts the mask to the voxel type of the image: a probability below 1 becomes 0 in whole numbers, \
             and a label of −1 is inside in uint8. Its `mask_data` and `select_fn` are not supported.",
        ),
        Peer::torchio("Mask")
            .same(&["labels"])
            .others(&[Renamed("outside_value", "cval"), Listed("masking_method")])
            .notes("Naming a label that no case contains is an error here."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        if self.labels.as_ref().is_some_and(Vec::is_empty) {
            return Err(Invalid::new("labels", "the list is empty: name at least one label"));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for MaskIntensity {
    fn apply(&self, _: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        Err(ApplyError::MissingInput(self.source.clone()))
    }

    fn apply_with(&self, volume: Volume, source: &Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        fn replace<T: Voxel>(values: &[T], inside: &[bool], cval: T) -> Vec<T> {
            parallel::map_indices(values.len(), |i| if inside[i % inside.len()] { values[i] } else { cval })
        }
        if source.channels() != 1 && source.channels() != volume.channels() {
            let problem = "as a source it needs one channel, or as many as the volume that changes";
            return Err(ApplyError::ChannelCount { channels: source.channels(), problem });
        }
        let is_inside = |x: f64| self.labels.as_ref().map_or(x > 0.0, |labels| labels.contains(&x));
        let inside: Vec<bool> = dispatch!(source.voxels(), v => parallel::map_values(v, |x| is_inside(x.to_f64())));
        let volume = holding(volume, self.cval);
        let voxels: Voxels = dispatch!(volume.voxels(), v => replace(v, &inside, Voxel::from_f64(self.cval)).into());
        let undo = if voxels == *volume.voxels() {
            ValueUndo::nothing()
        } else {
            ValueUndo::Lost { reason: format!("mask_intensity made values {}", self.cval) }
        };
        Ok((volume.with_voxels(voxels)?, undo))
    }

    fn named_labels(&self) -> Vec<NamedLabel> {
        NamedLabel::list("labels", self.labels.iter().flatten().copied())
    }

    fn sources(&self) -> Sources<'_> {
        Sources::voxels(&self.source)
    }

    fn after(&self, before: &ValueState) -> ValueState {
        let dtype = before.dtype.map(|dtype| dtype.holding(self.cval));
        ValueState { dtype, ..before.changed() }
    }
}
