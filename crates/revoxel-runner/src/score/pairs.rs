//! Which file of one folder belongs to which of another.

use std::path::{Path, PathBuf};

use crate::case_files::{CaseFiles, CaseFilesError, Holds};

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

/// Puts the files of two places together. A place is a folder, in which the name of a file is that of its case, or a path
/// with placeholders in it.
///
/// # Errors
/// Where a folder cannot be listed or holds no volumes, or two files of a place are of one case.
pub fn pairs(results: &Path, references: &Path) -> Result<Pairs, CaseFilesError> {
    let named = |place: &Path| CaseFiles::at(place, Holds::Volumes)?.by_case();
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
