//! One axis of an interpolation: which source voxels a position reads, with which weights.

use revoxel_core::TieIndex;

use crate::{Outside, Ties};

/// The largest rounding error of a position, in voxels.
pub(crate) const TIE: f64 = 1e-6;

/// Positions this close to halfway between two voxels count as halfway: affines in files are float32, whose rounding
/// moves the far end of a long axis by a ten-thousandth of a voxel.
pub(crate) const HALF: f64 = 3e-4;

/// The readable range of one source axis: lowest and highest index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) low: i64,
    pub(crate) high: i64,
    /// This many of them on each side only continue the volume.
    pub(crate) beyond: i64,
}

impl Range {
    /// Where the volume begins and ends: half a voxel beyond the centres of its own voxels.
    #[inline]
    pub(crate) fn faces(&self) -> (f64, f64) {
        ((self.low + self.beyond) as f64 - 0.5, (self.high - self.beyond) as f64 + 0.5)
    }

    /// Whether a position lies between the faces of the volume.
    #[inline]
    pub(crate) fn covers(&self, position: f64) -> bool {
        let (low, high) = self.faces();
        position >= low - TIE && position <= high + TIE
    }

    /// Maps any position to the position that is read: mirrored about the outer faces if requested, then clamped to
    /// the outermost centres.
    #[inline]
    pub(crate) fn place(&self, position: f64, outside: Outside) -> f64 {
        let (low, high) = (self.low as f64, self.high as f64);
        let position = match outside {
            Outside::Reflection => {
                let (first, last) = self.faces();
                let length = last - first;
                let phase = (position - first).rem_euclid(2.0 * length);
                first + if phase > length { 2.0 * length - phase } else { phase }
            }
            Outside::Border if self.beyond > 0 => {
                let (first, last) = self.faces();
                position.clamp(first, last)
            }
            Outside::Border | Outside::Fill => position,
        };
        position.clamp(low, high)
    }

    /// The closest index to a position; halfway between two, the rule decides.
    #[inline]
    pub(crate) fn nearest(&self, position: f64, tie: Tie) -> i64 {
        let upper = position + 0.5;
        let between = upper.round();
        let index = if (upper - between).abs() <= HALF {
            between as i64 - i64::from(!tie.upper(between as i64 - 1))
        } else {
            upper.floor() as i64
        };
        index.clamp(self.low, self.high)
    }

    /// The closest indices for `targets` that fill the range from face to face; `None` if they do not. Halfway between
    /// two, rounding decides as for positions n/m·(i + ½) − ½ in double precision, as in nnU-Net.
    pub(crate) fn closest(self, (scale, shift): (f64, f64), targets: std::ops::Range<i64>) -> Option<Vec<i64>> {
        let count = usize::try_from(targets.end - targets.start).ok()?;
        let step = (self.high - self.low + 1) as f64 / count as f64;
        let place = |number: usize| step * (number as f64 + 0.5) - 0.5;
        let meets = |number: usize| {
            let position = scale * (targets.start + number as i64) as f64 + shift;
            (place(number) - (position - self.low as f64)).abs() < TIE
        };
        if count == 0 || !meets(0) || !meets(count - 1) {
            return None;
        }
        let index = |number| (self.low + (place(number) + 0.5).floor() as i64).clamp(self.low, self.high);
        Some((0..count).map(index).collect())
    }

    /// A placed position; if it lies halfway between two voxels, it is shifted slightly towards the closest one.
    #[inline]
    pub(crate) fn leaning(&self, placed: f64, tie: Option<Tie>) -> f64 {
        let (Some(tie), lower) = (tie, placed.floor()) else { return placed };
        if (placed - lower - 0.5).abs() > HALF {
            return placed;
        }
        lower + 0.5 + if tie.upper(lower as i64) { LEAN } else { -LEAN }
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

/// The rule for positions halfway between two voxels of a source axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tie {
    index: TieIndex,
    /// The bit of the lower index that decides; `None` always takes the upper voxel.
    bit: Option<u32>,
}

impl Tie {
    /// The rule for an axis along which positions lie `scale` source voxels apart.
    pub(crate) fn new(rule: Ties, index: TieIndex, scale: f64) -> Self {
        let bit = (rule == Ties::Alternate).then(|| {
            // Ties lie as far apart as the numerator of the scale says: the bit that changes from one to the next.
            let whole = (1..=MOST).map(f64::from).find(|q| {
                let p = scale.abs() * q;
                p > 0.5 && (p - p.round()).abs() < TIE * q
            });
            whole.map_or(0, |q| ((scale.abs() * q).round() as u64).trailing_zeros())
        });
        Self { index, bit }
    }

    /// The rule that always takes the upper voxel of the source.
    pub(crate) const UP: Self = Self { index: TieIndex { flipped: false, offset: 0 }, bit: None };

    /// Whether the axis has the opposite direction in the sampled volume.
    pub(crate) const fn flipped(&self) -> bool {
        self.index.flipped
    }

    /// Whether the upper one of the source voxels `lower` and `lower + 1` is taken.
    #[inline]
    pub(crate) fn upper(&self, lower: i64) -> bool {
        let (a, b) = (self.index.of(lower), self.index.of(lower + 1));
        self.bit.is_none_or(|bit| a.min(b) >> bit & 1 == 1) != self.index.flipped
    }
}

/// How far a position halfway is shifted, in voxels: enough to matter in single precision.
const LEAN: f64 = 4e-6;

/// Neither of the two voxels is preferred.
pub(crate) const NO_CLOSEST: u8 = 2;

/// The largest denominator of a ratio of voxel sizes for which ties are computed.
const MOST: u32 = 16;

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

/// How positions along one source axis are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Along {
    Nearest(Tie),
    /// Labels on both sides are weighed; the rule says which voxel is closest, `None` that neither is preferred.
    Label(Option<Tie>),
    /// With a rule, positions halfway are shifted towards the closest voxel.
    Linear(Option<Tie>),
    Cubic,
}

/// Taps of every position along one target axis: `width` source indices and weights each.
pub(crate) struct Taps {
    pub(crate) width: usize,
    pub(crate) indices: Vec<usize>,
    pub(crate) weights: Vec<f64>,
    /// First index of each position before mirroring it into the range; only rows that are read in place need it.
    starts: Vec<i64>,
    /// Labels: which of the two indices is closest, 0 or 1, or [`NO_CLOSEST`].
    pub(crate) closest: Vec<u8>,
    range: Range,
}

impl Taps {
    /// Taps of these indices.
    pub(crate) fn of_indices(range: Range, indices: &[i64]) -> Self {
        let count = indices.len();
        let (read, weights, closest) = (Vec::with_capacity(2 * count), Vec::new(), Vec::new());
        let mut taps = Self { width: 2, indices: read, weights, starts: Vec::with_capacity(count), closest, range };
        indices.iter().for_each(|index| taps.nearest(*index));
        taps
    }

    fn nearest(&mut self, index: i64) {
        let lower = index.min((self.range.high - 1).max(self.range.low));
        self.pair((lower, (index - lower) as f64));
        self.closest.push((index - lower) as u8);
    }

    /// Taps of the positions `scale * v + shift` for target indices `v` in `targets`.
    pub(crate) fn new(
        along: Along,
        range: Range,
        outside: Outside,
        (scale, shift): (f64, f64),
        targets: std::ops::Range<i64>,
    ) -> Self {
        let width = if along == Along::Cubic { 4 } else { 2 };
        let count = usize::try_from(targets.end - targets.start).unwrap_or(0);
        let indices = Vec::with_capacity(count * width);
        let (weights, closest) = (Vec::new(), Vec::new());
        let mut taps = Self { width, indices, weights, starts: Vec::with_capacity(count), closest, range };
        for v in targets {
            let position = scale * v as f64 + shift;
            let placed = range.place(position, outside);
            match along {
                Along::Linear(tie) => taps.pair(range.linear(range.leaning(placed, tie))),
                Along::Label(tie) => {
                    let (index, weight) = range.linear(placed);
                    taps.pair((index, weight));
                    let upper = tie.map(|tie| u8::from(range.nearest(placed, tie) > index));
                    taps.closest.push(upper.unwrap_or(NO_CLOSEST));
                }
                Along::Nearest(tie) => {
                    let position = if outside == Outside::Reflection { placed } else { position };
                    taps.nearest(range.nearest(position, tie));
                }
                Along::Cubic => {
                    let floor = placed.floor();
                    taps.starts.push(floor as i64 - 1);
                    for (k, weight) in cubic_weights(placed - floor).into_iter().enumerate() {
                        taps.indices.push(range.mirror(floor as i64 + k as i64 - 1) as usize);
                        taps.weights.push(weight);
                    }
                }
            }
        }
        taps
    }

    fn pair(&mut self, (index, weight): (i64, f64)) {
        self.starts.push(index);
        self.indices.extend([index as usize, (index + 1).min(self.range.high) as usize]);
        self.weights.extend([1.0 - weight, weight]);
    }

    /// Number of positions.
    pub(crate) const fn len(&self) -> usize {
        self.starts.len()
    }

    /// Indices and weights of one position.
    #[inline(always)]
    pub(crate) fn at(&self, position: usize) -> (&[usize], &[f64]) {
        let range = position * self.width..(position + 1) * self.width;
        (&self.indices[range.clone()], &self.weights[range])
    }

    /// The lowest and highest source index that is read.
    pub(crate) fn span(&self) -> std::ops::Range<usize> {
        self.span_of(0..self.len())
    }

    /// The lowest and highest source index that these positions read.
    pub(crate) fn span_of(&self, positions: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let indices = &self.indices[positions.start * self.width..positions.end * self.width];
        let low = indices.iter().copied().min().unwrap_or(0);
        let high = indices.iter().copied().max().map_or(0, |h| h + 1);
        low..high
    }
}

/// The taps of axis 0 for reading rows in place: each position reads `width` neighbouring values of a row, which is
/// continued beyond the range if a tap needs it.
pub(crate) struct Line {
    pub(crate) width: usize,
    /// Length of the continued row.
    pub(crate) length: usize,
    /// Where the row's own values start in the continued row.
    pub(crate) offset: usize,
    /// Source indices of the row's own values.
    pub(crate) span: std::ops::Range<usize>,
    /// First value of each position, in the continued row.
    pub(crate) starts: Vec<u32>,
    pub(crate) single: Vec<f32>,
    pub(crate) double: Vec<f64>,
    /// Pairs (to, from) of indices in the continued row: the values that continue it.
    mirrored: Vec<(usize, usize)>,
    /// Neighbouring positions that read the same values: their start, the first of them, their number (at most
    /// [`RUN`]).
    pub(crate) runs: Vec<(u32, u32, u32)>,
    /// The weights by tap, continued by [`RUN`] zeros.
    pub(crate) by_tap: [Vec<f32>; 4],
}

/// The longest run of a [`Line`].
pub(crate) const RUN: usize = 8;

impl Line {
    pub(crate) fn new(taps: &Taps) -> Self {
        let (span, width) = (taps.span(), taps.width);
        let base = taps.starts.iter().copied().min().unwrap_or(0).min(span.start as i64);
        let end = taps.starts.iter().map(|s| s + width as i64).max().unwrap_or(0).max(span.end as i64);
        let inner = span.start as i64..span.end as i64;
        let outer = (base..end).filter(|i| !inner.contains(i));
        // What a mirrored index outside the span stands for has no weight (a tap beyond a range of one voxel).
        let source = |i: i64| taps.range.mirror(i).clamp(inner.start, inner.end - 1);
        let mirrored = outer.map(|i| ((i - base) as usize, (source(i) - base) as usize)).collect();
        let starts: Vec<u32> = taps.starts.iter().map(|s| (s - base) as u32).collect();
        let mut runs: Vec<(u32, u32, u32)> = Vec::new();
        for (x, start) in starts.iter().enumerate() {
            match runs.last_mut() {
                Some((same, _, count)) if same == start && *count < RUN as u32 => *count += 1,
                _ => runs.push((*start, x as u32, 1)),
            }
        }
        let by_tap = [0, 1, 2, 3].map(|k| {
            let own = taps.weights.iter().skip(k).step_by(width).map(|w| *w as f32);
            own.chain(std::iter::repeat_n(0.0, RUN)).collect()
        });
        Self {
            width,
            length: (end - base) as usize,
            offset: (inner.start - base) as usize,
            runs,
            by_tap,
            starts,
            single: taps.weights.iter().map(|w| *w as f32).collect(),
            double: taps.weights.clone(),
            span,
            mirrored,
        }
    }

    /// Continues a row beyond its own values.
    #[inline(always)]
    pub(crate) fn continue_row<R: Copy>(&self, row: &mut [R]) {
        for (to, from) in &self.mirrored {
            row[*to] = row[*from];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_placed_in_range() {
        let range = Range { low: 2, high: 5, beyond: 0 };
        let t = |p: f64, outside| range.place(p, outside);
        assert_eq!([t(1.0, Outside::Border), t(9.0, Outside::Fill), t(3.3, Outside::Border)], [2.0, 5.0, 3.3]);
        assert!((t(1.0, Outside::Reflection) - 2.0).abs() < 1e-12, "1.0 mirrors to 2.0 about 1.5");
        assert!((t(6.7, Outside::Reflection) - 4.3).abs() < 1e-12, "6.7 mirrors to 4.3 about 5.5");
        assert!(range.covers(1.5) && range.covers(5.5) && !range.covers(1.49) && !range.covers(5.51));
    }

    #[test]
    fn ties_are_decided_by_the_rule() {
        let range = Range { low: 0, high: 9, beyond: 0 };
        let index = |flipped, offset| TieIndex { flipped, offset };
        let t = |rule, index, scale: f64, positions: [f64; 4]| {
            positions.map(|p| range.nearest(p, Tie::new(rule, index, scale)))
        };
        let plain = index(false, 0);
        assert_eq!(t(Ties::Upper, plain, 1.0, [2.5, 2.499_999_9, 2.4, 9.7]), [3, 3, 2, 9]);
        assert_eq!(t(Ties::Upper, plain, 1.0, [2.4998, 2.4996, 2.5002, 2.5004]), [3, 2, 3, 3]);
        assert_eq!(t(Ties::Upper, index(true, 9), 1.0, [2.5, 2.500_000_1, 2.6, -0.7]), [2, 2, 3, 0]);
        // To the even index, of the volume that is sampled.
        assert_eq!(t(Ties::Alternate, plain, 0.5, [0.5, 1.5, 2.5, 3.5]), [0, 2, 2, 4]);
        assert_eq!(t(Ties::Alternate, index(false, 1), 0.5, [0.5, 1.5, 2.5, 3.5]), [1, 1, 3, 3]);
        assert_eq!(t(Ties::Alternate, index(true, 9), 0.5, [0.5, 1.5, 2.5, 3.5]), [1, 1, 3, 3]);
        assert_eq!(t(Ties::Alternate, plain, 1.5, [1.5, 4.5, 7.5, 3.0]), [2, 4, 8, 3]);
        // Where all ties would go the same way, they go there and back in turn.
        assert_eq!(t(Ties::Alternate, plain, 2.0, [0.5, 2.5, 4.5, 6.5]), [0, 3, 4, 7]);
        assert_eq!(t(Ties::Alternate, plain, 4.0, [1.5, 5.5, 1.49, 5.51]), [1, 6, 1, 6]);
        assert_eq!(t(Ties::Alternate, plain, 4.0 / 3.0, [1.5, 5.5, -0.5, 9.5]), [1, 6, 0, 9]);
    }

    #[test]
    fn mirrored_indices() {
        let range = Range { low: 1, high: 4, beyond: 0 };
        assert_eq!([-1, 0, 1, 4, 5, 6, 7].map(|i| range.mirror(i)), [3, 2, 1, 4, 3, 2, 1]);
        assert_eq!(Range { low: 3, high: 3, beyond: 0 }.mirror(9), 3);
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
