//! How a change of values is undone.

/// What takes values after a change back to what they were before it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ValueUndo {
    /// `before = after * scale + shift`, with one pair per channel (one pair for all channels is enough).
    Rescale {
        /// Factors by channel.
        scale: Vec<f64>,
        /// Summands by channel.
        shift: Vec<f64>,
    },
    /// The values are lost.
    Lost {
        /// Why, for people.
        reason: String,
    },
}

impl ValueUndo {
    /// The undo of a change that did nothing.
    pub fn nothing() -> Self {
        Self::Rescale { scale: vec![1.0], shift: vec![0.0] }
    }
}
