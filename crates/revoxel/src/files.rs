//! Reading and writing volumes.

use std::path::{Path, PathBuf};

use revoxel_core::{Kind, Volume};
use revoxel_invert::VolumeTrace;
use revoxel_io::{Facts, FileInfo, Head, LabelNames, Loaded, ReadError, WriteError};
use revoxel_runner::kept::{Kept, Written};
use revoxel_runner::slice_places::SlicePlaces;

use crate::Error;

/// Reads a volume: a file, a DICOM folder or an archive. What the header says comes along, and goes into the trace of a
/// pipeline that the volume is given to.
///
/// # Errors
/// Where it cannot be read; the error names the file, the field and its value.
pub fn read(path: impl AsRef<Path>, kind: Kind) -> Result<Loaded, ReadError> {
    revoxel_io::read(path, kind)
}

/// Reads a text file.
///
/// # Errors
/// Where it cannot be read, or is no text.
pub fn read_text(path: impl AsRef<Path>) -> Result<String, Error> {
    revoxel_runner::files::read_text(path.as_ref()).map_err(|e| Error::File(e.to_string()))
}

/// Writes a text file, which appears whole or not at all.
///
/// # Errors
/// Where the system refuses.
pub fn write_text(path: impl AsRef<Path>, text: &str) -> Result<(), Error> {
    revoxel_runner::files::write_text(path.as_ref(), text).map_err(|e| Error::Unwritten(e.to_string()))
}

/// Writes a volume; the name says the format. The file appears whole or not at all.
///
/// # Errors
/// Where the system refuses, or the format cannot hold the volume.
pub fn write(path: impl AsRef<Path>, volume: &Volume) -> Result<(), WriteError> {
    revoxel_io::write(path, volume, &Facts::default()).map(drop)
}

/// Writes a volume that was read, and whose voxels lie where they lay, with what the header of its file said.
///
/// # Errors
/// As [`write()`].
pub fn write_with(path: impl AsRef<Path>, volume: &Volume, source: &FileInfo) -> Result<(), WriteError> {
    let (path, head) = (path.as_ref(), Head::of(volume));
    let written = Written { path, key: "", kind: volume.kind(), head: &head };
    revoxel_io::write(path, volume, &Kept::after_moves(&written, source, &[], true).facts).map(drop)
}

/// Writes a result of a pipeline, with what the header of its source says and still holds, and with names of labels.
///
/// # Errors
/// As [`write()`].
pub fn write_result(
    path: impl AsRef<Path>,
    volume: &Volume,
    record: &VolumeTrace,
    names: &LabelNames,
) -> Result<(), WriteError> {
    let (path, head) = (path.as_ref(), Head::of(volume));
    let written = Written { path, key: "", kind: volume.kind(), head: &head };
    revoxel_io::write(path, volume, &Kept::of_result(&written, record, names).facts).map(drop)
}

/// Writes a mask on the grid of a scan, such as that of the voxels that a model saw, with where its header says it lies.
///
/// # Errors
/// As [`write()`].
pub fn write_mask(path: impl AsRef<Path>, mask: &Volume, record: &VolumeTrace) -> Result<(), WriteError> {
    let (path, head) = (path.as_ref(), Head::of(mask));
    let facts = serde_json::from_value(record.source.facts.clone()).unwrap_or_default();
    let written = Written { path, key: "", kind: Kind::Label, head: &head };
    revoxel_io::write(path, mask, &Kept::of_mask(&written, &facts, record.source.channels).facts).map(drop)
}

/// Writes a volume that was brought back, with what the header of its source says and still holds, and with names of labels.
///
/// If the slices of the source lie unevenly, no affine says where they are: then a file `….slices.json` with their positions is
/// written beside it, and its path is returned with what the affine is off by.
///
/// # Errors
/// As [`write()`], and where the trace is damaged.
pub fn write_back(
    path: impl AsRef<Path>,
    volume: &Volume,
    source: &VolumeTrace,
    names: &LabelNames,
) -> Result<Option<(PathBuf, SlicePlaces)>, Error> {
    let (path, head) = (path.as_ref(), Head::of(volume));
    let places = SlicePlaces::of(source).map_err(|e| Error::Wish(format!("the trace is damaged: {e}")))?;
    let written = Written { path, key: "", kind: volume.kind(), head: &head };
    revoxel_io::write(path, volume, &Kept::on_source(&written, source, false, names).facts)?;
    let beside = SlicePlaces::write_or_remove(places.as_ref(), path).map_err(|e| Error::Unwritten(e.to_string()))?;
    Ok(beside.zip(places))
}
