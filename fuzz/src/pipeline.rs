//! Pipeline files: what can be parsed means the same as JSON and when it is parsed again, and what can be planned on
//! small grids is planned as it runs.

use std::collections::BTreeMap;

use revoxel_core::testing::Draw;
use revoxel_core::{Grid, Kind, Volume};
use revoxel_pipeline::{KnownGrid, Node, Pipeline};
use revoxel_runner::engine::Engine;

use crate::mutate::one;
use crate::text;

/// Parses an input, and runs it where all that is planned is small.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let registry = revoxel::registry();
    let pipeline = match Pipeline::parse("p.yaml", text, &[], &registry) {
        Ok(pipeline) => pipeline,
        Err(e) => {
            assert!(!e.to_string().is_empty());
            return;
        }
    };
    let again = Pipeline::parse("p.yaml", text, &[], &registry).expect("what was parsed once can be parsed twice");
    assert_eq!(pipeline.hash(), again.hash());
    // JSON is YAML, but has no infinity.
    let json = Node::read("p.yaml", text).map(|node| node.json().to_string());
    if let Some(json) =
        json.as_ref().ok().filter(|_| !text.to_lowercase().contains("inf") && !text.to_lowercase().contains("nan"))
    {
        match Pipeline::parse("p.yaml", json, &[], &registry) {
            Ok(same) => assert_eq!(pipeline.canonical(), same.canonical(), "{json}"),
            Err(e) => panic!("as JSON it is refused: {e}\n{json}"),
        }
    }
    run(&pipeline);
}

/// The most voxels of a volume that is run.
const MOST_VOXELS: usize = 4096;

fn run(pipeline: &Pipeline) {
    let mut draw = Draw::new(7);
    let grid = draw.grid(6);
    let volume = |key: &str, kind: Kind| {
        let other = Draw::new(key.len() as u64).grid_near(&grid, false);
        let grid = if pipeline.input(key).is_some_and(|i| i.own_grid) { other } else { grid };
        let values: Vec<i16> = (0..grid.voxel_count()).map(|i| (i * 7 % 5) as i16).collect();
        Volume::new(values.into(), grid, kind, 1).expect("as many values as voxels")
    };
    let volumes: BTreeMap<String, Volume> =
        pipeline.inputs.iter().take(4).map(|i| (i.key.clone(), volume(&i.key, i.kind))).collect();
    let known = |(key, v): (&String, &Volume)| {
        (key.clone(), KnownGrid { grid: *v.grid(), kind: v.kind(), channels: Some(1), dtype: Some(v.dtype()) })
    };
    let Ok(plan) = pipeline.plan_volumes(&volumes.iter().map(known).collect(), Some("case")) else { return };
    let small = |grid: &Option<Grid>| grid.is_none_or(|g| g.voxel_count() <= MOST_VOXELS);
    let mut plans = plan.steps.iter().flat_map(|s| &s.volumes);
    if !plans.all(|(_, p)| small(&p.before) && small(&p.after)) || plan.steps.len() > 12 {
        return;
    }
    // What the grid will be is not known: it may become large.
    if plan.result.values().any(Option::is_none) {
        return;
    }
    let mut engine = Engine::new(volumes, pipeline.fuse);
    if engine.run(pipeline.drawn("case")).is_err() {
        return;
    }
    for (key, last) in engine.last() {
        if let Some(Some(planned)) = plan.volumes.get(&key) {
            assert_eq!((planned.grid, planned.passes), (*last.grid(), last.passes()), "{key}");
            let dtype = last.dtype(None);
            assert!(planned.dtype.is_none_or(|planned| planned == dtype), "{key}: {dtype:?}");
        }
    }
}

const KNOWN: &[&str] = &[
    "  - orientation: { axcodes: LPS }",
    "  - spacing: { pixdim: [1, 2, 0.5] }",
    "  - resize: { spatial_size: 5 }",
    "  - flip: { spatial_axis: 0 }",
    "  - rotate90: { k: 1 }",
    "  - spatial_pad: { spatial_size: 9, mode: reflect }",
    "  - border_pad: { spatial_border: 2, value: -7 }",
    "  - center_spatial_crop: { roi_size: 3 }",
    "  - resize_with_pad_or_crop: { spatial_size: [3, 8, 4] }",
    "  - crop_foreground: { source: image, above: 1 }",
    "  - rotate: { angle: [0.2, -0.1, 0.3] }",
    "  - scale_intensity: { minv: 0, maxv: 1 }",
    "  - resample_to: { reference: other }",
    "  - rand_flip: { prob: 0.5, spatial_axis: 0 }",
    "  - rand_affine: { prob: 1, rotate_range: 0.1 }",
    "  - rand_elastic: { prob: 1, max_displacement_mm: 2 }",
    "  - normalize_intensity: { nonzero: true }",
    "  - clip: { min: 0, max: 3 }",
    "  - label_mapping: { mapping: { 1: 2 } }",
    "seed: 3",
    "copies: 2",
    "fuse: resampling",
    "vars: { a: 1 }",
    "  label: { kind: label, path: \"l/{case}.nii\" }",
    "  other: { kind: image, path: \"{case}/o.nii\", grid: own }",
    "trace: \"{case}.json\"",
    "version: 1",
    "  - spacing: { pixdim: \"${a}\" }",
    "- &x [1, 2]",
    "  - *x",
    "restore:",
    "  r: { kind: logit, argmax: true }",
    "? a : b",
    "<<: *x",
    "!!binary x",
    "--- ",
    "... ",
    "a: |",
    "\t",
];

/// Changes a line, or a number or word of it.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    if draw.int(0, 3) == 0 {
        // One step more, of any transform, with one of its parameters.
        let registry = revoxel::registry();
        let all: Vec<_> = registry.iter().collect();
        let def = one(draw, &all);
        let step = format!("steps:\n  - {}: {{}}", def.name);
        text = text.replacen("steps:", &step, 1);
    } else {
        text::lines(&mut text, KNOWN, draw);
    }
    *bytes = text.into_bytes();
}

/// The shipped pipelines, and small ones.
pub fn seeds() -> Vec<Vec<u8>> {
    let shipped = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../pipelines")).into_iter().flatten();
    let mut seeds: Vec<Vec<u8>> = shipped.filter_map(|entry| std::fs::read(entry.ok()?.path()).ok()).collect();
    seeds.sort();
    let head = "version: 1\ninputs:\n  image: { kind: image, path: \"{case}/i.nii\" }\n  label: { kind: label, path: \"{case}/l.nii\" }\nsteps:\n";
    let tail = "outputs:\n  image: { path: \"{case}/o.nii.gz\" }\ntrace: \"{case}.json\"\n";
    for steps in KNOWN[..19].chunks(4) {
        seeds.push(format!("{head}{}\n{tail}", steps.join("\n")).into_bytes());
    }
    seeds
}
