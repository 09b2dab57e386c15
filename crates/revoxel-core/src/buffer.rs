//! Values that a volume owns, or that are in memory of another owner (a mapped file).

use std::fmt;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;

use crate::Voxel;

/// Bytes of another owner, kept alive while they are in use.
pub type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// A flat buffer of values, used like a slice. Shared values are copied when they are first changed.
///
/// ```
/// use std::sync::Arc;
/// use revoxel_core::Buffer;
/// let mut buffer = Buffer::<u8>::shared(Arc::new([1u8, 2, 3, 4]), 1, 2).unwrap();
/// assert_eq!(&buffer[..], [2, 3]);
/// buffer[0] = 7;
/// assert_eq!(buffer.into_vec(), [7, 3]);
/// ```
#[derive(Clone)]
pub struct Buffer<T>(Storage<T>);

#[derive(Clone)]
enum Storage<T> {
    Own(Vec<T>),
    /// The values lie in these bytes, from `start` to `end`.
    Shared {
        bytes: SharedBytes,
        start: usize,
        end: usize,
    },
}

impl<T: Voxel> Buffer<T> {
    /// `count` values of shared bytes, the first at byte `start`. `None` if the bytes do not contain them all, or if
    /// `start` is not aligned to their size.
    pub fn shared(bytes: SharedBytes, start: usize, count: usize) -> Option<Self> {
        let end = count.checked_mul(size_of::<T>()).and_then(|length| start.checked_add(length))?;
        bytemuck::try_cast_slice::<u8, T>(bytes.as_ref().as_ref().get(start..end)?).ok()?;
        Some(Self(Storage::Shared { bytes, start, end }))
    }

    /// Whether the values are in memory of another owner.
    pub const fn is_shared(&self) -> bool {
        matches!(self.0, Storage::Shared { .. })
    }

    /// The values, copied if they are shared.
    pub fn into_vec(self) -> Vec<T> {
        match self.0 {
            Storage::Own(values) => values,
            Storage::Shared { .. } => self.to_vec(),
        }
    }

    /// Some of the values: the same bytes if they are shared, else a copy.
    ///
    /// # Panics
    /// If the range is beyond the buffer.
    pub fn part(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.len(), "{range:?} is beyond {}", self.len());
        match &self.0 {
            Storage::Own(values) => Self(Storage::Own(values[range].to_vec())),
            Storage::Shared { bytes, start, .. } => Self(Storage::Shared {
                bytes: Arc::clone(bytes),
                start: start + range.start * size_of::<T>(),
                end: start + range.end * size_of::<T>(),
            }),
        }
    }

    /// Drops the values from a position on. The memory is kept.
    pub fn truncate(&mut self, length: usize) {
        match &mut self.0 {
            Storage::Own(values) => values.truncate(length),
            Storage::Shared { start, end, .. } => *end = (*end).min(*start + length.saturating_mul(size_of::<T>())),
        }
    }
}

impl<T: Voxel> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Storage::Own(values) => values,
            Storage::Shared { bytes, start, end } => bytemuck::cast_slice(&bytes.as_ref().as_ref()[*start..*end]),
        }
    }
}

impl<T: Voxel> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        if self.is_shared() {
            self.0 = Storage::Own(self.to_vec());
        }
        match &mut self.0 {
            Storage::Own(values) => values,
            Storage::Shared { .. } => &mut [],
        }
    }
}

impl<T> From<Vec<T>> for Buffer<T> {
    fn from(values: Vec<T>) -> Self {
        Self(Storage::Own(values))
    }
}

impl<'a, T: Voxel> IntoIterator for &'a Buffer<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Voxel> PartialEq for Buffer<T> {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl<T: Voxel> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_values_are_copied_when_they_change() {
        let source: Arc<Vec<u8>> = Arc::new(bytemuck::cast_slice(&[1u64, 2, 3, 4]).to_vec());
        // A vector of bytes may begin anywhere, but this one was asked for by its own bytes: 1-byte values always fit.
        let all = Buffer::<u8>::shared(source.clone(), 0, 32).unwrap();
        let mut part = Buffer::<u8>::shared(source, 8, 9).unwrap();
        assert!(part.is_shared() && part == vec![2, 0, 0, 0, 0, 0, 0, 0, 3].into());
        part.truncate(100);
        assert!(part.part(8..9).is_shared() && part.part(8..9) == vec![3].into());
        part.truncate(2);
        assert!(part.is_shared() && part[..] == [2, 0]);
        part[1] = 9;
        assert!(!part.is_shared() && part.into_vec() == [2, 9]);
        assert_eq!(all[8..10], [2, 0], "the source is as it was");
    }

    #[test]
    fn what_does_not_fit_is_not_shared() {
        struct Aligned([u64; 4]);
        impl AsRef<[u8]> for Aligned {
            fn as_ref(&self) -> &[u8] {
                bytemuck::cast_slice(&self.0)
            }
        }
        let bytes: SharedBytes = Arc::new(Aligned([0, 1 << 32, 0, 0]));
        assert_eq!(Buffer::<u32>::shared(bytes.clone(), 12, 2).unwrap().into_vec(), [1, 0]);
        assert!(Buffer::<u32>::shared(bytes.clone(), 13, 2).is_none(), "not aligned");
        assert!(Buffer::<u32>::shared(bytes.clone(), 12, 6).is_none(), "too short");
        assert!(Buffer::<u64>::shared(bytes, usize::MAX, usize::MAX).is_none(), "no such place");
    }
}
