//! Filters along an axis, with what they read beyond the volume.

use revoxel_core::{Volume, Voxel, dispatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lines::for_each_line;

/// Values beyond the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Beyond {
    /// 0.
    Zeros,
    /// The volume mirrored at the centres of its outermost voxels.
    Reflect,
    /// The closest voxel.
    Replicate,
    /// The volume repeated.
    Circular,
}

impl Beyond {
    /// The voxel that stands for an index of a line of `n`; `None` is 0.
    fn index(self, i: i64, n: usize) -> Option<usize> {
        let last = n as i64 - 1;
        let inside = match self {
            Self::Zeros if i < 0 || i > last => return None,
            Self::Zeros => i,
            Self::Reflect if last == 0 => 0,
            Self::Reflect => {
                let i = i.rem_euclid(2 * last);
                if i > last { 2 * last - i } else { i }
            }
            Self::Replicate => i.clamp(0, last),
            Self::Circular => i.rem_euclid(n as i64),
        };
        usize::try_from(inside).ok()
    }
}

/// The values of all channels as float32.
pub fn floats(volume: &Volume) -> Vec<f32> {
    dispatch!(volume.voxels(), v => v.iter().map(|x| x.to_f32()).collect())
}

/// Replaces each value by the sum of its neighbours along an axis times the taps, of which the middle one is its own.
pub fn filter(values: &mut [f32], shape: [usize; 3], axis: usize, taps: &[f64], beyond: Beyond) {
    let reach = taps.len() / 2;
    for_each_line(values, shape, axis, Vec::new, |longer: &mut Vec<f32>, line| {
        let n = line.len();
        longer.clear();
        let at = |i: usize| beyond.index(i as i64 - reach as i64, n).map_or(0.0, |i| line[i]);
        longer.extend((0..n + 2 * reach).map(at));
        for (i, value) in line.iter_mut().enumerate() {
            let sum: f64 = taps.iter().zip(&longer[i..]).map(|(tap, v)| tap * f64::from(*v)).sum();
            *value = sum as f32;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond() {
        let t = |beyond: Beyond, expected: [Option<usize>; 10]| {
            let found: Vec<Option<usize>> = (-3..7).map(|i| beyond.index(i, 4)).collect();
            assert_eq!(found, expected, "{beyond:?}");
        };
        let of = |list: [usize; 10]| list.map(Some);
        let none = None;
        t(Beyond::Zeros, [none, none, none, Some(0), Some(1), Some(2), Some(3), none, none, none]);
        t(Beyond::Reflect, of([3, 2, 1, 0, 1, 2, 3, 2, 1, 0]));
        t(Beyond::Replicate, of([0, 0, 0, 0, 1, 2, 3, 3, 3, 3]));
        t(Beyond::Circular, of([1, 2, 3, 0, 1, 2, 3, 0, 1, 2]));
        assert_eq!(Beyond::Reflect.index(-5, 1), Some(0));
    }
}
