//! A trace that another process wrote, and a prediction that goes back with it.
//!
//! `cargo run -p revoxel --example read_trace -- trace.json prediction.nii.gz mask.nii.gz`; without arguments all of it is
//! made up.

#![allow(clippy::print_stdout, reason = "an example says what it did")]

use std::error::Error;
use std::path::{Path, PathBuf};

use revoxel::{Kind, Pipeline, Recipe, Trace, Volume};

#[allow(dead_code, reason = "the tests call what it calls")]
fn main() -> Result<(), Box<dyn Error>> {
    run(&std::env::args_os().skip(1).map(PathBuf::from).collect::<Vec<_>>())
}

pub(crate) fn run(arguments: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let [trace, prediction, mask] = match arguments {
        [a, b, c] => [a.clone(), b.clone(), c.clone()],
        _ => made_up(folder.path())?,
    };

    let trace = Trace::from_json(&std::fs::read_to_string(&trace)?)?;
    for (key, volume) in &trace.volumes {
        let native = volume.native()?;
        println!("{key}: {} steps from a grid of {:?}", volume.steps.len(), native.shape());
    }
    let prediction = revoxel::read(&prediction, Kind::Label)?.volume;
    let back = trace.invert(prediction, Recipe { fill: Some(255.0), ..Recipe::default() })?;
    revoxel::write_back(&mask, &back.volume, trace.volume(trace.main_volume()?)?, &Default::default())?;
    println!("{}: {:?}", mask.display(), back.volume.grid().shape());
    Ok(())
}

/// What a run of a pipeline and a model leave behind.
fn made_up(folder: &Path) -> Result<[PathBuf; 3], Box<dyn Error>> {
    let places = ["trace.json", "prediction.nii.gz", "mask.nii.gz"].map(|name| folder.join(name));
    let pipeline = Pipeline::parse(
        "{version: 1, inputs: {image: {kind: image, path: '{case}.nii.gz'}}, steps: [{center_spatial_crop: {roi_size: [4, 4, \
         2]}}], outputs: {image: {path: '{case}-out.nii.gz'}}, trace: '{case}.json'}",
    )?;
    let grid = revoxel::Grid::without_geometry([6, 5, 3])?;
    let scan = Volume::new((0..90i16).collect::<Vec<_>>().into(), grid, Kind::Image, 1)?;
    let case = pipeline.run([("image", scan)])?;
    std::fs::write(&places[0], case.trace.to_json())?;
    let seen = *case.volumes["image"].grid();
    let labels = (0..seen.voxel_count()).map(|i| (i % 3) as u8).collect::<Vec<_>>();
    revoxel::write(&places[1], &Volume::new(labels.into(), seen, Kind::Label, 1)?)?;
    Ok(places)
}
