//! Random transforms of intensities, and noise in k-space.

pub mod gibbs_noise;
pub mod k_space_spike_noise;
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

mod fourier;
mod holes;

use revoxel_transforms::intensity::{
    filter, gaussian_sharpen, gaussian_smooth, map, mask, power, rescale, scale_intensity_fixed_mean, statistics,
    std_shift_intensity,
};
