//! Runs all cases, several at once, within a memory bound.

mod tries;

use std::cell::OnceCell;
use std::ops::ControlFlow::{Break, Continue};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Mutex, PoisonError};

use revoxel_pipeline::{CaseName, Pipeline};

use crate::case::{CaseError, Done, Ready};
use crate::memory::Budget;
use crate::older::Owners;
use crate::preflight::Checked;
use crate::problem::Problem;
use tries::Tries;

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

/// Runs the cases; nothing is removed that lies where one of the `owners` has its outputs. `tell` hears of each case as it ends. The outcomes are in the order of the cases.
pub fn run(
    pipeline: &Pipeline,
    cases: &[Checked],
    (data, out): (&Path, &Path),
    owners: &Owners,
    execution: &Execution,
    tell: &(dyn Fn(&CaseName, &Outcome) + Sync),
) -> Vec<Outcome> {
    let budget = Budget::new(execution.memory.max(1));
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let outcomes: Mutex<Vec<Outcome>> = Mutex::new(vec![Outcome::NotRun; cases.len()]);
    let jobs = execution.jobs.clamp(1, cases.len().max(1));
    let ended = |position: usize, outcome: Outcome| {
        if crate::stop::is_stopped() {
            return;
        }
        if matches!(outcome, Outcome::Failed(_)) && !execution.keep_going {
            stop.store(true, Ordering::SeqCst);
        }
        tell(&cases[position].case.name, &outcome);
        // What is kept to the end does not lie among the buffers of a case, whose memory could not be given back then.
        outcomes.lock().unwrap_or_else(PoisonError::into_inner)[position] = outcome.clone();
    };
    let tries = |position: usize| Tries {
        pipeline,
        checked: &cases[position],
        owners,
        data,
        out,
        retries: execution.retries,
        tried: 0,
    };
    let (send, made) = mpsc::sync_channel::<(usize, Box<Ready>, Tries<'_>)>(NAMED_AT_ONCE);
    let made = Mutex::new(made);
    let name = || {
        let next = || made.lock().unwrap_or_else(PoisonError::into_inner).recv();
        while let Ok((position, ready, tries)) = next() {
            ended(position, tries.name(ready));
        }
    };
    let work = |send: Option<SyncSender<_>>| {
        let narrow = OnceCell::new();
        while !stop.load(Ordering::SeqCst) && !crate::stop::is_stopped() {
            let position = next.fetch_add(1, Ordering::SeqCst);
            let Some(checked) = cases.get(position) else { break };
            tracing::info!(case = %checked.case.name, "needs at most {} MB", checked.memory / 1_000_000);
            let drawn = budget.draw(checked.memory);
            if stop.load(Ordering::SeqCst) {
                break;
            }
            let mut tries = tries(position);
            // Where other cases keep the other cores busy, threads for parts of this one are only in the way.
            let busy = jobs >= rayon::current_num_threads() && cases.len() - position >= jobs;
            let fits = checked.memory.saturating_mul(jobs as u64) <= execution.memory;
            let pool = narrow.get_or_init(|| rayon::ThreadPoolBuilder::new().num_threads(1).build().ok());
            let way = match pool.as_ref().filter(|_| busy && fits && jobs > 1) {
                Some(pool) => pool.install(|| tries.make()),
                None => tries.make(),
            };
            drop(drawn);
            match (way, &send) {
                (Continue(ready), Some(send)) => {
                    if let Err(unsent) = send.send((position, ready, tries)) {
                        let (position, ready, tries) = unsent.0;
                        ended(position, tries.name(ready));
                    }
                }
                (Continue(ready), None) => ended(position, tries.name(ready)),
                (Break(outcome), _) => ended(position, outcome),
            }
        }
    };
    std::thread::scope(|scope| {
        let (name, work) = (&name, &work);
        let thread = std::thread::Builder::new;
        let naming = NAMED_AT_ONCE.min(cases.len() / 2);
        let naming = (0..naming).map_while(|_| thread().spawn_scoped(scope, name).ok()).count();
        let send = Some(send).filter(|_| naming > 0);
        let start = |send| thread().spawn_scoped(scope, move || work(send)).ok();
        let others = (1..jobs).map_while(|_| start(send.clone())).count();
        if others + 1 < jobs {
            tracing::warn!("the system refused more threads: running {} cases at once instead of {jobs}", others + 1);
        }
        work(send);
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

/// Cases whose files are named at once, and as many that wait for it. That is waiting for the disk: the system writes
/// what several threads wait for in one go.
const NAMED_AT_ONCE: usize = 8;
