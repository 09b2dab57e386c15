//! Rows of positions that are computed side by side.

use revoxel_core::Voxel;

use crate::label::heaviest;
use crate::real::Real;
use crate::simd::vectorised;

/// Positions that are computed side by side.
const LANES: usize = 32;

/// Where the positions of a row are and what they read.
#[derive(Clone, Copy)]
pub(super) struct Walk {
    pub(super) start: [f64; 3],
    pub(super) step: [f64; 3],
    /// Positions are clamped between these.
    pub(super) low: [f64; 3],
    pub(super) high: [f64; 3],
    /// The highest index that is a lower neighbour.
    pub(super) last: [f64; 3],
    pub(super) strides: [usize; 3],
    /// Offset of the upper neighbour; nothing along an axis with one readable voxel.
    pub(super) next: [usize; 3],
}

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
    #[allow(unsafe_code)]
    fn place(&mut self, first: usize, walk: &Walk) {
        self.offsets = [0; LANES];
        for a in 0..3 {
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

vectorised! {
    #[allow(unsafe_code)]
    pub(super) fn linear_row[T: Voxel, R: Real](
        source: &[T],
        walk: &Walk,
        row: &mut [R],
    ) {
        let mut lanes = Lanes::<R>::new();
        let [sx, sy, sz] = walk.next;
        for (chunk, out) in row.chunks_mut(LANES).enumerate() {
            lanes.place(chunk * LANES, walk);
            let last = lanes.offsets[..out.len()].iter().copied().max().unwrap_or(0) as usize;
            assert!(last + sx + sy + sz < source.len());
            for (k, o) in out.iter_mut().enumerate() {
                let i = lanes.offsets[k] as usize;
                // SAFETY: the farthest of the eight neighbours of every position was checked above.
                let at = |i: usize| R::of(unsafe { *source.get_unchecked(i) });
                let one = R::weight(1.0);
                let [fx, fy, fz] = [lanes.fractions[0][k], lanes.fractions[1][k], lanes.fractions[2][k]];
                let mix = |a: R, b: R, f: R| a * (one - f) + b * f;
                let line = |i: usize| mix(at(i), at(i + sx), fx);
                let face = |i: usize| mix(line(i), line(i + sy), fy);
                *o = mix(face(i), face(i + sz), fz);
            }
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

    #[allow(unsafe_code)]
    pub(super) fn nearest_row[T: Voxel, O: Voxel, F: Fn(T) -> O + Copy](
        source: &[T],
        walk: &Walk,
        convert: F,
        row: &mut [O],
    ) {
        let mut lanes = Lanes::<f32>::new();
        for (chunk, out) in row.chunks_mut(LANES).enumerate() {
            lanes.place(chunk * LANES, walk);
            let last = lanes.offsets[..out.len()].iter().copied().max().unwrap_or(0) as usize;
            assert!(last < source.len());
            for (o, i) in out.iter_mut().zip(&lanes.offsets) {
                // SAFETY: the highest offset was checked above.
                *o = convert(unsafe { *source.get_unchecked(*i as usize) });
            }
        }
    }

    #[allow(unsafe_code)]
    pub(super) fn label_row[T: Voxel, O: Voxel, F: Fn(T) -> O + Copy](
        source: &[T],
        walk: &Walk,
        nearest: bool,
        convert: F,
        row: &mut [O],
    ) {
        let mut lanes = Lanes::<f64>::new();
        let [sx, sy, sz] = walk.next;
        for (chunk, out) in row.chunks_mut(LANES).enumerate() {
            lanes.place(chunk * LANES, walk);
            let last = lanes.offsets[..out.len()].iter().copied().max().unwrap_or(0) as usize;
            assert!(last + sx + sy + sz < source.len());
            for (k, o) in out.iter_mut().enumerate() {
                let i = lanes.offsets[k] as usize;
                // SAFETY: the farthest of the eight neighbours of every position was checked above.
                let at = |i: usize| unsafe { *source.get_unchecked(i) };
                let pair = |i: usize| [at(i), at(i + sx)];
                let ([a, b], [c, d], [e, f], [g, h]) = (pair(i), pair(i + sy), pair(i + sz), pair(i + sy + sz));
                let same = (a == b) & (a == c) & (a == d) & (a == e) & (a == f) & (a == g) & (a == h);
                *o = convert(if same {
                    a
                } else {
                    let weight = |axis: usize| [1.0 - lanes.fractions[axis][k], lanes.fractions[axis][k]];
                    heaviest([a, b, c, d, e, f, g, h], [weight(0), weight(1), weight(2)], nearest)
                });
            }
        }
    }
}
