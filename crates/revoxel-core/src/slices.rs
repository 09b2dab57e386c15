//! Stacks of unevenly spaced slices.
//!
//! ```text
//! even      |   |   |   |   |        index along axis 2: 0 1 2 3 4
//! uneven    |  |  | |      |         places: 0, 0.8, 1.5, 2.1, 4 (and shifts within the slices)
//! ```
//!
//! Between two slices everything is linear, so the map from stack indices to even indices is piecewise affine and has
//! an inverse.

/// The position of each slice of a stack relative to an even grid with as many slices: the centre of voxel (i, j) of
/// slice k is at index (i + a, j + b, k + c) of the even grid, where each slice has its own (a, b, c).
#[derive(Clone, Debug, PartialEq)]
pub struct Slices {
    offsets: Vec<[f64; 3]>,
}

/// Why numbers are not a valid stack.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SlicesError {
    /// One slice has no neighbour.
    #[error("an uneven stack needs at least two slices, found {0}")]
    TooFew(usize),
    /// The position of a slice is not finite.
    #[error("the position of slice {0} is not a finite number")]
    NotFinite(usize),
    /// Two slices are not in order.
    #[error("slice {0} and the next are not in order along the axis")]
    NotInOrder(usize),
}

impl Slices {
    /// A stack from the offsets of its slices, in voxels of the even grid.
    ///
    /// # Errors
    /// If there are less than two slices, an offset is not finite, or two slices are not in order.
    pub fn new(offsets: Vec<[f64; 3]>) -> Result<Self, SlicesError> {
        if offsets.len() < 2 {
            return Err(SlicesError::TooFew(offsets.len()));
        }
        if let Some(slice) = offsets.iter().position(|o| !o.iter().all(|v| v.is_finite())) {
            return Err(SlicesError::NotFinite(slice));
        }
        let stack = Self { offsets };
        match (1..stack.offsets.len()).find(|k| stack.place(*k) <= stack.place(k - 1) + 1e-9) {
            Some(k) => Err(SlicesError::NotInOrder(k - 1)),
            None => Ok(stack),
        }
    }

    /// How many slices there are.
    pub fn count(&self) -> usize {
        self.offsets.len()
    }

    /// The offsets of the slices, in voxels of the even grid.
    pub fn offsets(&self) -> &[[f64; 3]] {
        &self.offsets
    }

    /// The even index of a stack index. Between slices and beyond the ends everything is linear.
    pub fn to_even(&self, index: [f64; 3]) -> [f64; 3] {
        let offset = self.offset_at(index[2]);
        [0, 1, 2].map(|a| index[a] + offset[a])
    }

    /// The stack index of an even index.
    pub fn from_even(&self, index: [f64; 3]) -> [f64; 3] {
        // The interval whose lower slice lies below; the first or last one for what lies beyond.
        let above = self.offsets.iter().enumerate().position(|(k, o)| k as f64 + o[2] > index[2]);
        let low = above.unwrap_or(self.count()).clamp(1, self.count() - 1) - 1;
        let (a, b) = (self.place(low), self.place(low + 1));
        let k = low as f64 + (index[2] - a) / (b - a);
        let offset = self.offset_at(k);
        [index[0] - offset[0], index[1] - offset[1], k]
    }

    /// The same stack in a window of the volume that begins at slice `start`: slices beyond the ends lie as far apart as the
    /// last ones. The numbers are those of at least two slices.
    pub(crate) fn windowed(&self, start: i64, count: usize) -> Self {
        Self { offsets: (0..count.max(2)).map(|k| self.offset_at((start + k as i64) as f64)).collect() }
    }

    /// Place of a slice along axis 2, in voxels of the even grid.
    fn place(&self, slice: usize) -> f64 {
        slice as f64 + self.offsets[slice][2]
    }

    fn offset_at(&self, k: f64) -> [f64; 3] {
        let low = (k.floor().max(0.0) as usize).min(self.count() - 2);
        let t = k - low as f64;
        let (a, b) = (self.offsets[low], self.offsets[low + 1]);
        [0, 1, 2].map(|i| a[i] + t * (b[i] - a[i]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack() -> Slices {
        Slices::new(vec![[0.0, 0.0, 0.0], [0.5, -1.0, -0.2], [1.0, 2.0, -0.5], [1.5, 0.0, 0.4]]).unwrap()
    }

    #[test]
    fn even_and_stack_indices_undo_each_other() {
        for step in 0..60 {
            let k = -1.0 + f64::from(step) * 0.1;
            let even = stack().to_even([3.0, 4.0, k]);
            let back = stack().from_even(even);
            assert!((0..3).all(|a| (back[a] - [3.0, 4.0, k][a]).abs() < 1e-12), "{k}: {back:?}");
        }
        assert_eq!(stack().to_even([0.0, 0.0, 2.0]), [1.0, 2.0, 1.5]);
    }

    #[test]
    fn a_window_shows_the_same_places() {
        for (start, count) in [(0, 4), (1, 2), (2, 1), (-3, 10)] {
            let window = stack().windowed(start, count);
            for step in 0..60 {
                let k = start as f64 - 1.0 + f64::from(step) * 0.1;
                let (whole, shown) = (stack().from_even([3.0, 4.0, k]), window.from_even([3.0, 4.0, k - start as f64]));
                let inside = (start as f64..=(start + count as i64 - 1) as f64).contains(&whole[2]);
                let off = (whole[2] - start as f64 - shown[2]).abs().max((whole[0] - shown[0]).abs());
                assert!(!inside || off < 1e-12, "{start} {count} {k}: {whole:?} {shown:?}");
            }
        }
    }

    #[test]
    fn what_is_no_stack_is_refused() {
        let t = |offsets: Vec<[f64; 3]>| Slices::new(offsets).unwrap_err();
        assert_eq!(t(vec![[0.0; 3]]), SlicesError::TooFew(1));
        assert_eq!(t(vec![[0.0; 3], [f64::NAN, 0.0, 0.0]]), SlicesError::NotFinite(1));
        assert_eq!(t(vec![[0.0; 3], [0.0, 0.0, -1.0], [0.0; 3]]), SlicesError::NotInOrder(0));
    }
}
