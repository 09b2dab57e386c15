//! What a caller says of the way back, by name.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use revoxel::geometry::{Dtype, DtypeError};
use revoxel::restore::Wishes;
use revoxel::trace::Values;

use crate::errors::plain;
use crate::volume::kind_of;

/// The names, as `help` and stubs have them.
const NAMES: &str = "restore, kind, interpolation, activation, argmax, regions, threshold, values, fill, dtype, axes, \
                     assume_grid, onto, coverage";

/// The wishes of named arguments. None is as good as leaving one out.
pub(crate) fn wishes(py: Python<'_>, volume: Option<String>, given: Option<&Bound<'_, PyDict>>) -> PyResult<Wishes> {
    let mut wishes = Wishes { volume, ..Wishes::default() };
    for (name, value) in given.into_iter().flatten() {
        let name: String = name.extract()?;
        if value.is_none() {
            continue;
        }
        match name.as_str() {
            "restore" => wishes.entry = Some(of(&name, &value)?),
            "kind" => wishes.kind = Some(kind_of(py, &of::<String>(&name, &value)?)?),
            "interpolation" => wishes.interpolation = Some(chosen(py, &name, &value)?),
            "activation" => wishes.activation = Some(chosen(py, &name, &value)?),
            "argmax" => wishes.argmax = of(&name, &value)?,
            "regions" => {
                let labels: Vec<i64> = of(&name, &value)?;
                let label = |label: i64| {
                    let wrong =
                        || plain(py, &format!("regions: label {label}: expected labels from 0 to {}", u16::MAX));
                    u16::try_from(label).map_err(|_| wrong())
                };
                wishes.regions = labels.into_iter().map(label).collect::<PyResult<_>>()?;
            }
            "threshold" => wishes.threshold = Some(of(&name, &value)?),
            "values" => wishes.values = Some(values_of(py, &of::<String>(&name, &value)?)?),
            "fill" => wishes.fill = Some(of(&name, &value)?),
            "dtype" => wishes.dtype = Some(dtype_of(&value)?),
            // Batches of one are left out of arrays, so their letter may be, too.
            "axes" => {
                let axes = of::<String>(&name, &value)?;
                let axes = pyo3::types::PyString::new(py, axes.strip_prefix('b').unwrap_or(&axes));
                wishes.axes = Some(chosen(py, &name, axes.as_any())?);
            }
            "assume_grid" => wishes.assume_grid = of(&name, &value)?,
            "coverage" => wishes.coverage = of(&name, &value)?,
            "onto" => {
                wishes.regular = match of::<String>(&name, &value)?.as_str() {
                    "slices" => false,
                    "regular" => true,
                    other => return Err(plain(py, &format!("onto: {other:?} is neither \"slices\" nor \"regular\""))),
                }
            }
            unknown => {
                return Err(PyTypeError::new_err(format!("unexpected keyword argument '{unknown}'; known: {NAMES}")));
            }
        }
    }
    Ok(wishes)
}

/// The value of an argument; an error names it.
fn of<'a, 'py, T: FromPyObject<'a, 'py>>(name: &str, value: &'a Bound<'py, PyAny>) -> PyResult<T> {
    value.extract().map_err(|error: T::Error| {
        let error: PyErr = error.into();
        let wrong = PyTypeError::new_err(format!("argument '{name}': {}", error.value(value.py())));
        wrong.set_cause(value.py(), Some(error));
        wrong
    })
}

/// Something by its name.
fn chosen<T: std::str::FromStr<Err: std::fmt::Display>>(
    py: Python<'_>,
    argument: &str,
    name: &Bound<'_, PyAny>,
) -> PyResult<T> {
    of::<String>(argument, name)?.parse().map_err(|e| plain(py, &format!("{argument}: {e}")))
}

fn values_of(py: Python<'_>, name: &str) -> PyResult<Values> {
    let found = [Values::Keep, Values::Undo, Values::Clamp].into_iter().find(|values| values.name() == name);
    found.ok_or_else(|| plain(py, &format!("values: {name:?} is none of \"keep\", \"undo\" and \"clamp\"")))
}

fn dtype_of(dtype: &Bound<'_, PyAny>) -> PyResult<Dtype> {
    let py = dtype.py();
    let name: String = crate::numpy::module(py)?.call_method1("dtype", (dtype,))?.getattr("name")?.extract()?;
    name.parse().map_err(|e: DtypeError| plain(py, &format!("dtype: {e}")))
}
