//! From the model's grid back to the patient's.

use revoxel_core::{Agreement, Grid, Kind, Relation, Sampling, Volume, VolumeError};
use revoxel_resample::{How, Interpolation, ResampleError, coverage, execute, execute_argmax};

use crate::trace::VolumeTrace;

/// How a prediction is to be brought back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InvertOptions {
    /// The interpolation; the kind decides where it is not given.
    pub interpolation: Option<Interpolation>,
    /// Give the label map of the highest channel, not the channels.
    pub argmax: bool,
    /// What voxels hold that the model never saw; the kind decides where it is not given (for images: the
    /// prediction's minimum).
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
    /// How the prediction's grid related to the trace's result grid.
    pub relation: Relation,
    /// The interpolation that was used; `None` where voxels were only copied.
    pub interpolation: Option<Interpolation>,
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
    /// One channel has no highest channel.
    #[error("--argmax needs a prediction with one channel per class; this one has a single channel")]
    SingleChannel,
    /// Label maps cannot be averaged.
    #[error("labels are names: {0} would average them; use nearest or label")]
    AveragedLabels(Interpolation),
    /// Voxels could not be moved.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// Voxels do not fit the source's grid.
    #[error(transparent)]
    Volume(#[from] VolumeError),
}

/// Brings a prediction on the trace's result grid back onto the grid that the volume came from, in one pass.
///
/// What the pipeline padded is not read; what it cut away gets the fill of the prediction's kind. The kind is the
/// prediction's own.
///
/// # Errors
/// Where the prediction does not lie on the trace's result grid, or the options contradict its kind.
pub fn invert(trace: &VolumeTrace, prediction: &Volume, options: &InvertOptions) -> Result<Inverted, InvertError> {
    let steps = trace.geometry().map_err(|(place, problem)| InvertError::Trace { place, problem })?;
    let damaged = |place: &str, e: revoxel_core::GridError| InvertError::Trace {
        place: place.to_owned(),
        problem: e.to_string(),
    };
    let native = trace.native().map_err(|e| damaged("source.grid", e))?;
    let model = trace.result.grid.grid().map_err(|e| damaged("result.grid", e))?;
    let relation = Relation::between(prediction.grid(), &model);
    let same_shape = prediction.grid().shape() == model.shape();
    if relation.agreement > Agreement::Noise && !(options.assume_grid && same_shape) {
        let (prediction, expected) = (Box::new(*prediction.grid()), Box::new(model));
        return Err(InvertError::OtherGrid { prediction, expected, relation });
    }
    let kind = prediction.kind();
    if options.argmax && prediction.channels() < 2 {
        return Err(InvertError::SingleChannel);
    }
    let interpolation = options.interpolation.unwrap_or(Interpolation::default_for(kind));
    if kind == Kind::Label && interpolation.averages() {
        return Err(InvertError::AveragedLabels(interpolation));
    }
    let sampling = Sampling::inverse_of(&steps).unwrap_or(Sampling::identity(model));
    let lossless = sampling.exact().is_some();
    let how = How::filled(interpolation, fill(prediction, options));
    // Noise and headers are put right here; the voxels stay where they are.
    let prediction = std::borrow::Cow::Borrowed(prediction);
    let prediction = if *prediction.grid() == model {
        prediction
    } else {
        std::borrow::Cow::Owned(prediction.into_owned().on_grid(model)?)
    };
    let volume = if options.argmax {
        execute_argmax(&prediction, &sampling, &how)?
    } else {
        execute(&prediction, &sampling, &how)?
    };
    let coverage = options.coverage.then(|| coverage(&sampling)).transpose()?;
    Ok(Inverted {
        // A snapped volume started on another grid of the same shape: the result gets the source's own.
        volume: volume.on_grid(native)?,
        coverage: coverage.map(|c| c.on_grid(native)).transpose()?,
        relation,
        interpolation: (!lossless).then_some(interpolation),
    })
}

fn fill(prediction: &Volume, options: &InvertOptions) -> Vec<f64> {
    if let Some(value) = options.fill {
        return vec![value];
    }
    prediction
        .kind()
        .unseen(prediction.channels())
        .unwrap_or_else(|| vec![prediction.voxels().min_max().map_or(0.0, |(low, _)| low)])
}

#[cfg(test)]
mod tests;
