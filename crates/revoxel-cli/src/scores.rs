//! `revoxel scores`

use std::path::PathBuf;

use revoxel_runner::files::make_folder_of;
use revoxel_runner::scores::{ScoresError, append, mean, read, separator_of, write};
use serde_json::json;

use super::failure::{Failure, Outcome};
use super::show;
use super::slices::Onto;
use super::trace_file::load;
use super::weights::Weights;

/// What follows the options in the help.
const AFTER_HELP: &str = "\
A row is the path of the source and the scores, as MONAI's SaveClassification writes it. Several predictions are \
averaged.

Examples:
  revoxel scores case.json scores.npy -o scores.csv --append
  revoxel scores case.json scores.npy --with mirrored.json mirrored.npy -o scores.csv";

/// Write the class or scores of a whole image as a row of a table (.csv, .tsv), after the path of the source.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The trace that `run` wrote for the case.
    pub(super) trace: PathBuf,
    /// An array of numbers: .npy, or .npz with one array.
    #[arg(required = true, value_name = "PREDICTION")]
    pub(super) predictions: Vec<PathBuf>,
    /// The table to write: .csv or .tsv.
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// Another prediction of the same case with its own trace, such as a mirrored copy; repeatable.
    #[arg(long, num_args = 2, value_names = ["TRACE", "PREDICTION"])]
    pub(super) with: Vec<PathBuf>,
    /// Weights of the predictions in their order, then those of --with [default: equal].
    #[arg(long, value_name = "W,W,…", default_value = "", hide_default_value = true)]
    pub(super) weights: Weights,
    /// The input whose path begins the row [default: the image].
    #[arg(long, value_name = "KEY")]
    pub(super) volume: Option<String>,
    /// Append the row if the table exists.
    #[arg(long, conflicts_with = "overwrite")]
    pub(super) append: bool,
    /// Replace an existing table.
    #[arg(long)]
    pub(super) overwrite: bool,
    /// Print one JSON document on standard output.
    #[arg(long)]
    pub(super) json: bool,
}

/// Writes what a model says of a whole image as a row of a table.
pub(super) fn run(args: &Args) -> Outcome {
    let trace = load(&args.trace, Onto::Slices)?;
    let named = |e: revoxel_invert::TraceError| Failure::about(&args.trace, e);
    let key = match &args.volume {
        Some(key) => key,
        None => trace.main_volume().map_err(named)?,
    };
    let output = &args.output;
    args.weights.one_each().map_err(Failure::usage)?;
    separator_of(output).map_err(Failure::usage)?;
    if !args.append {
        show::free(output, args.overwrite)?;
    }
    let inputs = args.predictions.iter().chain(&args.with).map(|file| (file.as_path(), "an input"));
    show::apart(output, &inputs.chain([(args.trace.as_path(), "the trace")]).collect::<Vec<_>>())?;
    let mut files = args.predictions.clone();
    for pair in args.with.chunks_exact(2) {
        let other = load(&pair[0], Onto::Slices)?;
        if other.case != trace.case {
            let problem = format!(
                "{}: a trace of case {:?}, but the first is of case {:?}: scores of different cases are not averaged; \
                 write one row per case with --append",
                pair[0].display(),
                other.case,
                trace.case
            );
            return Err(Failure::usage(problem));
        }
        files.push(pair[1].clone());
    }
    if !args.weights.is_empty() && args.weights.len() != files.len() {
        let weights = show::counted(args.weights.len(), "weight");
        let problem = format!("--weights: {weights} for {}", show::counted(files.len(), "prediction"));
        return Err(Failure::usage(problem));
    }
    let member = |(number, path): (usize, PathBuf)| {
        let weight = args.weights.get(number).copied().unwrap_or(1.0);
        read(&path).map(|values| (path, values, weight))
    };
    let members: Vec<_> =
        files.into_iter().enumerate().map(member).collect::<Result<_, _>>().map_err(Failure::usage)?;
    let scores = mean(&members).map_err(Failure::usage)?;
    let source = &trace.volume(key).map_err(|e| Failure::about(&args.trace, e))?.source.path;
    make_folder_of(output).map_err(Failure::work)?;
    let done = if args.append { append(output, source, &scores) } else { write(output, source, &scores) };
    done.map_err(|e| match e {
        ScoresError::Twice { .. }
        | ScoresError::Columns { .. }
        | ScoresError::NoFile(_)
        | ScoresError::Table { .. } => Failure::usage(e),
        _ => Failure::work(e),
    })?;
    if args.json {
        return show::json(&json!({
            "case": trace.case,
            "volume": key,
            "source": source,
            "output": output,
            "predictions": members.len(),
            "scores": scores,
        }));
    }
    let how = if members.len() > 1 { format!(", mean of {}", members.len()) } else { String::new() };
    say!("{}: {} of {source}{how}", output.display(), show::counted(scores.len(), "number"));
    Ok(())
}
