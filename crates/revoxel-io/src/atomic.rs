//! Files that appear complete or not at all.

use std::path::Path;

use crate::{Partial, WriteError};

/// Fills a new file in the folder of `path` and gives it that name when it is complete.
pub(crate) fn atomically<T>(path: &Path, fill: impl FnOnce(&Path) -> Result<T, WriteError>) -> Result<T, WriteError> {
    let (file, result) = partly(path, fill)?;
    file.persist()?;
    Ok(result)
}

/// Fills a new file in the folder of `path`, which gets that name later.
pub(crate) fn partly<T>(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<T, WriteError>,
) -> Result<(Partial, T), WriteError> {
    let file = Partial::create(path)?;
    let result = fill(file.place())?;
    Ok((file, result))
}
