//! A transform of MONAI as a step of ours.

use revoxel_core::Kind;
use revoxel_pipeline::Place;
use revoxel_transforms::Peer;
use revoxel_transforms::peers::Argument;
use serde_json::{Map, Value};

use super::Fault;
use super::call::{Call, KnownKinds, translation};
use super::types::keeps_values;

/// An argument as a configuration says it.
pub(super) struct Given<'a> {
    call: &'a Call,
    name: &'a str,
    place: Place,
    pub(super) value: &'a Value,
}

impl Given<'_> {
    pub(super) fn refused(&self, why: &str) -> Fault {
        let Self { call, name, place, value } = self;
        Fault::new(*place, format!("{}: {name}: {value} {why}", call.name))
    }
}

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
        let Some((transform, peer)) = translation(&self.base, held.registry()) else {
            return Err(Fault::new(self.place, format!("{} is not supported", self.name)));
        };
        let mut params = Map::new();
        for (parameter, value) in peer.always {
            params.insert((*parameter).to_owned(), serde_json::from_str(value).unwrap_or_default());
        }
        for (name, place, value) in &self.args {
            let given = Given { call: self, name, place: *place, value };
            self.translate_argument(&given, peer, held, &mut params, notes)?;
        }
        self.drawn(&mut params)?;
        self.splined(&mut params)?;
        self.unseen(held, peer, &mut params);
        self.finish(held, &mut params, notes)?;
        let ours = transform.name;
        match (transform.build)(Value::Object(params.clone())) {
            Err(e) => Err(Fault::new(self.place, format!("{} (step {ours}): {e}", self.name))),
            Ok(_) => Ok((ours, params)),
        }
    }

    /// Puts the parameter that an argument becomes among the others.
    fn translate_argument(
        &self,
        given: &Given<'_>,
        peer: &Peer,
        held: &KnownKinds<'_>,
        params: &mut Map<String, Value>,
        notes: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let (name, value) = (given.name, given.value);
        // Null is no threshold; without the argument there is one.
        let says = self.base == "ForegroundMask" && name == "threshold";
        if value.is_null() && !says {
            return Ok(());
        }
        if let Some(harmless) = peer.harmless(name) {
            return self.leave_out(given, harmless);
        }
        let (ours, value) = match peer.argument(name) {
            Some(Argument::Same(ours) | Argument::Renamed(_, ours)) => {
                // Python takes every text that is not empty for true.
                let flag = value == "True" && FLAGS.contains(&ours);
                (ours, if flag { true.into() } else { value.clone() })
            }
            Some(Argument::Mode) => {
                ("interpolation", self.interpolation(value, held, notes).map_err(|why| given.refused(&why))?)
            }
            Some(Argument::PaddingMode) => ("padding", self.outside(given, held, notes)?),
            Some(Argument::PadBy(_, ours)) => match self.for_all(value) {
                Some(mode) => (ours, self.padded_by(&mode, held, notes)),
                None => return Err(given.refused("differs between keys")),
            },
            Some(Argument::PadWith(_)) if params.contains_key("value") => {
                return Err(given.refused("repeats a value: write only one of constant_values and value"));
            }
            Some(Argument::PadWith(_)) => ("value", self.padded(value, held)),
            Some(Argument::Special(..)) => return self.translate_special(given, held, params, notes),
            _ if self.base == "CropForeground" && name == "select_fn" => return Err(given.refused("is code")),
            Some(Argument::Fixed(..) | Argument::Listed(_)) | None => return Err(given.refused("is not supported")),
        };
        params.insert(ours.to_owned(), value);
        Ok(())
    }

    /// Checks an argument that changes nothing with some values; none for any value.
    fn leave_out(&self, given: &Given<'_>, harmless: &[&str]) -> Result<(), Fault> {
        let (name, value) = (given.name, given.value);
        let is_harmless = |value: &Value| harmless.contains(&value.to_string().as_str());
        let each = self.by_key(value).filter(|_| name == "align_corners");
        let changes_nothing =
            harmless.is_empty() || each.map_or(is_harmless(value), |each| each.iter().all(is_harmless));
        let whole = matches!(self.base.as_str(), "MapLabelValue" | "AsDiscrete");
        let kept = |dtype: &Value| keeps_values(dtype, whole);
        if name == "dtype" && !self.by_key(value).is_some_and(|types| types.iter().all(kept)) {
            let fault = given.refused("changes values, but values stay float32 in a pipeline");
            return Err(fault.help("set `dtype` of the output instead"));
        }
        // It matters for splines and for what is mirrored about faces.
        let mirrors = || !self.argument("padding_mode").is_none_or(|m| m == "border" || m == "zeros");
        let splines = || self.argument("mode").is_some_and(|m| m.to_string().contains('3'));
        let aligns = name == "align_corners" && value.to_string().contains("true");
        if !changes_nothing || aligns && (mirrors() || splines()) {
            return Err(given.refused("is not supported"));
        }
        Ok(())
    }

    /// An argument that is read in a way of its own.
    fn translate_special(
        &self,
        given: &Given<'_>,
        held: &KnownKinds<'_>,
        params: &mut Map<String, Value>,
        notes: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let (name, value) = (given.name, given.value);
        match (self.base.as_str(), name) {
            ("SpatialCrop", _) => {
                // Axes that are left out are whole there.
                if value.as_array().is_none_or(|list| list.len() != 3) {
                    let help =
                        "MONAI does not crop axes that are left out: write roi_start and roi_end with three numbers";
                    return Err(given.refused("needs three numbers").help(help));
                }
                params.insert(name.to_owned(), value.clone());
            }
            ("AsDiscrete", _) => {
                let Some(value) = self.for_all(value) else {
                    return Err(given.refused("differs between keys").help("write one transform per key"));
                };
                if !value.is_null() {
                    params.insert(name.to_owned(), value);
                }
            }
            (_, "align_corners") => match self.by_key(value) {
                Some(corners) if corners.iter().all(|aligns| *aligns == true) => {
                    params.insert(name.to_owned(), true.into());
                }
                // Torch wants null beside modes that know no corners.
                Some(corners) if corners.iter().all(|aligns| *aligns == false || aligns.is_null()) => {}
                _ => {
                    let help = "align_corners moves voxels: write one transform per key";
                    return Err(given.refused("differs between keys").help(help));
                }
            },
            (_, "anti_aliasing") => return self.smoothed(given, held, params, notes),
            // There channels are axis 0.
            ("SavitzkyGolaySmooth", _) => {
                let axis = value.as_i64().filter(|a| *a > 0).ok_or_else(|| given.refused("is not supported"))?;
                params.insert("spatial_axis".to_owned(), (axis - 1).into());
            }
            // What they mean depends on other arguments, see `finish`.
            _ => {}
        }
        Ok(())
    }

    /// Smoothing before voxels get larger, by the rule of MONAI.
    fn smoothed(
        &self,
        given: &Given<'_>,
        held: &KnownKinds<'_>,
        params: &mut Map<String, Value>,
        notes: &mut Vec<String>,
    ) -> Result<(), Fault> {
        let smooths = self.by_key(given.value).ok_or_else(|| given.refused("needs one value per key"))?;
        let keys = || self.keys.iter().zip(&smooths);
        if keys().any(|(key, smooth)| held.is(key, Kind::Label) && smooth == true) {
            notes.push(format!("{}: MONAI smooths labels; revoxel does not.", self.name));
        }
        let images: Vec<&Value> = keys().filter(|(key, _)| !held.is(key, Kind::Label)).map(|(_, s)| s).collect();
        if images.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(given.refused("differs between images").help("write one transform per key"));
        }
        match images.first() {
            Some(Value::Bool(true)) => {
                params.insert("anti_alias".to_owned(), true.into());
                params.insert("anti_alias_rule".to_owned(), "scikit_image".into());
                Ok(())
            }
            None | Some(Value::Bool(false)) => Ok(()),
            Some(_) => Err(given.refused("is neither true nor false")),
        }
    }

    /// What depends on several arguments, or on one that is left out.
    fn finish(
        &self,
        held: &KnownKinds<'_>,
        params: &mut Map<String, Value>,
        notes: &mut Vec<String>,
    ) -> Result<(), Fault> {
        match self.base.as_str() {
            "LabelToContour" => {
                let note = "MONAI makes one contour of the numbers of all labels; revoxel makes one contour per label.";
                notes.push(format!("{}: {note}", self.name));
            }
            "ScaleIntensity" => params.append(&mut self.scaled()?),
            "RemoveSmallObjects" if self.argument("by_measure") == Some(&Value::Bool(true)) => {
                if let Some(size) = params.remove("min_size_voxels") {
                    params.insert("min_size_mm3".to_owned(), size);
                }
            }
            "ComputeHoVerMaps" if self.argument("new_key_prefix").is_none() => {
                let problem = format!("{}: without new_key_prefix MONAI keeps the labels", self.name);
                let help = "in a pipeline the maps replace the labels of their key: write new_key_prefix: null";
                return Err(Fault::new(self.place, problem).help(help));
            }
            _ => {}
        }
        self.resized(held, params, notes)?;
        if matches!(self.like(), "Spacing" | "Rotate" | "Affine" | "GridDistortion" | "3DElastic")
            && self.argument("mode").is_none()
            && self.keys.iter().any(|k| held.is(k, Kind::Label))
        {
            notes.push(format!(
                "{}: without mode, MONAI interpolates labels linearly; revoxel takes the nearest label.",
                self.name
            ));
        }
        Ok(())
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
