//! Splits several images at each position into the frames of a 4-D series.
//!
//! A frame is one volume of the series. All images of a frame share a value, such as a temporal position, an echo or a
//! gradient. Times may differ from slice to slice; then images are ranked at each position, and the first image of
//! every position belongs to the first frame.

use std::collections::BTreeMap;

use super::places::{Rules, place_tolerance, sorted};
use super::plane::{Plane, over_midnight};
use super::problem::DicomError;

/// Reads from an image the value that its frame shares.
type Key = fn(&Plane) -> Option<f64>;

/// Values that all images of a frame share, in the order of trying.
const SHARED: &[(&str, Key)] = &[
    ("temporal position", |p| p.keys.temporal),
    ("echo number", |p| p.keys.echo),
    ("echo time", |p| p.keys.echo_time),
    ("inversion time", |p| p.keys.inversion),
    ("flip angle", |p| p.keys.flip),
    ("b-value", |p| p.keys.b_value),
];
/// After gradients.
const LATER: &[(&str, Key)] =
    &[("cardiac percentage", |p| p.keys.percentage), ("acquisition number", |p| p.keys.acquisition)];
/// Times: images of a frame share them, or they differ from slice to slice.
const TIMES: &[(&str, &str, Key)] = &[
    ("trigger time", "trigger time, ranked at each position", |p| p.keys.trigger),
    ("frame reference time", "frame reference time, ranked at each position", |p| p.keys.reference_time),
    ("acquisition time", "acquisition time, ranked at each position", |p| p.keys.acquired),
    ("content time", "content time, ranked at each position", |p| p.keys.time),
];
/// The order in which times are used for ranking. Acquisition time comes first, because it grows whatever the heart
/// does.
const RANKING: [usize; 4] = [2, 1, 0, 3];
const BY_NUMBER: &str = "instance number, ranked at each position";
const TRIED: &str = "quantity, temporal position, echo, inversion time, flip angle, b-value, gradient, cardiac percentage, \
                     acquisition number, trigger time, frame reference time, acquisition time, content time, dimension \
                     index, instance number";

/// Frames with the same positions.
#[derive(Debug)]
pub(super) struct Split {
    /// Per frame, the images in the order of their positions.
    pub(super) frames: Vec<Vec<usize>>,
    /// What distinguishes them.
    pub(super) by: &'static str,
    /// Images of a last frame that lacks slices, which are left out.
    pub(super) dropped: usize,
}

type Frames = (&'static str, Vec<Vec<usize>>);

/// Images in the order of their positions, and the largest distance of images at the same position.
struct Places<'a> {
    planes: &'a [&'a Plane],
    order: &'a [usize],
    along: &'a [f64],
    tolerance: f64,
    /// The times of each image, as in [`TIMES`].
    times: Vec<Vec<Option<f64>>>,
    /// Whether images at a single position may be ranked.
    one: bool,
}

/// Splits images, given in the order of their positions, into frames with the same positions.
pub(super) fn split(
    planes: &[&Plane],
    order: &[usize],
    along: &[f64],
    tolerance: f64,
    name: &dyn Fn(usize) -> String,
    rules: Rules,
) -> Result<Split, DicomError> {
    let places = Places::new(planes, order, along, tolerance).at_one(rules.one_position);
    let mut unequal: Option<Frames> = None;
    for (by, frames) in places.values().chain(places.times_shared()) {
        if !frames.iter().all(|frame| places.is_unique(frame)) {
            continue;
        }
        if places.is_whole(&frames) {
            return Ok(Split { frames, by, dropped: 0 });
        }
        if unequal.as_ref().is_none_or(|(_, u)| frames.len() < u.len()) {
            unequal = Some((by, frames));
        }
    }
    // A criterion that leaves every image alone explains nothing.
    let mut explained = unequal.filter(|(_, frames)| frames.len() * 2 <= order.len());
    // Images are not ranked against a value that says where they belong; times may coincide by chance.
    let is_time = |by: &str| TIMES.iter().any(|(name, ..)| *name == by);
    if explained.as_ref().is_none_or(|(by, _)| is_time(by)) {
        if let Some((by, frames)) = places.ranks() {
            return Ok(Split { frames, by, dropped: 0 });
        }
        explained = explained.or_else(|| places.with_incomplete_rank());
    }
    if let Some((by, mut frames)) = explained {
        let (last, others) = (frames[frames.len() - 1].clone(), &frames[..frames.len() - 1]);
        let whole = places.is_whole(others) && last.len() < frames[0].len();
        return match (whole, rules.drop_incomplete) {
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

/// Whether a value that images share distinguishes complete frames.
pub(super) fn is_told_apart(planes: &[&Plane]) -> bool {
    let (order, along) = sorted(planes);
    let places = Places::new(planes, &order, &along, place_tolerance(&order, &along));
    let whole = |(_, frames): Frames| frames.iter().all(|frame| places.is_unique(frame)) && places.is_whole(&frames);
    places.values().chain(places.times_shared()).any(whole)
}

/// The value `by` of an image, as text: the name of its frame.
pub(super) fn value_of(by: &str, plane: &Plane) -> Option<String> {
    match by {
        "quantity" => Some(plane.quantity.clone()).filter(|text| !text.is_empty()),
        "gradient" => {
            let direction = plane
                .keys
                .gradient
                .map_or_else(|| "none".to_owned(), |v| v.map(|v| (v as f64 / 1000.0).to_string()).join(" "));
            Some(format!("b {}, direction {direction}", plane.keys.b_value.unwrap_or(0.0)))
        }
        _ => {
            let known = SHARED.iter().chain(LATER).find(|(name, _)| *name == by)?;
            (known.1)(plane).map(|value| value.to_string())
        }
    }
}

impl<'a> Places<'a> {
    fn new(planes: &'a [&'a Plane], order: &'a [usize], along: &'a [f64], tolerance: f64) -> Self {
        let times = TIMES.iter().map(|(name, _, key)| {
            let mut times: Vec<Option<f64>> = planes.iter().map(|p| key(p)).collect();
            if matches!(*name, "acquisition time" | "content time") {
                over_midnight(&mut times);
            }
            times
        });
        Self { planes, order, along, tolerance, times: times.collect(), one: false }
    }

    fn at_one(self, one: bool) -> Self {
        Self { one, ..self }
    }

    /// Frames by each value that assigns images to frames.
    fn values(&self) -> impl Iterator<Item = Frames> + '_ {
        let by_value = |(by, key): &(&'static str, Key)| (*by, self.by_key(|i| key(self.planes[i])));
        let quantities =
            std::iter::once_with(|| ("quantity", self.by_key(self.numbered(|p| Some(p.quantity.clone())))));
        let gradients = std::iter::once_with(|| ("gradient", self.by_gradient()));
        let early = SHARED.iter().map(by_value);
        let late = LATER.iter().map(by_value);
        let all = quantities.chain(early).chain(gradients).chain(late);
        all.filter_map(|(by, frames)| Some((by, frames?)))
    }

    /// Frames by times that images of a frame share, and by dimension indices.
    fn times_shared(&self) -> impl Iterator<Item = Frames> + '_ {
        let times = TIMES.iter().zip(&self.times).map(|((by, ..), times)| (*by, self.by_key(|i| times[i])));
        let dimensions =
            dimension_keys(self.planes).into_iter().map(|key| ("dimension index", self.by_key(|i| Some(key[i]))));
        times.chain(dimensions).filter_map(|(by, frames)| Some((by, frames?)))
    }

    /// Frames by the rank of each image at its position. Blocks of numbers are tried first, then times, then numbers.
    fn ranks(&self) -> Option<Frames> {
        let times = || {
            let ranked = |number: usize| Some((TIMES[number].1, self.ranked(|i| self.times[number][i], false)?));
            RANKING.into_iter().find_map(ranked)
        };
        let blocks = self.blocks().map(|frames| ("instance number", frames));
        blocks.or_else(times).or_else(|| Some((BY_NUMBER, self.ranked(|i| self.number(i), false)?)))
    }

    /// The ranks of images if some positions lack the last image, and nothing suggests that they lack another one.
    fn with_incomplete_rank(&self) -> Option<Frames> {
        let apart = |frames: &Vec<Vec<usize>>, of: &dyn Fn(usize) -> Option<f64>| {
            let range = |frame: &Vec<usize>| {
                let values = || frame.iter().filter_map(|i| of(*i));
                (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
            };
            frames.windows(2).all(|w| range(&w[0]).1 < range(&w[1]).0)
        };
        for number in RANKING {
            let time = |i: usize| self.times[number][i];
            if let Some(frames) = self.ranked(time, true).filter(|frames| apart(frames, &time)) {
                return Some((TIMES[number].1, frames));
            }
        }
        let frames = self.ranked(|i| self.number(i), true)?;
        let number = |i: usize| self.number(i);
        (apart(&frames, &number) || self.ends_early()).then_some((BY_NUMBER, frames))
    }

    /// Whether images were numbered position by position, and numbers are missing only at the ends of positions.
    fn ends_early(&self) -> bool {
        let mut runs: Vec<Vec<f64>> = Vec::new();
        for run in self.runs() {
            let Some(mut numbers) = run.iter().map(|i| self.number(*i)).collect::<Option<Vec<f64>>>() else {
                return false;
            };
            numbers.sort_by(f64::total_cmp);
            runs.push(numbers);
        }
        runs.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let count = runs.iter().map(Vec::len).max().unwrap_or(0);
        let in_a_row = |run: &Vec<f64>| run.windows(2).all(|w| w[1] == w[0] + 1.0);
        // The next place begins behind this one, or where it would with the last image of this one.
        let follows = |w: &[Vec<f64>]| {
            let gap = w[1][0] - w[0][w[0].len() - 1];
            gap == 1.0 || (w[0].len() < count && gap == 2.0)
        };
        runs.iter().all(in_a_row) && runs.windows(2).all(follows)
    }

    fn number(&self, image: usize) -> Option<f64> {
        self.planes[image].keys.instance
    }

    fn is_unique(&self, frame: &[usize]) -> bool {
        frame.windows(2).all(|w| self.along[w[1]] - self.along[w[0]] >= self.tolerance)
    }

    /// Whether all frames have the same positions.
    fn is_whole(&self, frames: &[Vec<usize>]) -> bool {
        let near = |(a, b): (&usize, &usize)| (self.along[*a] - self.along[*b]).abs() < self.tolerance;
        let Some(first) = frames.first() else { return false };
        frames.iter().all(|frame| frame.len() == first.len() && frame.iter().zip(first).all(near))
    }

    /// Runs of images at the same position.
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

    /// A trait as a number: its rank among all values.
    fn numbered<K: Ord>(&self, of: impl Fn(&Plane) -> Option<K>) -> impl Fn(usize) -> Option<f64> {
        let traits: Vec<Option<K>> = self.planes.iter().map(|p| of(p)).collect();
        let mut all: Vec<&K> = traits.iter().flatten().collect();
        all.sort_unstable();
        all.dedup();
        let numbers: Vec<Option<f64>> =
            traits.iter().map(|t| t.as_ref().and_then(|t| all.binary_search(&t).ok()).map(|n| n as f64)).collect();
        move |i| numbers[i]
    }

    /// Frames by b-value and direction, in the order in which they were acquired: by number, by time, or as in the
    /// file.
    fn by_gradient(&self) -> Option<Vec<Vec<usize>>> {
        let key = |p: &Plane| Some((p.keys.b_value.unwrap_or(0.0).round() as i64, p.keys.gradient));
        if self.planes.iter().all(|p| p.keys.gradient.is_none()) {
            return None;
        }
        let mut frames = self.by_key(self.numbered(key))?;
        let least = |frame: &Vec<usize>, of: &dyn Fn(usize) -> Option<f64>| {
            Ordered(frame.iter().filter_map(|i| of(*i)).fold(f64::INFINITY, f64::min))
        };
        let acquired = |i: usize| self.times[2][i];
        frames.sort_by_key(|frame| {
            (least(frame, &|i| self.number(i)), least(frame, &acquired), frame.iter().copied().min())
        });
        Some(frames)
    }

    /// The first image of each position, the second of each, and so on, by a key that distinguishes the images of a
    /// position. Every position has the same number; `incomplete` allows positions without the last one.
    fn ranked(&self, key: impl Fn(usize) -> Option<f64>, incomplete: bool) -> Option<Vec<Vec<usize>>> {
        let runs = self.runs();
        let count = runs.iter().map(|run| run.len()).max()?;
        let fewest = runs.iter().map(|run| run.len()).min()?;
        // Two places at least, or every pile of copies would be a series in time.
        let fits = if incomplete { fewest + 1 == count && fewest > 1 } else { fewest == count };
        if (runs.len() < 2 && !self.one) || count < 2 || !fits {
            return None;
        }
        let mut frames = vec![Vec::new(); count];
        for run in runs {
            let mut ranked: Vec<(Ordered, usize)> =
                run.iter().map(|i| Some((Ordered(key(*i)?), *i))).collect::<Option<_>>()?;
            ranked.sort();
            if ranked.windows(2).any(|w| w[0].0 == w[1].0) {
                return None;
            }
            ranked.into_iter().zip(&mut frames).for_each(|((_, i), frame)| frame.push(i));
        }
        Some(frames)
    }

    /// Stacks that were numbered one after the other: every position has the same number of images, and all numbers of
    /// a frame come before those of the next. The number only decides on frames, never on the position of a slice.
    fn blocks(&self) -> Option<Vec<Vec<usize>>> {
        let frames = self.ranked(|i| self.number(i), false)?;
        let range = |f: &Vec<usize>| {
            let numbers = || f.iter().filter_map(|i| self.number(*i));
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
