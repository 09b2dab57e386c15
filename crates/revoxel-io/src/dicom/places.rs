//! Images in the order of their positions, and images that share a position.

use super::plane::Plane;
use super::vector::{dot, sub};

/// Images closer than this part of the usual gap have the same position …
const PART_OF_GAP: f64 = 0.01;
/// … or this many mm, whichever is more.
const SAME_PLACE_MM: f64 = 1e-3;

/// Options that allow other stacks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules {
    /// Leave out a last frame that lacks slices.
    pub(super) drop_incomplete: bool,
    /// Allow one slice many times.
    pub(super) one_position: bool,
}

/// The order of images along their normal, and the position of each along it, mm.
pub(super) fn sorted(planes: &[&Plane]) -> (Vec<usize>, Vec<f64>) {
    let Some(first) = planes.first() else { return (Vec::new(), Vec::new()) };
    let normal = first.normal();
    let along: Vec<f64> = planes.iter().map(|p| dot(sub(p.position, first.position), normal)).collect();
    let mut order: Vec<usize> = (0..planes.len()).collect();
    order.sort_by(|a, b| along[*a].total_cmp(&along[*b]));
    (order, along)
}

/// The images that share their position with others, by position.
pub(super) fn same_places(planes: &[&Plane]) -> Vec<Vec<usize>> {
    let (order, along) = sorted(planes);
    let tolerance = place_tolerance(&order, &along);
    let runs = order.chunk_by(|a, b| along[*b] - along[*a] < tolerance);
    runs.filter(|run| run.len() > 1).map(<[usize]>::to_vec).collect()
}

/// The largest distance of two images at the same position.
pub(super) fn place_tolerance(order: &[usize], along: &[f64]) -> f64 {
    let gaps = order.windows(2).map(|w| along[w[1]] - along[w[0]]);
    let gaps: Vec<f64> = gaps.filter(|g| *g >= SAME_PLACE_MM).collect();
    if gaps.is_empty() { SAME_PLACE_MM } else { (median(gaps) * PART_OF_GAP).max(SAME_PLACE_MM) }
}

/// The lower median, so that it is an existing gap.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}
