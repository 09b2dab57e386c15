//! Reads every voxel of the inputs of cases, and does nothing with them: what cannot be read is found before a run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use revoxel_io::Loaded;
use revoxel_pipeline::Pipeline;

use crate::case::{CaseError, settled};
use crate::memory::Budget;
use crate::preflight::Checked;
use crate::problem::Problem;
use crate::{several, stop};

/// Reads the inputs of cases, several cases at once, within this many bytes. `tell` hears of each case. The problems are
/// in the order of the cases; `None` for a case that can be read. After a signal to stop, the remaining cases are not read.
pub fn read_all(pipeline: &Pipeline, cases: &[Checked], memory: u64, tell: &(dyn Fn() + Sync)) -> Vec<Option<Problem>> {
    let budget = Budget::new(memory.max(1));
    let next = AtomicUsize::new(0);
    let problems: Mutex<Vec<Option<Problem>>> = Mutex::new(vec![None; cases.len()]);
    let work = || {
        while !stop::is_stopped() {
            let position = next.fetch_add(1, Ordering::SeqCst);
            let Some(checked) = cases.get(position) else { break };
            let drawn = budget.draw(held(checked));
            let problem = problem_of(pipeline, checked);
            drop(drawn);
            tell();
            problems.lock().unwrap_or_else(PoisonError::into_inner)[position] = problem;
        }
    };
    std::thread::scope(|scope| {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, cases.len().max(1));
        let others = (1..jobs).map_while(|_| std::thread::Builder::new().spawn_scoped(scope, work).ok()).count();
        tracing::debug!("{} cases at once", others + 1);
        work();
    });
    problems.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes that an input of a case has at most, which are held one after another.
fn held(checked: &Checked) -> u64 {
    let bytes = checked.infos.values().map(|info| {
        let size = info.dtype.size().max(info.stored.size()) as u64;
        (info.grid.voxel_count() as u64).saturating_mul(info.channels as u64).saturating_mul(size)
    });
    bytes.max().unwrap_or(0)
}

/// What is wrong with the voxels of a case. A panic is a problem of the case.
fn problem_of(pipeline: &Pipeline, checked: &Checked) -> Option<Problem> {
    match catch_unwind(AssertUnwindSafe(|| read(pipeline, checked))) {
        Ok(read) => read.err().map(Problem::from),
        Err(_) => Some("internal error while it was read, please report it".to_owned().into()),
    }
}

fn read(pipeline: &Pipeline, checked: &Checked) -> Result<(), CaseError> {
    let case = &checked.case;
    let inputs = case.inputs.iter().filter_map(|(key, path)| Some((path, pipeline.input(key)?)));
    inputs.into_iter().try_for_each(|(path, input): (&PathBuf, _)| {
        let Loaded { volume, info } = several::read(pipeline, input, case)?;
        settled(input, path, volume, info.stored).map(|_| ())
    })
}
