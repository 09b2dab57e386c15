//! What a pipeline says is to be done with predictions, as a trace records it.

use revoxel_core::{Kind, StoredDtype};
use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::activation::Activation;
use crate::by_name;
use crate::decide::Regions;
use crate::recipe::Values;
use crate::schema;

/// What is to be done with a prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RestoreRecord {
    /// What its values are.
    #[serde(with = "by_name")]
    #[schemars(schema_with = "schema::kind")]
    pub kind: Kind,
    /// The volume whose grid it goes back to; the main one where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// How it is interpolated; by its kind where left out.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "by_name::optional")]
    #[schemars(schema_with = "schema::interpolation")]
    pub interpolation: Option<Interpolation>,
    /// What is done to it first.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "by_name::optional")]
    #[schemars(schema_with = "schema::activation")]
    pub activation: Option<Activation>,
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
    #[serde(default, skip_serializing_if = "Values::is_keep", with = "by_name")]
    #[schemars(schema_with = "schema::values_of")]
    pub values: Values,
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
    #[serde(default, skip_serializing_if = "Option::is_none", with = "by_name::optional")]
    #[schemars(schema_with = "schema::dtype")]
    pub dtype: Option<StoredDtype>,
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
    pub place: RestorePlace,
}

/// Where a step is done to a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RestorePlace {
    /// On the model's grid, before it is resampled.
    Model,
    /// On the scan's grid, after it.
    Native,
}
