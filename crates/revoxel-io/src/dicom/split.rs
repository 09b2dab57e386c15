//! Several images at each place: into the frames of a 4-D series.
//!
//! Frames are told apart by a value that all images of a frame share (a temporal position, an echo, a gradient …). Where
//! no value does, because times differ from slice to slice, images are ranked within each place: the first of each place
//! are the first frame.

use std::collections::BTreeMap;

use super::plane::Plane;
use super::problem::DicomError;
use super::stack::{place_tolerance, sorted};

/// What tells frames apart, and what it is of each image.
type Key = fn(&Plane) -> Option<f64>;

/// What is tried, in this order.
const CRITERIA: &[(&str, Key)] = &[
    ("temporal position", |p| p.keys.temporal),
    ("echo number", |p| p.keys.echo),
    ("echo time", |p| p.keys.echo_time),
    ("b-value", |p| p.keys.b_value),
];
/// After gradients.
const LATER: &[(&str, Key)] = &[
    ("trigger time", |p| p.keys.trigger),
    ("cardiac percentage", |p| p.keys.percentage),
    ("acquisition number", |p| p.keys.acquisition),
    ("acquisition time", |p| p.keys.acquired),
    ("content time", |p| p.keys.time),
];
/// What images are ranked by within their places.
const RANKS: &[(&str, Key)] = &[
    ("trigger time, ranked at each position", |p| p.keys.trigger),
    ("acquisition time, ranked at each position", |p| p.keys.acquired),
    ("content time, ranked at each position", |p| p.keys.time),
    ("instance number, ranked at each position", |p| p.keys.instance),
];
const TRIED: &str = "quantity, temporal position, echo, b-value, gradient, trigger time, cardiac percentage, acquisition \
                     number, acquisition time, content time, dimension index, instance number";

/// Frames of the same places.
#[derive(Debug)]
pub(super) struct Split {
    /// Per frame, the images in the order of their places.
    pub(super) frames: Vec<Vec<usize>>,
    /// What tells them apart.
    pub(super) by: &'static str,
    /// Images of a last frame that lacks slices, which are left out.
    pub(super) dropped: usize,
}

/// Images in the order of their places, and how near two are at the same one.
struct Places<'a> {
    planes: &'a [&'a Plane],
    order: &'a [usize],
    along: &'a [f64],
    tolerance: f64,
}

/// Splits images, given in the order of their places, into frames of the same places. `drop_incomplete` leaves out a last
/// frame that lacks slices.
pub(super) fn split(
    planes: &[&Plane],
    order: &[usize],
    along: &[f64],
    tolerance: f64,
    name: &dyn Fn(usize) -> String,
    drop_incomplete: bool,
) -> Result<Split, DicomError> {
    let places = Places { planes, order, along, tolerance };
    let mut unequal: Option<(&'static str, Vec<Vec<usize>>)> = None;
    for (by, frames) in places.shared_values().chain(places.ranks()) {
        if !frames.iter().all(|frame| places.is_unique(frame)) {
            continue;
        }
        if frames.iter().all(|frame| places.is_same(frame, &frames[0])) {
            return Ok(Split { frames, by, dropped: 0 });
        }
        if unequal.as_ref().is_none_or(|(_, u)| frames.len() < u.len()) {
            unequal = Some((by, frames));
        }
    }
    // A criterion that leaves every image alone explains nothing.
    let explained = unequal.filter(|(_, frames)| frames.len() * 2 <= order.len());
    if let Some((by, mut frames)) = explained.or_else(|| places.with_incomplete_rank()) {
        let (last, others) = (frames[frames.len() - 1].clone(), &frames[..frames.len() - 1]);
        let whole = others.iter().all(|frame| places.is_same(frame, &frames[0])) && last.len() < frames[0].len();
        return match (whole, drop_incomplete) {
            (true, true) => {
                frames.pop();
                Ok(Split { frames, by, dropped: last.len() })
            }
            (true, false) => Err(DicomError::IncompleteFrame {
                by,
                frame: frames.len(),
                slices: last.len(),
                of: frames[0].len(),
                first: name(last[0]),
            }),
            (false, _) => {
                let counts = frames.iter().take(12).map(|f| f.len().to_string()).collect::<Vec<_>>().join(", ");
                Err(DicomError::UnequalFrames { by, counts })
            }
        };
    }
    let runs = places.runs();
    let longest = runs.iter().max_by_key(|run| run.len()).copied().unwrap_or(order);
    let (first, second) = (longest[0], *longest.get(1).unwrap_or(&longest[0]));
    let position = planes[first].position;
    Err(DicomError::Repeated { count: longest.len(), position, first: name(first), second: name(second), tried: TRIED })
}

/// Whether a value that images share tells complete frames apart.
pub(super) fn is_told_apart(planes: &[&Plane]) -> bool {
    let (order, along) = sorted(planes);
    let tolerance = place_tolerance(&order, &along);
    let places = Places { planes, order: &order, along: &along, tolerance };
    let whole = |frames: &Vec<Vec<usize>>| {
        frames.iter().all(|frame| places.is_unique(frame) && places.is_same(frame, &frames[0]))
    };
    places.shared_values().any(|(_, frames)| whole(&frames))
}

impl Places<'_> {
    /// Frames by each value that images may share.
    fn shared_values(&self) -> impl Iterator<Item = (&'static str, Vec<Vec<usize>>)> + '_ {
        let by_value = |(by, key): &(&'static str, Key)| (*by, self.by_key(|i| key(self.planes[i])));
        let quantities =
            std::iter::once_with(|| ("quantity", self.by_key(self.numbered(|p| Some(p.quantity.clone())))));
        let gradients = std::iter::once_with(|| ("gradient", self.by_gradient()));
        let dimensions =
            dimension_keys(self.planes).into_iter().map(|key| ("dimension index", self.by_key(|i| Some(key[i]))));
        let early = CRITERIA.iter().map(by_value);
        let late = LATER.iter().map(by_value);
        let all = quantities.chain(early).chain(gradients).chain(late).chain(dimensions);
        all.filter_map(|(by, frames)| Some((by, frames?)))
    }

    /// Frames by the rank of each image at its place.
    fn ranks(&self) -> impl Iterator<Item = (&'static str, Vec<Vec<usize>>)> + '_ {
        let blocks = std::iter::once_with(|| ("instance number", self.blocks()));
        let ranked = RANKS.iter().map(|(by, key)| (*by, self.ranked(*key, false)));
        // Blocks of numbers say more than the rank of numbers, and times more than both.
        let (times, numbers): (Vec<_>, Vec<_>) = ranked.partition(|(by, _)| by.contains("time"));
        blocks.chain(times).chain(numbers).filter_map(|(by, frames)| Some((by, frames?)))
    }

    /// The ranks of images of which some places lack the last one.
    fn with_incomplete_rank(&self) -> Option<(&'static str, Vec<Vec<usize>>)> {
        RANKS.iter().find_map(|(by, key)| Some((*by, self.ranked(*key, true)?)))
    }

    fn is_unique(&self, frame: &[usize]) -> bool {
        frame.windows(2).all(|w| self.along[w[1]] - self.along[w[0]] >= self.tolerance)
    }

    fn is_same(&self, frame: &[usize], first: &[usize]) -> bool {
        let near = |(a, b): (&usize, &usize)| (self.along[*a] - self.along[*b]).abs() < self.tolerance;
        frame.len() == first.len() && frame.iter().zip(first).all(near)
    }

    /// Images at the same place, in a row.
    fn runs(&self) -> Vec<&[usize]> {
        self.order.chunk_by(|a, b| self.along[*b] - self.along[*a] < self.tolerance).collect()
    }

    /// Frames by the value of a key that every image has; in the order of the values.
    fn by_key(&self, key: impl Fn(usize) -> Option<f64>) -> Option<Vec<Vec<usize>>> {
        let mut frames: BTreeMap<Ordered, Vec<usize>> = BTreeMap::new();
        for i in self.order {
            frames.entry(Ordered(key(*i)?)).or_default().push(*i);
        }
        (frames.len() > 1).then(|| frames.into_values().collect())
    }

    /// A trait as a number: its place among all that there are.
    fn numbered<K: Ord>(&self, of: impl Fn(&Plane) -> Option<K>) -> impl Fn(usize) -> Option<f64> {
        let traits: Vec<Option<K>> = self.planes.iter().map(|p| of(p)).collect();
        let mut all: Vec<&K> = traits.iter().flatten().collect();
        all.sort_unstable();
        all.dedup();
        let numbers: Vec<Option<f64>> =
            traits.iter().map(|t| t.as_ref().and_then(|t| all.binary_search(&t).ok()).map(|n| n as f64)).collect();
        move |i| numbers[i]
    }

    /// Frames by b-value and direction, in the order in which they were acquired.
    fn by_gradient(&self) -> Option<Vec<Vec<usize>>> {
        let key = |p: &Plane| Some((p.keys.b_value.unwrap_or(0.0).round() as i64, p.keys.gradient));
        if self.planes.iter().all(|p| p.keys.gradient.is_none()) {
            return None;
        }
        let mut frames = self.by_key(self.numbered(key))?;
        let first = |frame: &Vec<usize>| {
            let numbers = frame.iter().filter_map(|i| self.planes[*i].keys.instance);
            Ordered(numbers.fold(f64::INFINITY, f64::min))
        };
        frames.sort_by_key(first);
        Some(frames)
    }

    /// The first image of each place, the second of each, and so on, by a key that tells the images of a place apart.
    /// Every place has as many; `incomplete` allows for places without the last one.
    fn ranked(&self, key: Key, incomplete: bool) -> Option<Vec<Vec<usize>>> {
        let runs = self.runs();
        let count = runs.iter().map(|run| run.len()).max()?;
        let fewest = runs.iter().map(|run| run.len()).min()?;
        // Two places at least, or every pile of copies would be a series in time.
        let fits = if incomplete { fewest + 1 == count && fewest > 1 } else { fewest == count };
        if runs.len() < 2 || count < 2 || !fits {
            return None;
        }
        let mut frames = vec![Vec::new(); count];
        for run in runs {
            let mut ranked: Vec<(Ordered, usize)> =
                run.iter().map(|i| Some((Ordered(key(self.planes[*i])?), *i))).collect::<Option<_>>()?;
            ranked.sort();
            if ranked.windows(2).any(|w| w[0].0 == w[1].0) {
                return None;
            }
            ranked.into_iter().zip(&mut frames).for_each(|((_, i), frame)| frame.push(i));
        }
        Some(frames)
    }

    /// Stacks that were numbered one after the other: every place has as many images, and all numbers of a frame come
    /// before those of the next. The number decides on frames only, never on where a slice lies.
    fn blocks(&self) -> Option<Vec<Vec<usize>>> {
        let frames = self.ranked(|p| p.keys.instance, false)?;
        let range = |f: &Vec<usize>| {
            let numbers = || f.iter().filter_map(|i| self.planes[*i].keys.instance);
            (numbers().fold(f64::INFINITY, f64::min), numbers().fold(f64::NEG_INFINITY, f64::max))
        };
        frames.windows(2).all(|w| range(&w[0]).1 < range(&w[1]).0).then_some(frames)
    }
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

/// A number that can be sorted.
#[derive(Clone, Copy, PartialEq)]
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
