//! Writing files whole or not at all, reading texts, and hashes of files.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rayon::prelude::*;
use revoxel_io::{Partial, WriteError};

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
    text_for(path, text)?.persist().map_err(refused)
}

/// A text that is complete and on the disk, but for its name.
///
/// # Errors
/// Where the system refuses.
pub fn text_for(path: &Path, text: &str) -> Result<Partial, FileError> {
    let partial = text_beside(path, text)?;
    partial.sync().map_err(refused)?;
    Ok(partial)
}

/// A text that is complete, but for its name; it may not be on the disk yet.
///
/// # Errors
/// Where the system refuses.
pub(crate) fn text_beside(path: &Path, text: &str) -> Result<Partial, FileError> {
    let partial = Partial::create(path).map_err(refused)?;
    partial.file().write_all(text.as_bytes()).map_err(at(path))?;
    Ok(partial)
}

fn refused(error: WriteError) -> FileError {
    match error {
        WriteError::Io { path, reason } => FileError { path, error: reason },
        WriteError::NoFolder { path, .. } => FileError { path, error: io::ErrorKind::NotFound.into() },
        other => FileError { path: PathBuf::new(), error: io::Error::other(other.to_string()) },
    }
}

/// Removes a file, where there is one.
///
/// # Errors
/// Where the system refuses.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

/// A digest of the names, sizes and times of change of files, and of all files under folders: cheap to compare, and the
/// same as long as nobody changes them.
///
/// # Errors
/// Where the system refuses.
pub fn stamp(paths: &[PathBuf]) -> Result<String, FileError> {
    fn add(path: &Path, hasher: &mut blake3::Hasher) -> Result<(), FileError> {
        let metadata = fs::metadata(path).map_err(at(path))?;
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name);
        if metadata.is_dir() {
            let entries = fs::read_dir(path).map_err(at(path))?;
            let mut below =
                entries.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(at(path))?;
            below.sort();
            hasher.update(&(below.len() as u64).to_le_bytes());
            // Links are named, not followed: they may lead anywhere.
            return below.iter().filter(|path| !path.is_symlink()).try_for_each(|path| add(path, hasher));
        }
        let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        hasher.update(&metadata.len().to_le_bytes());
        hasher.update(&changed.unwrap_or_default().as_nanos().to_le_bytes());
        // Two files that change places may have one size and one time.
        #[cfg(unix)]
        hasher.update(&std::os::unix::fs::MetadataExt::ino(&metadata).to_le_bytes());
        Ok(())
    }
    let mut hasher = blake3::Hasher::new();
    paths.iter().try_for_each(|path| add(path, &mut hasher))?;
    Ok(hasher.finalize().to_hex()[..24].to_owned())
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

/// What [`hash`] would say of a folder that held these files alone, by their names or, where they lie deeper, their paths
/// below it.
///
/// # Errors
/// Where a file cannot be read.
pub(crate) fn hash_of(folder: &Path, files: &[PathBuf]) -> Result<String, FileError> {
    let mut names: Vec<(&Path, &PathBuf)> =
        files.iter().map(|file| (file.strip_prefix(folder).unwrap_or(file), file)).collect();
    names.sort();
    let hashes = names.par_iter().map(|(_, file)| hash(file)).collect::<Result<Vec<String>, _>>()?;
    let mut hasher = blake3::Hasher::new();
    for ((name, _), hash) in names.iter().zip(hashes) {
        hasher.update(name.as_os_str().as_encoded_bytes());
        hasher.update(hash.as_bytes());
    }
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
        remove(&folder.path().join("none")).unwrap();
        assert_eq!(hash(&path).unwrap(), blake3::hash(b"two").to_hex().to_string());
        let (below, all) = (path.parent().unwrap(), hash(path.parent().unwrap()).unwrap());
        assert_eq!(hash_of(below, std::slice::from_ref(&path)).unwrap(), all);
        write_text(&below.join("d.txt"), "other").unwrap();
        assert_eq!(hash_of(below, std::slice::from_ref(&path)).unwrap(), all);
        assert_eq!(hash_of(below, &[below.join("d.txt"), path.clone()]).unwrap(), hash(below).unwrap());
    }
    #[test]
    fn stamps_tell_of_every_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/b.bin");
        make_folder_of(&file).unwrap();
        fs::write(&file, "one").unwrap();
        let of = |path: &Path| stamp(&[path.to_owned()]).unwrap();
        let first = [of(&file), of(folder.path())];
        assert_eq!(first, [of(&file), of(folder.path())]);
        let later = UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        fs::File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
        let second = [of(&file), of(folder.path())];
        assert!(first[0] != second[0] && first[1] != second[1]);
        fs::write(folder.path().join("a/c"), "").unwrap();
        assert!(of(folder.path()) != second[1] && of(&file) == second[0]);
        assert!(stamp(&[folder.path().join("none")]).is_err());
    }
}
