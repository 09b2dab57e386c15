//! Permutations of the three axes with flips.

/// A permutation and flip of the voxel axes: axis `a` of the result runs along axis `source(a)` of the source,
/// backwards if `flipped(a)`. It is exact: no value changes and no voxel is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignedPermutation {
    source: [usize; 3],
    flipped: [bool; 3],
}

impl SignedPermutation {
    /// Every axis stays as it is.
    pub const IDENTITY: Self = Self { source: [0, 1, 2], flipped: [false; 3] };

    /// A signed permutation, or `None` if `source` is not a permutation of 0, 1, 2.
    pub fn new(source: [usize; 3], flipped: [bool; 3]) -> Option<Self> {
        let mut seen = [false; 3];
        for s in source {
            *seen.get_mut(s)? = true;
        }
        seen.iter().all(|s| *s).then_some(Self { source, flipped })
    }

    /// Only flips, no exchange of axes.
    pub const fn flips(flipped: [bool; 3]) -> Self {
        Self { source: [0, 1, 2], flipped }
    }

    /// Which source axis the result's `axis` runs along.
    pub const fn source(&self, axis: usize) -> usize {
        self.source[axis]
    }

    /// Whether the result's `axis` runs backwards along its source axis.
    pub const fn flipped(&self, axis: usize) -> bool {
        self.flipped[axis]
    }

    /// Whether nothing is moved.
    pub fn is_identity(&self) -> bool {
        *self == Self::IDENTITY
    }

    /// The inverse permutation.
    pub fn inverse(&self) -> Self {
        let mut inverse = Self::IDENTITY;
        for axis in 0..3 {
            inverse.source[self.source[axis]] = axis;
            inverse.flipped[self.source[axis]] = self.flipped[axis];
        }
        inverse
    }

    /// The permutation that does `self` first and then `next`.
    pub fn then(&self, next: &Self) -> Self {
        let mut both = Self::IDENTITY;
        for axis in 0..3 {
            let middle = next.source[axis];
            both.source[axis] = self.source[middle];
            both.flipped[axis] = next.flipped[axis] != self.flipped[middle];
        }
        both
    }

    /// Reorders three values of the source axes (such as a shape) to the order of the result's axes.
    pub fn permute<T: Copy>(&self, values: [T; 3]) -> [T; 3] {
        self.source.map(|s| values[s])
    }

    /// All 48 signed permutations.
    pub fn all() -> impl Iterator<Item = Self> {
        const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        ORDERS.into_iter().flat_map(|source| {
            (0..8).map(move |bits| Self { source, flipped: [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0] })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverses_and_composition_form_a_group() {
        assert_eq!(SignedPermutation::all().count(), 48);
        for a in SignedPermutation::all() {
            assert!(a.then(&a.inverse()).is_identity());
            assert!(a.inverse().then(&a).is_identity());
            for b in SignedPermutation::all() {
                assert_eq!(a.then(&b).inverse(), b.inverse().then(&a.inverse()));
            }
        }
    }

    #[test]
    fn only_permutations_are_accepted() {
        assert!(SignedPermutation::new([0, 0, 1], [false; 3]).is_none());
        assert!(SignedPermutation::new([0, 1, 3], [false; 3]).is_none());
        assert!(SignedPermutation::new([2, 0, 1], [true, false, true]).is_some());
    }
}
