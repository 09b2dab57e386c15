//! Boxes of voxel indices.

/// An axis-aligned box of voxel indices, half open: `start .. start + shape` along each axis. The start may be
/// negative, and the box may extend beyond a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexBox {
    /// First index along each axis.
    pub start: [i64; 3],
    /// Number of voxels along each axis.
    pub shape: [usize; 3],
}

impl IndexBox {
    /// The box of all indices of a grid of this shape.
    pub const fn of_shape(shape: [usize; 3]) -> Self {
        Self { start: [0; 3], shape }
    }

    /// The box from `start` to `end` (exclusive); empty along an axis where `end <= start`.
    pub fn from_bounds(start: [i64; 3], end: [i64; 3]) -> Self {
        let length = |a: usize| usize::try_from(end[a].saturating_sub(start[a])).unwrap_or(0);
        Self { start, shape: [length(0), length(1), length(2)] }
    }

    /// One past the last index along each axis.
    pub fn end(&self) -> [i64; 3] {
        [0, 1, 2].map(|a| self.start[a].saturating_add_unsigned(self.shape[a] as u64))
    }

    /// Whether the box holds no voxel.
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// The intersection of two boxes (possibly empty).
    pub fn intersect(&self, other: &Self) -> Self {
        let (a, b) = (self.end(), other.end());
        Self::from_bounds([0, 1, 2].map(|i| self.start[i].max(other.start[i])), [0, 1, 2].map(|i| a[i].min(b[i])))
    }

    /// Whether every voxel of `other` is in this box.
    pub fn contains(&self, other: &Self) -> bool {
        other.is_empty() || self.intersect(other) == *other
    }

    /// The box moved by a vector.
    pub fn shifted(&self, by: [i64; 3]) -> Self {
        Self { start: [0, 1, 2].map(|a| self.start[a].saturating_add(by[a])), shape: self.shape }
    }

    /// Whether a continuous index lies in the box, counting half a voxel around the outermost centres
    /// (and a millionth of a voxel for rounding).
    pub fn covers(&self, p: [f64; 3]) -> bool {
        let end = self.end();
        (0..3).all(|a| p[a] >= self.start[a] as f64 - 0.5 - 1e-6 && p[a] <= end[a] as f64 - 0.5 + 1e-6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_intersect_and_contain() {
        let a = IndexBox { start: [-2, 0, 3], shape: [5, 4, 2] };
        let b = IndexBox::of_shape([10, 2, 4]);
        assert_eq!(a.intersect(&b), IndexBox { start: [0, 0, 3], shape: [3, 2, 1] });
        assert!(!b.contains(&a) && b.contains(&a.intersect(&b)));
        assert!(IndexBox::from_bounds([3, 0, 0], [1, 5, 5]).is_empty());
        assert!(a.covers([-2.5, 0.0, 4.5]) && !a.covers([-2.51, 0.0, 4.5]));
    }
}
