//! Everything that can be checked before a voxel is read or a file is written.

mod outputs;

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use revoxel_core::warp::Field;
use revoxel_core::{Agreement, Grid, GridOp, Kind, Relation};
use revoxel_io::FileInfo;
use revoxel_pipeline::{CaseName, Input, KeyPlan, KnownGrid, Pipeline, Plan, Step};
use revoxel_transforms::{Sources, Transform};

use crate::channel;
use crate::dataset::Case;
use crate::limits::limits;
use crate::memory;
use crate::problem::{Problem, Setting};
use crate::several;
use crate::uneven::{UnevenError, even_out};

pub(crate) use outputs::all_outputs_of;
pub use outputs::{check_names, check_outputs, colliding, outputs_of, unwritable};

/// A case that has passed.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The case.
    pub case: Case,
    /// The headers of its files, by key.
    pub infos: BTreeMap<String, FileInfo>,
    /// The grid that each volume starts on: its own, the one it was snapped to, or the one its slices were evened
    /// out onto.
    pub grids: BTreeMap<String, Grid>,
    /// How volumes whose slices lie unevenly are evened out.
    pub uneven: BTreeMap<String, GridOp>,
    /// What will happen.
    pub plan: Plan,
    /// Estimated peak memory, bytes.
    pub memory: u64,
    /// Whether inputs of the same shape were put on one grid whatever their headers say.
    pub snap: bool,
}

impl Checked {
    /// The grid that a volume was put on before the first step, where that is not its own.
    pub(crate) fn snapped(&self, key: &str) -> Option<Grid> {
        let (start, own) = (self.grids.get(key)?, &self.infos.get(key)?.grid);
        let moved = (start != own || start.axes() != own.axes()) && !self.uneven.contains_key(key);
        moved.then_some(*start)
    }
}

/// A case that has not passed.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The case.
    pub case: CaseName,
    /// Why.
    pub problem: Problem,
}

/// How strict the checks are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Strictness {
    /// Put inputs of the same shape on the grid of the case's first image, whatever their headers say.
    pub snap: bool,
    /// Memory that may be taken though the machine seems to have less, bytes.
    pub memory: Option<u64>,
}

/// Checks every case: files, headers, geometry, plan. In parallel; the order of the cases is kept. Headers are read once
/// for copies of a case that follow each other.
pub fn check(pipeline: &Pipeline, cases: Vec<Case>, strictness: Strictness) -> Vec<Result<Checked, Refused>> {
    let same = |a: &Case, b: &Case| {
        a.inputs == b.inputs && a.channels == b.channels && a.series == b.series && a.missing == b.missing
    };
    let of_one: Vec<&[Case]> = cases.chunk_by(same).collect();
    let check = |copies: &[Case]| -> Vec<Result<Checked, Refused>> {
        let read = headers(pipeline, &copies[0], strictness);
        let read = std::iter::repeat_n(read, copies.len());
        let planned = |(case, headers): (&Case, Result<Headers, Problem>)| {
            let found = headers.and_then(|headers| headers.planned(pipeline, case, strictness));
            found.map_err(|problem| Refused { case: case.name.clone(), problem })
        };
        copies.iter().zip(read).map(planned).collect()
    };
    of_one.into_par_iter().map(check).collect::<Vec<_>>().into_iter().flatten().collect()
}

/// Checks a case whose headers are known already.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn check_known(
    pipeline: &Pipeline,
    case: &Case,
    infos: BTreeMap<String, FileInfo>,
    strictness: Strictness,
) -> Result<Checked, Problem> {
    lacks(case)?;
    Headers::of(pipeline, case, infos, strictness)?.planned(pipeline, case, strictness)
}

/// What the files of a case say before voxels are read.
#[derive(Clone)]
struct Headers {
    infos: BTreeMap<String, FileInfo>,
    grids: BTreeMap<String, Grid>,
    uneven: BTreeMap<String, GridOp>,
}

impl Headers {
    fn of(
        pipeline: &Pipeline,
        case: &Case,
        infos: BTreeMap<String, FileInfo>,
        strictness: Strictness,
    ) -> Result<Self, Problem> {
        let mut uneven = BTreeMap::new();
        for (key, info) in &infos {
            if let Some(stack) = &info.slices {
                let named = |e: UnevenError| {
                    Problem::new(format!("{}: {e}", case.inputs[key].display()), e.settings().map(Setting::File))
                };
                let op = even_out(&info.grid, stack).map_err(named)?;
                uneven.insert(key.clone(), op);
            }
        }
        let grids = shared_grids(pipeline, case, &infos, &uneven, strictness)?;
        Ok(Self { infos, grids, uneven })
    }

    /// A case with these headers, or a copy of it.
    fn planned(self, pipeline: &Pipeline, case: &Case, strictness: Strictness) -> Result<Checked, Problem> {
        let Self { infos, grids, uneven } = self;
        let taken = |key: &String| match pipeline.input(key).and_then(|input| input.channel) {
            Some(_) => 1,
            None => infos[key].channels,
        };
        let channels = infos.keys().map(|key| (key.clone(), taken(key))).collect();
        pipeline.check_channels(&channels).map_err(|e| e.to_string())?;
        let known = |(key, grid): (&String, &Grid)| {
            let (info, kind) = (&infos[key], pipeline.input(key).map_or(Kind::Image, |i| i.kind));
            // What is evened out is interpolated before the first step.
            let dtype = (!uneven.contains_key(key)).then_some(info.dtype);
            (key.clone(), KnownGrid { grid: *grid, kind, channels: Some(taken(key)), dtype })
        };
        let plan = pipeline.plan_volumes(&grids.iter().map(known).collect(), Some(&case.name.to_string()));
        let plan = plan.map_err(|e| pipeline.step_error(e.step, e.to_string()).to_string())?;
        // What is left out is not read.
        let Needed { least, most } = match plan.skipped.is_some() {
            true => Needed::default(),
            false => estimate(pipeline, case, &infos, &plan),
        };
        bounded(memory::beyond(least, most, strictness.memory), &plan)?;
        Ok(Checked { case: case.clone(), infos, grids, uneven, plan, memory: most, snap: strictness.snap })
    }
}

/// Refuses a case without a required input.
fn lacks(case: &Case) -> Result<(), String> {
    if let Some(problem) = case.problems.first() {
        return Err(problem.clone());
    }
    if case.missing.is_empty() {
        return Ok(());
    }
    let missing = case.missing.iter().map(|(key, path)| format!("{key} ({})", path.display())).collect::<Vec<_>>();
    Err(format!("missing input: {}", missing.join(", ")))
}

fn headers(pipeline: &Pipeline, case: &Case, strictness: Strictness) -> Result<Headers, Problem> {
    lacks(case)?;
    let mut infos = BTreeMap::new();
    for (key, path) in &case.inputs {
        let Some(input) = pipeline.input(key) else { continue };
        let info = several::info(pipeline, input, case)?;
        let labels_too = labels_beside(pipeline, case, key, path);
        for warning in info.warnings.iter().filter(|w| !(labels_too && w.is_labels_aside())) {
            tracing::warn!(case = %case.name, "{}: {warning}", path.display());
        }
        let mapped = case.files(key).count() == 1 && is_mapped(path, &info);
        limits().check_volume(path, bytes_of(&info), mapped)?;
        channel::taken(input, path, info.channels).map_err(|e| e.to_string())?;
        infos.insert(key.clone(), info);
    }
    Headers::of(pipeline, case, infos, strictness)
}

/// Whether another input reads the labels that lie in the same folder, or beside the same file.
fn labels_beside(pipeline: &Pipeline, case: &Case, key: &str, path: &Path) -> bool {
    let folder = |path: &Path| if path.is_dir() { path.to_owned() } else { path.with_file_name("") };
    let is_label = |key: &String| pipeline.input(key).is_some_and(|input| input.kind == Kind::Label);
    case.inputs.iter().any(|(other, at)| other != key && is_label(other) && folder(at) == folder(path))
}

/// The grids that the volumes start on. Inputs that must share the first image's grid are compared with it: noise
/// is snapped, anything else is an error unless the pipeline or the caller says what to do.
fn shared_grids(
    pipeline: &Pipeline,
    case: &Case,
    infos: &BTreeMap<String, FileInfo>,
    uneven: &BTreeMap<String, GridOp>,
    strictness: Strictness,
) -> Result<BTreeMap<String, Grid>, Problem> {
    let start = |key: &String, info: &FileInfo| match uneven.get(key) {
        Some(GridOp::Reslice { grid, .. }) => *grid,
        _ => info.grid,
    };
    let mut grids: BTreeMap<String, Grid> = infos.iter().map(|(k, i)| (k.clone(), start(k, i))).collect();
    let Some(first) =
        pipeline.inputs.iter().filter(|i| infos.contains_key(&i.key)).min_by_key(|i| i.kind != Kind::Image)
    else {
        return Ok(grids);
    };
    let reference = grids[&first.key];
    let flat = agree_flat(pipeline, &mut grids, &reference, uneven);
    let reference = if flat { reference.planar() } else { reference };
    for input in &pipeline.inputs {
        let Some(own) = grids.get(&input.key).copied() else { continue };
        if input.key == first.key || input.own_grid || aligned(pipeline, &input.key) {
            continue;
        }
        let relation = Relation::between(&own, &reference);
        let even = !uneven.contains_key(&input.key);
        let same_shape = own.shape() == reference.shape();
        let snaps = even && (relation.agreement == Agreement::Noise || (strictness.snap && same_shape));
        if snaps {
            tracing::info!(case = %case.name, key = input.key, "snapped to the grid of {}: {relation}", first.key);
            grids.insert(input.key.clone(), reference);
        } else if !relation.agrees() {
            let way_out = match (same_shape, relation.agreement == Agreement::Disjoint) {
                (true, false) => "If only the header is wrong, snap the grids; if the position is right, ",
                (true, true) => "If only the header is wrong, snap the grids; to resample anyway, ",
                _ => "To resample it, ",
            };
            let problem = format!(
                "{} and {} must be on one grid, but are not: {relation}\n  {}: {}\n  {}: {}\n  {way_out}add the step \
                 `- {}: {{ keys: [{}], reference: {} }}` before any step that uses both, or declare `grid: own` on the \
                 input",
                input.key,
                first.key,
                case.inputs[&first.key].display(),
                reference,
                case.inputs[&input.key].display(),
                own,
                if relation.agreement == Agreement::Disjoint { "resample_to" } else { "align" },
                input.key,
                first.key,
            );
            return Err(Problem::new(problem, same_shape.then_some(Setting::Snap)));
        }
    }
    Ok(grids)
}

/// Makes the inputs that share the grid of the first one 2-D where one of them is: a volume of one slice at the same
/// place is the same to every step, whether its file has two axes or three. Whether one is.
fn agree_flat(
    pipeline: &Pipeline,
    grids: &mut BTreeMap<String, Grid>,
    reference: &Grid,
    uneven: &BTreeMap<String, GridOp>,
) -> bool {
    let shares = |input: &&Input| !input.own_grid && !uneven.contains_key(&input.key) && !aligned(pipeline, &input.key);
    let together: Vec<&String> = pipeline.inputs.iter().filter(shares).map(|input| &input.key).collect();
    let same = |grid: &Grid| Relation::between(grid, reference).agrees();
    let flat = together.iter().filter_map(|key| grids.get(*key)).any(|grid| grid.is_planar() && same(grid));
    for key in together.into_iter().filter(|_| flat) {
        if let Some(grid) = grids.get_mut(key).filter(|grid| same(grid)) {
            *grid = grid.planar();
        }
    }
    flat
}

/// Whether a step puts an input on the grid of another before any step looks at a second input.
fn aligned(pipeline: &Pipeline, key: &str) -> bool {
    let moves = |s: &&Step| s.keys.iter().any(|k| k == key) && !matches!(s.transform, Transform::Value(_));
    let mut looks = pipeline.steps.iter().filter(moves).map(|s| s.transform.sources());
    let first = looks.find(|sources| *sources != Sources::Nothing);
    matches!(first, Some(Sources::Grid { of, aligns: true }) if of != key)
}

/// Refuses what there is no memory for: a slip in a voxel size, or a machine that is too small.
fn bounded(problem: Option<String>, plan: &Plan) -> Result<(), Problem> {
    let Some(problem) = problem else { return Ok(()) };
    let grids = plan.steps.iter().enumerate().flat_map(|(number, step)| {
        step.volumes.iter().filter_map(move |(key, p)| Some((number, step.name, key, p.after?)))
    });
    // The first one: later steps keep its grid.
    let largest = grids.min_by_key(|(.., grid)| std::cmp::Reverse(grid.voxel_count()));
    let what = largest.map_or_else(String::new, |(number, name, key, grid)| {
        let [x, y, z] = grid.shape();
        format!("step {} ({name}) makes {x} × {y} × {z} voxels of {key}: ", number + 1)
    });
    let way_out = "use a machine with more memory, crop or use larger voxels, or allow more memory to try anyway";
    Err(Problem::new(format!("{what}{problem}: {way_out}"), [Setting::Memory]))
}

/// The memory that a case needs, bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Needed {
    /// By any means.
    least: u64,
    /// At most.
    most: u64,
}

/// What a case needs at most: every volume as read, plus, for the largest one, what it becomes twice over (source and
/// target of a pass), and slabs on their way to a file. At least it needs what is decoded, and the largest target that is
/// not written as it is made; voxels that are used where they lie in their file take no memory.
fn estimate(pipeline: &Pipeline, case: &Case, infos: &BTreeMap<String, FileInfo>, plan: &Plan) -> Needed {
    let (mut held, mut largest) = (0u64, 0u64);
    let (mut decoded, mut target) = (0u64, 0u64);
    for (key, info) in infos {
        let channels = info.channels as u64;
        let native = bytes_of(info);
        let averaged = pipeline.input(key).is_some_and(|i| i.kind != Kind::Label);
        let size = if averaged { 4 } else { info.dtype.size() as u64 };
        let steps = plan.steps.iter().flat_map(|s| &s.volumes).filter(|(k, _)| k == key);
        // Where a grid depends on voxels it is at most as large as without the crop.
        let grids = steps.filter_map(|(_, p)| p.after.or(p.outline.map(|outline| *outline.like())));
        let widest = grids.map(|grid| grid.voxel_count() as u64).max().unwrap_or(0);
        let processed = widest.max(info.grid.voxel_count() as u64).saturating_mul(channels * size);
        // Smoothing needs the volume twice more, in float32.
        let smoothed = averaged
            && pipeline.steps.iter().any(|s| s.keys.contains(key) && s.transform.resampling().smoothing.is_some());
        let smoothing = if smoothed { 2 * (native / info.dtype.size() as u64) * 4 } else { 0 };
        held = held.saturating_add(native.max(processed));
        largest = largest.max(native.saturating_add(processed.max(smoothing)));
        let alone = case.files(key).count() == 1;
        let mapped = alone && case.inputs.get(key).is_some_and(|path| is_mapped(path, info));
        decoded = decoded.saturating_add(if mapped { 0 } else { native });
        // What no step looks at or changes goes to its file slab by slab.
        let changes = |t: &Transform| !matches!(t, Transform::Spatial(t) if t.sources() == Sources::Nothing);
        let whole = pipeline.steps.iter().any(|s| s.keys.contains(key) && changes(&s.transform));
        // A change of values may need the volume three times more, beside its result.
        let is_value = |t: &Transform| !matches!(t, Transform::Spatial(_));
        if pipeline.steps.iter().any(|s| s.keys.contains(key) && is_value(&s.transform)) {
            largest = largest.max(native.max(processed).saturating_add(processed.saturating_mul(3)));
        }
        target = target.max(if whole { widest.saturating_mul(channels * size) } else { 0 });
    }
    let rest = displacements(plan) + memory::SLABS;
    let [least, most] = [decoded.saturating_add(target), held.saturating_add(largest)].map(|n| n.saturating_add(rest));
    Needed { least, most }
}

/// Bytes of the voxels of a file.
fn bytes_of(info: &FileInfo) -> u64 {
    let size = info.dtype.size().max(info.stored.size()) as u64;
    (info.grid.voxel_count() as u64).saturating_mul(info.channels as u64).saturating_mul(size)
}

/// Whether the voxels of a file are used where they lie: it is long enough for them.
fn is_mapped(path: &Path, info: &FileInfo) -> bool {
    let length = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|m| m.len());
    info.dtype == info.stored && length.is_some_and(|length| length >= bytes_of(info))
}

/// What displacements by voxel take while they are made: three numbers for each voxel of their region, and as much
/// again beside them. The inputs of a step share them.
fn displacements(plan: &Plan) -> u64 {
    let of_op = |op: &GridOp| match op {
        GridOp::Warp { warp, .. } if matches!(warp.field(), Field::Dense(_)) => warp.grid().voxel_count() as u64 * 24,
        _ => 0,
    };
    let of_step =
        |volumes: &[(String, KeyPlan)]| volumes.iter().flat_map(|(_, p)| &p.ops).map(of_op).max().unwrap_or(0);
    plan.steps.iter().map(|step| of_step(&step.volumes)).sum()
}
