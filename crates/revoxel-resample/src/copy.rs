//! Copies along a whole-number map.

use revoxel_core::{ExactMap, Voxel};

/// Copies one target row that starts at target index `at`.
pub(crate) fn row<T: Voxel, O: Voxel>(
    source: &[T],
    shape: [usize; 3],
    map: &ExactMap,
    at: [i64; 3],
    convert: impl Fn(T) -> O,
    row: &mut [O],
) {
    let [x, y, z] = map.apply(at).map(|i| i as usize);
    let first = x + shape[0] * (y + shape[1] * z);
    let stride = [1, shape[0], shape[0] * shape[1]][map.permutation.source(0)];
    match (stride, map.permutation.flipped(0)) {
        (1, false) => {
            let count = row.len();
            row.iter_mut().zip(&source[first..first + count]).for_each(|(o, v)| *o = convert(*v));
        }
        (_, false) => {
            row.iter_mut().zip(source[first..].iter().step_by(stride)).for_each(|(o, v)| *o = convert(*v));
        }
        (_, true) => {
            row.iter_mut().zip(source[..=first].iter().rev().step_by(stride)).for_each(|(o, v)| *o = convert(*v));
        }
    }
}
