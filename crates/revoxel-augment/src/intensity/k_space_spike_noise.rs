//! The transform `k_space_spike_noise`.

use revoxel_core::{Dtype, ValueUndo, Volume};
use rustfft::num_complex::Complex32;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filter::floats;
use super::fourier::{channel, shifted, spectrum};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{ApplyError, KnownShape, Transform, ValueState, ValueTraits, ValueTransform};

/// Adds the stripes of an MR scan with a spike in k-space.
///
/// # What it does
/// Sets the magnitude of the frequencies at `loc` to the exponential of `k_intensity`, and keeps their phase. A place
/// is three indices of the spectrum, with frequency 0 in the middle, or the channel followed by these; without a
/// channel it applies to all channels. For a 2-D volume a place is two indices, or the channel followed by two. The
/// default of `k_intensity` is 2.5 times the mean logarithm of all magnitudes of the channel. The result is float32.
///
/// # YAML
/// ```yaml
/// k_space_spike_noise: { loc: [40, 52, 30], k_intensity: 14 }
/// ```
/// ```yaml
/// k_space_spike_noise: { loc: [[40, 52, 30], [10, 20, 30]], k_intensity: [14, 13] }
/// ```
///
/// # Inverse
/// The frequencies that were replaced are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KSpaceSpikeNoise {
    /// Three indices (two for 2-D volumes), or the channel followed by these, or a list of such places.
    loc: OneOrMore<Vec<usize>>,
    /// Logarithm of the magnitude: one number, or one for each place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    k_intensity: Option<OneOrMore<f64>>,
}

/// One, or a list.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T: Clone> OneOrMore<T> {
    fn list(&self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one.clone()],
            Self::More(list) => list.clone(),
        }
    }
}

impl Define for KSpaceSpikeNoise {
    const NAME: &'static str = "k_space_spike_noise";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("KSpaceSpikeNoised").same(&["loc", "k_intensity"]).notes(
        "It returns the voxel type of the volume, and without `k_intensity` spikes as many places as there \
         are channels.",
    )];

    fn check(&self) -> Result<(), Invalid> {
        let places = self.loc.list();
        if let Some(wrong) = places.iter().find(|place| !matches!(place.len(), 2..=4)) {
            let problem = format!("{wrong:?}: give three indices (two for 2-D volumes), or the channel before them");
            return Err(Invalid::new("loc", problem));
        }
        if places.is_empty() {
            return Err(Invalid::new("loc", "the list is empty: name at least one place"));
        }
        match &self.k_intensity {
            Some(OneOrMore::More(list)) if list.len() != places.len() => {
                let problem =
                    format!("{} numbers for {} places: give one, or one for each place", list.len(), places.len());
                Err(Invalid::new("k_intensity", problem))
            }
            // exp(80) is near the end of float32.
            Some(given) => {
                given.list().into_iter().try_for_each(|k| crate::random::within("k_intensity", k, -80.0, 80.0))
            }
            None => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for KSpaceSpikeNoise {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (mut values, shape) = (floats(&volume), volume.grid().shape());
        let places = self.loc.list();
        let strengths = self.k_intensity.as_ref().map(OneOrMore::list);
        let axes = volume.grid().axes();
        self.fits(&KnownShape::of(&volume))?;
        for (number, one) in values.chunks_mut(volume.grid().voxel_count()).enumerate() {
            let here = places.iter().enumerate().filter_map(|(i, place)| {
                let (of, at) = place.split_at(place.len() - axes);
                let strength = strengths
                    .as_ref()
                    .map_or(Strength::Mean(USUAL), |s| Strength::Logarithm(s[if s.len() == 1 { 0 } else { i }]));
                of.iter().all(|c| *c == number).then_some(([at[0], at[1], at.get(2).copied().unwrap_or(0)], strength))
            });
            spike(one, shape, &here.collect::<Vec<_>>());
        }
        let undo = ValueUndo::Lost { reason: "k_space_spike_noise replaced frequencies".to_owned() };
        Ok((volume.with_voxels(values.into())?, undo))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits::MIXED
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }

    fn fits(&self, volume: &KnownShape) -> Result<(), ApplyError> {
        let axes = volume.grid.map_or(3, |grid| grid.axes());
        let places = self.loc.list();
        if let Some(shape) = volume.grid.map(|grid| grid.shape()) {
            if let Some(place) = places.iter().find(|place| !(axes..=axes + 1).contains(&place.len())) {
                return Err(ApplyError::PlaceLength { parameter: "loc", place: place.clone(), axes });
            }
            let outside = |place: &&Vec<usize>| (1..=axes).any(|a| place[place.len() - a] >= shape[axes - a]);
            if let Some(place) = places.iter().find(outside) {
                return Err(ApplyError::Outside { parameter: "loc", place: place.clone(), shape });
            }
        }
        let beyond = |channels: &usize| places.iter().any(|place| place.len() > axes && place[0] >= *channels);
        let Some(channels) = volume.channels.filter(beyond) else { return Ok(()) };
        let problem = match axes {
            2 => "the first of three numbers of loc is a channel, counted from 0, and is too large",
            _ => "the first of four numbers of loc is a channel, counted from 0, and is too large",
        };
        Err(ApplyError::ChannelCount { channels, problem })
    }
}

/// How strong a frequency becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Strength {
    /// By its logarithm.
    Logarithm(f64),
    /// By a multiple of the mean logarithm of all strengths of the channel.
    Mean(f64),
}

/// The multiple of the mean logarithm where none is given.
pub(super) const USUAL: f64 = 2.5;

/// Sets the strength of frequencies of one channel; places are indices of the spectrum with frequency 0 in the middle.
pub(super) fn spike(one: &mut [f32], shape: [usize; 3], spikes: &[([usize; 3], Strength)]) {
    let mut waves = spectrum(one, shape);
    let mean = spikes.iter().any(|(_, s)| matches!(s, Strength::Mean(_))).then(|| mean_logarithm(&waves));
    for (at, strength) in spikes {
        // The frequency that stands there once the middle is frequency 0.
        let f = [0, 1, 2].map(|a| (at[a] + shape[a] - shifted(0, shape[a])) % shape[a]);
        let wave = &mut waves[f[0] + shape[0] * (f[1] + shape[1] * f[2])];
        let logarithm = match strength {
            Strength::Logarithm(given) => *given,
            Strength::Mean(times) => times * mean.unwrap_or(0.0),
        };
        let (re, im) = (f64::from(wave.re), f64::from(wave.im));
        let (size, there) = (libm::exp(logarithm), libm::hypot(re, im));
        let (re, im) = if there > 0.0 { (re / there, im / there) } else { (1.0, 0.0) };
        *wave = Complex32::new((size * re) as f32, (size * im) as f32);
    }
    one.copy_from_slice(&channel(waves, shape));
}

/// The mean of the logarithms of all strengths.
fn mean_logarithm(waves: &[Complex32]) -> f64 {
    let one = |w: &Complex32| libm::log(libm::hypot(f64::from(w.re), f64::from(w.im)) + 1e-10);
    waves.iter().map(one).sum::<f64>() / waves.len() as f64
}

#[cfg(test)]
mod tests {
    use revoxel_core::{Affine, Grid, Kind};

    use super::*;

    #[test]
    fn a_flat_volume_has_two_indices() {
        let grid = Grid::new([6, 5, 1], Affine::scaling([1.0, 2.0, 3.0])).unwrap();
        let values: Vec<f32> = (0..60).map(|i| (i * i % 17) as f32).collect();
        let spiked = |grid: Grid, loc: &[usize]| {
            let step = KSpaceSpikeNoise { loc: OneOrMore::One(loc.to_vec()), k_intensity: Some(OneOrMore::One(4.0)) };
            let volume = Volume::new(values.clone().into(), grid, Kind::Image, 2).unwrap();
            step.apply(volume).map(|(volume, _)| volume.voxels().clone())
        };
        let flat = grid.planar();
        let [all, second] = [[2, 3].as_slice(), &[1, 2, 3]].map(|loc| spiked(flat, loc).unwrap());
        assert_eq!(all, spiked(grid, &[2, 3, 0]).unwrap());
        assert_eq!(second, spiked(grid, &[1, 2, 3, 0]).unwrap());
        assert_ne!(all, second);
        for wrong in [[6, 0].as_slice(), &[2, 2, 3], &[0, 0, 2, 3], &[0, 5]] {
            spiked(flat, wrong).unwrap_err();
        }
        let problem = spiked(grid, &[2, 3]).unwrap_err().to_string();
        assert!(problem.contains("[2, 3]") && problem.contains("give 3 indices"), "{problem}");
    }
}
