//! `revoxel invert OUT PREDICTIONS`: all predictions of a run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use revoxel_core::Kind;
use revoxel_invert::Trace;
use revoxel_runner::RESULTS;
use revoxel_runner::files::{hash, make_folder_of, read_text, write_text};
use revoxel_runner::homes::{Home, Homes, Lacking, NoCase, homes};
use revoxel_runner::journal;
use revoxel_runner::memory::{self, Budget};
use revoxel_runner::score::Spread;
use revoxel_runner::stop;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::failure::{Failure, Outcome};
use super::super::limits::{HEADING as LIMITS, bytes};
use super::super::progress::progress;
use super::super::run::listed;
use super::super::{show, signals};
use super::preflight::{Work, check, check_outputs};
use super::prepared::restoration;
use super::{ALREADY, Args, one};

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

/// What became of a case.
enum Ended {
    Done { document: Value, seconds: f64 },
    DoneBefore,
    Failed(String),
    NotRun,
}

impl Ended {
    /// What is said of a case that was brought back now.
    const fn document(&self) -> Option<&Value> {
        match self {
            Self::Done { document, .. } => Some(document),
            _ => None,
        }
    }
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
    let restored = folder(args)?;
    let arrays = array_first(args)?;
    let Homes { homes, no_prediction, no_case } =
        homes(&args.trace, &args.predictions, arrays).map_err(Failure::usage)?;
    if homes.is_empty() {
        return Err(Failure::usage(nothing_fits(&no_prediction, &no_case)));
    }
    let mut work = Vec::new();
    for home in &homes {
        work.push(of_home(args, home, restored)?);
    }
    check_outputs(args, &work, args.overwrite || args.all.resume)?;
    let problems = check(&work);
    let good = problems.iter().filter(|problem| problem.is_none()).count();
    if good == 0 || (good < work.len() && !args.all.keep_going) {
        let cases = work.iter().zip(&problems);
        let problems = cases.filter_map(|(work, problem)| Some(format!("case {}: {}", work.case, problem.as_ref()?)));
        return Err(Failure::usage(listed("nothing was written", &problems.collect::<Vec<_>>())));
    }
    let ended = execute(args, &work, problems, restored);
    let failed = ended.iter().filter(|e| matches!(e, Ended::Failed(_) | Ended::NotRun)).count();
    tell(args, restored, &work, &ended, (&no_prediction, &no_case))?;
    let good = failed == 0 && no_prediction.is_empty() && no_case.is_empty();
    if good { Ok(()) } else { Err(Failure::told()) }
}

/// What is said where no prediction belongs to a case: what was looked for, and what was found.
fn nothing_fits(no_prediction: &[Lacking], no_case: &[NoCase]) -> String {
    const MOST: usize = 3;
    let several = |all: Vec<String>| {
        let more = if all.len() > MOST { ", …" } else { "" };
        format!("{}{more}", all[..all.len().min(MOST)].join(", "))
    };
    let mut said = "no prediction is called like a case".to_owned();
    if let Some(Lacking { case, names, why }) = no_prediction.first() {
        let mut names: Vec<String> = names.iter().rev().map(|name| format!("{name}.npy")).collect();
        names.dedup();
        said.push_str(&format!(": of case {case}, looked for {} (or another ending)", several(names)));
        said.extend(why.as_ref().map(|why| format!(", but {why}")));
    }
    if !no_case.is_empty() {
        said.push_str(&format!("; found {}", several(no_case.iter().map(of_no_case).collect())));
    }
    format!("{said}. Rename the files, or pass a path with {{case}}, such as predictions/{{case}}_seg.nii.gz")
}

/// A file that belongs to no case, and why.
fn of_no_case(NoCase { path, why }: &NoCase) -> String {
    let why = why.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
    format!("{}{why}", path.display())
}

/// The folder for all results.
fn folder(args: &Args) -> Result<&Path, Failure> {
    let Some(folder) = args.output.as_deref().or(args.out.as_deref()) else {
        return Err(Failure::usage("missing output: pass -o DIR, a folder for all results"));
    };
    let is_file = folder.exists() && !folder.is_dir() || revoxel_io::check_name_for_writing(folder).is_ok();
    if is_file && !folder.is_dir() {
        let problem = format!("-o {}: a file, but all predictions of a run need a folder", folder.display());
        return Err(Failure::usage(problem));
    }
    Ok(folder)
}

/// Says what became of the cases.
fn tell(
    args: &Args,
    restored: &Path,
    work: &[Work],
    ended: &[Ended],
    (no_prediction, no_case): (&[Lacking], &[NoCase]),
) -> Outcome {
    for Lacking { case, why, .. } in no_prediction {
        let why = why.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
        say!("case {case}{why}: no prediction");
    }
    for NoCase { path, why } in no_case {
        match why {
            None => say!("{}: no case is called like it", path.display()),
            Some(why) => say!("{}: not used: {why}", path.display()),
        }
    }
    let documents: Vec<&Value> = ended.iter().filter_map(Ended::document).collect();
    let how: BTreeSet<&str> = documents.iter().map(|said| said["interpolation"].as_str().unwrap_or("copied")).collect();
    if args.json {
        let lacking = |Lacking { case, why, .. }: &Lacking| match why {
            Some(why) => format!("{case} ({why})"),
            None => case.clone(),
        };
        return show::json(&json!({
            "out": restored,
            "interpolations": how,
            "cases": work.iter().zip(ended).map(document).collect::<Vec<_>>(),
            "no_prediction": no_prediction.iter().map(lacking).collect::<Vec<_>>(),
            "no_case": no_case.iter().map(|no_case| &no_case.path).collect::<Vec<_>>(),
        }));
    }
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
    if !how.is_empty() {
        say!("  interpolation: {}", how.into_iter().collect::<Vec<_>>().join(", "));
    }
    let already = documents.iter().filter(|said| said["labels_already"] == true).count();
    if already > 0 {
        let of =
            if already < documents.len() { format!(" ({})", show::counted(already, "case")) } else { String::new() };
        say!("  {ALREADY}{of}");
    }
    let shares = documents.iter().filter_map(|said| said["unseen_share"].as_f64());
    if let Some(unseen) = Spread::of(shares).filter(|unseen| unseen.max > 0.0) {
        let (mean, most) = (100.0 * unseen.mean, 100.0 * unseen.max);
        say!("  {mean:.2} % of the voxels on average ({most:.2} % at most) lie outside what the model saw");
    }
    Ok(())
}

/// Whether an array comes before a volume of the same name: where the entry of `restore` is about scores.
fn array_first(args: &Args) -> Result<bool, Failure> {
    let listed = revoxel_runner::verify::traces(&args.trace);
    let listed = listed.map_err(|e| Failure::usage(format!("{}: {e}", args.trace.display())))?;
    let first = listed.iter().find_map(|path| Trace::from_json(&read_text(path).ok()?).ok());
    let Some(trace) = first else { return Ok(false) };
    let restoration = restoration(args, &trace)?;
    Ok(matches!(restoration.kind, Some(Kind::Probability | Kind::Logit)) || restoration.recipe.argmax)
}

/// What is to be done for a case.
fn of_home(args: &Args, home: &Home, restored: &Path) -> Result<Work, Failure> {
    let (trace, predictions) = home.members.first().cloned().unwrap_or_default();
    let named = |problem: String| Failure::usage(format!("{}: {problem}", trace.display()));
    let text = read_text(&trace).map_err(Failure::usage)?;
    let read = Trace::from_json(&text).map_err(|e| named(e.to_string()))?;
    let path = restoration(&Args { trace: trace.clone(), ..args.clone() }, &read)?.path;
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

/// Brings the cases back that have no problem, several at once.
fn execute(args: &Args, work: &[Work], problems: Vec<Option<String>>, restored: &Path) -> Vec<Ended> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.all.jobs.unwrap_or(cores).clamp(1, work.len());
    let budget = Budget::new(args.all.memory.unwrap_or_else(memory::default_budget).max(1));
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    for (work, problem) in work.iter().zip(&problems) {
        if let Some(problem) = problem {
            crate::say_error(&format!("case {}: {problem}", work.case));
        }
    }
    let ended: Mutex<Vec<Option<Ended>>> =
        Mutex::new(problems.into_iter().map(|problem| problem.map(Ended::Failed)).collect());
    let refused = |at: usize| ended.lock().unwrap_or_else(PoisonError::into_inner)[at].is_some();
    let bar = progress(work.len(), "cases");
    let (done, all) = (Arc::new(AtomicUsize::new(0)), work.len());
    let counted = Arc::clone(&done);
    let _farewell = signals::farewell(move |stopped, _| stopped.say(counted.load(Ordering::SeqCst), all));
    let thread = || {
        while !stop::is_stopped() && (args.all.keep_going || failed.load(Ordering::SeqCst) == 0) {
            let at = next.fetch_add(1, Ordering::SeqCst);
            let Some(work) = work.get(at) else { break };
            if refused(at) {
                continue;
            }
            let drawn = budget.draw(work.memory);
            let outcome = case(args, work, restored);
            drop(drawn);
            if stop::is_stopped() {
                break;
            }
            if let Ended::Failed(problem) = &outcome {
                failed.fetch_add(1, Ordering::SeqCst);
                bar.suspend(|| crate::say_error(&format!("case {}: {problem}", work.case)));
            } else {
                done.fetch_add(1, Ordering::SeqCst);
            }
            bar.one_of(work.case.to_string());
            ended.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(outcome);
        }
    };
    std::thread::scope(|scope| {
        let others = (1..jobs).map_while(|_| std::thread::Builder::new().spawn_scoped(scope, thread).ok()).count();
        tracing::debug!("{} cases at once", others + 1);
        thread();
    });
    bar.end();
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
