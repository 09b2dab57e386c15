//! The transform `z_score`.

use revoxel_core::{Dtype, ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::map::map_at;
use super::mask::{OwnMask, flags, moments};
use super::rescale::{Linear, rescale};
use crate::definition::{Class, Define, Invalid};
use crate::label::nonzero::region;
use crate::peers::Argument::Listed;
use crate::peers::Peer;
use crate::transform::{ApplyError, Sources, Transform, ValueState, ValueTransform};

/// Subtracts the mean and divides by the standard deviation, optionally of a mask.
///
/// # What it does
/// Computes `(x − mean) / deviation` with the mean and the standard deviation of the voxels in a mask; the result is
/// float32. The mask is one of these:
///
/// - the voxels where the input `source` is above 0;
/// - with `mask`, the volume's own values that are `nonzero`, `positive` or `above_mean`;
/// - with `nonzero_of`, the voxels that are nonzero in any of these images, the holes of this region, and the voxels
///   that are above 0 in any of these label maps.
///
/// Without a mask all voxels count. All values change, unless `keep_outside: true` keeps those outside the mask. `ddof:
/// 1` takes the deviation of a sample. A deviation below 1e-8 counts as 1e-8.
///
/// # YAML
/// ```yaml
/// z_score: { mask: nonzero, keep_outside: true }
/// ```
/// ```yaml
/// z_score: { mask: above_mean, ddof: 1 }
/// ```
/// ```yaml
/// z_score: { nonzero_of: [image, label], keep_outside: true }
/// ```
///
/// # Inverse
/// The inverse linear map with the same numbers; with `keep_outside` values are lost, since the result does not show
/// which values changed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ZScore {
    /// The input whose values above 0 form the mask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// Mask from the volume's own values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mask: Option<OwnMask>,
    /// The inputs whose nonzero values form the mask (for label maps, values above 0). Inputs that a case lacks are
    /// ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    nonzero_of: Vec<String>,
    /// Keep values outside the mask.
    #[serde(default)]
    keep_outside: bool,
    /// 0, or 1 for the sample deviation.
    #[serde(default)]
    ddof: usize,
    /// Treat each channel separately.
    #[serde(default)]
    channel_wise: bool,
}

/// The smallest deviation that is divided by.
const SMALLEST: f64 = 1e-8;

impl Define for ZScore {
    const NAME: &'static str = "z_score";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[
        Peer::nnunet("ZScoreNormalization")
            .notes("Its `use_mask_for_norm` is `keep_outside: true` with all channels and the label in `nonzero_of`."),
        Peer::torchio("ZNormalization")
            .others(&[Listed("masking_method")])
            .always(&[("ddof", "1")])
            .notes("It fails on a constant volume, which becomes 0 here."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        let masks = [self.source.is_some(), self.mask.is_some(), !self.nonzero_of.is_empty()];
        match masks.into_iter().filter(|m| *m).count() {
            0 if self.keep_outside => {
                return Err(Invalid::new("keep_outside", "there is no mask: give source, mask or nonzero_of"));
            }
            0 | 1 => {}
            _ => {
                let problem = "give only one of source (another input), mask (the volume's own values) and nonzero_of";
                return Err(Invalid::new(if masks[1] { "mask" } else { "nonzero_of" }, problem));
            }
        }
        if self.ddof > 1 {
            return Err(Invalid::new("ddof", format!("{}: use 0 or 1", self.ddof)));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for ZScore {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        match self.source.as_ref().or(self.nonzero_of.first()) {
            Some(key) => Err(ApplyError::MissingInput(key.clone())),
            None => self.normalize(volume, None),
        }
    }

    fn apply_with(&self, volume: Volume, source: &Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        self.normalize(volume, Some(source))
    }

    fn sources(&self) -> Sources<'_> {
        match &self.source {
            Some(source) => Sources::voxels(source),
            None if self.nonzero_of.is_empty() => Sources::Nothing,
            None => Sources::Mask(&self.nonzero_of),
        }
    }

    fn mask(&self, sources: &[&Volume]) -> Result<Volume, ApplyError> {
        region(sources)
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }
}

impl ZScore {
    fn normalize(&self, volume: Volume, source: Option<&Volume>) -> Result<(Volume, ValueUndo), ApplyError> {
        let flags = flags(&volume, self.mask, source, self.channel_wise)?;
        let moments = moments(&volume, flags.as_deref(), self.channel_wise, self.ddof);
        if moments.iter().any(|m| m.count == 0) {
            let rule = self.mask.map_or_else(
                || match &self.nonzero_of[..] {
                    [] => format!("{} above 0", self.source.as_deref().unwrap_or("numbers")),
                    keys => format!("not 0 in {}", keys.join(", ")),
                },
                |mask| mask.name().to_owned(),
            );
            return Err(ApplyError::EmptyMask(rule));
        }
        let divide = |deviation: f64| deviation.max(SMALLEST);
        let maps: Vec<Linear> =
            moments.iter().map(|m| Linear::new(1.0 / divide(m.deviation), -m.mean / divide(m.deviation))).collect();
        match flags.filter(|_| self.keep_outside) {
            None => rescale(Self::NAME, volume, &maps),
            Some(flags) => {
                let one = maps.len() == 1;
                let of = |at: usize, channel: usize, x: f64| {
                    if flags[at] { maps[if one { 0 } else { channel }].of(x) } else { x }
                };
                let result = map_at(volume, of)?;
                let reason = "z_score with keep_outside: which values were changed is not known".to_owned();
                Ok((result, ValueUndo::Lost { reason }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::define;
    use revoxel_core::{Grid, Kind};
    use serde_json::json;

    #[test]
    fn the_mask_is_another_input_or_the_volume_itself() {
        let grid = Grid::without_geometry([4, 1, 1]).unwrap();
        let volume = Volume::new(vec![0i16, 2, 6, 100].into(), grid, Kind::Image, 1).unwrap();
        let source = Volume::new(vec![0u8, 1, 2, 0].into(), grid, Kind::Label, 1).unwrap();
        let t = |params: serde_json::Value, expected: [f64; 4]| {
            let Transform::Value(step) = (define::<ZScore>().build)(params).unwrap().transform else { panic!() };
            let (result, _) = match step.sources() {
                Sources::Voxels { .. } => step.apply_with(volume.clone(), &source).unwrap(),
                _ => step.apply(volume.clone()).unwrap(),
            };
            assert_eq!([0, 1, 2, 3].map(|i| result.voxels().get(i)), expected);
        };
        t(json!({ "source": "seg" }), [-2.0, -1.0, 1.0, 48.0]);
        t(json!({ "source": "seg", "keep_outside": true }), [0.0, -1.0, 1.0, 100.0]);
        t(json!({ "mask": "above_mean" }), [-1e10, -98e8, -94e8, 0.0].map(|v: f64| f64::from(v as f32)));
        let empty = Volume::new(vec![0u8; 4].into(), grid, Kind::Label, 1).unwrap();
        let Transform::Value(step) = (define::<ZScore>().build)(json!({ "source": "seg" })).unwrap().transform else {
            panic!()
        };
        assert_eq!(step.apply_with(volume.clone(), &empty), Err(ApplyError::EmptyMask("seg above 0".to_owned())));
    }
}
