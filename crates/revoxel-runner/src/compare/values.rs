//! How the values of two volumes differ, voxel by voxel, without rounding them.

use std::ops::Range;

use revoxel_core::{Dtype, Volume, Voxel, Voxels, dispatch, parallel};

use crate::spot::Spot;
use crate::whole::{LabelValue, exact};

/// How far two values may lie apart and still agree: |a − b| ≤ `absolute` + `relative` · |b|.
///
/// Where one of the values is not finite, only equal ones agree; NaN equals NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Within {
    /// The same for all values.
    pub absolute: f64,
    /// As a share of the value of the second volume.
    pub relative: f64,
}

/// How the values of two volumes of one shape differ.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueDifference {
    /// Voxels (of all channels) with different values. NaN equals NaN.
    pub different: u64,
    /// Those of them whose difference is more than allowed.
    pub beyond: u64,
    /// Those of them in which one value is NaN or infinite.
    pub not_finite: u64,
    /// Voxels compared.
    pub voxels: u64,
    /// The largest absolute difference; infinite where one value is not finite.
    pub largest: f64,
    /// The mean absolute difference; infinite where one value is not finite.
    pub mean: f64,
    /// The first voxel that differs by more than allowed.
    pub first: Option<FirstDifference>,
}

/// A voxel with different values.
#[derive(Clone, Debug, PartialEq)]
pub struct FirstDifference {
    /// Where it is, in the first volume.
    pub spot: Spot,
    /// The value of the first volume, in full.
    pub a: String,
    /// The value of the second volume, in full.
    pub b: String,
}

/// Compares the values of two volumes of one shape and as many channels.
pub(super) fn differences(a: &Volume, b: &Volume, within: Within) -> ValueDifference {
    const BLOCK: usize = 1 << 16;
    let (p, q) = (a.voxels(), b.voxels());
    let voxels = p.len().min(q.len());
    // Sums over fixed blocks: the same for any number of threads.
    let block = |number: usize| {
        let range = number * BLOCK..((number + 1) * BLOCK).min(voxels);
        compare_block(p, q, range, within)
    };
    let blocks = parallel::map(0..voxels.div_ceil(BLOCK), block);
    let all = blocks.into_iter().fold(Tally::default(), Tally::and);
    let first = all.first.map(|at| FirstDifference { spot: Spot::at(a, at), a: exact(p, at), b: exact(q, at) });
    let mean = all.sum / voxels.max(1) as f64;
    ValueDifference {
        different: all.different,
        beyond: all.beyond,
        not_finite: all.not_finite,
        voxels: voxels as u64,
        largest: all.largest,
        mean,
        first,
    }
}

#[derive(Clone, Copy, Default)]
struct Tally {
    different: u64,
    beyond: u64,
    not_finite: u64,
    largest: f64,
    sum: f64,
    first: Option<usize>,
}

impl Tally {
    fn and(self, next: Self) -> Self {
        Self {
            different: self.different + next.different,
            beyond: self.beyond + next.beyond,
            not_finite: self.not_finite + next.not_finite,
            largest: self.largest.max(next.largest),
            sum: self.sum + next.sum,
            first: self.first.or(next.first),
        }
    }

    fn add(&mut self, position: usize, found: Option<Apart>) {
        let Some(Apart { by, beyond }) = found else { return };
        self.different += 1;
        self.not_finite += u64::from(!by.is_finite());
        self.largest = self.largest.max(by);
        self.sum += by;
        if beyond {
            self.beyond += 1;
            self.first = self.first.or(Some(position));
        }
    }
}

/// Two values that are not equal.
struct Apart {
    by: f64,
    beyond: bool,
}

/// Values in a type that holds them exactly.
enum Numbers {
    Real(Vec<f64>),
    Whole(Vec<i128>),
}

/// f64 holds every value of every type but the 64-bit integers, which are compared as integers.
const fn wide(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::I64 | Dtype::U64)
}

fn numbers(voxels: &Voxels, range: Range<usize>, whole: bool) -> Numbers {
    if whole && voxels.dtype().is_integer() {
        let values = dispatch!(voxels, v => v[range].iter().map(|x| x.label().unwrap_or_default()).collect());
        return Numbers::Whole(values);
    }
    Numbers::Real(dispatch!(voxels, v => v[range].iter().map(|x| x.to_f64()).collect()))
}

fn compare_block(a: &Voxels, b: &Voxels, range: Range<usize>, within: Within) -> Tally {
    let mut tally = Tally::default();
    if a.dtype() == b.dtype() {
        let bytes = range.start * a.dtype().size()..range.end * a.dtype().size();
        if a.bytes()[bytes.clone()] == b.bytes()[bytes] {
            return tally;
        }
    }
    let whole = wide(a.dtype()) || wide(b.dtype());
    let start = range.start;
    match (numbers(a, range.clone(), whole), numbers(b, range, whole)) {
        (Numbers::Real(p), Numbers::Real(q)) => {
            p.iter().zip(&q).enumerate().for_each(|(i, (x, y))| tally.add(start + i, reals(*x, *y, within.of(*y))));
        }
        (Numbers::Whole(p), Numbers::Whole(q)) => {
            let pairs = p.iter().zip(&q).enumerate();
            pairs.for_each(|(i, (x, y))| tally.add(start + i, wholes(*x, *y, within.of(*y as f64))));
        }
        (Numbers::Whole(p), Numbers::Real(q)) => {
            p.iter().zip(&q).enumerate().for_each(|(i, (x, y))| tally.add(start + i, mixed(*x, *y, within.of(*y))));
        }
        (Numbers::Real(p), Numbers::Whole(q)) => {
            let pairs = p.iter().zip(&q).enumerate();
            pairs.for_each(|(i, (x, y))| tally.add(start + i, mixed(*y, *x, within.of(*y as f64))));
        }
    }
    tally
}

impl Within {
    /// The largest difference that is allowed beside a value of the second volume.
    fn of(self, b: f64) -> f64 {
        // A relative part of 0 is nothing, also of infinity.
        if self.relative == 0.0 { self.absolute } else { self.absolute + self.relative * b.abs() }
    }
}

fn reals(x: f64, y: f64, allowed: f64) -> Option<Apart> {
    if x == y || (x.is_nan() && y.is_nan()) {
        return None;
    }
    let by = (x - y).abs();
    Some(if by.is_finite() { Apart { by, beyond: by > allowed } } else { Apart { by: f64::INFINITY, beyond: true } })
}

fn wholes(x: i128, y: i128, allowed: f64) -> Option<Apart> {
    let by = x.abs_diff(y);
    // The cast rounds down and saturates: exact for a difference that is whole.
    (by != 0).then_some(Apart { by: by as f64, beyond: by > allowed as u128 })
}

/// An integer of 64 bits and a number of floating point.
fn mixed(x: i128, y: f64, allowed: f64) -> Option<Apart> {
    const LARGE: f64 = (1u128 << 100) as f64;
    if y.fract() == 0.0 && y.abs() < LARGE {
        return wholes(x, y as i128, allowed);
    }
    if y.abs() < LARGE {
        let by = ((x - y.trunc() as i128) as f64 - y.fract()).abs();
        return Some(Apart { by, beyond: by > allowed });
    }
    reals(x as f64, y, allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Grid, Kind};

    fn found(a: impl Into<Voxels>, b: impl Into<Voxels>, within: Within) -> ValueDifference {
        let (a, b) = (a.into(), b.into());
        let grid = Grid::without_geometry([a.len(), 1, 1]).unwrap();
        let make = |voxels| Volume::new(voxels, grid, Kind::Image, 1).unwrap();
        differences(&make(a), &make(b), within)
    }

    #[test]
    fn no_type_is_rounded() {
        fn t(a: impl Into<Voxels>, b: impl Into<Voxels>, largest: f64) {
            let found = found(a, b, Within::default());
            assert_eq!((found.different, found.largest), (u64::from(largest != 0.0), largest));
            assert_eq!(found.first.is_some(), largest != 0.0);
        }
        let big = 1i64 << 53;
        t(vec![7, big + 1], vec![7, big], 1.0);
        t(vec![7, big + 1], vec![7, big as u64 + 1], 0.0);
        t(vec![7, big + 1], vec![7, big as u64], 1.0);
        t(vec![big + 1], vec![big as f64], 1.0);
        t(vec![big as f64], vec![big as u64 + 1], 1.0);
        t(vec![big], vec![big as f64], 0.0);
        t(vec![u64::MAX], vec![u64::MAX - 1], 1.0);
        t(vec![u64::MAX], vec![u64::MAX as f64], 1.0);
        t(vec![i64::MIN], vec![u64::MAX], (1u128 << 64) as f64 + i64::MAX as f64);
        t(vec![-1i64], vec![-0.5f32], 0.5);
        t(vec![16_777_217i32], vec![16_777_216f32], 1.0);
        t(vec![0.1f32], vec![0.1f64], (f64::from(0.1f32) - 0.1).abs());
        t(vec![65_535u16], vec![-1i16], 65_536.0);
        t(vec![-0.0f32], vec![0u8], 0.0);
    }

    #[test]
    fn nan_equals_nan_and_nothing_else() {
        let nan = f32::NAN;
        let other_nan = f32::from_bits(nan.to_bits() ^ 1);
        let a = vec![nan, nan, 1.0, f32::INFINITY, f32::INFINITY, 5.0];
        let b = vec![other_nan, 1.0, nan, f32::INFINITY, f32::NEG_INFINITY, 5.0];
        let all = Within { absolute: 1e30, relative: 1e30 };
        for within in [Within::default(), all] {
            let d = found(a.clone(), b.clone(), within);
            assert_eq!((d.different, d.beyond, d.not_finite), (3, 3, 3));
            assert!(d.largest == f64::INFINITY && d.mean == f64::INFINITY);
            let first = d.first.unwrap();
            assert_eq!((first.spot.index, &*first.a, &*first.b), ([1, 0, 0], "NaN", "1"));
        }
        assert_eq!(found(vec![1i64], vec![f64::INFINITY], all).beyond, 1);
    }

    #[test]
    fn a_tolerance_is_of_the_second_and_exact() {
        fn t(a: impl Into<Voxels>, b: impl Into<Voxels>, absolute: f64, relative: f64, beyond: u64) {
            assert_eq!(found(a, b, Within { absolute, relative }).beyond, beyond);
        }
        t(vec![1i16, 5], vec![2i16, 5], 1.0, 0.0, 0);
        t(vec![1i16, 5], vec![2i16, 5], 0.5, 0.0, 1);
        t(vec![110.0f32], vec![100.0f32], 0.0, 0.1, 0);
        t(vec![100.0f32], vec![111.5f32], 0.0, 0.1, 1);
        t(vec![111.5f32], vec![100.0f32], 1.6, 0.1, 0);
        let big = 1i64 << 53;
        t(vec![0i64], vec![big + 1], big as f64, 0.0, 1);
        t(vec![0i64], vec![big], big as f64, 0.0, 0);
        t(vec![-(big + 1)], vec![0.0f64], big as f64, 0.0, 1);
        t(vec![2i64], vec![4.5f64], 2.5, 0.0, 0);
        t(vec![2i64], vec![4.5f64], 2.4, 0.0, 1);
    }
}
