//! What happened to a volume between two files.

use super::axis_map::Move;

/// What happened to the values of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// They are the source's.
    Same,
    /// They are the source's, edited or in another unit.
    Changed,
    /// They are labels with other numbers than the source's.
    Relabelled,
    /// They are something else at the same place, such as a mask or a prediction.
    Other {
        /// Whether channels are still the source's frames.
        frames: bool,
    },
}

/// What happened to a volume between its file and the file that is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Change<'a> {
    /// Voxels along each axis of the source.
    pub shape: [usize; 3],
    /// What happened to its axes, in order.
    pub moves: &'a [Move],
    /// What happened to its values.
    pub values: Values,
    /// Channels of the source and of the result.
    pub channels: [usize; 2],
}
