//! The preprocessing of MONAI bundles.
//!
//! Read is the closed subset that says everything in the file: a list of dictionary transforms (`_target_`), directly
//! or in a `Compose`, with values and references (`@id`). Whatever is code (`$`), random, or has no counterpart is
//! refused by name and place.

mod arguments;
mod call;
mod lists;
mod post;
mod refer;
mod scalars;
mod table;
mod written;

use revoxel_core::Kind;
use revoxel_pipeline::{Node, Pipeline, PipelineError, Place};
use revoxel_transforms::Registry;
use serde_json::{Map, Value, json};

use super::{Imported, comment, step};
use call::{Call, Held};
use refer::Document;
use table::ignored;
use written::Written;

/// A fault in a configuration, without its file.
#[derive(Clone, Debug)]
struct Fault {
    place: Place,
    problem: String,
    help: Option<String>,
}

impl Fault {
    fn new(place: Place, problem: impl Into<String>) -> Self {
        Self { place, problem: problem.into(), help: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// A pipeline that does what a list of transforms says. `wanted` is the list's id (`preprocessing`,
/// `train#deterministic_transforms`); the first `Compose` that is not postprocessing where it is left out. `post` is
/// the id of the list that treats predictions, or `none`; the first `Compose` with `post` in its id where it is left
/// out.
///
/// # Errors
/// Where the text is no YAML, a list is not there, or something in it has no counterpart.
pub fn pipeline(file: &str, text: &str, wanted: Option<&str>, post: Option<&str>) -> Result<Imported, PipelineError> {
    let root = Node::read(file, text)?;
    // JSON has its own numbers.
    let yaml = Some(text).filter(|_| !file.to_lowercase().ends_with(".json"));
    translate(&root, yaml, wanted, post).map_err(|fault| PipelineError {
        file: file.to_owned(),
        text: text.into(),
        place: fault.place,
        problem: fault.problem,
        help: fault.help,
    })
}

/// What is known of the steps before predictions are looked at.
#[derive(Clone, Copy, Debug)]
struct Before<'a> {
    /// The id of their list.
    id: &'a str,
    calls: &'a [Call],
    /// The inputs.
    keys: &'a [String],
}

fn translate(root: &Node, yaml: Option<&str>, wanted: Option<&str>, post: Option<&str>) -> Result<Imported, Fault> {
    let document = Document::new(root, yaml)?;
    let list = document.transforms(wanted)?;
    let id = &list.id;
    let (mut calls, mut refused): (Vec<Call>, Vec<Fault>) = (Vec::new(), Vec::new());
    for at in &list.items {
        match Call::read(at, &document) {
            Ok(call) => calls.push(call),
            Err(fault) => refused.push(fault),
        }
    }
    let mut keys: Vec<String> = Vec::new();
    // What is selected or deleted need not be a volume.
    let loaded = calls.iter().filter(|c| !matches!(c.base.as_str(), "SelectItems" | "DeleteItems"));
    for key in loaded.clone().flat_map(|c| &c.keys) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    if keys.is_empty() && !refused.is_empty() {
        return Err(listed(refused));
    }
    if keys.is_empty() {
        return Err(Fault::new(root.place, format!("{id}: no transform says its keys")));
    }
    let labels: Vec<String> = keys.iter().filter(|k| is_label(k, &calls)).cloned().collect();
    let mut notes = vec![format!(
        "Where files lie is not in the configuration: the paths of the inputs are examples. Taken for labels: {}.",
        if labels.is_empty() { "none".to_owned() } else { labels.join(", ") }
    )];
    let mut left_out: Vec<String> = Vec::new();
    let (mut steps, mut made, mut held) = (Written::default(), Vec::new(), Held::labels(&labels));
    for call in &calls {
        if ignored(&call.base).is_some() {
            refused.extend(call.check_dtype(|key| held.is(key, Kind::Label)).err());
            if !left_out.contains(&call.name) {
                left_out.push(call.name.clone());
            }
            continue;
        }
        for call in call.by_mode() {
            let (name, mut params) = match call.translate(&held, &mut notes) {
                Ok(translated) => translated,
                Err(fault) => {
                    refused.push(fault);
                    continue;
                }
            };
            held.pass(&call.keys, name, &params);
            // Some kinds count only where they are named.
            if call.keys.len() != keys.len() || call.base == "AsDiscrete" {
                let mut with = Map::from_iter([("keys".to_owned(), json!(call.keys))]);
                with.append(&mut params);
                params = with;
            }
            steps.push(&step(name, &Value::Object(params)), Some(call.origin()));
            made.push(call);
        }
    }
    if !refused.is_empty() {
        return Err(listed(refused));
    }
    let asked = |fault| if post.is_none() { without_predictions(fault) } else { fault };
    let restore = match document.postprocessing(post, id).map_err(asked)? {
        Some(list) => {
            let before = Before { id, calls: &calls, keys: &keys };
            post::restore(&list, &document, &before, &mut left_out, &mut notes).map_err(asked)?
        }
        None => Written::default(),
    };
    if !left_out.is_empty() {
        notes.push(format!("Left out, as they have nothing to do here: {}.", left_out.join(", ")));
    }
    let mut written = Written::default();
    written.push(&comment(&format!("Preprocessing of a MONAI configuration ({id})."), ""), None);
    for note in &notes {
        written.push(&comment(note, ""), None);
    }
    written.push("version: 1\ninputs:\n", None);
    for key in &keys {
        let kind = if labels.contains(key) { "label" } else { "image" };
        let (name, path) = (super::flow(&json!(key)), Value::from(format!("{key}/{{case}}.nii.gz")));
        let mut of_key = loaded.clone().filter(|c| c.keys.contains(key));
        let origin = of_key.clone().next().map(Call::origin);
        let optional = if of_key.all(|c| c.lenient) { ", optional: true" } else { "" };
        written.push(&format!("  {name}: {{ kind: {kind}, path: {path}{optional} }}\n"), origin);
    }
    written.push(if made.is_empty() { "steps: []\n" } else { "steps:\n" }, None);
    written.append(steps);
    written.push("outputs:\n", None);
    for key in &keys {
        let (name, path) = (super::flow(&json!(key)), Value::from(format!("{key}/{{case}}.nii.gz")));
        let origin = loaded.clone().find(|c| c.keys.contains(key)).map(Call::origin);
        written.push(&format!("  {name}: {{ path: {path} }}\n"), origin);
    }
    written.append(restore);
    written.push("trace: \"traces/{case}.json\"\n", None);
    all_keys(&made, &written.check(root.place)?)?;
    Ok(Imported { text: written.text, notes })
}

/// The first of several faults, which also tells of the others.
fn listed(mut faults: Vec<Fault>) -> Fault {
    faults.sort_by_key(|fault| (fault.place.line, fault.place.column));
    let mut faults = faults.into_iter();
    let Some(first) = faults.next() else { return Fault::new(Place::default(), "") };
    let others: Vec<String> =
        faults.map(|f| format!("line {}, column {}: {}", f.place.line, f.place.column, f.problem)).collect();
    if others.is_empty() {
        return first;
    }
    let others = format!("refused as well: {}", others.join("; "));
    let help = first.help.as_ref().map_or(others.clone(), |help| format!("{help}. {others}"));
    first.help(help)
}

/// What to do where nobody asked for the postprocessing that is refused.
fn without_predictions(fault: Fault) -> Fault {
    let leave = "leave predictions away with --postprocessing none";
    match &fault.help {
        Some(help) if help.contains("--postprocessing") => fault,
        Some(help) => Fault { help: Some(format!("{help}; or {leave}")), ..fault },
        None => fault.help(leave),
    }
}

/// Checks that every step works on all keys of the transform that it was made of: one that does not name them leaves
/// alone what is of another kind.
fn all_keys(calls: &[Call], pipeline: &Pipeline) -> Result<(), Fault> {
    for (call, step) in calls.iter().zip(&pipeline.steps) {
        let Some(key) = call.keys.iter().find(|key| !step.keys.contains(key)) else { continue };
        let kinds = Registry::builtin().get(step.name).map_or(&[][..], |t| t.kinds);
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        let (ours, kinds) = (step.name, kinds.join(" or "));
        let problem = format!("{}, here {ours}, works on {kinds} volumes, and {key:?} is none by then", call.name);
        return Err(Fault::new(call.place, problem).help(
            "keys are taken for labels by their names, or because they are resampled as nearest: leave the key out \
             here, or give an image another name",
        ));
    }
    Ok(())
}

/// Whether a key holds labels: by its name, or because it is resampled as nearest, and never said to be in another way.
fn is_label(key: &str, calls: &[Call]) -> bool {
    let named = ["label", "seg", "mask"].iter().any(|part| key.to_lowercase().contains(part));
    let mode = |call: &Call| {
        let modes = call.argument("mode").and_then(|m| call.by_key(m))?;
        modes.get(call.keys.iter().position(|k| k == key)?)?.as_str().map(ToOwned::to_owned)
    };
    let modes: Vec<(&str, String)> = calls.iter().filter_map(|call| Some((call.base.as_str(), mode(call)?))).collect();
    let nearest = modes
        .iter()
        .any(|(base, mode)| matches!(*base, "Spacing" | "Resize" | "ResampleToMatch") && mode.starts_with("nearest"));
    let mixed = modes.iter().any(|(base, mode)| {
        let resamples = matches!(*base, "Spacing" | "Resize" | "Zoom" | "Rotate" | "Affine" | "ResampleToMatch");
        resamples && matches!(mode.as_str(), "linear" | "bilinear" | "trilinear" | "bicubic" | "area")
    });
    named || nearest && !mixed
}

#[cfg(test)]
mod tests;
