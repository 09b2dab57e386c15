//! Where the voxels start.

use super::header::{Header, Magic};
use super::problem::{HeaderError, Problem};
use crate::Warning;

/// The byte at which the voxels start in their file.
///
/// In a single file they start behind the header and the four bytes that tell of extensions; 0 means just that, as
/// does the bare length of the header (which old writers give, and mean).
pub(super) fn voxels_start(
    header: &Header,
    single_file: bool,
    warnings: &mut Vec<Warning>,
) -> Result<u64, HeaderError> {
    let value = header.vox_offset;
    let refuse = |problem| Err(HeaderError::new("vox_offset", header.show(value), problem));
    if value.is_nan() || value < 0.0 || value.fract() != 0.0 {
        return refuse(Problem::NotBytes);
    }
    // Saturates; whoever adds to it must, too.
    let value = value as u64;
    let length = header.version.length() as u64;
    match value {
        _ if !single_file => Ok(value),
        0 if header.magic != Magic::Absent => {
            warnings.push(Warning::VoxOffset { value, used: length + 4 });
            Ok(length + 4)
        }
        0 => Ok(length),
        _ if value == length || value >= length + 4 => Ok(value),
        _ => refuse(Problem::OffsetInHeader(length + 4)),
    }
}
