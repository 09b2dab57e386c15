//! Files of volumes.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use revoxel::Error;
use revoxel::io::{FileInfo, ReadOptions};

use crate::errors::{OrRaise, internal, plain};
use crate::pool;
use crate::volume::{Origin, Volume, kind_of};

/// How a file is read.
pub(crate) fn options(
    py: Python<'_>,
    series: Option<&str>,
    select: Option<String>,
    spacing: Option<[f64; 3]>,
) -> PyResult<ReadOptions> {
    let series = series.map(|text| text.parse().map_err(|e: revoxel::io::SeriesChoiceError| plain(py, &e.to_string())));
    Ok(ReadOptions { series: series.transpose()?, select, spacing, ..revoxel::io::machine_options() })
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

/// Read a volume: a file, a DICOM folder or an archive. `kind` says what the values mean, which no header does. `series` and
/// `select` choose among the volumes of a DICOM folder, as the options of the command `info` list them; `spacing` is the voxel
/// size of a picture, which does not store it.
#[pyfunction]
#[pyo3(signature = (path, kind="image", *, series=None, select=None, spacing=None))]
pub(crate) fn read(
    py: Python<'_>,
    path: PathBuf,
    kind: &str,
    series: Option<&str>,
    select: Option<String>,
    spacing: Option<[f64; 3]>,
) -> PyResult<Volume> {
    let kind = kind_of(py, kind)?;
    let options = options(py, series, select, spacing)?;
    let from = path.clone();
    let loaded = pool::run(py, move || revoxel::io::read_with(&from, kind, &options))?.or_raise(py)?;
    warn(py, &path, &loaded.info)?;
    Volume::of(loaded.volume, Origin::File(Arc::new(loaded.info))).map_err(|e| internal(py, &e.to_string()))
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
        Origin::Back(of) => revoxel::write_back(&path, &this.volume, &of.record, &of.names).map(drop),
    })?;
    done.or_raise(py)
}
