//! The transform `grid_patch`.

use revoxel_core::Grid;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::planning::choice::{BySum, Choice, Order, check_choice};
use crate::planning::constant_only;
use crate::planning::planar::by_axis;
use crate::planning::sweep::{OneOf, Sweeps, starts};
use crate::planning::windows::Windows;
use crate::random::{Drawn, Draws, RandomTransform, within};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{IntVector, Named, Numbers, PadMode, PerKey, RealVector};
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{PaddingRule, PlanError, Sources, Transform};

/// Takes one of the windows that sweep the volume; each copy of a case takes another one.
///
/// # What it does
/// Windows of `patch_size` voxels sweep the volume from `offset` on; the last axis changes first. The step from one
/// window to the next is the size less its fraction `overlap` (rounded half to even). Without `pad_mode` only whole
/// windows count. With it, all windows count that begin before the end of the volume, and voxels beyond the volume are
/// padding. The step crops to one window: the number `patch`, by default the number of the copy in a pipeline with
/// `copies`. A copy without a window is skipped, so `copies` is the largest number of patches.
///
/// ```text
/// +--0--+--1--+--2--+.
/// |     |     |     |.
/// +--3--+--4--+--5--+.
/// ```
///
/// Windows refer to the step's first input; other inputs are cropped to the same world region.
///
/// With `threshold` a window counts only if the values of `source` in it, padding included, sum up to less. `sort_fn`
/// orders the windows by this sum, the lowest first (`min`) or the highest first (`max`). Windows whose sum is NaN come
/// last in both, and windows with equal sums keep their order. The source decides the windows of all inputs.
/// `num_patches` limits the number of windows.
///
/// # YAML
/// ```yaml
/// grid_patch: { patch_size: [64, 64, 32], overlap: 0.5, pad_mode: constant }
/// ```
///
/// The ten patches that contain most of a structure:
/// ```yaml
/// grid_patch: { patch_size: 64, source: label, sort_fn: max, num_patches: 10 }
/// ```
///
/// # Inverse
/// Puts the patch back in its place: exact inside it, and the outside is filled. The trace of each copy records its
/// window.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridPatch {
    /// Voxels by axis; one number applies to all axes; 0 or less takes the whole axis.
    patch_size: IntVector,
    /// First index of the first window, by axis; below 0 only with `pad_mode`.
    #[serde(default = "zero")]
    offset: IntVector,
    /// Fraction of a window that the next one overlaps, by axis; 0 to below 1.
    #[serde(default = "none")]
    overlap: RealVector,
    /// Padding mode of windows that extend beyond the volume: constant, edge, reflect, symmetric, wrap, linear_ramp
    /// (down to 0); minimum, maximum, mean or median of each line; volume_minimum, volume_maximum, volume_mean or
    /// volume_median. Default: no such windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pad_mode: Option<Named<PadMode>>,
    /// The constant, for images or by key. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<PerKey<f64>>,
    /// The input whose values `threshold` and `sort_fn` sum up; windows refer to its grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// Only windows count whose sum of the source's values, over all channels, is below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    threshold: Option<f64>,
    /// Order of the windows: `min` (lowest sum first) or `max` (highest sum first). Default: order of the sweep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sort_fn: Option<BySum>,
    /// Largest number of windows; the first ones in their order count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    num_patches: Option<u32>,
    /// Number of the window, from 0. Default: number of the copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    patch: Option<u32>,
}

pub(super) fn zero() -> IntVector {
    Numbers(vec![0])
}

pub(super) fn none() -> RealVector {
    Numbers(vec![0.0])
}

/// Windows of a size in steps of a share of it.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    pub(super) patch_size: IntVector,
    pub(super) offset: IntVector,
    pub(super) overlap: RealVector,
    pub(super) pad_mode: Option<PadMode>,
    pub(super) value: Option<PerKey<f64>>,
}

impl Sweeps for Sweep {
    fn windows(&self, grid: &Grid) -> Result<Windows, PlanError> {
        let shape = grid.shape();
        // The slice axis of a 2-D volume is taken whole.
        let patch_size = by_axis("patch_size", &self.patch_size, grid, 0, |_| true)?;
        let offset = by_axis("offset", &self.offset, grid, 0, |_| true)?;
        let overlap = self.overlap.repeated();
        let whole = patch_size.map(|p| p < 1);
        let size = [0, 1, 2].map(|a| if whole[a] { shape[a] as i64 } else { patch_size[a].min(shape[a] as i64) });
        let starts = [0, 1, 2].map(|a| {
            if whole[a] {
                return vec![0];
            }
            let step = (size[a] as f64 * (1.0 - overlap[a])).round_ties_even() as i64;
            starts(shape[a], size[a], offset[a], step, self.pad_mode.is_some())
        });
        Ok(Windows { starts, size: size.map(|s| s as usize) })
    }

    fn padded(&self) -> Option<PaddingRule<'_>> {
        self.pad_mode.map(|mode| PaddingRule { mode, value: self.value.as_ref() })
    }
}

/// Refuses what no windows follow from.
pub(super) fn check(
    patch_size: &IntVector,
    overlap: &RealVector,
    pad_mode: Option<Named<PadMode>>,
    value: Option<&PerKey<f64>>,
) -> Result<(), Invalid> {
    patch_size.by_axis("patch_size")?;
    overlap.by_axis("overlap")?;
    overlap.0.iter().try_for_each(|o| within("overlap", *o, 0.0, 0.999))?;
    constant_only(pad_mode.map_or(PadMode::Constant, |mode| mode.0), value)?;
    match (pad_mode, value) {
        (None, Some(_)) => {
            Err(Invalid::new("value", "it takes effect with pad_mode: constant only: set that, or leave it out"))
        }
        _ => Ok(()),
    }
}

/// Refuses first windows that lie outside.
pub(super) fn check_offset(
    field: &'static str,
    offset: &IntVector,
    patch_size: &IntVector,
    padded: bool,
) -> Result<(), Invalid> {
    offset.by_axis(field)?;
    let pairs = offset.repeated().into_iter().zip(patch_size.repeated());
    match pairs.filter(|(_, p)| *p > 0).find(|(o, p)| *o < if padded { -(*p).max(0) } else { 0 }) {
        Some((o, _)) if !padded => Err(Invalid::new(field, format!("{o} is below 0: set pad_mode, too"))),
        Some((o, p)) => Err(Invalid::new(field, format!("{o}: a window of {p} voxels there lies outside the volume"))),
        None => Ok(()),
    }
}

impl Define for GridPatch {
    const NAME: &'static str = "grid_patch";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::monai("GridPatchd")
        .same(&["patch_size", "offset", "num_patches", "overlap", "sort_fn", "threshold", "pad_mode"])
        .notes(
            "It returns all patches as one tensor. It sorts each key by its own sums, so patches of an image and \
             of its labels no longer match; here one source decides. If there are fewer patches than \
             `num_patches`, MONAI adds patches of padding only; here copies are skipped. MONAI sorts only with \
             `num_patches`, and equal sums in any order; here windows are always sorted, and equal sums keep the \
             order of the sweep. On axes that are taken whole, MONAI cuts off what is before the `offset`; here \
             the offset has no effect there.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        check(&self.patch_size, &self.overlap, self.pad_mode, self.value.as_ref())?;
        check_choice(self.source.as_deref(), self.threshold, self.sort_fn.is_some(), self.num_patches, self.patch)?;
        check_offset("offset", &self.offset, &self.patch_size, self.pad_mode.is_some())
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for GridPatch {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        let number = self.patch.unwrap_or(draws.copy());
        let of = Sweep {
            patch_size: self.patch_size.clone(),
            offset: self.offset.clone(),
            overlap: self.overlap.clone(),
            pad_mode: self.pad_mode.map(|mode| mode.0),
            value: self.value.clone(),
        };
        let choice = Choice {
            source: self.source.clone(),
            threshold: self.threshold,
            order: self.sort_fn.map(Order::BySum),
            num_patches: self.num_patches,
        };
        Drawn::spatial(OneOf { number, of, choice }, json!({ "patch": number }))
    }

    fn padding(&self) -> PaddingRule<'_> {
        PaddingRule { mode: self.pad_mode.map_or(PadMode::Constant, |mode| mode.0), value: self.value.as_ref() }
    }

    fn sources(&self) -> Sources<'_> {
        self.source.as_deref().map_or(Sources::Nothing, Sources::voxels)
    }
}
