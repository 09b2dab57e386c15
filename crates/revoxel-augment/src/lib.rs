//! Random transforms, and the patches and noise that belong to them: one file each.
//!
//! Those that draw take their numbers from [`Draws`](revoxel_transforms::Draws), which depend on the seed of the pipeline,
//! the name of the case and the position of the step. What was drawn is a transform without chance, which is planned,
//! executed and recorded as any other.
//!
//! The list of what there is: [`TRANSFORMS`].

pub mod intensity;
mod planning;
mod random;
mod registry;
pub mod spatial;

pub use registry::TRANSFORMS;
