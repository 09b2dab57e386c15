//! `revoxel plan --data`: all cases of a dataset.

use std::path::Path;

use rayon::prelude::*;
use revoxel_pipeline::Pipeline;
use revoxel_runner::dataset::{Case, copies};
use revoxel_runner::labels::LabelMaps;
use revoxel_runner::memory;
use revoxel_runner::overview::{CaseOverview, Spreads, overview, spreads};
use revoxel_runner::preflight::{Checked, Refused, Strictness, check, check_names};
use revoxel_runner::read_all::read_all;
use serde_json::json;

use super::super::failure::{Failure, Outcome};
use super::super::pipeline_file::look_for_labels;
use super::super::progress::progress;
use super::super::run::listed as listed_below;
use super::super::show::LongList;
use super::super::{flags, show};
use super::overview as shown;
use super::{Args, about, ended, head, listed, looked, people, plan_document};

/// How many cases are planned before they are printed: a dataset may have more cases than memory has room for their
/// plans.
const BATCH: usize = 512;

/// What is printed after the cases.
struct Found {
    failures: Vec<(String, String)>,
    spreads: Spreads,
}

pub(super) fn run(args: &Args, pipeline: &mut Pipeline, data: &Path) -> Outcome {
    let cases = args.chosen.discover(pipeline, data, None)?;
    let pipeline = &*pipeline;
    let maps = LabelMaps::of(pipeline, &cases);
    // The folder of the outputs is not known here.
    let problems = check_names(pipeline, copies(pipeline, cases.clone()).iter(), Path::new(""));
    if !problems.is_empty() {
        return Err(Failure::usage(listed_below("the outputs cannot be written", &problems)));
    }
    let cases = copies(pipeline, args.chosen.select(cases, data)?);
    let mut looked = looked(pipeline);
    let alone = cases.len() == 1;
    let mut found = Found { failures: Vec::new(), spreads: spreads() };
    if args.json {
        // If a label is missing, the error takes the place of the document. So labels are looked for first.
        if maps.count() > 0 && refused(args, pipeline, &cases).is_none() {
            looked = Some(look_for_labels(pipeline, maps)?);
        }
        let mut list = LongList::begin(&about(pipeline), "plans")?;
        found.by_batch(args, pipeline, cases, &mut |batch| {
            let entry = |(checked, overview): &(Checked, CaseOverview)| {
                let mut document = plan_document(pipeline, &checked.case.name.to_string(), &checked.plan);
                document["estimate"] = shown::estimate(overview);
                LongList::entry(&document)
            };
            let entries: Result<Vec<String>, Failure> = batch.par_iter().map(entry).collect();
            list.push(&entries?)
        })?;
        let mut end = json!({ "label_maps_read": looked, "failures": listed(&found.failures) });
        end["overview"] = shown::spreads_document(&found.spreads);
        list.end(&end)?;
        return ended(looked, &found.failures);
    }
    let (mut text, mut lines) = (head(pipeline), Vec::new());
    found.by_batch(args, pipeline, cases, &mut |batch| {
        for (checked, overview) in batch {
            if args.steps || alone {
                let (name, steps) = (&checked.case.name, people(pipeline, &checked.plan));
                text.push_str(&format!("\n{name}\n{steps}{}", shown::needs(&overview)));
            } else {
                lines.extend(shown::lines(&overview));
            }
        }
        Ok(())
    })?;
    if found.failures.is_empty() && maps.count() > 0 {
        looked = Some(look_for_labels(pipeline, maps)?);
    }
    if !lines.is_empty() {
        text.push_str(&format!("\n{}", shown::table_of(&lines)));
    }
    if !alone && !args.steps {
        text.push_str(&shown::spreads_text(&found.spreads));
    }
    show::text(&text)?;
    ended(looked, &found.failures)
}

/// The first case that cannot run, if there is one.
fn refused(args: &Args, pipeline: &Pipeline, cases: &[Case]) -> Option<Refused> {
    cases
        .chunks(BATCH)
        .find_map(|batch| check(pipeline, batch.to_vec(), strictness(args)).into_iter().find_map(Result::err))
}

const fn strictness(args: &Args) -> Strictness {
    Strictness { snap: args.snap, memory: args.memory }
}

impl Found {
    /// Plans the cases, some at a time, and hands on those that can run.
    fn by_batch(
        &mut self,
        args: &Args,
        pipeline: &Pipeline,
        cases: Vec<Case>,
        tell: &mut dyn FnMut(Vec<(Checked, CaseOverview)>) -> Outcome,
    ) -> Outcome {
        let bar = progress(if args.verify { cases.len() } else { 0 }, "cases read");
        let mut rest = cases.into_iter().peekable();
        while rest.peek().is_some() {
            let batch: Vec<Case> = rest.by_ref().take(BATCH).collect();
            let mut good = Vec::new();
            for checked in check(pipeline, batch, strictness(args)) {
                match checked {
                    Ok(checked) => good.push(checked),
                    Err(Refused { case, problem }) => self.failed(&case.to_string(), &problem),
                }
            }
            if args.verify {
                let memory = args.memory.unwrap_or_else(memory::default_budget);
                let problems = read_all(pipeline, &good, memory, &|| bar.one());
                let read = good.into_iter().zip(problems);
                good = read
                    .filter_map(|(checked, problem)| match problem {
                        None => Some(checked),
                        Some(problem) => {
                            self.failed(&checked.case.name.to_string(), &problem);
                            None
                        }
                    })
                    .collect();
            }
            let overviews: Vec<(Checked, CaseOverview)> = good
                .into_par_iter()
                .map(|checked| {
                    let overview = overview(pipeline, &checked);
                    (checked, overview)
                })
                .collect();
            overviews.iter().for_each(|(_, overview)| self.spreads.add(overview));
            bar.suspend(|| tell(overviews))?;
        }
        bar.end();
        Ok(())
    }

    fn failed(&mut self, case: &str, problem: &revoxel_runner::problem::Problem) {
        self.failures.push((case.to_owned(), flags::of_case(problem)));
    }
}
