//! The command line: what people type, and how answers and errors are shown.
//!
//! Exit codes: 0 all good; 1 the work failed for at least one case; 2 the command, pipeline or data layout is wrong
//! and nothing was written; 130, 143 and 129 stopped by Ctrl-C, SIGTERM and SIGHUP. Those of `compare`: 0 the volumes
//! agree; 1 they differ; 2 not compared. `status`, `verify`, `score`, `roundtrip` and `run --resume=check` end with 1 if
//! something is missing, has changed, has no partner or is below a threshold. `--json` prints one document on standard output and nothing else; text for
//! people and progress go to standard error. A closed standard error does not stop the work.

#[macro_use]
mod say;

mod cases;
mod chosen;
mod compare;
mod completions;
mod convert;
mod demo;
mod ending;
mod failure;
mod fingerprint;
mod flags;
mod import;
mod info;
mod invert;
mod limits;
mod logs;
mod measure;
mod parts;
mod pipeline_file;
mod plan;
mod points;
mod progress;
mod reading;
mod roundtrip;
mod run;
mod schema;
mod score;
mod scores;
mod segments;
mod show;
mod signals;
mod slices;
mod snapshot;
mod status;
mod table;
mod trace;
mod trace_file;
mod transforms;
mod verify;
mod weights;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

pub(crate) use say::{say, say_error};

use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Medical volumes to models and back: declared preprocessing, and predictions on the grid of the scan.
#[derive(Debug, Parser)]
#[command(name = "revoxel", version, max_term_width = 110, propagate_version = true)]
struct Cli {
    /// Print more: -v progress, -vv details.
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    /// Print nothing but answers and errors: no warnings, progress or summaries.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// How progress is shown.
    #[arg(long, global = true, value_name = "FORM", default_value = "auto", hide_default_value = true)]
    progress: progress::Form,
    /// Threads for voxel work [default: number of cores].
    #[arg(long, global = true, help_heading = limits::HEADING, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    #[command(flatten)]
    limits: limits::Args,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the geometry of volume files, and the series of DICOM folders and archives.
    Info(info::Args),
    /// Convert a volume to another format, or points to a label map.
    Convert(convert::Args),
    /// Compare two volumes: geometry, values and labels; exit code 1 if they differ.
    Compare(compare::Args),
    /// Measure the labels of a label map (volume, box, centroid, longest diameter), or find the peaks of a probability
    /// map.
    Measure(measure::Args),
    /// List the cases of a dataset and the files of each.
    Cases(cases::Args),
    /// Check a pipeline, and show the grid after each step from headers alone.
    Plan(plan::Args),
    /// Record what a pipeline does to synthetic scans in a text file to review, or check that record.
    Snapshot(snapshot::Args),
    /// Run a pipeline on a dataset.
    Run(run::Args),
    /// Show which cases of a run are done, stale, failed or missing.
    Status(status::Args),
    /// Compare all outputs of a run with the hashes in their traces.
    Verify(verify::Args),
    /// Map a prediction back onto the grid of its scan.
    Invert(invert::Args),
    /// Map points and boxes back to the scan, or from the scan to the model's grid.
    Points(points::Args),
    /// Export what other programs can hold of a trace.
    Trace(trace::Args),
    /// Measure what preprocessing costs: the labels of a dataset to the model's grid and back.
    Roundtrip(roundtrip::Args),
    /// Score label maps against references: overlap, distances, volumes and pieces of each label.
    Score(score::Args),
    /// Write the scores or class of a whole image as a row of a table.
    Scores(scores::Args),
    /// Import the preprocessing of nnU-Net or MONAI as a pipeline.
    Import(import::Args),
    /// Show the spacings, shapes and intensities of a dataset, and the voxel size that nnU-Net would choose.
    Fingerprint(fingerprint::Args),
    /// List the transforms, or explain one.
    Transforms(transforms::Args),
    /// Print the JSON Schema of pipeline files.
    Schema(schema::Args),
    /// Print what a shell needs to complete commands.
    Completions(completions::Args),
    /// Write the manual as man pages.
    Man(completions::ManArgs),
    /// Run a pipeline on a phantom with known volumes, invert a mock prediction, and measure the labels.
    Demo(demo::Args),
}

/// Commands that read no volumes.
const WITHOUT_VOLUMES: [&str; 4] = ["transforms", "schema", "completions", "man"];

/// The command line. The help of commands that read no volumes does not show the limits of reading.
fn command_line() -> clap::Command {
    let command = Cli::command();
    let is_limit = |arg: &&clap::Arg| arg.get_help_heading() == Some(limits::HEADING);
    let limits: Vec<clap::Arg> = command.get_arguments().filter(is_limit).map(|arg| arg.clone().hide(true)).collect();
    let hide = |command: clap::Command, name: &&str| command.mut_subcommand(name, |sub| sub.args(limits.clone()));
    WITHOUT_VOLUMES.iter().fold(command, hide)
}

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    run_with(std::env::args_os().collect()).into()
}

/// Runs the program with these arguments, the first of which is its name, and gives its exit code. For a process that does
/// nothing else: threads, the handling of signals and the form of messages are set for the whole process, once.
pub fn run_with(arguments: Vec<OsString>) -> u8 {
    ending::typed(&arguments);
    if let Some(odd) = arguments.iter().find(|argument| argument.to_str().is_none()) {
        let problem =
            format!("the argument {odd:?} is not UTF-8, so traces and reports cannot hold it: rename the file");
        return ending::failed(&failure::Failure::usage(problem));
    }
    let mut command = command_line();
    let parsed = command.try_get_matches_from_mut(arguments).and_then(|matches| {
        flags::learn(&command, &matches);
        Cli::from_arg_matches(&matches)
    });
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return ending::not_understood(&error),
    };
    let level = if cli.quiet { "error" } else { ["warn", "info", "debug"][usize::from(cli.verbose.min(2))] };
    say::set_quiet(cli.quiet);
    progress::set(cli.progress);
    let filter = EnvFilter::try_from_env("REVOXEL_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let ansi = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(ansi)
        .with_writer(std::io::stderr)
        .log_internal_errors(false)
        .event_format(logs::Lines)
        .init();
    std::panic::set_hook(Box::new(|panic| say_error(&format!("internal error, please report it: {panic}"))));
    failure::set_form();
    signals::listen();
    start_threads(cli.threads.map_or(0, usize::from));
    cli.limits.apply();
    let result = match cli.command {
        Command::Info(args) => info::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Measure(args) => measure::run(&args),
        Command::Cases(args) => cases::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Snapshot(args) => snapshot::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Invert(args) => invert::run(&args),
        Command::Points(args) => points::run(&args),
        Command::Trace(args) => trace::run(&args),
        Command::Roundtrip(args) => roundtrip::run(&args),
        Command::Score(args) => score::run(&args),
        Command::Scores(args) => scores::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Fingerprint(args) => fingerprint::run(&args),
        Command::Transforms(args) => transforms::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => completions::man(&args),
        Command::Demo(args) => demo::run(&args),
    };
    if let Some(bytes) = revoxel_runner::memory::peak() {
        tracing::info!("peak memory {:.0} MB", bytes as f64 / 1e6);
    }
    match result {
        Ok(()) => 0,
        Err(failure) => ending::failed(&failure),
    }
}

/// Starts the threads for the voxels: as many as asked for, 0 for as many as there are cores, and fewer where the system
/// does not let so many start.
fn start_threads(asked_for: usize) {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let wanted = if asked_for == 0 { cores() } else { asked_for };
    // A pool that fails cannot be tried again. One thread more is left for the cases.
    let threads = can_start(wanted + 1).saturating_sub(1).min(wanted);
    let pool = rayon::ThreadPoolBuilder::new();
    let pool = if threads == 0 { pool.num_threads(1).use_current_thread() } else { pool.num_threads(threads) };
    let started = pool.build_global();
    if threads < wanted || started.is_err() {
        tracing::warn!("the system refused to start {wanted} threads: running with {}", threads.max(1));
    }
}

/// How many threads can be there at once, up to so many: tried.
fn can_start(most: usize) -> usize {
    // Those that have started wait for the others.
    let gate = std::sync::Mutex::new(());
    let closed = gate.lock();
    std::thread::scope(|scope| {
        let wait = || drop(gate.lock());
        let count = (0..most).map_while(|_| std::thread::Builder::new().spawn_scoped(scope, wait).ok()).count();
        drop(closed);
        count
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_contradicts_itself() {
        command_line().debug_assert();
    }
}
