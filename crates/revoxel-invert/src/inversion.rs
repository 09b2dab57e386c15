//! From the model's grid back to the patient's.

use revoxel_core::{Agreement, Grid, Kind, Relation, Step, Volume};
use revoxel_resample::{Gone, Interpolation, Separate};

use crate::error::InvertError;
use crate::trace::VolumeTrace;

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

/// The interpolation for values of a kind.
///
/// # Errors
/// If the one that was chosen does not fit the kind.
pub(crate) fn interpolation_for(kind: Kind, chosen: Option<Interpolation>) -> Result<Interpolation, InvertError> {
    match chosen {
        None => Ok(Interpolation::default_for(kind)),
        Some(chosen) if kind == Kind::Label && chosen.averages() => Err(InvertError::AveragedLabels(chosen)),
        Some(chosen) if kind != Kind::Label && chosen.weighs_labels() => Err(InvertError::VotedScores(chosen, kind)),
        Some(chosen) => Ok(chosen),
    }
}

/// The value of an unseen voxel, by channel.
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
pub(crate) fn model_relation(prediction: &Grid, model: &Grid, assume_grid: bool) -> Result<Relation, InvertError> {
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
    /// Checks that a prediction with this grid in its header lies on the trace's result grid; with `assume_grid`, that it
    /// has its shape.
    ///
    /// # Errors
    /// If it lies elsewhere, or the trace is damaged.
    pub fn check_grid(&self, prediction: &Grid, assume_grid: bool) -> Result<(), InvertError> {
        let (_, _, model) = self.ends()?;
        model_relation(prediction, &model, assume_grid).map(drop)
    }

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
