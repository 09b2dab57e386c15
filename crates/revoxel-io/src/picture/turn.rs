//! How a picture is turned for display: the values of Orientation (TIFF tag 274, also in EXIF).
//!
//! ```text
//! stored   1    2    3    4    5    6    7    8        the first row and column are shown at
//!  A B    A B  B A  D C  C D  A C  C A  D B  B D       1 top left    2 top right   3 bottom right  4 bottom left
//!  C D    C D  D C  B A  A B  B D  D B  C A  A C       5 left top    6 right top   7 right bottom  8 left bottom
//! ```

/// TIFF 6.0, section 8, Orientation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn(u8);

impl Turn {
    pub(super) const NONE: Self = Self(1);

    /// 1 to 8.
    pub(super) fn of(value: u64) -> Option<Self> {
        u8::try_from(value).ok().filter(|value| (1..=8).contains(value)).map(Self)
    }

    /// Whether stored rows are shown as columns.
    pub(super) const fn swaps(self) -> bool {
        self.0 >= 5
    }

    /// Converts the stored size (columns, rows) of a picture to the shown size, and back.
    pub(super) const fn size(self, [columns, rows]: [usize; 2]) -> [usize; 2] {
        if self.swaps() { [rows, columns] } else { [columns, rows] }
    }

    /// The samples in the shown order; `size` is the shown size.
    pub(super) fn apply<T: Copy>(self, stored: &[T], size: [usize; 2], channels: usize) -> Vec<T> {
        let [width, height] = size;
        let [columns, rows] = self.size(size);
        let mut shown = Vec::with_capacity(stored.len());
        for y in 0..height {
            for x in 0..width {
                let (column, row) = match self.0 {
                    2 => (columns - 1 - x, y),
                    3 => (columns - 1 - x, rows - 1 - y),
                    4 => (x, rows - 1 - y),
                    5 => (y, x),
                    6 => (y, rows - 1 - x),
                    7 => (columns - 1 - y, rows - 1 - x),
                    8 => (columns - 1 - y, x),
                    _ => (x, y),
                };
                let start = (row * columns + column) * channels;
                shown.extend_from_slice(&stored[start..start + channels]);
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_turned_as_pillow_turns_them() {
        // Two rows of three pixels; with Pillow 13, `ImageOps.exif_transpose`.
        for (value, size, expected) in [
            (1, [3, 2], [0, 1, 2, 3, 4, 5]),
            (2, [3, 2], [2, 1, 0, 5, 4, 3]),
            (3, [3, 2], [5, 4, 3, 2, 1, 0]),
            (4, [3, 2], [3, 4, 5, 0, 1, 2]),
            (5, [2, 3], [0, 3, 1, 4, 2, 5]),
            (6, [2, 3], [3, 0, 4, 1, 5, 2]),
            (7, [2, 3], [5, 2, 4, 1, 3, 0]),
            (8, [2, 3], [2, 5, 1, 4, 0, 3]),
        ] {
            let turn = Turn::of(value).unwrap();
            assert_eq!(turn.size([3, 2]), size, "{value}");
            assert_eq!(turn.apply(&[0, 1, 2, 3, 4, 5], size, 1), expected, "{value}");
        }
        assert_eq!(Turn::of(3).unwrap().apply(&[0, 1, 2, 3, 4, 5], [3, 1], 2), [4, 5, 2, 3, 0, 1]);
        assert_eq!((Turn::of(0), Turn::of(9), Turn::of(u64::MAX)), (None, None, None));
    }
}
