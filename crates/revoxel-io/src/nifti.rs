//! NIfTI-1 and NIfTI-2, single files and pairs, and Analyze 7.5 (reading only).
//!
//! `header` parses a header. The other files check the fields that they use: `datatype` the voxel type, `shape` the
//! axes, `affine` the affine, `offset` the start of the voxels.

pub mod problem;

mod affine;
mod analyze;
mod compose;
mod datatype;
mod encode;
mod extensions;
mod header;
mod offset;
mod pair;
mod parsed;
mod quaternion;
mod reader;
mod remember;
mod shape;
mod spm;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};

use revoxel_core::{Affine, Grid, Kind, Volume};

use crate::format::Wrote;
use crate::open::has_extension;
use crate::sink::{Head, Slabs};
use crate::{Facts, FileInfo, Format, Loaded, ReadError, ReadOptions, WriteError};

pub use problem::{HeaderError, Problem};

/// The NIfTI format.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nifti;

impl Format for Nifti {
    fn name(&self) -> &'static str {
        "NIfTI"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["nii", "nii.gz", "hdr", "hdr.gz", "img", "img.gz"]
    }

    fn recognises(&self, path: &Path, first_bytes: &[u8]) -> bool {
        // The voxels' half of a pair has no signature: its header is beside it.
        let voxels_of_a_pair = ["img", "img.gz"].iter().any(|e| has_extension(path, e)) && pair::has_header(path);
        header::is_header(first_bytes) || voxels_of_a_pair
    }

    fn info(&self, path: &Path, options: &ReadOptions) -> Result<FileInfo, ReadError> {
        Ok(parsed::Parsed::open(path, options)?.info)
    }

    fn read(&self, path: &Path, kind: Kind, options: &ReadOptions) -> Result<Loaded, ReadError> {
        reader::read(path, kind, options)
    }

    fn beside(&self, path: &Path) -> Vec<PathBuf> {
        writer::beside(path)
    }

    fn parts(&self, path: &Path, options: &ReadOptions) -> Result<Vec<PathBuf>, ReadError> {
        let parsed = parsed::Parsed::open(path, options)?;
        Ok([parsed.header, parsed.voxels.path].into_iter().chain(parsed.matrix).filter(|file| file != path).collect())
    }

    fn write(&self, path: &Path, to: &Path, volume: &Volume, facts: &Facts) -> Result<Wrote, WriteError> {
        writer::write(path, to, volume, facts)
    }

    fn slabs(&self, path: &Path, file: File, head: &Head, facts: &Facts) -> Result<Option<Slabs>, WriteError> {
        writer::slabs(path, file, head, facts)
    }
}

/// The grid as a NIfTI-1 file gives it back: every entry of the affine rounded to a 32-bit float. A grid that was
/// read from a NIfTI-1 sform in mm is its own stored grid.
///
/// A grid that such a file cannot hold (entries beyond 3.4e38, or a regular affine that becomes singular) is
/// returned as it is.
pub fn stored_grid(grid: &Grid) -> Grid {
    let rounded = grid.affine().rows().map(|row| row.map(|v| f64::from(v as f32)));
    Grid::new(grid.shape(), Affine::from_rows(rounded)).map_or(*grid, |rounded| rounded.planar_like(grid))
}
