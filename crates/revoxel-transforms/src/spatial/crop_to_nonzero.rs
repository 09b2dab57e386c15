//! The transform `crop_to_nonzero`.

use revoxel_core::{Grid, GridOp, Volume, Voxel, dispatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define};
use crate::params::OnEmpty;
use crate::peers::Argument::Listed;
use crate::peers::Peer;
use crate::planning::boxes::{foreground, seen};
use crate::transform::{Evidence, Observed, Outline, PlanError, Sources, SpatialTransform, Transform};

/// Crops to the nonzero region of an input, as nnU-Net does.
///
/// # What it does
/// Finds the box around the voxels of `source` that are nonzero in at least one channel, and crops every input to it.
/// With `also`, nonzero voxels of further inputs count, too. Inputs on other grids are cropped to the same world
/// region. The box is never enlarged and never padded. Holes inside the region do not change the box.
///
/// ```text
/// [ 0 0 0 0 0 0 ]
/// [ 0 0 a 0 b 0 ]   ──►    [ a 0 b ]
/// [ 0 0 0 c 0 0 ]          [ 0 c 0 ]
/// ```
///
/// # YAML
/// ```yaml
/// crop_to_nonzero: { source: image }
/// ```
/// ```yaml
/// crop_to_nonzero: { source: image, also: [label] }
/// ```
///
/// # Inverse
/// Restores the previous grid: exact inside the box, the kind's fill outside it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CropToNonzero {
    /// The input that defines the region.
    source: String,
    /// Further inputs on the grid of `source`, as the channels of one image: a voxel counts if it is nonzero in any of
    /// them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also: Vec<String>,
    /// What to do if every voxel is 0.
    #[serde(default)]
    on_empty: OnEmpty,
}

impl Define for CropToNonzero {
    const NAME: &'static str = "crop_to_nonzero";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::nnunet("crop_to_nonzero").notes(
            "This is its box, as in nnU-Net v2; nnU-Net also writes −1 into the label outside the region, which \
             this step does not. NaN counts as nonzero in nnU-Net; here values that are not finite do not count.",
        ),
        Peer::monai("CropForegroundd").others(&[Listed("select_fn=lambda x: x != 0")]),
    ];

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for CropToNonzero {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        seen(&self.source, grid, evidence)
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        Some(before.cropped(|grid| self.plan(grid, &Evidence::default())))
    }

    fn observe(&self, source: &Volume, _: Option<&Volume>) -> Result<Observed, PlanError> {
        let grid = *source.grid();
        let found = dispatch!(source.voxels(), v => foreground(v, &grid, |x| x.to_f64() != 0.0));
        let region = self.on_empty.resolve(found, || format!("nonzero in {:?}", self.source))?;
        Ok(Observed { grid, region })
    }

    fn sources(&self) -> Sources<'_> {
        Sources::Voxels { of: &self.source, beside: None, also: &self.also }
    }
}
