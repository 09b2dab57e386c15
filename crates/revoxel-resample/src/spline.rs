//! The prefilter of the cubic B-spline: from voxels to spline coefficients.
//!
//! The recursive filter of Unser, Aldroubi and Eden (1993), pole √3 − 2, with mirrored boundaries (scipy's
//! `spline_filter(order=3, mode='mirror')`). Along axes 1 and 2 it runs over whole rows at once.

use rayon::prelude::*;
use revoxel_core::Voxel;

use crate::real::Real;

/// The spline coefficients of one channel, in the type in which it is averaged.
pub(crate) fn coefficients<T: Voxel, R: Real>(source: &[T], shape: [usize; 3]) -> Vec<R> {
    let [nx, ny, _] = shape;
    let mut values: Vec<R> = source.par_iter().map(|v| R::of(*v)).collect();
    values.par_chunks_mut(nx * ny).for_each(|plane| {
        for row in plane.chunks_mut(nx) {
            let mut cells: Vec<&mut [R]> = row.chunks_mut(1).collect();
            filter(&mut cells);
        }
        filter(&mut plane.chunks_mut(nx).collect::<Vec<_>>());
    });
    // Along axis 2, a line is a stack of rows, one from each plane.
    let mut stacks: Vec<Vec<&mut [R]>> = (0..ny).map(|_| Vec::new()).collect();
    for plane in values.chunks_mut(nx * ny) {
        for (stack, row) in stacks.iter_mut().zip(plane.chunks_mut(nx)) {
            stack.push(row);
        }
    }
    stacks.par_iter_mut().for_each(|stack| filter(stack));
    values
}

/// Filters along the list; each entry holds neighbouring lines side by side.
fn filter<R: Real>(lines: &mut [&mut [R]]) {
    let n = lines.len();
    if n < 2 {
        return;
    }
    let pole = 3f64.sqrt() - 2.0;
    let gain = R::weight((1.0 - pole) * (1.0 - 1.0 / pole));
    for line in lines.iter_mut() {
        line.iter_mut().for_each(|v| *v = *v * gain);
    }
    // First value of the causal pass: the sum over the mirrored line, which has period 2(n − 1). Powers of the
    // pole beyond 1e-18 do not count.
    let width = lines[0].len();
    let far = pole.powi(n as i32 - 1);
    let mut first = vec![0.0f64; width];
    let mut power = 1.0;
    for k in 0..n {
        let mirrored = if k == 0 || k == n - 1 { 0.0 } else { far * pole.powi((n - 1 - k) as i32) };
        let weight = power + mirrored;
        if weight.abs() > 1e-18 {
            first.iter_mut().zip(lines[k].iter()).for_each(|(f, v)| *f += weight * v.to_f64());
        }
        power *= pole;
    }
    let scale = 1.0 / (1.0 - far * far);
    lines[0].iter_mut().zip(first).for_each(|(v, f)| *v = R::weight(f * scale));
    let z = R::weight(pole);
    for k in 1..n {
        let (before, rest) = lines.split_at_mut(k);
        rest[0].iter_mut().zip(before[k - 1].iter()).for_each(|(v, p)| *v = *v + z * *p);
    }
    let last = R::weight(pole / (pole * pole - 1.0));
    let (before, rest) = lines.split_at_mut(n - 1);
    rest[0].iter_mut().zip(before[n - 2].iter()).for_each(|(v, p)| *v = last * (*v + z * *p));
    for k in (0..n - 1).rev() {
        let (here, after) = lines.split_at_mut(k + 1);
        here[k].iter_mut().zip(after[0].iter()).for_each(|(v, next)| *v = z * (*next - *v));
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
            let spline: Vec<f64> = coefficients(&values, [n, 1, 1]);
            let range = Range { low: 0, high: n as i64 - 1 };
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
        let direct: Vec<f64> = coefficients(&values, shape);
        // The same with axes 0 and 2 exchanged.
        let at = |x: usize, y: usize, z: usize| x + 4 * (y + 5 * z);
        let mut turned = Vec::new();
        for x in 0..4 {
            for y in 0..5 {
                turned.extend((0..6).map(|z| values[at(x, y, z)]));
            }
        }
        let turned: Vec<f64> = coefficients(&turned, [6, 5, 4]);
        for (x, y, z) in [(0, 0, 0), (3, 4, 5), (1, 2, 3), (2, 0, 5)] {
            assert!((direct[at(x, y, z)] - turned[z + 6 * (y + 5 * x)]).abs() < 1e-11);
        }
    }
}
