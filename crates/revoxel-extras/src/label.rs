//! Maps that are computed from labels.

pub mod compute_ho_ver_maps;
pub mod distance_transform_edt;
pub mod generate_heatmap;
pub mod label_to_contour;

use revoxel_transforms::label::{labels, one_hot, runs};
