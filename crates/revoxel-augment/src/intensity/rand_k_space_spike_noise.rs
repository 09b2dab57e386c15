//! The transform `rand_k_space_spike_noise`.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::filter::floats;
use super::holes::part;
use super::k_space_spike_noise::{Strength, USUAL, spike};
use crate::random::{ByChannel, Drawn, Draws, RandomTransform, Span, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::yes;
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{ApplyError, KnownShape, Transform, ValueTraits, ValueTransform};

/// Adds at random the stripes of an MR scan with a spike in k-space.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same spikes. Does what `k_space_spike_noise` does,
/// with a random place and a random magnitude for each channel, or with `channel_wise: false` the same for all. The
/// logarithm of the magnitude lies in `intensity_range`; by default between 0.95 and 1.1 times the 2.5-fold mean
/// logarithm of all magnitudes of the channel. The result is float32.
///
/// # YAML
/// ```yaml
/// rand_k_space_spike_noise: { prob: 0.2, intensity_range: [11, 12] }
/// ```
/// ```yaml
/// rand_k_space_spike_noise: { prob: 0.2, intensity_range: [[10, 12], [13, 14]] }
/// ```
///
/// # Inverse
/// The frequencies that were replaced are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandKSpaceSpikeNoise {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Smallest and largest logarithm of the magnitude, or a list of such pairs by channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intensity_range: Option<Intensities>,
    /// Draw a place and a magnitude for each channel.
    #[serde(default = "yes")]
    channel_wise: bool,
}

/// One range, or one by channel.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "give a list of the lowest and the highest, or a list of such pairs by channel")]
enum Intensities {
    /// The same for all.
    All(Span),
    /// By channel.
    Each(Vec<Span>),
}

impl Intensities {
    fn list(&self) -> &[Span] {
        match self {
            Self::All(one) => std::slice::from_ref(one),
            Self::Each(list) => list,
        }
    }
}

impl Define for RandKSpaceSpikeNoise {
    const NAME: &'static str = "rand_k_space_spike_noise";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("RandKSpaceSpikeNoised")
        .same(&["prob", "intensity_range", "channel_wise"])
        .notes("It draws anew for each key, and with `channel_wise=False` still draws a magnitude for each channel.")];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        let Some(ranges) = &self.intensity_range else { return Ok(()) };
        if matches!(ranges, Intensities::Each(_)) && !self.channel_wise {
            return Err(Invalid::new("intensity_range", "ranges by channel need channel_wise: true"));
        }
        if ranges.list().is_empty() {
            return Err(Invalid::new("intensity_range", "the list is empty: give at least one pair"));
        }
        // exp(80) is near the end of float32.
        ranges.list().iter().try_for_each(|range| range.check("intensity_range", -80.0, 80.0))
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandKSpaceSpikeNoise {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let mut share = || ByChannel::draw(Span([0.0, 1.0]), self.channel_wise, draws);
        let spikes =
            Spikes { place: [share(), share(), share()], strength: share(), ranges: self.intensity_range.clone() };
        let values = json!({ "place": spikes.place.map(|p| p.shown()), "strength": spikes.strength.shown() });
        Drawn::value(spikes, values)
    }
}

/// What was drawn: shares of the axes and of the range of strengths.
#[derive(Debug)]
struct Spikes {
    place: [ByChannel; 3],
    strength: ByChannel,
    ranges: Option<Intensities>,
}

impl ValueTransform for Spikes {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (mut values, shape) = (floats(&volume), volume.grid().shape());
        self.fits(&KnownShape::of(&volume))?;
        let (mut spiked, mut shares) = (Vec::new(), Vec::new());
        for (channel, one) in values.chunks_mut(volume.grid().voxel_count()).enumerate() {
            let place = [0, 1, 2].map(|a| part(self.place[a].of(channel), shape[a]));
            let share = self.strength.of(channel);
            let between = |(low, high): (f64, f64)| low + (high - low) * share;
            let strength = match &self.ranges {
                Some(ranges) => Strength::Logarithm(between(ranges.list()[channel % ranges.list().len()].bounds())),
                None => Strength::Mean(USUAL * between((0.95, 1.1))),
            };
            spike(one, shape, &[(place, strength)]);
            spiked.push(place);
            shares.push(share);
        }
        // Draws by channel are not known before there are channels: here they are recorded.
        let reason = format!(
            "rand_k_space_spike_noise replaced the frequencies at {spiked:?}, with the shares {shares:?} of the range of \
             strengths"
        );
        let undo = ValueUndo::Lost { reason };
        Ok((volume.with_voxels(values.into())?, undo))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits { mixes_voxels: true, ..ValueTraits::default() }
    }

    fn fits(&self, volume: &KnownShape) -> Result<(), ApplyError> {
        let Some(channels) = volume.channels else { return Ok(()) };
        match &self.ranges {
            Some(Intensities::Each(list)) if list.len() != channels => {
                Err(ApplyError::Channels { parameter: "intensity_range", given: list.len(), channels })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use revoxel_core::{Grid, Kind};

    use super::super::k_space_spike_noise::KSpaceSpikeNoise;
    use super::*;

    #[test]
    fn each_channel_has_a_spike_of_its_own() {
        let shape = [7, 6, 5];
        let values: Vec<f32> = (0..420).map(|i| ((i * i) % 97) as f32).collect();
        let volume = Volume::new(values.into(), Grid::without_geometry(shape).unwrap(), Kind::Image, 2).unwrap();
        let ranges = vec![Span([5.0, 5.0]), Span([6.5, 6.5])];
        let mut seen = Vec::new();
        for case in 0..40 {
            let mut draws = Draws::new(9, &case.to_string(), 0);
            let mut share = || ByChannel::draw(Span([0.0, 1.0]), true, &mut draws);
            let place = [share(), share(), share()];
            let spikes = Spikes { place, strength: share(), ranges: Some(Intensities::Each(ranges.clone())) };
            let at = |channel: usize| [0, 1, 2].map(|a| part(place[a].of(channel), shape[a]));
            let loc = [0, 1].map(|c| [&[c][..], &at(c)].concat());
            let same: KSpaceSpikeNoise =
                serde_json::from_value(json!({ "loc": loc, "k_intensity": [5.0, 6.5] })).unwrap();
            let (expected, _) = same.apply(volume.clone()).unwrap();
            let (spiked, undo) = spikes.apply(volume.clone()).unwrap();
            assert_eq!(spiked.voxels(), expected.voxels());
            // All that was drawn for the channels can be read in the trace.
            let ValueUndo::Lost { reason } = undo else { panic!("spikes are lost") };
            let (places, shares) = ([at(0), at(1)], [0, 1].map(|c| spikes.strength.of(c)));
            assert!(reason.contains(&format!("{places:?}")) && reason.contains(&format!("{shares:?}")), "{reason}");
            seen.extend([at(0), at(1)]);
            assert_eq!(spikes.apply(volume.clone()).unwrap().0.voxels(), spiked.voxels());
        }
        assert!((0..3).all(|a| (0..shape[a]).all(|i| seen.iter().any(|at| at[a] == i))), "{seen:?}");
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() > 50, "80 draws of 210 places: {}", seen.len());
    }
}
