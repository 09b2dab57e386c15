//! A transform of whatever sort, and what it can be asked.

pub use crate::error::{ApplyError, PlanError};
use crate::random_transform::RandomTransform;
pub use crate::traits::{
    Evidence, NamedLabel, Names, Need, Observed, PaddingRule, RefusedLabel, Resampling, SpatialTransform,
    ValueTransform,
};

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
