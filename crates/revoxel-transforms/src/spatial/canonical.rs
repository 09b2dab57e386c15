//! The transform `canonical`.

use revoxel_core::{Grid, GridOp, Orientation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define};
use crate::peers::Argument::Fixed;
use crate::peers::{Peer, Program};
use crate::planning::planar::turned;
use crate::transform::{Evidence, Outline, PlanError, SpatialTransform, Transform};

/// Reorients the voxel axes to RAS.
///
/// # What it does
/// Permutes and flips the axes so that they point as closely as possible to the right, anterior and superior ends. No
/// voxel is interpolated; an oblique volume stays oblique. The same as `orientation: { closest_canonical: true }`.
///
/// # YAML
/// ```yaml
/// canonical: {}
/// ```
///
/// # Inverse
/// The inverse permutation; exact.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Canonical {}

impl Define for Canonical {
    const NAME: &'static str = "canonical";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::torchio("ToCanonical"),
        Peer::new(Program::Nibabel, "as_closest_canonical"),
        Peer::monai("Orientationd").others(&[Fixed("as_closest_canonical", "true")]),
    ];

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for Canonical {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        turned(grid, grid.turn_to(&Orientation::RAS), &Orientation::RAS)
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        before.through(self.plan(before.like(), &Evidence::default()))
    }
}
