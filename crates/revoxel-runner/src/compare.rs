//! How two volumes differ: in place and in values.

use std::collections::BTreeMap;

use rayon::prelude::*;
use revoxel_core::{Relation, Volume, Voxel, dispatch};

/// How two volumes differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// How their grids relate.
    pub relation: Relation,
    /// How their values differ, voxel by voxel; `None` where the shapes or channels differ.
    pub values: Option<ValueDifference>,
}

/// How the values of two volumes of one shape differ.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueDifference {
    /// Voxels (of all channels) with different values. NaN equals NaN.
    pub different: u64,
    /// Voxels compared.
    pub voxels: u64,
    /// The largest absolute difference.
    pub largest: f64,
    /// The mean absolute difference.
    pub mean: f64,
    /// Dice coefficient of each label but 0 that one of them has; empty where they are not label maps.
    pub dice: BTreeMap<i64, f64>,
}

/// Label maps have at most so many labels; what has more is an image.
const MOST_LABELS: usize = 256;

/// Compares two volumes.
pub fn compare(a: &Volume, b: &Volume) -> Comparison {
    let relation = Relation::between(a.grid(), b.grid());
    let comparable = a.grid().shape() == b.grid().shape() && a.channels() == b.channels();
    Comparison { relation, values: comparable.then(|| differences(a, b)) }
}

fn differences(a: &Volume, b: &Volume) -> ValueDifference {
    let numbers = |v: &Volume| -> Vec<f64> { dispatch!(v.voxels(), v => v.par_iter().map(|x| x.to_f64()).collect()) };
    let (p, q) = (numbers(a), numbers(b));
    // Sums over fixed blocks: the same for any number of threads.
    let blocks: Vec<(u64, f64, f64)> = p
        .par_chunks(1 << 16)
        .zip(q.par_chunks(1 << 16))
        .map(|(p, q)| {
            p.iter().zip(q).fold((0, 0.0f64, 0.0), |(different, largest, sum), (x, y)| {
                let same = x == y || (x.is_nan() && y.is_nan());
                let d = if same { 0.0 } else { (x - y).abs() };
                (different + u64::from(!same), largest.max(if d.is_nan() { f64::INFINITY } else { d }), sum + d)
            })
        })
        .collect();
    let (different, largest, sum) =
        blocks.into_iter().fold((0, 0.0f64, 0.0), |a, b| (a.0 + b.0, a.1.max(b.1), a.2 + b.2));
    ValueDifference { different, voxels: p.len() as u64, largest, mean: sum / p.len() as f64, dice: dice(&p, &q) }
}

/// Dice coefficients by label: twice what they share over what both have.
pub fn dice(a: &[f64], b: &[f64]) -> BTreeMap<i64, f64> {
    let mut counts: BTreeMap<i64, [u64; 3]> = BTreeMap::new();
    for (x, y) in a.iter().zip(b) {
        if x.fract() != 0.0 || y.fract() != 0.0 || !x.is_finite() || !y.is_finite() {
            return BTreeMap::new();
        }
        if *x != 0.0 {
            counts.entry(*x as i64).or_default()[0] += 1;
        }
        if *y != 0.0 {
            counts.entry(*y as i64).or_default()[1] += 1;
        }
        if *x != 0.0 && x == y {
            counts.entry(*x as i64).or_default()[2] += 1;
        }
        if counts.len() > MOST_LABELS {
            return BTreeMap::new();
        }
    }
    counts.into_iter().map(|(label, [a, b, both])| (label, 2.0 * both as f64 / (a + b) as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Grid, Kind};

    #[test]
    fn labels_and_values_are_compared() {
        let grid = Grid::without_geometry([4, 1, 1]).unwrap();
        let make = |v: Vec<f32>| Volume::new(v.into(), grid, Kind::Label, 1).unwrap();
        let values = compare(&make(vec![0., 1., 1., 2.]), &make(vec![0., 1., 3., 2.])).values.unwrap();
        assert_eq!((values.different, values.largest, values.mean), (1, 2.0, 0.5));
        assert_eq!(values.dice, [(1, 2.0 / 3.0), (2, 1.0), (3, 0.0)].into());
        let values =
            compare(&make(vec![0.5, f32::NAN, 1., 2.]), &make(vec![0.5, f32::NAN, f32::NAN, 2.])).values.unwrap();
        assert_eq!((values.different, values.largest, values.dice.len()), (1, f64::INFINITY, 0));
        let other =
            Volume::new(vec![0u8; 3].into(), Grid::without_geometry([3, 1, 1]).unwrap(), Kind::Label, 1).unwrap();
        assert!(compare(&make(vec![0.; 4]), &other).values.is_none());
    }
}
