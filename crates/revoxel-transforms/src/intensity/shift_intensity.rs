//! The transform `shift_intensity`.

use revoxel_core::{Dtype, ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rescale::{Linear, rescale};
use crate::definition::{Class, Define};
use crate::peers::Argument::Fixed;
use crate::peers::Peer;
use crate::transform::{ApplyError, Transform, ValueState, ValueTransform};

/// Adds a number to intensities.
///
/// # What it does
/// Computes `x + offset`; the result is float32.
///
/// # YAML
/// ```yaml
/// shift_intensity: { offset: 1024 }
/// ```
///
/// # Inverse
/// Subtracts the number.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShiftIntensity {
    /// Number to add.
    offset: f64,
}

impl Define for ShiftIntensity {
    const NAME: &'static str = "shift_intensity";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] =
        &[Peer::imported("ShiftIntensityd").same(&["offset"]).others(&[Fixed("safe", "false")]).notes(
            "It keeps the voxel type and truncates fractions, unless it is `safe`. A factor for the offset from \
             the header (`factor_key`) is not supported.",
        )];

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for ShiftIntensity {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        rescale(Self::NAME, volume, &[Linear::new(1.0, self.offset)])
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }
}
