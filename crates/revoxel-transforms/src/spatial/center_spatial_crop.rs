//! The transform `center_spatial_crop`.

use revoxel_core::{Grid, GridOp, IndexBox};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::IntVector;
use crate::peers::{LAZY, Peer};
use crate::planning::boxes::{carried, clipped, source_grid};
use crate::planning::{centre_crop, window};
use crate::transform::{Evidence, Outline, PlanError, Sources, SpatialTransform, Transform};

/// Crops to a central box.
///
/// # What it does
/// Keeps `roi_size` voxels around the centre of each axis, from index n//2 − size//2 on. An axis shorter than the size
/// stays as it is. With `source`, the box refers to the grid of that input, and inputs on other grids are cropped to
/// the same world region.
///
/// ```text
/// [ . . . . . . . ]   roi_size 4    [ . . . . ]
///     └───────┘           ──►
/// ```
///
/// # YAML
/// ```yaml
/// center_spatial_crop: { roi_size: [96, 96, -1] }
/// ```
/// ```yaml
/// center_spatial_crop: { roi_size: 64, source: ct }
/// ```
///
/// # Inverse
/// Restores the previous grid: exact inside the box, the kind's fill outside it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CenterSpatialCrop {
    /// Voxels by axis; one number applies to all axes; 0 or less keeps an axis.
    roi_size: IntVector,
    /// The input whose grid the box refers to; by default each input's own grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl Define for CenterSpatialCrop {
    const NAME: &'static str = "center_spatial_crop";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::imported("CenterSpatialCropd").same(&["roi_size"]).ignored(&[LAZY])];

    fn check(&self) -> Result<(), Invalid> {
        self.roi_size.by_axis("roi_size")
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for CenterSpatialCrop {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let there = source_grid(self.source.as_deref(), grid, evidence)?;
        let (start, end) = centre_crop(there.shape(), self.roi_size.repeated());
        let region = clipped(&carried(&IndexBox::from_bounds(start, end), there, grid), grid)?;
        Ok(window(grid.shape(), region.start, region.end()))
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        Some(before.cropped(|grid| self.plan(grid, &Evidence::default())))
    }

    fn sources(&self) -> Sources<'_> {
        self.source.as_deref().map_or(Sources::Nothing, Sources::grid)
    }
}
