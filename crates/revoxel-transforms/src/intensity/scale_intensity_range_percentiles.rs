//! The transform `scale_intensity_range_percentiles`.

use revoxel_core::{Dtype, ValueUndo, Volume, dispatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mask::flags;
use super::percentile::{Percentiles, check_percentiles};
use super::rescale::{Linear, rescale};
use super::statistics::{Statistic, by_group};
use crate::definition::{Class, Define, Invalid};
use crate::peers::Argument::Listed;
use crate::peers::{DTYPE, Peer};
use crate::transform::{ApplyError, Sources, Transform, ValueState, ValueTransform};

/// Maps a range between two percentiles to another range.
///
/// # What it does
/// Maps the `lower` percentile of the values to `b_min` and the `upper` percentile to `b_max` (0 and 1 by default), and
/// all other values along the same line. `clip` sets values outside the new range to its ends. With `relative`, the
/// percentiles map to the same percentages of the new range instead: 10 and 90 to 0.1 and 0.9 of it. `channel_wise`
/// treats each channel separately. Percentiles are linear between the closest ranks. The result is float32. If both
/// percentiles are the same value, it becomes `b_min`, and nothing is scaled.
///
/// # YAML
/// ```yaml
/// scale_intensity_range_percentiles: { lower: 0.5, upper: 99.5, b_min: 0, b_max: 1, clip: true }
/// ```
///
/// # Inverse
/// The inverse linear map; on request values that `clip` changed come back as the percentile. If both percentiles are
/// the same value, values above it come back as that value + `b_max` − `b_min`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleIntensityRangePercentiles {
    /// The percentile that becomes `b_min`, 0 to 100.
    lower: f64,
    /// The percentile that becomes `b_max`, 0 to 100.
    upper: f64,
    /// New value of the lower percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    b_min: Option<f64>,
    /// New value of the upper percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    b_max: Option<f64>,
    /// Set values outside the new range to its ends.
    #[serde(default)]
    clip: bool,
    /// Map the percentiles to the same percentages of the new range.
    #[serde(default)]
    relative: bool,
    /// Treat each channel separately.
    #[serde(default)]
    channel_wise: bool,
    /// An input; only voxels where it is above 0 count for the percentiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

impl Define for ScaleIntensityRangePercentiles {
    const NAME: &'static str = "scale_intensity_range_percentiles";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[
        Peer::imported("ScaleIntensityRangePercentilesd")
            .same(&["lower", "upper", "b_min", "b_max", "clip", "relative", "channel_wise"])
            .ignored(&[DTYPE])
            .notes("It does not clip if both percentiles are the same value."),
        Peer::torchio("RescaleIntensity")
            .others(&[Listed("out_min_max"), Listed("percentiles"), Listed("masking_method")])
            .always(&[("clip", "true")])
            .notes("The mask is an input here (`source`)."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        check_percentiles(Some(self.lower), Some(self.upper))?;
        match (self.b_min, self.b_max) {
            (Some(_), None) => Err(Invalid::new("b_min", "b_max is missing: give both or neither")),
            (None, Some(_)) => Err(Invalid::new("b_max", "b_min is missing: give both or neither")),
            (None, None) if self.clip => Err(Invalid::new("clip", "clipping needs b_min and b_max")),
            (None, None) if self.relative => Err(Invalid::new("relative", "b_min and b_max are missing: give both")),
            (Some(low), Some(high)) if low == high => {
                Err(Invalid::new("b_max", format!("b_min and b_max are both {low}: every value would become the same")))
            }
            (Some(low), Some(high)) if self.clip && low > high => {
                Err(Invalid::new("b_min", format!("{low} is larger than b_max, {high}: clip needs b_min below b_max")))
            }
            _ => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for ScaleIntensityRangePercentiles {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        match &self.source {
            Some(key) => Err(ApplyError::MissingInput(key.clone())),
            None => self.scale(volume, None),
        }
    }

    fn apply_with(&self, volume: Volume, source: &Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        self.scale(volume, Some(source))
    }

    fn sources(&self) -> Sources<'_> {
        self.source.as_deref().map_or(Sources::Nothing, Sources::voxels)
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }
}

impl ScaleIntensityRangePercentiles {
    fn scale(&self, volume: Volume, source: Option<&Volume>) -> Result<(Volume, ValueUndo), ApplyError> {
        let (b_min, b_max) = (self.b_min.unwrap_or(0.0), self.b_max.unwrap_or(1.0));
        let share = |percent: f64| (b_max - b_min) * (percent / 100.0) + b_min;
        let to = if self.relative { [share(self.lower), share(self.upper)] } else { [b_min, b_max] };
        let asked = Percentiles(&[self.lower, self.upper]);
        let flags = flags(&volume, None, source, self.channel_wise)?;
        let percentiles = match &flags {
            None => by_group(&volume, self.channel_wise, asked),
            Some(flags) if !flags.contains(&true) => {
                let key = self.source.as_deref().unwrap_or_default();
                return Err(ApplyError::EmptyMask(format!("{key} above 0")));
            }
            Some(flags) => {
                let size = volume.voxels().len() / if self.channel_wise { volume.channels() } else { 1 };
                dispatch!(volume.voxels(), v => v.chunks(size).zip(flags.chunks(size)).map(|(values, flags)| {
                    let inside: Vec<_> = values.iter().zip(flags).filter(|(_, f)| **f).map(|(v, _)| *v).collect();
                    asked.of(&inside)
                }).collect())
            }
        };
        let map = |found: Option<Vec<f64>>| {
            let map = found.map_or(Linear::new(1.0, 0.0), |p| Linear::between([p[0], p[1]], to));
            if self.clip { map.held(to[0], to[1]) } else { map }
        };
        rescale(Self::NAME, volume, &percentiles.into_iter().map(map).collect::<Vec<_>>())
    }
}
