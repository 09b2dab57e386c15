//! Traces, and the way back.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple, PyType};
use revoxel::Error;
use revoxel::io::LabelNames;
use revoxel::restore::{Prediction, Restorer};
use revoxel::trace::PointMap;

use crate::errors::{OrRaise, internal, trace as damaged};
use crate::files;
use crate::grid::Grid;
use crate::numpy::python;
use crate::origin::{Origin, Source};
use crate::points::{self, Mapped, Way};
use crate::pool;
use crate::volume::{Volume, of_array};
use crate::wishes::wishes;

/// What happened to the volumes of a case: all that the way back needs, besides a prediction.
#[pyclass(frozen, module = "revoxel", weakref)]
pub(crate) struct Trace(Arc<revoxel::Trace>);

impl Trace {
    pub(crate) fn of(trace: revoxel::Trace) -> Self {
        Self(Arc::new(trace))
    }

    /// The key of a volume: the one that is given, or the image.
    fn key<'a>(&'a self, py: Python<'_>, volume: Option<&'a str>) -> PyResult<&'a str> {
        match volume {
            Some(key) => self.0.volume(key).map(|_| key).map_err(Error::from).or_raise(py),
            None => self.0.main_volume().map_err(Error::from).or_raise(py),
        }
    }

    fn map(&self, py: Python<'_>, volume: Option<&str>) -> PyResult<PointMap> {
        let record = self.0.volume(self.key(py, volume)?).map_err(Error::from).or_raise(py)?;
        PointMap::new(record).map_err(Error::from).or_raise(py)
    }
}

/// A prediction on the grid of its scan, and what is known of it.
#[pyclass(frozen, module = "revoxel")]
pub(crate) struct Inversion {
    /// The prediction; its grid is that of the scan bit for bit.
    #[pyo3(get)]
    volume: Py<Volume>,
    /// 1 where the model saw the voxel, 0 elsewhere; None where it was not asked for.
    #[pyo3(get)]
    coverage: Option<Py<Volume>>,
    /// How many voxels the model did not see: they hold the fill.
    #[pyo3(get)]
    unseen: usize,
    /// The interpolation; None where voxels were only copied.
    #[pyo3(get)]
    interpolation: Option<&'static str>,
    /// How the prediction's grid related to the grid where the pipeline ended.
    #[pyo3(get)]
    agreement: &'static str,
    /// Labels of the prediction that have no voxel on the grid of the scan.
    #[pyo3(get)]
    vanished: Vec<String>,
    /// The key of the volume whose grid the prediction went back to.
    #[pyo3(get)]
    key: String,
}

#[pymethods]
impl Inversion {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<revoxel.Inversion {}, {} voxels unseen>", self.volume.bind(py).repr()?, self.unseen))
    }
}

#[pymethods]
impl Trace {
    /// Read a trace file.
    #[classmethod]
    fn load(class: &Bound<'_, PyType>, path: PathBuf) -> PyResult<Self> {
        let py = class.py();
        let text = py.detach(|| revoxel::read_text(&path)).or_raise(py)?;
        let trace = py.detach(|| revoxel::Trace::from_json(&text));
        trace.map(Self::of).map_err(|e| damaged(py, Some(&path), &e.to_string()))
    }

    /// A trace of a text (JSON).
    #[classmethod]
    fn parse(class: &Bound<'_, PyType>, text: &str) -> PyResult<Self> {
        let py = class.py();
        let trace = py.detach(|| revoxel::Trace::from_json(text));
        trace.map(Self::of).map_err(|e| damaged(py, None, &e.to_string()))
    }

    /// A trace of a dictionary.
    #[classmethod]
    fn from_dict(class: &Bound<'_, PyType>, document: &Bound<'_, PyDict>) -> PyResult<Self> {
        let text: String = python(class.py(), "_arrays", "json_of", (document,), None)?.extract()?;
        Self::parse(class, &text)
    }

    /// The trace as a dictionary.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.call_method1("loads", (self.0.to_json(),))
    }

    /// The trace as a text (JSON). Numbers come back exactly.
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// Write the trace. The file appears whole or not at all.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| revoxel::write_text(&path, &self.0.to_json())).or_raise(py)
    }

    /// The name of the case.
    #[getter]
    fn case(&self) -> &str {
        &self.0.case
    }

    /// The keys of the volumes.
    #[getter]
    fn volumes(&self) -> Vec<&str> {
        self.0.volumes.keys().map(String::as_str).collect()
    }

    /// The hash of the pipeline.
    #[getter]
    fn pipeline_hash(&self) -> &str {
        &self.0.pipeline.hash
    }

    /// The grid of the scan: of the image, if there are several volumes.
    #[getter]
    fn source_grid(&self, py: Python<'_>) -> PyResult<Grid> {
        Ok(self.grids(py, None)?.0)
    }

    /// The grid where the pipeline ended, on which predictions lie: of the image, if there are several volumes.
    #[getter]
    fn model_grid(&self, py: Python<'_>) -> PyResult<Grid> {
        Ok(self.grids(py, None)?.1)
    }

    /// The grid that a volume came from, and the grid where it ended.
    #[pyo3(signature = (volume=None))]
    fn grids(&self, py: Python<'_>, volume: Option<&str>) -> PyResult<(Grid, Grid)> {
        let record = self.0.volume(self.key(py, volume)?).map_err(Error::from).or_raise(py)?;
        let grid = |found: std::result::Result<revoxel::Grid, revoxel::geometry::GridError>| {
            found.map(Grid).map_err(|e| damaged(py, None, &e.to_string()))
        };
        Ok((grid(record.native())?, grid(record.result.grid.grid())?))
    }

    /// The prediction on the grid of its scan. See `inversion` for the arguments and for what else is known of the result.
    #[pyo3(signature = (prediction, volume=None, **options),
           text_signature = "($self, prediction, volume=None, *, restore=None, kind=None, interpolation=None, \
                             activation=None, argmax=False, regions=None, threshold=None, values=None, fill=None, \
                             dtype=None, axes=None, assume_grid=False, onto='slices')")]
    fn invert(
        &self,
        prediction: &Bound<'_, PyAny>,
        volume: Option<String>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<Volume>> {
        if options.is_some_and(|options| options.contains("coverage").unwrap_or(false)) {
            return Err(PyTypeError::new_err("coverage: ask `inversion` for it, which gives more than the volume"));
        }
        Ok(self.inversion(prediction, volume, options)?.volume)
    }

    /// The prediction on the grid of its scan, with what is known of it.
    ///
    /// `prediction` is a path, a volume, an array on the grid where the pipeline ended (any order of axes that fits its shape;
    /// else name it with `axes`), or an object that Volume.from_ takes; of a list of these the mean is taken, label maps vote.
    /// All else is as for the command `invert`, and overrides the entry `restore` of the pipeline: `volume` is the input
    /// whose grid is meant, `restore` the entry to follow (or "none"), `kind` what the values mean, `values` "keep", "undo"
    /// or "clamp", `onto` "slices" or "regular" for unevenly spaced slices.
    #[pyo3(signature = (prediction, volume=None, **options),
           text_signature = "($self, prediction, volume=None, *, restore=None, kind=None, interpolation=None, \
                             activation=None, argmax=False, regions=None, threshold=None, values=None, fill=None, \
                             dtype=None, axes=None, assume_grid=False, onto='slices', coverage=False)")]
    fn inversion(
        &self,
        prediction: &Bound<'_, PyAny>,
        volume: Option<String>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Inversion> {
        let py = prediction.py();
        let wishes = wishes(py, volume, options)?;
        let restorer = Restorer::new(&self.0, wishes).or_raise(py)?;
        let predictions = predictions(&restorer, prediction)?;
        let key = restorer.key().to_owned();
        let record = restorer.trace().volume(&key).map_err(Error::from).or_raise(py)?.clone();
        let on_mask = mask_of(&record);
        let origin = Origin::Back(Arc::new(Source { record, names: restorer.label_names(&predictions) }));
        let misplaced = restorer.slice_places().or_raise(py)?;
        let done = pool::run(py, move || restorer.bring_back(predictions))?.or_raise(py)?;
        let made = |volume, origin| {
            let volume = Volume::of(volume, origin).map_err(|e| internal(py, &e.to_string()))?;
            Py::new(py, volume)
        };
        if let Some(places) = misplaced {
            let text = format!(
                "the slices of the scan lie unevenly, so the affine of the result misplaces them by up to {:.2} mm: `write` puts \
                 their places into a file beside it, and onto=\"regular\" gives an even grid",
                places.off()
            );
            files::say(py, &text)?;
        }
        Ok(Inversion {
            volume: made(done.volume, origin)?,
            coverage: done.coverage.map(|mask| made(mask, on_mask)).transpose()?,
            unseen: done.unseen,
            interpolation: done.interpolation.map(|i| i.name()),
            agreement: done.relation.agreement.name(),
            vanished: done.gone.iter().map(|gone| gone.label.to_string()).collect(),
            key,
        })
    }

    /// Raise what `inversion` would raise of its arguments, before there is a prediction.
    #[pyo3(signature = (volume=None, **options),
           text_signature = "($self, volume=None, *, restore=None, kind=None, interpolation=None, activation=None, \
                             argmax=False, regions=None, threshold=None, values=None, fill=None, dtype=None, axes=None, \
                             assume_grid=False, onto='slices', coverage=False)")]
    fn check_inversion(
        &self,
        py: Python<'_>,
        volume: Option<String>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        Restorer::new(&self.0, wishes(py, volume, options)?).map(drop).or_raise(py)
    }

    /// The mask of the voxels of the scan that the model saw: 1 where it did, 0 elsewhere.
    #[pyo3(signature = (volume=None))]
    fn coverage(&self, py: Python<'_>, volume: Option<&str>) -> PyResult<Volume> {
        let (trace, key) = (Arc::clone(&self.0), volume.map(str::to_owned));
        let mask = pool::run(py, move || revoxel::trace::coverage(&trace, key.as_deref()))?.or_raise(py)?;
        let record = self.0.volume(self.key(py, volume)?).map_err(Error::from).or_raise(py)?;
        Volume::of(mask, mask_of(record)).map_err(|e| internal(py, &e.to_string()))
    }

    /// Points (one row of three numbers each) from the model's grid to the scan, or with `forward` from the scan to the
    /// model's grid; and for each whether the model saw its place: "seen", "unseen" or "outside". `space` is what the numbers
    /// are, `to` what they become: "ras" or "lps" (mm), or "index" (voxels).
    #[pyo3(signature = (points, volume=None, *, forward=false, space="ras", to=None))]
    fn points<'py>(
        &self,
        points: &Bound<'py, PyAny>,
        volume: Option<&str>,
        forward: bool,
        space: &str,
        to: Option<&str>,
    ) -> PyResult<Mapped<'py>> {
        let py = points.py();
        points::points(&self.map(py, volume)?, points, &Way::new(py, forward, space, to)?)
    }

    /// The same for boxes: rows of the lowest and the highest corner (six numbers). In "index", these are the first voxel and
    /// one past the last. A box can also be "partly" seen.
    #[pyo3(signature = (boxes, volume=None, *, forward=false, space="ras", to=None))]
    fn boxes<'py>(
        &self,
        boxes: &Bound<'py, PyAny>,
        volume: Option<&str>,
        forward: bool,
        space: &str,
        to: Option<&str>,
    ) -> PyResult<Mapped<'py>> {
        let py = boxes.py();
        points::boxes(&self.map(py, volume)?, boxes, &Way::new(py, forward, space, to)?)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0 == self.0)
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        python(slf.py(), "_html", "trace", (slf,), None)
    }

    fn __repr__(&self) -> String {
        format!("<revoxel.Trace {}: {}>", self.0.case, self.volumes().join(", "))
    }

    fn __copy__(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    fn __deepcopy__(&self, _memo: &Bound<'_, PyAny>) -> Self {
        Self(Arc::clone(&self.0))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((py.import("revoxel._pickle")?.getattr("trace")?, (self.0.to_json(),)))
    }
}

/// The origin of a mask of what the model saw of a scan.
fn mask_of(record: &revoxel::trace::VolumeTrace) -> Origin {
    Origin::Mask(Arc::new(Source { record: record.clone(), names: LabelNames::new() }))
}

/// One prediction, or those of a list.
fn predictions(restorer: &Restorer, given: &Bound<'_, PyAny>) -> PyResult<Vec<Prediction>> {
    if given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>() {
        return given.try_iter()?.map(|one| prediction(restorer, &one?)).collect();
    }
    Ok(vec![prediction(restorer, given)?])
}

fn prediction(restorer: &Restorer, given: &Bound<'_, PyAny>) -> PyResult<Prediction> {
    let py = given.py();
    if let Ok(path) = given.extract::<PathBuf>() {
        return Ok(Prediction::File(path));
    }
    if let Ok(volume) = given.cast::<Volume>() {
        let volume = volume.get().volume.clone();
        return Ok(said(volume));
    }
    // Arrays without geometry lie on the model's grid; what knows where it lies is asked.
    let array = python(py, "_convert", "bare_array", (given,), None)?;
    if array.is_none() {
        let made = python(py, "_convert", "from_", (given, None::<&str>), None)?;
        return Ok(said(made.cast::<Volume>()?.get().volume.clone()));
    }
    let shape: Vec<usize> = array.getattr("shape")?.extract()?;
    let (axes, _) = restorer.axes(&shape).or_raise(py)?;
    let array = python(py, "_arrays", "on_grid", (array, axes.name(false), restorer.model().shape()), None)?;
    let volume = of_array(&array, *restorer.model(), revoxel::Kind::Image, given)?;
    Ok(Prediction::Volume { volume: volume.volume, kind: None })
}

/// A volume with its kind. "image" is what a volume is where nobody says more, so it is not taken for granted: label maps would
/// be averaged. It is seen from the values, and where it cannot be, `kind` is asked for.
fn said(volume: revoxel::Volume) -> Prediction {
    let kind = Some(volume.kind()).filter(|kind| *kind != revoxel::Kind::Image);
    Prediction::Volume { volume, kind }
}
