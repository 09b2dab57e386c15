//! What random transforms draw alike.

mod affine;
mod by_channel;
mod elastic;
mod ranges;

pub(crate) use affine::{Moves, centred};
pub(crate) use by_channel::ByChannel;
pub(crate) use elastic::{Bent, sampled};
pub(crate) use ranges::{OneOrTwo, Range, Ranges, Span, probability, tenth};
pub(crate) use revoxel_transforms::planning::turn::Turn;
pub(crate) use revoxel_transforms::random::{Change, Drawn, Draws, Noise, RandomTransform, within};
