//! Writing files whole or not at all, reading texts, and hashes of files.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Why a file could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {error}")]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub error: io::Error,
}

/// Names the path of an error.
pub fn at(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |error| FileError { path, error }
}

/// Writes a text beside its place and renames it, so that it appears whole or not at all.
///
/// # Errors
/// Where the system refuses.
pub fn write_text(path: &Path, text: &str) -> Result<(), FileError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder).map_err(at(path))?;
    file.write_all(text.as_bytes()).map_err(at(path))?;
    readable_by_all(&file).map_err(at(path))?;
    file.persist(path).map_err(|e| FileError { path: path.to_owned(), error: e.error })?;
    Ok(())
}

/// Temporary files are private; results have the permissions that any new file would have.
fn readable_by_all(file: &NamedTempFile) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    let _ = file;
    Ok(())
}

/// Makes the folder of a file.
///
/// # Errors
/// Where the system refuses.
pub fn make_folder_of(path: &Path) -> Result<(), FileError> {
    match path.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(folder) => fs::create_dir_all(folder).map_err(at(folder)),
        None => Ok(()),
    }
}

/// Reads a text.
///
/// # Errors
/// Where the system refuses or the file is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(at(path))
}

/// BLAKE3 of a file's bytes; of a folder, of the names and hashes of all files under it, in the order of their names.
///
/// # Errors
/// Where a file cannot be read.
pub fn hash(path: &Path) -> Result<String, FileError> {
    if path.is_dir() {
        let mut names: Vec<_> = fs::read_dir(path).map_err(at(path))?.collect::<Result<_, _>>().map_err(at(path))?;
        names.sort_by_key(std::fs::DirEntry::file_name);
        let mut hasher = blake3::Hasher::new();
        for entry in names {
            // Links are named, not followed: they may lead anywhere.
            let link = entry.file_type().map_err(at(path))?.is_symlink();
            hasher.update(entry.file_name().as_encoded_bytes());
            hasher.update(if link { String::new() } else { hash(&entry.path())? }.as_bytes());
        }
        return Ok(hasher.finalize().to_hex().to_string());
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_mmap_rayon(path).map_err(at(path))?;
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_appear_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c.txt");
        make_folder_of(&path).unwrap();
        write_text(&path, "one").unwrap();
        write_text(&path, "two").unwrap();
        assert_eq!(read_text(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert!(write_text(&folder.path().join("none/x"), "").unwrap_err().to_string().contains("none"));
        assert_eq!(hash(&path).unwrap(), blake3::hash(b"two").to_hex().to_string());
    }
}
