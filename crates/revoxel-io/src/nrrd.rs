//! NRRD, "nearly raw raster data": `.nrrd`, and `.nhdr` with the values in other files.
//!
//! `header` parses the lines, `space` and `geometry` say which axes are of the grid and where they lie, `parsed` finds
//! the values. Axes that are not of space become channels, whatever their position.

pub mod facts;

pub(crate) mod carry;
mod fields;
mod geometry;
mod gradients;
mod header;
mod parsed;
mod segments;
mod space;
mod units;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use revoxel_core::{Buffer, Kind, Volume, Voxel, Voxels, dispatch_dtype};

use crate::format::Wrote;
use crate::textual::{FieldError, decode};
use crate::{Facts, FileInfo, Format, Loaded, ReadError, ReadOptions, WriteError};

pub(crate) use carry::carry;
pub use facts::{NrrdAxis, NrrdFacts};

/// The NRRD format.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nrrd;

impl Format for Nrrd {
    fn name(&self) -> &'static str {
        "NRRD"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["nrrd", "nhdr"]
    }

    fn recognises(&self, _path: &Path, first_bytes: &[u8]) -> bool {
        header::is_header(first_bytes)
    }

    fn info(&self, path: &Path, options: &ReadOptions) -> Result<FileInfo, ReadError> {
        Ok(parsed::Parsed::open(path, options)?.info)
    }

    fn read(&self, path: &Path, kind: Kind, options: &ReadOptions) -> Result<Loaded, ReadError> {
        let mut parsed = parsed::Parsed::open(path, options)?;
        parsed.payload.check_volume(path)?;
        let voxels = dispatch_dtype!(parsed.info.dtype, T => typed::<T>(path, &mut parsed)?);
        let parsed::Parsed { info, .. } = parsed;
        let bytes = voxels.bytes().len() as u64;
        // The number of values was derived from the axes; this cannot fail.
        let volume = Volume::new(voxels, info.grid, kind, info.channels)
            .map_err(|_| ReadError::Memory { path: path.to_owned(), bytes })?;
        Ok(Loaded { volume, info })
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
}

/// Wraps an error in the crate's error.
pub(crate) fn failed(path: PathBuf, reason: Box<FieldError>) -> ReadError {
    ReadError::Nrrd { path, reason }
}

fn typed<T: Voxel + FromStr>(path: &Path, parsed: &mut parsed::Parsed) -> Result<Voxels, ReadError>
where
    Voxels: From<Buffer<T>>,
{
    let (values, warnings) = decode::read::<T>(&parsed.payload)?;
    parsed.info.warnings.extend(warnings);
    let bytes = size_of_val(&values[..]) as u64;
    let values = parsed.axes.to_volume(values).ok_or_else(|| ReadError::Memory { path: path.to_owned(), bytes })?;
    Ok(values.into())
}
