//! Transforms of intensities.

pub mod foreground_mask;
pub mod histogram_normalize;
pub mod median_smooth;
pub mod pca;
pub mod savitzky_golay_smooth;
pub mod sobel_gradients;

mod histogram;
mod hsv;
mod threshold_rules;
mod thresholds;

use revoxel_transforms::intensity::{filter, map, mask, rescale, statistics};
