//! Choices of a pipeline, in words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which neighbouring steps are executed in one pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fuse {
    /// Exact steps with one resampling: the result is that of the steps one by one.
    #[default]
    Exact,
    /// Also several resamplings: one interpolation instead of several, so values differ from the steps one by one.
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
    /// Read one channel for each, with 1 where it is.
    Channels,
}

/// What to do with slices that lie unevenly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SliceRule {
    /// Refuse the case, naming the gaps.
    #[default]
    Error,
    /// Resample onto an even grid, from where each slice lies; predictions go back onto the slices.
    Regularize,
    /// Take the slices to be even, at the mean gap.
    Nominal,
}

/// What to do where slices are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissingRule {
    /// Refuse the case, naming the slices.
    #[default]
    Error,
    /// Fill them in between their neighbours.
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
