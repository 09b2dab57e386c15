//! The transform `resize_with_pad_or_crop`.

use revoxel_core::{Grid, GridOp};
use revoxel_resample::PadMode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::{IntVector, Named, PadMethod, PerKey};
use crate::peers::{LAZY, PADDING, Peer};
use crate::planning::planar::{all_given, sizes};
use crate::planning::{centre_crop, constant_only, pad_to, window};
use crate::transform::{Evidence, Outline, PaddingRule, PlanError, SpatialTransform, Transform};

/// Crops and pads to exactly a shape.
///
/// # What it does
/// Crops axes longer than `spatial_size` around their centre and pads axes shorter than it. No voxel is interpolated.
///
/// ```text
/// [ a b c d e ]   size 3   [ b c d ]
/// [ a b c ]       size 6   [ 0 a b c 0 0 ]
/// ```
///
/// # YAML
/// ```yaml
/// resize_with_pad_or_crop: { spatial_size: [128, 128, 64] }
/// ```
/// ```yaml
/// resize_with_pad_or_crop: { spatial_size: 128, method: end, mode: minimum }
/// ```
///
/// # Inverse
/// Restores the previous grid: exact where voxels were kept, the kind's fill where they were cropped.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResizeWithPadOrCrop {
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

impl Define for ResizeWithPadOrCrop {
    const NAME: &'static str = "resize_with_pad_or_crop";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::imported("ResizeWithPadOrCropd")
        .same(&["spatial_size", "method"])
        .others(PADDING)
        .ignored(&[LAZY])
        .notes("Cropping is central for all methods. TorchIO's `CropOrPad` is `crop_or_pad`.")];

    fn check(&self) -> Result<(), Invalid> {
        self.spatial_size.by_axis("spatial_size")?;
        constant_only(self.mode.0, self.value.as_ref())
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for ResizeWithPadOrCrop {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let size = sizes("spatial_size", &self.spatial_size, grid)?;
        let (first, last) = centre_crop(grid.shape(), size);
        let kept = [0, 1, 2].map(|a| (last[a] - first[a]) as usize);
        let (low, high) = pad_to(kept, size, self.method);
        let shift = |by: [i64; 3]| [0, 1, 2].map(|a| first[a] + by[a]);
        Ok(window(grid.shape(), shift(low), shift(high)))
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        Some(before.window(all_given(sizes("spatial_size", &self.spatial_size, before.like()).ok()?, before.like())))
    }

    fn padding(&self) -> PaddingRule<'_> {
        PaddingRule { mode: self.mode.0, value: self.value.as_ref() }
    }
}
