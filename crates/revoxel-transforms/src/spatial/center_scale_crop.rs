//! The transform `center_scale_crop`.

use revoxel_core::{Grid, GridOp, IndexBox};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::RealVector;
use crate::peers::{LAZY, Peer};
use crate::planning::boxes::{carried, clipped, source_grid};
use crate::planning::{centre_crop, window};
use crate::transform::{Evidence, Outline, PlanError, Sources, SpatialTransform, Transform};

/// Crops to a central fraction of the volume.
///
/// # What it does
/// Keeps the fraction `roi_scale` of each axis around its centre, rounded up to whole voxels, from index n//2 − size//2
/// on. With `source`, the box refers to the grid of that input, and inputs on other grids are cropped to the same world
/// region.
///
/// ```text
/// [ . . . . . . . ]   roi_scale 0.5   [ . . . . ]
///     └───────┘           ──►
/// ```
///
/// # YAML
/// ```yaml
/// center_scale_crop: { roi_scale: [0.8, 0.8, 1] }
/// ```
///
/// # Inverse
/// Restores the previous grid: exact inside the box, the kind's fill outside it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CenterScaleCrop {
    /// Fraction of each axis to keep; one number applies to all axes; 0 or less keeps an axis, as 1 does.
    roi_scale: RealVector,
    /// The input whose grid the box refers to; by default each input's own grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl Define for CenterScaleCrop {
    const NAME: &'static str = "center_scale_crop";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::imported("CenterScaleCropd")
        .same(&["roi_scale"])
        .ignored(&[LAZY])
        .notes("It takes a fraction above 1 as the whole axis; here that is an error.")];

    fn check(&self) -> Result<(), Invalid> {
        self.roi_scale.by_axis("roi_scale")?;
        match self.roi_scale.0.iter().find(|s| **s > 1.0) {
            Some(wrong) => Err(Invalid::new("roi_scale", format!("{wrong} is more than the whole: give up to 1"))),
            None => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for CenterScaleCrop {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let there = source_grid(self.source.as_deref(), grid, evidence)?;
        let (n, scale) = (there.shape(), self.roi_scale.repeated());
        let (start, end) = centre_crop(n, [0, 1, 2].map(|a| (scale[a] * n[a] as f64).ceil() as i64));
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
