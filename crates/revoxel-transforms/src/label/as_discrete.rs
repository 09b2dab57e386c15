//! The transform `as_discrete`.

use revoxel_core::{Dtype, Kind, ValueUndo, Volume, Voxel, Voxels, dispatch, parallel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::one_hot::{MOST, channels, one_hot, without_channel};
use crate::definition::{Class, Define, Invalid};
use crate::label_set::{Channels, LabelSet};
use crate::peers::Argument::{Fixed, Special};
use crate::peers::{DTYPE, Peer};
use crate::transform::{ApplyError, ChannelRule, RefusedLabel, Transform, ValueState, ValueTraits, ValueTransform};

/// Converts probabilities or scores to labels.
///
/// # What it does
/// Applies these operations in this order, each only if it is set:
///
/// - `argmax`: the channel with the highest value (the lowest of equal ones) becomes the label.
/// - `to_onehot`: the labels become this number of channels.
/// - `threshold`: 1 where a value is at least the threshold, 0 elsewhere, channel by channel.
/// - `rounding: torchrounding`: rounds to whole numbers, half to even.
///
/// After `argmax` or `threshold` the volume is a label map, and steps for labels apply to it; with several channels,
/// each is a region of its own. After `to_onehot` it holds probabilities, and steps for one-hot maps apply to it.
/// Images and label maps change only if `keys` names them.
///
/// # YAML
/// ```yaml
/// as_discrete: { argmax: true }
/// ```
/// ```yaml
/// as_discrete: { threshold: 0.5 }
/// ```
/// ```yaml
/// as_discrete: { keys: label, to_onehot: 3 }
/// ```
///
/// # Inverse
/// The probabilities are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AsDiscrete {
    /// The channel with the highest value becomes the label.
    #[serde(default)]
    argmax: bool,
    /// Number of channels to make of the labels: those from `argmax`, or those of a label map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_onehot: Option<usize>,
    /// 1 where a value is at least this, else 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    threshold: Option<f64>,
    /// Round to whole numbers, half to even.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rounding: Option<Rounding>,
}

/// How to round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Rounding {
    /// Half to even.
    Torchrounding,
}

impl Define for AsDiscrete {
    const NAME: &'static str = "as_discrete";
    const CLASS: Class = Class::Label;
    const PEERS: &'static [Peer] = &[Peer::imported("AsDiscreted")
        .others(&[
            Special("argmax", "argmax"),
            Special("to_onehot", "to_onehot"),
            Special("threshold", "threshold"),
            Special("rounding", "rounding"),
            Fixed("dim", "0"),
            Fixed("keepdim", "true"),
        ])
        .ignored(&[DTYPE])
        .notes(
            "It returns float32; here labels have the smallest unsigned type that holds them. Another `dim` than \
             the channels is not supported, nor is `keepdim=False`.",
        )];
    const KINDS: &'static [Kind] = &[Kind::Probability, Kind::Logit];
    const NAMED_KINDS: &'static [Kind] = &[Kind::Image, Kind::Label];

    fn check(&self) -> Result<(), Invalid> {
        if !self.argmax && self.threshold.is_none() && self.rounding.is_none() && self.to_onehot.is_none() {
            return Err(Invalid::new("", "give argmax, to_onehot, threshold or rounding"));
        }
        match self.to_onehot {
            Some(0) => Err(Invalid::new("to_onehot", "0 channels: give 1 or more")),
            Some(n) if n > MOST => Err(Invalid::new("to_onehot", format!("{n} channels: give at most {MOST}"))),
            _ => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for AsDiscrete {
    fn apply(&self, mut volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        if self.argmax {
            volume = most_likely(&volume)?;
        }
        if let Some(classes) = self.to_onehot {
            volume = one_hot(volume, Some(classes))?;
        }
        if let Some(threshold) = self.threshold {
            let reaches: Vec<u8> = dispatch!(volume.voxels(), v => {
                parallel::map_values(v, |x| u8::from(x.to_f64() >= threshold))
            });
            volume = volume.with_voxels(reaches.into())?;
        }
        if self.rounding.is_some() {
            volume = match volume.voxels() {
                Voxels::F32(v) => {
                    let values: Vec<f32> = parallel::map_values(v, f32::round_ties_even);
                    volume.with_voxels(values.into())?
                }
                Voxels::F64(v) => {
                    let values: Vec<f64> = parallel::map_values(v, f64::round_ties_even);
                    volume.with_voxels(values.into())?
                }
                _ => volume,
            };
        }
        let kind = self.after(&ValueState::of(volume.kind())).kind;
        Ok((volume.with_kind(kind), ValueUndo::Lost { reason: "as_discrete made whole numbers".to_owned() }))
    }

    fn refuses(&self, labels: &LabelSet) -> Option<RefusedLabel> {
        without_channel(labels, self.to_onehot?, "to_onehot")
    }

    fn traits(&self) -> ValueTraits {
        let one = self.to_onehot.is_some() && !self.argmax;
        ValueTraits {
            not_for_labels: self.argmax,
            channels: if one { ChannelRule::One } else { ChannelRule::Any },
            ..ValueTraits::LOST
        }
    }

    fn after(&self, before: &ValueState) -> ValueState {
        let kind = match (self.threshold, self.to_onehot, self.argmax) {
            (Some(_), _, _) => Kind::Label,
            (None, Some(_), _) => Kind::Probability,
            (None, None, true) => Kind::Label,
            _ => before.kind,
        };
        let labels = match (self.threshold, self.to_onehot) {
            (Some(_), _) => Some(LabelSet::from_iter([1.0])),
            (None, Some(_)) => None,
            // An argmax gives the numbers of channels.
            (None, None) => before.numbers().map(|labels| labels.iter().map(f64::round_ties_even).collect()),
        };
        let made = match (self.to_onehot, self.argmax) {
            (Some(classes), _) => channels(Some(classes), before.numbers()),
            (None, true) => Some(Channels::all(1)),
            (None, false) => before.channels.clone(),
        };
        // A threshold of 0 or less marks every channel.
        let channels = made.map(|made| if self.threshold.is_some() { Channels::all(made.count) } else { made });
        ValueState { channels, labels, one_hot: self.to_onehot.is_some() || before.one_hot, ..ValueState::of(kind) }
    }
}

/// The channel with the highest value, the lowest of equal ones. What is no number never is the highest.
fn most_likely(volume: &Volume) -> Result<Volume, ApplyError> {
    fn argmax<T: Voxel>(values: &[T], size: usize) -> Vec<u16> {
        let best = |at: usize| {
            let channels = values[at..].iter().step_by(size).enumerate();
            let numbers = channels.filter(|(_, v)| v.partial_cmp(v).is_some());
            numbers
                .reduce(|best, next| if next.1 > best.1 { next } else { best })
                .map_or(0, |(channel, _)| channel as u16)
        };
        parallel::map_indices(size, best)
    }
    let channels = volume.channels();
    if channels > usize::from(u16::MAX) {
        return Err(ApplyError::ChannelCount { channels, problem: "argmax takes at most 65535" });
    }
    let labels = dispatch!(volume.voxels(), v => argmax(v, volume.grid().voxel_count()));
    let labels = Voxels::from(labels).cast(Dtype::smallest_for_labels((channels - 1) as f64));
    Ok(Volume::new(labels, *volume.grid(), Kind::Label, 1)?)
}
