//! The transform `rand_gamma`.

use revoxel_core::{ValueUndo, Volume, parallel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::map::map;
use super::power::Raised;
use crate::random::{Drawn, Draws, RandomTransform, probability, tenth, within};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{ApplyError, Transform, ValueTransform};

/// Raises intensities to a random power.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Computes `((x − min) / (max − min +
/// 1e-7)) ^ g · (max − min) + min` with the volume's own minimum and maximum and a `g` drawn from `gamma`. The result
/// is float32. A power below 1 brightens, above 1 darkens. `invert_image` applies this to the negative of the volume
/// and negates the result. `retain_stats` restores the mean and the standard deviation (ddof 1) of the volume.
///
/// # YAML
/// ```yaml
/// rand_gamma: { prob: 0.3, gamma: [0.7, 1.5] }
/// ```
///
/// # Inverse
/// The inverse power, with the numbers in the trace, as far as float32 kept the values distinct: high powers bring low
/// values close together.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandGamma {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Smallest and largest power, above 0.
    #[serde(default = "wide")]
    gamma: [f64; 2],
    /// Apply it to the negative of the volume.
    #[serde(default)]
    invert_image: bool,
    /// Restore mean and standard deviation.
    #[serde(default)]
    retain_stats: bool,
}

const fn wide() -> [f64; 2] {
    [0.5, 4.5]
}

impl Define for RandGamma {
    const NAME: &'static str = "rand_gamma";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[
        Peer::imported("RandAdjustContrastd")
            .same(&["prob", "gamma", "invert_image", "retain_stats"])
            .notes("There `gamma=2.0` means 0.5 to 2: write `[0.5, 2]`."),
        Peer::torchio("RandomGamma")
            .notes("It draws the logarithm of the power instead, and raises values without scaling them."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.gamma.iter().try_for_each(|g| within("gamma", *g, 1e-3, 1e3))
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandGamma {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let [a, b] = self.gamma;
        let gamma = draws.uniform(a.min(b), a.max(b));
        let power = Power { gamma, invert_image: self.invert_image, retain_stats: self.retain_stats };
        Drawn::value(power, json!({ "gamma": gamma }))
    }
}

/// What was drawn.
#[derive(Debug)]
pub(super) struct Power {
    gamma: f64,
    invert_image: bool,
    retain_stats: bool,
}

impl ValueTransform for Power {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let sign = if self.invert_image { -1.0 } else { 1.0 };
        let (low, high) = volume.voxels().min_max().unwrap_or((0.0, 0.0));
        let (low, high) = if self.invert_image { (-high, -low) } else { (low, high) };
        let (range, gamma) = (high - low, self.gamma);
        let before = self.retain_stats.then(|| moments(&volume, sign));
        let power = |x: f64| libm::pow((sign * x - low) / (range + 1e-7), gamma) * range + low;
        let mut result = map(volume, |_, x| if before.is_some() { power(x) } else { sign * power(x) })?;
        let (mut scale, mut shift) = (sign, 0.0);
        if let Some((mean, deviation)) = before {
            let (new_mean, new_deviation) = moments(&result, 1.0);
            let factor = deviation / (new_deviation + 1e-8);
            result = map(result, |_, x| sign * ((x - new_mean) * factor + mean))?;
            (scale, shift) = (sign * factor, sign * (mean - new_mean * factor));
        }
        let raised = Raised { gamma, sign, low, range: range + 1e-7, range_after: range, scale, shift };
        let undo = if range > 0.0 { raised.undo(RandGamma::NAME) } else { ValueUndo::nothing() };
        Ok((result, undo))
    }
}

/// Mean and standard deviation (ddof 1) of `sign` times the finite values. Sums go over fixed blocks, so that the number of
/// threads does not change them.
fn moments(volume: &Volume, sign: f64) -> (f64, f64) {
    let count = volume.voxels().len();
    let sum = |f: &(dyn Fn(f64) -> f64 + Sync)| {
        let blocks = parallel::map(0..count.div_ceil(1 << 16), |block| {
            let end = ((block + 1) << 16).min(count);
            let finite = (block << 16..end).map(|i| sign * volume.voxels().get(i)).filter(|v| v.is_finite());
            finite.fold((0.0, 0usize), |(sum, count), v| (sum + f(v), count + 1))
        });
        blocks.into_iter().fold((0.0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    };
    let (total, count) = sum(&|v| v);
    let mean = total / count.max(1) as f64;
    let (squares, _) = sum(&|v| (v - mean) * (v - mean));
    (mean, (squares / (count.max(2) - 1) as f64).sqrt())
}
