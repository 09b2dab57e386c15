//! How to restore predictions, as a trace records it.

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

/// How to restore a prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RestoreRecord {
    /// Kind of its values.
    #[serde(with = "by_name")]
    #[schemars(schema_with = "schema::kind")]
    pub kind: Kind,
    /// The volume whose grid it is mapped back to. Default: the main volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// The interpolation. Default: by kind.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "by_name::optional")]
    #[schemars(schema_with = "schema::interpolation")]
    pub interpolation: Option<Interpolation>,
    /// The function applied to logits first.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "by_name::optional")]
    #[schemars(schema_with = "schema::activation")]
    pub activation: Option<Activation>,
    /// Whether it becomes a label map of the channel with the highest value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub argmax: bool,
    /// The regions painted into a label map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Regions>,
    /// Whether labels are decided on the grid of the model, before resampling.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decide_in_model: bool,
    /// Whether recorded changes of values are undone: undo or clamp. Default: keep.
    #[serde(default, skip_serializing_if = "Values::is_keep", with = "by_name")]
    #[schemars(schema_with = "schema::values_of")]
    pub values: Values,
    /// The value of voxels that the model never saw. Default: by kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<f64>,
    /// Steps applied to it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<RestoreStepRecord>,
    /// Path of the result for this case, relative to an output folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Voxel type of the result.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "by_name::optional")]
    #[schemars(schema_with = "schema::dtype")]
    pub dtype: Option<StoredDtype>,
}

/// A step applied to a prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RestoreStepRecord {
    /// Name of the transform.
    pub transform: String,
    /// All its parameters, as resolved.
    pub params: Value,
    /// When: `model` (before resampling) or `native` (after resampling).
    #[serde(rename = "in")]
    pub place: RestorePlace,
}

/// When a step is applied to a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RestorePlace {
    /// On the grid of the model, before resampling.
    Model,
    /// On the grid of the scan, after resampling.
    Native,
}
