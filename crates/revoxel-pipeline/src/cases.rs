//! Which cases there are, and where their files lie.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use crate::error::{Fault, Place};
use crate::node::{Data, Key, Node};
use crate::template::{CASE, CHANNEL, COPY, Template};

/// Where the cases come from, where it is not the paths of the inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseSource {
    /// A list in a file.
    List(CaseList),
    /// The DICOM series below the data folder.
    Dicom(DicomCases),
}

/// Cases that are DICOM series, or studies or patients of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DicomCases {
    /// The folders that are looked into: a pattern, relative to the data folder, in which `**` is any depth.
    pub folders: String,
    /// What a case is.
    pub group: Grouping,
    /// What a case is called: keywords in braces. `None` for the usual name.
    pub name: Option<Template>,
    /// What keywords must hold, for a series to be taken.
    pub conditions: Vec<Condition>,
    /// Where the section stands.
    pub place: Place,
    /// Where the name stands.
    pub name_place: Place,
}

/// What of a DICOM dataset a case is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// A series.
    #[default]
    Series,
    /// A study: its inputs choose among its series.
    Study,
    /// A patient: its inputs choose among the series of all its studies.
    Patient,
}

impl Grouping {
    const ALL: [Self; 3] = [Self::Series, Self::Study, Self::Patient];

    /// Its name in a pipeline.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Series => "series",
            Self::Study => "study",
            Self::Patient => "patient",
        }
    }
}

/// A list of cases in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseList {
    /// The file, relative to the data folder or, if it is not there, to the folder of the pipeline.
    pub from: String,
    /// The column that names the cases.
    pub name: Option<String>,
    /// The part of the dataset, such as `training`.
    pub split: Option<String>,
    /// What columns must hold.
    pub conditions: Vec<Condition>,
}

/// What a column, or a keyword of DICOM, must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The column or keyword.
    pub column: String,
    /// One of these.
    pub any_of: Vec<Wanted>,
    /// Where its name stands.
    pub place: Place,
}

/// A value that a column, or a keyword of DICOM, may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// As it is written.
    pub text: String,
    /// Whether it is a number: then any way to write this number will do.
    pub is_number: bool,
}

/// The section as written, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum CasesSchema {
    List(ListSchema),
    Dicom(DicomSchema),
}

/// The DICOM series below the data folder.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) struct DicomSchema {
    /// The folders that are looked into, relative to the data folder: `**` stands for any depth (alone: all folders),
    /// `*` and `?` for text within one name. Files that are not DICOM are passed over.
    dicom: String,
    /// What a case is. With study and patient, the field `series` of each input chooses among the series of the case.
    /// Default: series.
    group: Option<GroupSchema>,
    /// What a case is called: DICOM keywords in braces, such as "{PatientID}_{SeriesNumber}". Default: PatientID,
    /// StudyDate and SeriesNumber (of a study without the last, of a patient without the last two).
    name: Option<String>,
    /// Take only series with these values, by DICOM keyword, such as Modality. Values may contain `*` and `?`; case
    /// does not matter. Of an attribute with several values, one must match.
    #[schemars(rename = "where")]
    condition: Option<BTreeMap<String, OneOrMany>>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum GroupSchema {
    Series,
    Study,
    Patient,
}

/// The cases of a list.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) struct ListSchema {
    /// The list: a table (.csv, .tsv), or a dataset.json of nnU-Net, the Medical Segmentation Decathlon or MONAI. It is
    /// looked for in the data folder, then beside the pipeline. Paths in it are relative to the data folder.
    from: String,
    /// The column that names the cases. Default: `case`; in a dataset.json, the name of the first file.
    name: Option<String>,
    /// Take only this part of the dataset, such as training, validation or test.
    split: Option<String>,
    /// Take only cases with this value in the column `fold`.
    fold: Option<OneOrMany>,
    /// Take only cases with these values, by column. Text is compared as text, a number as a number: "007" is not 7.
    #[schemars(rename = "where")]
    condition: Option<BTreeMap<String, OneOrMany>>,
}

/// One path, or one for each channel.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum PathsSchema {
    One(String),
    Many(Vec<String>),
}

/// One value, or several of which one must be there.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum OneOrMany {
    One(Scalar),
    Many(Vec<Scalar>),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum Scalar {
    Text(String),
    Number(f64),
    Bool(bool),
}

const LIST: [&str; 5] = ["from", "name", "split", "fold", "where"];
const DICOM: [&str; 4] = ["dicom", "group", "name", "where"];

/// Where the cases of a pipeline come from.
pub(crate) fn source(node: &Node) -> Result<CaseSource, Fault> {
    let Data::Map(fields) = &node.data else {
        let problem = format!("cases: expected a map such as {{ from: cases.csv }}, not {}", node.json());
        return Err(Fault::new(node.place, problem)
            .help("without `cases`, the cases are the files that match the paths of the inputs"));
    };
    let has = |name: &str| fields.iter().find(|(key, _)| key.name == name);
    match (has("from"), has("dicom")) {
        (Some((first, _)), Some((second, _))) => {
            let later = if first.place.offset > second.place.offset { first } else { second };
            let problem = "cases: `from` and `dicom` exclude each other: the cases are those of a list, or the DICOM \
                           series of folders";
            Err(Fault::new(later.place, problem))
        }
        (_, Some(_)) => dicom(fields, node.place).map(CaseSource::Dicom),
        _ => list(fields, node.place).map(CaseSource::List),
    }
}

fn no_field(key: &Key, fields: &[&'static str], others: &[&'static str]) -> Fault {
    let (name, fields_of) = (&key.name, fields.join(", "));
    if others.contains(&name.as_str()) {
        let first = fields.first().copied().unwrap_or_default();
        let problem = format!("cases: {name} has no meaning beside `{first}`, whose fields are {fields_of}");
        return Fault::new(key.place, problem);
    }
    let problem = format!("cases has no field {name:?}: its fields are {fields_of}");
    Fault::new(key.place, problem).meant(name, fields.iter().chain(others).copied())
}

fn list(fields: &[(Key, Node)], place: Place) -> Result<CaseList, Fault> {
    let mut list = CaseList { from: String::new(), name: None, split: None, conditions: Vec::new() };
    let named = fields.iter().any(|(key, _)| key.name == "from");
    for (key, value) in fields {
        match key.name.as_str() {
            "from" => list.from = text(value, "cases.from")?,
            "name" => list.name = Some(text(value, "cases.name")?),
            "split" => list.split = Some(text(value, "cases.split")?),
            "fold" => list.conditions.push(condition(key, value)?),
            "where" => list.conditions.extend(conditions(value, "columns")?),
            // What is missing comes first.
            "group" if !named => {}
            _ => return Err(no_field(key, &LIST, &DICOM)),
        }
    }
    if list.from.is_empty() {
        let problem = "cases: name the list, such as `from: cases.csv`, or the folders of DICOM series, such as \
                       `dicom: \"**\"`";
        return Err(Fault::new(place, problem));
    }
    Ok(list)
}

fn dicom(fields: &[(Key, Node)], place: Place) -> Result<DicomCases, Fault> {
    let mut cases = DicomCases {
        folders: String::new(),
        group: Grouping::default(),
        name: None,
        conditions: Vec::new(),
        place,
        name_place: place,
    };
    for (key, value) in fields {
        match key.name.as_str() {
            "dicom" => {
                cases.folders = text(value, "cases.dicom")?;
                check_folders(&cases.folders).map_err(|problem| Fault::new(value.place, problem))?;
            }
            "group" => {
                let name = text(value, "cases.group")?;
                let names = Grouping::ALL.map(Grouping::name);
                let group = Grouping::ALL.into_iter().find(|group| group.name() == name);
                cases.group = group.ok_or_else(|| {
                    let problem = format!("cases.group: expected {}, not {name:?}", names.join(", "));
                    Fault::new(value.place, problem).meant(&name, names)
                })?;
            }
            "name" => {
                cases.name = Some(name_template(value)?);
                cases.name_place = value.place;
            }
            "where" => cases.conditions.extend(conditions(value, "DICOM keywords")?),
            _ => return Err(no_field(key, &DICOM, &LIST)),
        }
    }
    Ok(cases)
}

/// Refuses a pattern that does not name folders below the data folder.
fn check_folders(pattern: &str) -> Result<(), String> {
    let problem = |what: &str| Err(format!("cases.dicom: {pattern:?} {what}"));
    let parts: Vec<&str> = pattern.split('/').collect();
    if std::path::Path::new(pattern).is_absolute() || parts.contains(&"..") {
        return problem("leaves the data folder: its folders are relative to it");
    }
    if pattern.contains(['{', '}']) {
        return problem("has a placeholder: DICOM keywords go into `name` and `where`");
    }
    if parts.iter().any(|part| part.contains("**") && *part != "**") {
        return problem("has `**` within a name: it stands for whole folders, as in \"CT/**\"");
    }
    Ok(())
}

/// The name of cases: keywords in braces, and no folders.
fn name_template(node: &Node) -> Result<Template, Fault> {
    let fault = |problem: String| Fault::new(node.place, format!("cases.name: {problem}"));
    let text = text(node, "cases.name")?;
    let template = Template::new(&text).map_err(fault)?;
    if text.contains('/') || template.has_any() {
        return Err(fault(format!("{text:?} is no part of a file name: it must not contain `/` or `*`")));
    }
    if let Some(name) = template.names().into_iter().find(|name| [CASE, COPY, CHANNEL].contains(name)) {
        return Err(fault(format!("{text:?}: {{{name}}} is not a DICOM keyword, such as {{PatientID}}")));
    }
    if template.names().is_empty() {
        let problem = format!("{text:?} is the same for every case: write a DICOM keyword, such as {{PatientID}}");
        return Err(fault(problem));
    }
    Ok(template)
}

fn conditions(node: &Node, of: &str) -> Result<Vec<Condition>, Fault> {
    let Data::Map(fields) = &node.data else {
        let problem = format!("cases.where: expected a map of {of}, not {}", node.json());
        return Err(Fault::new(node.place, problem));
    };
    fields.iter().map(|(key, value)| condition(key, value)).collect()
}

fn condition(key: &Key, node: &Node) -> Result<Condition, Fault> {
    let column = &key.name;
    let values: Vec<&Node> = match &node.data {
        Data::List(values) => values.iter().collect(),
        _ => vec![node],
    };
    let any_of = values.into_iter().map(|value| match value.json() {
        Value::String(text) => Ok(Wanted { text, is_number: false }),
        Value::Number(number) => Ok(Wanted { text: number.to_string(), is_number: true }),
        Value::Bool(flag) => Ok(Wanted { text: flag.to_string(), is_number: false }),
        other => Err(Fault::new(value.place, format!("cases: {column}: expected a text or a number, not {other}"))),
    });
    Ok(Condition { column: column.clone(), any_of: any_of.collect::<Result<_, _>>()?, place: key.place })
}

fn text(node: &Node, field: &str) -> Result<String, Fault> {
    match &node.data {
        Data::Text(text) if !text.trim().is_empty() => Ok(text.clone()),
        _ => Err(Fault::new(node.place, format!("{field}: expected a text, not {}", node.json()))),
    }
}

/// The paths of an input: of its file, and of the files of further channels.
pub(crate) fn paths(key: &str, input: &Node, listed: bool) -> Result<(Template, Vec<Template>), Fault> {
    let Some(node) = input.child("path") else {
        if listed {
            let own = Template::new(&format!("{{{key}}}"));
            return own.map(|path| (path, Vec::new())).map_err(|e| Fault::new(input.place, e));
        }
        return Err(Fault::new(input.place, "missing field `path`"));
    };
    let texts: Vec<&Node> = match &node.data {
        Data::List(list) if !list.is_empty() => list.iter().collect(),
        _ => vec![node],
    };
    let mut templates = Vec::new();
    for node in texts {
        let fault = |problem: String| Fault::new(node.place, problem);
        if let Some(name) = node.placeholder() {
            return Err(fault(format!("expected a path, not a map: put it in quotes, \"{{{name}}}…\"")));
        }
        let text = match &node.data {
            Data::Text(text) => text,
            _ => return Err(fault(format!("expected a path, or a list of paths, not {}", node.json()))),
        };
        let template = Template::new(text).map_err(fault)?;
        template.check_for_finding().map_err(fault)?;
        templates.push(template);
    }
    let first = templates.remove(0);
    Ok((first, templates))
}
