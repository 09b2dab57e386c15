//! Which values a voxel type can hold.

use crate::{Dtype, Number, Voxel, Voxels};

impl Dtype {
    /// This type if it holds the value, else the smallest type that holds the value and every value of this type; for
    /// fractions a floating-point type. No type holds a negative value and all of `uint64`, or a fraction and all
    /// 64-bit integers; the result is then float64.
    pub fn holding(self, value: f64) -> Self {
        let exact = |dtype: Self| match Number::from(value) {
            Number::Whole(value) => dtype.holds_whole(value),
            Number::Real(value) => crate::dispatch_dtype!(dtype, T => T::from_f64(value).to_f64() == value),
        };
        // A number of single precision is near enough where it is one.
        let single = value.abs() <= f64::from(f32::MAX) || !value.is_finite();
        if self == Self::F64 || self == Self::F32 && single || exact(self) {
            return self;
        }
        let (low, high) = self.range();
        let whole = Self::smallest_for_label_range(low.min(value), high.max(value));
        if self != Self::F32 && exact(whole) && whole.contains(self) {
            whole
        } else if single && Self::F32.contains(self) {
            Self::F32
        } else {
            Self::F64
        }
    }

    /// Whether this type keeps a label to within a thousandth, so that computed numbers round to whole ones.
    pub fn holds_label(self, label: f64) -> bool {
        match Number::from(label) {
            Number::Whole(label) => self.holds_whole(label),
            Number::Real(label) => crate::dispatch_dtype!(self, T => near(T::from_f64(label).to_f64(), label)),
        }
    }
}

/// Whether a stored value still is the label.
pub(crate) fn near(stored: f64, label: f64) -> bool {
    stored == label || (stored - label).abs() <= 1e-3
}

impl Voxels {
    /// A label of these voxels that would change in a type. NaN is not a label.
    pub fn label_lost_in(&self, dtype: Dtype) -> Option<Number> {
        if dtype.contains(self.dtype()) {
            return None;
        }
        fn find<S: Voxel, T: Voxel>(values: &[S]) -> Option<Number> {
            let lost = |value: &&S| match value.whole() {
                Some(whole) => T::of_whole(whole).is_none(),
                None => {
                    let label = value.to_f64();
                    !label.is_nan() && !near(T::from_f64(label).to_f64(), label)
                }
            };
            values.iter().find(lost).map(|value| Number::of(*value))
        }
        crate::dispatch!(self, v => crate::dispatch_dtype!(dtype, T => find::<_, T>(v)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_hold_a_value_too() {
        use Dtype::*;
        let t =
            |dtype: Dtype, value: f64, expected: Dtype| assert_eq!(dtype.holding(value), expected, "{dtype:?} {value}");
        t(U8, 255.0, U8);
        t(U8, 256.0, U16);
        t(U8, -1.0, I16);
        t(I8, 200.0, I16);
        t(U16, -1024.0, I32);
        t(U32, -1.0, I64);
        t(U64, -1.0, F64);
        t(I64, 1e19, F64);
        t(I64, 9_223_372_036_854_775_808.0, F64);
        t(U64, 18_446_744_073_709_551_616.0, F64);
        t(U8, 0.5, F32);
        t(U16, -0.5, F32);
        t(I32, 0.5, F64);
        t(I16, 1e12, I64);
        t(I16, 1e30, F32);
        t(F32, 0.1, F32);
        t(F32, 1e300, F64);
        t(U8, 1e300, F64);
    }

    #[test]
    fn labels_that_a_type_does_not_hold_are_found() {
        let t = Dtype::smallest_for_label_range;
        assert_eq!([t(0.0, 255.0), t(-1.0, 127.0), t(-1.0, 128.0)], [Dtype::U8, Dtype::I8, Dtype::I16]);
        assert_eq!([t(-129.0, 0.0), t(-1.0, 4e4), t(-1.0, 3e9)], [Dtype::I16, Dtype::I32, Dtype::I64]);
        for to in Dtype::ALL {
            for from in Dtype::ALL {
                let digits = |d: Dtype| match d {
                    Dtype::F32 => 24,
                    Dtype::F64 => 53,
                    d => 8 * d.size(),
                };
                let (low, high) = from.range();
                let held = digits(to) >= digits(from) && to.range().0 <= low && high <= to.range().1;
                assert_eq!(to.contains(from), held && (from.is_integer() || !to.is_integer()), "{to} {from}");
            }
        }
        let labels = Voxels::from(vec![0i16, 255, -1, 300]);
        assert_eq!(
            [Dtype::U8, Dtype::U16, Dtype::I8].map(|d| labels.label_lost_in(d)),
            [-1, -1, 255].map(|label| Some(Number::Whole(label)))
        );
        assert_eq!([Dtype::I16, Dtype::I32, Dtype::F32].map(|d| labels.label_lost_in(d)), [None; 3]);
        assert_eq!(Voxels::from(vec![16_777_217i32]).label_lost_in(Dtype::F32), Some(Number::Whole(16_777_217)));
        assert_eq!(Voxels::from(vec![f32::NAN, 0.9999, 2.0]).label_lost_in(Dtype::U8), None);
        assert_eq!(Voxels::from(vec![2.0, 0.5f32]).label_lost_in(Dtype::U8), Some(Number::Real(0.5)));
    }
}
