//! The transform `rand_gaussian_noise`.

use revoxel_core::{ValueUndo, Volume, Voxel, dispatch, parallel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::random::{Drawn, Draws, Noise, RandomTransform, probability, tenth, within};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::yes;
use revoxel_transforms::peers::{DTYPE, Peer};
use revoxel_transforms::transform::{ApplyError, Transform, ValueTransform};

/// Adds random normal noise.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same noise. Adds normal noise with the mean `mean`
/// to every voxel; the result is float32. The standard deviation is drawn between 0 and `std`, or is `std` with
/// `sample_std: false`. The noise of a voxel depends on its position in the volume, so it is the same at any number of
/// threads.
///
/// # YAML
/// ```yaml
/// rand_gaussian_noise: { prob: 0.3, std: 0.05 }
/// ```
///
/// # Inverse
/// Subtracts the same noise, made again from the numbers in the trace: to the rounding of float32. If later steps moved
/// voxels, the noise is moved and interpolated in the same way.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandGaussianNoise {
    /// Probability of the noise, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Mean of the noise.
    #[serde(default)]
    mean: f64,
    /// Largest standard deviation.
    #[serde(default = "tenth")]
    std: f64,
    /// Draw the standard deviation between 0 and `std`.
    #[serde(default = "yes")]
    sample_std: bool,
}

impl Define for RandGaussianNoise {
    const NAME: &'static str = "rand_gaussian_noise";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[
        Peer::imported("RandGaussianNoised")
            .same(&["prob", "mean", "std", "sample_std"])
            .ignored(&[DTYPE])
            .notes("There all keys share the noise too: write one step for each input to get different noise."),
        Peer::torchio("RandomNoise"),
    ];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        within("std", self.std, 0.0, f64::INFINITY)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandGaussianNoise {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let std = if self.sample_std { draws.uniform(0.0, self.std) } else { self.std };
        Drawn::value(Noisy { noise: draws.noise(), mean: self.mean, std }, json!({ "std": std }))
    }
}

/// What was drawn.
#[derive(Debug)]
struct Noisy {
    noise: Noise,
    mean: f64,
    std: f64,
}

impl ValueTransform for Noisy {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let values: Vec<f32> = dispatch!(volume.voxels(), v => {
            let noisy = |i: usize| {
                (Voxel::to_f64(v[i]) + self.mean + self.std * self.noise.normal(i as u64)) as f32
            };
            parallel::map_indices(v.len(), noisy)
        });
        let (key, channels) = (self.noise.words(), volume.channels());
        let undo = ValueUndo::Noise { key, mean: self.mean, std: self.std, channels };
        Ok((volume.with_voxels(values.into())?, undo))
    }
}
