//! Windows of one size in a volume.

use revoxel_core::IndexBox;

/// Windows of one size: they start at every combination of these indices, the last axis changing first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Windows {
    /// First indices along axis 0, 1, 2.
    pub(crate) starts: [Vec<i64>; 3],
    /// Voxels along each axis.
    pub(crate) size: [usize; 3],
}

impl Windows {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.starts.iter().map(Vec::len).product()
    }

    /// The window of a number, from 0 to below [`count`](Self::count).
    pub(crate) fn window(&self, number: usize) -> IndexBox {
        let (mut rest, mut start) = (number, [0; 3]);
        for a in [2, 1, 0] {
            start[a] = self.starts[a][rest % self.starts[a].len()];
            rest /= self.starts[a].len();
        }
        IndexBox { start, shape: self.size }
    }
}
