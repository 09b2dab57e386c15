//! The only place that decides which ops share a pass, and how each is sampled.
//!
//! ```text
//! ops of step 1, ops of step 2, ...  --apply-->  one pass that waits  --settle-->  voxels
//! ```
//!
//! Ops gather in a pass as long as the result is the same as step by step. The type works on a volume, and also on its
//! known properties before the voxels are read, so the plan is what runs. It also samples the noise of an earlier
//! step, which is to be subtracted from a volume, exactly as the volume was sampled.

use revoxel_core::{Grid, GridOp, IndexBox, Kind, Relation, Sampling};

use crate::subject::Subject;
use crate::{AntiAlias, Boundary, FilterEdge, How, Interpolation, Outside, PadMode, ResampleError, Separate, Ties};

/// What is sampled beyond the voxels of a volume.
#[derive(Clone, Debug, PartialEq)]
pub enum Beyond {
    /// The closest edge voxel.
    Border,
    /// The volume mirrored about its outer faces.
    Reflection,
    /// These values, by channel (one number for all channels is enough).
    Fill(Vec<f64>),
    /// The lowest value of the volume.
    Minimum,
}

/// How the ops of a step are executed on one volume.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRule {
    /// How ops interpolate.
    pub interpolation: Interpolation,
    /// What they sample beyond the voxels.
    pub beyond: Beyond,
    /// The values that the cubic B-spline assumes beyond the voxels.
    pub boundary: Boundary,
    /// Whether the cubic B-spline is clipped to the range of the values that it reads.
    pub clip: bool,
    /// Whether each voxel is the mean of all voxels that it touches; see [`area`](crate::area).
    pub area: bool,
    /// The rule by which an axis is interpolated in another way than the others.
    pub separate: Option<Separate>,
    /// How volumes are smoothed before they are sampled more coarsely, if at all.
    pub smoothing: Option<AntiAlias>,
    /// What smoothing reads beyond the volume, if it differs from its rule.
    pub smoothing_edge: Option<FilterEdge>,
    /// Which of two equally close voxels is taken.
    pub ties: Ties,
    /// How windows pad beyond the volume.
    pub pad_mode: PadMode,
    /// The value of constant padding, by channel (one number for all channels is enough).
    pub padding: Vec<f64>,
    /// Whether an interpolation may share a pass with an earlier one; values then differ from step by step.
    pub fuse_resampling: bool,
}

impl StepRule {
    /// The rule that clamps at the border and pads with zero.
    pub fn plain(interpolation: Interpolation) -> Self {
        Self {
            interpolation,
            beyond: Beyond::Border,
            boundary: Boundary::Mirror,
            clip: false,
            area: false,
            separate: None,
            smoothing: None,
            smoothing_edge: None,
            ties: Ties::Alternate,
            pad_mode: PadMode::Constant,
            padding: vec![0.0],
            fuse_resampling: false,
        }
    }
}

/// How the ops of a step were executed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Applied {
    /// The interpolation, if one was needed.
    pub interpolation: Option<Interpolation>,
    /// The rule by which an axis was interpolated in another way, given the grid before the step.
    pub separate: Option<Separate>,
    /// What was sampled beyond the voxels.
    pub outside: Outside,
    /// The values that the cubic B-spline assumed beyond the voxels.
    pub boundary: Boundary,
    /// The rule by which the volume was smoothed before.
    pub smoothed: Option<AntiAlias>,
    /// Whether each voxel is the mean of all voxels that it touches.
    pub area: bool,
    /// Whether it was fused with the interpolation of an earlier step.
    pub fused: bool,
    /// How a window padded, if one did.
    pub padded: Option<PadMode>,
    /// The number of voxels clipped to the range that the spline read; `None` if they were not counted.
    pub clipped: Option<usize>,
    /// Whether an op joined the pass of an earlier step.
    pub joined: bool,
}

/// A volume or its known properties, and the pending pass.
#[derive(Clone, Debug)]
pub struct FusedPass<S> {
    subject: S,
    pass: Sampling,
    how: How,
    /// Pending ops of earlier steps.
    earlier: usize,
    /// Pending ops of the current step.
    own: usize,
    executed: usize,
}

impl<S: Subject> FusedPass<S> {
    /// A subject without pending ops.
    pub fn new(subject: S) -> Self {
        let pass = Sampling::identity(*subject.grid());
        Self { subject, pass, how: How::border(Interpolation::Nearest), earlier: 0, own: 0, executed: 0 }
    }

    /// The grid after the ops so far.
    pub const fn grid(&self) -> &Grid {
        self.pass.target()
    }

    /// The pending pass.
    pub const fn pass(&self) -> &Sampling {
        &self.pass
    }

    /// How to execute the pending pass.
    pub const fn how(&self) -> &How {
        &self.how
    }

    /// The subject before the pending ops.
    pub const fn subject(&self) -> &S {
        &self.subject
    }

    /// How many passes over the voxels were executed so far.
    pub const fn executed(&self) -> usize {
        self.executed
    }

    /// The subject, the pending pass, and how to execute it.
    pub fn into_parts(self) -> (S, Sampling, How) {
        (self.subject, self.pass, self.how)
    }

    /// Executes the pending pass; returns the subject after it.
    ///
    /// # Errors
    /// If it fails.
    pub fn settle(&mut self) -> Result<&mut S, ResampleError> {
        if !self.pass.is_identity() {
            self.subject.execute(&self.pass, &self.how)?;
            self.executed += 1;
        }
        self.put();
        Ok(&mut self.subject)
    }

    /// Replaces the subject, keeping the count of passes. No op may be pending.
    #[must_use]
    pub fn with(&self, subject: S) -> Self {
        Self { executed: self.executed, ..Self::new(subject) }
    }

    /// The subject was changed in place.
    fn put(&mut self) {
        self.pass = Sampling::identity(*self.subject.grid());
        (self.earlier, self.own) = (0, 0);
    }

    /// Adds the ops of a step.
    ///
    /// # Errors
    /// If an op has no result, or a pass that must be executed first fails.
    pub fn apply(&mut self, ops: &[GridOp], rule: &StepRule) -> Result<Applied, ResampleError> {
        (self.earlier, self.own) = (self.earlier + self.own, 0);
        let (before, mut applied) = (*self.grid(), Applied::default());
        let mut sampled = false;
        for op in ops {
            match *op {
                // What one step samples, it samples once.
                ref op if op.interpolates() && sampled => self.join(op, &mut applied)?,
                ref op if op.interpolates() => {
                    sampled = true;
                    self.sample(op, rule, &mut applied)?;
                    applied.separate = rule.separate.map(|s| s.after(before.nominal_spacing()));
                }
                GridOp::Window { start, shape } => self.window(op, start, shape, rule, &mut applied)?,
                ref op => self.push(op, rule, &mut applied)?,
            }
        }
        Ok(applied)
    }

    /// Adds an op to the pending pass.
    fn join(&mut self, op: &GridOp, applied: &mut Applied) -> Result<(), ResampleError> {
        applied.joined |= self.earlier > 0;
        self.pass.push(op)?;
        self.own += 1;
        Ok(())
    }

    /// Adds an op to the pending pass, or to a new one.
    fn push(&mut self, op: &GridOp, rule: &StepRule, applied: &mut Applied) -> Result<(), ResampleError> {
        if !self.pass.fuses(op, rule.fuse_resampling) {
            self.settle()?;
        }
        self.join(op, applied)
    }

    /// Adds an op that interpolates.
    fn sample(&mut self, op: &GridOp, rule: &StepRule, applied: &mut Applied) -> Result<(), ResampleError> {
        let kind = self.subject.kind();
        let (mut interpolation, mut through) = (rule.interpolation, None);
        if let GridOp::Resample { grid } = op {
            // Where grids differ by noise, voxels are copied: no value changes.
            if Relation::between(self.grid(), grid).agrees() {
                interpolation = Interpolation::Nearest;
            }
            applied.interpolation = Some(interpolation);
            applied.smoothed = rule.smoothing.filter(|_| kind != Kind::Label);
            if let Some(smoothing) = applied.smoothed {
                applied.smoothed = self.smooth(grid, smoothing, rule.smoothing_edge)?;
            }
            if rule.area && kind != Kind::Label && interpolation != Interpolation::Nearest {
                applied.area = true;
                self.settle()?.average(grid)?;
                self.executed += 1;
                self.put();
                return Ok(());
            }
            through = rule.separate.and_then(|s| s.forth(self.grid().nominal_spacing(), grid.nominal_spacing()));
        }
        applied.interpolation = Some(interpolation);
        let through = through.and_then(|t| t.of_kind(kind));
        let clip = rule.clip && interpolation == Interpolation::Cubic;
        let minimum = rule.beyond == Beyond::Minimum;
        // The axis that is treated apart, and the values that are a limit, are those of what the op reads.
        if minimum || through.is_some() || clip || !self.pass.fuses(op, rule.fuse_resampling) {
            self.settle()?;
        }
        let (outside, fill) = match &rule.beyond {
            Beyond::Border => (Outside::Border, vec![0.0]),
            Beyond::Reflection => (Outside::Reflection, vec![0.0]),
            Beyond::Fill(values) => (Outside::Fill, values.clone()),
            Beyond::Minimum => (Outside::Fill, vec![self.subject.minimum()]),
        };
        if outside == Outside::Fill {
            self.subject.hold(&fill)?;
        }
        (applied.outside, applied.boundary) = (outside, rule.boundary);
        applied.fused = self.pass.exact().is_none();
        self.join(op, applied)?;
        let padding = std::mem::take(&mut self.how.padding);
        let (boundary, ties) = (rule.boundary, rule.ties);
        self.how = How { outside, fill, padding, through, boundary, ties, ..How::border(interpolation) };
        if clip {
            applied.clipped = Some(self.subject.execute_clipped(&self.pass, &self.how)?);
            self.executed += 1;
            self.put();
        }
        Ok(())
    }

    /// Smooths along the axes that are coarser on `target`; returns the rule, if there are any.
    fn smooth(
        &mut self,
        target: &Grid,
        rule: AntiAlias,
        edge: Option<FilterEdge>,
    ) -> Result<Option<AntiAlias>, ResampleError> {
        let sigma = rule.sigma(self.grid(), target);
        if sigma == [0.0; 3] {
            return Ok(None);
        }
        let mut gaussian = rule.gaussian();
        gaussian.edge = edge.unwrap_or(gaussian.edge);
        self.settle()?.smooth(sigma, &gaussian)?;
        self.executed += 1;
        Ok(Some(rule))
    }

    /// Adds a window.
    fn window(
        &mut self,
        op: &GridOp,
        start: [i64; 3],
        shape: [usize; 3],
        rule: &StepRule,
        applied: &mut Applied,
    ) -> Result<(), ResampleError> {
        if self.grid().index_box().contains(&IndexBox { start, shape }) {
            return self.push(op, rule, applied);
        }
        let averages = rule.pad_mode.averages();
        // Labels are not averaged.
        let labels = self.subject.kind() == Kind::Label;
        let mode = if averages && labels { PadMode::Constant } else { rule.pad_mode };
        applied.padded = Some(mode);
        if mode != PadMode::Constant {
            self.settle()?;
            if averages {
                self.subject.hold(&[0.5])?;
            }
            self.subject.pad(start, shape, mode, &rule.padding)?;
            self.executed += 1;
            self.put();
            return Ok(());
        }
        self.subject.hold(&rule.padding)?;
        if self.pass.has_padding() && self.how.padding != rule.padding {
            self.settle()?;
        }
        self.how.padding.clone_from(&rule.padding);
        self.push(op, rule, applied)
    }
}

#[cfg(test)]
mod tests;
