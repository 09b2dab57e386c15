//! Executes steps on the volumes of a case and records what happened.
//!
//! Spatial ops are not executed at once: they gather in a pass as long as the result is the same as step by step,
//! and the pass runs when voxels are needed.

mod clipped;

use std::collections::BTreeMap;

use revoxel_core::{
    Agreement, Dtype, Grid, GridError, GridOp, IndexBox, Kind, Relation, Sampling, ValueUndo, Volume, VolumeError,
};
use revoxel_invert::TraceStep;
use revoxel_pipeline::{Fuse, Step};
use revoxel_resample::{
    FilterEdge, Gaussian, How, Interpolation, Outside, PadMode, ResampleError, anti_alias_sigma, execute,
    gaussian_smooth_as, pad,
};
use revoxel_transforms::params::Padding;
use revoxel_transforms::{
    ApplyError, Evidence, Need, Observed, PaddingRule, PlanError, Resampling, SpatialTransform, Transform,
    ValueTransform,
};

/// The volumes of a case on their way through a pipeline.
#[derive(Debug)]
pub struct Engine {
    slots: BTreeMap<String, Slot>,
    fuse: Fuse,
}

/// A volume after the last step.
#[derive(Debug)]
pub struct Processed {
    /// The volume.
    pub volume: Volume,
    /// What happened to it.
    pub steps: Vec<TraceStep>,
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
        Self { slots, fuse }
    }

    /// Samples a volume whose slices lie unevenly onto an even grid, before any step; recorded as `regularize`.
    ///
    /// # Errors
    /// Where the op does not fit the volume.
    pub fn even_out(&mut self, key: &str, op: &GridOp) -> Result<(), StepError> {
        let Some(slot) = self.slots.get_mut(key) else { return Ok(()) };
        let before = *slot.grid();
        let (mut record, _) =
            TraceStep::spatial("regularize", serde_json::json!({}), &before, std::slice::from_ref(op))?;
        let rule = Resampling { default_padding: Padding::Minimum, ..Resampling::default() };
        record.interpolation = Some(slot.resample(op, &rule, false, key, Fuse::Exact)?.name().to_owned());
        slot.steps.push(record);
        Ok(())
    }

    /// Executes the steps, in order.
    ///
    /// # Errors
    /// The first step that cannot be done, with the volume.
    pub fn run(&mut self, steps: &[Step]) -> Result<(), StepFailure> {
        for (number, step) in steps.iter().enumerate() {
            tracing::debug!(step = number + 1, transform = step.name, "running");
            self.step(step).map_err(|(key, error)| StepFailure {
                step: number,
                name: step.name,
                key,
                error: Box::new(error),
            })?;
        }
        Ok(())
    }

    /// The volumes after the last step. Voxels of an integer type that was asked for round half to even.
    ///
    /// # Errors
    /// Where a last pass fails.
    pub fn finish(self, dtypes: &BTreeMap<String, Dtype>) -> Result<BTreeMap<String, Processed>, StepError> {
        let mut results = BTreeMap::new();
        for (key, mut slot) in self.slots {
            slot.settle()?;
            let volume = match dtypes.get(&key) {
                Some(dtype) => slot.volume.cast(*dtype),
                None => slot.volume,
            };
            results.insert(key, Processed { volume, steps: slot.steps });
        }
        Ok(results)
    }

    fn step(&mut self, step: &Step) -> Result<(), (String, StepError)> {
        let keys: Vec<&String> = step.keys.iter().filter(|k| self.slots.contains_key(*k)).collect();
        match &step.transform {
            Transform::Value(transform) => {
                let source = transform.source();
                // The source last: the others see it as it was before the step.
                let (last, first): (Vec<_>, Vec<_>) = keys.into_iter().partition(|k| source == Some(k.as_str()));
                for key in first.into_iter().chain(last) {
                    self.value_step(step, &**transform, key).map_err(|e| (key.clone(), e))?;
                }
            }
            Transform::Spatial(transform) => {
                if keys.is_empty() {
                    return Ok(());
                }
                let (observed, reference) = self.evidence(&**transform)?;
                let evidence = Evidence { observed: observed.as_ref(), reference: reference.as_ref() };
                for key in keys {
                    let Some(slot) = self.slots.get_mut(key) else { continue };
                    slot.spatial_step(step, &**transform, &evidence, key, self.fuse).map_err(|e| (key.clone(), e))?;
                }
            }
        }
        Ok(())
    }

    fn value_step(&mut self, step: &Step, transform: &dyn ValueTransform, key: &str) -> Result<(), StepError> {
        let Some(mut slot) = self.slots.remove(key) else { return Ok(()) };
        slot.settle()?;
        let Some(name) = transform.source() else {
            slot.value_step(step, |volume| transform.apply(volume))?;
            self.slots.insert(key.to_owned(), slot);
            return Ok(());
        };
        let own = (name == key).then(|| slot.volume.clone());
        let other = match self.slots.get_mut(name) {
            Some(other) => {
                other.settle()?;
                Some(&other.volume)
            }
            None => own.as_ref(),
        };
        let other = other.ok_or_else(|| ApplyError::MissingInput(name.to_owned()))?;
        let relation = Relation::between(slot.grid(), other.grid());
        if !matches!(relation.agreement, Agreement::Identical | Agreement::Noise) {
            let (ours, theirs) = (slot.grid().shape(), other.grid().shape());
            let corner_mm = relation.worst_corner_mm;
            return Err(ApplyError::OtherGrid { key: name.to_owned(), theirs, ours, corner_mm }.into());
        }
        slot.value_step(step, |volume| transform.apply_with(volume, other))?;
        self.slots.insert(key.to_owned(), slot);
        Ok(())
    }

    /// What the transform needs to know of other volumes, before the step changes any.
    fn evidence(
        &mut self,
        transform: &dyn SpatialTransform,
    ) -> Result<(Option<Observed>, Option<Grid>), (String, StepError)> {
        let missing = |key: &str| (key.to_owned(), PlanError::MissingInput(key.to_owned()).into());
        match transform.need() {
            Need::Nothing => Ok((None, None)),
            Need::Grid(key) => {
                let slot = self.slots.get(key).ok_or_else(|| missing(key))?;
                Ok((None, Some(*slot.grid())))
            }
            Need::Voxels(key) => {
                let mut look = |key: &str| {
                    let slot = self.slots.get_mut(key).ok_or_else(|| missing(key))?;
                    slot.settle().map_err(|e| (key.to_owned(), e.into()))?;
                    transform.observe(&slot.volume).map_err(|e| (key.to_owned(), e.into()))
                };
                // Where one input is empty, the others decide; where all are, the first one's answer stands.
                let mut observed = look(key);
                for other in transform.also() {
                    observed = match (observed, look(other)) {
                        (Ok(a), Ok(b)) if a.grid == b.grid => Ok(Observed { region: joined(a.region, b.region), ..a }),
                        (Ok(_), Ok(b)) => {
                            let (volume, source_grid) = (Box::new(b.grid), Box::new(*self.slots[key].grid()));
                            let relation = revoxel_core::Relation::between(&volume, &source_grid);
                            let error = ResampleError::OtherSource { volume, source_grid, relation };
                            return Err((other.clone(), error.into()));
                        }
                        (Err((_, StepError::Plan(PlanError::EmptyForeground { .. }))), Ok(b)) => Ok(b),
                        (Ok(a), Err((_, StepError::Plan(PlanError::EmptyForeground { .. })))) => Ok(a),
                        (Ok(_), error) => error,
                        (first, _) => first,
                    };
                }
                Ok((Some(observed?), None))
            }
        }
    }
}

/// The box around two regions; `None`, all of the volume, stays so.
fn joined(a: Option<IndexBox>, b: Option<IndexBox>) -> Option<IndexBox> {
    let (a, b) = (a?, b?);
    let (start, end) = ([0, 1, 2].map(|i| a.start[i].min(b.start[i])), [0, 1, 2].map(|i| a.end()[i].max(b.end()[i])));
    Some(IndexBox::from_bounds(start, end))
}

/// A volume, the pass that waits for it, and what happened so far.
#[derive(Debug)]
struct Slot {
    volume: Volume,
    pass: Sampling,
    how: How,
    steps: Vec<TraceStep>,
}

impl Slot {
    fn new(volume: Volume) -> Self {
        let pass = Sampling::identity(*volume.grid());
        Self { volume, pass, how: How::border(Interpolation::Nearest), steps: Vec::new() }
    }

    /// The grid after the steps so far.
    const fn grid(&self) -> &Grid {
        self.pass.target()
    }

    /// Executes the waiting pass.
    fn settle(&mut self) -> Result<(), ResampleError> {
        if !self.pass.is_identity() {
            self.volume = execute(&self.volume, &self.pass, &self.how)?;
            self.pass = Sampling::identity(*self.volume.grid());
        }
        Ok(())
    }

    fn value_step(
        &mut self,
        step: &Step,
        apply: impl FnOnce(Volume) -> Result<(Volume, ValueUndo), ApplyError>,
    ) -> Result<(), StepError> {
        // The volume is moved out for the time of the change; on failure the case fails as a whole.
        let empty = Volume::new(vec![0u8].into(), Grid::without_geometry([1; 3])?, Kind::Label, 1)?;
        let volume = std::mem::replace(&mut self.volume, empty);
        let (volume, undo) = apply(volume)?;
        self.steps.push(TraceStep::value(step.name, step.params.clone(), volume.grid(), &undo));
        self.volume = volume;
        Ok(())
    }

    fn spatial_step(
        &mut self,
        step: &Step,
        transform: &dyn SpatialTransform,
        evidence: &Evidence<'_>,
        key: &str,
        fuse: Fuse,
    ) -> Result<(), StepError> {
        let before = *self.grid();
        let ops = transform.plan(&before, evidence)?;
        let (mut record, after) = TraceStep::spatial(step.name, step.params.clone(), &before, &ops)?;
        for op in &ops {
            match *op {
                GridOp::Window { start, shape } => {
                    self.window(op, start, shape, &transform.padding(), key, fuse)?;
                }
                GridOp::Resample { .. } | GridOp::Reslice { .. } => {
                    let (rule, smooth) = (transform.resampling(), transform.anti_alias());
                    record.interpolation = Some(self.resample(op, &rule, smooth, key, fuse)?.name().to_owned());
                    record.separate = rule.separate.map(Into::into);
                }
                _ => self.push(op, fuse)?,
            }
        }
        debug_assert_eq!(*self.grid(), after);
        self.steps.push(record);
        Ok(())
    }

    fn push(&mut self, op: &GridOp, fuse: Fuse) -> Result<(), StepError> {
        if !self.pass.fuses(op, fuse == Fuse::Resampling) {
            self.settle()?;
        }
        Ok(self.pass.push(op)?)
    }

    fn resample(
        &mut self,
        op: &GridOp,
        rule: &Resampling<'_>,
        anti_alias: bool,
        key: &str,
        fuse: Fuse,
    ) -> Result<Interpolation, StepError> {
        let (kind, channels) = (self.volume.kind(), self.volume.channels());
        let padding = rule.padding.and_then(|p| p.get(key)).unwrap_or(rule.default_padding);
        let asked = rule.interpolation.and_then(|i| i.get(key)).map(|named| named.0);
        // One interpolation for all inputs is not meant for labels where it would average them.
        let asked = asked.filter(|i| !(kind == Kind::Label && i.averages()));
        let mut interpolation = asked.unwrap_or(Interpolation::default_for(kind));
        if let GridOp::Resample { grid } = op {
            // Where grids differ by noise, voxels are copied: no value changes.
            if Relation::between(self.grid(), grid).agrees() {
                interpolation = Interpolation::Nearest;
            }
            if anti_alias && kind != Kind::Label {
                self.smooth(grid)?;
            }
        }
        let minimum = padding == Padding::Minimum && kind == Kind::Image;
        let mut through = None;
        if let GridOp::Resample { grid } = op {
            through = rule.separate.and_then(|s| s.through(self.grid().spacing(), grid.spacing()));
        }
        let clip = rule.clip && interpolation == Interpolation::Cubic;
        // The axis that is treated apart, and the values that are a limit, are those of what the op reads.
        if minimum || through.is_some() || clip || !self.pass.fuses(op, fuse == Fuse::Resampling) {
            self.settle()?;
        }
        let named = rule.padding.is_some_and(|p| p.for_key(key).is_some());
        let unseen = kind.unseen(channels);
        let (outside, fill) = match (padding, unseen) {
            (Padding::Border, _) => (Outside::Border, vec![0.0]),
            (Padding::Reflection, _) => (Outside::Reflection, vec![0.0]),
            (Padding::Value(value), Some(_)) if named => (Outside::Fill, vec![value]),
            (_, Some(unseen)) => (Outside::Fill, unseen),
            (Padding::Value(value), None) => (Outside::Fill, vec![value]),
            (Padding::Zeros, None) => (Outside::Fill, vec![0.0]),
            (Padding::Minimum, None) => {
                (Outside::Fill, vec![self.volume.voxels().min_max().map_or(0.0, |(low, _)| low)])
            }
        };
        self.pass.push(op)?;
        let padding = std::mem::take(&mut self.how.padding);
        self.how = How { outside, fill, padding, through, boundary: rule.boundary, ..How::border(interpolation) };
        if clip {
            self.volume = clipped::execute(&self.volume, &self.pass, &self.how)?;
            self.pass = Sampling::identity(*self.volume.grid());
        }
        Ok(interpolation)
    }

    /// Smooths the volume along the axes that are coarser on `target`.
    fn smooth(&mut self, target: &Grid) -> Result<(), StepError> {
        let sigma = anti_alias_sigma(self.grid(), target);
        if sigma == [0.0; 3] {
            return Ok(());
        }
        self.settle()?;
        // As ITK smooths: the edge goes on beyond the volume.
        let gaussian = Gaussian { edge: FilterEdge::Nearest, ..Gaussian::default() };
        self.volume = gaussian_smooth_as(&self.volume, sigma, &gaussian)?;
        Ok(())
    }

    fn window(
        &mut self,
        op: &GridOp,
        start: [i64; 3],
        shape: [usize; 3],
        rule: &PaddingRule<'_>,
        key: &str,
        fuse: Fuse,
    ) -> Result<(), StepError> {
        let pads = !self.grid().index_box().contains(&IndexBox { start, shape });
        if !pads {
            return self.push(op, fuse);
        }
        let value = rule.value.and_then(|v| v.for_key(key)).map(|v| vec![v]).unwrap_or_else(|| {
            let unseen = self.volume.kind().unseen(self.volume.channels());
            unseen.unwrap_or_else(|| vec![rule.value.and_then(|v| v.for_all()).unwrap_or(0.0)])
        });
        if rule.mode != PadMode::Constant {
            self.settle()?;
            self.volume = pad(&self.volume, start, shape, rule.mode, &value)?;
            self.pass = Sampling::identity(*self.volume.grid());
            return Ok(());
        }
        if self.pass.has_padding() && self.how.padding != value {
            self.settle()?;
        }
        self.how.padding = value;
        self.push(op, fuse)
    }
}
