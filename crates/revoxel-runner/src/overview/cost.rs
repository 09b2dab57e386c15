//! What a case costs: an estimate by the size of its volumes.

use revoxel_core::{Dtype, Fidelity, Kind};
use revoxel_pipeline::{Pipeline, Plan};

use super::{ResultGrid, VolumeOverview, length};
use crate::preflight::Checked;

/// Time and disk space of a case.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    pub(super) seconds: f64,
    pub(super) bytes: u64,
}

/// Nanoseconds of one core, from the times that docs/performance.md has for two cores.
mod nanoseconds {
    /// To inflate a byte; one core does that for a file, and the hash of its content is computed beside it.
    pub(super) const INFLATED: f64 = 1.6;
    /// To read a byte that is not compressed.
    pub(super) const READ: f64 = 0.15;
    /// To deflate a byte of an image.
    pub(super) const DEFLATED: f64 = 6.0;
    /// To deflate a byte of a label map.
    pub(super) const DEFLATED_LABEL: f64 = 0.4;
    /// To write a byte that is not compressed.
    pub(super) const WRITTEN: f64 = 0.8;
    /// To make a voxel by interpolation, along the axes or at an angle.
    pub(super) const SAMPLED: f64 = 3.0;
    /// To make a voxel with a cubic spline.
    pub(super) const CUBIC: f64 = 25.0;
    /// To change a value.
    pub(super) const CHANGED: f64 = 2.0;
    /// To open and name files, for each case.
    pub(super) const CASE: f64 = 1e6;
}

/// What a case costs. Steps that look at many voxels for each one, such as filters, take longer.
pub(super) fn of(pipeline: &Pipeline, checked: &Checked, volumes: &[VolumeOverview]) -> Cost {
    use nanoseconds as ns;
    if checked.plan.skipped.is_some() {
        return Cost::default();
    }
    let cores = rayon::current_num_threads() as f64;
    // What one core does, side by side for the inputs, and what is shared by all cores.
    let (mut alone, mut shared) = (0.0f64, ns::CASE);
    let mut bytes = 0.0;
    for volume in volumes {
        let key = &volume.key;
        let files = checked.case.files(key);
        let stored: u64 = files.map(|path| length(path)).sum();
        let channels = volume.channels as f64;
        let voxels = volume.source.voxel_count() as f64 * channels;
        let native = voxels * volume.dtype.size() as f64;
        let packed = (stored as f64) < 0.9 * native;
        alone = alone.max(native * if packed { ns::INFLATED } else { ns::READ });
        let (end, dtype, channels) = end(&checked.plan, volume);
        let result = end * channels;
        shared += steps(&checked.plan, key, result.max(voxels));
        let Some(output) = pipeline.outputs.iter().find(|output| &output.key == key) else { continue };
        let size = output.dtype.map_or(dtype.size(), |dtype| dtype.in_memory().size()) as f64;
        let name = output.path.text().to_lowercase();
        let written = result * size;
        if !is_packed(&name) {
            (shared, bytes) = (shared + written * ns::WRITTEN, bytes + written);
            continue;
        }
        let is_label = volume.kind == Kind::Label;
        shared += written * if is_label { ns::DEFLATED_LABEL } else { ns::DEFLATED };
        // A voxel holds as much as it did.
        let each = match packed {
            true => stored as f64 / voxels,
            false if is_label => 0.02 * size,
            false => 0.5 * size,
        };
        // Means of voxels have more digits than the voxels had.
        let mixed = if is_label || volume.fidelity != Some(Fidelity::Lossy) { 1.0 } else { 1.5 };
        bytes += (result * each * mixed).min(written);
    }
    Cost { seconds: (alone + shared / cores) * 1e-9, bytes: bytes as u64 }
}

/// The voxels of a result, its type and its channels, as far as they are known; else those of the source.
fn end(plan: &Plan, volume: &VolumeOverview) -> (f64, Dtype, f64) {
    let planned = plan.volumes.get(&volume.key).copied().flatten();
    let voxels = match volume.result {
        ResultGrid::Unknown => volume.source.voxel_count(),
        // At most, where it is cropped.
        ResultGrid::Outline(outline) => outline.like().voxel_count(),
        ResultGrid::Known(grid) => grid.voxel_count(),
    };
    let dtype = planned.and_then(|p| p.dtype).unwrap_or(volume.dtype);
    let channels = planned.and_then(|p| p.channels).unwrap_or(volume.channels);
    (voxels as f64, dtype, channels as f64)
}

/// What the steps cost for a volume that has at most so many voxels.
fn steps(plan: &Plan, key: &str, voxels: f64) -> f64 {
    use nanoseconds as ns;
    let of_key = plan.steps.iter().flat_map(|step| &step.volumes).filter(|(k, _)| k == key);
    of_key
        .map(|(_, step)| match (step.interpolation, step.changes_values) {
            (_, true) => ns::CHANGED * voxels,
            (Some("cubic"), _) => ns::CUBIC * voxels,
            (Some(_), _) if !step.fused => ns::SAMPLED * voxels,
            _ => 0.0,
        })
        .sum()
}

/// Whether a file of this name is compressed.
fn is_packed(name: &str) -> bool {
    [".gz", ".nrrd", ".mha", ".mgz", ".npz"].iter().any(|ending| name.ends_with(ending))
}
