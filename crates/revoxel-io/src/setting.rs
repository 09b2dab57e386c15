//! What a caller can set and a message speaks of.

/// A field of [`ReadOptions`](crate::ReadOptions) or [`Limits`](crate::Limits), or the voxel type to write. A message
/// that speaks of one names the field of a pipeline; a program that has another name for it adds that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// The most bytes of a volume.
    MaxVolume,
    /// How often the compressed bytes a file may become.
    MaxExpansion,
    /// Whether headers may name files outside their folder.
    AllowOutside,
    /// Read as labels.
    Labels,
    /// Which series.
    Series,
    /// Which volume of a series.
    Select,
    /// Images of several quantities, or in time, as frames.
    StackFrames,
    /// The rescale of the other images.
    AssumeRescale,
    /// Leave an incomplete last frame out.
    DropIncomplete,
    /// Even out slices, or take them as even.
    UnevenSlices,
    /// Fill in missing slices.
    FillMissing,
    /// Complex voxels as two channels.
    ComplexChannels,
    /// The voxel size.
    Spacing,
    /// The series onto whose slices labels go.
    Reference,
    /// Which segments or structures.
    Structures,
    /// The least fraction of a segment.
    Threshold,
    /// One channel for each label.
    Overlap,
    /// The voxel type to write.
    Dtype,
}
