//! Writing headers and values, and the roles of channels in the facts.

use std::io::Write;
use std::path::Path;

use revoxel_core::{Dtype, Volume, Voxels, dispatch};

use super::axes::Axes;
use crate::open::empty;
use crate::{Facts, WriteError};

/// The number and kind of the channels that are components of one voxel; the others are frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Channels {
    pub(crate) components: usize,
    pub(crate) frames: usize,
    pub(crate) colour: bool,
}

impl Channels {
    /// The components in the facts, if they match the volume: plain channels are neither colours nor vectors.
    pub(crate) fn of(volume: &Volume, facts: &Facts) -> Self {
        let channels = volume.channels();
        let frames = facts.frames.filter(|f| *f > 0 && channels.is_multiple_of(*f)).unwrap_or(1);
        let components = channels / frames;
        let colour = facts.colour && volume.dtype() == Dtype::U8 && matches!(components, 3 | 4);
        match colour || (facts.vector && components > 1) {
            true => Self { components, frames, colour },
            false => Self { components: 1, frames: channels, colour },
        }
    }
}

/// Writes parts one after the other.
pub(crate) fn plain(path: &Path, to: &Path, parts: &[&[u8]]) -> Result<(), WriteError> {
    let write = || {
        let mut file = empty(to)?;
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.flush()
    };
    write().map_err(|reason| WriteError::Io { path: path.to_owned(), reason })
}

/// The values in the order of the file, if it differs from the volume's.
pub(crate) fn arranged(path: &Path, axes: &Axes, voxels: &Voxels) -> Result<Option<Voxels>, WriteError> {
    let no_memory = || WriteError::Io { path: path.to_owned(), reason: std::io::ErrorKind::OutOfMemory.into() };
    dispatch!(voxels, values => Ok(axes.to_file(values).ok_or_else(no_memory)?.map(Voxels::from)))
}
