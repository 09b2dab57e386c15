//! MRtrix images: `.mif`, also compressed as a whole (`.mif.gz`), and `.mih` with the values in other files.
//!
//! `header` parses the lines, `types` has the types of values, `parsed` finds the values, `layout` puts them into a
//! volume's order. The world is RAS in mm, and the transform gives the position of the centre of the first voxel. Axes
//! beyond the third are frames, then components.

pub mod facts;

mod header;
mod layout;
mod parsed;
mod types;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use revoxel_core::{Buffer, Dtype, Kind, Volume, Voxel, Voxels, dispatch_dtype};

use crate::format::Wrote;
use crate::sink::{Head, Slabs};
use crate::textual::{FieldError, decode};
use crate::{Facts, FileInfo, Format, Loaded, ReadError, ReadOptions, WriteError, values};

pub use facts::MifFacts;

/// The MRtrix format.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mif;

impl Format for Mif {
    fn name(&self) -> &'static str {
        "MRtrix"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["mif", "mif.gz", "mih"]
    }

    fn recognises(&self, _path: &Path, first_bytes: &[u8]) -> bool {
        header::is_header(first_bytes)
    }

    fn info(&self, path: &Path, options: &ReadOptions) -> Result<FileInfo, ReadError> {
        Ok(parsed::Parsed::open(path, options)?.info)
    }

    fn read(&self, path: &Path, kind: Kind, options: &ReadOptions) -> Result<Loaded, ReadError> {
        let mut parsed = parsed::Parsed::open(path, options)?;
        let count = parsed.info.grid.voxel_count() as u64 * parsed.info.channels as u64;
        let size = parsed.info.dtype.size().max(parsed.info.stored.size()) as u64;
        let bytes = count.saturating_mul(size);
        let mapped = parsed.payload.is_raw() && !parsed.payload.swapped && parsed.is_plain();
        options.limits.check_volume(path, bytes, mapped && parsed.payload.files.len() == 1)?;
        let voxels = dispatch_dtype!(parsed.info.stored, T => typed::<T>(path, &mut parsed)?);
        // The number of values was derived from the grid; this cannot fail.
        let volume = Volume::new(voxels, parsed.info.grid, kind, parsed.info.channels)
            .map_err(|_| ReadError::Memory { path: path.to_owned(), bytes })?;
        Ok(Loaded { volume, info: parsed.info })
    }

    fn beside(&self, path: &Path) -> Vec<PathBuf> {
        writer::beside(path)
    }

    fn parts(&self, path: &Path, options: &ReadOptions) -> Result<Vec<PathBuf>, ReadError> {
        let files = parsed::Parsed::open(path, options)?.payload.files;
        Ok(files.into_iter().map(|file| file.path).filter(|file| file != path).collect())
    }

    fn write(&self, path: &Path, to: &Path, volume: &Volume, facts: &Facts) -> Result<Wrote, WriteError> {
        writer::write(path, to, volume, facts)
    }

    fn slabs(&self, path: &Path, file: File, head: &Head, facts: &Facts) -> Result<Option<Slabs>, WriteError> {
        writer::slabs(path, file, head, facts)
    }
}

/// Wraps an error in the crate's error.
pub(crate) fn failed(path: PathBuf, reason: Box<FieldError>) -> ReadError {
    ReadError::Mif { path, reason }
}

fn typed<T: Voxel + FromStr>(path: &Path, parsed: &mut parsed::Parsed) -> Result<Voxels, ReadError>
where
    Voxels: From<Vec<T>> + From<Buffer<T>>,
{
    let (stored, warnings) = decode::read::<T>(&parsed.payload)?;
    parsed.info.warnings.extend(warnings);
    let bytes = parsed.info.grid.voxel_count() as u64 * parsed.info.channels as u64 * size_of::<T>() as u64;
    let no_memory = || ReadError::Memory { path: path.to_owned(), bytes };
    let stored = match parsed.kind.bits {
        true => types::from_bits(&stored, parsed.layout.count()).ok_or_else(no_memory)?.into(),
        false => stored,
    };
    let mut values = stored;
    if !parsed.layout.is_plain() {
        values = parsed.layout.to_volume(&values, parsed.kind.components).ok_or_else(no_memory)?.into();
    }
    if parsed.kind.components > 1 {
        let voxels = parsed.info.grid.voxel_count();
        values = values::apart(&values, parsed.kind.components, voxels).ok_or_else(no_memory)?.into();
    }
    match parsed.scaling {
        Some((slope, intercept)) => values::scale(values, slope, intercept).ok_or_else(no_memory),
        None => Ok(values.into()),
    }
}

/// The voxel type after scaling.
fn scaled(stored: Dtype, scaling: Option<(f64, f64)>) -> Dtype {
    match scaling {
        Some(_) => crate::values::scaled(stored),
        None => stored,
    }
}
