//! Why a case is missing: which run, or which part of one, should have done it.

use std::collections::BTreeMap;
use std::path::Path;

use revoxel_pipeline::{CaseName, Pipeline};
use revoxel_runner::dataset::Case;
use revoxel_runner::journal::{Basis, RunRecord};
use revoxel_runner::shards::divide;

use super::super::failure::Failure;
use super::super::show;
use super::asked;

/// What the records of runs say about cases.
pub(super) struct Missing<'a> {
    /// The runs, the latest first, each with the way its cases are divided now.
    runs: Vec<(&'a RunRecord, usize)>,
    divisions: Vec<Divided<'a>>,
}

/// Cases that were asked for, in parts.
struct Divided<'a> {
    cases: &'a [String],
    copies: &'a [(String, u32)],
    parts: usize,
    /// The part of each case, from 1.
    part_of: BTreeMap<CaseName, usize>,
    /// `None` where there is one part only.
    basis: Option<Basis>,
}

/// What is said of a case.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Said {
    /// Its part, from 1, and how many there are.
    pub(super) part: Option<(usize, usize)>,
    /// Why it is missing.
    pub(super) why: Option<String>,
}

impl<'a> Missing<'a> {
    /// Of runs of one pipeline on one dataset, the latest first.
    pub(super) fn of(pipeline: &Pipeline, all: &[Case], runs: &'a [RunRecord], data: &Path) -> Result<Self, Failure> {
        let mut missing = Self { runs: Vec::new(), divisions: Vec::new() };
        for run in runs {
            let parts = run.shard.map_or(1, |(_, parts)| parts);
            let known = missing
                .divisions
                .iter()
                .position(|d| d.parts == parts && d.cases == run.cases && d.copies == run.copies);
            let at = known.map_or_else(|| missing.divide(pipeline, all, run, data), Ok)?;
            missing.runs.push((run, at));
        }
        Ok(missing)
    }

    /// Divides the cases as a run did; where that stands.
    fn divide(&mut self, pipeline: &Pipeline, all: &[Case], run: &'a RunRecord, data: &Path) -> Result<usize, Failure> {
        let cases = asked(pipeline, all, run, data)?;
        let (part_of, basis) = match run.shard {
            None => (vec![0; cases.len()], None),
            Some((_, parts)) => {
                let division = divide(pipeline, &cases, parts, 0);
                (division.part_of, Some(division.basis))
            }
        };
        let part_of = cases.into_iter().zip(part_of).map(|(case, part)| (case.name, part + 1)).collect();
        let parts = run.shard.map_or(1, |(_, parts)| parts);
        self.divisions.push(Divided { cases: &run.cases, copies: &run.copies, parts, part_of, basis });
        Ok(self.divisions.len() - 1)
    }

    /// Says which run should have done the case: the latest one whose part contains it.
    pub(super) fn of_case(&self, name: &CaseName) -> Said {
        let divided = |at: usize| self.divisions.get(at);
        let of_run = self.runs.iter().find_map(|(run, at)| {
            let part = *divided(*at)?.part_of.get(name)?;
            run.shard.is_none_or(|(own, _)| own == part).then_some((*run, divided(*at)?))
        });
        if let Some((run, divided)) = of_run {
            return Said { part: run.shard, why: Some(how(run, divided)) };
        }
        let in_part = self.runs.iter().find_map(|(run, at)| {
            let (_, parts) = run.shard?;
            Some((*divided(*at)?.part_of.get(name)?, parts))
        });
        in_part.map_or_else(Said::default, |(part, parts)| Said {
            part: Some((part, parts)),
            why: Some(format!("part {part} of {parts} has not been run")),
        })
    }
}

/// A time without its fractions of a second.
fn to_the_second(time: &str) -> String {
    let whole = time.split('.').next().unwrap_or(time);
    format!("{}Z", whole.trim_end_matches('Z'))
}

/// How a run stands that has not done one of its cases.
fn how(run: &RunRecord, divided: &Divided<'_>) -> String {
    let what = run.shard.map_or_else(|| "the run".to_owned(), |(part, parts)| format!("part {part} of {parts}"));
    let Some(ended) = &run.ended else {
        return format!("{what} was started on {} at {} and has not ended", run.host, to_the_second(&run.started));
    };
    let ended = to_the_second(ended);
    if let Some(by) = &run.interrupted {
        return format!("{what} was stopped by {by} at {ended} before it");
    }
    let then = run.basis.as_ref().filter(|then| divided.basis.as_ref().is_some_and(|now| now != *then));
    match (then, run.failed) {
        (Some(then), _) if then.cases == divided.part_of.len() => {
            format!("{what} was run when the cases had other sizes: run it again")
        }
        (Some(then), _) => {
            let now = divided.part_of.len();
            format!(
                "{what} was run when the dataset had {}; it has {now} now: run it again",
                show::counted(then.cases, "case")
            )
        }
        (None, 0) => format!("{what} ended at {ended} without it: its files were removed"),
        (None, failed) => format!("{what} ended at {ended} without it; {} failed", show::counted(failed, "case")),
    }
}
