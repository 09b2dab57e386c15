//! The transform `spatial_pad`.

use revoxel_core::{Grid, GridOp};
use revoxel_resample::PadMode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::{IntVector, Named, PadMethod, PerKey};
use crate::peers::{LAZY, PADDING, Peer};
use crate::planning::planar::sizes;
use crate::planning::{constant_only, pad_to, window};
use crate::transform::{Evidence, Outline, PaddingRule, PlanError, SpatialTransform, Transform};

/// Pads to at least a shape.
///
/// # What it does
/// Adds voxels until every axis has at least `spatial_size`; longer axes stay. `symmetric` adds half of them on each
/// side, the odd one at the high end; `end` adds all at the high end. If the voxel type of the volume cannot hold the
/// value, the volume gets a type that can. With `mean` and `median`, images of whole numbers become floating point, and
/// label maps are padded with 0.
///
/// ```text
/// [ a b c ]   spatial_size 6, constant 0   [ 0 a b c 0 0 ]
/// ```
///
/// # YAML
/// ```yaml
/// spatial_pad: { spatial_size: [128, 128, 64] }
/// ```
/// ```yaml
/// spatial_pad: { spatial_size: 128, method: end, mode: constant, value: { image: -1024 } }
/// ```
///
/// # Inverse
/// Removes the padding; exact. Padding is never read on the way back.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpatialPad {
    /// Voxels by axis; one number applies to all axes; 0 or less keeps an axis.
    spatial_size: IntVector,
    /// Which side gets the padding.
    #[serde(default)]
    method: PadMethod,
    /// Padding mode: constant, edge, reflect, symmetric, wrap, linear_ramp (down to 0); minimum, maximum, mean or
    /// median of each line; volume_minimum, volume_maximum, volume_mean or volume_median.
    #[serde(default = "constant")]
    mode: Named<PadMode>,
    /// The constant, for images or by key. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<PerKey<f64>>,
}

const fn constant() -> Named<PadMode> {
    Named(PadMode::Constant)
}

impl Define for SpatialPad {
    const NAME: &'static str = "spatial_pad";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] =
        &[Peer::imported("SpatialPadd").same(&["spatial_size", "method"]).others(PADDING).ignored(&[LAZY]).notes(
            "A constant given for all inputs applies to images. Labels, probabilities and logits get the fill of \
             their kind, unless they are named or `keys` names label maps only.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        self.spatial_size.by_axis("spatial_size")?;
        constant_only(self.mode.0, self.value.as_ref())
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for SpatialPad {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let (start, end) = pad_to(grid.shape(), sizes("spatial_size", &self.spatial_size, grid)?, self.method);
        Ok(window(grid.shape(), start, end))
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        Some(before.cropped(|grid| self.plan(grid, &Evidence::default())))
    }

    fn padding(&self) -> PaddingRule<'_> {
        PaddingRule { mode: self.mode.0, value: self.value.as_ref() }
    }
}
