//! Pipelines made of the preprocessing that other programs describe.
//!
//! What is translated is a closed subset: what is not supported here is refused by name, and what is left out on
//! purpose is said in the pipeline's comments.

pub mod fingerprint;
pub mod monai;
pub mod nnunet;

use revoxel_pipeline::{Pipeline, PipelineError};
use revoxel_transforms::Registry;
use serde_json::Value;

/// The text of a pipeline, and what people should know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The pipeline file.
    pub text: String,
    /// Remarks; they stand in the file as comments too.
    pub notes: Vec<String>,
}

impl Imported {
    /// Checks that the text is a pipeline.
    ///
    /// # Errors
    /// Where a value that was taken over is none that a transform takes.
    pub fn check(&self, file: &str, registry: &Registry) -> Result<Pipeline, PipelineError> {
        Pipeline::parse(file, &self.text, &[], registry)
    }
}

/// The transforms of all crates.
#[cfg(test)]
fn everything() -> Registry {
    Registry::basic().and(revoxel_augment::TRANSFORMS).and(revoxel_extras::TRANSFORMS)
}

/// A value in one line of YAML, as it stands inside braces: text in quotes unless it is a plain word.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) if plain(text) => text.clone(),
        Value::Array(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let entries: Vec<String> =
                map.iter().map(|(k, v)| format!("{}: {}", flow(&Value::from(k.as_str())), flow(v))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// Whether a text needs no quotes.
fn plain(text: &str) -> bool {
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let letters = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    letters && text.starts_with(|c: char| c.is_ascii_alphabetic()) && !reserved.contains(&text.to_lowercase().as_str())
}

/// A step as a line of YAML.
fn step(name: &str, params: &Value) -> String {
    format!("  - {name}: {}\n", flow(params))
}

/// Lines of comment.
fn comment(text: &str, indent: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() > 100 {
            lines.push_str(&format!("{indent}# {line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    format!("{lines}{indent}# {line}\n")
}
