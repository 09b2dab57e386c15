//! One axis of an interpolation: which source voxels a position reads, with which weights.

use crate::{Interpolation, Outside};

/// Positions this close to half way between two voxels count as half way.
pub(crate) const TIE: f64 = 1e-6;

/// The readable range of one source axis: lowest and highest index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) low: i64,
    pub(crate) high: i64,
}

impl Range {
    /// Whether a position lies within half a voxel of the range.
    #[inline]
    pub(crate) fn covers(&self, position: f64) -> bool {
        position >= self.low as f64 - 0.5 - TIE && position <= self.high as f64 + 0.5 + TIE
    }

    /// The position that is read for a position anywhere: mirrored about the outer faces where asked for, then
    /// clamped to the outermost centres.
    #[inline]
    pub(crate) fn place(&self, position: f64, outside: Outside) -> f64 {
        let (low, high) = (self.low as f64, self.high as f64);
        let position = match outside {
            Outside::Reflection => {
                let length = high - low + 1.0;
                let phase = (position - low + 0.5).rem_euclid(2.0 * length);
                low - 0.5 + if phase > length { 2.0 * length - phase } else { phase }
            }
            Outside::Border | Outside::Fill => position,
        };
        position.clamp(low, high)
    }

    /// The closest index to a position; half way belongs to the upper voxel, or to the lower with `down`.
    #[inline]
    pub(crate) fn nearest(&self, position: f64, down: bool) -> i64 {
        let index = if down { (position - 0.5 - TIE).ceil() } else { (position + 0.5 + TIE).floor() };
        (index as i64).clamp(self.low, self.high)
    }

    /// The lower of the two voxels around a placed position, and the weight of the upper one.
    #[inline]
    pub(crate) fn linear(&self, placed: f64) -> (i64, f64) {
        let index = (placed.floor() as i64).clamp(self.low, (self.high - 1).max(self.low));
        (index, placed - index as f64)
    }

    /// An index mirrored about the outermost centres into the range.
    pub(crate) fn mirror(&self, index: i64) -> i64 {
        let last = self.high - self.low;
        if last == 0 {
            return self.low;
        }
        let phase = (index - self.low).rem_euclid(2 * last);
        self.low + if phase > last { 2 * last - phase } else { phase }
    }
}

/// The weights of the four cubic B-splines around a position, `fraction` beyond the second.
#[inline]
pub(crate) fn cubic_weights(fraction: f64) -> [f64; 4] {
    let t = fraction;
    let s = 1.0 - t;
    [
        s * s * s / 6.0,
        (4.0 - 6.0 * t * t + 3.0 * t * t * t) / 6.0,
        (4.0 - 6.0 * s * s + 3.0 * s * s * s) / 6.0,
        t * t * t / 6.0,
    ]
}

/// Taps of every position along one target axis: `width` source indices and weights each.
pub(crate) struct Taps {
    pub(crate) width: usize,
    pub(crate) indices: Vec<usize>,
    pub(crate) weights: Vec<f64>,
}

impl Taps {
    /// Taps of the positions `scale * v + shift` for target indices `v` in `targets`.
    pub(crate) fn new(
        interpolation: Interpolation,
        range: Range,
        outside: Outside,
        (scale, shift): (f64, f64),
        targets: std::ops::Range<i64>,
    ) -> Self {
        let width = if interpolation == Interpolation::Cubic { 4 } else { 2 };
        let count = usize::try_from(targets.end - targets.start).unwrap_or(0);
        let mut taps = Self { width, indices: Vec::with_capacity(count * width), weights: Vec::new() };
        for v in targets {
            let placed = range.place(scale * v as f64 + shift, outside);
            if width == 2 {
                let (index, weight) = range.linear(placed);
                taps.indices.extend([index as usize, (index + 1).min(range.high) as usize]);
                taps.weights.extend([1.0 - weight, weight]);
            } else {
                let floor = placed.floor();
                for (k, weight) in cubic_weights(placed - floor).into_iter().enumerate() {
                    taps.indices.push(range.mirror(floor as i64 + k as i64 - 1) as usize);
                    taps.weights.push(weight);
                }
            }
        }
        taps
    }

    /// The lowest and highest source index that is read.
    pub(crate) fn span(&self) -> std::ops::Range<usize> {
        let low = self.indices.iter().copied().min().unwrap_or(0);
        let high = self.indices.iter().copied().max().map_or(0, |h| h + 1);
        low..high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_placed_in_range() {
        let range = Range { low: 2, high: 5 };
        let t = |p: f64, outside| range.place(p, outside);
        assert_eq!([t(1.0, Outside::Border), t(9.0, Outside::Fill), t(3.3, Outside::Border)], [2.0, 5.0, 3.3]);
        assert!((t(1.0, Outside::Reflection) - 2.0).abs() < 1e-12, "1.0 mirrors to 2.0 about 1.5");
        assert!((t(6.7, Outside::Reflection) - 4.3).abs() < 1e-12, "6.7 mirrors to 4.3 about 5.5");
        assert!(range.covers(1.5) && range.covers(5.5) && !range.covers(1.49) && !range.covers(5.51));
    }

    #[test]
    fn ties_go_up_or_down() {
        let range = Range { low: 0, high: 9 };
        assert_eq!([range.nearest(2.5, false), range.nearest(2.5, true)], [3, 2]);
        assert_eq!([range.nearest(2.499_999_9, false), range.nearest(2.500_000_1, true)], [3, 2]);
        assert_eq!([range.nearest(2.4, false), range.nearest(2.6, true)], [2, 3]);
        assert_eq!([range.nearest(-7.0, false), range.nearest(70.0, true)], [0, 9]);
    }

    #[test]
    fn mirrored_indices() {
        let range = Range { low: 1, high: 4 };
        assert_eq!([-1, 0, 1, 4, 5, 6, 7].map(|i| range.mirror(i)), [3, 2, 1, 4, 3, 2, 1]);
        assert_eq!(Range { low: 3, high: 3 }.mirror(9), 3);
    }

    #[test]
    fn cubic_weights_sum_to_one_and_are_symmetric() {
        for t in [0.0, 0.1, 0.5, 0.93] {
            let w = cubic_weights(t);
            assert!((w.iter().sum::<f64>() - 1.0).abs() < 1e-15);
            let mut back = cubic_weights(1.0 - t);
            back.reverse();
            assert!(w.iter().zip(back).all(|(a, b)| (a - b).abs() < 1e-15));
        }
    }
}
