//! Pipelines from what other programs say of their preprocessing.

pub use revoxel_import::Imported;
#[cfg(feature = "nnunet")]
pub use revoxel_import::fingerprint;
#[cfg(feature = "monai")]
pub use revoxel_import::monai;
#[cfg(feature = "nnunet")]
pub use revoxel_import::nnunet;
