//! What is known of one volume between two steps.

use revoxel_core::{Dtype, Fidelity, Grid, GridOp, Kind};
use revoxel_transforms::params::{Padding, PerKey};
use revoxel_transforms::{
    ApplyError, Channels, FusedPass, KnownGrid, KnownShape, LabelSet, Names, Outline, PaddingRule, PlanError,
    ResampleError, Resampling, Sources, SpatialTransform, ValueState, ValueTransform, step_rule,
};

use crate::key_plan::KeyPlan;
use crate::model::LabelReference;
use crate::rules::Fuse;

/// What is known of a volume.
#[derive(Clone, Debug)]
pub(crate) struct VolumeState {
    /// Where its voxels lie, and their type, with the pass that waits; `None` where the grid is not known.
    pub(super) pass: Option<FusedPass<KnownGrid>>,
    /// What is known of the grid where that is not all.
    pub(super) outline: Option<Outline>,
    /// Whether the grid is not known because a step draws by the name of the case, and none was given.
    pub(super) by_case: bool,
    /// How many channels it has, where that is known for certain.
    pub(super) count: Option<usize>,
    /// Whether there are such volumes at all.
    pub(crate) there: bool,
    /// What its values mean.
    pub(crate) kind: Kind,
    /// Whether it can be a one-hot map of several channels.
    pub(crate) one_hot: bool,
    /// Its channels if it is one, where they are known.
    pub(crate) channels: Option<Channels>,
    /// All labels that it can hold; `None` where that is not known.
    pub(crate) labels: Option<LabelSet>,
    /// Labels that it can hold for certain: what was declared, named or made on the way.
    pub(crate) certain: LabelSet,
    /// Whether a step made it a one-hot map of kind probability.
    pub(super) made_one_hot: bool,
    /// Whether a one-hot map was mixed from voxel to voxel, so that there is something between 0 and 1.
    pub(crate) mixed: bool,
    /// Whether its labels or channels are not those before the first step.
    pub(crate) changed: bool,
}

impl VolumeState {
    /// Before the first step; with `channels`, if known.
    pub(super) fn new(kind: Kind, labels: Option<LabelSet>, channels: Option<usize>) -> Self {
        Self {
            pass: None,
            outline: None,
            by_case: false,
            count: None,
            there: true,
            kind,
            one_hot: channels.map_or(labels.is_none(), |count| count > 1) && labels.as_ref().is_none_or(binary),
            channels: channels.map(Channels::all),
            certain: labels.clone().unwrap_or_default(),
            labels,
            made_one_hot: false,
            mixed: false,
            changed: false,
        }
    }

    /// Before the first step of a case.
    pub(super) fn on_grid(known: KnownGrid) -> Self {
        let pass = Some(FusedPass::new(known));
        Self { pass, count: known.channels, ..Self::new(known.kind, None, None) }
    }

    /// Where its voxels lie.
    pub(crate) fn grid(&self) -> Option<Grid> {
        self.pass.as_ref().map(|pass| *pass.grid())
    }

    /// What is known of it with all passes executed, and how many there were; `None` where its grid is not known.
    pub(super) fn settled(mut self) -> Option<(KnownGrid, usize)> {
        self.settle().ok()?;
        self.pass.as_ref().map(|pass| (*pass.subject(), pass.executed()))
    }

    /// What is known of the grid, whether that is all or not.
    pub(super) fn outline(&self) -> Option<Outline> {
        self.grid().map(|grid| Outline::of(&grid)).or(self.outline)
    }

    /// The grid is not known any more, but for this.
    pub(super) fn lose(&mut self, known: Option<Outline>) {
        (self.pass, self.outline) = (None, known);
    }

    /// Executes the pass that waits.
    pub(super) fn settle(&mut self) -> Result<(), PlanError> {
        self.pass.as_mut().map_or(Ok(()), |pass| pass.settle().map(|_| ())).map_err(resampled)
    }

    /// Refuses a volume that parameters of a step do not fit, by its shape and its channels where these are known.
    pub(super) fn fits(&self, transform: &dyn ValueTransform) -> Result<(), PlanError> {
        Ok(transform.fits(&KnownShape { grid: self.grid(), channels: self.count }).map_err(Box::new)?)
    }

    /// After ops of a spatial transform, which fuse with the pass that waits.
    pub(super) fn planned(
        &mut self,
        key: &str,
        transform: &dyn SpatialTransform,
        ops: Vec<GridOp>,
        fuse: Fuse,
    ) -> Result<KeyPlan, PlanError> {
        let Some(pass) = &mut self.pass else { return Ok(KeyPlan::unknown(None, None)) };
        let (before, mut fidelity) = (*pass.grid(), Fidelity::Exact);
        let mut grid = before;
        for op in &ops {
            fidelity = fidelity.max(op.fidelity(&grid));
            grid = op.after(&grid)?;
        }
        let rule = step_rule(transform, key, self.kind, self.count.unwrap_or(1), fuse == Fuse::Resampling);
        let applied = pass.apply(&ops, &rule).map_err(resampled)?;
        Ok(KeyPlan {
            after: Some(*pass.grid()),
            ops,
            fidelity: Some(fidelity),
            fused: applied.joined,
            interpolation: applied.interpolation.map(|i| i.name()),
            ..KeyPlan::in_place(Some(before), false)
        })
    }

    /// After a step that changes values, in nobody knows which way.
    pub(super) fn forget_values(&mut self) {
        let channels = self.channels.as_ref().map(Channels::filled);
        self.turn(self.kind, None, channels, LabelSet::default());
        self.put(None);
    }

    /// After a step that changes values and names these labels.
    pub(super) fn change_values(&mut self, transform: &dyn ValueTransform, named: &[LabelReference]) {
        let dtype = self.pass.as_ref().and_then(|pass| pass.subject().dtype);
        let channels = self.count.map(Channels::all).or_else(|| self.channels.clone());
        let (kind, labels, one_hot) = (self.kind, self.labels.clone(), self.made_one_hot);
        let before = ValueState { kind, dtype, channels, labels, one_hot };
        let after = transform.after(&before);
        let mut certain = std::mem::take(&mut self.certain);
        // A label that a step names is there: that is checked elsewhere.
        let own = !matches!(transform.sources(), Sources::Voxels { .. });
        let named = named.iter().filter(|sought| own && sought.names != Names::Channel);
        certain.extend(named.map(|sought| sought.label));
        let labels = Some(certain).filter(|_| kind == Kind::Label);
        let made = transform.after(&ValueState { labels, channels: None, ..before }).labels;
        let labels_of = |labels: Option<LabelSet>| labels.filter(|_| after.kind == Kind::Label);
        let (labels, certain) = (labels_of(after.labels), labels_of(made).unwrap_or_default());
        self.made_one_hot = after.one_hot && after.kind == Kind::Probability;
        self.count = self.count.and(after.channels.as_ref().filter(|after| after.exact).map(|after| after.count));
        self.turn(after.kind, labels, after.channels, certain);
        self.put(after.dtype);
    }

    /// Other values on the same grid, with this voxel type, if known. No pass waits.
    fn put(&mut self, dtype: Option<Dtype>) {
        if let Some(pass) = &mut self.pass {
            *pass = pass.with(KnownGrid { grid: *pass.grid(), kind: self.kind, channels: self.count, dtype });
        }
    }

    fn turn(&mut self, kind: Kind, labels: Option<LabelSet>, channels: Option<Channels>, certain: LabelSet) {
        let channels = channels.filter(|_| kind != Kind::Image);
        self.changed |= kind != self.kind || labels != self.labels || channels != self.channels;
        // What becomes a label map may have a channel for each label.
        self.one_hot = channels.as_ref().map_or(self.one_hot || kind != self.kind, |channels| channels.count > 1);
        self.mixed &= kind == self.kind;
        (self.kind, self.labels, self.channels, self.certain) = (kind, labels, channels, certain);
    }

    /// After voxels moved: interpolation and averages invent no labels, a value that pads may be one.
    pub(super) fn moved(&mut self, key: &str, padding: &PaddingRule<'_>, resampling: &Resampling<'_>) {
        let padded = padded(key, padding, resampling);
        if padded.iter().any(|value| *value != 0.0) {
            self.channels = self.channels.as_ref().map(Channels::filled);
        }
        if resampling.mixes(key, self.kind) {
            self.mix();
        }
        if self.kind == Kind::Label {
            self.certain.extend(padded.iter().copied());
        }
        let Some(labels) = &mut self.labels else { return };
        let before = labels.count();
        labels.extend(padded);
        self.changed |= labels.count() != before;
    }

    /// After an interpolation: labels are not mixed, and only one-hot maps that a step made are.
    pub(super) fn mix(&mut self) {
        self.mixed |= self.kind == Kind::Probability && self.channels.is_some();
    }

    /// The numbers of the labels that it may hold: of a one-hot map of probabilities, those of its channels.
    pub(crate) fn numbers(&self) -> Option<&LabelSet> {
        match self.kind {
            Kind::Label => self.labels.as_ref(),
            _ => self.channels.as_ref().map(|channels| &channels.held),
        }
    }
}

/// Whether a one-hot map can hold these.
pub(crate) fn binary(labels: &LabelSet) -> bool {
    labels.iter().all(|label| label == 0.0 || label == 1.0)
}

/// The values that a step puts outside a volume.
fn padded(key: &str, padding: &PaddingRule<'_>, resampling: &Resampling<'_>) -> Vec<f64> {
    let value = padding.value.and_then(|v: &PerKey<f64>| v.for_key(key));
    let outside = resampling.padding.and_then(|p| p.for_key(key)).and_then(|p| match p {
        Padding::Value(value) => Some(value),
        _ => None,
    });
    value.into_iter().chain(outside).collect()
}

fn resampled(error: ResampleError) -> PlanError {
    match error {
        ResampleError::Grid(error) => error.into(),
        other => Box::new(ApplyError::Resample(other)).into(),
    }
}
