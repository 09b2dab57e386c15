//! The raw data of nnU-Net v2: the cases that its `dataset.json` lists, or those in its folders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use revoxel_pipeline::CASE;
use serde_json::{Map, Value};

use super::unique;
use super::{Row, Rows, scalar};

/// The rows of a `dataset.json`. A warning names files of its folders that belong to no case.
///
/// # Errors
/// What is wrong with it.
pub(super) fn rows(document: &Map<String, Value>, path: &Path) -> Result<Rows, String> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let (mut rows, listed) = match document.get("dataset") {
        Some(Value::Object(listed)) => (listed_rows(listed)?, true),
        _ => (found_rows(document, folder)?, false),
    };
    let training = rows.rows.iter().filter(|row| row.split.as_deref() == Some(TRAINING)).count();
    let said = document.get("numTraining").and_then(scalar);
    if let Some(said) = said.filter(|said| said.parse() != Ok(training)) {
        // A document must agree with itself; of its folders, a part may be what is wanted.
        if listed {
            return Err(format!(
                "numTraining is {said}, but \"dataset\" lists {training}: restore the entries that are missing, or \
                 correct the number"
            ));
        }
        tracing::warn!("{}: numTraining is {said}, but the number of training cases is {training}", path.display());
    }
    split_by_folds(&mut rows, folder)?;
    Ok(rows)
}

const TRAINING: &str = "training";

/// The cases that `dataset` lists.
fn listed_rows(listed: &Map<String, Value>) -> Result<Rows, String> {
    let mut rows = Rows::default();
    for (case, entry) in listed {
        let images = entry.get("images").and_then(Value::as_array);
        let images = images.ok_or_else(|| format!("dataset: case {case:?} has no \"images\""))?;
        let images: Option<Vec<String>> = images.iter().map(scalar).collect();
        let images = images.ok_or_else(|| format!("dataset: case {case:?}: \"images\" is not a list of paths"))?;
        let label = entry.get("label").and_then(scalar);
        rows.rows.push(row(case, TRAINING, images.into_iter().enumerate().collect(), label));
    }
    Ok(rows)
}

/// The cases whose files are in the folders.
fn found_rows(document: &Map<String, Value>, folder: &Path) -> Result<Rows, String> {
    let ending = ending(document)?;
    let channels = channels(document)?;
    let mut rows = Rows::default();
    for (split, images, labels) in [(TRAINING, "imagesTr", Some("labelsTr")), ("test", "imagesTs", None)] {
        let names = names(&folder.join(images));
        let suffixes: Vec<String> = channels.iter().map(|channel| format!("_{channel:04}{ending}")).collect();
        let cases: BTreeSet<&str> = names.iter().filter_map(|name| case_of(name, &suffixes)).collect();
        for case in &cases {
            let of_channel = |channel: &usize| (*channel, format!("{images}/{case}_{channel:04}{ending}"));
            let label = labels.map(|labels| format!("{labels}/{case}{ending}"));
            let row = row(case, split, channels.iter().map(of_channel).collect(), label);
            rows.rows.push(Row { by_rule: true, ..row });
        }
        let counts = |name: &str| name.ends_with(ending) || revoxel_io::check_name_for_writing(name).is_ok();
        let others = names.iter().filter(|name| counts(name) && case_of(name, &suffixes).is_none());
        tell_passed_over(images, &others.map(String::as_str).collect::<Vec<_>>());
        if let Some(labels) = labels {
            let of_case = |name: &str| name.strip_suffix(ending).is_some_and(|case| cases.contains(case));
            let names = self::names(&folder.join(labels));
            let others = names.iter().map(String::as_str).filter(|name| counts(name) && !of_case(name));
            tell_passed_over(labels, &others.collect::<Vec<_>>());
        }
    }
    rows.rows.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(rows)
}

/// The case of a file that ends in one of these.
fn case_of<'a>(name: &'a str, suffixes: &[String]) -> Option<&'a str> {
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix.as_str())).filter(|case| !case.is_empty())
}

/// How files end.
fn ending(document: &Map<String, Value>) -> Result<&str, String> {
    let ending = document.get("file_ending").and_then(Value::as_str).ok_or("it has no \"file_ending\"")?;
    match ending.starts_with('.') {
        true => Ok(ending),
        false => Err(format!("file_ending {ending:?} has no dot in front: write \".{ending}\"")),
    }
}

/// The numbers of the channels: the keys of `channel_names`. (nnU-Net counts them, and takes the files that are there.)
fn channels(document: &Map<String, Value>) -> Result<Vec<usize>, String> {
    const MOST: usize = 9999;
    let name = ["channel_names", "modality"].into_iter().find(|name| document.contains_key(*name));
    let named = name.and_then(|name| Some((name, document[name].as_object()?)));
    let (name, keys) = named.filter(|(_, keys)| !keys.is_empty()).ok_or("it has no \"channel_names\"")?;
    let mut channels: BTreeMap<usize, &str> = BTreeMap::new();
    for key in keys.keys() {
        let number = key.trim().parse().ok().filter(|number| *number <= MOST);
        let number: usize = number.ok_or_else(|| {
            format!("{name}: the key {key:?} is not the number of a channel; expected such as {{ \"0\": \"CT\" }}")
        })?;
        if let Some(other) = channels.insert(number, key) {
            return Err(format!("{name}: {other:?} and {key:?} are the same channel: keep one"));
        }
    }
    Ok(channels.into_keys().collect())
}

/// The names of the files in a folder that are not hidden, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

/// Warns of files that belong to no case.
fn tell_passed_over(folder: &str, names: &[&str]) {
    const MOST: usize = 3;
    if names.is_empty() {
        return;
    }
    let more = if names.len() > MOST { ", …" } else { "" };
    let (files, verb) = if names.len() == 1 { ("file", "belongs") } else { ("files", "belong") };
    let first = names[..names.len().min(MOST)].join(", ");
    tracing::warn!("{folder}: {} {files} {verb} to no case: {first}{more}", names.len());
}

fn row(case: &str, split: &str, images: Vec<(usize, String)>, label: Option<String>) -> Row {
    let mut row = Row {
        name: Some(case.to_owned()),
        place: format!("{split} case {case}"),
        split: Some(split.to_owned()),
        columns: BTreeMap::from([(CASE.to_owned(), vec![case.to_owned()])]),
        by_rule: false,
    };
    for (channel, image) in &images {
        row.columns.insert(format!("image_{channel:04}"), vec![image.clone()]);
    }
    row.columns.insert("image".to_owned(), images.into_iter().map(|(_, image)| image).collect());
    row.columns.extend(label.map(|label| ("label".to_owned(), vec![label])));
    row
}

/// Gives cases the fold in which they validate, by the file of nnU-Net that says so.
fn split_by_folds(rows: &mut Rows, folder: &Path) -> Result<(), String> {
    let path = folder.join("splits_final.json");
    let named = |problem: String| format!("{}: {problem}", path.display());
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        text => text.map_err(|e| named(e.to_string()))?,
    };
    let Value::Array(folds) = unique::value(&text).map_err(named)? else {
        return Err(named("expected a list of folds".to_owned()));
    };
    for (number, fold) in folds.iter().enumerate() {
        let validates = fold.get("val").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let validates: BTreeSet<&str> = validates.collect();
        for row in rows.rows.iter_mut().filter(|row| row.name.as_deref().is_some_and(|n| validates.contains(n))) {
            row.columns.entry("fold".to_owned()).or_default().push(number.to_string());
        }
    }
    Ok(())
}
