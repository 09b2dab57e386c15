//! Linear and cubic interpolation where the axes of source and target line up in order: one axis after another,
//! slice by slice.
//!
//! ```text
//! source planes --blend along axis 2--> one plane --blend rows along axis 1--> one row --gather along axis 0--> target row
//! ```
//! The slowest axis goes first, on whole rows, so that the inner loops run over contiguous memory.

use std::ops::Range as Indices;

use revoxel_core::{IndexBox, Voxel};

use crate::How;
use crate::pass::Aligned;
use crate::real::Real;
use crate::taps::{Range, Taps};

pub(crate) struct Separable {
    source: [usize; 3],
    first: [i64; 3],
    taps: [Taps; 3],
    spans: [Indices<usize>; 3],
}

/// Buffers that a thread keeps from plane to plane.
pub(crate) struct Scratch<R> {
    plane: Vec<R>,
    row: Vec<R>,
}

impl<R> Default for Scratch<R> {
    fn default() -> Self {
        Self { plane: Vec::new(), row: Vec::new() }
    }
}

impl Separable {
    /// Tables for target voxels in `inside`. The axes must be in order: source axis `a` follows target axis `a`.
    pub(crate) fn new(axes: &Aligned, ranges: &[Range; 3], source: [usize; 3], how: &How, inside: &IndexBox) -> Self {
        let taps = [0, 1, 2].map(|a| {
            let (_, scale, shift) = axes[a];
            let targets = inside.start[a]..inside.end()[a];
            Taps::new(how.interpolation, ranges[a], how.outside, (scale, shift), targets)
        });
        let spans = [taps[0].span(), taps[1].span(), taps[2].span()];
        Self { source, first: inside.start, taps, spans }
    }

    /// Computes the inside rows of plane `z`.
    pub(crate) fn plane<T: Voxel, R: Real>(
        &self,
        source: &[T],
        z: i64,
        inside: &IndexBox,
        width: usize,
        scratch: &mut Scratch<R>,
        plane: &mut [R],
    ) {
        let [nx, ny, _] = self.source;
        let (columns, lines) = (self.spans[0].clone(), self.spans[1].clone());
        let length = columns.len();
        scratch.plane.clear();
        scratch.plane.resize(length * lines.len(), R::default());
        scratch.row.resize(length, R::default());
        let (indices, weights) = self.taps[2].at((z - self.first[2]) as usize);
        for (out, y) in scratch.plane.chunks_exact_mut(length).zip(lines.clone()) {
            let line = |k: usize| {
                let start = nx * (y + ny * indices[k]);
                &source[start + columns.start..start + columns.end]
            };
            blend(out, weights, line);
        }
        crate::pass::for_rows(plane, width, inside, |y, _, row| {
            let (indices, weights) = self.taps[1].at((y - self.first[1]) as usize);
            let line = |k: usize| {
                let start = (indices[k] - lines.start) * length;
                &scratch.plane[start..start + length]
            };
            blend(&mut scratch.row, weights, line);
            gather(row, &scratch.row, &self.taps[0], columns.start);
        });
    }
}

impl Taps {
    fn at(&self, position: usize) -> (&[usize], &[f64]) {
        let range = position * self.width..(position + 1) * self.width;
        (&self.indices[range.clone()], &self.weights[range])
    }
}

/// The weighted sum of two or four lines.
#[inline]
fn blend<'a, T: Voxel, R: Real>(out: &mut [R], weights: &[f64], line: impl Fn(usize) -> &'a [T]) {
    match *weights {
        [a, b] if b == 0.0 && a == 1.0 => out.iter_mut().zip(line(0)).for_each(|(o, v)| *o = R::of(*v)),
        [a, b] => {
            let (a, b) = (R::weight(a), R::weight(b));
            for ((o, p), q) in out.iter_mut().zip(line(0)).zip(line(1)) {
                *o = R::of(*p) * a + R::of(*q) * b;
            }
        }
        [a, b, c, d] => {
            let [a, b, c, d] = [a, b, c, d].map(R::weight);
            for ((((o, p), q), r), s) in out.iter_mut().zip(line(0)).zip(line(1)).zip(line(2)).zip(line(3)) {
                *o = (R::of(*p) * a + R::of(*q) * b) + (R::of(*r) * c + R::of(*s) * d);
            }
        }
        _ => {}
    }
}

/// The weighted sum of two or four voxels of a line for each target voxel.
#[inline]
fn gather<R: Real>(row: &mut [R], line: &[R], taps: &Taps, first: usize) {
    if taps.width == 2 {
        let taps = taps.indices.as_chunks::<2>().0.iter().zip(taps.weights.as_chunks::<2>().0);
        for (o, (i, w)) in row.iter_mut().zip(taps) {
            *o = line[i[0] - first] * R::weight(w[0]) + line[i[1] - first] * R::weight(w[1]);
        }
    } else {
        let taps = taps.indices.as_chunks::<4>().0.iter().zip(taps.weights.as_chunks::<4>().0);
        for (o, (i, w)) in row.iter_mut().zip(taps) {
            let term = |k: usize| line[i[k] - first] * R::weight(w[k]);
            *o = (term(0) + term(1)) + (term(2) + term(3));
        }
    }
}
