//! Writing: values after the header (`.nrrd`), or in another file (`.nhdr`).

use std::io::Write;
use std::path::{Path, PathBuf};

use revoxel_core::{Affine, Frame, Volume};

use super::header::escape;
use super::space::World;
use super::{NrrdAxis, NrrdFacts, geometry, gradients, segments, units};
use crate::atomic::partly;
use crate::codecs::deflate::Effort;
use crate::codecs::gzip;
use crate::format::Wrote;
use crate::open::{empty, has_extension};
use crate::textual::axes::{Axes, Role};
use crate::textual::fill::{self, Channels};
use crate::textual::{numbers, place};
use crate::{Facts, WriteError};

/// Writes a volume into the file `to`, which gets the name `path` later. The values of an `.nhdr` are written
/// completely, under their name.
pub(super) fn write(path: &Path, to: &Path, volume: &Volume, facts: &Facts) -> Result<Wrote, WriteError> {
    let none = NrrdFacts::default();
    let own = facts.nrrd.as_deref().unwrap_or(&none);
    let raw = own.encoding.as_deref() == Some("raw");
    let (mut of_space, mut warnings) =
        place::axes_of(volume.grid(), &Frame::Lps.affine_from_ras(volume.grid().affine()));
    let flat = of_space == 2;
    if volume.grid().is_planar() && own.axes.iter().filter(|axis| axis.space).count() == 2 {
        // As in the source: two axes in a space of three dimensions, where that of two does not do.
        (of_space, warnings) = (2, Vec::new());
    }
    let layout = layout(volume, facts, own, of_space, flat);
    let values = fill::arranged(path, &layout.axes, volume.voxels())?;
    let bytes = values.as_ref().unwrap_or(volume.voxels()).bytes();
    let effort = (!raw).then(|| Effort::for_voxels(volume.dtype()));
    let header = header(volume, facts, own, &layout, raw);
    if !has_extension(path, "nhdr") {
        fill(path, to, &[header.as_bytes(), b"\n"], bytes, effort)?;
        return Ok(warnings.into());
    }
    let data = path.with_extension(if raw { "raw" } else { "raw.gz" });
    let name = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (beside, ()) = partly(&data, |to| fill(&data, to, &[], bytes, effort))?;
    // Compressed or not, the header is text.
    fill::plain(path, to, &[header.as_bytes(), format!("data file: {name}\n").as_bytes()])?;
    Ok(Wrote { warnings, beside: Some(beside) })
}

/// The files of which one holds the values of an `.nhdr`.
pub(super) fn beside(path: &Path) -> Vec<PathBuf> {
    match has_extension(path, "nhdr") {
        true => ["raw.gz", "raw"].map(|extension| path.with_extension(extension)).into(),
        false => Vec::new(),
    }
}

fn fill(path: &Path, to: &Path, front: &[&[u8]], bytes: &[u8], effort: Option<Effort>) -> Result<(), WriteError> {
    let Some(effort) = effort else {
        let parts: Vec<&[u8]> = front.iter().copied().chain([bytes]).collect();
        return fill::plain(path, to, &parts);
    };
    let write = || {
        let mut file = empty(to)?;
        front.iter().try_for_each(|part| file.write_all(part))?;
        gzip::compress(&[bytes], effort, &mut file)
    };
    write().map_err(|reason| WriteError::Io { path: path.to_owned(), reason })
}

/// The axes of the file: those of the source if the volume still has its channels. Otherwise components come first, as
/// ITK expects, or a list of volumes comes first, as in 3D Slicer. Frames in time come last.
struct Layout {
    axes: Axes,
    described: Vec<NrrdAxis>,
    /// The space includes time along the last axis, with this distance of samples.
    time_step: Option<f64>,
    /// Whether the space has two dimensions.
    flat: bool,
    /// The directions of its axes.
    world: World,
}

fn layout(volume: &Volume, facts: &Facts, own: &NrrdFacts, of_space: usize, flat: bool) -> Layout {
    let shape = volume.grid().shape();
    let mut described = of_source(volume, facts, own, of_space).unwrap_or_else(|| of_facts(volume, facts, of_space));
    described.iter_mut().filter(|axis| axis.space).zip(shape).for_each(|(axis, size)| axis.size = size);
    let axes = Axes(described.iter().map(|axis| (axis.size, geometry::role(axis))).collect());
    let of_frames = axes.0.iter().filter(|(_, role)| *role == Role::Frames).count();
    let is_last = axes.0.last().is_some_and(|(_, role)| *role == Role::Frames);
    let in_time = described.last().is_some_and(geometry::is_in_time) && of_frames == 1 && is_last && of_space == 3;
    // A measurement frame is one of three dimensions.
    let has_vectors = own.measurement_frame.is_some() || gradients::any(&own.key_values);
    let single = described.last().is_some_and(|axis| axis.size == 1).then_some(1.0);
    // Where the source has frames and no step of them, it is 1, as in NIfTI: else readers would take them for
    // components.
    let counted = own.axes.is_empty().then_some(1.0);
    let time_step = facts.frame_spacing.or(single).or(counted).filter(|_| in_time && !has_vectors);
    for (axis, (_, role)) in described.iter_mut().zip(&axes.0) {
        // ITK takes these kinds for axes of space, whatever their direction is.
        if *role == Role::Frames && time_step.is_none() && geometry::is_in_time(axis) {
            axis.kind = Some("list".to_owned());
        }
    }
    // ITK knows a space with time as left-posterior-superior only.
    let world = match time_step.is_none() && !flat {
        true => World::of(own.space.as_deref()),
        false => World::Lps,
    };
    Layout { axes, described, time_step, flat, world }
}

/// The axes of a volume whose source is not an NRRD file.
fn of_facts(volume: &Volume, facts: &Facts, of_space: usize) -> Vec<NrrdAxis> {
    let Channels { components, frames, colour } = Channels::of(volume, facts);
    let axis = |size, kind: &str| NrrdAxis { size, kind: Some(kind.to_owned()), ..NrrdAxis::default() };
    let space = NrrdAxis { size: 1, space: true, ..NrrdAxis::default() };
    let mut axes = vec![space; of_space];
    if facts.frames == Some(frames) {
        axes.push(axis(frames, "time"));
    } else if frames > 1 && components > 1 {
        axes.push(axis(frames, "list"));
    } else if frames > 1 {
        axes.insert(0, axis(frames, "list"));
    }
    match (colour, components) {
        (_, 1) => {}
        (true, 4) => axes.insert(0, axis(4, "RGBA-color")),
        (true, _) => axes.insert(0, axis(components, "RGB-color")),
        (false, _) => axes.insert(0, axis(components, "vector")),
    }
    axes
}

/// The axes of the source, with the volume's number of space axes.
fn of_source(volume: &Volume, facts: &Facts, own: &NrrdFacts, wanted: usize) -> Option<Vec<NrrdAxis>> {
    let axes = Axes(own.axes.iter().map(|axis| (axis.size, geometry::role(axis))).collect());
    let of_space = own.axes.iter().filter(|axis| axis.space).count();
    let fits = numbers::checked_product(own.axes.iter().filter(|axis| !axis.space).map(|axis| axis.size));
    let meant = (axes.count(Role::Vector) > 1, axes.count(Role::Colour) > 1) == (facts.vector, facts.colour);
    if fits != Some(volume.channels()) || !meant || !(1..=wanted).contains(&of_space) {
        return None;
    }
    let mut described = own.axes.clone();
    let behind = described.iter().rposition(|axis| axis.space).map_or(0, |at| at + 1);
    for _ in of_space..wanted {
        described.insert(behind, NrrdAxis { size: 1, space: true, ..NrrdAxis::default() });
    }
    Some(described)
}

fn header(volume: &Volume, facts: &Facts, own: &NrrdFacts, layout: &Layout, raw: bool) -> String {
    let Layout { described, time_step, flat, .. } = layout;
    let same_axes = own.axes.len() <= described.len() && !own.axes.is_empty() && {
        let without_added =
            |axes: &[NrrdAxis]| axes.iter().map(|axis| axis.size).filter(|n| *n > 1).collect::<Vec<_>>();
        without_added(&own.axes) == without_added(described)
    };
    let each = |text: &dyn Fn(&NrrdAxis) -> String| described.iter().map(text).collect::<Vec<_>>().join(" ");
    let mut lines = vec!["NRRD0005".to_owned(), "# https://teem.sourceforge.net/nrrd/format.html".to_owned()];
    let mut line = |name: &str, value: &str| lines.push(format!("{name}: {}", value.replace(['\n', '\r'], " ")));
    if let Some(content) = &facts.description {
        line("content", content);
    }
    line("type", type_name(volume));
    line("dimension", &described.len().to_string());
    match (flat, time_step) {
        (true, _) => line("space dimension", "2"),
        (false, Some(_)) => line("space", "left-posterior-superior-time"),
        (false, None) => line("space", layout.world.written()),
    }
    line("sizes", &each(&|axis| axis.size.to_string()));
    lie(volume, facts, layout, &mut line);
    let default_kind = |axis: &NrrdAxis| match (axis.space, time_step) {
        (true, _) => "domain",
        (false, Some(_)) => "time",
        (false, None) => "list",
    };
    line("kinds", &each(&|axis| axis.kind.clone().unwrap_or_else(|| default_kind(axis).to_owned())));
    of_axes(if same_axes { described } else { &[] }, facts, layout, &mut line);
    line("endian", if cfg!(target_endian = "little") { "little" } else { "big" });
    line("encoding", if raw { "raw" } else { "gzip" });
    if let Some(frame) = own.measurement_frame.as_ref().filter(|_| !flat) {
        let rows = [0, 1, 2].map(|row| [0, 1, 2].map(|column| frame[column][row]));
        let in_world = layout.world.affine_from_ras(&Affine::from_linear(rows, [0.0; 3]));
        line("measurement frame", &[0, 1, 2].map(|axis| vector(&in_world.column(axis))).join(" "));
    }
    for (name, value) in &own.fields {
        // Ranges of values and the like may be those of other values by now.
        if same_axes || !matches!(name.as_str(), "number" | "min" | "max" | "old min" | "old max") {
            line(&name.replace(['\n', '\r', ':'], " "), value);
        }
    }
    let shape_of_source = own.axes.iter().filter(|axis| axis.space).map(|axis| axis.size).chain([1, 1]).take(3);
    let moved = !own.axes.is_empty() && !shape_of_source.eq(volume.grid().shape());
    for (key, value) in segments::placed(&own.key_values, volume, moved) {
        lines.push(format!("{}:={}", escape(&key), escape(&value)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The geometry in space and time.
fn lie(volume: &Volume, facts: &Facts, layout: &Layout, line: &mut impl FnMut(&str, &str)) {
    let affine = layout.world.affine_from_ras(volume.grid().affine());
    let in_time = |v: [f64; 3], time: f64| match layout.time_step {
        Some(_) => vector(&[v[0], v[1], v[2], time]),
        None => vector(&v[..if layout.flat { 2 } else { 3 }]),
    };
    let mut columns = [0, 1, 2].map(|axis| in_time(affine.column(axis), 0.0)).into_iter();
    let mut directions = Vec::new();
    for (axis, (_, role)) in layout.described.iter().zip(&layout.axes.0) {
        let direction = match (axis.space, role, layout.time_step) {
            (true, ..) => columns.next(),
            (_, Role::Frames, Some(step)) => Some(in_time([0.0; 3], step)),
            _ => None,
        };
        directions.push(direction.unwrap_or_else(|| "none".to_owned()));
    }
    line("space directions", &directions.join(" "));
    line("space origin", &in_time(affine.translation(), facts.time_offset.unwrap_or(0.0)));
    let unit = layout.described.last().and_then(|axis| unit_of_time(axis, facts));
    if let Some(unit) = unit.filter(|_| layout.time_step.is_some()) {
        line("space units", &format!("\"mm\" \"mm\" \"mm\" {}", quoted(&unit)));
    }
}

/// The unit along an axis of frames, as the source spells it.
fn unit_of_time(axis: &NrrdAxis, facts: &Facts) -> Option<String> {
    // A step that was counted has no unit.
    let known = facts.time_unit.filter(|_| facts.frame_spacing.is_some());
    axis.unit.clone().or_else(|| known.map(|unit| units::name(unit).to_owned()))
}

/// The entries per axis, if any: of the `described` axes, and of an axis of frames in time.
fn of_axes(described: &[NrrdAxis], facts: &Facts, layout: &Layout, line: &mut impl FnMut(&str, &str)) {
    let axes = || layout.described.iter().enumerate().zip(&layout.axes.0);
    let mut some = |name: &str, text: &dyn Fn(usize, &NrrdAxis, Role) -> Option<String>, absent: &str| {
        let texts: Vec<_> = axes().map(|((at, axis), (_, role))| text(at, axis, *role)).collect();
        if texts.iter().any(Option::is_some) {
            let texts = texts.into_iter().map(|text| text.unwrap_or_else(|| absent.to_owned()));
            line(name, &texts.collect::<Vec<_>>().join(" "));
        }
    };
    // A space that has time says these itself.
    let frames = axes().filter(|(_, (_, role))| *role == Role::Frames).count();
    let of_time = |role: Role| role == Role::Frames && frames == 1 && layout.time_step.is_none();
    let number = |value: Option<f64>| value.map(numbers::number);
    some("spacings", &|_, _, role| number(facts.frame_spacing.filter(|_| of_time(role))), "nan");
    some("axis mins", &|_, _, role| number(facts.time_offset.filter(|_| of_time(role))), "nan");
    some("thicknesses", &|at, _, _| number(described.get(at)?.thickness), "nan");
    some("centers", &|at, _, _| described.get(at)?.center.clone(), "???");
    some("labels", &|at, _, _| described.get(at)?.label.as_deref().map(quoted), "\"\"");
    let unit = |at: usize, axis: &NrrdAxis, role: Role| match of_time(role) {
        true => unit_of_time(axis, facts),
        false if role == Role::Space || role == Role::Frames && layout.time_step.is_some() => None,
        false => described.get(at)?.unit.clone(),
    };
    some("units", &|at, axis, role| unit(at, axis, role).as_deref().map(quoted), "\"\"");
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\\\""))
}

fn vector(v: &[f64]) -> String {
    format!("({})", v.iter().map(|x| numbers::number(x + 0.0)).collect::<Vec<_>>().join(","))
}

/// The names that every reader knows.
fn type_name(volume: &Volume) -> &'static str {
    match volume.dtype().name() {
        "float32" => "float",
        "float64" => "double",
        name => name,
    }
}
