//! Lists of cases as JSON: of nnU-Net v2, of the Medical Segmentation Decathlon, of MONAI, and of `revoxel cases`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use revoxel_pipeline::{CASE, CaseList};
use serde_json::{Map, Value};

use super::{Row, Rows, stem};

/// The rows of a document, whose keys tell what it is.
///
/// # Errors
/// What is wrong with it.
pub(super) fn rows(text: &str, list: &CaseList, path: &Path, keys: &BTreeSet<&str>) -> Result<Rows, String> {
    let document: Value = serde_json::from_str(text).map_err(|e| format!("not JSON: {e}"))?;
    let Value::Object(document) = document else {
        return Err("expected an object such as { \"training\": [ … ] }".to_owned());
    };
    let mut rows = if document.contains_key("channel_names") || document.contains_key("file_ending") {
        nnunet(&document, path)?
    } else {
        datalist(&document, list, keys)?
    };
    let mut columns: BTreeSet<&String> = BTreeSet::new();
    rows.rows.iter().for_each(|row| columns.extend(row.columns.keys()));
    rows.columns = columns.into_iter().cloned().collect();
    Ok(rows)
}

/// A list of entries by split, as the Decathlon and MONAI have it.
fn datalist(document: &Map<String, Value>, list: &CaseList, keys: &BTreeSet<&str>) -> Result<Rows, String> {
    let mut rows = Rows::default();
    for (split, entries) in document {
        let Value::Array(entries) = entries else { continue };
        let known = ["cases", "training", "train", "validation", "val", "testing", "test"].contains(&split.as_str());
        // Other lists, such as names of labels, hold no cases.
        let listed = |entry: &Value| entry.as_object().is_some_and(|e| e.values().any(Value::is_string));
        if !known && !entries.iter().all(listed) {
            continue;
        }
        for (number, entry) in entries.iter().enumerate() {
            let place = format!("{split}[{number}]");
            let mut row = match entry {
                Value::String(image) => {
                    let columns = BTreeMap::from([("image".to_owned(), vec![image.clone()])]);
                    Row { columns, ..Row::default() }
                }
                Value::Object(entry) => entry_of(entry, keys).map_err(|problem| format!("{place}: {problem}"))?,
                other => return Err(format!("{place}: expected an object or a path, not {other}")),
            };
            row.split =
                (split != "cases").then(|| split.clone()).or_else(|| row.columns.get("split")?.first().cloned());
            row.name = name(&row, list);
            rows.rows.push(Row { place, ..row });
        }
    }
    if rows.rows.is_empty() {
        let keys: Vec<&str> = document.keys().map(String::as_str).collect();
        return Err(format!(
            "it has no list of cases: expected one under \"training\", \"validation\" or \"test\"; its keys are {}",
            keys.join(", ")
        ));
    }
    Ok(rows)
}

fn entry_of(entry: &Map<String, Value>, keys: &BTreeSet<&str>) -> Result<Row, String> {
    let mut row = Row::default();
    for (key, value) in entry {
        let wrong = |value: &&Value| !value.is_string();
        let listed = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        if let Some(wrong) = listed.iter().find(wrong).filter(|value| keys.contains(key.as_str()) && !value.is_null()) {
            return Err(format!("{key}: expected a path or a list of paths, not {wrong}"));
        }
        let texts = match value {
            // What holds anything but texts and numbers is no list of files.
            Value::Array(values) => values.iter().map(scalar).collect::<Option<Vec<String>>>().unwrap_or_default(),
            value => scalar(value).into_iter().collect::<Vec<String>>(),
        };
        if !texts.is_empty() {
            row.columns.insert(key.clone(), texts);
        }
    }
    Ok(row)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.strip_prefix("./").unwrap_or(text).to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// What a case is called: by a column, or after its first image.
fn name(row: &Row, list: &CaseList) -> Option<String> {
    let column = |name: &str| row.columns.get(name)?.first().cloned();
    if let Some(chosen) = &list.name {
        return column(chosen);
    }
    column(CASE).or_else(|| {
        let files = row.columns.get("image").or_else(|| row.columns.values().next())?;
        let first = stem(files.first()?);
        Some(if files.len() > 1 { without_channel(&first) } else { first })
    })
}

/// `case_0000` without the number of its channel.
fn without_channel(stem: &str) -> String {
    match stem.rsplit_once('_') {
        Some((case, number)) if number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit()) => case.to_owned(),
        _ => stem.to_owned(),
    }
}

/// The cases of nnU-Net's raw data: those that its file lists, or those in its folders.
fn nnunet(document: &Map<String, Value>, path: &Path) -> Result<Rows, String> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut rows = Rows::default();
    if let Some(Value::Object(listed)) = document.get("dataset") {
        for (case, entry) in listed {
            let images = entry.get("images").and_then(Value::as_array).ok_or("dataset: a case has no \"images\"")?;
            let images: Vec<String> = images.iter().filter_map(scalar).collect();
            let label = entry.get("label").and_then(scalar);
            rows.rows.push(nnunet_row(case, "training", images, label));
        }
    } else {
        let ending = document.get("file_ending").and_then(Value::as_str).ok_or("it has no \"file_ending\"")?;
        let channels = document.get("channel_names").or_else(|| document.get("modality")).and_then(Value::as_object);
        let channels = channels.map(Map::len).ok_or("it has no \"channel_names\"")?;
        for (split, images, labels) in [("training", "imagesTr", Some("labelsTr")), ("test", "imagesTs", None)] {
            let first = format!("_0000{ending}");
            let names = std::fs::read_dir(folder.join(images)).into_iter().flatten().filter_map(Result::ok);
            let names = names.filter_map(|entry| entry.file_name().into_string().ok());
            let names = names.filter(|name| !name.starts_with('.'));
            for case in names.filter_map(|name| name.strip_suffix(&first).map(str::to_owned)) {
                let of_channel = |channel: usize| format!("{images}/{case}_{channel:04}{ending}");
                let label = labels.map(|labels| format!("{labels}/{case}{ending}"));
                rows.rows.push(nnunet_row(&case, split, (0..channels).map(of_channel).collect(), label));
            }
        }
        rows.rows.sort_by(|a, b| a.name.cmp(&b.name));
    }
    split_by_folds(&mut rows, folder)?;
    Ok(rows)
}

fn nnunet_row(case: &str, split: &str, images: Vec<String>, label: Option<String>) -> Row {
    let mut row = Row {
        name: Some(case.to_owned()),
        place: format!("case {case}"),
        split: Some(split.to_owned()),
        columns: BTreeMap::from([(CASE.to_owned(), vec![case.to_owned()])]),
    };
    for (channel, image) in images.iter().enumerate() {
        row.columns.insert(format!("image_{channel:04}"), vec![image.clone()]);
    }
    row.columns.insert("image".to_owned(), images);
    row.columns.extend(label.map(|label| ("label".to_owned(), vec![label])));
    row
}

/// Gives cases the fold in which they validate, by the file of nnU-Net that says so.
fn split_by_folds(rows: &mut Rows, folder: &Path) -> Result<(), String> {
    let path = folder.join("splits_final.json");
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(()) };
    let folds: Vec<Map<String, Value>> = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    for (number, fold) in folds.iter().enumerate() {
        let validates = fold.get("val").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let validates: BTreeSet<&str> = validates.collect();
        for row in rows.rows.iter_mut().filter(|row| row.name.as_deref().is_some_and(|n| validates.contains(n))) {
            row.columns.entry("fold".to_owned()).or_default().push(number.to_string());
        }
    }
    Ok(())
}
