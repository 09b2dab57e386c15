//! Converts stored values to those of the volume.

use revoxel_core::{Buffer, Dtype, Voxel, Voxels, parallel};

use crate::buffer;

/// Values per task: enough to outweigh the scheduling.
const CHUNK: usize = 1 << 16;

/// The type of scaled values: float64 if float32 does not hold the stored type.
pub(crate) const fn scaled(stored: Dtype) -> Dtype {
    match stored {
        Dtype::F64 | Dtype::I32 | Dtype::U32 | Dtype::I64 | Dtype::U64 => Dtype::F64,
        _ => Dtype::F32,
    }
}

/// Applies slope and intercept in f64. The result is of the type [`scaled`].
pub(crate) fn scale<T: Voxel>(values: Buffer<T>, slope: f64, intercept: f64) -> Option<Voxels>
where
    Voxels: From<Vec<T>> + From<Buffer<T>>,
{
    if T::DTYPE == Dtype::F64 {
        let mut values = values;
        parallel::each(values.chunks_mut(CHUNK), |chunk| {
            chunk.iter_mut().for_each(|v| *v = T::from_f64(v.to_f64() * slope + intercept));
        });
        return Some(values.into());
    }
    if self::scaled(T::DTYPE) == Dtype::F64 {
        let mut scaled: Vec<f64> = buffer::zeroed(values.len())?;
        parallel::each(scaled.chunks_mut(CHUNK).zip(values.chunks(CHUNK)), |(to, from)| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = from.to_f64() * slope + intercept);
        });
        return Some(scaled.into());
    }
    let mut scaled: Vec<f32> = buffer::zeroed(values.len())?;
    parallel::each(scaled.chunks_mut(CHUNK).zip(values.chunks(CHUNK)), |(to, from)| {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = (from.to_f64() * slope + intercept) as f32);
    });
    Some(scaled.into())
}

/// Separates interleaved components, frame by frame.
///
/// ```text
/// r g b r g b  →  r r g g b b
/// ```
pub(crate) fn apart<T: Voxel>(values: &[T], components: usize, voxels: usize) -> Option<Vec<T>> {
    let mut planes: Vec<T> = buffer::zeroed(values.len())?;
    let frame = components * voxels;
    let frames = planes.chunks_mut(frame).zip(values.chunks(frame));
    let pieces = frames.flat_map(|(to, from)| {
        to.chunks_mut(voxels).enumerate().flat_map(move |(component, plane)| {
            let from = from.chunks(CHUNK * components).map(move |from| (component, from));
            plane.chunks_mut(CHUNK).zip(from)
        })
    });
    parallel::each(pieces, |(to, (component, from))| {
        to.iter_mut().zip(from.iter().skip(component).step_by(components)).for_each(|(to, from)| *to = *from);
    });
    Some(planes)
}

/// Interleaves components, frame by frame: the inverse of [`apart`].
pub(crate) fn together(planes: &[u8], components: usize, voxels: usize) -> Vec<u8> {
    let mut values = vec![0; planes.len()];
    let frame = components * voxels;
    let frames = values.chunks_mut(frame).zip(planes.chunks(frame));
    let pieces = frames.flat_map(|(to, from)| {
        to.chunks_mut(CHUNK * components).enumerate().map(move |(piece, to)| (&from[piece * CHUNK..], to))
    });
    parallel::each(pieces, |(from, to)| {
        for (voxel, to) in to.chunks_mut(components).enumerate() {
            to.iter_mut().enumerate().for_each(|(component, to)| *to = from[component * voxels + voxel]);
        }
    });
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apart_and_together() {
        let stored = [1u8, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16];
        let planes = apart(&stored, 3, 2).unwrap();
        assert_eq!(planes, [1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 16]);
        assert_eq!(together(&planes, 3, 2), stored);
    }

    #[test]
    fn scaling_is_done_in_f64() {
        let large = vec![16_777_217i32, -3];
        assert_eq!(scale(large.into(), 0.5, -8_388_608.0), Some(vec![0.5f64, -8_388_609.5].into()));
        assert_eq!(scale(vec![-3i16, 2].into(), 0.5, 0.25), Some(vec![-1.25f32, 1.25].into()));
        assert_eq!(scale(vec![1.0f64, 2.0].into(), 0.1, 0.0), Some(vec![0.1f64, 0.2].into()));
    }
}
