//! Infinite scores take their place in the order of finite ones.
//!
//! Logits of ±infinity (a float16 network that overflowed) are larger or smaller than every finite score, but neither a
//! softmax (∞ − ∞) nor an interpolation (0 · ∞) can compute with them. Finite numbers beyond all others take their
//! place, so far beyond that softmax and sigmoid give their limits exactly.

use std::borrow::Cow;

use revoxel_core::{Kind, Volume, Voxel, Voxels, dispatch, parallel};
use revoxel_resample::{Interpolation, NonFinite, all_finite};

use crate::error::InvertError;

/// Scores beyond this are taken for infinite: sums and squares of them may not be finite in single precision.
const INFINITE: f64 = 1e30;
/// How far beyond the largest finite score, at least: exp(-128) is 0 in single precision.
const BEYOND: f64 = 128.0;
/// How many times the largest finite score, so that one infinite score outweighs finite ones of many other members.
const TIMES: f64 = 32.0;
/// The same for splines, which swing beyond a jump by a share of its height.
const TIMES_CUBIC: f64 = 4.0;

/// A prediction in which every value is finite: of logits, the infinite ones become finite ones beyond all others.
///
/// # Errors
/// If a value is NaN, or infinite and not a logit.
pub(crate) fn bounded(
    volume: Cow<'_, Volume>,
    interpolation: Option<Interpolation>,
) -> Result<Cow<'_, Volume>, InvertError> {
    if volume.dtype().is_integer() {
        return Ok(volume);
    }
    let kind = volume.kind();
    if kind != Kind::Logit {
        return match NonFinite::of(&volume) {
            None => Ok(volume),
            Some(found) => Err(InvertError::NotFinite { kind, found: found.into() }),
        };
    }
    let wide = |v: &[f64]| parallel::any(v.chunks(1 << 16), |v| v.iter().any(|v| v.abs() > INFINITE));
    if all_finite(volume.voxels()) && !matches!(volume.voxels(), Voxels::F64(v) if wide(v)) {
        return Ok(volume);
    }
    if let Some(found) = NonFinite::nan_of(&volume) {
        return Err(InvertError::NotFinite { kind, found: found.into() });
    }
    let times = if interpolation == Some(Interpolation::Cubic) { TIMES_CUBIC } else { TIMES };
    let volume = volume.into_owned();
    let (grid, channels) = (*volume.grid(), volume.channels());
    let voxels = dispatch!(volume.into_voxels(), v => held(v.into_vec(), times).into());
    Ok(Cow::Owned(Volume::new(voxels, grid, kind, channels)?))
}

/// The values with finite ones in the place of those that are infinite, and of those that are taken for it.
fn held<T: Voxel>(mut values: Vec<T>, times: f64) -> Vec<T> {
    let size = |v: &T| Some(v.to_f64().abs()).filter(|v| *v <= INFINITE).unwrap_or(0.0);
    let largest = parallel::map(values.chunks(1 << 16), |values| values.iter().map(size).fold(0.0, f64::max));
    let largest = largest.into_iter().fold(0.0, f64::max);
    let (low, high) = (T::from_f64(-largest * times - BEYOND), T::from_f64(largest * times + BEYOND));
    parallel::each(values.chunks_mut(1 << 16), |values| {
        for value in values {
            let number = value.to_f64();
            if number > INFINITE {
                *value = high;
            } else if number < -INFINITE {
                *value = low;
            }
        }
    });
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;
    use crate::decide::Decision;
    use revoxel_core::Grid;

    const MORE: f64 = f64::INFINITY;

    /// Logits of four classes at one voxel each.
    fn logits(voxels: &[[f64; 4]]) -> Volume {
        let n = voxels.len();
        let values: Vec<f64> = (0..4 * n).map(|i| voxels[i % n][i / n]).collect();
        Volume::new(values.into(), Grid::without_geometry([n, 1, 1]).unwrap(), Kind::Logit, 4).unwrap()
    }

    #[test]
    fn softmax_and_sigmoid_of_infinite_logits_are_their_limits() {
        let voxels = [
            [0.5, MORE, -3.0, 65504.0],
            [MORE, 2.0, MORE, -MORE],
            [-MORE; 4],
            [-MORE, -MORE, -65504.0, -MORE],
            [-MORE, 1.0, 1.0, -MORE],
            [MORE; 4],
            [1e300, 0.0, 1e20, -1e300],
        ];
        let softmax = [
            [0.0, 1.0, 0.0, 0.0],
            [0.5, 0.0, 0.5, 0.0],
            [0.25; 4],
            [0.0, 0.0, 1.0, 0.0],
            [0.0, 0.5, 0.5, 0.0],
            [0.25; 4],
            [1.0, 0.0, 0.0, 0.0],
        ];
        for times in [Interpolation::Linear, Interpolation::Cubic] {
            for single in [false, true] {
                let volume = logits(&voxels[..if single { 6 } else { 7 }]);
                let volume = if single { volume.cast(revoxel_core::Dtype::F32) } else { volume };
                let held = bounded(Cow::Owned(volume.clone()), Some(times)).unwrap().into_owned();
                let soft = Activation::Softmax.apply(held.clone()).unwrap();
                let each = Activation::Sigmoid.apply(held.clone()).unwrap();
                let labels = Decision::Argmax.apply(held.clone()).unwrap();
                for x in 0..volume.grid().shape()[0] {
                    let at = |v: &Volume| [0, 1, 2, 3].map(|c| v.value([x, 0, 0], c));
                    assert_eq!(at(&soft), softmax[x], "{x}");
                    let limit = at(&volume).map(|v| f64::from((1.0 / (1.0 + (-v).exp())) as f32));
                    assert!(at(&each).iter().zip(limit).all(|(a, b)| (a - b).abs() < 1e-6), "{x}: {:?}", at(&each));
                    let best = (1..4).fold(0, |best, c| if at(&volume)[c] > at(&volume)[best] { c } else { best });
                    assert_eq!(labels.value([x, 0, 0], 0), best as f64, "{x}");
                }
            }
        }
    }

    #[test]
    fn finite_scores_are_left_alone() {
        let volume = logits(&[[1.0, -1e20, 3.0, 65504.0]]);
        assert!(matches!(bounded(Cow::Borrowed(&volume), None).unwrap(), Cow::Borrowed(same) if *same == volume));
    }

    #[test]
    fn nan_is_refused_in_every_kind_and_infinity_in_all_but_logits() {
        for kind in Kind::ALL {
            for bad in [f64::NAN, MORE, -MORE] {
                let volume = logits(&[[1.0; 4], [1.0, 2.0, bad, 3.0], [1.0; 4]]).with_kind(kind);
                let result = bounded(Cow::Borrowed(&volume), None);
                if kind == Kind::Logit && !bad.is_nan() {
                    assert!(result.is_ok());
                    continue;
                }
                let text = result.unwrap_err().to_string();
                assert!(text.contains("1 of 12 values is not finite"), "{text}");
                assert!(text.contains("is at index [1, 0, 0] of channel 2, RAS (1.000, 0.000, 0.000)"), "{text}");
            }
        }
        // Among infinite logits NaN is what is named.
        let volume = logits(&[[MORE, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, f64::NAN]]);
        let text = bounded(Cow::Owned(volume), None).unwrap_err().to_string();
        assert!(text.contains("(1 NaN, 0 infinite); the first, NaN, is at index [1, 0, 0] of channel 3"), "{text}");
    }
}
