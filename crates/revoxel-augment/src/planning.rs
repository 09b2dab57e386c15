//! What windows and patches plan alike.

pub(crate) mod choice;
pub(crate) mod patches;
pub(crate) mod sweep;
pub(crate) mod weights;
pub(crate) mod windows;

pub(crate) use revoxel_transforms::planning::*;
