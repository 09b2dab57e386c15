//! A pipeline as a document of its own.

use revoxel_transforms::Registry;
use serde_json::{Map, Value, json};

use crate::model::Step;
use crate::node::Node;

/// The document, with everything that was set, without texts for people. Steps that read files have what these held.
pub(super) fn document(document: &Node, steps: &[Step], registry: &Registry) -> Value {
    let mut all = match document.json() {
        Value::Object(all) => all,
        _ => Map::new(),
    };
    all.retain(|key, _| !["vars", "description"].contains(&key.as_str()));
    if let Some(Value::Array(written)) = all.get_mut("steps") {
        for (written, step) in written.iter_mut().zip(steps) {
            if registry.get(step.name).is_some_and(|definition| !definition.files.is_empty()) {
                let mut params = step.params.clone();
                params["keys"] = json!(step.keys);
                *written = json!({ step.name: params });
            }
        }
    }
    all.into()
}
