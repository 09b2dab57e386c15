//! Reading a trace.

use std::path::Path;
use std::sync::Arc;

use revoxel_invert::Trace;
use revoxel_runner::files::read_text;

use super::failure::Failure;
use super::slices::{self, Onto};

/// The trace of a file; with `onto` regular its volumes end on the even grids that their slices were put on.
pub(super) fn load(path: &Path, onto: Onto) -> Result<Arc<Trace>, Failure> {
    let text = read_text(path).map_err(Failure::usage)?;
    let mut trace = Trace::from_json(&text).map_err(|e| Failure::about(path, e))?;
    if onto == Onto::Regular {
        slices::onto_regular(&mut trace, path)?;
    }
    Ok(Arc::new(trace))
}
