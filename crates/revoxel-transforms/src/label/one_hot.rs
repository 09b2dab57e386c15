//! The transform `one_hot`.

use revoxel_core::{Kind, ValueUndo, Volume, Voxel, dispatch, parallel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::label_set::{Channels, LabelSet};
use crate::peers::Argument::Renamed;
use crate::peers::Peer;
use crate::transform::{ApplyError, ChannelRule, RefusedLabel, Transform, ValueState, ValueTraits, ValueTransform};

/// Makes one channel for each label.
///
/// # What it does
/// Turns a label map into probabilities: `num_classes` channels of uint8, where channel `c` holds 1 where the label is
/// `c` and 0 elsewhere. By default there is one channel more than the highest label of the volume. A label without a
/// channel is an error. The channels are a one-hot map: steps for connected components, holes, small objects, contours
/// and distances process it channel by channel, until it holds values between 0 and 1. To write floats, set `dtype:
/// float32` on the output.
///
/// # YAML
/// ```yaml
/// one_hot: { num_classes: 4 }
/// ```
///
/// # Inverse
/// The channels are no label map any more; `as_discrete: { argmax: true }` restores it, exactly.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneHot {
    /// Number of channels, background included. Default: one more than the highest label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    num_classes: Option<usize>,
}

/// More channels than any list of classes has: a mistaken label must not ask for all memory.
pub const MOST: usize = 4096;

impl Define for OneHot {
    const NAME: &'static str = "one_hot";
    const CLASS: Class = Class::Label;
    const PEERS: &'static [Peer] = &[
        Peer::monai("AsDiscreted").others(&[Renamed("to_onehot", "num_classes")]).notes("It returns float32."),
        Peer::torchio("OneHot").same(&["num_classes"]),
    ];

    fn check(&self) -> Result<(), Invalid> {
        match self.num_classes {
            Some(n) if n == 0 || n > MOST => {
                Err(Invalid::new("num_classes", format!("{n}: give a number of channels, 1 to {MOST}")))
            }
            _ => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for OneHot {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let undo = ValueUndo::Lost { reason: "one_hot: an argmax brings the labels back".to_owned() };
        Ok((one_hot(volume, self.num_classes)?, undo))
    }

    fn refuses(&self, labels: &LabelSet) -> Option<RefusedLabel> {
        without_channel(labels, self.num_classes.unwrap_or(MOST), "num_classes")
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits { channels: ChannelRule::One, ..ValueTraits::LOST }
    }

    fn after(&self, before: &ValueState) -> ValueState {
        let channels = channels(self.num_classes, before.numbers());
        ValueState { channels, one_hot: true, ..ValueState::of(Kind::Probability) }
    }
}

/// The channels of a map that holds these labels.
pub(super) fn channels(classes: Option<usize>, labels: Option<&LabelSet>) -> Option<Channels> {
    let highest = || labels.and_then(|labels| labels.iter().last()).map(|label| label as usize + 1);
    let count = classes.or_else(highest)?;
    let exact = classes.is_some();
    Some(labels.map_or_else(|| Channels::all(count), |held| Channels { count, exact, held: held.clone() }))
}

/// The first of the labels that has no channel of its own among as many as a parameter says.
pub(super) fn without_channel(labels: &LabelSet, classes: usize, field: &'static str) -> Option<RefusedLabel> {
    let label = labels.iter().find(|l| *l < 0.0 || *l >= classes as f64 || l.fract() != 0.0)?;
    let problem = format!("there is no channel for it among {classes} (0 to {})", classes - 1);
    Some(RefusedLabel { label, field, problem })
}

/// Probabilities of a label map with one channel.
pub(super) fn one_hot(volume: Volume, classes: Option<usize>) -> Result<Volume, ApplyError> {
    fn split<T: Voxel>(labels: &[T], classes: usize) -> Vec<u8> {
        let mut result = vec![0; labels.len() * classes];
        let blocks = result.chunks_mut(labels.len()).enumerate().flat_map(|(class, channel)| {
            let class = T::from_f64(class as f64);
            channel.chunks_mut(parallel::BLOCK).zip(labels.chunks(parallel::BLOCK)).map(move |block| (class, block))
        });
        parallel::each(blocks, |(class, (channel, labels))| {
            channel.iter_mut().zip(labels).for_each(|(out, label)| *out = u8::from(*label == class));
        });
        result
    }
    if volume.channels() != 1 {
        let problem = "a one-hot map is made of a label map with one channel";
        return Err(ApplyError::ChannelCount { channels: volume.channels(), problem });
    }
    let labels = LabelSet::of(&volume);
    let highest = labels.iter().last().unwrap_or(0.0);
    let classes = classes.unwrap_or((highest.clamp(0.0, MOST as f64) as usize).saturating_add(1));
    if classes > MOST {
        return Err(ApplyError::Label { label: highest, problem: format!("at most {MOST} channels are possible") });
    }
    if let Some(RefusedLabel { label, problem, .. }) = without_channel(&labels, classes, "num_classes") {
        return Err(ApplyError::Label { label, problem });
    }
    let grid = *volume.grid();
    let values = dispatch!(volume.voxels(), v => split(v, classes));
    Ok(Volume::new(values.into(), grid, Kind::Probability, classes)?)
}
