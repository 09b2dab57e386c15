//! A map of whole indices.

use crate::{Affine, IndexBox, SignedPermutation};

/// A map of whole indices: a signed permutation and a shift. Maps an index of the target to the index of the source
/// that it is copied from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExactMap {
    /// Target axis `a` runs along source axis `permutation.source(a)`.
    pub permutation: SignedPermutation,
    /// Source index (by source axis) of target index (0, 0, 0).
    pub offset: [i64; 3],
}

impl ExactMap {
    /// The identity map.
    pub const IDENTITY: Self = Self { permutation: SignedPermutation::IDENTITY, offset: [0; 3] };

    /// The map of a window that starts at `start`.
    pub const fn shift(start: [i64; 3]) -> Self {
        Self { permutation: SignedPermutation::IDENTITY, offset: start }
    }

    /// The map of a permutation of a source grid with this shape.
    pub fn reorient(permutation: SignedPermutation, shape: [usize; 3]) -> Self {
        let mut offset = [0; 3];
        for axis in 0..3 {
            if permutation.flipped(axis) {
                let source = permutation.source(axis);
                offset[source] = shape[source] as i64 - 1;
            }
        }
        Self { permutation, offset }
    }

    /// The source index of a target index.
    pub fn apply(&self, target: [i64; 3]) -> [i64; 3] {
        let mut source = self.offset;
        for axis in 0..3 {
            let sign = if self.permutation.flipped(axis) { -1 } else { 1 };
            source[self.permutation.source(axis)] += sign * target[axis];
        }
        source
    }

    /// The map from the target of `next`, whose source is the target of `self`, to the source of `self`.
    pub fn then(&self, next: &Self) -> Self {
        Self { permutation: self.permutation.then(&next.permutation), offset: self.apply(next.offset) }
    }

    /// The inverse map.
    pub fn inverse(&self) -> Self {
        let turned = Self { permutation: self.permutation.inverse(), offset: [0; 3] };
        Self { offset: turned.apply(self.offset).map(|o| -o), ..turned }
    }

    /// The source box of a target box; empty for an empty one.
    pub fn apply_box(&self, target: &IndexBox) -> IndexBox {
        let a = self.apply(target.start);
        if target.is_empty() {
            return IndexBox { start: a, shape: [0; 3] };
        }
        let b = self.apply(target.end().map(|e| e - 1));
        IndexBox::from_bounds([0, 1, 2].map(|i| a[i].min(b[i])), [0, 1, 2].map(|i| a[i].max(b[i]) + 1))
    }

    /// The map as an affine; its entries are whole numbers.
    pub fn affine(&self) -> Affine {
        let mut linear = [[0.0; 3]; 3];
        for axis in 0..3 {
            linear[self.permutation.source(axis)][axis] = if self.permutation.flipped(axis) { -1.0 } else { 1.0 };
        }
        Affine::from_linear(linear, self.offset.map(|o| o as f64))
    }
}
