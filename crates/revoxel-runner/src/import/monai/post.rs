//! What is done to predictions: the section `restore` of a pipeline, of a list of postprocessing.

use revoxel_pipeline::Node;
use serde_json::{Map, Value, json};

use super::refer::Document;
use super::table::IGNORED;
use super::{Call, Fault};
use crate::import::flow;

/// Transforms that have a place in `restore` and are no step of ours under one name.
pub(super) const KNOWN: &[&str] = &["Activations", "Invert", "AsDiscrete"];

/// Arguments of `Invertd` without a counterpart that change nothing here.
const HARMLESS: &[&str] =
    &["orig_keys", "nearest_interp", "meta_keys", "orig_meta_keys", "meta_key_postfix", "to_tensor", "device"];

/// The section `restore`: an entry for every key that is no input. What is left out goes into `left_out`.
///
/// # Errors
/// Where a transform, an argument or an order has no counterpart.
pub(super) fn restore(
    id: &str,
    list: &[Node],
    document: &Document<'_>,
    inputs: &[String],
    left_out: &mut Vec<String>,
    notes: &mut Vec<String>,
) -> Result<String, Fault> {
    let mut calls = Vec::new();
    for node in list {
        let Some(call) = Call::read(node, document)? else { continue };
        if !IGNORED.contains(&call.base.as_str()) {
            calls.push(call);
        } else if !left_out.contains(&call.name) {
            left_out.push(call.name);
        }
    }
    let mut keys: Vec<&String> = Vec::new();
    for key in calls.iter().flat_map(|c| &c.keys).filter(|key| !inputs.contains(key)) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let of_inputs = calls.iter().any(|c| c.keys.iter().any(|key| inputs.contains(key)));
    if of_inputs {
        notes.push(format!("What {id} does to the inputs themselves is left out: only predictions are restored."));
    }
    let mut text = String::new();
    for key in keys {
        let mut entry = Entry::default();
        for call in &calls {
            if let Some(at) = call.keys.iter().position(|k| k == key) {
                entry.take(call, at, notes)?;
            }
        }
        text.push_str(&entry.text(key, notes)?);
    }
    Ok(if text.is_empty() { text } else { format!("restore:\n{text}") })
}

/// What is known of a prediction, call by call.
#[derive(Default)]
struct Entry {
    activation: Option<&'static str>,
    /// A softmax on the native grid: of no account before argmax.
    late_softmax: Option<Fault>,
    inverted: bool,
    volume: Option<String>,
    interpolation: Option<&'static str>,
    argmax: bool,
    /// Labels are made on the model's grid.
    labels_in_model: bool,
    /// Whether labels are made at all.
    discrete: bool,
    steps: Vec<String>,
}

impl Entry {
    fn take(&mut self, call: &Call, at: usize, notes: &mut Vec<String>) -> Result<(), Fault> {
        match call.base.as_str() {
            "Activations" => self.activate(call, at),
            "Invert" => self.invert(call, at, notes),
            "AsDiscrete" => self.discretise(call, at),
            _ => {
                let (name, params) = call.translate(&[], notes)?;
                self.step(name, params);
                Ok(())
            }
        }
    }

    fn step(&mut self, name: &str, params: Map<String, Value>) {
        let mut with = Map::from_iter([("in".to_owned(), json!(if self.inverted { "native" } else { "model" }))]);
        with.extend(params);
        self.steps.push(format!("      - {name}: {}\n", flow(&Value::Object(with))));
    }

    fn activate(&mut self, call: &Call, at: usize) -> Result<(), Fault> {
        let refused = |why: &str| Fault::new(call.place, format!("{}: {why}", call.name));
        let mut chosen = None;
        for (name, place, value) in &call.args {
            match (name.as_str(), each(call, value, at)) {
                (_, Value::Null | Value::Bool(false)) | ("allow_missing_keys" | "dim", _) => {}
                ("softmax", Value::Bool(true)) => chosen = Some("softmax"),
                ("sigmoid", Value::Bool(true)) => chosen = Some("sigmoid"),
                (_, value) => {
                    let problem = format!("{}: {name}: {value} has no counterpart", call.name);
                    return Err(Fault::new(*place, problem));
                }
            }
        }
        match (chosen, self.inverted) {
            (None, _) => Ok(()),
            _ if self.discrete || !self.steps.is_empty() => {
                Err(refused("comes after other steps, and here activations come first"))
            }
            (Some("softmax"), true) => {
                let fault = refused("comes after Invertd, and here activations come first");
                self.late_softmax = Some(fault.help("put it before Invertd, or let argmax follow it"));
                Ok(())
            }
            (_, true) => Err(refused("comes after Invertd, and here activations come first")
                .help("put it before Invertd: the values differ by the order of interpolation and sigmoid")),
            (chosen, false) => {
                self.activation = chosen;
                Ok(())
            }
        }
    }

    fn invert(&mut self, call: &Call, at: usize, notes: &mut Vec<String>) -> Result<(), Fault> {
        if self.inverted {
            return Err(Fault::new(call.place, format!("{}: it is inverted already", call.name)));
        }
        self.inverted = true;
        // MONAI takes nearest neighbour where nothing is said.
        let mut nearest = true;
        for (name, place, value) in &call.args {
            let value = each(call, value, at);
            match (name.as_str(), &value) {
                ("nearest_interp", Value::Bool(choice)) => nearest = *choice,
                ("orig_keys", Value::String(key)) => self.volume = Some(key.clone()),
                (_, Value::Null) | ("allow_missing_keys", _) => {}
                (name, _) if HARMLESS.contains(&name) => {}
                _ => {
                    return Err(Fault::new(*place, format!("{}: {name}: {value} has no counterpart", call.name)));
                }
            }
        }
        if !nearest && self.labels_in_model {
            notes.push(format!("{}: MONAI interpolates labels as numbers here; ours are nearest.", call.name));
            nearest = true;
        }
        self.interpolation = Some(if nearest { "nearest" } else { "linear" });
        Ok(())
    }

    fn discretise(&mut self, call: &Call, at: usize) -> Result<(), Fault> {
        let mut params = Map::new();
        for (name, place, value) in &call.args {
            let value = each(call, value, at);
            match (name.as_str(), &value) {
                (_, Value::Null | Value::Bool(false)) | ("allow_missing_keys" | "dtype", _) => {}
                ("argmax" | "to_onehot" | "threshold" | "rounding", _) => {
                    params.insert(name.clone(), value);
                }
                _ => {
                    return Err(Fault::new(*place, format!("{}: {name}: {value} has no counterpart", call.name)));
                }
            }
        }
        if params.is_empty() {
            return Ok(());
        }
        if self.discrete {
            return Err(Fault::new(call.place, format!("{}: there are labels already", call.name)));
        }
        self.discrete = true;
        if params.contains_key("argmax") {
            self.late_softmax = None;
        }
        if self.inverted && params.len() == 1 && params.contains_key("argmax") {
            // Voxel by voxel while it is resampled, without the channels on the native grid.
            self.argmax = true;
            return Ok(());
        }
        self.labels_in_model = !self.inverted;
        self.step("as_discrete", params);
        Ok(())
    }

    fn text(self, key: &str, notes: &mut Vec<String>) -> Result<String, Fault> {
        if let Some(fault) = self.late_softmax {
            return Err(fault);
        }
        if !self.inverted {
            notes.push(format!("{key}: without Invertd MONAI stays on the model's grid; here it goes back."));
        }
        let kind = match (self.activation.is_some() || self.discrete, self.steps.is_empty()) {
            (true, _) => "logit",
            (false, false) => "label",
            (false, true) => "image",
        };
        let name = flow(&json!(key));
        let mut text = format!("  {name}:\n    kind: {kind}\n");
        let mut line = |field: &str, value: Option<&str>| {
            if let Some(value) = value {
                text.push_str(&format!("    {field}: {}\n", flow(&json!(value))));
            }
        };
        line("volume", self.volume.as_deref());
        line("activation", self.activation);
        line("interpolation", self.interpolation);
        if self.argmax {
            text.push_str("    argmax: true\n");
        }
        if self.activation == Some("sigmoid") && !self.argmax {
            // No channel is the background.
            text.push_str("    fill: 0\n");
        }
        if !self.steps.is_empty() {
            text.push_str("    steps:\n");
            self.steps.iter().for_each(|step| text.push_str(step));
        }
        text.push_str(&format!("    output: {{ path: {} }}\n", Value::from(format!("{key}/{{case}}.nii.gz"))));
        Ok(text)
    }
}

/// An argument's value for the key at a position: its own of a list with one for each, or the one for all.
fn each(call: &Call, value: &Value, at: usize) -> Value {
    call.by_key(value).and_then(|values| values.get(at).cloned()).unwrap_or_else(|| value.clone())
}
