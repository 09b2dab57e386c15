//! The even grid of a segmentation's own frames.

use revoxel_core::{Affine, Frame, Grid};

use super::super::plan::{Plan, SliceFrom};
use super::super::plane::Plane;
use super::super::vector::{add, dot, scaled, sub};
use super::super::warning::DicomWarning;
use super::target::Target;

/// Distances that differ by less are equal: this part of the usual one, or this many mm, whichever is more.
const TOLERANCE: f64 = 0.01;
const TOLERANCE_MM: f64 = 0.01;
/// The maximum number of empty slices per slice with a frame, and the number that is always allowed.
const MOST_EMPTY: f64 = 16.0;
const FREE_EMPTY: f64 = 1024.0;

/// The positions of the slices, including those without a frame, if the frames are evenly spaced. Otherwise the
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
    let single = (count == 1).then(|| DicomWarning::SingleSlice {
        mm: said.unwrap_or(1.0),
        attribute: lowest.1.thickness.map(|(_, attribute)| attribute),
    });
    let plan = Plan { grid, slices, stack: None, warnings: single.into_iter().collect() };
    Ok((Target::new(in_plane, size, positions), plan))
}

/// Whether all distances are multiples of one distance, without drift, and not too many slices are empty.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_frame_says_how_thick_it_is_taken() {
        let plane = |thickness| Plane {
            position: [5.0, -3.0, 20.0],
            row: [0.0, 1.0, 0.0],
            column: [0.0, 0.0, -1.0],
            spacing: [1.5, 0.75],
            thickness,
            slice_thickness: None,
            slope: 1.0,
            intercept: 0.0,
            has_rescale: [false; 2],
            stack: None,
            quantity: String::new(),
            unit: None,
            keys: crate::dicom::plane::Keys::default(),
        };
        let t = |thickness: Option<(f64, &'static str)>, mm: f64| {
            let plan = grid_of(&[&plane(thickness)], [7, 5]).unwrap().1;
            assert_eq!((plan.grid.shape(), plan.grid.spacing()), ([7, 5, 1], [0.75, 1.5, mm]));
            let attribute = thickness.map(|(_, attribute)| attribute);
            assert_eq!(plan.warnings, [DicomWarning::SingleSlice { mm, attribute }]);
        };
        t(Some((3.0, "SliceThickness (0018,0050)")), 3.0);
        t(None, 1.0);
        let above = Plane { position: [2.0, -3.0, 20.0], ..plane(None) };
        let (_, plan) = grid_of(&[&plane(None), &above], [7, 5]).unwrap();
        assert!(plan.warnings.is_empty() && plan.grid.spacing()[2] == 3.0);
    }
}
