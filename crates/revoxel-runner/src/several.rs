//! Inputs whose channels are files of their own: read as one volume.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use revoxel_core::{Dtype, Grid, Relation, Volume, Voxels, dispatch_dtype};
use revoxel_io::{FileInfo, Loaded, ReadError, ReadOptions};
use revoxel_pipeline::{Input, Pipeline};

use crate::dataset::Case;
use crate::problem::Problem;
use crate::reading::options_of;

/// Why files are not the channels of one volume.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeveralError {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Two files lie on different grids.
    #[error(
        "{first} and {other} are channels of one input, and must be on one grid: {relation}; read them as two inputs \
         to put one on the grid of the other"
    )]
    OtherGrid {
        /// The file of the first channel.
        first: PathBuf,
        /// The other file.
        other: PathBuf,
        /// How their grids differ.
        relation: Box<Relation>,
    },
    /// A series of uneven slices.
    #[error("{0}: its slices lie unevenly, which a channel of an input must not: read it as an input of its own")]
    Uneven(PathBuf),
}

impl From<SeveralError> for Problem {
    fn from(error: SeveralError) -> Self {
        match error {
            SeveralError::Read(error) => error.into(),
            other => other.to_string().into(),
        }
    }
}

/// The header of an input of a case: of its file, or of the volume that its files are the channels of.
///
/// # Errors
/// Where a header cannot be read, or the files are not on one grid.
pub(crate) fn info(pipeline: &Pipeline, input: &Input, case: &Case) -> Result<FileInfo, SeveralError> {
    let options = options_of(pipeline, input, case);
    let files: Vec<&PathBuf> = case.files(&input.key).collect();
    info_of(&files, &options)
}

/// [`info`] of given files.
///
/// # Errors
/// As [`info`].
pub(crate) fn info_of(files: &[&PathBuf], options: &ReadOptions) -> Result<FileInfo, SeveralError> {
    let infos: Result<Vec<FileInfo>, ReadError> =
        files.iter().map(|path| revoxel_io::info_with(path, options)).collect();
    together(files, infos?)
}

/// The volume of an input of a case.
///
/// # Errors
/// As [`info`].
pub(crate) fn read(pipeline: &Pipeline, input: &Input, case: &Case) -> Result<Loaded, SeveralError> {
    let options = options_of(pipeline, input, case);
    let files: Vec<&PathBuf> = case.files(&input.key).collect();
    read_files(&files, input, &options)
}

/// [`read`] from given files.
///
/// # Errors
/// As [`info`].
pub(crate) fn read_files(files: &[&PathBuf], input: &Input, options: &ReadOptions) -> Result<Loaded, SeveralError> {
    if let [path] = files {
        return Ok(revoxel_io::read_with(path, input.kind, options)?);
    }
    let read: Result<Vec<Loaded>, ReadError> =
        files.par_iter().map(|path| revoxel_io::read_with(path, input.kind, options)).collect();
    let (volumes, infos): (Vec<Volume>, Vec<FileInfo>) =
        read?.into_iter().map(|loaded| (loaded.volume, loaded.info)).unzip();
    let info = together(files, infos)?;
    let volume = stacked(volumes, &info.grid, input);
    // The number of voxels is that of the grid, as every channel has it.
    let volume = volume.unwrap_or_else(|_| unreachable!("channels on one grid"));
    let info = FileInfo { dtype: volume.dtype(), ..info };
    Ok(Loaded { volume, info })
}

fn stacked(volumes: Vec<Volume>, grid: &Grid, input: &Input) -> Result<Volume, revoxel_core::VolumeError> {
    let channels = volumes.iter().map(Volume::channels).sum();
    let dtype = common(volumes.iter().map(Volume::dtype));
    let voxels: Voxels = dispatch_dtype!(dtype, T => {
        let mut all: Vec<T> = Vec::with_capacity(grid.voxel_count() * channels);
        for volume in volumes {
            let voxels = volume.into_voxels().cast(dtype);
            all.extend_from_slice(bytemuck::cast_slice(voxels.bytes()));
        }
        all.into()
    });
    Volume::new(voxels, *grid, input.kind, channels)
}

/// The header of a volume of several files.
fn together(files: &[&PathBuf], infos: Vec<FileInfo>) -> Result<FileInfo, SeveralError> {
    let mut infos = infos.into_iter();
    let mut first = infos.next().unwrap_or_else(|| unreachable!("an input has a file"));
    let path = |number: usize| -> &Path { files[number] };
    if files.len() > 1 && first.slices.is_some() {
        return Err(SeveralError::Uneven(path(0).to_owned()));
    }
    for (number, info) in infos.enumerate() {
        let other = path(number + 1);
        if info.slices.is_some() {
            return Err(SeveralError::Uneven(other.to_owned()));
        }
        let relation = Relation::between(&info.grid, &first.grid);
        if !relation.agrees() {
            let (first, other) = (path(0).to_owned(), other.to_owned());
            return Err(SeveralError::OtherGrid { first, other, relation: relation.into() });
        }
        first.channels += info.channels;
        first.stored = common([first.stored, info.stored].into_iter());
        first.dtype = common([first.dtype, info.dtype].into_iter());
        first.warnings.extend(info.warnings);
    }
    Ok(first)
}

/// A type that holds the values of channels of several types.
fn common(dtypes: impl Iterator<Item = Dtype>) -> Dtype {
    let wider = |a: Dtype, b: Dtype| match a == b {
        true => a,
        false if a.size().max(b.size()) > 2 && [a, b].iter().any(|d| d.size() > 2 && *d != Dtype::F32) => Dtype::F64,
        false => Dtype::F32,
    };
    dtypes.reduce(wider).unwrap_or(Dtype::F32)
}
