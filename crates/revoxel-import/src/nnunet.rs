//! The preprocessing and the export of nnU-Net v2, from its plans.
//!
//! nnU-Net counts axes as its arrays do, slowest first, and revoxel as the voxels lie in memory, fastest first:
//! axis `a` there is axis `2 − a` here. Its order is: turn axes, crop to what is not 0, normalise, resample.

mod dataset;
mod write;

use serde_json::{Map, Value, json};

use super::Imported;

/// How many times coarser the coarsest axis is where nnU-Net treats it apart, unless the plans say otherwise.
const ANISOTROPY: f64 = 3.0;

/// What is taken from a plan.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configuration, such as `3d_fullres`.
    pub configuration: String,
    /// The folder of the images, relative to the data folder.
    pub images: String,
    /// The folder of the labels.
    pub labels: String,
}

/// One of the two files that say what nnU-Net does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `plans.json`.
    Plans,
    /// `dataset.json`.
    Dataset,
}

/// Why plans cannot be translated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct PlansError {
    /// The file of the field.
    pub file: Source,
    /// The field.
    pub place: String,
    /// What is wrong with it, and what to do.
    pub problem: String,
}

/// A pipeline that does what the plans say, and what nnU-Net's export does with logits.
///
/// # Errors
/// Where a field is missing, is something else, or names what is not supported.
pub fn pipeline(plans: &Value, dataset: Option<&Value>, options: &Options) -> Result<Imported, PlansError> {
    let plans = Plans::read(plans, dataset, options)?;
    Ok(plans.write(options))
}

/// What is read of the plans.
#[derive(Debug)]
struct Plans {
    name: String,
    /// Keys, file names' ends, and steps of normalisation of the channels.
    channels: Vec<Channel>,
    spacing: Vec<f64>,
    transpose: [usize; 3],
    reorients: bool,
    data: Resampling,
    seg: Resampling,
    decision: Value,
    /// Names of labels with their numbers.
    labels: Option<Value>,
    dtype: &'static str,
    ending: String,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Channel {
    key: String,
    suffix: String,
    about: String,
    /// Normalised by the mean and the deviation inside what is not 0 in any channel.
    masked: bool,
    steps: Vec<(&'static str, Value)>,
}

/// Arguments of nnU-Net's resampling, as parameters of `spacing`.
#[derive(Clone, Debug, PartialEq)]
struct Resampling {
    order: u64,
    separate: Value,
    threshold: f64,
    through: &'static str,
}

impl Resampling {
    /// What decides how the coarsest axis is interpolated.
    fn rule(&self) -> (&Value, f64, &'static str) {
        (&self.separate, self.threshold, self.through)
    }
}

fn fault(place: impl Into<String>, problem: impl Into<String>) -> PlansError {
    PlansError { file: Source::Plans, place: place.into(), problem: problem.into() }
}

fn field<'a>(map: &'a Value, place: &str, name: &str) -> Result<&'a Value, PlansError> {
    map.get(name).ok_or_else(|| fault(format!("{place}{name}"), "missing"))
}

fn numbers(value: &Value, place: &str) -> Result<Vec<f64>, PlansError> {
    let list = value.as_array().and_then(|l| l.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>());
    list.ok_or_else(|| fault(place, format!("{value}: expected a list of numbers")))
}

fn whole_numbers(value: &Value, place: &str) -> Result<Vec<u16>, PlansError> {
    let whole = |v: &Value| v.as_u64().and_then(|v| u16::try_from(v).ok());
    let list = value.as_array().and_then(|l| l.iter().map(whole).collect::<Option<Vec<u16>>>());
    list.ok_or_else(|| fault(place, format!("{value}: expected a list of whole numbers from 0 to 65535")))
}

/// A configuration with what it takes over from another one.
fn configuration(plans: &Value, name: &str) -> Result<Map<String, Value>, PlansError> {
    if plans.get("plans_per_stage").is_some() {
        let problem = "plans of nnU-Net v1 are not supported: train with nnU-Net v2, or write the pipeline by hand";
        return Err(fault("plans_per_stage", problem));
    }
    let all = plans.get("configurations").and_then(Value::as_object);
    let all = all.ok_or_else(|| fault("configurations", "expected a map, as in plans.json of nnU-Net v2"))?;
    let (mut merged, mut next, mut seen) = (Map::new(), name.to_owned(), Vec::new());
    loop {
        let Some(found) = all.get(&next).and_then(Value::as_object) else {
            let known: Vec<&str> = all.keys().map(String::as_str).collect();
            return Err(fault("configurations", format!("no {next:?}; the file has {}", known.join(", "))));
        };
        if seen.contains(&next) {
            return Err(fault(format!("configurations.{next}.inherits_from"), "is circular"));
        }
        for (key, value) in found {
            merged.entry(key.clone()).or_insert_with(|| value.clone());
        }
        match found.get("inherits_from").and_then(Value::as_str) {
            Some(parent) => {
                seen.push(next);
                next = parent.to_owned();
            }
            None => return Ok(merged),
        }
    }
}

impl Plans {
    fn read(plans: &Value, dataset: Option<&Value>, options: &Options) -> Result<Self, PlansError> {
        let configuration = Value::Object(configuration(plans, &options.configuration)?);
        let place = format!("configurations.{}.", options.configuration);
        let mut notes = Vec::new();
        if let Some(previous) = configuration.get("previous_stage").and_then(Value::as_str) {
            let problem = format!(
                "{:?} needs the segmentation of {previous:?} as an input, which is not supported: import {previous:?}, \
                 or a configuration without a previous stage",
                options.configuration
            );
            return Err(fault(format!("{place}previous_stage"), problem));
        }
        let spacing = numbers(field(&configuration, &place, "spacing")?, &format!("{place}spacing"))?;
        if !(2..=3).contains(&spacing.len()) || spacing.iter().any(|s| s.is_nan() || *s <= 0.0) {
            return Err(fault(format!("{place}spacing"), format!("{spacing:?}: expected 2 or 3 numbers above 0")));
        }
        let turn = match plans.get("transpose_forward") {
            None => vec![0, 1, 2],
            Some(turn) => whole_numbers(turn, "transpose_forward")?,
        };
        let turn: Vec<usize> = turn.into_iter().map(usize::from).collect();
        if turn.len() != 3 || (0..3).any(|a| !turn.contains(&a)) {
            return Err(fault("transpose_forward", format!("{turn:?} is not 0, 1, 2 in some order")));
        }
        let reader = plans.get("image_reader_writer").and_then(Value::as_str).unwrap_or("SimpleITKIO");
        let reorients = match reader {
            "SimpleITKIO" | "NibabelIO" => false,
            "SimpleITKIOWithReorient" | "NibabelIOWithReorient" => true,
            other => {
                let problem = format!(
                    "{other:?} is not supported: expected SimpleITKIO, NibabelIO, SimpleITKIOWithReorient or \
                     NibabelIOWithReorient"
                );
                return Err(fault("image_reader_writer", problem));
            }
        };
        for (name, only) in [("preprocessor_name", "DefaultPreprocessor"), ("label_manager", "LabelManager")] {
            let (place, map) = if name == "label_manager" { ("", plans) } else { (place.as_str(), &configuration) };
            let own = map.get(name).and_then(Value::as_str).filter(|found| *found != only);
            if let Some(own) = own {
                return Err(fault(format!("{place}{name}"), format!("{own:?} is not supported: expected {only}")));
            }
        }
        let data = Resampling::read(&configuration, &place, "data")?;
        let seg = Resampling::read(&configuration, &place, "seg")?;
        let export = Resampling::read(&configuration, &place, "probabilities")?;
        if export.order != 1 {
            let problem = format!("{}: expected 1, the only order for logits", export.order);
            return Err(fault(format!("{place}resampling_fn_probabilities_kwargs.order"), problem));
        }
        if export.rule() != data.rule() {
            let problem = "force_separate_z, order_z and separate_z_anisotropy_threshold must be those of \
                           resampling_fn_data_kwargs, because predictions follow the same step";
            return Err(fault(format!("{place}resampling_fn_probabilities_kwargs"), problem));
        }
        let channels = channels(plans, dataset, &configuration, &place)?;
        let labels = dataset.map(dataset::labels).transpose()?;
        let (decision, dtype) = dataset::decision(dataset, labels.as_ref(), &mut notes)?;
        let ending = dataset.map(dataset::ending).transpose()?.unwrap_or(".nii.gz");
        let name = plans.get("dataset_name").and_then(Value::as_str).unwrap_or("a data set");
        Ok(Self {
            name: name.to_owned(),
            channels,
            spacing,
            transpose: [turn[0], turn[1], turn[2]],
            reorients,
            data,
            seg,
            decision,
            labels: labels.map(Value::Object),
            dtype,
            ending: ending.to_owned(),
            notes,
        })
    }
}

impl Resampling {
    fn read(configuration: &Value, place: &str, what: &str) -> Result<Self, PlansError> {
        let name = format!("resampling_fn_{what}");
        let function = field(configuration, place, &name)?.as_str().unwrap_or_default();
        if function != "resample_data_or_seg_to_shape" {
            let problem = format!("{function:?} is not supported: expected resample_data_or_seg_to_shape");
            return Err(fault(format!("{place}{name}"), problem));
        }
        let place = format!("{place}{name}_kwargs");
        let none = json!({});
        let arguments = configuration.get(format!("{name}_kwargs")).unwrap_or(&none);
        let Some(map) = arguments.as_object() else { return Err(fault(place, format!("{arguments}: expected a map"))) };
        let known = ["is_seg", "order", "order_z", "force_separate_z", "separate_z_anisotropy_threshold"];
        if let Some(unknown) = map.keys().find(|k| !known.contains(&k.as_str())) {
            let problem = format!("not an argument of resample_data_or_seg_to_shape, which has {}", known.join(", "));
            return Err(fault(format!("{place}.{unknown}"), problem));
        }
        let of_seg = what == "seg";
        let is_seg = map.get("is_seg").unwrap_or(&Value::Bool(false));
        if *is_seg != Value::Bool(of_seg) {
            return Err(fault(format!("{place}.is_seg"), format!("{is_seg}: expected {of_seg}")));
        }
        let number = |name: &str, default: u64| match map.get(name) {
            None => Ok(default),
            Some(value) => {
                value.as_u64().ok_or_else(|| fault(format!("{place}.{name}"), format!("{value}: expected 0 to 5")))
            }
        };
        let order = number("order", 3)?;
        if !matches!((what, order), ("data", 0 | 1 | 3) | (_, 0 | 1)) {
            let possible = if what == "data" { "0, 1 or 3" } else { "0 or 1" };
            let problem = format!("{order} is not supported: use {possible}");
            return Err(fault(format!("{place}.order"), problem));
        }
        let separate = match map.get("force_separate_z") {
            None => json!(false),
            Some(Value::Null) => json!("auto"),
            Some(Value::Bool(forced)) => json!(forced),
            Some(other) => {
                let problem = format!("{other}: expected true, false or null");
                return Err(fault(format!("{place}.force_separate_z"), problem));
            }
        };
        let through = match number("order_z", 0)? {
            _ if separate == json!(false) => "nearest",
            0 => "nearest",
            1 if !of_seg => "linear",
            3 if what == "data" => "cubic",
            other => {
                let possible = if of_seg { "0" } else { "0 or 1" };
                return Err(fault(format!("{place}.order_z"), format!("{other} is not supported: use {possible}")));
            }
        };
        let threshold = match map.get("separate_z_anisotropy_threshold") {
            None => ANISOTROPY,
            Some(value) => value.as_f64().filter(|t| *t >= 1.0).ok_or_else(|| {
                fault(format!("{place}.separate_z_anisotropy_threshold"), format!("{value}: expected 1 or more"))
            })?,
        };
        Ok(Self { order, separate, threshold, through })
    }
}

/// The channels with their normalisation.
fn channels(
    plans: &Value,
    dataset: Option<&Value>,
    configuration: &Value,
    configuration_place: &str,
) -> Result<Vec<Channel>, PlansError> {
    let schemes = field(configuration, configuration_place, "normalization_schemes")?;
    let schemes = schemes.as_array().filter(|s| !s.is_empty());
    let place = format!("{configuration_place}normalization_schemes");
    let schemes = schemes.ok_or_else(|| fault(&place, "expected a list of schemes"))?;
    let names = dataset.map(dataset::channel_names).transpose()?.flatten();
    if let Some(names) = names.filter(|n| n.len() != schemes.len()) {
        let problem = format!("{} schemes, but dataset.json has {} channels", schemes.len(), names.len());
        return Err(fault(&place, problem));
    }
    let masks = masks(configuration, configuration_place, schemes.len())?;
    let mut channels = Vec::new();
    for (number, (scheme, masked)) in schemes.iter().zip(masks).enumerate() {
        let masked = masked && scheme == "ZScoreNormalization";
        let steps = match scheme.as_str().unwrap_or_default() {
            "NoNormalization" => Vec::new(),
            "CTNormalization" => {
                let place = format!("foreground_intensity_properties_per_channel.{number}.");
                let properties = plans.get("foreground_intensity_properties_per_channel");
                let properties = properties.or_else(|| plans.get("foreground_intensity_properties_by_modality"));
                let properties = properties.and_then(|p| p.get(number.to_string())).unwrap_or(&Value::Null);
                let mut params = Map::new();
                for name in ["mean", "std", "percentile_00_5", "percentile_99_5"] {
                    let value = field(properties, &place, name)?;
                    if !value.is_number() {
                        return Err(fault(format!("{place}{name}"), format!("{value}: expected a number")));
                    }
                    params.insert(name.to_owned(), value.clone());
                }
                vec![("ct_normalization", Value::Object(params))]
            }
            // One step for all of these channels, see `write`.
            "ZScoreNormalization" if masked => Vec::new(),
            "ZScoreNormalization" => vec![("z_score", json!({}))],
            "RescaleTo01Normalization" => vec![("scale_intensity", json!({ "minv": 0, "maxv": 1 }))],
            "RGBTo01Normalization" => {
                vec![("scale_intensity_range", json!({ "a_min": 0, "a_max": 255, "b_min": 0, "b_max": 1 }))]
            }
            other => {
                let problem = format!(
                    "{other:?} is not supported: expected CTNormalization, ZScoreNormalization, NoNormalization, \
                     RescaleTo01Normalization or RGBTo01Normalization"
                );
                return Err(fault(format!("{place}[{number}]"), problem));
            }
        };
        let about = names.and_then(|n| n.get(&number.to_string())).and_then(Value::as_str).unwrap_or_default();
        let key = if schemes.len() == 1 { "image".to_owned() } else { format!("image_{number:04}") };
        let about = about.replace(['\n', '\r'], " ");
        channels.push(Channel { key, suffix: format!("_{number:04}"), about, masked, steps });
    }
    Ok(channels)
}

/// Which channels are normalised inside the mask.
fn masks(configuration: &Value, place: &str, channels: usize) -> Result<Vec<bool>, PlansError> {
    let value = field(configuration, place, "use_mask_for_norm")?;
    let list = value.as_array().and_then(|l| l.iter().map(Value::as_bool).collect::<Option<Vec<bool>>>());
    list.filter(|l| l.len() == channels).ok_or_else(|| {
        let problem = format!("{value}: expected a list of true or false for each of the {channels} schemes");
        fault(format!("{place}use_mask_for_norm"), problem)
    })
}

#[cfg(test)]
mod tests;
