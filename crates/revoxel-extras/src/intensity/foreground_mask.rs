//! The transform `foreground_mask`.

use std::borrow::Cow;

use revoxel_core::{Dtype, Kind, ValueUndo, Volume, Voxel, dispatch, parallel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hsv::Part;
use super::rescale::float;
use super::threshold_rules::Rule;
use super::thresholds::{Threshold, Thresholds};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::is_false;
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{ApplyError, KnownShape, Transform, ValueState, ValueTraits, ValueTransform};
use revoxel_transforms::{Channels, LabelSet};

/// Separates foreground from background by a threshold.
///
/// # What it does
/// Makes a label map of one channel: 1 where a value of any channel is at most its threshold, 0 elsewhere. Dark voxels
/// are foreground, as in photographs of tissue on white; with `invert: true` bright voxels are, as in scans. `invert`
/// first replaces each value x by 1 − x; for unsigned whole numbers, by the largest number of their type − x; for
/// signed ones, by −1 − x. Thresholds apply to the inverted values.
///
/// A threshold is a number, or a rule that finds it in the values of its channel:
///
/// | rule | threshold |
/// |---|---|
/// | `otsu` | where the means of both sides differ most, weighted by their sizes |
/// | `isodata` | midway between the means of both sides; the lowest such value |
/// | `li` | the least cross entropy, from the mean on |
/// | `mean` | the mean |
/// | `minimum` | the lowest point between the two maxima of the smoothed histogram; an error without two maxima |
/// | `triangle` | farthest from the line between the peak of the histogram and its far end |
/// | `yen` | the greatest correlation on both sides |
///
/// Give one threshold for all channels, a list with one per channel, or a map for some channels, where R, G and B are
/// the channels 0, 1 and 2. Channels that the map leaves out do not count.
///
/// `hsv_threshold` takes three channels as red, green and blue, and compares hue, saturation and value, from 0 to 1.
/// Whole numbers are divided by the largest number of their type; other values must already lie in that range. Give one
/// threshold for all three, a list, or a map for some of H, S and V. Foreground is where any of them exceeds its
/// threshold. With both parameters, foreground is where both agree; `threshold: null` leaves the first out.
///
/// # YAML
/// ```yaml
/// foreground_mask: { threshold: otsu, invert: true }
/// ```
/// ```yaml
/// foreground_mask: { threshold: { R: otsu, G: 100 }, hsv_threshold: { S: 0.1 } }
/// ```
///
/// # Inverse
/// The values are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForegroundMask {
    /// A number or a rule: one for all channels, one for each, or by R, G and B; null for none.
    #[serde(default = "otsu")]
    threshold: Option<Thresholds>,
    /// The same for hue, saturation and value of three channels, or by H, S and V.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hsv_threshold: Option<Thresholds>,
    /// Take bright voxels as foreground.
    #[serde(default)]
    invert: bool,
    /// Treat whole numbers as single precision, as MONAI reads them from files.
    #[serde(default, skip_serializing_if = "is_false")]
    as_float: bool,
}

// The type of the field.
#[allow(clippy::unnecessary_wraps)]
const fn otsu() -> Option<Thresholds> {
    Some(Thresholds::All(Threshold::Found(Rule::Otsu)))
}

const RGB: &str = "RGB";
const HSV: &str = "HSV";

impl Define for ForegroundMask {
    const NAME: &'static str = "foreground_mask";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("ForegroundMaskd")
        .same(&["threshold", "hsv_threshold", "invert"])
        .always(&[("as_float", "true")])
        .notes(
            "Of the rules of scikit-image, those that give one number are supported. MONAI takes a threshold of \
             0 as none, and at most three channels; there one map gives thresholds of both kinds, and letters of \
             missing channels do nothing. The rules leave out NaN, where scikit-image fails. A constant channel \
             is its own threshold for all rules but `minimum`. `li` does not overflow where int8 or int16 span \
             more than half of their range, and has more than five digits for float32. Whole numbers stay whole \
             numbers, as for arrays in MONAI; from files MONAI makes single precision of them, and `as_float: \
             true` does the same.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        if self.threshold.is_none() && self.hsv_threshold.is_none() {
            return Err(Invalid::new("threshold", "nothing is compared: give threshold or hsv_threshold"));
        }
        if let Some(threshold) = &self.threshold {
            threshold.check("threshold", RGB)?;
        }
        match &self.hsv_threshold {
            Some(Thresholds::Each(list)) if list.len() != 3 => {
                let problem = format!("{} thresholds: hue, saturation and value take three", list.len());
                Err(Invalid::new("hsv_threshold", problem))
            }
            Some(threshold) => threshold.check("hsv_threshold", HSV),
            None => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

/// Values turned round, so that the bright are dark.
fn turned<T: Voxel>(values: &[T]) -> Vec<T> {
    let top = match T::DTYPE {
        Dtype::F32 | Dtype::F64 => 1.0,
        dtype => match dtype.range() {
            (low, _) if low < 0.0 => -1.0,
            (_, high) => high,
        },
    };
    parallel::map_values(values, |v| T::from_f64(top - v.to_f64()))
}

/// Marks the voxels of a channel that `inside` a threshold says are foreground. `channel` is its name.
fn mark<T: Voxel>(
    values: &[T],
    threshold: Threshold,
    mask: &mut [u8],
    inside: impl Fn(f64, f64) -> bool + Sync,
    (parameter, channel): (&'static str, impl Fn() -> String),
) -> Result<(), ApplyError> {
    let found = match threshold {
        Threshold::Number(number) => Some(number),
        Threshold::Found(rule) => rule.of(values).map_err(|problem| ApplyError::Threshold {
            parameter,
            rule: rule.name(),
            channel: channel(),
            problem,
        })?,
    };
    let Some(found) = found else { return Ok(()) };
    // A value that was written as 0.1 is not more than 0.1, whatever its precision.
    let found = if T::DTYPE == Dtype::F32 { f64::from(found as f32) } else { found };
    parallel::each(mask.chunks_mut(parallel::BLOCK).zip(values.chunks(parallel::BLOCK)), |(mask, values)| {
        mask.iter_mut().zip(values).for_each(|(mark, value)| *mark |= u8::from(inside(value.to_f64(), found)));
    });
    Ok(())
}

impl ForegroundMask {
    /// What is foreground by the channels.
    fn by_channels<T: Voxel>(&self, values: &[T], count: usize, mask: &mut [u8]) -> Result<(), ApplyError> {
        let Some(threshold) = &self.threshold else { return Ok(()) };
        let thresholds = threshold.by_channel("threshold", RGB, values.len() / count)?;
        for (number, (values, threshold)) in values.chunks(count).zip(thresholds).enumerate() {
            if let Some(threshold) = threshold {
                let name = || format!("channel {number}");
                mark(values, threshold, mask, |value, t| value <= t, ("threshold", name))?;
            }
        }
        Ok(())
    }

    /// What is foreground by hue, saturation and value in the precision `F`.
    fn by_colour<T: Voxel, F: Voxel>(&self, values: &[T], mask: &mut [u8]) -> Result<(), ApplyError> {
        let Some(threshold) = &self.hsv_threshold else { return Ok(()) };
        for (part, threshold) in Part::ALL.into_iter().zip(threshold.by_channel("hsv_threshold", HSV, 3)?) {
            if let Some(threshold) = threshold {
                let name = || format!("{part:?}").to_lowercase();
                mark(&part.of::<T, F>(values), threshold, mask, |value, t| value > t, ("hsv_threshold", name))?;
            }
        }
        Ok(())
    }

    fn mask<T: Voxel>(&self, values: &[T], count: usize) -> Result<Vec<u8>, ApplyError> {
        let values = if self.invert { Cow::Owned(turned(values)) } else { Cow::Borrowed(values) };
        let mut mask = vec![0u8; count];
        self.by_channels(&values, count, &mut mask)?;
        if self.hsv_threshold.is_none() {
            return Ok(mask);
        }
        let mut colour = vec![0u8; count];
        match T::DTYPE {
            Dtype::F32 => self.by_colour::<T, f32>(&values, &mut colour)?,
            _ => self.by_colour::<T, f64>(&values, &mut colour)?,
        }
        if self.threshold.is_some() {
            colour.iter_mut().zip(mask).for_each(|(colour, mark)| *colour &= mark);
        }
        Ok(colour)
    }
}

impl ValueTransform for ForegroundMask {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let grid = *volume.grid();
        self.fits(&KnownShape::of(&volume))?;
        let volume = if self.as_float { float(volume) } else { volume };
        let mask = dispatch!(volume.voxels(), v => self.mask(v, grid.voxel_count()))?;
        let undo = ValueUndo::Lost { reason: "foreground_mask made labels of values".to_owned() };
        Ok((Volume::new(mask.into(), grid, Kind::Label, 1)?, undo))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits::LOST
    }

    fn after(&self, before: &ValueState) -> ValueState {
        let (channels, labels) = (Some(Channels::all(1)), Some(LabelSet::from_iter([1.0])));
        ValueState { kind: Kind::Label, channels, labels, ..before.changed_to(Dtype::U8) }
    }

    fn fits(&self, volume: &KnownShape) -> Result<(), ApplyError> {
        let Some(channels) = volume.channels else { return Ok(()) };
        if self.hsv_threshold.is_some() && channels != 3 {
            let problem = "hsv_threshold needs three, which are red, green and blue";
            return Err(ApplyError::ChannelCount { channels, problem });
        }
        let given = self.threshold.as_ref().map(|given| given.by_channel("threshold", RGB, channels));
        given.transpose().map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::Grid;
    use serde_json::{Value, from_value, json};

    fn mask(params: Value, values: Vec<u8>, channels: usize) -> Result<Vec<f64>, String> {
        let step: ForegroundMask = from_value(params).map_err(|e| e.to_string())?;
        step.check().map_err(|e| e.problem)?;
        let grid = Grid::without_geometry([values.len() / channels, 1, 1]).unwrap();
        let volume = Volume::new(values.into(), grid, Kind::Image, channels).unwrap();
        let (mask, _) = step.apply(volume).map_err(|e| e.to_string())?;
        assert_eq!((mask.kind(), mask.channels()), (Kind::Label, 1));
        Ok((0..grid.voxel_count()).map(|i| mask.voxels().get(i)).collect())
    }

    #[test]
    fn both_conditions_hold() {
        // Red, white, black, and a pale blue.
        let rgb = vec![255, 255, 0, 100, 0, 255, 0, 100, 0, 255, 0, 120];
        let t = |params: Value, expected: [f64; 4]| assert_eq!(mask(params, rgb.clone(), 3), Ok(expected.to_vec()));
        t(json!({ "threshold": { "g": 110 } }), [1.0, 0.0, 1.0, 1.0]);
        t(json!({ "threshold": null, "hsv_threshold": { "S": 0.1 } }), [1.0, 0.0, 0.0, 1.0]);
        t(json!({ "threshold": null, "hsv_threshold": [0.5, 0.5, 2] }), [1.0, 0.0, 0.0, 1.0]);
        t(json!({ "threshold": { "R": 110 }, "hsv_threshold": { "S": 0.1 } }), [0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let t = |params: Value, channels: usize, part: &str| {
            let said = mask(params, vec![1, 2, 3, 4, 5, 6], channels).unwrap_err();
            assert!(said.contains(part), "{said}");
        };
        t(json!({ "threshold": null }), 1, "give threshold or hsv_threshold");
        t(json!({ "hsv_threshold": 0.5 }), 2, "needs three");
        t(json!({ "threshold": "minimum" }), 1, "minimum finds no threshold for channel 0");
        t(
            json!({ "threshold": null, "hsv_threshold": { "V": "minimum" } }),
            3,
            "hsv_threshold: minimum finds no threshold for value",
        );
        t(json!({ "threshold": { "B": 1 } }), 2, "the channels 0, 1 and 2");
    }

    #[test]
    fn what_was_resolved_is_read_again() {
        let step: ForegroundMask = from_value(json!({ "threshold": null, "hsv_threshold": "li" })).unwrap();
        let written = serde_json::to_value(step).unwrap();
        assert_eq!(written, json!({ "threshold": null, "hsv_threshold": "li", "invert": false }));
        let again: ForegroundMask = from_value(written).unwrap();
        assert!(again.threshold.is_none());
    }
}
