//! Which cases there are, and where their files lie.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use crate::error::Fault;
use crate::node::{Data, Node};
use crate::template::Template;

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

/// What a column must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The column.
    pub column: String,
    /// One of these texts.
    pub any_of: Vec<String>,
}

/// The list as written, for the schema.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) struct CasesSchema {
    /// The list: a table (.csv, .tsv), or a dataset.json of nnU-Net, the Medical Segmentation Decathlon or MONAI. It is
    /// looked for in the data folder, then beside the pipeline. Paths in it are relative to the data folder.
    from: String,
    /// The column that names the cases. Default: `case`; in a dataset.json, the name of the first file.
    name: Option<String>,
    /// Take only this part of the dataset, such as training, validation or test.
    split: Option<String>,
    /// Take only cases with this value in the column `fold`.
    fold: Option<OneOrMany>,
    /// Take only cases with these values, by column.
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

const FIELDS: [&str; 5] = ["from", "name", "split", "fold", "where"];

/// The list of a pipeline.
pub(crate) fn list(node: &Node) -> Result<CaseList, Fault> {
    let Data::Map(fields) = &node.data else {
        let problem = format!("cases: expected a map such as {{ from: cases.csv }}, not {}", node.json());
        return Err(Fault::new(node.place, problem)
            .help("without `cases`, the cases are the files that match the paths of the inputs"));
    };
    let mut list = CaseList { from: String::new(), name: None, split: None, conditions: Vec::new() };
    for (key, value) in fields {
        match key.name.as_str() {
            "from" => list.from = text(value, "cases.from")?,
            "name" => list.name = Some(text(value, "cases.name")?),
            "split" => list.split = Some(text(value, "cases.split")?),
            "fold" => list.conditions.push(condition("fold", value)?),
            "where" => {
                let Data::Map(columns) = &value.data else {
                    let problem = format!("cases.where: expected a map of columns, not {}", value.json());
                    return Err(Fault::new(value.place, problem));
                };
                for (column, value) in columns {
                    list.conditions.push(condition(&column.name, value)?);
                }
            }
            other => {
                let problem = format!("cases has no field {other:?}: its fields are {}", FIELDS.join(", "));
                return Err(Fault::new(key.place, problem).meant(other, FIELDS));
            }
        }
    }
    if list.from.is_empty() {
        return Err(Fault::new(node.place, "cases: name the list, such as `from: cases.csv`"));
    }
    Ok(list)
}

fn condition(column: &str, node: &Node) -> Result<Condition, Fault> {
    let values: Vec<&Node> = match &node.data {
        Data::List(values) => values.iter().collect(),
        _ => vec![node],
    };
    let any_of = values.into_iter().map(|value| match value.json() {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => Err(Fault::new(value.place, format!("cases: {column}: expected a text or a number, not {other}"))),
    });
    Ok(Condition { column: column.to_owned(), any_of: any_of.collect::<Result<_, _>>()? })
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
