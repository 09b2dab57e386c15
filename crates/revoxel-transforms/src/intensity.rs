//! Transforms of intensities. Each says how its values are undone.

pub mod clip_intensity;
pub mod normalize_intensity;
pub mod rand_bias_field;
pub mod rand_gamma;
pub mod rand_gaussian_noise;
pub mod scale_intensity_range;

mod map;
