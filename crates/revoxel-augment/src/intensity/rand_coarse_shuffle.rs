//! The transform `rand_coarse_shuffle`.

use rayon::slice::ParallelSliceMut;
use revoxel_core::{ValueUndo, Volume, dispatch, parallel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::holes::{HoleParams, Holes, positions};
use crate::random::{Drawn, Draws, Noise, RandomTransform, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::IntVector;
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{ApplyError, Transform, ValueTraits, ValueTransform};

/// Shuffles the voxels inside boxes at random.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Draws `holes` boxes (or `holes` to
/// `max_holes`) of `spatial_size` voxels (or of sizes up to `max_spatial_size`) anywhere in the volume and shuffles the
/// values of each box, channel by channel. Boxes larger than the volume get its size. The voxel type stays. The order
/// depends on the positions of the voxels, so it is the same at any number of threads.
///
/// # YAML
/// ```yaml
/// rand_coarse_shuffle: { prob: 0.3, holes: 4, spatial_size: [8, 8, 4] }
/// ```
///
/// # Inverse
/// The places of the values are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandCoarseShuffle {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Number of boxes; with `max_holes` the smallest number.
    holes: u32,
    /// Voxels of a box, by axis or for all axes; below 1 is the whole axis. With `max_spatial_size` the smallest size.
    spatial_size: IntVector,
    /// Largest number of boxes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_holes: Option<u32>,
    /// Largest size of a box; each box has its own size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_spatial_size: Option<IntVector>,
}

impl RandCoarseShuffle {
    fn asked(&self) -> HoleParams<'_> {
        HoleParams {
            holes: self.holes,
            max_holes: self.max_holes,
            spatial_size: &self.spatial_size,
            max_spatial_size: self.max_spatial_size.as_ref(),
        }
    }
}

impl Define for RandCoarseShuffle {
    const NAME: &'static str = "rand_coarse_shuffle";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("RandCoarseShuffled")
        .same(&["prob", "holes", "spatial_size", "max_holes", "max_spatial_size"])
        .notes("With `max_spatial_size` it makes no box smaller than the one before it.")];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.asked().check()
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandCoarseShuffle {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let holes = self.asked().draw(draws);
        let values = json!({ "holes": holes.shown() });
        Drawn::value(Shuffled { holes, noise: draws.noise() }, values)
    }
}

/// What was drawn.
#[derive(Debug)]
struct Shuffled {
    holes: Holes,
    noise: Noise,
}

impl ValueTransform for Shuffled {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (shape, count) = (volume.grid().shape(), volume.grid().voxel_count());
        let voxels = dispatch!(volume.voxels(), v => {
            let mut values = v.to_vec();
            for (number, place) in self.holes.boxes(shape).iter().enumerate() {
                let places: Vec<usize> = positions(place, shape).collect();
                for (channel, one) in values.chunks_mut(count).enumerate() {
                    let order = self.order(&places, number, channel * count);
                    let taken: Vec<_> = order.into_iter().map(|i| one[i]).collect();
                    places.iter().zip(taken).for_each(|(i, value)| one[*i] = value);
                }
            }
            values.into()
        });
        Ok((volume.with_voxels(voxels)?, ValueUndo::Lost { reason: "rand_coarse_shuffle moved values".to_owned() }))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits { mixes_voxels: true, ..ValueTraits::default() }
    }
}

impl Shuffled {
    /// The positions of box `number` in the order of the noise at them, for the channel that starts at `first`.
    fn order(&self, places: &[usize], number: usize, first: usize) -> Vec<usize> {
        let noise = self.noise.stream(number as u64);
        let key = |i: usize| (noise.uniform((first + i) as u64, 0.0, 1.0), i);
        let mut keyed: Vec<(f64, usize)> = parallel::map_values(places, key);
        keyed.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        keyed.into_iter().map(|(_, i)| i).collect()
    }
}

#[cfg(test)]
mod tests {
    use revoxel_core::{Dtype, Grid, Kind};

    use super::*;

    #[test]
    fn values_stay_in_their_box_and_every_place_is_as_likely() {
        let (shape, count) = ([12, 9, 7], 12 * 9 * 7);
        let values: Vec<i16> = (0..2 * count as i16).collect();
        let grid = Grid::without_geometry(shape).unwrap();
        let volume = Volume::new(values.into(), grid, Kind::Image, 2).unwrap();
        let asked: RandCoarseShuffle =
            serde_json::from_value(json!({ "holes": 1, "spatial_size": [5, 4, 3] })).unwrap();
        // Where the first value of the box goes, of 60 places.
        let (mut went, mut differing) = ([0; 60], 0);
        for case in 0..3000 {
            let mut draws = Draws::new(4, &case.to_string(), 0);
            let shuffled = Shuffled { holes: asked.asked().draw(&mut draws), noise: draws.noise() };
            let places: Vec<usize> = positions(&shuffled.holes.boxes(shape)[0], shape).collect();
            let (result, undo) = shuffled.apply(volume.clone()).unwrap();
            assert_eq!((result.dtype(), matches!(undo, ValueUndo::Lost { .. })), (Dtype::I16, true));
            let at = |i: usize| result.voxels().get(i) as usize;
            let orders = [0, count].map(|first| {
                let outside = (0..count).filter(|i| !places.contains(i));
                assert!(outside.into_iter().all(|i| at(first + i) == first + i));
                let mut order: Vec<usize> = places.iter().map(|i| at(first + i) - first).collect();
                let found = order.clone();
                order.sort_unstable();
                assert_eq!(order, places, "a permutation of what was there");
                found
            });
            differing += usize::from(orders[0] != orders[1]);
            went[orders[0].iter().position(|i| *i == places[0]).unwrap()] += 1;
        }
        assert_eq!(differing, 3000, "each channel has an order of its own");
        // 50 expected; a chi squared with 59 degrees of freedom has the mean 59 and the deviation 10.9.
        let chi: f64 = went.iter().map(|n| (f64::from(*n) - 50.0).powi(2) / 50.0).sum();
        assert!((25.0..105.0).contains(&chi), "{chi}: {went:?}");
    }
}
