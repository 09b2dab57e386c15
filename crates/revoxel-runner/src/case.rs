//! Runs one case: reads, processes, writes, records.

mod error;
mod left_out;
mod ready;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use revoxel_core::{Dtype, Kind, StoredDtype, Volume};
use revoxel_invert::{PartRecord, PipelineRecord, ResultRecord, SCHEMA, SourceRecord, Trace, VERSION, VolumeTrace};
use revoxel_io::{Complete, Facts, FileInfo, Head, Loaded, Partial, SlabWriter};
use revoxel_pipeline::{CaseName, Input, Pipeline, Template};
use revoxel_resample::{Gone, Ties, all_finite};
use revoxel_transforms::PlanError;

use crate::channel;
use crate::dataset::Case;
use crate::engine::{Engine, Last, StepError, Vanished};
use crate::files::{make_folder_of, remove, text_beside};
use crate::identity::{Identity, digests};
use crate::journal::LeftOut;
use crate::kept::{self, Kept, Loss};
use crate::kind_values::{SaidBy, checked as checked_values};
use crate::label_names;
use crate::labels::check_declared;
use crate::non_finite::{self, Note};
use crate::older::{Owners, made_before};
use crate::preflight::{Checked, outputs_of};
use crate::reading::options_of;
use crate::several;
use crate::stop;
use crate::{RESULTS, TOOL};

use left_out::{left_out, stamped};

pub use error::CaseError;
pub(crate) use ready::Ready;

/// What a case gave.
#[derive(Clone, Debug)]
pub struct Done {
    /// The files written.
    pub files: Vec<PathBuf>,
    /// Why the case was left out, where a step said so.
    pub skipped: Option<String>,
    /// What is recorded of a case that was left out.
    pub left_out: Option<Box<LeftOut>>,
    /// Inputs that held values that are not finite.
    pub non_finite: Vec<Note>,
    /// How long it took.
    pub time: Duration,
    /// Facts of the sources that the files do not have.
    pub dropped: Vec<Loss>,
    /// Labels that spatial steps lost.
    pub vanished: Vec<Vanished>,
}

impl Done {
    /// A case that was left out.
    fn left_out(record: LeftOut, start: Instant) -> Self {
        let time = start.elapsed();
        let (files, non_finite, dropped, vanished) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (skipped, left_out) = (Some(record.why.clone()), Some(Box::new(record)));
        Self { files, skipped, left_out, non_finite, time, dropped, vanished }
    }
}

/// Runs a case and writes its outputs and its trace under `out`. Nothing there is changed until all of them are complete;
/// then the old trace goes, the outputs get their names, and the new trace comes last.
///
/// # Errors
/// Where a file or a step fails: what was there before is still there, whole. Where a file cannot get its name, the case
/// has no trace.
pub fn run(pipeline: &Pipeline, checked: &Checked, data: &Path, out: &Path) -> Result<Done, CaseError> {
    match make(pipeline, checked, &Owners::default(), (data, out))? {
        Way::Made(ready) => ready.name(),
        Way::Skipped(done) => Ok(done),
    }
}

/// How far a case has come.
pub(crate) enum Way {
    /// Its files can be named.
    Made(Box<Ready>),
    /// It was left out.
    Skipped(Done),
}

/// Runs a case up to the names of its files, as [`run`] does. What is left waits for the disk, not for a core.
///
/// # Errors
/// As [`run`].
pub(crate) fn make(
    pipeline: &Pipeline,
    checked: &Checked,
    owners: &Owners,
    (data, out): (&Path, &Path),
) -> Result<Way, CaseError> {
    let start = Instant::now();
    let case = &checked.case;
    if let Some(why) = &checked.plan.skipped {
        let sources = stamped(pipeline, checked, data)?;
        clear(pipeline, case, owners, out)?;
        return Ok(Way::Skipped(Done::left_out(left_out(pipeline, checked, sources, why.to_string()), start)));
    }
    let Inputs { volumes, mut sources, notes } = read_inputs(pipeline, checked, data)?;
    let kinds: BTreeMap<String, Kind> = volumes.iter().map(|(k, v)| (k.clone(), v.kind())).collect();
    let names = label_names::of_outputs(pipeline, checked, &volumes);
    let engine = match through(pipeline, checked, volumes)? {
        Through::Out(engine) => engine,
        Through::Skipped(why) => {
            clear(pipeline, case, owners, out)?;
            return Ok(Way::Skipped(Done::left_out(left_out(pipeline, checked, sources, why), start)));
        }
    };
    let mut records = BTreeMap::new();
    let mut files = Vec::new();
    let mut dropped = Vec::new();
    let mut vanished = engine.vanished().to_vec();
    let mut before: Option<Written> = None;
    let mut complete = Vec::new();
    for (key, last) in engine.last() {
        let output = pipeline.outputs.iter().find(|o| o.key == key);
        let relative = output.map(|o| o.path.path(&case.name));
        let source: SourceRecord = sources.remove(&key).unwrap_or_else(|| unreachable!("every volume was read"));
        let wanted = output.and_then(|o| o.dtype);
        let (grid, held) = (*last.grid(), last.dtype(wanted.map(StoredDtype::in_memory)));
        let dtype = wanted.unwrap_or(StoredDtype::Plain(held));
        if let Some(relative) = &relative {
            let path = out.join(relative);
            let head = Head { grid, dtype: held, channels: last.channels() };
            let written = kept::Written { path: &path, key: &key, kind: last.kind(), head: &head };
            let named = names.get(&key).cloned().unwrap_or_default();
            let kept = Kept::after_steps(&written, &checked.infos[&key], kinds[&key], &last.steps, &named);
            kept.tell();
            // Hashing a large file and getting it onto the disk takes some time, in which the next one is made.
            let previous = before.take();
            let finish = || previous.map(Written::finish).transpose();
            let (writer, finished) = rayon::join(|| write_volume(&path, &key, &last, wanted, &kept.facts), finish);
            complete.extend(finished?);
            let (writer, gone) = writer?;
            vanished.extend(gone.into_iter().map(|gone| Vanished { key: key.clone(), gone }));
            let written = Written { key: key.clone(), writer };
            match written.writer.holds_all() {
                true => complete.push(written.finish()?),
                false => before = Some(written),
            }
            files.push(path);
            dropped.extend(kept.losses);
        }
        let grid = (&grid).into();
        let result = ResultRecord { path: relative, hash: None, parts: Vec::new(), grid, dtype };
        let kind = kinds[&key];
        let snapped = checked.snapped(&key).map(|grid| (&grid).into());
        records.insert(key, VolumeTrace { kind, source, snapped, ties: Ties::Alternate, steps: last.steps, result });
    }
    complete.extend(before.map(Written::finish).transpose()?);
    for made in &mut complete {
        if let Some(record) = records.get_mut(&made.key) {
            (record.result.hash, record.result.parts) = (Some(made.hash.clone()), std::mem::take(&mut made.parts));
        }
    }
    let trace = trace_of(pipeline, checked, records);
    let path = out.join(pipeline.trace.path(&case.name));
    make_folder_of(&path)?;
    let trace = text_beside(&path, &trace.to_json())?;
    let older = made_before(case, &path, pipeline, owners, out);
    files.push(path);
    let time = start.elapsed();
    let done =
        Done { files, skipped: None, left_out: None, non_finite: notes, time, dropped, vanished: vanished.clone() };
    Ok(Way::Made(Box::new(Ready { complete, trace, older, vanished, case: case.name.clone(), start, done })))
}

/// The volumes of a case behind the steps.
pub(crate) enum Through {
    /// All steps are done.
    Out(Engine),
    /// A step left the case out, and why.
    Skipped(String),
}

/// Takes the volumes of a case through the steps.
pub(crate) fn through(
    pipeline: &Pipeline,
    checked: &Checked,
    volumes: BTreeMap<String, Volume>,
) -> Result<Through, CaseError> {
    let mut engine = Engine::new(volumes, pipeline.fuse);
    for (key, op) in &checked.uneven {
        engine.even_out(key, op).map_err(|e| CaseError::Step(format!("{key}: {e}")))?;
    }
    match engine.run(pipeline.drawn(&checked.case.name.to_string())) {
        Ok(()) => Ok(Through::Out(engine)),
        Err(failure) => match &*failure.error {
            StepError::Plan(PlanError::SkipCase { .. } | PlanError::NoPatch { .. }) => {
                Ok(Through::Skipped(failure.to_string()))
            }
            _ => Err(CaseError::Step(pipeline.step_error(failure.step, failure.to_string()).to_string())),
        },
    }
}

/// What the placeholders of the paths that are written stand for.
fn fields_of(pipeline: &Pipeline, name: &CaseName) -> BTreeMap<String, String> {
    let outputs = pipeline.outputs.iter().map(|output| &output.path);
    let restored = pipeline.restore.iter().filter_map(|restore| restore.path.as_ref());
    let paths: Vec<&Template> = outputs.chain(restored).chain([&pipeline.trace]).collect();
    let named = name.fields.iter().filter(|(field, _)| paths.iter().any(|path| path.names().contains(field.as_str())));
    named.map(|(field, value)| (field.clone(), value.clone())).collect()
}

/// The trace of a case.
pub(crate) fn trace_of(pipeline: &Pipeline, checked: &Checked, volumes: BTreeMap<String, VolumeTrace>) -> Trace {
    let name = &checked.case.name;
    Trace {
        schema: SCHEMA.to_owned(),
        version: VERSION,
        tool: TOOL.to_owned(),
        results: Some(RESULTS),
        case: name.case.clone(),
        copy: name.copy,
        fields: fields_of(pipeline, name),
        pipeline: PipelineRecord {
            name: pipeline.name.clone(),
            hash: format!("blake3:{}", pipeline.hash()),
            seed: pipeline.is_random().then_some(pipeline.seed),
            snap: checked.snap,
            document: pipeline.portable().cloned(),
        },
        volumes,
        restore: pipeline.restore.iter().map(|r| (r.name.clone(), r.record(name))).collect(),
    }
}

/// A volume as its input says it is to be taken: its channel, without values that are not finite, of its kind.
pub(crate) fn settled(
    input: &Input,
    path: &Path,
    volume: Volume,
    stored: Dtype,
) -> Result<(Volume, Option<Note>), CaseError> {
    let mut volume = channel::take(input, path, volume)?;
    let note = non_finite::settle(input, path, &mut volume)?;
    let volume = checked_values(path, volume, Some(stored), SaidBy::Pipeline)?;
    check_declared(input, path, &volume)?;
    Ok((volume, note))
}

/// What a case is read into.
struct Inputs {
    volumes: BTreeMap<String, Volume>,
    sources: BTreeMap<String, SourceRecord>,
    notes: Vec<Note>,
}

/// Reads the inputs of a case, each on the grid that it starts on.
fn read_inputs(pipeline: &Pipeline, checked: &Checked, data: &Path) -> Result<Inputs, CaseError> {
    let mut volumes = BTreeMap::new();
    let mut sources = BTreeMap::new();
    let mut notes = Vec::new();
    let case = &checked.case;
    // Compressed files are decoded by one thread each, so they are read side by side.
    let inputs: Vec<_> = case.inputs.iter().filter_map(|(key, path)| Some((key, path, pipeline.input(key)?))).collect();
    let read = |(key, path, input): &(&String, &PathBuf, &Input)| -> Result<_, CaseError> {
        let load = || several::read(pipeline, input, case);
        let identity = || Identity::of_case(case, key, &options_of(pipeline, input, case));
        // The largest input is waited for, and its hash would come on top.
        let (identity, loaded) = rayon::join(identity, load);
        let Loaded { volume, info } = loaded?;
        tracing::debug!(case = %case.name, key, "read {}", path.display());
        let (volume, note) = settled(input, path, volume, info.stored)?;
        Ok((Loaded { volume, info }, identity?, note))
    };
    let read: Vec<Result<_, CaseError>> = inputs.par_iter().map(read).collect();
    for ((key, path, _), result) in inputs.into_iter().zip(read) {
        let (loaded, identity, note) = result?;
        notes.extend(note.inspect(|note| warn(case, path, note)));
        if loaded.info.grid != checked.infos[key].grid {
            return Err(CaseError::Changed(path.clone()));
        }
        sources.insert(key.clone(), source_record(&loaded.info, path, data, identity));
        let start = if checked.uneven.contains_key(key) { loaded.info.grid } else { checked.grids[key] };
        let volume = loaded.volume.on_grid(start).map_err(|_| CaseError::Changed(path.clone()))?;
        volumes.insert(key.clone(), volume);
    }
    Ok(Inputs { volumes, sources, notes })
}

/// Says what an input held that is not finite.
fn warn(case: &Case, path: &Path, Note { found, replaced_by, .. }: &Note) {
    let done = replaced_by.map_or("kept".to_owned(), |number| format!("replaced by {number}"));
    tracing::warn!(case = %case.name, "{}: {found}; {done}", path.display());
}

/// Removes what an earlier run made of a case that is left out now.
fn clear(pipeline: &Pipeline, case: &Case, owners: &Owners, out: &Path) -> Result<(), CaseError> {
    // The trace goes first: without it the rest is no case.
    let files = outputs_of(pipeline, case, out);
    let all = files.iter().rev().flat_map(|file| [file.clone()].into_iter().chain(revoxel_io::written_beside(file)));
    let older = files.last().map_or_else(Vec::new, |trace| made_before(case, trace, pipeline, owners, out));
    stop::uninterrupted(|| all.chain(older).try_for_each(|file| remove(&file)))?;
    Ok(())
}

/// An output whose voxels are all written.
struct Written {
    key: String,
    writer: SlabWriter,
}

/// An output that is complete, but for its name.
#[derive(Debug)]
struct Made {
    key: String,
    complete: Complete,
    hash: String,
    parts: Vec<PartRecord>,
    /// Whether it is on the disk.
    synced: bool,
}

/// From this size on, in bytes, a file goes to the disk while the next one is made.
const LARGE: u64 = 16 << 20;

impl Written {
    fn finish(self) -> Result<Made, CaseError> {
        let complete = self.writer.complete()?;
        let length = |file: &Partial| file.file().metadata().map_or(0, |about| about.len());
        let synced = complete.files().iter().any(|file| length(file) >= LARGE);
        let (read, ended) = match synced {
            true => rayon::join(|| digests(&complete), || complete.sync()),
            false => (digests(&complete), Ok(())),
        };
        ended?;
        let (hash, parts) = read?;
        Ok(Made { key: self.key, complete, hash, parts, synced })
    }
}

/// Writes a volume while its last pass is executed; the labels that its spatial steps lost.
fn write_volume(
    path: &Path,
    key: &str,
    last: &Last,
    stored: Option<StoredDtype>,
    facts: &Facts,
) -> Result<(SlabWriter, Vec<Gone>), CaseError> {
    make_folder_of(path)?;
    let wanted = stored.map(StoredDtype::in_memory);
    let head = Head { grid: *last.grid(), dtype: last.dtype(wanted), channels: last.channels() };
    let mut writer = SlabWriter::create(path, head, facts, stored == Some(StoredDtype::Half))?;
    let Some(stored) = stored.filter(|_| last.kind() == Kind::Label) else {
        let narrower = fits_type(key, last, head.dtype)?;
        let beyond = || CaseError::Beyond { key: key.to_owned(), dtype: head.dtype };
        let gone = last.slabs(wanted, |slab| match narrower && !all_finite(slab) {
            true => Err(beyond()),
            false => Ok(writer.push(slab)?),
        })?;
        return Ok((writer, gone));
    };
    // Labels are compared before they are cast: none becomes another one.
    let gone = last.slabs(None, |slab| -> Result<(), CaseError> {
        stored.check_label_map(slab).map_err(|lost| CaseError::Dtype { key: key.to_owned(), lost })?;
        if slab.dtype() == stored.in_memory() {
            return Ok(writer.push(slab)?);
        }
        Ok(writer.push(&slab.clone().cast(stored.in_memory()))?)
    })?;
    Ok((writer, gone))
}

/// Whether values of a volume, all finite, may become infinite in the type that they are written in.
///
/// # Errors
/// Where some are not finite and the type holds whole numbers.
pub(crate) fn fits_type(key: &str, last: &Last, dtype: Dtype) -> Result<bool, CaseError> {
    let before = last.dtype_before();
    if before.is_integer() || before == dtype || (before, dtype) == (Dtype::F32, Dtype::F64) {
        return Ok(false);
    }
    match last.non_finite() {
        Some(found) if dtype.is_integer() => {
            Err(CaseError::NoWholeNumbers { key: key.to_owned(), dtype, found: found.into() })
        }
        found => Ok(found.is_none() && !dtype.is_integer()),
    }
}

/// What a trace records of the source of a volume; its path is relative to `data` where it lies there.
pub fn source_record(info: &FileInfo, path: &Path, data: &Path, identity: Identity) -> SourceRecord {
    let relative = path.strip_prefix(data).unwrap_or(path);
    SourceRecord {
        path: relative.to_string_lossy().into_owned(),
        format: info.format.to_owned(),
        hash: Some(identity.hash),
        parts: identity.parts,
        stamp: Some(identity.stamp),
        grid: (&info.grid).into(),
        dtype: info.stored,
        channels: info.channels,
        facts: serde_json::to_value(&info.facts).unwrap_or_default(),
    }
}
