//! The even grid of a segmentation's own frames.

use revoxel_core::{Affine, Frame, Grid};

use super::super::plan::{Plan, SliceFrom};
use super::super::plane::Plane;
use super::super::vector::{add, dot, scaled, sub};
use super::target::Target;

/// Distances that differ by less are the same: this part of the usual one, or this many mm, whichever is more.
const TOLERANCE: f64 = 0.01;
const TOLERANCE_MM: f64 = 0.01;
/// So many slices may be empty for each that has a frame, and so many however few have one.
const MOST_EMPTY: f64 = 16.0;
const FREE_EMPTY: f64 = 1024.0;

/// The places of the slices, if the frames lie in even steps; slices without a frame are among them. Otherwise the
/// reason, in words.
pub(super) fn grid_of(planes: &[&Plane], size: [usize; 2]) -> Result<(Target, Plan), String> {
    let Some(first) = planes.first() else { return Err("it has no frame".to_owned()) };
    let normal = first.normal();
    let mut order: Vec<(f64, &Plane)> =
        planes.iter().map(|p| (dot(sub(p.position, first.position), normal), *p)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    order.dedup_by(|b, a| b.0 - a.0 < TOLERANCE_MM);
    let (lowest, highest) = (order[0], order[order.len() - 1]);
    let length = highest.0 - lowest.0;
    let said = lowest.1.thickness.map(|(mm, _)| mm);
    let mut gaps: Vec<f64> = order.windows(2).map(|w| w[1].0 - w[0].0).collect();
    gaps.sort_by(f64::total_cmp);
    let (step, count) = match gaps.get(gaps.len().saturating_sub(1) / 2) {
        None => (scaled(normal, said.unwrap_or(1.0)), 1),
        Some(usual) => {
            let fits = |base: &f64| even(&order, *base);
            // Where every other frame is empty, only the header tells how thick the slices are.
            let base = [said, Some(*usual)].into_iter().flatten().find(fits);
            let base = base.ok_or_else(|| format!("its frames are unevenly spaced, {}", list(&order)))?;
            let steps = (length / base).round();
            (scaled(sub(highest.1.position, lowest.1.position), 1.0 / steps), steps as usize + 1)
        }
    };
    let in_plane = [scaled(lowest.1.row, lowest.1.spacing[1]), scaled(lowest.1.column, lowest.1.spacing[0])];
    let positions: Vec<[f64; 3]> = (0..count).map(|k| add(lowest.1.position, scaled(step, k as f64))).collect();
    let linear = [0, 1, 2].map(|a| [in_plane[0][a], in_plane[1][a], step[a]]);
    let affine = Frame::Lps.affine_to_ras(&Affine::from_linear(linear, lowest.1.position));
    let grid = Grid::new([size[0], size[1], count], affine).map_err(|e| e.to_string())?;
    let slices = (0..count).map(SliceFrom::Stack).collect();
    let plan = Plan { grid, slices, stack: None, warnings: Vec::new() };
    Ok((Target::new(in_plane, size, positions), plan))
}

/// Whether all distances are multiples of one, without drift, and not too many slices are empty.
fn even(order: &[(f64, &Plane)], base: f64) -> bool {
    let (first, length) = (order[0].0, order[order.len() - 1].0 - order[0].0);
    let steps = (length / base).round();
    if steps < (order.len() - 1) as f64 || steps > MOST_EMPTY * order.len() as f64 + FREE_EMPTY {
        return false;
    }
    let exact = length / steps;
    let tolerance = (exact * TOLERANCE).max(TOLERANCE_MM);
    let off = |a: f64| (a - (a / exact).round() * exact).abs();
    (exact - base).abs() <= base * TOLERANCE
        && order.iter().all(|(a, _)| off(a - first) <= tolerance)
        && order.windows(2).all(|w| ((w[1].0 - w[0].0) / exact).round() >= 1.0)
}

/// The first few distances.
fn list(order: &[(f64, &Plane)]) -> String {
    const MOST: usize = 6;
    let gaps: Vec<String> = order.windows(2).take(MOST).map(|w| format!("{:.3}", w[1].0 - w[0].0)).collect();
    let more = if order.len() > MOST + 1 { ", …" } else { "" };
    format!("{}{more} mm", gaps.join(", "))
}
