//! Voxel values as exact numbers; f64 does not hold every 64-bit integer.

use std::fmt;

use crate::{Dtype, Kind, Voxel, Voxels, dispatch};

/// A value that is exact whatever its voxel type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole number.
    Whole(i128),
    /// Any other number.
    Real(f64),
}

impl Number {
    /// The value of a voxel.
    pub fn of<T: Voxel>(value: T) -> Self {
        value.whole().map_or_else(|| Self::Real(value.to_f64()), Self::Whole)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::of(value)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => write!(f, "{value}"),
            Self::Real(value) => write!(f, "{value}"),
        }
    }
}

/// No voxel type holds both this value and the labels of a map.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "no voxel type can store both {value} and the values {lowest} to {highest}: choose another fill or padding value, \
     or use smaller label numbers"
)]
pub struct NoCommonType {
    /// The value.
    pub value: f64,
    /// The lowest label.
    pub lowest: i128,
    /// The highest label.
    pub highest: i128,
}

impl Dtype {
    /// The smallest integer type that holds everything from `lowest` to `highest`; unsigned if `lowest` is not
    /// negative. `None` if the range needs more than 64 bits.
    pub fn smallest_for_whole(lowest: i128, highest: i128) -> Option<Self> {
        let unsigned = [Self::U8, Self::U16, Self::U32, Self::U64];
        let signed = [Self::I8, Self::I16, Self::I32, Self::I64];
        let types = if lowest >= 0 { unsigned } else { signed };
        types.into_iter().find(|dtype| dtype.holds_whole(lowest) && dtype.holds_whole(highest))
    }

    /// The type that voxels of this type get when a value, such as a fill, is added. If no type holds both, labels get
    /// the 64-bit integer type that holds the value, and may not fit: see
    /// [`Volume::dtype_with`](crate::Volume::dtype_with). Other kinds get the type of [`holding`](Self::holding).
    pub fn with(self, kind: Kind, value: f64) -> Self {
        let other = match self {
            Self::U64 => Self::I64,
            Self::I64 => Self::U64,
            // Single precision rounds large labels.
            Self::F32 => Self::F64,
            _ => return self.holding(value),
        };
        let wanted = kind == Kind::Label && !self.holds_label(value) && other.holds_label(value);
        if wanted { other } else { self.holding(value) }
    }

    /// Whether this type holds a whole number exactly.
    pub fn holds_whole(self, value: i128) -> bool {
        crate::dispatch_dtype!(self, T => T::of_whole(value).is_some())
    }
}

impl Voxels {
    /// The smallest and the largest value as whole numbers: fractions round half to even, and values that are not
    /// finite are ignored. `None` if no value is finite.
    pub fn whole_range(&self) -> Option<(i128, i128)> {
        fn of<T: Voxel>(values: &[T]) -> Option<(i128, i128)> {
            let finite = |v: &T| v.to_f64().is_finite();
            let mut numbers = values.iter().copied().filter(finite);
            let first = numbers.next()?;
            let (low, high) = numbers.fold((first, first), |(low, high), v| {
                (if v < low { v } else { low }, if v > high { v } else { high })
            });
            let whole = |v: T| v.whole().unwrap_or_else(|| v.to_f64().round_ties_even() as i128);
            Some((whole(low), whole(high)))
        }
        dispatch!(self, v => of(v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEYOND: i128 = (1 << 53) + 1;

    #[test]
    fn whole_numbers_are_exact_in_the_types_that_hold_them() {
        let t = |value: i128, held: &[Dtype]| {
            let found: Vec<Dtype> = Dtype::ALL.into_iter().filter(|d| d.holds_whole(value)).collect();
            assert_eq!(found, held, "{value}");
        };
        use Dtype::*;
        t(-1, &[I8, I16, I32, I64, F32, F64]);
        t(200, &[U8, U16, I16, U32, I32, U64, I64, F32, F64]);
        t((1 << 24) + 1, &[U32, I32, U64, I64, F64]);
        t(BEYOND, &[U64, I64]);
        t(1 << 60, &[U64, I64, F32, F64]);
        t(i128::from(u64::MAX), &[U64]);
        t(i128::from(i64::MAX), &[U64, I64]);
        t(1 << 64, &[F32, F64]);
        t(i128::MAX, &[]);
    }

    #[test]
    fn the_smallest_type_of_a_range() {
        let t = |low: i128, high: i128, expected: Option<Dtype>| {
            assert_eq!(Dtype::smallest_for_whole(low, high), expected, "{low} to {high}");
        };
        t(0, 255, Some(Dtype::U8));
        t(-1, 127, Some(Dtype::I8));
        t(-1, 128, Some(Dtype::I16));
        t(0, BEYOND, Some(Dtype::U64));
        t(-1, i128::from(i64::MAX), Some(Dtype::I64));
        t(-1, i128::from(i64::MAX) + 1, None);
        t(0, i128::from(u64::MAX) + 1, None);
    }

    #[test]
    fn casts_between_long_types_keep_every_digit() {
        let voxels = Voxels::from(vec![BEYOND as i64, -1, i64::MAX]);
        assert_eq!(voxels.cast(Dtype::U64), vec![BEYOND as u64, 0, i64::MAX as u64].into());
        let voxels = Voxels::from(vec![BEYOND as u64, u64::MAX]);
        assert_eq!(voxels.clone().cast(Dtype::I64), vec![BEYOND as i64, i64::MAX].into());
        assert_eq!(voxels.whole_range(), Some((BEYOND, i128::from(u64::MAX))));
        assert_eq!(Voxels::from(vec![f32::NAN, 2.6, -0.4]).whole_range(), Some((0, 3)));
        assert_eq!(Voxels::from(vec![f32::INFINITY]).whole_range(), None);
    }

    #[test]
    fn labels_that_a_float_rounds_are_lost_in_it() {
        let voxels = Voxels::from(vec![7, BEYOND as i64]);
        assert_eq!(voxels.label_lost_in(Dtype::F64), Some(Number::Whole(BEYOND)));
        assert_eq!(voxels.label_lost_in(Dtype::U64), None);
        assert_eq!(Voxels::from(vec![u64::MAX]).label_lost_in(Dtype::I64), Some(Number::Whole(u64::MAX.into())));
        assert_eq!(Number::Whole(BEYOND).to_string(), "9007199254740993");
        assert_eq!((Number::from(0.5), Number::from(-3.0)), (Number::Real(0.5), Number::Whole(-3)));
    }

    #[test]
    fn the_type_with_another_value() {
        let t = |dtype: Dtype, value: f64, label: Dtype, image: Dtype| {
            let found = [Kind::Label, Kind::Image].map(|kind| dtype.with(kind, value));
            assert_eq!(found, [label, image], "{dtype} {value}");
        };
        use Dtype::*;
        t(U64, -1.0, I64, F64);
        t(U64, 7.0, U64, U64);
        t(I64, 1e19, U64, F64);
        t(I64, -1e19, F64, F64);
        t(F32, 16_777_217.0, F64, F32);
        t(F32, 16_777_218.0, F32, F32);
        t(U8, -1.0, I16, I16);
        t(U32, -1.0, I64, I64);
    }
}
