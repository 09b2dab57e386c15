//! From the model's grid back to the patient's.

use std::borrow::Cow;

use revoxel_core::{Agreement, Grid, Kind, Relation, Sampling, Step, Volume};
use revoxel_resample::{Census, Gone, How, Interpolation, Separate, coverage, execute, execute_argmax, unseen_count};

use crate::bounded::bounded;
use crate::error::InvertError;
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
