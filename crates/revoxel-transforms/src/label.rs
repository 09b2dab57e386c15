//! Transforms of label maps. Volumes with several channels (overlapping regions) are treated channel by channel.

pub mod activations;
pub mod as_discrete;
mod channels;
pub mod compute_ho_ver_maps;
pub mod distance_transform_edt;
pub mod fill_holes;
pub mod generate_heatmap;
pub mod keep_largest_connected_component;
pub mod label_filter;
pub mod label_to_contour;
pub mod map_label_value;
pub mod mark_outside;
pub mod one_hot;
pub mod remove_labels;
pub mod remove_small_objects;
pub mod sequential_labels;

mod components;
pub(crate) mod labels;
pub(crate) mod nonzero;
mod runs;

#[cfg(test)]
mod tests;
