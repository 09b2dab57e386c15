//! The program `revoxel`, called from Python.

use std::ffi::OsString;
use std::io::Write;

use pyo3::prelude::*;

/// Run the program with these arguments, the first of which is its name, and return its exit code.
#[pyfunction]
pub(crate) fn run_cli(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| {
        let code = revoxel_cli::run_with(arguments);
        // Nobody else does it: only a program of its own flushes at its end.
        let _ = std::io::stdout().flush();
        code
    })
}
