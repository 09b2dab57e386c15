//! Reading a pipeline file, and what is looked up before it runs.

use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use revoxel_pipeline::Pipeline;
use revoxel_runner::files::read_text;
use revoxel_runner::labels::LabelMaps;
use revoxel_runner::parameter_files;

use super::failure::Failure;

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
    let read = maps.check(pipeline, &|read| bar.set_position(read as u64));
    bar.finish_and_clear();
    read.map_err(|e| Failure::pipeline(&e))
}

/// How long a run goes on without a word where there is no terminal.
const SILENT: Duration = Duration::from_secs(10);

/// How far a run is, for a log: `None` on a terminal, which has a bar, and in the first seconds.
pub(super) fn how_far(since: Instant, ended: usize, all: usize) -> Option<String> {
    let elapsed = since.elapsed();
    if elapsed < SILENT || std::io::stderr().is_terminal() || ended == 0 {
        return None;
    }
    let left = elapsed.mul_f64((all.saturating_sub(ended)) as f64 / ended as f64);
    Some(format!("{ended} of {all}, {} s elapsed, about {} s left", elapsed.as_secs(), left.as_secs()))
}

/// A bar on a terminal, and nothing elsewhere.
pub(super) fn progress(count: usize, unit: &str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() && !super::say::is_quiet() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(count as u64), target);
    let style = ProgressStyle::with_template(&format!(
        "{{bar:30}} {{pos}}/{{len}} {unit}, {{elapsed}} elapsed, {{eta}} left  {{msg}}"
    ));
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
