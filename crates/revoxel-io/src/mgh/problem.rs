//! Errors of MGH files.

/// Why a file cannot be read: the field, its value, and what is wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MghError {
    /// Shorter than a header.
    #[error("the file has {0} bytes, but an MGH header has 284")]
    NoHeader(u64),
    /// Another version.
    #[error("version is {0}: must be 1, so this is not an MGH file or its start is damaged")]
    Version(i32),
    /// An axis without voxels, or with a negative number of them.
    #[error("{field} is {value}: must be at least 1")]
    Size {
        /// The field.
        field: &'static str,
        /// Its value.
        value: i32,
    },
    /// More values than can be addressed.
    #[error("width, height, depth and nframes are {0:?}: more values than can be addressed")]
    TooManyValues([i32; 4]),
    /// A voxel type that is not read.
    #[error("type is {0}: supported are 0 (uint8), 1 (int32), 3 (float32), 4 (int16) and 10 (uint16)")]
    Type(i32),
    /// A number of the geometry is NaN or infinite.
    #[error("{field} is {value:?}: must be finite")]
    NotFinite {
        /// The field.
        field: &'static str,
        /// Its values.
        value: [f32; 3],
    },
    /// An affine that cannot be inverted.
    #[error("delta is {delta:?}, the directions are {directions:?}: the affine is singular")]
    Singular {
        /// Voxel sizes.
        delta: [f32; 3],
        /// The directions of the axes, one after the other.
        directions: [[f32; 3]; 3],
    },
    /// The voxels would not fit into the file.
    #[error(
        "width, height, depth and nframes are {dims:?}: the voxels need {needed} bytes from byte 284 on, but the file \
         ends after {length}"
    )]
    PastEnd {
        /// The sizes.
        dims: [i32; 4],
        /// Bytes of all values.
        needed: u64,
        /// Length of the file.
        length: u64,
    },
}
