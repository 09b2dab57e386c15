//! The transform `sequential_labels`.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::labels::{exchange, exchange_undo};
use crate::definition::{Class, Define};
use crate::label_set::LabelSet;
use crate::label_set::distinct;
use crate::peers::Peer;
use crate::transform::{ApplyError, Transform, UndoRule, ValueState, ValueTraits, ValueTransform};

/// Numbers labels consecutively.
///
/// # What it does
/// Replaces the labels of a volume, in rising order, by 0, 1, 2 and so on. The numbers depend on the labels that a
/// volume holds; for the same numbers in every case use `map_label_value`. The labels of all channels are numbered
/// together; a one-hot map, which holds 0 and 1, stays as it is.
///
/// # YAML
/// ```yaml
/// sequential_labels: {}
/// ```
///
/// # Inverse
/// Restores the labels, for predictions too; exact.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SequentialLabels {}

impl Define for SequentialLabels {
    const NAME: &'static str = "sequential_labels";
    const CLASS: Class = Class::Label;
    const PEERS: &'static [Peer] = &[Peer::torchio("SequentialLabels").notes("Its `masking_method` is not supported.")];

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for SequentialLabels {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let labels = distinct(volume.voxels());
        let pairs: Vec<(f64, f64)> = labels.iter().enumerate().map(|(i, label)| (*label, i as f64)).collect();
        let number = |label: f64| labels.binary_search_by(|l| l.total_cmp(&label)).map_or(label, |i| i as f64);
        Ok((exchange(volume, number)?, exchange_undo(&pairs, [])))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits { undo: UndoRule::Relabels, ..ValueTraits::default() }
    }

    fn after(&self, before: &ValueState) -> ValueState {
        // A volume need not hold all of them.
        let numbers = |labels: &LabelSet| (0..labels.count()).map(|number| number as f64).collect();
        ValueState { labels: before.labels.as_ref().map(numbers), ..before.changed() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Grid, Kind};

    #[test]
    fn labels_come_back() {
        let grid = Grid::without_geometry([4, 1, 1]).unwrap();
        let before = [-1i16, 99, 7, 300];
        let volume = Volume::new(before.to_vec().into(), grid, Kind::Label, 1).unwrap();
        let (result, undo) = SequentialLabels {}.apply(volume).unwrap();
        assert_eq!(*result.voxels(), vec![0i16, 2, 1, 3].into());
        for (i, label) in before.iter().enumerate() {
            assert_eq!(undo.before(0, result.voxels().get(i)), Some(f64::from(*label)));
        }
    }
}
