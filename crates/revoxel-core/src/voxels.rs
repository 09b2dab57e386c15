//! Typed voxel buffers.

use crate::{Buffer, Dtype, Voxel};

/// A flat buffer of voxels of one type. Axis 0 varies fastest, then axis 1, axis 2, and the channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Voxels {
    /// Unsigned 8 bit.
    U8(Buffer<u8>),
    /// Signed 8 bit.
    I8(Buffer<i8>),
    /// Unsigned 16 bit.
    U16(Buffer<u16>),
    /// Signed 16 bit.
    I16(Buffer<i16>),
    /// Unsigned 32 bit.
    U32(Buffer<u32>),
    /// Signed 32 bit.
    I32(Buffer<i32>),
    /// Unsigned 64 bit.
    U64(Buffer<u64>),
    /// Signed 64 bit.
    I64(Buffer<i64>),
    /// IEEE single precision.
    F32(Buffer<f32>),
    /// IEEE double precision.
    F64(Buffer<f64>),
}

/// Runs one generic expression on the typed buffer inside a [`Voxels`] (by value or by reference).
///
/// ```
/// use revoxel_core::{dispatch, Voxel, Voxels};
/// let voxels = Voxels::from(vec![1i16, 2, 3]);
/// let sum: f64 = dispatch!(&voxels, v => v.iter().map(|x| x.to_f64()).sum());
/// assert_eq!(sum, 6.0);
/// ```
#[macro_export]
macro_rules! dispatch {
    ($voxels:expr, $buffer:ident => $body:expr) => {
        match $voxels {
            $crate::Voxels::U8($buffer) => $body,
            $crate::Voxels::I8($buffer) => $body,
            $crate::Voxels::U16($buffer) => $body,
            $crate::Voxels::I16($buffer) => $body,
            $crate::Voxels::U32($buffer) => $body,
            $crate::Voxels::I32($buffer) => $body,
            $crate::Voxels::U64($buffer) => $body,
            $crate::Voxels::I64($buffer) => $body,
            $crate::Voxels::F32($buffer) => $body,
            $crate::Voxels::F64($buffer) => $body,
        }
    };
}

/// Runs one generic expression with a type name bound to the Rust type of a [`Dtype`].
///
/// ```
/// use revoxel_core::{dispatch_dtype, Dtype, Voxels};
/// let zeros: Voxels = dispatch_dtype!(Dtype::F32, T => vec![T::default(); 4].into());
/// assert_eq!(zeros.len(), 4);
/// ```
#[macro_export]
macro_rules! dispatch_dtype {
    ($dtype:expr, $voxel:ident => $body:expr) => {
        match $dtype {
            $crate::Dtype::U8 => {
                type $voxel = u8;
                $body
            }
            $crate::Dtype::I8 => {
                type $voxel = i8;
                $body
            }
            $crate::Dtype::U16 => {
                type $voxel = u16;
                $body
            }
            $crate::Dtype::I16 => {
                type $voxel = i16;
                $body
            }
            $crate::Dtype::U32 => {
                type $voxel = u32;
                $body
            }
            $crate::Dtype::I32 => {
                type $voxel = i32;
                $body
            }
            $crate::Dtype::U64 => {
                type $voxel = u64;
                $body
            }
            $crate::Dtype::I64 => {
                type $voxel = i64;
                $body
            }
            $crate::Dtype::F32 => {
                type $voxel = f32;
                $body
            }
            $crate::Dtype::F64 => {
                type $voxel = f64;
                $body
            }
        }
    };
}

macro_rules! from_vec {
    ($($rust:ty => $variant:ident),*) => {$(
        impl From<Vec<$rust>> for Voxels {
            fn from(buffer: Vec<$rust>) -> Self {
                Self::$variant(buffer.into())
            }
        }

        impl From<Buffer<$rust>> for Voxels {
            fn from(buffer: Buffer<$rust>) -> Self {
                Self::$variant(buffer)
            }
        }
    )*};
}

from_vec!(u8 => U8, i8 => I8, u16 => U16, i16 => I16, u32 => U32, i32 => I32, u64 => U64, i64 => I64, f32 => F32, f64 => F64);

impl Voxels {
    /// The voxel type.
    pub fn dtype(&self) -> Dtype {
        fn of<T: Voxel>(_: &[T]) -> Dtype {
            T::DTYPE
        }
        dispatch!(self, v => of(v))
    }

    /// How many values there are (all channels).
    pub fn len(&self) -> usize {
        dispatch!(self, v => v.len())
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the values are in memory of another owner, such as a mapped file.
    pub fn is_shared(&self) -> bool {
        dispatch!(self, v => v.is_shared())
    }

    /// The bytes of the buffer in the machine's byte order.
    pub fn bytes(&self) -> &[u8] {
        dispatch!(self, v => bytemuck::cast_slice(v))
    }

    /// One value as f64.
    ///
    /// # Panics
    /// If the position is beyond the buffer.
    pub fn get(&self, position: usize) -> f64 {
        dispatch!(self, v => v[position].to_f64())
    }

    /// The buffer as bytes to write to, in this machine's byte order.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        dispatch!(self, v => bytemuck::cast_slice_mut(v))
    }

    /// Drops the voxels from a position on. The memory is kept.
    pub fn truncate(&mut self, length: usize) {
        dispatch!(self, v => v.truncate(length));
    }

    /// The buffer in another type; whole numbers round half to even and saturate. The same type costs nothing.
    pub fn cast(self, to: Dtype) -> Self {
        if self.dtype() == to {
            return self;
        }
        fn convert<S: Voxel, T: Voxel>(from: &[S]) -> Vec<T> {
            // f64 is not exact between these two.
            if matches!((S::DTYPE, T::DTYPE), (Dtype::U64, Dtype::I64) | (Dtype::I64, Dtype::U64)) {
                return from.iter().map(|v| T::near_whole(v.whole().unwrap_or_default())).collect();
            }
            from.iter().map(|v| T::from_f64(v.to_f64())).collect()
        }
        dispatch!(&self, v => dispatch_dtype!(to, T => convert::<_, T>(v).into()))
    }

    /// The smallest and largest finite value; `None` if no value is finite.
    pub fn min_max(&self) -> Option<(f64, f64)> {
        fn range<T: Voxel>(values: &[T]) -> Option<(f64, f64)> {
            let finite = |v: &T| T::DTYPE.is_integer() || v.to_f64().is_finite();
            let mut numbers = values.iter().copied().filter(finite);
            let first = numbers.next()?;
            let (low, high) = numbers.fold((first, first), |(low, high), v| {
                (if v < low { v } else { low }, if v > high { v } else { high })
            });
            Some((low.to_f64(), high.to_f64()))
        }
        dispatch!(self, v => range(v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casting_and_range() {
        let v = Voxels::from(vec![-1.5f32, 2.5, 300.0, f32::NAN]);
        assert_eq!(v.min_max(), Some((-1.5, 300.0)));
        assert_eq!(v.clone().cast(Dtype::U8), Voxels::from(vec![0u8, 2, 255, 0]));
        assert_eq!(v.dtype(), Dtype::F32);
        assert_eq!(Voxels::from(vec![f32::NAN, f32::INFINITY]).min_max(), None);
        assert_eq!(Voxels::from(vec![f64::NEG_INFINITY, 2.0, f64::INFINITY, 1.0]).min_max(), Some((1.0, 2.0)));
    }
}
