//! Values stored contiguously in a file, plain or compressed as a whole.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use revoxel_core::{Buffer, Voxel};

use crate::codecs::bunzip;
use crate::codecs::gunzip::{self, GunzipError};
use crate::codecs::head::Packed;
use crate::open::failed_to_read;
use crate::{Limits, ReadError, Warning, buffer};

/// A file with voxels.
#[derive(Clone, Debug)]
pub(crate) struct VoxelFile {
    pub(crate) path: PathBuf,
    /// How it is compressed.
    pub(crate) packed: Option<Packed>,
    /// Length of the file.
    pub(crate) length: u64,
    /// The position of the voxels in the decoded file.
    pub(crate) offset: u64,
}

/// Why a file cannot hold as many values as its header says.
pub(crate) enum Misfit {
    /// The file ends before them. The format names the wrong header field.
    PastEnd,
    /// The compressed bytes cannot decode to them.
    Other(ReadError),
}

impl VoxelFile {
    /// Checks that the file can contain so many bytes of values, before anything is allocated for them.
    pub(crate) fn check(&self, bytes: u64, limits: &Limits) -> Result<(), Misfit> {
        let needed = self.offset.saturating_add(bytes);
        let most = gunzip::most_decoded(self.length);
        match self.packed {
            None if needed > self.length => Err(Misfit::PastEnd),
            None => Ok(()),
            Some(packed) if needed > most && packed != Packed::Bzip2 => {
                let reason = GunzipError::Impossible { needed, compressed: self.length, most };
                Err(Misfit::Other(ReadError::Gunzip { path: self.path.clone(), reason }))
            }
            Some(_) => limits.check_expansion(&self.path, self.length, needed).map_err(Misfit::Other),
        }
    }

    /// Reads values in the byte order of the file, and reports bytes after them. `changed` says that they will be
    /// changed in place, so mapping them is useless.
    pub(crate) fn read<T: Voxel>(
        &self,
        count: usize,
        changed: bool,
        limits: &Limits,
    ) -> Result<(Buffer<T>, Option<Warning>), ReadError> {
        match self.packed {
            Some(packed) => self.decoded(packed, count, limits),
            None => self.raw(count, changed),
        }
    }

    fn raw<T: Voxel>(&self, count: usize, changed: bool) -> Result<(Buffer<T>, Option<Warning>), ReadError> {
        let read = || {
            let from = File::open(&self.path)?;
            match changed {
                true => buffer::read_at(&from, self.offset, count).map(Buffer::from),
                false => buffer::map_or_read(&from, self.offset, count),
            }
        };
        let bytes = count as u64 * size_of::<T>() as u64;
        let values = read().map_err(|reason| match reason.kind() {
            io::ErrorKind::OutOfMemory => ReadError::Memory { path: self.path.clone(), bytes },
            _ => ReadError::Io { path: self.path.clone(), reason },
        })?;
        let rest = self.length - self.offset - bytes;
        let warning = (rest > 0).then(|| Warning::MoreData { path: self.path.clone(), bytes: rest });
        Ok((values, warning))
    }

    fn decoded<T: Voxel>(
        &self,
        packed: Packed,
        count: usize,
        limits: &Limits,
    ) -> Result<(Buffer<T>, Option<Warning>), ReadError> {
        let read = || buffer::map_or_read::<u8>(&File::open(&self.path)?, 0, self.length as usize);
        let compressed = read().map_err(failed_to_read(&self.path))?;
        let path = || self.path.clone();
        let skip = self.offset as usize;
        let (values, extra, junk) = if packed == Packed::Bzip2 {
            let decoded = bunzip::decode(&compressed, skip, count, limits.most_decoded(self.length));
            let (values, tail) = decoded.map_err(|reason| ReadError::Stream { path: path(), reason })?;
            (values.into(), tail.extra, tail.junk)
        } else {
            let decoded = gunzip::decode(&compressed, skip, count);
            let (values, tail) = decoded.map_err(|reason| ReadError::Gunzip { path: path(), reason })?;
            (values, tail.extra, tail.junk)
        };
        let warning = match (extra, junk) {
            (0, 0) => None,
            (0, bytes) => Some(Warning::TrailingJunk { path: path(), bytes }),
            (bytes, _) => Some(Warning::MoreData { path: path(), bytes }),
        };
        Ok((values, warning))
    }
}
