//! Lists of cases as JSON: of nnU-Net v2, of the Medical Segmentation Decathlon, of MONAI, and of `revoxel cases`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use revoxel_pipeline::{CASE, CaseList};
use serde_json::{Map, Value};

use super::label_names;
use super::nnunet;
use super::unique;
use super::{Row, Rows, scalar, stem};

/// The rows of a document, whose keys tell what it is.
///
/// # Errors
/// What is wrong with it.
pub(super) fn rows(text: &str, list: &CaseList, path: &Path, keys: &BTreeSet<&str>) -> Result<Rows, String> {
    let document = unique::value(text)?;
    let Value::Object(document) = document else {
        return Err("expected an object such as { \"training\": [ … ] }".to_owned());
    };
    let mut rows = if document.contains_key("channel_names") || document.contains_key("file_ending") {
        nnunet::rows(&document, path)?
    } else {
        datalist(&document, list, keys)?
    };
    let mut columns: BTreeSet<&String> = BTreeSet::new();
    rows.rows.iter().for_each(|row| columns.extend(row.columns.keys()));
    rows.columns = columns.into_iter().cloned().collect();
    rows.labels = label_names::declared(&document);
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
    let counted = |split: &str| document.get(split).and_then(Value::as_array).map(Vec::len);
    let lists = ["training", "test"].map(|split| (split, counted(split)));
    // Lists with other splits were made of such a document by hand, and its numbers are left over.
    let of_decathlon = ["validation", "val", "testing", "train"].iter().all(|split| !document.contains_key(*split));
    for ((split, listed), field) in lists.into_iter().zip(["numTraining", "numTest"]).filter(|_| of_decathlon) {
        let Some((said, listed)) = document.get(field).and_then(scalar).zip(listed) else { continue };
        if said.parse() != Ok(listed) {
            return Err(format!(
                "{field} is {said}, but the list {split:?} has {listed}: restore the entries that are missing, or \
                 correct the number"
            ));
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
