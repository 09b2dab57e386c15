//! Transforms of intensities. Each says how its values are undone.

pub mod clip_intensity;
pub mod normalize_intensity;
pub mod scale_intensity_range;

mod map;
