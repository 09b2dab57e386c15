//! Changing every value by a function.

use revoxel_core::{Volume, VolumeError, Voxel, dispatch, parallel};

use crate::params::RealVector;
use crate::transform::ApplyError;

/// The volume as float32 with each value replaced by `f(channel, value)`.
pub fn map(volume: Volume, f: impl Fn(usize, f64) -> f64 + Sync) -> Result<Volume, VolumeError> {
    map_at(volume, |_, channel, x| f(channel, x))
}

/// The volume as float32 with each value replaced by `f(position, channel, value)`, position counted over all
/// channels.
pub fn map_at(volume: Volume, f: impl Fn(usize, usize, f64) -> f64 + Sync) -> Result<Volume, VolumeError> {
    /// Values per task.
    const BLOCK: usize = 1 << 15;
    fn changed<T: Voxel>(values: &[T], size: usize, f: &(impl Fn(usize, usize, f64) -> f64 + Sync)) -> Vec<f32> {
        let mut result = vec![0.0; values.len()];
        for (channel, (out, values)) in result.chunks_mut(size).zip(values.chunks(size)).enumerate() {
            let blocks = out.chunks_mut(BLOCK).zip(values.chunks(BLOCK)).enumerate();
            parallel::each(blocks, |(block, (out, values))| {
                let first = channel * size + block * BLOCK;
                for (i, (out, value)) in out.iter_mut().zip(values).enumerate() {
                    *out = f(first + i, channel, value.to_f64()) as f32;
                }
            });
        }
        result
    }
    let size = volume.grid().voxel_count();
    let values = dispatch!(volume.voxels(), v => changed(v, size, &f));
    volume.with_voxels(values.into())
}

/// Refuses lists of numbers that are neither one for all channels nor one for each.
pub fn fit_channels<const N: usize>(
    lists: [(&'static str, Option<&RealVector>); N],
    channels: usize,
) -> Result<(), ApplyError> {
    for (parameter, numbers) in lists {
        if let Some(given) = numbers.map(|numbers| numbers.0.len()).filter(|given| *given != 1 && *given != channels) {
            return Err(ApplyError::Channels { parameter, given, channels });
        }
    }
    Ok(())
}
