//! Printing answers.

use std::io::Write;

use revoxel_core::{Frame, Grid};
use serde::Serialize;
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};

/// Prints text on standard output. A reader that has gone away is no error.
pub(super) fn text(text: &str) -> Outcome {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::work(e)),
        _ => Ok(()),
    }
}

/// Prints one JSON document on standard output.
pub(super) fn json(value: &impl Serialize) -> Outcome {
    let mut document = serde_json::to_string_pretty(value).map_err(Failure::work)?;
    document.push('\n');
    text(&document)
}

/// A grid as data: RAS+ mm, and what ITK would call origin and direction in LPS+.
pub(super) fn grid(grid: &Grid) -> Value {
    let lps = Frame::Lps.affine_from_ras(grid.affine());
    let (low, high) = grid.bounds();
    let [a, b, c] = grid.affine().rows();
    let mut document = json!({
        "shape": grid.shape(),
        "spacing_mm": grid.spacing(),
        "orientation": grid.orientation().to_string(),
        "affine_ras": [a, b, c, [0.0, 0.0, 0.0, 1.0]],
        "origin_ras": grid.origin(),
        "origin_lps": lps.translation(),
        "direction_lps": lps.direction(),
        "bounds_ras": [low, high],
        "voxel_mm3": grid.voxel_volume(),
        "shear": grid.affine().shear(),
    });
    if grid.is_planar() {
        document["planar"] = true.into();
    }
    document
}

/// A point with three decimals.
pub(super) fn point(p: [f64; 3]) -> String {
    // Rounded zeros have no sign.
    let [x, y, z] = p.map(|v| if v.abs() < 5e-4 { 0.0 } else { v });
    format!("({x:.3}, {y:.3}, {z:.3})")
}
