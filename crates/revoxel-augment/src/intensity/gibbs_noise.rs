//! The transform `gibbs_noise`.

use revoxel_core::{Dtype, ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filter::floats;
use super::fourier::{channel, shifted, spectrum};
use crate::random::within;
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{ApplyError, Transform, ValueState, ValueTraits, ValueTransform};

/// Adds the ringing of an MR scan whose k-space was cut off.
///
/// # What it does
/// Removes all frequencies of each channel that lie farther than (1 − `alpha`) · n · √2 / 2 from the middle of k-space,
/// where n is the longest axis: edges blur, with ripples beside them. With `alpha: 0` a 2-D slice does not change; a
/// 3-D volume may lose the corners of its k-space. The result is float32.
///
/// # YAML
/// ```yaml
/// gibbs_noise: { alpha: 0.6 }
/// ```
///
/// # Inverse
/// The frequencies that were removed are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GibbsNoise {
    /// How much is removed, from 0 (least) to 1 (all).
    #[serde(default = "half")]
    pub(super) alpha: f64,
}

const fn half() -> f64 {
    0.5
}

impl Define for GibbsNoise {
    const NAME: &'static str = "gibbs_noise";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("GibbsNoised").same(&["alpha"])];

    fn check(&self) -> Result<(), Invalid> {
        within("alpha", self.alpha, 0.0, 1.0)
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for GibbsNoise {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (mut values, shape) = (floats(&volume), volume.grid().shape());
        let longest = shape.into_iter().max().unwrap_or(1) as f64;
        let radius = (1.0 - self.alpha) * longest * 2f64.sqrt() / 2.0;
        // Distances from the middle along each axis, squared, by frequency.
        let squares = shape.map(|n| {
            let middle = (n as f64 - 1.0) / 2.0;
            (0..n).map(|f| (shifted(f, n) as f64 - middle).powi(2)).collect::<Vec<f64>>()
        });
        for one in values.chunks_mut(volume.grid().voxel_count()) {
            let mut waves = spectrum(one, shape);
            for (line, row) in waves.chunks_mut(shape[0]).enumerate() {
                let rest = squares[1][line % shape[1]] + squares[2][line / shape[1]];
                for (wave, square) in row.iter_mut().zip(&squares[0]) {
                    if (square + rest).sqrt() > radius {
                        *wave = Default::default();
                    }
                }
            }
            one.copy_from_slice(&channel(waves, shape));
        }
        let undo = ValueUndo::Lost { reason: "gibbs_noise removed frequencies".to_owned() };
        Ok((volume.with_voxels(values.into())?, undo))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits::MIXED
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }
}
