//! The program `revoxel`, called from Python.

use std::ffi::OsString;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use crate::errors::plain;

/// Run the program with these arguments, the first of which is its name, and return its exit code. Once in a process.
#[pyfunction]
pub(crate) fn run_cli(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<u8> {
    // Threads, signals and the form of messages are set for the whole process.
    static RAN: AtomicBool = AtomicBool::new(false);
    if RAN.swap(true, Ordering::Relaxed) {
        return Err(plain(py, "the program runs once in a process: start it with subprocess"));
    }
    Ok(py.detach(|| {
        let code = revoxel_cli::run_with(arguments);
        // Nobody else does it: only a program of its own flushes at its end.
        let _ = std::io::stdout().flush();
        code
    }))
}
