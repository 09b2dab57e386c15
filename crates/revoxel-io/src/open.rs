//! Opening files, and names of files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::ReadError;

/// Whether a file name ends in an extension (given without its dot), in any case.
pub(crate) fn has_extension(path: &Path, extension: &str) -> bool {
    let Some(name) = path.file_name() else { return false };
    let name = name.to_string_lossy().to_lowercase();
    name.strip_suffix(extension).and_then(|stem| stem.strip_suffix('.')).is_some()
}

/// Opens an existing, empty file without truncating it: ext4 would treat truncation as replacing the content, and
/// would wait at the end to allocate blocks.
pub(crate) fn empty(path: &Path) -> io::Result<fs::File> {
    fs::File::options().write(true).open(path)
}

/// Turns an error of the system into one that names the file.
pub(crate) fn failed_to_read(path: &Path) -> impl FnOnce(io::Error) -> ReadError + use<> {
    let path: PathBuf = path.to_owned();
    move |reason| ReadError::Io { path, reason }
}

/// The length of a regular file; anything else is refused (a pipe never ends).
pub(crate) fn length_of(path: &Path) -> Result<u64, ReadError> {
    let metadata = fs::metadata(path).map_err(failed_to_read(path))?;
    if !metadata.is_file() {
        return Err(ReadError::NotAFile { path: path.to_owned() });
    }
    Ok(metadata.len())
}
