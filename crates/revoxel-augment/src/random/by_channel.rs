//! A number that is drawn once for all channels, or for each.

use serde_json::Value;

use super::{Draws, Noise, Span};

/// What was drawn. How many channels a volume has is not known then, so numbers by channel follow from the position
/// of the channel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ByChannel {
    /// The same number for all.
    All(f64),
    /// A number for each.
    Each {
        /// From where to where.
        span: Span,
        /// What they are taken from.
        noise: Noise,
    },
}

impl ByChannel {
    /// Draws one number, or one by channel.
    pub(crate) fn draw(span: Span, channel_wise: bool, draws: &mut Draws) -> Self {
        if channel_wise { Self::Each { span, noise: draws.further_noise() } } else { Self::All(span.draw(draws)) }
    }

    /// The number of a channel.
    pub(crate) fn of(&self, channel: usize) -> f64 {
        match self {
            Self::All(one) => *one,
            Self::Each { span, noise } => {
                let (low, high) = span.bounds();
                noise.uniform(channel as u64, low, high)
            }
        }
    }

    /// The number for all channels, or that of each.
    pub(crate) fn list(&self, channels: usize) -> Vec<f64> {
        let count = if matches!(self, Self::All(_)) { 1 } else { channels };
        (0..count).map(|channel| self.of(channel)).collect()
    }

    /// The number for the trace, or that there is one by channel.
    pub(crate) fn shown(&self) -> Value {
        match self {
            Self::All(one) => (*one).into(),
            Self::Each { .. } => "by channel".into(),
        }
    }
}
