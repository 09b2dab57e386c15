//! Types of which only the schema is used.

use std::collections::BTreeMap;

use schemars::JsonSchema;

/// The names of the kinds, for the schema.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum KindSchema {
    Image,
    Label,
    Probability,
    Logit,
}

/// The names of the voxel types, for the schema.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum DtypeSchema {
    Uint8,
    Int8,
    Uint16,
    Int16,
    Uint32,
    Int32,
    Uint64,
    Int64,
    Float16,
    Float32,
    Float64,
}

/// The labels of an input as written, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum LabelsSchema {
    List(Vec<i64>),
    Names(BTreeMap<String, LabelOrList>),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum LabelOrList {
    Label(i64),
    List(Vec<i64>),
}
