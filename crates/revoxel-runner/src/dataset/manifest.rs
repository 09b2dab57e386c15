//! Cases from a list: what its rows say, and where the files of the inputs are.

mod json;
mod label_names;
mod nnunet;
mod table;
mod text;
mod unique;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use revoxel_core::Kind;
use revoxel_pipeline::{CASE, CHANNEL, COPY, CaseList, CaseName, Input, Pipeline, Template, Wanted};
use serde_json::{Map, Value};

use super::dicom::Folders;
use super::text::{plain, shortened};
use super::{Case, DatasetError, Finding};

/// A case as a list has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Row {
    /// What it is called; `None` if the list does not say.
    name: Option<String>,
    /// Where it stands, for people, such as `line 3`.
    place: String,
    /// The part of the dataset that it belongs to.
    split: Option<String>,
    /// Its columns. A column of files may have several, one for each channel.
    columns: BTreeMap<String, Vec<String>>,
    /// Whether the paths of its files follow from its name: the list itself names none of them.
    by_rule: bool,
}

/// The rows of a list.
#[derive(Debug, Default)]
struct Rows {
    rows: Vec<Row>,
    /// The columns, in the order of the list.
    columns: Vec<String>,
    /// The labels that the list declares, by their names: a label or a list of labels each, or what is wrong with them.
    labels: Option<Result<Map<String, Value>, String>>,
}

/// Between the files of the channels in a cell of a table.
const BETWEEN: char = ';';

/// What the column of an input's series is called, behind the key of the input.
const SERIES: &str = ".series";

/// What is said of files that lists may not name.
const OUTSIDE: &str = "outside the data folder, which has to be allowed";

/// The cases of a list, and the labels that it declares.
///
/// # Errors
/// Everything that is wrong with the list, at once.
pub(super) fn cases(
    pipeline: &Pipeline,
    list: &CaseList,
    folder: &Path,
    finding: Finding,
) -> Result<(Vec<Case>, Option<Declared>), DatasetError> {
    let path = place(pipeline, list, folder, finding)?;
    let fault = |problems: Vec<String>| {
        let outside = problems.iter().any(|problem| problem.ends_with(OUTSIDE));
        DatasetError::List { path: path.clone(), problems, outside }
    };
    let text = text::read(&path).map_err(|problem| fault(vec![problem]))?;
    let keys: BTreeSet<&str> = pipeline.inputs.iter().map(|input| input.key.as_str()).collect();
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    let rows = match extension.as_str() {
        "json" => json::rows(&text, list, &path, &keys).map_err(|problem| fault(vec![problem]))?,
        "csv" | "tsv" | "txt" => {
            let there = |path: &str| folder.join(path).exists();
            table::rows(&text, list, &extension, &there).map_err(fault)?
        }
        _ => return Err(fault(vec!["not a list of cases: expected .csv, .tsv or .json".to_owned()])),
    };
    let mut problems = unknown_columns(pipeline, list, &rows);
    let declared = declared(pipeline, &path, &rows).unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    let mut cases = Vec::new();
    let mut names: BTreeMap<String, &Row> = BTreeMap::new();
    let mut folders = Folders::default();
    for row in rows.rows.iter().filter(|row| chosen(row, list)) {
        let found = case(pipeline, row, &rows.columns, (folder, finding));
        match found.and_then(|case| with_series(case, pipeline, row, &mut folders)) {
            Ok(case) => {
                if let Some(before) = names.insert(case.name.case.clone(), row) {
                    problems.push(same_case(before, row, &case.name.case));
                }
                cases.push(case);
            }
            Err(problem) => problems.push(format!("{}: {problem}", row.place)),
        }
    }
    if !problems.is_empty() {
        return Err(fault(shortened(problems)));
    }
    if cases.is_empty() {
        return Err(fault(vec![nothing_chosen(list, &rows)]));
    }
    same_channels(pipeline, &mut cases);
    Ok((cases, declared))
}

/// The labels that a list declares, for inputs that declare none.
#[derive(Debug)]
pub(super) struct Declared {
    /// The list.
    pub(super) from: PathBuf,
    /// The inputs.
    pub(super) keys: Vec<String>,
    /// The labels, by their names: a label or a list of labels each.
    pub(super) labels: Map<String, Value>,
}

/// The column of lists that name their labels.
const LABEL: &str = "label";

/// What a list declares of the labels of the inputs that read its column of label maps and declare none themselves.
fn declared(pipeline: &Pipeline, path: &Path, rows: &Rows) -> Result<Option<Declared>, String> {
    let has = |column: &str| rows.columns.iter().any(|c| c == column);
    let reads = |input: &&Input| {
        let by_path = || input.paths().any(|path| path.names().contains(LABEL));
        input.kind == Kind::Label && has(LABEL) && if own_column(input, &has) { input.key == LABEL } else { by_path() }
    };
    let inputs = pipeline.inputs.iter().filter(reads).filter(|input| input.labels.is_none());
    let keys: Vec<String> = inputs.map(|input| input.key.clone()).collect();
    let Some(first) = keys.first() else { return Ok(None) };
    match &rows.labels {
        None => Ok(None),
        Some(Ok(labels)) => Ok(Some(Declared { from: path.to_owned(), keys, labels: labels.clone() })),
        Some(Err(problem)) => {
            Err(format!("{problem}; or declare `labels:` on the input {first:?}, which counts instead"))
        }
    }
}

/// What is said of two rows of one case.
fn same_case(first: &Row, second: &Row, case: &str) -> String {
    let problem = format!("{} and {}: both are case {case:?}", first.place, second.place);
    match (&first.split, &second.split) {
        (Some(one), Some(other)) if one != other => {
            format!("{problem}, one in {one}, one in {other}: write `split: {one}` or `split: {other}` under `cases`")
        }
        _ => problem,
    }
}

/// Notes cases that have other numbers of channels than most.
fn same_channels(pipeline: &Pipeline, cases: &mut [Case]) {
    for input in &pipeline.inputs {
        // Files that are missing are named by the list, too.
        let count = |case: &Case| {
            case.files(&input.key).count() + case.missing.iter().filter(|(key, _)| *key == input.key).count()
        };
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        cases.iter().map(count).filter(|count| *count > 0).for_each(|count| *counts.entry(count).or_default() += 1);
        let Some((usual, _)) = counts.into_iter().max_by_key(|(channels, cases)| (*cases, *channels)) else { continue };
        for case in cases.iter_mut() {
            let own = count(case);
            if own > 0 && own != usual {
                let key = &input.key;
                let files = if own == 1 { "file" } else { "files" };
                case.problems.push(format!("{key}: the list names {own} {files}, and {usual} for most cases"));
            }
        }
    }
}

/// The file of a list: in the data folder, else beside the pipeline.
fn place(pipeline: &Pipeline, list: &CaseList, folder: &Path, finding: Finding) -> Result<PathBuf, DatasetError> {
    let named = Path::new(&list.from);
    if !finding.allow_outside && leaves(named) {
        let problems = vec![format!("it is {OUTSIDE}")];
        return Err(DatasetError::List { path: named.to_owned(), problems, outside: true });
    }
    let (in_data, beside) = (folder.join(named), pipeline.folder().join(named));
    if in_data.exists() || !beside.exists() { Ok(in_data) } else { Ok(beside) }
}

/// Whether a path leads out of the folder that it is relative to.
fn leaves(path: &Path) -> bool {
    path.is_absolute() || path.components().any(|c| matches!(c, Component::ParentDir | Component::Prefix(_)))
}

/// Whether the file of an input is what the column of its name says: where there is one, and the path does not use it.
fn own_column(input: &Input, has: &dyn Fn(&str) -> bool) -> bool {
    has(&input.key) && !input.paths().any(|path| path.names().contains(input.key.as_str()))
}

/// Columns that the pipeline names and the list does not have.
fn unknown_columns(pipeline: &Pipeline, list: &CaseList, rows: &Rows) -> Vec<String> {
    let has = |column: &str| rows.columns.iter().any(|c| c == column);
    let by_path = pipeline.inputs.iter().filter(|input| !input.optional && !own_column(input, &has));
    let templates = by_path.flat_map(Input::paths);
    let others = pipeline.outputs.iter().map(|output| &output.path).chain([&pipeline.trace]);
    let mut wanted: BTreeSet<&str> = templates.chain(others).flat_map(Template::required).collect();
    wanted.extend(list.conditions.iter().map(|condition| condition.column.as_str()));
    let known = |name: &&str| [CASE, COPY, CHANNEL].contains(name) || rows.columns.iter().any(|c| c == name);
    let unknown: Vec<&str> = wanted.into_iter().filter(|name| !known(name)).collect();
    let columns = rows.columns.join(", ");
    unknown.iter().map(|name| format!("it has no column {name:?}; its columns are {columns}")).collect()
}

/// Whether a row is in the part of the dataset that is wanted.
fn chosen(row: &Row, list: &CaseList) -> bool {
    let split =
        list.split.as_ref().is_none_or(|wanted| row.split.as_ref().is_some_and(|split| same_split(split, wanted)));
    split
        && list.conditions.iter().all(|condition| {
            let values = row.columns.get(&condition.column);
            values.is_some_and(|values| values.iter().any(|value| condition.any_of.iter().any(|w| holds(w, value))))
        })
}

/// Whether a cell holds a value: as a number if the pipeline has a number, else as text.
fn holds(wanted: &Wanted, cell: &str) -> bool {
    if wanted.is_number { same_number(&wanted.text, cell) } else { wanted.text == cell }
}

/// Whether two texts are the same number.
fn same_number(a: &str, b: &str) -> bool {
    if let (Ok(a), Ok(b)) = (a.parse::<i128>(), b.parse::<i128>()) {
        return a == b;
    }
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

/// Whether two names are of the same part of a dataset, as different programs call it.
fn same_split(a: &str, b: &str) -> bool {
    let usual = |name: &str| match name.to_lowercase().as_str() {
        "train" | "training" | "tr" => "training".to_owned(),
        "val" | "valid" | "validation" => "validation".to_owned(),
        "test" | "testing" | "ts" => "test".to_owned(),
        other => other.to_owned(),
    };
    usual(a) == usual(b)
}

fn nothing_chosen(list: &CaseList, rows: &Rows) -> String {
    if rows.rows.is_empty() {
        return "it lists no cases".to_owned();
    }
    let splits: BTreeSet<&str> = rows.rows.iter().filter_map(|row| row.split.as_deref()).collect();
    let splits = splits.into_iter().collect::<Vec<_>>().join(", ");
    match &list.split {
        Some(split) if !rows.rows.iter().any(|row| row.split.as_ref().is_some_and(|s| same_split(s, split))) => {
            match splits.is_empty() {
                true => format!("it has no splits: leave out `split: {split}`"),
                false => format!("it has no split {split:?}; its splits are {splits}"),
            }
        }
        _ => {
            let mut problem = format!("none of its {} cases has the values that `cases` asks for", rows.rows.len());
            for condition in &list.conditions {
                problem.push_str(&format!("; {}", values_of(&condition.column, rows)));
            }
            problem
        }
    }
}

/// The values that a column has, for people.
fn values_of(column: &str, rows: &Rows) -> String {
    const MOST: usize = 8;
    let values: BTreeSet<&str> =
        rows.rows.iter().filter_map(|row| row.columns.get(column)).flatten().map(String::as_str).collect();
    let more = if values.len() > MOST { ", …" } else { "" };
    let shown: Vec<&str> = values.into_iter().take(MOST).collect();
    format!("the values of {column} are {}{more}", shown.join(", "))
}

/// The case of a row.
fn case(
    pipeline: &Pipeline,
    row: &Row,
    columns: &[String],
    (folder, finding): (&Path, Finding),
) -> Result<Case, String> {
    let name = name_of(pipeline, row, columns)?;
    let mut case = Case::new(name);
    for input in &pipeline.inputs {
        let mut files = Vec::new();
        let own = own_column(input, &|column| columns.iter().any(|c| c == column));
        let paths: Vec<Vec<String>> = match own {
            true => row.columns.get(&input.key).cloned().into_iter().collect(),
            false => input.paths().filter_map(|template| paths_of(template, row, &case.name)).collect(),
        };
        for paths in paths {
            for path in paths {
                if path.is_empty() {
                    return Err(format!("{}: an empty name among several files", input.key));
                }
                if path.contains('*') && !folder.join(&path).exists() {
                    return Err(format!(
                        "{path:?}: `*` is not looked for with a list of cases; add a column {:?} with the path",
                        input.key
                    ));
                }
                if !finding.allow_outside && leaves(Path::new(&path)) {
                    return Err(format!("{path:?} is {OUTSIDE}"));
                }
                files.push(folder.join(Path::new(&path).components().collect::<PathBuf>()));
            }
        }
        if files.is_empty() && !input.optional {
            let needed: Vec<&str> = match own {
                true => vec![&input.key],
                false => input.paths().flat_map(Template::required).collect(),
            };
            return Err(format!(
                "the column {} is empty, and the input {} needs it; set `optional: true` if cases may lack it",
                needed.join(", "),
                input.key
            ));
        }
        let (there, missing): (Vec<PathBuf>, Vec<PathBuf>) = files.into_iter().partition(|path| path.exists());
        // A list that names a file means it, whether or not a case may lack the input.
        let named = !row.by_rule && (own || input.paths().any(|path| path.text() == format!("{{{}}}", input.key)));
        if named || !input.optional || !there.is_empty() {
            case.missing.extend(missing.into_iter().map(|path| (input.key.clone(), path)));
        }
        case.add(&input.key, there);
    }
    Ok(case)
}

/// The case with the DICOM series that the list names for its inputs.
fn with_series(mut case: Case, pipeline: &Pipeline, row: &Row, folders: &mut Folders) -> Result<Case, String> {
    for input in &pipeline.inputs {
        let column = format!("{}{SERIES}", input.key);
        let Some(uids) = row.columns.get(&column) else { continue };
        let files: Vec<&PathBuf> = case.files(&input.key).collect();
        let own = match (&files[..], &uids[..]) {
            // The error of a missing file names its path.
            ([], _) => continue,
            ([path], [uid]) => folders.series(path, uid).map_err(|problem| format!("{column}: {problem}"))?,
            _ => return Err(format!("{column}: expected one SeriesInstanceUID beside one folder")),
        };
        case.series.insert(input.key.clone(), own);
    }
    Ok(case)
}

/// The paths of a template: of a column alone one for each of its files.
fn paths_of(template: &Template, row: &Row, name: &CaseName) -> Option<Vec<String>> {
    let has = |placeholder: &str| placeholder == CASE || row.columns.contains_key(placeholder);
    if !template.required().into_iter().all(has) {
        return None;
    }
    let alone = template.text().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    if let Some(files) = alone.and_then(|column| row.columns.get(column)) {
        return Some(files.clone());
    }
    let fields = row.columns.iter().map(|(name, values)| (name.clone(), values.join(";"))).collect();
    Some(vec![template.path(&CaseName { fields, ..name.clone() })])
}

/// What a case is called, with the columns that are used in paths of outputs.
fn name_of(pipeline: &Pipeline, row: &Row, columns: &[String]) -> Result<CaseName, String> {
    let case = row.name.clone().filter(|name| !name.trim().is_empty()).ok_or("the case has no name")?;
    plain(CASE, &case)?;
    let restored = pipeline.restore.iter().filter_map(|restore| restore.path.as_ref());
    let outputs = pipeline.outputs.iter().map(|output| &output.path).chain(restored).chain([&pipeline.trace]);
    let mut fields = BTreeMap::new();
    for path in outputs {
        for column in path.names().into_iter().filter(|name| ![CASE, COPY].contains(name)) {
            let Some(values) = row.columns.get(column) else {
                // A column that the list does not have is reported once, not for each row.
                if path.required().contains(column) && columns.iter().any(|c| c == column) {
                    return Err(format!(
                        "the column {column} is empty, and the path {:?} needs it: write it in brackets, such as \
                         [{{{column}}}/], if cases may lack it",
                        path.text()
                    ));
                }
                continue;
            };
            let value = values.join("_");
            plain(column, &value)?;
            fields.insert(column.to_owned(), value);
        }
    }
    Ok(CaseName { fields, ..CaseName::alone(case) })
}

/// A single value of a document as a text; `None` of lists, maps and null.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.strip_prefix("./").unwrap_or(text).to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// The name of a file without the endings of volumes.
fn stem(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.strip_suffix(".gz").unwrap_or(name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}

#[cfg(test)]
mod tests;
