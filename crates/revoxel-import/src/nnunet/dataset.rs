//! What `dataset.json` says: channels, labels, and how files end.
//!
//! Labels follow nnU-Net's `LabelManager`: what it refuses is refused here. A number may be written as text there, and
//! so it may here.

use revoxel_io::writable_extension;
use serde_json::{Map, Value, json};

use super::{PlansError, Source};

/// Files as nnU-Net names them are written under these endings.
const ENDINGS: &str = ".nii.gz, .nii, .nrrd or .mha";

fn fault(place: &str, problem: impl Into<String>) -> PlansError {
    PlansError { file: Source::Dataset, place: place.to_owned(), problem: problem.into() }
}

/// The names of the channels, where they are given.
pub(super) fn channel_names(dataset: &Value) -> Result<Option<&Map<String, Value>>, PlansError> {
    let Some(name) = ["channel_names", "modality"].into_iter().find(|name| dataset.get(name).is_some()) else {
        return Ok(None);
    };
    let names = dataset[name].as_object();
    names.map(Some).ok_or_else(|| {
        fault(name, format!("{}: expected a map of numbers to names, such as {{ \"0\": \"CT\" }}", dataset[name]))
    })
}

/// How files end.
pub(super) fn ending(dataset: &Value) -> Result<&str, PlansError> {
    let Some(value) = dataset.get("file_ending") else { return Ok(".nii.gz") };
    let ending = value.as_str().filter(|e| e.starts_with('.') && writable_extension(format!("case{e}")));
    ending.ok_or_else(|| {
        let problem = format!("{value} cannot be written: convert the files to {ENDINGS}, and change this field");
        fault("file_ending", problem)
    })
}

/// The labels by their names: a number or a list of numbers each.
pub(super) fn labels(dataset: &Value) -> Result<Map<String, Value>, PlansError> {
    let labels = dataset.get("labels").ok_or_else(|| fault("labels", "missing"))?;
    let labels = labels.as_object();
    let labels = labels.ok_or_else(|| fault("labels", "expected a map of names to labels"))?;
    let mut read = Map::new();
    for (name, value) in labels {
        if name == "ignore" && value.is_null() {
            continue;
        }
        let number = match value {
            Value::Array(list) if !list.is_empty() => {
                list.iter().map(whole).collect::<Option<Vec<i64>>>().map(|l| json!(l))
            }
            other => whole(other).map(|n| json!(n)),
        };
        let number = number.ok_or_else(|| {
            let turned = match value.as_str() {
                Some(label) if name.parse::<i64>().is_ok() => {
                    format!("; nnU-Net v2 writes {label:?}: {name}")
                }
                _ => String::new(),
            };
            let problem = format!("{value}: expected a whole number or a list of them{turned}");
            fault(&format!("labels.{name}"), problem)
        })?;
        read.insert(name.clone(), number);
    }
    match read.get("background") {
        None => return Err(fault("labels", "missing \"background\", which must be 0")),
        Some(background) if *background != json!(0) => {
            return Err(fault("labels.background", format!("{background}: expected 0")));
        }
        Some(_) => (),
    }
    if let Some(ignore) = read.get("ignore") {
        let highest = numbers(&read).max().unwrap_or(0);
        if ignore.as_i64() != Some(highest + 1) {
            let problem = format!("{ignore}: expected {}, one above the highest other label", highest + 1);
            return Err(fault("labels.ignore", problem));
        }
    }
    Ok(read)
}

/// A label as nnU-Net reads it, with Python's `int`, but for numbers with a fraction.
fn whole(value: &Value) -> Option<i64> {
    // Exact in f64, and in every voxel type that could hold it.
    let in_range = |n: &i64| n.unsigned_abs() < 1 << 32;
    let number = match value {
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().filter(|x| x.fract() == 0.0).map(|x| x as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(in_range)
}

/// All labels but `ignore`.
fn numbers(labels: &Map<String, Value>) -> impl Iterator<Item = i64> {
    labels.iter().filter(|(name, _)| name.as_str() != "ignore").flat_map(|(_, value)| of(value))
}

fn of(value: &Value) -> Vec<i64> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_i64).collect(),
        other => other.as_i64().into_iter().collect(),
    }
}

/// How logits become labels, and the voxel type.
pub(super) fn decision(
    dataset: Option<&Value>,
    labels: Option<&Map<String, Value>>,
    notes: &mut Vec<String>,
) -> Result<(Value, &'static str), PlansError> {
    let (Some(dataset), Some(labels)) = (dataset, labels) else {
        notes.push(
            "Without dataset.json the labels are unknown: the label is the number of the highest channel.".to_owned(),
        );
        return Ok((json!({ "argmax": true }), "uint8"));
    };
    let mut all: Vec<i64> = numbers(labels).collect();
    all.sort_unstable();
    all.dedup();
    let dtype = if all.last().is_none_or(|highest| *highest < 255) { "uint8" } else { "uint16" };
    if !labels.values().any(|v| v.as_array().is_some_and(|l| l.len() > 1)) {
        if all.iter().zip(0..).any(|(label, position)| *label != position) {
            let note = "The labels have gaps: as in nnU-Net, a segmentation holds channel numbers, 0, 1, 2 …";
            notes.push(note.to_owned());
            return Ok((json!({ "argmax": true }), dtype));
        }
        let learned = labels.iter().filter(|(name, _)| name.as_str() != "ignore");
        let names: Map<String, Value> =
            learned.filter_map(|(name, value)| Some((name.clone(), (*of(value).first()?).into()))).collect();
        return Ok((json!({ "argmax": true, "labels": names }), dtype));
    }
    let place = "regions_class_order";
    let order = dataset.get(place).ok_or_else(|| fault(place, "missing"))?;
    let order = super::whole_numbers(order, place).map_err(|e| fault(place, e.problem))?;
    let regions = labels.iter().filter(|(name, value)| name.as_str() != "ignore" && of(value).iter().any(|l| *l != 0));
    let regions = regions.count();
    if order.len() != regions {
        return Err(fault(place, format!("expected {regions} numbers, one per region, found {}", order.len())));
    }
    let paint: Vec<Value> = order.iter().enumerate().map(|(c, l)| json!({ "channel": c, "label": l })).collect();
    Ok((json!({ "regions": { "paint": paint } }), dtype))
}
