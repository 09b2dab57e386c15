//! Moving an axis to the position of channels, and back.
//!
//! ```text
//! in the file   inner · moved · outer      r g b r g b     (inner 1, moved 3, outer 2)
//! in a volume   inner · outer · moved      r r g g b b
//! ```

use revoxel_core::{Voxel, parallel};

use crate::buffer;

/// Values per task: what a task reads and writes stays in the cache.
const BLOCK: usize = 1 << 14;

/// Makes an axis the slowest one; `None` if there is no memory.
pub(crate) fn to_slowest<T: Voxel>(values: &[T], inner: usize, moved: usize, outer: usize) -> Option<Vec<T>> {
    let mut out: Vec<T> = buffer::zeroed(values.len())?;
    let rows = (BLOCK / (inner * moved)).max(1);
    let mut blocks: Vec<Vec<&mut [T]>> = (0..outer.div_ceil(rows)).map(|_| Vec::with_capacity(moved)).collect();
    for plane in out.chunks_mut(inner * outer) {
        plane.chunks_mut(rows * inner).zip(&mut blocks).for_each(|(piece, block)| block.push(piece));
    }
    parallel::each(blocks.into_iter().zip(values.chunks(rows * moved * inner)), |(pieces, from)| {
        for (k, piece) in pieces.into_iter().enumerate() {
            if inner == 1 {
                piece.iter_mut().zip(from.iter().skip(k).step_by(moved)).for_each(|(to, from)| *to = *from);
            } else {
                let cells = from.chunks(inner).skip(k).step_by(moved);
                piece.chunks_mut(inner).zip(cells).for_each(|(to, from)| to.copy_from_slice(from));
            }
        }
    });
    Some(out)
}

/// Puts the slowest axis back where it was: the inverse of [`to_slowest`].
pub(crate) fn from_slowest<T: Voxel>(values: &[T], inner: usize, moved: usize, outer: usize) -> Option<Vec<T>> {
    let mut out: Vec<T> = buffer::zeroed(values.len())?;
    let rows = (BLOCK / (inner * moved)).max(1);
    parallel::each(out.chunks_mut(rows * moved * inner).enumerate(), |(block, to)| {
        for k in 0..moved {
            let from = &values[(k * outer + block * rows) * inner..];
            if inner == 1 {
                to.iter_mut().skip(k).step_by(moved).zip(from).for_each(|(to, from)| *to = *from);
            } else {
                let cells = to.chunks_mut(inner).skip(k).step_by(moved);
                cells.zip(from.chunks(inner)).for_each(|(to, from)| to.copy_from_slice(from));
            }
        }
    });
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let stored = [1u8, 2, 3, 4, 5, 6];
        assert_eq!(to_slowest(&stored, 1, 3, 2).unwrap(), [1, 4, 2, 5, 3, 6]);
        assert_eq!(to_slowest(&stored, 2, 3, 1).unwrap(), stored);
        for (inner, moved, outer) in [(1, 3, 40_000), (7, 2, 5000), (40_000, 2, 3), (3, 50_000, 2), (5, 1, 4)] {
            let values: Vec<i32> = (0..(inner * moved * outer) as i32).collect();
            let there = to_slowest(&values, inner, moved, outer).unwrap();
            for (i, k, o) in [(0, 0, 0), (inner - 1, moved - 1, outer - 1), (inner / 2, moved / 2, outer / 2)] {
                assert_eq!(there[(k * outer + o) * inner + i], values[(o * moved + k) * inner + i]);
            }
            assert_eq!(from_slowest(&there, inner, moved, outer).unwrap(), values, "{inner} {moved} {outer}");
        }
    }
}
