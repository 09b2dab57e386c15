//! Files that stand for parameters of a step.

use std::path::Path;

use revoxel_transforms::Content;
use serde_json::{Map, Value, json};

use crate::landmarks_file;
use crate::limits::options;
use crate::matrix_file::{WorldMatrix, bytes_of, parse};

/// What the loader of a pipeline puts in the place of a file's name: the reader of
/// [`Pipeline::parse_with`](revoxel_pipeline::Pipeline::parse_with). Paths are relative to `folder`.
///
/// # Errors
/// Where the file cannot be read or does not hold what is wanted; for people.
pub fn parameters(folder: &Path, content: Content, path: &str) -> Result<Map<String, Value>, String> {
    let place = folder.join(path);
    let named = |problem: String| format!("{}: {problem}", place.display());
    match content {
        Content::WorldMatrix => {
            let bytes = bytes_of(&place).map_err(named)?;
            let WorldMatrix { map, lps } = parse(&bytes).map_err(|e| named(e.to_string()))?;
            let [a, b, c] = map.rows();
            let mut found = Map::new();
            found.insert("matrix".to_owned(), json!([a, b, c, [0.0, 0.0, 0.0, 1.0]]));
            if let Some(lps) = lps {
                found.insert("frame".to_owned(), (if lps { "LPS" } else { "RAS" }).into());
            }
            Ok(found)
        }
        Content::Grid => {
            let info = revoxel_io::info_with(&place, &options()).map_err(|e| e.to_string())?;
            let ([a, b, c], shape) = (info.grid.affine().rows(), info.grid.shape());
            let grid = json!({ "shape": shape, "affine": [a, b, c, [0.0, 0.0, 0.0, 1.0]] });
            Ok(Map::from_iter([("grid".to_owned(), grid)]))
        }
        Content::Landmarks => landmarks_file::parameters(&place),
        _ => Err(named("this program does not support the content of this file".to_owned())),
    }
}
