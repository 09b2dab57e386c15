//! The transform `remove_labels`.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::labels::{Labels, exchange};
use crate::definition::{Class, Define, Invalid};
use crate::label_set::distinct;
use crate::peers::Peer;
use crate::transform::{ApplyError, NamedLabel, Renumbering, Transform, ValueState, ValueTransform};

/// Removes some labels.
///
/// # What it does
/// Sets every label in `labels` to `background_label`. In a volume with several channels these are values in every
/// channel.
///
/// # YAML
/// ```yaml
/// remove_labels: { labels: [2, 3] }
/// ```
///
/// # Inverse
/// The removed labels are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveLabels {
    /// The labels to remove.
    labels: Labels,
    /// The label that replaces them.
    #[serde(default)]
    background_label: i64,
}

impl Define for RemoveLabels {
    const NAME: &'static str = "remove_labels";
    const CLASS: Class = Class::Label;
    const PEERS: &'static [Peer] = &[Peer::torchio("RemoveLabels")
        .same(&["labels", "background_label"])
        .notes("Its `masking_method` is not supported, and naming a label that no case contains is an error here.")];

    fn check(&self) -> Result<(), Invalid> {
        self.labels.check("labels")?;
        if self.labels.0.contains(&self.background_label) {
            let problem = format!("{} is listed for removal, but is the background_label", self.background_label);
            return Err(Invalid::new("labels", problem));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for RemoveLabels {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        if !distinct(volume.voxels()).into_iter().any(|label| self.labels.has(label)) {
            return Ok((volume, ValueUndo::nothing()));
        }
        let background = self.background_label as f64;
        let result = exchange(volume, |label| if self.labels.has(label) { background } else { label })?;
        Ok((result, ValueUndo::Lost { reason: "remove_labels removed labels".to_owned() }))
    }

    fn named_labels(&self) -> Vec<NamedLabel> {
        self.labels.named("labels")
    }

    fn after(&self, before: &ValueState) -> ValueState {
        let after = |label: f64| if self.labels.has(label) { self.background_label as f64 } else { label };
        let labels = before.labels.as_ref().map(|labels| labels.iter().map(after).collect());
        ValueState { labels, ..before.changed() }
    }

    fn renumbering(&self) -> Renumbering {
        Renumbering::Exchanged(self.labels.0.iter().map(|label| (*label, self.background_label)).collect())
    }
}
