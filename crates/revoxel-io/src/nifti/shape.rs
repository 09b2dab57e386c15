//! The axes: three of space, and channels from what is left.

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
