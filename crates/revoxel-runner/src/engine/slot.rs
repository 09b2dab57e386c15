//! One volume on its way: the pass that waits for it, and what each op adds to it.

use revoxel_core::{Grid, GridOp, IndexBox, Kind, Relation, Sampling, ValueUndo, Volume};
use revoxel_invert::{RepeatsRecord, SampledRecord, TraceStep};
use revoxel_pipeline::Fuse;
use revoxel_resample::{
    AntiAlias, How, Interpolation, Outside, PadMode, ResampleError, area, execute, gaussian_smooth_as, pad,
};
use revoxel_transforms::params::Padding;
use revoxel_transforms::{ApplyError, Evidence, PaddingRule, Resampling, SpatialTransform};
use serde_json::Value;

use super::{StepError, clipped};

/// A volume, the pass that waits for it, and what happened so far.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) volume: Volume,
    pub(super) pass: Sampling,
    pub(super) how: How,
    pub(super) steps: Vec<TraceStep>,
}

impl Slot {
    pub(super) fn new(volume: Volume) -> Self {
        let pass = Sampling::identity(*volume.grid());
        Self { volume, pass, how: How::border(Interpolation::Nearest), steps: Vec::new() }
    }

    /// The grid after the steps so far.
    pub(super) const fn grid(&self) -> &Grid {
        self.pass.target()
    }

    /// Executes the waiting pass.
    pub(super) fn settle(&mut self) -> Result<(), ResampleError> {
        if !self.pass.is_identity() {
            self.volume = execute(&self.volume, &self.pass, &self.how)?;
            self.pass = Sampling::identity(*self.volume.grid());
        }
        Ok(())
    }

    /// Gives the voxels a type that holds these values too.
    fn hold(&mut self, values: &[f64]) -> Result<(), StepError> {
        let dtype = self.volume.voxels().dtype();
        let holding = values.iter().fold(dtype, |dtype, value| dtype.holding(*value));
        if holding != dtype {
            let (grid, kind, channels) = (*self.volume.grid(), self.volume.kind(), self.volume.channels());
            let voxels = self.volume.voxels().clone().cast(holding);
            self.volume = Volume::new(voxels, grid, kind, channels)?;
        }
        Ok(())
    }

    pub(super) fn value_step(
        &mut self,
        (name, params): (&str, &Value),
        apply: impl FnOnce(Volume) -> Result<(Volume, ValueUndo), ApplyError>,
    ) -> Result<(), StepError> {
        // The volume is moved out for the time of the change; on failure the case fails as a whole.
        let empty = Volume::new(vec![0u8].into(), Grid::without_geometry([1; 3])?, Kind::Label, 1)?;
        let volume = std::mem::replace(&mut self.volume, empty);
        let (volume, undo) = apply(volume)?;
        if !undo.is_finite() {
            return Err(ApplyError::NotFinite.into());
        }
        self.steps.push(TraceStep::value(name, params.clone(), volume.grid(), &undo));
        self.volume = volume;
        Ok(())
    }

    pub(super) fn spatial_step(
        &mut self,
        (name, params): (&str, &Value),
        transform: &dyn SpatialTransform,
        evidence: &Evidence<'_>,
        key: &str,
        fuse: Fuse,
    ) -> Result<(), StepError> {
        let before = *self.grid();
        let ops = transform.plan(&before, evidence)?;
        let (mut record, after) = TraceStep::spatial(name, params.clone(), &before, &ops)?;
        let (mut sampled, mut how) = (false, SampledRecord::default());
        for op in &ops {
            match *op {
                // What one step samples, it samples once.
                GridOp::Resample { .. } | GridOp::Reslice { .. } | GridOp::Warp { .. } if sampled => {
                    self.pass.push(op)?
                }
                GridOp::Window { start, shape } => {
                    if let Some(mode) = self.window(op, start, shape, &transform.padding(), key, fuse)? {
                        how.repeats = RepeatsRecord::of(mode);
                    }
                }
                GridOp::Resample { .. } | GridOp::Reslice { .. } | GridOp::Warp { .. } => {
                    let (rule, smooth) = (transform.resampling(), transform.anti_alias());
                    let interpolation = self.resample(op, &rule, smooth, key, fuse, &mut how)?;
                    record.interpolation = Some(interpolation.name().to_owned());
                    sampled = true;
                    record.separate = rule.separate.map(|s| s.after(before.nominal_spacing()).into());
                }
                _ => self.push(op, fuse)?,
            }
        }
        debug_assert_eq!(*self.grid(), after);
        record.sampled = (how != SampledRecord::default()).then_some(how);
        self.steps.push(record);
        Ok(())
    }

    fn push(&mut self, op: &GridOp, fuse: Fuse) -> Result<(), StepError> {
        if !self.pass.fuses(op, fuse == Fuse::Resampling) {
            self.settle()?;
        }
        Ok(self.pass.push(op)?)
    }

    /// Adds an op that interpolates; what is unusual about it goes into `record`.
    pub(super) fn resample(
        &mut self,
        op: &GridOp,
        rule: &Resampling<'_>,
        anti_alias: bool,
        key: &str,
        fuse: Fuse,
        record: &mut SampledRecord,
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
            if anti_alias && kind != Kind::Label && self.smooth(grid, rule.smoothing)? {
                record.smoothed = Some(rule.smoothing.into());
            }
            if rule.averages(key, kind) && interpolation != Interpolation::Nearest {
                record.area = true;
                self.settle()?;
                self.volume = area(&self.volume, grid)?;
                self.pass = Sampling::identity(*grid);
                return Ok(interpolation);
            }
        }
        let minimum = padding == Padding::Minimum && kind == Kind::Image;
        let mut through = None;
        if let GridOp::Resample { grid } = op {
            through = rule.separate.and_then(|s| s.forth(self.grid().nominal_spacing(), grid.nominal_spacing()));
        }
        let through = through.and_then(|t| t.of_kind(kind, interpolation));
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
        if outside == Outside::Fill {
            self.hold(&fill)?;
        }
        (record.outside, record.boundary, record.fused) = (outside, rule.boundary, self.pass.exact().is_none());
        self.pass.push(op)?;
        let padding = std::mem::take(&mut self.how.padding);
        self.how = How { outside, fill, padding, through, boundary: rule.boundary, ..How::border(interpolation) };
        if clip {
            self.volume = clipped::execute(&self.volume, &self.pass, &self.how)?;
            self.pass = Sampling::identity(*self.volume.grid());
        }
        Ok(interpolation)
    }

    /// Smooths the volume along the axes that are coarser on `target`; whether there are such.
    fn smooth(&mut self, target: &Grid, rule: AntiAlias) -> Result<bool, StepError> {
        let sigma = rule.sigma(self.grid(), target);
        if sigma == [0.0; 3] {
            return Ok(false);
        }
        self.settle()?;
        self.volume = gaussian_smooth_as(&self.volume, sigma, &rule.gaussian())?;
        Ok(true)
    }

    /// Adds a window; how it pads, where it does.
    fn window(
        &mut self,
        op: &GridOp,
        start: [i64; 3],
        shape: [usize; 3],
        rule: &PaddingRule<'_>,
        key: &str,
        fuse: Fuse,
    ) -> Result<Option<PadMode>, StepError> {
        let pads = !self.grid().index_box().contains(&IndexBox { start, shape });
        if !pads {
            return self.push(op, fuse).map(|()| None);
        }
        let value = rule.value_for(key, self.volume.kind(), self.volume.channels());
        let averages = rule.mode.averages();
        // Labels are not averaged.
        let mode = if averages && self.volume.kind() == Kind::Label { PadMode::Constant } else { rule.mode };
        if mode == PadMode::Constant {
            self.hold(&value)?;
        } else {
            self.settle()?;
            if averages {
                self.hold(&[0.5])?;
            }
            self.volume = pad(&self.volume, start, shape, mode, &value)?;
            self.pass = Sampling::identity(*self.volume.grid());
            return Ok(Some(mode));
        }
        if self.pass.has_padding() && self.how.padding != value {
            self.settle()?;
        }
        self.how.padding = value;
        self.push(op, fuse).map(|()| Some(mode))
    }
}
