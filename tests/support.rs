//! What several tests need.

use std::path::{Path, PathBuf};

use revoxel_core::{Kind, Volume, Voxel, dispatch};
use revoxel_runner::engine::{Engine, Processed};
use serde_json::{Value, json};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// The values of a volume.
pub(crate) fn values(volume: &Volume) -> Vec<f64> {
    dispatch!(volume.voxels(), v => v.iter().map(|x| x.to_f64()).collect())
}

/// A pipeline file with these inputs and steps.
pub(crate) fn pipeline_text(inputs: &[(&str, Kind)], steps: &[Value]) -> String {
    let input = |(key, kind): &(&str, Kind)| {
        ((*key).to_owned(), json!({ "kind": kind.name(), "path": format!("{{case}}/{key}.nii"), "grid": "own" }))
    };
    let inputs: serde_json::Map<String, Value> = inputs.iter().map(input).collect();
    // JSON is YAML.
    json!({ "version": 1, "inputs": inputs, "steps": steps, "outputs": {}, "trace": "{case}.json" }).to_string()
}

/// Runs steps on volumes in memory.
pub(crate) fn run_steps(volumes: Vec<(&str, Volume)>, steps: &[Value]) -> Result<Vec<(String, Processed)>, String> {
    let inputs: Vec<(&str, Kind)> = volumes.iter().map(|(key, volume)| (*key, volume.kind())).collect();
    let text = pipeline_text(&inputs, steps);
    let registry = revoxel_transforms::Registry::builtin();
    let pipeline = revoxel_pipeline::Pipeline::parse("test.yaml", &text, &[], &registry).map_err(|e| e.to_string())?;
    let volumes = volumes.into_iter().map(|(key, volume)| (key.to_owned(), volume)).collect();
    let mut engine = Engine::new(volumes, pipeline.fuse);
    engine.run(&pipeline.steps).map_err(|e| e.to_string())?;
    let results = engine.finish(&Default::default()).map_err(|e| e.to_string())?;
    Ok(results.into_iter().collect())
}
