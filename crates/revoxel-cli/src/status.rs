//! `revoxel status`

mod missing;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use revoxel_pipeline::{CaseName, Pipeline};
use revoxel_runner::dataset::{Case, Finding, copies, discover_with, select};
use revoxel_runner::journal::{self, RunRecord};
use revoxel_runner::parameter_files;
use revoxel_runner::preflight::Strictness;
use revoxel_runner::resume::{Standing, standing};
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::progress::progress;
use super::{chosen, show};
use missing::Missing;

/// What follows the options in the help.
const AFTER_HELP: &str = "\
A case is done if its trace and its outputs are what a run would make now; stale if an input or an output has changed \
since; failed if its last run failed; left out if a step found nothing in it (on_empty: skip_case); missing if it has \
not been run. Of a run in parts (--shard), the parts that have not been run or have not ended are named. Exit code 0 \
only if all cases are done or left out.

Examples:
  revoxel status preprocessed
  revoxel status preprocessed --data /mnt/copy/of/data --json";

/// Show which cases of the runs into a folder are done, left out, stale, failed or missing.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The output folder of a run, or of the parts of one.
    out: PathBuf,
    /// The data folder, if it is not where it was when the run started.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

/// Where a case stands.
struct Row {
    case: String,
    state: &'static str,
    /// Why it is not done.
    why: Option<String>,
    /// The part that it is in, from 1, and how many there are.
    part: Option<(usize, usize)>,
}

impl Row {
    /// Whether a run would have nothing to do.
    fn is_settled(&self) -> bool {
        ["done", "left_out"].contains(&self.state)
    }
}

/// A part as `--shard` takes it.
fn as_shard((part, parts): (usize, usize)) -> String {
    format!("{part}/{parts}")
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut runs = journal::runs(&args.out);
    let Some(latest) = runs.first().cloned() else {
        let problem = format!("{}: no run is recorded in {}", args.out.display(), journal::FOLDER);
        return Err(Failure::usage(format!("{problem}: revoxel run writes that folder")));
    };
    let others = runs.iter().filter(|run| !latest.is_like(run)).count();
    runs.retain(|run| latest.is_like(run));
    let mut pipeline = pipeline_of(&latest)?;
    let data = args.data.clone().unwrap_or_else(|| latest.data.clone());
    let rows = rows(&mut pipeline, &latest, &runs, &data, &args.out)?;
    let count = |state: &str| rows.iter().filter(|row| row.state == state).count();
    let counts = ["done", "left_out", "stale", "failed", "missing"].map(|state| (state, count(state)));
    if args.json {
        let row = |row: &Row| {
            let part = row.part.map(as_shard);
            json!({ "case": row.case, "state": row.state, "why": row.why, "part": part })
        };
        let counts: serde_json::Map<String, Value> =
            counts.iter().map(|(state, count)| ((*state).to_owned(), (*count).into())).collect();
        show::json(&json!({
            "out": args.out,
            "pipeline": latest.pipeline.path,
            "data": data,
            "interrupted": latest.interrupted,
            "counts": counts,
            "cases": rows.iter().map(row).collect::<Vec<_>>(),
        }))?;
    } else {
        for Row { case, state, why, .. } in rows.iter().filter(|row| row.state != "done") {
            let why = why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            show::text(&format!("case {case}: {}{why}\n", in_words(state)))?;
        }
        let parts: BTreeSet<(usize, usize)> =
            rows.iter().filter_map(|row| row.part).map(|(part, parts)| (parts, part)).collect();
        if !parts.is_empty() {
            let parts: Vec<String> = parts.into_iter().map(|(parts, part)| as_shard((part, parts))).collect();
            show::text(&format!("parts with cases that are not done: {}\n", parts.join(", ")))?;
        }
        let shown = counts.iter().filter(|(state, count)| *count > 0 || *state == "done");
        let shown: Vec<String> = shown.map(|(state, count)| format!("{count} {}", in_words(state))).collect();
        show::text(&format!("{}: {}\n", show::counted(rows.len(), "case"), shown.join(", ")))?;
    }
    if let Some(signal) = &latest.interrupted {
        say!("the last run was stopped by {signal} after {}", show::counted(latest.done, "case"));
    }
    if runs.iter().all(|run| !run.is_of_all()) {
        say!("only the cases that were asked for with --case or --from-trace count");
    }
    if others > 0 {
        say!("{} of another pipeline or data folder left aside", show::counted(others, "run"));
    }
    if rows.iter().all(Row::is_settled) { Ok(()) } else { Err(Failure::told()) }
}

/// A state as people read it.
fn in_words(state: &str) -> String {
    state.replace('_', " ")
}

/// The pipeline that a run had.
fn pipeline_of(run: &RunRecord) -> Result<Pipeline, Failure> {
    let told = &run.pipeline;
    let folder = told.path.parent().unwrap_or(Path::new("")).to_owned();
    let read = |content, name: &str| parameter_files::parameters(&folder, content, name);
    Pipeline::parse_with(&told.path.to_string_lossy(), &told.text, &told.set, &revoxel::registry(), &read)
        .map_err(|e| Failure::pipeline(&e))
}

fn rows(
    pipeline: &mut Pipeline,
    latest: &RunRecord,
    runs: &[RunRecord],
    data: &Path,
    out: &Path,
) -> Result<Vec<Row>, Failure> {
    let finding = Finding { allow_outside: latest.allow_outside };
    let all = discover_with(pipeline, data, finding).map_err(|e| chosen::failure(&e))?;
    let pipeline = &*pipeline;
    let cases = wanted(pipeline, &all, runs, data)?;
    let strictness = Strictness { snap: latest.snap, memory: None };
    let bar = progress(cases.len(), "cases checked");
    let one = |case: &Case| {
        let standing = standing(pipeline, case, (data, out), strictness);
        bar.one();
        let failure = || journal::failure(out, &case.name, &latest.pipeline.hash).map(|failed| failed.problem);
        let (state, why) = match standing {
            Standing::Done => ("done", None),
            Standing::LeftOut(why) => ("left_out", Some(why)),
            other => match (failure(), other) {
                (Some(problem), _) => ("failed", Some(problem)),
                (None, Standing::Again(why)) => ("stale", Some(why)),
                _ => ("missing", None),
            },
        };
        Row { case: case.name.to_string(), state, why, part: None }
    };
    let mut rows: Vec<Row> = cases.par_iter().map(one).collect();
    bar.end();
    // Headers are read only where a part has to be named.
    if !rows.iter().all(Row::is_settled) {
        let missing = Missing::of(pipeline, &all, runs, data)?;
        for (row, case) in rows.iter_mut().zip(&cases).filter(|(row, _)| !row.is_settled()) {
            let said = missing.of_case(&case.name);
            row.part = said.part;
            if row.state == "missing" {
                row.why = said.why;
            }
        }
    }
    Ok(rows)
}

/// The cases that the runs were asked for, with their copies.
fn wanted(pipeline: &Pipeline, all: &[Case], runs: &[RunRecord], data: &Path) -> Result<Vec<Case>, Failure> {
    let mut names: BTreeSet<CaseName> = BTreeSet::new();
    for run in runs {
        names.extend(asked(pipeline, all, run, data)?.into_iter().map(|case| case.name));
    }
    Ok(copies(pipeline, all.to_vec()).into_iter().filter(|case| names.contains(&case.name)).collect())
}

/// The cases that a run was asked for, with their copies.
fn asked(pipeline: &Pipeline, all: &[Case], run: &RunRecord, data: &Path) -> Result<Vec<Case>, Failure> {
    let every = copies(pipeline, all.to_vec());
    if run.is_of_all() {
        return Ok(every);
    }
    let named: BTreeSet<String> = match run.cases.is_empty() {
        true => BTreeSet::new(),
        false => {
            let selected = select(all.to_vec(), &run.cases, data).map_err(Failure::usage)?;
            selected.into_iter().map(|case| case.name.case).collect()
        }
    };
    let is_copy =
        |name: &CaseName| run.copies.iter().any(|(case, copy)| *case == name.case && Some(*copy) == name.copy);
    Ok(every.into_iter().filter(|case| named.contains(&case.name.case) || is_copy(&case.name)).collect())
}
