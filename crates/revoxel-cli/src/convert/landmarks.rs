//! `revoxel convert POINTS --like SCAN`

use std::path::Path;

use revoxel_core::Kind;
use revoxel_io::{Head, ReadOptions};
use revoxel_runner::files::{make_folder_of, read_text};
use revoxel_runner::kept::{Kept, Written};
use revoxel_runner::points::Document;
use revoxel_runner::points::marks::label_map;
use serde_json::json;

use super::super::failure::{Failure, Outcome};
use super::super::{flags, show};
use super::Args;

/// Writes a label map of the points of a file on the grid of a scan.
pub(super) fn run(args: &Args, output: &Path, scan: &Path, options: &ReadOptions) -> Outcome {
    let text = read_text(&args.input).map_err(Failure::usage)?;
    let document = Document::parse(&args.input, &text).map_err(Failure::usage)?;
    let info = revoxel_io::info_with(scan, options).map_err(Failure::usage)?;
    for warning in &info.warnings {
        tracing::warn!("{}: {}", scan.display(), flags::warning(warning));
    }
    if info.slices.is_some() {
        let problem = "slices are unevenly spaced: convert it with --slices regularize, and pass the result to --like";
        return Err(Failure::usage(format!("{}: {problem}", scan.display())));
    }
    let (volume, voxels) = label_map(&args.input, &document, args.space, &info.grid).map_err(Failure::usage)?;
    let written = Written { path: output, key: "landmarks", kind: Kind::Label, head: &Head::of(&volume) };
    let kept = Kept::of_mask(&written, &info.facts, info.channels);
    make_folder_of(output).map_err(Failure::work)?;
    let warnings = revoxel_io::write(output, &volume, &kept.facts).map_err(Failure::work)?;
    for warning in &warnings {
        tracing::warn!("{}: {warning}", output.display());
    }
    if args.json {
        let points = document.items().iter().zip(&voxels).enumerate();
        return show::json(&json!({
            "input": args.input,
            "like": scan,
            "output": output,
            "dtype": volume.dtype().name(),
            "grid": show::grid(volume.grid()),
            "landmarks": points.map(|(i, (item, voxel))| json!({ "label": i + 1, "name": item.name, "index": voxel }))
                .collect::<Vec<_>>(),
        }));
    }
    let landmarks = show::counted(voxels.len(), "landmark");
    say!("{}: {landmarks}, {}, {}", output.display(), volume.dtype(), volume.grid());
    Ok(())
}
