//! What a run leaves about itself: how it began, how it ended, and how far it was when a signal stopped it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use revoxel_pipeline::Pipeline;
use revoxel_runner::executor;
use revoxel_runner::journal::{self, PipelineText, RunRecord};
use revoxel_runner::places;
use revoxel_runner::preflight::Checked;

use super::super::failure::Failure;
use super::super::pipeline_file::with_seed;
use super::super::signals;
use super::Args;

/// Records that a run begins; `None` where there is nothing to run, and nothing is written. A run of one case has
/// nothing to go on with: its folder holds its results alone.
pub(super) fn begin(
    args: &Args,
    pipeline: &Pipeline,
    checked: &[Checked],
    others: usize,
) -> Result<Option<RunRecord>, Failure> {
    let alone = checked.len() + others == 1 && args.shard.is_none();
    if checked.is_empty() || alone {
        return Ok(None);
    }
    let text = PipelineText {
        path: std::path::absolute(&args.pipeline).unwrap_or_else(|_| args.pipeline.clone()),
        hash: format!("blake3:{}", pipeline.hash()),
        text: pipeline.text().to_owned(),
        set: with_seed(&args.set, args.seed),
    };
    let record = RunRecord {
        snap: args.snap,
        allow_outside: args.chosen.allows_outside(),
        cases: args.chosen.names().to_vec(),
        shard: args.shard,
        ..RunRecord::begun(text, places::place(&args.data))
    };
    let record = record.after_earlier(&args.out).map_err(Failure::work)?;
    record.write(&args.out).map_err(Failure::work)?;
    Ok(Some(record))
}

/// Records how a run ended.
pub(super) fn end(args: &Args, record: Option<RunRecord>, outcomes: &[executor::Outcome], refused: usize) {
    let Some(record) = record else { return };
    let count = |of: &dyn Fn(&executor::Outcome) -> bool| outcomes.iter().filter(|outcome| of(outcome)).count();
    let done = count(&|outcome| matches!(outcome, executor::Outcome::Done(_)));
    let failed = count(&|outcome| matches!(outcome, executor::Outcome::Failed(_))) + refused;
    let ended = Some(journal::now());
    // The outputs are complete all the same.
    if let Err(problem) = (RunRecord { done, failed, ended, ..record }).write(&args.out) {
        tracing::warn!("{problem}");
    }
}

/// How many cases have ended.
#[derive(Default)]
pub(super) struct Ended {
    /// Done, or skipped.
    pub(super) done: AtomicUsize,
    /// Failed.
    pub(super) failed: AtomicUsize,
}

/// What is recorded and said if the run of `all` cases is stopped.
pub(super) fn farewell(
    args: &Args,
    record: Option<RunRecord>,
    cases: Arc<Ended>,
    (all, refused): (usize, usize),
) -> signals::Registered {
    let out = args.out.clone();
    signals::farewell(move |stopped, still| {
        let (done, failed) = (cases.done.load(Ordering::SeqCst), cases.failed.load(Ordering::SeqCst) + refused);
        if let Some(record) = &record {
            let (ended, interrupted) = (Some(journal::now()), Some(stopped.by.to_owned()));
            let record = RunRecord { ended, interrupted, done, failed, ..record.clone() };
            if let Err(problem) = record.write_stopped(&out, still) {
                tracing::warn!("{problem}");
            }
        }
        stopped.say(done, all);
    })
}
