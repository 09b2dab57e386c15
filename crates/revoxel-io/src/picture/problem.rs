//! What can be wrong with pictures.

use std::path::PathBuf;

/// Why pictures cannot be read as a volume.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// Nobody says how large the voxels are.
    #[error(
        "pictures do not say how large their voxels are: pass --spacing X,Y,Z in mm (in a pipeline `spacing: [x, y, z]` at \
         the input), or write {0} with {{\"spacing\": [z, y, x]}}"
    )]
    NoSpacing(PathBuf),
    /// A sidecar that does not say it.
    #[error("the sidecar {path} needs {{\"spacing\": [z, y, x]}}, three positive numbers in mm, slices first: {why}")]
    Sidecar {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A voxel size that is none.
    #[error("spacing is {0:?}: three positive numbers in mm are needed (x, y, z)")]
    Spacing([f64; 3]),
    /// A page unlike the first.
    #[error("has {found}, but the first picture has {first}: pictures of one volume must be alike")]
    Unlike {
        /// Size, channels and voxel type of the page.
        found: String,
        /// Those of the first.
        first: String,
    },
    /// Known, but not supported.
    #[error("{0} are not supported: save it as 8 or 16 bits of grey or RGB")]
    Unsupported(&'static str),
    /// The decoder refuses.
    #[error("cannot be decoded: {0}")]
    Decode(String),
}
