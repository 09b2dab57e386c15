//! Reading a pipeline file, and what is looked up before it runs.

use std::path::Path;

use revoxel_pipeline::Pipeline;
use revoxel_runner::files::read_text;
use revoxel_runner::labels::LabelMaps;
use revoxel_runner::parameter_files;

use super::failure::Failure;
use super::progress::progress;

/// The assignments with the seed as one more.
pub(super) fn with_seed(set: &[String], seed: Option<u64>) -> Vec<String> {
    set.iter().cloned().chain(seed.map(|s| format!("seed={s}"))).collect()
}

/// Reads a pipeline file.
pub(super) fn load(path: &Path, set: &[String]) -> Result<Pipeline, Failure> {
    let text = read_text(path).map_err(Failure::usage)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let read = |content, name: &str| parameter_files::parameters(folder, content, name);
    let pipeline = Pipeline::parse_with(&path.to_string_lossy(), &text, set, &revoxel::registry(), &read)
        .map_err(|e| Failure::pipeline(&e))?;
    for input in pipeline.unwritten() {
        tracing::warn!(
            "{}: the input {:?} is not used by any step and not written: add it under `outputs:`, or remove it",
            path.display(),
            input.key
        );
    }
    Ok(pipeline)
}

/// Reads label maps until every label that a step names was seen; how many.
pub(super) fn look_for_labels(pipeline: &Pipeline, maps: LabelMaps) -> Result<usize, Failure> {
    let bar = progress(maps.count(), "label maps");
    let read = maps.check(pipeline, &|read| bar.up_to(read));
    bar.end();
    read.map_err(|e| Failure::pipeline(&e))
}
