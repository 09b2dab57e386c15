//! Predictions taken together, on their way from their models' grids to the native one.

use std::borrow::Cow;

use revoxel_core::{Dtype, Grid, Kind, Relation, Sampling, StoredDtype, Volume, Voxel, Voxels};
use revoxel_resample::{
    Census, Gone, How, Interpolation, ResampleError, Through, Ties, coverage, execute, execute_argmax, result_dtype,
    stream, unseen_count,
};

use crate::activation::Activation;
use crate::decide::{Decision, floats, over};
use crate::error::InvertError;
use crate::inversion::{Inverted, fill_of, interpolation_for};
use crate::recipe::Recipe;
use crate::unseen::{bytes, check_label_fill, holding_fill, put};
use crate::vote::{Ballot, common_type, vote};

/// Predictions taken together, ready for the way back.
#[derive(Debug)]
pub struct CombinedPrediction {
    passes: Vec<Pass>,
    /// What the model of each pass saw, where that is needed.
    masks: Vec<Volume>,
    decision: Decision,
    interpolation: Interpolation,
    fill: Vec<f64>,
    /// What is put where no model saw anything once labels are decided.
    unseen: Option<f64>,
    native: Grid,
    relation: Relation,
    coverage: bool,
}

impl CombinedPrediction {
    pub(crate) fn new(
        mut passes: Vec<Pass>,
        recipe: Recipe,
        native: Grid,
        relation: Relation,
    ) -> Result<Self, InvertError> {
        let Some(first) = passes.first() else { return Err(InvertError::Nothing) };
        let kind = first.mean.kind();
        let decision = recipe.decision();
        decision.check(&first.mean)?;
        let interpolation = interpolation_for(kind, recipe.interpolation)?;
        let decides = decision != Decision::Channels;
        // In the units of the result: a label where labels are decided, else a value of each channel.
        let (unseen, given) = if decides { (recipe.fill, None) } else { (None, recipe.fill) };
        if let Some(fill) = recipe.fill.filter(|_| decides || kind == Kind::Label) {
            check_label_fill(fill)?;
        }
        let overlap = recipe.overlap
            || recipe.activation == Some(Activation::Sigmoid)
            || matches!(decision, Decision::Regions(_));
        let fill = match (given, kind.unseen(1)) {
            // Channels that are asked one by one: none is the background.
            (None, Some(no)) if overlap => no,
            _ => fill_of(&first.mean, given),
        };
        // Copies keep the voxel type, which must not turn the fill into another value.
        let held = |p: Pass| {
            let how = p.how(interpolation, fill.clone());
            Ok(Pass { mean: holding_fill(p.mean, &p.pass, &how)?, ..p })
        };
        passes = passes.into_iter().map(held).collect::<Result<Vec<_>, InvertError>>()?;
        let masks = if passes.len() > 1 || recipe.coverage || unseen.is_some() {
            passes.iter().map(|p| coverage(&p.pass)).collect::<Result<Vec<_>, _>>()?
        } else {
            Vec::new()
        };
        let coverage = recipe.coverage;
        Ok(Self { passes, masks, decision, interpolation, fill, unseen, native, relation, coverage })
    }

    /// The grid that the predictions go back to.
    pub const fn grid(&self) -> &Grid {
        &self.native
    }

    /// How the first prediction's grid related to its trace's result grid.
    pub const fn relation(&self) -> Relation {
        self.relation
    }

    /// The interpolation; `None` where voxels are only copied.
    pub fn interpolation(&self) -> Option<Interpolation> {
        self.passes.iter().any(|p| p.pass.exact().is_none()).then_some(self.interpolation)
    }

    /// What is resampled.
    pub fn kind(&self) -> Kind {
        self.passes[0].mean.kind()
    }

    /// Channels of the result.
    pub fn channels(&self) -> usize {
        match self.decision {
            Decision::Channels => self.passes[0].mean.channels(),
            _ => 1,
        }
    }

    /// Whether [`slabs`](Self::slabs) can give the result: nothing is decided between channels.
    pub fn can_stream(&self) -> bool {
        self.decision == Decision::Channels
    }

    /// The voxel type of the result where none is wanted: for labels the smallest that holds them.
    pub fn dtype(&self) -> Dtype {
        let first = &self.passes[0];
        if first.mean.kind() == Kind::Label {
            let held = self.passes.iter().filter_map(|p| p.mean.voxels().whole_range());
            let all = held.chain(Voxels::from(self.fill.clone()).whole_range());
            let (low, high) = all.fold((0, 0), |all, range| (all.0.min(range.0), all.1.max(range.1)));
            // What does not fit is named when it is written.
            return Dtype::smallest_for_whole(low, high).unwrap_or(Dtype::I64);
        }
        match self.passes.len() {
            1 => result_dtype(&first.mean, &first.pass, &first.how(self.interpolation, self.fill.clone()), None),
            _ => Dtype::F32,
        }
    }

    /// The mask of voxels that a model saw, where it was asked for.
    ///
    /// # Errors
    /// If masks do not meet on one grid.
    pub fn coverage(&self) -> Result<Option<Volume>, InvertError> {
        match self.masks.split_first() {
            Some((first, rest)) if self.coverage => {
                let all = rest.iter().try_fold(first.clone(), union)?;
                Ok(Some(all.on_grid(self.native)?))
            }
            _ => Ok(None),
        }
    }

    /// How many voxels of the native grid no model saw: they hold the fill.
    ///
    /// # Errors
    /// If a mask cannot be made.
    pub fn unseen(&self) -> Result<usize, InvertError> {
        match (&self.passes[..], self.masks.split_first()) {
            (_, Some((first, rest))) => {
                let all = rest.iter().try_fold(first.clone(), union)?;
                Ok(bytes(&all).iter().filter(|seen| **seen == 0).count())
            }
            (passes, None) => passes.first().map_or(Ok(0), |one| Ok(unseen_count(&one.pass)?)),
        }
    }

    /// The result as a whole.
    ///
    /// # Errors
    /// If a pass fails.
    pub fn whole(self) -> Result<Inverted, InvertError> {
        let (fill, unseen) = (self.fill.clone(), self.unseen()?);
        let mut after = self.census_after();
        let volume = match (&self.passes[..], &self.decision) {
            ([one], Decision::Channels) => execute(&one.mean, &one.pass, &one.how(self.interpolation, fill))?,
            ([one], Decision::Argmax) => execute_argmax(&one.mean, &one.pass, &one.how(self.interpolation, fill))?,
            (_, decision) => self.meeting().decide(decision, &mut after)?,
        };
        if self.passes.len() == 1 && self.compares_labels() {
            after.add(volume.voxels());
        }
        let gone = self.gone_in(&after);
        let volume = match self.unseen {
            Some(label) => put(volume, &self.masks, label)?,
            None => volume,
        };
        Ok(Inverted {
            // A snapped volume started on another grid of the same shape: the result gets the source's own.
            volume: volume.on_grid(self.native)?,
            coverage: self.coverage()?,
            unseen,
            relation: self.relation,
            interpolation: self.interpolation(),
            gone,
        })
    }

    /// Whether labels of predictions are brought back, so that some can be lost on the way.
    fn compares_labels(&self) -> bool {
        self.kind() == Kind::Label && self.decision == Decision::Channels
    }

    /// A census to count the labels of the predictions on the native grid.
    fn census_after(&self) -> Census {
        Census::new(self.native.voxel_count(), self.channels())
    }

    /// The labels of the predictions, taken together, that are gone in a census on the native grid.
    fn gone_in(&self, after: &Census) -> Vec<Gone> {
        if !self.compares_labels() {
            return Vec::new();
        }
        let mut before = self.census_after();
        self.passes.iter().for_each(|pass| before.merge(&Census::of(&pass.mean)));
        before.gone_in(after)
    }

    /// The result slab by slab, channel after channel, in a voxel type of choice: it is never held. Means round half
    /// to even and saturate where the type holds whole numbers; labels stay what they are. The answer is the labels of
    /// the predictions that have no voxel in the result.
    ///
    /// # Errors
    /// If a pass fails, the type does not hold a label, and what `sink` says.
    pub fn slabs<E: From<ResampleError> + From<InvertError>>(
        &self,
        dtype: Dtype,
        mut sink: impl FnMut(&Voxels) -> Result<(), E>,
    ) -> Result<Vec<Gone>, E> {
        let labels = self.passes[0].mean.kind() == Kind::Label;
        let mut after = self.census_after();
        let mut give = |slab: Cow<'_, Voxels>| {
            if slab.dtype() == dtype {
                return sink(&slab);
            }
            if labels {
                StoredDtype::Plain(dtype).check_label_map(&slab).map_err(InvertError::from)?;
            }
            sink(&slab.into_owned().cast(dtype))
        };
        if let [one] = &self.passes[..] {
            let how = one.how(self.interpolation, self.fill.clone());
            let compares = self.compares_labels();
            stream(&one.mean, &one.pass, &how, Some(dtype), |slab| {
                if compares {
                    after.add(slab);
                }
                give(Cow::Borrowed(slab))
            })?;
            return Ok(self.gone_in(&after));
        }
        let meeting = self.meeting();
        for channel in 0..self.channels() {
            give(Cow::Owned(meeting.result(channel, &mut after)?))?;
        }
        Ok(self.gone_in(&after))
    }

    fn meeting(&self) -> WeightedMean<'_> {
        WeightedMean::new(&self.passes, &self.masks, self.interpolation, self.fill.clone())
    }
}

/// A mean on a model grid, and the way back from there.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) mean: Volume,
    pub(crate) pass: Sampling,
    pub(crate) through: Option<Through>,
    pub(crate) ties: Ties,
    /// Whether the values decide about labels.
    pub(crate) decides: bool,
    /// One for each channel of the mean.
    pub(crate) weight: Vec<f64>,
}

impl Pass {
    fn how(&self, interpolation: Interpolation, fill: Vec<f64>) -> How {
        let through = self.through.and_then(|t| t.of_kind(self.mean.kind()));
        How { through, ties: self.ties, decides: self.decides, ..How::extended(interpolation, fill) }
    }
}

/// Means on their way to one native grid, channel by channel.
struct WeightedMean<'a> {
    passes: &'a [Pass],
    masks: &'a [Volume],
    interpolation: Interpolation,
    fill: Vec<f64>,
    /// The weights that meet in each voxel, where they are the same for all channels.
    weights: Option<Vec<f32>>,
}

impl<'a> WeightedMean<'a> {
    fn new(passes: &'a [Pass], masks: &'a [Volume], interpolation: Interpolation, fill: Vec<f64>) -> Self {
        let mut all = Self { passes, masks, interpolation, fill, weights: None };
        let alike = passes.iter().all(|p| p.weight.windows(2).all(|w| w[0] == w[1]));
        if passes.len() > 1 && passes[0].mean.kind() != Kind::Label && alike {
            all.weights = Some(all.weights_of(0));
        }
        all
    }

    /// The weights that meet in each voxel of a channel.
    fn weights_of(&self, channel: usize) -> Vec<f32> {
        let mut weights = vec![0.0; self.passes[0].pass.target().voxel_count()];
        for (pass, mask) in self.passes.iter().zip(self.masks) {
            for (total, seen) in weights.iter_mut().zip(bytes(mask)) {
                *total += weight_of(&pass.weight, channel) as f32 * f32::from(*seen);
            }
        }
        weights
    }

    fn decide(&self, decision: &Decision, after: &mut Census) -> Result<Volume, InvertError> {
        let first = &self.passes[0];
        let (grid, kind, channels) = (*first.pass.target(), first.mean.kind(), first.mean.channels());
        let size = grid.voxel_count();
        match decision {
            Decision::Channels => {
                let mut all = Vec::with_capacity(channels);
                for channel in 0..channels {
                    all.push(self.result(channel, after)?);
                }
                Ok(Volume::new(joined(all)?, grid, kind, channels)?)
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

    /// One channel on the native grid: the mean, or of labels what most members say. The labels that the members have
    /// there are counted, before they vote.
    fn result(&self, channel: usize, after: &mut Census) -> Result<Voxels, InvertError> {
        if self.passes[0].mean.kind() != Kind::Label {
            return Ok(self.channel(channel)?.into());
        }
        let fill = self.fill_of(channel);
        let ballot = |(number, pass): (usize, &Pass)| -> Result<Ballot<'_>, InvertError> {
            let how = pass.how(self.interpolation, vec![fill]);
            let labels = execute(&only(&pass.mean, channel)?, &pass.pass, &how)?.into_voxels();
            after.add_channel(channel, &labels);
            let weight = Cow::Owned(vec![weight_of(&pass.weight, channel)]);
            Ok(Ballot { labels: Cow::Owned(labels), weight, seen: self.masks.get(number).map(bytes) })
        };
        let ballots = self.passes.iter().enumerate().map(ballot).collect::<Result<Vec<_>, _>>()?;
        vote(ballots, fill)
    }

    fn fill_of(&self, channel: usize) -> f64 {
        self.fill.get(channel).or(self.fill.first()).copied().unwrap_or(0.0)
    }

    /// One channel of the mean on the native grid.
    fn channel(&self, channel: usize) -> Result<Vec<f32>, InvertError> {
        let fill = self.fill_of(channel);
        let one = |pass: &Pass| -> Result<Vec<f32>, InvertError> {
            let how = pass.how(self.interpolation, vec![fill]);
            Ok(floats(execute(&only(&pass.mean, channel)?, &pass.pass, &how)?))
        };
        if let [alone] = self.passes {
            return one(alone);
        }
        let weights = match &self.weights {
            Some(weights) => Cow::Borrowed(weights),
            None => Cow::Owned(self.weights_of(channel)),
        };
        let mut sum = vec![0.0f32; weights.len()];
        for (pass, mask) in self.passes.iter().zip(self.masks) {
            for ((sum, value), seen) in sum.iter_mut().zip(one(pass)?).zip(bytes(mask)) {
                if *seen != 0 {
                    *sum += weight_of(&pass.weight, channel) as f32 * value;
                }
            }
        }
        for (sum, weight) in sum.iter_mut().zip(weights.iter()) {
            // Where some members saw nothing, the others decide; where none saw anything stands the fill.
            *sum = if *weight > 0.0 { *sum / weight } else { fill as f32 };
        }
        Ok(sum)
    }
}

/// Channels, one behind the other.
fn joined(mut channels: Vec<Voxels>) -> Result<Voxels, InvertError> {
    if channels.len() == 1 {
        return Ok(channels.remove(0));
    }
    let dtype = common_type(channels.iter(), 0.0)?;
    Ok(revoxel_core::dispatch_dtype!(dtype, T => {
        let mut all: Vec<T> = Vec::with_capacity(channels.iter().map(Voxels::len).sum());
        for channel in channels {
            all.extend_from_slice(bytemuck::cast_slice(channel.cast(T::DTYPE).bytes()));
        }
        all.into()
    }))
}

/// One channel of a volume.
fn only(volume: &Volume, channel: usize) -> Result<Volume, InvertError> {
    let size = volume.grid().voxel_count();
    let voxels: Voxels =
        revoxel_core::dispatch!(volume.voxels(), v => v.part(channel * size..(channel + 1) * size).into());
    Ok(Volume::new(voxels, *volume.grid(), volume.kind(), 1)?)
}

/// The weight of a channel.
fn weight_of(weights: &[f64], channel: usize) -> f64 {
    weights.get(channel).copied().unwrap_or(1.0)
}

fn union(all: Volume, more: &Volume) -> Result<Volume, InvertError> {
    let either: Vec<u8> = bytes(&all).iter().zip(bytes(more)).map(|(a, b)| a | b).collect();
    Ok(all.with_voxels(either.into())?)
}
