//! The label maps that a run read, as references.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use revoxel_core::Kind;
use revoxel_invert::Trace;
use revoxel_pipeline::CaseName;

use super::pairs::{Pair, Pairs};
use crate::case_files::{CaseFiles, CaseFilesError, Holds, OfCase, without_ending};
use crate::files::{FileError, read_text};
use crate::identity::digest;
use crate::journal;
use crate::problem::Setting;
use crate::verify::traces;

/// Why the references of a run cannot be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourcesError {
    /// A place that cannot be used.
    #[error(transparent)]
    Place(#[from] CaseFilesError),
    /// A reference cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no trace.
    #[error("{0}: no traces in this folder: pass the output folder of a run")]
    NoTraces(PathBuf),
    /// No record of the data folder.
    #[error("{0}: no record of the data folder: runs of a single case leave none; name the folder")]
    NoRecord(PathBuf),
    /// No label input.
    #[error("{0}: the traces of this run have no label map: name the references")]
    NoLabels(PathBuf),
    /// Several label inputs.
    #[error("the run has several label inputs ({known}): choose one")]
    Several {
        /// Their names.
        known: String,
    },
    /// No label input of that name.
    #[error("the run has no label input {key:?}; its label inputs are {known}")]
    Unknown {
        /// The name asked for.
        key: String,
        /// The names there are.
        known: String,
    },
    /// References that cannot be used.
    #[error("{}", problems.join("\n"))]
    References {
        /// What is wrong with them.
        problems: Vec<String>,
    },
}

impl SourcesError {
    /// What a caller can set, of what the message speaks of.
    pub fn settings(&self) -> Vec<Setting> {
        match self {
            Self::NoRecord(_) => vec![Setting::Data],
            Self::NoLabels(_) => vec![Setting::Reference],
            Self::Several { .. } => vec![Setting::LabelInput],
            Self::References { .. } => vec![Setting::Data, Setting::Reference],
            _ => Vec::new(),
        }
    }
}

/// A case of a run.
struct OfRun {
    /// What its results may be called, without endings.
    names: Vec<String>,
    /// The label map that the run read; `None` if this case had none.
    reference: Option<Reference>,
}

#[derive(PartialEq, Eq)]
struct Reference {
    path: PathBuf,
    hash: Option<String>,
    parts: bool,
}

/// Puts results to the label maps that the run into `out` read, as the traces name them. `data` is the data folder, if it
/// is not where it was; `key` the label input, of several. The label maps must be those that the run read.
///
/// # Errors
/// Where the run has no traces, no label input or several, or a label map is missing or has changed.
pub fn pairs_of_run(results: &Path, out: &Path, data: Option<&Path>, key: Option<&str>) -> Result<Pairs, SourcesError> {
    let traces = all_traces(out)?;
    let key = label_input(out, &traces, key)?;
    let cases = cases(out, &traces, data, &key)?;
    let place = CaseFiles::at(results, Holds::Volumes)?;
    let mut found = Pairs::default();
    let (mut taken, mut problems): (BTreeSet<PathBuf>, Vec<String>) = Default::default();
    for (case, OfRun { names, reference }) in cases {
        let result = match one(&place, &case, &names) {
            Ok(result) => result,
            Err(files) => {
                problems.push(format!(
                    "case {case}: {files} compete: pass a path with {{case}} that only one of them fits"
                ));
                continue;
            }
        };
        taken.extend(result.clone());
        match (result, reference) {
            (Some(result), Some(reference)) => match still(&case, &reference)? {
                None => found.pairs.push(Pair { case, result, reference: reference.path }),
                Some(problem) => problems.push(problem),
            },
            (Some(result), None) => found.no_reference.push(result),
            (None, Some(reference)) => found.no_result.push(reference.path),
            (None, None) => {}
        }
    }
    if !problems.is_empty() {
        return Err(SourcesError::References { problems });
    }
    let others = place.all().into_iter().filter(|file| !taken.contains(*file)).cloned();
    found.no_reference.extend(others);
    Ok(found)
}

fn all_traces(out: &Path) -> Result<Vec<Trace>, SourcesError> {
    let listed = traces(out).map_err(|error| CaseFilesError::Folder { path: out.to_owned(), error })?;
    let read = |path: &PathBuf| Trace::from_json(&read_text(path).ok()?).ok();
    let all: Vec<Trace> = listed.iter().filter_map(read).collect();
    if all.is_empty() { Err(SourcesError::NoTraces(out.to_owned())) } else { Ok(all) }
}

/// The label input that is meant.
fn label_input(out: &Path, traces: &[Trace], key: Option<&str>) -> Result<String, SourcesError> {
    let volumes = traces.iter().flat_map(|trace| &trace.volumes);
    let keys: BTreeSet<&str> =
        volumes.filter(|(_, volume)| volume.kind == Kind::Label).map(|(key, _)| key.as_str()).collect();
    let known = || keys.iter().copied().collect::<Vec<_>>().join(", ");
    match (key, keys.len()) {
        (_, 0) => Err(SourcesError::NoLabels(out.to_owned())),
        (Some(key), _) if keys.contains(key) => Ok(key.to_owned()),
        (Some(key), _) => Err(SourcesError::Unknown { key: key.to_owned(), known: known() }),
        (None, 1) => Ok(known()),
        (None, _) => Err(SourcesError::Several { known: known() }),
    }
}

/// The cases of the traces, each once: copies of a case have one reference.
fn cases(
    out: &Path,
    traces: &[Trace],
    data: Option<&Path>,
    key: &str,
) -> Result<BTreeMap<String, OfRun>, SourcesError> {
    let runs = journal::runs(out);
    let mut cases: BTreeMap<String, OfRun> = BTreeMap::new();
    for trace in traces {
        let same = runs.iter().find(|run| run.pipeline.hash == trace.pipeline.hash).or(runs.first());
        let folder = data.map(Path::to_owned).or_else(|| same.map(|run| run.data.clone()));
        let folder = folder.ok_or_else(|| SourcesError::NoRecord(out.to_owned()))?;
        let restored = trace.restore.values().filter_map(|record| record.path.as_deref());
        let mut names: Vec<String> = restored.map(|path| without_ending(Path::new(path))).collect();
        names.push(trace.case.clone());
        let label = trace.volumes.get(key).filter(|volume| volume.kind == Kind::Label);
        let reference = label.map(|volume| Reference {
            path: folder.join(&volume.source.path),
            hash: volume.source.hash.clone(),
            parts: !volume.source.parts.is_empty(),
        });
        let before = cases.entry(trace.case.clone()).or_insert(OfRun { names: Vec::new(), reference: None });
        names.retain(|name| !before.names.contains(name));
        before.names.splice(0..0, names);
        before.reference = before.reference.take().or(reference);
    }
    Ok(cases)
}

/// The only file of a case, if there is one.
///
/// # Errors
/// The files, if there are several.
fn one(place: &CaseFiles, case: &str, names: &[String]) -> Result<Option<PathBuf>, String> {
    let name = CaseName::alone(case);
    let of = |names: &[String], only_in: Option<&str>| match place.of(&name, names, only_in) {
        OfCase::Nothing => Vec::new(),
        OfCase::Files(files) | OfCase::Competing(files) => files,
    };
    let named: BTreeSet<PathBuf> = names.iter().flat_map(|name| of(std::slice::from_ref(name), None)).collect();
    let mut files: Vec<PathBuf> = if named.is_empty() { of(&[], Some(case)) } else { named.into_iter().collect() };
    match files.len() {
        0 | 1 => Ok(files.pop()),
        _ => Err(files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" and ")),
    }
}

/// What keeps a label map from being a reference: it is not what the run read.
fn still(case: &str, reference: &Reference) -> Result<Option<String>, SourcesError> {
    let path = reference.path.display();
    if reference.parts || reference.path.is_dir() {
        return Ok(Some(format!("case {case}: {path} consists of several files: name the references")));
    }
    if !reference.path.exists() {
        return Ok(Some(format!("case {case}: {path}, which the run read, is not there")));
    }
    let changed = match &reference.hash {
        Some(hash) => *hash != digest(&reference.path)?,
        None => false,
    };
    Ok(changed.then(|| format!("case {case}: {path} has changed since the run read it")))
}
