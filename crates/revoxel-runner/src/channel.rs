//! The one channel of a file that an input takes.

use std::path::{Path, PathBuf};

use revoxel_core::{Volume, Voxels, dispatch};
use revoxel_pipeline::Input;

/// A file does not have the channel that its input takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{path}: no channel {channel}, the file has {channels}: set `channel` of the input {key:?} to 0…{}", .channels - 1
)]
pub struct NoChannel {
    /// The file.
    pub path: PathBuf,
    /// The key of the input.
    pub key: String,
    /// The channel that it takes.
    pub channel: usize,
    /// How many the file has.
    pub channels: usize,
}

/// How many channels of a file an input has.
///
/// # Errors
/// Where it takes one that the file does not have.
pub fn taken(input: &Input, path: &Path, channels: usize) -> Result<usize, NoChannel> {
    match input.channel {
        None => Ok(channels),
        Some(channel) if channel < channels => Ok(1),
        Some(channel) => Err(NoChannel { path: path.to_owned(), key: input.key.clone(), channel, channels }),
    }
}

/// The volume of a file with the channels that an input takes.
///
/// # Errors
/// Where it takes one that the file does not have.
pub fn take(input: &Input, path: &Path, volume: Volume) -> Result<Volume, NoChannel> {
    let channels = volume.channels();
    taken(input, path, channels)?;
    let Some(channel) = input.channel.filter(|_| channels > 1) else { return Ok(volume) };
    let (grid, kind) = (*volume.grid(), volume.kind());
    let count = grid.voxel_count();
    let voxels: Voxels = dispatch!(volume.into_voxels(), v => v[channel * count..][..count].to_vec().into());
    let missing = NoChannel { path: path.to_owned(), key: input.key.clone(), channel, channels };
    Volume::new(voxels, grid, kind, 1).map_err(|_| missing)
}
