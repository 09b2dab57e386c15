//! The preprocessing of MONAI bundles.
//!
//! Read is the closed subset that says everything in the file: a list of transforms (`_target_`), directly or in a
//! `Compose`, with values and references (`@id`). Whatever is code (`$`) or is not supported is refused by name and
//! place.

mod arguments;
mod brats;
mod call;
mod channels;
mod derived;
mod expression;
mod ignored;
mod lists;
mod overlay;
mod paint;
mod post;
mod random;
mod refer;
mod remarks;
mod sampling;
mod scalars;
mod types;
mod written;

use revoxel_core::Kind;
use revoxel_pipeline::{Pipeline, PipelineError, Place};
use revoxel_transforms::Registry;
use serde_json::{Map, Value, json};

use super::{Imported, comment, step};
use call::{Call, KnownKinds};
use ignored::ignored;
use refer::Document;
use remarks::{read_by_itk, remarks};
use written::Written;

pub use overlay::File;

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

/// What is taken of a configuration.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The id of the list of transforms (`preprocessing`, `train#deterministic_transforms`); the first `Compose` that
    /// is not postprocessing where it is left out.
    pub transforms: Option<&'a str>,
    /// The id of the list that treats predictions, or `none`; the first `Compose` with `post` in its id where it is
    /// left out.
    pub postprocessing: Option<&'a str>,
    /// Leave random transforms out.
    pub skip_random: bool,
    /// The transforms that there are.
    pub registry: &'a Registry,
}

impl<'a> Options<'a> {
    /// The first lists, with their random transforms.
    pub const fn new(registry: &'a Registry) -> Self {
        Self { transforms: None, postprocessing: None, skip_random: false, registry }
    }
}

/// A pipeline that does what a list of transforms says. Later files are laid over earlier ones.
///
/// # Errors
/// Where a text is no YAML, a list is not there, or something in it is not supported.
pub fn pipeline(files: &[File<'_>], options: &Options<'_>) -> Result<Imported, PipelineError> {
    let (texts, root) = overlay::read(files)?;
    let root = expression::folded(&Document::new(&root, &texts, options.registry, false));
    let document = Document::new(&root, &texts, options.registry, options.skip_random);
    translate(&document, options).map_err(|fault| texts.error(fault))
}

/// What is known of the steps before predictions are looked at.
#[derive(Clone, Copy, Debug)]
struct Before<'a> {
    /// The id of their list.
    id: &'a str,
    calls: &'a [Call],
    /// The inputs.
    keys: &'a [String],
    /// Whether each case is run several times.
    copies: bool,
}

fn translate(document: &Document<'_>, options: &Options<'_>) -> Result<Imported, Fault> {
    let root = document.root;
    let list = document.transforms(options.transforms)?;
    let id = &list.id;
    let (mut calls, mut refused): (Vec<Call>, Vec<Fault>) = (Vec::new(), Vec::new());
    for at in &list.items {
        match Call::read(at, document) {
            Ok(call) => calls.push(call),
            Err(fault) => refused.push(fault),
        }
    }
    if calls.iter().any(|call| !call.array) {
        refused.extend(calls.iter().filter(|call| call.array).map(Call::on_an_array));
        calls.retain(|call| !call.array);
    }
    let unsplit = calls.clone();
    let channels = channels::taken(&mut calls)?;
    let derived = derived::resolve(&mut calls)?;
    let mut files = derived.copies.clone();
    files.append(&mut brats::split(&mut calls)?);
    refused.extend(calls.iter().filter_map(|call| call.code.clone()));
    calls.retain(|call| call.code.is_none());
    let keys = volumes(&calls);
    if keys.is_empty() && !refused.is_empty() {
        return Err(listed(refused, document));
    }
    if keys.is_empty() {
        return Err(Fault::new(root.place, format!("{id}: no transform has keys")));
    }
    let originally = |key: &str| derived.copies.get(key).is_some_and(|original| is_label(original, &calls));
    let maps = keys.iter().filter(|k| is_label(k, &calls) || originally(k.as_str())).cloned();
    let (scaled, labels): (Vec<String>, Vec<String>) = maps.partition(|key| is_scaled(key, &calls));
    let mut notes = vec![format!(
        "The configuration has no paths: adapt the example paths of the inputs. Keys imported as labels: {}.",
        if labels.is_empty() { "none".to_owned() } else { labels.join(", ") }
    )];
    notes.extend(derived.notes);
    if !scaled.is_empty() {
        notes.push(format!(
            "{}: imported as an image, because its values are scaled; it is resampled by the mode of each transform.",
            scaled.join(", ")
        ));
    }
    let copies = copies(&calls)?;
    let mut steps = Steps::read(&calls, &keys, &labels, options.registry, &mut notes);
    refused.append(&mut steps.refused);
    if !refused.is_empty() {
        return Err(listed(refused, document));
    }
    let Steps { written: steps, made, mut left_out, .. } = steps;
    remarks(&calls, &keys, copies, document, &mut notes);
    let post = options.postprocessing;
    let asked = |fault| if post.is_none() { without_predictions(fault) } else { fault };
    let restore = match document.postprocessing(post, id).map_err(asked)? {
        Some(list) => {
            let before = Before { id, calls: &unsplit, keys: &keys, copies: copies.is_some() };
            post::restore(&list, document, &before, &mut left_out, &mut notes).map_err(asked)?
        }
        None => Written::default(),
    };
    if left_out.iter().any(|name| name.contains("Box")) {
        notes.push("Boxes are not imported: use `revoxel points` to map them back to the scan.".to_owned());
    }
    if !left_out.is_empty() {
        notes.push(format!("Left out, because a pipeline does not need them: {}.", left_out.join(", ")));
    }
    // A map of BraTS may be one of a copy.
    let file = |key: &String| {
        let first = files.get(key).unwrap_or(key);
        files.get(first).unwrap_or(first).clone()
    };
    let channel = |key: &String| channels.get(&file(key)).copied();
    let inputs = Inputs { id, notes: &notes, keys: &keys, labels: &labels, calls: &calls, copies };
    let written = inputs.write((&file, channel), (steps, made.is_empty()), restore);
    all_keys(&made, &written.check(root.place, options.registry)?, options.registry)?;
    Ok(Imported { text: written.text, notes })
}

/// The steps that transforms become, and which is which.
#[derive(Default)]
struct Steps {
    written: Written,
    made: Vec<Call>,
    /// Names of transforms that have nothing to do here.
    left_out: Vec<String>,
    refused: Vec<Fault>,
}

impl Steps {
    fn read(calls: &[Call], keys: &[String], labels: &[String], registry: &Registry, notes: &mut Vec<String>) -> Self {
        let (mut steps, mut held) = (Self::default(), KnownKinds::labels(labels, registry));
        for call in calls {
            let canonical = call.argument("as_closest_canonical").is_some_and(|value| value == true);
            if ignored(&call.base).is_some() && !canonical {
                steps.refused.extend(call.check_dtype(|key| whole(key, keys, &held), notes).err());
                if !steps.left_out.contains(&call.name) {
                    steps.left_out.push(call.name.clone());
                }
                continue;
            }
            for call in call.by_mode() {
                let translated = match canonical {
                    true => call.check_dtype(|key| whole(key, keys, &held), notes).map(|()| ("canonical", Map::new())),
                    false => call.translate(&held, notes),
                };
                let (name, mut params) = match translated {
                    Ok(translated) => translated,
                    Err(fault) => {
                        steps.refused.push(fault);
                        continue;
                    }
                };
                if call.base == "Spacing" && call.keys.iter().all(|key| read_by_itk(key, calls)) {
                    params.insert("rule".to_owned(), "monai".into());
                }
                held.pass(&call.keys, name, &params);
                // Some kinds count only where they are named.
                if call.keys.len() != keys.len() || call.base == "AsDiscrete" {
                    let mut with = Map::from_iter([("keys".to_owned(), json!(call.keys))]);
                    with.append(&mut params);
                    params = with;
                }
                steps.written.push(&step(name, &Value::Object(params)), Some(call.origin()));
                steps.made.push(call);
            }
        }
        steps
    }
}

/// Whether a key holds whole numbers; `None` for one that is no volume.
fn whole(key: &str, keys: &[String], held: &KnownKinds<'_>) -> Option<bool> {
    keys.iter().any(|k| k == key).then(|| held.is(key, Kind::Label))
}

/// What stands around the steps.
struct Inputs<'a> {
    id: &'a str,
    notes: &'a [String],
    keys: &'a [String],
    labels: &'a [String],
    calls: &'a [Call],
    copies: Option<u64>,
}

impl Inputs<'_> {
    /// The pipeline with its steps; `file` says whose file a key is, and `channel` which one of its channels.
    fn write(
        &self,
        (file, channel): (impl Fn(&String) -> String, impl Fn(&String) -> Option<u64>),
        steps: (Written, bool),
        restore: Written,
    ) -> Written {
        let (steps, none) = steps;
        let mut written = Written::default();
        written.push(&comment(&format!("Preprocessing of a MONAI configuration ({}).", self.id), ""), None);
        for note in self.notes {
            written.push(&comment(note, ""), None);
        }
        written.push("version: 1\n", None);
        if let Some(copies) = self.copies {
            written.push(&format!("copies: {copies}\n"), None);
        }
        written.push("inputs:\n", None);
        let loaded = self.calls.iter().filter(|c| !selects(c));
        for key in self.keys {
            let kind = if self.labels.contains(key) { "label" } else { "image" };
            let (name, path) = (super::flow(&json!(key)), path(&file(key), false));
            let mut of_key = loaded.clone().filter(|c| c.keys.contains(key));
            let origin = of_key.clone().next().map(Call::origin);
            let optional = if of_key.all(|c| c.lenient) { ", optional: true" } else { "" };
            let channel = channel(key).map(|c| format!(", channel: {c}")).unwrap_or_default();
            written.push(&format!("  {name}: {{ kind: {kind}, path: {path}{channel}{optional} }}\n"), origin);
        }
        written.push(if none { "steps: []\n" } else { "steps:\n" }, None);
        written.append(steps);
        written.push("outputs:\n", None);
        for key in self.keys {
            let (name, path) = (super::flow(&json!(key)), path(key, self.copies.is_some()));
            let origin = loaded.clone().find(|c| c.keys.contains(key)).map(Call::origin);
            written.push(&format!("  {name}: {{ path: {path} }}\n"), origin);
        }
        written.append(restore);
        let trace = if self.copies.is_some() { "traces/{case}/{copy}.json" } else { "traces/{case}.json" };
        written.push(&format!("trace: \"{trace}\"\n"), None);
        written
    }
}

/// Where the volumes of a key lie, as an example.
fn path(key: &str, copies: bool) -> Value {
    Value::from(if copies { format!("{key}/{{case}}/{{copy}}.nii.gz") } else { format!("{key}/{{case}}.nii.gz") })
}

/// Whether a transform chooses among what there is.
fn selects(call: &Call) -> bool {
    matches!(call.base.as_str(), "SelectItems" | "DeleteItems")
}

/// The keys that are volumes: those that are read, and those that a step works on. What is only selected, deleted or
/// given a type need not be one.
fn volumes(calls: &[Call]) -> Vec<String> {
    let reads = calls.iter().any(|call| call.base == "LoadImage");
    let counts = |call: &&Call| !selects(call) && (!reads || call.base == "LoadImage" || ignored(&call.base).is_none());
    let mut keys: Vec<String> = Vec::new();
    for key in calls.iter().filter(counts).flat_map(|call| &call.keys) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys
}

/// How many copies of a case its patches are.
fn copies(calls: &[Call]) -> Result<Option<u64>, Fault> {
    let mut found: Option<(u64, &Call)> = None;
    for call in calls {
        match (call.samples()?, &found) {
            (Some(_), Some((_, first))) => {
                let problem = format!("{} makes several patches, and so does the earlier {}", call.name, first.name);
                return Err(Fault::new(call.place, problem).help("set num_samples: 1 in one of them"));
            }
            (Some(samples), None) => found = Some((samples, call)),
            (None, _) => {}
        }
    }
    Ok(found.map(|(samples, _)| samples))
}

/// The first of several faults, which also tells of the others.
fn listed(mut faults: Vec<Fault>, document: &Document<'_>) -> Fault {
    faults.sort_by_key(|fault| fault.place.offset);
    let mut faults = faults.into_iter();
    let Some(first) = faults.next() else { return Fault::new(Place::default(), "") };
    let others: Vec<String> = faults.map(|f| format!("{}: {}", document.texts.words(f.place), f.problem)).collect();
    if others.is_empty() {
        return first;
    }
    let others = format!("also refused: {}", others.join("; "));
    let help = first.help.as_ref().map_or(others.clone(), |help| format!("{help}. {others}"));
    first.help(help)
}

/// What to do where nobody asked for the postprocessing that is refused.
fn without_predictions(fault: Fault) -> Fault {
    let leave = "leave out predictions with --postprocessing none";
    match &fault.help {
        Some(help) if help.contains("--postprocessing") => fault,
        Some(help) => Fault { help: Some(format!("{help}; or {leave}")), ..fault },
        None => fault.help(leave),
    }
}

/// Checks that every step works on all keys of the transform that it was made of: one that does not name them leaves
/// alone what is of another kind.
fn all_keys(calls: &[Call], pipeline: &Pipeline, registry: &Registry) -> Result<(), Fault> {
    for (call, step) in calls.iter().zip(&pipeline.steps) {
        let Some(key) = call.keys.iter().find(|key| !step.keys.contains(key)) else { continue };
        let kinds = registry.get(step.name).map_or(&[][..], |t| t.kinds);
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        let (ours, kinds) = (step.name, kinds.join(" or "));
        let problem =
            format!("{} (step {ours}) works on {kinds} volumes, but {key:?} has another kind here", call.name);
        return Err(Fault::new(call.place, problem).help(
            "a key counts as a label by its name, or because it is resampled with nearest: remove the key here, or \
             rename an image",
        ));
    }
    Ok(())
}

/// Whether the values of a key are scaled, as those of a mask with 0 and 255 are: labels have no values to scale.
fn is_scaled(key: &str, calls: &[Call]) -> bool {
    calls.iter().any(|call| call.base == "ScaleIntensity" && call.keys.iter().any(|k| k == key))
}

/// Whether a key holds labels: by its name, or because it is resampled as nearest, and never said to be in another way.
fn is_label(key: &str, calls: &[Call]) -> bool {
    let named = ["label", "seg", "mask"].iter().any(|part| key.to_lowercase().contains(part));
    let mode = |call: &Call| {
        let modes = call.argument("mode").and_then(|m| call.by_key(m))?;
        modes.get(call.keys.iter().position(|k| k == key)?)?.as_str().map(ToOwned::to_owned)
    };
    let like = |call: &'_ Call| call.base.trim_start_matches("Rand").to_owned();
    let modes: Vec<(String, String)> = calls.iter().filter_map(|call| Some((like(call), mode(call)?))).collect();
    let nearest = modes.iter().any(|(base, mode)| {
        matches!(base.as_str(), "Spacing" | "Resize" | "ResampleToMatch") && mode.starts_with("nearest")
    });
    let mixed = modes.iter().any(|(base, mode)| {
        let resamples =
            matches!(base.as_str(), "Spacing" | "Resize" | "Zoom" | "Rotate" | "Affine" | "ResampleToMatch");
        resamples && matches!(mode.as_str(), "linear" | "bilinear" | "trilinear" | "bicubic" | "area")
    });
    named || nearest && !mixed
}

#[cfg(test)]
mod tests;
