//! Arrays of numpy, made with numpy itself.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use revoxel::geometry::Affine;

/// The module `numpy`.
pub(crate) fn module(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("numpy")
}

/// An array of float64 that cannot be written to: nobody shall believe that this changes a volume.
pub(crate) fn matrix<'py, const N: usize>(py: Python<'py>, rows: &[[f64; N]]) -> PyResult<Bound<'py, PyAny>> {
    let array = module(py)?.call_method1("array", (rows.to_vec(),))?;
    let flags = PyDict::new(py);
    flags.set_item("write", false)?;
    array.call_method("setflags", (), Some(&flags))?;
    Ok(array)
}

/// A 4×4 matrix.
pub(crate) fn affine<'py>(py: Python<'py>, affine: &Affine) -> PyResult<Bound<'py, PyAny>> {
    let [a, b, c] = affine.rows();
    matrix(py, &[a, b, c, [0.0, 0.0, 0.0, 1.0]])
}

/// The memory of an object as an array; nothing is copied.
pub(crate) fn view<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let memory = py.import("builtins")?.call_method1("memoryview", (object,))?;
    module(py)?.call_method1("asarray", (memory,))
}

/// What a function of one of the package's Python modules gives.
pub(crate) fn python<'py>(
    py: Python<'py>,
    module: &str,
    function: &str,
    arguments: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error = PyErr>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let arguments = arguments.into_pyobject(py)?;
    py.import(format!("revoxel.{module}"))?.getattr(function)?.call(arguments, keywords)
}
