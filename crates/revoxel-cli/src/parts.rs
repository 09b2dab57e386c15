//! The parts of a dataset that several machines run.

use std::path::Path;

use revoxel_pipeline::Pipeline;
use revoxel_runner::dataset::Case;
use revoxel_runner::journal::{self, Basis, RunRecord};
use revoxel_runner::shards::divide;

use super::failure::Failure;
use super::show;

/// The part that is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Which part, from 1, and how many there are.
    pub(super) shard: (usize, usize),
    /// How often a header is read again that the system refuses.
    pub(super) retries: u32,
    /// Whether to go on where one cannot be read.
    pub(super) keep_going: bool,
}

/// The cases of a part, and what the parts were made of.
pub(super) fn of_part(part: Part, pipeline: &Pipeline, cases: Vec<Case>) -> Result<(Vec<Case>, Basis), Failure> {
    let (number, parts) = part.shard;
    let division = divide(pipeline, &cases, parts, part.retries);
    let unread = division.unread.iter().map(|(case, problem)| format!("case {case}: {problem}"));
    let unread: Vec<String> = unread.collect();
    if !unread.is_empty() {
        let said = "this machine cannot read all headers, so it does not know which cases are in its part";
        if !part.keep_going {
            return Err(Failure::usage(format!("{said}; nothing was written:\n{}", unread.join("\n"))));
        }
        tracing::warn!(
            "{said} for certain: ask `revoxel status` in the end whether all cases are done: {}",
            unread.join("; ")
        );
    }
    let own = cases.into_iter().zip(division.part_of).filter(|(_, of)| *of == number - 1).map(|(case, _)| case);
    Ok((own.collect(), division.basis))
}

/// Warns of parts that were made of other cases: together they may leave some out. Whether there are any.
pub(super) fn warn_of_others(out: &Path, record: &RunRecord) -> bool {
    let Some(basis) = &record.basis else { return false };
    let others: Vec<RunRecord> = journal::runs(out).into_iter().filter(|run| run.is_beside(record)).collect();
    let differ = |run: &&RunRecord| run.basis.as_ref().is_some_and(|other| other != basis);
    let others: Vec<String> = others.iter().filter(differ).filter_map(with_cases).collect();
    if others.is_empty() {
        return false;
    }
    let own = with_cases(record).unwrap_or_default();
    tracing::warn!(
        "the data folder has changed between parts, so they may leave out cases: {}, but {own}; run all parts again \
         with --resume",
        others.join(", ")
    );
    true
}

/// `part 2/8 was made of 12 cases`.
fn with_cases(run: &RunRecord) -> Option<String> {
    let ((part, parts), basis) = (run.shard?, run.basis.as_ref()?);
    Some(format!("part {part}/{parts} was made of {}", show::counted(basis.cases, "case")))
}
