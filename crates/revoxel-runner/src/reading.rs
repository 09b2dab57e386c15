//! How the inputs of a case are read.

use revoxel_io::ReadOptions;
use revoxel_pipeline::{Input, Pipeline};

use crate::dataset::{Case, OwnSeries};
use crate::uneven::read_options;

/// How an input of a pipeline is to be read in a case.
pub fn options_of(pipeline: &Pipeline, input: &Input, case: &Case) -> ReadOptions {
    let named = input.segments.reference.as_deref();
    let reference = named.and_then(|key| Some((pipeline.input(key)?, case.inputs.get(key)?.as_path())));
    let mut options = read_options(input, reference);
    let own = |key: &str| case.series.get(key).map(OwnSeries::choice);
    options.series = own(&input.key).or(options.series);
    options.labels.reference_series = named.and_then(own).or(options.labels.reference_series);
    options
}
