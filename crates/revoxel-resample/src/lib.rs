//! The voxel loops: executes a [`Sampling`](revoxel_core::Sampling) on a [`Volume`](revoxel_core::Volume).
//!
//! The only entry point, [`execute`], chooses the path by the fused pass:
//!
//! | pass | path | file |
//! |---|---|---|
//! | whole-number map | copy | `copy.rs` |
//! | axes line up, nearest | gather through index tables | `gather.rs` |
//! | axes line up, linear or cubic | separable, slice by slice | `separable.rs` |
//! | axes line up, label | row by row, weighed only where labels meet | `label.rs` |
//! | anything else | row by row along the map | `general.rs` |
//!
//! Kernels are compiled for several sets of vector instructions and chosen at run time (`simd.rs`). [`oracle`]
//! computes the same naively in f64; every path is tested against it. Results depend neither on the number of threads
//! nor on the instruction set.

mod aligned;
mod area;
mod argmax;
mod bias_field;
mod buffer;
mod census;
mod clipped;
mod copy;
mod elastic;
mod error;
mod execute;
mod finite;
mod fused;
mod gather;
mod general;
mod how;
mod label;
mod noise;
pub mod oracle;
mod pad;
mod pass;
mod real;
mod separable;
mod separate;
mod simd;
mod smooth;
mod spline;
mod subject;
mod taps;
mod weighing;
mod work;

pub use area::area;
pub use argmax::{argmax, execute_argmax};
pub use bias_field::BiasField;
pub use buffer::room;
pub use census::{Census, Gone};
pub use elastic::elastic;
pub use error::ResampleError;
pub use execute::{coverage, execute, execute_as, reorient, result_dtype, stream, unseen_count};
pub use finite::{Holes, NonFinite, all_finite, replaced};
pub use fused::{Applied, Beyond, FusedPass, StepRule};
pub use how::{Boundary, How, Interpolation, InterpolationError, Outside, Through, Ties};
pub use noise::Noise;
pub use pad::{PadMode, PadModeError, pad};
pub use separate::Separate;
pub use simd::Level;
pub use smooth::{
    AntiAlias, FilterEdge, Gaussian, GaussianWeights, anti_alias_sigma, gaussian_smooth, gaussian_smooth_as,
    integrated_weights,
};
pub use subject::{KnownGrid, Subject};

#[cfg(test)]
mod tests;
