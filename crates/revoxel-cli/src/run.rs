//! `revoxel run`

mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rayon::prelude::*;
use record::{Ended, begin, end, farewell};
use revoxel_pipeline::{CaseName, Pipeline};
use revoxel_resample::NonFinite;
use revoxel_runner::case::Done;
use revoxel_runner::dataset::{Case, copies};
use revoxel_runner::engine::Vanished;
use revoxel_runner::executor::{self, Execution};
use revoxel_runner::journal::{self, RunRecord};
use revoxel_runner::labels::LabelMaps;
use revoxel_runner::lock::{self, Lock};
use revoxel_runner::memory;
use revoxel_runner::non_finite::Note;
use revoxel_runner::places;
use revoxel_runner::preflight::{Checked, Refused, Strictness, check, check_names, check_outputs, outputs_of};
use revoxel_runner::resume::{Standing, standing};
use revoxel_runner::shards;
use revoxel_runner::stop;
use serde_json::{Map, Value, json};

use super::failure::{Failure, Outcome};
use super::flags;
use super::limits::{HEADING as LIMITS, bytes};
use super::pipeline_file::{how_far, load, look_for_labels, progress, with_seed};
use super::{chosen, show};

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Examples:
  revoxel run pipeline.yaml --data data --out preprocessed
  revoxel run pipeline.yaml --data data --out preprocessed --resume --jobs 4 --memory 16G";

/// Headings of the options in the help.
const CASES: &str = chosen::HEADING;
const OUTPUT: &str = "Output";
const PIPELINE: &str = "Pipeline";

/// Run a pipeline on a dataset. Every case is checked before the first file is written.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The pipeline file.
    pipeline: PathBuf,
    /// Folder that input paths are relative to.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder that output paths are relative to; created if missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    chosen: chosen::Args,
    /// Run only part I of N, such as 2/8. The N parts cover all cases, each once, and have about the same number of
    /// voxels.
    #[arg(long, help_heading = CASES, value_name = "I/N", value_parser = shard)]
    shard: Option<(usize, usize)>,
    /// Skip cases that are done: with a valid trace of the same pipeline, seed, results number and inputs, and
    /// unchanged outputs. Other cases are run, and the reason is printed. --resume=check only lists the cases that are
    /// not done; exit code 1 if there are any.
    #[arg(long, help_heading = CASES, conflicts_with = "overwrite", value_name = "HOW")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "redo")]
    resume: Option<Resume>,
    /// Cases to run at once [default: number of cores]. Each case uses all cores for its voxels.
    #[arg(long, help_heading = LIMITS, value_name = "N")]
    jobs: Option<usize>,
    /// Memory for all running cases together, such as 8G [default: four fifths of the free memory of this machine,
    /// container or process (ulimit -v)]. A case that needs more than the total memory is refused, unless this option
    /// allows it.
    #[arg(long, help_heading = LIMITS, value_name = "SIZE", value_parser = bytes)]
    memory: Option<u64>,
    /// Replace existing outputs.
    #[arg(long, help_heading = OUTPUT)]
    overwrite: bool,
    /// Continue with the other cases when one fails.
    #[arg(long, help_heading = CASES)]
    keep_going: bool,
    /// Try a case again up to N times if the system fails to read or write a file, such as on a server that does not
    /// answer. Files that are wrong, missing or forbidden are not tried again.
    #[arg(long, help_heading = CASES, value_name = "N", default_value_t = 0)]
    retries: u32,
    /// Set a value of the pipeline, such as steps.1.spacing.pixdim=2; repeatable.
    #[arg(long = "set", help_heading = PIPELINE, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Seed of random steps, instead of the pipeline's.
    #[arg(long, help_heading = PIPELINE, value_name = "N")]
    seed: Option<u64>,
    /// Put inputs of the same shape on one grid, and ignore differences of their headers.
    #[arg(long, help_heading = PIPELINE)]
    snap: bool,
    /// Print one JSON document on standard output.
    #[arg(long, help_heading = OUTPUT)]
    json: bool,
}

/// What happens to cases that are not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Resume {
    /// Run them.
    Redo,
    /// List them.
    Check,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    match parts {
        Some((i, n)) if (1..=n).contains(&i) => Ok((i, n)),
        _ => Err(format!("{text:?}: expected I/N with I from 1 to N, such as 2/8")),
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    let pipeline = load(&args.pipeline, &with_seed(&args.set, args.seed))?;
    let cases = args.chosen.discover(&pipeline, &args.data, Some(&args.out))?;
    let maps = LabelMaps::of(&pipeline, &cases);
    let cases = chosen(args, &pipeline, cases)?;
    let strictness = Strictness { snap: args.snap, memory: args.memory };
    let standings = args.resume.map(|_| standings(&pipeline, &cases, (&args.data, &args.out), strictness));
    if let (Some(Resume::Check), Some(standings)) = (args.resume, &standings) {
        return said_only(args, &cases, standings);
    }
    let folders: BTreeSet<PathBuf> =
        cases.iter().flat_map(|case| outputs_of(&pipeline, case, &args.out)).filter_map(folder_of).collect();
    let ours = args.out.join(journal::FOLDER);
    let folders: BTreeSet<PathBuf> = folders.into_iter().chain([ours.join("failed"), ours]).collect();
    let ToDo { cases, again, done } = ToDo::of(cases, standings);
    let take = || take_lock(args, &pipeline);
    // A folder that is not there is made where something is written into it; where all is done nothing is.
    let lock = (args.out.is_dir() && !cases.is_empty()).then(take).transpose()?;
    remove_left_over(&args.out, &folders, lock.is_some());
    let replaces = |case: &Case| args.overwrite || again.contains_key(&case.name);
    let problems = check_outputs(&pipeline, cases.iter(), &args.out, &replaces);
    let problems: Vec<String> = problems.iter().map(flags::of_case).collect();
    if !problems.is_empty() {
        let text = listed("nothing was written", &problems);
        return Err(Failure::usage(format!("{text}\nto go on with a run that was interrupted, pass --resume")));
    }
    let (mut checked, mut refused) = (Vec::new(), Vec::new());
    for result in check(&pipeline, cases, strictness) {
        match result {
            Ok(case) => checked.push(case),
            Err(case) => refused.push(case),
        }
    }
    if !refused.is_empty() && (!args.keep_going || (checked.is_empty() && done.is_empty())) {
        let problems: Vec<String> =
            refused.iter().map(|r| format!("case {}: {}", r.case, flags::of_case(&r.problem))).collect();
        return Err(Failure::usage(listed("nothing was written", &problems)));
    }
    if !checked.is_empty() {
        look_for_labels(&pipeline, maps)?;
    }
    std::fs::create_dir_all(&args.out).map_err(|e| Failure::usage(format!("{}: {e}", args.out.display())))?;
    let _lock = match lock {
        None if !checked.is_empty() => Some(take()?),
        lock => lock,
    };
    let record = begin(args, &pipeline, &checked, refused.len() + done.len())?;
    for Refused { case, problem } in refused.iter().filter(|_| record.is_some()) {
        journal::failed(&args.out, case, &flags::of_case(problem)).map_err(Failure::work)?;
    }
    let outcomes = execute(args, &pipeline, &checked, (record.as_ref(), refused.len()));
    end(args, record, &outcomes, refused.len());
    let mut summary = report(&checked, &outcomes, &refused, &args.out);
    if args.resume.is_some() {
        summary["done_already"] = done.iter().map(ToString::to_string).collect();
        summary["done_again"] =
            again.iter().map(|(name, why)| (name.to_string(), Value::from(why.as_str()))).collect::<Map<_, _>>().into();
    }
    if args.json {
        show::json(&summary)?;
    } else {
        people(&summary, &checked, &outcomes, &refused);
    }
    let failed = outcomes.iter().any(|o| matches!(o, executor::Outcome::Failed(_) | executor::Outcome::NotRun));
    if failed || !refused.is_empty() { Err(Failure::told()) } else { Ok(()) }
}

/// The cases that are asked for, with their copies; names that would collide are refused.
fn chosen(args: &Args, pipeline: &Pipeline, all: Vec<Case>) -> Result<Vec<Case>, Failure> {
    let everything = copies(pipeline, all.clone());
    let selected: Vec<Case> = args.chosen.select(all, &args.data)?;
    let cases = copies(pipeline, selected);
    let problems = check_names(pipeline, everything.iter(), &args.out);
    if !problems.is_empty() {
        return Err(Failure::usage(listed("nothing was written", &problems)));
    }
    let Some((part, parts)) = args.shard else { return Ok(cases) };
    let part_of = shards::parts_of(pipeline, &cases, parts);
    Ok(cases.into_iter().zip(part_of).filter(|(_, of)| *of == part - 1).map(|(case, _)| case).collect())
}

/// What there is left to do.
struct ToDo {
    cases: Vec<Case>,
    /// Those of them that were done before, and why that does not count.
    again: BTreeMap<CaseName, String>,
    done: Vec<CaseName>,
}

impl ToDo {
    /// All cases where nobody asked how they stand; people are told.
    fn of(cases: Vec<Case>, standings: Option<Vec<Standing>>) -> Self {
        let mut todo = Self { cases: Vec::new(), again: BTreeMap::new(), done: Vec::new() };
        let Some(standings) = standings else { return Self { cases, ..todo } };
        let all = cases.len();
        for (case, standing) in cases.into_iter().zip(standings) {
            match standing {
                Standing::Done => todo.done.push(case.name.clone()),
                Standing::New => todo.cases.push(case),
                Standing::Again(why) => {
                    say!("case {}: run again, because {why}", case.name);
                    todo.again.insert(case.name.clone(), why);
                    todo.cases.push(case);
                }
            }
        }
        if !todo.done.is_empty() {
            say!("{} of {}: done already", todo.done.len(), show::counted(all, "case"));
        }
        todo
    }
}

/// The right to write into the folder of the outputs.
fn take_lock(args: &Args, pipeline: &Pipeline) -> Result<Lock, Failure> {
    let data = places::place(&args.data);
    let snap = if args.snap { ", --snap" } else { "" };
    let what = format!("{} {} on {}{snap}", pipeline.name, &pipeline.hash()[..16], data.display());
    Lock::take(&args.out, &what).map_err(Failure::usage)
}

/// Removes what runs that were killed have left.
fn remove_left_over(out: &Path, folders: &BTreeSet<PathBuf>, locked: bool) {
    if !locked {
        lock::remove_left_over(out);
    }
    for folder in folders {
        if let Ok(removed @ 1..) = revoxel_io::partial::remove_left_over(folder) {
            say!("{}: removed {} of an interrupted run", folder.display(), show::counted(removed, "file"));
        }
    }
}

/// Runs the cases, and shows how far that is. The record tells of it too if the run is stopped; so many cases were refused.
fn execute(
    args: &Args,
    pipeline: &Pipeline,
    checked: &[Checked],
    (record, refused): (Option<&RunRecord>, usize),
) -> Vec<executor::Outcome> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let execution = Execution {
        jobs: args.jobs.unwrap_or(cores).max(1),
        memory: args.memory.unwrap_or_else(memory::default_budget),
        keep_going: args.keep_going,
        retries: args.retries,
    };
    let bar = progress(checked.len(), "cases");
    let (ended, all) = (Arc::new(Ended::default()), checked.len());
    let (start, told) = (Instant::now(), AtomicUsize::new(0));
    let _farewell = farewell(args, record.cloned(), Arc::clone(&ended), (all, refused));
    let tell = |name: &CaseName, outcome: &executor::Outcome| {
        let case = name.to_string();
        let recorded = match outcome {
            _ if record.is_none() => Ok(()),
            executor::Outcome::Failed(problem) => journal::failed(&args.out, name, &flags::of_case(problem)),
            _ => journal::succeeded(&args.out, name),
        };
        if let Err(problem) = recorded {
            tracing::warn!("{problem}");
        }
        if let executor::Outcome::Failed(problem) = outcome {
            bar.suspend(|| crate::say_error(&format!("case {case}: {}", flags::of_case(problem))));
            ended.failed.fetch_add(1, Ordering::SeqCst);
        } else {
            ended.done.fetch_add(1, Ordering::SeqCst);
        }
        if let Some(how_far) = how_far(start, told.fetch_add(1, Ordering::SeqCst) + 1, all) {
            say!("case {case}: {how_far}");
        }
        bar.set_message(case);
        bar.inc(1);
    };
    let outcomes = executor::run(pipeline, checked, (&args.data, &args.out), &execution, &tell);
    bar.finish_and_clear();
    if stop::is_stopped() {
        // The thread that was told ends the program.
        loop {
            std::thread::park();
        }
    }
    outcomes
}

/// Where every case stands. Files are compared by their content where that is needed, several at once.
fn standings(pipeline: &Pipeline, cases: &[Case], places: (&Path, &Path), strictness: Strictness) -> Vec<Standing> {
    let bar = progress(cases.len(), "cases checked");
    let one = |case: &Case| {
        let standing = standing(pipeline, case, places, strictness);
        bar.inc(1);
        standing
    };
    let standings = cases.par_iter().map(one).collect();
    bar.finish_and_clear();
    standings
}

/// Says which cases are not done.
fn said_only(args: &Args, cases: &[Case], standings: &[Standing]) -> Outcome {
    let mut rows = Vec::new();
    for (case, standing) in cases.iter().zip(standings) {
        let (outcome, why) = match standing {
            Standing::Done => ("done", None),
            Standing::New => ("new", Some("it has no outputs yet".to_owned())),
            Standing::Again(why) => ("again", Some(why.clone())),
        };
        if let (Some(why), false) = (&why, args.json) {
            show::text(&format!("case {}: {why}\n", case.name))?;
        }
        rows.push(of_case(&case.name, json!({ "outcome": outcome, "problem": why })));
    }
    let done = standings.iter().filter(|standing| **standing == Standing::Done).count();
    if args.json {
        show::json(&json!({ "out": args.out, "cases": rows }))?;
    }
    say!("{done} of {} done", show::counted(cases.len(), "case"));
    if done == cases.len() { Ok(()) } else { Err(Failure::told()) }
}

fn folder_of(path: PathBuf) -> Option<PathBuf> {
    path.parent().map(Path::to_owned)
}

/// Problems below a heading, and how many more there are.
pub(super) fn listed(head: &str, problems: &[String]) -> String {
    const MOST: usize = 20;
    let mut text = format!("{head}:\n{}", problems[..problems.len().min(MOST)].join("\n"));
    if problems.len() > MOST {
        text.push_str(&format!("\n… and {} more", problems.len() - MOST));
    }
    text
}

fn report(checked: &[Checked], outcomes: &[executor::Outcome], refused: &[Refused], out: &Path) -> Value {
    let checked = checked.iter().zip(outcomes).map(|(checked, outcome)| {
        let said = match outcome {
            executor::Outcome::Done(done) => match &done.skipped {
                Some(why) => json!({ "outcome": "skipped", "problem": why }),
                None => ran(done),
            },
            executor::Outcome::Failed(problem) => json!({ "outcome": "failed", "problem": flags::of_case(problem) }),
            executor::Outcome::NotRun => json!({ "outcome": "not_run" }),
        };
        of_case(&checked.case.name, said)
    });
    let refused =
        refused.iter().map(|r| of_case(&r.case, json!({ "outcome": "failed", "problem": flags::of_case(&r.problem) })));
    json!({ "out": out, "cases": checked.chain(refused).collect::<Vec<_>>() })
}

/// What is said of a case that ran.
fn ran(done: &Done) -> Value {
    let mut said = json!({
        "outcome": "done",
        "seconds": done.time.as_secs_f64(),
        "files": done.files,
        "dropped": done.dropped,
        "vanished": done.vanished.iter().map(vanished).collect::<Vec<_>>(),
    });
    if !done.non_finite.is_empty() {
        let note = |note: &Note| {
            let NonFinite { nan, infinite, index, channel, place, .. } = &note.found;
            let first = json!({ "index": index, "channel": channel, "ras": place });
            let what = note.replaced_by.map_or("keep".into(), Value::from);
            (note.key.clone(), json!({ "nan": nan, "infinite": infinite, "first": first, "non_finite": what }))
        };
        said["non_finite"] = done.non_finite.iter().map(note).collect::<serde_json::Map<_, _>>().into();
    }
    said
}

/// A label that is gone, with the key of its map in front.
fn vanished(label: &Vanished) -> Value {
    let mut all = json!({ "key": label.key });
    if let (Value::Object(all), Value::Object(said)) = (&mut all, revoxel_runner::vanished::json(&label.gone)) {
        all.extend(said);
    }
    all
}

/// What is said of a case, with its name in front.
fn of_case(name: &CaseName, said: Value) -> Value {
    let mut all = json!({ "case": name.case });
    if let (Value::Object(all), Value::Object(said)) = (&mut all, said) {
        all.extend(name.copy.map(|copy| ("copy".to_owned(), copy.into())));
        all.extend(said);
    }
    all
}

fn people(summary: &Value, checked: &[Checked], outcomes: &[executor::Outcome], refused: &[Refused]) {
    let count = |name: &str| {
        let cases = summary["cases"].as_array().into_iter().flatten();
        cases.filter(|c| c["outcome"] == name).count()
    };
    for (checked, outcome) in checked.iter().zip(outcomes) {
        if let executor::Outcome::Done(done) = outcome
            && let Some(why) = &done.skipped
        {
            say!("case {}: {why}", checked.case.name);
        }
    }
    for refused in refused {
        say!("case {}: {}", refused.case, flags::of_case(&refused.problem));
    }
    let parts = [("done", "done"), ("skipped", "skipped"), ("failed", "failed"), ("not_run", "not run")];
    let parts: Vec<String> =
        parts.iter().filter(|(k, _)| count(k) > 0).map(|(k, n)| format!("{} {n}", count(k))).collect();
    let cases = show::counted(summary["cases"].as_array().map_or(0, Vec::len), "case");
    say!("{cases}: {}", if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_dataset() {
        assert_eq!([shard("1/1"), shard("2/8")].map(Result::unwrap), [(1, 1), (2, 8)]);
        assert!(["", "0/2", "3/2", "1", "a/b", "1/0"].iter().all(|t| shard(t).is_err()));
    }

    #[test]
    fn amounts_of_memory() {
        assert_eq!([bytes("100"), bytes("2K"), bytes("1.5GiB")].map(Result::unwrap), [100, 2048, 3 << 29]);
        assert!(["", "G", "-1", "1X", "0"].iter().all(|t| bytes(t).is_err()));
    }
}
