//! What a pipeline says is to be done with predictions, as a trace records it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::decide::Regions;
use crate::schema;

/// What is to be done with a prediction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RestoreRecord {
    /// What its values are.
    #[schemars(schema_with = "schema::kind")]
    pub kind: String,
    /// The volume whose grid it goes back to; the main one where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// How it is interpolated; by its kind where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::interpolation")]
    pub interpolation: Option<String>,
    /// What is done to it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::activation")]
    pub activation: Option<String>,
    /// Whether it becomes the label map of its highest channel.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub argmax: bool,
    /// The regions that it becomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Regions>,
    /// Whether labels are decided on the model's grid, before it is resampled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decide_in_model: bool,
    /// What is done to its intensities: undo or clamp; nothing where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::values_of")]
    pub values: Option<String>,
    /// What voxels hold that the model never saw; by its kind where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<f64>,
    /// What is done to it then, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<RestoreStepRecord>,
    /// Path of the result, relative to an output folder; the case is filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Voxel type of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::dtype")]
    pub dtype: Option<String>,
}

/// A step that is done to a prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RestoreStepRecord {
    /// Name of the transform.
    pub transform: String,
    /// Its parameters, all of them, as resolved.
    pub params: Value,
    /// Where: `model` (before it is resampled) or `native` (after it).
    #[serde(rename = "in")]
    #[schemars(extend("enum" = ["model", "native"]))]
    pub place: String,
}
