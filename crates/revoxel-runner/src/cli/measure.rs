//! `revoxel measure`

mod peaks;

use std::path::PathBuf;

use revoxel_core::Kind;
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::show;
use super::table::table;
use crate::measure::{LabelMeasures, measure};

/// Measure each label of a label map, in physical units: right on oblique and sheared grids too. With --peaks: find the
/// peaks of a map of probabilities.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A label map; with --peaks a map of probabilities, or of any numbers.
    #[arg(value_name = "FILE")]
    labels: PathBuf,
    /// One JSON document instead of a table.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Comma-separated values instead of a table.
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    peaks: peaks::PeakArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    if args.peaks.peaks {
        return peaks::run(args);
    }
    let loaded = revoxel_io::read(&args.labels, Kind::Label).map_err(Failure::work)?;
    let found = measure(&loaded.volume);
    if args.json {
        let labels: Vec<Value> = found.iter().map(document).collect();
        return show::json(&json!({ "path": args.labels, "grid": show::grid(loaded.volume.grid()), "labels": labels }));
    }
    if args.csv {
        return show::text(&csv(&found));
    }
    let head = ["label", "voxels", "mm³", "ml", "longest mm", "across mm", "centroid RAS", "centroid LPS"];
    let row = |m: &LabelMeasures| {
        vec![
            m.label.to_string(),
            m.voxels.to_string(),
            format!("{:.1}", m.mm3),
            format!("{:.3}", m.mm3 / 1000.0),
            format!("{:.2}", m.diameter.long_mm),
            format!("{:.2}", m.diameter.short_mm),
            show::point(m.centroid_ras),
            show::point(m.centroid_lps()),
        ]
    };
    show::text(&table(&head, &found.iter().map(row).collect::<Vec<_>>()))
}

fn document(m: &LabelMeasures) -> Value {
    let d = &m.diameter;
    json!({
        "label": m.label,
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
                    longest_diameter_mm,short_axis_mm,diameter_slice\n"
        .to_owned();
    for m in found {
        let (s, e, c, d) = (m.bounds.start, m.bounds.end(), m.centroid_ras, &m.diameter);
        text.push_str(&format!("{},{},{},{},", m.label, m.voxels, m.mm3, m.mm3 / 1000.0));
        text.push_str(&format!("{},{},{},{},{},{},{},{},{},", s[0], s[1], s[2], e[0], e[1], e[2], c[0], c[1], c[2]));
        text.push_str(&format!("{},{},{}\n", d.long_mm, d.short_mm, d.slice));
    }
    text
}
