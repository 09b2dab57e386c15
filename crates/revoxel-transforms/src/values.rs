//! What a value transform says of values: of those before and after it, and of those that it takes.

use revoxel_core::{Dtype, Grid, Kind, Volume};

use crate::label_set::{Channels, LabelSet};

/// What is known of the values of a volume.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueState {
    /// What they mean.
    pub kind: Kind,
    /// The voxel type, where it is known.
    pub dtype: Option<Dtype>,
    /// The channels, where they are known.
    pub channels: Option<Channels>,
    /// All labels that a label map may hold; `None` where nobody can say.
    pub labels: Option<LabelSet>,
    /// Whether it is a one-hot map of kind probability that a step made: a channel for each label, with 0 and 1.
    pub one_hot: bool,
}

impl ValueState {
    /// Values of a kind, of which nothing else is known.
    pub const fn of(kind: Kind) -> Self {
        Self { kind, dtype: None, channels: None, labels: None, one_hot: false }
    }

    /// The numbers of the labels that it may hold: of a one-hot map of probabilities, those of its channels.
    pub(crate) fn numbers(&self) -> Option<&LabelSet> {
        match self.kind {
            Kind::Label => self.labels.as_ref(),
            _ => self.channels.as_ref().map(|channels| &channels.held),
        }
    }

    /// After any change: the kind and the number of channels stay.
    #[must_use]
    pub fn changed(&self) -> Self {
        let channels = self.channels.as_ref().map(Channels::filled);
        Self { channels, one_hot: self.one_hot, ..Self::of(self.kind) }
    }

    /// After a change that gives this voxel type.
    #[must_use]
    pub fn changed_to(&self, dtype: Dtype) -> Self {
        Self { dtype: Some(dtype), ..self.changed() }
    }
}

/// What holds of a value transform whatever the volume is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ValueTraits {
    /// Whether what a voxel becomes depends on other voxels, by more than statistics of the finite values. Such a step
    /// never sees values that are not finite: they are filled from their neighbours before it and put back after it.
    pub mixes_voxels: bool,
    /// Whether it treats labels beyond 2⁵³ to the last digit. Steps that do not refuse label maps that hold any.
    pub keeps_long_labels: bool,
    /// Whether it makes no sense of label maps, though its definition lists their kind.
    pub not_for_labels: bool,
    /// What becomes of the values that it changes.
    pub undo: UndoRule,
    /// The channels that it takes.
    pub channels: ChannelRule,
}

impl ValueTraits {
    /// Values are lost, and nothing else holds.
    pub const LOST: Self = Self {
        mixes_voxels: false,
        keeps_long_labels: false,
        not_for_labels: false,
        undo: UndoRule::Lost,
        channels: ChannelRule::Any,
    };
    /// Values are lost in a mixture with those of other voxels.
    pub const MIXED: Self = Self { mixes_voxels: true, ..Self::LOST };
}

/// What becomes of the values that a transform changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UndoRule {
    /// [`apply`](crate::ValueTransform::apply) says what undoes the change.
    #[default]
    Recorded,
    /// They are lost for good whatever a volume holds: `apply` answers [`Lost`](revoxel_core::ValueUndo::Lost).
    Lost,
    /// Labels get other numbers, which can be undone.
    Relabels,
}

/// Which channels a transform takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelRule {
    /// Any number.
    #[default]
    Any,
    /// One.
    One,
    /// One, or a one-hot map of several: what is neither 0 nor 1 is refused there.
    OneHot,
}

/// What is known of the shape of a volume.
#[derive(Clone, Copy, Debug, Default)]
pub struct KnownShape {
    /// Where its voxels lie.
    pub grid: Option<Grid>,
    /// How many channels it has.
    pub channels: Option<usize>,
}

impl KnownShape {
    /// That of a volume.
    pub const fn of(volume: &Volume) -> Self {
        Self { grid: Some(*volume.grid()), channels: Some(volume.channels()) }
    }
}
