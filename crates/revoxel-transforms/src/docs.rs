//! The documentation of a transform: the doc comment of its parameter type, and what is known of its peers.
//!
//! The doc comment is the description of the type's JSON Schema.

use serde_json::Value;

use crate::definition::TransformDef;
use crate::same_as::same_as;
use crate::schemas::schema;

/// A title paragraph and sections under `#` headings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Docs {
    /// The first paragraph.
    pub summary: String,
    /// Headings with their text.
    pub sections: Vec<(String, String)>,
}

/// The headings that the documentation of every transform has; the last one is made of its peers.
pub const HEADINGS: [&str; 4] = ["What it does", "YAML", "Inverse", "Same as"];

impl Docs {
    /// What is said of a transform.
    pub fn of(transform: &TransformDef) -> Self {
        let (schema, _) = schema(transform);
        let mut docs = Self::read(schema.get("description").and_then(Value::as_str).unwrap_or_default());
        if !transform.peers.is_empty() {
            docs.sections.push(("Same as".to_owned(), same_as(transform.peers)));
        }
        docs
    }

    fn read(text: &str) -> Self {
        let mut summary = String::new();
        let mut sections: Vec<(String, String)> = Vec::new();
        let mut fenced = false;
        for line in text.lines() {
            fenced ^= line.starts_with("```");
            match line.strip_prefix("# ") {
                Some(heading) if !fenced => sections.push((heading.trim().to_owned(), String::new())),
                _ => {
                    let text = sections.last_mut().map_or(&mut summary, |(_, text)| text);
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
        let sections = sections.into_iter().map(|(h, t)| (h, t.trim().to_owned())).collect();
        Self { summary: summary.trim().to_owned(), sections }
    }

    /// The text under a heading.
    pub fn section(&self, heading: &str) -> Option<&str> {
        self.sections.iter().find(|(h, _)| h == heading).map(|(_, text)| text.as_str())
    }

    /// The YAML examples: the text of every block fenced as `yaml`.
    pub fn examples(&self) -> Vec<String> {
        let text = self.section("YAML").unwrap_or_default();
        text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::TRANSFORMS;

    #[test]
    fn every_transform_is_documented_under_the_fixed_headings() {
        for transform in TRANSFORMS {
            let docs = Docs::of(transform);
            for heading in HEADINGS {
                let text = docs.section(heading).unwrap_or_else(|| panic!("{}: no section {heading}", transform.name));
                assert!(text.len() > 3, "{}: section {heading} is empty", transform.name);
            }
            assert!(!docs.examples().is_empty(), "{}: no yaml example", transform.name);
        }
    }
}
