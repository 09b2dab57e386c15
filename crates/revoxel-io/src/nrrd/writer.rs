//! Writing: attached (`.nrrd`), or the header with the values beside it (`.nhdr`).

use std::io::Write;
use std::path::Path;

use revoxel_core::{Frame, Volume};

use super::header::escape;
use super::{NrrdAxis, NrrdFacts, geometry, segments};
use crate::codecs::deflate::Effort;
use crate::codecs::gzip;
use crate::file::{atomically, empty, has_extension};
use crate::textual::axes::{Axes, Role};
use crate::textual::fill::{self, Channels};
use crate::textual::{numbers, place};
use crate::{Facts, Warning, WriteError};

/// Writes a volume into the file `to`, which gets the name `path` later. The values of an `.nhdr` are written in
/// full, under their name.
pub(super) fn write(path: &Path, to: &Path, volume: &Volume, facts: &Facts) -> Result<Vec<Warning>, WriteError> {
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
    let (axes, described) = layout(volume, facts, own, of_space);
    let values = fill::arranged(path, &axes, volume.voxels())?;
    let bytes = values.as_ref().unwrap_or(volume.voxels()).bytes();
    let effort = (!raw).then(|| Effort::for_voxels(volume.dtype()));
    let layout = Layout { axes: &axes, described: &described, flat };
    let header = header(volume, facts, own, &layout, raw);
    if !has_extension(path, "nhdr") {
        fill(path, to, &[header.as_bytes(), b"\n"], bytes, effort)?;
        return Ok(warnings);
    }
    let data = path.with_extension(if raw { "raw" } else { "raw.gz" });
    let name = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    atomically(&data, |to| fill(&data, to, &[], bytes, effort))?;
    // Compressed or not, the header is text.
    fill::plain(path, to, &[header.as_bytes(), format!("data file: {name}\n").as_bytes()])?;
    Ok(warnings)
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

/// The axes of the file: those of the source where its channels are still the volume's; else components first, as
/// ITK expects them, or a list of volumes first, as 3D Slicer has it.
fn layout(volume: &Volume, facts: &Facts, own: &NrrdFacts, of_space: usize) -> (Axes, Vec<NrrdAxis>) {
    let shape = volume.grid().shape();
    let mut described = match of_source(volume, facts, own, of_space) {
        Some(described) => described,
        None => {
            let Channels { components, frames, colour } = Channels::of(volume, facts);
            let axis = |size, kind: &str| NrrdAxis { size, kind: Some(kind.to_owned()), ..NrrdAxis::default() };
            let space = NrrdAxis { size: 1, space: true, ..NrrdAxis::default() };
            let mut axes = vec![space; of_space];
            if frames > 1 && components > 1 {
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
    };
    described.iter_mut().filter(|axis| axis.space).zip(shape).for_each(|(axis, size)| axis.size = size);
    let axes = Axes(described.iter().map(|axis| (axis.size, geometry::role(axis))).collect());
    (axes, described)
}

/// The axes of the source, with as many of space.
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

/// The axes of a file.
struct Layout<'a> {
    axes: &'a Axes,
    described: &'a [NrrdAxis],
    /// Whether they lie in a space of two dimensions.
    flat: bool,
}

fn header(volume: &Volume, facts: &Facts, own: &NrrdFacts, layout: &Layout<'_>, raw: bool) -> String {
    let Layout { axes, described, flat } = *layout;
    let affine = Frame::Lps.affine_from_ras(volume.grid().affine());
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
    line("dimension", &axes.0.len().to_string());
    if flat {
        line("space dimension", "2");
    } else {
        line("space", "left-posterior-superior");
    }
    line("sizes", &each(&|axis| axis.size.to_string()));
    let mut columns = [0, 1, 2].map(|axis| vector(affine.column(axis), flat)).into_iter();
    let mut directions = Vec::new();
    for axis in described {
        let direction = if axis.space { columns.next() } else { None };
        directions.push(direction.unwrap_or_else(|| "none".to_owned()));
    }
    line("space directions", &directions.join(" "));
    line("space origin", &vector(affine.translation(), flat));
    let default_kind = |axis: &NrrdAxis| if axis.space { "domain" } else { "list" }.to_owned();
    line("kinds", &each(&|axis| axis.kind.clone().unwrap_or_else(|| default_kind(axis))));
    if same_axes {
        of_axes(described, &mut line);
    }
    line("endian", if cfg!(target_endian = "little") { "little" } else { "big" });
    line("encoding", if raw { "raw" } else { "gzip" });
    if let Some(frame) = own.measurement_frame.as_ref().filter(|_| !flat) {
        let in_lps = frame.map(|column| vector(Frame::Lps.point_from_ras(column), false));
        line("measurement frame", &in_lps.join(" "));
    }
    for (name, value) in &own.fields {
        // Ranges of values and the like may be those of other values by now.
        if same_axes || !matches!(name.as_str(), "number" | "min" | "max" | "old min" | "old max") {
            line(&name.replace(['\n', '\r', ':'], " "), value);
        }
    }
    let shape_of_source = own.axes.iter().filter(|axis| axis.space).map(|axis| axis.size).chain([1, 1]).take(3);
    let moved = !own.axes.is_empty() && !shape_of_source.eq(volume.grid().shape());
    for (key, value) in &own.key_values {
        let value = if moved { segments::on_shape(key, value, volume.grid().shape()) } else { value.clone() };
        lines.push(format!("{}:={}", escape(key), escape(&value)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// What is said of each axis, where anything is.
fn of_axes(described: &[NrrdAxis], line: &mut impl FnMut(&str, &str)) {
    let mut some = |name: &str, text: &dyn Fn(&NrrdAxis) -> Option<String>, absent: &str| {
        if described.iter().any(|axis| text(axis).is_some()) {
            let texts = described.iter().map(|axis| text(axis).unwrap_or_else(|| absent.to_owned()));
            line(name, &texts.collect::<Vec<_>>().join(" "));
        }
    };
    let quoted = |text: &String| format!("\"{}\"", text.replace('"', "\\\""));
    some("thicknesses", &|axis| axis.thickness.map(numbers::number), "nan");
    some("centers", &|axis| axis.center.clone(), "???");
    some("labels", &|axis| axis.label.as_ref().map(quoted), "\"\"");
    some("units", &|axis| axis.unit.as_ref().filter(|_| !axis.space).map(quoted), "\"\"");
}

/// A vector of the space, which has two dimensions where it is `flat`.
fn vector(v: [f64; 3], flat: bool) -> String {
    let numbers = v.map(|x| numbers::number(x + 0.0));
    format!("({})", numbers[..if flat { 2 } else { 3 }].join(","))
}

/// The names that every reader knows.
fn type_name(volume: &Volume) -> &'static str {
    match volume.dtype().name() {
        "float32" => "float",
        "float64" => "double",
        name => name,
    }
}
