//! Nodes as the types of their fields.

use serde::de::DeserializeOwned;

use crate::error::{Fault, Place};
use crate::node::Node;

/// A node as a type.
pub(crate) fn typed<T: DeserializeOwned>(node: &Node) -> Result<T, Fault> {
    serde_path_to_error::deserialize(node.json()).map_err(|error| {
        let path: Vec<String> = error.path().iter().map(ToString::to_string).filter(|s| s != ".").collect();
        let problem = error.inner().to_string();
        misfit(node.locate(&path, problem.starts_with("unknown field")), &problem)
    })
}

/// A fault in the form of serde's messages, with what was probably meant.
pub(crate) fn misfit(place: Place, problem: &str) -> Fault {
    let fault = Fault::new(place, problem);
    let names: Vec<&str> = problem.split('`').skip(1).step_by(2).collect();
    match names.split_first() {
        // A prediction has its file below `output`.
        Some((&"path", known)) if known.contains(&"output") => fault.help("write `output: { path: ... }`"),
        Some((&"dtype", known)) if known.contains(&"output") => fault.help("write `output: { path: ..., dtype: ... }`"),
        Some((unknown, known)) if problem.starts_with("unknown") => fault.meant(unknown, known.iter().copied()),
        _ => fault,
    }
}
