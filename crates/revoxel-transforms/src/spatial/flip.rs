//! The transform `flip`.

use revoxel_core::{Grid, GridOp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::Axes;
use crate::peers::{LAZY, Peer};
use crate::planning::turn::flips;
use crate::transform::{Evidence, Outline, PlanError, SpatialTransform, Transform};

/// Reverses axes.
///
/// # What it does
/// Reverses the order of voxels along `spatial_axis`: one axis, several, or by default all. The affine follows, so
/// every voxel keeps its place in the patient.
///
/// ```text
/// [ a b c ]  ──►  [ c b a ]
/// ```
///
/// # YAML
/// ```yaml
/// flip: { spatial_axis: 0 }
/// ```
/// ```yaml
/// flip: { spatial_axis: [0, -1] }
/// ```
///
/// # Inverse
/// The same flip; exact.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flip {
    /// The axes to reverse, 0 to 2 (0 and 1 for a 2-D volume). Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spatial_axis: Option<Axes>,
}

impl Define for Flip {
    const NAME: &'static str = "flip";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::imported("Flipd").same(&["spatial_axis"]).ignored(&[LAZY]),
        Peer::torchio("Flip").notes(
            "It keeps the old affine: its result is a mirrored patient, not the same patient stored in reverse \
             order.",
        ),
    ];

    fn check(&self) -> Result<(), Invalid> {
        self.spatial_axis.as_ref().map_or(Ok(()), |axes| axes.resolve("spatial_axis").map(|_| ()))
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for Flip {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        Ok(vec![GridOp::Reorient(flips(self.spatial_axis.as_ref().map(|a| &*a.0.0), grid)?)])
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        before.through(self.plan(before.like(), &Evidence::default()))
    }
}
