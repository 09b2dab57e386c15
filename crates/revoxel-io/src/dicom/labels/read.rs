//! Reads a label object into a volume.

use std::path::PathBuf;

use revoxel_core::{Dtype, Kind, Volume, Voxel, Voxels};

use super::super::collect::FolderContents;
use super::file::{Content, LabelFile};
use super::prepared::Prepared;
use super::{from_contours, from_frames};
use crate::{FileInfo, Loaded, ReadError, ReadOptions, Warning};

/// The header of a label object, as it would be read.
pub(in crate::dicom) fn info(
    found: &FolderContents,
    index: usize,
    options: &ReadOptions,
) -> Result<FileInfo, ReadError> {
    prepare(found, &found.labels[index], options).map(|p| p.info)
}

/// Reads a label object.
pub(in crate::dicom) fn read(found: &FolderContents, index: usize, options: &ReadOptions) -> Result<Loaded, ReadError> {
    let file = &found.labels[index];
    match prepare(found, file, options)?.info.dtype {
        Dtype::U8 => read_as::<u8>(found, file, options),
        _ => read_as::<u16>(found, file, options),
    }
}

/// The other files from which it is read.
pub(in crate::dicom) fn parts(
    found: &FolderContents,
    index: usize,
    options: &ReadOptions,
) -> Result<Vec<PathBuf>, ReadError> {
    let prepared = prepare(found, &found.labels[index], options)?;
    // A folder is hashed with all that is in it; an archive is a file.
    Ok(prepared.files.into_iter().filter(|file| !file.starts_with(&found.root)).collect())
}

fn prepare(found: &FolderContents, file: &LabelFile, options: &ReadOptions) -> Result<Prepared, ReadError> {
    match content(file)? {
        Content::Segmentation(segmentation) => from_frames::prepare(found, file, segmentation, options).map(|p| p.0),
        Content::Structures(_) => from_contours::prepare(found, file, options).map(|p| p.0),
    }
}

fn content(file: &LabelFile) -> Result<&Content, ReadError> {
    let fail = |reason: &_| ReadError::Dicom { path: file.path.clone(), reason: Box::new(Clone::clone(reason)) };
    file.content.as_ref().map_err(fail)
}

fn read_as<T: Voxel + PartialEq>(
    found: &FolderContents,
    file: &LabelFile,
    options: &ReadOptions,
) -> Result<Loaded, ReadError>
where
    Vec<T>: Into<Voxels>,
{
    let (mut prepared, (values, warnings)) = match content(file)? {
        Content::Segmentation(segmentation) => {
            let (prepared, placed) = from_frames::prepare(found, file, segmentation, options)?;
            let painted = from_frames::paint::<T>(found, file, segmentation, (&prepared, &placed), options)?;
            (prepared, painted)
        }
        Content::Structures(_) => {
            let (prepared, target) = from_contours::prepare(found, file, options)?;
            let painted = from_contours::paint::<T>(found, file, (&prepared, &target), options)?;
            (prepared, painted)
        }
    };
    prepared.info.warnings.extend(warnings.into_iter().map(Warning::Dicom));
    let (voxels, info): (Voxels, FileInfo) = (values.into(), prepared.info);
    let bytes = voxels.bytes().len() as u64;
    let volume = Volume::new(voxels, info.grid, Kind::Label, info.channels)
        .map_err(|_| ReadError::Memory { path: file.path.clone(), bytes })?;
    Ok(Loaded { volume, info })
}
