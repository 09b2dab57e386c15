//! One or several predictions of one case, brought back as their mean.
//!
//! Predictions of one geometry are summed on the model's grid as they come in, so that any number of folds costs one
//! sum; axes that only the last steps turned (mirrored copies) are turned back first, which is exact. What is left
//! are sums on different grids: these meet on the native grid, channel by channel, so that a few channels of the
//! native size are held besides the result, never all channels of all members.

use revoxel_core::{Dtype, Grid, GridOp, Kind, Relation, Sampling, Step, Volume, Voxels};
use revoxel_resample::{How, Interpolation, Separate, Through, coverage, execute, execute_argmax};

use crate::decide::{Activation, Decision, floats, over};
use crate::inversion::{InvertError, Inverted, fill_of, on_model_grid};
use crate::trace::{VolumeTrace, through_of};
use crate::values::Values;

/// How predictions become a result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipe {
    /// What is done to every prediction first. `None` means that nobody said, which is enough for one prediction but
    /// not for averaging logits.
    pub activation: Option<Activation>,
    /// What is done to the intensities of every prediction.
    pub values: Values,
    /// The interpolation; the kind decides where it is not given.
    pub interpolation: Option<Interpolation>,
    /// How channels become the result.
    pub decision: Decision,
    /// What voxels hold that no model saw; the kind decides where it is not given (for images: the mean's minimum).
    pub fill: Option<f64>,
    /// Take predictions to lie on their traces' result grids whatever their own grids say; the shapes must agree.
    pub assume_grid: bool,
    /// Also give the mask of voxels that a model saw.
    pub coverage: bool,
}

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
    /// The step whose coarsest axis is interpolated in another way, and the rule.
    separate: Option<(usize, Separate)>,
    /// Their weighted sum; the prediction itself where there is only one.
    sum: Volume,
    summed: bool,
    weight: f64,
}

impl Ensemble {
    /// An empty one.
    pub const fn new(recipe: Recipe) -> Self {
        Self { recipe, groups: Vec::new(), native: None, relation: None }
    }

    /// Adds a prediction. `name` is what errors call it.
    ///
    /// # Errors
    /// Where it does not lie on the trace's result grid, belongs to another native grid, or does not fit the others.
    pub fn add(&mut self, name: &str, trace: &VolumeTrace, prediction: Volume, weight: f64) -> Result<(), InvertError> {
        let (mut steps, native, model) = trace.ends()?;
        let separate = trace.separating()?;
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
        if !(weight > 0.0 && weight.is_finite()) {
            return Err(InvertError::Weight(weight));
        }
        let (prediction, relation) = on_model_grid(prediction, &model, self.recipe.assume_grid)?;
        self.relation.get_or_insert(relation);
        let prediction = trace.undo_values(prediction, self.recipe.values)?;
        let prediction = self.recipe.activation.unwrap_or_default().apply(prediction)?;
        self.recipe.decision.check(&prediction)?;
        let Some(first) = self.groups.first_mut() else {
            self.groups.push(Group { steps, separate, sum: prediction, summed: false, weight });
            return Ok(());
        };
        let what = |v: &Volume| format!("kind {} with {} channel(s)", v.kind(), v.channels());
        if what(&first.sum) != what(&prediction) {
            let (first, this) = (what(&first.sum), what(&prediction));
            return Err(InvertError::Unlike { first, name: name.to_owned(), this });
        }
        match prediction.kind() {
            Kind::Label => return Err(InvertError::AveragedPredictions),
            Kind::Logit if self.recipe.activation.is_none() => return Err(InvertError::NoActivation),
            _ => {}
        }
        if !first.summed {
            let mean = take(&mut first.sum)?;
            first.sum = scaled(turned_back(&mut first.steps, mean)?, first.weight)?;
            first.summed = true;
        }
        let prediction = turned_back(&mut steps, prediction)?;
        match self
            .groups
            .iter_mut()
            .find(|g| (&g.steps, g.separate) == (&steps, separate) && g.sum.grid() == prediction.grid())
        {
            Some(group) => {
                let sum = take(&mut group.sum)?;
                let (grid, kind, channels) = (*sum.grid(), sum.kind(), sum.channels());
                let mut sum = floats(sum);
                for (sum, value) in sum.iter_mut().zip(floats(prediction)) {
                    *sum += weight as f32 * value;
                }
                group.sum = Volume::new(sum.into(), grid, kind, channels)?;
                group.weight += weight;
            }
            None => self.groups.push(Group { steps, separate, sum: scaled(prediction, weight)?, summed: true, weight }),
        }
        Ok(())
    }

    /// How the first prediction's grid related to the trace's result grid.
    pub const fn relation(&self) -> Option<Relation> {
        self.relation
    }

    /// Changes the mean of the predictions where it lies on the model's grid; with `decide`, the decision is taken
    /// there before it.
    ///
    /// # Errors
    /// Where the predictions lie on several model grids, the decision does not fit them, or `change` fails.
    pub fn on_model<E: From<InvertError>>(
        mut self,
        decide: bool,
        change: impl FnOnce(Volume) -> Result<Volume, E>,
    ) -> Result<Self, E> {
        if self.groups.len() > 1 {
            return Err(InvertError::SeveralModelGrids(self.groups.len()).into());
        }
        if let Some(group) = self.groups.pop() {
            let separate = group.separate;
            let (steps, mut volume, weight) = group.mean()?;
            if decide {
                volume = std::mem::take(&mut self.recipe.decision).apply(volume)?;
            }
            self.groups.push(Group { steps, separate, sum: change(volume)?, summed: false, weight });
        }
        Ok(self)
    }

    /// Brings the mean back onto the native grid.
    ///
    /// # Errors
    /// Where there is no prediction, or the decision or the interpolation does not fit the kind.
    pub fn invert(self) -> Result<Inverted, InvertError> {
        let recipe = self.recipe;
        let (Some((_, native)), Some(relation)) = (self.native, self.relation) else {
            return Err(InvertError::Nothing);
        };
        let mut passes = Vec::new();
        for group in self.groups {
            let separate = group.separate;
            let (steps, mean, weight) = group.mean()?;
            let through = through_of(&steps, separate);
            let pass = Sampling::inverse_of(&steps).unwrap_or(Sampling::identity(*mean.grid()));
            passes.push(Pass { mean, pass, through, weight });
        }
        let Some(first) = passes.first() else { return Err(InvertError::Nothing) };
        let kind = first.mean.kind();
        recipe.decision.check(&first.mean)?;
        let interpolation = recipe.interpolation.unwrap_or(Interpolation::default_for(kind));
        if kind == Kind::Label && interpolation.averages() {
            return Err(InvertError::AveragedLabels(interpolation));
        }
        let lossless = passes.iter().all(|p| p.pass.exact().is_some());
        let masks = if passes.len() > 1 || recipe.coverage {
            passes.iter().map(|p| coverage(&p.pass)).collect::<Result<Vec<_>, _>>()?
        } else {
            Vec::new()
        };
        let fill = match (&recipe.decision, recipe.fill, kind.unseen(1)) {
            // Regions are asked one by one, and none is the background.
            (Decision::Regions(_), None, Some(no)) => no,
            (_, given, _) => fill_of(&first.mean, given),
        };
        let volume = match (&passes[..], &recipe.decision) {
            ([one], Decision::Channels) => execute(&one.mean, &one.pass, &one.how(interpolation, fill))?,
            ([one], Decision::Argmax) => execute_argmax(&one.mean, &one.pass, &one.how(interpolation, fill))?,
            (_, decision) => Meeting::new(&passes, &masks, interpolation, fill).decide(decision)?,
        };
        let coverage = match masks.split_first() {
            Some((first, rest)) if recipe.coverage => Some(rest.iter().try_fold(first.clone(), union)?),
            _ => None,
        };
        Ok(Inverted {
            // A snapped volume started on another grid of the same shape: the result gets the source's own.
            volume: volume.on_grid(native)?,
            coverage: coverage.map(|c| c.on_grid(native)).transpose()?,
            relation,
            interpolation: (!lossless).then_some(interpolation),
        })
    }
}

impl Group {
    /// The steps, the mean and its weight.
    fn mean(self) -> Result<(Vec<Step>, Volume, f64), InvertError> {
        let mean = if self.summed { scaled(self.sum, 1.0 / self.weight)? } else { self.sum };
        Ok((self.steps, mean, self.weight))
    }
}

/// A mean on a model grid, and the way back from there.
struct Pass {
    mean: Volume,
    pass: Sampling,
    through: Option<Through>,
    weight: f64,
}

impl Pass {
    fn how(&self, interpolation: Interpolation, fill: Vec<f64>) -> How {
        How { through: self.through, ..How::filled(interpolation, fill) }
    }
}

/// Means on their way to one native grid, channel by channel.
struct Meeting<'a> {
    passes: &'a [Pass],
    masks: &'a [Volume],
    interpolation: Interpolation,
    fill: Vec<f64>,
    /// The weights that meet in each voxel; empty where there is one pass, which fills by itself.
    weights: Vec<f32>,
}

impl<'a> Meeting<'a> {
    fn new(passes: &'a [Pass], masks: &'a [Volume], interpolation: Interpolation, fill: Vec<f64>) -> Self {
        let mut weights = Vec::new();
        if passes.len() > 1 {
            weights.resize(passes[0].pass.target().voxel_count(), 0.0);
            for (pass, mask) in passes.iter().zip(masks) {
                for (total, seen) in weights.iter_mut().zip(bytes(mask)) {
                    *total += pass.weight as f32 * f32::from(*seen);
                }
            }
        }
        Self { passes, masks, interpolation, fill, weights }
    }

    fn decide(&self, decision: &Decision) -> Result<Volume, InvertError> {
        let first = &self.passes[0];
        let (grid, kind, channels) = (*first.pass.target(), first.mean.kind(), first.mean.channels());
        let size = grid.voxel_count();
        match decision {
            Decision::Channels => {
                let mut all = Vec::with_capacity(size * channels);
                for channel in 0..channels {
                    all.extend(self.channel(channel)?);
                }
                Ok(Volume::new(all.into(), grid, kind, channels)?)
            }
            Decision::Argmax => {
                let mut best = self.channel(0)?;
                let mut labels = vec![0u16; size];
                for channel in 1..channels {
                    let values = self.channel(channel)?;
                    for ((label, best), value) in labels.iter_mut().zip(&mut best).zip(values) {
                        if value > *best {
                            (*best, *label) = (value, channel as u16);
                        }
                    }
                }
                let dtype = Dtype::smallest_for_labels((channels - 1) as f64);
                Ok(Volume::new(Voxels::from(labels).cast(dtype), grid, Kind::Label, 1)?)
            }
            Decision::Regions(regions) => {
                let threshold = regions.threshold_of(kind);
                let mut labels = vec![0u16; size];
                for paint in &regions.paint {
                    over(&self.channel(paint.channel)?, threshold, paint.label, &mut labels);
                }
                Ok(Volume::new(Voxels::from(labels).cast(regions.dtype()), grid, Kind::Label, 1)?)
            }
        }
    }

    /// One channel of the mean on the native grid.
    fn channel(&self, channel: usize) -> Result<Vec<f32>, InvertError> {
        let fill = self.fill.get(channel).or(self.fill.first()).copied().unwrap_or(0.0);
        let one = |pass: &Pass| -> Result<Vec<f32>, InvertError> {
            let how = pass.how(self.interpolation, vec![fill]);
            Ok(floats(execute(&only(&pass.mean, channel)?, &pass.pass, &how)?))
        };
        if let [alone] = self.passes {
            return one(alone);
        }
        let mut sum = vec![0.0f32; self.weights.len()];
        for (pass, mask) in self.passes.iter().zip(self.masks) {
            for ((sum, value), seen) in sum.iter_mut().zip(one(pass)?).zip(bytes(mask)) {
                if *seen != 0 {
                    *sum += pass.weight as f32 * value;
                }
            }
        }
        for (sum, weight) in sum.iter_mut().zip(&self.weights) {
            // Where some members saw nothing, the others decide; where none saw anything stands the fill.
            *sum = if *weight > 0.0 { *sum / weight } else { fill as f32 };
        }
        Ok(sum)
    }
}

/// Whether two grids are the same bit for bit.
fn same_bits(a: &Grid, b: &Grid) -> bool {
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

fn scaled(volume: Volume, by: f64) -> Result<Volume, InvertError> {
    let (grid, kind, channels) = (*volume.grid(), volume.kind(), volume.channels());
    let mut values = floats(volume);
    if by != 1.0 {
        values.iter_mut().for_each(|v| *v = (f64::from(*v) * by) as f32);
    }
    Ok(Volume::new(values.into(), grid, kind, channels)?)
}

/// Takes a volume out, so that it is not held twice.
fn take(volume: &mut Volume) -> Result<Volume, InvertError> {
    let empty = Volume::new(vec![0u8].into(), Grid::without_geometry([1; 3])?, Kind::Label, 1)?;
    Ok(std::mem::replace(volume, empty))
}

/// One channel of a volume.
fn only(volume: &Volume, channel: usize) -> Result<Volume, InvertError> {
    let size = volume.grid().voxel_count();
    let voxels: Voxels = revoxel_core::dispatch!(volume.voxels(), v => v[channel * size..][..size].to_vec().into());
    Ok(Volume::new(voxels, *volume.grid(), volume.kind(), 1)?)
}

fn bytes(mask: &Volume) -> &[u8] {
    match mask.voxels() {
        Voxels::U8(seen) => seen,
        _ => &[],
    }
}

fn union(all: Volume, more: &Volume) -> Result<Volume, InvertError> {
    let either: Vec<u8> = bytes(&all).iter().zip(bytes(more)).map(|(a, b)| a | b).collect();
    Ok(all.with_voxels(either.into())?)
}

#[cfg(test)]
mod tests;
