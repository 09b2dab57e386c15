//! A pipeline on volumes in memory: no file is read or written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use revoxel_core::{Kind, StoredDtype, Volume};
use revoxel_invert::{ResultRecord, SourceRecord, Trace, VolumeTrace};
use revoxel_io::{Facts, FileInfo, LabelNames, Loaded};
use revoxel_pipeline::{CaseName, Pipeline};
use revoxel_resample::{Ties, all_finite};

use crate::case::{CaseError, Through, fits_type, settled, through, trace_of};
use crate::dataset::Case;
use crate::engine::{Last, Processed, StepError, Vanished};
use crate::label_names;
use crate::non_finite::Note;
use crate::preflight::{Strictness, check_known};
use crate::several;

/// A volume for an input of a pipeline, with what its file said, where there is one.
#[derive(Clone, Debug)]
pub struct Source {
    volume: Volume,
    info: Option<FileInfo>,
}

impl From<Volume> for Source {
    fn from(volume: Volume) -> Self {
        Self { volume, info: None }
    }
}

impl From<Loaded> for Source {
    fn from(Loaded { volume, info }: Loaded) -> Self {
        Self { volume, info: Some(info) }
    }
}

impl Source {
    /// What is known of it without its voxels.
    pub fn info(&self) -> FileInfo {
        self.known()
    }

    fn known(&self) -> FileInfo {
        let volume = &self.volume;
        self.info.clone().unwrap_or_else(|| FileInfo {
            format: "memory",
            grid: *volume.grid(),
            stored: volume.dtype(),
            dtype: volume.dtype(),
            channels: volume.channels(),
            facts: Facts::default(),
            warnings: Vec::new(),
            slices: None,
        })
    }
}

/// What became of the volumes of a case.
#[derive(Debug)]
pub struct Outcome {
    /// The results of all inputs, in the types that the pipeline's outputs give; whole numbers round half to even and
    /// saturate. Empty where the case was left out.
    pub volumes: BTreeMap<String, Volume>,
    /// The names of the labels of results that have any.
    pub names: BTreeMap<String, LabelNames>,
    /// What happened to them: all that the way back needs.
    pub trace: Trace,
    /// Why the case was left out, where a step said so.
    pub skipped: Option<String>,
    /// Inputs that held values that are not finite.
    pub non_finite: Vec<Note>,
    /// Labels that spatial steps lost.
    pub vanished: Vec<Vanished>,
}

/// A volume behind its last pass, in the type of its output.
fn whole(key: &str, last: Last, wanted: Option<StoredDtype>) -> Result<Processed, CaseError> {
    let told = |e: StepError| CaseError::Step(format!("{key}: {e}"));
    let dtype = last.dtype(wanted.map(StoredDtype::in_memory));
    if let Some(stored) = wanted.filter(|_| last.kind() == Kind::Label) {
        // Labels are compared before they are cast: none becomes another one.
        let done = last.whole(None).map_err(told)?;
        let lost = |lost| CaseError::Dtype { key: key.to_owned(), lost };
        stored.check_label_map(done.volume.voxels()).map_err(lost)?;
        return Ok(Processed { volume: done.volume.cast(dtype), ..done });
    }
    let narrower = fits_type(key, &last, dtype)?;
    let done = last.whole(Some(dtype).filter(|_| wanted.is_some())).map_err(told)?;
    match narrower && !all_finite(done.volume.voxels()) {
        true => Err(CaseError::Beyond { key: key.to_owned(), dtype }),
        false => Ok(done),
    }
}

/// Reads the files of inputs, by their keys, as a run of the pipeline reads them: with what the inputs say of series, slices
/// and the like. Several files of an input are its channels. Keys that are no input are left out.
///
/// # Errors
/// Where a file cannot be read, or the files of an input do not belong together.
pub fn load(
    pipeline: &Pipeline,
    name: &CaseName,
    files: BTreeMap<String, Vec<PathBuf>>,
) -> Result<BTreeMap<String, Loaded>, CaseError> {
    let case = case_of(name, files);
    let inputs = pipeline.inputs.iter().filter(|input| case.inputs.contains_key(&input.key));
    inputs.map(|input| Ok((input.key.clone(), several::read(pipeline, input, &case)?))).collect()
}

/// The headers of the files of inputs, as [`load`] would read them.
///
/// # Errors
/// Where a header cannot be read, or the files of an input do not belong together.
pub fn infos(
    pipeline: &Pipeline,
    name: &CaseName,
    files: BTreeMap<String, Vec<PathBuf>>,
) -> Result<BTreeMap<String, FileInfo>, CaseError> {
    let case = case_of(name, files);
    let inputs = pipeline.inputs.iter().filter(|input| case.inputs.contains_key(&input.key));
    inputs.map(|input| Ok((input.key.clone(), several::info(pipeline, input, &case)?))).collect()
}

fn case_of(name: &CaseName, files: BTreeMap<String, Vec<PathBuf>>) -> Case {
    let mut case = Case::new(name.clone());
    files.into_iter().for_each(|(key, files)| case.add(&key, files));
    case
}

/// Takes volumes through a pipeline, by the keys of its inputs. What is checked of files is checked of them: that all
/// inputs are there, of their kind, and on one grid where they must be.
///
/// # Errors
/// Where a volume does not fit its input, or a step fails.
pub fn process(
    pipeline: &Pipeline,
    name: &CaseName,
    sources: BTreeMap<String, Source>,
    strictness: Strictness,
) -> Result<Outcome, CaseError> {
    let told = |problem: String| CaseError::Step(problem);
    if let Some(unknown) = sources.keys().find(|key| pipeline.input(key).is_none()) {
        let known = pipeline.inputs.iter().map(|i| i.key.as_str()).collect::<Vec<_>>().join(", ");
        return Err(told(format!("the pipeline has no input {unknown:?}; it has: {known}")));
    }
    let missing = pipeline.inputs.iter().filter(|input| !input.optional && !sources.contains_key(&input.key));
    let missing = missing.map(|input| (input.key.clone(), PathBuf::from("no volume was given"))).collect();
    let inputs = sources.keys().map(|key| (key.clone(), PathBuf::from(key))).collect();
    let case = Case { inputs, missing, ..Case::new(name.clone()) };
    let infos: BTreeMap<String, FileInfo> = sources.iter().map(|(key, source)| (key.clone(), source.known())).collect();
    let checked = check_known(pipeline, &case, infos, strictness).map_err(|problem| told(problem.text))?;
    let mut outcome = Outcome {
        volumes: BTreeMap::new(),
        names: BTreeMap::new(),
        trace: trace_of(pipeline, &checked, BTreeMap::new()),
        skipped: checked.plan.skipped.as_ref().map(ToString::to_string),
        non_finite: Vec::new(),
        vanished: Vec::new(),
    };
    if outcome.skipped.is_some() {
        return Ok(outcome);
    }
    let mut volumes = BTreeMap::new();
    for (key, source) in sources {
        let Some(input) = pipeline.input(&key) else { continue };
        let info = &checked.infos[&key];
        let volume = source.volume.with_kind(input.kind);
        let (volume, note) = settled(input, Path::new(&key), volume, info.stored)?;
        outcome.non_finite.extend(note);
        let start = if checked.uneven.contains_key(&key) { info.grid } else { checked.grids[&key] };
        let volume = volume.on_grid(start).map_err(|e| told(format!("{key}: {e}")))?;
        volumes.insert(key, volume);
    }
    let kinds: BTreeMap<String, Kind> = volumes.iter().map(|(key, v)| (key.clone(), v.kind())).collect();
    outcome.names = label_names::of_outputs(pipeline, &checked, &volumes);
    let engine = match through(pipeline, &checked, volumes)? {
        Through::Out(engine) => engine,
        Through::Skipped(why) => {
            outcome.skipped = Some(why);
            return Ok(outcome);
        }
    };
    outcome.vanished = engine.vanished().to_vec();
    let mut records = BTreeMap::new();
    for (key, last) in engine.last() {
        let wanted = pipeline.outputs.iter().find(|output| output.key == key).and_then(|output| output.dtype);
        let grid = *last.grid();
        let done = whole(&key, last, wanted)?;
        let info = &checked.infos[&key];
        let source = SourceRecord {
            path: String::new(),
            format: info.format.to_owned(),
            hash: None,
            parts: Vec::new(),
            stamp: None,
            grid: (&info.grid).into(),
            dtype: info.stored,
            channels: info.channels,
            facts: serde_json::to_value(&info.facts).unwrap_or_default(),
        };
        let dtype = StoredDtype::Plain(done.volume.dtype());
        let result = ResultRecord { path: None, hash: None, parts: Vec::new(), grid: (&grid).into(), dtype };
        let (kind, snapped) = (kinds[&key], checked.snapped(&key).map(|grid| (&grid).into()));
        let steps = done.steps;
        records.insert(key.clone(), VolumeTrace { kind, source, snapped, ties: Ties::Alternate, steps, result });
        outcome.volumes.insert(key, done.volume);
    }
    outcome.trace.volumes = records;
    Ok(outcome)
}
