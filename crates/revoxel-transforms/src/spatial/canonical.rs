//! Reorients the voxel axes to RAS.
//!
//! # What it does
//! Permutes and flips the axes so that they point as closely as possible to the right, anterior and superior ends. No
//! voxel is interpolated; an oblique volume stays oblique. The same as `orientation: { closest_canonical: true }`.
//!
//! # YAML
//! ```yaml
//! canonical: {}
//! ```
//!
//! # Inverse
//! The inverse permutation; exact.
//!
//! # Same as
//! TorchIO `ToCanonical`; nibabel `as_closest_canonical`; MONAI `Orientationd(as_closest_canonical=True)`.

use revoxel_core::{Grid, GridOp, Orientation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define};
use crate::planning::planar::turned;
use crate::transform::{Evidence, PlanError, SpatialTransform, Transform};

/// Parameters of `canonical`: none.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Canonical {}

impl Define for Canonical {
    const NAME: &'static str = "canonical";
    const SOURCE: &'static str = include_str!("canonical.rs");
    const CLASS: Class = Class::Spatial;

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for Canonical {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        turned(grid, grid.turn_to(&Orientation::RAS), &Orientation::RAS)
    }
}
