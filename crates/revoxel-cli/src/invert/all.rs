//! `revoxel invert OUT PREDICTIONS`: all predictions of a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use revoxel_core::Kind;
use revoxel_invert::Trace;
use revoxel_runner::RESULTS;
use revoxel_runner::files::{hash, make_folder_of, read_text, write_text};
use revoxel_runner::homes::{Home, Homes, homes};
use revoxel_runner::journal;
use revoxel_runner::memory::{self, Budget};
use revoxel_runner::restore::Restoration;
use revoxel_runner::score::Spread;
use revoxel_runner::stop;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::failure::{Failure, Outcome};
use super::super::limits::{HEADING as LIMITS, bytes};
use super::super::pipeline_file::progress;
use super::super::show;
use super::{Args, one};

/// Heading of the options in the help.
const ALL: &str = "All predictions of a run";

/// Options for all predictions of a run.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// Skip cases whose result is there, and was made of the same trace and predictions with the same options.
    #[arg(long, help_heading = ALL, conflicts_with = "overwrite")]
    resume: bool,
    /// Continue with the other cases when one fails.
    #[arg(long, help_heading = ALL)]
    keep_going: bool,
    /// Cases to bring back at once [default: number of cores].
    #[arg(long, help_heading = LIMITS, value_name = "N")]
    jobs: Option<usize>,
    /// Memory for all cases together, such as 8G [default: four fifths of the free memory].
    #[arg(long, help_heading = LIMITS, value_name = "SIZE", value_parser = bytes)]
    memory: Option<u64>,
}

impl Options {
    /// The first of these options that is given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let all = [
            (self.resume, "--resume"),
            (self.keep_going, "--keep-going"),
            (self.jobs.is_some(), "--jobs"),
            (self.memory.is_some(), "--memory"),
        ];
        all.iter().find(|(given, _)| *given).map(|(_, name)| *name)
    }
}

/// A case to bring back.
struct Work {
    case: String,
    args: Args,
    output: PathBuf,
    memory: u64,
}

/// What became of a case.
enum Ended {
    Done { document: Value, seconds: f64 },
    DoneBefore,
    Failed(String),
    NotRun,
}

/// What a result was made of.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Made {
    results: u32,
    options: String,
    /// The contents of the traces and predictions.
    sources: Vec<String>,
    output: PathBuf,
    /// The content of the result.
    hash: String,
}

pub(super) fn run(args: &Args) -> Outcome {
    if args.coverage.is_some() || !args.with.is_empty() {
        return Err(Failure::usage("--coverage and --with are for one case: pass the trace of a case"));
    }
    let Some(restored) = args.output.as_ref().or(args.out.as_ref()) else {
        return Err(Failure::usage("missing output: pass -o DIR, a folder for all results"));
    };
    let arrays = array_first(args)?;
    let Homes { homes, no_prediction, no_case } =
        homes(&args.trace, &args.predictions, arrays).map_err(Failure::usage)?;
    if homes.is_empty() {
        let problem = "no prediction is called like a case: expected CASE.npy, CASE.nii.gz or a path with {case}";
        return Err(Failure::usage(problem));
    }
    let mut work = Vec::new();
    for home in &homes {
        work.push(of_home(args, home, restored)?);
    }
    check_outputs(args, &work)?;
    let ended = execute(args, &work, restored);
    let failed = ended.iter().filter(|e| matches!(e, Ended::Failed(_) | Ended::NotRun)).count();
    for case in &no_prediction {
        say!("case {case}: no prediction");
    }
    for path in &no_case {
        say!("{}: no case is called like it", path.display());
    }
    if args.json {
        show::json(&json!({
            "out": restored,
            "cases": work.iter().zip(&ended).map(document).collect::<Vec<_>>(),
            "no_prediction": no_prediction,
            "no_case": no_case,
        }))?;
    } else {
        let count = |of: fn(&Ended) -> bool| ended.iter().filter(|e| of(e)).count();
        let counts = [
            (count(|e| matches!(e, Ended::Done { .. })), "done"),
            (count(|e| matches!(e, Ended::DoneBefore)), "done already"),
            (count(|e| matches!(e, Ended::Failed(_))), "failed"),
            (count(|e| matches!(e, Ended::NotRun)), "not run"),
            (no_prediction.len(), "without prediction"),
        ];
        let shown: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        say!("{}: {}", show::counted(work.len() + no_prediction.len(), "case"), shown.join(", "));
        let shares = ended.iter().filter_map(|ended| match ended {
            Ended::Done { document, .. } => document["unseen_share"].as_f64(),
            _ => None,
        });
        if let Some(unseen) = Spread::of(shares).filter(|unseen| unseen.max > 0.0) {
            let (mean, most) = (100.0 * unseen.mean, 100.0 * unseen.max);
            say!("  {mean:.2} % of the voxels on average ({most:.2} % at most) lie outside what the model saw");
        }
    }
    let good = failed == 0 && no_prediction.is_empty() && no_case.is_empty();
    if good { Ok(()) } else { Err(Failure::told()) }
}

/// Whether an array comes before a volume of the same name: where the entry of `restore` is about scores.
fn array_first(args: &Args) -> Result<bool, Failure> {
    let listed = revoxel_runner::verify::traces(&args.trace);
    let listed = listed.map_err(|e| Failure::usage(format!("{}: {e}", args.trace.display())))?;
    let first = listed.iter().find_map(|path| Trace::from_json(&read_text(path).ok()?).ok());
    let Some(trace) = first else { return Ok(false) };
    let mut restoration = Restoration::of(&trace, args.restore.as_deref(), &revoxel::registry())?;
    args.said.apply(&mut restoration)?;
    Ok(matches!(restoration.kind, Some(Kind::Probability | Kind::Logit)) || restoration.recipe.argmax)
}

/// What is to be done for a case.
fn of_home(args: &Args, home: &Home, restored: &Path) -> Result<Work, Failure> {
    let (trace, predictions) = home.members.first().cloned().unwrap_or_default();
    let named = |problem: String| Failure::usage(format!("{}: {problem}", trace.display()));
    let text = read_text(&trace).map_err(Failure::usage)?;
    let read = Trace::from_json(&text).map_err(|e| named(e.to_string()))?;
    let restoration = Restoration::of(&read, args.restore.as_deref(), &revoxel::registry());
    let path = restoration.map_err(|e| named(e.to_string()))?.path;
    let output = restored.join(path.unwrap_or_else(|| format!("{}.nii.gz", home.case)));
    let pairs = |(trace, predictions): &(PathBuf, Vec<PathBuf>)| {
        predictions.iter().flat_map(|p| [trace.clone(), p.clone()]).collect::<Vec<_>>()
    };
    let with = home.members.iter().skip(1).flat_map(pairs).collect();
    let bytes = |path: &PathBuf| match revoxel_io::info(path) {
        Ok(info) => (info.grid.voxel_count() * info.channels * info.dtype.size().max(4)) as u64,
        Err(_) => std::fs::metadata(path).map_or(0, |m| m.len()),
    };
    let largest = home.members.iter().flat_map(|(_, predictions)| predictions).map(bytes).max().unwrap_or(0);
    let volumes = read.volumes.values().map(|v| v.source.grid.shape.iter().map(|n| *n as u64).product::<u64>());
    let memory = largest.saturating_mul(3).saturating_add(volumes.max().unwrap_or(0).saturating_mul(8));
    let of_case = Args {
        trace: trace.clone(),
        predictions,
        with,
        output: Some(output.clone()),
        out: None,
        json: false,
        overwrite: args.overwrite || args.all.resume,
        ..args.clone()
    };
    Ok(Work { case: home.case.clone(), args: of_case, output, memory })
}

/// Refuses results that are there already, and two of one name, before the first is written.
fn check_outputs(args: &Args, work: &[Work]) -> Outcome {
    let mut problems = Vec::new();
    let mut seen: BTreeMap<&Path, &str> = BTreeMap::new();
    for Work { case, output, .. } in work {
        if let Some(other) = seen.insert(output, case) {
            problems.push(format!("cases {other} and {case} both write {}", output.display()));
        }
        if output.exists() && !args.overwrite && !args.all.resume {
            problems.push(format!("{} exists already: pass --overwrite to replace it, or --resume", output.display()));
        }
    }
    const MOST: usize = 20;
    let more = problems.len().saturating_sub(MOST);
    problems.truncate(MOST);
    problems.extend((more > 0).then(|| format!("… and {more} more")));
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Failure::usage(format!("nothing was written:\n{}", problems.join("\n"))))
    }
}

fn execute(args: &Args, work: &[Work], restored: &Path) -> Vec<Ended> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.all.jobs.unwrap_or(cores).clamp(1, work.len());
    let budget = Budget::new(args.all.memory.unwrap_or_else(memory::default_budget).max(1));
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let ended: Mutex<Vec<Option<Ended>>> = Mutex::new(work.iter().map(|_| None).collect());
    let bar = progress(work.len(), "cases");
    let thread = || {
        while !stop::is_stopped() && (args.all.keep_going || failed.load(Ordering::SeqCst) == 0) {
            let at = next.fetch_add(1, Ordering::SeqCst);
            let Some(work) = work.get(at) else { break };
            let drawn = budget.draw(work.memory);
            let outcome = case(args, work, restored);
            drop(drawn);
            if stop::is_stopped() {
                break;
            }
            if let Ended::Failed(problem) = &outcome {
                failed.fetch_add(1, Ordering::SeqCst);
                bar.suspend(|| crate::say_error(&format!("case {}: {problem}", work.case)));
            }
            bar.inc(1);
            ended.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(outcome);
        }
    };
    std::thread::scope(|scope| {
        let others = (1..jobs).map_while(|_| std::thread::Builder::new().spawn_scoped(scope, thread).ok()).count();
        tracing::debug!("{} cases at once", others + 1);
        thread();
    });
    bar.finish_and_clear();
    if stop::is_stopped() {
        // The thread that was told ends the program.
        loop {
            std::thread::park();
        }
    }
    let ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    ended.into_iter().map(|ended| ended.unwrap_or(Ended::NotRun)).collect()
}

/// Brings one case back, unless that was done before.
fn case(args: &Args, work: &Work, restored: &Path) -> Ended {
    let start = Instant::now();
    let record = restored.join(journal::FOLDER).join("restored").join(format!("{}.json", work.case));
    let made = match made(args, work) {
        Ok(made) => made,
        Err(problem) => return Ended::Failed(problem),
    };
    if args.all.resume && is_made(&record, &made) {
        return Ended::DoneBefore;
    }
    let outcome = one(&work.args).map_err(|failure| failure.message_with_help());
    let recorded = outcome.and_then(|said| {
        let hash = hash(&work.output).map_err(|e| e.to_string())?;
        let text = serde_json::to_string_pretty(&Made { hash, ..made }).map_err(|e| e.to_string())?;
        make_folder_of(&record).and_then(|()| write_text(&record, &format!("{text}\n"))).map_err(|e| e.to_string())?;
        Ok(said.document)
    });
    match recorded {
        Ok(document) => Ended::Done { document, seconds: start.elapsed().as_secs_f64() },
        Err(problem) => Ended::Failed(problem),
    }
}

/// What the result of a case is made of; its own content is not known yet.
fn made(args: &Args, work: &Work) -> Result<Made, String> {
    let own = [&work.args.trace];
    let files = own.into_iter().chain(&work.args.predictions).chain(&work.args.with);
    let sources = files.map(|file| hash(file).map_err(|e| e.to_string())).collect::<Result<_, _>>()?;
    let options = format!("{:?} {:?} {:?} {:?}", args.said, args.restore, args.onto, args.weights);
    Ok(Made { results: RESULTS, options, sources, output: work.output.clone(), hash: String::new() })
}

/// Whether the result that is there was made of the same, and has not changed since.
fn is_made(record: &Path, made: &Made) -> bool {
    let known = read_text(record).ok().and_then(|text| serde_json::from_str::<Made>(&text).ok());
    known.is_some_and(|known| {
        let same = Made {
            hash: known.hash.clone(),
            results: made.results,
            options: made.options.clone(),
            sources: made.sources.clone(),
            output: made.output.clone(),
        } == known;
        same && hash(&known.output).is_ok_and(|now| now == known.hash)
    })
}

fn document((work, ended): (&Work, &Ended)) -> Value {
    let mut said = json!({ "case": work.case, "output": work.output });
    match ended {
        Ended::Done { document, seconds } => {
            said = document.clone();
            (said["outcome"], said["seconds"]) = ("done".into(), (*seconds).into());
        }
        Ended::DoneBefore => said["outcome"] = "done_already".into(),
        Ended::Failed(problem) => (said["outcome"], said["problem"]) = ("failed".into(), problem.as_str().into()),
        Ended::NotRun => said["outcome"] = "not_run".into(),
    }
    said
}
