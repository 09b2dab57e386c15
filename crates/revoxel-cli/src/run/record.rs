//! What a run leaves about itself: how it began, how it ended, and how far it was when a signal stopped it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use revoxel_pipeline::Pipeline;
use revoxel_runner::dataset::Case;
use revoxel_runner::executor;
use revoxel_runner::journal::{self, PipelineText, RunRecord};
use revoxel_runner::places;
use revoxel_runner::preflight::{Strictness, check};
use revoxel_runner::resume::{Standing, standing};
use serde_json::json;

use super::super::failure::{Failure, Outcome};
use super::super::flags;
use super::super::pipeline_file::with_seed;
use super::super::{parts, show, signals};
use super::{About, Args};

/// A run that is recorded.
pub(super) struct Begun {
    record: RunRecord,
    /// Whether people have been warned of parts that were made of other cases.
    warned: bool,
}

/// Records that a run begins; `None` where there is nothing to run, and nothing is written. A run of one case has
/// nothing to go on with: its folder holds its results alone.
pub(super) fn begin(
    args: &Args,
    pipeline: &Pipeline,
    about: About,
    (tried, done): (usize, usize),
) -> Result<Option<Begun>, Failure> {
    let alone = tried + done == 1 && args.shard.is_none();
    if tried == 0 || alone {
        return Ok(None);
    }
    let text = PipelineText {
        path: absolute(args.pipeline.as_ref().or(args.from_trace.first())),
        hash: hash_of(pipeline),
        text: pipeline.text().to_owned(),
        set: with_seed(&args.set, args.seed),
    };
    let record = RunRecord {
        snap: about.snap,
        allow_outside: args.chosen.allows_outside(),
        cases: about.names,
        copies: about.copies,
        shard: args.shard,
        basis: about.basis,
        ..RunRecord::begun(text, places::place(&args.data))
    };
    let record = record.after_earlier(&args.out).map_err(Failure::work)?;
    record.write(&args.out).map_err(Failure::work)?;
    let warned = parts::warn_of_others(&args.out, &record);
    Ok(Some(Begun { record, warned }))
}

/// What is recorded of a run whose cases other programs run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Moment {
    /// It begins.
    Begin,
    /// It has ended.
    End,
}

/// Records a run whose cases other programs run; with those that cannot run by their headers, as nobody tries them.
pub(super) fn only(args: &Args, pipeline: &Pipeline, about: About, (cases, moment): (Vec<Case>, Moment)) -> Outcome {
    std::fs::create_dir_all(&args.out).map_err(|e| Failure::usage(format!("{}: {e}", args.out.display())))?;
    let strictness = Strictness { snap: about.snap, memory: args.memory };
    let _lock = super::take_lock(args, pipeline, about.snap)?;
    let all = cases.len();
    let begun = begin(args, pipeline, about, (all, 0))?;
    let recorded = begun.is_some();
    if moment == Moment::Begin {
        for refused in check(pipeline, cases, strictness).into_iter().filter_map(Result::err).filter(|_| recorded) {
            let problem = flags::of_case(&refused.problem);
            journal::failed(&args.out, &refused.case, &hash_of(pipeline), &problem).map_err(Failure::work)?;
        }
    } else if let Some(Begun { record, .. }) = begun {
        let standing = |case: &Case| standing(pipeline, case, (&args.data, &args.out), strictness);
        let is_done = |case: &&Case| matches!(standing(case), Standing::Done | Standing::LeftOut(_));
        let done = cases.iter().filter(is_done).count();
        let record = RunRecord { done, failed: all - done, ended: Some(journal::now()), ..record };
        record.write(&args.out).map_err(Failure::work)?;
    }
    show::json(&json!({ "out": args.out, "recorded": recorded }))
}

/// The hash of a pipeline, as traces and records have it.
pub(super) fn hash_of(pipeline: &Pipeline) -> String {
    format!("blake3:{}", pipeline.hash())
}

fn absolute(path: Option<&PathBuf>) -> PathBuf {
    let path = path.cloned().unwrap_or_default();
    std::path::absolute(&path).unwrap_or(path)
}

/// Records how a run ended.
pub(super) fn end(args: &Args, begun: Option<Begun>, outcomes: &[executor::Outcome], refused: usize) {
    let Some(Begun { record, warned }) = begun else { return };
    let count = |of: &dyn Fn(&executor::Outcome) -> bool| outcomes.iter().filter(|outcome| of(outcome)).count();
    let done = count(&|outcome| matches!(outcome, executor::Outcome::Done(_)));
    let failed = count(&|outcome| matches!(outcome, executor::Outcome::Failed(_))) + refused;
    let ended = Some(journal::now());
    let record = RunRecord { done, failed, ended, ..record };
    // The outputs are complete all the same.
    if let Err(problem) = record.write(&args.out) {
        tracing::warn!("{problem}");
    }
    // Parts that began at the same time did not see each other.
    if !warned {
        parts::warn_of_others(&args.out, &record);
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
    begun: Option<&Begun>,
    cases: Arc<Ended>,
    (all, refused): (usize, usize),
) -> signals::Registered {
    let (out, record) = (args.out.clone(), begun.map(|begun| begun.record.clone()));
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
