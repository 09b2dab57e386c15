//! `revoxel info`

use std::path::PathBuf;

use revoxel_core::{Frame, Grid};
use revoxel_io::FileInfo;
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::show;

/// Show the geometry of volume files. World positions are given in RAS and in LPS, in mm.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Volume files.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// One JSON document instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut documents = Vec::new();
    let mut failed = false;
    for path in &args.paths {
        match revoxel_io::info(path) {
            Ok(info) if args.json => documents.push(document(&path.to_string_lossy(), &info)),
            Ok(info) => show::text(&people(&path.to_string_lossy(), &info))?,
            Err(error) => {
                failed = true;
                documents.push(json!({ "path": path, "error": error.to_string() }));
                eprintln!("{error}");
            }
        }
    }
    if args.json {
        show::json(&documents)?;
    }
    if failed { Err(Failure::told()) } else { Ok(()) }
}

fn document(path: &str, info: &FileInfo) -> Value {
    json!({
        "path": path,
        "format": info.format,
        "dtype_stored": info.stored.name(),
        "dtype": info.dtype.name(),
        "channels": info.channels,
        "grid": show::grid(&info.grid),
        "facts": info.facts,
        "warnings": info.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn people(path: &str, info: &FileInfo) -> String {
    let mut text = format!("{path}\n  format       {}\n", info.format);
    let scaled = if info.stored == info.dtype { String::new() } else { format!(" (scaled to {})", info.dtype) };
    text.push_str(&format!("  voxels       {}{scaled}", info.stored));
    if info.channels > 1 {
        text.push_str(&format!(", {} channels", info.channels));
    }
    text.push('\n');
    text.push_str(&geometry(&info.grid));
    for warning in &info.warnings {
        text.push_str(&format!("  note         {warning}\n"));
    }
    text
}

fn geometry(grid: &Grid) -> String {
    let ([x, y, z], s, lps) = (grid.shape(), grid.spacing(), Frame::Lps.affine_from_ras(grid.affine()));
    let (low, high) = grid.bounds();
    let extent = [0, 1, 2].map(|a| s[a] * grid.shape()[a] as f64);
    let mut text = format!("  shape        {x} × {y} × {z}\n");
    text.push_str(&format!("  spacing      {:.6} × {:.6} × {:.6} mm\n", s[0], s[1], s[2]));
    text.push_str(&format!("  extent       {:.2} × {:.2} × {:.2} mm\n", extent[0], extent[1], extent[2]));
    text.push_str(&format!("  orientation  {} (letters: where the axes point to)\n", grid.orientation()));
    let origins = (show::point(grid.origin()), show::point(lps.translation()));
    text.push_str(&format!("  origin       RAS {}, LPS {}\n", origins.0, origins.1));
    for (row, name) in lps.direction().iter().zip(["direction LPS", "", ""]) {
        text.push_str(&format!("  {name:<13}{:>10.6} {:>10.6} {:>10.6}\n", row[0], row[1], row[2]));
    }
    text.push_str(&format!("  bounds RAS   {} to {}\n", show::point(low), show::point(high)));
    if grid.affine().shear() > 1e-6 {
        text.push_str(&format!(
            "  shear        {:.3}° off the right angle\n",
            grid.affine().shear().asin().to_degrees()
        ));
    }
    text
}
