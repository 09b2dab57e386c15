//! The transform `rand_grid_patch`.

use revoxel_core::Grid;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::grid_patch::{Sweep, check, check_offset, none, zero};
use crate::planning::choice::{BySum, BySumOrChance, Choice, Order, check_choice};
use crate::planning::patches::between;
use crate::planning::planar::by_axis;
use crate::planning::sweep::{OneOf, Sweeps};
use crate::planning::windows::Windows;
use crate::random::{Drawn, Draws, RandomTransform};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{IntVector, Named, Numbers, PadMode, PerKey, RealVector};
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{PaddingRule, PlanError, Sources, Transform};

/// Takes one of the windows that sweep the volume from a random place; each copy of a case takes another one.
///
/// # What it does
/// Does what `grid_patch` does, with two differences. The first window begins at an index drawn from `min_offset` to
/// `max_offset` along each axis, both included. `sort_fn: random` puts the windows in a random order. All copies of a
/// case get the same draw, so their windows belong together.
///
/// # YAML
/// ```yaml
/// rand_grid_patch: { patch_size: [64, 64, 32], max_offset: [20, 20, 0] }
/// ```
///
/// # Inverse
/// Puts the patch back in its place: exact inside it, and the outside is filled. The trace of each copy records its
/// window.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandGridPatch {
    /// Voxels by axis; one number applies to all axes; 0 or less takes the whole axis.
    patch_size: IntVector,
    /// Lowest first index of the first window, by axis; below 0 only with `pad_mode`.
    #[serde(default = "zero")]
    min_offset: IntVector,
    /// Highest first index of the first window. Default: the voxels that windows side by side leave over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_offset: Option<IntVector>,
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
    /// Order of the windows: `min` (lowest sum first), `max` (highest sum first) or `random` (the same for all copies
    /// of a case). Default: order of the sweep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sort_fn: Option<BySumOrChance>,
    /// Largest number of windows; the first ones in their order count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    num_patches: Option<u32>,
    /// Number of the window, from 0. Default: number of the copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    patch: Option<u32>,
}

impl Define for RandGridPatch {
    const NAME: &'static str = "rand_grid_patch";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::monai("RandGridPatchd")
        .same(&["patch_size", "min_offset", "max_offset", "num_patches", "overlap", "sort_fn", "threshold", "pad_mode"])
        .notes(
            "It returns all patches as one tensor. Its `sort_fn: random` draws the windows anew for each key; \
             here they are the same. As in `grid_patch`, one source decides, and no patches are made up.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        check(&self.patch_size, &self.overlap, self.pad_mode, self.value.as_ref())?;
        let by_sum = matches!(self.sort_fn, Some(BySumOrChance::Min | BySumOrChance::Max));
        check_choice(self.source.as_deref(), self.threshold, by_sum, self.num_patches, self.patch)?;
        check_offset("min_offset", &self.min_offset, &self.patch_size, self.pad_mode.is_some())?;
        let Some(most) = &self.max_offset else { return Ok(()) };
        most.by_axis("max_offset")?;
        let both = self.min_offset.repeated().into_iter().zip(most.repeated());
        match both.into_iter().find(|(least, most)| least > most) {
            Some((least, most)) => {
                Err(Invalid::new("max_offset", format!("{most} is less than the min_offset {least}")))
            }
            None => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandGridPatch {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        let number = self.patch.unwrap_or(draws.copy());
        let mut of_case = draws.of_all_copies();
        let start = [(); 3].map(|()| of_case.fraction());
        let mut values = json!({ "patch": number, "start": start });
        let order = self.sort_fn.map(|by| match by {
            BySumOrChance::Min => Order::BySum(BySum::Min),
            BySumOrChance::Max => Order::BySum(BySum::Max),
            BySumOrChance::Random => {
                let noise = of_case.noise();
                values["order"] = json!(noise.words());
                Order::Drawn(noise)
            }
        });
        let (source, threshold, num_patches) = (self.source.clone(), self.threshold, self.num_patches);
        let choice = Choice { source, threshold, order, num_patches };
        Drawn::spatial(OneOf { number, of: From { start, of: self.clone() }, choice }, values)
    }

    fn padding(&self) -> PaddingRule<'_> {
        PaddingRule { mode: self.pad_mode.map_or(PadMode::Constant, |mode| mode.0), value: self.value.as_ref() }
    }

    fn sources(&self) -> Sources<'_> {
        self.source.as_deref().map_or(Sources::Nothing, Sources::voxels)
    }
}

/// What was drawn.
#[derive(Debug)]
struct From {
    /// Fractions of the ranges of offsets.
    start: [f64; 3],
    of: RandGridPatch,
}

impl Sweeps for From {
    fn windows(&self, grid: &Grid) -> Result<Windows, PlanError> {
        let shape = grid.shape();
        let patch_size = by_axis("patch_size", &self.of.patch_size, grid, 0, |_| true)?;
        let least = by_axis("min_offset", &self.of.min_offset, grid, 0, |_| true)?;
        let given = match &self.of.max_offset {
            Some(most) => Some(by_axis("max_offset", most, grid, 0, |_| true)?),
            None => None,
        };
        let left = |a: usize| if patch_size[a] < 1 { 0 } else { shape[a] as i64 % patch_size[a] };
        let offset = [0, 1, 2].map(|a| {
            let most = given.map_or(left(a), |most| most[a]);
            between(least[a], most, self.start[a])
        });
        let (overlap, pad_mode) = (self.of.overlap.clone(), self.of.pad_mode.map(|mode| mode.0));
        let (patch_size, offset) = (Numbers(patch_size.to_vec()), Numbers(offset.to_vec()));
        Sweep { patch_size, offset, overlap, pad_mode, value: None }.windows(grid)
    }

    fn padded(&self) -> Option<PaddingRule<'_>> {
        self.of.pad_mode.map(|mode| PaddingRule { mode: mode.0, value: self.of.value.as_ref() })
    }
}
