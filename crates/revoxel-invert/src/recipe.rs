//! What is done to predictions.

use std::fmt;

use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::activation::Activation;
use crate::by_name;
use crate::decide::{Decision, Regions};
use crate::schema;

/// Whether recorded changes of values are undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Values {
    /// Values stay as the model made them.
    #[default]
    Keep,
    /// Recorded changes are undone, last first; clipped values are an error.
    Undo,
    /// Recorded changes are undone; clipped values become the limit.
    Clamp,
}

impl Values {
    /// The name as written in pipelines and traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Undo => "undo",
            Self::Clamp => "clamp",
        }
    }

    /// Whether nothing is done.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How predictions become a result: what pipelines say, traces record and command lines override.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recipe {
    /// The interpolation. Default: nearest for labels, linear for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "by_name::optional")]
    #[schemars(schema_with = "schema::interpolation")]
    pub interpolation: Option<Interpolation>,
    /// The function applied to logits before averaging and resampling. Default: none; to average logits, name one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "by_name::optional")]
    #[schemars(schema_with = "schema::activation")]
    pub activation: Option<Activation>,
    /// Make a label map of the channel with the highest value; at a tie, the lowest channel.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub argmax: bool,
    /// Make a label map of overlapping channels, painted one over the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Regions>,
    /// Whether labels are decided on the grid of the model, before resampling.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decide_in_model: bool,
    /// Whether recorded changes of values are undone. Default: keep.
    #[serde(default, skip_serializing_if = "Values::is_keep", deserialize_with = "values_or_keep")]
    #[schemars(with = "Option<Values>")]
    pub values: Values,
    /// The value of voxels that the model never saw, for label maps a label. Default: the background of the kind; for
    /// images the minimum of the prediction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<f64>,
    /// Channels are regions by themselves, none is the background: unseen voxels hold "no" in each. So it is too with
    /// the activation sigmoid, and where regions are decided.
    #[serde(skip)]
    pub overlap: bool,
    /// Take predictions to lie on their traces' result grids whatever their own grids say; the shapes must agree.
    #[serde(skip)]
    pub assume_grid: bool,
    /// Also give the mask of voxels that a model saw.
    #[serde(skip)]
    pub coverage: bool,
}

impl Recipe {
    /// How channels become the result; `regions` come before `argmax`.
    pub fn decision(&self) -> Decision {
        match &self.regions {
            Some(regions) => Decision::Regions(regions.clone()),
            None if self.argmax => Decision::Argmax,
            None => Decision::Channels,
        }
    }

    /// Takes the decision out, so that it is not taken again.
    pub(crate) fn take_decision(&mut self) -> Decision {
        let decision = self.decision();
        (self.argmax, self.regions, self.decide_in_model) = (false, None, false);
        decision
    }
}

/// Null stands for what is left out.
fn values_or_keep<'de, D: Deserializer<'de>>(from: D) -> Result<Values, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
