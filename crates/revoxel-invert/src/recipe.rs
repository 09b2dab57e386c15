//! What is done to predictions.

use std::fmt;
use std::str::FromStr;

use revoxel_resample::Interpolation;

use crate::activation::Activation;
use crate::decide::Decision;

/// What to do with the intensities of a prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Values {
    /// Leave them: the prediction's own units.
    #[default]
    Keep,
    /// Undo the recorded changes, last first; refuse what was cut off.
    Undo,
    /// The same, and take the limit itself for what was cut off.
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

/// The name of nothing that is done to values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("values {0:?}: expected keep, undo or clamp")]
pub struct ValuesError(pub String);

impl FromStr for Values {
    type Err = ValuesError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let all = [Self::Keep, Self::Undo, Self::Clamp];
        all.into_iter().find(|values| values.name() == name).ok_or_else(|| ValuesError(name.to_owned()))
    }
}

/// How predictions become a result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipe {
    /// What is done to every prediction first. `None` means that nobody said, which is enough for one prediction but
    /// not for averaging logits.
    pub activation: Option<Activation>,
    /// What is done to the intensities of every prediction.
    pub values: Values,
    /// The interpolation; the kind decides where it is not given.
    pub interpolation: Option<Interpolation>,
    /// How channels become the result.
    pub decision: Decision,
    /// What voxels of the result hold that no model saw, for labels a label; the kind decides where it is not given
    /// (for images: the mean's minimum).
    pub fill: Option<f64>,
    /// Channels are regions by themselves, none is the background: unseen voxels hold "no" in each. So it is too with
    /// the activation sigmoid, and where regions are decided.
    pub overlap: bool,
    /// Take predictions to lie on their traces' result grids whatever their own grids say; the shapes must agree.
    pub assume_grid: bool,
    /// Also give the mask of voxels that a model saw.
    pub coverage: bool,
}
