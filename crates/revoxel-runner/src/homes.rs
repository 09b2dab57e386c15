//! Which prediction belongs to which trace of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use revoxel_invert::Trace;
use revoxel_pipeline::CaseName;

use crate::case_files::{CaseFiles, CaseFilesError, Holds, OfCase, entries, without_ending};
use crate::files::read_text;
use crate::prediction::is_array;
use crate::restore::inside;
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
    /// Cases, or copies of cases, without a prediction, and why.
    pub no_prediction: Vec<Lacking>,
    /// Predictions that belong to no case.
    pub no_case: Vec<NoCase>,
}

/// A prediction that belongs to no case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoCase {
    /// The file.
    pub path: PathBuf,
    /// Why, if its name is one that a case or a copy of one might have.
    pub why: Option<String>,
}

/// A case, or a copy of one, without a prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// Its name.
    pub case: String,
    /// Why; `None` if there is no file of it in the only place.
    pub why: Option<String>,
    /// What its file may be called, without an ending.
    pub names: Vec<String>,
}

/// Why predictions cannot be put to traces.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomesError {
    /// A place that cannot be used.
    #[error(transparent)]
    Place(#[from] CaseFilesError),
    /// There is no trace.
    #[error("{0}: no traces in this folder: pass the output folder of a run")]
    NoTraces(PathBuf),
    /// The case of a trace cannot name a file in the folder of the results.
    #[error(
        "{path}: case is {case:?}, which cannot be the name of a result: it would lie outside of the output folder"
    )]
    Name {
        /// The trace.
        path: PathBuf,
        /// Its case.
        case: String,
    },
}

/// A trace of a run.
struct Of {
    name: CaseName,
    path: PathBuf,
    /// What its files are called, without endings.
    written: Vec<String>,
}

/// The places that a path stands for, and predictions beside them.
struct Places {
    places: Vec<CaseFiles>,
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
        let why = || Some("it lies beside folders of folds, which alone are looked into".to_owned());
        found.no_case.extend(aside.into_iter().map(|path| NoCase { path, why: why() }));
    }
    let names: BTreeSet<String> = of.iter().map(|of| of.name.case.clone()).collect();
    let mut taken: BTreeSet<PathBuf> = BTreeSet::new();
    let mut cases: BTreeMap<&str, Home> = BTreeMap::new();
    // Cases of which a copy has no prediction.
    let mut incomplete: BTreeSet<&str> = BTreeSet::new();
    let single: BTreeMap<&str, usize> = of.iter().fold(BTreeMap::new(), |mut counts, of| {
        *counts.entry(of.name.case.as_str()).or_default() += 1;
        counts
    });
    for one in &of {
        let alone = single[one.name.case.as_str()] == 1;
        let (mut predictions, mut lacking) = (Vec::new(), None);
        for place in &all {
            match of_place(place, one, alone, (&names, arrays)) {
                Taken::One { prediction, all } => {
                    predictions.push(prediction);
                    taken.extend(all);
                }
                Taken::Nothing => _ = lacking.get_or_insert((Lack::Nothing, place.place().display().to_string())),
                Taken::Competing(files) => {
                    lacking = Some((Lack::Competing, competing(&files, &one.name)));
                    taken.extend(files);
                }
            }
        }
        // A mean over fewer predictions than asked for is another result.
        if let Some((lack, text)) = lacking {
            let why = match lack {
                Lack::Nothing => (all.len() > 1).then(|| format!("none in {text}")),
                Lack::Competing => Some(text),
            };
            let names = names_of(one, alone, &names);
            found.no_prediction.push(Lacking { case: one.name.to_string(), why, names });
            incomplete.insert(&one.name.case);
            continue;
        }
        let case = one.name.case.as_str();
        let home = cases.entry(case).or_insert_with(|| Home { case: case.to_owned(), members: Vec::new() });
        home.members.push((one.path.clone(), predictions));
    }
    cases.retain(|case, _| !incomplete.contains(case));
    found.homes = cases.into_values().collect();
    for place in &all {
        for file in place.all().into_iter().filter(|file| !taken.contains(*file)) {
            found.no_case.push(NoCase { path: file.clone(), why: unclear(place.place(), file, &of, &names) });
        }
    }
    Ok(found)
}

/// Why a file is of no case, though its name begins like that of one.
fn unclear(place: &Path, file: &Path, of: &[Of], cases: &BTreeSet<String>) -> Option<String> {
    let called = without_ending(file.strip_prefix(place).unwrap_or(file));
    let copies = |case: &str| of.iter().filter(|of| of.name.case == case && of.name.copy.is_some()).count();
    if !cases.contains(&called) {
        return None;
    }
    let all = copies(&called);
    // The name of a case that is also that of a copy of another one.
    let copy_of = of.iter().find(|of| of.name.copy.is_some_and(|copy| format!("{}_{copy}", of.name.case) == called));
    let as_copy = copy_of.map(|of| {
        let (case, copy) = (&of.name.case, of.name.copy.unwrap_or_default());
        format!("for copy {copy} of case {case}, call it {case}/{copy}")
    });
    let as_case = (all > 1).then(|| format!("case {called} has {all} copies: call it {called}/0, {called}/1 …"));
    let parts: Vec<String> = as_case.into_iter().chain(as_copy).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What the prediction of a trace may be called, without an ending; `alone` where its case has no other trace.
fn names_of(of: &Of, alone: bool, cases: &BTreeSet<String>) -> Vec<String> {
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
    names
}

/// Why a case has no prediction.
enum Lack {
    Nothing,
    Competing,
}

/// What a place has for a trace.
enum Taken {
    /// A prediction, and all files of its name.
    One {
        prediction: PathBuf,
        all: Vec<PathBuf>,
    },
    Nothing,
    /// Files that could each be it.
    Competing(Vec<PathBuf>),
}

/// What a place has for a trace; `alone` where its case has no other trace.
fn of_place(place: &CaseFiles, of: &Of, alone: bool, (cases, arrays): (&BTreeSet<String>, bool)) -> Taken {
    let case = &of.name.case;
    let names = names_of(of, alone, cases);
    let files = match place.of(&of.name, &names, alone.then_some(case.as_str())) {
        OfCase::Nothing => return Taken::Nothing,
        OfCase::Competing(files) => return Taken::Competing(files),
        OfCase::Files(files) => files,
    };
    // An array and a volume of one name hold one prediction; two of a sort may not.
    let of_sort = |sort: bool| files.iter().filter(|file| is_array(file) == sort).collect::<Vec<_>>();
    match (&of_sort(arrays)[..], &of_sort(!arrays)[..]) {
        ([one], _) | ([], [one]) => Taken::One { prediction: (*one).clone(), all: files },
        _ => Taken::Competing(files),
    }
}

/// What is said of files that could each be the prediction of a case.
fn competing(files: &[PathBuf], name: &CaseName) -> String {
    const MOST: usize = 4;
    let shown: Vec<String> = files.iter().take(MOST).map(|file| file.display().to_string()).collect();
    let more = if files.len() > MOST { ", …" } else { "" };
    format!(
        "{} files compete: {}{more}; keep the one to use, give it the name {name}, or pass a path with {{case}} that \
         only it fits",
        files.len(),
        shown.join(", ")
    )
}

fn all_traces(out: &Path) -> Result<Vec<Of>, HomesError> {
    let listed = traces(out).map_err(|error| CaseFilesError::Folder { path: out.to_owned(), error })?;
    let mut all = Vec::new();
    for path in listed {
        let Some(trace) = read_text(&path).ok().and_then(|text| Trace::from_json(&text).ok()) else { continue };
        // The case names the result, and nobody knows who wrote the trace.
        if matches!(&*trace.case, "" | "." | "..") || inside(&trace.case).is_err() {
            return Err(HomesError::Name { path, case: trace.case });
        }
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
    let (mut folds, mut aside): (Vec<PathBuf>, Vec<PathBuf>) = (Vec::new(), Vec::new());
    if place.is_dir() {
        let listed = entries(place).map_err(|error| CaseFilesError::Folder { path: place.to_owned(), error })?;
        for (path, is_folder) in listed {
            let is_fold = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("fold_"));
            if is_fold && is_folder {
                folds.push(path);
            } else if !is_folder && Holds::Predictions.counts(&path) {
                aside.push(path);
            }
        }
    }
    if folds.is_empty() {
        return Ok(Places { places: vec![CaseFiles::at(place, Holds::Predictions)?], aside: Vec::new() });
    }
    let places = folds.iter().map(|fold| CaseFiles::at(fold, Holds::Predictions)).collect::<Result<_, _>>()?;
    Ok(Places { places, aside })
}
