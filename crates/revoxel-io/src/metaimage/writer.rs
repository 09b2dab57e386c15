//! Writing: values in the same file (`.mha`) or beside it (`.mhd` with `.zraw` or `.raw`).

use std::fs;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use revoxel_core::{Dtype, Frame, Volume};

use super::{MetaImageFacts, types};
use crate::atomic::partly;
use crate::codecs::deflate::Effort;
use crate::codecs::zlib;
use crate::format::Wrote;
use crate::open::{empty, has_extension};
use crate::textual::axes::{Axes, Role};
use crate::textual::fill::{self, Channels};
use crate::textual::numbers::{self, spaced};
use crate::textual::place;
use crate::{Facts, Warning, WriteError};

/// Digits reserved for a size in bytes.
const DIGITS: usize = 20;

/// Writes a volume into the file `to`, which gets the name `path` later. The values of an `.mhd` are in
/// another file.
pub(super) fn write(path: &Path, to: &Path, volume: &Volume, facts: &Facts) -> Result<Wrote, WriteError> {
    let none = MetaImageFacts::default();
    let own = facts.metaimage.as_deref().unwrap_or(&none);
    let compressed = (own.compressed != Some(false)).then(|| Effort::for_voxels(volume.dtype()));
    let (components, frame_axes) = layout(volume, facts, own);
    let (mut of_space, mut warnings) =
        place::axes_of(volume.grid(), &Frame::Lps.affine_from_ras(volume.grid().affine()));
    if of_space == 2 && !frame_axes.is_empty() {
        // The axes of frames are those behind the third.
        (of_space, warnings) = (3, vec![Warning::ThirdAxis]);
    }
    let colour = Channels::of(volume, facts).colour;
    let axes = Axes(axes(volume, components, &frame_axes, colour, of_space));
    let values = fill::arranged(path, &axes, volume.voxels())?;
    let bytes = values.as_ref().unwrap_or(volume.voxels()).bytes();
    let mut header = header(volume, facts, own, components, &frame_axes, of_space);
    if !has_extension(path, "mhd") {
        return local(path, to, header, bytes, compressed).map(|()| warnings.into());
    }
    let data = path.with_extension(if compressed.is_some() { "zraw" } else { "raw" });
    let fail = |reason| WriteError::Io { path: data.clone(), reason };
    let (beside, length) = partly(&data, |to| {
        match compressed {
            Some(effort) => {
                empty(to).and_then(|mut file| zlib::compress(&[bytes], effort, &mut file)).map_err(fail)?;
            }
            None => fill::plain(&data, to, &[bytes])?,
        }
        fs::metadata(to).map(|metadata| metadata.len()).map_err(fail)
    })?;
    let name = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if compressed.is_some() {
        header.push_str(&format!("CompressedDataSize = {length}\n"));
    }
    header.push_str(&format!("CompressedData = {}\n", spelled(compressed.is_some())));
    header.push_str(&format!("ElementDataFile = {name}\n"));
    fill::plain(path, to, &[header.as_bytes()])?;
    Ok(Wrote { warnings, beside: Some(beside) })
}

/// The files of which one holds the values of an `.mhd`.
pub(super) fn beside(path: &Path) -> Vec<PathBuf> {
    match has_extension(path, "mhd") {
        true => ["zraw", "raw"].map(|extension| path.with_extension(extension)).into(),
        false => Vec::new(),
    }
}

/// Header and values in one file. The size of the compressed values is filled in afterwards.
fn local(
    path: &Path,
    to: &Path,
    mut header: String,
    bytes: &[u8],
    compressed: Option<Effort>,
) -> Result<(), WriteError> {
    header.push_str(&format!("CompressedData = {}\n", spelled(compressed.is_some())));
    let Some(effort) = compressed else {
        header.push_str("ElementDataFile = LOCAL\n");
        return fill::plain(path, to, &[header.as_bytes(), bytes]);
    };
    header.push_str("CompressedDataSize = ");
    let place = header.len() as u64;
    header.push_str(&" ".repeat(DIGITS));
    header.push_str("\nElementDataFile = LOCAL\n");
    let write = || -> io::Result<()> {
        let mut file = empty(to)?;
        file.write_all(header.as_bytes())?;
        zlib::compress(&[bytes], effort, &mut file)?;
        let length = file.stream_position()? - header.len() as u64;
        file.seek(SeekFrom::Start(place))?;
        file.write_all(length.to_string().as_bytes())
    };
    write().map_err(|reason| WriteError::Io { path: path.to_owned(), reason })
}

/// Components per voxel, and the axes of frames: those of the source if the volume still has them.
fn layout(volume: &Volume, facts: &Facts, own: &MetaImageFacts) -> (usize, Vec<usize>) {
    let Channels { components, frames, colour } = Channels::of(volume, facts);
    if volume.dtype() == Dtype::U8 && matches!(components, 3 | 4) && frames > 1 && !colour {
        // Readers take three or four bytes for a colour, and those of colours with frames lie in another order: plain
        // channels.
        return (volume.channels(), Vec::new());
    }
    let is_axis = facts.frames == Some(frames);
    let is_of_source =
        !own.frame_axes.is_empty() && numbers::checked_product(own.frame_axes.iter().copied()) == Some(frames);
    match (components, frames) {
        _ if is_of_source => (components, own.frame_axes.clone()),
        _ if is_axis => (components, vec![frames]),
        // Plain channels, as ITK writes its vector images.
        (1, channels) => (channels, Vec::new()),
        (components, 1) => (components, Vec::new()),
        (components, frames) => (components, vec![frames]),
    }
}

fn axes(volume: &Volume, components: usize, frame_axes: &[usize], colour: bool, of_space: usize) -> Vec<(usize, Role)> {
    let space = volume.grid().shape().into_iter().take(of_space).map(|size| (size, Role::Space));
    let frames = frame_axes.iter().map(|size| (*size, Role::Frames));
    [(components, if colour { Role::Colour } else { Role::Vector })].into_iter().chain(space).chain(frames).collect()
}

fn header(
    volume: &Volume,
    facts: &Facts,
    own: &MetaImageFacts,
    components: usize,
    frame_axes: &[usize],
    of_space: usize,
) -> String {
    let affine = Frame::Lps.affine_from_ras(volume.grid().affine());
    let (shape, spacing, direction, offset) =
        (volume.grid().shape(), affine.spacing(), affine.direction(), affine.translation());
    let dims = of_space + frame_axes.len();
    let entry = |row: usize, column: usize| match (row < of_space, column < of_space) {
        // The file has the direction of axis i in row i.
        (true, true) => direction[column][row],
        _ => f64::from(u8::from(row == column)),
    };
    let matrix = (0..dims).flat_map(|row| (0..dims).map(move |column| entry(row, column)));
    let fourth = |value: Option<f64>, other: f64| {
        (0..frame_axes.len()).map(move |axis| value.filter(|_| axis == 0).unwrap_or(other))
    };
    let sizes = shape.iter().take(of_space).chain(frame_axes).map(ToString::to_string).collect::<Vec<_>>().join(" ");
    // ITK takes them for seconds.
    let frame_spacing = facts.in_seconds(facts.frame_spacing).filter(|step| *step > 0.0);
    let time_offset = facts.in_seconds(facts.time_offset);
    let one_line = |text: &str| text.replace(['\n', '\r'], " ");
    let mut lines = vec!["ObjectType = Image".to_owned(), format!("NDims = {dims}")];
    lines.extend(facts.description.as_ref().map(|text| format!("Comment = {}", one_line(text))));
    let is_key = |key: &str| !key.eq_ignore_ascii_case("ElementDataFile");
    lines.extend(
        own.keys.iter().filter(|(key, _)| is_key(key)).map(|(key, v)| format!("{} = {}", one_line(key), one_line(v))),
    );
    lines.push("BinaryData = True".to_owned());
    lines.push(format!("BinaryDataByteOrderMSB = {}", spelled(cfg!(target_endian = "big"))));
    lines.push(format!("TransformMatrix = {}", spaced(matrix)));
    lines.push(format!("Offset = {}", spaced(offset.into_iter().take(of_space).chain(fourth(time_offset, 0.0)))));
    lines.push(format!("CenterOfRotation = {}", spaced(vec![0.0; dims])));
    let letters = if of_space == 2 { "??".to_owned() } else { letters(volume) };
    lines.push(format!("AnatomicalOrientation = {letters}"));
    lines.push(format!(
        "ElementSpacing = {}",
        spaced(spacing.into_iter().take(of_space).chain(fourth(frame_spacing, 1.0)))
    ));
    lines.push(format!("DimSize = {sizes}"));
    if components > 1 {
        lines.push(format!("ElementNumberOfChannels = {components}"));
    }
    lines.push(format!("ElementType = {}", types::name(volume.dtype())));
    lines.push(String::new());
    lines.join("\n")
}

/// Where the axes come from, in ITK's notation: `RAI` for axes that point to the left, the back and the head.
fn letters(volume: &Volume) -> String {
    let opposite = |c| match c {
        'R' => 'L',
        'L' => 'R',
        'A' => 'P',
        'P' => 'A',
        'S' => 'I',
        'I' => 'S',
        other => other,
    };
    volume.grid().orientation().to_string().chars().map(opposite).collect()
}

const fn spelled(flag: bool) -> &'static str {
    if flag { "True" } else { "False" }
}
