//! Tells foreground from background by a threshold.
//!
//! # What it does
//! Makes a label map of one channel: 1 where a value of any channel is at most the threshold, 0 elsewhere. Dark voxels
//! are foreground, as in photographs of tissue on white; with `invert: true` bright ones are, as in scans. The threshold
//! is a number, `otsu` (where the two classes differ most) or `mean`, the same for all channels or one for each.
//! `invert` turns values round before they are compared: 1 − x, of unsigned whole numbers the largest of their type − x,
//! of signed ones −1 − x; a number is compared with that.
//!
//! # YAML
//! ```yaml
//! foreground_mask: { threshold: otsu, invert: true }
//! ```
//!
//! # Inverse
//! The values are lost.
//!
//! # Same as
//! MONAI `ForegroundMaskd(threshold, invert)`, which takes a threshold of 0 for none and at most three channels; its
//! `hsv_threshold` and the other rules of scikit-image are not here.

use revoxel_core::{Dtype, Kind, ValueUndo, Volume, Voxel, dispatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::statistics::{Moments, Statistic};
use crate::definition::{Class, Define, Invalid};
use crate::transform::{ApplyError, Transform, ValueTransform};

/// Parameters of `foreground_mask`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForegroundMask {
    /// `otsu`, `mean` or a number, for all channels or one for each.
    #[serde(default = "otsu")]
    threshold: Thresholds,
    /// Bright voxels are foreground.
    #[serde(default)]
    invert: bool,
}

/// For all channels, or for each.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Thresholds {
    All(Threshold),
    Each(Vec<Threshold>),
}

/// A number, or how it is found.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Threshold {
    Number(f64),
    Found(Rule),
}

/// How a threshold is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Rule {
    /// Where the means of the two classes differ most, weighted by their sizes.
    Otsu,
    /// The mean.
    Mean,
}

const fn otsu() -> Thresholds {
    Thresholds::All(Threshold::Found(Rule::Otsu))
}

/// Bins of values that are not whole numbers.
const BINS: usize = 256;

impl Define for ForegroundMask {
    const NAME: &'static str = "foreground_mask";
    const SOURCE: &'static str = include_str!("foreground_mask.rs");
    const CLASS: Class = Class::Intensity;

    fn check(&self) -> Result<(), Invalid> {
        match &self.threshold {
            Thresholds::Each(list) if list.is_empty() => {
                Err(Invalid::new("threshold", "the list is empty: give a threshold for each channel"))
            }
            _ => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ForegroundMask {
    /// Adds the foreground of a channel.
    fn channel<T: Voxel>(&self, values: &[T], threshold: Threshold, mask: &mut [u8]) {
        let turned: Vec<T> = match T::DTYPE {
            _ if !self.invert => values.to_vec(),
            Dtype::F32 | Dtype::F64 => values.iter().map(|v| T::from_f64(1.0 - v.to_f64())).collect(),
            dtype => {
                let (low, high) = dtype.range();
                let top = if low < 0.0 { -1.0 } else { high };
                values.iter().map(|v| T::from_f64(top - v.to_f64())).collect()
            }
        };
        let threshold = match threshold {
            Threshold::Number(number) => Some(number),
            Threshold::Found(Rule::Otsu) => Histogram::of(turned.iter().copied(), BINS).otsu(),
            Threshold::Found(Rule::Mean) => Some(Moments { counts: |_, v: f64| !v.is_nan(), ddof: 0 }.of(&turned).mean),
        };
        for (inside, value) in mask.iter_mut().zip(turned) {
            *inside |= u8::from(threshold.is_some_and(|t| value.to_f64() <= t));
        }
    }
}

impl ValueTransform for ForegroundMask {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (grid, channels) = (*volume.grid(), volume.channels());
        let thresholds = match &self.threshold {
            Thresholds::All(one) => vec![*one; channels],
            Thresholds::Each(list) if list.len() == channels => list.clone(),
            Thresholds::Each(list) => {
                return Err(ApplyError::Channels { parameter: "threshold", given: list.len(), channels });
            }
        };
        let mut mask = vec![0u8; grid.voxel_count()];
        dispatch!(volume.voxels(), v => {
            for (values, threshold) in v.chunks(grid.voxel_count()).zip(thresholds) {
                self.channel(values, threshold, &mut mask);
            }
        });
        let undo = ValueUndo::Lost { reason: "foreground_mask made labels of values".to_owned() };
        Ok((Volume::new(mask.into(), grid, Kind::Label, 1)?, undo))
    }

    fn kind_after(&self, _: Kind) -> Kind {
        Kind::Label
    }
}
