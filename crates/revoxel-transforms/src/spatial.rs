//! Transforms of places. Each plans grid operations; none touches a voxel.

pub mod affine;
pub mod align;
pub mod border_pad;
pub mod canonical;
pub mod center_scale_crop;
pub mod center_spatial_crop;
pub mod crop_foreground;
pub mod crop_or_pad;
pub mod crop_to_nonzero;
pub mod deshear;
pub mod divisible_crop;
pub mod divisible_pad;
pub mod flip;
pub mod grid_distortion;
pub mod orientation;
pub mod resample_to;
pub mod resize;
pub mod resize_with_pad_or_crop;
pub mod rotate;
pub mod rotate90;
pub mod spacing;
pub mod spatial_crop;
pub mod spatial_pad;
pub mod transpose;
pub mod zoom;
