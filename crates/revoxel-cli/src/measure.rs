//! `revoxel measure`

mod peaks;

use std::path::PathBuf;

use revoxel_core::Kind;
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::reading::{self, read_each};
use super::segments::SegmentArgs;
use super::show;
use super::table::table;
use revoxel_runner::measure::{LabelMeasures, measure};
use revoxel_runner::memory;
use revoxel_runner::slice_places::beside;
use revoxel_runner::whole::NEAR_WHOLE;

/// Up to here single precision holds all whole numbers.
const MOST_EXACT: i128 = 1 << 24;

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Measures are in physical units, also on oblique and sheared grids. Values within 0.001 of a whole number are that \
label; any other value is an error.

Examples:
  revoxel measure labels.nii.gz --csv
  revoxel measure heatmap.nii.gz --peaks --prob-threshold 0.3 --points peaks.csv";

/// Measure each label of a label map, channel by channel; or find the peaks of a probability map.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// A label map; with --peaks a probability map, or a map of other numbers.
    #[arg(value_name = "FILE")]
    labels: PathBuf,
    /// Print one JSON document instead of a table.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print comma-separated values instead of a table.
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    peaks: peaks::PeakArgs,
    #[command(flatten)]
    reading: reading::Args,
    #[command(flatten)]
    segments: SegmentArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    if args.peaks.peaks {
        return peaks::run(args);
    }
    let [loaded] = read_each([&args.labels], Some(Kind::Label), &args.reading, &args.segments.options())?;
    let path = args.labels.display();
    if beside(&args.labels).exists() {
        let places = beside(&args.labels);
        tracing::warn!(
            "{path}: its slices are unevenly spaced ({}), but measures follow the affine: measure the result of \
             `invert --onto regular` instead",
            places.display()
        );
    }
    memory::room(loaded.volume.voxels().bytes().len() as u64).map_err(|e| Failure::usage(format!("{path}: {e}")))?;
    let measured = measure(&loaded.volume).map_err(|e| {
        Failure::usage(format!(
            "{path}: {e}; labels are whole numbers: convert probabilities to labels first (`invert --argmax`, \
             `as_discrete`), or pass --peaks to find their peaks"
        ))
    })?;
    let (found, rounded) = (measured.labels, measured.rounded);
    let large = found.iter().map(|m| m.label).find(|label| label.abs() > MOST_EXACT);
    if let (Some(problem), Some(label)) = (show::rounded_by_reading(&loaded), large) {
        return Err(Failure::usage(format!("{path}: label {label}: {problem}; store the labels without a scale")));
    }
    if rounded.voxels > 0 {
        let (voxels, furthest) = (show::counted(rounded.voxels as usize, "value"), rounded.furthest);
        tracing::warn!(
            "{path}: rounded {voxels} to the nearest whole number; the largest difference is {furthest:.1e} (limit: \
             {NEAR_WHOLE})"
        );
    }
    let channels = loaded.volume.channels();
    if args.json {
        let labels: Vec<Value> = found.iter().map(document).collect();
        return show::json(&json!({
            "path": args.labels,
            "grid": show::grid(loaded.volume.grid()),
            "channels": channels,
            "rounded_voxels": rounded.voxels,
            "labels": labels,
        }));
    }
    if args.csv {
        return show::text(&csv(&found));
    }
    let head = ["channel", "label", "voxels", "mm³", "ml", "longest mm", "across mm", "centroid RAS", "centroid LPS"];
    // One channel needs no column.
    let first = usize::from(channels == 1);
    let row = |m: &LabelMeasures| {
        let cells = [
            m.channel.to_string(),
            m.label.to_string(),
            m.voxels.to_string(),
            format!("{:.1}", m.mm3),
            format!("{:.3}", m.mm3 / 1000.0),
            format!("{:.2}", m.diameter.long_mm),
            format!("{:.2}", m.diameter.short_mm),
            show::point(m.centroid_ras),
            show::point(m.centroid_lps()),
        ];
        cells[first..].to_vec()
    };
    show::text(&table(&head[first..], &found.iter().map(row).collect::<Vec<_>>()))
}

fn document(m: &LabelMeasures) -> Value {
    let d = &m.diameter;
    json!({
        "channel": m.channel,
        "label": show::label(m.label),
        "voxels": m.voxels,
        "mm3": m.mm3,
        "ml": m.mm3 / 1000.0,
        "box": { "start": m.bounds.start, "end": m.bounds.end() },
        "centroid_ras": m.centroid_ras,
        "centroid_lps": m.centroid_lps(),
        "longest_diameter_mm": d.long_mm,
        "short_axis_mm": d.short_mm,
        "diameter_slice": d.slice,
        "diameter_ends_ras": d.ends_ras,
    })
}

fn csv(found: &[LabelMeasures]) -> String {
    let mut text = "label,voxels,mm3,ml,start_i,start_j,start_k,end_i,end_j,end_k,centroid_r,centroid_a,centroid_s,\
                    longest_diameter_mm,short_axis_mm,diameter_slice,channel\n"
        .to_owned();
    for m in found {
        let (s, e, c, d) = (m.bounds.start, m.bounds.end(), m.centroid_ras, &m.diameter);
        text.push_str(&format!("{},{},{},{},", m.label, m.voxels, m.mm3, m.mm3 / 1000.0));
        text.push_str(&format!("{},{},{},{},{},{},{},{},{},", s[0], s[1], s[2], e[0], e[1], e[2], c[0], c[1], c[2]));
        text.push_str(&format!("{},{},{},{}\n", d.long_mm, d.short_mm, d.slice, m.channel));
    }
    text
}
