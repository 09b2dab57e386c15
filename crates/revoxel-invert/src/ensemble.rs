//! One or several predictions of one case, brought back as their mean; label maps as what most of them say.
//!
//! Predictions of one geometry are summed on the model's grid as they come in, so that any number of folds costs one
//! sum; axes that only the last steps turned (mirrored copies) are turned back first, which is exact. What is left
//! are sums on different grids: these meet on the native grid, channel by channel, so that a few channels of the
//! native size are held besides the result, never all channels of all members. Label maps vote on the model's grid
//! where they share it, else on the native one.

use std::borrow::Cow;

use revoxel_core::{Grid, GridOp, Kind, Relation, Sampling, Step, Volume};
use revoxel_resample::{How, Interpolation, NonFinite, Separate, Ties, execute};

use crate::bounded::bounded;
use crate::combined::{CombinedPrediction, Pass};
use crate::decide::{Decision, floats};
use crate::error::InvertError;
use crate::inversion::{Inverted, on_model_grid};
use crate::recipe::{Recipe, Values};
use crate::trace::{Trace, VolumeTrace, through_of};
use crate::vote::{Ballot, vote};

/// Predictions on their way back.
#[derive(Debug)]
pub struct Ensemble {
    recipe: Recipe,
    groups: Vec<Group>,
    native: Option<(String, Grid)>,
    relation: Option<Relation>,
}

/// Predictions of one geometry.
#[derive(Debug)]
struct Group {
    steps: Vec<Step>,
    rules: Rules,
    /// Their weighted sum; the prediction itself where there is only one.
    sum: Volume,
    summed: bool,
    /// One for each channel.
    weight: Vec<f64>,
}

/// What a trace says of the interpolation on the way back.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rules {
    /// The step whose coarsest axis is interpolated in another way, and the rule.
    separate: Option<(usize, Separate)>,
    /// Which of two equally close voxels is taken.
    ties: Ties,
}

impl Ensemble {
    /// An empty one.
    pub const fn new(recipe: Recipe) -> Self {
        Self { recipe, groups: Vec::new(), native: None, relation: None }
    }

    /// Adds a prediction. `name` is what errors call it; `weights` is one number, or one for each channel.
    ///
    /// # Errors
    /// If it does not lie on the trace's result grid, belongs to another native grid, does not fit the others, holds
    /// NaN or infinite values other than logits, or the weights are none, or too many.
    pub fn add(
        &mut self,
        name: &str,
        trace: &VolumeTrace,
        prediction: Volume,
        weights: &[f64],
    ) -> Result<(), InvertError> {
        let (mut steps, native, model) = trace.ends()?;
        let rules = Rules { separate: trace.separating()?, ties: trace.ties };
        match &self.native {
            // Bit for bit: equal numbers, and no zero of another sign.
            Some((other, grid)) if !same_bits(grid, &native) => {
                return Err(InvertError::OtherCase {
                    relation: Relation::between(grid, &native),
                    first: other.clone(),
                    first_grid: Box::new(*grid),
                    second: name.to_owned(),
                    second_grid: Box::new(native),
                });
            }
            Some(_) => {}
            None => self.native = Some((name.to_owned(), native)),
        }
        let weight = weights_of(weights, prediction.channels())?;
        let (prediction, relation) = on_model_grid(prediction, &model, self.recipe.assume_grid)?;
        self.relation.get_or_insert(relation);
        let prediction = bounded(Cow::Owned(prediction), self.recipe.interpolation)?.into_owned();
        let prediction = trace.undo_values(prediction, self.recipe.values)?;
        if self.recipe.values != Values::Keep
            && let Some(found) = NonFinite::of(&prediction)
        {
            return Err(InvertError::Undone(found.into()));
        }
        let prediction = self.recipe.activation.unwrap_or_default().apply(prediction)?;
        self.recipe.decision().check(&prediction)?;
        let Some(first) = self.groups.first_mut() else {
            self.groups.push(Group { steps, rules, sum: prediction, summed: false, weight });
            return Ok(());
        };
        let what = |v: &Volume| {
            let channels = if v.channels() == 1 { "channel" } else { "channels" };
            format!("kind {} with {} {channels}", v.kind(), v.channels())
        };
        if what(&first.sum) != what(&prediction) {
            let (first, this) = (what(&first.sum), what(&prediction));
            return Err(InvertError::Unlike { first, this });
        }
        if prediction.kind() == Kind::Label {
            let one = take(&mut first.sum)?;
            first.sum = turned_back(&mut first.steps, one)?;
            let sum = turned_back(&mut steps, prediction)?;
            self.groups.push(Group { steps, rules, sum, summed: false, weight });
            return Ok(());
        }
        if prediction.kind() == Kind::Logit && self.recipe.activation.is_none() {
            return Err(InvertError::NoActivation);
        }
        if !first.summed {
            let mean = take(&mut first.sum)?;
            first.sum = scaled(turned_back(&mut first.steps, mean)?, &first.weight)?;
            first.summed = true;
        }
        let prediction = turned_back(&mut steps, prediction)?;
        match self
            .groups
            .iter_mut()
            .find(|g| (&g.steps, g.rules) == (&steps, rules) && g.sum.grid() == prediction.grid())
        {
            Some(group) => {
                let sum = take(&mut group.sum)?;
                let (grid, kind, channels) = (*sum.grid(), sum.kind(), sum.channels());
                let (mut sum, size) = (floats(sum), grid.voxel_count());
                for ((sum, values), weight) in sum.chunks_mut(size).zip(floats(prediction).chunks(size)).zip(&weight) {
                    for (sum, value) in sum.iter_mut().zip(values) {
                        *sum += *weight as f32 * value;
                    }
                }
                group.sum = Volume::new(sum.into(), grid, kind, channels)?;
                group.weight.iter_mut().zip(weight).for_each(|(total, weight)| *total += weight);
            }
            None => {
                let sum = scaled(prediction, &weight)?;
                self.groups.push(Group { steps, rules, sum, summed: true, weight });
            }
        }
        Ok(())
    }

    /// How the first prediction's grid related to the trace's result grid.
    pub const fn relation(&self) -> Option<Relation> {
        self.relation
    }

    /// Changes the mean of the predictions where it lies on the model's grid, after the decision where the recipe takes
    /// it there.
    ///
    /// # Errors
    /// If the predictions lie on several model grids, the decision does not fit them, or `change` fails.
    pub fn on_model<E: From<InvertError>>(
        mut self,
        change: impl FnOnce(Volume) -> Result<Volume, E>,
    ) -> Result<Self, E> {
        self.vote()?;
        if self.groups.len() > 1 {
            return Err(InvertError::SeveralModelGrids(self.groups.len()).into());
        }
        if let Some(group) = self.groups.pop() {
            let rules = group.rules;
            let (steps, mut volume, weight) = group.mean()?;
            if self.recipe.decide_in_model {
                volume = self.recipe.take_decision().apply(volume)?;
            }
            self.groups.push(Group { steps, rules, sum: change(volume)?, summed: false, weight });
        }
        Ok(self)
    }

    /// Gets everything ready for the way back onto the native grid.
    ///
    /// # Errors
    /// If there is no prediction, or the decision or the interpolation does not fit the kind.
    pub fn ready(mut self) -> Result<CombinedPrediction, InvertError> {
        if self.recipe.decide_in_model {
            self = self.on_model(Ok::<_, InvertError>)?;
        }
        self.vote()?;
        let recipe = self.recipe;
        let (Some((_, native)), Some(relation)) = (self.native, self.relation) else {
            return Err(InvertError::Nothing);
        };
        let mut passes = Vec::new();
        for group in self.groups {
            let rules = group.rules;
            let (steps, mean, weight) = group.mean()?;
            let through = through_of(&steps, rules.separate);
            let pass = Sampling::inverse_of(&steps).unwrap_or(Sampling::identity(*mean.grid()));
            // Where nnU-Net's rule for thick slices was asked for, its export is: no place leans.
            let decides = recipe.decision() != Decision::Channels && rules.separate.is_none();
            passes.push(Pass { mean, pass, through, ties: rules.ties, decides, weight });
        }
        CombinedPrediction::new(passes, recipe, native, relation)
    }

    /// Makes one of label maps that lie on one grid and go the same way back.
    fn vote(&mut self) -> Result<(), InvertError> {
        let Some((first, others)) = self.groups.split_first() else { return Ok(()) };
        let same = |g: &Group| (&g.steps, g.rules, g.sum.grid()) == (&first.steps, first.rules, first.sum.grid());
        if first.sum.kind() != Kind::Label || others.is_empty() || !others.iter().all(same) {
            return Ok(());
        }
        let members = self.groups.iter();
        let ballots = members.map(|g| Ballot {
            labels: Cow::Borrowed(g.sum.voxels()),
            weight: Cow::Borrowed(&g.weight),
            seen: None,
        });
        let labels = vote(ballots.collect(), 0.0)?;
        // One is left, and its weight does not matter.
        self.groups.truncate(1);
        if let Some(first) = self.groups.first_mut() {
            first.sum = take(&mut first.sum)?.with_voxels(labels)?;
        }
        Ok(())
    }

    /// Brings the mean back onto the native grid.
    ///
    /// # Errors
    /// If there is no prediction, or the decision or the interpolation does not fit the kind.
    pub fn invert(self) -> Result<Inverted, InvertError> {
        self.ready()?.whole()
    }
}

impl VolumeTrace {
    /// Brings a prediction on the trace's result grid back onto the grid that the volume came from, in one pass.
    ///
    /// What the pipeline padded is not read; what it cut away gets the fill of the prediction's kind. The kind is the
    /// prediction's own.
    ///
    /// # Errors
    /// If the prediction does not lie on the trace's result grid, holds NaN or infinite values other than logits, or
    /// the recipe contradicts its kind.
    pub fn invert(&self, prediction: Volume, recipe: Recipe) -> Result<Inverted, InvertError> {
        let mut one = Ensemble::new(recipe);
        one.add("the prediction", self, prediction, &[1.0])?;
        one.invert()
    }
}

impl Trace {
    /// The same for a prediction on the grid of the [main volume](Self::main_volume): an image where there is one.
    ///
    /// # Errors
    /// As [`VolumeTrace::invert`], and where it is not clear which volume is meant.
    pub fn invert(&self, prediction: Volume, recipe: Recipe) -> Result<Inverted, InvertError> {
        let key = self.main_volume().map_err(|e| InvertError::Volumes(e.to_string()))?;
        self.volumes[key].invert(prediction, recipe)
    }
}

impl Group {
    /// The steps, the mean and its weight.
    fn mean(self) -> Result<(Vec<Step>, Volume, Vec<f64>), InvertError> {
        let parts: Vec<f64> = self.weight.iter().map(|weight| 1.0 / weight).collect();
        let mean = if self.summed { scaled(self.sum, &parts)? } else { self.sum };
        Ok((self.steps, mean, self.weight))
    }
}

/// Whether two grids are the same bit for bit.
pub(crate) fn same_bits(a: &Grid, b: &Grid) -> bool {
    let bits = |g: &Grid| g.affine().rows().map(|r| r.map(f64::to_bits));
    a.shape() == b.shape() && bits(a) == bits(b)
}

/// Takes the axes' turns at the end of a chain back, exactly: mirrored copies come to lie on one grid.
fn turned_back(steps: &mut Vec<Step>, mut volume: Volume) -> Result<Volume, InvertError> {
    while let Some(step) = steps.pop_if(|s| matches!(s.op(), GridOp::Reorient(_))) {
        let pass = Sampling::inverse_of(std::slice::from_ref(&step));
        if let Some(pass) = pass {
            volume = execute(&volume, &pass, &How::border(Interpolation::Nearest))?.on_grid(*step.before())?;
        }
    }
    Ok(volume)
}

/// The weights of a prediction, one for each channel.
pub(crate) fn weights_of(given: &[f64], channels: usize) -> Result<Vec<f64>, InvertError> {
    // Sums are made in single precision, and neither they nor their parts may be lost.
    if let Some(weight) = given.iter().find(|w| !(1e-30..=1e30).contains(*w)) {
        return Err(InvertError::Weight(*weight));
    }
    match given {
        [one] => Ok(vec![*one; channels]),
        all if all.len() == channels => Ok(all.to_vec()),
        _ => Err(InvertError::WeightCount { given: given.len(), channels }),
    }
}

/// Each channel times its number.
fn scaled(volume: Volume, by: &[f64]) -> Result<Volume, InvertError> {
    let (grid, kind, channels) = (*volume.grid(), volume.kind(), volume.channels());
    let mut values = floats(volume);
    for (values, by) in values.chunks_mut(grid.voxel_count()).zip(by).filter(|(_, by)| **by != 1.0) {
        values.iter_mut().for_each(|v| *v = (f64::from(*v) * by) as f32);
    }
    Ok(Volume::new(values.into(), grid, kind, channels)?)
}

/// Takes a volume out, so that it is not held twice.
fn take(volume: &mut Volume) -> Result<Volume, InvertError> {
    let empty = Volume::new(vec![0u8].into(), Grid::without_geometry([1; 3])?, Kind::Label, 1)?;
    Ok(std::mem::replace(volume, empty))
}

#[cfg(test)]
mod tests;
