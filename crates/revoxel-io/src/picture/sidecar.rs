//! The voxel size: given by the caller, else by a JSON file beside the pictures, as in nnU-Net.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::PictureError;
use crate::{ReadError, ReadOptions};

/// The maximum size of such a file in bytes.
const MOST_BYTES: u64 = 1 << 20;

#[derive(Deserialize)]
struct Sidecar {
    /// mm, slices first.
    spacing: Vec<f64>,
}

/// The voxel size along x, y and z, and the file that contains it.
pub(super) fn spacing(path: &Path, options: &ReadOptions) -> Result<([f64; 3], Option<PathBuf>), ReadError> {
    let failed = |reason| ReadError::Picture { path: path.to_owned(), reason: Box::new(reason) };
    if let Some(spacing) = options.spacing {
        return if fits(&spacing) { Ok((spacing, None)) } else { Err(failed(PictureError::Spacing(spacing))) };
    }
    let names = names(path);
    let Some(sidecar) = names.iter().find(|name| name.is_file()) else {
        return Err(failed(PictureError::NoSpacing(names.into_iter().next().unwrap_or_default())));
    };
    let fail = |why: String| failed(PictureError::Sidecar { path: sidecar.clone(), why });
    let length = fs::metadata(sidecar).map_err(|e| fail(e.to_string()))?.len();
    if length > MOST_BYTES {
        return Err(fail(format!("it has {length} bytes, too many for a sidecar")));
    }
    let bytes = fs::read(sidecar).map_err(|e| fail(e.to_string()))?;
    let said: Sidecar = serde_json::from_slice(&bytes).map_err(|e| fail(e.to_string()))?;
    match said.spacing[..] {
        [z, y, x] if fits(&[x, y, z]) => Ok(([x, y, z], Some(sidecar.clone()))),
        _ => Err(fail(format!("spacing is {:?}", said.spacing))),
    }
}

fn fits(spacing: &[f64; 3]) -> bool {
    spacing.iter().all(|v| v.is_normal() && *v > 0.0 && *v < 1e30)
}

/// The possible names of a sidecar: the name of the file or folder with `.json`, also without the channel number
/// (`_0000`), or `spacing.json` in the folder.
fn names(path: &Path) -> Vec<PathBuf> {
    let own = if path.is_dir() { path.as_os_str().to_owned() } else { path.with_extension("").into_os_string() };
    let with_json = |stem: &std::ffi::OsStr| {
        let mut name = stem.to_owned();
        name.push(".json");
        PathBuf::from(name)
    };
    let mut names = vec![with_json(&own)];
    if let Some((stem, number)) = own.to_str().and_then(|own| own.rsplit_once('_'))
        && number.len() == 4
        && number.bytes().all(|b| b.is_ascii_digit())
    {
        names.push(with_json(stem.as_ref()));
    }
    if path.is_dir() {
        names.insert(0, path.join("spacing.json"));
    }
    names
}
