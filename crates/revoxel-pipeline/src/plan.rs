//! What a pipeline will do to the volumes of a case, from their grids alone.

use std::collections::BTreeMap;

use revoxel_core::{Fidelity, Grid, GridOp, IndexBox, Kind, Sampling};
use revoxel_transforms::params::{PadMode, Padding};
use revoxel_transforms::{Evidence, Need, PlanError, SpatialTransform, Transform};

use crate::pipeline::Pipeline;
use crate::spec::Fuse;

/// The predicted steps of a case.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The steps, in order.
    pub steps: Vec<PlannedStep>,
    /// The grid of each volume at the end; `None` where it depends on voxels.
    pub result: BTreeMap<String, Option<Grid>>,
}

/// What a step does to each volume that it applies to.
#[derive(Clone, Debug)]
pub struct PlannedStep {
    /// Name of the transform.
    pub name: &'static str,
    /// By key.
    pub volumes: Vec<(String, KeyPlan)>,
}

/// What a step does to one volume.
#[derive(Clone, Debug)]
pub struct KeyPlan {
    /// Grid before; `None` where it depends on voxels.
    pub before: Option<Grid>,
    /// Grid after; `None` where it depends on voxels.
    pub after: Option<Grid>,
    /// The ops.
    pub ops: Vec<GridOp>,
    /// How much of the voxels survives; `None` where it depends on voxels.
    pub fidelity: Option<Fidelity>,
    /// Whether the step changes values.
    pub changes_values: bool,
    /// Whether it is executed in one pass with the step before it.
    pub fused: bool,
}

/// A step that cannot be planned for a volume.
#[derive(Clone, Debug, thiserror::Error)]
#[error("step {} ({name}), {key}: {error}", .step + 1)]
pub struct PlanFailure {
    /// Position of the step, from 0.
    pub step: usize,
    /// Name of the transform.
    pub name: &'static str,
    /// Key of the volume.
    pub key: String,
    /// Why.
    pub error: Box<PlanError>,
}

impl Pipeline {
    /// Plans the steps for volumes on these grids. No voxel is needed: what depends on voxels is said to.
    ///
    /// # Errors
    /// The first step that cannot be done.
    pub fn plan(&self, grids: &BTreeMap<String, Grid>) -> Result<Plan, PlanFailure> {
        let mut current: BTreeMap<String, Option<Grid>> = grids.iter().map(|(k, g)| (k.clone(), Some(*g))).collect();
        let mut runs: BTreeMap<String, Option<Sampling>> = BTreeMap::new();
        let mut steps = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            let before_step = current.clone();
            let mut volumes = Vec::new();
            for key in step.keys.iter().filter(|k| grids.contains_key(*k)) {
                let before = before_step[key];
                let failure =
                    |error| PlanFailure { step: number, name: step.name, key: key.clone(), error: Box::new(error) };
                let plan = match &step.transform {
                    Transform::Value(_) => {
                        runs.remove(key);
                        value_plan(before)
                    }
                    Transform::Spatial(transform) => {
                        let reference = match transform.need() {
                            Need::Grid(other) => match before_step.get(other) {
                                None => return Err(failure(PlanError::MissingInput(other.to_owned()))),
                                Some(grid) => grid.as_ref(),
                            },
                            _ => None,
                        };
                        let waits = matches!(transform.need(), Need::Grid(_)) && reference.is_none();
                        let ops = match before.filter(|_| !waits) {
                            None => Err(PlanError::DependsOnVoxels(key.clone())),
                            Some(grid) => transform.plan(&grid, &Evidence { observed: None, reference }),
                        };
                        match ops {
                            Err(PlanError::DependsOnVoxels(_)) => {
                                runs.remove(key);
                                KeyPlan { after: None, fidelity: None, changes_values: false, ..value_plan(before) }
                            }
                            Err(error) => return Err(failure(error)),
                            Ok(ops) => {
                                let run = runs.entry(key.clone()).or_default();
                                let alone = |op: &GridOp, grid: &Grid| self.runs_alone(&**transform, key, op, grid);
                                spatial_plan(before, ops, run, self.fuse, alone).map_err(|e| failure(e.into()))?
                            }
                        }
                    }
                };
                current.insert(key.clone(), plan.after);
                volumes.push((key.clone(), plan));
            }
            steps.push(PlannedStep { name: step.name, volumes });
        }
        Ok(Plan { steps, result: current })
    }

    /// Whether an op needs the voxels that it is executed on, so that it cannot share a pass with what is before
    /// it: padding made of voxels, their minimum, or smoothing before they are sampled.
    fn runs_alone(&self, transform: &dyn SpatialTransform, key: &str, op: &GridOp, grid: &Grid) -> bool {
        match *op {
            GridOp::Window { start, shape } => {
                let pads = !grid.index_box().contains(&IndexBox { start, shape });
                pads && transform.padding().mode != PadMode::Constant
            }
            GridOp::Resample { grid: target } => {
                let kind = self.input(key).map(|i| i.kind);
                if transform.anti_alias()
                    && kind != Some(Kind::Label)
                    && revoxel_transforms::anti_alias_sigma(grid, &target) != [0.0; 3]
                {
                    return true;
                }
                let rule = transform.resampling();
                let padding = rule.padding.and_then(|p| p.get(key)).unwrap_or(rule.default_padding);
                padding == Padding::Minimum && kind == Some(Kind::Image)
            }
            _ => false,
        }
    }
}

fn value_plan(before: Option<Grid>) -> KeyPlan {
    let fidelity = Some(Fidelity::Exact);
    KeyPlan { before, after: before, ops: Vec::new(), fidelity, changes_values: true, fused: false }
}

fn spatial_plan(
    before: Option<Grid>,
    ops: Vec<GridOp>,
    run: &mut Option<Sampling>,
    fuse: Fuse,
    alone: impl Fn(&GridOp, &Grid) -> bool,
) -> Result<KeyPlan, revoxel_core::GridError> {
    let (mut after, mut fidelity, mut fused) = (before, Fidelity::Exact, false);
    for op in &ops {
        let Some(grid) = after else { break };
        fidelity = fidelity.max(op.fidelity(&grid));
        let pass = match run.take() {
            Some(pass) if pass.fuses(op, fuse == Fuse::Resampling) && !alone(op, &grid) => {
                fused = true;
                pass
            }
            _ => Sampling::identity(grid),
        };
        let pass = run.insert(pass);
        pass.push(op)?;
        after = Some(*pass.target());
        if matches!(op, GridOp::Window { .. }) && alone(op, &grid) {
            *run = None;
        }
    }
    Ok(KeyPlan { before, after, ops, fidelity: Some(fidelity), changes_values: false, fused })
}
