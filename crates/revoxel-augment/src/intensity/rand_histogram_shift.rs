//! The transform `rand_histogram_shift`.

use revoxel_core::{ValueUndo, Volume};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::map::map;
use super::statistics::{Range, by_group};
use crate::random::{Drawn, Draws, OneOrTwo, RandomTransform, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{ApplyError, Transform, ValueTransform};

/// Bends the scale of intensities at random.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step and all channels get the same draw. Maps the values piece by
/// piece along straight lines; the result is float32. Control points divide the range of the volume into equal parts.
/// Each point but the outermost two moves to a place drawn between the new place of the point before it and the place
/// of the next one. The smallest and the largest value stay. The drawn places are shares of the range. A constant
/// volume stays as it is.
///
/// # YAML
/// ```yaml
/// rand_histogram_shift: { prob: 0.2, num_control_points: 8 }
/// ```
/// ```yaml
/// rand_histogram_shift: { prob: 0.2, num_control_points: [5, 10] }
/// ```
///
/// # Inverse
/// The inverse lines.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandHistogramShift {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Number of control points, 3 or more, the outermost two included: one number, or lowest and highest. Fewer points
    /// make larger changes.
    #[serde(default = "ten")]
    num_control_points: OneOrTwo<u32>,
}

const fn ten() -> OneOrTwo<u32> {
    OneOrTwo::One(10)
}

impl RandHistogramShift {
    /// The smallest and the largest number of points.
    fn counts(&self) -> [u32; 2] {
        let [a, b] = match self.num_control_points {
            OneOrTwo::One(n) => [n, n],
            OneOrTwo::Two(ends) => ends,
        };
        [a.min(b), a.max(b)]
    }
}

impl Define for RandHistogramShift {
    const NAME: &'static str = "rand_histogram_shift";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] =
        &[Peer::imported("RandHistogramShiftd").same(&["prob", "num_control_points"]).notes(
            "It rounds the points of whole-number volumes to whole numbers and so spoils them; with float \
             volumes it is the same.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        match self.counts().into_iter().find(|n| !(3..=1000).contains(n)) {
            Some(n) => Err(Invalid::new("num_control_points", format!("{n} must be 3 to 1000"))),
            None => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandHistogramShift {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let [least, most] = self.counts();
        let last = (least + draws.below(most - least + 1) - 1) as usize;
        let even = |i: usize| i as f64 / last as f64;
        let mut places: Vec<f64> = (0..=last).map(even).collect();
        for i in 1..last {
            places[i] = draws.uniform(places[i - 1], places[i + 1]);
        }
        let values = json!({ "control_points": places });
        Drawn::value(Bent { places }, values)
    }
}

/// What was drawn: where the evenly spaced points go, as shares of the range.
#[derive(Debug)]
struct Bent {
    places: Vec<f64>,
}

impl ValueTransform for Bent {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let [low, high] = by_group(&volume, false, Range)[0].unwrap_or([0.0; 2]);
        let (range, pieces) = (high - low, self.places.len() - 1);
        if range == 0.0 {
            return Ok((map(volume, |_, x| x)?, ValueUndo::nothing()));
        }
        let bend = |x: f64| {
            let share = (x - low) / range * pieces as f64;
            let piece = (share as usize).min(pieces - 1);
            let [from, to] = [self.places[piece], self.places[piece + 1]];
            low + range * (from + (to - from) * (share - piece as f64))
        };
        let undo = if self.places.windows(2).all(|p| p[0] < p[1]) {
            let point = |(i, place): (usize, &f64)| [low + range * place, low + range * (i as f64 / pieces as f64)];
            ValueUndo::Table { points: vec![self.places.iter().enumerate().map(point).collect()] }
        } else {
            ValueUndo::Lost { reason: "rand_histogram_shift took two points to one place".to_owned() }
        };
        Ok((map(volume, |_, x| bend(x))?, undo))
    }
}
