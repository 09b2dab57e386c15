//! Choices of a pipeline, in words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which neighbouring steps are executed in one pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fuse {
    /// Exact steps with one resampling: the result equals that of the separate steps.
    #[default]
    Exact,
    /// Also several resamplings: one interpolation instead of several, so values differ from those of the separate
    /// steps.
    Resampling,
}

/// What to do with complex voxels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComplexRule {
    /// Refuse the case, naming the type.
    #[default]
    Error,
    /// Read two channels: the real part, then the imaginary part.
    Channels,
}

/// What to do with voxels that have several labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverlapRule {
    /// Refuse the case, naming the labels.
    #[default]
    Error,
    /// Read one channel per label, with 1 inside it.
    Channels,
}

/// What to do with unevenly spaced slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SliceRule {
    /// Refuse the case, naming the gaps.
    #[default]
    Error,
    /// Resample to an even grid from the positions of the slices; predictions are mapped back onto the slices.
    Regularize,
    /// Treat the slices as evenly spaced at the mean gap.
    Nominal,
}

/// What to do if slices are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingRule {
    /// Refuse the case, naming the slices.
    #[default]
    Error,
    /// Interpolate them between their neighbours.
    Interpolate,
}

/// Whether an input shares the case's grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GridRule {
    /// It must lie on the grid of the first image.
    #[default]
    Shared,
    /// It may have a grid of its own.
    Own,
}
