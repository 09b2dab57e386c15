//! Rows of positions, computed side by side.

use revoxel_core::Voxel;

use crate::real::Real;
use crate::simd::vectorised;
use crate::taps::HALF;
use crate::weighing::{Weighing, heaviest};

/// Positions that are computed side by side.
const LANES: usize = 32;

/// The positions of a row and what they read.
#[derive(Clone, Copy)]
pub(super) struct Walk {
    pub(super) start: [f64; 3],
    pub(super) step: [f64; 3],
    /// The bounds to which positions are clamped.
    pub(super) low: [f64; 3],
    pub(super) high: [f64; 3],
    /// The highest index of a lower neighbour.
    pub(super) last: [f64; 3],
    pub(super) strides: [usize; 3],
    /// Offset of the upper neighbour; 0 along an axis with one readable voxel.
    pub(super) next: [usize; 3],
}

impl Walk {
    /// The `x`th position.
    fn at(&self, x: usize) -> [f64; 3] {
        [0, 1, 2].map(|a| self.start[a] + self.step[a] * x as f64)
    }
}

/// Positions farther than this from a voxel centre are close to a tie and are checked again: the margin is a little
/// more than what counts as halfway.
const CLEAR: f32 = 0.5 - 1.1 * HALF as f32;

/// Offsets and fractions of `LANES` positions of a row.
struct Lanes<R> {
    offsets: [u32; LANES],
    fractions: [[R; LANES]; 3],
}

impl<R: Real> Lanes<R> {
    #[inline(always)]
    fn new() -> Self {
        Self { offsets: [0; LANES], fractions: [[R::default(); LANES]; 3] }
    }

    /// Positions from the `first`th voxel on.
    #[inline(always)]
    fn place(&mut self, first: usize, walk: &Walk) {
        self.place_along::<3>(first, walk);
    }

    /// The same along the first axes only.
    #[inline(always)]
    #[allow(unsafe_code)]
    fn place_along<const AXES: usize>(&mut self, first: usize, walk: &Walk) {
        self.offsets = [0; LANES];
        for a in 0..AXES {
            let stride = walk.strides[a] as u32;
            for k in 0..LANES {
                let p = walk.start[a] + walk.step[a] * f64::from((first + k) as u32);
                let p = p.max(walk.low[a]).min(walk.high[a]);
                let capped = p.min(walk.last[a]);
                // SAFETY: 0 ≤ low ≤ capped ≤ high, and the voxels of a source that is walked are counted by an i32.
                let index = unsafe { capped.to_int_unchecked::<i32>() };
                self.offsets[k] += index as u32 * stride;
                self.fractions[a][k] = R::weight(p - f64::from(index));
            }
        }
    }
}

/// The eight neighbours of `LANES` positions, in pairs along axis 0: the pair below along the other axes, then above
/// along axis 1, along axis 2, and along both.
struct Corners<T, const PAIRS: usize>([[[T; 2]; LANES]; PAIRS]);

impl<T: Voxel, const PAIRS: usize> Corners<T, PAIRS> {
    /// Reads them. This only moves values; the arithmetic follows, on all lanes at once.
    #[inline(always)]
    #[allow(unsafe_code)]
    fn read(source: &[T], offsets: &[u32; LANES], [sx, sy, sz]: [usize; 3]) -> Self {
        let last = offsets.iter().copied().max().unwrap_or(0) as usize;
        assert!(last + sx + sy + sz < source.len());
        let mut corners = [[[T::default(); 2]; LANES]; PAIRS];
        for (pairs, shift) in corners.iter_mut().zip([0, sy, sz, sy + sz]) {
            if sx == 1 {
                for (pair, i) in pairs.iter_mut().zip(offsets) {
                    // SAFETY: the farthest of the eight neighbours of every position was checked above.
                    *pair = unsafe { source.as_ptr().add(*i as usize + shift).cast::<[T; 2]>().read_unaligned() };
                }
            } else {
                for (pair, i) in pairs.iter_mut().zip(offsets) {
                    // SAFETY: as above.
                    *pair = [unsafe { *source.get_unchecked(*i as usize + shift) }; 2];
                }
            }
        }
        Self(corners)
    }
}

vectorised! {
    pub(super) fn linear_row[T: Voxel, R: Real](
        source: &[T],
        walk: &Walk,
        row: &mut [R],
    ) {
        let mut lanes = Lanes::<R>::new();
        for (chunk, out) in row.chunks_mut(LANES).enumerate() {
            lanes.place(chunk * LANES, walk);
            let Corners::<T, 4>(corners) = Corners::read(source, &lanes.offsets, walk.next);
            let mut means = [R::default(); LANES];
            for (k, mean) in means.iter_mut().enumerate() {
                let [fx, fy, fz] = [lanes.fractions[0][k], lanes.fractions[1][k], lanes.fractions[2][k]];
                let mix = |a: R, b: R, f: R| a * (R::weight(1.0) - f) + b * f;
                let line = |i: usize| mix(R::of(corners[i][k][0]), R::of(corners[i][k][1]), fx);
                *mean = mix(mix(line(0), line(1), fy), mix(line(2), line(3), fy), fz);
            }
            out.copy_from_slice(&means[..out.len()]);
        }
    }

    /// A row within a plane.
    pub(super) fn bilinear_row[R: Real](
        plane: &[R],
        walk: &Walk,
        row: &mut [R],
    ) {
        let mut lanes = Lanes::<R>::new();
        for (chunk, out) in row.chunks_mut(LANES).enumerate() {
            lanes.place_along::<2>(chunk * LANES, walk);
            let Corners::<R, 2>(corners) = Corners::read(plane, &lanes.offsets, [walk.next[0], walk.next[1], 0]);
            let mut means = [R::default(); LANES];
            for (k, mean) in means.iter_mut().enumerate() {
                let [fx, fy] = [lanes.fractions[0][k], lanes.fractions[1][k]];
                let mix = |a: R, b: R, f: R| a * (R::weight(1.0) - f) + b * f;
                let line = |i: usize| mix(corners[i][k][0], corners[i][k][1], fx);
                *mean = mix(line(0), line(1), fy);
            }
            out.copy_from_slice(&means[..out.len()]);
        }
    }

    /// The mean of two planes, with the weight of the upper one.
    pub(super) fn mixed[T: Voxel, R: Real](
        lower: &[T],
        upper: &[T],
        weight: R,
        plane: &mut [R],
    ) {
        let rest = R::weight(1.0) - weight;
        for ((out, a), b) in plane.iter_mut().zip(lower).zip(upper) {
            *out = R::of(*a) * rest + R::of(*b) * weight;
        }
    }

    #[allow(unsafe_code)]
    pub(super) fn cubic_row[T: Voxel, R: Real](
        source: &[T],
        walk: &Walk,
        row: &mut [R],
    ) {
        let mut lanes = Lanes::<R>::new();
        let [sx, sy, sz] = walk.next;
        for (chunk, out) in row.chunks_mut(LANES).enumerate() {
            lanes.place(chunk * LANES, walk);
            let offsets = &lanes.offsets[..out.len()];
            let (first, last) = (offsets.iter().min().copied().unwrap_or(0), offsets.iter().max().copied().unwrap_or(0));
            assert!(first as usize >= sx + sy + sz && last as usize + 2 * (sx + sy + sz) < source.len() && sx == 1);
            for (k, o) in out.iter_mut().enumerate() {
                let corner = lanes.offsets[k] as usize - 1 - sy - sz;
                let weights = |a: usize| {
                    let t = lanes.fractions[a][k];
                    let (one, s) = (R::weight(1.0), R::weight(1.0) - t);
                    let (sixth, two) = (R::weight(1.0 / 6.0), R::weight(2.0));
                    let middle = |t: R| (R::weight(4.0) - t * t * (R::weight(3.0) * (two - t))) * sixth;
                    let _ = one;
                    [s * s * s * sixth, middle(t), middle(s), t * t * t * sixth]
                };
                let (wx, wy, wz) = (weights(0), weights(1), weights(2));
                let mut sum = R::default();
                for z in 0..4 {
                    for y in 0..4 {
                        let i = corner + y * sy + z * sz;
                        // SAFETY: the first and the last of the 64 neighbours of every position were checked above.
                        let at = |i: usize| R::of(unsafe { *source.get_unchecked(i) });
                        let line = (at(i) * wx[0] + at(i + 1) * wx[1]) + (at(i + 2) * wx[2] + at(i + 3) * wx[3]);
                        sum = sum + line * (wy[y] * wz[z]);
                    }
                }
                *o = sum;
            }
        }
    }

    /// Positions are shifted up by half a voxel, so that truncating gives the closest voxel. `nearest` decides unclear
    /// cases.
    #[allow(unsafe_code)]
    pub(super) fn nearest_row[T: Voxel, O: Voxel, N: Fn([f64; 3]) -> usize + Copy, F: Fn(T) -> O + Copy](
        source: &[T],
        walk: &Walk,
        nearest: N,
        convert: F,
        row: &mut [O],
    ) {
        for (chunk, out) in row.chunks_mut(LANES).enumerate() {
            let first = chunk * LANES;
            let mut offsets = [0u32; LANES];
            // How far each position is from the middle between two ties, along the axis where that is most.
            let mut off = [0.0f32; LANES];
            for a in 0..3 {
                let stride = walk.strides[a] as u32;
                for k in 0..LANES {
                    let p = walk.start[a] + walk.step[a] * f64::from((first + k) as u32);
                    let p = p.max(walk.low[a]).min(walk.high[a]);
                    // SAFETY: 0 ≤ low ≤ p ≤ high, and the voxels of a source that is walked are counted by an i32.
                    let index = unsafe { p.min(walk.last[a]).to_int_unchecked::<i32>() };
                    offsets[k] += index as u32 * stride;
                    let here = ((p - f64::from(index)) as f32 - 0.5).abs();
                    off[k] = if here > off[k] { here } else { off[k] };
                }
            }
            let mut unclear = 0u32;
            for off in &off {
                unclear += u32::from(*off > CLEAR);
            }
            if unclear > 0 {
                for (k, offset) in offsets.iter_mut().enumerate().take(out.len()) {
                    if off[k] > CLEAR {
                        *offset = nearest(walk.at(first + k)) as u32;
                    }
                }
            }
            let last = offsets[..out.len()].iter().copied().max().unwrap_or(0) as usize;
            assert!(last < source.len());
            for (o, i) in out.iter_mut().zip(&offsets) {
                // SAFETY: the highest offset was checked above.
                *o = convert(unsafe { *source.get_unchecked(*i as usize) });
            }
        }
    }

    pub(super) fn label_row[T: Voxel, O: Voxel, N: Fn([f64; 3]) -> [u8; 3] + Copy, F: Fn(T) -> O + Copy](
        source: &[T],
        walk: &Walk,
        weighing: Weighing,
        closest: N,
        convert: F,
        row: &mut [O],
    ) {
        let mut lanes = Lanes::<f64>::new();
        for (chunk, out) in row.chunks_mut(LANES).enumerate() {
            lanes.place(chunk * LANES, walk);
            let Corners::<T, 4>(corners) = Corners::read(source, &lanes.offsets, walk.next);
            let mut mixed = [false; LANES];
            for (k, mixed) in mixed.iter_mut().enumerate() {
                let [[a, b], [c, d], [e, f], [g, h]] = [0, 1, 2, 3].map(|i| corners[i][k]);
                *mixed = !((a == b) & (a == c) & (a == d) & (a == e) & (a == f) & (a == g) & (a == h));
            }
            for (o, pair) in out.iter_mut().zip(&corners[0]) {
                *o = convert(pair[0]);
            }
            if mixed == [false; LANES] {
                continue;
            }
            for (k, o) in out.iter_mut().enumerate().filter(|(k, _)| mixed[*k]) {
                let [[a, b], [c, d], [e, f], [g, h]] = [0, 1, 2, 3].map(|i| corners[i][k]);
                let weight = |axis: usize| [1.0 - lanes.fractions[axis][k], lanes.fractions[axis][k]];
                let closest = || closest(walk.at(chunk * LANES + k));
                *o = convert(heaviest([a, b, c, d, e, f, g, h], [weight(0), weight(1), weight(2)], weighing, closest));
            }
        }
    }
}
