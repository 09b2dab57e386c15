//! `revoxel invert --scores`

use std::path::PathBuf;

use revoxel_invert::Trace;
use revoxel_runner::files::make_folder_of;
use revoxel_runner::scores::{ScoresError, append, mean, read, separator_of, write};
use serde_json::json;

use super::super::failure::{Failure, Outcome};
use super::super::show;
use super::{Args, load};

/// Writes what a model says of a whole image as a row of a table.
pub(super) fn run(args: &Args, trace: &Trace, key: &str) -> Outcome {
    let Some(output) = &args.output else {
        return Err(Failure::usage("where to? Say -o FILE"));
    };
    separator_of(output).map_err(Failure::usage)?;
    if !args.append {
        show::free(output, args.overwrite)?;
    }
    let mut files = args.predictions.clone();
    for pair in args.with.chunks_exact(2) {
        let other = load(&pair[0], args.onto)?;
        if other.case != trace.case {
            let problem = format!(
                "{}: a trace of {:?}, but the first one is of {:?}: what is said of several cases is not averaged; \
                 write each with --append",
                pair[0].display(),
                other.case,
                trace.case
            );
            return Err(Failure::usage(problem));
        }
        files.push(pair[1].clone());
    }
    if !args.weights.is_empty() && args.weights.len() != files.len() {
        return Err(Failure::usage(format!("{} weights for {} predictions", args.weights.len(), files.len())));
    }
    let member = |(number, path): (usize, PathBuf)| {
        let weight = args.weights.get(number).copied().unwrap_or(1.0);
        read(&path).map(|values| (path, values, weight))
    };
    let members: Vec<_> =
        files.into_iter().enumerate().map(member).collect::<Result<_, _>>().map_err(Failure::usage)?;
    let scores = mean(&members).map_err(Failure::usage)?;
    let source = &trace.volume(key).map_err(|e| Failure::usage(format!("{}: {e}", args.trace.display())))?.source.path;
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
    say!("{}: {} numbers of {source}{how}", output.display(), scores.len());
    Ok(())
}
