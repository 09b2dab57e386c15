//! A made-up case through the steps of a pipeline, in memory: what each step does, and what comes out.

use std::collections::BTreeMap;

use revoxel_core::{Dtype, Grid, Kind, StoredDtype, Volume};
use revoxel_invert::{OpRecord, ResultRecord, SCHEMA, SourceRecord, Trace, TraceStep, VERSION, VolumeTrace};
use revoxel_pipeline::{CaseName, KnownGrid, Pipeline, Plan};
use revoxel_resample::Ties;
use revoxel_transforms::PlanError;
use serde_json::{Map, Value, json};

use super::content::Phantom;
use super::grids::Subject;
use super::statistics;
use crate::engine::{Engine, SoFar, StepError};

/// Voxels, of all channels, that a volume of a snapshot may have.
pub(super) const MOST_VOXELS: usize = 1 << 26;

/// Channels that an input of a snapshot may have: statistics of each are taken after every step.
const MOST_CHANNELS: usize = 128;

/// A made-up case after the steps.
pub(super) struct Passage {
    /// What was made up, by key.
    pub(super) sources: BTreeMap<String, Volume>,
    /// What each step did.
    pub(super) steps: Map<String, Value>,
    /// What came out, by key, in the type of its output.
    pub(super) volumes: BTreeMap<String, Volume>,
    /// What happened, for the way back.
    pub(super) trace: Option<Trace>,
    /// Why the steps were not all done.
    pub(super) stopped: Option<Stop>,
}

/// Why a made-up case did not come through.
pub(super) struct Stop {
    /// Whether a step left the case out by its own rule.
    pub(super) skipped: bool,
    /// The step, and the input, where one can be named.
    pub(super) place: Option<(String, String)>,
    /// Why, in the words of this version of the program.
    pub(super) why: String,
}

impl Stop {
    fn of(why: impl ToString) -> Self {
        Self { skipped: false, place: None, why: why.to_string() }
    }

    fn at(pipeline: &Pipeline, step: usize, key: &str, skipped: bool, why: impl ToString) -> Self {
        Self { skipped, place: Some((step_name(pipeline, step), key.to_owned())), why: why.to_string() }
    }
}

/// A step as snapshots name it: its number, from 1, and its transform.
pub(super) fn step_name(pipeline: &Pipeline, step: usize) -> String {
    format!("{} {}", step + 1, pipeline.steps[step].name)
}

/// What is known of the volumes of a case before they are made.
fn known(pipeline: &Pipeline, subject: &Subject, phantom: &Phantom) -> BTreeMap<String, KnownGrid> {
    let one = |(key, source): (&String, &super::grids::Source)| {
        let kind = pipeline.input(key).map_or(Kind::Image, |input| input.kind);
        let dtype = dtype_of(kind, source.dtype, phantom);
        (key.clone(), KnownGrid { grid: source.grid, kind, channels: source.channels, dtype: Some(dtype) })
    };
    subject.inputs.iter().map(one).collect()
}

fn dtype_of(kind: Kind, image: Dtype, phantom: &Phantom) -> Dtype {
    match kind {
        Kind::Image => image,
        Kind::Label => phantom.label_dtype(),
        Kind::Probability | Kind::Logit => Dtype::F32,
    }
}

/// The plan of a case from its grids alone.
pub(super) fn plan(pipeline: &Pipeline, subject: &Subject, phantom: &Phantom, case: &CaseName) -> Result<Plan, Stop> {
    let channels = subject.inputs.iter().filter_map(|(key, source)| Some((key.clone(), source.channels?))).collect();
    pipeline.check_channels(&channels).map_err(|e| Stop::of(e.problem))?;
    let plan = pipeline.plan_volumes(&known(pipeline, subject, phantom), Some(&case.to_string()));
    plan.map_err(|e| Stop::at(pipeline, e.step, &e.key, false, &e.error))
}

/// The same, where the voxels are to be made: no more of them than a snapshot makes.
fn plan_to_make(pipeline: &Pipeline, subject: &Subject, phantom: &Phantom, case: &CaseName) -> Result<Plan, Stop> {
    for (key, source) in &subject.inputs {
        let channels = source.channels.unwrap_or(1);
        if channels > MOST_CHANNELS {
            let why = format!("{key} has {channels} channels, more than the limit of {MOST_CHANNELS} for snapshots");
            return Err(Stop::of(why));
        }
    }
    let plan = plan(pipeline, subject, phantom, case)?;
    for (number, step) in plan.steps.iter().enumerate() {
        for (key, planned) in &step.volumes {
            let channels = subject.inputs.get(key).and_then(|s| s.channels).unwrap_or(1);
            if let Some(grid) = planned.after.filter(|g| g.voxel_count().saturating_mul(channels) > MOST_VOXELS) {
                let [x, y, z] = grid.shape();
                let why = format!("{x} × {y} × {z} voxels are more than the limit of {MOST_VOXELS} for snapshots");
                return Err(Stop::at(pipeline, number, key, false, why));
            }
        }
    }
    Ok(plan)
}

/// Makes the volumes of a case and takes them through the steps.
pub(super) fn pass(pipeline: &Pipeline, subject: &Subject, phantom: &Phantom, case: &CaseName) -> Passage {
    let mut passage =
        Passage { sources: BTreeMap::new(), steps: Map::new(), volumes: BTreeMap::new(), trace: None, stopped: None };
    if let Err(stop) = passage.run(pipeline, subject, phantom, case) {
        passage.stopped = Some(stop);
    }
    passage
}

impl Passage {
    fn run(&mut self, pipeline: &Pipeline, subject: &Subject, phantom: &Phantom, case: &CaseName) -> Result<(), Stop> {
        for (key, source) in &subject.inputs {
            let Some(input) = pipeline.input(key) else { continue };
            let dtype = dtype_of(input.kind, source.dtype, phantom);
            let made = phantom.volume(&source.grid, input.kind, dtype, source.channels.unwrap_or(1));
            self.sources.insert(key.clone(), made.map_err(Stop::of)?);
        }
        let plan = plan_to_make(pipeline, subject, phantom, case)?;
        if let Some(skipped) = &plan.skipped {
            return Err(Stop::at(pipeline, skipped.step, &skipped.key, true, &skipped.error));
        }
        let mut engine = Engine::new(self.sources.clone(), pipeline.fuse);
        for (number, step) in pipeline.drawn(&case.to_string()).enumerate() {
            let before = step.keys().iter().filter_map(|key| {
                let so_far = engine.so_far(key)?;
                Some((key, so_far.grid, so_far.steps.len()))
            });
            let before: Vec<(&String, Grid, usize)> = before.collect();
            engine.run_step(number, &step).map_err(|failure| {
                let skip =
                    matches!(*failure.error, StepError::Plan(PlanError::SkipCase { .. } | PlanError::NoPatch { .. }));
                Stop::at(pipeline, number, &failure.key, skip, &failure.error)
            })?;
            let mut moved = false;
            let done = before.into_iter().filter_map(|(key, grid, count)| {
                let now = engine.so_far(key)?;
                moved |= grid != now.grid;
                // A step that has nothing to say of a volume leaves no record.
                Some((key.clone(), now.grid, said(&now, now.steps.get(count)?)))
            });
            let done: Vec<_> = done.collect();
            if !done.is_empty() {
                let said = if moved { by_key(done) } else { in_place(done) };
                self.steps.insert(step_name(pipeline, number), said);
            }
        }
        self.finish(pipeline, engine, case)
    }

    fn finish(&mut self, pipeline: &Pipeline, engine: Engine, case: &CaseName) -> Result<(), Stop> {
        let mut records = Map::new();
        for (key, last) in engine.last() {
            let output = pipeline.outputs.iter().find(|output| output.key == key);
            let wanted = output.and_then(|output| output.dtype);
            let source = &self.sources[&key];
            // Labels are compared before they are cast.
            let label = last.kind() == Kind::Label;
            let in_memory = wanted.map(StoredDtype::in_memory);
            let done = last.whole(in_memory.filter(|_| !label)).map_err(|e| Stop::of(format!("{key}: {e}")))?;
            let mut volume = done.volume;
            if let Some(wanted) = wanted.filter(|_| label) {
                let lost = wanted.check_label_map(volume.voxels());
                lost.map_err(|e| Stop::of(format!("output {key}: {e}")))?;
                volume = volume.cast(wanted.in_memory());
            }
            let record = VolumeTrace {
                kind: source.kind(),
                source: SourceRecord {
                    parts: Vec::new(),
                    stamp: None,
                    path: key.clone(),
                    format: "made up".to_owned(),
                    hash: None,
                    grid: source.grid().into(),
                    dtype: source.dtype(),
                    channels: source.channels(),
                    facts: Value::Null,
                },
                snapped: None,
                ties: Ties::Alternate,
                steps: done.steps,
                result: ResultRecord {
                    hash: None,
                    parts: Vec::new(),
                    path: None,
                    grid: volume.grid().into(),
                    dtype: StoredDtype::Plain(volume.dtype()),
                },
            };
            records.insert(key.clone(), serde_json::to_value(record).map_err(Stop::of)?);
            self.volumes.insert(key, volume);
        }
        let restore = pipeline.restore.iter().map(|r| (r.name.clone(), r.record(case)));
        let restore: BTreeMap<_, _> = restore.collect();
        // As text and back: what a file would say.
        let trace = json!({
            "schema": SCHEMA,
            "version": VERSION,
            "tool": crate::TOOL,
            "case": case.case,
            "copy": case.copy,
            "pipeline": { "name": pipeline.name, "hash": format!("blake3:{}", pipeline.hash()), "seed": pipeline.seed },
            "volumes": records,
            "restore": restore,
        });
        self.trace = Some(Trace::from_json(&trace.to_string()).map_err(Stop::of)?);
        Ok(())
    }
}

/// What a step did to a volume, but for its grid.
fn said(now: &SoFar<'_>, step: &TraceStep) -> Map<String, Value> {
    let mut said = Map::new();
    let op = |op: &OpRecord| match op {
        OpRecord::Reorient { .. } => "reorient",
        OpRecord::Window { .. } => "window",
        OpRecord::Resample { .. } => "resample",
        OpRecord::Reslice { .. } => "reslice",
        _ => "warp",
    };
    if let Some(drawn) = step.params.get("drawn") {
        said.insert("drawn".to_owned(), drawn.clone());
    }
    if step.ops.is_empty() {
        said.insert("does".to_owned(), if step.values.is_some() { "values" } else { "nothing" }.into());
    } else {
        said.insert("does".to_owned(), step.ops.iter().map(op).collect::<Vec<_>>().join(" and ").into());
        // Where a window starts is not seen in its grid where the axes are oblique.
        let mut starts = step.ops.iter().filter_map(|op| match op {
            OpRecord::Window { start, .. } => Some(json!(start)),
            _ => None,
        });
        said.extend(starts.next_back().map(|start| ("start".to_owned(), start)));
        said.insert("fidelity".to_owned(), step.fidelity.name().into());
        said.insert("pass".to_owned(), now.passes.into());
    }
    said.extend(step.interpolation.map(|kind| ("interpolation".to_owned(), kind.name().into())));
    let more = [("separate", json!(step.separate)), ("sampled", json!(step.sampled)), ("undone by", undone(step))];
    said.extend(more.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.to_owned(), v)));
    if step.values.is_some() {
        said.insert("kind".to_owned(), now.kind.name().into());
        said.insert("channels".to_owned(), now.channels.into());
    }
    said.insert("dtype".to_owned(), now.dtype.name().into());
    said
}

/// How the values of a step are undone: the name of it.
fn undone(step: &TraceStep) -> Value {
    match serde_json::to_value(&step.values) {
        Ok(Value::Object(map)) => map.keys().next().cloned().map_or(Value::Null, Value::from),
        _ => Value::Null,
    }
}

/// What is said of several volumes, by key, with one grid for all where they share it.
pub(super) fn by_key(volumes: Vec<(String, Grid, Map<String, Value>)>) -> Value {
    let first = volumes.first().map(|(_, grid, _)| *grid);
    let same = |grid: &Grid| Some(*grid) == first && first.is_some_and(|f| f.axes() == grid.axes());
    let shared = volumes.iter().all(|(key, grid, _)| same(grid) && key != GRID);
    let mut all = Map::new();
    if let Some(grid) = first.filter(|_| shared) {
        all.insert(GRID.to_owned(), statistics::grid(&grid));
    }
    for (key, grid, facts) in volumes {
        let mut said = Map::new();
        if !shared {
            said.insert(GRID.to_owned(), statistics::grid(&grid));
        }
        said.extend(facts);
        all.insert(key, said.into());
    }
    all.into()
}

/// The same of volumes whose grids a step left as they were.
fn in_place(volumes: Vec<(String, Grid, Map<String, Value>)>) -> Value {
    let named = volumes.iter().any(|(key, ..)| key == GRID);
    let grid = (!named).then(|| (GRID.to_owned(), Value::from("as before")));
    grid.into_iter().chain(volumes.into_iter().map(|(key, _, facts)| (key, Value::Object(facts)))).collect()
}

/// The key of a grid.
pub(super) const GRID: &str = "grid";
