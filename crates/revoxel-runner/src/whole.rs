//! Labels as whole numbers: exact for every voxel type, 64-bit integers included.

use revoxel_core::{Volume, Voxel, Voxels, dispatch, parallel};

use crate::spot::Spot;

/// How far a value may lie from a whole number and still be that label. Labels that are stored with a scale, or were
/// averaged, miss the whole number by a little.
pub const NEAR_WHOLE: f64 = 1e-3;

/// A voxel type whose values can be labels.
pub trait LabelValue: Voxel {
    /// The label of this value: the nearest whole number. `None` for a value further than [`NEAR_WHOLE`] from it, for
    /// NaN and infinity, and for numbers that neither int64 nor uint64 holds.
    fn label(self) -> Option<i128>;
}

macro_rules! integers {
    ($($rust:ty),*) => {$(
        impl LabelValue for $rust {
            #[inline(always)]
            fn label(self) -> Option<i128> {
                Some(i128::from(self))
            }
        }
    )*};
}

integers!(u8, i8, u16, i16, u32, i32, u64, i64);

macro_rules! reals {
    ($($rust:ty),*) => {$(
        impl LabelValue for $rust {
            #[inline(always)]
            fn label(self) -> Option<i128> {
                let value = f64::from(self);
                let nearest = value.round();
                // Both bounds are exact in f64.
                let held = nearest >= i64::MIN as f64 && nearest < 2.0 * (1u64 << 63) as f64;
                (held && (value - nearest).abs() <= NEAR_WHOLE).then_some(nearest as i128)
            }
        }
    )*};
}

reals!(f32, f64);

/// How a label map lies beside whole numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rounded {
    /// Voxels whose value is not whole, but is within [`NEAR_WHOLE`] of a label.
    pub voxels: u64,
    /// The largest distance of one of them from its label.
    pub furthest: f64,
}

/// A volume that is no label map.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("not a label map: {count} of {voxels} values are not whole numbers, the first is {value} at {first}")]
pub struct NotWhole {
    /// Voxels whose value is no label.
    pub count: u64,
    /// Voxels of all channels.
    pub voxels: u64,
    /// The first such value, as the volume holds it.
    pub value: String,
    /// Where it is.
    pub first: Spot,
}

/// Checks that every value of a volume is a label, of all channels.
///
/// # Errors
/// Where a value is none: with the number of such voxels and the first of them.
pub(crate) fn check_whole(volume: &Volume) -> Result<Rounded, NotWhole> {
    let (rounded, count, first) = dispatch!(volume.voxels(), v => survey(v));
    let Some(first) = first else { return Ok(rounded) };
    let voxels = volume.voxels().len() as u64;
    Err(NotWhole { count, voxels, value: exact(volume.voxels(), first), first: Spot::at(volume, first) })
}

/// A value in full: 64-bit integers with all digits.
pub fn exact(voxels: &Voxels, position: usize) -> String {
    let text = dispatch!(voxels, v => format!("{:?}", v[position]));
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn survey<T: LabelValue>(values: &[T]) -> (Rounded, u64, Option<usize>) {
    if T::DTYPE.is_integer() {
        return (Rounded::default(), 0, None);
    }
    const BLOCK: usize = 1 << 16;
    let block = |(number, block): (usize, &[T])| {
        let (mut rounded, mut count, mut first) = (Rounded::default(), 0u64, None);
        for (i, value) in block.iter().enumerate() {
            match value.label() {
                None => {
                    count += 1;
                    first = first.or(Some(number * BLOCK + i));
                }
                Some(whole) => {
                    let off = (value.to_f64() - whole as f64).abs();
                    rounded.voxels += u64::from(off > 0.0);
                    rounded.furthest = rounded.furthest.max(off);
                }
            }
        }
        (rounded, count, first)
    };
    let blocks = parallel::map(values.chunks(BLOCK).enumerate(), block);
    blocks.into_iter().fold((Rounded::default(), 0, None), |(all, count, first), (rounded, more, place)| {
        let voxels = all.voxels + rounded.voxels;
        (Rounded { voxels, furthest: all.furthest.max(rounded.furthest) }, count + more, first.or(place))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Affine, Grid, Kind};

    #[test]
    fn values_are_rounded_to_the_nearest_label_or_refused() {
        fn t(value: f64, expected: Option<i128>) {
            assert_eq!(value.label(), expected, "{value}");
            assert_eq!((-value).label(), expected.map(|l| -l), "-{value}");
        }
        t(0.99996, Some(1));
        t(1.00004, Some(1));
        t(1.9990001, Some(2));
        t(1.998, None);
        t(0.5, None);
        t(f64::NAN, None);
        t(f64::INFINITY, None);
        t(9_007_199_254_740_992.0, Some(1 << 53));
        t(1e20, None);
        assert_eq!([f64::label(1.5e19), f64::label(-1.5e19)], [Some(15_000_000_000_000_000_000), None]);
        assert_eq!(0.99993f32.label(), Some(1));
        assert_eq!([u64::MAX.label(), i64::MIN.label().map(|l| l + 1)], [Some((1 << 64) - 1), Some(1 - (1 << 63))]);
    }

    #[test]
    fn what_is_no_label_is_counted_and_its_first_place_named() {
        let grid = Grid::new([2, 3, 2], Affine::scaling([1.0, 2.0, 4.0])).unwrap();
        let make = |values: Vec<f32>| Volume::new(values.into(), grid, Kind::Label, 2).unwrap();
        let mut values = vec![1.0f32; 24];
        values[3] = 1.9996;
        let found = check_whole(&make(values.clone())).unwrap();
        assert!(found.voxels == 1 && (found.furthest - 4e-4).abs() < 1e-6, "{found:?}");
        values[12 + 7] = 0.7;
        values[23] = f32::NAN;
        let error = check_whole(&make(values)).unwrap_err();
        assert_eq!((error.count, error.first.channel, error.first.index), (2, 1, [1, 0, 1]));
        let text = error.to_string();
        assert!(text.contains("2 of 24") && text.contains("first is 0.7 at index (1, 0, 1) of channel 1"), "{text}");
    }
}
