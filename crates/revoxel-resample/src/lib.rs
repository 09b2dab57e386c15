//! The voxel loops: executes a [`Sampling`](revoxel_core::Sampling) on a [`Volume`](revoxel_core::Volume).
//!
//! One entry point, [`execute`], chooses the path by what the fused pass is:
//!
//! | pass | path | file |
//! |---|---|---|
//! | whole-number map | copy | `copy.rs` |
//! | axes line up, nearest | gather through index tables | `gather.rs` |
//! | axes line up, linear or cubic | separable, slice by slice | `separable.rs` |
//! | anything else | position by position | `general.rs` |
//!
//! [`oracle`] does the same naively in f64; every path is tested against it. Results do not depend on the number
//! of threads.

mod argmax;
mod copy;
mod execute;
mod gather;
mod general;
mod how;
pub mod oracle;
mod pad;
mod pass;
mod real;
mod separable;
mod smooth;
mod spline;
mod taps;

pub use argmax::{argmax, execute_argmax};
pub use execute::{ResampleError, coverage, execute, reorient};
pub use how::{How, Interpolation, InterpolationError, Outside};
pub use pad::{PadMode, PadModeError, pad};
pub use smooth::{FilterEdge, Gaussian, GaussianWeights, anti_alias_sigma, gaussian_smooth, gaussian_smooth_as};

#[cfg(test)]
mod tests;
