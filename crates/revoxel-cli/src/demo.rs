//! `revoxel demo`

use std::path::PathBuf;

use revoxel_runner::demo::{DemoRow, run_in};
use serde_json::json;

use super::failure::{Failure, Outcome};
use super::show;
use super::table::table;

/// Make a phantom of known volumes, run a shipped pipeline on it, make a mock prediction, invert it with the trace
/// alone, and measure the labels at every stage.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A new or empty folder for the files.
    folder: PathBuf,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let folder = &args.folder;
    if folder.exists() && std::fs::read_dir(folder).map_err(Failure::usage)?.next().is_some() {
        let problem = format!("{} is not empty: pass a new or empty folder", folder.display());
        return Err(Failure::usage(problem));
    }
    let demo = run_in(folder).map_err(Failure::work)?;
    if args.json {
        let rows = demo.rows.iter().map(|r| {
            json!({
                "label": r.label,
                "name": r.name,
                "true_mm3": r.truth,
                "source_mm3": r.source,
                "preprocessed_mm3": r.preprocessed,
                "inverted_mm3": r.inverted,
                "dice": r.dice,
            })
        });
        return show::json(
            &json!({ "files": demo.files, "grid_restored": demo.same_grid, "labels": rows.collect::<Vec<_>>() }),
        );
    }
    let row = |r: &DemoRow| {
        vec![
            r.label.to_string(),
            r.name.to_owned(),
            format!("{:.0}", r.truth),
            format!("{:.0}", r.source),
            format!("{:.0}", r.preprocessed),
            format!("{:.0}", r.inverted),
            format!("{:.4}", r.dice),
        ]
    };
    let head = ["label", "name", "true mm³", "source mm³", "preprocessed mm³", "inverted mm³", "Dice with source"];
    let rows: Vec<Vec<String>> = demo.rows.iter().map(row).collect();
    for (file, about) in &demo.files {
        say!("{:<44} {about}", file.display());
    }
    say!(
        "grid of the inverted prediction: {}\n",
        if demo.same_grid { "the source's, bit for bit" } else { "NOT the source's" }
    );
    show::text(&table(&head, &rows))
}
