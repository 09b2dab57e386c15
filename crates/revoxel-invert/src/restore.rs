//! How to restore predictions, as a trace records it.

use std::collections::BTreeMap;

use revoxel_core::{Kind, StoredDtype};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::by_name;
use crate::recipe::Recipe;
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
    /// What is done to it.
    #[serde(flatten)]
    pub recipe: Recipe,
    /// Names of the labels of the result, for formats that hold them: the label by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, i64>,
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
