//! A transform of whatever sort, and what it can be asked.

pub use crate::error::{ApplyError, PlanError};
pub use crate::named::{NamedLabel, Names, RefusedLabel};
pub use crate::outline::Outline;
use crate::random_transform::RandomTransform;
pub use crate::renumbering::Renumbering;
pub use crate::resampling::{PaddingRule, Resampling};
pub use crate::sources::{Evidence, Observed, Sources};
pub use crate::traits::{SpatialTransform, ValueTransform};
pub use crate::values::{ChannelRule, KnownShape, UndoRule, ValueState, ValueTraits};

/// A transform with its parameters.
#[derive(Debug)]
pub enum Transform {
    /// Changes where voxels are.
    Spatial(Box<dyn SpatialTransform>),
    /// Changes values.
    Value(Box<dyn ValueTransform>),
    /// Draws one of the two.
    Random(Box<dyn RandomTransform>),
}

impl Transform {
    /// The other inputs that it looks at, whatever it draws.
    pub fn sources(&self) -> Sources<'_> {
        match self {
            Self::Spatial(transform) => transform.sources(),
            Self::Value(transform) => transform.sources(),
            Self::Random(transform) => transform.sources(),
        }
    }

    /// The labels that parameters name.
    pub fn named_labels(&self) -> Vec<NamedLabel> {
        match self {
            Self::Spatial(transform) => transform.named_labels(),
            Self::Value(transform) => transform.named_labels(),
            Self::Random(transform) => transform.named_labels(),
        }
    }

    /// How ops that interpolate do it, so far as that is known without a draw.
    pub fn resampling(&self) -> Resampling<'_> {
        match self {
            Self::Spatial(transform) => transform.resampling(),
            Self::Value(_) => Resampling::default(),
            Self::Random(transform) => transform.resampling(),
        }
    }

    /// What windows hold where they stick out, so far as that is known without a draw.
    pub fn padding(&self) -> PaddingRule<'_> {
        match self {
            Self::Spatial(transform) => transform.padding(),
            Self::Value(_) => PaddingRule::default(),
            Self::Random(transform) => transform.padding(),
        }
    }
}
