//! A checked header, and where the values are.

use std::path::Path;

use revoxel_core::{Dtype, Grid};

use super::geometry::{self, Geometry};
use super::header::Header;
use super::{MetaImageFacts, types};
use crate::textual::axes::{Axes, Role};
use crate::textual::payload::{DataFile, Encoding, Names, Payload, Skip};
use crate::textual::siblings::{Pattern, sibling};
use crate::textual::{FieldError, Problem, numbers};
use crate::{Facts, FileInfo, ReadError, ReadOptions, Warning, metaimage};

const NAMES: Names = Names {
    sizes: "DimSize",
    lines: "ElementDataFile",
    skip: "HeaderSize",
    encoding: |encoding| match encoding {
        Encoding::Text | Encoding::Hex => ("BinaryData", "False"),
        Encoding::Raw => ("CompressedData", "False"),
        Encoding::Gzip | Encoding::Zlib | Encoding::Bzip2 => ("CompressedData", "True"),
    },
    file: "ElementDataFile",
    wrap: metaimage::failed,
};

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
        let field = |reason: FieldError| metaimage::failed(path.to_owned(), Box::new(reason));
        let mut warnings: Vec<Warning> = header.lines_behind().into_iter().collect();
        let sizes = sizes(&header, &mut warnings).map_err(field)?;
        let channels = channels(&header).map_err(field)?;
        let dtype = header.need("ElementType").and_then(types::dtype).map_err(field)?;
        let values = numbers::checked_product(sizes.iter().copied().chain([channels, 16])).map(|n| n / 16);
        let values = values.ok_or_else(|| {
            let value = header.get("ElementNumberOfChannels").unwrap_or("1");
            field(FieldError::new("ElementNumberOfChannels", value, Problem::TooManyValues))
        })?;
        let Geometry { affine, frame_spacing, time_offset } =
            geometry::geometry(&header, &sizes, &mut warnings).map_err(field)?;
        let axes = axes(&sizes, channels, dtype);
        let grid = Grid::new(axes.shape(), affine).map_err(|_| {
            let value = header.get("ElementSpacing").unwrap_or("absent");
            field(FieldError::new("ElementSpacing", value, Problem::Singular))
        })?;
        let grid = if axes.of_space() == 2 { grid.planar() } else { grid };
        let (files, skip) = files(path, &header, &sizes, options)?;
        let compressed = header.flag("CompressedData", false).map_err(field)?;
        let mut payload = Payload {
            names: &NAMES,
            encoding: match (header.flag("BinaryData", true).map_err(field)?, compressed) {
                (true, true) => compression(path, skip)?,
                (true, false) => Encoding::Raw,
                (false, _) => Encoding::Text,
            },
            dtype,
            swapped: header.flag("BinaryDataByteOrderMSB", false).map_err(field)? != cfg!(target_endian = "big"),
            values,
            sizes: format!("{} (channels: {channels})", header.get("DimSize").unwrap_or_default()),
            line_skip: 0,
            skip,
            compressed: compressed_size(&header, &files).map_err(field)?.filter(|_| compressed),
            limits: options.limits,
            files,
        };
        payload.detect(&mut warnings)?;
        payload.check()?;
        warnings.extend(not_applied(&header));
        let frames = axes.count(Role::Frames);
        let facts = Facts {
            description: header.other.iter().find(|(key, _)| key == "Comment").map(|(_, value)| value.clone()),
            frame_spacing,
            time_offset,
            vector: axes.count(Role::Vector) > 1,
            colour: axes.count(Role::Colour) > 1,
            frames: Some(frames).filter(|_| sizes.len() > 3),
            metaimage: Some(Box::new(MetaImageFacts {
                compressed: Some(compressed),
                frame_axes: sizes.get(3..).unwrap_or_default().to_vec(),
                keys: header.other.into_iter().filter(|(key, _)| key != "Comment").collect(),
            })),
            ..Facts::default()
        };
        let info = FileInfo {
            format: "MetaImage",
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

fn sizes(header: &Header, warnings: &mut Vec<Warning>) -> Result<Vec<usize>, FieldError> {
    let text = header.need("NDims")?;
    match numbers::integer("NDims", text)? {
        axes @ 1..=10 => {
            let text = header.need("DimSize")?;
            let words: Vec<&str> = text.split_whitespace().collect();
            match words.get(axes as usize..) {
                // As many axes of one sample as one likes.
                Some(more) if !more.is_empty() && more.iter().all(|word| *word == "1") => {
                    let (value, used) = (text.to_owned(), axes as usize);
                    warnings.push(Warning::SurplusNumbers { field: "DimSize".to_owned(), value, used });
                    numbers::sizes("DimSize", &words[..axes as usize].join(" "), axes as usize)
                }
                _ => numbers::sizes("DimSize", text, axes as usize),
            }
        }
        _ => Err(FieldError::new("NDims", text, Problem::OutOfRange(1, 10))),
    }
}

fn channels(header: &Header) -> Result<usize, FieldError> {
    let field = "ElementNumberOfChannels";
    let Some(text) = header.get(field) else { return Ok(1) };
    match numbers::integer(field, text)? {
        n if n >= 1 => Ok(n as usize),
        _ => Err(FieldError::new(field, text, Problem::OutOfRange(1, i64::MAX))),
    }
}

fn axes(sizes: &[usize], channels: usize, dtype: Dtype) -> Axes {
    let role = if dtype == Dtype::U8 && matches!(channels, 3 | 4) { Role::Colour } else { Role::Vector };
    let of_file =
        sizes.iter().enumerate().map(|(axis, size)| (*size, if axis < 3 { Role::Space } else { Role::Frames }));
    Axes([(channels, role)].into_iter().chain(of_file).collect())
}

/// The files with values, and the bytes to skip in each.
fn files(
    path: &Path,
    header: &Header,
    sizes: &[usize],
    options: &ReadOptions,
) -> Result<(Vec<DataFile>, Skip), ReadError> {
    let field = |reason: FieldError| metaimage::failed(path.to_owned(), Box::new(reason));
    let skip = skip(header).map_err(field)?;
    let text = header.data_file.as_str();
    if header.is_local() {
        // A size of the header counts from the start of the file.
        let start = if matches!(skip, Skip::Bytes(n) if n > 0) { 0 } else { header.length };
        return Ok((vec![DataFile::new(path, &NAMES, path.to_owned(), start)?], skip));
    }
    let open = |name: &str| {
        let sibling = sibling(path, NAMES.file, name, options.allow_outside).map_err(field)?;
        DataFile::new(path, &NAMES, sibling, 0)
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let files = if words.first() == Some(&"LIST") {
        check_count(text, header.list.len() as u64, sizes, words.get(1).copied()).map_err(field)?;
        header.list.iter().map(|name| open(name)).collect::<Result<_, _>>()?
    } else if Pattern::is_pattern(text) {
        let (pattern, more) = Pattern::parse(NAMES.file, text).map_err(field)?;
        check_count(text, pattern.count, sizes, more.first().copied()).map_err(field)?;
        pattern.names().map(|name| open(&name)).collect::<Result<_, _>>()?
    } else {
        vec![open(text)?]
    };
    Ok((files, skip))
}

/// Checks that as many files are named as there are samples along the axes beyond those of one file. One file has all
/// axes but the last, unless the header gives another number. (ITK writes `LIST 2` for slices.)
fn check_count(text: &str, files: u64, sizes: &[usize], in_file: Option<&str>) -> Result<(), FieldError> {
    let axes = sizes.len();
    let in_file =
        match in_file.map(|word| numbers::integer(NAMES.file, word.trim_end_matches(['D', 'd']))).transpose()? {
            None => axes - 1,
            Some(n) if (0..=axes as i64).contains(&n) => n as usize,
            Some(_) => return Err(FieldError::new(NAMES.file, text, Problem::OutOfRange(0, axes as i64))),
        };
    let needed = sizes[in_file..].iter().product::<usize>() as u64;
    match files == needed {
        true => Ok(()),
        false => {
            let expected = format!("sizes that need {needed}");
            Err(FieldError::new(NAMES.file, text, Problem::FileCount { files, expected }))
        }
    }
}

fn skip(header: &Header) -> Result<Skip, FieldError> {
    let text = header.get(NAMES.skip).unwrap_or("0");
    match numbers::integer(NAMES.skip, text)? {
        -1 => Ok(Skip::ToEnd),
        bytes => match u64::try_from(bytes) {
            Ok(bytes) => Ok(Skip::Bytes(bytes)),
            Err(_) => Err(FieldError::new(NAMES.skip, text, Problem::Skip)),
        },
    }
}

/// Compressed values are zlib, or what their first bytes say, because some writers use gzip.
fn compression(path: &Path, skip: Skip) -> Result<Encoding, ReadError> {
    if skip == Skip::Bytes(0) {
        return Ok(Encoding::Zlib);
    }
    let value = if skip == Skip::ToEnd { "-1" } else { "more than 0" };
    let problem = Problem::Together("CompressedData = True");
    Err(metaimage::failed(path.to_owned(), FieldError::boxed(NAMES.skip, value, problem)))
}

/// Bytes of the compressed stream; 0 or an absent value means up to the end of the file.
fn compressed_size(header: &Header, files: &[DataFile]) -> Result<Option<u64>, FieldError> {
    let field = "CompressedDataSize";
    let Some(text) = header.get(field) else { return Ok(None) };
    let size = numbers::natural(field, text)?;
    match files {
        [file] if size > file.length.saturating_sub(file.start) => {
            Err(FieldError::new(field, text, Problem::SkipPastEnd(file.length)))
        }
        [_] => Ok(Some(size).filter(|size| *size > 0)),
        _ => Ok(None),
    }
}

/// Warns of an intensity scale, which no reader applies.
fn not_applied(header: &Header) -> Option<Warning> {
    let why = "as in ITK";
    for (field, neutral) in [("ElementToIntensityFunctionSlope", 1.0), ("ElementToIntensityFunctionOffset", 0.0)] {
        if let Some(text) = header.get(field)
            && text.parse::<f64>().ok() != Some(neutral)
        {
            return Some(Warning::NotApplied { field, value: text.to_owned(), why });
        }
    }
    None
}
