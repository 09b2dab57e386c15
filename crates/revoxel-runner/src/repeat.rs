//! Cases as their traces say they were run: the same pipeline, on the same files.

use std::path::{Component, Path, PathBuf};

use revoxel_invert::{Trace, VolumeTrace};
use revoxel_pipeline::{CASE, COPY, CaseName, CaseSource, Pipeline, Template};
use revoxel_transforms::Registry;

use crate::RESULTS;
use crate::dataset::{Case, discover};
use crate::files::{FileError, read_text};
use crate::identity::Identity;
use crate::problem::{Problem, Setting};
use crate::reading::options_of;

/// What is run again.
#[derive(Debug)]
pub struct Repeat {
    /// The pipeline of the traces.
    pub pipeline: Pipeline,
    /// The cases, each with its trace.
    pub cases: Vec<(Case, Trace)>,
    /// Whether inputs of the same shape are put on one grid.
    pub snap: bool,
}

/// Why traces cannot be repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepeatError {
    /// A trace cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// What one of them says does not allow it.
    #[error("{path}: {problem}")]
    Trace {
        /// The trace.
        path: PathBuf,
        /// Why, for people.
        problem: String,
        /// Whether it names files that would have to be allowed.
        outside: bool,
    },
}

impl RepeatError {
    /// What a caller can set about it.
    pub fn settings(&self) -> Vec<Setting> {
        match self {
            Self::Trace { outside: true, .. } => vec![Setting::File(revoxel_io::Setting::AllowOutside)],
            _ => Vec::new(),
        }
    }
}

/// The pipeline and the cases of traces, whose files lie under `data`. All traces must be of one pipeline.
///
/// # Errors
/// A trace that cannot be read, holds no pipeline, is of another version of the program's results, or names files
/// outside `data` though these are not allowed.
pub fn repeat(
    traces: &[PathBuf],
    data: &Path,
    allow_outside: bool,
    registry: &Registry,
) -> Result<Repeat, RepeatError> {
    let mut whole: Option<Repeat> = None;
    // The series of a folder are known when all of them are.
    let mut series: Option<Vec<Case>> = None;
    for path in traces {
        let named = |problem: String| RepeatError::Trace { path: path.clone(), problem, outside: false };
        let trace = Trace::from_json(&read_text(path)?).map_err(|e| named(e.to_string()))?;
        if trace.results != Some(RESULTS) {
            let made = trace.results.map_or("an older version".to_owned(), |n| format!("a version with results {n}"));
            return Err(named(format!(
                "made by {made} of the program; this one has results {RESULTS}, with other voxels"
            )));
        }
        if whole.is_none() {
            let (pipeline, snap) = (pipeline_of(&trace, registry).map_err(named)?, trace.pipeline.snap);
            whole = Some(Repeat { pipeline, cases: Vec::new(), snap });
        }
        let Some(whole) = &mut whole else { continue };
        agrees(&whole.pipeline, &trace).map_err(named)?;
        let hash = format!("blake3:{}", whole.pipeline.hash());
        if trace.pipeline.hash != hash || trace.pipeline.snap != whole.snap {
            let first = traces[0].display();
            return Err(named(format!("of another pipeline than {first}: repeat them one after the other")));
        }
        if matches!(whole.pipeline.cases, Some(CaseSource::Dicom(_))) && series.is_none() {
            series = Some(discover(&whole.pipeline, data).map_err(|e| named(e.to_string()))?);
        }
        let (case, outside) = match &series {
            Some(series) => (of_series(&whole.pipeline, &trace, series).map_err(named)?, None),
            None => case(&whole.pipeline, &trace, data).map_err(named)?,
        };
        if let Some(file) = outside.filter(|_| !allow_outside) {
            let problem = format!("{file} lies outside the data folder, which has to be allowed");
            return Err(RepeatError::Trace { path: path.clone(), problem, outside: true });
        }
        if whole.cases.iter().any(|(other, _)| other.name == case.name) {
            return Err(named(format!("a second trace of case {}", case.name)));
        }
        whole.cases.push((case, trace));
    }
    whole.ok_or_else(|| RepeatError::Trace {
        path: PathBuf::new(),
        problem: "no trace is named".to_owned(),
        outside: false,
    })
}

/// Whether a trace is one that its pipeline can have made: its names are parts of file names, and its volumes the inputs.
///
/// # Errors
/// What is not so, for people.
fn agrees(pipeline: &Pipeline, trace: &Trace) -> Result<(), String> {
    let names =
        [("case", &trace.case)].into_iter().chain(trace.fields.iter().map(|(name, value)| (name.as_str(), value)));
    for (name, value) in names {
        let bad = |c: char| c == '\0' || c == '/' || std::path::is_separator(c);
        if value.is_empty() || value.contains(bad) || [".", ".."].contains(&value.as_str()) {
            return Err(format!("{name} is {value:?}, which cannot be a part of a file name"));
        }
    }
    match (pipeline.copies, trace.copy) {
        (None, None) => {}
        (Some(copies), Some(copy)) if copy < copies => {}
        (copies, copy) => return Err(format!("copy is {copy:?}, but its pipeline makes {copies:?} copies")),
    }
    let outputs = pipeline.outputs.iter().map(|output| &output.path).chain([&pipeline.trace]);
    let given = |name: &&str| [CASE, COPY].contains(name) || trace.fields.contains_key(*name);
    if let Some(name) = outputs.flat_map(Template::required).find(|name| !given(name)) {
        return Err(format!("fields has no {name:?}, which a path of its pipeline needs"));
    }
    if pipeline.is_random() && trace.pipeline.seed != Some(pipeline.seed) {
        return Err(format!("its seed is {:?}, and that of its pipeline {}", trace.pipeline.seed, pipeline.seed));
    }
    for input in &pipeline.inputs {
        match trace.volumes.get(&input.key) {
            None if !input.optional => return Err(format!("volumes has no {:?}, which its pipeline reads", input.key)),
            Some(volume) if volume.kind != input.kind => {
                return Err(format!(
                    "volumes.{}: its kind is {}, and that of its pipeline {}",
                    input.key, volume.kind, input.kind
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn pipeline_of(trace: &Trace, registry: &Registry) -> Result<Pipeline, String> {
    let Some(document) = &trace.pipeline.document else {
        return Err("it does not hold its pipeline: run the pipeline file itself".to_owned());
    };
    let pipeline = Pipeline::parse(&trace.pipeline.name, &document.to_string(), &[], registry);
    let pipeline = pipeline.map_err(|e| format!("its pipeline cannot be used: {e}"))?;
    match format!("blake3:{}", pipeline.hash()) == trace.pipeline.hash {
        true => Ok(pipeline),
        false => {
            Err("its pipeline is not the one that its hash is of: it was changed, or made by another version"
                .to_owned())
        }
    }
}

/// The case of a trace among those of DICOM series.
fn of_series(pipeline: &Pipeline, trace: &Trace, cases: &[Case]) -> Result<Case, String> {
    let found = cases.iter().find(|case| case.name.case == trace.case);
    let Some(mut case) = found.cloned() else {
        return Err(format!("there is no case {} in the data folder", trace.case));
    };
    case.name.copy = trace.copy;
    case.inputs.retain(|key, _| trace.volumes.contains_key(key));
    let missing = trace.volumes.iter().filter(|(key, _)| !case.inputs.contains_key(*key));
    let missing: Vec<(String, PathBuf)> = missing.map(|(key, v)| (key.clone(), v.source.path.clone().into())).collect();
    case.missing.extend(missing);
    let changed: Vec<String> = trace.volumes.iter().filter_map(|(key, v)| changed(pipeline, &case, key, v)).collect();
    case.problems.extend(changed);
    Ok(case)
}

/// A case as it was, and the first file that lies elsewhere than in the data folder.
fn case(pipeline: &Pipeline, trace: &Trace, data: &Path) -> Result<(Case, Option<String>), String> {
    let name = CaseName { case: trace.case.clone(), copy: trace.copy, fields: trace.fields.clone() };
    let mut case = Case::new(name);
    let mut outside = None;
    for (key, volume) in &trace.volumes {
        if pipeline.input(key).is_none() {
            return Err(format!("volumes.{key}: its pipeline has no such input"));
        }
        let named = Path::new(&volume.source.path);
        let leaves = |c: Component<'_>| matches!(c, Component::ParentDir | Component::Prefix(_) | Component::RootDir);
        let parts = volume.source.parts.iter().map(|part| &part.path);
        let far = [&volume.source.path].into_iter().chain(parts).find(|path| Path::new(path).components().any(leaves));
        outside = outside.or_else(|| far.cloned());
        let path = data.join(named);
        if path.exists() {
            case.inputs.insert(key.clone(), path);
        } else {
            case.missing.push((key.clone(), path));
        }
    }
    for (key, volume) in &trace.volumes {
        let channels = channels(pipeline, &case, key, volume);
        if !channels.is_empty() {
            case.channels.insert(key.clone(), channels);
        }
    }
    let problems: Vec<String> = trace.volumes.iter().filter_map(|(key, v)| changed(pipeline, &case, key, v)).collect();
    case.problems = problems;
    Ok((case, outside))
}

/// The files of the other channels: those of the parts that do not belong to the file before them.
fn channels(pipeline: &Pipeline, case: &Case, key: &str, volume: &VolumeTrace) -> Vec<PathBuf> {
    let (Some(input), Some(first)) = (pipeline.input(key), case.inputs.get(key)) else { return Vec::new() };
    let options = options_of(pipeline, input, case);
    let several =
        input.paths().count() > 1 || input.path.names().contains(revoxel_pipeline::CHANNEL) || pipeline.cases.is_some();
    if !several {
        return Vec::new();
    }
    let folder = first.parent().unwrap_or(Path::new(""));
    let mut rest = volume.source.parts.iter().map(|part| folder.join(&part.path));
    let own = |path: &Path| revoxel_io::parts(path, &options).map_or(0, |parts| parts.len());
    let mut channels = Vec::new();
    rest.by_ref().take(own(first)).for_each(drop);
    while let Some(channel) = rest.next() {
        rest.by_ref().take(own(&channel)).for_each(drop);
        channels.push(channel);
    }
    channels
}

/// Whether the files of an input are others than those of the trace.
fn changed(pipeline: &Pipeline, case: &Case, key: &str, volume: &VolumeTrace) -> Option<String> {
    let (input, path) = (pipeline.input(key)?, case.inputs.get(key)?);
    let options = options_of(pipeline, input, case);
    match Identity::is_still(&volume.source, case, key, &options) {
        Ok(true) => None,
        Ok(false) => Some(format!("{key}: {} is not the file that the trace was made of", path.display())),
        Err(problem) => Some(problem.to_string()),
    }
}

/// What is not as it was, of a case that was run again: the volumes whose files or grids differ.
///
/// # Errors
/// Where the new trace cannot be read.
pub fn differences(before: &Trace, trace: &Path) -> Result<Vec<String>, Problem> {
    let text = read_text(trace).map_err(|e| e.to_string())?;
    let now = Trace::from_json(&text).map_err(|e| format!("{}: {e}", trace.display()))?;
    let differs = |(key, volume): (&String, &VolumeTrace)| {
        let same = now.volumes.get(key).is_some_and(|other| {
            let (a, b) = (&volume.result, &other.result);
            (&a.hash, &a.parts, &a.grid, a.dtype) == (&b.hash, &b.parts, &b.grid, b.dtype)
        });
        (!same).then(|| key.clone())
    };
    Ok(before.volumes.iter().filter_map(differs).collect())
}
