//! `revoxel verify`

use std::path::PathBuf;

use rayon::prelude::*;
use revoxel_runner::verify::{Verified, traces, verify};
use serde_json::json;

use super::failure::{Failure, Outcome};
use super::progress::progress;
use super::show;

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Exit code 1 if a file is missing or has changed since it was written.

Examples:
  revoxel verify preprocessed";

/// Read all outputs again, and compare them with the hashes in their traces.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The output folder of a run.
    out: PathBuf,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let traces = traces(&args.out).map_err(|e| Failure::usage(format!("{}: {e}", args.out.display())))?;
    let bar = progress(traces.len(), "traces");
    let one = |path: &PathBuf| {
        let verified = verify(&args.out, path);
        bar.one();
        verified
    };
    let verified: Vec<Verified> = traces.par_iter().filter_map(one).collect();
    bar.end();
    if verified.is_empty() {
        return Err(Failure::usage(format!("{}: no traces in this folder", args.out.display())));
    }
    let files = verified.iter().map(|v| v.files).sum();
    let bad: Vec<&Verified> = verified.iter().filter(|v| !v.problems.is_empty()).collect();
    if args.json {
        let problems = bad.iter().map(|v| json!({ "trace": v.trace, "case": v.case, "problems": v.problems }));
        show::json(&json!({
            "out": args.out,
            "cases": verified.len(),
            "files": files,
            "problems": problems.collect::<Vec<_>>(),
        }))?;
    } else {
        for problem in bad.iter().flat_map(|v| &v.problems) {
            show::text(&format!("{problem}\n"))?;
        }
        let (cases, files) = (show::counted(verified.len(), "case"), show::counted(files, "file"));
        let verdict = match bad.len() {
            0 => "all as written".to_owned(),
            count => format!("{} not as written", show::counted(count, "case")),
        };
        show::text(&format!("{cases}, {files}: {verdict}\n"))?;
    }
    if bad.is_empty() { Ok(()) } else { Err(Failure::told()) }
}
