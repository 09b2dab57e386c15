//! A checked header, and where the values are.

use std::path::Path;

use revoxel_core::{Affine, Dtype, Grid};

use super::header::Header;
use super::layout::Layout;
use super::types::{self, Stored};
use super::{MifFacts, scaled};
use crate::codecs::head::Packed;
use crate::textual::payload::{DataFile, Encoding, Names, Payload, Skip};
use crate::textual::siblings::sibling;
use crate::textual::{FieldError, Problem, numbers};
use crate::{Facts, FileInfo, ReadError, ReadOptions, TimeUnit, Warning, mif};

const NAMES: Names = Names {
    sizes: "dim",
    lines: "file",
    skip: "file",
    encoding: |encoding| match encoding {
        Encoding::Raw => ("values", "plain"),
        _ => ("values", "compressed"),
    },
    file: "file",
    wrap: mif::failed,
};

/// Everything that reading the values needs.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) info: FileInfo,
    pub(super) kind: Stored,
    pub(super) layout: Layout,
    /// Slope and intercept, if they have an effect.
    pub(super) scaling: Option<(f64, f64)>,
    pub(super) payload: Payload,
}

impl Parsed {
    /// Reads and checks the header of a file.
    pub(super) fn open(path: &Path, options: &ReadOptions) -> Result<Self, ReadError> {
        let (header, head) = Header::open(path)?;
        let field = |reason: FieldError| mif::failed(path.to_owned(), Box::new(reason));
        let text = header.need("dim").map_err(field)?;
        let axes = text.split(',').count();
        let sizes = match axes {
            1..=16 => numbers::sizes("dim", &text.replace(',', " "), axes).map_err(field)?,
            _ => return Err(field(FieldError::new("dim", text, Problem::OutOfRange(1, 16)))),
        };
        let kind = header.need("datatype").and_then(|text| types::stored(text, options.complex)).map_err(field)?;
        let layout = match header.get("layout").map_err(field)? {
            Some(text) => Layout::parse(text, &sizes),
            None => Layout::parse(&(0..axes).map(|n| n.to_string()).collect::<Vec<_>>().join(","), &sizes),
        };
        let layout = layout.map_err(field)?;
        let mut warnings = Vec::new();
        if kind.components > 1 {
            warnings.push(Warning::ComplexChannels(if kind.dtype.size() == 4 { "complex64" } else { "complex128" }));
        }
        let spacing = spacing(&header, &sizes, &mut warnings).map_err(field)?;
        let shape = [0, 1, 2].map(|axis| sizes.get(axis).copied().unwrap_or(1));
        let affine = affine(&header, shape, &spacing, &mut warnings).map_err(field)?;
        let grid = Grid::new(shape, affine).map_err(|_| {
            let value = header.all("transform").join("; ");
            field(FieldError::new("transform", value, Problem::Singular))
        })?;
        let grid = if axes == 2 { grid.planar() } else { grid };
        let scaling = scaling(&header, kind, &mut warnings).map_err(field)?;
        let (files, encoding, skip) = files(path, &header, head.packed, options)?;
        let values = layout.count().saturating_mul(kind.components);
        let mut payload = Payload {
            names: &NAMES,
            encoding,
            dtype: kind.dtype,
            swapped: kind.swapped,
            values: if kind.bits { values.div_ceil(8) } else { values },
            sizes: format!("{text} ({})", header.need("datatype").map_err(field)?),
            line_skip: 0,
            skip,
            compressed: None,
            limits: options.limits,
            files,
        };
        check_parts(&payload, kind).map_err(field)?;
        payload.detect(&mut warnings)?;
        payload.check()?;
        let info = FileInfo {
            format: "MRtrix",
            grid,
            stored: kind.dtype,
            dtype: scaled(kind.dtype, scaling),
            channels: sizes.iter().skip(3).product::<usize>() * kind.components,
            facts: facts(header, &sizes, &spacing, kind),
            warnings,
            slices: None,
        };
        Ok(Self { info, kind, layout, scaling, payload })
    }

    /// Whether the values are used as stored in the file.
    pub(super) fn is_plain(&self) -> bool {
        !self.kind.bits && self.kind.components == 1 && self.layout.is_plain() && self.scaling.is_none()
    }
}

/// Numbers with commas, or blanks, between them.
fn reals(field: &str, text: &str) -> Result<Vec<f64>, FieldError> {
    numbers::reals(field, &text.replace(',', " "))
}

/// The distances of samples along all axes; NaN beyond the third if they are not given.
fn spacing(header: &Header, sizes: &[usize], warnings: &mut Vec<Warning>) -> Result<Vec<f64>, FieldError> {
    let text = header.get("vox")?.unwrap_or_default();
    let mut spacing = reals("vox", text)?;
    if spacing.len() < sizes.len().min(3) || spacing.len() > sizes.len() {
        let found = spacing.len();
        return Err(FieldError::new("vox", text, Problem::Count { expected: sizes.len(), found }));
    }
    spacing.resize(sizes.len().max(3), f64::NAN);
    for (axis, value) in spacing.iter_mut().enumerate().take(3) {
        if *value > 0.0 && value.is_finite() {
            continue;
        }
        if sizes.get(axis).copied().unwrap_or(1) > 1 {
            return Err(FieldError::new("vox", text, Problem::NotASize));
        }
        if axis < sizes.len() {
            let why = "because the axis has one voxel, taken as 1";
            warnings.push(Warning::NotApplied { field: "vox", value: text.to_owned(), why });
        }
        *value = 1.0;
    }
    Ok(spacing)
}

/// The affine from voxel index to RAS+ mm; the file's transform starts from mm along the axes.
fn affine(
    header: &Header,
    shape: [usize; 3],
    spacing: &[f64],
    warnings: &mut Vec<Warning>,
) -> Result<Affine, FieldError> {
    let lines = header.all("transform");
    let text = lines.join("; ");
    if lines.is_empty() {
        let used = "parallel to the axes of the world with the origin in the centre, as in MRtrix";
        warnings.push(Warning::NotPlaced { field: "transform", value: "absent".to_owned(), used });
        let steps = [0, 1, 2].map(|axis| spacing[axis]);
        let origin = [0, 1, 2].map(|axis| 0.0 - steps[axis] * (shape[axis] - 1) as f64 / 2.0);
        return Ok(Affine::scaling(steps).with_translation(origin));
    }
    // One row in each line, or all in one; the last row of four says nothing.
    let all: Vec<f64> = lines.iter().map(|line| reals("transform", line)).collect::<Result<Vec<_>, _>>()?.concat();
    if all.len() != 12 && all.len() != 16 {
        return Err(FieldError::new("transform", text, Problem::Count { expected: 12, found: all.len() }));
    }
    if all.iter().any(|v| !v.is_finite()) {
        return Err(FieldError::new("transform", text, Problem::NotFinite));
    }
    let row = |row: usize| {
        let numbers = &all[4 * row..4 * row + 4];
        [numbers[0] * spacing[0], numbers[1] * spacing[1], numbers[2] * spacing[2], numbers[3]]
    };
    Ok(Affine::from_rows([row(0), row(1), row(2)]))
}

/// Slope and intercept (`scaling: intercept,slope`), if they have an effect. MRtrix scales integers only.
fn scaling(header: &Header, kind: Stored, warnings: &mut Vec<Warning>) -> Result<Option<(f64, f64)>, FieldError> {
    let Some(text) = header.get("scaling")? else { return Ok(None) };
    let numbers = reals("scaling", text)?;
    let fail = |problem| Err(FieldError::new("scaling", text, problem));
    let [intercept, slope] = numbers[..] else {
        return fail(Problem::Count { expected: 2, found: numbers.len() });
    };
    let unscaled = match kind.dtype {
        Dtype::F32 | Dtype::F64 => Some("because values are floating-point and MRtrix scales integers only"),
        _ if kind.bits => Some("because values are single bits and MRtrix scales integers only"),
        _ => None,
    };
    match (unscaled, intercept, slope) {
        (_, 0.0, 1.0) => Ok(None),
        (Some(why), ..) => {
            warnings.push(Warning::NotApplied { field: "scaling", value: text.to_owned(), why });
            Ok(None)
        }
        _ if !intercept.is_finite() || !slope.is_finite() => fail(Problem::NotFinite),
        _ => Ok(Some((slope, intercept))),
    }
}

/// The files with values, their encoding, and the bytes to skip in each.
fn files(
    path: &Path,
    header: &Header,
    packed: Option<Packed>,
    options: &ReadOptions,
) -> Result<(Vec<DataFile>, Encoding, Skip), ReadError> {
    let field = |reason: FieldError| mif::failed(path.to_owned(), Box::new(reason));
    let mut files = Vec::new();
    let entries = header.all("file");
    for text in &entries {
        let (name, offset) = match text.rsplit_once(char::is_whitespace) {
            Some((name, offset)) if offset.parse::<u64>().is_ok() => (name.trim(), numbers::natural("file", offset)),
            _ => (*text, Ok(0)),
        };
        let offset = offset.map_err(field)?;
        if name == "." {
            if entries.len() > 1 {
                return Err(field(FieldError::new("file", *text, Problem::Twice)));
            }
            let Some(length) = header.length else {
                return Err(field(FieldError::new("END", "absent", Problem::Missing)));
            };
            if offset < length {
                let problem = Problem::OutOfRange(i64::try_from(length).unwrap_or(i64::MAX), i64::MAX);
                return Err(field(FieldError::new("file", *text, problem)));
            }
            let file = DataFile::new(path, &NAMES, path.to_owned(), 0)?;
            let encoding = match packed {
                None => Encoding::Raw,
                Some(Packed::Bzip2) => Encoding::Bzip2,
                Some(_) => Encoding::Gzip,
            };
            return Ok((vec![file], encoding, Skip::Bytes(offset)));
        }
        let sibling = sibling(path, NAMES.file, name, options.allow_outside).map_err(field)?;
        files.push(DataFile::new(path, &NAMES, sibling, offset)?);
    }
    match files.is_empty() {
        true => Err(field(FieldError::new("file", "absent", Problem::Missing))),
        false => Ok((files, Encoding::Raw, Skip::Bytes(0))),
    }
}

/// Every file has the same number of values.
fn check_parts(payload: &Payload, kind: Stored) -> Result<(), FieldError> {
    let files = payload.files.len();
    if payload.values.is_multiple_of(files) && !(kind.bits && files > 1) {
        return Ok(());
    }
    let expected = format!("{} values", payload.values);
    Err(FieldError::new("file", format!("{files} lines"), Problem::FileCount { files: files as u64, expected }))
}

fn facts(header: Header, sizes: &[usize], spacing: &[f64], kind: Stored) -> Facts {
    let complex = kind.components > 1;
    // Of axes beyond the fourth, the fifth is one of components.
    let frames = sizes.get(3).copied().filter(|_| !complex && sizes.iter().skip(5).all(|size| *size == 1));
    let step = spacing.get(3).copied().filter(|step| step.is_finite() && *step > 0.0 && frames.is_some());
    let mut keys = header.other;
    let described = keys.iter().position(|(key, _)| key == "comments");
    let description = described.map(|at| keys.remove(at).1).filter(|text| !text.is_empty());
    Facts {
        description,
        frames,
        vector: frames.is_some() && sizes.get(4).is_some_and(|size| *size > 1),
        frame_spacing: step,
        time_unit: step.map(|_| TimeUnit::Second),
        mif: Some(Box::new(MifFacts { keys })),
        ..Facts::default()
    }
}
