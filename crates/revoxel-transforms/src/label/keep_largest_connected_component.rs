//! The transform `keep_largest_connected_component`.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::channels::{self, OneHot};
use super::components::{Components, Join};
use super::labels::{Labels, check_connectivity, repaint};
use super::runs::Runs;
use crate::definition::{Class, Define, Invalid};
use crate::params::yes;
use crate::peers::Peer;
use crate::transform::{
    ApplyError, ChannelRule, NamedLabel, Renumbering, Transform, ValueState, ValueTraits, ValueTransform,
};

/// Keeps the largest connected component of each label.
///
/// # What it does
/// Finds the connected components of each label in `applied_labels` (by default all but 0), keeps the `num_components`
/// with the most voxels and sets the others to 0. With `independent: false` the labels form one foreground.
/// `connectivity` sets which neighbours are connected: 1 those that share a face, 2 also an edge, 3 also a corner. Of
/// components of equal size, the first in the order of the voxels is kept.
///
/// A volume with several channels is a one-hot map: its channels are the labels. They hold 0 and 1 (anything else is an
/// error) and may overlap. `applied_labels` then names channels, from 0 (by default all but channel 0). With
/// `independent: false` the union of these channels is the foreground, and a component that is not kept is removed from
/// all of them. With `is_onehot: false` each channel is a label map, treated separately, and `applied_labels` names its
/// values. With `is_onehot: true` the channels, or the only one, are labels, and any value above 0 counts.
///
/// # YAML
/// ```yaml
/// keep_largest_connected_component: {}
/// ```
/// ```yaml
/// keep_largest_connected_component: { applied_labels: [1, 2], independent: false, connectivity: 1 }
/// ```
///
/// # Inverse
/// Removed voxels are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepLargestConnectedComponent {
    /// The labels, or channels of a one-hot map, to process. Default: all but 0. Others stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    applied_labels: Option<Labels>,
    /// Whether channels are labels, with 0 and 1. Default: they are if the volume has several channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is_onehot: Option<bool>,
    /// Process each label separately; if false, all of them together.
    #[serde(default = "yes")]
    independent: bool,
    /// Neighbours share a face (1), also an edge (2) or also a corner (3).
    #[serde(default = "full")]
    connectivity: u8,
    /// Number of components to keep, of each label or of all together.
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
    const CLASS: Class = Class::Label;
    const PEERS: &'static [Peer] = &[
        Peer::imported("KeepLargestConnectedComponentd")
            .same(&["applied_labels", "is_onehot", "independent", "connectivity", "num_components"])
            .notes(
                "Which of equal components MONAI keeps is not defined. With `is_onehot=False` MONAI treats only the \
                 first of several channels, and refuses them without `applied_labels`. A negative number of a \
                 channel counts from the last one there, and is an error here. If `is_onehot=True` meets values \
                 other than 0 and 1, values above 0 are foreground here; with `independent=False` only 1 is in \
                 MONAI.",
            ),
        Peer::torchio("KeepLargestComponent").always(&[("connectivity", "1")]).notes("It treats one label."),
        Peer::nnunet("remove_all_but_largest_component_from_segmentation")
            .always(&[("independent", "false")])
            .notes("Its list of labels is `applied_labels`."),
    ];
    const ONE_HOT: bool = true;

    fn check(&self) -> Result<(), Invalid> {
        channels::check(self.applied_labels.as_ref(), self.is_onehot)?;
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
        let join = if self.independent { Join::Equal } else { Join::All };
        let drop = |runs: &Runs| -> Vec<bool> {
            let components = Components::of(runs, self.connectivity, join);
            let kept = components.largest(self.independent, self.num_components);
            components.of_run.iter().map(|c| !kept[*c as usize]).collect()
        };
        let lost = |voxels| format!("keep_largest_connected_component removed {voxels} voxels");
        if let Some(channels) = OneHot::of(&volume, self.is_onehot, self.applied_labels.as_ref(), 1)? {
            return channels.strike(volume, !self.independent, drop, lost);
        }
        let keep = |label| label != 0.0 && self.applied_labels.as_ref().is_none_or(|l| l.has(label));
        repaint(volume, keep, |runs| drop(runs).iter().map(|drop| drop.then_some(0.0)).collect(), lost)
    }

    fn named_labels(&self) -> Vec<NamedLabel> {
        channels::named(self.applied_labels.as_ref(), self.is_onehot)
    }

    fn traits(&self) -> ValueTraits {
        let channels = if self.is_onehot.is_none() { ChannelRule::OneHot } else { ChannelRule::Any };
        ValueTraits { channels, ..ValueTraits::default() }
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.clone()
    }

    fn renumbering(&self) -> Renumbering {
        Renumbering::KEPT
    }
}
