//! The transforms of all crates together.

use revoxel_transforms::Registry;

/// The transforms that pipelines may name: those for preprocessing and restoring, and those of the features `augment` and
/// `extras`. Add your own with [`Registry::with`].
pub fn registry() -> Registry {
    let registry = Registry::basic();
    #[cfg(feature = "augment")]
    let registry = registry.and(revoxel_augment::TRANSFORMS);
    #[cfg(feature = "extras")]
    let registry = registry.and(revoxel_extras::TRANSFORMS);
    registry
}
