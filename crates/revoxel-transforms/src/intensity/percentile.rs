//! Percentiles by counting digits: each value is a whole number in the order of the values, and its digits, 16 bits
//! at a time, are counted in parallel. Exact, in a few passes, without sorting; counts do not depend on threads.

use std::collections::BTreeMap;

use revoxel_core::{Dtype, Voxel, parallel};

use super::statistics::{Statistic, finite};
use crate::error::Invalid;

/// Percentiles, linear between the closest ranks as numpy's default. `None` where no value is finite.
#[derive(Clone, Debug)]
pub(super) struct Percentiles<'a>(
    /// From 0 to 100.
    pub(super) &'a [f64],
);

impl Statistic<Option<Vec<f64>>> for Percentiles<'_> {
    fn of<T: Voxel>(&self, values: &[T]) -> Option<Vec<f64>> {
        percentiles(values, self.0)
    }
}

/// Refuses percentiles that are none, or in the wrong order.
pub(super) fn check_percentiles(lower: Option<f64>, upper: Option<f64>) -> Result<(), Invalid> {
    for (field, percent) in [("lower", lower), ("upper", upper)] {
        if let Some(p) = percent
            && !(0.0..=100.0).contains(&p)
        {
            return Err(Invalid::new(field, format!("{p} is not a percentile: give 0 to 100")));
        }
    }
    match (lower, upper) {
        (Some(low), Some(high)) if low >= high => {
            Err(Invalid::new("lower", format!("{low} is not below upper, {high}")))
        }
        _ => Ok(()),
    }
}

/// The percentiles of the finite values.
pub(super) fn percentiles<T: Voxel>(values: &[T], percent: &[f64]) -> Option<Vec<f64>> {
    let not_finite = |values: &[T]| values.iter().filter(|v| !finite(**v)).count();
    let blocks = || parallel::map(values.chunks(1 << 16), not_finite).into_iter();
    let missing: usize = if T::DTYPE.is_integer() { 0 } else { blocks().sum() };
    let last = (values.len() - missing).checked_sub(1)?;
    let place = |q: &f64| q / 100.0 * last as f64;
    let ranks: Vec<usize> =
        percent.iter().flat_map(|q| [place(q).floor() as usize, (place(q).floor() as usize + 1).min(last)]).collect();
    let found = order_statistics(values, &ranks);
    let at = |rank: usize| found.get(&rank).copied().unwrap_or(f64::NAN);
    let between = |q: &f64| {
        let (low, part) = (place(q).floor(), place(q).fract());
        let (a, b) = (at(low as usize), at((low as usize + 1).min(last)));
        if part < 0.5 { a + (b - a) * part } else { b - (b - a) * (1.0 - part) }
    };
    Some(percent.iter().map(between).collect())
}

/// The values of these ranks (from 0) in the order of the values.
fn order_statistics<T: Voxel>(values: &[T], ranks: &[usize]) -> BTreeMap<usize, f64> {
    let width = T::DTYPE.size() as u32 * 8;
    let digit_bits = width.min(16);
    // What is known of the key of each rank, and the rank among the values that begin like it.
    let mut open: BTreeMap<usize, (u64, usize)> = ranks.iter().map(|rank| (*rank, (0, *rank))).collect();
    let mut rest = width;
    while rest > 0 {
        rest -= digit_bits;
        let mut prefixes: Vec<u64> = open.values().map(|(prefix, _)| *prefix).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        let counts = digits(values, &prefixes, digit_bits, rest);
        for (prefix, rank) in open.values_mut() {
            let Ok(at) = prefixes.binary_search(prefix) else { continue };
            let mut digit = 0;
            for count in &counts[at << digit_bits..(at + 1) << digit_bits] {
                if *rank < *count as usize {
                    break;
                }
                *rank -= *count as usize;
                digit += 1;
            }
            *prefix = (*prefix << digit_bits) | digit;
        }
    }
    open.into_iter().map(|(rank, (key, _))| (rank, value::<T>(key))).collect()
}

/// How often each digit follows each of the prefixes; `rest` bits follow the digit.
fn digits<T: Voxel>(values: &[T], prefixes: &[u64], bits: u32, rest: u32) -> Vec<u64> {
    let (size, mask) = (prefixes.len() << bits, (1u64 << bits) - 1);
    let block = values.len().div_ceil(parallel::threads()).max(1 << 16);
    let count = |block: &[T]| {
        let mut counts = vec![0u64; size];
        for value in block {
            let Some(key) = key(*value) else { continue };
            let head = key >> rest;
            // The first digit has nothing before it.
            let prefix = head.checked_shr(bits).unwrap_or(0);
            if let Ok(at) = prefixes.binary_search(&prefix) {
                counts[(at << bits) | (head & mask) as usize] += 1;
            }
        }
        counts
    };
    let add = |mut a: Vec<u64>, b: Vec<u64>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    parallel::map(values.chunks(block), count).into_iter().reduce(add).unwrap_or_else(|| vec![0; size])
}

/// A whole number in the order of the values, in as many bits as they have; `None` for what is not finite. Whole
/// numbers of 64 bits go by their nearest f64, which is what they are answered as.
#[inline(always)]
fn key<T: Voxel>(value: T) -> Option<u64> {
    let ordered = |bits: u64, sign: u64| if bits & sign == 0 { bits | sign } else { !bits & (sign | (sign - 1)) };
    match T::DTYPE {
        Dtype::U8 | Dtype::U16 | Dtype::U32 => Some(value.to_f64() as u64),
        Dtype::I8 | Dtype::I16 | Dtype::I32 => Some((value.to_f64() - T::DTYPE.range().0) as u64),
        Dtype::F32 => finite(value).then(|| ordered(u64::from(value.to_f32().to_bits()), 1 << 31)),
        Dtype::U64 | Dtype::I64 | Dtype::F64 => finite(value).then(|| ordered(value.to_f64().to_bits(), 1 << 63)),
    }
}

/// The value of a key.
fn value<T: Voxel>(key: u64) -> f64 {
    let bits = |key: u64, sign: u64| if key & sign == 0 { !key } else { key ^ sign };
    match T::DTYPE {
        Dtype::U8 | Dtype::U16 | Dtype::U32 => key as f64,
        Dtype::I8 | Dtype::I16 | Dtype::I32 => key as f64 + T::DTYPE.range().0,
        Dtype::F32 => f64::from(f32::from_bits(bits(key, 1 << 31) as u32)),
        Dtype::U64 | Dtype::I64 | Dtype::F64 => f64::from_bits(bits(key, 1 << 63)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t<T: Voxel>(values: &[T]) {
        let percent = [0.0, 0.5, 1.0, 10.0, 33.3, 50.0, 75.0, 99.5, 100.0];
        let mut sorted: Vec<f64> = values.iter().map(|v| v.to_f64()).filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let expected = percent.map(|q| {
            let place = q / 100.0 * (sorted.len() - 1) as f64;
            let (low, part) = (place.floor() as usize, place.fract());
            sorted[low] * (1.0 - part) + sorted[(low + 1).min(sorted.len() - 1)] * part
        });
        let found = percentiles(values, &percent).unwrap();
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{found:?}, expected {expected:?}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let draws: Vec<i64> = (0..5000i64).map(|i| (i * i * 7919 + i * 104_729) % 60_013 - 30_000).collect();
        t(&draws.iter().map(|d| *d as u8).collect::<Vec<_>>());
        t(&draws.iter().map(|d| *d as i8).collect::<Vec<_>>());
        t(&draws.iter().map(|d| *d as u16).collect::<Vec<_>>());
        t(&draws.iter().map(|d| *d as i16).collect::<Vec<_>>());
        t(&draws.iter().map(|d| (d + 30_000) as u32 * 70_000).collect::<Vec<_>>());
        t(&draws.iter().map(|d| *d as i32 * 60_000).collect::<Vec<_>>());
        t(&draws.iter().map(|d| *d * 1_000_003).collect::<Vec<_>>());
        t(&draws.iter().map(|d| (d + 30_000) as u64).collect::<Vec<_>>());
        let mut floats: Vec<f32> = draws.iter().map(|d| *d as f32 / 7.0).collect();
        floats.extend([f32::NAN, -0.0, 1e30, -1e30, f32::INFINITY, f32::NEG_INFINITY]);
        t(&floats);
        t(&draws.iter().map(|d| *d as f64 * 1e-7).collect::<Vec<_>>());
        t(&[3.5f32]);
        assert_eq!(percentiles(&[f32::NAN, f32::INFINITY], &[50.0]), None);
    }
}
