//! What voxels hold that no model saw, where they hold labels.

use revoxel_core::{Dtype, Volume, Voxel, Voxels, dispatch};

use crate::inversion::InvertError;

/// Whether a fill is a label.
///
/// # Errors
/// Where it is no whole number, or none that a voxel type holds.
pub fn check_label_fill(fill: f64) -> Result<(), InvertError> {
    let dtype = Dtype::smallest_for_label_range(fill.min(0.0), fill.max(0.0));
    if fill.fract() == 0.0 && dtype.holds_label(fill) { Ok(()) } else { Err(InvertError::Fill(fill)) }
}

/// A label map in its own voxel type where that holds a label, else in the smallest that holds all.
pub(crate) fn holding(labels: Volume, label: f64) -> Volume {
    if labels.dtype().holds_label(label) {
        return labels;
    }
    let (low, high) = labels.voxels().min_max().unwrap_or((label, label));
    labels.cast(Dtype::smallest_for_label_range(low.min(label), high.max(label)))
}

/// Puts a label where none of the masks is set.
pub(crate) fn put(labels: Volume, masks: &[Volume], label: f64) -> Result<Volume, InvertError> {
    let labels = holding(labels, label);
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
