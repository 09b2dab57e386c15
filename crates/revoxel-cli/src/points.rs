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

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Examples:
  revoxel points case.json lesions.csv -o lesions-on-scan.csv
  revoxel points case.json landmarks.mrk.json --forward --to index -o landmarks.csv";

/// Map points and boxes back to the scan, or with --forward from the scan to the model's grid. Points outside the
/// region that the model saw are reported.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The trace that `run` wrote for the case.
    pub(super) trace: PathBuf,
    /// A file of points or boxes: .csv, .tsv, .json, .mrk.json or .fcsv.
    #[arg(value_name = "POINTS")]
    pub(super) input: PathBuf,
    /// The file to write, in the format of the input or as .csv.
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: PathBuf,
    /// The input whose grid the points refer to [default: the image].
    #[arg(long, value_name = "KEY")]
    pub(super) volume: Option<String>,
    /// Map from the scan to the model's grid, instead of back.
    #[arg(long)]
    pub(super) forward: bool,
    /// Coordinates of the input if the file does not state them: index (voxels), ras or lps (mm).
    #[arg(long)]
    pub(super) space: Option<Space>,
    /// Coordinates of the output: index, ras or lps [default: those of the input].
    #[arg(long)]
    pub(super) to: Option<Space>,
    /// Target grid for unevenly spaced slices.
    #[arg(long, value_enum, default_value = "slices")]
    pub(super) onto: Onto,
    /// Replace an existing file.
    #[arg(long)]
    pub(super) overwrite: bool,
    /// Print one JSON document on standard output.
    #[arg(long)]
    pub(super) json: bool,
}

/// Maps a file of points and boxes.
pub(super) fn run(args: &Args) -> Outcome {
    let trace = load(&args.trace, args.onto)?;
    let named = |e: revoxel_invert::TraceError| Failure::about(&args.trace, e);
    let key = match &args.volume {
        Some(key) => key,
        None => trace.main_volume().map_err(named)?,
    };
    let record = trace.volume(key).map_err(named)?;
    let Args { input, output, .. } = args;
    show::apart(output, &[(&args.trace, "the trace"), (input, "the input")])?;
    show::free(output, args.overwrite)?;
    let (from, to) = (form_of(input), form_of(output));
    if to.is_none() || (from != to && to != Some("csv")) {
        let problem = format!(
            "{}: points of {} can only be written in the same format or as .csv",
            output.display(),
            input.display()
        );
        return Err(Failure::usage(problem));
    }
    let text = read_text(input).map_err(Failure::usage)?;
    let document = Document::parse(input, &text).map_err(Failure::usage)?;
    let map = PointMap::new(record).map_err(|e| Failure::about(&args.trace, e))?;
    let side = if args.forward { Side::Native } else { Side::Model };
    if (from, args.to) == (Some("markups"), Some(Space::Index)) && from == to {
        return Err(Failure::usage("markups are in mm: pass --to ras or --to lps, or write a .csv"));
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
    say!("{}: {} on {target}", output.display(), show::counted(mapped.len(), "place"));
    for (status, what) in [
        (Status::Outside, "outside the source"),
        (Status::Unseen, "not seen by the model"),
        (Status::Partly, "partly seen by the model"),
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
