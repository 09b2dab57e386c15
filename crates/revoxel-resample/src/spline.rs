//! The prefilter of the cubic B-spline: from voxels to spline coefficients.
//!
//! The recursive filter of Unser, Aldroubi and Eden (1993), pole √3 − 2, with mirrored boundaries (scipy's
//! `spline_filter(order=3, mode='mirror')`). It filters many lines side by side: along axis 0 blocks of transposed
//! rows, along axis 1 the rows of a plane, along axis 2 rows, one from each plane.

use revoxel_core::{Voxel, parallel};

use crate::real::Real;
use crate::simd::vectorised;

/// Rows that are filtered along axis 0 side by side.
const LANES: usize = 16;

/// The spline coefficients of one channel, in the type in which it is averaged; only along the requested `axes`.
pub(crate) fn coefficients<T: Voxel, R: Real>(source: &[T], shape: [usize; 3], axes: [bool; 3]) -> Vec<R> {
    let [nx, ny, nz] = shape;
    let plane = nx * ny;
    let mut values: Vec<R> = vec![R::default(); plane * nz];
    let starts = axes.iter().zip(shape).map(|(on, n)| if *on { Start::new(n) } else { Start::new(1) });
    let starts: Vec<Start> = starts.collect();
    let planes = values.chunks_mut(plane).zip(source.chunks(plane));
    parallel::each_with(planes, Vec::new, |turned, (out, source)| {
        rows(source, out, nx, &starts[0], turned);
        columns(out, nx, nx, ny, &starts[1]);
    });
    if starts[2].length > 1 {
        // A column of rows, one from each plane, is turned into a compact block, filtered, and put back.
        let width = nx.min(512);
        let strips: Vec<(usize, usize)> =
            (0..ny).flat_map(|y| (0..nx).step_by(width).map(move |x| (x + nx * y, width.min(nx - x)))).collect();
        let mut pieces: Vec<Vec<&mut [R]>> = strips.iter().map(|_| Vec::with_capacity(nz)).collect();
        for out in values.chunks_mut(plane) {
            let mut rest = out;
            for ((_, width), piece) in strips.iter().zip(&mut pieces) {
                let (strip, after) = rest.split_at_mut(*width);
                piece.push(strip);
                rest = after;
            }
        }
        parallel::each_with(pieces.iter_mut(), Vec::new, |block: &mut Vec<R>, piece| {
            let width = piece[0].len();
            block.resize(width * nz, R::default());
            block.chunks_exact_mut(width).zip(piece.iter()).for_each(|(to, from)| to.copy_from_slice(from));
            columns(block, width, width, nz, &starts[2]);
            block.chunks_exact(width).zip(piece.iter_mut()).for_each(|(from, to)| to.copy_from_slice(from));
        });
    }
    values
}

/// The weights that give the first value of the causal pass, for a line of some length: the sum over the mirrored
/// line, whose period is 2(n − 1). Powers of the pole below 1e-18 are ignored.
struct Start {
    length: usize,
    weights: Vec<(usize, f64)>,
}

impl Start {
    fn new(n: usize) -> Self {
        let mut weights = Vec::new();
        if n > 1 {
            let pole = pole();
            let far = pole.powi(n as i32 - 1);
            let scale = 1.0 / (1.0 - far * far);
            for k in 0..n {
                let mirrored = if k == 0 || k == n - 1 { 0.0 } else { far * pole.powi((n - 1 - k) as i32) };
                let weight = pole.powi(k as i32) + mirrored;
                if weight.abs() > 1e-18 {
                    weights.push((k, weight * scale));
                }
            }
        }
        Self { length: n, weights }
    }
}

fn pole() -> f64 {
    3f64.sqrt() - 2.0
}

vectorised! {
    /// Converts the rows of a plane and filters along them.
    fn rows[T: Voxel, R: Real](source: &[T], out: &mut [R], nx: usize, start: &Start, turned: &mut Vec<R>) {
        if start.length < 2 {
            out.iter_mut().zip(source).for_each(|(o, v)| *o = R::of(*v));
            return;
        }
        turned.resize(nx * LANES, R::default());
        for (out, source) in out.chunks_mut(nx * LANES).zip(source.chunks(nx * LANES)) {
            let lanes = source.len() / nx;
            for x0 in (0..nx).step_by(LANES) {
                for (lane, row) in source.chunks_exact(nx).enumerate() {
                    for x in x0..(x0 + LANES).min(nx) {
                        turned[x * LANES + lane] = R::of(row[x]);
                    }
                }
            }
            filter_lanes(turned.as_chunks_mut::<LANES>().0, start);
            for x0 in (0..nx).step_by(LANES) {
                for (lane, row) in out.chunks_exact_mut(nx).enumerate().take(lanes) {
                    for x in x0..(x0 + LANES).min(nx) {
                        row[x] = turned[x * LANES + lane];
                    }
                }
            }
        }
    }

    /// Filters the columns of `count` rows that lie `step` apart.
    fn columns[R: Real](values: &mut [R], step: usize, width: usize, count: usize, start: &Start) {
        if start.length < 2 {
            return;
        }
        // Narrow strips stay in the nearest cache from the first row to the last.
        for x0 in (0..width).step_by(LANES * 4) {
            filter_strip(values, step, x0, (LANES * 4).min(width - x0), count, start);
        }
    }
}

/// Filters lines that lie side by side, position by position.
#[inline(always)]
fn filter_lanes<R: Real>(lines: &mut [[R; LANES]], start: &Start) {
    let (n, z) = (start.length, R::weight(pole()));
    let gain = R::weight((1.0 - pole()) * (1.0 - 1.0 / pole()));
    let mut sums = [0.0f64; LANES];
    for (k, weight) in &start.weights {
        sums.iter_mut().zip(&lines[*k]).for_each(|(f, v)| *f += weight * (*v * gain).to_f64());
    }
    let mut before = sums.map(R::weight);
    lines[0] = before;
    for line in &mut lines[1..n] {
        for (v, p) in line.iter_mut().zip(&before) {
            *v = *v * gain + z * *p;
        }
        before = *line;
    }
    let last = R::weight(pole() / (pole() * pole() - 1.0));
    let ahead = lines[n - 2];
    let mut next = lines[n - 1];
    next.iter_mut().zip(&ahead).for_each(|(v, p)| *v = last * (*v + z * *p));
    lines[n - 1] = next;
    for line in lines[..n - 1].iter_mut().rev() {
        for (v, after) in line.iter_mut().zip(&next) {
            *v = z * (*after - *v);
        }
        next = *line;
    }
}

/// The same for `width` columns from `x0` of `count` rows.
#[inline(always)]
fn filter_strip<R: Real>(values: &mut [R], step: usize, x0: usize, width: usize, count: usize, start: &Start) {
    let z = R::weight(pole());
    let gain = R::weight((1.0 - pole()) * (1.0 - 1.0 / pole()));
    let row = |k: usize| k * step + x0..k * step + x0 + width;
    let mut sums = [0.0f64; LANES * 4];
    for (k, weight) in &start.weights {
        sums.iter_mut().zip(&values[row(*k)]).for_each(|(f, v)| *f += weight * (*v * gain).to_f64());
    }
    let mut before = [R::default(); LANES * 4];
    before.iter_mut().zip(sums).for_each(|(b, s)| *b = R::weight(s));
    values[row(0)].copy_from_slice(&before[..width]);
    for k in 1..count {
        for (v, p) in values[row(k)].iter_mut().zip(before.iter_mut()) {
            *v = *v * gain + z * *p;
            *p = *v;
        }
    }
    let last = R::weight(pole() / (pole() * pole() - 1.0));
    let mut next = [R::default(); LANES * 4];
    next[..width].copy_from_slice(&values[row(count - 2)]);
    for (v, p) in values[row(count - 1)].iter_mut().zip(next.iter_mut()) {
        *v = last * (*v + z * *p);
        *p = *v;
    }
    for k in (0..count - 1).rev() {
        for (v, after) in values[row(k)].iter_mut().zip(next.iter_mut()) {
            *v = z * (*after - *v);
            *after = *v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taps::{Range, cubic_weights};

    #[test]
    fn the_spline_goes_through_the_voxels() {
        for n in [1usize, 2, 3, 7, 40] {
            let values: Vec<f64> = (0..n).map(|i| ((i * i) as f64 * 0.7).sin() * 10.0 + i as f64).collect();
            let spline: Vec<f64> = coefficients(&values, [n, 1, 1], [true; 3]);
            let range = Range { low: 0, high: n as i64 - 1, beyond: 0 };
            let weights = cubic_weights(0.0);
            for i in 0..n as i64 {
                let at = |k: i64| spline[range.mirror(i + k) as usize];
                let value: f64 = (0..4).map(|k| weights[k as usize] * at(k - 1)).sum();
                assert!((value - values[i as usize]).abs() < 1e-10, "n {n}, voxel {i}");
            }
        }
    }

    #[test]
    fn all_axes_are_filtered_alike() {
        let shape = [4, 5, 6];
        let values: Vec<f64> = (0..120).map(|i| f64::from(i % 17) - f64::from(i % 5)).collect();
        let direct: Vec<f64> = coefficients(&values, shape, [true; 3]);
        // The same with axes 0 and 2 exchanged.
        let at = |x: usize, y: usize, z: usize| x + 4 * (y + 5 * z);
        let mut turned = Vec::new();
        for x in 0..4 {
            for y in 0..5 {
                turned.extend((0..6).map(|z| values[at(x, y, z)]));
            }
        }
        let turned: Vec<f64> = coefficients(&turned, [6, 5, 4], [true; 3]);
        for (x, y, z) in [(0, 0, 0), (3, 4, 5), (1, 2, 3), (2, 0, 5)] {
            assert!((direct[at(x, y, z)] - turned[z + 6 * (y + 5 * x)]).abs() < 1e-11);
        }
    }

    #[test]
    fn wide_planes_are_filtered_strip_by_strip_like_narrow_ones() {
        // 700 columns: more than one strip along axis 2, a ragged last strip and a ragged last block of rows.
        let shape = [700, 3, 5];
        let value = |x: usize, y: usize, z: usize| ((x * 7 + y * 13 + z * z * 3) % 23) as f64;
        let all: Vec<f64> =
            (0..5).flat_map(|z| (0..3).flat_map(move |y| (0..700).map(move |x| value(x, y, z)))).collect();
        let wide: Vec<f64> = coefficients(&all, shape, [false, false, true]);
        for (x, y) in [(0, 0), (511, 1), (512, 1), (699, 2)] {
            let line: Vec<f64> = (0..5).map(|z| value(x, y, z)).collect();
            let alone: Vec<f64> = coefficients(&line, [5, 1, 1], [true, false, false]);
            for z in 0..5 {
                assert!((wide[x + 700 * (y + 3 * z)] - alone[z]).abs() < 1e-12, "{x} {y} {z}");
            }
        }
    }
}
