//! Which DICOM images an input is read from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Fault;
use crate::node::{Data, Node};

/// Which series of a folder or archive: all given fields must match, for exactly one series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesRule {
    /// Its number in the list that `revoxel info` prints, its UID, or its description with `*` and `?`.
    pub name: Option<String>,
    /// SeriesInstanceUID.
    pub uid: Option<String>,
    /// SeriesDescription, with `*` and `?`.
    pub description: Option<String>,
    /// Modality.
    pub modality: Option<String>,
    /// SeriesNumber.
    pub number: Option<i64>,
    /// The minimum number of slices.
    pub min_slices: Option<usize>,
    /// Of all matching series, the one with the most images.
    pub largest: bool,
}

impl SeriesRule {
    /// The rule as it is written.
    pub(crate) fn json(&self) -> Value {
        if let Some(name) = &self.name {
            return name.clone().into();
        }
        let texts = [("uid", &self.uid), ("description", &self.description), ("modality", &self.modality)];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text.clone()?.into())));
        let numbers = [("number", self.number.map(Value::from)), ("min_slices", self.min_slices.map(Value::from))];
        let numbers = numbers.into_iter().filter_map(|(name, number)| Some((name, number?)));
        let largest = self.largest.then_some(("largest", true.into()));
        let fields = texts.chain(numbers).chain(largest).map(|(name, value)| (name.to_owned(), value));
        Value::Object(fields.collect::<Map<_, _>>())
    }
}

/// The rule as written, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum SeriesSchema {
    Number(u64),
    Name(String),
    Fields(Fields),
}

/// Fields of a series; all given fields must match.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) struct Fields {
    /// SeriesInstanceUID.
    uid: Option<String>,
    /// SeriesDescription, with `*` for any text and `?` for any character; case is ignored.
    description: Option<String>,
    /// Modality, such as CT.
    modality: Option<String>,
    /// SeriesNumber.
    number: Option<i64>,
    /// The minimum number of slices.
    min_slices: Option<usize>,
    /// Of all matching series, the one with the most images.
    largest: Option<bool>,
}

const FIELDS: [&str; 6] = ["uid", "description", "modality", "number", "min_slices", "largest"];

/// The rule of an input.
pub(crate) fn rule(node: &Node) -> Result<SeriesRule, Fault> {
    let fault = |node: &Node, problem: String| Err(Fault::new(node.place, format!("series: {problem}")));
    let mut rule = SeriesRule::default();
    let fields = match &node.data {
        Data::Text(name) if FIELDS.iter().any(|field| name.trim_start().starts_with(&format!("{field}="))) => {
            let (field, value) = name.split_once('=').unwrap_or_default();
            return fault(node, format!("write the field as a map: {{ {}: {} }}", field.trim(), value.trim()));
        }
        Data::Text(name) => return Ok(SeriesRule { name: Some(name.clone()), ..rule }),
        Data::Number(number) if number.is_u64() => return Ok(SeriesRule { name: Some(number.to_string()), ..rule }),
        Data::Map(fields) if !fields.is_empty() => fields,
        _ => {
            let expected = "expected a number from the list of `revoxel info`, a UID, a description, or a map such as \
                            { description: \"*thin*\", largest: true }";
            return fault(node, format!("{expected}, not {}", node.json()));
        }
    };
    for (name, value) in fields {
        let text = || match &value.data {
            Data::Text(text) => Ok(Some(text.clone())),
            _ => Err(Fault::new(value.place, format!("series.{}: expected a text, not {}", name.name, value.json()))),
        };
        let whole = match &value.data {
            Data::Number(number) => number.as_i64(),
            _ => None,
        };
        let expected = |what: &str| {
            Fault::new(value.place, format!("series.{}: expected {what}, not {}", name.name, value.json()))
        };
        match name.name.as_str() {
            "uid" => rule.uid = text()?,
            "description" => rule.description = text()?,
            "modality" => rule.modality = text()?,
            "number" => rule.number = Some(whole.ok_or_else(|| expected("a whole number"))?),
            "min_slices" => {
                let slices = whole.and_then(|n| usize::try_from(n).ok());
                rule.min_slices = Some(slices.ok_or_else(|| expected("a number of slices"))?);
            }
            "largest" => match value.data {
                Data::Bool(largest) => rule.largest = largest,
                _ => return Err(expected("true or false")),
            },
            other => {
                let problem = format!("series: there is no field {other:?}");
                return Err(Fault::new(name.place, problem).meant(other, FIELDS));
            }
        }
    }
    Ok(rule)
}

/// What to do with images of different quantities (magnitude and phase, water and fat) at the same positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FramesRule {
    /// They are separate volumes; `select` chooses one.
    #[default]
    Separate,
    /// They are channels of one volume.
    Stack,
}

/// What to do with images that lack the RescaleSlope and RescaleIntercept of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RescaleRule {
    /// Refuse the case, naming the first of them.
    #[default]
    Error,
    /// Use those of the others, if these share one pair.
    Assume,
}

/// What to do if the last frame lacks slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncompleteRule {
    /// Refuse the case, naming the frame.
    #[default]
    Error,
    /// Leave the frame out.
    Drop,
}
