//! The transform `resize`.

use revoxel_core::{Grid, GridOp};
use revoxel_resample::{AntiAlias, Interpolation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::{IntVector, Named, Padding, PerKey, is_false};
use crate::peers::Argument::{Mode, Renamed, Special};
use crate::peers::{DTYPE, LAZY, Peer};
use crate::planning::planar::{all_given, sizes};
use crate::planning::{area_alone, resample, resized};
use crate::transform::{Evidence, Outline, PlanError, Resampling, SpatialTransform, Transform};

/// Resamples to a shape.
///
/// # What it does
/// Makes a grid of `spatial_size` voxels over the same extent (the outer faces stay, half-pixel centres) and
/// interpolates onto it. `size_mode: longest` scales all axes by one factor, so that the longest axis gets the size.
///
/// ```text
/// |  o  |  o  |  o  |  o  |    4 voxels
/// |   o   |   o   |   o   |    3 voxels, same outer faces
/// ```
///
/// # YAML
/// ```yaml
/// resize: { spatial_size: [128, 128, 64] }
/// ```
/// ```yaml
/// resize: { spatial_size: 96, size_mode: longest, interpolation: { label: label } }
/// ```
/// ```yaml
/// resize: { spatial_size: 64, anti_alias: true }
/// ```
/// ```yaml
/// resize: { spatial_size: 64, area: true }
/// ```
///
/// # Inverse
/// Resamples back onto the previous grid; lossy in values, bit-exact in geometry.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// Voxels by axis; one number applies to all axes; 0 or less keeps an axis. A 2-D volume has two axes.
    spatial_size: IntVector,
    /// `all`: every axis gets its size. `longest`: the longest axis gets the size, and the others scale with it.
    #[serde(default)]
    size_mode: SizeMode,
    /// nearest, linear, cubic, label or label_nearest, for all inputs or by key. Default: nearest for label maps,
    /// linear for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interpolation: Option<PerKey<Named<Interpolation>>>,
    /// Average all voxels that a new voxel touches. Applies to inputs other than label maps that `interpolation` does
    /// not name.
    #[serde(default, skip_serializing_if = "is_false")]
    area: bool,
    /// Keep the centres of the outermost voxels in place instead of the outer faces.
    #[serde(default, skip_serializing_if = "is_false")]
    align_corners: bool,
    /// Smooth axes that get larger voxels before sampling (labels are not smoothed).
    #[serde(default, skip_serializing_if = "is_false")]
    anti_alias: bool,
    /// Rule by which `anti_alias` smooths: cardoso, or scikit_image as in MONAI.
    #[serde(default, skip_serializing_if = "Smoothing::is_default")]
    anti_alias_rule: Smoothing,
}

/// How to smooth before sampling larger voxels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Smoothing {
    /// Sigma sqrt((r² − 1) / (8 ln 2)) for voxels that are r times as large.
    #[default]
    Cardoso,
    /// Sigma (r − 1) / 2, with 0 beyond the volume.
    ScikitImage,
}

impl Smoothing {
    fn is_default(&self) -> bool {
        *self == Self::Cardoso
    }
}

/// Which axes get the size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SizeMode {
    /// Every axis.
    #[default]
    All,
    /// The longest axis.
    Longest,
}

impl Define for Resize {
    const NAME: &'static str = "resize";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::imported("Resized")
            .same(&["spatial_size", "size_mode"])
            .others(&[Mode, Special("align_corners", "align_corners"), Special("anti_aliasing", "anti_alias")])
            .ignored(&[LAZY, DTYPE])
            .notes(
                "Its default `mode` is `area`, here `area: true`; predictions then return by interpolation. Its \
                 `nearest` shifts voxels (torch's legacy floor rule), ours is `nearest-exact`. `anti_alias` smooths \
                 by the rule of Cardoso et al. (2015); `anti_aliasing` in MONAI uses that of scikit-image \
                 (`anti_alias_rule: scikit_image`), and its `anti_aliasing_sigma` is not supported.",
            ),
        Peer::nnunet("").notes("This is its resize to a shape."),
        Peer::torchio("Resize").others(&[Renamed("target_shape", "spatial_size")]).notes(
            "It is the same unless rounding of its voxel size makes one voxel more, which TorchIO then crops. \
             TorchIO mirrors the volume beyond the outermost centres for a cubic, and truncates fractions in \
             volumes of whole numbers.",
        ),
    ];

    fn check(&self) -> Result<(), Invalid> {
        self.spatial_size.by_axis("spatial_size")?;
        if self.size_mode == SizeMode::Longest && (self.spatial_size.0.len() > 1 || self.spatial_size.0[0] < 1) {
            return Err(Invalid::new("spatial_size", "size_mode: longest takes one positive number"));
        }
        if self.anti_alias_rule != Smoothing::Cardoso && !self.anti_alias {
            return Err(Invalid::new(
                "anti_alias_rule",
                "it takes effect with anti_alias only: set anti_alias: true, too",
            ));
        }
        area_alone(self.area, self.interpolation.as_ref(), self.align_corners)
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for Resize {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let (now, size) = (grid.shape(), sizes("spatial_size", &self.spatial_size, grid)?);
        let longest = now[0].max(now[1]).max(now[2]) as f64;
        let shape = [0, 1, 2].map(|a| match self.size_mode {
            _ if a == grid.axes() => now[a],
            SizeMode::All if size[a] < 1 => now[a],
            SizeMode::All => size[a] as usize,
            SizeMode::Longest => (now[a] as f64 * (size[a] as f64 / longest)).round_ties_even().max(1.0) as usize,
        });
        resample(grid, resized(grid, shape, self.align_corners)?)
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        let size = sizes("spatial_size", &self.spatial_size, before.like()).ok()?;
        let size = (self.size_mode == SizeMode::All).then_some(size)?;
        all_given(size, before.like()).map(|shape| before.resized(shape))
    }

    fn resampling(&self) -> Resampling<'_> {
        Resampling {
            interpolation: self.interpolation.as_ref(),
            default_padding: Padding::Border,
            area: self.area,
            smoothing: self.anti_alias.then_some(match self.anti_alias_rule {
                Smoothing::Cardoso => AntiAlias::Cardoso,
                Smoothing::ScikitImage => AntiAlias::ScikitImage,
            }),
            samples: true,
            ..Resampling::default()
        }
    }
}
