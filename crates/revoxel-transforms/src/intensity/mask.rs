//! Which voxels statistics are taken of.

use revoxel_core::{Volume, Voxel, dispatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::statistics::{MeanDeviation, Moments, Statistic};
use crate::transform::ApplyError;

/// A mask from the volume's own values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnMask {
    /// Values other than 0.
    Nonzero,
    /// Values above 0.
    Positive,
    /// Values above the mean.
    AboveMean,
}

impl OwnMask {
    /// The mask of some values, in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nonzero => "nonzero",
            Self::Positive => "positive",
            Self::AboveMean => "above_mean",
        }
    }

    /// Whether each value is in the mask.
    pub fn of<T: Voxel>(self, values: &[T]) -> Vec<bool> {
        let limit = match self {
            Self::AboveMean => Moments { counts: |_, v: f64| !v.is_nan(), ddof: 0 }.of(values).mean,
            _ => 0.0,
        };
        values.iter().map(|v| if self == Self::Nonzero { v.to_f64() != 0.0 } else { v.to_f64() > limit }).collect()
    }
}

/// The mask of a volume: its own, or where another volume on its grid is above 0. One flag per value of `volume`;
/// `None` without a mask.
///
/// # Errors
/// Where the other volume has several channels, and not as many.
pub fn flags(
    volume: &Volume,
    own: Option<OwnMask>,
    source: Option<&Volume>,
    channel_wise: bool,
) -> Result<Option<Vec<bool>>, ApplyError> {
    if let Some(source) = source {
        if source.channels() != 1 && source.channels() != volume.channels() {
            let problem = "as a source it needs one channel, or as many as the volume that changes";
            return Err(ApplyError::ChannelCount { channels: source.channels(), problem });
        }
        let one: Vec<bool> = dispatch!(source.voxels(), v => v.iter().map(|x| x.to_f64() > 0.0).collect());
        let times = volume.channels() / source.channels();
        return Ok(Some(one.repeat(times)));
    }
    let size = volume.voxels().len() / if channel_wise { volume.channels() } else { 1 };
    Ok(own.map(|own| dispatch!(volume.voxels(), v => v.chunks(size).flat_map(|group| own.of(group)).collect())))
}

/// Mean and deviation of the values in the mask, of all channels together or of each.
pub fn moments(volume: &Volume, flags: Option<&[bool]>, channel_wise: bool, ddof: usize) -> Vec<MeanDeviation> {
    let size = volume.voxels().len() / if channel_wise { volume.channels() } else { 1 };
    dispatch!(volume.voxels(), v => {
        v.chunks(size)
            .enumerate()
            .map(|(group, values)| {
                let counts = |i: usize, _: f64| flags.is_none_or(|f| f[group * size + i]);
                Moments { counts, ddof }.of(values)
            })
            .collect()
    })
}
