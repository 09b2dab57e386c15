//! Random transforms of places, and windows.

pub mod grid_patch;
pub mod grid_split;
pub mod rand_2d_elastic;
pub mod rand_3d_elastic;
pub mod rand_affine;
pub mod rand_axis_flip;
pub mod rand_crop_by_label_classes;
pub mod rand_crop_by_pos_neg_label;
pub mod rand_elastic;
pub mod rand_flip;
pub mod rand_grid_distortion;
pub mod rand_grid_patch;
pub mod rand_rotate;
pub mod rand_rotate90;
pub mod rand_scale_crop;
pub mod rand_spatial_crop;
pub mod rand_weighted_crop;
pub mod rand_zoom;

use revoxel_transforms::spatial::{grid_distortion, rotate};
