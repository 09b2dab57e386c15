//! The only module that knows which YAML library is used.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::{DuplicateKeyPolicy, Location, MergeKeyPolicy, Spanned};

use crate::error::{Fault, PipelineError, Place};
use crate::node::{Data, Key, Node};

impl Node {
    /// Reads one document of YAML or JSON: plain data only, no key twice.
    ///
    /// # Errors
    /// If the text is something else, with the place. `file` is what the error calls it.
    pub fn read(file: &str, text: &str) -> Result<Self, PipelineError> {
        parse(text).map_err(|fault| PipelineError {
            file: file.to_owned(),
            text: text.into(),
            place: fault.place,
            problem: fault.problem,
            help: fault.help,
        })
    }
}

/// Reads one YAML document. Only plain data: no tags, no merge keys, no key twice; aliases within a budget.
pub(crate) fn parse(text: &str) -> Result<Node, Fault> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        with_snippet: false
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => Ok(node(raw)),
        Err(error) => {
            let mut place = error.location().map(|l| place(&l)).unwrap_or_default();
            if place.offset == 0 && place.line > 0 {
                // Faults of syntax come with line and column only.
                let before: usize = text.split_inclusive('\n').take(place.line - 1).map(str::len).sum();
                let line = text[before..].lines().next().unwrap_or_default();
                let column: usize = line.chars().take(place.column - 1).map(char::len_utf8).sum();
                place.offset = (before + column).min(text.len().saturating_sub(1));
            }
            let message = error.to_string();
            // The place is told apart from the message.
            let problem = message.split(" at line ").next().unwrap_or(&message).to_owned();
            let problem = problem.replace(", set DuplicateKeyPolicy in Options if acceptable", "");
            // Limits of the parser, in its own words.
            let problem = match problem.strip_prefix("budget breached: ") {
                Some(_) if problem.contains("Depth") => "lists and maps lie too deep in one another".to_owned(),
                Some(_) => {
                    "the document is too large: it has too many entries, or aliases that stand for too many".to_owned()
                }
                None => problem,
            };
            let fault = Fault::new(place, problem);
            let line = text.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
            Err(match bare_placeholder(line) {
                Some((true, name)) => fault.help(format!("inside braces, write it in quotes: \"${{{name}}}\"")),
                Some((false, name)) => fault.help(format!(
                    "braces begin a map in YAML: put a path with {{{name}}} in quotes, \"…{{{name}}}…\""
                )),
                None => fault,
            })
        }
    }
}

/// The first placeholder of a line that stands without quotes, and whether it is that of a variable, `${name}`.
fn bare_placeholder(line: &str) -> Option<(bool, &str)> {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') if line[..at].ends_with([' ', '\t']) => return None,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, '{') => {
                let name = line[at + 1..].split_once('}').map_or("", |(name, _)| name.trim());
                if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                    return Some((line[..at].ends_with('$'), name));
                }
            }
            _ => {}
        }
    }
    None
}

enum Raw {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

fn node(raw: Spanned<Raw>) -> Node {
    let place = place(&raw.referenced);
    let data = match raw.value {
        Raw::Null => Data::Null,
        Raw::Bool(value) => Data::Bool(value),
        Raw::Number(value) => Data::Number(value),
        Raw::Text(value) => Data::Text(value),
        Raw::List(list) => Data::List(list.into_iter().map(node).collect()),
        Raw::Map(map) => Data::Map(map.into_iter().map(|(k, v)| (key(k), node(v))).collect()),
    };
    Node { place, data }
}

fn key(key: Spanned<String>) -> Key {
    Key { place: place(&key.referenced), name: key.value }
}

fn place(location: &Location) -> Place {
    let span = location.span();
    let (offset, length) = span.byte_offset().zip(span.byte_len()).unwrap_or_default();
    Place {
        line: location.line() as usize,
        column: location.column() as usize,
        offset: offset as usize,
        length: length as usize,
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML data")
    }

    fn visit_unit<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Raw, E> {
        Number::from_f64(value).map(Raw::Number).ok_or_else(|| E::custom(format!("{value} is not a finite number")))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_places() {
        let node = parse("a: [1, 2.5, no, 'x']\nb:\n  - c: ~\n").unwrap();
        assert_eq!(node.json(), serde_json::json!({ "a": [1, 2.5, "no", "x"], "b": [{ "c": null }] }));
        let path = |p: &[&str]| p.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let at = |p: &[&str]| {
            let place = node.locate(&path(p), false);
            (place.line, place.column)
        };
        assert_eq!([at(&["a", "[1]"]), at(&["b", "0", "c"]), at(&["b", "0", "zz"])], [(1, 8), (3, 8), (3, 5)]);
    }

    #[test]
    fn faults_of_syntax_have_an_offset() {
        // Characters of several bytes stand before the fault, and the offset counts bytes.
        let text = "a: ééé\nb: [1, 2\nc: 3\n";
        let place = parse(text).unwrap_err().place;
        let line = text[..place.offset].matches('\n').count() + 1;
        assert!(place.line > 1 && line == place.line && text.is_char_boundary(place.offset), "{place:?}");
    }

    #[test]
    fn placeholders_without_quotes_are_named() {
        for text in [
            "a: {case}.nii\n",
            "a: {case}/b.nii\nb: 1\n",
            "a: { path: {case}_0.nii, b: 1 }\n",
            "a: { path: images/{case}.nii }\n",
            "a: [ {case}_0.nii, {case}_1.nii ]\n",
            "a: [x/{case}.nii]\n",
            "a:\n  - {case}_0.nii\n  - {case}_1.nii\n",
            "a: [ses-{case}/]{sub}.nii\n",
            "a: { \"q: {sub}\": {case}.nii }\n",
        ] {
            let fault = parse(text).unwrap_err();
            let help = fault.help.unwrap_or_default();
            assert!(help.contains("put a path with {case} in quotes, \"…{case}…\""), "{text:?}: {help}");
        }
        let help = parse("a: { b: ${size} }\n").unwrap_err().help;
        assert_eq!(help.as_deref(), Some("inside braces, write it in quotes: \"${size}\""));
        for text in ["a: [1, 2\nb: 3\n", "a: {b: 1}x\n", "a: \"{case}\" x\n", "a: [1 # {case}\nb: 2\n"] {
            assert_eq!(parse(text).unwrap_err().help, None, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_plain_data_is_refused() {
        let t = |text: &str, line: usize, part: &str| {
            let fault = parse(text).unwrap_err();
            assert!(fault.problem.contains(part) && fault.place.line == line, "{text:?}: {fault:?}");
        };
        t("a: 1\na: 2\n", 2, "duplicate");
        t("a: 1\nb: .nan\n", 2, "non-finite");
        t("a: [1\nb: 2\n", 2, "");
        t("a: !run x\n", 1, "");
        let bomb: String = std::iter::once("a0: &a0 [x]\n".to_owned())
            .chain((1..40).map(|i| format!("a{i}: &a{i} [*a{0}, *a{0}, *a{0}, *a{0}]\n", i - 1)))
            .collect();
        assert!(parse(&bomb).is_err());
        assert!(parse(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn limits_are_told_in_words() {
        let deep = ["[", "]"].map(|side| side.repeat(200)).concat();
        let problem = |text: &str| parse(text).err().map(|fault| fault.problem).unwrap_or_default();
        assert_eq!(problem(&deep), "lists and maps lie too deep in one another");
        let wide = format!("a: [{}]", "1, ".repeat(400_000));
        assert!(problem(&wide).starts_with("the document is too large"), "{}", problem(&wide));
    }
}
