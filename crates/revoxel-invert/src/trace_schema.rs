//! The JSON Schema of traces.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::trace::Trace;

/// The JSON Schema (draft 2020-12) of traces. It says what one field may hold; that the grids form a chain is for readers
/// to check.
pub fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Trace>().to_value();
    schema["title"] = "revoxel trace".into();
    schema
}
