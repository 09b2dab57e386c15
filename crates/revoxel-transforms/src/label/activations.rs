//! The transform `activations`.

use revoxel_core::{Kind, ValueUndo, Volume, Voxel, dispatch, parallel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::peers::Peer;
use crate::transform::{ApplyError, Transform, ValueState, ValueTraits, ValueTransform};

/// Converts scores to probabilities.
///
/// # What it does
/// `softmax` divides the exponential of each channel by the sum over all channels of the voxel. `sigmoid` computes `1 /
/// (1 + exp(−x))` for every value. The result holds probabilities, float32.
///
/// # YAML
/// ```yaml
/// activations: { softmax: true }
/// ```
///
/// # Inverse
/// The scores are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Activations {
    /// Convert every value by itself.
    #[serde(default)]
    sigmoid: bool,
    /// Convert the channels of a voxel together.
    #[serde(default)]
    softmax: bool,
}

impl Define for Activations {
    const NAME: &'static str = "activations";
    const CLASS: Class = Class::Label;
    const PEERS: &'static [Peer] = &[Peer::monai("Activationsd").same(&["sigmoid", "softmax"]).notes(
        "`other` functions and another `dim` than the channels are not supported. Predictions that a \
         pipeline's section `restore` processes do not need this step.",
    )];
    const KINDS: &'static [Kind] = &[Kind::Logit];

    fn check(&self) -> Result<(), Invalid> {
        match (self.sigmoid, self.softmax) {
            (true, true) => Err(Invalid::new("softmax", "give sigmoid or softmax, not both")),
            (false, false) => Err(Invalid::new("", "give sigmoid: true or softmax: true")),
            _ => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for Activations {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (grid, channels, size) = (*volume.grid(), volume.channels(), volume.grid().voxel_count());
        let voxels = volume.voxels();
        let mut values: Vec<f64> = dispatch!(voxels, v => parallel::map_values(v, Voxel::to_f64));
        if self.sigmoid {
            parallel::each(values.chunks_mut(parallel::BLOCK), |values| {
                values.iter_mut().for_each(|v| *v = 1.0 / (1.0 + libm::exp(-*v)));
            });
        } else {
            // The largest of each voxel becomes 1 before the sum, so that no exponential overflows.
            let at = |i: usize| (0..channels).map(move |c| i + c * size);
            let scale: Vec<(f64, f64)> = parallel::map_indices(size, |i| {
                let top = at(i).map(|j| values[j]).fold(f64::NEG_INFINITY, f64::max);
                (top, at(i).map(|j| libm::exp(values[j] - top)).sum())
            });
            let blocks = values.chunks_mut(size).flat_map(|channel| channel.chunks_mut(parallel::BLOCK).enumerate());
            parallel::each(blocks, |(block, values)| {
                let scale = &scale[block * parallel::BLOCK..];
                values.iter_mut().zip(scale).for_each(|(v, (top, sum))| *v = libm::exp(*v - top) / sum);
            });
        }
        let values: Vec<f32> = values.into_iter().map(|v| v as f32).collect();
        let undo = ValueUndo::Lost { reason: "activations made probabilities of scores".to_owned() };
        Ok((Volume::new(values.into(), grid, Kind::Probability, channels)?, undo))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits::LOST
    }

    fn after(&self, before: &ValueState) -> ValueState {
        ValueState { kind: Kind::Probability, ..before.changed() }
    }
}
