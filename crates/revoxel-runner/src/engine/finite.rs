//! Steps of values in volumes that hold NaN or infinite values.

use revoxel_core::{Dtype, ValueUndo, Volume};
use revoxel_resample::{Holes, NonFinite};
use revoxel_transforms::ApplyError;

/// Changes the values of a volume by `apply`. Values that are not finite do not spread: a step that `mixes` voxels gets
/// numbers in their place, and they are put back after it.
///
/// # Errors
/// Where `apply` fails, makes values that are not finite of finite ones, or makes whole numbers of values that are not
/// finite.
pub(crate) fn guarded(
    volume: Volume,
    mixes: bool,
    apply: impl FnOnce(Volume) -> Result<(Volume, ValueUndo), ApplyError>,
) -> Result<(Volume, ValueUndo), ApplyError> {
    let before = volume.dtype();
    let Some(holes) = Holes::of(&volume) else {
        let (volume, undo) = apply(volume)?;
        if !undo.is_finite() {
            return Err(ApplyError::NotFinite);
        }
        return match stays_finite(before, &volume, &undo) {
            true => Ok((volume, undo)),
            false => {
                NonFinite::of(&volume).map_or(Ok((volume, undo)), |found| Err(ApplyError::Overflows(found.into())))
            }
        };
    };
    let volume = if mixes { holes.filled(volume)? } else { volume };
    let (volume, undo) = apply(volume)?;
    if !undo.is_finite() {
        return Err(ApplyError::NotFinite);
    }
    if volume.dtype().is_integer() {
        return Err(ApplyError::NoWholeNumbers(holes.facts().clone().into()));
    }
    if let Some(found) = holes.beyond(&volume) {
        return Err(ApplyError::Overflows(found.into()));
    }
    Ok((if mixes { holes.put_back(volume)? } else { volume }, undo))
}

/// Whether no value of the result can be other than finite, as far as that is known without a look at it.
fn stays_finite(before: Dtype, after: &Volume, undo: &ValueUndo) -> bool {
    if after.dtype().is_integer() {
        return true;
    }
    let (ValueUndo::Rescale { scale, shift } | ValueUndo::RescaleClipped { scale, shift, .. }) = undo else {
        return false;
    };
    // Whole numbers have ends, and a straight line takes the ends of the one range to those of the other.
    let (low, high) = before.range();
    let reaches = |x: f64, scale: f64, shift: f64| ((x - shift) / scale).abs() < f64::from(f32::MAX) / 2.0;
    let mut pairs = (0..scale.len().max(shift.len())).map(|c| {
        let of = |list: &[f64]| list.get(c).or(list.first()).copied().unwrap_or(f64::NAN);
        (of(scale), of(shift))
    });
    before.is_integer() && pairs.all(|(a, b)| reaches(low, a, b) && reaches(high, a, b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Grid, Kind, Voxels};

    fn volume(values: Voxels) -> Volume {
        Volume::new(values, Grid::without_geometry([3, 1, 1]).unwrap(), Kind::Image, 1).unwrap()
    }

    /// A change of each value that lost them.
    fn by(f: fn(f32) -> f32) -> impl FnOnce(Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        move |volume: Volume| {
            let values: Vec<f32> = (0..3).map(|i| f(volume.voxels().get(i) as f32)).collect();
            Ok((volume.with_voxels(values.into())?, ValueUndo::Lost { reason: String::new() }))
        }
    }

    #[test]
    fn what_a_step_makes_of_finite_values_is_finite() {
        let t = |values: Voxels, mixes: bool, f: fn(f32) -> f32| guarded(volume(values), mixes, by(f)).map(|(v, _)| v);
        let error = t(vec![1f32, -1.0, 2.0].into(), false, f32::sqrt).unwrap_err();
        assert!(matches!(&error, ApplyError::Overflows(f) if f.nan == 1 && f.index == [1, 0, 0]), "{error}");
        let error = t(vec![1u8, 2, 0].into(), false, |x| 1.0 / x).unwrap_err();
        assert!(matches!(&error, ApplyError::Overflows(f) if f.infinite == 1 && f.index == [2, 0, 0]), "{error}");
        // What was not finite before may stay so, and other values may not become it.
        let nan = vec![1f32, f32::NAN, 4.0];
        let kept = t(nan.clone().into(), false, f32::sqrt).unwrap();
        assert!(kept.voxels().get(1).is_nan() && kept.voxels().get(2) == 2.0);
        assert!(
            matches!(t(nan.clone().into(), false, |x| 1.0 / (x - 1.0)), Err(ApplyError::Overflows(f)) if f.count() == 1)
        );
        // A step that mixes voxels sees a number there.
        let mixed = t(nan.into(), true, |x| if x.is_nan() { -1.0 } else { x * 2.0 }).unwrap();
        assert!(mixed.voxels().get(1).is_nan() && mixed.voxels().get(0) == 2.0);
    }

    #[test]
    fn whole_numbers_are_not_made_of_what_is_not_finite() {
        let round = |volume: Volume| Ok((volume.cast(Dtype::I16), ValueUndo::nothing()));
        let error = guarded(volume(vec![1f32, 2.0, f32::INFINITY].into()), false, round).unwrap_err();
        assert!(
            error.to_string().contains("is at index [2, 0, 0]") && error.to_string().contains("non_finite: 0"),
            "{error}"
        );
        assert!(guarded(volume(vec![1f32, 2.0, 3.0].into()), false, round).is_ok());
    }

    #[test]
    fn straight_lines_of_whole_numbers_need_no_look() {
        let floats = volume(vec![1f32; 3].into());
        let t = |before, scale, shift| stays_finite(before, &floats, &ValueUndo::rescale(scale, shift));
        assert!(t(Dtype::I16, 0.001, 4.0) && t(Dtype::U64, 1e6, -1e9) && t(Dtype::U8, -3.0, 0.0));
        assert!(!t(Dtype::I16, 1e-36, 0.0) && !t(Dtype::I16, 0.0, 0.0) && !t(Dtype::F32, 1.0, 0.0));
        assert!(!stays_finite(Dtype::I16, &floats, &ValueUndo::Lost { reason: String::new() }));
    }
}
