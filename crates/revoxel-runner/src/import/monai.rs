//! The preprocessing of MONAI bundles.
//!
//! Read is the closed subset that says everything in the file: a list of dictionary transforms (`_target_`), directly
//! or in a `Compose`, with values and references (`@id`). Whatever is code (`$`), random, or has no counterpart is
//! refused by name and place.

mod post;
mod refer;
mod table;

use revoxel_pipeline::{Data, Node, PipelineError, Place};
use revoxel_transforms::Registry;
use serde_json::{Map, Value, json};

use super::{Imported, comment, flow, step};
use refer::Document;
use table::{FIXED, IGNORED, Translation, translation};

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
    translate(&root, wanted, post).map_err(|fault| PipelineError {
        file: file.to_owned(),
        text: text.into(),
        place: fault.place,
        problem: fault.problem,
        help: fault.help,
    })
}

fn translate(root: &Node, wanted: Option<&str>, post: Option<&str>) -> Result<Imported, Fault> {
    let document = Document(root);
    let (id, list) = document.transforms(wanted)?;
    let mut calls = Vec::new();
    for node in &list {
        if let Some(call) = Call::read(node, &document)? {
            calls.push(call);
        }
    }
    let mut keys: Vec<String> = Vec::new();
    for key in calls.iter().flat_map(|c| &c.keys) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    if keys.is_empty() {
        return Err(Fault::new(root.place, format!("{id}: no transform says its keys")));
    }
    let labels: Vec<String> = keys.iter().filter(|k| is_label(k, &calls)).cloned().collect();
    let mut notes = vec![format!(
        "Where files lie is not in the configuration: the paths of the inputs are examples. Taken for labels: {}.",
        if labels.is_empty() { "none".to_owned() } else { labels.join(", ") }
    )];
    let mut steps = String::new();
    let mut left_out: Vec<String> = Vec::new();
    for call in &calls {
        if IGNORED.contains(&call.base.as_str()) {
            if !left_out.contains(&call.name) {
                left_out.push(call.name.clone());
            }
            continue;
        }
        let (name, mut params) = call.translate(&labels, &mut notes)?;
        if call.keys.len() != keys.len() || call.keys.iter().any(|k| !keys.contains(k)) {
            let mut with = Map::from_iter([("keys".to_owned(), json!(call.keys))]);
            with.append(&mut params);
            params = with;
        }
        steps.push_str(&step(name, &Value::Object(params)));
    }
    let restore = match document.postprocessing(post, &id)? {
        Some((post, list)) => post::restore(&post, &list, &document, &keys, &mut left_out, &mut notes)?,
        None => String::new(),
    };
    if !left_out.is_empty() {
        notes.push(format!("Left out, as they have nothing to do here: {}.", left_out.join(", ")));
    }
    let mut text = comment(&format!("Preprocessing of a MONAI configuration ({id})."), "");
    for note in &notes {
        text.push_str(&comment(note, ""));
    }
    text.push_str("version: 1\ninputs:\n");
    for key in &keys {
        let kind = if labels.contains(key) { "label" } else { "image" };
        let (name, path) = (super::flow(&json!(key)), Value::from(format!("{key}/{{case}}.nii.gz")));
        text.push_str(&format!("  {name}: {{ kind: {kind}, path: {path} }}\n"));
    }
    text.push_str(if steps.is_empty() { "steps: []\n" } else { "steps:\n" });
    text.push_str(&steps);
    text.push_str("outputs:\n");
    for key in &keys {
        let (name, path) = (super::flow(&json!(key)), Value::from(format!("{key}/{{case}}.nii.gz")));
        text.push_str(&format!("  {name}: {{ path: {path} }}\n"));
    }
    text.push_str(&restore);
    text.push_str("trace: \"traces/{case}.json\"\n");
    Ok(Imported { text, notes })
}

/// A transform with its arguments.
#[derive(Debug)]
struct Call {
    /// As written, without its module.
    name: String,
    /// Without the ending that marks dictionary transforms.
    base: String,
    keys: Vec<String>,
    args: Vec<(String, Place, Value)>,
    place: Place,
}

impl Call {
    /// `None` where the transform is switched off.
    fn read(node: &Node, document: &Document<'_>) -> Result<Option<Self>, Fault> {
        let node = document.resolve(node)?;
        let Data::Map(entries) = &node.data else {
            return Err(Fault::new(node.place, "expected a transform: a map with _target_"));
        };
        let Some((_, target)) = entries.iter().find(|(key, _)| key.name == "_target_") else {
            return Err(Fault::new(node.place, "a transform without _target_"));
        };
        let target = document.resolve(target)?;
        let Data::Text(text) = &target.data else {
            return Err(Fault::new(target.place, "_target_: expected the name of a transform"));
        };
        let place = target.place;
        let name = text.rsplit('.').next().unwrap_or(text).to_owned();
        let base = ["Dict", "D", "d"].into_iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name).to_owned();
        let ignored = IGNORED.contains(&base.as_str());
        let (mut args, mut keys) = (Vec::new(), Vec::new());
        for (key, value) in entries {
            // What is left out may be made by code, such as the device; what is undone is named and not read.
            let named = base == "Invert" && key.name == "transform";
            if (ignored && !["keys", "_disabled_"].contains(&key.name.as_str())) || named || key.name == "_target_" {
                continue;
            }
            let of_key = |fault: Fault| Fault { problem: format!("{name}: {}: {}", key.name, fault.problem), ..fault };
            let value = document.deep(value).map_err(of_key)?;
            match (key.name.as_str(), &value.data) {
                ("_desc_", _) => {}
                ("_disabled_", Data::Bool(true)) => return Ok(None),
                ("_disabled_", Data::Bool(false)) => {}
                ("_disabled_", Data::Text(text)) if text.eq_ignore_ascii_case("true") => return Ok(None),
                (other, _) if other.starts_with('_') => {
                    return Err(Fault::new(key.place, format!("{other} has no counterpart")));
                }
                ("keys", Data::Text(text)) => keys = vec![text.clone()],
                ("keys", Data::List(list)) => {
                    for item in list {
                        let Data::Text(text) = &item.data else {
                            return Err(Fault::new(item.place, "keys: expected names"));
                        };
                        keys.push(text.clone());
                    }
                }
                (name, _) => args.push((name.to_owned(), key.place, value.json())),
            }
        }
        let known = |base: &str| IGNORED.contains(&base) || post::KNOWN.contains(&base) || translation(base).is_some();
        if base == "Transpose" && base != name {
            return Err(transposed(&name, place, &args));
        }
        if !known(&base) || base == name {
            let fault = Fault::new(place, format!("{name} has no counterpart"));
            return Err(if known(&name) {
                fault.help(format!("it works on arrays; the dictionary transform {name}d has one"))
            } else if name.starts_with("Rand") {
                fault.help("what is random belongs to training: choose the list before it with --transforms")
            } else {
                fault.help("see `revoxel transforms`, or write the step by hand")
            });
        }
        if keys.is_empty() && !ignored {
            return Err(Fault::new(node.place, format!("{name} does not say its keys")));
        }
        Ok(Some(Self { name, base, keys, args, place }))
    }

    fn argument(&self, name: &str) -> Option<&Value> {
        self.args.iter().find(|(n, ..)| n == name).map(|(_, _, v)| v)
    }

    fn translate(
        &self,
        labels: &[String],
        notes: &mut Vec<String>,
    ) -> Result<(&'static str, Map<String, Value>), Fault> {
        let Some(Translation { ours, arguments, dropped }) = translation(&self.base) else {
            return Err(Fault::new(self.place, format!("{} has no counterpart here", self.name)));
        };
        let mut params = Map::new();
        for (_, parameter, value) in FIXED.iter().filter(|(base, ..)| *base == self.base) {
            params.insert((*parameter).to_owned(), serde_json::from_str(value).unwrap_or_default());
        }
        for (name, place, value) in &self.args {
            let refused = |why: &str| Fault::new(*place, format!("{}: {name}: {value} {why}", self.name));
            // Null is no threshold; without the argument there is one.
            let says = self.base == "ForegroundMask" && name == "threshold";
            if name == "allow_missing_keys" || value.is_null() && !says {
                continue;
            }
            if let Some((_, harmless)) = dropped.iter().find(|(n, _)| n == name) {
                let given = value.to_string();
                let harmless = harmless.is_empty() || harmless.contains(&given.as_str());
                if !harmless {
                    return Err(refused("has no counterpart"));
                }
                continue;
            }
            match (self.base.as_str(), name.as_str()) {
                ("Spacing" | "Resize" | "Zoom" | "Rotate" | "Affine" | "ResampleToMatch", "mode") => {
                    let chosen = self.interpolation(value, labels, notes).map_err(|e| refused(&e))?;
                    params.insert("interpolation".to_owned(), chosen);
                }
                ("Spacing" | "Rotate" | "Affine" | "ResampleToMatch", "padding_mode") => {
                    let modes = self.by_key(value).ok_or_else(|| refused("is not one for each key"))?;
                    let nearest = |m: &Value| m == 0 || m.as_str().is_some_and(|m| m.starts_with("nearest"));
                    let how = self.argument("mode").and_then(|m| self.by_key(m)).unwrap_or_default();
                    let mixes = |(at, key): (usize, &String)| {
                        modes[at] == "zeros" && !labels.contains(key) && !how.get(at).is_some_and(nearest)
                    };
                    if self.keys.iter().enumerate().any(mixes) {
                        let note = "with padding_mode zeros MONAI mixes them into the outermost half voxel; here it \
                                    keeps its value.";
                        notes.push(format!("{} {note}", self.name));
                    }
                    let value = if modes.windows(2).all(|w| w[0] == w[1]) {
                        modes[0].clone()
                    } else {
                        Value::Object(self.keys.iter().cloned().zip(modes).collect())
                    };
                    params.insert("padding".to_owned(), value);
                }
                ("CropForeground", "select_fn") => return Err(refused("is code")),
                // There channels are axis 0.
                ("SavitzkyGolaySmooth", "axis") => {
                    let axis = value.as_i64().filter(|a| *a > 0).ok_or_else(|| refused("has no counterpart"))?;
                    params.insert("spatial_axis".to_owned(), (axis - 1).into());
                }
                // See below.
                ("RemoveSmallObjects", "by_measure") => {}
                _ => {
                    let Some((_, to)) = arguments.iter().find(|(from, _)| from == name) else {
                        return Err(refused("has no counterpart"));
                    };
                    params.insert((*to).to_owned(), value.clone());
                }
            }
        }
        if self.argument("by_measure") == Some(&Value::Bool(true))
            && let Some(size) = params.remove("min_size_voxels")
        {
            params.insert("min_size_mm3".to_owned(), size);
        }
        if self.base == "ComputeHoVerMaps" && self.argument("new_key_prefix").is_none() {
            let fault = Fault::new(self.place, format!("{}: without new_key_prefix it keeps the labels", self.name));
            return Err(fault.help("here the maps replace the labels of their key: say new_key_prefix: null"));
        }
        if matches!(self.base.as_str(), "Resize" | "Zoom") && !params.contains_key("interpolation") {
            let fault = Fault::new(self.place, format!("{}: without mode it averages areas", self.name));
            return Err(fault.help("area has no counterpart: say mode: trilinear"));
        }
        if matches!(self.base.as_str(), "Spacing" | "Rotate" | "Affine")
            && self.argument("mode").is_none()
            && self.keys.iter().any(|k| labels.contains(k))
        {
            notes.push(format!(
                "{}: without mode MONAI interpolates labels linearly; here they are nearest.",
                self.name
            ));
        }
        let built = Registry::builtin().get(ours).map(|t| (t.build)(Value::Object(params.clone())));
        match built {
            Some(Err(e)) => Err(Fault::new(self.place, format!("{}, here {ours}: {e}", self.name))),
            Some(Ok(_)) => Ok((ours, params)),
            None => Err(Fault::new(self.place, format!("this program has no {ours}"))),
        }
    }

    /// A value for each key: one for all, or a list.
    fn by_key(&self, value: &Value) -> Option<Vec<Value>> {
        match value {
            Value::Array(list) if list.len() == self.keys.len() => Some(list.clone()),
            Value::Array(list) if list.len() == 1 => Some(vec![list[0].clone(); self.keys.len()]),
            Value::Array(_) => None,
            one => Some(vec![one.clone(); self.keys.len()]),
        }
    }

    fn interpolation(&self, value: &Value, labels: &[String], notes: &mut Vec<String>) -> Result<Value, String> {
        let modes = self.by_key(value).ok_or("is not one for each key")?;
        let mut chosen = Map::new();
        for (key, mode) in self.keys.iter().zip(modes) {
            let text = mode.as_str().map_or_else(|| mode.to_string(), str::to_owned);
            let found = match text.as_str() {
                "bilinear" | "trilinear" | "linear" | "1" => "linear",
                "nearest" | "nearest-exact" | "0" => "nearest",
                "bicubic" if matches!(self.base.as_str(), "Resize" | "Zoom") => {
                    return Err("has no counterpart".to_owned());
                }
                "3" => "cubic",
                _ => return Err("has no counterpart: linear, nearest and 3 have".to_owned()),
            };
            if matches!(self.base.as_str(), "Resize" | "Zoom") && text == "nearest" {
                let note = "with mode nearest shifts voxels in MONAI; here it is nearest-exact.";
                notes.push(format!("{} {note}", self.name));
            }
            if labels.contains(key) && found != "nearest" {
                notes.push(format!(
                    "{}: labels of {key} are interpolated as numbers by MONAI ({text}); here the label with most weight \
                     wins.",
                    self.name
                ));
                chosen.insert(key.clone(), json!("label"));
            } else {
                chosen.insert(key.clone(), json!(found));
            }
        }
        Ok(match chosen.values().next() {
            Some(only) if chosen.len() == 1 => only.clone(),
            _ => Value::Object(chosen),
        })
    }
}

/// Why there is nothing for a transform that turns axes without their affine, and what may be meant.
fn transposed(name: &str, place: Place, args: &[(String, Place, Value)]) -> Fault {
    let indices = args.iter().find(|(argument, ..)| argument == "indices").and_then(|(.., value)| value.as_array());
    let indices: Vec<i64> = indices.into_iter().flatten().filter_map(Value::as_i64).collect();
    // Theirs count the channel, which is the first axis.
    let ours = match &indices[..] {
        [0, axes @ ..] if axes.len() == 3 && (1..=3).all(|a| axes.contains(&a)) => {
            flow(&json!(axes.iter().map(|a| a - 1).collect::<Vec<_>>()))
        }
        _ => "[..]".to_owned(),
    };
    let problem =
        format!("{name} has no counterpart: it turns axes and leaves the affine behind, so voxels end elsewhere");
    Fault::new(place, problem).help(format!(
        "where voxels are to stay in place, leave it out and write `- transpose: {{ indices: {ours} }}` into the \
         pipeline, which turns the affine too (axes from 0, without the channel)"
    ))
}

/// Whether a key holds labels: by its name, or because it is resampled as nearest where others are not.
fn is_label(key: &str, calls: &[Call]) -> bool {
    let named = ["label", "seg", "mask"].iter().any(|part| key.to_lowercase().contains(part));
    let nearest = calls.iter().any(|call| {
        let modes = call.argument("mode").and_then(|m| call.by_key(m)).unwrap_or_default();
        let at = call.keys.iter().position(|k| k == key);
        let one = at.and_then(|at| modes.get(at)).and_then(Value::as_str).is_some_and(|m| m.starts_with("nearest"));
        matches!(call.base.as_str(), "Spacing" | "Resize" | "ResampleToMatch") && one
    });
    named || nearest
}

#[cfg(test)]
mod tests;
