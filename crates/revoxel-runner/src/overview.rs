//! What a run will do to each case, in a few numbers, and which cases are unlike the others. From headers alone.

mod cost;
mod spread;

use std::path::Path;

use revoxel_core::{Dtype, Fidelity, Grid, Kind};
use revoxel_pipeline::{CaseName, Pipeline};
use revoxel_transforms::Outline;

use crate::preflight::Checked;

pub use spread::{Measure, Outlier, Spreads, spreads};

/// A case in a few numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseOverview {
    /// The case.
    pub name: CaseName,
    /// Its volumes, in the order of the pipeline; those that start and end on the grid of one before are left out.
    pub volumes: Vec<VolumeOverview>,
    /// The worst that happens to voxels of any volume; `None` where that depends on voxels.
    pub fidelity: Option<Fidelity>,
    /// Memory that it needs at most, bytes.
    pub memory: u64,
    /// How long it takes by estimate, alone on this machine, s.
    pub seconds: f64,
    /// The size of what is written, by estimate, bytes.
    pub bytes: u64,
    /// Why it is left out, where that is known.
    pub skipped: Option<String>,
}

/// A volume in a few numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeOverview {
    /// The input.
    pub key: String,
    /// What its values mean.
    pub kind: Kind,
    /// Its grid before the first step.
    pub source: Grid,
    /// Its channels.
    pub channels: usize,
    /// Its voxel type.
    pub dtype: Dtype,
    /// Its grid after the last step.
    pub result: ResultGrid,
    /// The worst that happens to its voxels; `None` where that depends on voxels.
    pub fidelity: Option<Fidelity>,
}

/// What is known of the grid of a result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ResultGrid {
    /// All of it.
    Known(Grid),
    /// This much; the rest depends on voxels.
    Outline(Outline),
    /// It depends on voxels.
    Unknown,
}

impl ResultGrid {
    /// The number of voxels along each axis, where it is known.
    pub fn shape(&self) -> Option<[usize; 3]> {
        self.outline().and_then(|outline| outline.shape())
    }

    /// What is known of it.
    pub fn outline(&self) -> Option<Outline> {
        match self {
            Self::Known(grid) => Some(Outline::of(grid)),
            Self::Outline(outline) => Some(*outline),
            Self::Unknown => None,
        }
    }
}

/// What a run will do to a case. Its outputs are to be in `out`, where that is known.
pub fn overview(pipeline: &Pipeline, checked: &Checked) -> CaseOverview {
    let plan = &checked.plan;
    let mut volumes: Vec<VolumeOverview> = Vec::new();
    for input in &pipeline.inputs {
        let key = &input.key;
        let (Some(info), Some(source)) = (checked.infos.get(key), checked.grids.get(key)) else { continue };
        let known = plan.result.get(key).copied().flatten().map(ResultGrid::Known);
        let result = known.or_else(|| plan.outlines.get(key).map(|outline| ResultGrid::Outline(*outline)));
        let result = result.unwrap_or(ResultGrid::Unknown);
        let of_steps = plan.steps.iter().flat_map(|step| &step.volumes).filter(|(k, _)| k == key);
        let begun = if checked.uneven.contains_key(key) { Fidelity::Lossy } else { Fidelity::Exact };
        let fidelity = of_steps.map(|(_, step)| step.fidelity).try_fold(begun, |worst, f| Some(worst.max(f?)));
        let lossy =
            plan.steps.iter().flat_map(|step| &step.volumes).any(|(k, step)| k == key && is_lossy(step.fidelity));
        volumes.push(VolumeOverview {
            key: key.clone(),
            kind: input.kind,
            source: *source,
            channels: if input.channel.is_some() { 1 } else { info.channels },
            dtype: info.stored,
            result,
            // What interpolates is lossy, whatever else depends on voxels.
            fidelity: fidelity.or(lossy.then_some(Fidelity::Lossy)),
        });
    }
    let worst = volumes.iter().map(|volume| volume.fidelity);
    let fidelity = match volumes.iter().any(|volume| is_lossy(volume.fidelity)) {
        true => Some(Fidelity::Lossy),
        false => worst.clone().try_fold(Fidelity::Exact, |worst, f| Some(worst.max(f?))),
    };
    let cost = cost::of(pipeline, checked, &volumes);
    let first: Vec<VolumeOverview> = alike_left_out(volumes);
    CaseOverview {
        name: checked.case.name.clone(),
        volumes: first,
        fidelity,
        memory: checked.memory,
        seconds: cost.seconds,
        bytes: cost.bytes,
        skipped: plan.skipped.as_ref().map(ToString::to_string),
    }
}

fn is_lossy(fidelity: Option<Fidelity>) -> bool {
    fidelity == Some(Fidelity::Lossy)
}

/// The volumes without those that start and end where an earlier one does. Images come first.
fn alike_left_out(mut volumes: Vec<VolumeOverview>) -> Vec<VolumeOverview> {
    volumes.sort_by_key(|volume| volume.kind != Kind::Image);
    let mut kept: Vec<VolumeOverview> = Vec::new();
    for volume in volumes {
        if !kept.iter().any(|other| other.source == volume.source && other.result == volume.result) {
            kept.push(volume);
        }
    }
    kept
}

/// The length of a file, bytes; of a folder, that of the files in it.
fn length(path: &Path) -> u64 {
    let Ok(found) = std::fs::metadata(path) else { return 0 };
    if !found.is_dir() {
        return found.len();
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.metadata().ok()).map(|found| found.len()).sum()
}
