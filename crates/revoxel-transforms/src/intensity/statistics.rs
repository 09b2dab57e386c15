//! Ranges, means and deviations of the finite values. Sums run over fixed blocks, so that the number of threads does not
//! change them.

use revoxel_core::{Volume, Voxel, dispatch, parallel};

/// Values per block.
const BLOCK: usize = 1 << 16;

/// Whether a value counts in statistics.
#[inline(always)]
pub fn finite<T: Voxel>(value: T) -> bool {
    T::DTYPE.is_integer() || value.to_f64().is_finite()
}

/// A statistic of all values, or of each channel by itself.
pub trait Statistic<R> {
    /// The statistic of some values.
    fn of<T: Voxel>(&self, values: &[T]) -> R;
}

/// The statistic of all channels together, or of each.
pub fn by_group<R>(volume: &Volume, channel_wise: bool, statistic: impl Statistic<R>) -> Vec<R> {
    let size = volume.voxels().len() / if channel_wise { volume.channels() } else { 1 };
    dispatch!(volume.voxels(), v => v.chunks(size).map(|group| statistic.of(group)).collect())
}

/// The smallest and the largest finite value; `None` where there is none.
#[derive(Clone, Copy, Debug)]
pub struct Range;

/// Mean and standard deviation.
#[derive(Clone, Copy, Debug)]
pub struct Moments<F> {
    /// Which finite values count.
    pub counts: F,
    /// What is taken from the number of values in the variance: 0, or 1 for the estimate from a sample.
    pub ddof: usize,
}

impl Statistic<Option<[f64; 2]>> for Range {
    fn of<T: Voxel>(&self, values: &[T]) -> Option<[f64; 2]> {
        let blocks = parallel::map(values.chunks(BLOCK), |block| {
            let mut numbers = block.iter().copied().filter(|v| finite(*v));
            let first = numbers.next()?;
            Some(numbers.fold((first, first), |(low, high), v| {
                (if v < low { v } else { low }, if v > high { v } else { high })
            }))
        });
        let blocks = blocks.into_iter().flatten();
        let ends = blocks.reduce(|a, b| (if b.0 < a.0 { b.0 } else { a.0 }, if b.1 > a.1 { b.1 } else { a.1 }));
        ends.map(|(low, high)| [low.to_f64(), high.to_f64()])
    }
}

/// Mean, deviation and number of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanDeviation {
    /// Mean; 0 where no value counts.
    pub mean: f64,
    /// Standard deviation; 0 where no value counts.
    pub deviation: f64,
    /// Values that count.
    pub count: usize,
}

impl<F: Fn(usize, f64) -> bool + Sync> Statistic<MeanDeviation> for Moments<F> {
    fn of<T: Voxel>(&self, values: &[T]) -> MeanDeviation {
        let sum = |f: &(dyn Fn(f64) -> f64 + Sync)| {
            let blocks: Vec<(f64, usize)> = parallel::map(values.chunks(BLOCK).enumerate(), |(number, block)| {
                let counted = block.iter().enumerate().map(|(i, v)| (number * BLOCK + i, v.to_f64()));
                let counted = counted.filter(|(i, v)| v.is_finite() && (self.counts)(*i, *v));
                counted.fold((0.0, 0), |(sum, count), (_, v)| (sum + f(v), count + 1))
            });
            blocks.into_iter().fold((0.0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
        };
        let (total, count) = sum(&|v| v);
        if count == 0 {
            return MeanDeviation { mean: 0.0, deviation: 0.0, count };
        }
        let mean = total / count as f64;
        let (squares, _) = sum(&|v| (v - mean) * (v - mean));
        let deviation = (squares / count.saturating_sub(self.ddof).max(1) as f64).sqrt();
        MeanDeviation { mean, deviation, count }
    }
}
