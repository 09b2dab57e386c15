//! Transforms with chance: what they draw, and what follows from it.
//!
//! A random transform *draws*: from [`Draws`] it takes numbers and makes of them a spatial or a value transform
//! without chance, which is then planned, executed and recorded as any other. The numbers depend on the seed of the
//! pipeline, the name of the case and the position of the step, and on nothing else: not on threads, on the order of
//! cases or on what other steps drew. All inputs of a step share them.

pub(crate) mod draws;

pub use draws::Draws;
pub use revoxel_resample::Noise;

use crate::error::Invalid;
pub use crate::random_transform::{Change, Drawn, RandomTransform};

/// Refuses a number that is not finite or lies outside `low ..= high`.
pub fn within(field: &'static str, value: f64, low: f64, high: f64) -> Result<(), Invalid> {
    if value.is_finite() && (low..=high).contains(&value) {
        return Ok(());
    }
    let wanted = if high.is_finite() { format!("{low} to {high}") } else { format!("{low} or more") };
    Err(Invalid::new(field, format!("{value} must be {wanted}")))
}
