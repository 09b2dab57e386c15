//! The manual of all transforms, made of their files' heads and of the schemas of their parameters.

use schemars::SchemaGenerator;
use serde_json::{Map, Value};

use crate::docs::Docs;
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

/// The programs whose names for a transform the manual's table lists.
pub const PEERS: [&str; 3] = ["MONAI", "TorchIO", "nnU-Net"];

/// The parameters of a transform, in the order of its type.
pub fn parameters(transform: &TransformDef) -> Vec<Parameter> {
    let mut generator = SchemaGenerator::default();
    let schema = (transform.schema)(&mut generator).to_value();
    let definitions = generator.definitions();
    let schema = resolved(&schema, definitions);
    let required = |name: &str| {
        schema.get("required").and_then(Value::as_array).is_some_and(|list| list.iter().any(|entry| entry == name))
    };
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    properties
        .iter()
        .map(|(name, schema)| Parameter {
            name: name.clone(),
            values: values(schema, definitions),
            default: schema.get("default").filter(|d| !d.is_null()).map(Value::to_string),
            required: required(name),
            about: schema.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " "),
        })
        .collect()
}

/// What a program calls a transform, out of the section *Same as*: the names in code that directly follow its own.
pub fn peer_names(transform: &TransformDef, peer: &str) -> Vec<String> {
    let docs = Docs::of(transform.source);
    let text = docs.section("Same as").unwrap_or_default().replace('\n', " ");
    let mut names = Vec::new();
    for (at, _) in text.match_indices(peer) {
        let rest = text[at + peer.len()..].trim_start_matches("'s").trim_start();
        // A version may stand between: `TorchIO 1.2`, `nnU-Net v2`.
        let rest = rest.trim_start_matches(['v', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']).trim_start();
        let Some(code) = rest.strip_prefix('`').and_then(|r| r.split('`').next()) else { continue };
        let name: String = code.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The transforms that a name of MONAI, TorchIO, nnU-Net or another program stands for: those whose section *Same as*
/// has it, in any spelling (`ScaleIntensityRanged`, `ScaleIntensityRange`, `scale_intensity_range`). First comes the one
/// that is called the same here.
pub fn called<'a>(registry: &'a Registry, name: &str) -> Vec<&'a TransformDef> {
    let wanted = spellings(name);
    let same = |other: &str| spellings(other).iter().any(|s| wanted.contains(s));
    let of_peers = |transform: &TransformDef| {
        let docs = Docs::of(transform.source);
        let text = docs.section("Same as").unwrap_or_default().replace('\n', " ");
        let head =
            |code: &str| -> String { code.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect() };
        text.split('`').skip(1).step_by(2).map(head).any(|code| !code.is_empty() && same(&code))
    };
    let (mut found, others): (Vec<_>, Vec<_>) =
        registry.iter().filter(|t| same(t.name) || of_peers(t)).partition(|t| same(t.name));
    found.extend(others);
    found
}

/// A name without what tells spellings apart: capitals, underscores, and MONAI's ending for dictionaries.
fn spellings(name: &str) -> Vec<String> {
    let plain: String = name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect();
    let short = |ending: &str| plain.strip_suffix(ending).filter(|s| s.len() > 2).map(str::to_owned);
    [short("dict"), short("d")].into_iter().flatten().chain([plain.clone()]).collect()
}

/// The manual as a page of Markdown: a table of all transforms, then each with its parameters.
pub fn markdown(registry: &Registry) -> String {
    let mut page = String::from(HEAD);
    page.push_str(&format!("| transform | class | inverse | {} |\n", PEERS.join(" | ")));
    page.push_str(&format!("|---|---|---|{}\n", "---|".repeat(PEERS.len())));
    for transform in registry.iter() {
        let inverse = Docs::of(transform.source).section("Inverse").map(first_sentence).unwrap_or_default();
        let code = |name: &String| format!("`{name}`");
        let peers = PEERS.map(|peer| peer_names(transform, peer).iter().map(code).collect::<Vec<_>>().join(", "));
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
differences are below.

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
    let docs = Docs::of(transform.source);
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

/// A schema, or the definition that it refers to, also by way of another.
fn resolved<'a>(schema: &'a Value, definitions: &'a Map<String, Value>) -> &'a Value {
    let mut schema = schema;
    for _ in 0..8 {
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next());
        let Some(next) = name.and_then(|name| definitions.get(name)) else { break };
        schema = next;
    }
    schema
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
    fn names_of_peers_are_those_that_follow_them() {
        let t = |name: &str, peer: &str, expected: &[&str]| {
            assert_eq!(peer_names(&transform(name), peer), expected, "{name} {peer}");
        };
        t("flip", "MONAI", &["Flipd"]);
        t("flip", "nnU-Net", &[]);
        t("spacing", "TorchIO", &["Resample"]);
        t("spacing", "nnU-Net", &["resample_data_or_seg_to_spacing"]);
        t("crop_to_nonzero", "nnU-Net", &["crop_to_nonzero"]);
    }

    #[test]
    fn transforms_are_found_by_the_names_of_peers() {
        let registry = Registry::basic();
        let t = |name: &str, expected: &[&str]| {
            let found: Vec<&str> = called(&registry, name).into_iter().map(|t| t.name).collect();
            assert_eq!(found, expected, "{name}");
        };
        t("ScaleIntensityRanged", &["scale_intensity_range"]);
        t("ScaleIntensityRange", &["scale_intensity_range"]);
        t("ScaleIntensityRangeDict", &["scale_intensity_range"]);
        t("Orientationd", &["orientation", "canonical"]);
        t("ZNormalization", &["normalize_intensity", "z_score"]);
        t("CTNormalization", &["ct_normalization"]);
        t("CopyAffine", &["align"]);
        t("CropOrPad", &["crop_or_pad", "resize_with_pad_or_crop"]);
        t("EnsureShapeMultiple", &["divisible_pad", "divisible_crop"]);
        t("Padd", &["border_pad"]);
        t("d", &[]);
        t("", &[]);
        // Whatever the table of the manual lists is found.
        for transform in registry.iter() {
            for name in PEERS.iter().flat_map(|peer| peer_names(transform, peer)) {
                assert!(called(&registry, &name).iter().any(|t| t.name == transform.name), "{name}");
            }
        }
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
