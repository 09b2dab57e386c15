//! Parameters of what is drawn.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Draws, within};
use revoxel_transforms::definition::Invalid;

/// A pair of lowest and highest, in either order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Span(pub(crate) [f64; 2]);

impl Span {
    /// Lowest and highest.
    pub(crate) const fn bounds(self) -> (f64, f64) {
        let [a, b] = self.0;
        (a.min(b), a.max(b))
    }

    /// Refuses bounds that are not finite or outside `low ..= high`.
    pub(crate) fn check(self, field: &'static str, low: f64, high: f64) -> Result<(), Invalid> {
        self.0.iter().try_for_each(|end| within(field, *end, low, high))
    }

    /// A number between the two.
    pub(crate) fn draw(self, draws: &mut Draws) -> f64 {
        let (low, high) = self.bounds();
        draws.uniform(low, high)
    }
}

/// One number, or a pair of lowest and highest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "give a number, or a list of the lowest and the highest")]
pub(crate) enum OneOrTwo<T> {
    /// One end; the transform sets the other.
    One(T),
    /// Both ends.
    Two([T; 2]),
}

impl<T: Copy> OneOrTwo<T> {
    /// Both ends, where `other` is that of a single number.
    pub(crate) const fn ends(self, other: T) -> [T; 2] {
        match self {
            Self::One(one) => [one, other],
            Self::Two(two) => two,
        }
    }
}

/// A number `r`, for −r to r, or a pair of lowest and highest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "give a number r for −r to r, or a list of the lowest and the highest")]
pub(crate) enum Range {
    /// To both sides of 0.
    Around(f64),
    /// From the first to the second.
    Between([f64; 2]),
}

impl Range {
    /// Lowest and highest.
    pub(crate) fn bounds(self) -> (f64, f64) {
        match self {
            Self::Around(r) => (-r.abs(), r.abs()),
            Self::Between([a, b]) => (a.min(b), a.max(b)),
        }
    }

    /// The same as a pair.
    pub(crate) fn span(self) -> Span {
        let (low, high) = self.bounds();
        Span([low, high])
    }
}

/// A list of ranges, one by axis; axes beyond the end of the list get no draw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Ranges(pub(crate) Vec<Range>);

impl Ranges {
    /// Refuses more than `most` ranges and bounds that are not finite or outside `low .. high`.
    pub(crate) fn check(&self, field: &'static str, most: usize, low: f64, high: f64) -> Result<(), Invalid> {
        if self.0.len() > most {
            return Err(Invalid::new(field, format!("{} ranges: give at most {most}", self.0.len())));
        }
        for (a, b) in self.0.iter().map(|r| r.bounds()) {
            if !(a.is_finite() && b.is_finite() && a > low && b < high) {
                let problem = format!("{a} to {b} must lie between {low} and {high}");
                return Err(Invalid::new(field, problem));
            }
        }
        Ok(())
    }

    /// A number of each range.
    pub(crate) fn draw(&self, draws: &mut Draws) -> Vec<f64> {
        self.0.iter().map(|r| r.span().draw(draws)).collect()
    }
}

/// How likely a step does something where it does not say.
pub(crate) const fn tenth() -> f64 {
    0.1
}

/// Refuses what is no probability.
pub(crate) fn probability(prob: f64) -> Result<(), Invalid> {
    within("prob", prob, 0.0, 1.0)
}
