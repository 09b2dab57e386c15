//! Crops to a box in the middle.
//!
//! # What it does
//! Keeps `roi_size` voxels around the middle of each axis: from n//2 − size//2 on. An axis that is shorter than
//! the size stays as it is.
//!
//! ```text
//! [ . . . . . . . ]   roi_size 4    [ . . . . ]
//!     └───────┘           ──►
//! ```
//!
//! # YAML
//! ```yaml
//! center_spatial_crop: { roi_size: [96, 96, -1] }
//! ```
//!
//! # Inverse
//! The window back: exact inside the box, the kind's fill outside it.
//!
//! # Same as
//! MONAI `CenterSpatialCropd(roi_size)`.

use revoxel_core::{Grid, GridOp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::IntVector;
use crate::planning::{centre_crop, window};
use crate::transform::{Evidence, PlanError, SpatialTransform, Transform};

/// Parameters of `center_spatial_crop`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CenterSpatialCrop {
    /// Voxels per axis; a number for all; 0 or less keeps an axis.
    roi_size: IntVector,
}

impl Define for CenterSpatialCrop {
    const NAME: &'static str = "center_spatial_crop";
    const SOURCE: &'static str = include_str!("center_spatial_crop.rs");
    const CLASS: Class = Class::Spatial;

    fn check(&self) -> Result<(), Invalid> {
        self.roi_size.by_axis("roi_size")
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for CenterSpatialCrop {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let (start, end) = centre_crop(grid.shape(), self.roi_size.repeated());
        Ok(window(grid.shape(), start, end))
    }
}
