//! What the values of a volume mean.

use std::fmt;
use std::str::FromStr;

/// What the voxels of a volume are. It decides how they are interpolated and which value fills voxels without data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A scan: values are intensities.
    Image,
    /// A label map: values are names and are never averaged.
    Label,
    /// Per-class probabilities; of several channels, channel 0 is the background.
    Probability,
    /// Per-class scores before softmax or sigmoid; of several channels, channel 0 is the background.
    Logit,
}

/// The score for certainty in filled voxels: far beyond what networks give, and finite in float16.
const CERTAIN_LOGIT: f64 = 1e4;

impl Kind {
    /// All kinds, in the order shown to people.
    pub const ALL: [Self; 4] = [Self::Image, Self::Label, Self::Probability, Self::Logit];

    /// The name as written in pipelines and traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Label => "label",
            Self::Probability => "probability",
            Self::Logit => "logit",
        }
    }

    /// The value of an unseen voxel, one number per channel. Labels: 0. Probabilities: 1 in the background channel, 0
    /// in the others. Logits: the same certainty as scores. A single probability or logit channel has no background
    /// channel and gets "no". `None` for images, because only the volume itself knows its minimum.
    pub fn unseen(self, channels: usize) -> Option<Vec<f64>> {
        let certain = |yes: f64, no: f64| {
            let mut fill = vec![no; channels];
            if channels > 1 {
                fill[0] = yes;
            }
            fill
        };
        match self {
            Self::Image => None,
            Self::Label => Some(vec![0.0; channels]),
            Self::Probability => Some(certain(1.0, 0.0)),
            Self::Logit => Some(certain(CERTAIN_LOGIT, -CERTAIN_LOGIT)),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is not a kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a kind: use image, label, probability or logit")]
pub struct KindError(pub String);

impl FromStr for Kind {
    type Err = KindError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|k| k.name() == name).ok_or_else(|| KindError(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unseen_logits_are_background_after_softmax_and_sigmoid() {
        assert_eq!(Kind::Logit.unseen(3).unwrap(), [1e4, -1e4, -1e4]);
        assert_eq!(Kind::Logit.unseen(1).unwrap(), [-1e4]);
        assert_eq!(Kind::Probability.unseen(2).unwrap(), [1.0, 0.0]);
        assert_eq!(Kind::Label.unseen(1).unwrap(), [0.0]);
        assert!(Kind::Image.unseen(1).is_none());
    }
}
