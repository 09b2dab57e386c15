//! The transform `border_pad`.

use revoxel_core::{Grid, GridOp};
use revoxel_resample::PadMode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::{IntVector, Named, PerKey};
use crate::peers::{LAZY, PADDING, Peer};
use crate::planning::{constant_only, window};
use crate::transform::{Evidence, Outline, PaddingRule, PlanError, SpatialTransform, Transform};

/// Pads each side by a number of voxels.
///
/// # What it does
/// Adds `spatial_border` voxels: one number for all sides, three numbers (both sides of each axis), or six numbers (low
/// and high side of each axis in turn).
///
/// ```text
/// [ a b c ]   spatial_border 2, edge   [ a a a b c c c ]
/// ```
///
/// # YAML
/// ```yaml
/// border_pad: { spatial_border: 8 }
/// ```
/// ```yaml
/// border_pad: { spatial_border: [0, 4, 0, 4, 2, 2], mode: reflect }
/// ```
///
/// # Inverse
/// Removes the padding; exact. Padding is never read on the way back.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BorderPad {
    /// Voxels to add: one number, one per axis, or low and high by axis; for a 2-D volume 1, 2 or 4 numbers.
    spatial_border: IntVector,
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

impl Define for BorderPad {
    const NAME: &'static str = "border_pad";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::imported("BorderPadd").same(&["spatial_border"]).others(PADDING).ignored(&[LAZY]).notes(
            "A constant given for all inputs applies to images. Other kinds get their own fill, unless `keys` \
             names label maps only. Label maps also get their fill where a mean, a median or a ramp pads.",
        ),
        Peer::torchio("Pad").notes(
            "TorchIO's minimum, maximum, mean and median are `volume_minimum`, `volume_maximum`, `volume_mean` \
             and `volume_median` here; without the prefix they are computed for each padded line, as in numpy. \
             Volumes of whole numbers become float32 where the padding has fractions; TorchIO truncates \
             fractions.",
        ),
    ];

    fn check(&self) -> Result<(), Invalid> {
        let border = &self.spatial_border.0;
        if !matches!(border.len(), 1 | 2 | 3 | 4 | 6) {
            return Err(Invalid::new("spatial_border", format!("{} numbers: give 1, 3 or 6", border.len())));
        }
        let wrong = border.iter().find(|b| **b < 0 || **b > 1 << 20);
        if let Some(b) = wrong {
            return Err(Invalid::new("spatial_border", format!("{b} voxels cannot be added: give 0 to 1048576")));
        }
        constant_only(self.mode.0, self.value.as_ref())
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for BorderPad {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let border = &self.spatial_border.0;
        if !grid.is_planar() && matches!(border.len(), 2 | 4) {
            let problem = format!("{} numbers: give 1, 3 or 6", border.len());
            return Err(PlanError::ThreeAxes { field: "spatial_border", problem });
        }
        let side = |axis: usize, high: usize| match border.len() {
            4 | 6 => border.get(2 * axis + high).copied().unwrap_or(0),
            2 | 3 => border.get(axis).copied().unwrap_or(0),
            _ if axis == grid.axes() => 0,
            _ => border[0],
        };
        let start = [0, 1, 2].map(|a| -side(a, 0));
        let end = [0, 1, 2].map(|a| grid.shape()[a] as i64 + side(a, 1));
        Ok(window(grid.shape(), start, end))
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        Some(before.cropped(|grid| self.plan(grid, &Evidence::default())))
    }

    fn padding(&self) -> PaddingRule<'_> {
        PaddingRule { mode: self.mode.0, value: self.value.as_ref() }
    }
}
