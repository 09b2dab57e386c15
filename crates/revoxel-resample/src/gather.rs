//! Nearest voxels if the axes of source and target line up: one table of offsets per axis.

use revoxel_core::{IndexBox, Voxel};

use crate::aligned::Aligned;
use crate::simd::vectorised;
use crate::taps::{Along, Range};
use crate::{How, Outside};

/// Target planes that are computed together if the source's fastest axis becomes the target's slowest.
const BLOCK: usize = 16;

/// Source offsets by target index, per target axis; the tables start at `first`.
pub(crate) struct Gather {
    first: [i64; 3],
    offsets: [Vec<usize>; 3],
    /// The target axis along the source's axis 0.
    fastest: usize,
    /// Length of the source.
    length: usize,
}

impl Gather {
    pub(crate) fn new(
        axes: &Aligned,
        ranges: &[Range; 3],
        source: [usize; 3],
        how: &How,
        along: [Along; 3],
        inside: &IndexBox,
    ) -> Self {
        let outside = how.outside;
        let strides = [1, source[0], source[0] * source[1]];
        let mut offsets = [const { Vec::new() }; 3];
        for (axis, &(target, scale, shift)) in axes.iter().enumerate() {
            let range = ranges[axis];
            let offset = |v: i64| {
                let position = scale * v as f64 + shift;
                let position = if outside == Outside::Reflection { range.place(position, outside) } else { position };
                let Along::Nearest(tie) = along[axis] else { unreachable!("voxels are gathered by nearest") };
                range.nearest(position, tie) as usize * strides[axis]
            };
            let targets = inside.start[target]..inside.end()[target];
            let turned = matches!(along[axis], Along::Nearest(tie) if tie.flipped());
            let apart = !turned && how.through.is_some_and(|through| through.axis == axis);
            if apart && let Some(slices) = range.closest((scale, shift), targets) {
                offsets[target] = slices.into_iter().map(|slice| slice as usize * strides[axis]).collect();
                continue;
            }
            offsets[target] = (inside.start[target]..inside.end()[target]).map(offset).collect();
        }
        let highest: usize = offsets.iter().map(|o| o.iter().copied().max().unwrap_or(0)).sum();
        Self { first: inside.start, offsets, fastest: axes[0].0, length: highest + 1 }
    }

    /// How many target planes belong together.
    pub(crate) fn block(&self, planes: usize) -> usize {
        if self.fastest == 2 { BLOCK.min(planes.div_ceil(8)).max(1) } else { 1 }
    }

    /// Gathers a box of a block of target planes; `region` is in target indices, the block starts at plane `z0`.
    pub(crate) fn block_of<T: Voxel, O: Voxel>(
        &self,
        source: &[T],
        region: &IndexBox,
        width: [usize; 2],
        convert: impl Fn(T) -> O + Copy,
        z0: i64,
        out: &mut [O],
    ) {
        assert!(source.len() >= self.length);
        let z = (region.start[2] - self.first[2]) as usize;
        let tables = [&self.offsets[0][..], &self.offsets[1][..], &self.offsets[2][z..z + region.shape[2]]];
        let start = [region.start[0], region.start[1], region.start[2] - z0].map(|s| s as usize);
        let out = &mut out[start[0] + width[0] * (start[1] + width[1] * start[2])..];
        gather(source, tables, [width[0], width[0] * width[1]], self.fastest == 2, convert, out);
    }
}

vectorised! {
    /// Gathers voxels whose offsets are sums of three table entries, all of which lie in the source.
    #[allow(unsafe_code)]
    fn gather[T: Copy, O: Copy, F: Fn(T) -> O + Copy](
        source: &[T],
        tables: [&[usize]; 3],
        steps: [usize; 2],
        turned: bool,
        convert: F,
        out: &mut [O],
    ) {
        // SAFETY: the caller has checked the highest sum of offsets against the source's length.
        let at = |offset: usize| convert(unsafe { *source.get_unchecked(offset) });
        if turned {
            for (y, oy) in tables[1].iter().enumerate() {
                for (first, xs) in tables[0].chunks(32).enumerate() {
                    for (z, oz) in tables[2].iter().enumerate() {
                        let row = &mut out[first * 32 + y * steps[0] + z * steps[1]..][..xs.len()];
                        row.iter_mut().zip(xs).for_each(|(o, ox)| *o = at(ox + oy + oz));
                    }
                }
            }
            return;
        }
        for (z, oz) in tables[2].iter().enumerate() {
            for (y, oy) in tables[1].iter().enumerate() {
                let start = y * steps[0] + z * steps[1];
                if y > 0 && *oy == tables[1][y - 1] {
                    let count = tables[0].len();
                    out.copy_within(start - steps[0]..start - steps[0] + count, start);
                    continue;
                }
                let row = &mut out[start..start + tables[0].len()];
                row.iter_mut().zip(tables[0]).for_each(|(o, ox)| *o = at(ox + oy + oz));
            }
        }
    }
}
