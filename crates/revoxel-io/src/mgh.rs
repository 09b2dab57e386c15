//! MGH and MGZ, the format of FreeSurfer: a header of 284 bytes, voxels, and then a footer with the parameters of the
//! scan. All numbers are big-endian.
//!
//! `header` parses and encodes the bytes, `parsed` checks them and finds the voxels, `footer` handles the bytes after
//! them.

pub mod facts;
pub mod problem;

mod footer;
mod header;
mod parsed;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::Path;

use revoxel_core::{Buffer, Kind, Volume, Voxel, Voxels, dispatch_dtype};

use crate::format::Wrote;
use crate::sink::{Head, Slabs};
use crate::{Facts, FileInfo, Format, Loaded, ReadError, ReadOptions, Warning, WriteError, buffer};

pub use facts::MghFacts;
pub use problem::MghError;

/// The MGH format.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mgh;

impl Format for Mgh {
    fn name(&self) -> &'static str {
        "MGH"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["mgz", "mgh", "mgh.gz"]
    }

    fn recognises(&self, _path: &Path, first_bytes: &[u8]) -> bool {
        header::is_header(first_bytes)
    }

    fn info(&self, path: &Path, options: &ReadOptions) -> Result<FileInfo, ReadError> {
        Ok(parsed::Parsed::open(path, options)?.info)
    }

    fn read(&self, path: &Path, kind: Kind, options: &ReadOptions) -> Result<Loaded, ReadError> {
        let mut parsed = parsed::Parsed::open(path, options)?;
        let count = parsed.info.grid.voxel_count() * parsed.info.channels;
        let bytes = (count as u64).saturating_mul(parsed.info.dtype.size() as u64);
        options.limits.check_volume(path, bytes, parsed.file.packed.is_none() && parsed.info.dtype.size() == 1)?;
        let voxels = dispatch_dtype!(parsed.info.dtype, T => typed::<T>(&mut parsed, count, options)?);
        // The number of values was derived from the grid; this cannot fail.
        let volume = Volume::new(voxels, parsed.info.grid, kind, parsed.info.channels)
            .map_err(|_| ReadError::Memory { path: path.to_owned(), bytes })?;
        Ok(Loaded { volume, info: parsed.info })
    }

    fn write(&self, path: &Path, to: &Path, volume: &Volume, facts: &Facts) -> Result<Wrote, WriteError> {
        writer::write(path, to, volume, facts)
    }

    fn slabs(&self, path: &Path, file: File, head: &Head, facts: &Facts) -> Result<Option<Slabs>, WriteError> {
        writer::slabs(path, file, head, facts).map(Some)
    }
}

fn typed<T: Voxel>(parsed: &mut parsed::Parsed, count: usize, options: &ReadOptions) -> Result<Voxels, ReadError>
where
    Voxels: From<Buffer<T>>,
{
    let swapped = cfg!(target_endian = "little") && size_of::<T>() > 1;
    let (mut values, warning) = parsed.file.read::<T>(count, swapped, &options.limits)?;
    if swapped {
        buffer::swap_bytes(&mut values);
    }
    // What is behind the voxels is the footer.
    parsed.info.warnings.extend(warning.filter(|w| matches!(w, Warning::TrailingJunk { .. })));
    Ok(values.into())
}
