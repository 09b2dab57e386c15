//! Pipelines.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList, PyMapping, PyTuple, PyType};
use revoxel::io::{FileInfo, Loaded};
use revoxel::{Error, Source};

use crate::errors::{OrRaise, internal, plain};
use crate::files::warn;
use crate::grid::Grid;
use crate::numpy::python;
use crate::origin::{self, Origin};
use crate::pool;
use crate::trace::Trace;
use crate::volume::Volume;

/// What is done to the scans of a case, as a YAML file declares it. It is called: pipeline(volumes, case="case") takes a case
/// through it, where `volumes` has a volume, a path, or an object that Volume.from_ takes for each input.
#[pyclass(frozen, module = "revoxel", weakref)]
pub(crate) struct Pipeline(Arc<revoxel::Pipeline>);

/// What a caller gives for an input.
enum Given {
    Volume(Box<Source>),
    Files(Vec<PathBuf>),
}

impl Pipeline {
    /// What is given, by the keys of inputs: a mapping, or one thing for the only input.
    fn given(&self, py: Python<'_>, given: &Bound<'_, PyAny>) -> PyResult<BTreeMap<String, Given>> {
        let inputs = &self.0.resolved().inputs;
        if let Ok(mapping) = given.cast::<PyMapping>() {
            let pairs = mapping.items()?.iter().map(|pair| pair.extract::<(String, Bound<'_, PyAny>)>());
            // None stands for an optional input that is not there.
            let known = |key: &str| inputs.iter().any(|input| input.key == key);
            let pairs: Vec<_> = pairs.collect();
            if let Some(Ok((unknown, _))) = pairs.iter().find(|pair| pair.as_ref().is_ok_and(|(key, _)| !known(key))) {
                let keys = self.inputs().join(", ");
                return Err(plain(py, &format!("the pipeline has no input {unknown:?}; it has: {keys}")));
            }
            let there = pairs.into_iter().filter(|pair| !pair.as_ref().is_ok_and(|(_, value)| value.is_none()));
            return there.map(|pair| pair.and_then(|(key, value)| Ok((key, one(&value)?)))).collect();
        }
        let required: Vec<_> = inputs.iter().filter(|input| !input.optional).collect();
        let only = match &required[..] {
            [only] => Some(*only),
            [] if inputs.len() == 1 => inputs.first(),
            _ => None,
        };
        let Some(only) = only else {
            let keys = inputs.iter().map(|input| input.key.as_str()).collect::<Vec<_>>().join(", ");
            return Err(plain(
                py,
                &format!("the pipeline has several inputs ({keys}): pass a dictionary by these keys"),
            ));
        };
        Ok(BTreeMap::from([(only.key.clone(), one(given)?)]))
    }
}

/// A volume, a path, or paths of the channels of one volume; anything else is made a volume of.
fn one(given: &Bound<'_, PyAny>) -> PyResult<Given> {
    if let Ok(volume) = given.cast::<Volume>() {
        return Ok(Given::Volume(Box::new(source(volume.get()))));
    }
    if let Ok(path) = given.extract::<PathBuf>() {
        return Ok(Given::Files(vec![path]));
    }
    let is_list = given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>();
    if let (true, Ok(paths)) = (is_list, given.extract::<Vec<PathBuf>>()) {
        return Ok(Given::Files(paths));
    }
    let made = python(given.py(), "_convert", "from_", (given, None::<&str>), None)?;
    Ok(Given::Volume(Box::new(source(made.cast::<Volume>()?.get()))))
}

fn source(volume: &Volume) -> Source {
    match &volume.origin {
        Origin::File(info) => Loaded { volume: volume.volume.clone(), info: FileInfo::clone(info) }.into(),
        _ => volume.volume.clone().into(),
    }
}

#[pymethods]
impl Pipeline {
    /// Read a pipeline file. `set` changes values of it: {"vars.spacing": 1.5, "steps.1.spacing.pixdim": 2}.
    #[classmethod]
    #[pyo3(signature = (path, set=None))]
    fn load(class: &Bound<'_, PyType>, path: PathBuf, set: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let py = class.py();
        let set = assignments(set)?;
        let pipeline = py.detach(|| revoxel::Pipeline::load_with(path, &set, &revoxel::registry())).or_raise(py)?;
        Ok(Self(Arc::new(pipeline)))
    }

    /// A pipeline of a text. `name` is what errors and traces call it.
    #[classmethod]
    #[pyo3(signature = (text, set=None, *, name="pipeline"))]
    fn parse(class: &Bound<'_, PyType>, text: &str, set: Option<&Bound<'_, PyDict>>, name: &str) -> PyResult<Self> {
        let set = assignments(set)?;
        Ok(Self(Arc::new(revoxel::Pipeline::parse_named(name, text, &set).or_raise(class.py())?)))
    }

    /// A pipeline of a dictionary, as YAML has it.
    #[classmethod]
    #[pyo3(signature = (document, set=None, *, name="pipeline"))]
    fn from_dict(
        class: &Bound<'_, PyType>,
        document: &Bound<'_, PyDict>,
        set: Option<&Bound<'_, PyDict>>,
        name: &str,
    ) -> PyResult<Self> {
        let text: String = python(class.py(), "_arrays", "json_of", (document,), None)?.extract()?;
        Self::parse(class, &text, set, name)
    }

    /// A pipeline of steps alone, for volumes in memory: there are no paths. `inputs` are kinds by key.
    #[classmethod]
    #[pyo3(signature = (steps, inputs=None, *, seed=None, name="pipeline"))]
    fn from_steps(
        class: &Bound<'_, PyType>,
        steps: &Bound<'_, PyAny>,
        inputs: Option<BTreeMap<String, String>>,
        seed: Option<u64>,
        name: &str,
    ) -> PyResult<Self> {
        let py = class.py();
        let document = PyDict::new(py);
        let given = PyDict::new(py);
        let outputs = PyDict::new(py);
        for (key, kind) in inputs.unwrap_or_else(|| BTreeMap::from([("image".to_owned(), "image".to_owned())])) {
            let input = PyDict::new(py);
            input.set_item("kind", kind)?;
            input.set_item("path", format!("{{case}}/{key}-before.nii.gz"))?;
            given.set_item(&key, input)?;
            let output = PyDict::new(py);
            output.set_item("path", format!("{{case}}/{key}.nii.gz"))?;
            outputs.set_item(&key, output)?;
        }
        document.set_item("version", 1)?;
        document.set_item("seed", seed.unwrap_or(0))?;
        document.set_item("inputs", given)?;
        document.set_item("steps", steps)?;
        document.set_item("outputs", outputs)?;
        document.set_item("trace", "{case}/trace.json")?;
        Self::from_dict(class, &document, None, name)
    }

    /// Take a case through the pipeline. `volumes` has a volume, a path, or an object that Volume.from_ takes for each input;
    /// one alone will do where the pipeline has one required input. Random steps draw by the name of the case.
    #[pyo3(signature = (volumes, case="case"))]
    fn __call__(&self, py: Python<'_>, volumes: &Bound<'_, PyAny>, case: &str) -> PyResult<Result> {
        let (mut sources, mut files) = (BTreeMap::new(), BTreeMap::new());
        for (key, given) in self.given(py, volumes)? {
            match given {
                Given::Volume(source) => drop(sources.insert(key, *source)),
                Given::Files(paths) => drop(files.insert(key, paths)),
            }
        }
        let paths: BTreeMap<String, PathBuf> =
            files.iter().filter_map(|(key, paths)| Some((key.clone(), paths.first()?.clone()))).collect();
        let (pipeline, name) = (Arc::clone(&self.0), case.to_owned());
        let run = move || {
            let read = pipeline.read(&name, files)?;
            let mut names = paths;
            names.retain(|key, _| read.contains_key(key));
            let warnings: Vec<_> = read.iter().map(|(key, loaded)| (key.clone(), loaded.info.clone())).collect();
            sources.extend(read.into_iter().map(|(key, loaded)| (key, Source::from(loaded))));
            let mut outcome = pipeline.run_case(&name, sources)?;
            for (key, path) in &names {
                if let Some(record) = outcome.trace.volumes.get_mut(key) {
                    record.source.path = path.to_string_lossy().into_owned();
                }
            }
            Ok::<_, Error>((outcome, warnings, names))
        };
        let (outcome, warnings, names) = pool::run(py, run)?.or_raise(py)?;
        warnings.iter().try_for_each(|(key, info)| names.get(key).map_or(Ok(()), |path| warn(py, path, info)))?;
        Result::of(py, outcome, case)
    }

    /// What the pipeline will make of volumes, from their headers alone: for each input a dictionary with its "grid" (None
    /// where that depends on voxels), "shape", "spacing", "axcodes" (what is known of the grid all the same), "kind",
    /// "channels" and "dtype". `like` is as in a call; grids will do, too. Without
    /// the name of a case, random steps are not drawn.
    #[pyo3(signature = (like, case=None))]
    fn plan<'py>(&self, py: Python<'py>, like: &Bound<'py, PyAny>, case: Option<&str>) -> PyResult<Bound<'py, PyDict>> {
        let grids = python(py, "_arrays", "grids_as_volumes", (like,), None)?;
        let (mut headers, mut files) = (BTreeMap::new(), BTreeMap::new());
        for (key, given) in self.given(py, &grids)? {
            match given {
                Given::Volume(source) => drop(headers.insert(key, source.info())),
                Given::Files(paths) => drop(files.insert(key, paths)),
            }
        }
        let lacking = self
            .0
            .resolved()
            .inputs
            .iter()
            .find(|input| !input.optional && !headers.contains_key(&input.key) && !files.contains_key(&input.key));
        if let Some(lacking) = lacking {
            return Err(plain(py, &format!("missing input: {}", lacking.key)));
        }
        let (pipeline, case) = (Arc::clone(&self.0), case.map(str::to_owned));
        let plan = move || {
            headers.extend(pipeline.infos(case.as_deref().unwrap_or("case"), files)?);
            pipeline.plan(&headers, case.as_deref())
        };
        let planned = PyDict::new(py);
        for (key, volume) in pool::run(py, plan)?.or_raise(py)? {
            let one = PyDict::new(py);
            one.set_item("grid", volume.grid.map(Grid))?;
            one.set_item("shape", volume.shape.map(<(usize, usize, usize)>::from))?;
            one.set_item("spacing", volume.spacing.map(<(f64, f64, f64)>::from))?;
            let letters = volume.orientation.map(|axes| <(char, char, char)>::from([0, 1, 2].map(|a| axes.letter(a))));
            one.set_item("axcodes", letters)?;
            one.set_item("kind", volume.kind.name())?;
            one.set_item("channels", volume.channels)?;
            one.set_item("dtype", volume.dtype.map(|dtype| dtype.name()))?;
            planned.set_item(key, one)?;
        }
        Ok(planned)
    }

    /// What the pipeline does to synthetic scans, as the text that the command `snapshot` writes: to be committed and compared.
    fn snapshot(&self, py: Python<'_>) -> PyResult<String> {
        let pipeline = Arc::clone(&self.0);
        pool::run(py, move || pipeline.snapshot())?.or_raise(py)
    }

    /// The keys of the inputs.
    #[getter]
    fn inputs(&self) -> Vec<String> {
        self.0.resolved().inputs.iter().map(|input| input.key.clone()).collect()
    }

    /// How often each case is taken through it, each time with other random draws: copy 2 of case "a" is case="a/2". None where
    /// cases have no copies.
    #[getter]
    fn copies(&self) -> Option<u32> {
        self.0.resolved().copies
    }

    /// Whether any step draws by the name of the case.
    #[getter]
    fn is_random(&self) -> bool {
        self.0.resolved().is_random()
    }

    /// The names of the steps, in order.
    #[getter]
    fn steps(&self) -> Vec<&'static str> {
        self.0.resolved().steps.iter().map(|step| step.name).collect()
    }

    /// The name: that of the file.
    #[getter]
    fn name(&self) -> &str {
        &self.0.resolved().name
    }

    /// What the file says of itself.
    #[getter]
    fn description(&self) -> &str {
        &self.0.resolved().description
    }

    /// The text, as written.
    #[getter]
    fn text(&self) -> &str {
        self.0.resolved().text()
    }

    /// The hash of what is done, as in traces: comments and layout do not change it.
    #[getter]
    fn hash(&self) -> String {
        format!("blake3:{}", self.0.resolved().hash())
    }

    /// The pipeline as a dictionary that from_dict takes: with what `set` and files had a part in, and without comments.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let resolved = self.0.resolved();
        let Some(document) = resolved.portable() else {
            return Err(internal(py, "the pipeline cannot be written as one document"));
        };
        py.import("json")?.call_method1("loads", (document.to_string(),))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0.resolved().hash() == self.0.resolved().hash())
    }

    fn __hash__(&self) -> u64 {
        let hash = self.0.resolved().hash();
        u64::from_str_radix(hash.get(..16).unwrap_or("0"), 16).unwrap_or(0)
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        python(slf.py(), "_html", "pipeline", (slf,), None)
    }

    fn __repr__(&self) -> String {
        format!("<revoxel.Pipeline {}: {}>", self.name(), self.steps().join(", "))
    }

    fn __copy__(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    fn __deepcopy__(&self, _memo: &Bound<'_, PyAny>) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// The text, or where files or `set` had a part in it, the document that needs neither.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (String, String))> {
        let resolved = self.0.resolved();
        let alone = revoxel::Pipeline::parse_named(&resolved.name, resolved.text(), &[]);
        let text = match alone {
            Ok(same) if same.resolved().hash() == resolved.hash() => resolved.text().to_owned(),
            _ => match resolved.portable() {
                Some(document) => document.to_string(),
                None => return Err(internal(py, "the pipeline cannot be written as one text")),
            },
        };
        Ok((py.import("revoxel._pickle")?.getattr("pipeline")?, (text, resolved.name.clone())))
    }
}

/// Assignments as the engine takes them: `path=value`, the value as YAML.
fn assignments(set: Option<&Bound<'_, PyDict>>) -> PyResult<Vec<String>> {
    let Some(set) = set else { return Ok(Vec::new()) };
    let py = set.py();
    let one = |(key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        let value: String = python(py, "_arrays", "json_of", (value,), None)?.extract()?;
        Ok(format!("{}={value}", key.extract::<String>()?))
    };
    set.iter().map(one).collect()
}

/// What became of a case: its volumes by their keys, and the trace.
#[pyclass(frozen, module = "revoxel", mapping)]
pub(crate) struct Result {
    volumes: Py<PyDict>,
    /// All that the way back needs.
    #[pyo3(get)]
    trace: Py<Trace>,
    /// The name of the case.
    #[pyo3(get)]
    case: String,
    /// Why the case was left out, where a step said so; there are no volumes then.
    #[pyo3(get)]
    skipped: Option<String>,
    /// What happened to voxels that is worth knowing: values that were not finite, labels that were lost.
    #[pyo3(get)]
    notes: Vec<String>,
}

impl Result {
    fn of(py: Python<'_>, mut outcome: revoxel::Outcome, case: &str) -> PyResult<Self> {
        let volumes = PyDict::new(py);
        let mut notes: Vec<String> = outcome.non_finite.iter().map(|note| note.found.to_string()).collect();
        let lost = outcome.vanished.iter();
        notes.extend(
            lost.map(|lost| format!("{}: label {} was lost ({} voxels)", lost.key, lost.gone.label, lost.gone.before)),
        );
        for (key, volume) in std::mem::take(&mut outcome.volumes) {
            let names = outcome.names.remove(&key).unwrap_or_default();
            let origin = match outcome.trace.volumes.get(&key) {
                Some(record) => Origin::Made(Arc::new(origin::Source { record: record.clone(), names })),
                None => Origin::Memory,
            };
            let volume = Volume::of(volume, origin).map_err(|e| internal(py, &e.to_string()))?;
            volumes.set_item(key, Py::new(py, volume)?)?;
        }
        let trace = Py::new(py, Trace::of(outcome.trace))?;
        Ok(Self { volumes: volumes.unbind(), trace, case: case.to_owned(), skipped: outcome.skipped, notes })
    }
}

#[pymethods]
impl Result {
    /// A result of these volumes.
    #[new]
    #[pyo3(signature = (volumes, trace, case, skipped=None, notes=Vec::new()))]
    fn new(
        volumes: &Bound<'_, PyDict>,
        trace: Py<Trace>,
        case: String,
        skipped: Option<String>,
        notes: Vec<String>,
    ) -> PyResult<Self> {
        for (key, volume) in volumes.iter() {
            key.extract::<String>()?;
            volume.cast::<Volume>()?;
        }
        Ok(Self { volumes: volumes.copy()?.unbind(), trace, case, skipped, notes })
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, this) = (slf.py(), slf.get());
        let arguments = (&this.volumes, &this.trace, &this.case, &this.skipped, &this.notes).into_pyobject(py)?;
        Ok((slf.get_type().into_any(), arguments))
    }

    fn __getitem__<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Bound<'py, PyAny>> {
        match self.volumes.bind(py).get_item(key)? {
            Some(volume) => Ok(volume),
            None => {
                let keys: Vec<String> = self.volumes.bind(py).keys().extract()?;
                Err(PyKeyError::new_err(format!("{key:?}; there are: {}", keys.join(", "))))
            }
        }
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.volumes.bind(py).len()
    }

    fn __contains__(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.volumes.bind(py).contains(key)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.volumes.bind(py).try_iter()
    }

    /// The keys.
    fn keys<'py>(&self, py: Python<'py>) -> Bound<'py, PyList> {
        self.volumes.bind(py).keys()
    }

    /// The volumes.
    fn values<'py>(&self, py: Python<'py>) -> Bound<'py, PyList> {
        self.volumes.bind(py).values()
    }

    /// The keys with their volumes.
    fn items<'py>(&self, py: Python<'py>) -> Bound<'py, PyList> {
        self.volumes.bind(py).items()
    }

    /// The volume of a key, or `default`.
    #[pyo3(signature = (key, default=None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        key: &str,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.volumes.bind(py).get_item(key)?.or(default))
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        python(slf.py(), "_html", "result", (slf,), None)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        if let Some(skipped) = &self.skipped {
            return Ok(format!("<revoxel.Result {}, left out: {skipped}>", self.case));
        }
        let mut text = format!("<revoxel.Result {}", self.case);
        for (key, volume) in self.volumes.bind(py).iter() {
            text.push_str(&format!("\n  {key}: {}", volume.repr()?));
        }
        Ok(text + ">")
    }
}
