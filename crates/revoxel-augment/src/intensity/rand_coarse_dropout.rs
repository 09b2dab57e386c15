//! The transform `rand_coarse_dropout`.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::holes::{HoleParams, Holes, positions};
use super::map::map_at;
use super::statistics::{Range, by_group};
use crate::random::{Drawn, Draws, Noise, OneOrTwo, RandomTransform, Span, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{IntVector, yes};
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{ApplyError, Transform, ValueTransform};

/// Fills boxes at random, or everything around them.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step and all channels get the same boxes. Draws `holes` boxes (or
/// `holes` to `max_holes`) of `spatial_size` voxels (or of sizes up to `max_spatial_size`) anywhere in the volume and
/// fills them; the result is float32. With `dropout_holes: false` the boxes stay and the rest is filled. `fill_value`
/// is a number, or a range from which each voxel gets a number; the default is the range of the volume. Boxes larger
/// than the volume get its size.
///
/// # YAML
/// ```yaml
/// rand_coarse_dropout: { prob: 0.3, holes: 4, spatial_size: 16, fill_value: 0 }
/// ```
/// ```yaml
/// rand_coarse_dropout: { prob: 0.3, holes: 1, max_holes: 5, spatial_size: [8, 8, 1], max_spatial_size: [32, 32, 4] }
/// ```
///
/// # Inverse
/// The values that were overwritten are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandCoarseDropout {
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
    /// Fill the boxes; if false, everything but the boxes.
    #[serde(default = "yes")]
    dropout_holes: bool,
    /// Fill: a number, or lowest and highest of a number drawn for each voxel. Default: the range of the volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fill_value: Option<OneOrTwo<f64>>,
}

impl RandCoarseDropout {
    fn asked(&self) -> HoleParams<'_> {
        HoleParams {
            holes: self.holes,
            max_holes: self.max_holes,
            spatial_size: &self.spatial_size,
            max_spatial_size: self.max_spatial_size.as_ref(),
        }
    }
}

impl Define for RandCoarseDropout {
    const NAME: &'static str = "rand_coarse_dropout";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("RandCoarseDropoutd")
        .same(&["prob", "holes", "spatial_size", "dropout_holes", "fill_value", "max_holes", "max_spatial_size"])
        .notes("It keeps the voxel type, and with `max_spatial_size` makes no box smaller than the one before it.")];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.asked().check()?;
        self.fill_value.map_or(Ok(()), |fill| Span(fill.ends(0.0)).check("fill_value", -1e30, 1e30))
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandCoarseDropout {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let holes = self.asked().draw(draws);
        let values = json!({ "holes": holes.shown() });
        let Self { dropout_holes, fill_value, .. } = *self;
        Drawn::value(Dropped { holes, dropout_holes, fill_value, noise: draws.noise() }, values)
    }
}

/// What was drawn.
#[derive(Debug)]
struct Dropped {
    holes: Holes,
    dropout_holes: bool,
    fill_value: Option<OneOrTwo<f64>>,
    noise: Noise,
}

impl ValueTransform for Dropped {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (shape, count) = (volume.grid().shape(), volume.grid().voxel_count());
        let mut filled = vec![!self.dropout_holes; count];
        for one in self.holes.boxes(shape) {
            positions(&one, shape).for_each(|i| filled[i] = self.dropout_holes);
        }
        let [low, high] = match self.fill_value {
            Some(OneOrTwo::One(value)) => [value; 2],
            Some(OneOrTwo::Two(ends)) => ends,
            None => by_group(&volume, false, Range)[0].unwrap_or([0.0; 2]),
        };
        let fill = |position: usize| if low == high { low } else { self.noise.uniform(position as u64, low, high) };
        let result = map_at(volume, |position, _, x| if filled[position % count] { fill(position) } else { x })?;
        Ok((result, ValueUndo::Lost { reason: "rand_coarse_dropout filled voxels".to_owned() }))
    }
}

#[cfg(test)]
mod tests {
    use revoxel_core::{Grid, Kind};
    use serde_json::Value;

    use super::*;

    fn dropped(params: Value, volume: &Volume) -> Vec<f64> {
        let dropout: RandCoarseDropout = serde_json::from_value(params).unwrap();
        let mut draws = Draws::new(1, "case", 0);
        let holes = dropout.asked().draw(&mut draws);
        let RandCoarseDropout { dropout_holes, fill_value, .. } = dropout;
        let dropped = Dropped { holes, dropout_holes, fill_value, noise: draws.noise() };
        let (result, _) = dropped.apply(volume.clone()).unwrap();
        (0..result.voxels().len()).map(|i| result.voxels().get(i)).collect()
    }

    #[test]
    fn voxels_are_filled_with_numbers_of_the_range() {
        let shape = [30, 20, 10];
        let grid = Grid::without_geometry(shape).unwrap();
        let values: Vec<i16> = (0..12_000).map(|i| (i % 301) - 100).collect();
        let volume = Volume::new(values.into(), grid, Kind::Image, 2).unwrap();
        let before: Vec<f64> = (0..12_000).map(|i| volume.voxels().get(i)).collect();
        let boxed = json!({ "holes": 1, "spatial_size": [25, 15, -1] });
        let within = |params: Value, low: f64, high: f64| {
            let after = dropped(params, &volume);
            let changed: Vec<f64> = (0..12_000).filter(|i| after[*i] != before[*i]).map(|i| after[i]).collect();
            assert!(changed.iter().all(|v| (low..=high).contains(v)));
            let n = changed.len() as f64;
            let mean = changed.iter().sum::<f64>() / n;
            // Standard error: range / √12 / √n.
            assert!((mean - (low + high) / 2.0).abs() <= 4.0 * (high - low) / 12f64.sqrt() / n.sqrt(), "{mean}");
            changed.len()
        };
        // All of 25 · 15 · 10 voxels in two channels; as noise between -100 and 200, hardly one is what it was.
        assert!((7480..=7500).contains(&within(boxed.clone(), -100.0, 200.0)));
        let with = |name: &str, value: Value| {
            let mut params = boxed.clone();
            params[name] = value;
            params
        };
        assert_eq!(within(with("fill_value", json!([500, 900])), 500.0, 900.0), 7500);
        assert_eq!(within(with("fill_value", json!(777)), 777.0, 777.0), 7500);
        let mut around = with("fill_value", json!([500, 900]));
        around["dropout_holes"] = false.into();
        assert_eq!(within(around, 500.0, 900.0), 4500);
    }
}
