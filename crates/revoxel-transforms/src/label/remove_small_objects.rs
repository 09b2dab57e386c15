//! Removes connected components that are too small.
//!
//! # What it does
//! Sets the connected components of each label to 0 that have fewer voxels than `min_size_voxels`, or less volume
//! than `min_size_mm3` (voxels times the volume of a voxel, which is right on oblique and sheared grids too). With
//! `independent: false` components of all labels together are measured: touching labels count as one object.
//!
//! # YAML
//! ```yaml
//! remove_small_objects: { min_size_mm3: 10 }
//! ```
//! ```yaml
//! remove_small_objects: { min_size_voxels: 64, connectivity: 3, independent: false }
//! ```
//!
//! # Inverse
//! What was removed is lost.
//!
//! # Same as
//! MONAI `RemoveSmallObjectsd(min_size, connectivity, independent_channels, by_measure)`, with the unit in the name
//! of the parameter. On maps with several labels MONAI counts the voxels of a label as a whole, however many pieces
//! it has; here, as its documentation says, each piece is measured.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::components::{Components, Join};
use super::labels::{Labels, check, check_connectivity, named, repaint};
use crate::definition::{Class, Define, Invalid};
use crate::label_set::LabelSet;
use crate::params::yes;
use crate::transform::{ApplyError, NamedLabel, Transform, ValueTransform};

/// Parameters of `remove_small_objects`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveSmallObjects {
    /// Components with fewer voxels are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_size_voxels: Option<u64>,
    /// Components with less volume, in mm³, are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_size_mm3: Option<f64>,
    /// The labels that are looked at; all but 0 where it is left out. Others stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    applied_labels: Option<Labels>,
    /// Neighbours share a face (1), an edge (2) or a corner (3).
    #[serde(default = "faces")]
    connectivity: u8,
    /// Each label by itself; else all of them together.
    #[serde(default = "yes")]
    independent: bool,
}

const fn faces() -> u8 {
    1
}

impl Define for RemoveSmallObjects {
    const NAME: &'static str = "remove_small_objects";
    const SOURCE: &'static str = include_str!("remove_small_objects.rs");
    const CLASS: Class = Class::Label;

    fn check(&self) -> Result<(), Invalid> {
        match (self.min_size_voxels, self.min_size_mm3) {
            (None, None) => return Err(Invalid::new("", "give min_size_voxels or min_size_mm3")),
            (Some(_), Some(_)) => {
                return Err(Invalid::new("min_size_mm3", "give min_size_voxels or min_size_mm3, not both"));
            }
            (_, Some(mm3)) if !(mm3.is_finite() && mm3 >= 0.0) => {
                return Err(Invalid::new("min_size_mm3", format!("{mm3} is no volume: give mm³, 0 or more")));
            }
            _ => {}
        }
        check("applied_labels", self.applied_labels.as_ref())?;
        check_connectivity(self.connectivity)
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for RemoveSmallObjects {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let voxel = volume.grid().voxel_volume();
        let keep = |label| label != 0.0 && self.applied_labels.as_ref().is_none_or(|l| l.has(label));
        let join = if self.independent { Join::Equal } else { Join::All };
        let small = |size: u64| match (self.min_size_voxels, self.min_size_mm3) {
            (Some(voxels), _) => size < voxels,
            // An object of just the size stays, whatever the last digit of the affine.
            (_, Some(mm3)) => (size as f64) * voxel < mm3 * (1.0 - 1e-9),
            _ => false,
        };
        repaint(
            volume,
            keep,
            |runs| {
                let components = Components::of(runs, self.connectivity, join);
                components.of_run.iter().map(|c| small(components.sizes[*c as usize]).then_some(0.0)).collect()
            },
            |voxels| format!("remove_small_objects removed {voxels} voxels"),
        )
    }

    fn named_labels(&self) -> Vec<NamedLabel> {
        named("applied_labels", self.applied_labels.as_ref())
    }

    fn labels_after(&self, labels: Option<&LabelSet>) -> Option<LabelSet> {
        labels.cloned()
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
