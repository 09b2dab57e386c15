//! Images of one series that form several volumes: different kernels, passes of the scanner, or image types.
//!
//! ```text
//! images of one size and direction
//!   |- positions repeat   -> by kernel; then, where nothing makes frames of them, by image type or frame of reference
//!   '- they do not repeat -> by what alternates along the stack, where each part is an even stack by itself
//! ```

use std::collections::BTreeMap;

use super::conditions::CONDITIONS;
use super::places::{same_places, sorted};
use super::plane::Plane;
use super::split;
use super::stack::even;

/// A part of the images, as indices into the given list, and what distinguishes it.
pub(super) struct Part {
    pub(super) images: Vec<usize>,
    pub(super) labels: Vec<String>,
}

/// Why images form one stack although something alternates along it.
pub(super) type Alternating = &'static str;

/// A trait of an image, as text.
type Trait = fn(&Plane) -> Option<String>;

const KERNEL: (&str, Trait) = ("kernel", |p| p.keys.kernel.clone());
const KVP: (&str, Trait) = ("KVP", |p| p.keys.kvp.map(|v| v.to_string()));
const ACQUISITION: (&str, Trait) = ("acquisition", |p| p.keys.acquisition.map(|v| v.to_string()));
const IMAGE_TYPE: (&str, Trait) = ("image type", |p| p.keys.image_type.clone());

/// Traits that may alternate along a stack, the most significant first.
const ALTERNATING: &[(&str, Trait)] = &[
    KERNEL,
    ("echo", |p| p.keys.echo.or(p.keys.echo_time).map(|v| v.to_string())),
    KVP,
    ("temporal position", |p| p.keys.temporal.map(|v| v.to_string())),
    ("b-value", |p| p.keys.b_value.map(|v| v.to_string())),
    ("cardiac percentage", |p| p.keys.percentage.map(|v| v.to_string())),
    ("inversion time", |p| p.keys.inversion.map(|v| v.to_string())),
    ("flip angle", |p| p.keys.flip.map(|v| v.to_string())),
    ("series number", |p| p.keys.series_number.map(|v| v.to_string())),
    ACQUISITION,
    IMAGE_TYPE,
    ("content time", |p| p.keys.time.map(|v| v.to_string())),
];

/// The minimum slices of a part to count as evidence; a different kernel or echo is stronger evidence than a different
/// time.
const FEWEST: usize = 3;
const FEWEST_OF_A_KIND: usize = 2;

/// The parts are not frames if the images have more than this many times the positions of the longest part.
const STATIONS: f64 = 1.2;

/// If slices are at most this many times as thick as the gap between neighbours of the whole stack, the passes are
/// parts of one stack.
const FILLS: f64 = 1.1;

/// The volumes among images in parallel planes; `references` are their frames of reference. If a stack is complete
/// only with all passes, it stays one, and what alternates along it is returned.
pub(super) fn parts(planes: &[&Plane], references: &[Option<&str>]) -> (Vec<Part>, Option<Alternating>) {
    let all = Part { images: (0..planes.len()).collect(), labels: Vec::new() };
    if planes.len() < 2 {
        return (vec![all], None);
    }
    if same_places(planes).is_empty() {
        return alternating(planes).map_or_else(|said| (vec![all], said), |parts| (parts, None));
    }
    let mut parts = Vec::new();
    let by_kernel = by(planes, &all, KERNEL).unwrap_or_else(|| vec![all]);
    for part in by_kernel.into_iter().flat_map(|part| by(planes, &part, KVP).unwrap_or_else(|| vec![part])) {
        let own: Vec<&Plane> = part.images.iter().map(|i| planes[*i]).collect();
        if same_places(&own).is_empty() || split::is_told_apart(&own) {
            parts.push(part);
            continue;
        }
        let apart = |parts: &Vec<Part>| parts.iter().all(|part| is_unique(planes, part));
        let by_type = by(planes, &part, IMAGE_TYPE).filter(apart);
        let by_reference =
            || group(&part, "frame of reference", |i| references[i].map(ToOwned::to_owned)).filter(apart);
        // Stations of the table that overlap, and are no frames: most of their places are others.
        let places = own.len() - same_places(&own).iter().map(|pile| pile.len() - 1).sum::<usize>();
        let longer = |parts: &Vec<Part>| {
            let most = parts.iter().map(|part| part.images.len()).max().unwrap_or(0);
            places as f64 > most as f64 * STATIONS
        };
        let by_station = || by(planes, &part, ACQUISITION).filter(apart).filter(longer);
        match by_type.or_else(by_reference).or_else(by_station) {
            Some(found) => parts.extend(found),
            None => parts.push(part),
        }
    }
    (parts, None)
}

/// Whether no position of a part repeats.
fn is_unique(planes: &[&Plane], part: &Part) -> bool {
    let own: Vec<&Plane> = part.images.iter().map(|i| planes[*i]).collect();
    own.len() > 1 && same_places(&own).is_empty()
}

/// Splits a part by a trait; `None` if all images have the same.
fn by(planes: &[&Plane], part: &Part, (name, of): (&'static str, Trait)) -> Option<Vec<Part>> {
    group(part, name, |i| of(planes[i]))
}

fn group(part: &Part, name: &str, of: impl Fn(usize) -> Option<String>) -> Option<Vec<Part>> {
    let mut found: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
    part.images.iter().for_each(|i| found.entry(of(*i)).or_default().push(*i));
    if found.len() < 2 {
        return None;
    }
    let labelled = |(value, images): (Option<String>, Vec<usize>)| {
        let label = format!("{name} {}", value.as_deref().unwrap_or("none"));
        Part { images, labels: [&part.labels[..], &[label]].concat() }
    };
    let mut parts: Vec<Part> = found.into_iter().map(labelled).collect();
    parts.sort_by_key(|part| part.images[0]);
    Some(parts)
}

/// Interleaved passes. `Err` with what alternates if they form one stack all the same.
fn alternating(planes: &[&Plane]) -> Result<Vec<Part>, Option<Alternating>> {
    let all = Part { images: (0..planes.len()).collect(), labels: Vec::new() };
    let (order, along) = sorted(planes);
    let mut rank = vec![0; planes.len()];
    order.iter().enumerate().for_each(|(position, image)| rank[*image] = position);
    let mut mixed = None;
    let own = |part: &Part| part.images.iter().map(|i| planes[*i]).collect::<Vec<_>>();
    let are_stacks = |parts: &[Part], fewest| {
        parts.iter().all(|part| part.images.len() >= fewest) && parts.iter().all(|part| even(&own(part)))
    };
    let are_between = |parts: &[Part]| {
        let reach = |part: &Part| {
            let ranks = || part.images.iter().map(|i| rank[*i]);
            (ranks().min().unwrap_or(0), ranks().max().unwrap_or(0))
        };
        let reaches: Vec<_> = parts.iter().map(reach).collect();
        let beyond = |n: usize, (low, high): (usize, usize)| reaches[n + 1..].iter().any(|b| b.0 < high && b.1 > low);
        reaches.iter().enumerate().any(|(n, reach)| beyond(n, *reach))
    };
    // Slices as thick as the gap between all of them are the passes of one stack; other kernels and echoes never are.
    let fills = || {
        let gap = (along[order[order.len() - 1]] - along[order[0]]) / (order.len() - 1) as f64;
        let thickness = planes.iter().map(|p| p.slice_thickness.unwrap_or(f64::INFINITY)).fold(0.0, f64::max);
        thickness <= gap * FILLS && even(planes)
    };
    for what in ALTERNATING {
        let Some(parts) = by(planes, &all, *what).filter(|parts| are_between(parts)) else { continue };
        let in_time = matches!(what.0, "acquisition" | "content time");
        if !are_stacks(&parts, if in_time { FEWEST } else { FEWEST_OF_A_KIND }) {
            // Every slice has a time and may have a number of its own.
            if !in_time || parts.len() * FEWEST <= planes.len() && what.0 == "acquisition" {
                mixed = mixed.or(Some(what.0));
            }
            continue;
        }
        return if in_time && fills() { Err(Some(what.0)) } else { Ok(parts) };
    }
    for (n, condition) in CONDITIONS.iter().enumerate() {
        let of = |i: usize| planes[i].keys.conditions.get(n).cloned().flatten();
        let Some(parts) = group(&all, condition.name, of) else { continue };
        if are_stacks(&parts, FEWEST) && are_between(&parts) && !(condition.in_time && fills()) {
            return Ok(parts);
        }
    }
    Err(mixed)
}
