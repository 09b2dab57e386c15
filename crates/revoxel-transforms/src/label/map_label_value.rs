//! The transform `map_label_value`.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::labels::{Labels, exchange_pairs, exchange_pairs_undo};
use crate::definition::{Class, Define, Invalid};
use crate::label_set::distinct;
use crate::peers::Argument::Listed;
use crate::peers::{DTYPE, Peer};
use crate::transform::{
    ApplyError, NamedLabel, Renumbering, Transform, UndoRule, ValueState, ValueTraits, ValueTransform,
};

/// Replaces labels by other labels.
///
/// # What it does
/// Replaces each label in `orig_labels` by the one at the same position of `target_labels`, all at once: labels can be
/// swapped. Labels that are not listed stay. The voxel type stays if it holds the new labels. In a volume with several
/// channels these are values in every channel. Labels beyond 2⁵³ stay exact.
///
/// # YAML
/// ```yaml
/// map_label_value: { orig_labels: [3, 5, 1, 0], target_labels: [0, 1, 2, 3] }
/// ```
///
/// # Inverse
/// The reverse replacement, for predictions too; lost if two labels become the same, or if a listed label beyond 2⁵³ is
/// not exact in double precision.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapLabelValue {
    /// The labels to replace.
    orig_labels: Labels,
    /// The new label of each, in the same order.
    target_labels: Labels,
}

impl Define for MapLabelValue {
    const NAME: &'static str = "map_label_value";
    const CLASS: Class = Class::Label;
    const PEERS: &'static [Peer] = &[
        Peer::imported("MapLabelValued")
            .same(&["orig_labels", "target_labels"])
            .ignored(&[DTYPE])
            .notes("It returns float32. Naming a label that no case contains is an error here."),
        Peer::torchio("RemapLabels")
            .others(&[Listed("remapping")])
            .notes("Its `masking_method` is not supported. Naming a label that no case contains is an error here."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        let (from, to) = (self.orig_labels.0.len(), self.target_labels.0.len());
        if from != to {
            return Err(Invalid::new("target_labels", format!("{to} labels for {from} in orig_labels: give {from}")));
        }
        self.orig_labels.check("orig_labels")
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for MapLabelValue {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let listed = self.orig_labels.0.iter().zip(&self.target_labels.0);
        let pairs: Vec<(i64, i64)> = listed.map(|(from, to)| (*from, *to)).collect();
        let undo = exchange_pairs_undo(&pairs, distinct(volume.voxels()));
        Ok((exchange_pairs(volume, &pairs)?, undo))
    }

    fn named_labels(&self) -> Vec<NamedLabel> {
        self.orig_labels.named("orig_labels")
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits { keeps_long_labels: true, undo: UndoRule::Relabels, ..ValueTraits::default() }
    }

    fn after(&self, before: &ValueState) -> ValueState {
        let position = |label: f64| self.orig_labels.0.iter().position(|l| *l as f64 == label);
        let after = |label: f64| position(label).map_or(label, |at| self.target_labels.0[at] as f64);
        let labels = before.labels.as_ref().map(|labels| labels.iter().map(after).collect());
        ValueState { labels, ..before.changed() }
    }

    fn renumbering(&self) -> Renumbering {
        Renumbering::Exchanged(self.orig_labels.0.iter().copied().zip(self.target_labels.0.iter().copied()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::define;
    use revoxel_core::{Dtype, Grid, Kind};
    use serde_json::json;

    fn apply(values: Vec<u8>, from: &[i64], to: &[i64]) -> (Volume, ValueUndo) {
        let grid = Grid::without_geometry([values.len(), 1, 1]).unwrap();
        let volume = Volume::new(values.into(), grid, Kind::Label, 1).unwrap();
        let params = json!({ "orig_labels": from, "target_labels": to });
        let Transform::Value(step) = (define::<MapLabelValue>().build)(params).unwrap().transform else { panic!() };
        step.apply(volume).unwrap()
    }

    #[test]
    fn exchanged_labels_come_back() {
        fn t(from: &[i64], to: &[i64]) {
            let before = [0u8, 1, 2, 3, 5, 7];
            let (result, undo) = apply(before.to_vec(), from, to);
            for (i, label) in before.iter().enumerate() {
                assert_eq!(undo.before(0, result.voxels().get(i)), Some(f64::from(*label)), "{from:?} {to:?}");
            }
        }
        t(&[1, 2], &[2, 1]);
        t(&[0, 1, 2, 3, 5, 7], &[5, 4, 3, 2, 1, 0]);
        t(&[7], &[1000]);
        t(&[4], &[9]);
    }

    #[test]
    fn labels_that_meet_are_lost_and_types_grow() {
        let lost = |from: &[i64], to: &[i64]| matches!(apply(vec![0, 1, 2], from, to).1, ValueUndo::Lost { .. });
        assert!(lost(&[2], &[1]) && lost(&[1, 2], &[3, 3]) && !lost(&[1, 2], &[2, 3]));
        assert_eq!(apply(vec![0, 1], &[1], &[255]).0.dtype(), Dtype::U8);
        assert_eq!(apply(vec![0, 1], &[1], &[256]).0.dtype(), Dtype::U16);
        assert_eq!(apply(vec![0, 1], &[1], &[-1]).0.dtype(), Dtype::I8);
    }
}
