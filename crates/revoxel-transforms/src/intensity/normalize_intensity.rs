//! The transform `normalize_intensity`.

use revoxel_core::{Dtype, ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::map::{fit_channels, map};
use super::statistics::{Moments, by_group};
use crate::definition::{Class, Define, Invalid};
use crate::params::RealVector;
use crate::peers::{DTYPE, Peer};
use crate::transform::{ApplyError, KnownShape, Transform, UndoRule, ValueState, ValueTraits, ValueTransform};

/// Subtracts the mean and divides by the standard deviation.
///
/// # What it does
/// Computes `(x − subtrahend) / divisor`; the result is float32. By default these are the mean and the standard
/// deviation (ddof 0) of the volume: of all channels together or, with `channel_wise`, of each. With `nonzero`, only
/// nonzero values count and change. A standard deviation of 0 divides by 1.
///
/// # YAML
/// ```yaml
/// normalize_intensity: { nonzero: true, channel_wise: true }
/// ```
/// ```yaml
/// normalize_intensity: { subtrahend: 97.5, divisor: 42.1 }
/// ```
///
/// # Inverse
/// The inverse linear map with the same numbers; with `nonzero` values are lost, since zeros cannot be told from values
/// that became 0.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NormalizeIntensity {
    /// Number to subtract, or one per channel with `channel_wise`. Default: the mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subtrahend: Option<RealVector>,
    /// Number to divide by, or one per channel with `channel_wise`. Default: the standard deviation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    divisor: Option<RealVector>,
    /// Only nonzero values count and change.
    #[serde(default)]
    nonzero: bool,
    /// Treat each channel separately.
    #[serde(default)]
    channel_wise: bool,
}

impl Define for NormalizeIntensity {
    const NAME: &'static str = "normalize_intensity";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[
        Peer::imported("NormalizeIntensityd")
            .same(&["subtrahend", "divisor", "nonzero", "channel_wise"])
            .ignored(&[DTYPE])
            .notes(
                "If MONAI interpolated before, values between zeros may be 1e-14 there and count as nonzero; here \
                 they are 0.",
            ),
        Peer::torchio("ZNormalization")
            .notes("It divides by the ddof-1 deviation, and fails on a constant volume, which becomes 0 here."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        let several = |numbers: &Option<RealVector>| numbers.as_ref().is_some_and(|n| n.0.len() > 1);
        if !self.channel_wise && (several(&self.subtrahend) || several(&self.divisor)) {
            return Err(Invalid::new("channel_wise", "one number per channel needs channel_wise: true"));
        }
        if self.divisor.as_ref().is_some_and(|d| d.0.contains(&0.0)) {
            return Err(Invalid::new("divisor", "cannot divide by 0"));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for NormalizeIntensity {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        self.fits(&KnownShape::of(&volume))?;
        let groups = if self.channel_wise { volume.channels() } else { 1 };
        let each = |numbers: &RealVector| (0..groups).map(|g| numbers.0[g.min(numbers.0.len() - 1)]).collect();
        let [subtrahend, divisor]: [Option<Vec<f64>>; 2] =
            [&self.subtrahend, &self.divisor].map(|given| given.as_ref().map(each));
        let nonzero = self.nonzero;
        let moments = if subtrahend.is_some() && divisor.is_some() {
            Vec::new()
        } else {
            by_group(&volume, self.channel_wise, Moments { counts: |_, x: f64| !nonzero || x != 0.0, ddof: 0 })
        };
        let shift: Vec<f64> = subtrahend.unwrap_or_else(|| moments.iter().map(|m| m.mean).collect());
        let divisors = || moments.iter().map(|m| if m.deviation == 0.0 { 1.0 } else { m.deviation }).collect();
        let scale: Vec<f64> = divisor.unwrap_or_else(divisors);
        let group = |channel: usize| if groups == 1 { 0 } else { channel };
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

    fn traits(&self) -> ValueTraits {
        ValueTraits { undo: if self.nonzero { UndoRule::Lost } else { UndoRule::Recorded }, ..ValueTraits::default() }
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }

    fn fits(&self, volume: &KnownShape) -> Result<(), ApplyError> {
        let Some(channels) = volume.channels else { return Ok(()) };
        fit_channels([("subtrahend", self.subtrahend.as_ref()), ("divisor", self.divisor.as_ref())], channels)
    }
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
