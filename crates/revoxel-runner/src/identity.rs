//! Which files an input was: told by their content, and cheaply by their sizes and times.

use std::path::{Path, PathBuf};

use revoxel_invert::{PartRecord, SourceRecord};
use revoxel_io::{Complete, ReadError, ReadOptions};

use crate::dataset::Case;
use crate::files::{FileError, hash, hash_of, stamp};

/// The files of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// BLAKE3 of the file, or of all files of a folder.
    pub hash: String,
    /// The other files that it is read from.
    pub parts: Vec<PartRecord>,
    /// What [`stamp`] says of all of them.
    pub stamp: String,
}

/// Why files cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A header cannot be followed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The files of an input of a case: its own, those that belong to it, and those of its further channels.
fn files(case: &Case, key: &str, options: &ReadOptions) -> Result<Vec<PathBuf>, ReadError> {
    if let Some(files) = case.series.get(key).and_then(|own| own.files.as_ref()) {
        return Ok(files.to_vec());
    }
    // The series that labels go onto is an input of its own.
    if options.labels.reference_series.as_ref().is_some_and(|choice| choice.files.is_some()) {
        return Ok(case.files(key).cloned().collect());
    }
    let mut all = Vec::new();
    for path in case.files(key) {
        all.push(path.clone());
        all.extend(revoxel_io::parts(path, options)?);
    }
    Ok(all)
}

impl Identity {
    /// Reads all files of an input. The stamp is of before that, so that a change in the meantime is seen.
    ///
    /// # Errors
    /// Where a header cannot be followed, or a file cannot be read.
    pub fn of(path: &Path, options: &ReadOptions) -> Result<Self, IdentityError> {
        let parts = revoxel_io::parts(path, options)?;
        let files: Vec<PathBuf> = [path.to_owned()].into_iter().chain(parts).collect();
        Self::of_files(&files).map_err(Into::into)
    }

    /// [`of`](Self::of) an input of a case, with the files of all its channels. A series of a folder that may hold
    /// others is like a folder with its files alone.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub(crate) fn of_case(case: &Case, key: &str, options: &ReadOptions) -> Result<Self, IdentityError> {
        let files = files(case, key, options)?;
        match (case.series.get(key), case.inputs.get(key)) {
            (Some(own), Some(folder)) if own.files.is_some() => {
                let stamp = stamp(&files)?;
                let hash = format!("blake3:{}", hash_of(folder, &files)?);
                Ok(Self { hash, parts: Vec::new(), stamp })
            }
            _ => Self::of_files(&files).map_err(Into::into),
        }
    }

    /// The stamp of an input of a case, without reading its files.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub(crate) fn stamp_of(case: &Case, key: &str, options: &ReadOptions) -> Result<String, IdentityError> {
        Ok(stamp(&files(case, key, options)?)?)
    }

    fn of_files(files: &[PathBuf]) -> Result<Self, FileError> {
        let stamp = stamp(files)?;
        let (path, parts) = files.split_first().unwrap_or_else(|| unreachable!("an input has a file"));
        let parts = parts.iter().map(|part| part_record(path, part, part)).collect::<Result<_, _>>()?;
        Ok(Self { hash: digest(path)?, parts, stamp })
    }

    /// Whether the files of an input are those of a record. They are read only where sizes or times differ.
    ///
    /// # Errors
    /// Where a header cannot be followed, or a file cannot be read.
    pub(crate) fn is_still(
        record: &SourceRecord,
        case: &Case,
        key: &str,
        options: &ReadOptions,
    ) -> Result<bool, IdentityError> {
        // The header of a file that has not changed names no more files than before: it is not opened.
        let is_one = record.parts.is_empty() && !case.series.contains_key(key) && case.files(key).count() == 1;
        if let (true, Some(path), Some(before)) = (is_one, case.inputs.get(key), &record.stamp)
            && stamp(std::slice::from_ref(path)).is_ok_and(|now| now == *before)
        {
            return Ok(true);
        }
        let files = files(case, key, options)?;
        if record.stamp.is_some() && record.stamp == Some(stamp(&files)?) {
            return Ok(true);
        }
        let now = Self::of_case(case, key, options)?;
        Ok(record.hash.as_ref() == Some(&now.hash) && record.parts == now.parts)
    }
}

/// The content of files that have no names yet: of the one that was asked for, and of the others.
///
/// # Errors
/// Where one cannot be read.
pub fn digests(complete: &Complete) -> Result<(String, Vec<PartRecord>), FileError> {
    let (main, parts) = complete.files().split_last().unwrap_or_else(|| unreachable!("one file at least"));
    let parts = parts.iter().map(|part| part_record(main.path(), part.path(), part.place()));
    Ok((digest(main.place())?, parts.collect::<Result<_, _>>()?))
}

/// What a record says of the content of a file or folder.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn digest(path: &Path) -> Result<String, FileError> {
    hash(path).map(|hash| format!("blake3:{hash}"))
}

/// A file that belongs to another one; its content is at `place` by now.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn part_record(of: &Path, part: &Path, place: &Path) -> Result<PartRecord, FileError> {
    let folder = of.parent().unwrap_or(Path::new(""));
    let path = part.strip_prefix(folder).unwrap_or(part).to_string_lossy().into_owned();
    Ok(PartRecord { path, hash: digest(place)? })
}
