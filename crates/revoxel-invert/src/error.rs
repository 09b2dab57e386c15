//! Why predictions cannot be brought back.

use revoxel_core::{Grid, Kind, Relation, VolumeError};
use revoxel_resample::{Interpolation, NonFinite, ResampleError};

use crate::activation::Activation;

/// Why a prediction cannot be brought back.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvertError {
    /// The prediction lies elsewhere.
    #[error(
        "the prediction lies on ({prediction}), but the pipeline's result lies on ({expected}): {relation}. Is it a \
         prediction of this case? If only its header is wrong, use --assume-grid"
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
    #[error("the recorded changes of values cannot be undone: {0}; is the prediction in the units of the result?")]
    Undone(Box<NonFinite>),
    /// One channel has no highest channel.
    #[error("--argmax needs a prediction with one channel per class; this one has a single channel")]
    SingleChannel,
    /// Label maps cannot be averaged.
    #[error("labels are names: {0} would average them; use nearest or label")]
    AveragedLabels(Interpolation),
    /// Scores are no labels.
    #[error("--interpolation {0} chooses among labels, and these are of kind {1}: use nearest, linear or cubic")]
    VotedScores(Interpolation, Kind),
    /// A fill that is no label.
    #[error("--fill {0}: the result holds labels, and these are whole numbers")]
    Fill(f64),
    /// A label that the voxel type does not hold.
    #[error(transparent)]
    Label(#[from] revoxel_core::LostLabel),
    /// A fill that no voxel type holds beside the values.
    #[error("--fill: {0}")]
    NoCommonType(#[from] revoxel_core::NoCommonType),
    /// Label maps whose labels no voxel type holds together.
    #[error(
        "the label maps hold labels from {lowest} to {highest} together, which no voxel type holds: invert them one by one"
    )]
    LabelsApart {
        /// The lowest label.
        lowest: i128,
        /// The highest label.
        highest: i128,
    },
    /// Logits of several models are averaged as probabilities, and there are two ways.
    #[error(
        "logits of several members: say --activation softmax or sigmoid to average probabilities, or none to average \
         the scores"
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
        "{first} belongs to ({first_grid}), but {second} to ({second_grid}): {relation}. Are these predictions of one \
         case? Members must agree in the grid that they go back to, bit for bit"
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
    #[error("a weight of {0:?}: weights are above 0, from 1e-30 to 1e30")]
    Weight(f64),
    /// Weights by channel that are too many or too few.
    #[error("{given} weights for {channels} channel(s): give one number, or one for each channel")]
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
    #[error("steps in: model need one grid, but the predictions lie on {0} different ones")]
    SeveralModelGrids(usize),
    /// Regions that do not fit.
    #[error("regions: {0}")]
    Regions(String),
    /// Values cannot be undone.
    #[error("step {step} ({transform}) {reason}")]
    Lost {
        /// Number of the step in the trace, from 1.
        step: usize,
        /// Name of the transform.
        transform: String,
        /// Why.
        reason: String,
    },
    /// Scores have no units.
    #[error("values of kind {0} have no units to go back to: that is for images, and for labels that were exchanged")]
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

/// What to do about values that are not finite.
fn advice(kind: Kind) -> &'static str {
    match kind {
        Kind::Logit => "NaN is no score: replace it before (infinite logits may stay, they are taken to their limit)",
        Kind::Probability => {
            "a softmax of infinite logits makes NaN: give the logits themselves (--kind logit), or replace such values \
             before"
        }
        Kind::Image | Kind::Label => "replace such values before",
    }
}
