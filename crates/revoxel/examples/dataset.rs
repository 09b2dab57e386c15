//! A dataset through a pipeline, on all cores, with a callback for each case.
//!
//! `cargo run -p revoxel --example dataset -- ct.yaml DATA OUT`; without arguments a dataset is made up.

#![allow(clippy::print_stdout, reason = "an example says what it did")]

use std::error::Error;
use std::path::{Path, PathBuf};

use revoxel::dataset::{Execution, Outcome};
use revoxel::{Kind, Pipeline, Volume};

#[allow(dead_code, reason = "the tests call what it calls")]
fn main() -> Result<(), Box<dyn Error>> {
    run(&std::env::args_os().skip(1).map(PathBuf::from).collect::<Vec<_>>())
}

pub(crate) fn run(arguments: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let [pipeline, data, out] = match arguments {
        [a, b, c] => [a.clone(), b.clone(), c.clone()],
        _ => made_up(folder.path())?,
    };

    let mut pipeline = Pipeline::load(pipeline)?;
    let (cases, refused) = pipeline.cases(&data)?;
    refused.iter().for_each(|r| println!("{}: {}", r.case, r.problem));
    let execution = Execution { jobs: 2, memory: 4 << 30, keep_going: true, retries: 0 };
    let outcomes = pipeline.run_cases(&cases, &data, &out, &execution, &|case, outcome| match outcome {
        Outcome::Done(done) => println!("{case}: {} files in {:.2} s", done.files.len(), done.time.as_secs_f64()),
        Outcome::Failed(why) => println!("{case}: {why}"),
        Outcome::NotRun => println!("{case}: not run"),
    });
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done(_))));
    Ok(())
}

/// Three scans of different sizes, and a pipeline for them.
fn made_up(folder: &Path) -> Result<[PathBuf; 3], Box<dyn Error>> {
    let places = ["p.yaml", "data", "out"].map(|name| folder.join(name));
    let text = "{version: 1, inputs: {image: {kind: image, path: '{case}.nii.gz'}}, steps: [{spatial_pad: {spatial_size: [8, \
                8, 8]}}], outputs: {image: {path: '{case}/image.nii.gz'}}, trace: '{case}/trace.json'}";
    std::fs::write(&places[0], text)?;
    std::fs::create_dir(&places[1])?;
    for size in 2..5 {
        let grid = revoxel::Grid::without_geometry([size, 4, 3])?;
        let values: Vec<i16> = (0..grid.voxel_count() as i16).collect();
        let scan = Volume::new(values.into(), grid, Kind::Image, 1)?;
        revoxel::write(places[1].join(format!("scan{size}.nii.gz")), &scan)?;
    }
    Ok(places)
}
