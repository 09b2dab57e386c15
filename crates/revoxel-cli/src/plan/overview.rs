//! The overview of a dataset, as text and as data.

use revoxel_core::{Fidelity, Grid};
use revoxel_runner::overview::{CaseOverview, Measure, Outlier, ResultGrid, Spreads, VolumeOverview};
use revoxel_transforms::Outline;
use serde_json::{Value, json};

use super::super::show;
use super::super::table::table;

/// The columns of the table.
const HEAD: [&str; 11] =
    ["case", "voxels", "mm", "axes", "→ voxels", "mm", "axes", "voxels are", "memory", "seconds", "written"];

/// The lines of a case: one for each of its volumes.
pub(super) fn lines(case: &CaseOverview) -> Vec<Vec<String>> {
    let line = |(number, volume): (usize, &VolumeOverview)| {
        let first = number == 0;
        let name = if first { case.name.to_string() } else { format!("  {}", volume.key) };
        let (source, end) = (of_grid(&volume.source), of_result(&volume.result));
        let mut cells = vec![name];
        cells.extend(source);
        cells.extend(end);
        let fidelity = if first { case.fidelity } else { volume.fidelity };
        cells.push(fidelity.map_or("by voxels", said).to_owned());
        if first {
            cells.extend([size(case.memory as f64), digits(case.seconds), size(case.bytes as f64)]);
        }
        cells
    };
    if let Some(why) = &case.skipped {
        return vec![vec![case.name.to_string(), format!("left out: {why}")]];
    }
    case.volumes.iter().enumerate().map(line).collect()
}

pub(super) fn table_of(lines: &[Vec<String>]) -> String {
    table(&HEAD, lines)
}

fn said(fidelity: Fidelity) -> &'static str {
    match fidelity {
        Fidelity::Exact => "exact",
        Fidelity::ExactInside => "exact inside",
        Fidelity::Lossy => "lossy",
    }
}

fn of_grid(grid: &Grid) -> [String; 3] {
    let [x, y, z] = grid.shape();
    let voxels = if grid.is_planar() { format!("{x}×{y}") } else { format!("{x}×{y}×{z}") };
    [voxels, millimetres(grid.spacing(), grid.is_planar()), grid.orientation().to_string()]
}

fn of_result(result: &ResultGrid) -> [String; 3] {
    let outline = result.outline();
    let planar = outline.is_some_and(|outline| outline.like().is_planar());
    let known = |text: Option<String>| text.unwrap_or_else(|| "by voxels".to_owned());
    let shape = outline.and_then(|o| o.shape());
    let shape = shape.map(|[x, y, z]| if planar { format!("{x}×{y}") } else { format!("{x}×{y}×{z}") });
    let spacing = outline.and_then(|o| o.spacing()).map(|mm| millimetres(mm, planar));
    let axes = outline.and_then(|o| o.orientation()).map(|axes| axes.to_string());
    [known(shape), known(spacing), known(axes)]
}

fn millimetres(spacing: [f64; 3], planar: bool) -> String {
    let axes = if planar { 2 } else { 3 };
    spacing[..axes].iter().map(|mm| number(*mm)).collect::<Vec<_>>().join("×")
}

/// A number with the digits that matter.
fn number(value: f64) -> String {
    let text = if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Seconds with two digits that matter, of less than a second.
fn digits(seconds: f64) -> String {
    match seconds {
        s if s < 0.1 => format!("{s:.3}"),
        s if s < 10.0 => format!("{s:.2}"),
        s => format!("{s:.0}"),
    }
}

/// An amount of bytes.
fn size(bytes: f64) -> String {
    let units = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    let unit = units.iter().find(|(_, unit)| bytes >= *unit);
    unit.map_or_else(|| format!("{bytes:.0} B"), |(name, unit)| format!("{:.1} {name}", bytes / unit))
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{} s", digits(s)),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// What a case needs, below its steps.
pub(super) fn needs(case: &CaseOverview) -> String {
    let (memory, written) = (size(case.memory as f64), size(case.bytes as f64));
    match case.skipped {
        Some(_) => String::new(),
        None => {
            format!("  needs at most {memory} of memory, about {}; writes about {written}\n", duration(case.seconds))
        }
    }
}

/// How the cases differ, and which are unlike most.
pub(super) fn spreads_text(spreads: &Spreads) -> String {
    const MOST: usize = 30;
    let measures = spreads.measures();
    if measures.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = measures.iter().map(row).collect();
    let mut text = format!("\n{}", table(&["R/L × A/P × S/I", "lowest", "median", "highest"], &rows));
    let counts = |counts: Vec<(String, usize)>| {
        counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
    };
    text.push_str(&format!("axes: {}; voxel types: {}\n", counts(spreads.axes()), counts(spreads.dtypes())));
    let (seconds, bytes) = spreads.total();
    text.push_str(&format!("all cases: about {}, {} written\n", duration(seconds), size(bytes)));
    let outliers = spreads.outliers();
    if !outliers.is_empty() {
        text.push_str("\nunlike most:\n");
    }
    let of_cases: Vec<&[Outlier]> = outliers.chunk_by(|a, b| a.case == b.case).collect();
    for of_case in of_cases.iter().take(MOST) {
        let what: Vec<&str> = of_case.iter().map(|outlier| outlier.what.as_str()).collect();
        text.push_str(&format!("  {}: {}\n", of_case[0].case, what.join("; ")));
    }
    if of_cases.len() > MOST {
        text.push_str(&format!("  … and {} more (--json lists all)\n", show::counted(of_cases.len() - MOST, "case")));
    }
    text
}

fn row(measure: &Measure) -> Vec<String> {
    let (name, shown): (&str, fn(f64) -> String) = match measure.name {
        "voxels" => ("voxels", number),
        "voxel_mm" => ("voxel size, mm", number),
        "extent_mm" => ("extent, mm", number),
        "result_voxels" => ("voxels of the result", number),
        "memory" => ("memory", size),
        "seconds" => ("seconds", digits),
        _ => ("written", size),
    };
    let joined = |numbers: &[f64]| numbers.iter().map(|n| shown(*n)).collect::<Vec<_>>().join(" × ");
    vec![name.to_owned(), joined(&measure.min), joined(&measure.median), joined(&measure.max)]
}

/// What a case costs, and what happens to its voxels, as data.
pub(super) fn estimate(case: &CaseOverview) -> Value {
    json!({
        "fidelity": case.fidelity.map(Fidelity::name),
        "memory_bytes": case.memory,
        "seconds": case.seconds,
        "written_bytes": case.bytes,
    })
}

pub(super) fn spreads_document(spreads: &Spreads) -> Value {
    let measure = |m: Measure| {
        let value = |numbers: Vec<f64>| if let [one] = numbers[..] { json!(one) } else { json!(numbers) };
        let numbers = json!({ "min": value(m.min), "median": value(m.median), "max": value(m.max) });
        (m.name.to_owned(), numbers)
    };
    let counts = |counts: Vec<(String, usize)>| counts.into_iter().map(|(k, n)| (k, Value::from(n))).collect::<Value>();
    let outliers = spreads.outliers().into_iter().map(|o| json!({ "case": o.case, "problem": o.what }));
    let (seconds, bytes) = spreads.total();
    json!({
        "spread": spreads.measures().into_iter().map(measure).collect::<Value>(),
        "axes": counts(spreads.axes()),
        "dtypes": counts(spreads.dtypes()),
        "total": { "seconds": seconds, "written_bytes": bytes },
        "outliers": outliers.collect::<Vec<_>>(),
    })
}

/// What is known of a grid, in a line.
pub(super) fn outline(outline: &Outline) -> String {
    let planar = outline.like().is_planar();
    let shape = outline.shape().map(|[x, y, z]| if planar { format!("{x}×{y} (2-D)") } else { format!("{x}×{y}×{z}") });
    let spacing = outline.spacing().map(|[x, y, z]| format!("{x:.4}×{y:.4}×{z:.4} mm"));
    let axes = outline.orientation().map(|axes| axes.to_string());
    [shape, spacing, axes].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub(super) fn outline_document(outline: &Outline) -> Value {
    json!({
        "shape": outline.shape(),
        "spacing_mm": outline.spacing(),
        "orientation": outline.orientation().map(|axes| axes.to_string()),
    })
}
