//! From the model's grid back to the patient's.

use std::borrow::Cow;

use revoxel_core::{Agreement, Grid, Kind, Relation, Sampling, Step, Volume, VolumeError};
use revoxel_resample::{
    Census, Gone, How, Interpolation, NonFinite, ResampleError, Separate, coverage, execute, execute_argmax,
    unseen_count,
};

use crate::bounded::bounded;
use crate::decide::Activation;
use crate::trace::{VolumeTrace, through_of};
use crate::unseen::{check_label_fill, holding_fill, put};

/// How a prediction is to be brought back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InvertOptions {
    /// The interpolation; the kind decides where it is not given.
    pub interpolation: Option<Interpolation>,
    /// Give the label map of the highest channel, not the channels.
    pub argmax: bool,
    /// What voxels of the result hold that the model never saw, for labels a label; the kind decides where it is not
    /// given (for images: the prediction's minimum).
    pub fill: Option<f64>,
    /// Take the prediction to lie on the trace's result grid whatever its own grid says; the shape must agree.
    pub assume_grid: bool,
    /// Also give the mask of voxels that the model saw.
    pub coverage: bool,
}

/// A prediction on the original grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Inverted {
    /// The prediction; its grid is the source's bit for bit.
    pub volume: Volume,
    /// 1 where the model saw the voxel, 0 elsewhere, where it was asked for.
    pub coverage: Option<Volume>,
    /// How many voxels the model did not see: their extent does not meet what the model's grid covers.
    pub unseen: usize,
    /// How the prediction's grid related to the trace's result grid.
    pub relation: Relation,
    /// The interpolation that was used; `None` where voxels were only copied.
    pub interpolation: Option<Interpolation>,
    /// Labels of the prediction that have no voxel on the original grid.
    pub gone: Vec<Gone>,
}

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
    /// A weight that is none.
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

/// Brings a prediction on the trace's result grid back onto the grid that the volume came from, in one pass.
///
/// What the pipeline padded is not read; what it cut away gets the fill of the prediction's kind. The kind is the
/// prediction's own.
///
/// # Errors
/// Where the prediction does not lie on the trace's result grid, holds NaN or infinite values other than logits, or the
/// options contradict its kind.
pub fn invert(trace: &VolumeTrace, prediction: &Volume, options: &InvertOptions) -> Result<Inverted, InvertError> {
    let (steps, native, model) = trace.ends()?;
    let relation = model_relation(prediction.grid(), &model, options.assume_grid)?;
    let kind = prediction.kind();
    if options.argmax && prediction.channels() < 2 {
        return Err(InvertError::SingleChannel);
    }
    let interpolation = interpolation_for(kind, options.interpolation)?;
    let label = options.fill.filter(|_| options.argmax || kind == Kind::Label);
    label.map_or(Ok(()), check_label_fill)?;
    let sampling = Sampling::inverse_of(&steps).unwrap_or(Sampling::identity(model));
    let lossless = sampling.exact().is_some();
    let through = through_of(&steps, trace.separating()?).and_then(|t| t.of_kind(kind, interpolation));
    let prediction = bounded(Cow::Borrowed(prediction), Some(interpolation))?;
    let fill = fill_of(&prediction, options.fill.filter(|_| !options.argmax));
    // Where nnU-Net's rule for thick slices was asked for, its export is: no place leans.
    let decides = options.argmax && trace.separating()?.is_none();
    let how = How { through, ties: trace.ties, decides, ..How::extended(interpolation, fill.clone()) };
    // Noise and headers are put right here; the voxels stay where they are.
    let same = *prediction.grid() == model && prediction.grid().axes() == model.axes();
    let prediction = if same { prediction } else { Cow::Owned(prediction.into_owned().on_grid(model)?) };
    // Copies keep the voxel type, which must not turn the fill into another value.
    let held = options.argmax || fill.iter().all(|v| prediction.dtype_with(*v) == Ok(prediction.dtype()));
    let prediction = match held {
        true => prediction,
        false => Cow::Owned(holding_fill(prediction.into_owned(), &sampling, &how)?),
    };
    let volume = if options.argmax {
        let labels = execute_argmax(&prediction, &sampling, &how)?;
        match label {
            Some(label) => put(labels, &[coverage(&sampling)?], label)?,
            None => labels,
        }
    } else {
        execute(&prediction, &sampling, &how)?
    };
    let gone = match kind {
        Kind::Label => Census::of(&prediction).gone_in(&Census::of(&volume)),
        _ => Vec::new(),
    };
    let coverage = options.coverage.then(|| coverage(&sampling)).transpose()?;
    let unseen = unseen_count(&sampling)?;
    Ok(Inverted {
        // A snapped volume started on another grid of the same shape: the result gets the source's own.
        volume: volume.on_grid(native)?,
        coverage: coverage.map(|c| c.on_grid(native)).transpose()?,
        unseen,
        relation,
        interpolation: (!lossless).then_some(interpolation),
        gone,
    })
}

/// The interpolation for values of a kind.
///
/// # Errors
/// Where the one that was chosen does not fit the kind.
pub(crate) fn interpolation_for(kind: Kind, chosen: Option<Interpolation>) -> Result<Interpolation, InvertError> {
    match chosen {
        None => Ok(Interpolation::default_for(kind)),
        Some(chosen) if kind == Kind::Label && chosen.averages() => Err(InvertError::AveragedLabels(chosen)),
        Some(chosen) if kind != Kind::Label && chosen.weighs_labels() => Err(InvertError::VotedScores(chosen, kind)),
        Some(chosen) => Ok(chosen),
    }
}

/// What a voxel holds that nobody saw, by channel.
pub(crate) fn fill_of(prediction: &Volume, given: Option<f64>) -> Vec<f64> {
    if let Some(value) = given {
        return vec![value];
    }
    prediction
        .kind()
        .unseen(prediction.channels())
        .unwrap_or_else(|| vec![prediction.voxels().min_max().map_or(0.0, |(low, _)| low)])
}

/// How a prediction's grid relates to the model's, where it may be taken for it.
fn model_relation(prediction: &Grid, model: &Grid, assume_grid: bool) -> Result<Relation, InvertError> {
    let relation = Relation::between(prediction, model);
    let same_shape = prediction.shape() == model.shape();
    if relation.agreement > Agreement::Noise && !(assume_grid && same_shape) {
        let (prediction, expected) = (Box::new(*prediction), Box::new(*model));
        return Err(InvertError::OtherGrid { prediction, expected, relation });
    }
    Ok(relation)
}

/// A prediction on the model's grid bit for bit. Noise and headers are put right; the voxels stay where they are.
pub(crate) fn on_model_grid(
    prediction: Volume,
    model: &Grid,
    assume_grid: bool,
) -> Result<(Volume, Relation), InvertError> {
    let relation = model_relation(prediction.grid(), model, assume_grid)?;
    Ok((prediction.on_grid(*model)?, relation))
}

impl VolumeTrace {
    /// The rule by which the coarsest axis was interpolated in another way, with the position of its op.
    pub(crate) fn separating(&self) -> Result<Option<(usize, Separate)>, InvertError> {
        self.separate().map_err(|(place, problem)| InvertError::Trace { place, problem })
    }

    /// The steps, the grid that the volume came from, and the grid that the model saw.
    pub(crate) fn ends(&self) -> Result<(Vec<Step>, Grid, Grid), InvertError> {
        let damaged = |(place, problem)| InvertError::Trace { place, problem };
        let grid = |place: &str, record: &crate::GridRecord| {
            record.grid().map_err(|e| damaged((place.to_owned(), e.to_string())))
        };
        let steps = self.geometry().map_err(damaged)?;
        Ok((steps, grid("source.grid", &self.source.grid)?, grid("result.grid", &self.result.grid)?))
    }
}

#[cfg(test)]
mod tests;
