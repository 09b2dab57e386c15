//! Nearest voxels where the axes of source and target line up: one table of offsets per axis.

use revoxel_core::{IndexBox, Voxel};

use crate::Outside;
use crate::pass::Aligned;
use crate::taps::Range;

/// Source offsets by target index, per target axis; the tables start at `first`.
pub(crate) struct Gather {
    first: [i64; 3],
    offsets: [Vec<usize>; 3],
}

impl Gather {
    pub(crate) fn new(
        axes: &Aligned,
        ranges: &[Range; 3],
        source: [usize; 3],
        outside: Outside,
        ties_down: [bool; 3],
        inside: &IndexBox,
    ) -> Self {
        let strides = [1, source[0], source[0] * source[1]];
        let mut offsets = [const { Vec::new() }; 3];
        for (axis, &(target, scale, shift)) in axes.iter().enumerate() {
            let range = ranges[axis];
            let offset = |v: i64| {
                let position = scale * v as f64 + shift;
                let position = if outside == Outside::Reflection { range.place(position, outside) } else { position };
                range.nearest(position, ties_down[axis]) as usize * strides[axis]
            };
            offsets[target] = (inside.start[target]..inside.end()[target]).map(offset).collect();
        }
        Self { first: inside.start, offsets }
    }

    /// Gathers one target row that starts at target index `at`.
    pub(crate) fn row<T: Voxel, O: Voxel>(&self, source: &[T], at: [i64; 3], convert: impl Fn(T) -> O, row: &mut [O]) {
        let [_, y, z] = [0, 1, 2].map(|a| (at[a] - self.first[a]) as usize);
        let line = &source[self.offsets[1][y] + self.offsets[2][z]..];
        row.iter_mut().zip(&self.offsets[0]).for_each(|(o, offset)| *o = convert(line[*offset]));
    }
}
