//! Errors of transforms.

use revoxel_core::{Grid, GridError, Number, Orientation, Relation, VolumeError, WarpError};
use revoxel_resample::{NonFinite, ResampleError};

/// Why a transform has no plan for a grid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The plan depends on voxels, and there are none in a static plan.
    #[error("depends on the voxels of {0:?}")]
    DependsOnVoxels(String),
    /// A named input is missing.
    #[error("the input {0:?} that the step refers to is missing")]
    MissingInput(String),
    /// No voxel is foreground.
    #[error("no voxel is foreground ({rule}); use on_empty: keep or on_empty: skip_case if such cases are expected")]
    EmptyForeground {
        /// The rule that no voxel satisfies.
        rule: String,
    },
    /// The case is skipped.
    #[error("the case is skipped: no voxel is foreground ({rule})")]
    SkipCase {
        /// The rule that no voxel satisfies.
        rule: String,
    },
    /// There are fewer windows than the copy needs.
    #[error("the case is skipped: it has {patches} patches, and this copy needs number {number} (counted from 0)")]
    NoPatch {
        /// The number that was requested, from 0.
        number: u32,
        /// How many there are.
        patches: usize,
    },
    /// A sweep begins too late to hold a window.
    #[error(
        "no window of {size:?} voxels fits into the volume after the offset: lower the offset or the patch_size, or set \
         pad_mode"
    )]
    NoWindow {
        /// Voxels of a window.
        size: [usize; 3],
    },
    /// A volume cannot be split as requested.
    #[error("{field} {size:?}: cannot split a volume of {shape:?} voxels like this; lower the numbers")]
    Unsplit {
        /// Name of the parameter.
        field: &'static str,
        /// The requested numbers.
        size: [i64; 3],
        /// Shape of the volume.
        shape: [usize; 3],
    },
    /// MONAI's spread of cells runs backwards along an axis.
    #[error(
        "rule: monai: axis {axis} of {voxels} voxels runs backwards at its end and has no inverse: leave the rule out, or \
         choose a number of cells that divides the voxels"
    )]
    Folded {
        /// The axis.
        axis: usize,
        /// Its voxels.
        voxels: usize,
    },
    /// The outermost voxels of an axis cannot keep their places.
    #[error(
        "align_corners: axis {axis} has {from} voxel(s) and would get {to}: both need at least 2 to keep the outermost \
         centres; leave align_corners out"
    )]
    NoCorners {
        /// The axis.
        axis: usize,
        /// Its voxels before.
        from: usize,
        /// Its voxels after.
        to: usize,
    },
    /// The crop would be empty.
    #[error("the crop {start:?} to {end:?} leaves nothing of a volume of {shape:?} voxels")]
    NothingLeft {
        /// First index of the crop.
        start: [i64; 3],
        /// One past its last index.
        end: [i64; 3],
        /// Shape of the volume.
        shape: [usize; 3],
    },
    /// A crop of a fixed size is larger than the volume.
    #[error(
        "{field} {size:?} is larger than the volume of {shape:?} voxels: lower it, pad in a step before (spatial_pad), \
         or set allow_smaller: true"
    )]
    TooLarge {
        /// Name of the parameter.
        field: &'static str,
        /// The requested voxels.
        size: [i64; 3],
        /// Shape of the volume.
        shape: [usize; 3],
    },
    /// The range of sizes of a random crop is empty.
    #[error(
        "cannot draw the size of the crop from {least:?} to {most:?} voxels (the volume has {shape:?}): the smallest size \
         exceeds the largest on some axis; lower the smallest size, or raise the largest"
    )]
    NoSize {
        /// The smallest size.
        least: [i64; 3],
        /// The largest size.
        most: [i64; 3],
        /// Shape of the volume.
        shape: [usize; 3],
    },
    /// An input does not hold what the step needs.
    #[error("cannot use the input {key:?} that the step refers to: {problem}")]
    Unfit {
        /// The input.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The world cannot be bent as requested.
    #[error(transparent)]
    Warp(#[from] WarpError),
    /// A parameter is for three axes, and the volume has two.
    #[error("{field}: {problem} (the volume is 2-D)")]
    TwoAxes {
        /// Name of the parameter.
        field: &'static str,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// A parameter is for two axes, and the volume has three.
    #[error("{field}: {problem} (the volume is not 2-D)")]
    ThreeAxes {
        /// Name of the parameter.
        field: &'static str,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// An orientation would move the slice axis of a 2-D volume.
    #[error(
        "the volume is 2-D with the axes {from}, and {to} would turn its slice axis (the last one) into its plane; give \
         letters that end with the slice axis, or the two letters of the plane"
    )]
    TurnsPlane {
        /// The orientation of the volume.
        from: Orientation,
        /// The requested orientation.
        to: Orientation,
    },
    /// A transform bends all three axes.
    #[error("the step bends along three axes, and the volume is 2-D: use rand_2d_elastic")]
    Planar,
    /// A step would turn a 2-D volume out of its plane.
    #[error(
        "the volume is 2-D, and the step would sample up to {mm:.3} mm outside of its plane: rotate and translate within \
         the plane only (give one angle)"
    )]
    OutOfPlane {
        /// The distance, mm.
        mm: f64,
    },
    /// A step would make several slices of a 2-D volume.
    #[error("the volume is 2-D, and the step would give it {shape:?} voxels: its slice axis must keep one voxel")]
    Slices {
        /// The shape after the step.
        shape: [usize; 3],
    },
    /// Two grids that must overlap do not.
    #[error("the volume ({volume}) and its reference ({reference}) do not overlap: {relation}")]
    Disjoint {
        /// The grid of the volume.
        volume: Box<Grid>,
        /// The grid of the reference.
        reference: Box<Grid>,
        /// How they differ.
        relation: Relation,
    },
    /// The grid after the step would be invalid.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// Values could not be changed.
    #[error(transparent)]
    Values(#[from] Box<ApplyError>),
}

/// Why values could not be changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// A parameter with one number per channel has the wrong length.
    #[error("{parameter} has {given} numbers, but the volume has {channels} channel(s)")]
    Channels {
        /// Name of the parameter.
        parameter: &'static str,
        /// Numbers given.
        given: usize,
        /// Channels of the volume.
        channels: usize,
    },
    /// A volume has the wrong number of channels.
    #[error("the volume has {channels} channel(s): {problem}")]
    ChannelCount {
        /// Channels of the volume.
        channels: usize,
        /// What is needed.
        problem: &'static str,
    },
    /// Statistics of the values are not finite.
    #[error(
        "statistics of the values are not finite: their sums or their range are too large; scale the values before, or \
         clip them with clip_intensity"
    )]
    NotFinite,
    /// The step turns finite values into values that are not finite.
    #[error(
        "the step turns finite values into values that are not finite: {0}; change its parameters, or scale the values \
         before"
    )]
    Overflows(Box<NonFinite>),
    /// The step cannot turn values that are not finite into whole numbers.
    #[error(
        "the step makes whole numbers, which cannot represent NaN or infinity: {0}; set `non_finite: 0`, or another \
         number, on the input"
    )]
    NoWholeNumbers(Box<NonFinite>),
    /// No voxel is in the mask.
    #[error("no voxel is in the mask ({0}): cannot compute statistics")]
    EmptyMask(String),
    /// A named input is missing.
    #[error("the input {0:?} that the step refers to is missing")]
    MissingInput(String),
    /// A named input lies on another grid.
    #[error(
        "the input {key:?} that the step refers to lies on another grid ({theirs:?} voxels, here {ours:?}; corners \
         {corner_mm:.3} mm apart): bring both to one grid in an earlier step"
    )]
    OtherGrid {
        /// The input.
        key: String,
        /// Shape of its grid.
        theirs: [usize; 3],
        /// Shape of the volume's grid.
        ours: [usize; 3],
        /// Distance at the farthest corner, mm.
        corner_mm: f64,
    },
    /// A parameter names a missing channel of a one-hot map.
    #[error(
        "{parameter}: there is no channel {channel}: the volume has {channels} channel(s), numbered from 0, and counts as \
         a one-hot map, where {parameter} names channels; set is_onehot: false to name labels in every channel"
    )]
    NoChannel {
        /// Name of the parameter.
        parameter: &'static str,
        /// The channel it names.
        channel: i64,
        /// Channels of the volume.
        channels: usize,
    },
    /// A volume of several channels is not a one-hot map.
    #[error(
        "channel {channel} holds {value}: a volume of several channels counts as a one-hot map, whose channels hold 0 \
         and 1; set is_onehot: false if each channel is a label map, or is_onehot: true to count values above 0"
    )]
    NotOneHot {
        /// The channel.
        channel: usize,
        /// A value in it.
        value: f64,
    },
    /// A label that the step refuses.
    #[error("the volume has the label {label}: {problem}")]
    Label {
        /// The label.
        label: f64,
        /// What is wrong with it.
        problem: String,
    },
    /// Labels that are not exact in double precision.
    #[error(
        "the label map holds {0}, and this step compares labels in double precision, which is exact up to 2^53 \
         (9007199254740992): map such labels to smaller numbers with map_label_value before"
    )]
    LongLabel(Box<Number>),
    /// The lowest and the highest label, which no voxel type holds together.
    #[error("no voxel type holds labels from {} to {}: each side of 0 needs 64 bits", .0[0], .0[1])]
    LongLabels(Box<[i128; 2]>),
    /// A parameter names a place beyond the volume.
    #[error("{parameter} {place:?} lies outside the volume of {shape:?} voxels")]
    Outside {
        /// Name of the parameter.
        parameter: &'static str,
        /// The indices.
        place: Vec<usize>,
        /// Shape of the volume.
        shape: [usize; 3],
    },
    /// A parameter names a place with too few or too many indices.
    #[error(
        "{parameter} {place:?}: the volume has {axes} axes; give {axes} indices, or the channel and {axes} indices"
    )]
    PlaceLength {
        /// Name of the parameter.
        parameter: &'static str,
        /// The indices.
        place: Vec<usize>,
        /// Axes of the volume.
        axes: usize,
    },
    /// A parameter names an axis that a 2-D volume does not have.
    #[error("{field}: the volume is 2-D and has no axis {axis}: use 0 or 1 (or -1 for the last)")]
    TwoAxes {
        /// Name of the parameter.
        field: &'static str,
        /// The axis.
        axis: i64,
    },
    /// No voxel is background.
    #[error("no voxel of channel {0} is background (0): cannot measure distances")]
    NoBackground(usize),
    /// A rule finds no threshold.
    #[error("{parameter}: {rule} finds no threshold for {channel}: {problem}")]
    Threshold {
        /// Name of the parameter.
        parameter: &'static str,
        /// Name of the rule.
        rule: &'static str,
        /// The values it was applied to.
        channel: String,
        /// The reason, and what to do.
        problem: String,
    },
    /// The result does not fit its grid.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The volume could not be sampled.
    #[error(transparent)]
    Resample(#[from] ResampleError),
}

/// An invalid parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The parameter.
    pub field: &'static str,
    /// What is wrong, with the value and what to do.
    pub problem: String,
}

impl Invalid {
    /// A problem with a parameter.
    pub fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}
