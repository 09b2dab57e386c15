//! The JSON Schema of a transform's parameters.

use schemars::SchemaGenerator;
use serde_json::{Map, Value};

use crate::TransformDef;

/// The schema of a transform's parameters, and the definitions that it refers to.
pub fn schema(transform: &TransformDef) -> (Value, Map<String, Value>) {
    let mut generator = SchemaGenerator::default();
    let schema = (transform.schema)(&mut generator).to_value();
    let definitions = generator.take_definitions(false);
    (resolved(&schema, &definitions).clone(), definitions)
}

/// A schema, or the definition that it refers to, also by way of another.
pub(crate) fn resolved<'a>(schema: &'a Value, definitions: &'a Map<String, Value>) -> &'a Value {
    let mut schema = schema;
    for _ in 0..8 {
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next());
        let Some(next) = name.and_then(|name| definitions.get(name)) else { break };
        schema = next;
    }
    schema
}
