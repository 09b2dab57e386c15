//! The trait of volume file formats.

use std::fs;
use std::path::{Path, PathBuf};

use revoxel_core::{Dtype, Grid, Kind, Volume};

use crate::sink::{Head, Slabs};
use crate::{Facts, Partial, ReadError, ReadOptions, Warning, WriteError};

/// A format of volume files. One line in [`FORMATS`](crate::FORMATS) makes it known everywhere.
pub trait Format: Sync {
    /// The name, as listed to people.
    fn name(&self) -> &'static str;

    /// The extensions under which it is written, lower case, without the leading dot; also compound ones (`nii.gz`).
    fn extensions(&self) -> &'static [&'static str];

    /// Whether a file is of this format. `first_bytes` are up to 1024 bytes of its content, decoded if
    /// the file is gzip or bzip2.
    fn recognises(&self, path: &Path, first_bytes: &[u8]) -> bool;

    /// Whether its files state the voxel size; otherwise the caller may.
    fn says_spacing(&self) -> bool {
        true
    }

    /// Whether its files may hold segments or structures to choose from.
    fn holds_segments(&self) -> bool {
        false
    }

    /// Reads the header only.
    ///
    /// # Errors
    /// If the header is invalid.
    fn info(&self, path: &Path, options: &ReadOptions) -> Result<FileInfo, ReadError>;

    /// Reads everything.
    ///
    /// # Errors
    /// If the file is invalid, or exceeds the limits.
    fn read(&self, path: &Path, kind: Kind, options: &ReadOptions) -> Result<Loaded, ReadError>;

    /// Writes a volume into the file `to`, which exists and is empty. The name `path` decides on compression and the
    /// like.
    ///
    /// # Errors
    /// If an I/O error occurs, or the format cannot store the volume.
    fn write(&self, path: &Path, to: &Path, volume: &Volume, facts: &Facts) -> Result<Wrote, WriteError>;

    /// The other files that may be written with the file `path`: the values of a header, the header of values.
    fn beside(&self, path: &Path) -> Vec<PathBuf> {
        let _ = path;
        Vec::new()
    }

    /// The files from which a volume is read, besides the file itself: those that its header names, or the folder of a
    /// series.
    ///
    /// # Errors
    /// If the header is invalid.
    fn parts(&self, path: &Path, options: &ReadOptions) -> Result<Vec<PathBuf>, ReadError> {
        let _ = (path, options);
        Ok(Vec::new())
    }

    /// Begins a file whose voxels come slab by slab in a volume's order. `None` if the format needs another order, or
    /// does not write in parts.
    ///
    /// # Errors
    /// If an I/O error occurs, or the format cannot store the volume.
    fn slabs(&self, path: &Path, file: fs::File, head: &Head, facts: &Facts) -> Result<Option<Slabs>, WriteError> {
        let _ = (path, file, head, facts);
        Ok(None)
    }
}

/// The result of [`Format::write`].
#[derive(Debug, Default)]
pub struct Wrote {
    /// Warnings.
    pub warnings: Vec<Warning>,
    /// The other file of a pair, complete except for its name.
    pub beside: Option<Partial>,
}

impl From<Vec<Warning>> for Wrote {
    fn from(warnings: Vec<Warning>) -> Self {
        Self { warnings, beside: None }
    }
}

/// How many of the first bytes of a file a format may use to recognise it.
pub(crate) const FIRST_BYTES: u64 = 1024;

/// The content of a header.
#[derive(Clone, Debug, PartialEq)]
pub struct FileInfo {
    /// The format and its version.
    pub format: &'static str,
    /// Where the voxels lie.
    pub grid: Grid,
    /// The voxel type in the file.
    pub stored: Dtype,
    /// The voxel type after reading and scaling.
    pub dtype: Dtype,
    /// Channels or frames.
    pub channels: usize,
    /// Other facts that are worth restoring.
    pub facts: Facts,
    /// Warnings.
    pub warnings: Vec<Warning>,
    /// The positions of uneven slices; the grid is then the nearest even one. `None` for an even stack.
    pub slices: Option<SliceStack>,
}

/// The positions of the slices of an uneven stack. Within their plane, they follow the grid.
#[derive(Clone, Debug, PartialEq)]
pub struct SliceStack {
    /// For each slice along axis 2, the centre of its first voxel, RAS+ mm.
    pub positions: Vec<[f64; 3]>,
}

/// A volume with the facts of its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The volume.
    pub volume: Volume,
    /// The content of the header.
    pub info: FileInfo,
}
