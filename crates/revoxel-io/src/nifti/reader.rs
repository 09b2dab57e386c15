//! Reading the voxels.

use std::fs::File;
use std::io;
use std::path::Path;

use revoxel_core::{Buffer, Kind, Volume, Voxel, Voxels, dispatch_dtype};

use super::parsed::{Parsed, VoxelFile};
use super::values;
use crate::buffer;
use crate::codecs::gunzip;
use crate::file::{failed_to_read, length_of};
use crate::{Limits, Loaded, ReadError, Warning};

/// Reads a volume.
pub(super) fn read(path: &Path, kind: Kind, limits: &Limits) -> Result<Loaded, ReadError> {
    let mut parsed = Parsed::open(path, limits)?;
    check(path, &parsed, limits)?;
    let voxels = dispatch_dtype!(parsed.arrangement.stored.dtype, T => typed::<T>(&mut parsed)?);
    let Parsed { info, .. } = parsed;
    let bytes = voxels.bytes().len() as u64;
    // The number of values was derived from the grid; this cannot fail.
    let volume = Volume::new(voxels, info.grid, kind, info.channels)
        .map_err(|_| ReadError::Memory { path: path.to_owned(), bytes })?;
    Ok(Loaded { volume, info })
}

/// That the volume is within the limits, and that a header in a compressed file of its own is what was written.
fn check(path: &Path, parsed: &Parsed, limits: &Limits) -> Result<(), ReadError> {
    let Parsed { arrangement, voxels, info, .. } = parsed;
    let size = info.dtype.size().max(arrangement.stored.dtype.size()) as u64;
    let mapped = !voxels.gzip && !parsed.swapped && parsed.scaling.is_none() && arrangement.stored.components == 1;
    limits.check_volume(path, (arrangement.values() as u64).saturating_mul(size), mapped)?;
    let Some(header) = &parsed.packed_header else { return Ok(()) };
    let verified = length_of(header)
        .and_then(|length| gunzip::verify(header, limits.most_decoded(length)).map_err(failed_to_read(header)))?;
    verified.map_or(Ok(()), |reason| Err(ReadError::Gunzip { path: header.clone(), reason }))
}

fn typed<T: Voxel>(parsed: &mut Parsed) -> Result<Voxels, ReadError>
where
    Voxels: From<Vec<T>> + From<Buffer<T>>,
{
    let Parsed { arrangement, voxels: file, .. } = &*parsed;
    let no_memory = || ReadError::Memory { path: file.path.clone(), bytes: arrangement.bytes() };
    let (mut values, warnings) = match file.gzip {
        true => decoded::<T>(file, arrangement.values())?,
        false => raw::<T>(file, arrangement.values(), parsed.swapped)?,
    };
    if parsed.swapped {
        buffer::swap_bytes(&mut values);
    }
    if arrangement.stored.components > 1 {
        let apart = values::apart(&values, arrangement.stored.components, arrangement.voxels());
        values = apart.ok_or_else(no_memory)?.into();
    }
    let voxels = match parsed.scaling {
        Some((slope, intercept)) => values::scale(values, slope, intercept).ok_or_else(no_memory)?,
        None => values.into(),
    };
    parsed.info.warnings.extend(warnings);
    Ok(voxels)
}

/// `changed` says that values will be changed in place, so that there is no use in mapping them.
fn raw<T: Voxel>(file: &VoxelFile, count: usize, changed: bool) -> Result<(Buffer<T>, Option<Warning>), ReadError> {
    let read = || {
        let from = File::open(&file.path)?;
        match changed {
            true => buffer::read_at(&from, file.offset, count).map(Buffer::from),
            false => buffer::map_or_read(&from, file.offset, count),
        }
    };
    let bytes = count as u64 * size_of::<T>() as u64;
    let values = read().map_err(|reason| match reason.kind() {
        io::ErrorKind::OutOfMemory => ReadError::Memory { path: file.path.clone(), bytes },
        _ => ReadError::Io { path: file.path.clone(), reason },
    })?;
    let rest = file.length - file.offset - bytes;
    let warning = (rest > 0).then(|| Warning::MoreData { path: file.path.clone(), bytes: rest });
    Ok((values, warning))
}

fn decoded<T: Voxel>(file: &VoxelFile, count: usize) -> Result<(Buffer<T>, Option<Warning>), ReadError> {
    let read = || buffer::map_or_read::<u8>(&File::open(&file.path)?, 0, file.length as usize);
    let compressed = read().map_err(failed_to_read(&file.path))?;
    let fail = |reason| ReadError::Gunzip { path: file.path.clone(), reason };
    let (values, tail) = gunzip::decode(&compressed, file.offset as usize, count).map_err(fail)?;
    let path = || file.path.clone();
    let warning = match (tail.extra, tail.junk) {
        (0, 0) => None,
        (0, bytes) => Some(Warning::TrailingJunk { path: path(), bytes }),
        (bytes, _) => Some(Warning::MoreData { path: path(), bytes }),
    };
    Ok((values, warning))
}
