//! Where voxels are and what they hold.
//!
//! A [`Volume`] is voxels on a [`Grid`]; a grid is a shape and an [`Affine`] from voxel indices to world millimetres.
//! Every spatial transform consists of a few [`GridOp`]s, whose inverses are again such ops: see [`op`] for the
//! algebra and [`sampling`] for how a run of ops becomes a single pass over voxels.
//!
//! Conventions, all of which hold everywhere in revoxel:
//!
//! * world space is RAS+ millimetres; [`Frame`] converts at the edges;
//! * index (0, 0, 0) is the **centre** of the first voxel;
//! * axis 0 varies fastest in memory, channels vary slowest.
//!
//! This crate knows no files, no serialisation, no threads of its own and no names of transforms or formats.

pub mod affine;
#[cfg(feature = "ndarray")]
mod array;
pub mod buffer;
pub mod dtype;
pub mod exact_map;
pub mod frame;
pub mod grid;
mod holding;
pub mod index_box;
pub mod kind;
mod nominal;
pub mod number;
pub mod op;
pub mod orientation;
pub mod parallel;
pub mod permutation;
mod polar;
pub mod relation;
pub mod sampling;
pub mod slices;
pub mod step;
pub mod stored;
#[doc(hidden)]
pub mod testing;
pub mod undo;
pub mod volume;
pub mod voxels;
pub mod warp;

pub use affine::Affine;
#[cfg(feature = "ndarray")]
pub use array::OtherDtype;
pub use buffer::{Buffer, SharedBytes};
pub use dtype::{Dtype, Voxel};
pub use exact_map::ExactMap;
pub use frame::Frame;
pub use grid::{Grid, GridError};
pub use index_box::IndexBox;
pub use kind::Kind;
pub use number::{NoCommonType, Number};
pub use op::{Fidelity, FidelityError, GridOp};
pub use orientation::{Orientation, OrientationError};
pub use permutation::SignedPermutation;
pub use relation::{Agreement, Relation};
pub use sampling::{Limit, Sampling, TieIndex};
pub use slices::{Slices, SlicesError};
pub use step::Step;
pub use stored::{LostLabel, StoredDtype};
pub use undo::ValueUndo;
pub use volume::{Volume, VolumeError};
pub use voxels::Voxels;
pub use warp::{Bend, Stretch, Warp, WarpError};

#[cfg(test)]
mod tests;
