//! The order of values in a file: which axis is fastest, and in which direction each runs.

use revoxel_core::{Voxel, parallel};

use crate::buffer;
use crate::textual::{FieldError, Problem, numbers};

/// The order of the axes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Samples along each axis.
    sizes: Vec<usize>,
    /// For each axis, its rank in speed (0 is the fastest) and whether the file stores it backwards.
    ranks: Vec<(usize, bool)>,
}

impl Layout {
    /// Parses a layout such as `-0,-1,+2`; the sign of 0 matters.
    pub(super) fn parse(text: &str, sizes: &[usize]) -> Result<Self, FieldError> {
        let fail = |problem| FieldError::new("layout", text, problem);
        let words: Vec<&str> = text.split(',').map(str::trim).collect();
        numbers::counted("layout", text, words.len(), sizes.len())?;
        let rank = |word: &&str| {
            let (digits, backwards) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
                (Some(digits), _) => (digits, false),
                (_, Some(digits)) => (digits, true),
                _ => (*word, false),
            };
            digits.parse::<usize>().ok().map(|rank| (rank, backwards))
        };
        let not_ranks =
            || fail(Problem::NotANumber("the numbers from 0 on, each once, with + or - and separated by commas"));
        let ranks: Vec<(usize, bool)> = words.iter().map(rank).collect::<Option<_>>().ok_or_else(not_ranks)?;
        let mut seen: Vec<usize> = ranks.iter().map(|(rank, _)| *rank).collect();
        seen.sort_unstable();
        match seen.into_iter().eq(0..sizes.len()) {
            true => Ok(Self { sizes: sizes.to_vec(), ranks }),
            false => Err(not_ranks()),
        }
    }

    /// Values of all axes.
    pub(super) fn count(&self) -> usize {
        self.sizes.iter().product()
    }

    /// Whether the order is that of a volume.
    pub(super) fn is_plain(&self) -> bool {
        self.strides().0
            == Self { ranks: (0..self.sizes.len()).map(|rank| (rank, false)).collect(), ..self.clone() }.strides().0
    }

    /// The stride of each axis, and the position of the first sample. An axis of one sample has stride 0.
    fn strides(&self) -> (Vec<isize>, usize) {
        let mut strides = vec![0isize; self.sizes.len()];
        let mut step = 1usize;
        let mut start = 0;
        for rank in 0..self.sizes.len() {
            let axis = self.ranks.iter().position(|(r, _)| *r == rank).unwrap_or_default();
            let size = self.sizes[axis];
            if size > 1 {
                strides[axis] = if self.ranks[axis].1 { -(step as isize) } else { step as isize };
                start += if self.ranks[axis].1 { (size - 1) * step } else { 0 };
            }
            step *= size;
        }
        (strides, start)
    }

    /// Values in the order of a volume, the first axis fastest; each value has so many adjacent components.
    pub(super) fn to_volume<T: Voxel>(&self, values: &[T], components: usize) -> Option<Vec<T>> {
        let mut arranged: Vec<T> = buffer::zeroed(values.len())?;
        let (strides, start) = self.strides();
        let (row, step) = (self.sizes.first().copied().unwrap_or(1), strides.first().copied().unwrap_or(1));
        parallel::each_row(&mut arranged, row * components, |number, to| {
            let mut left = number;
            let mut at = start as isize;
            for (size, stride) in self.sizes.iter().zip(&strides).skip(1) {
                at += (left % size) as isize * stride;
                left /= size;
            }
            for (x, voxel) in to.chunks_mut(components).enumerate() {
                let from = (at + x as isize * step) as usize * components;
                voxel.copy_from_slice(&values[from..from + components]);
            }
        });
        Some(arranged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders() {
        fn t(text: &str, sizes: &[usize], plain: bool, expected: &[u8]) {
            let layout = Layout::parse(text, sizes).unwrap();
            let values: Vec<u8> = (0..layout.count() as u8).collect();
            assert_eq!((layout.is_plain(), layout.to_volume(&values, 1)), (plain, Some(expected.to_vec())), "{text}");
        }
        t("+0,+1", &[3, 2], true, &[0, 1, 2, 3, 4, 5]);
        t("-0,+1", &[3, 2], false, &[2, 1, 0, 5, 4, 3]);
        t("+0,-1", &[3, 2], false, &[3, 4, 5, 0, 1, 2]);
        t("+1,+0", &[3, 2], false, &[0, 2, 4, 1, 3, 5]);
        t("-1,+0", &[3, 2], false, &[4, 2, 0, 5, 3, 1]);
        t("+1,+2,+0", &[2, 2, 2], false, &[0, 2, 4, 6, 1, 3, 5, 7]);
        t("-2,+0,-1", &[1, 3, 1], true, &[0, 1, 2]);
        let pairs = Layout::parse("-0", &[2]).unwrap();
        assert_eq!(pairs.to_volume(&[1u8, 2, 3, 4], 2), Some(vec![3, 4, 1, 2]));
        for bad in ["+0", "+0,+0", "+0,+2", "a,b", "+0,+1,+2", "--0,+1"] {
            assert!(Layout::parse(bad, &[3, 2]).is_err(), "{bad}");
        }
    }
}
