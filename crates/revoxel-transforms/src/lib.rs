//! The transforms: one file each.
//!
//! A spatial transform *plans*: from a grid it says which [`GridOp`](revoxel_core::GridOp)s follow, and contains
//! no voxel loop. A value transform changes values and says how to undo it. What is common to all of them, running,
//! recording, interpolation by kind, lies elsewhere.
//!
//! A random transform *draws* one of the two, see [`random`].
//!
//! The list of what there is: [`registry::TRANSFORMS`]. Adding one: `docs/adding-a-transform.md`.

pub mod definition;
pub mod docs;
mod error;
pub mod intensity;
pub mod label;
mod label_set;
pub mod lines;
pub mod manual;
mod named;
mod outline;
pub mod params;
pub mod peers;
pub mod planning;
pub mod random;
mod random_transform;
pub mod registry;
mod renumbering;
mod resampling;
mod rules;
mod same_as;
pub mod schemas;
mod sources;
pub mod spatial;
mod traits;
pub mod transform;
mod values;

pub use definition::{Built, Class, Content, Define, ParamsError, TransformDef, define};
pub use error::Invalid;
pub use label_set::{Channels, LabelSet};
pub use outline::Outline;
pub use peers::Peer;
pub use random::{Change, Drawn, Draws, RandomTransform};
pub use registry::Registry;
pub use revoxel_resample::{FusedPass, KnownGrid, ResampleError, anti_alias_sigma};
pub use rules::step_rule;
pub use transform::{
    ApplyError, ChannelRule, Evidence, KnownShape, NamedLabel, Names, Observed, PaddingRule, PlanError, RefusedLabel,
    Renumbering, Resampling, Sources, SpatialTransform, Transform, UndoRule, ValueState, ValueTraits, ValueTransform,
};
