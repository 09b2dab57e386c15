//! What tests of pipelines share.

use revoxel_transforms::Registry;

/// The transforms of all crates.
pub(crate) fn registry() -> Registry {
    Registry::basic().and(revoxel_augment::TRANSFORMS).and(revoxel_extras::TRANSFORMS)
}
