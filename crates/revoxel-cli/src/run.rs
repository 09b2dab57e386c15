//! `revoxel run`

mod record;
mod repeated;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rayon::prelude::*;
use record::{Begun, Ended, begin, end, farewell, hash_of};
use report::{of_case, people, report};
use revoxel_invert::Trace;
use revoxel_pipeline::{CaseName, Pipeline};
use revoxel_runner::case::Done;
use revoxel_runner::dataset::{Case, copies, taken_next_time};
use revoxel_runner::executor::{self, Execution};
use revoxel_runner::journal::{self, Basis};
use revoxel_runner::labels::LabelMaps;
use revoxel_runner::lock::{self, Lock};
use revoxel_runner::memory;
use revoxel_runner::older::Owners;
use revoxel_runner::places;
use revoxel_runner::preflight::{Checked, Refused, Strictness, check, check_names, check_outputs, outputs_of};
use revoxel_runner::resume::{Standing, standing};
use revoxel_runner::stop;
use serde_json::{Map, Value, json};

use super::failure::{Failure, Outcome};
use super::flags;
use super::limits::{HEADING as LIMITS, bytes};
use super::parts::{self, Part};
use super::pipeline_file::{load, look_for_labels, with_seed};
use super::progress::{how_far, progress};
use super::{chosen, show};

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Examples:
  revoxel run pipeline.yaml --data data --out preprocessed
  revoxel run pipeline.yaml --data data --out preprocessed --resume --jobs 4 --memory 16G
  revoxel run --from-trace preprocessed/case_003/trace.json --data data --out again";

/// Headings of the options in the help.
const CASES: &str = chosen::HEADING;
const OUTPUT: &str = "Output";
const PIPELINE: &str = "Pipeline";

/// Run a pipeline on a dataset. Every case is checked before the first file is written.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The pipeline file.
    #[arg(required_unless_present = "from_trace")]
    pipeline: Option<PathBuf>,
    /// Repeat the case of a trace, with the pipeline, the seed and the files of the trace, and compare the outputs with
    /// the hashes in it; repeatable.
    #[arg(long, help_heading = CASES, value_name = "TRACE")]
    #[arg(conflicts_with_all = ["pipeline", "cases", "shard", "resume", "set", "seed", "snap"])]
    from_trace: Vec<PathBuf>,
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
    /// Cases to run at once [default: number of cores]. If there are fewer, each uses all cores for its voxels.
    #[arg(long, help_heading = LIMITS, value_name = "N")]
    jobs: Option<usize>,
    /// Memory for all running cases together, such as 8G [default: four fifths of the free memory of this machine,
    /// container or process (ulimit -v)]. A case that may need more than SIZE is refused; without this option, one that
    /// needs more than the total memory.
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
    /// Set a value of the pipeline, such as steps.1.spacing.pixdim=2 for the second step; repeatable.
    #[arg(long = "set", help_heading = PIPELINE, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Seed of random steps, instead of the pipeline's.
    #[arg(long, help_heading = PIPELINE, value_name = "N")]
    seed: Option<u64>,
    /// Put inputs of the same shape on one grid, and ignore differences of their headers.
    #[arg(long, help_heading = PIPELINE)]
    snap: bool,
    /// Record that a run begins or has ended, and run nothing: other programs run its cases one by one, such as the tasks
    /// of a cluster.
    #[arg(long, hide = true, value_enum)]
    record: Option<record::Moment>,
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

/// More parts than any cluster has places.
const MOST_PARTS: usize = 1_000_000;

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    match parts {
        Some((i, n)) if (1..=n).contains(&i) && n <= MOST_PARTS => Ok((i, n)),
        _ => Err(format!("{text:?}: expected I/N with I from 1 to N, such as 2/8, and N up to {MOST_PARTS}")),
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    let Asked { pipeline, cases, owners, maps, about, before } = Asked::of(args)?;
    if let Some(moment) = args.record {
        return record::only(args, &pipeline, about, (cases, moment));
    }
    let strictness = Strictness { snap: about.snap, memory: args.memory };
    let standings = args.resume.map(|_| standings(&pipeline, &cases, (&args.data, &args.out), strictness));
    if let (Some(Resume::Check), Some(standings)) = (args.resume, &standings) {
        return said_only(args, &cases, standings);
    }
    let folders: BTreeSet<PathBuf> =
        cases.iter().flat_map(|case| outputs_of(&pipeline, case, &args.out)).filter_map(folder_of).collect();
    let ours = args.out.join(journal::FOLDER);
    let folders: BTreeSet<PathBuf> =
        folders.into_iter().chain([ours.join(journal::FAILED), ours.join(journal::LEFT_OUT), ours]).collect();
    let ToDo { cases, again, done, left_out } = ToDo::of(cases, standings);
    let before_now = done.len() + left_out.len();
    let take = || take_lock(args, &pipeline, strictness.snap);
    // A folder that is not there is made where something is written into it; where all is done nothing is.
    let lock = (args.out.is_dir() && !cases.is_empty()).then(take).transpose()?;
    remove_left_over(&args.out, &folders, lock.is_some());
    // The same part may be at work elsewhere still, and have done a case just now.
    let now = |case: &Case| standing(&pipeline, case, (&args.data, &args.out), strictness);
    let is_begun = |case: &Case| args.resume.is_some() && now(case) != Standing::New;
    let replaces = |case: &Case| args.overwrite || again.contains_key(&case.name) || is_begun(case);
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
    // A part of a dataset may consist of such cases alone.
    let is_all = checked.is_empty() && before_now == 0 && args.shard.is_none();
    if !refused.is_empty() && (!args.keep_going || is_all) {
        let problems: Vec<String> =
            refused.iter().map(|r| format!("case {}: {}", r.case, flags::of_case(&r.problem))).collect();
        return Err(Failure::usage(listed("nothing was written", &problems)));
    }
    if let Some(maps) = maps.filter(|_| !checked.is_empty()) {
        look_for_labels(&pipeline, maps)?;
    }
    std::fs::create_dir_all(&args.out).map_err(|e| Failure::usage(format!("{}: {e}", args.out.display())))?;
    let tried = checked.len() + refused.len();
    let _lock = match lock {
        None if tried > 0 => Some(take()?),
        lock => lock,
    };
    let record = begin(args, &pipeline, about, (tried, before_now))?;
    for Refused { case, problem } in refused.iter().filter(|_| record.is_some()) {
        journal::failed(&args.out, case, &hash_of(&pipeline), &flags::of_case(problem)).map_err(Failure::work)?;
    }
    let outcomes = execute(args, &pipeline, (&checked, &owners), (record.as_ref(), refused.len()));
    end(args, record, &outcomes, refused.len());
    let mut summary = report(&checked, &outcomes, &refused, &args.out);
    let same = repeated::compare(&pipeline, &before, &args.out, (&checked, &outcomes), &mut summary);
    if args.resume.is_some() {
        summary["done_already"] = done.iter().map(ToString::to_string).collect();
        summary["left_out_already"] = left_out.iter().map(ToString::to_string).collect();
        summary["done_again"] =
            again.iter().map(|(name, why)| (name.to_string(), Value::from(why.as_str()))).collect::<Map<_, _>>().into();
    }
    if args.json {
        show::json(&summary)?;
    } else {
        people(&summary, &checked, &outcomes, &refused);
    }
    let failed = outcomes.iter().any(|o| matches!(o, executor::Outcome::Failed(_) | executor::Outcome::NotRun));
    if failed || !same || !refused.is_empty() { Err(Failure::told()) } else { Ok(()) }
}

/// What is asked for.
struct Asked {
    pipeline: Pipeline,
    cases: Vec<Case>,
    /// All cases of the dataset.
    owners: Owners,
    /// The label maps that the labels of the steps are looked for in.
    maps: Option<LabelMaps>,
    about: About,
    /// The traces of cases that are repeated.
    before: Vec<Trace>,
}

/// What else is recorded of what is asked for.
struct About {
    /// Whether inputs of the same shape are put on one grid.
    snap: bool,
    /// The cases that were named; none, and no copies, for all.
    names: Vec<String>,
    /// The copies that were named.
    copies: Vec<(String, u32)>,
    /// What parts were made of.
    basis: Option<Basis>,
}

impl Asked {
    fn of(args: &Args) -> Result<Self, Failure> {
        let Some(file) = &args.pipeline else { return repeated::asked(args) };
        let mut pipeline = load(file, &with_seed(&args.set, args.seed))?;
        let cases = args.chosen.discover(&mut pipeline, &args.data, Some(&args.out))?;
        let maps = Some(LabelMaps::of(&pipeline, &cases));
        let (cases, owners, basis) = chosen(args, &pipeline, cases)?;
        let about = About { snap: args.snap, names: args.chosen.names().to_vec(), copies: Vec::new(), basis };
        Ok(Self { pipeline, cases, owners, maps, about, before: Vec::new() })
    }
}

/// The cases that are asked for, with their copies, and what parts of them were made of; names that would collide are
/// refused.
fn chosen(args: &Args, pipeline: &Pipeline, all: Vec<Case>) -> Result<(Vec<Case>, Owners, Option<Basis>), Failure> {
    let everything = copies(pipeline, all.clone());
    let selected: Vec<Case> = args.chosen.select(all, &args.data)?;
    let cases = copies(pipeline, selected);
    let mut problems = check_names(pipeline, everything.iter(), &args.out);
    problems.extend(taken_next_time(pipeline, &everything, &args.data, &args.out));
    if !problems.is_empty() {
        return Err(Failure::usage(listed("nothing was written", &problems)));
    }
    let owners = Owners::new(everything);
    let Some(shard) = args.shard else { return Ok((cases, owners, None)) };
    let part = Part { shard, retries: args.retries, keep_going: args.keep_going };
    let (cases, basis) = parts::of_part(part, pipeline, cases)?;
    Ok((cases, owners, Some(basis)))
}

/// What there is left to do.
struct ToDo {
    cases: Vec<Case>,
    /// Those of them that were done before, and why that does not count.
    again: BTreeMap<CaseName, String>,
    done: Vec<CaseName>,
    /// Those that a step left out before.
    left_out: Vec<CaseName>,
}

impl ToDo {
    /// All cases where nobody asked how they stand; people are told.
    fn of(cases: Vec<Case>, standings: Option<Vec<Standing>>) -> Self {
        let mut todo = Self { cases: Vec::new(), again: BTreeMap::new(), done: Vec::new(), left_out: Vec::new() };
        let Some(standings) = standings else { return Self { cases, ..todo } };
        let all = cases.len();
        for (case, standing) in cases.into_iter().zip(standings) {
            match standing {
                Standing::Done => todo.done.push(case.name.clone()),
                Standing::LeftOut(_) => todo.left_out.push(case.name.clone()),
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
        if !todo.left_out.is_empty() {
            say!("{} of {}: left out already", todo.left_out.len(), show::counted(all, "case"));
        }
        todo
    }
}

/// The right to write into the folder of the outputs.
fn take_lock(args: &Args, pipeline: &Pipeline, snap: bool) -> Result<Lock, Failure> {
    let data = places::place(&args.data);
    let snap = if snap { ", --snap" } else { "" };
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
    (checked, owners): (&[Checked], &Owners),
    (begun, refused): (Option<&Begun>, usize),
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
    let _farewell = farewell(args, begun, Arc::clone(&ended), (all, refused));
    // A single case is not recorded, unless runs before it were.
    let recorded = begun.is_some() || args.out.join(journal::FOLDER).is_dir();
    let tell = |name: &CaseName, outcome: &executor::Outcome| {
        let case = name.to_string();
        let written = match outcome {
            _ if !recorded => Ok(()),
            executor::Outcome::Failed(problem) => {
                journal::failed(&args.out, name, &hash_of(pipeline), &flags::of_case(problem))
            }
            executor::Outcome::Done(Done { left_out: Some(record), .. }) => journal::left_out(&args.out, name, record),
            _ => journal::succeeded(&args.out, name),
        };
        if let Err(problem) = written {
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
        bar.one_of(case);
    };
    let outcomes = executor::run(pipeline, checked, (&args.data, &args.out), owners, &execution, &tell);
    bar.end();
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
        bar.one();
        standing
    };
    let standings = cases.par_iter().map(one).collect();
    bar.end();
    standings
}

/// Says which cases are not done.
fn said_only(args: &Args, cases: &[Case], standings: &[Standing]) -> Outcome {
    let mut rows = Vec::new();
    for (case, standing) in cases.iter().zip(standings) {
        let (outcome, why) = match standing {
            Standing::Done => ("done", None),
            Standing::LeftOut(_) => ("left_out", None),
            Standing::New => ("new", Some("it has no outputs yet".to_owned())),
            Standing::Again(why) => ("again", Some(why.clone())),
        };
        if let (Some(why), false) = (&why, args.json) {
            show::text(&format!("case {}: {why}\n", case.name))?;
        }
        rows.push(of_case(&case.name, json!({ "outcome": outcome, "problem": why })));
    }
    let is_done = |standing: &&Standing| matches!(standing, Standing::Done | Standing::LeftOut(_));
    let done = standings.iter().filter(is_done).count();
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
