//! The transform `std_shift_intensity`.

use revoxel_core::{Dtype, ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::map::map;
use super::rescale::{Linear, rescale};
use super::statistics::{Moments, by_group};
use crate::definition::{Class, Define};
use crate::peers::{DTYPE, Peer};
use crate::transform::{ApplyError, Transform, UndoRule, ValueState, ValueTraits, ValueTransform};

/// Adds a multiple of the standard deviation to intensities.
///
/// # What it does
/// Computes `x + factor · deviation`; the result is float32. The deviation is the standard deviation (ddof 0) of the
/// volume: of all channels together or, with `channel_wise`, of each. With `nonzero`, only nonzero values count and
/// change.
///
/// # YAML
/// ```yaml
/// std_shift_intensity: { factor: 0.5 }
/// ```
///
/// # Inverse
/// Subtracts the number that was added; with `nonzero` values are lost, since zeros cannot be told from values that
/// became 0.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StdShiftIntensity {
    /// Number of standard deviations to add.
    pub factor: f64,
    /// Only nonzero values count and change.
    #[serde(default)]
    pub nonzero: bool,
    /// Treat each channel separately.
    #[serde(default)]
    pub channel_wise: bool,
}

impl Define for StdShiftIntensity {
    const NAME: &'static str = "std_shift_intensity";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] =
        &[Peer::imported("StdShiftIntensityd").same(&["factor", "nonzero", "channel_wise"]).ignored(&[DTYPE])];

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for StdShiftIntensity {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let nonzero = self.nonzero;
        let counts = move |_, x: f64| !nonzero || x != 0.0;
        let moments = by_group(&volume, self.channel_wise, Moments { counts, ddof: 0 });
        let maps: Vec<Linear> = moments.iter().map(|m| Linear::new(1.0, self.factor * m.deviation)).collect();
        if !nonzero {
            return rescale(Self::NAME, volume, &maps);
        }
        let last = maps.len() - 1;
        let result = map(volume, |channel, x| if x == 0.0 { x } else { maps[channel.min(last)].of(x) })?;
        Ok((
            result,
            ValueUndo::Lost { reason: "std_shift_intensity with nonzero: zeros cannot be told apart".to_owned() },
        ))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits { undo: if self.nonzero { UndoRule::Lost } else { UndoRule::Recorded }, ..ValueTraits::default() }
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }
}
