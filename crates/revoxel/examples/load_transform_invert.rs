//! A scan through a pipeline to a model, and the model's answer back onto the scan.
//!
//! `cargo run -p revoxel --example load_transform_invert -- ct.yaml ct.nii.gz mask.nii.gz`; without arguments a scan is
//! made up.

#![allow(clippy::print_stdout, reason = "an example says what it did")]

use std::error::Error;
use std::path::PathBuf;

use revoxel::{Kind, Pipeline, Recipe, Volume};

/// Stands for a network: everything brighter than half of the range.
fn model(input: &Volume) -> Result<Volume, Box<dyn Error>> {
    // x, y, z, channel; nothing is copied.
    let values = input.view::<f32>()?;
    Ok(Volume::from_array(values.map(|v| u8::from(*v > 0.5)), *input.grid(), Kind::Label)?)
}

#[allow(dead_code, reason = "the tests call what it calls")]
fn main() -> Result<(), Box<dyn Error>> {
    run(&std::env::args_os().skip(1).map(PathBuf::from).collect::<Vec<_>>())
}

pub(crate) fn run(arguments: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let [pipeline, scan, mask] = match arguments {
        [a, b, c] => [a.clone(), b.clone(), c.clone()],
        _ => made_up(folder.path())?,
    };

    let pipeline = Pipeline::load(pipeline)?;
    let ct = revoxel::read(&scan, Kind::Image)?;
    let grid = *ct.volume.grid();
    let case = pipeline.run([("image", ct)])?;
    let prediction = model(&case.volumes["image"])?;
    let back = case.trace.invert(prediction, Recipe::default())?;
    revoxel::write_back(&mask, &back.volume, case.trace.volume("image")?, &Default::default())?;

    let written = revoxel::read(&mask, Kind::Label)?.volume;
    assert_eq!(written.grid(), &grid, "the mask lies where the scan lies, bit for bit");
    println!("{}: {} voxels, {} of them not seen by the model", mask.display(), grid.voxel_count(), back.unseen);
    Ok(())
}

/// A phantom, and a pipeline for it.
fn made_up(folder: &std::path::Path) -> Result<[PathBuf; 3], Box<dyn Error>> {
    let places = ["ct.yaml", "ct.nii.gz", "mask.nii.gz"].map(|name| folder.join(name));
    let text = "
version: 1
inputs: { image: { kind: image, path: '{case}.nii.gz' } }
steps:
  - orientation: { axcodes: RAS }
  - spacing: { pixdim: [2, 2, 2] }
  - scale_intensity_range: { a_min: -1000, a_max: 1000, b_min: 0, b_max: 1, clip: true }
outputs: { image: { path: '{case}/image.nii.gz', dtype: float32 } }
trace: '{case}/trace.json'
";
    std::fs::write(&places[0], text)?;
    let affine =
        revoxel::geometry::Affine::from_rows([[0.0, 0.7, 0.2, -31.0], [-0.9, 0.0, 0.1, 12.0], [0.1, 0.1, 2.4, 7.5]]);
    let grid = revoxel::Grid::new([40, 31, 17], affine)?;
    let values: Vec<i16> = (0..grid.voxel_count()).map(|i| (i * 7919 % 2000) as i16 - 1000).collect();
    revoxel::write(&places[1], &Volume::new(values.into(), grid, Kind::Image, 1)?)?;
    Ok(places)
}
