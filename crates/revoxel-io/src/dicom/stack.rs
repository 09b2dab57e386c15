//! From images to a stack: the order of the slices, their gaps, the tilt.

use revoxel_core::{Affine, Frame};

use super::places::{Rules, median, place_tolerance, sorted};
use super::plane::{Plane, over_midnight};
use super::problem::DicomError;
use super::report::{Gap, MissingSlice};
use super::split;
use super::vector::{add, dot, norm, scaled, sub};

/// Gaps that differ by less are equal: this part of the usual gap …
const GAP_TOLERANCE: f64 = 0.01;
/// … or this many mm, whichever is more.
const GAP_TOLERANCE_MM: f64 = 0.01;
/// A stack has no tilt if its last slice is no farther than this from the normal through the first, mm.
const DRIFT_NOISE_MM: f64 = 0.1;
/// Time steps between frames that differ by less are equal, relative.
const UNEVEN_STEP: f64 = 0.05;
/// A shorter repetition time is not that of a volume, s.
const SHORTEST_STEP: f64 = 0.1;
/// Displacement within the plane that is noise, as a part of a pixel.
const DRIFT_PIXELS: f64 = 0.02;

/// A stack of slices, or several at the same positions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stack {
    /// Per frame, the images in the order of the slices, as indices into the given list.
    pub(super) frames: Vec<Vec<usize>>,
    /// What distinguishes the frames.
    pub(super) by: Option<&'static str>,
    /// Images of an incomplete last frame that are left out.
    pub(super) dropped: usize,
    /// The time step between frames, s.
    pub(super) step: Option<f64>,
    /// What distinguishes each frame, if it is not a time.
    pub(super) values: Vec<String>,
    /// Column steps of the affine, LPS mm: to the next column, to the next row.
    pub(super) in_plane: [[f64; 3]; 2],
    /// The positions of the slices, LPS mm.
    pub(super) positions: Vec<[f64; 3]>,
    /// The vector from the first slice to the last, or to the end of the only one; LPS mm, without noise.
    pub(super) span: [f64; 3],
    /// Angle of the span to the normal, degrees; 0 if it is noise.
    pub(super) tilt: f64,
    /// For each slice, its number in the complete stack, from 0.
    pub(super) places: Vec<usize>,
    /// What is uneven.
    pub(super) uneven: Option<Uneven>,
    /// The single slice's thickness and its source.
    pub(super) single: Option<(f64, Option<&'static str>)>,
}

/// Why a stack is not even.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Uneven {
    /// Gaps of different size.
    Gaps(Vec<Gap>),
    /// A slice off the line from the first to the last.
    Displaced { slice: usize, mm: f64 },
}

/// Whether images form an even stack on their own, without frames, possibly with missing slices.
pub(super) fn even(planes: &[&Plane]) -> bool {
    let unnamed = |_: usize| String::new();
    let found = stack(planes, &unnamed, Rules::default());
    found.is_ok_and(|stack| stack.frames.len() == 1 && stack.positions.len() > 1 && stack.uneven.is_none())
}

/// The images of one group lie in parallel planes.
pub(super) fn stack(planes: &[&Plane], name: &dyn Fn(usize) -> String, rules: Rules) -> Result<Stack, DicomError> {
    if planes.is_empty() {
        return Err(DicomError::NoImage("the series is empty".to_owned()));
    }
    let (order, along) = sorted(planes);
    let tolerance = place_tolerance(&order, &along);
    let repeated = order.windows(2).find(|w| along[w[1]] - along[w[0]] < tolerance);
    let (frames, by, dropped) = match repeated {
        None => (vec![order], None, 0),
        Some(_) => {
            let found = split::split(planes, &order, &along, tolerance, name, rules)?;
            (found.frames, Some(found.by), found.dropped)
        }
    };
    let slices = &frames[0];
    let along: Vec<f64> = slices.iter().map(|i| along[*i] - along[slices[0]]).collect();
    let positions: Vec<[f64; 3]> = slices.iter().map(|i| planes[*i].position).collect();
    let lowest = planes[slices[0]];
    let in_plane = [scaled(lowest.row, lowest.spacing[1]), scaled(lowest.column, lowest.spacing[0])];
    let mut stack = Stack {
        in_plane,
        span: sub(positions[positions.len() - 1], positions[0]),
        tilt: 0.0,
        places: (0..positions.len()).collect(),
        uneven: None,
        single: None,
        dropped,
        step: by.and_then(|by| step(planes, &frames, by)),
        values: values(planes, &frames, by),
        by,
        frames,
        positions,
    };
    let normal = lowest.normal();
    if along.len() == 1 {
        if stack.frames.len() > 1 && !rules.one_position {
            return Err(DicomError::OnePosition { count: planes.len(), position: stack.positions[0] });
        }
        let mm = lowest.thickness.map_or(1.0, |(mm, _)| mm);
        stack.single = Some((mm, lowest.thickness.map(|(_, attribute)| attribute)));
        stack.span = scaled(normal, mm);
        return Ok(stack);
    }
    let length = dot(stack.span, normal);
    let drift = norm(sub(stack.span, scaled(normal, length)));
    let tilt = drift.atan2(length).to_degrees();
    if drift <= DRIFT_NOISE_MM {
        stack.span = scaled(normal, length);
    } else {
        stack.tilt = tilt;
    }
    let base = median(along.windows(2).map(|w| w[1] - w[0]).collect());
    let tolerance = (base * GAP_TOLERANCE).max(GAP_TOLERANCE_MM);
    match places(&along, base, tolerance) {
        Some(places) => stack.places = places,
        None => stack.uneven = Some(Uneven::Gaps(gaps(&along, base, tolerance))),
    }
    let pixel = lowest.spacing[0].min(lowest.spacing[1]);
    let displaced = farthest(&stack.positions, &along).filter(|(_, mm)| *mm > tolerance.max(pixel * DRIFT_PIXELS));
    if let (None, Some((slice, mm))) = (&stack.uneven, displaced) {
        stack.places = (0..stack.positions.len()).collect();
        stack.uneven = Some(Uneven::Displaced { slice: slice + 1, mm });
    }
    Ok(stack)
}

impl Stack {
    /// Slices of the complete stack.
    pub(super) fn complete(&self) -> usize {
        self.places.last().map_or(1, |last| last + 1)
    }

    /// Index → RAS+ mm for this many slices from the first to the last.
    pub(super) fn affine(&self, slices: usize) -> Affine {
        let step = if self.single.is_some() { self.span } else { scaled(self.span, 1.0 / (slices.max(2) - 1) as f64) };
        let columns = [self.in_plane[0], self.in_plane[1], step];
        let linear = [0, 1, 2].map(|row| [columns[0][row], columns[1][row], columns[2][row]]);
        Frame::Lps.affine_to_ras(&Affine::from_linear(linear, self.positions[0]))
    }

    /// The slices that are missing.
    pub(super) fn missing(&self) -> Vec<MissingSlice> {
        let affine = self.affine(self.complete());
        let between = self.places.windows(2).enumerate();
        let holes = between.flat_map(|(i, w)| (w[0] + 1..w[1]).map(move |place| (i + 1, place)));
        holes
            .map(|(after, place)| {
                let position = affine.apply([0.0, 0.0, place as f64]);
                MissingSlice { after, number: place + 1, position }
            })
            .collect()
    }

    /// Why the stack cannot be read as it is.
    pub(super) fn problem(&self) -> Option<DicomError> {
        match &self.uneven {
            Some(Uneven::Gaps(gaps)) => Some(DicomError::Irregular { gaps: gaps.clone() }),
            Some(Uneven::Displaced { slice, mm }) => Some(DicomError::Displaced { slice: *slice, mm: *mm }),
            None if self.complete() > self.positions.len() => {
                Some(DicomError::MissingSlices { missing: self.missing() })
            }
            None => None,
        }
    }
}

fn values(planes: &[&Plane], frames: &[Vec<usize>], by: Option<&str>) -> Vec<String> {
    let of_frame = |frame: &Vec<usize>| split::value_of(by?, planes[frame[0]]);
    frames.iter().map(of_frame).collect::<Option<_>>().unwrap_or_default()
}

/// The time step between frames in seconds, if frames follow each other in time: the step of their times if it is the
/// same between all, else the repetition time if nothing contradicts it.
fn step(planes: &[&Plane], frames: &[Vec<usize>], by: &str) -> Option<f64> {
    const NO_TIMES: [&str; 7] = ["quantity", "echo", "inversion", "flip", "b-value", "gradient", "percentage"];
    if frames.len() < 2 || NO_TIMES.iter().any(|word| by.contains(word)) {
        return None;
    }
    let firsts = || frames.iter().map(|frame| planes[frame[0]]);
    let times = |time: fn(&Plane) -> Option<f64>| firsts().map(time).collect::<Option<Vec<f64>>>();
    let acquired = || {
        let mut times: Vec<Option<f64>> = firsts().map(|p| p.keys.acquired).collect();
        over_midnight(&mut times);
        times.into_iter().collect::<Option<Vec<f64>>>()
    };
    let even = |times: &[f64]| {
        let mean = (times[times.len() - 1] - times[0]) / (times.len() - 1) as f64;
        let fits = |w: &[f64]| (w[1] - w[0] - mean).abs() <= mean * UNEVEN_STEP;
        (mean > 0.0 && times.windows(2).all(fits)).then_some(mean)
    };
    if by.contains("trigger") {
        return even(&times(|p| p.keys.trigger.map(|ms| ms / 1e3))?);
    }
    if by.contains("reference") {
        return even(&times(|p| p.keys.reference_time.map(|ms| ms / 1e3))?);
    }
    // The repetition time of a sequence with a few milliseconds is not that of volumes.
    let repetition = firsts().map(|p| p.keys.repetition).reduce(|a, b| a.filter(|_| a == b)).flatten();
    let repetition = repetition.map(|ms| ms / 1e3).filter(|step| *step >= SHORTEST_STEP);
    match acquired().filter(|times| times.iter().any(|time| *time != times[0])) {
        // Times are rounded; the repetition time is what was set.
        Some(times) => {
            even(&times).map(|step| repetition.filter(|set| (step - set).abs() <= step * UNEVEN_STEP).unwrap_or(step))
        }
        None => repetition,
    }
}

/// The number of each slice in an even stack, if the stack is even except for missing slices.
fn places(along: &[f64], base: f64, tolerance: f64) -> Option<Vec<usize>> {
    // Where far more slices would be missing than there are, the stack has no common gap.
    const MOST_MISSING: f64 = 4.0;
    let mut places = vec![0usize];
    let mut place = 0.0;
    for gap in along.windows(2).map(|w| w[1] - w[0]) {
        place += (gap / base).round();
        places.push(place as usize);
    }
    let (length, last) = (along[along.len() - 1], place);
    if last > MOST_MISSING * along.len() as f64 {
        return None;
    }
    let spacing = length / last;
    let fits = |(d, place): (&f64, &usize)| (d - spacing * *place as f64).abs() <= tolerance;
    (places.windows(2).all(|w| w[0] < w[1]) && along.iter().zip(&places).all(fits)).then_some(places)
}

/// The gaps that differ from the usual one; if all are nearly equal, the one that differs most.
fn gaps(along: &[f64], expected: f64, tolerance: f64) -> Vec<Gap> {
    let all = along.windows(2).enumerate().map(|(i, w)| Gap { after: i + 1, expected, found: w[1] - w[0] });
    let off = |g: &Gap| (g.found - g.expected).abs();
    let (odd, rest): (Vec<Gap>, Vec<Gap>) = all.partition(|g| off(g) > tolerance);
    if !odd.is_empty() {
        return odd;
    }
    rest.into_iter().max_by(|a, b| off(a).total_cmp(&off(b))).into_iter().collect()
}

/// The slice farthest from the line through the first and the last one, and its distance.
fn farthest(positions: &[[f64; 3]], along: &[f64]) -> Option<(usize, f64)> {
    let (first, last) = (*positions.first()?, *positions.last()?);
    let length = *along.last()?;
    let off = |(i, p): (usize, &[f64; 3])| {
        let on_line = add(first, scaled(sub(last, first), along[i] / length));
        (i, norm(sub(*p, on_line)))
    };
    positions.iter().enumerate().map(off).max_by(|a, b| a.1.total_cmp(&b.1))
}
