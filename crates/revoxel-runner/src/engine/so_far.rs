//! What is known of a volume between two steps.

use revoxel_core::{Dtype, Grid, Kind};
use revoxel_invert::TraceStep;
use revoxel_resample::result_dtype;

use super::Engine;

/// What is known of a volume between two steps.
#[derive(Debug)]
pub struct SoFar<'a> {
    /// Where its voxels lie.
    pub grid: Grid,
    /// What its values mean.
    pub kind: Kind,
    /// Its channels.
    pub channels: usize,
    /// Its voxel type, after the pass that waits.
    pub dtype: Dtype,
    /// How many passes over its voxels there were, the one that waits included.
    pub passes: usize,
    /// What happened to it.
    pub steps: &'a [TraceStep],
}

impl Engine {
    /// What is known of a volume after the steps so far, without executing the pass that waits for it.
    pub fn so_far(&self, key: &str) -> Option<SoFar<'_>> {
        let slot = self.slots.get(key)?;
        let (volume, pass) = (slot.fused.subject(), slot.fused.pass());
        let waits = !pass.is_identity();
        let dtype = if waits { result_dtype(volume, pass, slot.fused.how(), None) } else { volume.dtype() };
        let passes = slot.fused.executed() + usize::from(waits);
        Some(SoFar {
            grid: *slot.grid(),
            kind: volume.kind(),
            channels: volume.channels(),
            dtype,
            passes,
            steps: &slot.steps,
        })
    }
}
