//! How the ops of a transform are executed on one volume: its parameters, made definite.

use revoxel_core::Kind;
use revoxel_resample::{Beyond, Interpolation, StepRule};

use crate::params::Padding;
use crate::transform::{Resampling, SpatialTransform};

/// The rule of a transform for the volume `key`, of a kind with so many channels.
pub fn step_rule(
    transform: &dyn SpatialTransform,
    key: &str,
    kind: Kind,
    channels: usize,
    fuse_resampling: bool,
) -> StepRule {
    let (resampling, padding) = (transform.resampling(), transform.padding());
    StepRule {
        pad_mode: padding.mode,
        padding: padding.value_for(key, kind, channels),
        fuse_resampling,
        ..resampling.rule(key, kind, channels)
    }
}

impl Resampling<'_> {
    /// How ops that interpolate do it for the volume `key`, of a kind with so many channels.
    pub fn rule(&self, key: &str, kind: Kind, channels: usize) -> StepRule {
        StepRule {
            beyond: self.beyond(key, kind, channels),
            boundary: self.boundary,
            clip: self.clip,
            area: self.averages(key, kind),
            smoothing: self.smoothing,
            separate: self.separate,
            ..StepRule::plain(self.interpolation_for(key, kind).unwrap_or(Interpolation::default_for(kind)))
        }
    }

    fn beyond(&self, key: &str, kind: Kind, channels: usize) -> Beyond {
        let padding = self.padding.and_then(|p| p.get(key)).unwrap_or(self.default_padding);
        let named = self.padding.is_some_and(|p| p.for_key(key).is_some());
        match (padding, kind.unseen(channels)) {
            (Padding::Border, _) => Beyond::Border,
            (Padding::Reflection, _) => Beyond::Reflection,
            (Padding::Value(value), Some(_)) if named => Beyond::Fill(vec![value]),
            (_, Some(unseen)) => Beyond::Fill(unseen),
            (Padding::Value(value), None) => Beyond::Fill(vec![value]),
            (Padding::Zeros, None) => Beyond::Fill(vec![0.0]),
            (Padding::Minimum, None) => Beyond::Minimum,
        }
    }
}
