//! Reading the voxels.

use std::path::Path;

use revoxel_core::{Buffer, Kind, Volume, Voxel, Voxels, dispatch_dtype};

use super::parsed::Parsed;
use crate::buffer;
use crate::codecs::gunzip;
use crate::open::{failed_to_read, length_of};
use crate::{Limits, Loaded, ReadError, ReadOptions, values};

/// Reads a volume.
pub(super) fn read(path: &Path, kind: Kind, options: &ReadOptions) -> Result<Loaded, ReadError> {
    let mut parsed = Parsed::open(path, options)?;
    check(path, &parsed, &options.limits)?;
    let voxels = dispatch_dtype!(parsed.arrangement.stored.dtype, T => typed::<T>(&mut parsed, &options.limits)?);
    let Parsed { info, .. } = parsed;
    let bytes = voxels.bytes().len() as u64;
    // The number of values was derived from the grid; this cannot fail.
    let volume = Volume::new(voxels, info.grid, kind, info.channels)
        .map_err(|_| ReadError::Memory { path: path.to_owned(), bytes })?;
    Ok(Loaded { volume, info })
}

/// Checks that the volume is within the limits, and the checksum of a header in a separate compressed file.
fn check(path: &Path, parsed: &Parsed, limits: &Limits) -> Result<(), ReadError> {
    let Parsed { arrangement, voxels, info, .. } = parsed;
    let size = info.dtype.size().max(arrangement.stored.dtype.size()) as u64;
    let mapped =
        voxels.packed.is_none() && !parsed.swapped && parsed.scaling.is_none() && arrangement.stored.components == 1;
    limits.check_volume(path, (arrangement.values() as u64).saturating_mul(size), mapped)?;
    let Some(header) = &parsed.packed_header else { return Ok(()) };
    let verified = length_of(header)
        .and_then(|length| gunzip::verify(header, limits.most_decoded(length)).map_err(failed_to_read(header)))?;
    verified.map_or(Ok(()), |reason| Err(ReadError::Gunzip { path: header.clone(), reason }))
}

fn typed<T: Voxel>(parsed: &mut Parsed, limits: &Limits) -> Result<Voxels, ReadError>
where
    Voxels: From<Vec<T>> + From<Buffer<T>>,
{
    let Parsed { arrangement, voxels: file, .. } = &*parsed;
    let no_memory = || ReadError::Memory { path: file.path.clone(), bytes: arrangement.bytes() };
    let (mut values, warnings) = file.read::<T>(arrangement.values(), parsed.swapped, limits)?;
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
