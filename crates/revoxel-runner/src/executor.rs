//! Runs all cases, several at once, within a memory bound.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use revoxel_pipeline::{CaseName, Pipeline};

use crate::case::{self, CaseError, Done};
use crate::memory::Budget;
use crate::preflight::Checked;
use crate::problem::Problem;

/// How cases are run.
#[derive(Clone, Copy, Debug)]
pub struct Execution {
    /// Cases at once.
    pub jobs: usize,
    /// Bytes that the cases at work may need together.
    pub memory: u64,
    /// Go on with the other cases when one fails.
    pub keep_going: bool,
    /// How often a case is tried again if a file could not be read or written for a reason that may pass.
    pub retries: u32,
}

/// What became of a case.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It ran.
    Done(Done),
    /// It failed.
    Failed(Problem),
    /// It was not started, because another one failed.
    NotRun,
}

/// Runs the cases. `tell` hears of each case as it ends. The outcomes are in the order of the cases.
pub fn run(
    pipeline: &Pipeline,
    cases: &[Checked],
    (data, out): (&Path, &Path),
    execution: &Execution,
    tell: &(dyn Fn(&CaseName, &Outcome) + Sync),
) -> Vec<Outcome> {
    let budget = Budget::new(execution.memory.max(1));
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let outcomes: Mutex<Vec<Outcome>> = Mutex::new(vec![Outcome::NotRun; cases.len()]);
    let work = || {
        while !stop.load(Ordering::SeqCst) && !crate::stop::is_stopped() {
            let position = next.fetch_add(1, Ordering::SeqCst);
            let Some(checked) = cases.get(position) else { break };
            tracing::info!(case = %checked.case.name, "needs at most {} MB", checked.memory / 1_000_000);
            let drawn = budget.draw(checked.memory);
            if stop.load(Ordering::SeqCst) {
                break;
            }
            let outcome = one(pipeline, checked, (data, out), execution.retries);
            drop(drawn);
            if crate::stop::is_stopped() {
                break;
            }
            if matches!(outcome, Outcome::Failed(_)) && !execution.keep_going {
                stop.store(true, Ordering::SeqCst);
            }
            tell(&checked.case.name, &outcome);
            outcomes.lock().unwrap_or_else(PoisonError::into_inner)[position] = outcome;
        }
    };
    std::thread::scope(|scope| {
        let jobs = execution.jobs.clamp(1, cases.len().max(1));
        let others = (1..jobs).map_while(|_| std::thread::Builder::new().spawn_scoped(scope, work).ok()).count();
        if others + 1 < jobs {
            tracing::warn!("the system refused more threads: running {} cases at once instead of {jobs}", others + 1);
        }
        work();
    });
    outcomes.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl From<CaseError> for Problem {
    fn from(error: CaseError) -> Self {
        match error {
            CaseError::Read(error) => error.into(),
            CaseError::Write(error) => error.into(),
            error => error.to_string().into(),
        }
    }
}

/// Before a case is tried again; longer each time.
const PAUSE: Duration = Duration::from_secs(1);

/// One case; a panic in it is a failure of the case, not of the run.
fn one(pipeline: &Pipeline, checked: &Checked, (data, out): (&Path, &Path), retries: u32) -> Outcome {
    let run = || {
        let mut tried = 0;
        loop {
            match case::run(pipeline, checked, data, out) {
                Err(error) if tried < retries && error.may_pass() && !crate::stop::is_stopped() => {
                    tried += 1;
                    tracing::warn!(case = %checked.case.name, "{error}; trying again ({tried} of {retries})");
                    std::thread::sleep(PAUSE * tried);
                }
                ended => return ended,
            }
        }
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(done)) => Outcome::Done(done),
        Ok(Err(error)) => Outcome::Failed(error.into()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Outcome::Failed(format!("internal error, please report it: {text}").into())
        }
    }
}
