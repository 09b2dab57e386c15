//! `revoxel schema`

use revoxel_transforms::Registry;

use super::failure::Outcome;
use super::show;

/// Print the JSON Schema of pipeline files, for editors that complete and check while one types.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args) -> Outcome {
    show::json(&revoxel_pipeline::schema(&Registry::builtin()))
}
