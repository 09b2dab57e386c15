//! How to restore predictions, as written.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::schemas::{DtypeSchema, KindSchema};

/// How to restore a prediction.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestoreSpec {
    /// Kind of its values: image, label, probability or logit.
    #[schemars(with = "KindSchema")]
    pub(crate) kind: String,
    /// The input whose grid it is mapped back to. Default: the first image.
    #[serde(default)]
    pub(crate) volume: Option<String>,
    /// The interpolation. Default: nearest for labels, linear for other kinds.
    #[serde(default)]
    #[schemars(with = "Option<InterpolationSchema>")]
    pub(crate) interpolation: Option<String>,
    /// The function applied to logits before averaging and resampling.
    #[serde(default)]
    #[schemars(with = "Option<ActivationSchema>")]
    pub(crate) activation: Option<String>,
    /// Make a label map of the channel with the highest value; at a tie, the lowest channel.
    #[serde(default)]
    pub(crate) argmax: bool,
    /// Make a label map of overlapping channels, painted one over the other.
    #[serde(default)]
    pub(crate) regions: Option<RegionsSpec>,
    /// Whether recorded changes of values are undone. Default: keep.
    #[serde(default)]
    pub(crate) values: Option<ValuesSpec>,
    /// The value of voxels that the model never saw. Default: the background of the kind.
    #[serde(default)]
    pub(crate) fill: Option<f64>,
    /// Steps applied to the prediction, in order: transforms of values, as `- name: { in: model, parameters }`.
    #[serde(default)]
    #[allow(dead_code, reason = "read with their places; here for the schema")]
    pub(crate) steps: Vec<Value>,
    /// The output file.
    #[serde(default)]
    pub(crate) output: Option<RestoreOutput>,
}

/// Overlapping channels, painted one over the other (nnU-Net: `regions_class_order`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegionsSpec {
    /// The probability above which a voxel belongs to a region; logits are compared with the logit of this probability.
    #[serde(default = "half")]
    pub(crate) threshold: f64,
    /// The regions in the order of painting: later ones cover earlier ones.
    pub(crate) paint: Vec<PaintSpec>,
}

/// A region and its label.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PaintSpec {
    /// The channel, from 0.
    pub(crate) channel: usize,
    /// The label.
    pub(crate) label: u16,
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

/// Whether recorded changes of values are undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ValuesSpec {
    /// Values stay as the model made them.
    Keep,
    /// Recorded changes are undone; clipped values are an error.
    Undo,
    /// Recorded changes are undone; clipped values become the limit.
    Clamp,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum InterpolationSchema {
    Nearest,
    Linear,
    Cubic,
    Label,
    LabelNearest,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum ActivationSchema {
    None,
    Softmax,
    Sigmoid,
}

const fn half() -> f64 {
    0.5
}
