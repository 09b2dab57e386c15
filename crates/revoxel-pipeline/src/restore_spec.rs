//! What is to be done with predictions, as written.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::schemas::{DtypeSchema, KindSchema};

/// What is to be done with a prediction.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestoreSpec {
    /// What its values mean: image, label, probability or logit.
    #[schemars(with = "KindSchema")]
    pub(crate) kind: String,
    /// The input whose grid it goes back to; the first image where it is left out.
    #[serde(default)]
    pub(crate) volume: Option<String>,
    /// How it is interpolated; by its kind where it is left out: labels nearest, the rest linear.
    #[serde(default)]
    #[schemars(with = "Option<InterpolationSchema>")]
    pub(crate) interpolation: Option<String>,
    /// What is done to logits before they are averaged or resampled.
    #[serde(default)]
    #[schemars(with = "Option<ActivationSchema>")]
    pub(crate) activation: Option<String>,
    /// Make the label map of the highest channel, the lowest at a tie.
    #[serde(default)]
    pub(crate) argmax: bool,
    /// Make a label map of channels that overlap, painted over each other.
    #[serde(default)]
    pub(crate) regions: Option<RegionsSpec>,
    /// What is done to intensities; they stay as they are where it is left out.
    #[serde(default)]
    pub(crate) values: Option<ValuesSpec>,
    /// What voxels hold that the model never saw; background of the kind where it is left out.
    #[serde(default)]
    pub(crate) fill: Option<f64>,
    /// What is done then, in order: transforms of values, as `- name: { in: model, parameters }`.
    #[serde(default)]
    #[allow(dead_code, reason = "read with their places; here for the schema")]
    pub(crate) steps: Vec<Value>,
    /// The file that is written.
    #[serde(default)]
    pub(crate) output: Option<RestoreOutput>,
}

/// Channels that overlap, painted over each other (nnU-Net: `regions_class_order`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegionsSpec {
    /// The probability above which a voxel belongs to a region; logits are compared with its logit.
    #[serde(default = "half")]
    pub(crate) threshold: f64,
    /// What is painted, in order: later ones over earlier ones.
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

/// The file that is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestoreOutput {
    /// Where, relative to the output folder; the name says the format; `{case}` stands for the case.
    pub(crate) path: String,
    /// The voxel type; for labels the smallest that holds them where it is left out.
    #[serde(default)]
    #[schemars(with = "Option<DtypeSchema>")]
    pub(crate) dtype: Option<String>,
}

/// What is done to intensities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ValuesSpec {
    /// They stay as the model made them.
    Keep,
    /// The recorded changes are undone; values that were cut off are an error.
    Undo,
    /// The recorded changes are undone; for values that were cut off stands the limit.
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
