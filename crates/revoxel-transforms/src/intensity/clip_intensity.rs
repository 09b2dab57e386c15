//! The transform `clip_intensity`.

use revoxel_core::{ValueUndo, Volume, Voxel, Voxels, dispatch, parallel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::peers::Argument::Renamed;
use crate::peers::{Peer, Program};
use crate::transform::{ApplyError, Transform, ValueState, ValueTransform};

/// Clips intensities to two limits.
///
/// # What it does
/// Sets values below `min` to `min` and values above `max` to `max`. Either may be left out. The voxel type stays.
///
/// # YAML
/// ```yaml
/// clip_intensity: { min: -1024, max: 3071 }
/// ```
///
/// # Inverse
/// Values beyond the limits are lost; on request they come back as the limit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipIntensity {
    /// Lower limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    /// Upper limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
}

impl Define for ClipIntensity {
    const NAME: &'static str = "clip_intensity";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[
        Peer::torchio("Clamp").others(&[Renamed("out_min", "min"), Renamed("out_max", "max")]).notes(
            "It returns float32 where whole numbers get limits with a fraction; here such limits become the \
             whole numbers inside them.",
        ),
        Peer::new(Program::NumPy, "clip"),
    ];

    fn check(&self) -> Result<(), Invalid> {
        match (self.min, self.max) {
            (None, None) => Err(Invalid::new("", "give min, max or both")),
            (Some(min), Some(max)) if min >= max => Err(Invalid::new("min", format!("{min} is not below max, {max}"))),
            _ => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for ClipIntensity {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        fn clip<T: Voxel>(values: &[T], min: Option<f64>, max: Option<f64>) -> Vec<T> {
            // Whole-number types are cut at the whole numbers inside the limits; limits beyond the type saturate.
            let whole = T::DTYPE.is_integer();
            let low = min.map(|m| T::from_f64(if whole { m.ceil() } else { m }));
            let high = max.map(|m| T::from_f64(if whole { m.floor() } else { m }));
            let one = |v: T| match (low, high) {
                (Some(low), _) if v < low => low,
                (_, Some(high)) if v > high => high,
                _ => v,
            };
            parallel::map_values(values, one)
        }
        let (min, max) = (self.min, self.max);
        let voxels: Voxels = dispatch!(volume.voxels(), v => clip(v, min, max).into());
        let undo =
            if voxels == *volume.voxels() { ValueUndo::nothing() } else { ValueUndo::nothing().clipped([min, max]) };
        Ok((volume.with_voxels(voxels)?, undo))
    }

    fn after(&self, before: &ValueState) -> ValueState {
        ValueState { dtype: before.dtype, ..before.changed() }
    }
}
