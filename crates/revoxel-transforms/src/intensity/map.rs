//! Changing every value by a function.

use rayon::prelude::*;
use revoxel_core::{Volume, VolumeError, Voxel, dispatch};

/// The volume as float32 with each value replaced by `f(channel, value)`.
pub(crate) fn map(volume: Volume, f: impl Fn(usize, f64) -> f64 + Sync) -> Result<Volume, VolumeError> {
    let size = volume.grid().voxel_count();
    let values: Vec<f32> = dispatch!(volume.voxels(), v => {
        v.par_iter().enumerate().with_min_len(1 << 14).map(|(i, x)| f(i / size, x.to_f64()) as f32).collect()
    });
    volume.with_voxels(values.into())
}
