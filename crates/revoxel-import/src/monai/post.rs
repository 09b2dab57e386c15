//! What is done to predictions: the section `restore` of a pipeline, of a list of postprocessing.

use serde_json::{Map, Value, json};

use super::call::{Call, KnownKinds};
use super::ignored::ignored;
use super::lists::List;
use super::refer::{At, Document};
use super::types::keeps_values;
use super::written::{Origin, Written};
use super::{Before, Fault, paint};
use crate::flow;

/// Arguments of `Invertd` without a counterpart that change nothing here.
const HARMLESS: &[&str] = &["meta_keys", "orig_meta_keys", "meta_key_postfix", "to_tensor", "device"];

/// Writes the section `restore`: an entry for every key that is no input. What is left out goes into `left_out`.
///
/// # Errors
/// Where a transform, an argument or an order is not supported.
pub(super) fn restore<'a>(
    list: &List<'a>,
    document: &Document<'a>,
    before: &Before<'_>,
    left_out: &mut Vec<String>,
    notes: &mut Vec<String>,
) -> Result<Written, Fault> {
    let inputs = before.keys;
    let mut calls = Vec::new();
    for at in &list.items {
        let call = Call::read(at, document)?;
        if let Some(fault) = &call.code {
            return Err(fault.clone());
        }
        if call.array {
            return Err(call.on_an_array());
        }
        let predicted = call.keys.iter().any(|key| !inputs.contains(key));
        if call.base == "Invert" && predicted {
            undoes(&call, at, document, before)?;
        }
        if ignored(&call.base).is_some() && !left_out.contains(&call.name) {
            left_out.push(call.name.clone());
        }
        calls.push(call);
    }
    let counted = || calls.iter().filter(|call| ignored(&call.base).is_none());
    let mut keys: Vec<&String> = Vec::new();
    for key in counted().flat_map(|c| &c.keys).filter(|key| !inputs.contains(key)) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    if counted().any(|c| c.keys.iter().any(|key| inputs.contains(key))) {
        notes.push(format!(
            "{}: transforms of the inputs themselves are left out, because only predictions are restored.",
            list.id
        ));
    }
    let images = KnownKinds::images(document.registry);
    let mut written = Written::default();
    if !keys.is_empty() {
        written.push("restore:\n", None);
    }
    for key in keys {
        let mut entry = Entry::default();
        for call in &calls {
            if let Some(at) = call.keys.iter().position(|k| k == key) {
                entry.take(call, at, &images, notes)?;
            }
        }
        entry.write(key, before.copies, notes, &mut written)?;
    }
    Ok(written)
}

/// Checks that what is inverted are the steps.
fn undoes<'a>(call: &Call, at: &At<'a>, document: &Document<'a>, before: &Before<'_>) -> Result<(), Fault> {
    let at = document.resolve(at)?;
    let Some(transform) = at.child("transform") else {
        return Err(Fault::new(call.place, format!("{}: missing transform", call.name)));
    };
    let of = format!("{}: transform: {}", call.name, transform.node.json());
    let place = transform.node.place;
    let help = "choose that list with --transforms, or leave out predictions with --postprocessing none";
    let calls = document
        .list(&transform)
        .and_then(|list| list.iter().map(|at| Call::read(at, document)).collect::<Result<Vec<_>, _>>());
    let calls = calls.map_err(|fault| {
        let problem = match fault.place.line {
            line if line == place.line => format!("{of}: {}", fault.problem),
            line => format!("{of}: line {line}: {}", fault.problem),
        };
        Fault::new(place, problem).help(help)
    })?;
    let counted = |calls: &[Call]| calls.iter().filter(|c| ignored(&c.base).is_none()).count();
    let pairs = || {
        let ours = before.calls.iter().filter(|c| ignored(&c.base).is_none());
        ours.zip(calls.iter().filter(|c| ignored(&c.base).is_none()))
    };
    if counted(before.calls) == counted(&calls) && pairs().all(|(ours, theirs)| ours.same(theirs)) {
        return Ok(());
    }
    Err(Fault::new(place, format!("{of} differs from the transforms of the steps, {}", before.id)).help(help))
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
    /// Whether a channel is made of each of them.
    one_hot: bool,
    /// What scores are compared with.
    threshold: Option<f64>,
    /// Whether that is all that makes them labels.
    thresholded: bool,
    /// Whether they are one-hot channels of two labels.
    two_classes: bool,
    /// Labels that channels paint, as a line.
    regions: String,
    /// Steps as lines, with the transforms that they come from.
    steps: Vec<(String, Origin)>,
    /// What a fault of the whole entry is told of: the way back, or whatever comes first.
    origin: Option<Origin>,
}

impl Entry {
    fn take(&mut self, call: &Call, at: usize, held: &KnownKinds<'_>, notes: &mut Vec<String>) -> Result<(), Fault> {
        if ignored(&call.base).is_some() {
            return call.check_dtype(|_| Some(self.discrete), notes);
        }
        let origin = || Some(call.origin());
        self.origin = if call.base == "Invert" { origin() } else { self.origin.take().or_else(origin) };
        match call.base.as_str() {
            "Activations" => self.activate(call, at),
            "Invert" => self.invert(call, at, notes),
            "AsDiscrete" => self.discretise(call, at),
            "Lambda" => self.paint(call, notes),
            _ => {
                let (name, params) = call.translate(held, notes)?;
                self.step(call, name, params);
                Ok(())
            }
        }
    }

    fn step(&mut self, call: &Call, name: &str, params: Map<String, Value>) {
        let mut with = Map::from_iter([("in".to_owned(), json!(if self.inverted { "native" } else { "model" }))]);
        with.extend(params);
        let line = format!("      - {name}: {}\n", flow(&Value::Object(with)));
        self.steps.push((line, call.origin()));
    }

    fn activate(&mut self, call: &Call, at: usize) -> Result<(), Fault> {
        let refused = |why: &str| Fault::new(call.place, format!("{}: {why}", call.name));
        let mut chosen = None;
        for (name, place, value) in &call.args {
            match (name.as_str(), each(call, value, at)) {
                (_, Value::Null | Value::Bool(false)) | ("dim", _) => {}
                ("softmax", Value::Bool(true)) => chosen = Some("softmax"),
                ("sigmoid", Value::Bool(true)) => chosen = Some("sigmoid"),
                (_, value) => {
                    let problem = format!("{}: {name}: {value} is not supported", call.name);
                    return Err(Fault::new(*place, problem));
                }
            }
        }
        match (chosen, self.inverted) {
            (None, _) => Ok(()),
            _ if self.discrete || !self.steps.is_empty() => {
                Err(refused("comes after other transforms, but activations must come first"))
            }
            (Some("softmax"), true) => {
                let fault = refused("comes after Invertd, but activations must come first");
                self.late_softmax = Some(fault.help("put it before Invertd, or put argmax after it"));
                Ok(())
            }
            (_, true) => Err(refused("comes after Invertd, but activations must come first")
                .help("put it before Invertd: values depend on the order of interpolation and sigmoid")),
            (chosen, false) => {
                self.activation = chosen;
                Ok(())
            }
        }
    }

    fn invert(&mut self, call: &Call, at: usize, notes: &mut Vec<String>) -> Result<(), Fault> {
        if self.inverted {
            return Err(Fault::new(call.place, format!("{}: a second Invertd", call.name)));
        }
        self.inverted = true;
        // MONAI takes nearest neighbour where nothing is said.
        let mut nearest = true;
        for (name, place, value) in &call.args {
            let value = each(call, value, at);
            match (name.as_str(), &value) {
                ("nearest_interp", Value::Bool(choice)) => nearest = *choice,
                ("nearest_interp", Value::Number(choice)) => nearest = choice.as_f64() != Some(0.0),
                ("orig_keys", Value::String(key)) => self.volume = Some(key.clone()),
                (_, Value::Null) => {}
                (name, _) if HARMLESS.contains(&name) => {}
                _ => {
                    return Err(Fault::new(*place, format!("{}: {name}: {value} is not supported", call.name)));
                }
            }
        }
        if !nearest && self.labels_in_model {
            notes
                .push(format!("{}: MONAI interpolates labels as numbers; revoxel takes the nearest label.", call.name));
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
                (_, Value::Null | Value::Bool(false)) => {}
                // Labels by then.
                ("dtype", dtype) if keeps_values(dtype, true) => {}
                ("argmax" | "to_onehot" | "threshold" | "rounding", _) => {
                    params.insert(name.clone(), value);
                }
                _ => {
                    return Err(Fault::new(*place, format!("{}: {name}: {value} is not supported", call.name)));
                }
            }
        }
        if params.is_empty() {
            return Ok(());
        }
        if self.discrete {
            return Err(Fault::new(call.place, format!("{}: the values are labels already", call.name)));
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
        self.one_hot = params.contains_key("to_onehot");
        self.threshold = params.get("threshold").and_then(Value::as_f64);
        self.thresholded = params.len() == 1;
        let two = params.get("to_onehot").is_some_and(|n| n == 2);
        self.two_classes = two && params.len() == 2 && params.get("argmax").is_some_and(|argmax| argmax == true);
        self.step(call, "as_discrete", params);
        Ok(())
    }

    /// Labels of channels that were compared with a threshold, or the second of two channels.
    fn paint(&mut self, call: &Call, notes: &mut Vec<String>) -> Result<(), Fault> {
        let func = call.argument("func").and_then(Value::as_str).unwrap_or_default();
        if paint::takes_first(func) {
            if self.inverted || self.discrete || self.activation.is_some() || !self.steps.is_empty() {
                let problem = format!("{}: func takes the first result after other transforms", call.name);
                return Err(
                    Fault::new(call.place, problem).help("put it first, so that it takes a result of the model")
                );
            }
            let keys = call.keys.join(", ");
            notes.push(format!("{keys}: func takes the first result of the model: store only that as the prediction."));
            return Ok(());
        }
        if paint::drops_background(func) {
            return self.foreground(call);
        }
        let paint = paint::painted(func).unwrap_or_default();
        let step = self.steps.last().is_some_and(|(line, _)| line.contains("- as_discrete: ") && self.thresholded);
        let Some(threshold) = self.threshold.filter(|_| step && self.regions.is_empty()) else {
            let problem = format!("{}: func paints channels, but no AsDiscreted with a threshold made them", call.name);
            return Err(Fault::new(call.place, problem).help("put AsDiscreted with a threshold directly before it"));
        };
        self.steps.pop();
        let paint: Vec<Value> =
            paint.into_iter().map(|(channel, label)| json!({ "channel": channel, "label": label })).collect();
        self.regions = format!("    regions: {}\n", flow(&json!({ "threshold": threshold, "paint": paint })));
        Ok(())
    }

    /// The second of two one-hot channels is the map of labels 0 and 1.
    fn foreground(&mut self, call: &Call) -> Result<(), Fault> {
        if !self.two_classes || !self.steps.last().is_some_and(|(line, _)| line.contains("- as_discrete: ")) {
            let problem = format!("{}: func drops the background, but there are not two one-hot channels", call.name);
            let help = "put AsDiscreted with argmax and to_onehot: 2 before it";
            return Err(Fault::new(call.place, problem).help(help));
        }
        self.steps.pop();
        (self.two_classes, self.one_hot) = (false, false);
        if self.inverted {
            self.argmax = true;
        } else {
            self.step(call, "as_discrete", Map::from_iter([("argmax".to_owned(), json!(true))]));
        }
        Ok(())
    }

    fn write(self, key: &str, copies: bool, notes: &mut Vec<String>, written: &mut Written) -> Result<(), Fault> {
        if let Some(fault) = self.late_softmax {
            return Err(fault);
        }
        if !self.inverted {
            notes.push(format!("{key}: without Invertd, MONAI stays on the model's grid; revoxel maps it back."));
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
        // MONAI puts 0 where the model saw nothing, whatever the channels mean. So do labels by themselves.
        text.push_str(&self.regions);
        let labels =
            self.argmax || !self.regions.is_empty() || self.labels_in_model && !self.one_hot || kind == "label";
        let scores = self.activation.is_none() && self.threshold.is_some();
        if scores && self.threshold.is_some_and(|t| t <= 0.0) {
            notes.push(format!(
                "{key}: for voxels that the model did not see, MONAI compares 0 with the threshold and finds \
                 foreground; revoxel writes background."
            ));
        }
        if !labels && !scores && (self.inverted || self.activation == Some("sigmoid")) {
            text.push_str("    fill: 0\n");
        }
        if !self.steps.is_empty() {
            text.push_str("    steps:\n");
        }
        written.push(&text, self.origin.clone());
        self.steps.into_iter().for_each(|(line, origin)| written.push(&line, Some(origin)));
        let path = super::path(key, copies);
        written.push(&format!("    output: {{ path: {path} }}\n"), self.origin);
        Ok(())
    }
}

/// An argument's value for the key at a position: its own of a list with one for each, or the one for all.
fn each(call: &Call, value: &Value, at: usize) -> Value {
    call.by_key(value).and_then(|values| values.get(at).cloned()).unwrap_or_else(|| value.clone())
}
