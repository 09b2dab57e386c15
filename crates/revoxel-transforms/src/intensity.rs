//! Transforms of intensities. Each says how its values are undone.

pub mod adjust_contrast;
pub mod clip_intensity;
pub mod clip_intensity_percentiles;
pub mod ct_normalization;
pub mod gaussian_sharpen;
pub mod gaussian_smooth;
pub mod histogram_standardization;
pub mod mask_intensity;
pub mod normalize_intensity;
pub mod rescale_to_8bit;
pub mod scale_intensity;
pub mod scale_intensity_fixed_mean;
pub mod scale_intensity_range;
pub mod scale_intensity_range_percentiles;
pub mod shift_intensity;
pub mod std_shift_intensity;
pub mod threshold_intensity;
pub mod z_score;

pub mod filter;
pub mod map;
pub mod mask;
mod percentile;
pub mod power;
pub mod rescale;
pub mod statistics;

#[cfg(test)]
mod tests;
