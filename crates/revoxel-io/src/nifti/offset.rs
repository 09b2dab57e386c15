//! Where the voxels start.

use super::header::{Header, Magic};
use super::problem::{HeaderError, Problem};
use crate::Warning;

/// Properties of a single file besides its header.
#[derive(Clone, Copy, Debug)]
pub(super) struct SingleFile {
    /// Whether the flag of extensions is set.
    pub(super) has_extensions: bool,
    /// The length of the file, if it is not compressed.
    pub(super) length: Option<u64>,
    /// Bytes of all voxels.
    pub(super) needed: u64,
}

/// The byte at which the voxels start in their file.
///
/// In a single file they start after the header and the four bytes of the extension flag; an offset of 0 means exactly
/// that. Old writers give the bare length of the header. This is accepted if the voxels from there on end with the
/// file, because other writers mean the byte after the four. nibabel refuses it; ITK and MRtrix read the four bytes as
/// voxels.
pub(super) fn voxels_start(
    header: &Header,
    single: Option<SingleFile>,
    warnings: &mut Vec<Warning>,
) -> Result<u64, HeaderError> {
    let value = header.vox_offset;
    let refuse = |problem| Err(HeaderError::new("vox_offset", header.show(value), problem));
    if value.is_nan() || value < 0.0 || value.fract() != 0.0 {
        return refuse(Problem::NotBytes);
    }
    // Saturates; whoever adds to it must, too.
    let value = value as u64;
    let Some(single) = single else { return Ok(value) };
    let length = header.version.length() as u64;
    let analyze = header.magic == Magic::Absent;
    match value {
        _ if analyze && (value == 0 || value == length) => Ok(length),
        0 if single.has_extensions => refuse(Problem::BehindExtensions),
        0 => {
            warnings.push(Warning::VoxOffset { value, used: length + 4 });
            Ok(length + 4)
        }
        _ if value >= length + 4 => Ok(value),
        _ if value == length && single.length == Some(length.saturating_add(single.needed)) => {
            warnings.push(Warning::NoExtensionFlag(value));
            Ok(value)
        }
        _ => refuse(Problem::OffsetInHeader(length + 4)),
    }
}
