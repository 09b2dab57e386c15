//! Grids of files: of headers, of a dataset's cases, and of the snapshot that is there already.
//!
//! Names of files and cases are not taken over: they may be names of patients, and a snapshot is committed. A grid is
//! called by its orientation and shape.

use std::collections::BTreeMap;
use std::path::Path;

use revoxel_core::{Affine, Dtype, Grid, Kind};
use revoxel_io::ReadError;
use revoxel_pipeline::Pipeline;
use serde_json::Value;

use super::grids::{Source, Subject};
use super::passage::GRID;
use super::{Grids, MARK};
use crate::preflight::Checked;
use crate::uneven;

/// Kinds of grids of a dataset that are taken.
const MOST: usize = 8;

/// Why grids cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GivenError {
    /// A header cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Slices that make no even grid.
    #[error("{0}")]
    Uneven(String),
    /// A snapshot does not say what its grids are.
    #[error("grid {name}, {input}: {problem}")]
    Recorded {
        /// Name of the grid.
        name: String,
        /// Key of the input.
        input: String,
        /// What is wrong.
        problem: String,
    },
}

/// The grids of the headers of files: one case each, all of whose inputs have that grid.
///
/// # Errors
/// Where a header cannot be read.
pub fn like(pipeline: &Pipeline, files: &[impl AsRef<Path>]) -> Result<Grids, GivenError> {
    let mut subjects = Vec::new();
    for file in files {
        let info = uneven::info_like(pipeline, file.as_ref())?;
        let start =
            uneven::start(&info).map_err(|e| GivenError::Uneven(format!("{}: {e}", file.as_ref().display())))?;
        let source = |key: &str| {
            let image = pipeline.input(key).is_some_and(|i| i.kind == Kind::Image && i.channel.is_none());
            Source { grid: start, dtype: info.dtype, channels: image.then_some(info.channels) }
        };
        let inputs = pipeline.inputs.iter().map(|input| (input.key.clone(), source(&input.key))).collect();
        subjects.push(Subject { name: String::new(), about: String::new(), inputs });
    }
    Ok(Grids::Given { subjects: named(pipeline, subjects), left_out: Vec::new() })
}

/// The distinct kinds of grids of cases: the first case of each kind, those that most cases have first. Cases are of one
/// kind where all inputs agree in orientation, voxel size (to a thousandth), channels and voxel type.
pub fn of_cases(pipeline: &Pipeline, cases: &[Checked]) -> Grids {
    let mut kinds: Vec<(String, usize, &Checked)> = Vec::new();
    for case in cases.iter().filter(|case| case.case.name.copy.is_none_or(|copy| copy == 0)) {
        let kind = kind_of(case);
        match kinds.iter_mut().find(|(other, ..)| *other == kind) {
            Some((_, count, _)) => *count += 1,
            None => kinds.push((kind, 1, case)),
        }
    }
    // The order of cases with equal counts stays.
    kinds.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
    let more = kinds.split_off(kinds.len().min(MOST));
    let mut left_out = Vec::new();
    if !more.is_empty() {
        let cases: usize = more.iter().map(|(_, count, _)| count).sum();
        left_out.push(format!("{} more kinds of grids, of {cases} cases", more.len()));
    }
    if cases.iter().any(|case| !case.uneven.is_empty()) {
        left_out.push("slices that lie unevenly: the grids are those that they are evened out onto".to_owned());
    }
    let subject = |(_, _, case): (String, usize, &Checked)| {
        let source = |(key, grid): (&String, &Grid)| {
            let info = &case.infos[key];
            let input = pipeline.input(key);
            let image = input.is_some_and(|input| input.kind != Kind::Label && input.channel.is_none());
            let channels = image.then_some(info.channels);
            (key.clone(), Source { grid: *grid, dtype: info.dtype, channels })
        };
        Subject { name: String::new(), about: String::new(), inputs: case.grids.iter().map(source).collect() }
    };
    Grids::Given { subjects: named(pipeline, kinds.into_iter().map(subject).collect()), left_out }
}

fn kind_of(case: &Checked) -> String {
    let one = |(key, grid): (&String, &Grid)| {
        let (info, spacing) = (&case.infos[key], grid.spacing());
        let [x, y, z] = spacing;
        format!("{key} {} {} {x:.3} {y:.3} {z:.3} {} {}", grid.orientation(), grid.axes(), info.dtype, info.channels)
    };
    case.grids.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Subjects with names by orientation and shape of the first image, and a number where several have the same.
fn named(pipeline: &Pipeline, subjects: Vec<Subject>) -> Vec<Subject> {
    let first = super::grids::first_image(pipeline);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let name = |subject: Subject| {
        let source = first.and_then(|key| subject.inputs.get(key)).or(subject.inputs.values().next());
        let Some(grid) = source.map(|source| source.grid) else { return subject };
        let [x, y, z] = grid.shape();
        let shape = if grid.is_planar() { format!("{x}x{y}") } else { format!("{x}x{y}x{z}") };
        let base = format!("{}-{shape}", grid.orientation().to_string().to_lowercase());
        let count = seen.entry(base.clone()).or_default();
        *count += 1;
        let name = if *count == 1 { base } else { format!("{base}-{count}") };
        let [a, b, c] = grid.spacing();
        let about = format!("given: {a:.3} × {b:.3} × {c:.3} mm");
        Subject { name, about, ..subject }
    };
    subjects.into_iter().map(name).collect()
}

/// The grids that a snapshot was made on.
///
/// # Errors
/// Where the document does not say what they are.
pub fn recorded(pipeline: &Pipeline, document: &Value) -> Result<Grids, GivenError> {
    let given = document.get(MARK).is_some() && document["made_on"] == "given";
    let Some(grids) = document["grids"].as_object().filter(|_| given) else { return Ok(Grids::BuiltIn) };
    let mut subjects = Vec::new();
    for (name, said) in grids {
        // The grids as a whole, where only a part of them was made up.
        let sources = said.get("whole").unwrap_or(&said["source"]);
        let mut inputs = BTreeMap::new();
        for input in &pipeline.inputs {
            let Some(facts) = sources.get(&input.key).filter(|facts| facts.is_object()) else { continue };
            let problem =
                |problem: String| GivenError::Recorded { name: name.clone(), input: input.key.clone(), problem };
            let grid = facts.get(GRID).or(sources.get(GRID)).ok_or_else(|| problem("missing grid".to_owned()))?;
            let grid = grid_of(grid).map_err(problem)?;
            let dtype = facts.get("dtype").and_then(Value::as_str).map(str::parse::<Dtype>).transpose();
            let dtype = dtype.map_err(|e| problem(e.to_string()))?.unwrap_or(Dtype::I16);
            let channels = facts.get("channels").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
            inputs.insert(input.key.clone(), Source { grid, dtype, channels });
        }
        // An input that the pipeline had not when the snapshot was made lies where the first one does.
        if let Some(known) = inputs.values().next().copied() {
            for input in pipeline.inputs.iter().filter(|input| !input.optional) {
                inputs.entry(input.key.clone()).or_insert(Source { channels: None, ..known });
            }
            subjects.push(Subject { name: name.clone(), about: String::new(), inputs });
        }
    }
    let left_out = document["left_out"].as_array().into_iter().flatten();
    let left_out = left_out.filter_map(|text| text.as_str().map(ToOwned::to_owned)).collect();
    let mut given = Grids::Given { subjects, left_out };
    if let Grids::Given { subjects, .. } = &mut given {
        let abouts: Vec<String> = named(pipeline, subjects.clone()).into_iter().map(|s| s.about).collect();
        subjects.iter_mut().zip(abouts).for_each(|(subject, about)| subject.about = about);
    }
    Ok(given)
}

fn grid_of(said: &Value) -> Result<Grid, String> {
    let shape: [usize; 3] = serde_json::from_value(said["shape"].clone()).map_err(|e| format!("shape: {e}"))?;
    let rows: [[f64; 4]; 3] = serde_json::from_value(said["affine"].clone()).map_err(|e| format!("affine: {e}"))?;
    let grid = Grid::new(shape, Affine::from_rows(rows)).map_err(|e| e.to_string())?;
    Ok(if said["planar"] == true { grid.planar() } else { grid })
}
