//! Files of volumes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use revoxel::Error;
use revoxel::io::{FileInfo, ReadOptions};

use crate::errors::{OrRaise, internal, plain};
use crate::numpy::python;
use crate::origin::{Origin, Source};
use crate::pool;
use crate::volume::{Volume, kind_of};

/// How a file is read.
pub(crate) fn options(
    py: Python<'_>,
    series: Option<&str>,
    select: Option<String>,
    spacing: Option<[f64; 3]>,
    lazy: bool,
) -> PyResult<ReadOptions> {
    let series = series.map(|text| text.parse().map_err(|e: revoxel::io::SeriesChoiceError| plain(py, &e.to_string())));
    Ok(ReadOptions { series: series.transpose()?, select, spacing, lazy, ..revoxel::io::machine_options() })
}

/// Warnings of a file, as Python warns.
pub(crate) fn warn(py: Python<'_>, path: &std::path::Path, info: &FileInfo) -> PyResult<()> {
    info.warnings.iter().try_for_each(|warning| say(py, &format!("{}: {warning}", path.display())))
}

/// Warns.
pub(crate) fn say(py: Python<'_>, text: &str) -> PyResult<()> {
    let category = py.import("revoxel._errors")?.getattr("RevoxelWarning")?;
    py.import("warnings")?.call_method1("warn", (text, category, 2)).map(drop)
}

/// Read a volume: a file, a DICOM folder or an archive. `kind` says what the values mean, which no header does. `series` (a
/// number, a UID or a description) and `select` choose among the volumes of a DICOM folder, as the options of the command `info`
/// list them; `spacing` is the voxel size of a picture, which does not store it. With `lazy` the voxels of an uncompressed file are
/// read from the disk when they are looked at: for parts of large volumes.
///
/// What else an input of a pipeline says of its files can be said here, too: `slices` ("regularize", "nominal"), `missing`,
/// `incomplete`, `frames`, `rescale`, `complex`, and for labels in DICOM `structures`, `overlap`, `threshold`.
#[pyfunction]
#[pyo3(signature = (path, kind="image", *, series=None, select=None, spacing=None, lazy=false, **rules),
       text_signature = "(path, kind='image', *, series=None, select=None, spacing=None, lazy=False, **rules)")]
#[allow(clippy::too_many_arguments, reason = "by name")]
pub(crate) fn read(
    py: Python<'_>,
    path: PathBuf,
    kind: &str,
    series: Option<Bound<'_, PyAny>>,
    select: Option<String>,
    spacing: Option<[f64; 3]>,
    lazy: bool,
    rules: Option<&Bound<'_, PyDict>>,
) -> PyResult<Volume> {
    let series = series.map(|series| series.str()?.extract::<String>()).transpose()?;
    if let Some(rules) = rules.filter(|rules| !rules.is_empty()) {
        return by_rules(py, path, kind, (series, select, spacing), rules);
    }
    let kind = kind_of(py, kind)?;
    if (series.is_some() || select.is_some())
        && path.is_file()
        && revoxel::io::format_of(&path).is_ok_and(|f| f != "dicom")
    {
        let name = path.display();
        return Err(plain(
            py,
            &format!("{name}: series and select are for DICOM, and this is no DICOM: leave them out"),
        ));
    }
    let options = options(py, series.as_deref(), select, spacing, lazy)?;
    let from = path.clone();
    let loaded = pool::run(py, move || revoxel::io::read_with(&from, kind, &options))?.or_raise(py)?;
    warn(py, &path, &loaded.info)?;
    Volume::of(loaded.volume, Origin::File(Arc::new(loaded.info))).map_err(|e| internal(py, &e.to_string()))
}

/// Reads a file as the input of a pipeline does that has no step.
fn by_rules(
    py: Python<'_>,
    path: PathBuf,
    kind: &str,
    (series, select, spacing): (Option<String>, Option<String>, Option<[f64; 3]>),
    rules: &Bound<'_, PyDict>,
) -> PyResult<Volume> {
    const KEY: &str = "volume";
    const RULES: [&str; 9] =
        ["slices", "missing", "incomplete", "frames", "rescale", "complex", "structures", "overlap", "threshold"];
    let input = rules.copy()?;
    for name in input.keys() {
        let name: String = name.extract()?;
        if !RULES.contains(&name.as_str()) {
            let known = RULES.join(", ");
            return Err(PyTypeError::new_err(format!(
                "unexpected keyword argument '{name}'; known: series, select, spacing, {known}"
            )));
        }
    }
    input.set_item("kind", kind)?;
    if kind != "label" {
        // A file is read as it is.
        input.set_item("non_finite", "keep")?;
    }
    input.set_item("path", "volume.nii.gz")?;
    series.map_or(Ok(()), |series| input.set_item("series", series))?;
    select.map_or(Ok(()), |select| input.set_item("select", select))?;
    spacing.map_or(Ok(()), |spacing| input.set_item("spacing", spacing.to_vec()))?;
    let input: String = python(py, "_arrays", "json_of", (input,), None)?.extract()?;
    let text = format!(
        "{{version: 1, inputs: {{{KEY}: {input}}}, steps: [], outputs: {{{KEY}: {{path: out.nii.gz}}}}, trace: trace.json}}"
    );
    let pipeline = revoxel::Pipeline::parse_named("read", &text, &[]).or_raise(py)?;
    let from = path.clone();
    let work = move || {
        let read = pipeline.read(KEY, BTreeMap::from([(KEY.to_owned(), vec![from])]))?;
        let info = read.get(KEY).map(|loaded| loaded.info.clone());
        Ok::<_, Error>((pipeline.run_case(KEY, read)?, info))
    };
    let (mut made, info) = pool::run(py, work)?.or_raise(py)?;
    if let Some(info) = info {
        warn(py, &path, &info)?;
    }
    let (Some(volume), Some(record)) = (made.volumes.remove(KEY), made.trace.volumes.remove(KEY)) else {
        return Err(internal(py, "the volume was not read"));
    };
    let names = made.names.remove(KEY).unwrap_or_default();
    Volume::of(volume, Origin::Made(Arc::new(Source { record, names }))).map_err(|e| internal(py, &e.to_string()))
}

/// Write a volume; the name says the format. The file appears whole or not at all. A volume that was read keeps what the
/// header of its file said and still holds.
#[pyfunction]
pub(crate) fn write(py: Python<'_>, volume: &Bound<'_, Volume>, path: PathBuf) -> PyResult<()> {
    let this = volume.get();
    let done = pool::finish(py, || match &this.origin {
        Origin::Memory => revoxel::write(&path, &this.volume).map_err(Error::from),
        Origin::File(info) => revoxel::write_with(&path, &this.volume, info).map_err(Error::from),
        Origin::Made(of) => revoxel::write_result(&path, &this.volume, &of.record, &of.names).map_err(Error::from),
        Origin::Mask(of) => revoxel::write_mask(&path, &this.volume, &of.record).map_err(Error::from),
        Origin::Back(of) => revoxel::write_back(&path, &this.volume, &of.record, &of.names).map(drop),
    })?;
    done.or_raise(py)
}
