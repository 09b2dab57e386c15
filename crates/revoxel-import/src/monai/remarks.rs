//! What people should know of a pipeline that was made of a configuration.

use serde_json::Value;

use super::call::{ARRAY, Call, MISTAKEN};
use super::refer::Document;
use super::selects;

/// Whether a key is read by ITK, whose headers are in double precision.
pub(super) fn read_by_itk(key: &str, calls: &[Call]) -> bool {
    let load = calls.iter().find(|call| call.base == "LoadImage" && call.keys.iter().any(|k| k == key));
    let reader = load.and_then(|call| call.argument("reader")).and_then(Value::as_str);
    reader.is_some_and(|reader| reader.to_lowercase().contains("itkreader"))
}

/// Remarks on what is read, drawn and left out.
pub(super) fn remarks(
    calls: &[Call],
    keys: &[String],
    copies: Option<u64>,
    document: &Document<'_>,
    notes: &mut Vec<String>,
) {
    if calls.iter().any(|c| c.base == "Spacing" && c.keys.iter().all(|key| read_by_itk(key, calls))) {
        notes.push(
            "ITKReader reads headers in double precision, so the first voxel stays in place: rule monai.".to_owned(),
        );
    }
    if calls.iter().any(|c| c.argument("as_closest_canonical").is_some_and(|value| value == true)) {
        notes.push(
            "as_closest_canonical of LoadImaged is imported as the step canonical, which is also undone.".to_owned(),
        );
    }
    if calls.iter().any(|call| call.array) {
        notes.push(format!("Array transforms have no keys: their volume is named {ARRAY}."));
    }
    for (name, argument) in calls.iter().flat_map(|c| c.no_effect.iter().map(move |a| (&c.name, a))) {
        if MISTAKEN.contains(&argument.as_str()) {
            notes.push(format!(
                "{name} has no argument {argument}: MONAI passes it to its padding, which fails when it pads. Zooms \
                 are drawn between min_zoom and max_zoom, 0.9 and 1.1 by default."
            ));
        }
    }
    if calls.iter().any(Call::is_random) {
        notes.push("Random steps draw from the seed of the pipeline: their numbers differ from MONAI's.".to_owned());
    }
    if let Some(copies) = copies {
        notes.push(format!("num_samples is imported as copies: {copies} results for each case."));
    }
    let split = keys.iter().filter(|key| key.ends_with("_wt")).map(|key| key.trim_end_matches("_wt"));
    for key in
        split.filter(|key| calls.iter().any(|c| c.name.starts_with("ConvertToMulti") && c.keys[0].starts_with(key)))
    {
        notes.push(format!("The three overlapping channels of {key} are three maps: {key}_tc, {key}_wt, {key}_et."));
    }
    let mut without: Vec<String> = Vec::new();
    for text in calls.iter().flat_map(|c| c.no_effect.iter().map(|name| format!("{name} of {}", c.name))) {
        if !without.contains(&text) {
            without.push(text);
        }
    }
    if !without.is_empty() {
        notes.push(format!("Ignored, because they change no values: {}.", without.join(", ")));
    }
    let skipped = document.skipped.borrow();
    if !skipped.is_empty() {
        notes.push(format!("Random transforms left out: {}.", skipped.join(", ")));
    }
    let mut named = calls.iter().filter(|c| !selects(c)).flat_map(|c| &c.keys);
    if let Some(key) = named.find(|key| !keys.contains(key)) {
        notes.push(format!("{key} is left out, because LoadImaged does not read it."));
    }
}
