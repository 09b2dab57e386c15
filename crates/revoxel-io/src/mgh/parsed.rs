//! A checked header, and where the voxels are.

use std::path::Path;

use revoxel_core::{Affine, Grid};

use super::footer;
use super::header::{Header, LENGTH};
use super::{MghError, MghFacts};
use crate::codecs::head;
use crate::open::{failed_to_read, length_of};
use crate::stored::{Misfit, VoxelFile};
use crate::{Facts, FileInfo, ReadError, ReadOptions, TimeUnit, Warning};

/// Everything that reading the voxels needs.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) info: FileInfo,
    pub(super) file: VoxelFile,
}

impl Parsed {
    /// Reads and checks the header of a file.
    pub(super) fn open(path: &Path, options: &ReadOptions) -> Result<Self, ReadError> {
        let failed = |reason| ReadError::Mgh { path: path.to_owned(), reason: Box::new(reason) };
        let length = length_of(path)?;
        let first = head::head(path, LENGTH as u64).map_err(failed_to_read(path))?;
        if first.bytes.len() < LENGTH
            && let Some(error) = first.failure(path, LENGTH as u64)
        {
            return Err(error);
        }
        let decoded = if first.packed.is_some() { first.bytes.len() as u64 } else { length };
        let header = Header::parse(&first.bytes, decoded).map_err(failed)?;
        let dtype = header.dtype().map_err(failed)?;
        let (shape, frames) = sizes(&header).map_err(failed)?;
        let affine = affine(&header, shape).map_err(failed)?;
        let singular = || MghError::Singular { delta: header.delta, directions: header.directions };
        let grid = Grid::new(shape, affine).map_err(|_| failed(singular()))?;
        let bytes = (grid.voxel_count() * frames) as u64 * dtype.size() as u64;
        let file = VoxelFile { path: path.to_owned(), packed: first.packed, length, offset: LENGTH as u64 };
        file.check(bytes, &options.limits).map_err(|misfit| match misfit {
            Misfit::PastEnd => failed(MghError::PastEnd { dims: header.dims, needed: bytes, length }),
            Misfit::Other(error) => error,
        })?;
        let mut warnings = Vec::new();
        if !header.good {
            let (field, value) = ("goodRASFlag", "0".to_owned());
            warnings.push(Warning::NotPlaced {
                field,
                value,
                used: "coronal slices of 1 mm, as in nibabel and MRtrix",
            });
        }
        let footer = footer::of(&file, bytes, &options.limits);
        let step = footer::repetition_time(&footer).filter(|_| frames > 1);
        let numbers = header.delta.iter().chain(header.directions.iter().flatten()).chain(&header.centre);
        let mut geometry = [0.0; 15];
        geometry.iter_mut().zip(numbers).for_each(|(to, from)| *to = *from);
        let facts = Facts {
            frames: (frames > 1).then_some(frames),
            frame_spacing: step,
            time_unit: step.map(|_| TimeUnit::Millisecond),
            mgh: Some(Box::new(MghFacts { geometry: header.good.then_some(geometry), dof: header.dof, footer })),
            ..Facts::default()
        };
        let info =
            FileInfo { format: "MGH", grid, stored: dtype, dtype, channels: frames, facts, warnings, slices: None };
        Ok(Self { info, file })
    }
}

/// Voxels along each axis, and frames.
fn sizes(header: &Header) -> Result<([usize; 3], usize), MghError> {
    let mut sizes = [0usize; 4];
    for ((size, value), field) in sizes.iter_mut().zip(header.dims).zip(["width", "height", "depth", "nframes"]) {
        *size = usize::try_from(value).ok().filter(|n| *n > 0).ok_or(MghError::Size { field, value })?;
    }
    let bytes = sizes.iter().chain(&[16]).try_fold(1usize, |n, size| n.checked_mul(*size));
    match bytes.and_then(|bytes| isize::try_from(bytes).ok()) {
        Some(_) => Ok(([sizes[0], sizes[1], sizes[2]], sizes[3])),
        None => Err(MghError::TooManyValues(header.dims)),
    }
}

/// The affine from voxel index to RAS+ mm; the header gives the position of the middle of the volume.
pub(super) fn affine(header: &Header, shape: [usize; 3]) -> Result<Affine, MghError> {
    let named = ["x_ras", "y_ras", "z_ras"].into_iter().zip(header.directions);
    for (field, value) in [("delta", header.delta), ("c_ras", header.centre)].into_iter().chain(named) {
        if value.iter().any(|v| !v.is_finite()) {
            return Err(MghError::NotFinite { field, value });
        }
    }
    let columns = [0, 1, 2].map(|axis| header.directions[axis].map(|v| f64::from(v) * f64::from(header.delta[axis])));
    let linear = [0, 1, 2].map(|row| [0, 1, 2].map(|axis| columns[axis][row]));
    let origin = [0, 1, 2].map(|row| {
        let half: f64 = (0..3).map(|axis| linear[row][axis] * (shape[axis] as f64 / 2.0)).sum();
        f64::from(header.centre[row]) - half
    });
    Ok(Affine::from_linear(linear, origin))
}
