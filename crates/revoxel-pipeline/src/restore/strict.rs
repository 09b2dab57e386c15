//! Entries of `restore` hold what a trace records, and nothing else.
//!
//! Traces may have unknown fields and pipelines may not, though both are read as one type. So the fields of a pipeline
//! are compared with the schema of the type.

use revoxel_invert::Recipe;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::error::Fault;
use crate::node::{Data, Node};
use crate::restore_spec::{RestoreSpec, as_written};
use crate::typed::{misfit, typed};

/// Refuses unknown fields, and values that are not of the type of their field.
pub(crate) fn check(document: &Node) -> Result<(), Fault> {
    let Some(Node { data: Data::Map(entries), .. }) = document.child("restore") else { return Ok(()) };
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<RestoreSpec>().to_value();
    as_written(&mut schema);
    for (_, entry) in entries.iter().filter(|(_, entry)| matches!(entry.data, Data::Map(_))) {
        unknown_field(&schema, entry).map_or(Ok(()), Err)?;
        typed::<Recipe>(entry).map_err(|fault| named(&schema, entry, fault))?;
    }
    Ok(())
}

/// The first field that a schema does not have.
fn unknown_field(schema: &Value, node: &Node) -> Option<Fault> {
    match &node.data {
        Data::Map(fields) => {
            let known = part(schema, "properties")?.as_object()?;
            fields.iter().find_map(|(key, value)| match known.get(&key.name) {
                Some(schema) => unknown_field(schema, value),
                None => {
                    let names: Vec<String> = known.keys().map(|name| format!("`{name}`")).collect();
                    let names = match &names[..] {
                        [one, other] => format!("{one} or {other}"),
                        _ => format!("one of {}", names.join(", ")),
                    };
                    Some(misfit(key.place, &format!("unknown field `{}`, expected {names}", key.name)))
                }
            })
        }
        Data::List(list) => {
            let items = part(schema, "items")?;
            list.iter().find_map(|node| unknown_field(items, node))
        }
        _ => None,
    }
}

/// A part of a schema, or of the first of several that has it.
fn part<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let choices = || schema.get("anyOf")?.as_array()?.iter().find_map(|schema| schema.get(name));
    schema.get(name).or_else(choices)
}

/// A fault with the name that was probably meant, where its field takes names.
fn named(schema: &Value, entry: &Node, fault: Fault) -> Fault {
    let Data::Map(fields) = &entry.data else { return fault };
    let field = fields.iter().find(|(_, value)| value.place == fault.place);
    let Some((key, Node { data: Data::Text(text), .. })) = field else { return fault };
    let names = schema["properties"][&key.name]["enum"].as_array();
    fault.meant(text, names.into_iter().flatten().filter_map(Value::as_str))
}
