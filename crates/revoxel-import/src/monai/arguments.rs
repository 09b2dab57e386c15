//! A transform of MONAI as a step of ours.

use revoxel_core::Kind;
use serde_json::{Map, Value, json};

use super::Fault;
use super::call::{Call, KnownKinds};
use super::random_table::{self, translation};
use super::table::{FIXED, Translation};
use super::types::keeps_values;

impl Call {
    /// The step that does the same. `held` is what the keys hold before it.
    ///
    /// # Errors
    /// Where an argument is not supported.
    pub(super) fn translate(
        &self,
        held: &KnownKinds<'_>,
        notes: &mut Vec<String>,
    ) -> Result<(&'static str, Map<String, Value>), Fault> {
        let Some(Translation { ours, arguments, dropped }) = translation(&self.base) else {
            return Err(Fault::new(self.place, format!("{} is not supported", self.name)));
        };
        let mut params = Map::new();
        let fixed = FIXED.iter().chain(random_table::FIXED);
        for (_, parameter, value) in fixed.filter(|(base, ..)| *base == self.base) {
            params.insert((*parameter).to_owned(), serde_json::from_str(value).unwrap_or_default());
        }
        for (name, place, value) in &self.args {
            let refused = |why: &str| Fault::new(*place, format!("{}: {name}: {value} {why}", self.name));
            // Null is no threshold; without the argument there is one.
            let says = self.base == "ForegroundMask" && name == "threshold";
            if value.is_null() && !says {
                continue;
            }
            if let Some((_, harmless)) = dropped.iter().find(|(n, _)| n == name) {
                let given = |value: &Value| harmless.contains(&value.to_string().as_str());
                let each = self.by_key(value).filter(|_| name == "align_corners");
                let harmless = harmless.is_empty() || each.map_or(given(value), |each| each.iter().all(given));
                let whole = matches!(self.base.as_str(), "MapLabelValue" | "AsDiscrete");
                let kept = |dtype: &Value| keeps_values(dtype, whole);
                if name == "dtype" && !self.by_key(value).is_some_and(|types| types.iter().all(kept)) {
                    let fault = refused("changes values, but values stay float32 in a pipeline");
                    return Err(fault.help("set `dtype` of the output instead"));
                }
                // It matters for splines and for what is mirrored about faces.
                let mirrors = || !self.argument("padding_mode").is_none_or(|m| m == "border" || m == "zeros");
                let splines = || self.argument("mode").is_some_and(|m| m.to_string().contains('3'));
                let aligns = name == "align_corners" && value.to_string().contains("true");
                if !harmless || aligns && (mirrors() || splines()) {
                    return Err(refused("is not supported"));
                }
                continue;
            }
            match (self.like(), name.as_str()) {
                (
                    "Spacing" | "Resize" | "Zoom" | "Rotate" | "Affine" | "ResampleToMatch" | "GridDistortion"
                    | "2DElastic" | "3DElastic",
                    "mode",
                ) => {
                    let chosen = self.interpolation(value, held, notes).map_err(|e| refused(&e))?;
                    params.insert("interpolation".to_owned(), chosen);
                }
                (
                    "Spacing" | "Rotate" | "Affine" | "ResampleToMatch" | "GridDistortion" | "2DElastic" | "3DElastic",
                    "padding_mode",
                ) => {
                    let modes = self.by_key(value).ok_or_else(|| refused("needs one value per key"))?;
                    let modes: Vec<Value> = modes.into_iter().map(beyond).collect();
                    let nearest = |m: &Value| m == 0 || m.as_str().is_some_and(|m| m.starts_with("nearest"));
                    let how = self.argument("mode").and_then(|m| self.by_key(m)).unwrap_or_default();
                    let mixes = |(at, key): (usize, &String)| {
                        modes[at] == "zeros" && !held.is(key, Kind::Label) && !how.get(at).is_some_and(nearest)
                    };
                    if self.keys.iter().enumerate().any(mixes) {
                        let note = "with padding_mode zeros, MONAI mixes zeros into the outermost half voxel; revoxel \
                                    keeps its value.";
                        notes.push(format!("{}: {note}", self.name));
                    }
                    let value = if modes.windows(2).all(|w| w[0] == w[1]) {
                        modes[0].clone()
                    } else {
                        Value::Object(self.keys.iter().cloned().zip(modes).collect())
                    };
                    params.insert("padding".to_owned(), value);
                }
                // Axes that are left out are whole there.
                ("SpatialCrop", "roi_center" | "roi_size" | "roi_start" | "roi_end")
                    if !self.is_random() && value.as_array().is_none_or(|list| list.len() != 3) =>
                {
                    let help =
                        "MONAI does not crop axes that are left out: write roi_start and roi_end with three numbers";
                    return Err(refused("needs three numbers").help(help));
                }
                ("CropForeground", "select_fn") => return Err(refused("is code")),
                ("AsDiscrete", "argmax" | "to_onehot" | "threshold" | "rounding") => {
                    let Some(value) = self.for_all(value) else {
                        return Err(refused("differs between keys").help("write one transform per key"));
                    };
                    if !value.is_null() {
                        params.insert(name.clone(), value);
                    }
                }
                ("Resize" | "Zoom", "align_corners") => match self.by_key(value) {
                    Some(given) if given.iter().all(|aligns| *aligns == true) => {
                        params.insert(name.clone(), true.into());
                    }
                    // Torch wants null beside modes that know no corners.
                    Some(given) if given.iter().all(|aligns| *aligns == false || aligns.is_null()) => {}
                    _ => {
                        let help = "align_corners moves voxels: write one transform per key";
                        return Err(refused("differs between keys").help(help));
                    }
                },
                ("Resize", "anti_aliasing") => {
                    let smooths = self.by_key(value).ok_or_else(|| refused("needs one value per key"))?;
                    let keys = || self.keys.iter().zip(&smooths);
                    if keys().any(|(key, smooth)| held.is(key, Kind::Label) && smooth == true) {
                        notes.push(format!("{}: MONAI smooths labels; revoxel does not.", self.name));
                    }
                    let images: Vec<&Value> =
                        keys().filter(|(key, _)| !held.is(key, Kind::Label)).map(|(_, s)| s).collect();
                    if images.windows(2).any(|pair| pair[0] != pair[1]) {
                        return Err(refused("differs between images").help("write one transform per key"));
                    }
                    match images.first() {
                        Some(Value::Bool(true)) => {
                            params.insert("anti_alias".to_owned(), true.into());
                            params.insert("anti_alias_rule".to_owned(), "scikit_image".into());
                        }
                        None | Some(Value::Bool(false)) => {}
                        Some(_) => return Err(refused("is neither true nor false")),
                    }
                }
                // There channels are axis 0.
                ("SavitzkyGolaySmooth", "axis") => {
                    let axis = value.as_i64().filter(|a| *a > 0).ok_or_else(|| refused("is not supported"))?;
                    params.insert("spatial_axis".to_owned(), (axis - 1).into());
                }
                // See below.
                ("RemoveSmallObjects", "by_measure") => {}
                (_, "minv" | "maxv" | "factor") if self.base == "ScaleIntensity" => {}
                _ => {
                    let Some((_, to)) = arguments.iter().find(|(from, _)| from == name) else {
                        return Err(refused("is not supported"));
                    };
                    let given = match *to {
                        "value" => self.padded(value, held),
                        // Filters have words of their own for what lies beyond.
                        "mode" | "padding_mode"
                            if !matches!(self.base.as_str(), "SavitzkyGolaySmooth" | "SobelGradients") =>
                        {
                            match self.for_all(value) {
                                Some(mode) => self.padded_by(&mode, held, notes),
                                None => return Err(refused("differs between keys")),
                            }
                        }
                        // Python takes every text that is not empty for true.
                        _ if value == "True" && FLAGS.contains(to) => true.into(),
                        _ => value.clone(),
                    };
                    if params.insert((*to).to_owned(), given).is_some() && *to == "value" {
                        return Err(refused("repeats a value: write only one of constant_values and value"));
                    }
                }
            }
        }
        self.drawn(&mut params)?;
        self.splined(&mut params)?;
        self.unseen(held, arguments, &mut params);
        if self.base == "LabelToContour" {
            let note = "MONAI makes one contour of the numbers of all labels; revoxel makes one contour per label.";
            notes.push(format!("{}: {note}", self.name));
        }
        if self.base == "ScaleIntensity" {
            params.append(&mut self.scaled()?);
        }
        if self.argument("by_measure") == Some(&Value::Bool(true))
            && let Some(size) = params.remove("min_size_voxels")
        {
            params.insert("min_size_mm3".to_owned(), size);
        }
        if self.base == "ComputeHoVerMaps" && self.argument("new_key_prefix").is_none() {
            let problem = format!("{}: without new_key_prefix MONAI keeps the labels", self.name);
            let help = "in a pipeline the maps replace the labels of their key: write new_key_prefix: null";
            return Err(Fault::new(self.place, problem).help(help));
        }
        if matches!(self.like(), "Resize" | "Zoom") {
            let fault = |problem| Fault::new(self.place, format!("{}: mode {problem}", self.name));
            if !params.contains_key("interpolation") {
                // That is what MONAI does where nothing is said.
                let area = self.interpolation(&json!("area"), held, notes).map_err(fault)?;
                params.insert("interpolation".to_owned(), area);
            }
            averaged(&mut params);
        }
        if matches!(self.like(), "Spacing" | "Rotate" | "Affine" | "GridDistortion" | "3DElastic")
            && self.argument("mode").is_none()
            && self.keys.iter().any(|k| held.is(k, Kind::Label))
        {
            notes.push(format!(
                "{}: without mode, MONAI interpolates labels linearly; revoxel takes the nearest label.",
                self.name
            ));
        }
        let built = held.registry().get(ours).map(|t| (t.build)(Value::Object(params.clone())));
        match built {
            Some(Err(e)) => Err(Fault::new(self.place, format!("{} (step {ours}): {e}", self.name))),
            Some(Ok(_)) => Ok((ours, params)),
            None => Err(Fault::new(self.place, format!("this program has no step {ours}"))),
        }
    }

    /// The transform without chance whose arguments it has too.
    fn like(&self) -> &str {
        self.base.strip_prefix("Rand").unwrap_or(&self.base)
    }

    /// What pads: MONAI's is for all keys, ours for images unless it names a key.
    fn padded(&self, value: &Value, held: &KnownKinds<'_>) -> Value {
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
    fn padded_by(&self, mode: &Value, held: &KnownKinds<'_>, notes: &mut Vec<String>) -> Value {
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
    fn unseen(&self, held: &KnownKinds<'_>, arguments: &[(&str, &str)], params: &mut Map<String, Value>) {
        let one_hot: Vec<&String> = self.keys.iter().filter(|key| held.is(key, Kind::Probability)).collect();
        if one_hot.is_empty() {
            return;
        }
        // An enlarged volume is padded with its edge where nothing is said.
        let constant = params.get("mode").map_or(self.base != "Zoom", |mode| mode == "constant");
        let pads = arguments.iter().any(|(_, ours)| *ours == "value") && constant;
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

    /// The range of `ScaleIntensityd`, or its factor: there minv and maxv are 0 and 1 unless they are null, and the
    /// factor counts only where both are.
    fn scaled(&self) -> Result<Map<String, Value>, Fault> {
        let given = |name: &'static str| self.argument(name).filter(|value| !value.is_null()).map(|v| (name, v));
        let null = |name: &str| self.argument(name).is_some_and(Value::is_null);
        let chosen = match (null("minv"), null("maxv")) {
            (true, true) => vec![given("factor")],
            (false, false) => vec![given("minv"), given("maxv")],
            // From 0 to 1 then, whatever the other one is.
            _ => Vec::new(),
        };
        if chosen == [None] {
            let problem = format!("{}: without minv, maxv and factor it changes nothing", self.name);
            return Err(Fault::new(self.place, problem).help("leave out the transform"));
        }
        Ok(chosen.into_iter().flatten().map(|(name, value)| (name.to_owned(), value.clone())).collect())
    }

    fn interpolation(&self, value: &Value, held: &KnownKinds<'_>, notes: &mut Vec<String>) -> Result<Value, String> {
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

    /// MONAI's splines continue the volume as `padding_mode` says, ours as `boundary` does.
    fn splined(&self, params: &mut Map<String, Value>) -> Result<(), Fault> {
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

/// Parameters that are true or false.
const FLAGS: &[&str] = &[
    "allow_smaller",
    "channel_wise",
    "clip",
    "closest_canonical",
    "diagonal",
    "independent",
    "invert",
    "invert_image",
    "is_onehot",
    "keep_size",
    "nonzero",
    "relative",
    "retain_stats",
];

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
