//! Axes by number.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::IntVector;
use crate::Invalid;

/// One axis or several, 0 to 2; negative numbers count from the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Axes(pub IntVector);

impl Axes {
    /// The axes as 0, 1 or 2.
    ///
    /// # Errors
    /// If a number is not in -3 to 2, or an axis is listed twice.
    pub fn resolve(&self, field: &'static str) -> Result<Vec<usize>, Invalid> {
        let axes: Vec<usize> = self.0.0.iter().map(|a| axis(*a, field)).collect::<Result<_, _>>()?;
        match (1..axes.len()).find(|i| axes[..*i].contains(&axes[*i])) {
            Some(i) => Err(Invalid::new(field, format!("axis {} is listed twice", self.0.0[i]))),
            None => Ok(axes),
        }
    }
}

/// An axis as 0, 1 or 2.
pub fn axis(number: i64, field: &'static str) -> Result<usize, Invalid> {
    let positive = if number < 0 { number + 3 } else { number };
    usize::try_from(positive)
        .ok()
        .filter(|a| *a < 3)
        .ok_or_else(|| Invalid::new(field, format!("{number} is not an axis: use 0, 1 or 2 (or -1 for the last)")))
}
