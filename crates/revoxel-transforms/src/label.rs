//! Transforms of label maps. Volumes with several channels (overlapping regions) are treated channel by channel.

pub mod activations;
pub mod as_discrete;
mod channels;
pub mod fill_holes;
pub mod keep_largest_connected_component;
pub mod label_filter;
pub mod map_label_value;
pub mod mark_outside;
pub mod one_hot;
pub mod remove_labels;
pub mod remove_small_objects;
pub mod sequential_labels;

mod components;
pub mod labels;
pub(crate) mod nonzero;
pub mod pieces;
pub mod runs;

#[cfg(test)]
mod tests;
