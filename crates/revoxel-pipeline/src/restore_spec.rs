//! How to restore predictions, as written.

use revoxel_invert::Recipe;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::schemas::{DtypeSchema, KindSchema};

/// How to restore a prediction.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(crate) struct RestoreSpec {
    /// Kind of its values: image, label, probability or logit.
    #[schemars(with = "KindSchema")]
    pub(crate) kind: String,
    /// The input whose grid it is mapped back to. Default: the first image.
    #[serde(default)]
    pub(crate) volume: Option<String>,
    /// What is done to it. Its fields lose their places here: `restore::strict` reads them for their faults before.
    #[serde(flatten)]
    pub(crate) recipe: Recipe,
    /// Names of the labels of the result, with a label each; formats that hold names of labels (NIfTI, NRRD) get them.
    #[serde(default)]
    #[schemars(with = "Option<std::collections::BTreeMap<String, i64>>")]
    #[allow(dead_code, reason = "read with their places; here for the schema")]
    pub(crate) labels: Option<Value>,
    /// Steps applied to the prediction, in order: transforms of values, as `- name: { in: model, parameters }`.
    #[serde(default)]
    #[allow(dead_code, reason = "read with their places; here for the schema")]
    pub(crate) steps: Vec<Value>,
    /// The output file.
    #[serde(default)]
    pub(crate) output: Option<RestoreOutput>,
}

/// The output file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestoreOutput {
    /// Path relative to the output folder; its extension selects the format; `{case}` is replaced by the name of the
    /// case.
    pub(crate) path: String,
    /// The voxel type. Default for labels: the smallest type that can store them.
    #[serde(default)]
    #[schemars(with = "Option<DtypeSchema>")]
    pub(crate) dtype: Option<String>,
}

/// Makes a schema one of what is written: a pipeline does not say what follows from its steps.
pub(crate) fn as_written(entry: &mut Value) {
    if let Some(fields) = entry["properties"].as_object_mut() {
        fields.shift_remove("decide_in_model");
    }
    entry["additionalProperties"] = false.into();
}
