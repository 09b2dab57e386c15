//! What a pipeline will do to the volumes of a case, from their grids alone.

use std::collections::{BTreeMap, BTreeSet};

use revoxel_core::{Agreement, Fidelity, Grid, GridOp, IndexBox, Kind, Relation, Sampling};
use revoxel_transforms::params::{PadMode, Padding};
use revoxel_transforms::{
    ApplyError, Change, Channels, Class, Evidence, Need, PlanError, SpatialTransform, Transform, ValueTransform,
};

use crate::pipeline::Pipeline;
use crate::spec::Fuse;

/// The predicted steps of a case.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The steps, in order.
    pub steps: Vec<PlannedStep>,
    /// The grid of each volume at the end; `None` where it depends on voxels.
    pub result: BTreeMap<String, Option<Grid>>,
    /// Why the case is left out, where that is known without its voxels: a copy for which there is no patch.
    pub skipped: Option<PlanFailure>,
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
    /// Grid before; `None` where it depends on voxels, or on chance and no case was named.
    pub before: Option<Grid>,
    /// Grid after; `None` where it depends on voxels, or on chance and no case was named.
    pub after: Option<Grid>,
    /// The ops.
    pub ops: Vec<GridOp>,
    /// How much of the voxels survives; `None` where it depends on voxels.
    pub fidelity: Option<Fidelity>,
    /// Whether the step changes values.
    pub changes_values: bool,
    /// Whether it is executed in one pass with the step before it.
    pub fused: bool,
    /// Whether the grid after is not known because a step draws by the name of the case, and none was given.
    pub by_case: bool,
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
    /// Plans the steps for volumes on these grids. No voxel is needed: what depends on voxels is said to. Random
    /// steps are drawn for the case of this name; without one, what they do is not known.
    ///
    /// # Errors
    /// The first step that cannot be done.
    pub fn plan(&self, grids: &BTreeMap<String, Grid>, case: Option<&str>) -> Result<Plan, PlanFailure> {
        self.plan_channels(grids, &BTreeMap::new(), case)
    }

    /// [`plan`](Self::plan) for volumes that have so many channels, by key, where that is known.
    ///
    /// # Errors
    /// The first step that cannot be done.
    pub fn plan_channels(
        &self,
        grids: &BTreeMap<String, Grid>,
        channels: &BTreeMap<String, usize>,
        case: Option<&str>,
    ) -> Result<Plan, PlanFailure> {
        let mut channels = channels.clone();
        let mut current: BTreeMap<String, Option<Grid>> = grids.iter().map(|(k, g)| (k.clone(), Some(*g))).collect();
        let mut runs: BTreeMap<String, Option<Sampling>> = BTreeMap::new();
        let mut steps = Vec::new();
        let mut by_case: BTreeSet<&str> = BTreeSet::new();
        let mut skipped = None;
        for (number, step) in self.steps.iter().enumerate() {
            let before_step = current.clone();
            let mut volumes = Vec::new();
            let drawn = case.and_then(|case| step.draw(self.seed, case, number));
            let first = step.keys.iter().find(|k| grids.contains_key(*k));
            for key in step.keys.iter().filter(|k| grids.contains_key(*k)) {
                let before = before_step[key];
                let failure =
                    |error| PlanFailure { step: number, name: step.name, key: key.clone(), error: Box::new(error) };
                let plan = match &step.transform {
                    Transform::Value(transform) => {
                        for other in
                            transform.source().into_iter().chain(transform.gathers().iter().map(String::as_str))
                        {
                            on_one_grid(&before_step, key, other).map_err(failure)?;
                        }
                        runs.remove(key);
                        fits(&**transform, before, key, &mut channels).map_err(failure)?;
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
                        has_room(&**transform, &before_step).map_err(failure)?;
                        let waits = matches!(transform.need(), Need::Grid(_)) && reference.is_none();
                        let run = runs.entry(key.clone()).or_default();
                        self.spatial(&**transform, key, before.filter(|_| !waits), reference, run).map_err(failure)?
                    }
                    Transform::Random(_) => match drawn.as_ref().map(|d| &d.change) {
                        None if step.class == Class::Spatial => {
                            by_case.insert(key);
                            runs.remove(key);
                            unknown(before)
                        }
                        None => {
                            runs.remove(key);
                            value_plan(before)
                        }
                        Some(Change::Value(transform)) => {
                            runs.remove(key);
                            fits(&**transform, before, key, &mut channels).map_err(failure)?;
                            value_plan(before)
                        }
                        Some(Change::Nothing) => KeyPlan { changes_values: false, ..value_plan(before) },
                        Some(Change::Spatial(transform)) => {
                            let reference = first.and_then(|first| before_step[first].as_ref());
                            has_room(&**transform, &before_step).map_err(failure)?;
                            let run = runs.entry(key.clone()).or_default();
                            let grid = before.filter(|_| reference.is_some());
                            match self.spatial(&**transform, key, grid, reference, run) {
                                Err(error @ PlanError::NoPatch { .. }) => {
                                    skipped.get_or_insert(failure(error));
                                    runs.remove(key);
                                    unknown(before)
                                }
                                planned => planned.map_err(failure)?,
                            }
                        }
                    },
                };
                if plan.after.is_some() {
                    by_case.remove(key.as_str());
                }
                let plan = KeyPlan { by_case: by_case.contains(key.as_str()), ..plan };
                current.insert(key.clone(), plan.after);
                volumes.push((key.clone(), plan));
            }
            steps.push(PlannedStep { name: step.name, volumes });
        }
        Ok(Plan { steps, result: current, skipped })
    }

    /// The plan of a spatial transform for a volume on a grid; `None` where the grid, or one that the transform needs,
    /// is not known.
    fn spatial(
        &self,
        transform: &dyn SpatialTransform,
        key: &str,
        before: Option<Grid>,
        reference: Option<&Grid>,
        run: &mut Option<Sampling>,
    ) -> Result<KeyPlan, PlanError> {
        let ops = match before {
            None => Err(PlanError::DependsOnVoxels(key.to_owned())),
            Some(grid) => transform.plan(&grid, &Evidence { observed: None, reference }),
        };
        match ops {
            Err(PlanError::DependsOnVoxels(_)) => {
                *run = None;
                Ok(unknown(before))
            }
            Err(error) => Err(error),
            Ok(ops) => {
                let alone = |op: &GridOp, grid: &Grid| self.runs_alone(transform, key, op, grid);
                Ok(spatial_plan(before, ops, run, self.fuse, alone)?)
            }
        }
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
                let kind = self.input(key).map_or(Kind::Image, |i| i.kind);
                let rule = transform.resampling();
                let smooths = transform.anti_alias()
                    && kind != Kind::Label
                    && revoxel_transforms::anti_alias_sigma(grid, &target) != [0.0; 3];
                let apart =
                    rule.separate.is_some_and(|s| s.forth(grid.nominal_spacing(), target.nominal_spacing()).is_some());
                smooths || apart || rule.clip || rule.averages(key, kind) || pads_with_minimum(transform, key, kind)
            }
            GridOp::Warp { .. } => pads_with_minimum(transform, key, self.input(key).map_or(Kind::Image, |i| i.kind)),
            _ => false,
        }
    }
}

/// Refuses an input that a step looks at besides the volume and that lies elsewhere.
fn on_one_grid(grids: &BTreeMap<String, Option<Grid>>, key: &str, other: &str) -> Result<(), PlanError> {
    let of = |key: &str| grids.get(key).copied().flatten();
    let Some((ours, theirs)) = of(key).zip(of(other)) else { return Ok(()) };
    let relation = Relation::between(&ours, &theirs);
    if matches!(relation.agreement, Agreement::Identical | Agreement::Noise) {
        return Ok(());
    }
    let (ours, theirs, corner_mm) = (ours.shape(), theirs.shape(), relation.worst_corner_mm);
    Err(Box::new(ApplyError::OtherGrid { key: other.to_owned(), theirs, ours, corner_mm }).into())
}

/// Refuses a volume that parameters of a step do not fit, by its shape and its channels where these are known, and says
/// how many it has after it.
fn fits(
    transform: &dyn ValueTransform,
    grid: Option<Grid>,
    key: &str,
    channels: &mut BTreeMap<String, usize>,
) -> Result<(), PlanError> {
    grid.map_or(Ok(()), |grid| transform.fits_shape(grid.shape())).map_err(Box::new)?;
    let Some(count) = channels.remove(key) else { return Ok(()) };
    transform.fits_channels(count).map_err(Box::new)?;
    let after = transform.channels_after(Some(&Channels::all(count)), None).filter(|after| after.exact);
    channels.extend(after.map(|after| (key.to_owned(), after.count)));
    Ok(())
}

/// Refuses what finds no room in the input that it looks at, and a second input that lies elsewhere than that one.
fn has_room(transform: &dyn SpatialTransform, grids: &BTreeMap<String, Option<Grid>>) -> Result<(), PlanError> {
    let Need::Voxels(source) = transform.need() else { return Ok(()) };
    transform.beside().map_or(Ok(()), |beside| on_one_grid(grids, source, beside))?;
    grids.get(source).copied().flatten().map_or(Ok(()), |grid| transform.fits(&grid))
}

fn pads_with_minimum(transform: &dyn SpatialTransform, key: &str, kind: Kind) -> bool {
    let rule = transform.resampling();
    let padding = rule.padding.and_then(|p| p.get(key)).unwrap_or(rule.default_padding);
    padding == Padding::Minimum && kind == Kind::Image
}

fn value_plan(before: Option<Grid>) -> KeyPlan {
    let fidelity = Some(Fidelity::Exact);
    KeyPlan { before, after: before, ops: Vec::new(), fidelity, changes_values: true, fused: false, by_case: false }
}

/// The plan of a step whose result is not known.
fn unknown(before: Option<Grid>) -> KeyPlan {
    KeyPlan { after: None, fidelity: None, changes_values: false, ..value_plan(before) }
}

fn spatial_plan(
    before: Option<Grid>,
    ops: Vec<GridOp>,
    run: &mut Option<Sampling>,
    fuse: Fuse,
    alone: impl Fn(&GridOp, &Grid) -> bool,
) -> Result<KeyPlan, revoxel_core::GridError> {
    let (mut after, mut fidelity, mut fused) = (before, Fidelity::Exact, false);
    // What one step samples, it samples once.
    let mut sampled = false;
    for op in &ops {
        let Some(grid) = after else { break };
        fidelity = fidelity.max(op.fidelity(&grid));
        let pass = match run.take() {
            Some(pass) if sampled && op.interpolates() => pass,
            Some(pass) if pass.fuses(op, fuse == Fuse::Resampling) && !alone(op, &grid) => {
                fused = true;
                pass
            }
            _ => Sampling::identity(grid),
        };
        sampled |= op.interpolates();
        let pass = run.insert(pass);
        pass.push(op)?;
        after = Some(*pass.target());
        if matches!(op, GridOp::Window { .. }) && alone(op, &grid) {
            *run = None;
        }
    }
    Ok(KeyPlan { before, after, ops, fidelity: Some(fidelity), changes_values: false, fused, by_case: false })
}
