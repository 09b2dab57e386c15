//! The label interpolation: linear on each label's indicator, without building an indicator.
//!
//! In most cells of a label map, the eight voxels around a position agree, and no weighing is needed. So the cost
//! hardly grows with the number of labels.

use revoxel_core::{IndexBox, Voxel};

use crate::separable::{Separable, Stack};
use crate::simd::vectorised;
use crate::taps::{Line, Taps};
use crate::weighing::{Weighing, heaviest};

/// Computes the inside rows of a target plane, the `position`th of the tables.
pub(crate) fn plane<T: Voxel, O: Voxel>(
    tables: &Separable,
    stack: Stack<'_, T>,
    position: usize,
    inside: &IndexBox,
    width: usize,
    convert: impl Fn(T) -> O + Copy,
    out: &mut [O],
) {
    let same = &mut vec![false; tables.line.span.len() + 1];
    let start = inside.start[1] as usize * width + inside.start[0] as usize;
    let shape = [inside.shape[0], inside.shape[1]];
    let z = Pair::of(&tables.taps[2], position);
    let out = &mut out[start..];
    rows(&tables.line, &tables.taps, stack, z, same, out, width, shape, tables.weighing, convert);
}

/// Two source indices along an axis, and the weight of each.
#[derive(Clone, Copy)]
struct Pair {
    index: [usize; 2],
    weight: [f64; 2],
    /// Which of the two is closest, 0 or 1, or [`NO_CLOSEST`](crate::taps::NO_CLOSEST).
    closest: u8,
}

impl Pair {
    /// A tap of weight 0 reads the same voxel as the other tap.
    #[inline(always)]
    fn of(taps: &Taps, position: usize) -> Self {
        let (indices, weights) = taps.at(position);
        let index = match (weights[0] == 0.0, weights[1] == 0.0) {
            (true, _) => [indices[1]; 2],
            (_, true) => [indices[0]; 2],
            _ => [indices[0], indices[1]],
        };
        Self { index, weight: [weights[0], weights[1]], closest: taps.closest[position] }
    }
}

vectorised! {
    fn rows[T: Voxel, O: Voxel, F: Fn(T) -> O + Copy](
        line: &Line,
        taps: &[Taps; 3],
        stack: Stack<'_, T>,
        z: Pair,
        same: &mut [bool],
        out: &mut [O],
        width: usize,
        shape: [usize; 2],
        weighing: Weighing,
        convert: F,
    ) {
        let weights = line.double.as_chunks::<2>().0;
        for y in 0..shape[1] {
            let pair = Pair::of(&taps[1], y);
            let row = |b: usize, c: usize| stack.row(&line.span, pair.index[b], z.index[c]);
            let (p, q, r, s) = (row(0, 0), row(1, 0), row(0, 1), row(1, 1));
            let cells = p.iter().zip(q).zip(r).zip(s);
            for (same, (((p, q), r), s)) in same.iter_mut().zip(cells) {
                *same = (p == q) & (p == r) & (p == s);
            }
            let out = &mut out[y * width..y * width + shape[0]];
            for (((o, start), w), closest) in out.iter_mut().zip(&line.starts).zip(weights).zip(&taps[0].closest) {
                let i = *start as usize;
                let j = (i + 1).min(p.len() - 1);
                *o = convert(if same[i] & same[j] & (p[i] == p[j]) {
                    p[i]
                } else {
                    let corners = [p[i], p[j], q[i], q[j], r[i], r[j], s[i], s[j]];
                    heaviest(corners, [*w, pair.weight, z.weight], weighing, || [*closest, pair.closest, z.closest])
                });
            }
        }
    }
}
