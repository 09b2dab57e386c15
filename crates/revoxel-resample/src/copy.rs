//! Copies along signed strides: crops, flips and transpositions, in blocks that stay in the cache.

use revoxel_core::{ExactMap, IndexBox, Voxel};

use crate::simd::vectorised;

/// Target planes that are copied together if the source's fastest axis becomes the target's slowest.
const TILE: usize = 32;

/// Where a block's voxels come from: `source[base + Σ index · stride]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strided {
    pub(crate) base: isize,
    pub(crate) strides: [isize; 3],
}

impl Strided {
    /// The target box of an exact map of a source with this shape.
    pub(crate) fn of(map: &ExactMap, shape: [usize; 3], first: [i64; 3]) -> Self {
        let steps = [1, shape[0] as isize, (shape[0] * shape[1]) as isize];
        let start = map.apply(first);
        let base = (0..3).map(|a| start[a] as isize * steps[a]).sum();
        let strides = [0, 1, 2].map(|axis| {
            let step = steps[map.permutation.source(axis)];
            if map.permutation.flipped(axis) { -step } else { step }
        });
        Self { base, strides }
    }

    /// How many target planes belong together.
    pub(crate) fn block(&self, planes: usize) -> usize {
        if self.strides[2].abs() == 1 && self.strides[0].abs() != 1 { TILE.min(planes.div_ceil(8)).max(1) } else { 1 }
    }
}

/// Copies a box of a block of target planes.
pub(crate) fn block<T: Voxel, O: Voxel>(
    source: &[T],
    from: Strided,
    region: &IndexBox,
    width: [usize; 2],
    convert: impl Fn(T) -> O + Copy,
    out: &mut [O],
) {
    let first = region.start.map(|s| s as usize);
    let out = &mut out[first[0] + width[0] * (first[1] + width[1] * first[2])..];
    strided(source, from, region.shape, [width[0], width[0] * width[1]], convert, out);
}

vectorised! {
    /// Copies `shape` voxels; the output's rows and planes lie `steps` apart.
    pub(crate) fn strided[T: Copy, O: Copy, F: Fn(T) -> O + Copy](
        source: &[T],
        from: Strided,
        shape: [usize; 3],
        steps: [usize; 2],
        convert: F,
        out: &mut [O],
    ) {
        let [s0, s1, s2] = from.strides;
        let at = |x: usize, y: usize, z: usize| (from.base + x as isize * s0 + y as isize * s1 + z as isize * s2) as usize;
        let fast = if s0.abs() == 1 { 0 } else if s1.abs() == 1 { 1 } else { 2 };
        match fast {
            0 => {
                for z in 0..shape[2] {
                    for y in 0..shape[1] {
                        let row = &mut out[y * steps[0] + z * steps[1]..][..shape[0]];
                        if s0 == 1 {
                            let start = at(0, y, z);
                            row.iter_mut().zip(&source[start..start + shape[0]]).for_each(|(o, v)| *o = convert(*v));
                        } else {
                            let start = at(shape[0] - 1, y, z);
                            let values = source[start..start + shape[0]].iter().rev();
                            row.iter_mut().zip(values).for_each(|(o, v)| *o = convert(*v));
                        }
                    }
                }
            }
            1 => {
                for z in 0..shape[2] {
                    for y0 in (0..shape[1]).step_by(TILE) {
                        for x0 in (0..shape[0]).step_by(TILE) {
                            let x1 = (x0 + TILE).min(shape[0]);
                            for y in y0..(y0 + TILE).min(shape[1]) {
                                let row = &mut out[y * steps[0] + z * steps[1]..][x0..x1];
                                row.iter_mut().enumerate().for_each(|(x, o)| *o = convert(source[at(x0 + x, y, z)]));
                            }
                        }
                    }
                }
            }
            _ => {
                for y in 0..shape[1] {
                    for x0 in (0..shape[0]).step_by(TILE) {
                        let x1 = (x0 + TILE).min(shape[0]);
                        for z in 0..shape[2] {
                            let row = &mut out[y * steps[0] + z * steps[1]..][x0..x1];
                            row.iter_mut().enumerate().for_each(|(x, o)| *o = convert(source[at(x0 + x, y, z)]));
                        }
                    }
                }
            }
        }
    }
}
