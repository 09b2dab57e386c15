//! Why passes fail.

use revoxel_core::{Grid, GridError, NoCommonType, Relation, VolumeError};

/// Why a pass could not be executed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResampleError {
    /// The volume does not lie on the grid that the pass reads.
    #[error("the volume lies on ({volume}), but the pass reads from ({source_grid}): {relation}")]
    OtherSource {
        /// The volume's grid.
        volume: Box<Grid>,
        /// The grid that the pass reads.
        source_grid: Box<Grid>,
        /// How they differ.
        relation: Relation,
    },
    /// An intermediate grid is not valid.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The buffers do not fit their grids.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// Not enough memory.
    #[error("not enough memory for {0} bytes: crop first, use larger voxels, or use a machine with more memory")]
    Memory(u64),
    /// No voxel type holds both the labels of a map and the value that fills or pads it.
    #[error(transparent)]
    Fill(Box<NoCommonType>),
}

impl From<NoCommonType> for ResampleError {
    fn from(error: NoCommonType) -> Self {
        Self::Fill(error.into())
    }
}
