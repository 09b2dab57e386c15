//! Schemas of fields of traces.

use revoxel_core::{Dtype, Fidelity, Kind, StoredDtype};
use revoxel_resample::Interpolation;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::activation::Activation;

pub(crate) fn affine(_: &mut SchemaGenerator) -> Schema {
    let row = json_schema!({ "type": "array", "items": { "type": "number" }, "minItems": 4, "maxItems": 4 });
    json_schema!({
        "type": "array",
        "prefixItems": [row, row, row, { "const": [0.0, 0.0, 0.0, 1.0] }],
        "minItems": 4,
        "maxItems": 4
    })
}

pub(crate) fn interpolation(_: &mut SchemaGenerator) -> Schema {
    optional(Interpolation::ALL.map(Interpolation::name))
}

pub(crate) fn separate(_: &mut SchemaGenerator) -> Schema {
    let numbers = Interpolation::ALL.into_iter().filter(|i| !i.weighs_labels());
    one_of(numbers.map(Interpolation::name))
}

pub(crate) fn kind(_: &mut SchemaGenerator) -> Schema {
    one_of(Kind::ALL.map(Kind::name))
}

pub(crate) fn activation(_: &mut SchemaGenerator) -> Schema {
    optional(Activation::ALL.map(Activation::name))
}

pub(crate) fn fidelity(_: &mut SchemaGenerator) -> Schema {
    one_of(Fidelity::ALL.map(Fidelity::name))
}

pub(crate) fn plain_dtype(_: &mut SchemaGenerator) -> Schema {
    one_of(Dtype::ALL.map(Dtype::name))
}

pub(crate) fn stored_dtype(_: &mut SchemaGenerator) -> Schema {
    let plain = Dtype::ALL.into_iter().map(StoredDtype::Plain);
    one_of(plain.chain([StoredDtype::Half]).map(StoredDtype::name))
}

pub(crate) fn dtype(_: &mut SchemaGenerator) -> Schema {
    let plain = Dtype::ALL.into_iter().map(StoredDtype::Plain);
    optional(plain.chain([StoredDtype::Half]).map(StoredDtype::name))
}

fn one_of(names: impl IntoIterator<Item = &'static str>) -> Schema {
    let names: Vec<&str> = names.into_iter().collect();
    json_schema!({ "type": "string", "enum": names })
}

/// One of the names, or the field is left out.
fn optional(names: impl IntoIterator<Item = &'static str>) -> Schema {
    let names: Vec<Value> = names.into_iter().map(Value::from).chain([Value::Null]).collect();
    json_schema!({ "type": ["string", "null"], "enum": names })
}
