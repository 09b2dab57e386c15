//! The transform `ct_normalization`.

use revoxel_core::{Dtype, ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rescale::{Linear, rescale};
use crate::definition::{Class, Define, Invalid};
use crate::peers::Peer;
use crate::transform::{ApplyError, Transform, ValueState, ValueTransform};

/// Normalises CT numbers by the statistics of a data set.
///
/// # What it does
/// Clips values to `percentile_00_5` and `percentile_99_5`, subtracts `mean` and divides by `std` (by 1e-8 if `std` is
/// smaller). The result is float32. The four numbers describe the foreground of a whole data set, not of one volume.
///
/// # YAML
/// ```yaml
/// ct_normalization: { mean: 99.5, std: 37.1, percentile_00_5: 17, percentile_99_5: 201 }
/// ```
///
/// # Inverse
/// The inverse linear map; on request clipped values come back as the limit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CtNormalization {
    /// Mean of the data set's foreground.
    mean: f64,
    /// Standard deviation of the data set's foreground.
    std: f64,
    /// The 0.5th percentile of the data set's foreground; values below it are clipped.
    percentile_00_5: f64,
    /// The 99.5th percentile of the data set's foreground; values above it are clipped.
    percentile_99_5: f64,
}

impl Define for CtNormalization {
    const NAME: &'static str = "ct_normalization";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::nnunet("CTNormalization")
        .same(&["mean", "std", "percentile_00_5", "percentile_99_5"])
        .notes("The parameters have the names of its `foreground_intensity_properties_per_channel`.")];

    fn check(&self) -> Result<(), Invalid> {
        if self.std.is_nan() || self.std < 0.0 {
            return Err(Invalid::new("std", format!("{} is not a standard deviation: give 0 or more", self.std)));
        }
        let (low, high) = (self.percentile_00_5, self.percentile_99_5);
        if low >= high {
            return Err(Invalid::new("percentile_00_5", format!("{low} is not below percentile_99_5, {high}")));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for CtNormalization {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let divisor = self.std.max(1e-8);
        let of = |x: f64| (x - self.mean) / divisor;
        let map = Linear::new(1.0 / divisor, -self.mean / divisor);
        rescale(Self::NAME, volume, &[map.held(of(self.percentile_00_5), of(self.percentile_99_5))])
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }
}
