//! The transform `threshold_intensity`.

use revoxel_core::{ValueUndo, Volume, Voxel, Voxels, dispatch, parallel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rescale::holding;
use crate::definition::{Class, Define, Invalid};
use crate::params::yes;
use crate::peers::Peer;
use crate::transform::{ApplyError, Transform, ValueState, ValueTransform};

/// Replaces intensities on one side of a threshold.
///
/// # What it does
/// Keeps values above `threshold`, or below it with `above: false`, and sets all others to `cval`. The voxel type stays
/// if it holds `cval`.
///
/// # YAML
/// ```yaml
/// threshold_intensity: { threshold: -1000, above: true, cval: -1000 }
/// ```
///
/// # Inverse
/// The replaced values are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThresholdIntensity {
    /// The threshold.
    threshold: f64,
    /// Keep values above the threshold; if false, those below.
    #[serde(default = "yes")]
    above: bool,
    /// New value of the other values.
    #[serde(default)]
    cval: f64,
}

impl Define for ThresholdIntensity {
    const NAME: &'static str = "threshold_intensity";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("ThresholdIntensityd").same(&["threshold", "above", "cval"])];

    fn check(&self) -> Result<(), Invalid> {
        for (field, value) in [("threshold", self.threshold), ("cval", self.cval)] {
            if value.is_nan() {
                return Err(Invalid::new(field, "not a number"));
            }
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for ThresholdIntensity {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        fn replace<T: Voxel>(values: &[T], keep: impl Fn(f64) -> bool + Sync, cval: T) -> Vec<T> {
            parallel::map_values(values, |v| if keep(v.to_f64()) { v } else { cval })
        }
        let volume = holding(volume, self.cval);
        let keep = |x: f64| if self.above { x > self.threshold } else { x < self.threshold };
        let voxels: Voxels = dispatch!(volume.voxels(), v => replace(v, keep, Voxel::from_f64(self.cval)).into());
        let undo = if voxels == *volume.voxels() {
            ValueUndo::nothing()
        } else {
            ValueUndo::Lost { reason: format!("threshold_intensity made values {}", self.cval) }
        };
        Ok((volume.with_voxels(voxels)?, undo))
    }

    fn after(&self, before: &ValueState) -> ValueState {
        let dtype = before.dtype.map(|dtype| dtype.holding(self.cval));
        ValueState { dtype, ..before.changed() }
    }
}
