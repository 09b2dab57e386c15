//! Which file of one folder belongs to which of another.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use revoxel_pipeline::Template;

use crate::dataset::matches;
use crate::journal;

/// A result and its reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The case.
    pub case: String,
    /// The result.
    pub result: PathBuf,
    /// The reference.
    pub reference: PathBuf,
}

/// The files of two folders, put together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    /// Cases with both, by name.
    pub pairs: Vec<Pair>,
    /// Results without a reference.
    pub no_reference: Vec<PathBuf>,
    /// References without a result.
    pub no_result: Vec<PathBuf>,
}

/// Why files cannot be put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PairsError {
    /// A folder cannot be listed.
    #[error("{path}: {error}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// No volumes are there.
    #[error("{0}: no volume files here")]
    Empty(PathBuf),
    /// A pattern that cannot be used.
    #[error("{0}")]
    Pattern(String),
}

/// Puts the files of two places together. A place is a folder, in which the name of a file is that of its case, or a path
/// with placeholders in it.
///
/// # Errors
/// Where a folder cannot be listed or holds no volumes.
pub fn pairs(results: &Path, references: &Path) -> Result<Pairs, PairsError> {
    let (results, mut references) = (named(results)?, named(references)?);
    let mut found = Pairs::default();
    for (case, result) in results {
        match references.remove(&case) {
            Some(reference) => found.pairs.push(Pair { case, result, reference }),
            None => found.no_reference.push(result),
        }
    }
    found.no_result = references.into_values().collect();
    Ok(found)
}

/// The volumes of a place by the names of their cases.
fn named(place: &Path) -> Result<BTreeMap<String, PathBuf>, PairsError> {
    let text = place.to_string_lossy();
    let files = match text.contains('{') {
        true => by_pattern(&text)?,
        false => by_name(place)?,
    };
    if files.is_empty() { Err(PairsError::Empty(place.to_owned())) } else { Ok(files) }
}

/// What a path with placeholders matches.
fn by_pattern(text: &str) -> Result<BTreeMap<String, PathBuf>, PairsError> {
    let (folder, rest) = match text.strip_prefix('/') {
        Some(rest) => (Path::new("/"), rest),
        None => (Path::new("."), text),
    };
    let template = Template::new(rest).map_err(PairsError::Pattern)?;
    let found = matches(&template, folder).map_err(|e| PairsError::Pattern(e.to_string()))?;
    let mut files = BTreeMap::new();
    for (case, path) in found {
        if let Some(other) = files.insert(case.clone(), path.clone()) {
            let (other, path) = (other.display(), path.display());
            return Err(PairsError::Pattern(format!("{text}: {other} and {path} are both of case {case:?}")));
        }
    }
    Ok(files)
}

/// The volumes below a folder. They are called after their files if these are all different, else after the folders in
/// which they lie.
fn by_name(folder: &Path) -> Result<BTreeMap<String, PathBuf>, PairsError> {
    let mut files = Vec::new();
    list(folder, &mut files).map_err(|error| PairsError::Folder { path: folder.to_owned(), error })?;
    let stems: BTreeSet<String> = files.iter().map(|file| stem(file)).collect();
    let name = |file: &PathBuf| {
        let relative = file.strip_prefix(folder).unwrap_or(file);
        let above = relative.parent().filter(|above| !above.as_os_str().is_empty());
        match above.filter(|_| stems.len() < files.len()) {
            Some(above) if stems.len() == 1 => above.to_string_lossy().into_owned(),
            Some(above) => above.join(stem(file)).to_string_lossy().into_owned(),
            None => stem(file),
        }
    };
    let mut named: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in &files {
        if let Some(other) = named.insert(name(file), file.clone()) {
            let (other, file) = (other.display(), file.display());
            return Err(PairsError::Pattern(format!(
                "{other} and {file} have one name: move one of them, or write a path with {{case}} and the ending"
            )));
        }
    }
    Ok(named)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<fs::DirEntry> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        if name.as_encoded_bytes().starts_with(b".") || name == journal::FOLDER {
            continue;
        }
        if path.is_dir() {
            list(&path, files)?;
        } else if revoxel_io::check_name_for_writing(&path).is_ok() && !revoxel_io::is_array_name(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// The name of a file without the endings of volumes.
pub(crate) fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    name.strip_suffix(".seg").unwrap_or(name).to_owned()
}
