//! What is done to scores first.

use std::fmt;
use std::str::FromStr;

/// What is done to scores before they are averaged or resampled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// Each channel against the others; they add up to 1.
    Softmax,
    /// Each channel by itself.
    Sigmoid,
}

impl Activation {
    /// All of them, in the order in which they are listed to people.
    pub const ALL: [Self; 3] = [Self::None, Self::Softmax, Self::Sigmoid];

    /// The name as written in pipelines and traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Activation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|a| a.name() == name);
        found.ok_or_else(|| format!("{name:?} is not an activation: use softmax, sigmoid or none"))
    }
}
