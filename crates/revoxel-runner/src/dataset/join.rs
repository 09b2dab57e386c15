//! Files that belong to one case, by the values of their placeholders.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use revoxel_pipeline::{CASE, CHANNEL, CaseName, Input, Pipeline, Template};

use super::walk::{Found, Value, Values};
use super::{Case, DatasetError, ONLY_CASE};

/// The values of some placeholders, in the order of their names; `None` of those in brackets that are left out.
type Point = Vec<Option<OsString>>;

/// The files of one path of an input.
struct Files<'a> {
    template: &'a Template,
    /// All placeholders but the channel.
    names: BTreeSet<&'a str>,
    /// By the values of the placeholders: the files, with their channels.
    found: BTreeMap<Point, Vec<(Option<String>, PathBuf)>>,
    values: Vec<Values>,
}

impl<'a> Files<'a> {
    fn of(template: &'a Template, folder: &Path) -> Result<Self, DatasetError> {
        let found = Found::by(template, folder)?;
        found.tell();
        let names: BTreeSet<&str> = template.names().into_iter().filter(|name| *name != CHANNEL).collect();
        let mut files = Self { template, names, found: BTreeMap::new(), values: Vec::new() };
        for (mut values, path) in found.matches {
            let channel = values.remove(CHANNEL).map(|value| value.text);
            let there = files.found.entry(point(&files.names, &values)).or_default();
            if there.is_empty() {
                files.values.push(values);
            }
            there.push((channel, path));
        }
        Ok(files)
    }
}

fn point(names: &BTreeSet<&str>, values: &Values) -> Point {
    names.iter().map(|name| values.get(*name).map(|value| value.raw.clone())).collect()
}

/// The cases under a folder. Files with the same values of the placeholders are one case; a file whose path has fewer
/// placeholders belongs to all cases with its values.
pub(super) fn cases(pipeline: &Pipeline, folder: &Path) -> Result<Vec<Case>, DatasetError> {
    let mut files: Vec<(&Input, Vec<Files<'_>>)> = Vec::new();
    for input in &pipeline.inputs {
        let of_paths: Result<Vec<_>, _> = input.paths().map(|path| Files::of(path, folder)).collect();
        files.push((input, of_paths?));
    }
    let all: BTreeSet<&str> = files.iter().flat_map(|(_, f)| f).flat_map(|f| f.names.iter().copied()).collect();
    let mut points: BTreeMap<Point, Values> = BTreeMap::new();
    let mut sources: Vec<&Files<'_>> = files.iter().flat_map(|(_, files)| files).collect();
    sources.sort_by_key(|files| std::cmp::Reverse(files.names.len()));
    for source in sources {
        // A file that is the same for all cases makes none.
        if source.names.is_empty() && !all.is_empty() {
            continue;
        }
        let covered: BTreeSet<Point> = points.values().map(|values| point(&source.names, values)).collect();
        let new = source.values.iter().filter(|values| !covered.contains(&point(&source.names, values)));
        points.extend(new.map(|values| (point(&all, values), values.clone())));
    }
    let order = names_in_order(pipeline);
    let usual = usual_channels(&files);
    let case = |values: &Values| {
        let mut case = Case::new(name_of(values, &order));
        for (input, files) in &files {
            take(&mut case, input, files, values, folder, usual.get(input.key.as_str()));
        }
        case
    };
    Ok(points.values().map(case).collect())
}

/// The placeholders of all inputs, in the order of the pipeline.
fn names_in_order(pipeline: &Pipeline) -> Vec<&str> {
    let mut order: Vec<&str> = Vec::new();
    for name in pipeline.inputs.iter().flat_map(Input::paths).flat_map(Template::names_in_order) {
        if name != CHANNEL && !order.contains(&name) {
            order.push(name);
        }
    }
    order
}

/// What a case is called: the value of `{case}`, or all values with their names, as in `sub-01_ses-02`.
pub(super) fn name_of(values: &Values, order: &[&str]) -> CaseName {
    let named = order.iter().filter_map(|name| Some((*name, values.get(*name)?)));
    let case = match values.get(CASE) {
        Some(value) => value.text.clone(),
        None if order.is_empty() => ONLY_CASE.to_owned(),
        None => named.clone().map(|(name, value)| format!("{name}-{}", value.text)).collect::<Vec<_>>().join("_"),
    };
    let fields = named.filter(|(name, _)| *name != CASE);
    CaseName {
        fields: fields.map(|(name, value)| (name.to_owned(), value.text.clone())).collect(),
        ..CaseName::alone(case)
    }
}

/// Gives a case the files of an input.
fn take(
    case: &mut Case,
    input: &Input,
    files: &[Files<'_>],
    values: &Values,
    folder: &Path,
    usual: Option<&Vec<String>>,
) {
    let mut taken: Vec<PathBuf> = Vec::new();
    let mut missing = Vec::new();
    for of_path in files {
        let expected = || (input.key.clone(), folder.join(path_of(of_path.template, values)));
        let Some(found) = of_path.found.get(&point(&of_path.names, values)) else {
            missing.push(expected());
            continue;
        };
        let mut found: Vec<&(Option<String>, PathBuf)> = found.iter().collect();
        found.sort_by(|a, b| channel_order(&a.0, &b.0).then_with(|| a.1.cmp(&b.1)));
        if let Some(two) = found.windows(2).find(|two| two[0].0 == two[1].0) {
            let same: Vec<String> = found.iter().filter(|(channel, _)| *channel == two[0].0).map(shown).collect();
            let what = path_of(of_path.template, values);
            case.problems.push(format!(
                "{}: {} files match {:?}: {}; write more of the name",
                input.key,
                same.len(),
                what.to_string_lossy(),
                few(&same)
            ));
        }
        let same = |two: &&[&(Option<String>, PathBuf)]| two[0].0 != two[1].0 && number(&two[0].0) == number(&two[1].0);
        if let Some(two) = found.windows(2).filter(|two| number(&two[0].0).is_some()).find(same) {
            let files = [&two[0], &two[1]].map(shown).join(", ");
            case.problems.push(format!("{}: two files have the same channel number: {files}; rename one", input.key));
        }
        let channels: Vec<String> = found.iter().filter_map(|(channel, _)| channel.clone()).collect();
        if let Some(usual) = usual.filter(|usual| **usual != channels) {
            let (here, there) = (channels.join(", "), usual.join(", "));
            case.problems.push(format!("{}: it has the channels {here}, and most cases have {there}", input.key));
        }
        taken.extend(found.into_iter().map(|(_, path)| path.clone()));
    }
    if taken.is_empty() && input.optional {
        return;
    }
    case.missing.extend(missing);
    case.add(&input.key, taken);
}

fn shown((_, path): &&(Option<String>, PathBuf)) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn few(names: &[String]) -> String {
    const MOST: usize = 5;
    let more = if names.len() > MOST { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(MOST)].join(", "))
}

/// Channels as numbers where both are, else as text.
fn channel_order(a: &Option<String>, b: &Option<String>) -> std::cmp::Ordering {
    match (number(a), number(b)) {
        (Some(first), Some(second)) => first.cmp(&second).then_with(|| a.cmp(b)),
        _ => a.cmp(b),
    }
}

/// The number of a channel, if its name is one.
fn number(channel: &Option<String>) -> Option<u64> {
    channel.as_ref()?.parse().ok()
}

/// The channels that most cases have, by key; only of inputs whose path has `{channel}`.
fn usual_channels<'a>(files: &'a [(&'a Input, Vec<Files<'a>>)]) -> BTreeMap<&'a str, Vec<String>> {
    let mut usual = BTreeMap::new();
    for (input, files) in files {
        for of_path in files.iter().filter(|files| files.template.names().contains(CHANNEL)) {
            let mut counts: BTreeMap<Vec<String>, usize> = BTreeMap::new();
            for found in of_path.found.values() {
                let mut channels: Vec<Option<String>> = found.iter().map(|(channel, _)| channel.clone()).collect();
                channels.sort_by(channel_order);
                *counts.entry(channels.into_iter().flatten().collect()).or_default() += 1;
            }
            let most = counts.into_iter().max_by_key(|(channels, count)| (*count, channels.len()));
            usual.extend(most.map(|(channels, _)| (input.key.as_str(), channels)));
        }
    }
    usual
}

/// The path of a template with these values; open placeholders stay as they are written.
fn path_of(template: &Template, values: &Values) -> OsString {
    let text = |value: &Value| value.text.clone();
    let fields: BTreeMap<String, String> = values.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let case = values.get(CASE).map_or_else(|| format!("{{{CASE}}}"), text);
    template.path(&CaseName { fields, ..CaseName::alone(case) }).into()
}
