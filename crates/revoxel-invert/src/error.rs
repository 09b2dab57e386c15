//! Why predictions cannot be brought back.

use revoxel_core::{Grid, Kind, Relation, VolumeError};
use revoxel_resample::{Interpolation, NonFinite, ResampleError};

use crate::activation::Activation;
use crate::setting::Setting;

/// Why a prediction cannot be brought back.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvertError {
    /// The prediction lies elsewhere.
    #[error(
        "the prediction lies on ({prediction}), but the pipeline's result lies on ({expected}): {relation}. Check that \
         it is a prediction of this case; if only its header is wrong, assume the grid"
    )]
    OtherGrid {
        /// The prediction's grid.
        prediction: Box<Grid>,
        /// The grid in the trace.
        expected: Box<Grid>,
        /// How they differ.
        relation: Relation,
    },
    /// The trace contradicts itself.
    #[error("the trace is damaged, {place}: {problem}")]
    Trace {
        /// Field.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// Values that are not finite, in a place where they mean nothing.
    #[error("{found}; {}", advice(*.kind))]
    NotFinite {
        /// What the values are.
        kind: Kind,
        /// How many there are, and where.
        found: Box<NonFinite>,
    },
    /// Undoing changes of values makes values that are not finite.
    #[error("cannot undo the recorded changes of values: {0}; check that the prediction is in the units of the result")]
    Undone(Box<NonFinite>),
    /// One channel has no highest channel.
    #[error("argmax needs a prediction with one channel per class; this one has a single channel")]
    SingleChannel,
    /// Label maps cannot be averaged.
    #[error("interpolation {0} would average labels: use nearest, label or label_nearest")]
    AveragedLabels(Interpolation),
    /// An interpolation of labels for scores.
    #[error("interpolation {0} is for labels, and the values are of kind {1}: use nearest, linear or cubic")]
    VotedScores(Interpolation, Kind),
    /// A fill that is not a label.
    #[error("fill {0}: the result is a label map, and labels are whole numbers")]
    Fill(f64),
    /// A label that the voxel type does not hold.
    #[error(transparent)]
    Label(#[from] revoxel_core::LostLabel),
    /// A fill that no voxel type holds beside the values.
    #[error("fill: {0}")]
    NoCommonType(#[from] revoxel_core::NoCommonType),
    /// Label maps whose labels no voxel type holds together.
    #[error(
        "the labels of all label maps range from {lowest} to {highest}, which no voxel type can store: invert them one \
         by one"
    )]
    LabelsApart {
        /// The lowest label.
        lowest: i128,
        /// The highest label.
        highest: i128,
    },
    /// Logits of several models without an activation.
    #[error(
        "logits of several members: choose the activation softmax or sigmoid to average probabilities, or none to \
         average scores"
    )]
    NoActivation,
    /// There is nothing to activate.
    #[error("{0} needs logits, and the values are of kind {1}")]
    NoLogits(Activation, Kind),
    /// Members of different kinds.
    #[error("of {this}, but the first prediction is of {first}")]
    Unlike {
        /// What the first one is.
        first: String,
        /// What this one is.
        this: String,
    },
    /// Members of different cases.
    #[error(
        "{first} belongs to ({first_grid}), but {second} to ({second_grid}): {relation}. Check that they are \
         predictions of one case: the grids of their sources must be identical"
    )]
    OtherCase {
        /// The first member.
        first: String,
        /// Its native grid.
        first_grid: Box<Grid>,
        /// The other member.
        second: String,
        /// Its native grid.
        second_grid: Box<Grid>,
        /// How they differ.
        relation: Relation,
    },
    /// A weight outside the allowed range.
    #[error("weight {0:?} must be from 1e-30 to 1e30")]
    Weight(f64),
    /// Weights by channel that are too many or too few.
    #[error(
        "{given} weights for {channels} {}: pass one number, or one per channel",
        if *channels == 1 { "channel" } else { "channels" }
    )]
    WeightCount {
        /// The weights.
        given: usize,
        /// The channels of the prediction.
        channels: usize,
    },
    /// It is not clear which volume of a trace is meant.
    #[error("{0}")]
    Volumes(String),
    /// There is no prediction.
    #[error("there is no prediction")]
    Nothing,
    /// Steps on the model's grid need one.
    #[error("steps in: model need one grid, but the predictions lie on {0} different grids")]
    SeveralModelGrids(usize),
    /// Regions that do not fit.
    #[error("regions: {0}")]
    Regions(String),
    /// Values cannot be undone.
    #[error("step {step} ({transform}): {reason}")]
    Lost {
        /// Number of the step in the trace, from 1.
        step: usize,
        /// Name of the transform.
        transform: String,
        /// Why.
        reason: String,
    },
    /// Values were cut off, and their limit was not accepted.
    #[error("step {step} ({transform}): {reason}")]
    Clipped {
        /// Number of the step in the trace, from 1.
        step: usize,
        /// Name of the transform.
        transform: String,
        /// How, and what to do.
        reason: String,
    },
    /// Scores have no units.
    #[error("values of kind {0} cannot be undone: only images can, and labels whose numbers were exchanged")]
    NoUnits(Kind),
    /// A grid cannot be made.
    #[error(transparent)]
    Grid(#[from] revoxel_core::GridError),
    /// Voxels could not be moved.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// Voxels do not fit the source's grid.
    #[error(transparent)]
    Volume(#[from] VolumeError),
}

impl InvertError {
    /// What a caller can set, of what the message speaks of.
    pub const fn setting(&self) -> Option<Setting> {
        match self {
            Self::OtherGrid { .. } => Some(Setting::AssumeGrid),
            Self::NotFinite { kind: Kind::Probability, .. } => Some(Setting::Logits),
            Self::NoActivation => Some(Setting::Activation),
            Self::Clipped { .. } => Some(Setting::Clamp),
            _ => None,
        }
    }
}

/// What to do about values that are not finite.
fn advice(kind: Kind) -> &'static str {
    match kind {
        Kind::Logit => "replace NaN first (infinite logits are allowed: they are taken to their limit)",
        Kind::Probability => "softmax of infinite logits gives NaN: pass the logits, or replace these values first",
        Kind::Image | Kind::Label => "replace these values first",
    }
}
