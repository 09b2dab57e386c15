//! Executes steps on the volumes of a case and records what happened.
//!
//! Spatial ops are not executed at once: they gather in a pass as long as the result is the same as step by step,
//! and the pass runs when voxels are needed.

pub(crate) mod finite;
mod losses;
mod slot;
mod so_far;

use std::collections::BTreeMap;

use revoxel_core::{
    Agreement, Dtype, Fidelity, Grid, GridError, GridOp, IndexBox, Kind, Relation, Sampling, Volume, VolumeError,
    Voxels,
};
use revoxel_invert::TraceStep;
use revoxel_pipeline::{Fuse, PlainChange, PlainStep};
use revoxel_resample::{Census, Gone, How, NonFinite, ResampleError, execute_as, result_dtype, stream};
use revoxel_transforms::params::Padding;
use revoxel_transforms::{
    ApplyError, Evidence, Observed, PlanError, Resampling, Sources, SpatialTransform, ValueTransform,
};
use serde_json::Value;
use slot::Slot;

pub use losses::Vanished;
pub use so_far::SoFar;

/// The volumes of a case on their way through a pipeline.
#[derive(Debug)]
pub struct Engine {
    slots: BTreeMap<String, Slot>,
    fuse: Fuse,
    losses: losses::Losses,
}

/// A volume after the last step.
#[derive(Debug)]
pub struct Processed {
    /// The volume.
    pub volume: Volume,
    /// What happened to it.
    pub steps: Vec<TraceStep>,
}

/// A volume before its last pass.
#[derive(Debug)]
pub struct Last {
    volume: Volume,
    pass: Sampling,
    how: How,
    executed: usize,
    /// The labels before the spatial steps that end with the last pass, where they are compared.
    labels: Option<Census>,
    /// What happened to it, the last pass included.
    pub steps: Vec<TraceStep>,
}

impl Last {
    /// Where the voxels lie after the pass.
    pub const fn grid(&self) -> &Grid {
        self.pass.target()
    }

    /// How many passes over the voxels there are, the last one included.
    pub fn passes(&self) -> usize {
        self.executed + usize::from(!self.pass.is_identity())
    }

    /// The voxel type before the pass.
    pub(crate) fn dtype_before(&self) -> Dtype {
        self.volume.dtype()
    }

    /// The values before the pass that are not finite.
    pub fn non_finite(&self) -> Option<NonFinite> {
        NonFinite::of(&self.volume)
    }

    /// What the values mean.
    pub const fn kind(&self) -> Kind {
        self.volume.kind()
    }

    /// The channels.
    pub const fn channels(&self) -> usize {
        self.volume.channels()
    }

    /// The voxel type after the pass, where this one is wanted.
    pub fn dtype(&self, wanted: Option<Dtype>) -> Dtype {
        wanted.unwrap_or_else(|| result_dtype(&self.volume, &self.pass, &self.how, None))
    }

    /// Executes the pass.
    ///
    /// # Errors
    /// Where it fails.
    pub fn whole(self, wanted: Option<Dtype>) -> Result<Processed, StepError> {
        let dtype = self.dtype(wanted);
        let volume = match self.pass.is_identity() {
            true => self.volume,
            false => execute_as(&self.volume, &self.pass, &self.how, wanted)?,
        };
        Ok(Processed { volume: volume.cast(dtype), steps: self.steps })
    }

    /// Executes the pass slab by slab, without ever holding its result. The answer is the labels that the spatial
    /// steps before it lost.
    ///
    /// # Errors
    /// Where it fails, and what `sink` says.
    pub fn slabs<E: From<ResampleError>>(
        &self,
        wanted: Option<Dtype>,
        mut sink: impl FnMut(&Voxels) -> Result<(), E>,
    ) -> Result<Vec<Gone>, E> {
        let dtype = self.dtype(wanted);
        let mut after = Census::new(self.grid().voxel_count(), self.channels());
        stream(&self.volume, &self.pass, &self.how, wanted, |slab| {
            if self.labels.is_some() {
                after.add(slab);
            }
            match slab.dtype() == dtype {
                true => sink(slab),
                false => sink(&slab.clone().cast(dtype)),
            }
        })?;
        Ok(self.labels.as_ref().map(|before| before.gone_in(&after)).unwrap_or_default())
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[error("step {} ({name}), {key}: {error}", .step + 1)]
pub struct StepFailure {
    /// Position of the step, from 0.
    pub step: usize,
    /// Name of the transform.
    pub name: &'static str,
    /// Key of the volume.
    pub key: String,
    /// Why.
    pub error: Box<StepError>,
}

/// Why a transform failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// It has no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Values could not be changed.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// Voxels could not be moved.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// Buffers do not fit.
    #[error(transparent)]
    Volume(#[from] VolumeError),
}

impl From<GridError> for StepError {
    fn from(error: GridError) -> Self {
        Self::Plan(error.into())
    }
}

impl Engine {
    /// An engine for these volumes.
    pub fn new(volumes: BTreeMap<String, Volume>, fuse: Fuse) -> Self {
        let slots = volumes.into_iter().map(|(key, volume)| (key, Slot::new(volume))).collect();
        Self { slots, fuse, losses: losses::Losses::default() }
    }

    /// Samples a volume whose slices lie unevenly onto an even grid, before any step; recorded as `regularize`.
    ///
    /// # Errors
    /// Where the op does not fit the volume.
    pub fn even_out(&mut self, key: &str, op: &GridOp) -> Result<(), StepError> {
        let Some(slot) = self.slots.get_mut(key) else { return Ok(()) };
        self.losses.before_spatial(key, slot.volume());
        let resampling = Resampling { default_padding: Padding::Minimum, ..Resampling::default() };
        let rule = resampling.rule(key, slot.volume().kind(), slot.volume().channels());
        slot.ops(("regularize", &serde_json::json!({})), std::slice::from_ref(op), &rule)
    }

    /// Executes the steps, in order.
    ///
    /// # Errors
    /// The first step that cannot be done, with the volume.
    pub fn run<'a>(&mut self, steps: impl Iterator<Item = PlainStep<'a>>) -> Result<(), StepFailure> {
        steps.enumerate().try_for_each(|(number, step)| self.run_step(number, &step))
    }

    /// Executes one step; `number` is its position in the pipeline, from 0.
    ///
    /// # Errors
    /// Where it cannot be done, with the volume.
    pub fn run_step(&mut self, number: usize, step: &PlainStep<'_>) -> Result<(), StepFailure> {
        tracing::debug!(step = number + 1, transform = step.name(), "running");
        self.step(step).map_err(|(key, error)| StepFailure {
            step: number,
            name: step.name(),
            key,
            error: Box::new(error),
        })
    }

    /// The volumes after the last step. Voxels of an integer type that was asked for round half to even.
    ///
    /// # Errors
    /// Where a last pass fails.
    pub fn finish(self, dtypes: &BTreeMap<String, Dtype>) -> Result<BTreeMap<String, Processed>, StepError> {
        let last = self.last();
        last.into_iter().map(|(key, last)| Ok((key.clone(), last.whole(dtypes.get(&key).copied())?))).collect()
    }

    /// The labels that spatial steps lost before values were changed. What the last pass loses is said by
    /// [`Last::slabs`].
    pub fn vanished(&self) -> &[Vanished] {
        self.losses.gone()
    }

    /// The volumes with what is left to do to them: the last pass need not be executed at once.
    pub fn last(mut self) -> BTreeMap<String, Last> {
        let last = |(key, slot): (String, Slot)| {
            let executed = slot.fused.executed();
            let (volume, pass, how) = slot.fused.into_parts();
            let labels = self.losses.take(&key);
            (key, Last { volume, pass, how, executed, labels, steps: slot.steps })
        };
        self.slots.into_iter().map(last).collect()
    }

    fn step(&mut self, step: &PlainStep<'_>) -> Result<(), (String, StepError)> {
        let keys: Vec<&String> = step.keys().iter().filter(|k| self.slots.contains_key(*k)).collect();
        let (name, params) = (step.name(), step.params());
        match step.change() {
            PlainChange::Nothing => {
                for key in keys {
                    let Some(slot) = self.slots.get_mut(key) else { continue };
                    slot.steps.push(TraceStep::nothing(name, params.clone().into_owned(), slot.fused.grid()));
                }
            }
            PlainChange::Value(transform) => self.value(name, &params, &keys, transform)?,
            PlainChange::Spatial(transform) => {
                let Some(first) = keys.first() else { return Ok(()) };
                let reference = match step.reference(Some(first.as_str())) {
                    Some(key) => Some(*self.slots.get(key).ok_or_else(|| missing(key))?.grid()),
                    None => None,
                };
                let observed = self.observed(transform)?;
                let evidence = Evidence { observed: observed.as_ref(), reference: reference.as_ref() };
                self.spatial(name, &params, &keys, transform, &evidence)?;
                if step.takes_part() {
                    self.parts_taken(&keys);
                }
            }
        }
        Ok(())
    }

    fn value(
        &mut self,
        name: &str,
        params: &Value,
        keys: &[&String],
        transform: &dyn ValueTransform,
    ) -> Result<(), (String, StepError)> {
        let source = match transform.sources() {
            Sources::Mask(sources) => return self.masked((name, params), keys, transform, sources),
            Sources::Voxels { of, .. } => Some(of),
            Sources::Nothing | Sources::Grid { .. } => None,
        };
        // The source last: the others see it as it was before the step.
        let (last, first): (Vec<&String>, Vec<&String>) = keys.iter().partition(|k| source == Some(k.as_str()));
        for key in first.into_iter().chain(last) {
            self.value_step((name, params), transform, key, source).map_err(|e| (key.clone(), e))?;
        }
        Ok(())
    }

    /// Changes values with a mask that is made of several inputs, before any is changed.
    fn masked(
        &mut self,
        step: (&str, &Value),
        keys: &[&String],
        transform: &dyn ValueTransform,
        sources: &[String],
    ) -> Result<(), (String, StepError)> {
        for key in keys.iter().copied().chain(sources) {
            let Some(slot) = self.slots.get_mut(key) else { continue };
            slot.settle().map_err(|e| (key.clone(), e.into()))?;
        }
        let found: Vec<(&String, &Volume)> =
            sources.iter().filter_map(|key| self.slots.get(key).map(|slot| (key, slot.volume()))).collect();
        let Some((first, volume)) = found.first().copied() else {
            let key = sources.first().cloned().unwrap_or_default();
            return Err((key.clone(), ApplyError::MissingInput(key).into()));
        };
        for (key, other) in &found {
            on_one_grid(first, volume, other.grid()).map_err(|e| ((*key).clone(), e))?;
        }
        let volumes: Vec<&Volume> = found.iter().map(|(_, volume)| *volume).collect();
        let mask = transform.mask(&volumes).map_err(|e| (first.clone(), e.into()))?;
        let (first, mixes) = (first.clone(), transform.traits().mixes_voxels);
        for key in keys {
            let Some(slot) = self.slots.get_mut(*key) else { continue };
            self.losses.before_values(key, slot.volume());
            let done = on_one_grid(&first, &mask, slot.grid());
            let done = done.and_then(|()| slot.value_step(step, mixes, |volume| transform.apply_with(volume, &mask)));
            done.map_err(|e| ((*key).clone(), e))?;
        }
        Ok(())
    }

    fn spatial(
        &mut self,
        name: &str,
        params: &Value,
        keys: &[&String],
        transform: &dyn SpatialTransform,
        evidence: &Evidence<'_>,
    ) -> Result<(), (String, StepError)> {
        for key in keys {
            let Some(slot) = self.slots.get_mut(*key) else { continue };
            self.losses.before_spatial(key, slot.volume());
            let done = slot.spatial_step((name, params), transform, evidence, key, self.fuse);
            done.map_err(|e| ((*key).clone(), e))?;
        }
        Ok(())
    }

    /// What a random step left out was meant to be left out.
    fn parts_taken(&mut self, keys: &[&String]) {
        for key in keys {
            let step = self.slots.get(*key).and_then(|slot| slot.steps.last());
            if step.is_some_and(|step| step.fidelity != Fidelity::Exact) {
                self.losses.part_taken(key);
            }
        }
    }

    fn value_step(
        &mut self,
        step: (&str, &Value),
        transform: &dyn ValueTransform,
        key: &str,
        source: Option<&str>,
    ) -> Result<(), StepError> {
        let Some(mut slot) = self.slots.remove(key) else { return Ok(()) };
        slot.settle()?;
        self.losses.before_values(key, slot.volume());
        no_long_labels(slot.volume(), transform)?;
        let mixes = transform.traits().mixes_voxels;
        let Some(name) = source else {
            slot.value_step(step, mixes, |volume| transform.apply(volume))?;
            self.slots.insert(key.to_owned(), slot);
            return Ok(());
        };
        let own = (name == key).then(|| slot.volume().clone());
        let other = match self.slots.get_mut(name) {
            Some(other) => {
                other.settle()?;
                Some(other.volume())
            }
            None => own.as_ref(),
        };
        let other = other.ok_or_else(|| ApplyError::MissingInput(name.to_owned()))?;
        on_one_grid(name, other, slot.grid())?;
        no_long_labels(other, transform)?;
        slot.value_step(step, mixes, |volume| transform.apply_with(volume, other))?;
        self.slots.insert(key.to_owned(), slot);
        Ok(())
    }

    /// What the transform sees in other volumes, before the step changes any.
    fn observed(&mut self, transform: &dyn SpatialTransform) -> Result<Option<Observed>, (String, StepError)> {
        let Sources::Voxels { of: key, beside, also } = transform.sources() else { return Ok(None) };
        let mut look = |key: &str| {
            for key in [Some(key), beside].into_iter().flatten() {
                let slot = self.slots.get_mut(key).ok_or_else(|| missing(key))?;
                slot.settle().map_err(|e| (key.to_owned(), e.into()))?;
            }
            let source = self.slots[key].volume();
            if !transform.named_labels().is_empty() {
                check_long_labels(source).map_err(|e| (key.to_owned(), e.into()))?;
            }
            let beside = beside.map(|beside| (beside, self.slots[beside].volume()));
            if let Some((beside, other)) = beside {
                on_one_grid(beside, other, source.grid()).map_err(|e| (key.to_owned(), e))?;
            }
            let seen = transform.observe(source, beside.map(|(_, other)| other));
            seen.map_err(|e| (key.to_owned(), e.into()))
        };
        // Where one input is empty, the others decide; where all are, the first one's answer stands.
        let mut observed = look(key);
        for other in also {
            observed = match (observed, look(other)) {
                (Ok(a), Ok(b)) if a.grid == b.grid => Ok(Observed { region: joined(a.region, b.region), ..a }),
                (Ok(_), Ok(b)) => {
                    let (volume, source_grid) = (Box::new(b.grid), Box::new(*self.slots[key].grid()));
                    let relation = Relation::between(&volume, &source_grid);
                    let error = ResampleError::OtherSource { volume, source_grid, relation };
                    return Err((other.clone(), error.into()));
                }
                (Err((_, StepError::Plan(PlanError::EmptyForeground { .. }))), Ok(b)) => Ok(b),
                (Ok(a), Err((_, StepError::Plan(PlanError::EmptyForeground { .. })))) => Ok(a),
                (Ok(_), error) => error,
                (first, _) => first,
            };
        }
        observed.map(Some)
    }
}

/// The error of a step that looks at an input which the case does not have.
fn missing(key: &str) -> (String, StepError) {
    (key.to_owned(), PlanError::MissingInput(key.to_owned()).into())
}

/// Refuses labels that are not exact in double precision, before a step that compares them in it.
///
/// # Errors
/// The first such label.
pub(crate) fn no_long_labels(volume: &Volume, step: &dyn ValueTransform) -> Result<(), ApplyError> {
    if step.traits().keeps_long_labels { Ok(()) } else { check_long_labels(volume) }
}

fn check_long_labels(volume: &Volume) -> Result<(), ApplyError> {
    if volume.kind() != Kind::Label || !matches!(volume.dtype(), Dtype::U64 | Dtype::I64) {
        return Ok(());
    }
    volume.voxels().label_lost_in(Dtype::F64).map_or(Ok(()), |label| Err(ApplyError::LongLabel(label.into())))
}

/// Refuses a volume that lies elsewhere than the one that is to be changed.
fn on_one_grid(key: &str, other: &Volume, grid: &Grid) -> Result<(), StepError> {
    let relation = Relation::between(grid, other.grid());
    if matches!(relation.agreement, Agreement::Identical | Agreement::Noise) {
        return Ok(());
    }
    let (ours, theirs) = (grid.shape(), other.grid().shape());
    let corner_mm = relation.worst_corner_mm;
    Err(ApplyError::OtherGrid { key: key.to_owned(), theirs, ours, corner_mm }.into())
}

/// The box around two regions; `None`, all of the volume, stays so.
fn joined(a: Option<IndexBox>, b: Option<IndexBox>) -> Option<IndexBox> {
    let (a, b) = (a?, b?);
    let (start, end) = ([0, 1, 2].map(|i| a.start[i].min(b.start[i])), [0, 1, 2].map(|i| a.end()[i].max(b.end()[i])));
    Some(IndexBox::from_bounds(start, end))
}
