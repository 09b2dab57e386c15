//! Histograms: of whole numbers one bin for each, of others bins of equal width, as scikit-image has them.

use revoxel_core::{Dtype, Voxel};

/// How many values lie in each bin, and the value that stands for it. Bins of whole numbers that hold nothing are left
/// out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histogram {
    /// The values, rising.
    pub(super) centres: Vec<f64>,
    /// How many there are.
    pub(super) counts: Vec<u64>,
    /// Whether the bins are whole numbers.
    pub(super) whole: bool,
}

impl Histogram {
    /// The histogram of numbers; what is none does not count. No bins where there is no number.
    pub(super) fn of<T: Voxel>(values: impl Iterator<Item = T>, bins: usize) -> Self {
        if T::DTYPE.is_integer() { Self::whole(values) } else { Self::equal(values, bins) }
    }

    fn whole<T: Voxel>(values: impl Iterator<Item = T>) -> Self {
        let mut found = Self { whole: true, ..Self::default() };
        let mut add = |value: f64, count: u64| {
            found.centres.push(value);
            found.counts.push(count);
        };
        if T::DTYPE.size() <= 2 {
            let lowest = T::DTYPE.range().0;
            let mut counts = vec![0u64; 1 << (8 * T::DTYPE.size())];
            values.for_each(|v| counts[(v.to_f64() - lowest) as usize] += 1);
            let some = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
            some.for_each(|(i, count)| add(i as f64 + lowest, count));
        } else {
            let mut sorted: Vec<f64> = values.map(|v| v.to_f64()).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            sorted.chunk_by(|a, b| a == b).for_each(|same| add(same[0], same.len() as u64));
        }
        found
    }

    /// Edges are computed in the type of the values, as numpy does: values that lie on one depend on it.
    fn equal<T: Voxel>(values: impl Iterator<Item = T>, bins: usize) -> Self {
        let numbers: Vec<f64> = values.map(|v| v.to_f64()).filter(|v| v.is_finite()).collect();
        let (low, high) = numbers.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        if numbers.is_empty() {
            return Self::default();
        }
        let (low, high) = if low == high { (low - 0.5, high + 0.5) } else { (low, high) };
        let single = T::DTYPE == Dtype::F32;
        let as_values = |x: f64| if single { f64::from(x as f32) } else { x };
        let step = as_values(as_values(high - low) / bins as f64);
        let edge = |i: usize| if i == bins { high } else { as_values(as_values(i as f64 * step) + low) };
        let edges: Vec<f64> = (0..=bins).map(edge).collect();
        let mut counts = vec![0u64; bins];
        for value in numbers {
            counts[edges[1..bins].partition_point(|edge| *edge <= value)] += 1;
        }
        let centres = edges.windows(2).map(|e| as_values(as_values(e[0] + e[1]) / 2.0)).collect();
        Self { centres, counts, whole: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_of_whole_numbers_and_of_others() {
        let t = |found: Histogram, centres: &[f64], counts: &[u64]| {
            assert_eq!((found.centres.as_slice(), found.counts.as_slice()), (centres, counts));
        };
        t(Histogram::of([3i16, -7, 3, 3].into_iter(), 9), &[-7.0, 3.0], &[1, 3]);
        t(Histogram::of([70_000i32, -7, 70_000].into_iter(), 9), &[-7.0, 70_000.0], &[1, 2]);
        t(Histogram::of([0.0f32, 1.0, 2.0, 4.0, f32::NAN].into_iter(), 2), &[1.0, 3.0], &[2, 2]);
        t(Histogram::of([2.0f64; 3].into_iter(), 2), &[1.75, 2.25], &[0, 3]);
        t(Histogram::of([f64::NAN].into_iter(), 2), &[], &[]);
    }
}
