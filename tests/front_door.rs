//! The examples of the crate `revoxel`, run.

#[path = "../crates/revoxel/examples/dataset.rs"]
mod dataset;
#[path = "../crates/revoxel/examples/load_transform_invert.rs"]
mod load_transform_invert;
#[path = "../crates/revoxel/examples/own_transform.rs"]
mod own_transform;
#[path = "../crates/revoxel/examples/read_trace.rs"]
mod read_trace;

use std::collections::BTreeMap;

use revoxel::{Kind, Pipeline, Recipe};
use revoxel_core::testing::Draw;

use crate::support::Place;

/// An example with the arguments of this process has none of its own: it makes up what it needs.
#[test]
fn examples_run() {
    load_transform_invert::run(&[]).unwrap();
    read_trace::run(&[]).unwrap();
    dataset::run(&[]).unwrap();
    own_transform::main().unwrap();
}

/// A case in memory gives what the program writes, to the bit: voxels, grids, steps.
#[test]
fn a_case_in_memory_is_what_the_program_makes_of_files() {
    let place = Place::new();
    let text = "version: 1\ninputs:\n  image: { kind: image, path: \"{case}/image.nii.gz\" }\n  label: { kind: label, path: \
                \"{case}/label.nii.gz\" }\nsteps:\n  - orientation: { axcodes: LPS }\n  - spacing: { pixdim: [1.3, 1.1, 2] \
                }\n  - crop_foreground: { source: label, margin: 2 }\n  - rand_flip: { prob: 0.5, spatial_axis: 0 }\n  - \
                normalize_intensity: {}\noutputs:\n  image: { path: \"{case}/i.nii.gz\", dtype: float32 }\n  label: { path: \
                \"{case}/l.nii.gz\" }\ntrace: \"{case}/trace.json\"\n";
    place.text("p.yaml", text);
    let mut draw = Draw::new(11);
    let grid = draw.grid(20);
    std::fs::create_dir_all(place.path("data/c7")).unwrap();
    place.volume("data/c7/image.nii.gz", &draw.volume(grid, Kind::Image, 1));
    let label = draw.volume(grid, Kind::Label, 1);
    place.volume("data/c7/label.nii.gz", &label);
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();

    let pipeline = Pipeline::load(place.path("p.yaml")).unwrap();
    let read = |name: &str, kind| revoxel::read(place.path(&format!("data/c7/{name}.nii.gz")), kind).unwrap();
    let sources = [("image", read("image", Kind::Image)), ("label", read("label", Kind::Label))];
    let case = pipeline.run_case("c7", sources).unwrap();
    let written = std::fs::read_to_string(place.path("out/c7/trace.json")).unwrap();
    let written = revoxel::Trace::from_json(&written).unwrap();
    for (key, file, kind) in [("image", "i", Kind::Image), ("label", "l", Kind::Label)] {
        let there = place.read(&format!("out/c7/{file}.nii.gz"), kind);
        assert!(case.volumes[key].voxels() == there.voxels(), "{key}");
        // Numbers in the header of a NIfTI file are of single precision.
        assert!(revoxel::geometry::Relation::between(case.volumes[key].grid(), there.grid()).agrees(), "{key}");
        let (ours, theirs) = (&case.trace.volumes[key], &written.volumes[key]);
        assert_eq!((&ours.steps, &ours.source.grid, &ours.kind), (&theirs.steps, &theirs.source.grid, &theirs.kind));
        assert_eq!((&ours.source.facts, &ours.result.dtype), (&theirs.source.facts, &theirs.result.dtype));
    }
    assert_eq!((&case.trace.pipeline, &case.trace.case), (&written.pipeline, &written.case));
    // The trace goes through its file and brings the label map back onto its own grid.
    let trace = revoxel::Trace::from_json(&case.trace.to_json()).unwrap();
    let back = trace.volume("label").unwrap().invert(case.volumes["label"].clone(), Recipe::default()).unwrap();
    assert_eq!(back.volume.grid(), read("label", Kind::Label).volume.grid());
}

#[test]
fn what_does_not_fit_is_refused_in_memory_too() {
    let text = "{version: 1, inputs: {image: {kind: image, path: '{case}.nii'}, label: {kind: label, path: '{case}-l.nii'}}, \
                steps: [{flip: {}}], outputs: {label: {path: '{case}-out.nii', dtype: uint8}}, trace: '{case}.json'}";
    let pipeline = Pipeline::parse(text).unwrap();
    let mut draw = Draw::new(5);
    let (grid, other) = (draw.grid(20), draw.grid(20));
    let image = draw.volume(grid, Kind::Image, 1);
    let whole = |value: i16, grid: revoxel::Grid| {
        revoxel::Volume::new(vec![value; grid.voxel_count()].into(), grid, Kind::Label, 1).unwrap()
    };
    let fails = |volumes: Vec<(&str, revoxel::Volume)>, says: &str| {
        let error = pipeline.run(volumes).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    };
    fails(vec![("image", image.clone())], "missing input: label");
    fails(vec![("image", image.clone()), ("mask", whole(1, grid))], "no input \"mask\"; it has: image, label");
    fails(vec![("image", image.clone()), ("label", whole(1, other))], "must be on one grid");
    fails(vec![("image", image.clone()), ("label", whole(300, grid))], "label 300");
    let good = BTreeMap::from([("image", image), ("label", whole(3, grid))]);
    assert_eq!(pipeline.run(good).unwrap().volumes["label"].dtype(), revoxel::geometry::Dtype::U8);
}
