//! `revoxel info`

use std::path::PathBuf;

use revoxel_core::{Affine, Frame, Grid, Orientation};
use revoxel_io::dicom::{DicomScan, LabelsReport, SeriesReport};
use revoxel_io::{ComplexPolicy, FileInfo, LabelName, ReadOptions};
use revoxel_runner::limits::options;
use revoxel_runner::problem::Setting;
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::flags;
use super::reading::{complex, spacing};
use super::show;

/// Show the geometry of volume files, and every series of DICOM folders and archives with gaps, tilt and skipped
/// files. World positions are in RAS and LPS, in mm.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Volume files, DICOM folders or archives of DICOM files.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Also show the shape and affine in another orientation, such as IAR.
    #[arg(long, value_name = "AXCODES")]
    orientation: Option<Orientation>,
    /// Complex voxels: error, or channels for the real and the imaginary part.
    #[arg(long, value_parser = complex, default_value = "error")]
    complex: ComplexPolicy,
    /// Voxel size in mm of TIFF, PNG and JPEG files, which do not store it, such as 0.5,0.5,2.
    #[arg(long, value_name = "X,Y,Z", value_parser = spacing)]
    spacing: Option<[f64; 3]>,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut documents = Vec::new();
    let mut failed = false;
    for path in &args.paths {
        let name = path.to_string_lossy();
        let problem = match revoxel_io::format_of(path) {
            Ok("dicom") => match revoxel_io::dicom::scan(path, &options()) {
                Ok(scan) => {
                    let of_series: Vec<Value> = scan.series.iter().map(series_document).collect();
                    let mut document = json!({ "path": path, "format": "dicom", "series": of_series, "labels": scan.labels, "skipped": scan.skipped });
                    if !args.json {
                        show::text(&series(&name, &scan))?;
                    }
                    let is_empty = scan.series.is_empty() && scan.labels.is_empty();
                    // Reading says best why there is nothing.
                    if let Some(problem) = is_empty.then(|| revoxel_io::info_with(path, &options()).err()).flatten() {
                        say!("{problem}");
                        document["error"] = problem.to_string().into();
                    }
                    failed |= is_empty;
                    documents.push(document);
                    continue;
                }
                Err(error) => error,
            },
            Ok(_) => match revoxel_io::info_with(
                path,
                &ReadOptions { complex: args.complex, spacing: args.spacing, ..options() },
            ) {
                Ok(info) => {
                    if args.json {
                        documents.push(document(&name, &info, args.orientation));
                    } else {
                        show::text(&people(&name, &info))?;
                        if let Some(orientation) = args.orientation {
                            show::text(&seen(&info.grid, orientation))?;
                        }
                    }
                    continue;
                }
                Err(error) => error,
            },
            Err(error) => error,
        };
        failed = true;
        let problem = flags::with(&problem, &flags::settings(&problem));
        say!("{problem}");
        documents.push(json!({ "path": path, "error": problem }));
    }
    if args.json {
        show::json(&documents)?;
    }
    if failed { Err(Failure::told().with_code(2)) } else { Ok(()) }
}

fn document(path: &str, info: &FileInfo, orientation: Option<Orientation>) -> Value {
    let seen = orientation.map(|o| {
        let grid = reoriented(&info.grid, o);
        let matrix = o.world_from_ras().after(grid.affine());
        json!({ "system": o.to_string(), "grid": show::grid(&grid), "affine_in_system": matrix.rows() })
    });
    let names = info.facts.label_names();
    let labels: Vec<Value> = names
        .iter()
        .map(|(label, LabelName { name, color })| match color {
            Some(color) => json!({ "label": label, "name": name, "color": color }),
            None => json!({ "label": label, "name": name }),
        })
        .collect();
    json!({
        "path": path,
        "format": info.format,
        "dtype_stored": info.stored.name(),
        "dtype": info.dtype.name(),
        "channels": info.channels,
        "grid": show::grid(&info.grid),
        "facts": info.facts,
        "labels": labels,
        "seen": seen,
        "warnings": info.warnings.iter().map(flags::warning).collect::<Vec<_>>(),
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
    for (number, (label, LabelName { name, .. })) in info.facts.label_names().iter().enumerate() {
        text.push_str(&format!("  {:<12} {label} {name:?}\n", if number == 0 { "labels" } else { "" }));
    }
    for warning in &info.warnings {
        text.push_str(&format!("  note         {}\n", flags::warning(warning)));
    }
    text
}

fn geometry(grid: &Grid) -> String {
    let ([x, y, z], s, lps) = (grid.shape(), grid.spacing(), Frame::Lps.affine_from_ras(grid.affine()));
    let (low, high) = grid.bounds();
    let extent = [0, 1, 2].map(|a| s[a] * grid.shape()[a] as f64);
    let shape = if grid.is_planar() { format!("{x} × {y} (2-D)") } else { format!("{x} × {y} × {z}") };
    let mut text = format!("  shape        {shape}\n");
    text.push_str(&format!("  spacing      {:.6} × {:.6} × {:.6} mm\n", s[0], s[1], s[2]));
    text.push_str(&format!("  extent       {:.2} × {:.2} × {:.2} mm\n", extent[0], extent[1], extent[2]));
    text.push_str(&format!("  orientation  {} (positive ends of the axes)\n", grid.orientation()));
    let origins = (show::point(grid.origin()), show::point(lps.translation()));
    text.push_str(&format!("  origin       RAS {}, LPS {}\n", origins.0, origins.1));
    for (row, name) in lps.direction().iter().zip(["direction LPS", "", ""]) {
        text.push_str(&format!("  {name:<13}{:>10.6} {:>10.6} {:>10.6}\n", row[0], row[1], row[2]));
    }
    text.push_str(&format!("  bounds RAS   {} to {}\n", show::point(low), show::point(high)));
    if grid.affine().shear() > 1e-6 {
        text.push_str(&format!("  shear        {:.3}° from orthogonal\n", grid.affine().shear().asin().to_degrees()));
    }
    text
}

/// The grid with its axes turned.
fn reoriented(grid: &Grid, orientation: Orientation) -> Grid {
    let op = revoxel_core::GridOp::Reorient(grid.turn_to(&orientation));
    // Turning the slice axis of a 2-D grid into its plane is refused, so it is turned as a volume.
    let solid = Grid::new(grid.shape(), *grid.affine()).unwrap_or(*grid);
    op.after(&solid).unwrap_or(*grid).planar_like(grid)
}

fn seen(grid: &Grid, orientation: Orientation) -> String {
    let grid = reoriented(grid, orientation);
    let matrix: Affine = orientation.world_from_ras().after(grid.affine());
    let [x, y, z] = grid.shape();
    let mut text = format!("  as {orientation}       shape {x} × {y} × {z}; voxel → {orientation} mm\n");
    for row in matrix.rows() {
        let numbers = row.map(|v| format!("{:>12.6}", if v.abs() < 5e-7 { 0.0 } else { v }));
        text.push_str(&format!("               {}\n", numbers.join(" ")));
    }
    text
}

/// What helps to read a series, with our options.
fn advice(series: &SeriesReport) -> Option<String> {
    let settings: Vec<Setting> = series.settings.iter().copied().map(Setting::File).collect();
    Some(flags::with(series.advice?, &settings))
}

/// A series of a DICOM folder or archive, for programs.
fn series_document(series: &SeriesReport) -> Value {
    let mut document = json!(series);
    if let Some(advice) = advice(series) {
        document["advice"] = advice.into();
    }
    document
}

/// The series of a DICOM folder or archive, for people.
fn series(path: &str, scan: &DicomScan) -> String {
    let more = match scan.labels.len() {
        0 => String::new(),
        n => format!(", {}", show::counted(n, "label set")),
    };
    let mut text = format!("{path}\n  format       DICOM, {} series{}\n", scan.series.len(), more);
    // What helps is said once, however many series it helps.
    let mut all: Vec<String> = Vec::new();
    for series in &scan.series {
        text.push_str(&one_series(series));
        all.extend(advice(series).filter(|said| !all.contains(said)));
    }
    for said in all {
        text.push_str(&format!("  help         {said}\n"));
    }
    for labels in &scan.labels {
        text.push_str(&one_of_labels(labels));
    }
    for skipped in &scan.skipped {
        text.push_str(&format!("  skipped      {}: {}\n", skipped.path.display(), skipped.reason));
    }
    text
}

/// A segmentation or structure set, for people.
fn one_of_labels(labels: &LabelsReport) -> String {
    let mut text =
        format!("  series {}     {} {:?}, read with --kind label\n", labels.number, labels.what, labels.description);
    text.push_str(&format!("    file       {}\n    uid        {}\n", labels.path.display(), labels.uid));
    for reference in &labels.references {
        text.push_str(&format!("    refers to  {reference}\n"));
    }
    for label in &labels.labels {
        let property = label.property.as_ref().map_or_else(String::new, |code| format!(", {code}"));
        text.push_str(&format!("    {:<10} {:?}{property}\n", label.number, label.name));
    }
    if let Some(problem) = &labels.problem {
        text.push_str(&format!("    problem    {problem}\n"));
    }
    text
}

fn one_series(series: &SeriesReport) -> String {
    let part = series.part.as_ref().map_or_else(String::new, |part| format!(", {part}"));
    let number = series.series_number.map_or_else(String::new, |number| format!(" (number {number})"));
    let mut text =
        format!("  series {}     {} {:?}{number}{part}\n", series.number, series.modality, series.description);
    text.push_str(&format!("    uid        {}\n", series.uid));
    let frames = if series.frames > 1 { format!(" × {} frames", series.frames) } else { String::new() };
    let [columns, rows] = series.size;
    text.push_str(&format!(
        "    images     {columns} × {rows} × {}{frames} in {}",
        show::counted(series.slices, "slice"),
        show::counted(series.files, "file")
    ));
    text.push_str(&format!(", {}\n", series.transfer_syntax));
    if let Some(geometry) = &series.geometry {
        let (s, affine) = (geometry.spacing, Affine::from_rows(geometry.affine));
        text.push_str(&format!("    spacing    {:.6} × {:.6} × {:.6} mm\n", s[0], s[1], s[2]));
        let lps = Frame::Lps.point_from_ras(affine.translation());
        text.push_str(&format!("    axes       {}\n", Orientation::closest(&affine)));
        text.push_str(&format!("    origin     RAS {}, LPS {}\n", show::point(affine.translation()), show::point(lps)));
        if geometry.tilt_degrees != 0.0 {
            text.push_str(&format!("    tilt       {:.2}°\n", geometry.tilt_degrees));
        }
        for gap in &geometry.gaps {
            text.push_str(&format!("    gap        {gap}\n"));
        }
        for missing in &geometry.missing {
            text.push_str(&format!("    missing    {missing}\n"));
        }
    }
    for note in &series.notes {
        text.push_str(&format!("    note       {note}\n"));
    }
    if let Some(problem) = &series.problem {
        text.push_str(&format!("    problem    {problem}\n"));
    }
    text
}
