//! One volume on its way: what waits to be done to it, and what happened so far.

use revoxel_core::{Grid, GridOp, Kind, ValueUndo, Volume};
use revoxel_invert::TraceStep;
use revoxel_pipeline::Fuse;
use revoxel_resample::{Applied, FusedPass, ResampleError, StepRule};
use revoxel_transforms::{ApplyError, Evidence, SpatialTransform, step_rule};
use serde_json::Value;

use super::{StepError, finite};
use crate::memory;

/// Bytes that a change of values takes for each of them: the result in single precision, and two volumes on the way.
const VALUE_STEP: u64 = 12;

/// A volume with the pass that waits for it, and what happened so far.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) fused: FusedPass<Volume>,
    pub(super) steps: Vec<TraceStep>,
}

impl Slot {
    pub(super) fn new(volume: Volume) -> Self {
        Self { fused: FusedPass::new(volume), steps: Vec::new() }
    }

    /// The grid after the steps so far.
    pub(super) const fn grid(&self) -> &Grid {
        self.fused.grid()
    }

    /// The volume, where no pass waits: call [`settle`](Self::settle) before.
    pub(super) const fn volume(&self) -> &Volume {
        self.fused.subject()
    }

    /// Executes the waiting pass.
    pub(super) fn settle(&mut self) -> Result<&mut Volume, ResampleError> {
        let (grid, volume) = (self.fused.grid(), self.fused.subject());
        if !self.fused.pass().is_identity() {
            let values = (grid.voxel_count() as u64).saturating_mul(volume.channels() as u64);
            memory::room(values.saturating_mul(volume.dtype().size().max(4) as u64))?;
        }
        self.fused.settle()
    }

    pub(super) fn value_step(
        &mut self,
        (name, params): (&str, &Value),
        mixes: bool,
        apply: impl FnOnce(Volume) -> Result<(Volume, ValueUndo), ApplyError>,
    ) -> Result<(), StepError> {
        // The volume is moved out for the time of the change; on failure the case fails as a whole.
        let empty = Volume::new(vec![0u8].into(), Grid::without_geometry([1; 3])?, Kind::Label, 1)?;
        self.settle()?;
        let settled = self.fused.settle()?;
        memory::room((settled.voxels().len() as u64).saturating_mul(VALUE_STEP))?;
        let (volume, undo) = finite::guarded(std::mem::replace(settled, empty), mixes, apply)?;
        self.steps.push(TraceStep::value(name, params.clone(), volume.grid(), &undo));
        *settled = volume;
        Ok(())
    }

    pub(super) fn spatial_step(
        &mut self,
        (name, params): (&str, &Value),
        transform: &dyn SpatialTransform,
        evidence: &Evidence<'_>,
        key: &str,
        fuse: Fuse,
    ) -> Result<(), StepError> {
        let ops = transform.plan(self.grid(), evidence)?;
        let volume = self.fused.subject();
        let rule = step_rule(transform, key, volume.kind(), volume.channels(), fuse == Fuse::Resampling);
        self.ops((name, params), &ops, &rule)
    }

    /// Adds the ops of a step and records them.
    pub(super) fn ops(
        &mut self,
        (name, params): (&str, &Value),
        ops: &[GridOp],
        rule: &StepRule,
    ) -> Result<(), StepError> {
        let (record, after) = TraceStep::spatial(name, params.clone(), self.grid(), ops)?;
        let applied: Applied = self.fused.apply(ops, rule)?;
        debug_assert_eq!(*self.grid(), after);
        self.steps.push(record.sampled(&applied));
        Ok(())
    }
}
