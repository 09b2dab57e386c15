//! What voxels hold that no model saw.

use revoxel_core::{Dtype, Number, Sampling, Volume, Voxel, Voxels, dispatch};
use revoxel_resample::How;

use crate::error::InvertError;

/// Whether a fill is a label.
///
/// # Errors
/// If it is not a whole number, or beyond every voxel type.
pub fn check_label_fill(fill: f64) -> Result<(), InvertError> {
    let held = match Number::from(fill) {
        Number::Whole(label) => Dtype::smallest_for_whole(label, label).is_some(),
        Number::Real(_) => false,
    };
    if held { Ok(()) } else { Err(InvertError::Fill(fill)) }
}

/// A volume in a voxel type that holds these values too: its own where that does.
///
/// # Errors
/// If no type can store them and all labels.
pub(crate) fn holding(volume: Volume, values: &[f64]) -> Result<Volume, InvertError> {
    values.iter().try_fold(volume, |volume, value| {
        let dtype = volume.dtype_with(*value)?;
        Ok(if dtype == volume.dtype() { volume } else { volume.cast(dtype) })
    })
}

/// A volume that a pass may copy: in a voxel type that does not turn the fill into another value, where the pass
/// fills anything.
///
/// # Errors
/// If no type can store the fill and all labels.
pub(crate) fn holding_fill(volume: Volume, pass: &Sampling, how: &How) -> Result<Volume, InvertError> {
    let averages = how.averages() && pass.exact().is_none();
    let fills = pass.has_padding() || !pass.limits().is_empty();
    if averages || !fills { Ok(volume) } else { holding(volume, &how.fill) }
}

/// Puts a label where none of the masks is set.
pub(crate) fn put(labels: Volume, masks: &[Volume], label: f64) -> Result<Volume, InvertError> {
    let labels = holding(labels, &[label])?;
    let grid = *labels.grid();
    let (kind, channels) = (labels.kind(), labels.channels());
    let masks: Vec<&[u8]> = masks.iter().map(bytes).collect();
    fn fill<T: Voxel>(mut values: Vec<T>, masks: &[&[u8]], label: f64) -> Vec<T> {
        for (position, value) in values.iter_mut().enumerate() {
            if masks.iter().all(|mask| mask.get(position) == Some(&0)) {
                *value = T::from_f64(label);
            }
        }
        values
    }
    let voxels: Voxels = dispatch!(labels.into_voxels(), v => fill(v.into_vec(), &masks, label).into());
    Ok(Volume::new(voxels, grid, kind, channels)?)
}

/// The values of a mask.
pub(crate) fn bytes(mask: &Volume) -> &[u8] {
    match mask.voxels() {
        Voxels::U8(seen) => seen,
        _ => &[],
    }
}
