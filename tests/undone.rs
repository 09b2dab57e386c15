//! Changes that differ from voxel to voxel, undone after later steps moved the voxels.

use std::collections::BTreeMap;

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Grid, Kind, Volume};
use revoxel_invert::{Values, VolumeTrace};
use revoxel_pipeline::{Fuse, Pipeline};
use revoxel_runner::engine::{Engine, Processed};
use serde_json::{Value, json};

use crate::support::{Place, pipeline_text, traced, values};

/// Ways from the noise to the model: exact ones, then those that interpolate.
fn ways() -> [Vec<Value>; 2] {
    let exact = vec![
        json!([]),
        json!([{ "orientation": { "axcodes": "PSL" } }, { "flip": { "spatial_axis": 1 } }]),
        json!([{ "spatial_crop": { "roi_start": [2, 1, 3], "roi_end": [13, 12, 11] } }, { "rotate90": { "k": 3 } }]),
        json!([{ "transpose": { "indices": [2, 0, 1] } }, { "border_pad": { "spatial_border": 3, "mode": "edge" } }]),
        json!([{ "border_pad": { "spatial_border": [2, 1, 0], "mode": "wrap" } }]),
        json!([{ "border_pad": { "spatial_border": 4, "mode": "reflect" } }, { "center_spatial_crop": { "roi_size": 12 } }]),
        json!([{ "spacing": { "pixdim": 1.4, "interpolation": "nearest" } }, { "rand_rotate90": { "prob": 1 } }]),
    ];
    let lossy = vec![
        json!([{ "spacing": { "pixdim": [0.8, 1.7, 1.3] } }]),
        json!([{ "orientation": { "axcodes": "PIR" } }, { "spacing": { "pixdim": 1.3, "interpolation": "cubic" } }]),
        json!([{ "spacing": { "pixdim": 1.3, "interpolation": "cubic", "boundary": "itk" } }]),
        json!([{ "spacing": { "pixdim": 1.2, "rule": "nnunet", "interpolation": "cubic", "boundary": "edge",
            "separate_z": "auto", "anisotropy_threshold": 1.1, "through_plane": "nearest" } }]),
        json!([{ "spacing": { "pixdim": 2.6, "anti_alias": true } }]),
        json!([{ "resize": { "spatial_size": [9, 11, 8], "area": true } }]),
        json!([{ "resize": { "spatial_size": [9, 11, 8], "anti_alias": true, "anti_alias_rule": "scikit_image" } }]),
        json!([{ "border_pad": { "spatial_border": 3, "mode": "symmetric" } }, { "zoom": { "zoom": 0.8 } }]),
        json!([{ "spatial_pad": { "spatial_size": 26, "mode": "edge" } }, { "resample_to": { "reference": "other" } }]),
        json!([{ "resample_to": { "reference": "other", "padding": "border" } }, { "flip": { "spatial_axis": 0 } }]),
        json!([{ "rotate": { "angle": [0.3, -0.1, 0.2], "padding": "reflection" } }, { "spacing": { "pixdim": 1.1 } }]),
        json!([{ "deshear": { "padding": "border" } }, { "spatial_crop": { "roi_start": [1, 2, 0], "roi_end": [14, 15, 12] } }]),
        json!([{ "rand_affine": { "prob": 1, "rotate_range": [0.3, 0.1], "shear_range": [0.1], "scale_range": [0.2] } }]),
        json!([{ "rand_elastic": { "prob": 1, "max_displacement_mm": 2 } }, { "rand_zoom": { "prob": 1 } }]),
        json!([{ "rand_3d_elastic": { "prob": 1, "sigma_range": [3, 4], "magnitude_range": [10, 20] } }]),
        json!([{ "grid_distortion": { "num_cells": 3, "distort_steps": [[1.1, 0.9, 1.1, 1], [0.9, 1, 1.1, 1], [1.1, 0.9, 1, 1]] } }]),
    ];
    [exact, lossy].map(|all| all.into_iter().map(|way| way.as_array().unwrap().clone().into()).collect())
}

/// Oblique and sheared, with thick slices.
fn grid(draw: &mut Draw) -> Grid {
    let mut near = |value: f64| value + draw.real(-0.1, 0.1);
    let rows = [
        [near(-0.9), near(0.2), near(0.1), 31.0],
        [near(0.2), near(1.1), near(-0.2), -17.5],
        [near(0.1), near(0.1), near(1.5), 6.25],
    ];
    Grid::new([17, 18, 15], Affine::from_rows(rows)).unwrap()
}

/// Two channels of something smooth, far from 0.
fn volume(grid: Grid) -> Volume {
    let [nx, ny, _] = grid.shape();
    let count = grid.voxel_count();
    let value = |i: usize| {
        let (channel, i) = (i / count, i % count);
        let [x, y, z] = grid.index_to_world([i % nx, i / nx % ny, i / (nx * ny)].map(|v| v as f64));
        1000.0 + 200.0 * (x / 9.0 + channel as f64).sin() + 150.0 * (y / 7.0).cos() + 3.0 * z
    };
    Volume::new((0..2 * count).map(|i| value(i) as f32).collect::<Vec<_>>().into(), grid, Kind::Image, 2).unwrap()
}

fn run(seed: u64, steps: &[Value], fuse: Fuse) -> (Volume, Processed) {
    let mut draw = Draw::new(seed);
    let source = volume(grid(&mut draw));
    let other = volume(grid(&mut draw));
    let text = pipeline_text(&[("image", Kind::Image), ("other", Kind::Image)], steps);
    let mut pipeline = Pipeline::parse("test.yaml", &text, &[], &revoxel::registry()).unwrap_or_else(|e| panic!("{e}"));
    pipeline.seed = seed;
    let volumes = BTreeMap::from([("image".to_owned(), source.clone()), ("other".to_owned(), other)]);
    let mut engine = Engine::new(volumes, fuse);
    engine.run(pipeline.drawn("case")).unwrap_or_else(|e| panic!("{steps:?}: {e}"));
    (source, engine.finish(&BTreeMap::new()).unwrap().remove("image").unwrap())
}

fn record(source: &Volume, done: &Processed) -> VolumeTrace {
    traced((Kind::Image, 2, source.grid()), done.volume.grid(), &done.steps)
}

/// What becomes of a way with a change before it, undone, against the way without: the largest difference, as a share
/// of the largest change.
fn residue(change: &Value, way: &Value, seed: u64, fuse: Fuse) -> f64 {
    let steps = |prob: f64| {
        let (name, params) = change.as_object().unwrap().iter().next().unwrap();
        let mut params = params.clone();
        params["prob"] = prob.into();
        let mut steps = vec![json!({ name: params })];
        steps.extend(way.as_array().unwrap().iter().cloned());
        steps
            .iter_mut()
            .for_each(|step| step.as_object_mut().unwrap().values_mut().for_each(|p| p["keys"] = "image".into()));
        steps
    };
    let (source, changed) = run(seed, &steps(1.0), fuse);
    let (_, clean) = run(seed, &steps(0.0), fuse);
    let undone = record(&source, &changed).undo_values(changed.volume.clone(), Values::Undo).unwrap();
    assert_eq!(undone.grid(), clean.volume.grid());
    let [changed, clean, undone] = [&changed.volume, &clean.volume, &undone].map(values);
    let worst = |a: &[f64]| a.iter().zip(&clean).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst(&changed) > 100.0, "{way}: nothing was changed");
    worst(&undone) / worst(&changed)
}

#[test]
fn noise_goes_the_way_of_the_voxels_and_is_subtracted() {
    let noise = json!({ "rand_gaussian_noise": { "mean": 70, "std": 300, "sample_std": false } });
    for (seed, way) in ways().concat().iter().enumerate() {
        let left = residue(&noise, way, seed as u64, Fuse::Exact);
        assert!(left < 3e-6, "{way}: {left} of the noise is left");
    }
}

#[test]
fn a_field_is_divided_by_where_the_voxels_are_now() {
    let field = json!({ "rand_bias_field": { "coeff_range": [-0.2, 0.3] } });
    let [exact, lossy] = ways();
    for (seed, way) in exact.iter().enumerate() {
        let left = residue(&field, way, seed as u64, Fuse::Exact);
        assert!(left < 1e-6, "{way}: {left} of the change is left");
    }
    // A product was interpolated, not its factors.
    for (seed, way) in lossy.iter().enumerate() {
        let left = residue(&field, way, seed as u64, Fuse::Exact);
        assert!(left < 0.02, "{way}: {left} of the change is left");
    }
}

#[test]
fn what_was_filled_has_no_noise() {
    let noise = json!({ "rand_gaussian_noise": { "std": 300, "sample_std": false } });
    let turned = json!({ "angle": [0.3, -0.1, 0.2], "padding": -5000 });
    let way =
        json!([{ "spatial_pad": { "spatial_size": 24 } }, { "rotate": turned }, { "spacing": { "pixdim": 1.1 } }]);
    let left = residue(&noise, &way, 4, Fuse::Exact);
    assert!(left < 3e-6, "{left} of the noise is left");
}

#[test]
fn noise_before_a_clip_is_refused() {
    let steps = |std: f64| {
        vec![
            json!({ "rand_gaussian_noise": { "std": std, "prob": 1, "sample_std": false, "keys": "image" } }),
            json!({ "spacing": { "pixdim": [1, 0.8, 1.7], "interpolation": "cubic", "clip": true, "keys": "image" } }),
        ]
    };
    let (source, noisy) = run(4, &steps(300.0), Fuse::Exact);
    let trace = record(&source, &noisy);
    let refused = trace.undo_values(noisy.volume.clone(), Values::Undo).unwrap_err().to_string();
    for part in ["step 1 (rand_gaussian_noise)", "step 2 (spacing)", "clip: true", "values: clamp"] {
        assert!(refused.contains(part), "{refused}");
    }
    let clipped = noisy.steps[1].sampled.unwrap().clipped.unwrap();
    assert!(refused.contains(&clipped.to_string()), "{refused}");
    // With clamp, all but the voxels that the clip changed are as without the noise.
    let (_, clean) = run(4, &[steps(1.0).remove(1)], Fuse::Exact);
    let undone = values(&trace.undo_values(noisy.volume.clone(), Values::Clamp).unwrap());
    let off = undone.iter().zip(values(&clean.volume)).filter(|(a, b)| (*a - b).abs() > 0.05).count();
    let also = clean.steps[0].sampled.unwrap().clipped.unwrap();
    assert!(off <= clipped + also, "{off} of {clipped}");
}

#[test]
fn noise_before_padding_that_is_computed_is_refused() {
    for mode in ["mean", "median", "minimum", "maximum"] {
        let steps = [
            json!({ "rand_gaussian_noise": { "std": 40, "prob": 1, "keys": "image" } }),
            json!({ "border_pad": { "spatial_border": 3, "mode": mode, "keys": "image" } }),
            json!({ "spacing": { "pixdim": 1.1, "keys": "image" } }),
        ];
        let (source, noisy) = run(4, &steps, Fuse::Exact);
        let refused = record(&source, &noisy).undo_values(noisy.volume.clone(), Values::Undo).unwrap_err().to_string();
        for part in ["step 1 (rand_gaussian_noise)", "step 2 (border_pad)", "computed", "values: clamp"] {
            assert!(refused.contains(part), "{mode}: {refused}");
        }
    }
}

#[test]
fn interpolations_that_were_fused_are_fused_again() {
    let noise = json!({ "rand_gaussian_noise": { "std": 300, "sample_std": false } });
    let way = json!([{ "spacing": { "pixdim": 1.3 } }, { "flip": {} }, { "rotate": { "angle": [0.2, 0.1, 0.3] } }]);
    for fuse in [Fuse::Exact, Fuse::Resampling] {
        let left = residue(&noise, &way, 3, fuse);
        assert!(left < 3e-6, "{fuse:?}: {left} of the noise is left");
    }
}

#[test]
fn changes_come_off_last_first() {
    let steps = |prob: f64| {
        vec![
            json!({ "rand_gaussian_noise": { "prob": prob, "std": 200, "keys": "image" } }),
            json!({ "scale_intensity_range": { "a_min": -500, "a_max": 2500, "b_min": 0, "b_max": 1, "keys": "image" } }),
            json!({ "orientation": { "axcodes": "PSL", "keys": "image" } }),
            json!({ "rand_gaussian_noise": { "prob": prob, "std": 0.2, "keys": "image" } }),
            json!({ "spacing": { "pixdim": 1.2, "keys": "image" } }),
            json!({ "shift_intensity": { "offset": 4, "keys": "image" } }),
        ]
    };
    let (source, changed) = run(1, &steps(1.0), Fuse::Exact);
    let (_, clean) = run(1, &steps(0.0), Fuse::Exact);
    let undone = record(&source, &changed).undo_values(changed.volume.clone(), Values::Undo).unwrap();
    let expected = record(&source, &clean).undo_values(clean.volume.clone(), Values::Undo).unwrap();
    for (a, b) in values(&undone).iter().zip(values(&expected)) {
        assert!((a - b).abs() < 0.01, "{a} {b}");
    }
}

#[test]
fn an_image_of_the_program_comes_back_without_its_noise() {
    let place = Place::new();
    let source = volume(grid(&mut Draw::new(9)));
    place.volume("data/c1/image.nii.gz", &source);
    let text = |prob: f64| {
        format!(
            "version: 1\nseed: 5\ninputs:\n  image: {{ kind: image, path: \"{{case}}/image.nii.gz\" }}\nsteps:\n  \
             - rand_gaussian_noise: {{ prob: {prob}, std: 200, sample_std: false }}\n  \
             - rand_bias_field: {{ prob: {prob}, coeff_range: [-0.2, 0.2] }}\n  \
             - orientation: {{ axcodes: RAS }}\n  - spatial_crop: {{ roi_start: [1, 2, 1], roi_end: [15, 14, 12] }}\n\
             outputs:\n  image: {{ path: \"{{case}}/image.nii.gz\" }}\ntrace: \"{{case}}/trace.json\"\n"
        )
    };
    for (name, prob) in [("noisy", 1.0), ("clean", 0.0)] {
        place.text(&format!("{name}.yaml"), &text(prob));
        let said = place.revoxel(&["run", &format!("{name}.yaml"), "--data", "data", "--out", name]);
        assert_eq!(said.code, 0, "{}", said.err);
        let [trace, image] = ["trace.json", "image.nii.gz"].map(|file| format!("{name}/c1/{file}"));
        let back = format!("{name}.nii.gz");
        let said =
            place.revoxel(&["invert", &trace, &image, "--kind", "image", "--values", "--fill", "0", "-o", &back]);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let [noisy, clean] = ["noisy.nii.gz", "clean.nii.gz"].map(|name| place.read(name, Kind::Image));
    assert_eq!(noisy.grid(), place.read("data/c1/image.nii.gz", Kind::Image).grid());
    let largest = values(&noisy).iter().zip(values(&clean)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(largest < 1e-3, "{largest}");
    assert!(values(&clean).iter().any(|v| *v > 900.0));
    // Noise on more voxels than any memory holds is refused by the step's place.
    let trace = std::fs::read_to_string(place.path("noisy/c1/trace.json")).unwrap();
    let mut record: Value = serde_json::from_str(&trace).unwrap();
    record["volumes"]["image"]["steps"][0]["values"]["noise"]["channels"] = json!(1u64 << 50);
    place.text("huge.json", &record.to_string());
    let image = "noisy/c1/image.nii.gz";
    let said = place.revoxel(&["invert", "huge.json", image, "--kind", "image", "--values", "-o", "huge.nii.gz"]);
    assert_eq!((said.code, place.path("huge.nii.gz").exists()), (2, false), "{}", said.err);
    assert!(said.err.contains("rand_gaussian_noise"), "{}", said.err);
}

#[test]
fn whose_values_are_undone_is_the_first_image_of_the_pipeline_or_has_to_be_said() {
    let place = Place::new();
    let grid = grid(&mut Draw::new(2));
    // The first image of the file is not the first of the alphabet.
    for key in ["t1", "flair"] {
        place.volume(&format!("data/c1/{key}.nii"), &volume(grid));
    }
    let inputs =
        ["t1", "flair"].map(|key| format!("  {key}: {{ kind: image, path: \"{{case}}/{key}.nii\" }}\n")).concat();
    let text = format!(
        "version: 1\ninputs:\n{inputs}steps:\n  - shift_intensity: {{ keys: t1, offset: -1000 }}\noutputs:\n  \
         t1: {{ path: \"{{case}}/t1.nii\" }}\ntrace: \"{{case}}/trace.json\"\n"
    );
    let restore = "restore:\n  back: { kind: image, values: undo, output: { path: \"{case}/back.nii\" } }\n";
    for (out, text) in [("said", format!("{text}{restore}")), ("unsaid", text)] {
        place.text("p.yaml", &text);
        let said = place.revoxel(&["run", "p.yaml", "--data", "data", "--out", out]);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let source = values(&volume(grid));
    let back = |name: &str| {
        let found = values(&place.read(name, Kind::Image));
        assert!(found.iter().zip(&source).all(|(a, b)| (a - b).abs() < 1e-3), "{name}");
    };
    let said = place.revoxel(&["invert", "said/c1/trace.json", "said/c1/t1.nii", "--out", "said"]);
    assert_eq!(said.code, 0, "{}", said.err);
    back("said/c1/back.nii");
    let invert = |more: &[&str]| {
        let start = ["invert", "unsaid/c1/trace.json", "unsaid/c1/t1.nii", "--kind", "image", "-o", "back.nii"];
        place.revoxel(&[&start, more].concat())
    };
    let said = invert(&["--values"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("flair, t1") && said.err.contains("--volume"), "{}", said.err);
    assert_eq!(invert(&["--values", "--volume", "t1"]).code, 0);
    back("back.nii");
}

#[test]
fn an_optional_image_that_is_not_there_undoes_nothing() {
    let place = Place::new();
    let source = volume(grid(&mut Draw::new(2)));
    place.volume("data/c1/flair.nii", &source);
    let text = "version: 1\ninputs:\n  t1: { kind: image, path: \"{case}/t1.nii\", optional: true }\n  \
                flair: { kind: image, path: \"{case}/flair.nii\" }\nsteps:\n  - shift_intensity: { offset: -1000 }\n\
                outputs:\n  flair: { path: \"{case}/flair.nii\" }\ntrace: \"{case}/trace.json\"\nrestore:\n  \
                back: { kind: image, values: undo, output: { path: \"{case}/back.nii\" } }\n";
    place.text("p.yaml", text);
    let said = place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let said = place.revoxel(&["invert", "out/c1/trace.json", "out/c1/flair.nii", "--out", "out"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let found = values(&place.read("out/c1/back.nii", Kind::Image));
    assert!(found.iter().zip(values(&source)).all(|(a, b)| (a - b).abs() < 1e-3));
}
