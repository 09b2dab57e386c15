//! Transforms of intensities. Each says how its values are undone.

pub mod adjust_contrast;
pub mod clip_intensity;
pub mod clip_intensity_percentiles;
pub mod ct_normalization;
pub mod foreground_mask;
pub mod gaussian_sharpen;
pub mod gaussian_smooth;
pub mod gibbs_noise;
pub mod histogram_normalize;
pub mod histogram_standardization;
pub mod k_space_spike_noise;
pub mod mask_intensity;
pub mod median_smooth;
pub mod normalize_intensity;
pub mod rand_bias_field;
pub mod rand_coarse_dropout;
pub mod rand_coarse_shuffle;
pub mod rand_gamma;
pub mod rand_gaussian_noise;
pub mod rand_gaussian_sharpen;
pub mod rand_gaussian_smooth;
pub mod rand_gibbs_noise;
pub mod rand_histogram_shift;
pub mod rand_k_space_spike_noise;
pub mod rand_rician_noise;
pub mod rand_scale_intensity;
pub mod rand_scale_intensity_fixed_mean;
pub mod rand_shift_intensity;
pub mod rand_simulate_low_resolution;
pub mod rand_std_shift_intensity;
pub mod rescale_to_8bit;
pub mod savitzky_golay_smooth;
pub mod scale_intensity;
pub mod scale_intensity_fixed_mean;
pub mod scale_intensity_range;
pub mod scale_intensity_range_percentiles;
pub mod shift_intensity;
pub mod sobel_gradients;
pub mod std_shift_intensity;
pub mod threshold_intensity;
pub mod z_score;

mod filter;
mod fourier;
mod histogram;
mod holes;
mod map;
mod mask;
pub mod pca;
mod percentile;
mod rescale;
mod statistics;

#[cfg(test)]
mod tests;
