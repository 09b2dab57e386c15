//! The manual of all transforms, made of the documentation of their parameter types and of what is known of peers.

use serde_json::{Map, Value};

use crate::docs::Docs;
use crate::peers::Program;
use crate::schemas::{resolved, schema};
use crate::{Registry, TransformDef};

/// A parameter of a transform, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What may be written, such as "a number, or a list of 1 to 6 numbers".
    pub values: String,
    /// What it is where it is left out, as JSON; `None` where it has no default.
    pub default: Option<String>,
    /// Whether it must be given.
    pub required: bool,
    /// What it does, with its unit.
    pub about: String,
}

/// The parameters of a transform, in the order of its type.
pub fn parameters(transform: &TransformDef) -> Vec<Parameter> {
    let (schema, definitions) = schema(transform);
    let required = |name: &str| {
        schema.get("required").and_then(Value::as_array).is_some_and(|list| list.iter().any(|entry| entry == name))
    };
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    properties
        .iter()
        .map(|(name, schema)| Parameter {
            name: name.clone(),
            values: values(schema, &definitions),
            default: schema.get("default").filter(|d| !d.is_null()).map(Value::to_string),
            required: required(name),
            about: schema.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " "),
        })
        .collect()
}

/// The manual as a page of Markdown: a table of all transforms, then each with its parameters.
pub fn markdown(registry: &Registry) -> String {
    let mut page = String::from(HEAD);
    let programs = Program::IN_TABLE;
    page.push_str(&format!("| transform | class | inverse | {} |\n", programs.map(Program::name).join(" | ")));
    page.push_str(&format!("|---|---|---|{}\n", "---|".repeat(programs.len())));
    for transform in registry.iter() {
        let inverse = Docs::of(transform).section("Inverse").map(first_sentence).unwrap_or_default();
        let code = |name: &str| format!("`{name}`");
        let names = |program| transform.peer_names(program).into_iter().map(code).collect::<Vec<_>>().join(", ");
        let peers = programs.map(names);
        let (name, class) = (transform.name, transform.class.name());
        let cells = [format!("[`{name}`](#{name})"), class.to_owned(), inverse].into_iter().chain(peers);
        page.push_str(&format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | ")));
    }
    for transform in registry.iter() {
        page.push('\n');
        page.push_str(&entry(transform));
    }
    page
}

const HEAD: &str = "\
# Transforms

All transforms that a pipeline can name. `revoxel transforms --markdown` makes this page from the files of the \
transforms: do not edit it. `revoxel transforms NAME` shows one of them, and `revoxel schema` prints all parameters as \
a JSON Schema, for editors.

A *spatial* transform changes where voxels are and applies to every input; an *intensity* transform changes values and \
applies to images; a *label* transform applies to label maps. `keys: [name]` narrows any of them to some inputs. The \
column *inverse* says how a step is undone. The last columns name the transforms that do the same elsewhere; the \
differences are below. There, *`a` is `b`* means that the argument `a` of the other program is the parameter `b` here.

These rules hold for all transforms. Of MONAI's arguments, `allow_missing_keys` is `optional: true` of an input, and \
`num_samples` is `copies` of the pipeline. `lazy` is always on: consecutive spatial steps interpolate once. Where MONAI \
takes arguments by key and the parameter here is not a map, write one step per key, with `keys`. For `new_key_prefix`, \
let a second input read the same file. Set `dtype` on an output; a step returns the type that its text states. \
`cache_grid`, `device`, `meta_keys` and `meta_key_postfix` are not supported, nor is `align_corners` without a \
parameter of that name. Splines of orders other than 0, 1 and 3, and padding by `empty` or with a `stat_length`, are \
not supported. `replicate` and `circular` of torch are `edge` and `wrap`. Of TorchIO's arguments, `include` and \
`exclude` are `keys`, and `p` is `prob`. Masks given as functions, or as names of ends (`Left` to `Superior`), are not \
supported.

";

fn entry(transform: &TransformDef) -> String {
    let docs = Docs::of(transform);
    let mut text = format!("## {}\n\n*{}.* {}\n", transform.name, transform.class.name(), docs.summary);
    for (heading, body) in &docs.sections {
        text.push_str(&format!("\n### {heading}\n\n{body}\n"));
        if heading == "YAML" {
            text.push_str(&format!("\n### Parameters\n\n{}", table(&parameters(transform))));
        }
    }
    text
}

fn table(parameters: &[Parameter]) -> String {
    if parameters.is_empty() {
        return "None.\n".to_owned();
    }
    let mut text = String::from("| parameter | values | default | |\n|---|---|---|---|\n");
    for p in parameters {
        let default = match (&p.default, p.required) {
            (Some(value), _) => format!("`{value}`"),
            (None, true) => "required".to_owned(),
            (None, false) => String::new(),
        };
        let cells = [format!("`{}`", p.name), p.values.clone(), default, p.about.clone()];
        text.push_str(&format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")));
    }
    text
}

fn first_sentence(text: &str) -> String {
    let text = text.replace('\n', " ");
    text.split_once(". ").map_or(text.clone(), |(first, _)| format!("{first}."))
}

/// What a schema allows, in words.
fn values(schema: &Value, definitions: &Map<String, Value>) -> String {
    let schema = resolved(schema, definitions);
    let list = |field: &str| schema.get(field).and_then(Value::as_array);
    if let Some(choices) = list("enum") {
        return codes(choices.iter().filter(|c| !c.is_null()));
    }
    if let Some(choices) = list("oneOf").or_else(|| list("anyOf")) {
        // The values of an enum with documentation stand one by one.
        let constants: Option<Vec<&Value>> = choices.iter().map(|c| c.get("const")).collect();
        if let Some(constants) = constants {
            return codes(constants.into_iter());
        }
        let mut words: Vec<String> = Vec::new();
        for choice in choices.iter().filter(|c| c.get("type") != Some(&Value::from("null"))) {
            let word = values(choice, definitions);
            if !words.contains(&word) {
                words.push(word);
            }
        }
        return words.join(", or ");
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().find(|k| *k != "null").and_then(Value::as_str),
        kind => kind.and_then(Value::as_str),
    };
    match kind {
        Some("number") => "a number".to_owned(),
        Some("integer") => "a whole number".to_owned(),
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("string") => "text".to_owned(),
        Some("array") => {
            let of = schema.get("items").map(|items| values(items, definitions)).unwrap_or_default();
            let of = match of.as_str() {
                "a number" => "numbers".to_owned(),
                "a whole number" => "whole numbers".to_owned(),
                "text" => "names".to_owned(),
                // Lists of lists, and of nothing known.
                other => format!("of {other}"),
            };
            let ends = ["minItems", "maxItems"].map(|end| schema.get(end).and_then(Value::as_u64));
            match ends {
                [Some(least), Some(most)] if least == most => format!("a list of {most} {of}"),
                [Some(least), Some(most)] => format!("a list of {least} to {most} {of}"),
                _ => format!("a list of {of}"),
            }
            .replace("of of", "of")
        }
        Some("object") => match schema.get("additionalProperties") {
            Some(value) if value.is_object() => format!("by input: {}", values(value, definitions)),
            _ => "a map".to_owned(),
        },
        _ => "any value".to_owned(),
    }
}

fn codes<'a>(choices: impl Iterator<Item = &'a Value>) -> String {
    let word = |v: &Value| v.as_str().map_or_else(|| format!("`{v}`"), |text| format!("`{text}`"));
    choices.map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transform(name: &str) -> TransformDef {
        *Registry::basic().get(name).unwrap()
    }

    #[test]
    fn parameters_are_told_in_words() {
        let t = |name: &str, parameter: &str, values: &str, default: Option<&str>| {
            let all = parameters(&transform(name));
            let found = all.iter().find(|p| p.name == parameter).unwrap_or_else(|| panic!("{name}: {all:?}"));
            assert_eq!((found.values.as_str(), found.default.as_deref()), (values, default), "{name}");
            assert!(!found.about.is_empty());
        };
        t("spacing", "pixdim", "a number, or a list of 1 to 6 numbers", None);
        t("spacing", "rule", "`monai`, `monai_strict`, `nnunet`, `torchio`, `center`", Some("\"monai\""));
        t("spacing", "diagonal", "`true` or `false`", Some("false"));
        t("ct_normalization", "mean", "a number", None);
        t("resample_to", "reference", "text", None);
        t("resize", "size_mode", "`all`, `longest`", Some("\"all\""));
        t("spatial_pad", "value", "a number, or by input: a number", None);
    }

    #[test]
    fn every_transform_is_in_the_manual() {
        let page = markdown(&Registry::basic());
        for transform in Registry::basic().iter() {
            assert!(page.contains(&format!("\n## {}\n", transform.name)), "{}", transform.name);
            assert!(page.contains(&format!("\n| [`{0}`](#{0}) | ", transform.name)), "{}", transform.name);
        }
    }
}
