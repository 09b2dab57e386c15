//! How many voxels two label maps share, label by label.

use std::collections::BTreeMap;

use rayon::prelude::*;
use revoxel_core::{Volume, Voxels, dispatch};

use crate::whole::LabelValue;

/// Voxels of one label: of the first map, of the second, of both at the same place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overlap {
    /// Voxels of the first map.
    pub a: u64,
    /// Voxels of the second map.
    pub b: u64,
    /// Voxels of both.
    pub both: u64,
}

impl Overlap {
    /// The Dice coefficient: twice the voxels of both over the voxels of each. 0 where only one map has the label.
    pub fn dice(self) -> f64 {
        2.0 * self.both as f64 / (self.a + self.b) as f64
    }

    /// The voxels of two parts of a map.
    pub fn and(self, other: Self) -> Self {
        Self { a: self.a + other.a, b: self.b + other.b, both: self.both + other.both }
    }
}

/// The labels of two maps but 0, each with its voxels.
pub(super) type Overlaps = BTreeMap<i128, Overlap>;

/// Why voxels were not counted by label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Uncounted {
    /// A value is no label.
    NotWhole,
    /// There are more labels than asked for.
    TooMany,
}

/// Counts one channel of two volumes of one shape, up to a number of labels.
pub(super) fn overlaps(a: &Volume, b: &Volume, channel: usize, most: usize) -> Result<Overlaps, Uncounted> {
    const BLOCK: usize = 1 << 12;
    let size = a.grid().voxel_count();
    let count = |mut found: Overlaps, block: usize| {
        let range = channel * size + block * BLOCK..channel * size + ((block + 1) * BLOCK).min(size);
        let (p, q) = (labels(a.voxels(), range.clone())?, labels(b.voxels(), range)?);
        let mut pairs = p.into_iter().zip(q).peekable();
        // Runs of one pair are counted at once.
        while let Some(pair) = pairs.next() {
            let mut length = 1;
            while pairs.next_if_eq(&pair).is_some() {
                length += 1;
            }
            let (x, y) = pair;
            if x != 0 {
                found.entry(x).or_default().a += length;
            }
            if y != 0 {
                found.entry(y).or_default().b += length;
            }
            if x != 0 && x == y {
                found.entry(x).or_default().both += length;
            }
            if found.len() > most {
                return Err(Uncounted::TooMany);
            }
        }
        Ok(found)
    };
    let merged = |mut all: Overlaps, more: Overlaps| {
        for (label, overlap) in more {
            let known = all.entry(label).or_default();
            *known = known.and(overlap);
        }
        if all.len() > most { Err(Uncounted::TooMany) } else { Ok(all) }
    };
    let blocks = (0..size.div_ceil(BLOCK)).into_par_iter();
    blocks.try_fold(Overlaps::new, count).try_reduce(Overlaps::new, merged)
}

fn labels(voxels: &Voxels, range: std::ops::Range<usize>) -> Result<Vec<i128>, Uncounted> {
    let found: Option<Vec<i128>> = dispatch!(voxels, v => v[range].iter().map(|x| x.label()).collect());
    found.ok_or(Uncounted::NotWhole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Grid, Kind};

    fn map(voxels: impl Into<Voxels>, channels: usize) -> Volume {
        let voxels = voxels.into();
        let grid = Grid::without_geometry([voxels.len() / channels, 1, 1]).unwrap();
        Volume::new(voxels, grid, Kind::Label, channels).unwrap()
    }

    #[test]
    fn labels_are_counted_by_channel_and_without_rounding() {
        let (a, b) = (map(vec![0u8, 1, 1, 2, 5, 5, 0, 0], 2), map(vec![0i16, 1, 3, 2, 5, 0, 0, -7], 2));
        let t = |channel, expected: &[(i128, [u64; 3])]| {
            let found = overlaps(&a, &b, channel, 9).unwrap();
            let rows: Vec<_> = found.into_iter().map(|(l, Overlap { a, b, both })| (l, [a, b, both])).collect();
            assert_eq!(rows, expected);
        };
        t(0, &[(1, [2, 1, 1]), (2, [1, 1, 1]), (3, [0, 1, 0])]);
        t(1, &[(-7, [0, 1, 0]), (5, [2, 1, 1])]);
        let big = 1i64 << 53;
        let found = overlaps(&map(vec![big + 1, big], 1), &map(vec![big, big], 1), 0, 9).unwrap();
        assert_eq!(found[&i128::from(big)], Overlap { a: 1, b: 2, both: 1 });
        assert_eq!(found[&i128::from(big + 1)].dice(), 0.0);
    }

    #[test]
    fn what_is_no_label_map_is_not_counted() {
        let (near, half) = (map(vec![0.99996f32, 2.0], 1), map(vec![1.0f32, 0.5], 1));
        assert_eq!(overlaps(&near, &map(vec![1u8, 2], 1), 0, 9).unwrap()[&1].dice(), 1.0);
        assert_eq!(overlaps(&near, &half, 0, 9), Err(Uncounted::NotWhole));
        let many: Vec<i32> = (0..20_000).collect();
        let many = map(many, 1);
        assert_eq!(overlaps(&many, &many, 0, 256), Err(Uncounted::TooMany));
        assert_eq!(overlaps(&many, &many, 0, usize::MAX).unwrap().len(), 19_999);
    }
}
