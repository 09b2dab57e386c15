//! How a step interpolates and pads: arguments that many transforms of MONAI share.

use revoxel_core::Kind;
use revoxel_transforms::Peer;
use revoxel_transforms::peers::Argument;
use serde_json::{Map, Value, json};

use super::Fault;
use super::arguments::Given;
use super::call::{Call, KnownKinds};

impl Call {
    /// How each key is interpolated.
    pub(super) fn interpolation(
        &self,
        value: &Value,
        held: &KnownKinds<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Value, String> {
        let modes = self.by_key(value).ok_or("needs one value per key")?;
        let mut chosen = Map::new();
        for (key, mode) in self.keys.iter().zip(modes) {
            let text = mode.as_str().map_or_else(|| mode.to_string(), str::to_owned);
            let found = match text.as_str() {
                "bilinear" | "trilinear" | "linear" | "1" => "linear",
                "nearest" | "nearest-exact" | "0" => "nearest",
                "area" if matches!(self.like(), "Resize" | "Zoom") => "area",
                "bicubic" if matches!(self.like(), "Resize" | "Zoom") => {
                    return Err("is not supported".to_owned());
                }
                "3" => "cubic",
                _ => return Err("is not supported: use linear, nearest or 3".to_owned()),
            };
            if matches!(self.like(), "Resize" | "Zoom") && text == "nearest" {
                let note = "with mode nearest, MONAI shifts voxels; revoxel uses nearest-exact.";
                notes.push(format!("{}: {note}", self.name));
            }
            if held.is(key, Kind::Label) && found != "nearest" {
                notes.push(format!(
                    "{}: MONAI interpolates the labels of {key} as numbers ({text}); revoxel takes the label with the \
                     most weight.",
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

    /// What MONAI resizes with where nothing is said, and means of areas.
    pub(super) fn resized(
        &self,
        held: &KnownKinds<'_>,
        params: &mut Map<String, Value>,
        notes: &mut Vec<String>,
    ) -> Result<(), Fault> {
        if !matches!(self.like(), "Resize" | "Zoom") {
            return Ok(());
        }
        if !params.contains_key("interpolation") {
            let fault = |problem| Fault::new(self.place, format!("{}: mode {problem}", self.name));
            let area = self.interpolation(&json!("area"), held, notes).map_err(fault)?;
            params.insert("interpolation".to_owned(), area);
        }
        averaged(params);
        Ok(())
    }

    /// What lies beyond a volume that is sampled.
    pub(super) fn outside(
        &self,
        given: &Given<'_>,
        held: &KnownKinds<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Value, Fault> {
        let modes = self.by_key(given.value).ok_or_else(|| given.refused("needs one value per key"))?;
        let modes: Vec<Value> = modes.into_iter().map(beyond).collect();
        let nearest = |m: &Value| m == 0 || m.as_str().is_some_and(|m| m.starts_with("nearest"));
        let how = self.argument("mode").and_then(|m| self.by_key(m)).unwrap_or_default();
        let mixes = |(at, key): (usize, &String)| {
            modes[at] == "zeros" && !held.is(key, Kind::Label) && !how.get(at).is_some_and(nearest)
        };
        if self.keys.iter().enumerate().any(mixes) {
            let note =
                "with padding_mode zeros, MONAI mixes zeros into the outermost half voxel; revoxel keeps its value.";
            notes.push(format!("{}: {note}", self.name));
        }
        Ok(if modes.windows(2).all(|w| w[0] == w[1]) {
            modes[0].clone()
        } else {
            Value::Object(self.keys.iter().cloned().zip(modes).collect())
        })
    }

    /// What pads: MONAI's is for all keys, ours for images unless it names a key.
    pub(super) fn padded(&self, value: &Value, held: &KnownKinds<'_>) -> Value {
        let differs = |key: &String| match held.kind(key) {
            Kind::Image => false,
            Kind::Label => value.as_f64() != Some(0.0),
            // Ours is the background's channel.
            Kind::Probability | Kind::Logit => true,
        };
        if !self.keys.iter().any(differs) {
            return value.clone();
        }
        Value::Object(self.keys.iter().map(|key| (key.clone(), value.clone())).collect())
    }

    /// A way of padding, by the name of NumPy also where that of torch is given.
    pub(super) fn padded_by(&self, mode: &Value, held: &KnownKinds<'_>, notes: &mut Vec<String>) -> Value {
        match mode.as_str() {
            Some("replicate") => json!("edge"),
            Some("circular") => json!("wrap"),
            Some("mean" | "median" | "linear_ramp") => {
                if self.keys.iter().any(|key| held.is(key, Kind::Label)) {
                    notes.push(format!(
                        "{}: MONAI pads labels with interpolated numbers (mode: {mode}); revoxel pads them with 0.",
                        self.name
                    ));
                }
                mode.clone()
            }
            _ => mode.clone(),
        }
    }

    /// One-hot maps where MONAI puts 0 into every channel without being asked.
    pub(super) fn unseen(&self, held: &KnownKinds<'_>, peer: &Peer, params: &mut Map<String, Value>) {
        let one_hot: Vec<&String> = self.keys.iter().filter(|key| held.is(key, Kind::Probability)).collect();
        if one_hot.is_empty() {
            return;
        }
        // An enlarged volume is padded with its edge where nothing is said.
        let constant = params.get("mode").map_or(self.base != "Zoom", |mode| mode == "constant");
        let pads = peer.arguments().any(|argument| matches!(argument, Argument::PadWith(_))) && constant;
        if pads && !params.contains_key("value") {
            params.insert("value".to_owned(), self.padded(&json!(0), held));
        }
        let nothing = |key: &String| if one_hot.contains(&key) { json!(0) } else { json!("zeros") };
        match params.get_mut("padding") {
            Some(Value::Object(by_key)) => {
                by_key.iter_mut().filter(|(_, mode)| *mode == "zeros").for_each(|(key, mode)| *mode = nothing(key));
            }
            Some(padding) if padding == "zeros" => {
                *padding = Value::Object(self.keys.iter().map(|key| (key.clone(), nothing(key))).collect());
            }
            _ => {}
        }
    }

    /// MONAI's splines continue the volume as `padding_mode` says, ours as `boundary` does.
    pub(super) fn splined(&self, params: &mut Map<String, Value>) -> Result<(), Fault> {
        let cubic = |key: &String| match params.get("interpolation") {
            Some(Value::Object(by_key)) => by_key.get(key).is_some_and(|value| value == "cubic"),
            Some(value) => value == "cubic",
            None => false,
        };
        let keys: Vec<&String> = self.keys.iter().filter(|key| cubic(key)).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let refused = |problem: String| Fault::new(self.place, format!("{}: {problem}", self.name));
        if !matches!(self.base.as_str(), "Spacing" | "Affine" | "ResampleToMatch") {
            return Err(refused("splines (mode: 3) are not supported".to_owned()).help("write mode: bilinear"));
        }
        let default = json!(if self.base == "Affine" { "reflection" } else { "border" });
        let mut padding = keys.iter().map(|key| match params.get("padding") {
            Some(Value::Object(by_key)) => by_key.get(*key).unwrap_or(&default),
            Some(value) => value,
            None => &default,
        });
        let first = padding.next().unwrap_or(&default);
        if padding.any(|other| other != first) {
            let problem = "splines (mode: 3) with a padding_mode per key are not supported";
            return Err(refused(problem.to_owned()).help("write one transform per key"));
        }
        let boundary = match first.as_str() {
            Some("border") => "edge",
            Some("reflection") => "reflect",
            Some("zeros") => "mirror",
            _ => return Err(refused(format!("splines (mode: 3) with padding_mode: {first} are not supported"))),
        };
        params.insert("boundary".to_owned(), boundary.into());
        Ok(())
    }
}

/// What lies beyond a volume, by the name of torch also where that of SciPy is given.
fn beyond(mode: Value) -> Value {
    match mode.as_str() {
        Some("nearest") => json!("border"),
        Some("reflect" | "grid-mirror") => json!("reflection"),
        Some("constant") => json!("zeros"),
        _ => mode,
    }
}

/// Means of areas are no interpolation here: they are for the keys that it does not name.
fn averaged(params: &mut Map<String, Value>) {
    let area = |mode: &Value| mode == "area";
    let alone = match params.get_mut("interpolation") {
        Some(Value::Object(by_key)) => {
            let before = by_key.len();
            by_key.retain(|_, mode| !area(mode));
            if by_key.len() == before {
                return;
            }
            by_key.is_empty()
        }
        Some(mode) if area(mode) => true,
        _ => return,
    };
    if alone {
        params.shift_remove("interpolation");
    }
    params.insert("area".to_owned(), true.into());
}
