//! Transforms that few pipelines need: one file each.
//!
//! The list of what there is: [`TRANSFORMS`].

pub mod intensity;
pub mod label;
mod registry;

pub use registry::TRANSFORMS;
