//! Nodes as the types of their fields.

use serde::de::DeserializeOwned;

use crate::error::{Fault, Place};
use crate::node::{Data, Node};

/// A node as a type.
pub(crate) fn typed<T: DeserializeOwned>(node: &Node) -> Result<T, Fault> {
    serde_path_to_error::deserialize(node.json()).map_err(|error| {
        let path: Vec<String> = error.path().iter().map(ToString::to_string).filter(|s| s != ".").collect();
        let problem = error.inner().to_string();
        if let Some(name) = path.iter().try_fold(node, |node, segment| node.child(segment)).and_then(Node::placeholder)
        {
            let problem = format!("expected a text, not a map: put it in quotes, \"{{{name}}}…\"");
            return Fault::new(node.locate(&path, false), problem);
        }
        misfit(node.locate(&path, problem.starts_with("unknown field")), &problem)
    })
}

/// Refuses lists in the place of maps: their values would be taken for the fields, in the order of the type.
pub(crate) fn check_maps(document: &Node) -> Result<(), Fault> {
    let entries =
        ["inputs", "outputs", "restore"].into_iter().filter_map(|section| match &document.child(section)?.data {
            Data::Map(entries) => Some(entries),
            _ => None,
        });
    let entries = entries.flatten().flat_map(|(_, entry)| [Some(entry), entry.child("output")]);
    match entries.flatten().find(|entry| matches!(entry.data, Data::List(_))) {
        Some(list) => Err(Fault::new(list.place, "expected a map of fields, not a list")),
        None => Ok(()),
    }
}

/// A fault in the form of serde's messages, with what was probably meant.
pub(crate) fn misfit(place: Place, problem: &str) -> Fault {
    let fault = Fault::new(place, plain(problem));
    let names: Vec<&str> = problem.split('`').skip(1).step_by(2).collect();
    match names.split_first() {
        // A prediction has its file below `output`.
        Some((&"path", known)) if known.contains(&"output") => fault.help("write `output: { path: ... }`"),
        Some((&"dtype", known)) if known.contains(&"output") => fault.help("write `output: { path: ..., dtype: ... }`"),
        Some((unknown, known)) if problem.starts_with("unknown") => fault.meant(unknown, known.iter().copied()),
        _ => fault,
    }
}

/// A message of serde without the names of Rust's types.
fn plain(problem: &str) -> String {
    const WORDS: [(&str, &str); 10] = [
        ("expected string or map", "expected a text"),
        ("expected u8", "expected a whole number of at least 0"),
        ("expected u16", "expected a whole number of at least 0"),
        ("expected u32", "expected a whole number of at least 0"),
        ("expected u64", "expected a whole number of at least 0"),
        ("expected usize", "expected a whole number of at least 0"),
        ("expected i64", "expected a whole number"),
        ("expected f64", "expected a number"),
        ("expected a sequence", "expected a list"),
        ("invalid type: sequence", "invalid type: list"),
    ];
    if problem.contains("any variant of untagged enum") {
        return "expected a text or a number".to_owned();
    }
    let said = match problem.split_once("expected struct ") {
        Some((before, _)) => format!("{before}expected a map of fields"),
        None => problem.to_owned(),
    };
    WORDS.iter().fold(said, |said, (word, plain)| said.replace(word, plain))
}

impl Node {
    /// The name of a placeholder that stands without quotes: `{case}` is a map to YAML.
    pub(crate) fn placeholder(&self) -> Option<&str> {
        match &self.data {
            Data::Map(fields) => match &fields[..] {
                [(key, value)] if value.data == Data::Null => Some(&key.name),
                _ => None,
            },
            _ => None,
        }
    }
}
