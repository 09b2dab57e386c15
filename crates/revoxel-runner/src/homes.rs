//! Which prediction belongs to which trace of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use revoxel_invert::Trace;
use revoxel_pipeline::{CaseName, Template};

use crate::files::read_text;
use crate::journal;
use crate::prediction::is_array;
use crate::score::stem;
use crate::verify::traces;

/// A case and its predictions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The case.
    pub case: String,
    /// Each trace of it (one, or one for each copy), with the predictions of that trace.
    pub members: Vec<(PathBuf, Vec<PathBuf>)>,
}

/// The predictions of a run, put to their traces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Homes {
    /// Cases with predictions, by name.
    pub homes: Vec<Home>,
    /// Cases, or copies of cases, without a prediction.
    pub no_prediction: Vec<String>,
    /// Predictions that belong to no case.
    pub no_case: Vec<PathBuf>,
}

/// Why predictions cannot be put to traces.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomesError {
    /// A folder cannot be listed.
    #[error("{path}: {error}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// There is no trace.
    #[error("{0}: no traces in this folder: pass the output folder of a run")]
    NoTraces(PathBuf),
    /// There is no prediction.
    #[error("{0}: no predictions here: expected volume files, .npy or .npz")]
    NoPredictions(PathBuf),
    /// A path that is no template.
    #[error("{0}")]
    Pattern(String),
}

/// A trace of a run.
struct Of {
    name: CaseName,
    path: PathBuf,
    /// What its files are called, without endings.
    written: Vec<String>,
}

/// Where predictions are.
enum Place {
    /// At a path with `{case}` and, for copies, `{copy}`.
    Pattern(PathBuf, Template),
    /// In a folder: by their paths without endings, several where the endings differ.
    Folder(PathBuf, BTreeMap<String, Vec<PathBuf>>),
}

/// The places that a path stands for, and predictions beside them.
struct Places {
    places: Vec<Place>,
    aside: Vec<PathBuf>,
}

/// Puts the predictions in some places to the traces below `out`. A prediction is called like its case (`CASE.npy`), like
/// its copy (`CASE_2.npy`, `CASE/2.npy`) or like an output of the run (`CASE/image.npy`); or it is the only one in a
/// folder that is called like the case. Folders `fold_0`, `fold_1` … are places of their own. `arrays` says which comes
/// first where a volume and an array have one name.
///
/// # Errors
/// Where a folder cannot be listed, or there are no traces or no predictions.
pub fn homes(out: &Path, places: &[PathBuf], arrays: bool) -> Result<Homes, HomesError> {
    let of = all_traces(out)?;
    let mut found = Homes::default();
    let mut all = Vec::new();
    for place in places {
        let Places { places, aside } = places_of(place)?;
        all.extend(places);
        found.no_case.extend(aside);
    }
    let names: BTreeSet<String> = of.iter().map(|of| of.name.case.clone()).collect();
    let mut taken: BTreeSet<PathBuf> = BTreeSet::new();
    let mut cases: BTreeMap<&str, Home> = BTreeMap::new();
    let single: BTreeMap<&str, usize> = of.iter().fold(BTreeMap::new(), |mut counts, of| {
        *counts.entry(of.name.case.as_str()).or_default() += 1;
        counts
    });
    for one in &of {
        let alone = single[one.name.case.as_str()] == 1;
        let (mut predictions, mut lacking) = (Vec::new(), None);
        for place in &all {
            let Some(files) = place.find(one, alone, &names) else {
                lacking.get_or_insert_with(|| format!("none in {}", place.shown()));
                continue;
            };
            // An array and a volume of one name hold one prediction; two of a sort may not.
            let of_sort = |sort: bool| files.iter().filter(|file| is_array(file) == sort).collect::<Vec<_>>();
            match (&of_sort(arrays)[..], &of_sort(!arrays)[..]) {
                ([one], _) | ([], [one]) => predictions.push((*one).clone()),
                _ => lacking = Some(format!("several in {}, with other endings", place.shown())),
            }
            taken.extend(files);
        }
        // A mean over fewer predictions than asked for is another result.
        if let Some(why) = lacking {
            let name = one.name.to_string();
            found.no_prediction.push(if all.len() > 1 || !why.starts_with("none") {
                format!("{name} ({why})")
            } else {
                name
            });
            continue;
        }
        let case = one.name.case.as_str();
        let home = cases.entry(case).or_insert_with(|| Home { case: case.to_owned(), members: Vec::new() });
        home.members.push((one.path.clone(), predictions));
    }
    found.homes = cases.into_values().collect();
    let files = all.iter().flat_map(|place| match place {
        Place::Pattern(..) => Vec::new(),
        Place::Folder(_, files) => files.values().flatten().cloned().collect(),
    });
    let others: Vec<PathBuf> = files.filter(|file| !taken.contains(file)).collect();
    found.no_case.extend(others);
    Ok(found)
}

fn all_traces(out: &Path) -> Result<Vec<Of>, HomesError> {
    let listed = traces(out).map_err(|error| HomesError::Folder { path: out.to_owned(), error })?;
    let mut all = Vec::new();
    for path in listed {
        let Some(trace) = read_text(&path).ok().and_then(|text| Trace::from_json(&text).ok()) else { continue };
        let name = CaseName { copy: trace.copy, ..CaseName::alone(trace.case.clone()) };
        let results = trace.volumes.values().filter_map(|volume| volume.result.path.as_deref());
        let written = results.map(|path| without_ending(Path::new(path))).collect();
        all.push(Of { name, path, written });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    if all.is_empty() { Err(HomesError::NoTraces(out.to_owned())) } else { Ok(all) }
}

/// The places that a path stands for: itself, or its folders of folds.
fn places_of(place: &Path) -> Result<Places, HomesError> {
    let text = place.to_string_lossy();
    if text.contains("{case}") {
        let (folder, rest) = match text.strip_prefix('/') {
            Some(rest) => (Path::new("/"), rest),
            None => (Path::new("."), &*text),
        };
        let template = Template::new(rest).map_err(HomesError::Pattern)?;
        return Ok(Places { places: vec![Place::Pattern(folder.to_owned(), template)], aside: Vec::new() });
    }
    let error = |error| HomesError::Folder { path: place.to_owned(), error };
    let (mut folds, mut aside): (Vec<PathBuf>, Vec<PathBuf>) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(place).map_err(error)? {
        let path = entry.map_err(error)?.path();
        let is_fold = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("fold_"));
        if is_fold && path.is_dir() {
            folds.push(path);
        } else if path.is_file() && is_prediction(&path) {
            aside.push(path);
        }
    }
    folds.sort();
    aside.sort();
    let folders = if folds.is_empty() {
        aside.clear();
        vec![place.to_owned()]
    } else {
        folds
    };
    let mut places = Vec::new();
    for folder in folders {
        let mut files = BTreeMap::new();
        list(&folder, &folder, &mut files).map_err(|error| HomesError::Folder { path: folder.clone(), error })?;
        if files.is_empty() {
            return Err(HomesError::NoPredictions(folder));
        }
        places.push(Place::Folder(folder, files));
    }
    Ok(Places { places, aside })
}

fn list(folder: &Path, root: &Path, files: &mut BTreeMap<String, Vec<PathBuf>>) -> std::io::Result<()> {
    let mut entries: Vec<fs::DirEntry> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        if name.as_encoded_bytes().starts_with(b".") || name == journal::FOLDER {
            continue;
        }
        if path.is_dir() {
            list(&path, root, files)?;
        } else if is_prediction(&path) {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            files.entry(without_ending(relative)).or_default().push(path);
        }
    }
    Ok(())
}

fn is_prediction(path: &Path) -> bool {
    is_array(path) || revoxel_io::check_name_for_writing(path).is_ok()
}

fn without_ending(path: &Path) -> String {
    path.with_file_name(stem(path)).to_string_lossy().into_owned()
}

impl Place {
    fn shown(&self) -> String {
        match self {
            Self::Pattern(folder, template) => folder.join(template.text()).display().to_string(),
            Self::Folder(folder, _) => folder.display().to_string(),
        }
    }

    /// The files of the prediction of a trace; `alone` where its case has no other trace. `cases` are all cases.
    fn find(&self, of: &Of, alone: bool, cases: &BTreeSet<String>) -> Option<Vec<PathBuf>> {
        let files = match self {
            Self::Pattern(folder, template) => {
                let path = folder.join(template.path(&of.name));
                return path.exists().then(|| vec![path]);
            }
            Self::Folder(_, files) => files,
        };
        let case = &of.name.case;
        let mut names: Vec<String> = of.written.clone();
        if let Some(copy) = of.name.copy {
            // What is called like another case is that case's.
            let joined = format!("{case}_{copy}");
            names.extend([format!("{case}/{copy}"), joined].into_iter().filter(|name| !cases.contains(name)));
        }
        if alone {
            names.push(case.clone());
        }
        if let Some(found) = names.iter().find_map(|name| files.get(name)) {
            return Some(found.clone());
        }
        let below = format!("{case}/");
        let mut inside = files.range(below.clone()..).take_while(|(name, _)| name.starts_with(&below));
        let only = inside.next().filter(|_| alone)?;
        inside.next().is_none().then(|| only.1.clone())
    }
}
