//! The closed list of voxel types.

use std::fmt;
use std::str::FromStr;

/// The type of a voxel's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// Unsigned 8 bit.
    U8,
    /// Signed 8 bit.
    I8,
    /// Unsigned 16 bit.
    U16,
    /// Signed 16 bit.
    I16,
    /// Unsigned 32 bit.
    U32,
    /// Signed 32 bit.
    I32,
    /// Unsigned 64 bit.
    U64,
    /// Signed 64 bit.
    I64,
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
}

impl Dtype {
    /// All voxel types.
    pub const ALL: [Self; 10] =
        [Self::U8, Self::I8, Self::U16, Self::I16, Self::U32, Self::I32, Self::U64, Self::I64, Self::F32, Self::F64];

    /// The name, as numpy spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::U16 => "uint16",
            Self::I16 => "int16",
            Self::U32 => "uint32",
            Self::I32 => "int32",
            Self::U64 => "uint64",
            Self::I64 => "int64",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    /// Bytes per voxel.
    pub const fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// Whether values are whole numbers.
    pub const fn is_integer(self) -> bool {
        !matches!(self, Self::F32 | Self::F64)
    }

    /// The smallest and largest value, as f64.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::U8 => (0.0, f64::from(u8::MAX)),
            Self::I8 => (f64::from(i8::MIN), f64::from(i8::MAX)),
            Self::U16 => (0.0, f64::from(u16::MAX)),
            Self::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
            Self::U32 => (0.0, f64::from(u32::MAX)),
            Self::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
            Self::U64 => (0.0, u64::MAX as f64),
            Self::I64 => (i64::MIN as f64, i64::MAX as f64),
            Self::F32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
            Self::F64 => (f64::MIN, f64::MAX),
        }
    }

    /// The smallest unsigned type that holds every label up to `highest`.
    pub fn smallest_for_labels(highest: f64) -> Self {
        let fits = |dtype: &Self| highest <= dtype.range().1;
        [Self::U8, Self::U16, Self::U32].into_iter().find(fits).unwrap_or(Self::U64)
    }

    /// The smallest type that holds every label from `lowest` to `highest`; unsigned if none is negative.
    pub fn smallest_for_label_range(lowest: f64, highest: f64) -> Self {
        if lowest >= 0.0 {
            return Self::smallest_for_labels(highest);
        }
        let fits = |dtype: &Self| dtype.range().0 <= lowest && highest <= dtype.range().1;
        [Self::I8, Self::I16, Self::I32].into_iter().find(fits).unwrap_or(Self::I64)
    }

    /// Whether this type holds every value of another type.
    pub(crate) const fn contains(self, other: Self) -> bool {
        let (bits, others) = (8 * self.size(), 8 * other.size());
        match (self, other) {
            (Self::F64, Self::U64 | Self::I64)
            | (Self::F32, Self::U32 | Self::I32 | Self::U64 | Self::I64 | Self::F64) => false,
            (Self::F32 | Self::F64, _) => true,
            (_, Self::F32 | Self::F64) => false,
            _ if self.is_signed() == other.is_signed() => bits >= others,
            _ => self.is_signed() && bits > others,
        }
    }

    const fn is_signed(self) -> bool {
        matches!(self, Self::I8 | Self::I16 | Self::I32 | Self::I64)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is not a voxel type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a voxel type: use uint8, int8, uint16, int16, uint32, int32, uint64, int64, float32 or float64")]
pub struct DtypeError(pub String);

impl FromStr for Dtype {
    type Err = DtypeError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|d| d.name() == name).ok_or_else(|| DtypeError(name.to_owned()))
    }
}

/// A Rust type that voxels are made of.
pub trait Voxel: bytemuck::Pod + PartialOrd + Default + Send + Sync + fmt::Debug {
    /// The type's name in the closed list.
    const DTYPE: Dtype;

    /// The value as f64. Exact for all but 64-bit integers beyond 2⁵³.
    fn to_f64(self) -> f64;

    /// The value as f32. Exact up to 24 bits.
    fn to_f32(self) -> f32;

    /// The nearest value of this type: whole numbers round half to even and saturate, NaN becomes 0.
    fn from_f64(value: f64) -> Self;

    /// The same for f32.
    fn from_f32(value: f32) -> Self;

    /// The value as an exact whole number, if it is one.
    fn whole(self) -> Option<i128>;

    /// The value of this type that equals a whole number exactly; `None` if the type has no such value.
    fn of_whole(value: i128) -> Option<Self>;

    /// The closest value of this type to a whole number.
    fn near_whole(value: i128) -> Self;
}

macro_rules! voxel {
    ($($rust:ty => $dtype:ident, $convert:expr, $single:expr, $whole:ident;)*) => {$(
        impl Voxel for $rust {
            const DTYPE: Dtype = Dtype::$dtype;

            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }

            #[inline(always)]
            fn to_f32(self) -> f32 {
                self as f32
            }

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                let convert: fn(f64) -> f64 = $convert;
                convert(value) as $rust
            }

            #[inline(always)]
            fn from_f32(value: f32) -> Self {
                let convert: fn(f32) -> f32 = $single;
                convert(value) as $rust
            }

            $whole!($rust);
        }
    )*};
}

macro_rules! whole_number {
    ($rust:ty) => {
        #[inline(always)]
        fn whole(self) -> Option<i128> {
            Some(self as i128)
        }

        #[inline(always)]
        fn of_whole(value: i128) -> Option<Self> {
            Self::try_from(value).ok()
        }

        #[inline(always)]
        fn near_whole(value: i128) -> Self {
            value.clamp(<$rust>::MIN as i128, <$rust>::MAX as i128) as Self
        }
    };
}

macro_rules! real_number {
    ($rust:ty) => {
        #[inline(always)]
        fn whole(self) -> Option<i128> {
            // Beyond this a number is no i128.
            const BOUND: $rust = (1u128 << 127) as $rust;
            (self.fract() == 0.0 && self.abs() < BOUND).then(|| self as i128)
        }

        #[inline(always)]
        fn of_whole(value: i128) -> Option<Self> {
            let near = value as Self;
            (near.whole() == Some(value)).then_some(near)
        }

        #[inline(always)]
        fn near_whole(value: i128) -> Self {
            value as Self
        }
    };
}

voxel! {
    u8 => U8, f64::round_ties_even, f32::round_ties_even, whole_number;
    i8 => I8, f64::round_ties_even, f32::round_ties_even, whole_number;
    u16 => U16, f64::round_ties_even, f32::round_ties_even, whole_number;
    i16 => I16, f64::round_ties_even, f32::round_ties_even, whole_number;
    u32 => U32, f64::round_ties_even, f32::round_ties_even, whole_number;
    i32 => I32, f64::round_ties_even, f32::round_ties_even, whole_number;
    u64 => U64, f64::round_ties_even, f32::round_ties_even, whole_number;
    i64 => I64, f64::round_ties_even, f32::round_ties_even, whole_number;
    f32 => F32, |v| v, |v| v, real_number;
    f64 => F64, |v| v, |v| v, real_number;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversion_rounds_half_to_even_and_saturates() {
        assert_eq!([0.5, 1.5, 2.5, -3.0, 300.0, f64::NAN].map(u8::from_f64), [0, 2, 2, 0, 255, 0]);
        assert_eq!([-0.5, -1.5, 40000.0, f64::NEG_INFINITY].map(i16::from_f64), [0, -2, i16::MAX, i16::MIN]);
        assert_eq!(f32::from_f64(0.1), 0.1);
        assert_eq!([0.5, 1.5, 2.5, -3.0, 300.0, f32::NAN].map(u8::from_f32), [0, 2, 2, 0, 255, 0]);
        assert_eq!([2_147_483_648.0, -1e30].map(i32::from_f32), [i32::MAX, i32::MIN]);
    }

    #[test]
    fn names_and_label_types() {
        for dtype in Dtype::ALL {
            assert_eq!(dtype.name().parse::<Dtype>().unwrap(), dtype);
        }
        assert!("float16".parse::<Dtype>().is_err());
        let t = Dtype::smallest_for_labels;
        assert_eq!(
            [t(0.0), t(255.0), t(256.0), t(7e4), t(5e9)],
            [Dtype::U8, Dtype::U8, Dtype::U16, Dtype::U32, Dtype::U64]
        );
    }
}
