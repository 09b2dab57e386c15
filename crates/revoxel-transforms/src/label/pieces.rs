//! Connected pieces of labels, and which of them two maps share: lesions that were found, missed and made up.

use std::collections::BTreeMap;

use revoxel_core::{Volume, dispatch};

use super::components::{Components, Join};
use super::runs::Runs;

/// The pieces of a label in two maps. A piece is found in the other map if one voxel of it has the label there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    /// Pieces in the first map.
    pub a: usize,
    /// Those of them that the second map has, too.
    pub a_found: usize,
    /// Pieces in the second map.
    pub b: usize,
    /// Those of them that the first map has, too.
    pub b_found: usize,
}

/// The pieces of every label but 0 of one channel, in two maps of one shape. Voxels that touch by faces, edges or corners
/// are one piece. Labels beyond 2⁵³ are not told apart.
pub fn pieces(a: &Volume, b: &Volume, channel: usize) -> BTreeMap<i64, Pieces> {
    let [runs_a, runs_b] = [a, b].map(|volume| runs(volume, channel));
    let [of_a, of_b] = [&runs_a, &runs_b].map(|runs| Components::of(runs, 3, Join::Equal));
    let (mut found_a, mut found_b) = (vec![false; of_a.sizes.len()], vec![false; of_b.sizes.len()]);
    for line in 0..runs_a.lines.len().saturating_sub(1) {
        let (mut at, mut other) = (runs_a.lines[line], runs_b.lines[line]);
        let (end, other_end) = (runs_a.lines[line + 1], runs_b.lines[line + 1]);
        while at < end && other < other_end {
            let (p, q) = (&runs_a.runs[at], &runs_b.runs[other]);
            if p.start < q.end && q.start < p.end && p.label == q.label {
                found_a[of_a.of_run[at] as usize] = true;
                found_b[of_b.of_run[other] as usize] = true;
            }
            if p.end <= q.end { at += 1 } else { other += 1 }
        }
    }
    let mut all: BTreeMap<i64, Pieces> = BTreeMap::new();
    for (label, found) in of_a.labels.iter().zip(found_a) {
        let pieces = all.entry(*label as i64).or_default();
        (pieces.a, pieces.a_found) = (pieces.a + 1, pieces.a_found + usize::from(found));
    }
    for (label, found) in of_b.labels.iter().zip(found_b) {
        let pieces = all.entry(*label as i64).or_default();
        (pieces.b, pieces.b_found) = (pieces.b + 1, pieces.b_found + usize::from(found));
    }
    all
}

fn runs(volume: &Volume, channel: usize) -> Runs {
    let size = volume.grid().voxel_count();
    let shape = volume.grid().shape();
    dispatch!(volume.voxels(), v => Runs::of(&v[channel * size..][..size], shape, |label| label != 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Grid, Kind};

    #[test]
    fn pieces_are_found_where_one_voxel_is_shared() {
        let map = |voxels: Vec<u8>| {
            Volume::new(voxels.into(), Grid::without_geometry([6, 2, 2]).unwrap(), Kind::Label, 1).unwrap()
        };
        #[rustfmt::skip]
        let a = map(vec![
            1, 0, 1, 1, 0, 2,   0, 0, 0, 0, 0, 2,
            0, 1, 0, 0, 0, 0,   0, 0, 0, 0, 0, 0,
        ]);
        #[rustfmt::skip]
        let b = map(vec![
            0, 0, 0, 1, 0, 0,   0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 3,   1, 0, 0, 0, 2, 0,
        ]);
        let found = pieces(&a, &b, 0);
        // Corners join all voxels of label 1 in the first map.
        assert_eq!(found[&1], Pieces { a: 1, a_found: 1, b: 2, b_found: 1 });
        assert_eq!(found[&2], Pieces { a: 1, a_found: 0, b: 1, b_found: 0 });
        assert_eq!(found[&3], Pieces { a: 0, a_found: 0, b: 1, b_found: 0 });
        assert_eq!(pieces(&a, &a, 0)[&1], Pieces { a: 1, a_found: 1, b: 1, b_found: 1 });
    }
}
