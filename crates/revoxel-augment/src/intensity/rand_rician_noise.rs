//! The transform `rand_rician_noise`.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::map::{fit_channels, map_at};
use super::mask::moments;
use crate::random::{ByChannel, Drawn, Draws, Noise, RandomTransform, Span, probability, tenth, within};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{Numbers, RealVector, yes};
use revoxel_transforms::peers::{DTYPE, Peer};
use revoxel_transforms::transform::{ApplyError, KnownShape, Transform, ValueTransform};

/// Adds at random the noise of MR magnitude images.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same noise. Every value x becomes √((x + a)² + b²),
/// where a and b are normal noises with the mean `mean`; the result is float32. Their standard deviation is drawn
/// between 0 and `std`, or is `std` with `sample_std: false`; with `relative` it is a multiple of the standard
/// deviation (ddof 1) of the volume. With `channel_wise` each channel has its own deviation, and `mean` and `std` can
/// be lists by channel. The noise of a voxel depends on its position in the volume, so it is the same at any number of
/// threads.
///
/// # YAML
/// ```yaml
/// rand_rician_noise: { prob: 0.3, std: 0.05, relative: true }
/// ```
///
/// # Inverse
/// Lost: the noise cannot be told from the values.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandRicianNoise {
    /// Probability of the noise, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Mean of the two noises; with `channel_wise` optionally one per channel.
    #[serde(default = "zero")]
    mean: RealVector,
    /// Largest standard deviation; with `channel_wise` optionally one per channel.
    #[serde(default = "one")]
    std: RealVector,
    /// Draw a deviation for each channel.
    #[serde(default)]
    channel_wise: bool,
    /// `std` is a multiple of the standard deviation of the volume, or with `channel_wise` of the channel.
    #[serde(default)]
    relative: bool,
    /// Draw the standard deviation between 0 and `std`.
    #[serde(default = "yes")]
    sample_std: bool,
}

fn zero() -> RealVector {
    Numbers(vec![0.0])
}

fn one() -> RealVector {
    Numbers(vec![1.0])
}

impl Define for RandRicianNoise {
    const NAME: &'static str = "rand_rician_noise";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("RandRicianNoised")
        .same(&["prob", "mean", "std", "channel_wise", "relative", "sample_std"])
        .ignored(&[DTYPE])
        .notes("It draws anew for each key: write one step for each input to get that.")];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.std.0.iter().try_for_each(|std| within("std", *std, 0.0, f64::INFINITY))?;
        if !self.channel_wise && self.mean.0.len().max(self.std.0.len()) > 1 {
            return Err(Invalid::new("channel_wise", "one number per channel needs channel_wise: true"));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandRicianNoise {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let share = if self.sample_std {
            ByChannel::draw(Span([0.0, 1.0]), self.channel_wise, draws)
        } else {
            ByChannel::All(1.0)
        };
        let noisy = Noisy { noise: draws.noise(), share, of: self.clone() };
        Drawn::value(noisy, json!({ "share_of_std": share.shown() }))
    }
}

/// What was drawn.
#[derive(Debug)]
struct Noisy {
    noise: Noise,
    share: ByChannel,
    of: RandRicianNoise,
}

impl ValueTransform for Noisy {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (channels, asked) = (volume.channels(), &self.of);
        self.fits(&KnownShape::of(&volume))?;
        let number = |numbers: &RealVector, channel: usize| numbers.0[channel.min(numbers.0.len() - 1)];
        let own = asked.relative.then(|| moments(&volume, None, asked.channel_wise, 1));
        let deviation = |channel: usize| own.as_ref().map_or(1.0, |own| own[channel.min(own.len() - 1)].deviation);
        let both = |c: usize| [number(&asked.mean, c), number(&asked.std, c) * self.share.of(c) * deviation(c)];
        let by_channel: Vec<[f64; 2]> = (0..channels).map(both).collect();
        let result = map_at(volume, |position, channel, x| {
            let [mean, std] = by_channel[channel];
            let [a, b] = self.noise.normals(position as u64).map(|n| mean + std * n);
            ((x + a) * (x + a) + b * b).sqrt()
        })?;
        let deviations: Vec<f64> = by_channel.iter().map(|[_, std]| *std).collect();
        let reason = format!("rand_rician_noise added noise with standard deviations of {deviations:?} by channel");
        Ok((result, ValueUndo::Lost { reason }))
    }

    fn fits(&self, volume: &KnownShape) -> Result<(), ApplyError> {
        let Some(channels) = volume.channels else { return Ok(()) };
        fit_channels([("mean", Some(&self.of.mean)), ("std", Some(&self.of.std))], channels)
    }
}

#[cfg(test)]
mod tests {
    use revoxel_core::{Grid, Kind};

    use super::*;

    #[test]
    fn magnitudes_are_spread_as_rice_says() {
        let shape = [50, 40, 30];
        let count = shape.iter().product::<usize>();
        let draw = |relative: bool| {
            let noise = Draws::new(5, "case", 0).noise();
            let of = RandRicianNoise {
                prob: 1.0,
                mean: zero(),
                std: Numbers(vec![2.0, 0.5]),
                channel_wise: true,
                relative,
                sample_std: false,
            };
            Noisy { noise, share: ByChannel::All(1.0), of }
        };
        // Nothing in the first channel: a Rayleigh distribution. Much in the second: almost a normal one.
        let values: Vec<f32> = (0..2 * count).map(|i| if i < count { 0.0 } else { 40.0 }).collect();
        let volume = Volume::new(values.into(), Grid::without_geometry(shape).unwrap(), Kind::Image, 2).unwrap();
        let (noisy, _) = draw(false).apply(volume.clone()).unwrap();
        let of = |channel: usize| {
            let found = moments(&noisy, None, true, 1)[channel];
            (found.mean, found.deviation)
        };
        // σ √(π/2) and σ √(2 − π/2), with standard errors of 0.005 and 0.004.
        let pi = std::f64::consts::PI;
        let (mean, deviation) = of(0);
        assert!((mean - 2.0 * (pi / 2.0).sqrt()).abs() < 0.02, "{mean}");
        assert!((deviation - 2.0 * (2.0 - pi / 2.0).sqrt()).abs() < 0.015, "{deviation}");
        // ν + σ²/2ν, and nearly σ.
        let (mean, deviation) = of(1);
        assert!((mean - (40.0 + 0.25 / 80.0)).abs() < 0.008 && (deviation - 0.5).abs() < 0.006, "{mean} {deviation}");
        // A constant channel has no deviation to be relative to.
        let (still, _) = draw(true).apply(volume).unwrap();
        assert_eq!(moments(&still, None, true, 1).iter().map(|m| m.mean).collect::<Vec<_>>(), [0.0, 40.0]);
    }
}
