//! Boxes that are drawn as shares of a volume.

use revoxel_core::IndexBox;
use serde::Serialize;

use crate::random::Draws;
use revoxel_transforms::definition::Invalid;
use revoxel_transforms::params::IntVector;

/// How many boxes are asked for, and how large.
#[derive(Clone, Copy, Debug)]
pub(super) struct HoleParams<'a> {
    /// How many, or the fewest with `max_holes`.
    pub(super) holes: u32,
    /// The most.
    pub(super) max_holes: Option<u32>,
    /// Voxels by axis, or the fewest with `max_spatial_size`; below 1 is the whole axis.
    pub(super) spatial_size: &'a IntVector,
    /// The most voxels by axis.
    pub(super) max_spatial_size: Option<&'a IntVector>,
}

/// A box in shares, 0 to below 1: of the range of sizes, and of the room that a box of that size has.
#[derive(Clone, Copy, Debug, Serialize)]
struct Hole {
    size: [f64; 3],
    place: [f64; 3],
}

/// Boxes in shares, and the range of their sizes.
#[derive(Clone, Debug)]
pub(super) struct Holes {
    sizes: [[i64; 2]; 3],
    list: Vec<Hole>,
}

impl HoleParams<'_> {
    /// Refuses numbers and sizes that no box has.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        const MOST: u32 = 1000;
        if !(1..=MOST).contains(&self.holes) {
            return Err(Invalid::new("holes", format!("{} must be 1 to {MOST}", self.holes)));
        }
        if let Some(most) = self.max_holes.filter(|most| !(self.holes..=MOST).contains(most)) {
            return Err(Invalid::new("max_holes", format!("{most} must be {} (holes) to {MOST}", self.holes)));
        }
        self.spatial_size.by_axis("spatial_size")?;
        let Some(most) = self.max_spatial_size else { return Ok(()) };
        most.by_axis("max_spatial_size")?;
        let (least, most) = (self.spatial_size.repeated(), most.repeated());
        match (0..3).find(|a| most[*a] > 0 && (least[*a] < 1 || least[*a] > most[*a])) {
            Some(axis) => {
                let problem = format!("{} along axis {axis} is less than spatial_size", most[axis]);
                Err(Invalid::new("max_spatial_size", problem))
            }
            None => Ok(()),
        }
    }

    /// Draws boxes; sizes only where there is a choice.
    pub(super) fn draw(&self, draws: &mut Draws) -> Holes {
        let count = self.holes + draws.below(self.max_holes.unwrap_or(self.holes) - self.holes + 1);
        let varies = self.max_spatial_size.is_some();
        let mut shares = |vary: bool| [0; 3].map(|_| if vary { draws.fraction() } else { 0.0 });
        let list = (0..count).map(|_| Hole { size: shares(varies), place: shares(true) }).collect();
        let (least, most) = (self.spatial_size, self.max_spatial_size.unwrap_or(self.spatial_size));
        Holes { sizes: [0, 1, 2].map(|a| [least.repeated()[a], most.repeated()[a]]), list }
    }
}

impl Holes {
    /// The drawn shares, for the trace.
    pub(super) fn shown(&self) -> serde_json::Value {
        serde_json::to_value(&self.list).unwrap_or_default()
    }

    /// The boxes of a volume of `shape`.
    pub(super) fn boxes(&self, shape: [usize; 3]) -> Vec<IndexBox> {
        let one = |hole: &Hole| {
            let size = [0, 1, 2].map(|a| {
                let [least, most] = self.sizes[a].map(|n| if n < 1 { shape[a] } else { n as usize });
                (least + part(hole.size[a], most.max(least) - least + 1)).min(shape[a])
            });
            let start = [0, 1, 2].map(|a| part(hole.place[a], shape[a] - size[a] + 1) as i64);
            IndexBox { start, shape: size }
        };
        self.list.iter().map(one).collect()
    }
}

/// The index of the part, of `count` equal ones, that a share from 0 to 1 lies in.
pub(super) fn part(share: f64, count: usize) -> usize {
    ((share * count as f64) as usize).min(count.saturating_sub(1))
}

/// The positions in a channel of the voxels of a box, axis 0 fastest.
pub(super) fn positions(of: &IndexBox, shape: [usize; 3]) -> impl Iterator<Item = usize> {
    let (start, size) = (of.start.map(|s| s as usize), of.shape);
    (0..size[2]).flat_map(move |k| {
        (0..size[1]).flat_map(move |j| {
            let row = start[0] + shape[0] * (start[1] + j + shape[1] * (start[2] + k));
            row..row + size[0]
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_transforms::params::Numbers;

    #[test]
    fn boxes_lie_inside_and_reach_every_place() {
        let shape = [9, 6, 4];
        let (least, most) = (Numbers(vec![2, -1, 3]), Numbers(vec![5, -1, 30]));
        let asked = HoleParams { holes: 2, max_holes: Some(4), spatial_size: &least, max_spatial_size: Some(&most) };
        assert!(asked.check().is_ok());
        let (mut counts, mut sizes, mut starts) = ([0; 5], [0; 10], [0; 9]);
        for case in 0..2000 {
            let boxes = asked.draw(&mut Draws::new(3, &case.to_string(), 0)).boxes(shape);
            counts[boxes.len()] += 1;
            for IndexBox { start, shape: size } in boxes {
                assert!((0..3).all(|a| start[a] >= 0 && start[a] as usize + size[a] <= shape[a]));
                assert!(size[1] == 6 && (3..=4).contains(&size[2]));
                sizes[size[0]] += 1;
                if size[0] == 2 {
                    starts[start[0] as usize] += 1;
                }
            }
        }
        // About 667, 1500 and 188 are expected; five standard deviations.
        let near = |found: &[i32], expected: f64| {
            assert!(found.iter().all(|n| (f64::from(*n) - expected).abs() < 5.0 * expected.sqrt()), "{found:?}");
        };
        near(&counts[2..5], 2000.0 / 3.0);
        near(&sizes[2..6], 1500.0);
        near(&starts[..8], 1500.0 / 8.0);
        assert_eq!((counts[..2].iter().sum::<i32>(), sizes[..2].iter().sum::<i32>(), starts[8]), (0, 0, 0));
    }

    #[test]
    fn positions_of_a_box() {
        let of = IndexBox { start: [1, 0, 1], shape: [2, 2, 1] };
        assert_eq!(positions(&of, [4, 3, 2]).collect::<Vec<_>>(), [13, 14, 17, 18]);
    }
}
