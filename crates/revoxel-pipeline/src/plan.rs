//! What a pipeline will do to the volumes of a case, from their grids alone.

use std::collections::{BTreeMap, BTreeSet};

use revoxel_core::{Agreement, Dtype, Fidelity, Grid, GridOp, Kind, Relation};
use revoxel_transforms::{
    ApplyError, Channels, Class, Evidence, FusedPass, KnownGrid, Need, PlanError, ResampleError, SpatialTransform,
    ValueTransform, step_rule,
};

use crate::drawn::{PlainChange, PlainStep};
use crate::model::Pipeline;
use crate::rules::Fuse;

/// The predicted steps of a case.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The steps, in order.
    pub steps: Vec<PlannedStep>,
    /// The grid of each volume at the end; `None` where it depends on voxels.
    pub result: BTreeMap<String, Option<Grid>>,
    /// What is known of each volume at the end; `None` where its grid depends on voxels.
    pub volumes: BTreeMap<String, Option<PlannedVolume>>,
    /// Why the case is left out, where that is known without its voxels: a copy for which there is no patch.
    pub skipped: Option<PlanFailure>,
}

/// What is known of a volume after the last step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedVolume {
    /// Where its voxels lie.
    pub grid: Grid,
    /// What its values mean.
    pub kind: Kind,
    /// Its channels, where they are known.
    pub channels: Option<usize>,
    /// Its voxel type, where it is known: a step that changes values may give any.
    pub dtype: Option<Dtype>,
    /// How many passes over its voxels there were.
    pub passes: usize,
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
    /// The interpolation, where one is needed.
    pub interpolation: Option<&'static str>,
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
        let known = |(key, grid): (&String, &Grid)| {
            let kind = self.input(key).map_or(Kind::Image, |i| i.kind);
            (key.clone(), KnownGrid { grid: *grid, kind, channels: None, dtype: None })
        };
        self.plan_volumes(&grids.iter().map(known).collect(), case)
    }

    /// [`plan`](Self::plan) for volumes of which more than the grid may be known.
    ///
    /// # Errors
    /// The first step that cannot be done.
    pub fn plan_volumes(&self, volumes: &BTreeMap<String, KnownGrid>, case: Option<&str>) -> Result<Plan, PlanFailure> {
        let mut state = State::new(volumes);
        let mut steps = Vec::new();
        let mut by_case: BTreeSet<&str> = BTreeSet::new();
        let mut skipped = None;
        for (number, (step, plain)) in self.drawn_for(case).enumerate() {
            let before_step = state.grids();
            let mut planned = Vec::new();
            let change = plain.as_ref().map(PlainStep::change);
            let first = step.keys.iter().find(|k| volumes.contains_key(*k));
            if let (Some(key), Some(PlainChange::Spatial(transform))) = (first, change) {
                state.look(transform).map_err(|error| PlanFailure {
                    step: number,
                    name: step.name,
                    key: key.clone(),
                    error: Box::new(error),
                })?;
            }
            for key in step.keys.iter().filter(|k| volumes.contains_key(*k)) {
                let before = before_step[key];
                let failure =
                    |error| PlanFailure { step: number, name: step.name, key: key.clone(), error: Box::new(error) };
                let plan = match change {
                    None if step.class == Class::Spatial => {
                        by_case.insert(key);
                        state.lose(key);
                        unknown(before)
                    }
                    None => {
                        state.settle(key).map_err(failure)?;
                        state.forget_values(key, |_| None);
                        value_plan(before)
                    }
                    Some(PlainChange::Nothing) => KeyPlan { changes_values: false, ..value_plan(before) },
                    Some(PlainChange::Value(transform)) => {
                        state.value(transform, &before_step, before, key).map_err(failure)?
                    }
                    Some(PlainChange::Spatial(transform)) => {
                        let named = plain.as_ref().and_then(|plain| plain.reference(first.map(String::as_str)));
                        let reference = match named.map(|other| before_step.get(other).ok_or(other)) {
                            Some(Err(other)) => return Err(failure(PlanError::MissingInput(other.to_owned()))),
                            Some(Ok(grid)) => grid.as_ref(),
                            None => None,
                        };
                        has_room(transform, &before_step).map_err(failure)?;
                        let grid = before.filter(|_| named.is_none() || reference.is_some());
                        match state.spatial(transform, key, grid, reference, self.fuse) {
                            Err(error @ PlanError::NoPatch { .. }) => {
                                skipped.get_or_insert(failure(error));
                                state.lose(key);
                                unknown(before)
                            }
                            planned => planned.map_err(failure)?,
                        }
                    }
                };
                if plan.after.is_some() {
                    by_case.remove(key.as_str());
                }
                planned.push((key.clone(), KeyPlan { by_case: by_case.contains(key.as_str()), ..plan }));
            }
            steps.push(PlannedStep { name: step.name, volumes: planned });
        }
        let grids = state.grids();
        let result = volumes.keys().map(|key| (key.clone(), state.settled(key))).collect();
        Ok(Plan { steps, result: grids, volumes: result, skipped })
    }
}

/// What is known of the volumes on their way through the steps.
struct State {
    /// The volume with the pass that waits for it; `None` where its grid depends on voxels.
    fused: BTreeMap<String, Option<FusedPass<KnownGrid>>>,
    kinds: BTreeMap<String, Kind>,
    channels: BTreeMap<String, usize>,
}

impl State {
    fn new(volumes: &BTreeMap<String, KnownGrid>) -> Self {
        Self {
            fused: volumes.iter().map(|(key, known)| (key.clone(), Some(FusedPass::new(*known)))).collect(),
            kinds: volumes.iter().map(|(key, known)| (key.clone(), known.kind)).collect(),
            channels: volumes.iter().filter_map(|(key, known)| Some((key.clone(), known.channels?))).collect(),
        }
    }

    fn grids(&self) -> BTreeMap<String, Option<Grid>> {
        self.fused.iter().map(|(key, fused)| (key.clone(), fused.as_ref().map(|f| *f.grid()))).collect()
    }

    fn fused(&mut self, key: &str) -> Option<&mut FusedPass<KnownGrid>> {
        self.fused.get_mut(key).and_then(Option::as_mut)
    }

    /// The grid of a volume is not known any more.
    fn lose(&mut self, key: &str) {
        self.fused.insert(key.to_owned(), None);
    }

    /// Where voxels are looked at, the pass that waits is executed.
    fn settle(&mut self, key: &str) -> Result<(), PlanError> {
        self.fused(key).map_or(Ok(()), |fused| fused.settle().map(|_| ())).map_err(resampled)
    }

    /// The voxels that a transform looks at before a step.
    fn look(&mut self, transform: &dyn SpatialTransform) -> Result<(), PlanError> {
        let Need::Voxels(source) = transform.need() else { return Ok(()) };
        let others = transform.also().iter().map(String::as_str).chain(transform.beside());
        std::iter::once(source).chain(others).try_for_each(|key| self.settle(key))
    }

    /// A step changed values; all that is known of them is their type, if that.
    fn forget_values(&mut self, key: &str, dtype_after: impl Fn(Option<Dtype>) -> Option<Dtype>) {
        let (kind, channels) = (self.kinds.get(key).copied(), self.channels.get(key).copied());
        if let Some(Some(fused)) = self.fused.get_mut(key) {
            let dtype = dtype_after(fused.subject().dtype);
            let known = KnownGrid { grid: *fused.grid(), channels, dtype, kind: kind.unwrap_or(Kind::Image) };
            *fused = fused.with(known);
        }
    }

    fn value(
        &mut self,
        transform: &dyn ValueTransform,
        before_step: &BTreeMap<String, Option<Grid>>,
        before: Option<Grid>,
        key: &str,
    ) -> Result<KeyPlan, PlanError> {
        for other in transform.source().into_iter().chain(transform.gathers().iter().map(String::as_str)) {
            on_one_grid(before_step, key, other)?;
            self.settle(other)?;
        }
        self.settle(key)?;
        fits(transform, before, key, &mut self.channels)?;
        if let Some(kind) = self.kinds.get_mut(key) {
            *kind = transform.kind_after(*kind);
        }
        self.forget_values(key, |before| transform.dtype_after(before));
        Ok(value_plan(before))
    }

    /// The plan of a spatial transform for a volume on a grid; `None` where the grid, or one that the transform needs,
    /// is not known.
    fn spatial(
        &mut self,
        transform: &dyn SpatialTransform,
        key: &str,
        before: Option<Grid>,
        reference: Option<&Grid>,
        fuse: Fuse,
    ) -> Result<KeyPlan, PlanError> {
        let kind = self.kinds.get(key).copied().unwrap_or(Kind::Image);
        let channels = self.channels.get(key).copied().unwrap_or(1);
        let ops = match before {
            None => Err(PlanError::DependsOnVoxels(key.to_owned())),
            Some(grid) => transform.plan(&grid, &Evidence { observed: None, reference }),
        };
        let ops = match ops {
            Err(PlanError::DependsOnVoxels(_)) => {
                self.lose(key);
                return Ok(unknown(before));
            }
            ops => ops?,
        };
        let Some(fused) = self.fused(key) else { return Ok(unknown(before)) };
        let mut fidelity = Fidelity::Exact;
        let mut grid = *fused.grid();
        for op in &ops {
            fidelity = fidelity.max(op.fidelity(&grid));
            grid = op.after(&grid)?;
        }
        let rule = step_rule(transform, key, kind, channels, fuse == Fuse::Resampling);
        let applied = fused.apply(&ops, &rule).map_err(resampled)?;
        let after = Some(*fused.grid());
        let interpolation = applied.interpolation.map(|i| i.name());
        let fidelity = Some(fidelity);
        Ok(KeyPlan {
            after,
            ops,
            fidelity,
            changes_values: false,
            fused: applied.joined,
            interpolation,
            ..value_plan(before)
        })
    }

    /// What is known of a volume after the last step, all passes executed.
    fn settled(&mut self, key: &str) -> Option<PlannedVolume> {
        let fused = self.fused(key)?;
        fused.settle().ok()?;
        let KnownGrid { grid, kind, channels, dtype } = *fused.subject();
        Some(PlannedVolume { grid, kind, channels, dtype, passes: fused.executed() })
    }
}

fn resampled(error: ResampleError) -> PlanError {
    match error {
        ResampleError::Grid(error) => error.into(),
        other => Box::new(ApplyError::Resample(other)).into(),
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
    grid.map_or(Ok(()), |grid| transform.fits_grid(&grid)).map_err(Box::new)?;
    let Some(count) = channels.remove(key) else { return Ok(()) };
    transform.fits_channels(count, grid.map_or(3, |grid| grid.axes())).map_err(Box::new)?;
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

fn value_plan(before: Option<Grid>) -> KeyPlan {
    KeyPlan {
        before,
        after: before,
        ops: Vec::new(),
        fidelity: Some(Fidelity::Exact),
        changes_values: true,
        fused: false,
        interpolation: None,
        by_case: false,
    }
}

/// The plan of a step whose result is not known.
fn unknown(before: Option<Grid>) -> KeyPlan {
    KeyPlan { after: None, fidelity: None, changes_values: false, ..value_plan(before) }
}
