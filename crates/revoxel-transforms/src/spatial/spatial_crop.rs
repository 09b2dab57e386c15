//! Crops to a box given in voxels.
//!
//! # What it does
//! Keeps a box: `roi_center` with `roi_size`, `roi_start` to `roi_end` (exclusive), or `roi_slices`, a pair of
//! start and end per axis that may be negative (counted from the end) or null. The box is clipped to the volume.
//!
//! ```text
//! [ . . . . . . ]   roi_start 1, roi_end 4   [ . . . ]
//!     └─────┘              ──►
//! ```
//!
//! # YAML
//! ```yaml
//! spatial_crop: { roi_center: [64, 64, 40], roi_size: [96, 96, 32] }
//! ```
//! ```yaml
//! spatial_crop: { roi_start: [10, 0, 5], roi_end: [90, 100, 60] }
//! ```
//! ```yaml
//! spatial_crop: { roi_slices: [[10, -10], [null, 100]] }
//! ```
//!
//! # Inverse
//! The window back: exact inside the box, the kind's fill outside it.
//!
//! # Same as
//! MONAI `SpatialCropd(roi_center, roi_size, roi_start, roi_end, roi_slices)`; an empty box is an error here.

use revoxel_core::{Grid, GridOp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::IntVector;
use crate::planning::window;
use crate::transform::{Evidence, PlanError, SpatialTransform, Transform};

/// Parameters of `spatial_crop`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpatialCrop {
    /// The middle voxel of the box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roi_center: Option<IntVector>,
    /// Voxels of the box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roi_size: Option<IntVector>,
    /// First voxel of the box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roi_start: Option<IntVector>,
    /// One past the last voxel of the box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roi_end: Option<IntVector>,
    /// Start and end per axis; negative counts from the end, null means the end of the axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roi_slices: Option<Vec<[Option<i64>; 2]>>,
}

impl Define for SpatialCrop {
    const NAME: &'static str = "spatial_crop";
    const SOURCE: &'static str = include_str!("spatial_crop.rs");
    const CLASS: Class = Class::Spatial;

    fn check(&self) -> Result<(), Invalid> {
        match (&self.roi_center, &self.roi_size, &self.roi_start, &self.roi_end, &self.roi_slices) {
            (Some(center), Some(size), None, None, None) => {
                center.by_axis("roi_center")?;
                size.by_axis("roi_size")?;
                let small = size.0.iter().find(|s| **s < 1);
                small.map_or(Ok(()), |s| Err(Invalid::new("roi_size", format!("{s} must be at least 1"))))
            }
            (None, None, Some(start), Some(end), None) => {
                start.by_axis("roi_start")?;
                end.by_axis("roi_end")
            }
            (None, None, None, None, Some(slices)) if (1..=3).contains(&slices.len()) => Ok(()),
            (None, None, None, None, Some(slices)) => {
                Err(Invalid::new("roi_slices", format!("{} pairs for three axes", slices.len())))
            }
            _ => Err(Invalid::new("", "give roi_center and roi_size, or roi_start and roi_end, or roi_slices")),
        }
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for SpatialCrop {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let shape = grid.shape();
        let (mut start, mut end) = ([0; 3], shape.map(|n| n as i64));
        for axis in 0..3 {
            let n = shape[axis] as i64;
            if let (Some(center), Some(size)) = (&self.roi_center, &self.roi_size) {
                let size = size.repeated()[axis];
                start[axis] = (center.repeated()[axis] - size / 2).max(0);
                end[axis] = start[axis] + size;
            } else if let (Some(from), Some(to)) = (&self.roi_start, &self.roi_end) {
                (start[axis], end[axis]) = (from.repeated()[axis].max(0), to.repeated()[axis]);
            } else if let Some([from, to]) = self.roi_slices.as_ref().and_then(|s| s.get(axis)) {
                let place = |i: i64| if i < 0 { (i + n).max(0) } else { i };
                (start[axis], end[axis]) = (from.map_or(0, place), to.map_or(n, place));
            }
            end[axis] = end[axis].min(n);
        }
        if (0..3).any(|a| end[a] <= start[a]) {
            return Err(PlanError::NothingLeft { start, end, shape });
        }
        Ok(window(shape, start, end))
    }
}
