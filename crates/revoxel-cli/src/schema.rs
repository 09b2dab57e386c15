//! `revoxel schema`

use super::failure::Outcome;
use super::show;

/// Print the JSON Schema of pipeline files, for editors that complete and check while one types.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print the JSON Schema of trace files instead.
    #[arg(long)]
    trace: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    show::json(&match args.trace {
        true => revoxel_invert::schema(),
        false => revoxel_pipeline::schema(&revoxel::registry()),
    })
}
