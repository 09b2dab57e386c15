//! The JSON Schema of pipeline files.

use revoxel_transforms::docs::Docs;
use revoxel_transforms::{Class, Registry};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::restore_spec::as_written;
use crate::spec::PipelineSpec;

/// The JSON Schema (draft 2020-12) of pipelines with the transforms of a registry: for editors, which then complete
/// and check while one types.
pub fn schema(registry: &Registry) -> Value {
    let mut generator: SchemaGenerator = SchemaSettings::draft2020_12().into_generator();
    let mut restore_steps: Vec<Value> = Vec::new();
    let steps: Vec<Value> = registry
        .iter()
        .map(|transform| {
            let mut params = (transform.schema)(&mut generator).to_value();
            // Parameters stand in definitions; every step also takes `keys`. Their description is the whole manual,
            // which is too long for an editor.
            if let Some(name) = params.get("$ref").and_then(Value::as_str).and_then(|r| r.rsplit('/').next())
                && let Some(definition) = generator.definitions_mut().get_mut(name)
            {
                let none = if definition.get("properties").is_none() { ": none" } else { "" };
                definition["description"] = format!("Parameters of `{}`{none}.", transform.name).into();
                params = definition.clone();
            }
            let keys = json!({
                "description": "The inputs that the step applies to; default: all inputs of a suitable kind.",
                "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }]
            });
            let with = |field: &str, value: Value| {
                let mut params = params.clone();
                if let Some(object) = params.as_object_mut() {
                    let properties = object.entry("properties").or_insert_with(|| json!({}));
                    properties[field] = value;
                }
                json!({
                    "type": "object",
                    "description": Docs::of(transform).summary,
                    "properties": { transform.name: params },
                    "required": [transform.name],
                    "additionalProperties": false
                })
            };
            if transform.class != Class::Spatial {
                let place = json!({
                    "description": "When the step runs: before the prediction is resampled (model) or after (native).",
                    "enum": ["model", "native"],
                    "default": "native"
                });
                restore_steps.push(with("in", place));
            }
            with("keys", keys)
        })
        .collect();
    let names: Vec<&str> = registry.iter().map(|t| t.name).collect();
    let mut schema = generator.into_root_schema_for::<PipelineSpec>().to_value();
    schema["title"] = "revoxel pipeline".into();
    let choices: Vec<Value> = steps.into_iter().chain([json!({ "enum": names })]).collect();
    schema["properties"]["steps"]["items"] = json!({ "anyOf": choices });
    let names = registry.iter().filter(|t| t.class != Class::Spatial).map(|t| t.name);
    restore_steps.push(json!({ "enum": names.collect::<Vec<_>>() }));
    let definitions = &mut schema["$defs"];
    as_written(&mut definitions["RestoreSpec"]);
    // Traces may have unknown fields here.
    for name in ["Regions", "Paint"] {
        definitions[name]["additionalProperties"] = false.into();
    }
    definitions["RestoreSpec"]["properties"]["steps"]["items"] = json!({ "anyOf": restore_steps });
    schema
}
