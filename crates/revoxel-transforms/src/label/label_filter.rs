//! The transform `label_filter`.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::labels::{Labels, exchange};
use crate::definition::{Class, Define, Invalid};
use crate::label_set::distinct;
use crate::peers::Peer;
use crate::transform::{ApplyError, NamedLabel, Renumbering, Transform, ValueState, ValueTransform};

/// Keeps some labels and removes the others.
///
/// # What it does
/// Sets every label that is not in `applied_labels` to 0. In a volume with several channels these are values in every
/// channel, as in MONAI, not numbers of channels: a one-hot map holds only 0 and 1.
///
/// # YAML
/// ```yaml
/// label_filter: { applied_labels: [1, 5, 7] }
/// ```
///
/// # Inverse
/// The other labels are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelFilter {
    /// The labels to keep.
    applied_labels: Labels,
}

impl Define for LabelFilter {
    const NAME: &'static str = "label_filter";
    const CLASS: Class = Class::Label;
    const PEERS: &'static [Peer] = &[Peer::imported("LabelFilterd").same(&["applied_labels"])];

    fn check(&self) -> Result<(), Invalid> {
        self.applied_labels.check("applied_labels")
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for LabelFilter {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let stays = |label: f64| label == 0.0 || self.applied_labels.has(label);
        if distinct(volume.voxels()).into_iter().all(stays) {
            return Ok((volume, ValueUndo::nothing()));
        }
        let result = exchange(volume, |label| if stays(label) { label } else { 0.0 })?;
        Ok((result, ValueUndo::Lost { reason: "label_filter removed labels".to_owned() }))
    }

    fn named_labels(&self) -> Vec<NamedLabel> {
        self.applied_labels.named("applied_labels")
    }

    fn after(&self, before: &ValueState) -> ValueState {
        let stays = |label: &f64| before.labels.as_ref().is_none_or(|labels| labels.has(*label));
        let labels = Some(self.applied_labels.0.iter().map(|l| *l as f64).filter(stays).collect());
        ValueState { labels, ..before.changed() }
    }

    fn renumbering(&self) -> Renumbering {
        Renumbering::Only(self.applied_labels.0.clone())
    }
}
