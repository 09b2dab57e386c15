//! The format that a name implies.

use std::path::Path;

use crate::format::Format;
use crate::open::has_extension;
use crate::{FORMATS, WriteError};

/// Whether the name implies a format that can be written.
pub fn writable_extension(path: impl AsRef<Path>) -> bool {
    format_for_writing(path.as_ref()).is_ok()
}

/// The format that a name implies.
///
/// # Errors
/// If it has no known extension; the error lists the extensions.
pub fn format_for_writing(path: impl AsRef<Path>) -> Result<&'static dyn Format, WriteError> {
    let path = path.as_ref();
    by_extension(path).ok_or_else(|| {
        let all = FORMATS.iter().flat_map(|format| format.extensions());
        let known = all.map(|e| format!(".{e}")).collect::<Vec<_>>().join(", ");
        WriteError::UnknownExtension { path: path.to_owned(), known }
    })
}

/// Whether [`SlabWriter`](crate::SlabWriter) can write a file of this name: a volume, or an array (`.npy`).
///
/// # Errors
/// If the name has no known extension.
pub fn check_name_for_writing(path: impl AsRef<Path>) -> Result<(), WriteError> {
    let path = path.as_ref();
    if is_array_name(path) { Ok(()) } else { format_for_writing(path).map(|_| ()) }
}

/// Whether a file of this name is a NumPy array, without geometry.
pub fn is_array_name(path: impl AsRef<Path>) -> bool {
    has_extension(path.as_ref(), "npy")
}

/// The format of an extension.
pub(crate) fn by_extension(path: &Path) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.extensions().iter().any(|e| has_extension(path, e)))
}
