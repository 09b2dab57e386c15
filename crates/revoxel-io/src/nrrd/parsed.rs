//! A checked header, and where the values are.

use std::path::Path;

use revoxel_core::Grid;

use super::geometry::{self, Geometry};
use super::header::Header;
use super::{NrrdFacts, fields, units};
use crate::textual::axes::{Axes, Role};
use crate::textual::payload::{DataFile, Encoding, Names, Payload, Skip};
use crate::textual::siblings::{Pattern, sibling};
use crate::textual::{FieldError, Problem, numbers};
use crate::{Facts, FileInfo, ReadError, ReadOptions, nrrd};

const NAMES: Names = Names {
    sizes: "sizes",
    lines: "line skip",
    skip: "byte skip",
    encoding: |encoding| {
        let value = match encoding {
            Encoding::Raw => "raw",
            Encoding::Text => "text",
            Encoding::Hex => "hex",
            Encoding::Gzip => "gzip",
            Encoding::Zlib => "zlib",
            Encoding::Bzip2 => "bzip2",
        };
        ("encoding", value)
    },
    file: "data file",
    wrap: nrrd::failed,
};

/// Fields that are kept unchanged.
const VERBATIM: [&str; 6] = ["number", "sample units", "min", "max", "old min", "old max"];

/// Everything that reading the values needs.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) info: FileInfo,
    pub(super) axes: Axes,
    pub(super) payload: Payload,
}

impl Parsed {
    /// Reads and checks the header of a file.
    pub(super) fn open(path: &Path, options: &ReadOptions) -> Result<Self, ReadError> {
        let header = Header::open(path)?;
        let field = |reason: FieldError| nrrd::failed(path.to_owned(), Box::new(reason));
        let sizes = sizes(&header).map_err(field)?;
        let dtype = header.need("type").and_then(fields::dtype).map_err(field)?;
        let encoding = header.need("encoding").and_then(encoding).map_err(field)?;
        let swapped = swapped(&header, dtype.size(), encoding).map_err(field)?;
        let (line_skip, skip) = skips(&header).map_err(field)?;
        let mut warnings = Vec::new();
        let Geometry { axes, affine, described, frame_spacing, time_offset, measurement_frame, space } =
            geometry::geometry(&header, &sizes, &mut warnings).map_err(field)?;
        let grid = Grid::new(axes.shape(), affine).map_err(|_| {
            let name = if header.get("space directions").is_some() { "space directions" } else { "spacings" };
            field(FieldError::new(name, header.get(name).unwrap_or("absent"), Problem::Singular))
        })?;
        let grid = if axes.of_space() == 2 { grid.planar() } else { grid };
        let mut payload = Payload {
            names: &NAMES,
            files: files(path, &header, &sizes, options)?,
            encoding,
            dtype,
            swapped,
            values: sizes.iter().product(),
            sizes: header.get("sizes").unwrap_or_default().to_owned(),
            line_skip,
            skip,
            compressed: None,
            limits: options.limits,
        };
        payload.detect(&mut warnings)?;
        payload.check()?;
        let (components, frames) = (axes.count(Role::Colour) * axes.count(Role::Vector), axes.count(Role::Frames));
        let frames_axis = axes.0.iter().position(|(_, role)| *role == Role::Frames);
        let time_unit = frames_axis.and_then(|axis| units::time(described[axis].unit.as_deref()?));
        let in_time = frames_axis.is_some_and(|axis| geometry::is_in_time(&described[axis]));
        let facts = Facts {
            description: header.get("content").filter(|text| !text.is_empty()).map(str::to_owned),
            frame_spacing,
            time_offset,
            time_unit,
            vector: axes.count(Role::Vector) > 1,
            colour: axes.count(Role::Colour) > 1,
            frames: Some(frames).filter(|frames| in_time || (*frames > 1 && components > 1)),
            nrrd: Some(Box::new(NrrdFacts {
                encoding: header.get("encoding").map(str::to_ascii_lowercase),
                space,
                axes: described,
                measurement_frame,
                fields: verbatim(&header),
                key_values: header.key_values,
            })),
            ..Facts::default()
        };
        let info = FileInfo {
            format: "NRRD",
            grid,
            stored: dtype,
            dtype,
            channels: axes.channels(),
            facts,
            warnings,
            slices: None,
        };
        Ok(Self { info, axes, payload })
    }
}

fn sizes(header: &Header) -> Result<Vec<usize>, FieldError> {
    let text = header.need("dimension")?;
    match numbers::integer("dimension", text)? {
        axes @ 1..=16 => numbers::sizes("sizes", header.need("sizes")?, axes as usize),
        _ => Err(FieldError::new("dimension", text, Problem::OutOfRange(1, 16))),
    }
}

fn encoding(text: &str) -> Result<Encoding, FieldError> {
    match text.to_ascii_lowercase().as_str() {
        "raw" => Ok(Encoding::Raw),
        "txt" | "text" | "ascii" => Ok(Encoding::Text),
        "hex" => Ok(Encoding::Hex),
        "gz" | "gzip" => Ok(Encoding::Gzip),
        "bz2" | "bzip2" => Ok(Encoding::Bzip2),
        _ => Err(FieldError::new("encoding", text, Problem::UnknownWord("raw, text, hex, gzip and bzip2"))),
    }
}

fn swapped(header: &Header, size: usize, encoding: Encoding) -> Result<bool, FieldError> {
    match header.get("endian") {
        Some(text) => match text.to_ascii_lowercase().as_str() {
            "little" => Ok(cfg!(target_endian = "big")),
            "big" => Ok(cfg!(target_endian = "little")),
            _ => Err(FieldError::new("endian", text, Problem::UnknownWord("little and big"))),
        },
        None if size > 1 && encoding != Encoding::Text => {
            Err(FieldError::new("endian", "absent", Problem::NoByteOrder))
        }
        None => Ok(false),
    }
}

fn skips(header: &Header) -> Result<(u64, Skip), FieldError> {
    let lines = header.get("line skip").map_or(Ok(0), |text| numbers::natural("line skip", text))?;
    let text = header.get("byte skip").unwrap_or("0");
    match numbers::integer("byte skip", text)? {
        -1 => Ok((lines, Skip::ToEnd)),
        bytes => match u64::try_from(bytes) {
            Ok(bytes) => Ok((lines, Skip::Bytes(bytes))),
            Err(_) => Err(FieldError::new("byte skip", text, Problem::Skip)),
        },
    }
}

/// The files with values: the header's own, one, a list, or a pattern.
fn files(path: &Path, header: &Header, sizes: &[usize], options: &ReadOptions) -> Result<Vec<DataFile>, ReadError> {
    let field = |reason: FieldError| nrrd::failed(path.to_owned(), Box::new(reason));
    let Some(text) = header.get("data file") else {
        let start = header.data_start.ok_or_else(|| field(FieldError::new("data file", "absent", Problem::NoEnd)))?;
        return Ok(vec![DataFile::new(path, &NAMES, path.to_owned(), start)?]);
    };
    let open = |name: &str| {
        let sibling = sibling(path, "data file", name, options.allow_outside).map_err(field)?;
        DataFile::new(path, &NAMES, sibling, 0)
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.first() == Some(&"LIST") {
        check_count(text, header.list.len() as u64, sizes, &words[1..]).map_err(field)?;
        return header.list.iter().map(|name| open(name)).collect();
    }
    if Pattern::is_pattern(text) {
        let (pattern, more) = Pattern::parse("data file", text).map_err(field)?;
        check_count(text, pattern.count, sizes, &more).map_err(field)?;
        return pattern.names().map(|name| open(&name)).collect();
    }
    Ok(vec![open(text)?])
}

/// Checks that the number of named files matches the sizes: one per sample of the axes beyond those in one file or, if
/// a file has all axes, slabs along the slowest axis.
fn check_count(text: &str, files: u64, sizes: &[usize], more: &[&str]) -> Result<(), FieldError> {
    let axes = sizes.len();
    let in_file = match more {
        [] => axes - 1,
        [word] => match numbers::integer("data file", word)? {
            n if n >= 1 && n <= axes as i64 => n as usize,
            _ => return Err(FieldError::new("data file", text, Problem::OutOfRange(1, axes as i64))),
        },
        _ => return Err(FieldError::new("data file", text, Problem::Pattern("extra words after the step"))),
    };
    let slowest = sizes[axes - 1] as u64;
    let (fits, expected) = match in_file == axes {
        true => (files > 0 && slowest.is_multiple_of(files), format!("slabs of an axis of {slowest} samples")),
        false => {
            let needed = sizes[in_file..].iter().product::<usize>() as u64;
            (files == needed, format!("sizes that need {needed}"))
        }
    };
    match fits {
        true => Ok(()),
        false => Err(FieldError::new("data file", text, Problem::FileCount { files, expected })),
    }
}

fn verbatim(header: &Header) -> Vec<(String, String)> {
    let known = VERBATIM.iter().filter_map(|name| Some(((*name).to_owned(), header.get(name)?.to_owned())));
    known.chain(header.unknown.iter().cloned()).collect()
}
