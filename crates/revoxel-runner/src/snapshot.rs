//! Snapshots of pipelines: what the steps do to made-up scans on representative grids, as a text that people review and
//! programs compare.
//!
//! ```text
//! Pipeline + grids --made-up content--> steps in memory --> document --> text beside the pipeline
//!                                                 predictions back ---^        |
//!                                              the text of before  --> differences in words
//! ```
//!
//! A document says nothing of the machine, the time or the version of the program: it is the same wherever the program
//! gives the same results. [`RESULTS`] is the number of these.

mod back;
mod content;
mod differences;
mod given;
mod grids;
mod passage;
mod statistics;
mod text;

use std::collections::BTreeMap;
use std::path::Path;

use revoxel_core::Kind;
use revoxel_pipeline::{CaseName, Pipeline, PipelineError, Plan, SeenLabels};
use serde_json::{Map, Value, json};

pub use content::PHANTOM;
pub use differences::{Difference, Verdict, compare};
pub use given::{GivenError, like, of_cases, recorded};
pub use grids::{Source, Subject, built_in};
pub use statistics::DIGITS;
pub use text::read;

use crate::RESULTS;
use crate::printable::printable;
use content::Phantom;
use passage::{Passage, Stop, by_key, pass, plan, step_name};
use text::{COMMENT, write};

/// Version of the form of the text.
pub const FORMAT: u32 = 1;

/// The first field of every snapshot.
pub const MARK: &str = "revoxel_snapshot";

/// Voxels along an axis that are made up of a given grid at first; twice and four times as many where the steps need them.
const FIELD: usize = 64;

/// How many times larger a made-up case is made, one after the other, until the steps can be done.
const TIMES: [usize; 3] = [1, 2, 4];

/// Copies of a case that are made up.
const COPIES: u32 = 2;

/// Numbers of channels that are tried where nobody says.
const CHANNELS: [usize; 8] = [1, 3, 2, 4, 5, 6, 7, 8];

/// The grids that a snapshot is made on.
#[derive(Clone, Debug, PartialEq)]
pub enum Grids {
    /// Those of the program.
    BuiltIn,
    /// Those of files, and what was left out.
    Given {
        /// The cases.
        subjects: Vec<Subject>,
        /// What the snapshot does not have, in words.
        left_out: Vec<String>,
    },
}

impl Grids {
    /// The name in the text.
    const fn name(&self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Given { .. } => "given",
        }
    }
}

/// What the program does with a pipeline on these grids, as data. `set` are the assignments that the pipeline was read
/// with.
pub fn take(pipeline: &Pipeline, grids: &Grids, set: &[String]) -> Value {
    let labels = labels_of(pipeline);
    let mut document = json!({
        MARK: FORMAT,
        "results": RESULTS,
        "made_up_content": PHANTOM,
        "pipeline": format!("blake3:{}", pipeline.hash()),
    });
    if !set.is_empty() {
        document["set"] = json!(set);
    }
    document["made_on"] = grids.name().into();
    if let Grids::Given { left_out, .. } = grids
        && !left_out.is_empty()
    {
        document["left_out"] = json!(left_out);
    }
    document["resolved"] = resolved(pipeline);
    document["grids"] = match grids {
        Grids::BuiltIn => on_built_in(pipeline, &labels),
        Grids::Given { subjects, .. } => {
            let one = |s: &Subject| (s.name.clone(), on_given(pipeline, s, &labels).into());
            Value::Object(subjects.iter().map(one).collect())
        }
    };
    document
}

/// The field that holds the hash of all the others.
const SEAL: &str = "document";

/// The text of a document with the hash of what it says, and what a reader of the text gets.
///
/// # Errors
/// Where the text cannot be read again, which would be a fault of the program.
pub fn sealed(pipeline: &Pipeline, mut document: Value, place: &Path) -> Result<(String, Value), PipelineError> {
    let (head, place) = (head(pipeline), place.to_string_lossy());
    // Numbers are what a reader of the text gets.
    let plain = read(&place, &write(&head, &document))?;
    let seal = seal(&plain);
    if let Value::Object(fields) = &mut document {
        let behind = fields.keys().position(|key| key == "pipeline").map_or(0, |at| at + 1);
        fields.shift_insert(behind, SEAL.to_owned(), seal.into());
    }
    let text = write(&head, &document);
    let now = read(&place, &text)?;
    Ok((text, now))
}

/// The hash of what a document says.
fn seal(document: &Value) -> String {
    let mut fields = document.clone();
    if let Value::Object(fields) = &mut fields {
        fields.shift_remove(SEAL);
    }
    format!("blake3:{}", blake3::hash(fields.to_string().as_bytes()).to_hex())
}

/// Whether somebody has changed what a snapshot says. Those of earlier versions do not tell.
fn is_edited(document: &Value) -> bool {
    document.get(SEAL).is_some_and(|seal_of_it| *seal_of_it != seal(document))
}

/// The first lines of the text, for people.
fn head(pipeline: &Pipeline) -> Vec<String> {
    let name = printable(&pipeline.name).replace('\n', "\\n");
    vec![
        format!("Snapshot of {name}, made by `revoxel snapshot {name}`: what its steps do to made-up scans."),
        "`revoxel snapshot --check` compares it with what the program does now. Do not edit it: make it again, look at"
            .to_owned(),
        "what changed, and commit both files together.".to_owned(),
    ]
}

/// The labels of the made-up label maps: what inputs declare and steps name, besides 1 to 4 where none are declared.
fn labels_of(pipeline: &Pipeline) -> Vec<i64> {
    let mut seen: BTreeMap<String, SeenLabels> = BTreeMap::new();
    let mut labels = std::collections::BTreeSet::new();
    let mut declared = false;
    for input in pipeline.inputs.iter().filter(|input| input.kind == Kind::Label) {
        match &input.labels {
            Some(set) => {
                declared = true;
                labels.extend(set.iter().map(|l| l as i64));
            }
            None => drop(seen.insert(input.key.clone(), SeenLabels::default())),
        }
    }
    if !declared {
        labels.extend(1..=4);
    }
    // A step may name labels that only steps before it make: those need others, which come with the next round.
    for _ in 0..4 {
        for seen in seen.values_mut() {
            seen.labels.extend(labels.iter().map(|l| *l as f64));
        }
        let absent = pipeline.absent_labels(&seen);
        let named = absent.iter().filter(|a| a.noun() == "label" && !a.changed).map(|a| a.label);
        labels.extend(named.filter(|l| l.fract() == 0.0).map(|l| l as i64));
    }
    labels.remove(&0);
    labels.into_iter().collect()
}

/// The pipeline with everything that it leaves out filled in.
fn resolved(pipeline: &Pipeline) -> Value {
    let mut all = pipeline.canonical();
    let steps = pipeline.steps.iter().enumerate().map(|(number, step)| {
        let mut said = Map::new();
        said.insert("keys".to_owned(), json!(step.keys));
        if let Value::Object(params) = &step.params {
            said.extend(params.clone());
        }
        (step_name(pipeline, number), said.into())
    });
    all["steps"] = Value::Object(steps.collect());
    if let Value::Object(map) = &mut all {
        map.remove("version");
    }
    all
}

/// The built-in grids, and the first of them without what is optional.
fn on_built_in(pipeline: &Pipeline, labels: &[i64]) -> Value {
    let optional: Vec<&str> = pipeline.inputs.iter().filter(|i| i.optional).map(|i| i.key.as_str()).collect();
    let mut all = Map::new();
    for (position, (name, _)) in built_in().enumerate() {
        let made = |optional| {
            let sizes = TIMES.iter().flat_map(|times| [(*times, false), (*times, true)]);
            let subjects =
                sizes.filter_map(move |(times, shared)| grids::subject(pipeline, name, times, shared, optional));
            let mut subjects: Vec<Subject> = subjects.collect();
            subjects.dedup();
            subjects
        };
        let copies = if position == 0 { COPIES } else { 1 };
        all.insert(name.to_owned(), through(pipeline, made(true), labels, copies).into());
        if position == 0 && !optional.is_empty() && optional.len() < pipeline.inputs.len() {
            let name = format!("{name} without {}", optional.join(" and "));
            let subjects = made(false).into_iter().map(|s| Subject { name: name.clone(), ..s }).collect();
            all.insert(name.clone(), through(pipeline, subjects, labels, 1).into());
        }
    }
    all.into()
}

/// A given case: its plan on its own grids, and a part of it in voxels.
fn on_given(pipeline: &Pipeline, subject: &Subject, labels: &[i64]) -> Map<String, Value> {
    let mut fields: Vec<Subject> = TIMES.iter().map(|times| grids::field(pipeline, subject, FIELD * times)).collect();
    fields.dedup();
    let whole = fields[0] == *subject;
    let mut said = Map::new();
    if !whole {
        let inputs = subject.inputs.iter().map(|(key, s)| (key.clone(), s.grid, typed(pipeline, key, s)));
        said.insert("whole".to_owned(), by_key(inputs.collect()));
        let case = case_of(pipeline, subject, 0);
        let (subject, phantom) = (with_channels(pipeline, subject), phantom_of(pipeline, subject, labels));
        let planned = match subject.and_then(|subject| plan(pipeline, &subject, &phantom, &case)) {
            Ok(plan) => planned(pipeline, &plan),
            Err(stop) => stopped(&stop).into(),
        };
        said.insert("plan".to_owned(), planned);
        let note = "A part of it, with voxels of the same size and direction, is made up and taken through the steps.";
        said.insert(COMMENT.to_owned(), note.into());
    }
    said.extend(through(pipeline, fields, labels, 1));
    said
}

/// What is known of an input of a given case.
fn typed(pipeline: &Pipeline, key: &str, source: &Source) -> Map<String, Value> {
    let mut said = Map::new();
    if pipeline.input(key).is_some_and(|input| input.kind == Kind::Image) {
        said.insert("dtype".to_owned(), source.dtype.name().into());
    }
    said.extend(source.channels.map(|channels| ("channels".to_owned(), channels.into())));
    said
}

fn phantom_of(pipeline: &Pipeline, subject: &Subject, labels: &[i64]) -> Phantom {
    let first = grids::first_image(pipeline).and_then(|key| subject.inputs.get(key)).or(subject.inputs.values().next());
    let grid = first.map(|source| source.grid).unwrap_or_else(|| unreachable!("a case has an input"));
    Phantom::new(grid, labels.to_vec())
}

fn case_of(pipeline: &Pipeline, subject: &Subject, copy: u32) -> CaseName {
    CaseName { copy: pipeline.copies.map(|_| copy), ..CaseName::alone(subject.name.clone()) }
}

/// The subject with numbers of channels that the steps can be done with: the first that fit, input by input.
fn with_channels(pipeline: &Pipeline, subject: &Subject) -> Result<Subject, Stop> {
    let case = case_of(pipeline, subject, 0);
    let open: Vec<String> =
        subject.inputs.iter().filter(|(_, s)| s.channels.is_none()).map(|(key, _)| key.clone()).collect();
    let usual = |key: &str| match pipeline.input(key) {
        Some(input) if matches!(input.kind, Kind::Probability | Kind::Logit) && input.channel.is_none() => 3,
        _ => 1,
    };
    let mut chosen = subject.clone();
    for key in &open {
        chosen.inputs.entry(key.clone()).and_modify(|s| s.channels = Some(usual(key)));
    }
    let phantom = phantom_of(pipeline, subject, &[1]);
    let fits = |subject: &Subject| plan(pipeline, subject, &phantom, &case).map(|_| ());
    let Err(first) = fits(&chosen) else { return Ok(chosen) };
    // One input after the other, then all images together.
    let choices = open.iter().map(|key| vec![key.clone()]).chain([open.clone()]);
    for keys in choices {
        for count in CHANNELS {
            let mut other = chosen.clone();
            for key in &keys {
                other.inputs.entry(key.clone()).and_modify(|s| s.channels = Some(count));
            }
            if fits(&other).is_ok() {
                return Ok(other);
            }
        }
    }
    Err(first)
}

/// The first of several made-up cases that comes through the steps, or the last one as far as it comes.
fn through(pipeline: &Pipeline, subjects: Vec<Subject>, labels: &[i64], copies: u32) -> Map<String, Value> {
    let (mut last, count) = (Map::new(), subjects.len());
    for (position, subject) in subjects.into_iter().enumerate() {
        let (phantom, about) = (phantom_of(pipeline, &subject, labels), subject.about.clone());
        let subject = match with_channels(pipeline, &subject) {
            Ok(subject) => subject,
            // Nothing is made up for what has no plan, but to show how far it comes.
            Err(_) if position + 1 < count => continue,
            Err(_) => subject,
        };
        let mut passages = vec![pass(pipeline, &subject, &phantom, &case_of(pipeline, &subject, 0))];
        let came = passages[0].stopped.is_none();
        let more = pipeline.copies.filter(|_| came).map_or(1, |all| all.min(copies));
        passages.extend((1..more).map(|copy| pass(pipeline, &subject, &phantom, &case_of(pipeline, &subject, copy))));
        last = Map::new();
        last.insert(COMMENT.to_owned(), about.into());
        last.extend(document(pipeline, &passages, &phantom));
        if came {
            break;
        }
    }
    last
}

/// What is said of a made-up case and its copies.
fn document(pipeline: &Pipeline, passages: &[Passage], phantom: &Phantom) -> Map<String, Value> {
    let mut said = Map::new();
    let sources = passages[0].sources.iter().map(|(key, volume)| {
        let facts = json!({
            "kind": volume.kind().name(),
            "dtype": volume.dtype().name(),
            "channels": volume.channels(),
            "voxels": statistics::hash(volume),
        });
        (key.clone(), *volume.grid(), facts.as_object().cloned().unwrap_or_default())
    });
    said.insert("source".to_owned(), by_key(sources.collect()));
    for (copy, passage) in passages.iter().enumerate() {
        let name = |what: &str| if copy == 0 { what.to_owned() } else { format!("{what} of copy {copy}") };
        said.insert(name("steps"), passage.steps.clone().into());
        if let Some(stop) = &passage.stopped {
            said.extend(stopped(stop));
            continue;
        }
        let written = pipeline.outputs.iter().filter_map(|o| Some((o.key.clone(), passage.volumes.get(&o.key)?)));
        let written = written.map(|(key, volume)| (key, statistics::volume(volume).into()));
        said.insert(name("outputs"), Value::Object(written.collect()));
        said.insert(name("back"), back::predictions(&[passage], phantom, &pipeline.registry).into());
    }
    let together: Vec<&Passage> = passages.iter().filter(|p| p.stopped.is_none()).collect();
    if together.len() > 1 {
        said.insert(
            "back from the copies together".to_owned(),
            back::predictions(&together, phantom, &pipeline.registry).into(),
        );
    }
    said
}

/// What is said of a case that did not come through. The words are a comment: they may change.
fn stopped(stop: &Stop) -> Map<String, Value> {
    let mut said = Map::from_iter([(format!("{COMMENT}stop"), stop.why.clone().into())]);
    let place = match &stop.place {
        Some((step, key)) => json!({ "step": step, "input": key }),
        None => json!(true),
    };
    said.insert(if stop.skipped { "left out by" } else { "refused" }.to_owned(), place);
    said
}

/// The steps as they are planned from grids alone.
fn planned(pipeline: &Pipeline, plan: &Plan) -> Value {
    let mut all = Map::new();
    for (number, step) in plan.steps.iter().enumerate() {
        let mut said = Map::new();
        let mut known = Vec::new();
        for (key, planned) in &step.volumes {
            let mut facts = Map::new();
            let ops = planned.ops.iter().map(|op| op.name()).collect::<Vec<_>>();
            let does = match (planned.after, planned.changes_values) {
                (None, _) => "depends on voxels".to_owned(),
                (Some(_), true) => "values".to_owned(),
                (Some(_), false) if ops.is_empty() => "nothing".to_owned(),
                (Some(_), false) => ops.join(" and "),
            };
            facts.insert("does".to_owned(), does.into());
            if !ops.is_empty() {
                facts.extend(planned.fidelity.map(|f| ("fidelity".to_owned(), f.name().into())));
                facts.insert("in one pass with the step before".to_owned(), planned.fused.into());
            }
            facts.extend(planned.interpolation.map(|name| ("interpolation".to_owned(), name.into())));
            match planned.after {
                Some(grid) => known.push((key.clone(), grid, facts)),
                None => drop(said.insert(key.clone(), facts.into())),
            }
        }
        if let Value::Object(known) = by_key(known) {
            said.extend(known);
        }
        all.insert(step_name(pipeline, number), said.into());
    }
    let end = plan.volumes.iter().filter_map(|(key, volume)| {
        let volume = volume.as_ref()?;
        let dtype = volume.dtype.map_or(Value::Null, |dtype| dtype.name().into());
        Some((key.clone(), json!({ "passes": volume.passes, "dtype": dtype })))
    });
    all.insert("in the end".to_owned(), Value::Object(end.collect()));
    all.into()
}
