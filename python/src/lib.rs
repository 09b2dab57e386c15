//! The native part of the Python package `revoxel`.
//!
//! Everything that Python can do better is in `python/revoxel`; here is what needs the engine: volumes and their memory,
//! grids, pipelines, traces, and the program itself.

mod buffer;
mod cli;
mod errors;
mod files;
mod grid;
mod numpy;
mod origin;
mod pipeline;
mod points;
mod pool;
mod slicing;
mod trace;
mod volume;
mod wishes;

/// The native part of the package.
#[pyo3::pymodule]
mod _core {
    #[pymodule_export]
    use crate::cli::run_cli;
    #[pymodule_export]
    use crate::files::{read, write};
    #[pymodule_export]
    use crate::grid::Grid;
    #[pymodule_export]
    use crate::pipeline::{Pipeline, Result};
    #[pymodule_export]
    use crate::pool::{set_threads, threads};
    #[pymodule_export]
    use crate::trace::{Inversion, Trace};
    #[pymodule_export]
    use crate::volume::Volume;

    /// The version of the engine.
    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "Python's name")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
