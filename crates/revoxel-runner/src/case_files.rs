//! Places with files of cases: a folder, or a path with placeholders.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use revoxel_pipeline::{CaseName, Template};

use crate::dataset::matches;
use crate::journal;
use crate::prediction::is_array;

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseFilesError {
    /// A folder cannot be listed.
    #[error("{path}: {error}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Nothing is there.
    #[error("{place}: no {expected}")]
    Empty {
        /// The place.
        place: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// A path with placeholders that cannot be used.
    #[error("{0}")]
    Pattern(String),
    /// Two files of one case.
    #[error(
        "{} and {} are both of case {case:?}: move one of them, or write a path with {{case}} and the ending",
        files[0].display(),
        files[1].display()
    )]
    SameCase {
        /// The case.
        case: String,
        /// The files.
        files: Box<[PathBuf; 2]>,
    },
}

/// Which files of a folder count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Volumes.
    Volumes,
    /// Volumes and arrays.
    Predictions,
}

impl Holds {
    /// Whether a file counts, by its name.
    pub(crate) fn counts(self, path: &Path) -> bool {
        match self {
            Self::Volumes => revoxel_io::check_name_for_writing(path).is_ok() && !revoxel_io::is_array_name(path),
            Self::Predictions => is_array(path) || revoxel_io::check_name_for_writing(path).is_ok(),
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Volumes => "volume files here",
            Self::Predictions => "predictions here: expected volume files, .npy or .npz",
        }
    }
}

/// The files of a place.
#[derive(Debug)]
pub(crate) struct CaseFiles {
    place: PathBuf,
    files: Files,
}

/// Files by case and copy.
type ByCopy = BTreeMap<(String, Option<u32>), Vec<PathBuf>>;

#[derive(Debug)]
enum Files {
    /// What a path with placeholders matches, by case and copy.
    Matching(ByCopy),
    /// What a folder holds, by the paths without endings.
    Below(BTreeMap<String, Vec<PathBuf>>),
}

/// The files of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OfCase {
    /// None.
    Nothing,
    /// Those of one name, which differ in their endings; of a path with `*`, all that match.
    Files(Vec<PathBuf>),
    /// Files of several names, none of which is the name of the case.
    Competing(Vec<PathBuf>),
}

impl CaseFiles {
    /// Looks into a place.
    ///
    /// # Errors
    /// Where a folder cannot be listed, nothing is there, or the path is no template.
    pub(crate) fn at(place: &Path, holds: Holds) -> Result<Self, CaseFilesError> {
        let files = match pattern(place) {
            Some(pattern) => Files::Matching(matching(place, pattern)?),
            None => {
                let mut files = BTreeMap::new();
                let error = |error| CaseFilesError::Folder { path: place.to_owned(), error };
                list(place, place, holds, &mut files).map_err(error)?;
                Files::Below(files)
            }
        };
        let empty = match &files {
            Files::Matching(files) => files.is_empty(),
            Files::Below(files) => files.is_empty(),
        };
        match empty {
            true => Err(CaseFilesError::Empty { place: place.to_owned(), expected: holds.expected() }),
            false => Ok(Self { place: place.to_owned(), files }),
        }
    }

    /// The place.
    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    /// All files.
    pub(crate) fn all(&self) -> Vec<&PathBuf> {
        match &self.files {
            Files::Matching(files) => files.values().flatten().collect(),
            Files::Below(files) => files.values().flatten().collect(),
        }
    }

    /// The files of a case: of a folder those with the first of `names` that is there, or else the only one in the folder
    /// `only_in`.
    pub(crate) fn of(&self, case: &CaseName, names: &[String], only_in: Option<&str>) -> OfCase {
        let files = match &self.files {
            Files::Matching(files) => {
                let found = files.get(&(case.case.clone(), case.copy)).or_else(|| {
                    // A path without {copy} names the file of a case that has one copy.
                    files.get(&(case.case.clone(), None)).filter(|_| only_in.is_some())
                });
                return found.map_or(OfCase::Nothing, |found| OfCase::Files(found.clone()));
            }
            Files::Below(files) => files,
        };
        if let Some(found) = names.iter().find_map(|name| files.get(name)) {
            return OfCase::Files(found.clone());
        }
        let Some(folder) = only_in else { return OfCase::Nothing };
        let below = format!("{folder}/");
        let inside: Vec<&Vec<PathBuf>> =
            files.range(below.clone()..).take_while(|(name, _)| name.starts_with(&below)).map(|(_, f)| f).collect();
        match &inside[..] {
            [] => OfCase::Nothing,
            [only] => OfCase::Files((*only).clone()),
            several => OfCase::Competing(several.iter().copied().flatten().cloned().collect()),
        }
    }

    /// The files by the names of their cases: of a folder the names of the files if these are all different, else the
    /// folders in which they lie.
    ///
    /// # Errors
    /// Where two files are of one case.
    pub(crate) fn by_case(self) -> Result<BTreeMap<String, PathBuf>, CaseFilesError> {
        let named: Vec<(String, PathBuf)> = match self.files {
            Files::Matching(files) => files
                .into_iter()
                .flat_map(|((case, _), files)| files.into_iter().map(move |f| (case.clone(), f)))
                .collect(),
            Files::Below(files) => {
                let files: Vec<PathBuf> = files.into_values().flatten().collect();
                let stems: BTreeSet<String> = files.iter().map(|file| stem(file)).collect();
                let (one, different) = (stems.len() == 1, stems.len() == files.len());
                files.into_iter().map(|file| (case_of(&self.place, &file, one, different), file)).collect()
            }
        };
        let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
        for (case, file) in named {
            if let Some(other) = files.insert(case.clone(), file.clone()) {
                return Err(CaseFilesError::SameCase { case, files: Box::new([other, file]) });
            }
        }
        Ok(files)
    }
}

/// What the case of a file is called, if all files have `one` name, or all have `different` ones.
fn case_of(folder: &Path, file: &Path, one: bool, different: bool) -> String {
    let relative = file.strip_prefix(folder).unwrap_or(file);
    let above = relative.parent().filter(|above| !above.as_os_str().is_empty());
    match above.filter(|_| !different) {
        Some(above) if one => above.to_string_lossy().into_owned(),
        Some(above) => above.join(stem(file)).to_string_lossy().into_owned(),
        None => stem(file),
    }
}

/// The folder in which a path with placeholders begins, and the rest of the path; `None` of a plain path.
fn pattern(place: &Path) -> Option<(PathBuf, String)> {
    let text = place.to_string_lossy();
    text.find('{')?;
    let first = text.find(['{', '[', '*'])?;
    let start = text[..first].rfind('/').map_or(0, |slash| slash + 1);
    let (folder, rest) = text.split_at(start);
    let folder = if folder.is_empty() { "." } else { folder };
    (!place.exists()).then(|| (PathBuf::from(folder), rest.to_owned()))
}

fn matching(place: &Path, (folder, rest): (PathBuf, String)) -> Result<ByCopy, CaseFilesError> {
    let template = Template::new(&rest).map_err(CaseFilesError::Pattern)?;
    // A folder that is not there is named here: of placeholders below it nothing could match.
    fs::read_dir(&folder).map_err(|error| CaseFilesError::Folder { path: folder.clone(), error })?;
    let found =
        matches(&template, &folder).map_err(|e| CaseFilesError::Pattern(format!("{}: {e}", place.display())))?;
    let mut files = ByCopy::new();
    for (name, path) in found {
        // As it was typed.
        let path = path.strip_prefix(".").map_or(path.clone(), Path::to_owned);
        files.entry((name.case, name.copy)).or_default().push(path);
    }
    files.values_mut().for_each(|files| files.sort());
    Ok(files)
}

fn list(folder: &Path, root: &Path, holds: Holds, files: &mut BTreeMap<String, Vec<PathBuf>>) -> std::io::Result<()> {
    for (path, is_folder) in entries(folder)? {
        if is_folder {
            list(&path, root, holds, files)?;
        } else if holds.counts(&path) {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            files.entry(without_ending(relative)).or_default().push(path);
        }
    }
    Ok(())
}

/// What is in a folder, in the order of the names, and whether it is a folder; without what is hidden.
pub(crate) fn entries(folder: &Path) -> std::io::Result<Vec<(PathBuf, bool)>> {
    let mut entries: Vec<fs::DirEntry> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let shown = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        !name.as_encoded_bytes().starts_with(b".") && name != journal::FOLDER
    };
    let of = |entry: fs::DirEntry| (entry.path(), entry.path().is_dir());
    Ok(entries.into_iter().filter(shown).map(of).collect())
}

/// The name of a file without the endings of volumes.
pub(crate) fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    name.strip_suffix(".seg").unwrap_or(name).to_owned()
}

/// A path without the endings of volumes.
pub(crate) fn without_ending(path: &Path) -> String {
    path.with_file_name(stem(path)).to_string_lossy().into_owned()
}
