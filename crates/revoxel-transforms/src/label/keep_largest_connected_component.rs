//! Keeps the largest connected component of each label.
//!
//! # What it does
//! Finds the connected components of each label in `applied_labels` (all labels but 0 where it is left out), keeps
//! the `num_components` with the most voxels and sets the others to 0. With `independent: false` the labels are
//! taken together as one foreground. `connectivity` says which neighbours count: 1 those that share a face, 2 an
//! edge too, 3 a corner too. Of components of equal size the first in the order of the voxels is kept.
//!
//! # YAML
//! ```yaml
//! keep_largest_connected_component: {}
//! ```
//! ```yaml
//! keep_largest_connected_component: { applied_labels: [1, 2], independent: false, connectivity: 1 }
//! ```
//!
//! # Inverse
//! What was removed is lost.
//!
//! # Same as
//! MONAI `KeepLargestConnectedComponentd(applied_labels, independent, connectivity, num_components)` with
//! `is_onehot=False` (which of equal components MONAI keeps is not defined); TorchIO `KeepLargestComponent` for
//! `connectivity: 1` and one label; nnU-Net's `remove_all_but_largest_component_from_segmentation` for
//! `independent: false`, with its list of labels as `applied_labels`.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::components::{Components, Join};
use super::labels::{Labels, check, check_connectivity, named, repaint};
use crate::definition::{Class, Define, Invalid};
use crate::label_set::LabelSet;
use crate::params::yes;
use crate::transform::{ApplyError, NamedLabel, Transform, ValueTransform};

/// Parameters of `keep_largest_connected_component`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepLargestConnectedComponent {
    /// The labels that are looked at; all but 0 where it is left out. Others stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    applied_labels: Option<Labels>,
    /// Each label by itself; else all of them together.
    #[serde(default = "yes")]
    independent: bool,
    /// Neighbours share a face (1), an edge (2) or a corner (3).
    #[serde(default = "full")]
    connectivity: u8,
    /// How many components are kept, of each label or of all together.
    #[serde(default = "one")]
    num_components: usize,
}

const fn full() -> u8 {
    3
}

const fn one() -> usize {
    1
}

impl Define for KeepLargestConnectedComponent {
    const NAME: &'static str = "keep_largest_connected_component";
    const SOURCE: &'static str = include_str!("keep_largest_connected_component.rs");
    const CLASS: Class = Class::Label;

    fn check(&self) -> Result<(), Invalid> {
        check("applied_labels", self.applied_labels.as_ref())?;
        check_connectivity(self.connectivity)?;
        if self.num_components == 0 {
            return Err(Invalid::new("num_components", "0 would remove everything: keep at least 1"));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for KeepLargestConnectedComponent {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let keep = |label| label != 0.0 && self.applied_labels.as_ref().is_none_or(|l| l.has(label));
        let join = if self.independent { Join::Equal } else { Join::All };
        repaint(
            volume,
            keep,
            |runs| {
                let components = Components::of(runs, self.connectivity, join);
                let kept = components.largest(self.independent, self.num_components);
                components.of_run.iter().map(|c| (!kept[*c as usize]).then_some(0.0)).collect()
            },
            |voxels| format!("keep_largest_connected_component removed {voxels} voxels"),
        )
    }

    fn named_labels(&self) -> Vec<NamedLabel> {
        named("applied_labels", self.applied_labels.as_ref())
    }

    fn labels_after(&self, labels: Option<&LabelSet>) -> Option<LabelSet> {
        labels.cloned()
    }
}
