//! Images in the order of their places, and which of them share one.

use super::plane::Plane;
use super::vector::{dot, sub};

/// Images whose distance is this part of the usual gap are at the same place …
const PART_OF_GAP: f64 = 0.01;
/// … or this many mm, whichever is more.
const SAME_PLACE_MM: f64 = 1e-3;

/// What else is a stack.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules {
    /// Frames of which the last one lacks slices: it is left out.
    pub(super) drop_incomplete: bool,
    /// One slice many times.
    pub(super) one_position: bool,
}

/// The order of images along their normal, and how far along it each lies, mm.
pub(super) fn sorted(planes: &[&Plane]) -> (Vec<usize>, Vec<f64>) {
    let Some(first) = planes.first() else { return (Vec::new(), Vec::new()) };
    let normal = first.normal();
    let along: Vec<f64> = planes.iter().map(|p| dot(sub(p.position, first.position), normal)).collect();
    let mut order: Vec<usize> = (0..planes.len()).collect();
    order.sort_by(|a, b| along[*a].total_cmp(&along[*b]));
    (order, along)
}

/// The images that share their place with others, place by place.
pub(super) fn same_places(planes: &[&Plane]) -> Vec<Vec<usize>> {
    let (order, along) = sorted(planes);
    let tolerance = place_tolerance(&order, &along);
    let runs = order.chunk_by(|a, b| along[*b] - along[*a] < tolerance);
    runs.filter(|run| run.len() > 1).map(<[usize]>::to_vec).collect()
}

/// How close two images are when they are at the same place.
pub(super) fn place_tolerance(order: &[usize], along: &[f64]) -> f64 {
    let gaps = order.windows(2).map(|w| along[w[1]] - along[w[0]]);
    let gaps: Vec<f64> = gaps.filter(|g| *g >= SAME_PLACE_MM).collect();
    if gaps.is_empty() { SAME_PLACE_MM } else { (median(gaps) * PART_OF_GAP).max(SAME_PLACE_MM) }
}

/// The lower median, so that it is a gap that exists.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}
