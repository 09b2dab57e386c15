//! Subtracts the mean and divides by the standard deviation.
//!
//! # What it does
//! `(x − subtrahend) / divisor`, as float32. Where they are not given, the mean and the standard deviation (ddof 0)
//! of the volume are taken, of all channels together or, with `channel_wise`, of each. With `nonzero`, only values
//! other than 0 count and are changed. A standard deviation of 0 divides by 1.
//!
//! # YAML
//! ```yaml
//! normalize_intensity: { nonzero: true, channel_wise: true }
//! ```
//! ```yaml
//! normalize_intensity: { subtrahend: 97.5, divisor: 42.1 }
//! ```
//!
//! # Inverse
//! The linear map back with the numbers that were used; with `nonzero` lost, as the zeros cannot be told from
//! values that became 0.
//!
//! # Same as
//! MONAI `NormalizeIntensityd(subtrahend, divisor, nonzero, channel_wise)`; TorchIO `ZNormalization` (which divides
//! by the ddof-1 deviation).

use rayon::prelude::*;
use revoxel_core::{ValueUndo, Volume, Voxel, dispatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::map::map;
use crate::definition::{Class, Define, Invalid};
use crate::params::RealVector;
use crate::transform::{ApplyError, Transform, ValueTransform};

/// Parameters of `normalize_intensity`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NormalizeIntensity {
    /// What is subtracted, or one number per channel with `channel_wise`; the mean where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subtrahend: Option<RealVector>,
    /// What is divided by, or one number per channel with `channel_wise`; the standard deviation where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    divisor: Option<RealVector>,
    /// Only values other than 0 count and are changed.
    #[serde(default)]
    nonzero: bool,
    /// Each channel by itself.
    #[serde(default)]
    channel_wise: bool,
}

impl Define for NormalizeIntensity {
    const NAME: &'static str = "normalize_intensity";
    const SOURCE: &'static str = include_str!("normalize_intensity.rs");
    const CLASS: Class = Class::Intensity;

    fn check(&self) -> Result<(), Invalid> {
        let several = |numbers: &Option<RealVector>| numbers.as_ref().is_some_and(|n| n.0.len() > 1);
        if !self.channel_wise && (several(&self.subtrahend) || several(&self.divisor)) {
            return Err(Invalid::new("channel_wise", "one number per channel needs channel_wise: true"));
        }
        if self.divisor.as_ref().is_some_and(|d| d.0.contains(&0.0)) {
            return Err(Invalid::new("divisor", "0 cannot be divided by"));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for NormalizeIntensity {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let channels = volume.channels();
        let groups = if self.channel_wise { channels } else { 1 };
        let given = |parameter, numbers: &Option<RealVector>| match numbers {
            Some(n) if n.0.len() != groups && n.0.len() != 1 => {
                Err(ApplyError::Channels { parameter, given: n.0.len(), channels })
            }
            Some(n) => Ok(Some((0..groups).map(|g| n.0[g.min(n.0.len() - 1)]).collect::<Vec<f64>>())),
            None => Ok(None),
        };
        let (subtrahend, divisor) = (given("subtrahend", &self.subtrahend)?, given("divisor", &self.divisor)?);
        let size = volume.voxels().len() / groups;
        let moments: Vec<(f64, f64)> = if subtrahend.is_some() && divisor.is_some() {
            vec![(0.0, 1.0); groups]
        } else {
            let nonzero = self.nonzero;
            dispatch!(volume.voxels(), v => v.chunks(size).map(|group| moments(group, nonzero)).collect())
        };
        let shift: Vec<f64> = subtrahend.unwrap_or_else(|| moments.iter().map(|m| m.0).collect());
        let scale: Vec<f64> =
            divisor.unwrap_or_else(|| moments.iter().map(|m| if m.1 == 0.0 { 1.0 } else { m.1 }).collect());
        let group = |channel: usize| if groups == 1 { 0 } else { channel };
        let nonzero = self.nonzero;
        let result =
            map(
                volume,
                |channel, x| {
                    if nonzero && x == 0.0 { x } else { (x - shift[group(channel)]) / scale[group(channel)] }
                },
            )?;
        let undo = if nonzero {
            ValueUndo::Lost { reason: "normalize_intensity with nonzero: zeros cannot be told apart".to_owned() }
        } else {
            ValueUndo::Rescale { scale, shift }
        };
        Ok((result, undo))
    }
}

/// Mean and standard deviation (ddof 0) in f64. Sums go over fixed blocks, so that the number of threads does not
/// change them.
fn moments<T: Voxel>(values: &[T], nonzero: bool) -> (f64, f64) {
    let sum = |f: &(dyn Fn(f64) -> f64 + Sync)| {
        let blocks: Vec<(f64, usize)> = values
            .par_chunks(1 << 16)
            .map(|block| {
                let counted = block.iter().map(|v| v.to_f64()).filter(|v| !nonzero || *v != 0.0);
                counted.fold((0.0, 0), |(sum, count), v| (sum + f(v), count + 1))
            })
            .collect();
        blocks.into_iter().fold((0.0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    };
    let (total, count) = sum(&|v| v);
    if count == 0 {
        return (0.0, 1.0);
    }
    let mean = total / count as f64;
    let (squares, _) = sum(&|v| (v - mean) * (v - mean));
    (mean, (squares / count as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Grid, Kind};

    #[test]
    fn normalized_values_come_back() {
        let grid = Grid::without_geometry([4, 1, 1]).unwrap();
        let volume = Volume::new(vec![1i16, 2, 3, 6, 10, 10, 10, 10].into(), grid, Kind::Image, 2).unwrap();
        let step: NormalizeIntensity = serde_json::from_value(serde_json::json!({ "channel_wise": true })).unwrap();
        let (result, undo) = step.apply(volume.clone()).unwrap();
        let ValueUndo::Rescale { scale, shift } = undo else { panic!("{undo:?}") };
        assert_eq!((shift[0], shift[1], scale[1]), (3.0, 10.0, 1.0));
        for position in 0..8 {
            let channel = position / 4;
            let back = result.voxels().get(position) * scale[channel] + shift[channel];
            assert!((back - volume.voxels().get(position)).abs() < 1e-6);
        }
    }
}
