//! `revoxel points`

use std::path::PathBuf;

use revoxel_invert::PointMap;
use revoxel_invert::points::{Side, Space, Status};
use revoxel_runner::files::{make_folder_of, read_text, write_text};
use revoxel_runner::points::{Document, Mapped, Shape, as_csv, form_of};
use serde_json::json;

use super::failure::{Failure, Outcome};
use super::show;
use super::slices::Onto;
use super::trace_file::load;

/// Bring points and boxes back onto the scan that their case came from, or with --forward from the scan to the model's
/// grid. What the model never saw is said.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The trace that `run` wrote for the case.
    pub(super) trace: PathBuf,
    /// A file of points or boxes: .csv, .json, .mrk.json or .fcsv.
    #[arg(value_name = "POINTS")]
    pub(super) input: PathBuf,
    /// Where to write them: a file of the same form, or a .csv.
    #[arg(short, long)]
    pub(super) output: PathBuf,
    /// The input whose grid they go back to; the case's image by default.
    #[arg(long, value_name = "KEY")]
    pub(super) volume: Option<String>,
    /// From the source to the model, instead of back.
    #[arg(long)]
    pub(super) forward: bool,
    /// What the numbers are where the file does not say: index (voxels), ras or lps (mm).
    #[arg(long)]
    pub(super) space: Option<Space>,
    /// What the numbers become: index, ras or lps; as they are by default.
    #[arg(long)]
    pub(super) to: Option<Space>,
    /// Where the source's slices lie unevenly: onto these slices, or onto the regular grid that the pipeline made of them.
    #[arg(long, value_enum, default_value = "slices")]
    pub(super) onto: Onto,
    /// Replace a file that is there already.
    #[arg(long)]
    pub(super) overwrite: bool,
    /// One JSON document on standard output.
    #[arg(long)]
    pub(super) json: bool,
}

/// Maps a file of points and boxes.
pub(super) fn run(args: &Args) -> Outcome {
    let trace = load(&args.trace, args.onto)?;
    let named = |e: revoxel_invert::TraceError| Failure::usage(format!("{}: {e}", args.trace.display()));
    let key = match &args.volume {
        Some(key) => key,
        None => trace.main_volume().map_err(named)?,
    };
    let record = trace.volume(key).map_err(named)?;
    let Args { input, output, .. } = args;
    show::free(output, args.overwrite)?;
    let (from, to) = (form_of(input), form_of(output));
    if to.is_none() || (from != to && to != Some("csv")) {
        let problem = format!(
            "{}: points of {} are written to a file of the same form, or to a .csv",
            output.display(),
            input.display()
        );
        return Err(Failure::usage(problem));
    }
    let text = read_text(input).map_err(Failure::usage)?;
    let document = Document::parse(input, &text).map_err(Failure::usage)?;
    let map = PointMap::new(record).map_err(|e| Failure::usage(format!("{}: {e}", args.trace.display())))?;
    let side = if args.forward { Side::Native } else { Side::Model };
    if (from, args.to) == (Some("markups"), Some(Space::Index)) && from == to {
        return Err(Failure::usage("markups are in mm: use --to ras or lps, or write a .csv"));
    }
    let mapped = document.map(&map, side, args.space, args.to).map_err(Failure::usage)?;
    let text = if from == to { document.text(&mapped, args.to) } else { as_csv(&mapped, args.to) };
    make_folder_of(output).map_err(Failure::work)?;
    write_text(output, &text).map_err(Failure::work)?;
    let count = |status| mapped.iter().filter(|m| m.status == status).count();
    if args.json {
        return show::json(&json!({
            "case": trace.case,
            "volume": key,
            "output": output,
            "direction": if args.forward { "forward" } else { "back" },
            "places": mapped.iter().map(|m| json!({
                "name": m.item.name,
                "from": numbers(&m.item.shape),
                "from_space": m.item.space.map(|s| s.name()),
                "to": numbers(&m.shape),
                "to_space": args.to.or(m.item.space).map(|s| s.name()),
                "status": m.status.name(),
            })).collect::<Vec<_>>(),
        }));
    }
    let target = if args.forward { "the model's grid" } else { record.source.path.as_str() };
    say!("{}: {} places on {target}", output.display(), mapped.len());
    for (status, what) in [
        (Status::Outside, "not in the source"),
        (Status::Unseen, "in the source, but the model never saw them"),
        (Status::Partly, "seen by the model in part"),
    ] {
        let first: Vec<&str> = of(&mapped, status).take(5).map(|m| m.item.name.as_str()).collect();
        if !first.is_empty() {
            say!("  {} {what}: {}{}", count(status), first.join(", "), if count(status) > 5 { ", …" } else { "" });
        }
    }
    Ok(())
}

fn of(mapped: &[Mapped], status: Status) -> impl Iterator<Item = &Mapped> {
    mapped.iter().filter(move |m| m.status == status)
}

fn numbers(shape: &Shape) -> Vec<f64> {
    match shape {
        Shape::Point(p) => p.to_vec(),
        Shape::Box(b) => [b.low, b.high].concat(),
    }
}
