//! From scores to labels.

use revoxel_core::{Dtype, Kind, Volume, Voxels, dispatch, parallel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::activation::Activation;
use crate::error::InvertError;

impl Activation {
    /// Applies it: logits become probabilities, float32.
    ///
    /// # Errors
    /// If the values are not logits.
    pub fn apply(self, volume: Volume) -> Result<Volume, InvertError> {
        self.check(volume.kind())?;
        if self == Self::None {
            return Ok(volume);
        }
        let (grid, channels) = (*volume.grid(), volume.channels());
        let mut values = floats(volume);
        if self == Self::Sigmoid {
            parallel::each(values.chunks_mut(BLOCK), |values| {
                values.iter_mut().for_each(|v| *v = 1.0 / (1.0 + libm::expf(-*v)));
            });
        } else {
            softmax(&mut values, grid.voxel_count());
        }
        Ok(Volume::new(values.into(), grid, Kind::Probability, channels)?)
    }
}

impl Activation {
    /// What values of a kind become.
    ///
    /// # Errors
    /// If they are not logits.
    pub(crate) fn check(self, kind: Kind) -> Result<Kind, InvertError> {
        match (self, kind) {
            (Self::None, kind) => Ok(kind),
            (_, Kind::Logit) => Ok(Kind::Probability),
            (_, kind) => Err(InvertError::NoLogits(self, kind)),
        }
    }
}

/// Voxels that are treated together.
const BLOCK: usize = 4096;

/// Softmax over the channels, each of `size` values, in place.
fn softmax(values: &mut [f32], size: usize) {
    let mut blocks: Vec<Vec<&mut [f32]>> = (0..size.div_ceil(BLOCK)).map(|_| Vec::new()).collect();
    for channel in values.chunks_mut(size.max(1)) {
        for (block, part) in blocks.iter_mut().zip(channel.chunks_mut(BLOCK)) {
            block.push(part);
        }
    }
    parallel::each(blocks.iter_mut(), |channels| {
        let length = channels.first().map_or(0, |c| c.len());
        let (mut highest, mut total) = (vec![f32::NEG_INFINITY; length], vec![0.0f32; length]);
        for channel in channels.iter() {
            highest.iter_mut().zip(&**channel).for_each(|(h, v)| *h = h.max(*v));
        }
        for channel in channels.iter_mut() {
            for ((v, h), t) in channel.iter_mut().zip(&highest).zip(&mut total) {
                *v = libm::expf(*v - h);
                *t += *v;
            }
        }
        for channel in channels.iter_mut() {
            channel.iter_mut().zip(&total).for_each(|(v, t)| *v /= t);
        }
    });
}

/// Overlapping channels, painted one over the other: nnU-Net's `regions_class_order`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Regions {
    /// The probability above which a voxel belongs to a region; logits are compared with the logit of this probability.
    #[serde(default = "half")]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub threshold: f64,
    /// The regions in the order of painting: later ones cover earlier ones.
    #[schemars(length(min = 1))]
    pub paint: Vec<Paint>,
}

/// A region and its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Paint {
    /// The channel, from 0.
    pub channel: usize,
    /// The label.
    #[schemars(range(min = 1, max = u16::MAX))]
    pub label: u16,
}

const fn half() -> f64 {
    0.5
}

impl Regions {
    /// Channel 0 with the first label, channel 1 with the second, and so on; above one half.
    pub fn in_order(labels: &[u16]) -> Self {
        let paint = labels.iter().enumerate().map(|(channel, label)| Paint { channel, label: *label }).collect();
        Self { threshold: half(), paint }
    }

    /// The threshold for values of a kind: logits are compared with the logit of the threshold.
    pub(crate) fn threshold_of(&self, kind: Kind) -> f64 {
        match kind {
            Kind::Logit => libm::log(self.threshold / (1.0 - self.threshold)),
            _ => self.threshold,
        }
    }

    /// Whether the channels are there, each painted once and none with the background's label, and the threshold is a
    /// probability.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, channels: Option<usize>) -> Result<(), String> {
        if !(self.threshold > 0.0 && self.threshold < 1.0) {
            return Err(format!("threshold: {} must be between 0 and 1", self.threshold));
        }
        if self.paint.is_empty() {
            return Err("paint: the list is empty".to_owned());
        }
        if self.paint.iter().any(|p| p.label == 0) {
            return Err("paint: label 0 is the background and is never painted: leave that channel out".to_owned());
        }
        let twice =
            self.paint.iter().enumerate().find(|(i, p)| self.paint[..*i].iter().any(|q| q.channel == p.channel));
        if let Some((_, Paint { channel, .. })) = twice {
            return Err(format!("paint: channel {channel} is listed twice: the second label would replace the first"));
        }
        match self.paint.iter().find(|p| channels.is_some_and(|n| p.channel >= n)) {
            Some(p) => Err(format!(
                "paint: channel {} does not exist: the prediction has {} channels, numbered from 0",
                p.channel,
                channels.unwrap_or(0)
            )),
            None => Ok(()),
        }
    }

    pub(crate) fn dtype(&self) -> Dtype {
        Dtype::smallest_for_labels(f64::from(self.paint.iter().map(|p| p.label).max().unwrap_or(0)))
    }
}

/// How channels become the result.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Decision {
    /// They stay as they are.
    #[default]
    Channels,
    /// The label map of the highest channel, the lowest at a tie.
    Argmax,
    /// Regions painted over each other.
    Regions(Regions),
}

impl Decision {
    /// Whether it fits a volume.
    ///
    /// # Errors
    /// If channels are missing, or the values are not scores.
    pub(crate) fn check(&self, volume: &Volume) -> Result<(), InvertError> {
        self.check_kind(volume.kind())?;
        self.check_channels(volume.channels())
    }

    /// Whether it fits values of a kind.
    ///
    /// # Errors
    /// If they are not scores.
    pub(crate) fn check_kind(&self, kind: Kind) -> Result<(), InvertError> {
        if matches!(self, Self::Regions(_)) && !matches!(kind, Kind::Probability | Kind::Logit) {
            let problem = format!("expected probabilities or logits, not values of kind {kind}");
            return Err(InvertError::Regions(problem));
        }
        Ok(())
    }

    /// Whether it fits so many channels.
    ///
    /// # Errors
    /// If channels are missing.
    pub fn check_channels(&self, channels: usize) -> Result<(), InvertError> {
        match self {
            Self::Argmax if channels < 2 => Err(InvertError::SingleChannel),
            Self::Regions(regions) => regions.check(Some(channels)).map_err(InvertError::Regions),
            _ => Ok(()),
        }
    }

    /// Decides on the grid that the volume lies on.
    ///
    /// # Errors
    /// If channels are missing, or the values are not scores.
    pub fn apply(&self, volume: Volume) -> Result<Volume, InvertError> {
        self.check(&volume)?;
        match self {
            Self::Channels => Ok(volume),
            Self::Argmax => Ok(revoxel_resample::argmax(&volume)?),
            Self::Regions(regions) => {
                let size = volume.grid().voxel_count();
                let threshold = regions.threshold_of(volume.kind());
                let mut labels = vec![0u16; size];
                for paint in &regions.paint {
                    dispatch!(volume.voxels(), v => over(&v[paint.channel * size..][..size], threshold, paint.label, &mut labels));
                }
                let voxels = Voxels::from(labels).cast(regions.dtype());
                Ok(Volume::new(voxels, *volume.grid(), Kind::Label, 1)?)
            }
        }
    }
}

/// Paints a label where values lie above a threshold.
pub(crate) fn over<T: revoxel_core::Voxel>(values: &[T], threshold: f64, label: u16, labels: &mut [u16]) {
    for (value, out) in values.iter().zip(labels) {
        if value.to_f64() > threshold {
            *out = label;
        }
    }
}

/// The values as float32.
pub(crate) fn floats(volume: Volume) -> Vec<f32> {
    match volume.cast(Dtype::F32).into_voxels() {
        Voxels::F32(values) => values.into_vec(),
        _ => unreachable!("cast to float32"),
    }
}
