//! The transform `divisible_pad`.

use revoxel_core::{Grid, GridOp};
use revoxel_resample::PadMode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::{IntVector, Named, PadMethod, PerKey};
use crate::peers::Argument::{Fixed, Renamed};
use crate::peers::{LAZY, PADDING, Peer};
use crate::planning::planar::sizes;
use crate::planning::{constant_only, divisible, pad_to, window};
use crate::transform::{Evidence, Outline, PaddingRule, PlanError, SpatialTransform, Transform};

/// Pads to multiples of a number.
///
/// # What it does
/// Adds voxels until every axis is divisible by `k`, as networks with strides need.
///
/// ```text
/// [ a b c d e ]   k 4, constant 0   [ 0 a b c d e 0 0 ]
/// ```
///
/// # YAML
/// ```yaml
/// divisible_pad: { k: 16 }
/// ```
/// ```yaml
/// divisible_pad: { k: [16, 16, 8], method: end, mode: edge }
/// ```
///
/// # Inverse
/// Removes the padding; exact. Padding is never read on the way back.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DivisiblePad {
    /// The divisor, for all axes or by axis; 0 or less keeps an axis.
    k: IntVector,
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

impl Define for DivisiblePad {
    const NAME: &'static str = "divisible_pad";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::imported("DivisiblePadd").same(&["k", "method"]).others(PADDING).ignored(&[LAZY]).notes(
            "A constant given for all inputs applies to images. Other kinds get their own fill, unless `keys` \
             names label maps only. Label maps also get their fill where a mean, a median or a ramp pads.",
        ),
        Peer::torchio("EnsureShapeMultiple")
            .others(&[Renamed("target_multiple", "k"), Fixed("method", "\"pad\"")])
            .always(&[("method", "\"symmetric_low\"")])
            .notes("For `method=\"crop\"` see `divisible_crop`."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        self.k.by_axis("k")?;
        constant_only(self.mode.0, self.value.as_ref())
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for DivisiblePad {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let (n, k) = (grid.shape(), sizes("k", &self.k, grid)?);
        let size = [0, 1, 2].map(|a| divisible(n[a] as i64, k[a]));
        let (start, end) = pad_to(n, size, self.method);
        Ok(window(n, start, end))
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        Some(before.cropped(|grid| self.plan(grid, &Evidence::default())))
    }

    fn padding(&self) -> PaddingRule<'_> {
        PaddingRule { mode: self.mode.0, value: self.value.as_ref() }
    }
}
