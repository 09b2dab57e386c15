//! Rescales intensities to 8 bit.
//!
//! # What it does
//! Takes the `lower` percentile of the values to 0 and the `upper` one to 255, cuts off what lies beyond, and rounds
//! half to even to uint8. Percentiles are 0 and 100, the smallest and the largest value, where they are left out;
//! `channel_wise` takes each channel by itself.
//!
//! # YAML
//! ```yaml
//! rescale_to_8bit: { lower: 0.5, upper: 99.5 }
//! ```
//!
//! # Inverse
//! The linear map back, to half of one of the 255 steps; what was cut off comes back as the percentile, where that is
//! asked for.
//!
//! # Same as
//! MONAI `ScaleIntensityRangePercentilesd(lower, upper, 0, 255, clip=True)`, rounded, and cast to uint8.

use revoxel_core::{Dtype, ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::percentile::{Percentiles, check_percentiles};
use super::rescale::{Linear, rescale};
use super::statistics::by_group;
use crate::definition::{Class, Define, Invalid};
use crate::transform::{ApplyError, Transform, ValueTransform};

/// Parameters of `rescale_to_8bit`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RescaleTo8bit {
    /// The percentile that becomes 0, from 0 to 100.
    #[serde(default)]
    lower: f64,
    /// The percentile that becomes 255, from 0 to 100.
    #[serde(default = "hundred")]
    upper: f64,
    /// Each channel by itself.
    #[serde(default)]
    channel_wise: bool,
}

const fn hundred() -> f64 {
    100.0
}

impl Define for RescaleTo8bit {
    const NAME: &'static str = "rescale_to_8bit";
    const SOURCE: &'static str = include_str!("rescale_to_8bit.rs");
    const CLASS: Class = Class::Intensity;

    fn check(&self) -> Result<(), Invalid> {
        check_percentiles(Some(self.lower), Some(self.upper))
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for RescaleTo8bit {
    fn dtype_after(&self, _before: Option<Dtype>) -> Option<Dtype> {
        Some(Dtype::U8)
    }

    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let percentiles = by_group(&volume, self.channel_wise, Percentiles(&[self.lower, self.upper]));
        let map = |found: Option<Vec<f64>>| {
            found.map_or(Linear::new(1.0, 0.0), |p| Linear::between([p[0], p[1]], [0.0, 255.0])).held(0.0, 255.0)
        };
        let maps: Vec<Linear> = percentiles.into_iter().map(map).collect();
        let (result, undo) = rescale(Self::NAME, volume, &maps)?;
        Ok((result.cast(Dtype::U8), undo))
    }
}
