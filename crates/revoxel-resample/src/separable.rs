//! Interpolation if the axes of source and target line up: one axis after another, slice by slice.
//!
//! ```text
//! source planes --blend along axis 2--> one plane --blend rows along axis 1--> one row --taps along axis 0--> target row
//! ```
//! The slowest axis goes first, on whole rows, so that the inner loops run over contiguous memory. If the axes line up
//! in another order, a block of target planes first gathers the source voxels that it needs, in target order.

use std::ops::Range as Indices;

use revoxel_core::{IndexBox, Voxel};

use crate::How;
use crate::aligned::Aligned;
use crate::copy::{Strided, strided};
use crate::real::Real;
use crate::simd::vectorised;
use crate::taps::{Along, Line, Range, Taps};
use crate::weighing::Weighing;

/// Target planes that are computed together if the source must be reordered.
const BLOCK: usize = 16;

/// Tables of an aligned pass, by target axis.
pub(crate) struct Separable {
    source: [usize; 3],
    /// The source axis along each target axis.
    order: [usize; 3],
    first: [i64; 3],
    pub(crate) taps: [Taps; 3],
    pub(crate) line: Line,
    /// Source indices along target axis 1, and which of them are read.
    pub(crate) lines: Indices<usize>,
    needed: Vec<bool>,
    /// Labels: which weights count as equal.
    pub(crate) weighing: Weighing,
}

/// Buffers that a thread keeps from block to block: reordered source voxels `S`, means `R`.
#[derive(Default)]
pub(crate) struct Scratch<S, R> {
    pub(crate) turned: Vec<S>,
    pub(crate) plane: Vec<R>,
    pub(crate) row: Vec<R>,
}

/// Source voxels in target order: rows along target axis 0.
#[derive(Clone, Copy)]
pub(crate) struct Stack<'a, S> {
    pub(crate) voxels: &'a [S],
    /// Source index of the first voxel, by target axis.
    pub(crate) first: [usize; 3],
    /// Distances of rows and planes.
    pub(crate) steps: [usize; 2],
}

impl<'a, S> Stack<'a, S> {
    /// The voxels `span` of row `y` of plane `z`, all source indices.
    #[inline(always)]
    pub(crate) fn row(&self, span: &Indices<usize>, y: usize, z: usize) -> &'a [S] {
        let start = (y - self.first[1]) * self.steps[0] + (z - self.first[2]) * self.steps[1];
        &self.voxels[start + span.start - self.first[0]..start + span.end - self.first[0]]
    }
}

impl Separable {
    /// Tables for target voxels in `inside`.
    pub(crate) fn new(
        axes: &Aligned,
        ranges: &[Range; 3],
        source: [usize; 3],
        how: &How,
        along: [Along; 3],
        inside: &IndexBox,
    ) -> Self {
        let mut order = [0; 3];
        for (axis, (target, ..)) in axes.iter().enumerate() {
            order[*target] = axis;
        }
        let taps = [0, 1, 2].map(|t| {
            let a = order[t];
            let (_, scale, shift) = axes[a];
            let targets = inside.start[t]..inside.end()[t];
            let apart = how.through.is_some_and(|through| through.axis == a);
            if apart
                && matches!(along[a], Along::Nearest(tie) if !tie.flipped())
                && let Some(slices) = ranges[a].closest((scale, shift), targets.clone())
            {
                return Taps::of_indices(ranges[a], &slices);
            }
            Taps::new(along[a], ranges[a], how.outside, (scale, shift), targets)
        });
        let lines = taps[1].span();
        let mut needed = vec![false; lines.len()];
        taps[1].indices.iter().for_each(|i| needed[i - lines.start] = true);
        Self {
            source,
            order,
            first: inside.start,
            line: Line::new(&taps[0]),
            lines,
            needed,
            taps,
            weighing: Weighing::of(how),
        }
    }

    /// How many target planes belong together.
    pub(crate) fn block(&self, planes: usize) -> usize {
        if self.order == [0, 1, 2] { 1 } else { BLOCK.min(planes.div_ceil(8)).max(1) }
    }

    /// The source voxels that target planes `zs` read, in target order.
    pub(crate) fn stack<'a, T: Voxel>(
        &self,
        source: &'a [T],
        zs: Indices<i64>,
        turned: &'a mut Vec<T>,
    ) -> Stack<'a, T> {
        let [nx, ny, _] = self.source;
        if self.order == [0, 1, 2] {
            return Stack { voxels: source, first: [0; 3], steps: [nx, nx * ny] };
        }
        let planes = self.taps[2].span_of((zs.start - self.first[2]) as usize..(zs.end - self.first[2]) as usize);
        let spans = [self.line.span.clone(), self.lines.clone(), planes];
        let shape = [spans[0].len(), spans[1].len(), spans[2].len()];
        let steps = [1, nx as isize, (nx * ny) as isize];
        let strides = self.order.map(|axis| steps[axis]);
        let base = (0..3).map(|t| spans[t].start as isize * strides[t]).sum();
        turned.resize(shape.iter().product(), T::default());
        let to = [shape[0], shape[0] * shape[1]];
        strided(source, Strided { base, strides }, shape, to, |v| v, turned);
        Stack { voxels: turned, first: spans.map(|s| s.start), steps: to }
    }

    /// Blends the source planes of target plane `z` into `plane`: the rows that are read, side by side.
    pub(crate) fn blend_plane<T: Voxel, R: Real>(&self, stack: Stack<'_, T>, z: i64, plane: &mut [R]) {
        let (indices, weights) = self.taps[2].at((z - self.first[2]) as usize);
        blend_planes(stack, &self.line.span, self.lines.start, &self.needed, indices, weights, plane);
    }

    /// Computes the inside rows of target plane `z`.
    pub(crate) fn plane<T: Voxel, R: Real>(
        &self,
        stack: Stack<'_, T>,
        z: i64,
        inside: &IndexBox,
        width: usize,
        (plane, row): (&mut Vec<R>, &mut Vec<R>),
        out: &mut [R],
    ) {
        plane.resize(self.line.span.len() * self.lines.len(), R::default());
        row.clear();
        row.resize(self.line.length, R::default());
        self.blend_plane(stack, z, plane);
        let start = inside.start[1] as usize * width + inside.start[0] as usize;
        let shape = [inside.shape[0], inside.shape[1]];
        rows(self, plane, row, &mut out[start..], width, shape);
    }

    /// Blends the rows of a blended plane for the `y`th inside target row into a continued row.
    #[inline(always)]
    pub(crate) fn blend_row<R: Real>(&self, plane: &[R], y: usize, row: &mut [R]) {
        let length = self.line.span.len();
        let (indices, weights) = self.taps[1].at(y);
        let line = |k: usize| {
            let start = (indices[k] - self.lines.start) * length;
            &plane[start..start + length]
        };
        blend(&mut row[self.line.offset..self.line.offset + length], weights, line);
        self.line.continue_row(row);
    }
}

vectorised! {
    fn blend_planes[T: Voxel, R: Real](
        stack: Stack<'_, T>,
        span: &Indices<usize>,
        first: usize,
        needed: &[bool],
        indices: &[usize],
        weights: &[f64],
        plane: &mut [R],
    ) {
        for (position, out) in plane.chunks_exact_mut(span.len()).enumerate() {
            if needed[position] {
                blend(out, weights, |k| stack.row(span, first + position, indices[k]));
            }
        }
    }

    fn rows[R: Real](
        tables: &Separable,
        plane: &[R],
        row: &mut [R],
        out: &mut [R],
        width: usize,
        shape: [usize; 2],
    ) {
        for y in 0..shape[1] {
            tables.blend_row(plane, y, row);
            let out = &mut out[y * width..y * width + shape[0]];
            taps_of_row(&tables.line, row, out);
        }
    }
}

/// The weighted sum of two or four lines.
#[inline(always)]
pub(crate) fn blend<'a, T: Voxel, R: Real>(out: &mut [R], weights: &[f64], line: impl Fn(usize) -> &'a [T]) {
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

/// The weighted sum of two or four neighbours in a continued row for each target voxel.
#[inline(always)]
#[allow(unsafe_code)]
fn taps_of_row<R: Real>(line: &Line, row: &[R], out: &mut [R]) {
    let weights = R::choose(&line.single, &line.double);
    assert!(row.len() >= line.length && out.len() == line.starts.len() && weights.len() == out.len() * line.width);
    // SAFETY: every start lies `width` before the end of a continued row (`Line::new`), whose length was checked.
    let at = |i: usize| unsafe { *row.get_unchecked(i) };
    if line.width == 2 {
        let taps = line.starts.iter().zip(weights.as_chunks::<2>().0);
        for (o, (start, w)) in out.iter_mut().zip(taps) {
            let i = *start as usize;
            *o = at(i) * w[0] + at(i + 1) * w[1];
        }
    } else {
        let taps = line.starts.iter().zip(weights.as_chunks::<4>().0);
        for (o, (start, w)) in out.iter_mut().zip(taps) {
            let i = *start as usize;
            *o = (at(i) * w[0] + at(i + 1) * w[1]) + (at(i + 2) * w[2] + at(i + 3) * w[3]);
        }
    }
}
