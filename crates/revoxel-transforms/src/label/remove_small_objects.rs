//! The transform `remove_small_objects`.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::channels::{self, OneHot};
use super::components::{Components, Join};
use super::labels::{Labels, check_connectivity, repaint};
use super::runs::Runs;
use crate::definition::{Class, Define, Invalid};
use crate::params::yes;
use crate::peers::Argument::{Renamed, Special};
use crate::peers::Peer;
use crate::transform::{
    ApplyError, ChannelRule, NamedLabel, Renumbering, Transform, ValueState, ValueTraits, ValueTransform,
};

/// Removes connected components that are too small.
///
/// # What it does
/// Sets the connected components of each label to 0 that have fewer voxels than `min_size_voxels`, or less volume than
/// `min_size_mm3` (voxels times the volume of a voxel, which is right on oblique and sheared grids too). With
/// `independent: false` the components of all labels together are measured: touching labels count as one object.
/// `connectivity` sets which neighbours are connected: 1 those that share a face, 2 also an edge, 3 also a corner.
///
/// A volume with several channels is a one-hot map: its channels are the labels. They hold 0 and 1 (anything else is an
/// error) and may overlap. `applied_labels` then names channels, from 0 (by default all, channel 0 included). With
/// `independent: true` each channel is measured separately. With `independent: false` the union of the channels is
/// measured (a voxel in two of them counts once), and objects that are too small are removed from all of them; if
/// channel 0 is the background, name the others in `applied_labels`. With `is_onehot: false` each channel is a label
/// map, treated separately, and `applied_labels` names its values. With `is_onehot: true` the channels, or the only
/// one, are labels, and any value above 0 counts.
///
/// # YAML
/// ```yaml
/// remove_small_objects: { min_size_mm3: 10 }
/// ```
/// ```yaml
/// remove_small_objects: { min_size_voxels: 64, connectivity: 3, independent: false }
/// ```
///
/// # Inverse
/// Removed voxels are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveSmallObjects {
    /// Components with fewer voxels are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_size_voxels: Option<u64>,
    /// Components with a smaller volume, in mm³, are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_size_mm3: Option<f64>,
    /// The labels (default: all but 0), or channels of a one-hot map (default: all), to process. Others stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    applied_labels: Option<Labels>,
    /// Whether channels are labels, with 0 and 1. Default: they are if the volume has several channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is_onehot: Option<bool>,
    /// Neighbours share a face (1), also an edge (2) or also a corner (3).
    #[serde(default = "faces")]
    connectivity: u8,
    /// Process each label separately; if false, all of them together.
    #[serde(default = "yes")]
    independent: bool,
}

const fn faces() -> u8 {
    1
}

impl Define for RemoveSmallObjects {
    const NAME: &'static str = "remove_small_objects";
    const CLASS: Class = Class::Label;
    const PEERS: &'static [Peer] = &[Peer::imported("RemoveSmallObjectsd")
        .same(&["connectivity"])
        .others(&[
            Renamed("min_size", "min_size_voxels"),
            Renamed("independent_channels", "independent"),
            Special("by_measure", "min_size_mm3"),
        ])
        .always(&[("min_size_voxels", "64")])
        .notes(
            "The step does what MONAI documents, with the unit in the name of the parameter. MONAI 1.6.1 behaves \
             differently:\n\n\
             - With scikit-image 0.26 or later it also removes objects of exactly `min_size`. Its documentation, \
             and this step, remove only smaller ones.\n\
             - On a map with several labels it counts the voxels of a label as a whole, however many pieces it \
             has. Here each piece is measured.\n\
             - It takes several channels as a fourth axis: objects connect through neighbouring channels where \
             they overlap, and with `connectivity` 2 or 3 also where they touch; overlaps count twice. It does \
             so with either value of `independent_channels`. Here channels are separate, or form one region.\n\
             - Negative labels are an error there, count as the label 1 where no label is above 1, and are \
             erased with `independent_channels=False`. Here they are ordinary labels.\n\
             - A constant volume stays there, however small it is.",
        )];
    const ONE_HOT: bool = true;

    fn check(&self) -> Result<(), Invalid> {
        match (self.min_size_voxels, self.min_size_mm3) {
            (None, None) => return Err(Invalid::new("", "give min_size_voxels or min_size_mm3")),
            (Some(_), Some(_)) => {
                return Err(Invalid::new("min_size_mm3", "give min_size_voxels or min_size_mm3, not both"));
            }
            (_, Some(mm3)) if !(mm3.is_finite() && mm3 >= 0.0) => {
                return Err(Invalid::new("min_size_mm3", format!("{mm3} is not a volume: give mm³, 0 or more")));
            }
            _ => {}
        }
        channels::check(self.applied_labels.as_ref(), self.is_onehot)?;
        check_connectivity(self.connectivity)
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for RemoveSmallObjects {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let voxel = volume.grid().voxel_volume();
        let join = if self.independent { Join::Equal } else { Join::All };
        let small = |size: u64| match (self.min_size_voxels, self.min_size_mm3) {
            (Some(voxels), _) => size < voxels,
            // An object of just the size stays, whatever the last digit of the affine.
            (_, Some(mm3)) => (size as f64) * voxel < mm3 * (1.0 - 1e-9),
            _ => false,
        };
        let drop = |runs: &Runs| -> Vec<bool> {
            let components = Components::of(runs, self.connectivity, join);
            components.of_run.iter().map(|c| small(components.sizes[*c as usize])).collect()
        };
        let lost = |voxels| format!("remove_small_objects removed {voxels} voxels");
        if let Some(channels) = OneHot::of(&volume, self.is_onehot, self.applied_labels.as_ref(), 0)? {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::define;
    use revoxel_core::{Affine, Grid, Kind};
    use serde_json::json;

    #[test]
    fn volumes_are_measured_through_the_affine() {
        // A sheared grid: a voxel has 2 * 1 * 3 = 6 mm³, whatever the shear.
        let affine = Affine::from_rows([[2.0, 0.7, 0.0, 1.0], [0.0, 1.0, -0.4, 2.0], [0.0, 0.0, 3.0, 3.0]]);
        let grid = Grid::new([5, 1, 1], affine).unwrap();
        let volume = Volume::new(vec![1u8, 1, 0, 2, 2].into(), grid, Kind::Label, 1).unwrap();
        let t = |params: serde_json::Value| {
            let Transform::Value(step) = (define::<RemoveSmallObjects>().build)(params).unwrap().transform else {
                panic!()
            };
            let (result, undo) = step.apply(volume.clone()).unwrap();
            (result.voxels().get(0), result.voxels().get(4), matches!(undo, ValueUndo::Lost { .. }))
        };
        assert_eq!(t(json!({ "min_size_mm3": 12.0 })), (1.0, 2.0, false));
        assert_eq!(t(json!({ "min_size_mm3": 12.1 })), (0.0, 0.0, true));
        assert_eq!(t(json!({ "min_size_mm3": 12.1, "applied_labels": 2 })), (1.0, 0.0, true));
        assert_eq!(t(json!({ "min_size_voxels": 3 })), (0.0, 0.0, true));
    }
}
