//! All predictions of a run, checked before the first result is written.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use revoxel_invert::Trace;
use revoxel_runner::files::read_text;
use revoxel_runner::places::{Places, place};

use super::super::failure::{Failure, Outcome};
use super::super::run::listed;
use super::Args;
use super::prepared::{check_heads, prepare};

/// A case to bring back.
pub(super) struct Work {
    /// The case.
    pub(super) case: String,
    /// What is asked for, as for this case alone.
    pub(super) args: Args,
    /// The file to write.
    pub(super) output: PathBuf,
    /// The memory that it takes, about.
    pub(super) memory: u64,
}

/// What keeps each case from being brought back, as far as traces and headers tell.
pub(super) fn check(work: &[Work]) -> Vec<Option<String>> {
    let one = |work: &Work| {
        let checked = prepare(&work.args).and_then(|prepared| check_heads(&work.args, &prepared));
        checked.and_then(|()| can_be_made(&work.output)).err().map(|failure| failure.message_with_help())
    };
    work.par_iter().map(one).collect()
}

/// Whether the folder of a result is there, or can be made.
fn can_be_made(output: &Path) -> Outcome {
    let there = output.ancestors().skip(1).find(|folder| folder.exists() && !folder.as_os_str().is_empty());
    let there = there.unwrap_or(Path::new("."));
    let refused = |why: &str| {
        Err(Failure::usage(format!("{}: cannot be written, because {} {why}", output.display(), there.display())))
    };
    match std::fs::metadata(there) {
        Ok(folder) if !folder.is_dir() => refused("is not a folder"),
        Ok(folder) if folder.permissions().readonly() => refused("is read-only"),
        _ => Ok(()),
    }
}

/// Refuses results that are there already, two of one place, and results in the place of a file that is read or that the
/// run wrote. `replaces` says whether results may be replaced.
pub(super) fn check_outputs(args: &Args, work: &[Work], replaces: bool) -> Outcome {
    let mut places = Places::default();
    for Work { args: of_case, .. } in work {
        read_of(&mut places, of_case, &args.trace);
    }
    let mut problems = Vec::new();
    for Work { case, output, .. } in work {
        if let Err(problem) = places.add(output, &format!("the result of case {case}")) {
            problems.push(problem);
        } else if output.exists() && !replaces {
            problems.push(format!("{} exists already: pass --overwrite to replace it, or --resume", output.display()));
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Failure::usage(listed("nothing was written", &problems))),
    }
}

/// The files that a case is read from, and those that the run wrote for it.
fn read_of(places: &mut Places, of_case: &Args, out: &Path) {
    let pairs = of_case.with.chunks_exact(2);
    let traces: Vec<&PathBuf> = [&of_case.trace].into_iter().chain(pairs.clone().map(|pair| &pair[0])).collect();
    let predictions = of_case.predictions.iter().chain(pairs.map(|pair| &pair[1]));
    for trace in traces {
        let read = read_text(trace).ok().and_then(|text| Trace::from_json(&text).ok());
        for volume in read.iter().flat_map(|trace| trace.volumes.values()) {
            if let Some(path) = &volume.result.path {
                places.read(&out.join(path), &[], "an output of the run");
            }
        }
        places.read(trace, &[], "a trace");
    }
    for prediction in predictions {
        let parts = revoxel_io::parts(prediction, &Default::default()).unwrap_or_default();
        places.read(&place(prediction), &parts, "a prediction");
    }
}
