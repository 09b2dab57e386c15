//! What a transform can be asked.

use std::fmt::Debug;

use revoxel_core::{Dtype, Grid, GridOp, IndexBox, Kind, ValueUndo, Volume};
use revoxel_resample::{AntiAlias, Boundary, Interpolation, PadMode, Separate};

use crate::error::{ApplyError, PlanError};
use crate::label_set::{Channels, LabelSet};
use crate::params::{Named, Padding, PerKey};

/// Plans what happens to where voxels are. Contains no voxel loop.
pub trait SpatialTransform: Debug + Send + Sync {
    /// The ops that this transform makes of a grid.
    ///
    /// # Errors
    /// Where the grid cannot be treated as asked, or the answer depends on voxels that are not there yet.
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError>;

    /// What must be in the evidence.
    fn need(&self) -> Need<'_> {
        Need::Nothing
    }

    /// Further inputs, on the grid of the one that [`need`](Self::need) names, in whose voxels is looked too: the
    /// regions are taken together.
    fn also(&self) -> &[String] {
        &[]
    }

    /// What is seen in the voxels of the source that [`need`](Self::need) names.
    ///
    /// # Errors
    /// Where the voxels do not allow an answer.
    fn observe(&self, source: &Volume) -> Result<Observed, PlanError> {
        Ok(Observed { grid: *source.grid(), region: Some(source.grid().index_box()) })
    }

    /// A further input, on the grid of the one that [`need`](Self::need) names, that is looked at together with it.
    fn beside(&self) -> Option<&str> {
        None
    }

    /// [`observe`](Self::observe) with the input that [`beside`](Self::beside) names.
    ///
    /// # Errors
    /// Where the voxels do not allow an answer.
    fn observe_beside(&self, source: &Volume, _beside: &Volume) -> Result<Observed, PlanError> {
        self.observe(source)
    }

    /// Whether there is room for what it takes in a source on this grid.
    ///
    /// # Errors
    /// Where the grid is too small, whatever the voxels are.
    fn fits(&self, _source: &Grid) -> Result<(), PlanError> {
        Ok(())
    }

    /// How ops of this transform that interpolate do it.
    fn resampling(&self) -> Resampling<'_> {
        Resampling::default()
    }

    /// Whether volumes are smoothed before an op of this transform samples them more coarsely; see
    /// [`anti_alias_sigma`](revoxel_resample::anti_alias_sigma). Labels never are.
    fn anti_alias(&self) -> bool {
        false
    }

    /// Whether this transform puts volumes on the grid that [`need`](Self::need) names, so that they may lie on
    /// another one before it.
    fn aligns(&self) -> bool {
        false
    }

    /// What windows of this transform hold where they stick out.
    fn padding(&self) -> PaddingRule<'_> {
        PaddingRule { mode: PadMode::Constant, value: None }
    }

    /// The labels that parameters name, of the inputs that [`need`](Self::need) and [`also`](Self::also) name.
    fn named_labels(&self) -> Vec<NamedLabel> {
        Vec::new()
    }
}

/// Changes values, not places; says how to undo it where it can be undone.
pub trait ValueTransform: Debug + Send + Sync {
    /// The volume with changed values on the same grid, and what undoes the change.
    ///
    /// # Errors
    /// Where the values do not allow it.
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError>;

    /// The key of another input whose voxels it looks at, as they are before the step.
    fn source(&self) -> Option<&str> {
        None
    }

    /// [`apply`](Self::apply) with the input that [`source`](Self::source) names, which lies on the same grid.
    ///
    /// # Errors
    /// Where the values do not allow it.
    fn apply_with(&self, volume: Volume, _source: &Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        self.apply(volume)
    }

    /// Keys of inputs of which one mask is made before the step changes any of them. Those that are not there count
    /// for nothing.
    fn gathers(&self) -> &[String] {
        &[]
    }

    /// The mask of the inputs that [`gathers`](Self::gathers) names, which lie on one grid;
    /// [`apply_with`](Self::apply_with) gets it as the source.
    ///
    /// # Errors
    /// Where no mask can be made.
    fn gather(&self, _sources: &[&Volume]) -> Result<Volume, ApplyError> {
        Err(ApplyError::MissingInput(self.gathers().join(", ")))
    }

    /// The voxel type of the result, where it does not depend on values; `before` is what it was, where that is known.
    fn dtype_after(&self, before: Option<Dtype>) -> Option<Dtype> {
        let _ = before;
        None
    }

    /// Refuses volumes on a grid, as [`apply`](Self::apply) does.
    ///
    /// # Errors
    /// Where parameters do not fit it.
    fn fits_grid(&self, _grid: &Grid) -> Result<(), ApplyError> {
        Ok(())
    }

    /// Refuses volumes of so many channels, on a grid of two or three axes, as [`apply`](Self::apply) does.
    ///
    /// # Errors
    /// Where parameters do not fit them.
    fn fits_channels(&self, _channels: usize, _axes: usize) -> Result<(), ApplyError> {
        Ok(())
    }

    /// Whether what a voxel becomes depends on other voxels, by more than statistics of the finite values. Such a step
    /// never sees values that are not finite: they are filled from their neighbours before it and put back after it.
    fn mixes(&self) -> bool {
        false
    }

    /// Whether values are lost for good whatever a volume holds: [`apply`](Self::apply) answers [`ValueUndo::Lost`].
    fn loses_values(&self) -> bool {
        false
    }

    /// Whether it gives labels other numbers, which can be undone.
    fn exchanges_labels(&self) -> bool {
        false
    }

    /// Whether it treats labels beyond 2⁵³ to the last digit. Steps that do not refuse label maps that hold any.
    fn keeps_long_labels(&self) -> bool {
        false
    }

    /// What the values of a volume of this kind mean after the step.
    fn kind_after(&self, kind: Kind) -> Kind {
        kind
    }

    /// The labels that parameters name: of the input that [`source`](Self::source) names, else of the volumes that are
    /// changed. Not those that the step makes.
    fn named_labels(&self) -> Vec<NamedLabel> {
        Vec::new()
    }

    /// All labels that a volume may hold after the step, where it held none but `labels` before it, or anything with
    /// `None`. Of a one-hot map of probabilities `labels` are the numbers of the channels that may hold anything.
    /// `None` is the answer where nobody can say.
    fn labels_after(&self, _labels: Option<&LabelSet>) -> Option<LabelSet> {
        None
    }

    /// The channels after the step: of a one-hot map with `channels` before it; `labels` as in
    /// [`labels_after`](Self::labels_after). `None` is what nobody knows.
    fn channels_after(&self, channels: Option<&Channels>, _labels: Option<&LabelSet>) -> Option<Channels> {
        channels.map(Channels::filled)
    }

    /// Whether it makes sense of volumes of a kind, one of those of its definition.
    fn takes(&self, _kind: Kind) -> bool {
        true
    }

    /// Whether it makes one-hot maps: a channel for each label, with 0 and 1.
    fn makes_one_hot(&self) -> bool {
        false
    }

    /// Whether it needs a volume of one channel.
    fn one_channel(&self) -> bool {
        false
    }

    /// Whether it takes several channels for a one-hot map and refuses what is neither 0 nor 1.
    fn bits_alone(&self) -> bool {
        false
    }

    /// A label among these, which a volume may hold before the step, that the step refuses. Of a one-hot map of
    /// probabilities they are the numbers of its channels.
    fn refuses(&self, _labels: &LabelSet) -> Option<RefusedLabel> {
        None
    }
}

/// A label that a step refuses.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedLabel {
    /// The label.
    pub label: f64,
    /// The parameter that leaves it out.
    pub field: &'static str,
    /// Why, after the label's name.
    pub problem: String,
}

/// A label that a parameter names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NamedLabel {
    /// The parameter.
    pub field: &'static str,
    /// Its position there, from 0, where the parameter is a list.
    pub position: usize,
    /// The label.
    pub label: f64,
    /// Of what it is the number.
    pub names: Names,
}

/// What a number in a parameter stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// A label: what a voxel holds.
    Label,
    /// A label; where the volume is a one-hot map of several channels, one of these, from 0.
    LabelOrChannel,
    /// A channel, from 0.
    Channel,
}

impl NamedLabel {
    /// The labels of a list, none of which is a channel.
    pub fn list(field: &'static str, labels: impl IntoIterator<Item = f64>) -> Vec<Self> {
        let named = |(position, label)| Self { field, position, label, names: Names::Label };
        labels.into_iter().enumerate().map(named).collect()
    }
}

/// What a transform needs to know besides a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need<'a> {
    /// Nothing.
    Nothing,
    /// The voxels of another input, by key.
    Voxels(&'a str),
    /// The grid of another input, by key.
    Grid(&'a str),
}

/// What is known besides a grid. In a static plan there are no voxels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'a> {
    /// What [`SpatialTransform::observe`] saw.
    pub observed: Option<&'a Observed>,
    /// The grid that [`Need::Grid`] asks for; of a drawn transform, the grid of the step's first input.
    pub reference: Option<&'a Grid>,
}

/// A region seen in the voxels of a volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed {
    /// The grid of the volume that was looked at.
    pub grid: Grid,
    /// The region, in indices of that grid; `None` where there is none and the volume is to be kept as it is.
    pub region: Option<IndexBox>,
}

/// Parameters of the interpolating ops of a transform.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resampling<'a> {
    /// The interpolation, where the step gives one; else the kind decides.
    pub interpolation: Option<&'a PerKey<Named<Interpolation>>>,
    /// What lies outside, where the step gives it; else the default.
    pub padding: Option<&'a PerKey<Padding>>,
    /// What lies outside by default.
    pub default_padding: Padding,
    /// By which rule an axis is interpolated in another way than the rest, where one is.
    pub separate: Option<Separate>,
    /// What the cubic B-spline takes to lie beyond the voxels.
    pub boundary: Boundary,
    /// Whether the cubic B-spline is kept within the range of what it reads.
    pub clip: bool,
    /// Whether voxels are means of all that they touch, where the step gives no interpolation and the volume is no label
    /// map; for ops that keep the outer faces. See [`area`](revoxel_resample::area).
    pub area: bool,
    /// Whether voxels are interpolated at all, where grids differ.
    pub samples: bool,
    /// How a volume is smoothed where [`anti_alias`](SpatialTransform::anti_alias) asks for it.
    pub smoothing: AntiAlias,
}

impl Resampling<'_> {
    /// The interpolation that the step gives for a volume. One for all inputs is not meant for labels where it would
    /// average them, nor for other kinds where it would choose among labels.
    pub fn interpolation_for(&self, key: &str, kind: Kind) -> Option<Interpolation> {
        let asked = self.interpolation.and_then(|i| i.get(key)).map(|named| named.0);
        asked.filter(|i| match kind {
            Kind::Label => !i.averages(),
            _ => !i.weighs_labels(),
        })
    }

    /// Whether values of a volume may be mixed with those beside them.
    pub fn mixes(&self, key: &str, kind: Kind) -> bool {
        let asked = self.interpolation_for(key, kind).unwrap_or(Interpolation::default_for(kind));
        self.samples && kind != Kind::Label && asked.averages()
    }

    /// Whether a volume is averaged instead of interpolated.
    pub fn averages(&self, key: &str, kind: Kind) -> bool {
        self.area && kind != Kind::Label && self.interpolation_for(key, kind).is_none()
    }
}

impl<'a> Resampling<'a> {
    /// What a step asks for, with what lies outside where it does not say.
    pub const fn asked(
        interpolation: Option<&'a PerKey<Named<Interpolation>>>,
        padding: Option<&'a PerKey<Padding>>,
        default_padding: Padding,
    ) -> Self {
        let (separate, boundary, smoothing) = (None, Boundary::Mirror, AntiAlias::Cardoso);
        let (clip, area, samples) = (false, false, true);
        Self { interpolation, padding, default_padding, separate, boundary, clip, area, samples, smoothing }
    }
}

/// Parameters of the windows of a transform.
#[derive(Clone, Copy, Debug)]
pub struct PaddingRule<'a> {
    /// How padding is made.
    pub mode: PadMode,
    /// The constant, where the step gives one; else the kind decides (images: 0).
    pub value: Option<&'a PerKey<f64>>,
}

impl PaddingRule<'_> {
    /// The constant for the channels of a volume, one number for all of them or one by channel.
    pub fn value_for(&self, key: &str, kind: Kind, channels: usize) -> Vec<f64> {
        self.value.and_then(|v| v.for_key(key)).map(|v| vec![v]).unwrap_or_else(|| {
            kind.unseen(channels).unwrap_or_else(|| vec![self.value.and_then(|v| v.for_all()).unwrap_or(0.0)])
        })
    }
}
