//! Displacement fields from NIfTI to other formats.

use std::path::Path;

use revoxel_core::{Dtype, Volume, Voxel, Voxels, dispatch};
use revoxel_io::format_for_writing;
use revoxel_runner::kept::Kept;

/// NIfTI's intent of a displacement vector, whose components are along RAS.
const DISPLACEMENT: i32 = 1006;

/// The vectors of a displacement field as NRRD and MetaImage have them, along LPS; any other volume as it is. The file then
/// says the same to ITK, which exchanges signs where it reads this intent.
pub(super) fn along_lps(volume: Volume, output: &Path, kept: &mut Kept) -> Volume {
    let is_lps = format_for_writing(output).is_ok_and(|format| matches!(format.name(), "NRRD" | "MetaImage"));
    let facts = &mut kept.facts;
    let frames = facts.frames.unwrap_or(1).max(1);
    let has_sign = !matches!(volume.dtype(), Dtype::U8 | Dtype::U16 | Dtype::U32 | Dtype::U64);
    let is_displacement = facts.vector && facts.intent_code == Some(DISPLACEMENT) && volume.channels() == 3 * frames;
    if !is_lps || !is_displacement || !has_sign {
        return volume;
    }
    facts.intent_code = None;
    kept.losses.retain(|loss| loss.dropped.fact != "intent_code");
    let (grid, kind, channels) = (*volume.grid(), volume.kind(), volume.channels());
    let count = volume.voxels().len() / 3 * 2;
    let turned: Voxels = dispatch!(volume.voxels(), v => turned(v, count).into());
    Volume::new(turned, grid, kind, channels).unwrap_or(volume)
}

/// The first values with the other sign.
fn turned<T: Voxel>(values: &[T], count: usize) -> Vec<T> {
    let turn = |(at, v): (usize, &T)| if at < count { T::from_f64(0.0 - v.to_f64()) } else { *v };
    values.iter().enumerate().map(turn).collect()
}
