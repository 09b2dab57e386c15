//! Several images at each place: into the frames of a 4-D series.

use std::collections::BTreeMap;

use super::plane::{Keys, Plane};
use super::problem::DicomError;

/// The value of one key, if the image has it.
type Key = fn(&Keys) -> Option<f64>;

/// What is tried, in this order.
const CRITERIA: &[(&str, Key)] = &[
    ("temporal position", |k| k.temporal),
    ("echo number", |k| k.echo),
    ("echo time", |k| k.echo_time),
    ("b-value", |k| k.b_value),
    ("trigger time", |k| k.trigger),
    ("acquisition number", |k| k.acquisition),
    ("content time", |k| k.time),
];
const TRIED: &str = "temporal position, echo, b-value, trigger time, acquisition number, content time, dimension index, instance number";

/// Splits images, given in the order of their places, into frames of the same places.
pub(super) fn split(
    planes: &[&Plane],
    order: &[usize],
    along: &[f64],
    tolerance: f64,
    name: &dyn Fn(usize) -> String,
) -> Result<(Vec<Vec<usize>>, &'static str), DicomError> {
    let mut unequal: Option<(&'static str, Vec<Vec<usize>>)> = None;
    let candidates = CRITERIA.iter().map(|(by, key)| (*by, by_key(order, |i| key(&planes[i].keys))));
    let dimensions = dimension_keys(planes).into_iter().map(|key| ("dimension index", by_key(order, |i| Some(key[i]))));
    let blocks = std::iter::once_with(|| ("instance number", blocks(planes, order, along, tolerance)));
    for (by, frames) in candidates.chain(dimensions).chain(blocks) {
        let Some(frames) = frames else { continue };
        let unique = |f: &Vec<usize>| f.windows(2).all(|w| along[w[1]] - along[w[0]] >= tolerance);
        if !frames.iter().all(unique) {
            continue;
        }
        let same = |f: &Vec<usize>| {
            let pairs = || f.iter().zip(&frames[0]);
            f.len() == frames[0].len() && pairs().all(|(a, b)| (along[*a] - along[*b]).abs() < tolerance)
        };
        if frames.iter().all(same) {
            return Ok((frames, by));
        }
        if unequal.as_ref().is_none_or(|(_, u)| frames.len() < u.len()) {
            unequal = Some((by, frames));
        }
    }
    // A criterion that leaves every image alone explains nothing.
    if let Some((by, frames)) = unequal.filter(|(_, frames)| frames.len() * 2 <= order.len()) {
        let counts = frames.iter().take(12).map(|f| f.len().to_string()).collect::<Vec<_>>().join(", ");
        return Err(DicomError::UnequalFrames { by, counts });
    }
    let runs = runs(order, along, tolerance);
    let longest = runs.iter().max_by_key(|run| run.len()).copied().unwrap_or(order);
    let (first, second) = (longest[0], *longest.get(1).unwrap_or(&longest[0]));
    let position = planes[first].position;
    Err(DicomError::Repeated { count: longest.len(), position, first: name(first), second: name(second), tried: TRIED })
}

/// Frames by the value of a key that every image has; in the order of the values.
fn by_key(order: &[usize], key: impl Fn(usize) -> Option<f64>) -> Option<Vec<Vec<usize>>> {
    let mut frames: BTreeMap<Ordered, Vec<usize>> = BTreeMap::new();
    for i in order {
        frames.entry(Ordered(key(*i)?)).or_default().push(*i);
    }
    (frames.len() > 1).then(|| frames.into_values().collect())
}

/// Keys from DimensionIndexValues: each column, then each pair of columns.
fn dimension_keys(planes: &[&Plane]) -> Vec<Vec<f64>> {
    // An index is a small number; a pair of them is told apart by this factor.
    const FACTOR: f64 = 4_294_967_296.0;
    const MOST_COLUMNS: usize = 8;
    let columns = planes.iter().map(|p| p.keys.dimensions.len()).min().unwrap_or(0).min(MOST_COLUMNS);
    let value = |column: usize| planes.iter().map(move |p| p.keys.dimensions[column]);
    let single = (0..columns).map(|c| value(c).collect());
    let pairs = (0..columns).flat_map(|a| (a + 1..columns).map(move |b| (a, b)));
    single.chain(pairs.map(|(a, b)| value(a).zip(value(b)).map(|(a, b)| a * FACTOR + b).collect())).collect()
}

/// Images at the same place, in a row.
fn runs<'a>(order: &'a [usize], along: &[f64], tolerance: f64) -> Vec<&'a [usize]> {
    order.chunk_by(|a, b| along[*b] - along[*a] < tolerance).collect()
}

/// Stacks that were numbered one after the other: every place has as many images, and all numbers of a frame come
/// before those of the next. The number decides on frames only, never on where a slice lies.
fn blocks(planes: &[&Plane], order: &[usize], along: &[f64], tolerance: f64) -> Option<Vec<Vec<usize>>> {
    let number = |i: usize| planes[i].keys.instance;
    let runs = runs(order, along, tolerance);
    let count = runs.first()?.len();
    let mut frames = vec![Vec::new(); count];
    for run in runs {
        if run.len() != count || run.iter().any(|i| number(*i).is_none()) {
            return None;
        }
        let mut run = run.to_vec();
        run.sort_by(|a, b| number(*a).partial_cmp(&number(*b)).unwrap_or(std::cmp::Ordering::Equal));
        run.into_iter().zip(&mut frames).for_each(|(i, frame)| frame.push(i));
    }
    let range = |f: &Vec<usize>| {
        let numbers = || f.iter().filter_map(|i| number(*i));
        (numbers().fold(f64::INFINITY, f64::min), numbers().fold(f64::NEG_INFINITY, f64::max))
    };
    // Two slices at least, or every pile of copies would be a series in time.
    let apart = frames.windows(2).all(|w| range(&w[0]).1 < range(&w[1]).0);
    (apart && frames[0].len() > 1).then_some(frames)
}

/// A number that can be sorted.
#[derive(PartialEq)]
struct Ordered(f64);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
