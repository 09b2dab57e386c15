//! `revoxel snapshot`

use std::path::{Path, PathBuf};

use revoxel_pipeline::{Node, Pipeline};
use revoxel_runner::dataset::{copies, discover};
use revoxel_runner::files::{make_folder_of, read_text, write_text};
use revoxel_runner::preflight::{Strictness, check, colliding, unwritable};
use revoxel_runner::snapshot::{self, FORMAT, Grids, MARK, Verdict};
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::pipeline_file::{load, with_seed};
use super::show;
use super::{chosen, flags};

/// What follows the options in the help.
const AFTER_HELP: &str = "\
The snapshot of pipeline.yaml is pipeline.snapshot.yaml; commit both. --check compares it with what the program does \
now.

Exit codes of --check:
  0  same
  1  different, or the snapshot is missing or damaged
  2  the command or the pipeline is wrong

Examples:
  revoxel snapshot pipeline.yaml
  revoxel snapshot --check pipelines/*.yaml";

/// Headings of the options in the help.
const GRIDS: &str = "Grids";
const PIPELINE: &str = "Pipeline";

/// Record what a pipeline does to synthetic scans in a text file beside it, or check that record.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The pipeline files, or their snapshots. Name them before --like.
    #[arg(value_name = "PIPELINE")]
    pipelines: Vec<PathBuf>,
    /// Use the grids of these files instead of the built-in ones; reads only headers. The snapshot keeps the grids for
    /// later calls. This option takes all names that follow it.
    #[arg(long, help_heading = GRIDS, num_args = 1.., value_name = "FILE", conflicts_with = "data")]
    like: Vec<PathBuf>,
    /// Use the grids of the cases in this data folder: one of each kind, at most 8.
    #[arg(long, help_heading = GRIDS, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Return to the built-in grids.
    #[arg(long, help_heading = GRIDS, conflicts_with_all = ["like", "data"])]
    built_in: bool,
    /// Compare with the snapshot on disk, and write nothing.
    #[arg(long)]
    check: bool,
    /// Set a value of the pipeline, such as steps.1.spacing.pixdim=2 for the second step; repeatable. The snapshot keeps it for later calls
    /// without --set, --seed and --as-written.
    #[arg(long = "set", help_heading = PIPELINE, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Seed of random steps, instead of the pipeline's.
    #[arg(long, help_heading = PIPELINE, value_name = "N")]
    seed: Option<u64>,
    /// Return to the pipeline as written: forget earlier --set and --seed.
    #[arg(long, help_heading = PIPELINE, conflicts_with_all = ["set", "seed"])]
    as_written: bool,
    /// The snapshot file [default: beside the pipeline].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Maximum number of differences to show for each pipeline.
    #[arg(long, value_name = "N", default_value_t = 40)]
    most: usize,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
}

const SUFFIX: &str = ".snapshot.yaml";

pub(super) fn run(args: &Args) -> Outcome {
    let mut pipelines: Vec<PathBuf> = Vec::new();
    for pipeline in args.pipelines.iter().map(|path| pipeline_of(path)) {
        if !pipelines.contains(&pipeline) {
            pipelines.push(pipeline);
        }
    }
    if pipelines.is_empty() {
        return Err(Failure::usage("missing pipeline: name it before --like, which takes all names that follow"));
    }
    if args.output.is_some() && pipelines.len() > 1 {
        return Err(Failure::usage("--output is for one pipeline: leave it out, or pass one pipeline"));
    }
    if args.output.is_none()
        && let Some((a, b)) = of_one_name(&pipelines)
    {
        let (place, a, b) = (place_of(&a), a.display(), b.display());
        return Err(Failure::usage(format!("{a} and {b} have the same snapshot {}: rename one", place.display())));
    }
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for pipeline in &pipelines {
        match one(args, pipeline) {
            Ok(one) => found.push(one),
            Err(failure) if pipelines.len() == 1 => return Err(failure),
            Err(failure) => wrong.push((pipeline, failure)),
        }
    }
    if args.json {
        let refused = wrong.iter().map(|(pipeline, failure)| {
            json!({ "pipeline": pipeline, "before": "not compared", "problem": failure.message() })
        });
        let all: Vec<Value> = found.iter().map(Found::json).chain(refused).collect();
        show::json(&json!({ "snapshots": all }))?;
    } else {
        for one in &found {
            show::text(&one.people(args))?;
        }
    }
    // One that is wrong does not keep the others from being compared.
    if !wrong.is_empty() {
        wrong.iter().for_each(|(_, failure)| failure.tell());
        return Err(Failure::told().with_code(2));
    }
    if args.check && found.iter().any(|one| !one.is_same()) { Err(Failure::told()) } else { Ok(()) }
}

/// Two pipelines that would have one snapshot: `a.yaml` and `a.yml`.
fn of_one_name(pipelines: &[PathBuf]) -> Option<(PathBuf, PathBuf)> {
    let with = |path: &Path| ["yaml", "yml"].map(|extension| path.with_extension(extension));
    let both = |one: &PathBuf| {
        let mut others = pipelines.iter().cloned().chain(with(one).into_iter().filter(|path| path.exists()));
        let other = others.find(|other| other != one && place_of(other) == place_of(one))?;
        one.exists().then(|| (one.clone(), other))
    };
    pipelines.iter().find_map(both)
}

/// The pipeline that a path names, where it is that of a snapshot.
fn pipeline_of(path: &Path) -> PathBuf {
    let name = path.to_string_lossy();
    let Some(stem) = name.strip_suffix(SUFFIX) else { return path.to_owned() };
    let pipeline = |extension: &str| PathBuf::from(format!("{stem}.{extension}"));
    [pipeline("yaml"), pipeline("yml")].into_iter().find(|path| path.exists()).unwrap_or_else(|| pipeline("yaml"))
}

/// Where the snapshot of a pipeline lies: `a/b.yaml` has `a/b.snapshot.yaml`.
fn place_of(pipeline: &Path) -> PathBuf {
    let stem = pipeline.file_stem().unwrap_or_default().to_string_lossy();
    pipeline.with_file_name(format!("{stem}{SUFFIX}"))
}

/// What came of one pipeline.
struct Found {
    pipeline: PathBuf,
    place: PathBuf,
    grids: usize,
    /// Those on which the steps cannot be done.
    refused: usize,
    /// Those that a step refused, with the step.
    refusals: Vec<String>,
    /// What was on disk.
    before: Before,
    /// Whether it was written.
    written: bool,
}

/// What was on disk, compared with what the program does now.
enum Before {
    Missing,
    /// Not to be read, and why.
    Damaged(String),
    Compared(Verdict),
}

fn one(args: &Args, path: &Path) -> Result<Found, Failure> {
    let place = args.output.clone().unwrap_or_else(|| place_of(path));
    // A link stays one: its target is read and replaced.
    let place = if place.is_symlink() { std::fs::canonicalize(&place).unwrap_or(place) } else { place };
    if place.exists() && !place.is_file() {
        return Err(Failure::usage(format!("{}: not a file: remove it, or pass -o FILE", place.display())));
    }
    let on_disk = if place.exists() { Some(read_text(&place).map_err(Failure::usage)?) } else { None };
    let known = on_disk.as_deref().map(|text| known(&place, text)).transpose()?;
    let kept = known.as_ref().and_then(|known| known.as_ref().ok());
    let mut set = with_seed(&args.set, args.seed);
    let asked = !set.is_empty() || args.as_written;
    if !asked && let Some(kept) = kept.and_then(|kept| kept["set"].as_array()) {
        set = kept.iter().filter_map(|text| text.as_str().map(ToOwned::to_owned)).collect();
    }
    let pipeline = load(path, &set).map_err(|failure| match asked || set.is_empty() {
        true => failure,
        false => failure.with_help("the snapshot keeps --set of an earlier call: pass --as-written to forget it"),
    })?;
    if let Some(problem) = unwritable(&pipeline).into_iter().chain(colliding(&pipeline)).next() {
        return Err(Failure::pipeline(&problem));
    }
    let grids = grids(args, &pipeline, kept).map_err(|e| named(&place, e))?;
    let document = snapshot::take(&pipeline, &grids, &set);
    let (text, now) = snapshot::sealed(&pipeline, document, &place).map_err(|e| Failure::work(e.to_string()))?;
    let before = match known {
        None => Before::Missing,
        Some(Err(problem)) => Before::Damaged(problem),
        Some(Ok(was)) => Before::Compared(snapshot::compare(&was, &now, &as_written(path, &set))),
    };
    let written = !args.check && on_disk.as_deref() != Some(&text);
    if written {
        make_folder_of(&place).map_err(Failure::usage)?;
        write_text(&place, &text).map_err(Failure::work)?;
    }
    let grids = now["grids"].as_object().map_or(0, serde_json::Map::len);
    let refused = |(name, grid): (&String, &Value)| refusal(grid).map(|step| format!("{name} at {step}"));
    let refusals: Vec<String> = now["grids"].as_object().into_iter().flatten().filter_map(refused).collect();
    Ok(Found { pipeline: path.to_owned(), place, grids, refused: refusals.len(), refusals, before, written })
}

/// The step that cannot be done on a grid, if there is one.
fn refusal(grid: &Value) -> Option<String> {
    let fields = grid.as_object()?;
    match fields.get("refused") {
        Some(place) => Some(match (place["step"].as_str(), place["input"].as_str()) {
            (Some(step), Some(input)) => format!("step {step} ({input})"),
            _ => "its start".to_owned(),
        }),
        None => fields.iter().filter(|(key, _)| *key != "back").find_map(|(_, value)| refusal(value)),
    }
}

fn named(place: &Path, failure: Failed) -> Failure {
    match failure {
        Failed::Recorded(problem) => {
            let place = place.display();
            Failure::usage(format!("{place}: {problem}; write the snapshot again with --like, --data or --built-in"))
        }
        Failed::Other(failure) => failure,
    }
}

enum Failed {
    Recorded(String),
    Other(Failure),
}

/// The snapshot that is there; the inner error where it cannot be read.
///
/// # Errors
/// Where the file is no snapshot, or one of a later version of the program: neither is replaced.
fn known(place: &Path, text: &str) -> Result<Result<Value, String>, Failure> {
    let shown = place.display();
    let ours = text.lines().any(|line| line.starts_with(MARK));
    if !ours {
        return Err(Failure::usage(format!("{shown}: not a snapshot: move the file away, or pass -o FILE")));
    }
    let document = match snapshot::read(&place.to_string_lossy(), text) {
        Ok(document) => document,
        Err(problem) => return Ok(Err(problem.to_string())),
    };
    match document[MARK].as_u64() {
        Some(version) if version > u64::from(FORMAT) => Err(Failure::usage(format!(
            "{shown}: snapshot of version {version}, but this program reads versions up to {FORMAT}: use a newer \
             revoxel"
        ))),
        Some(_) => Ok(Ok(document)),
        None => Ok(Err(format!("{MARK} is not a number"))),
    }
}

/// The grids that the snapshot is made on: those asked for, or those of the snapshot that is there.
fn grids(args: &Args, pipeline: &Pipeline, kept: Option<&Value>) -> Result<Grids, Failed> {
    let usage = |problem: String| Failed::Other(Failure::usage(problem));
    if !args.like.is_empty() {
        return snapshot::like(pipeline, &args.like).map_err(|e| usage(e.to_string()));
    }
    if let Some(data) = &args.data {
        let cases = discover(pipeline, data).map_err(|e| Failed::Other(chosen::failure(&e)))?;
        let (mut checked, mut refused) = (Vec::new(), Vec::new());
        for case in check(pipeline, copies(pipeline, cases), Strictness::default()) {
            match case {
                Ok(case) => checked.push(case),
                Err(of) => refused.push(format!("case {}: {}", of.case, flags::of_case(&of.problem))),
            }
        }
        if let Some(first) = refused.first() {
            let count = show::counted(refused.len(), "case");
            return Err(usage(format!("{count} cannot run, so no snapshot is written; the first is\n{first}")));
        }
        return Ok(snapshot::of_cases(pipeline, &checked));
    }
    match kept.filter(|_| !args.built_in) {
        Some(kept) => snapshot::recorded(pipeline, kept).map_err(|e| Failed::Recorded(e.to_string())),
        None => Ok(Grids::BuiltIn),
    }
}

/// The pipeline as it is written, so that defaults can be told from what it sets; nothing where `--set` sets more.
fn as_written(path: &Path, set: &[String]) -> Value {
    if !set.is_empty() {
        return Value::Null;
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    Node::read(&path.to_string_lossy(), &text).map(|node| node.json()).unwrap_or_default()
}

impl Found {
    fn is_same(&self) -> bool {
        matches!(&self.before, Before::Compared(verdict) if verdict.is_same())
    }

    fn json(&self) -> Value {
        let state = match &self.before {
            Before::Missing => "missing",
            Before::Damaged(_) => "damaged",
            Before::Compared(verdict) if verdict.is_same() => "same",
            Before::Compared(_) => "differs",
        };
        let mut said = json!({
            "pipeline": self.pipeline,
            "snapshot": self.place,
            "grids": self.grids,
            "refused": self.refused,
            "before": state,
            "written": self.written,
        });
        match &self.before {
            Before::Compared(verdict) if !verdict.is_same() => {
                said["reason"] = verdict.reason.clone().into();
                said["differences"] = verdict.json();
            }
            Before::Damaged(problem) => said["problem"] = problem.clone().into(),
            _ => {}
        }
        said
    }

    fn people(&self, args: &Args) -> String {
        let (place, pipeline) = (self.place.display(), self.pipeline.display());
        let mut grids = show::counted(self.grids, "grid");
        if self.refused > 0 {
            const MOST: usize = 3;
            let more = if self.refusals.len() > MOST { ", …" } else { "" };
            let shown = self.refusals[..self.refusals.len().min(MOST)].join(", ");
            grids.push_str(&format!(
                ", {} of them refused by a step: {shown}{more} (see the snapshot for the reason)",
                self.refused
            ));
        }
        let renew = format!("revoxel snapshot {}{}", quoted(&pipeline.to_string()), options(args));
        match (&self.before, args.check) {
            (Before::Missing, true) => format!("{place}: missing: write it with `{renew}`, and commit it\n"),
            (Before::Missing, false) => format!("{place}: written, {grids}\n"),
            (Before::Damaged(problem), true) => {
                format!("{place}: cannot be read ({problem}): write it again with `{renew}`\n")
            }
            (Before::Damaged(_), false) => {
                format!("{place}: written again, {grids}; the old file could not be read\n")
            }
            (Before::Compared(verdict), _) if verdict.is_same() => {
                let comments = if self.written { ", only comments changed" } else { "" };
                format!("{place}: unchanged, {grids}{comments}\n")
            }
            (Before::Compared(verdict), check) => {
                let did = if check { "differs" } else { "written again" };
                let mut text = format!("{place}: {did}: {}\n", verdict.reason);
                verdict.lines(args.most).iter().for_each(|line| text.push_str(&format!("  {line}\n")));
                if check {
                    text.push_str(&format!(
                        "If this is intended, run `{renew}`, review the difference, and commit it with the change.\n"
                    ));
                }
                text
            }
        }
    }
}

/// The options of a call that decide what is written, as they are typed.
fn options(args: &Args) -> String {
    let mut typed = String::new();
    let mut add = |option: &str, value: &str| typed.push_str(&format!(" {option} {}", quoted(value)));
    args.set.iter().for_each(|set| add("--set", set));
    args.seed.iter().for_each(|seed| add("--seed", &seed.to_string()));
    args.output.iter().for_each(|path| add("--output", &path.to_string_lossy()));
    args.data.iter().for_each(|path| add("--data", &path.to_string_lossy()));
    for (flag, given) in [("--as-written", args.as_written), ("--built-in", args.built_in)] {
        if given {
            typed.push_str(&format!(" {flag}"));
        }
    }
    if !args.like.is_empty() {
        typed.push_str(" --like");
        args.like.iter().for_each(|path| typed.push_str(&format!(" {}", quoted(&path.to_string_lossy()))));
    }
    typed
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let safe = |c: char| c.is_alphanumeric() || "_-./=:,+@%".contains(c);
    match !word.is_empty() && word.chars().all(safe) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_lies_beside_its_pipeline() {
        assert_eq!(place_of(Path::new("a/ct.1.yaml")), Path::new("a/ct.1.snapshot.yaml"));
        assert_eq!(place_of(Path::new("p.yml")), Path::new("p.snapshot.yaml"));
        assert_eq!(pipeline_of(Path::new("a/ct.snapshot.yaml")), Path::new("a/ct.yaml"));
        assert_eq!(pipeline_of(Path::new("a/ct.yaml")), Path::new("a/ct.yaml"));
    }
}
