//! The axes: three of space; the rest become channels.

use super::datatype::Stored;
use super::header::Header;
use super::problem::{HeaderError, Problem};

/// How the values of a file are arranged.
///
/// ```text
/// file     component (colours) · x · y · z · frame (dim[4]) · vector component (dim[5])      fastest first
/// volume                         x · y · z · channel
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrangement {
    /// Voxels along x, y, z.
    pub(super) shape: [usize; 3],
    /// `dim[4]`.
    pub(super) frames: usize,
    /// `dim[5]`.
    pub(super) vector: usize,
    /// The type.
    pub(super) stored: Stored,
}

impl Arrangement {
    /// Checks the axes; the product of all of them is known to fit.
    pub(super) fn from_header(header: &Header, stored: Stored) -> Result<Self, HeaderError> {
        let axes = header.dim[0];
        if !(1..=7).contains(&axes) {
            return Err(HeaderError::new("dim[0]", axes, Problem::AxisCount));
        }
        let mut dims = [1usize; 7];
        for axis in 1..=axes as usize {
            let value = header.dim[axis];
            let refuse = |problem| Err(HeaderError::new(format!("dim[{axis}]"), value, problem));
            match usize::try_from(value) {
                Ok(n) if n >= 1 && (axis <= 5 || n == 1) => dims[axis - 1] = n,
                Ok(n) if n >= 1 => return refuse(Problem::TooManyAxes),
                _ => return refuse(Problem::EmptyAxis),
            }
        }
        let [x, y, z, frames, vector, ..] = dims;
        let arrangement = Self { shape: [x, y, z], frames, vector, stored };
        // Twice, because unscaled values of one byte may become values of eight.
        let bytes = dims.iter().chain(&[stored.components, 16]).try_fold(1usize, |n, d| n.checked_mul(*d));
        match bytes {
            Some(bytes) if isize::try_from(bytes).is_ok() => Ok(arrangement),
            _ => Err(HeaderError::new("dim", arrangement.text(), Problem::TooManyValues)),
        }
    }

    /// Voxels of one channel.
    pub(super) fn voxels(&self) -> usize {
        self.shape.iter().product()
    }

    /// Channels of the volume.
    pub(super) fn channels(&self) -> usize {
        self.frames * self.vector * self.stored.components
    }

    /// Values of all channels.
    pub(super) fn values(&self) -> usize {
        self.voxels() * self.channels()
    }

    /// Bytes of all values in the file.
    pub(super) fn bytes(&self) -> u64 {
        self.values() as u64 * self.stored.dtype.size() as u64
    }

    /// The axes and the type, for messages.
    pub(super) fn text(&self) -> String {
        let [x, y, z] = self.shape;
        let more = |n: usize| if n > 1 { format!("×{n}") } else { String::new() };
        let Self { frames, vector, stored, .. } = *self;
        format!("{x}×{y}×{z}{}{} ({}{})", more(frames), more(vector), stored.dtype, more(stored.components))
    }
}

/// The axes with 1 in place of 0, as NIfTI's own library and ITK read them, and which axes these were. Zeros at the
/// end, beyond the third axis, are not axes. The first axis must have voxels.
pub(super) fn without_zeros(dim: &[i64; 8]) -> ([i64; 8], Vec<usize>) {
    let mut fixed = *dim;
    let axes = usize::try_from(dim[0]).unwrap_or(0).min(7);
    let zeros: Vec<usize> = (2..=axes).filter(|axis| dim[*axis] == 0).collect();
    zeros.iter().for_each(|axis| fixed[*axis] = 1);
    while fixed[0] > 3 && (4..=7).contains(&dim[0]) && dim[fixed[0] as usize] == 0 {
        fixed[0] -= 1;
    }
    (fixed, zeros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_ones() {
        fn t(dim: [i64; 8], expected: [i64; 8], axes: &[usize]) {
            assert_eq!(without_zeros(&dim), (expected, axes.to_vec()), "{dim:?}");
        }
        t([4, 4, 5, 6, 0, 1, 1, 1], [3, 4, 5, 6, 1, 1, 1, 1], &[4]);
        t([7, 4, 5, 6, 0, 0, 0, 0], [3, 4, 5, 6, 1, 1, 1, 1], &[4, 5, 6, 7]);
        t([5, 4, 5, 3, 0, 2, 0, 0], [5, 4, 5, 3, 1, 2, 0, 0], &[4]);
        t([3, 4, 0, 30, 0, 0, 0, 0], [3, 4, 1, 30, 0, 0, 0, 0], &[2]);
        t([3, 4, 5, 0, 1, 1, 1, 1], [3, 4, 5, 1, 1, 1, 1, 1], &[3]);
        t([2, 4, 0, 0, 1, 1, 1, 1], [2, 4, 1, 0, 1, 1, 1, 1], &[2]);
        for untouched in [[3, 0, 5, 6, 0, 0, 0, 0], [3, 4, -5, 6, 0, 0, 0, 0], [0; 8], [200, 0, 0, 0, 0, 0, 0, 0]] {
            let expected = if untouched[0] == 200 { vec![2, 3, 4, 5, 6, 7] } else { Vec::new() };
            assert_eq!(without_zeros(&untouched).1, expected, "{untouched:?}");
            assert_eq!(without_zeros(&untouched).0[0], untouched[0]);
        }
    }
}
