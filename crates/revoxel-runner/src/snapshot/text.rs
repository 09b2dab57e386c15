//! A snapshot as text: YAML of one fact per line, so that differences are lines.
//!
//! The document is data ([`Value`]). Keys that begin with `#` are comments: they are written, and never compared, because
//! they are not there after reading.

use revoxel_pipeline::{Node, PipelineError};
use serde_json::{Map, Number, Value};

/// A key whose text becomes a comment.
pub(super) const COMMENT: &str = "#";

/// The text of a document.
pub(super) fn write(head: &[String], document: &Value) -> String {
    let mut text = String::new();
    for line in head {
        text.push_str(format!("# {line}").trim_end());
        text.push('\n');
    }
    if let Value::Object(map) = document {
        block(map, 0, &mut text);
    }
    text
}

/// Reads the text of a snapshot, without its comments.
///
/// # Errors
/// Where it is not YAML; `file` is what the error calls it.
pub fn read(file: &str, text: &str) -> Result<Value, PipelineError> {
    Node::read(file, text).map(|node| node.json())
}

fn block(map: &Map<String, Value>, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    for (key, value) in map {
        if key.starts_with(COMMENT) {
            let said = value.as_str().unwrap_or_default();
            said.lines().for_each(|line| text.push_str(&format!("{indent}# {}\n", line.trim())));
            continue;
        }
        let key = plain(key);
        match value {
            Value::Object(inner) if inner.keys().any(|k| !k.starts_with(COMMENT)) => {
                text.push_str(&format!("{indent}{key}:\n"));
                block(inner, depth + 1, text);
            }
            Value::Object(inner) => {
                text.push_str(&format!("{indent}{key}: {{}}\n"));
                block(inner, depth + 1, text);
            }
            Value::Array(rows) if rows.iter().any(is_nested) => {
                text.push_str(&format!("{indent}{key}:\n"));
                rows.iter().for_each(|row| text.push_str(&format!("{indent}  - {}\n", flow(row))));
            }
            other => text.push_str(&format!("{indent}{key}: {}\n", flow(other))),
        }
    }
}

fn is_nested(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_))
}

/// A value on one line.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => shortest(number),
        Value::String(text) => plain(text),
        Value::Array(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries = map.iter().filter(|(key, _)| !key.starts_with(COMMENT));
            let entries: Vec<String> = entries.map(|(key, value)| format!("{}: {}", plain(key), flow(value))).collect();
            if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
        }
    }
}

/// The shortest text that gives the number again. Zero has no sign.
fn shortest(number: &Number) -> String {
    match number.as_f64() {
        Some(0.0) if number.is_f64() => "0.0".to_owned(),
        _ => number.to_string(),
    }
}

/// A text as YAML: bare where that is the same text, else in quotes.
fn plain(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./ +".contains(c);
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let first = text.chars().next();
    let bare = first.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().any(|c| c.is_ascii_alphabetic())
        && text.chars().all(safe)
        && !text.ends_with(' ')
        && !words.contains(&text.to_ascii_lowercase().as_str())
        // Numbers with an exponent, hexadecimal ones, and the names of numbers.
        && text.parse::<f64>().is_err()
        && !text.starts_with("0x")
        && !text.starts_with("0o");
    if bare || is_hash(text) { text.to_owned() } else { Value::from(text).to_string() }
}

fn is_hash(text: &str) -> bool {
    text.strip_prefix("blake3:").is_some_and(|hex| !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_come_back_without_their_comments() {
        let document = json!({
            "revoxel_snapshot": 1,
            "#": "said to people\nin two lines",
            "pipeline": "blake3:00ff",
            "texts": ["1e5", "0x10", "no", "true", "", " a", "a: b", "it's", "RAS", "-1", "1_000", "~", "été", "12:30", "a #b"],
            "numbers": [0, -7, 1.0, 0.1, 1e-7, 1e300, 18446744073709551615u64, -0.5, 1e16],
            "1 spacing": { "pixdim": [1.0, 1.0, 2.5], "none": null, "nested": { "image": "linear", "empty": {} } },
            "affine": [[1.0, 0.0, 0.25], [0.0, -0.1, 3.0]],
            "list": [{ "channel": 0, "label": 2 }],
            "commented": { "#": "only this" },
        });
        let text = write(&["Head.".to_owned(), String::new()], &document);
        assert!(
            text.starts_with("# Head.\n#\nrevoxel_snapshot: 1\n# said to people\n# in two lines\npipeline: "),
            "{text}"
        );
        assert!(
            text.contains("\n1 spacing:\n  pixdim: [1.0, 1.0, 2.5]\n") && text.contains("\n  - [0.0, -0.1, 3.0]\n"),
            "{text}"
        );
        assert!(text.lines().all(|line| line == line.trim_end()));
        let mut expected = document;
        expected.as_object_mut().unwrap().shift_remove("#");
        expected["commented"] = json!({});
        assert_eq!(read("s.yaml", &text).unwrap(), expected, "{text}");
    }
}
