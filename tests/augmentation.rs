//! Random steps: the same draws whatever the threads, other draws for other seeds and cases, and the way back.

use std::collections::BTreeMap;

use revoxel_core::warp::{Field, STEEPEST};
use revoxel_core::{Affine, Bend, Grid, Kind, Volume, Warp};
use revoxel_invert::{Recipe, VolumeTrace};
use revoxel_pipeline::Pipeline;
use revoxel_resample::Interpolation;
use revoxel_runner::engine::{Engine, Processed};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Place, pipeline_text, root, traced, values};

const EVERY: &str = r#"[
    {"rand_flip": {"prob": 0.5, "spatial_axis": 0}},
    {"rand_rotate90": {"prob": 0.5}},
    {"rand_zoom": {"prob": 0.5}},
    {"rand_affine": {"prob": 0.7, "rotate_range": [0.3, 0.2, 0.4], "shear_range": [0.1], "scale_range": [0.1]}},
    {"rand_elastic": {"prob": 0.7, "max_displacement_mm": 4}},
    {"rand_grid_distortion": {"prob": 0.7, "distort_limit": 0.3}},
    {"rand_3d_elastic": {"prob": 0.7, "sigma_range": [4, 6], "magnitude_range": [30, 60], "rotate_range": [0.1]}},
    {"rand_2d_elastic": {"prob": 0.7, "spacing": [12, 9], "magnitude_range": [0.5, 1.5], "shear_range": [0.1]}},
    {"rand_gamma": {"prob": 0.5}},
    {"rand_bias_field": {"prob": 0.5}},
    {"rand_gaussian_noise": {"prob": 0.9, "std": 5}}
]"#;

fn pipeline(inputs: &[(&str, Kind)], steps: &Value) -> Pipeline {
    let text = pipeline_text(inputs, steps.as_array().unwrap());
    Pipeline::parse("test.yaml", &text, &[], &revoxel::registry()).unwrap()
}

/// Runs steps on volumes as case `case` with a seed.
fn augment(volumes: &[(&str, Volume)], steps: &Value, seed: u64, case: &str) -> BTreeMap<String, Processed> {
    let inputs: Vec<(&str, Kind)> = volumes.iter().map(|(key, volume)| (*key, volume.kind())).collect();
    let mut pipeline = pipeline(&inputs, steps);
    pipeline.seed = seed;
    let volumes = volumes.iter().map(|(key, volume)| ((*key).to_owned(), volume.clone())).collect();
    let mut engine = Engine::new(volumes, pipeline.fuse);
    engine.run(pipeline.drawn(case)).unwrap();
    engine.finish(&BTreeMap::new()).unwrap()
}

/// An oblique, anisotropic grid.
fn grid() -> Grid {
    let rotated = revoxel_core::Affine::from_rows([
        [0.93, -0.25, 0.30, -20.0],
        [0.28, 0.95, -0.10, 14.0],
        [-0.26, 0.18, 0.94, -33.0],
    ]);
    Grid::new([44, 40, 28], rotated.after(&Affine::scaling([1.0, 1.2, 1.7]))).unwrap()
}

/// A volume of a function of the world.
fn sampled(grid: Grid, kind: Kind, f: impl Fn([f64; 3]) -> f64) -> Volume {
    let [nx, ny, nz] = grid.shape();
    let mut all = Vec::new();
    for z in 0..nz {
        for y in 0..ny {
            all.extend((0..nx).map(|x| f(grid.index_to_world([x as f64, y as f64, z as f64])) as f32));
        }
    }
    Volume::new(all.into(), grid, kind, 1).unwrap()
}

/// Waves of 30 to 50 mm, without symmetry; from −1.5 to 1.5.
fn waves([x, y, z]: [f64; 3]) -> f64 {
    (x / 5.0 + 0.4).sin() + 0.3 * (y / 6.0 - z / 9.0).cos() + 0.2 * (z / 7.0 + x / 11.0).sin()
}

fn phantom() -> Volume {
    sampled(grid(), Kind::Image, waves)
}

/// The trace of a volume that went through an engine.
fn trace(source: &Volume, done: &Processed) -> VolumeTrace {
    traced((source.kind(), 1, source.grid()), done.volume.grid(), &done.steps)
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    let steps: Value = serde_json::from_str(EVERY).unwrap();
    let volumes = [("image", phantom()), ("label", sampled(grid(), Kind::Label, |p| (waves(p) * 2.0).round() + 4.0))];
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let done = pool.install(|| augment(&volumes, &steps, 3, "case_07"));
        done.into_values().map(|p| (p.volume, p.steps)).collect::<Vec<_>>()
    };
    let one = with(1);
    for threads in [2, 5] {
        assert!(with(threads) == one, "{threads} threads give other bits");
    }
    // Nothing is left to chance that only the name decides: cases in any order, and again.
    assert!(with(3) == one);
}

#[test]
fn other_seeds_and_other_cases_draw_otherwise() {
    let steps: Value = serde_json::from_str(EVERY).unwrap();
    let volumes = [("image", phantom())];
    let run = |seed, case: &str| augment(&volumes, &steps, seed, case).remove("image").unwrap().volume;
    let all = [run(0, "a"), run(1, "a"), run(0, "b"), run(2, "c")];
    for i in 0..4 {
        assert!((0..i).all(|j| values(&all[i]) != values(&all[j])), "{i}");
    }
}

#[test]
fn what_is_drawn_is_spread_evenly_over_its_range() {
    let steps = json!([
        { "rand_flip": { "prob": 0.3 } },
        { "rand_rotate90": { "prob": 1, "max_k": 3 } },
        { "rand_affine": { "prob": 1, "rotate_range": [0.5, [0.1, 0.3]], "translate_range": [10], "scale_range": [0.2] } },
        { "rand_zoom": { "prob": 1, "min_zoom": [0.8, 1, 1], "max_zoom": [1.4, 1, 1] } },
        { "rand_gamma": { "prob": 1, "gamma": [0.5, 4.5] } },
        { "rand_gaussian_noise": { "prob": 1, "std": 0.1 } },
        { "rand_bias_field": { "prob": 0.6, "coeff_range": [-0.2, 0.4] } }
    ]);
    let mut pipeline = pipeline(&[("image", Kind::Image)], &steps);
    pipeline.seed = 11;
    let cases = 4000;
    let drawn = |step: usize, pointer: &str| -> Vec<f64> {
        (0..cases)
            .filter_map(|case| {
                let params = pipeline.drawn(&format!("case_{case:05}")).nth(step).unwrap().params();
                params["drawn"].pointer(pointer).map(|v| v.as_f64().unwrap_or(f64::from(u8::from(*v == json!(true)))))
            })
            .collect()
    };
    // Mean and deviation of an even spread; four standard errors are 0.0183 of the range for the mean.
    let even = |step: usize, pointer: &str, low: f64, high: f64| {
        let all = drawn(step, pointer);
        let n = all.len() as f64;
        let mean = all.iter().sum::<f64>() / n;
        let deviation = (all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        let wanted = ((low + high) / 2.0, (high - low) / 12f64.sqrt());
        println!("step {step} {pointer}: {mean:.4} ± {deviation:.4}, expected {:.4} ± {:.4}", wanted.0, wanted.1);
        assert!(
            (mean - wanted.0).abs() < 0.0183 * (high - low) * (cases as f64 / n).sqrt(),
            "{step} {pointer}: {mean}"
        );
        assert!((deviation / wanted.1 - 1.0).abs() < 0.05, "{step} {pointer}: {deviation}");
        assert!(all.iter().all(|v| (low..=high).contains(v)));
    };
    even(2, "/rotate/0", -0.5, 0.5);
    even(2, "/rotate/1", 0.1, 0.3);
    even(2, "/translate/0", -10.0, 10.0);
    even(2, "/scale/0", 0.8, 1.2);
    even(3, "/zoom/0", 0.8, 1.4);
    even(4, "/gamma", 0.5, 4.5);
    even(5, "/std", 0.0, 0.1);
    even(6, "/coefficients/0", -0.2, 0.4);
    even(6, "/coefficients/19", -0.2, 0.4);
    let share = |step: usize| drawn(step, "/apply").iter().sum::<f64>() / f64::from(cases);
    println!("applied: {:.4} of 0.3, {:.4} of 0.6", share(0), share(6));
    assert!((share(0) - 0.3).abs() < 0.029 && (share(6) - 0.6).abs() < 0.031 && share(1) == 1.0);
    let turns = drawn(1, "/k");
    for k in 1..=3 {
        let count = turns.iter().filter(|v| **v == f64::from(k)).count();
        assert!((count as f64 / f64::from(cases) - 1.0 / 3.0).abs() < 0.03, "{k}: {count}");
    }
}

#[test]
fn noise_has_the_mean_and_the_deviation_that_were_drawn() {
    let steps = json!([{ "rand_gaussian_noise": { "prob": 1, "mean": 2.5, "std": 0.7, "sample_std": false } }]);
    let flat = sampled(grid(), Kind::Image, |_| 100.0);
    let noisy = values(&augment(&[("image", flat)], &steps, 0, "a")["image"].volume);
    let n = noisy.len() as f64;
    let mean = noisy.iter().sum::<f64>() / n;
    let deviation = (noisy.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    println!("noise: {mean:.4} ± {deviation:.4}");
    assert!((mean - 102.5).abs() < 4.0 * 0.7 / n.sqrt() && (deviation - 0.7).abs() < 0.01, "{mean} {deviation}");
}

#[test]
fn flips_and_turns_come_back_bit_for_bit() {
    let steps = json!([
        { "rand_flip": { "prob": 0.5, "spatial_axis": 1 } },
        { "rand_rotate90": { "prob": 0.8, "spatial_axes": [2, 0] } },
        { "rand_flip": { "prob": 0.5 } }
    ]);
    let image = phantom();
    let mut moved = 0;
    for case in 0..20 {
        let done = augment(&[("image", image.clone())], &steps, 0, &case.to_string()).remove("image").unwrap();
        moved += usize::from(values(&done.volume) != values(&image));
        let back = trace(&image, &done).invert(done.volume.clone(), Recipe::default()).unwrap();
        assert!(back.volume == image && back.interpolation.is_none(), "{case}");
    }
    assert!((10..20).contains(&moved), "{moved} of 20 moved");
}

/// The largest and the mean error of what came back, as a share of the phantom's range, where the model saw it.
fn way_back(steps: &Value, interpolation: Interpolation) -> (f64, f64) {
    let image = phantom();
    let (mut worst, mut sum, mut count) = (0.0f64, 0.0, 0.0);
    for case in 0..6 {
        let done = augment(&[("image", image.clone())], steps, 1, &case.to_string()).remove("image").unwrap();
        assert!(values(&done.volume) != values(&image));
        let options = Recipe { coverage: true, interpolation: Some(interpolation), ..Default::default() };
        let back = trace(&image, &done).invert(done.volume.clone(), options).unwrap();
        assert_eq!(back.volume.grid(), image.grid());
        let (seen, grid) = (values(&back.coverage.unwrap()), image.grid().shape());
        let inner = |i: usize| {
            let index = [i % grid[0], i / grid[0] % grid[1], i / grid[0] / grid[1]];
            (0..3).all(|a| (2..grid[a] - 2).contains(&index[a]))
        };
        let (a, b) = (values(&back.volume), values(&image));
        // A rim of the seen region is interpolated with the border's values.
        let next = |i: usize| [1, grid[0], grid[0] * grid[1]].iter().all(|s| seen[i + 2 * s] * seen[i - 2 * s] == 1.0);
        for i in (0..a.len()).filter(|i| inner(*i) && seen[*i] == 1.0 && next(*i)) {
            let error = (a[i] - b[i]).abs() / 3.0;
            worst = worst.max(error);
            sum += error;
            count += 1.0;
        }
    }
    assert!(count > 6.0 * 15_000.0, "{count} voxels compared");
    println!("{steps}: {interpolation}: worst {worst:.5}, mean {:.6} of the range", sum / count);
    (worst, sum / count)
}

#[test]
fn what_was_interpolated_comes_back_within_the_error_of_interpolation() {
    // Linear interpolation of a wave of 31 mm loses up to (π·spacing/31)² / 2 of it each time: 0.5 % at 1 mm.
    fn t(steps: &Value, linear: (f64, f64), cubic: (f64, f64)) {
        let mut smooth = steps.clone();
        for step in smooth.as_array_mut().unwrap() {
            for params in step.as_object_mut().unwrap().values_mut() {
                params["interpolation"] = "cubic".into();
            }
        }
        for (steps, interpolation, bound) in
            [(steps, Interpolation::Linear, linear), (&smooth, Interpolation::Cubic, cubic)]
        {
            let (worst, mean) = way_back(steps, interpolation);
            assert!(worst < bound.0 && mean < bound.1, "{steps} {interpolation}: {worst} {mean}");
        }
    }
    let affine =
        json!({ "rand_affine": { "prob": 1, "rotate_range": [0.2, 0.2, 0.2], "scale_range": [0.1, 0.1, 0.1] } });
    let zoom = json!({ "rand_zoom": { "prob": 1, "min_zoom": 0.85, "max_zoom": 1.2 } });
    let elastic = json!({ "rand_elastic": { "prob": 1, "max_displacement_mm": 5 } });
    let cells = json!({ "rand_grid_distortion": { "prob": 1, "num_cells": [4, 3, 5], "distort_limit": 0.25 } });
    let noise = json!({ "rand_3d_elastic": {
        "prob": 1, "sigma_range": [4, 5], "magnitude_range": [30, 60], "rotate_range": [0.1, 0.2], "scale_range": [0.1]
    } });
    let controls = json!({ "rand_2d_elastic": {
        "prob": 1, "spacing": 8, "magnitude_range": [0.5, 1], "rotate_range": [0.2], "translate_range": [1, 2]
    } });
    t(&json!([noise]), (0.02, 0.004), (0.02, 0.0006));
    t(&json!([controls]), (0.02, 0.004), (0.02, 0.0006));
    t(&json!([cells]), (0.02, 0.004), (0.02, 0.0006));
    t(&json!([affine]), (0.012, 0.0025), (0.009, 0.0003));
    t(&json!([zoom]), (0.012, 0.0025), (0.009, 0.0003));
    t(&json!([elastic]), (0.009, 0.002), (0.005, 0.0001));
    t(&json!([elastic, zoom, affine]), (0.03, 0.005), (0.015, 0.0006));
}

#[test]
fn inputs_of_a_step_move_together_even_on_grids_of_their_own() {
    let coarse =
        Grid::new([30, 36, 26], Affine::from_rows([[0., 1.6, 0., -30.], [-1.5, 0., 0., 40.], [0., 0., 2., -34.]]));
    let volumes = [("a", phantom()), ("b", sampled(coarse.unwrap(), Kind::Image, waves))];
    for step in [
        json!({ "rand_elastic": { "prob": 1, "max_displacement_mm": 5 } }),
        json!({ "rand_grid_distortion": { "prob": 1, "num_cells": [5, 4, 3], "distort_limit": 0.2 } }),
        json!({ "rand_3d_elastic": { "prob": 1, "sigma_range": [4, 4], "magnitude_range": [40, 60] } }),
        json!({ "rand_2d_elastic": { "prob": 1, "spacing": [9, 8], "magnitude_range": [0.8, 1] } }),
    ] {
        check_moved_together(&volumes, &json!([step]));
    }
}

fn check_moved_together(volumes: &[(&str, Volume)], steps: &Value) {
    let done = augment(volumes, steps, 4, "x");
    let ops: Vec<Value> = done.values().map(|p| json!(p.steps[0].ops)).collect();
    assert_eq!(ops[0], ops[1], "one field");
    // Both show what the field says, in the world.
    let revoxel_core::GridOp::Warp { warp, .. } = done["a"].steps[0].ops[0].op().unwrap() else { panic!("no warp") };
    let (to, from) = (warp.grid().world_to_index(), *warp.grid().affine());
    for (key, original) in volumes {
        let moved = sampled(*original.grid(), Kind::Image, |p| waves(from.apply(warp.apply(to.apply(p)))));
        let [nx, ny, nz] = original.grid().shape();
        let (a, b) = (values(&done[*key].volume), values(&moved));
        for i in 0..a.len() {
            let index = [i % nx, i / nx % ny, i / nx / ny];
            let at = [0, 1, 2].map(|a| index[a] as f64);
            let inside = (0..3).all(|a| index[a] > 4 && index[a] + 5 < [nx, ny, nz][a]);
            assert!(!inside || (a[i] - b[i]).abs() < 0.1, "{key} {at:?}: {} {}", a[i], b[i]);
        }
    }
}

#[derive(Deserialize)]
struct Recorded {
    bspline: Vec<Recording>,
}

#[derive(Deserialize)]
struct Recording {
    affine: [[f64; 4]; 4],
    shape: [usize; 3],
    points: [usize; 3],
    displacements: Vec<[f64; 3]>,
    at: Vec<[f64; 3]>,
    shown: Vec<[f64; 3]>,
}

#[test]
fn warps_are_the_b_splines_of_simpleitk() {
    let text = std::fs::read_to_string(root().join("tests/parity/random.json")).unwrap();
    let recorded: Recorded = serde_json::from_str(&text).unwrap();
    assert!(recorded.bspline.len() >= 4);
    for field in recorded.bspline {
        let [a, b, c, _] = field.affine;
        let grid = Grid::new(field.shape, Affine::from_rows([a, b, c])).unwrap();
        let warp = Warp::new(grid, field.points, field.displacements).unwrap();
        for (at, shown) in field.at.iter().zip(&field.shown) {
            let ours = warp.apply(*at);
            assert!((0..3).all(|a| (ours[a] - shown[a]).abs() < 1e-9), "{at:?}: {ours:?}, SimpleITK {shown:?}");
        }
    }
}

#[test]
fn displacements_too_large_to_be_undone_are_reduced() {
    let steps = json!([{ "rand_elastic": { "prob": 1, "max_displacement_mm": 60, "locked_borders": 0 } }]);
    let done = augment(&[("image", phantom())], &steps, 0, "x");
    let revoxel_core::GridOp::Warp { warp, .. } = done["image"].steps[0].ops[0].op().unwrap() else {
        panic!("no warp")
    };
    let Field::Spline(spline) = warp.field() else { panic!("no spline") };
    let steepness = Warp::steepness(warp.grid(), spline.points(), spline.displacements()).unwrap();
    assert!((steepness - STEEPEST).abs() < 1e-9, "{steepness}");
    let bend = |back| Bend { warp: warp.clone(), back };
    let mut worst: f64 = 0.0;
    for k in 0..500u32 {
        let index = [k % 44, k * 7 % 40, k * 5 % 28].map(f64::from);
        let again = bend(true).apply(bend(false).apply(index));
        worst = (0..3).fold(worst, |w, a| w.max((again[a] - index[a]).abs()));
    }
    println!("steepest warp: {worst:e} voxels");
    assert!(worst < 1e-6, "{worst}");
}

#[test]
fn a_run_records_its_seed_and_its_draws_and_repeats_itself() {
    let place = Place::new();
    for case in ["a", "b"] {
        place.volume(&format!("data/{case}.nii.gz"), &phantom());
    }
    place.text(
        "p.yaml",
        "version: 1\nseed: 5\ninputs: { image: { kind: image, path: \"{case}.nii.gz\" } }\nsteps:\n  \
         - rand_flip: { prob: 1, spatial_axis: 0 }\n  - rand_affine: { prob: 1, rotate_range: [0.2] }\n  \
         - rand_gaussian_noise: { prob: 1 }\noutputs: { image: { path: \"{case}.nii.gz\" } }\ntrace: \"{case}.json\"\n",
    );
    let run = |out: &str, more: &[&str]| {
        let arguments = [&["run", "p.yaml", "--data", "data", "--out", out], more].concat();
        place.revoxel(&arguments).good();
        let text = std::fs::read_to_string(place.path(&format!("{out}/a.json"))).unwrap();
        let trace: Value = serde_json::from_str(&text).unwrap();
        (trace, values(&place.read(&format!("{out}/a.nii.gz"), Kind::Image)))
    };
    let (first, second) = (run("one", &["--jobs", "1"]), run("two", &["--jobs", "2", "--case", "a"]));
    assert!(first == second, "a rerun differs");
    assert_eq!(first.0["pipeline"]["seed"], 5);
    let params = &first.0["volumes"]["image"]["steps"][1]["params"];
    let angle = params["drawn"]["rotate"][0].as_f64().unwrap();
    assert!(params["drawn"]["apply"] == true && angle.abs() <= 0.2 && angle != 0.0, "{params}");
    let (other, set) = (run("three", &["--seed", "6"]), run("four", &["--set", "seed=6"]));
    assert!(other == set && other.1 != first.1, "--seed and --set seed= are the same");
    assert_eq!(other.0["pipeline"]["seed"], 6);
    // With a case the draws are known before a voxel is read; without one they are not.
    let planned = place.revoxel(&["plan", "p.yaml", "--data", "data"]).good().out;
    assert!(planned.contains("lossy") && !planned.contains("drawn from"), "{planned}");
    let planned = place.revoxel(&["plan", "p.yaml", "--like", "data/a.nii.gz"]).good().out;
    assert!(planned.contains("grid is drawn from the case name"), "{planned}");
    place.revoxel(&["invert", "one/a.json", "one/a.nii.gz", "-o", "back.nii.gz", "--kind", "image"]).good();
    let compared = place.revoxel(&["compare", "back.nii.gz", "data/a.nii.gz", "--json"]).told(1).json();
    assert_eq!(compared["geometry"], "identical");
}

#[test]
fn copies_of_a_case_draw_apart_and_each_comes_back_by_its_own_trace() {
    let place = Place::new();
    for case in ["a", "b"] {
        place.volume(&format!("data/{case}.nii.gz"), &phantom());
    }
    let text = "version: 1\nseed: 5\ncopies: 3\ninputs: { image: { kind: image, path: \"{case}.nii.gz\" } }\nsteps:\n  \
         - rand_affine: { prob: 1, rotate_range: [0.2] }\n  - rand_flip: { prob: 0.5, spatial_axis: 1 }\n\
         outputs: { image: { path: \"{case}/{copy}.nii.gz\" } }\ntrace: \"{case}/{copy}.json\"\nrestore:\n  \
         mask: { kind: label, output: { path: \"back/{case}_{copy}.nii.gz\" } }\n";
    place.text("p.yaml", text);
    let run = |out: &str, more: &[&str]| {
        place.revoxel(&[&["run", "p.yaml", "--data", "data", "--out", out, "--json"], more].concat()).good().json()
    };
    let trace =
        |path: &str| -> Value { serde_json::from_str(&std::fs::read_to_string(place.path(path)).unwrap()).unwrap() };
    let said = run("out", &["--jobs", "2"]);
    let ran: Vec<String> = said["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| format!("{}{} {}", c["case"], c["copy"], c["outcome"]))
        .collect();
    let expected = ["a", "b"].map(|case| [0, 1, 2].map(|copy| format!("\"{case}\"{copy} \"done\""))).concat();
    assert_eq!(ran, expected);
    let angle = |case: &str, copy: usize| {
        let trace = trace(&format!("out/{case}/{copy}.json"));
        assert!(trace["case"] == case && trace["copy"] == copy, "{trace}");
        trace["volumes"]["image"]["steps"][0]["params"]["drawn"]["rotate"][0].as_f64().unwrap()
    };
    let angles = [angle("a", 0), angle("a", 1), angle("a", 2), angle("b", 0), angle("b", 1), angle("b", 2)];
    for i in 0..6 {
        assert!((0..i).all(|j| angles[i] != angles[j]), "{angles:?}");
    }
    // A case alone, and a part of the copies, get what they get among all; more copies change none.
    run("alone", &["--case", "b"]);
    run("more", &["--set", "copies=5", "--shard", "2/2"]);
    let bits = |path: &str| std::fs::read(place.path(path)).unwrap();
    assert_eq!(bits("alone/b/2.nii.gz"), bits("out/b/2.nii.gz"));
    assert_eq!(bits("more/a/1.nii.gz"), bits("out/a/1.nii.gz"));
    assert!(place.path("more/a/3.nii.gz").exists() && !place.path("more/a/2.nii.gz").exists());
    // What is done is left out.
    std::fs::remove_file(place.path("out/a/1.json")).unwrap();
    std::fs::remove_file(place.path("out/a/1.nii.gz")).unwrap();
    let again = run("out", &["--resume"]);
    assert!(again["cases"].as_array().unwrap().len() == 1 && again["cases"][0]["copy"] == 1, "{again}");
    assert_eq!(angle("a", 1), angles[1]);
    let planned = place.revoxel(&["plan", "p.yaml", "--data", "data", "--case", "a", "--steps"]).good().out;
    assert!(planned.contains("3 copies of each case") && planned.contains("\na/2\n"), "{planned}");
    let planned = place.revoxel(&["plan", "p.yaml", "--data", "data", "--case", "a"]).good().out;
    assert!(planned.lines().any(|line| line.starts_with("a/2 ")), "{planned}");
    // A model that finds what is above 0.3 in each copy: each mask goes back by its own trace to a file of its own,
    // and together they vote.
    let above = |volume: &Volume| values(volume).iter().map(|v| u8::from(*v > 0.3)).collect::<Vec<u8>>();
    for copy in 0..3 {
        let image = place.read(&format!("out/a/{copy}.nii.gz"), Kind::Image);
        let mask = Volume::new(above(&image).into(), *image.grid(), Kind::Label, 1).unwrap();
        place.volume(&format!("mask_{copy}.nii.gz"), &mask);
        let (trace, mask) = (format!("out/a/{copy}.json"), format!("mask_{copy}.nii.gz"));
        place.revoxel(&["invert", &trace, &mask, "--out", "native"]).good();
    }
    let together = ["--with", "out/a/1.json", "mask_1.nii.gz", "--with", "out/a/2.json", "mask_2.nii.gz"];
    let first =
        ["invert", "out/a/0.json", "mask_0.nii.gz", "--restore", "none", "--kind", "label", "-o", "voted.nii.gz"];
    place.revoxel(&[&first[..], &together].concat()).good();
    let truth = above(&phantom());
    for file in ["native/back/a_0.nii.gz", "native/back/a_1.nii.gz", "native/back/a_2.nii.gz", "voted.nii.gz"] {
        let back = place.read(file, Kind::Label);
        assert_eq!(back.grid().shape(), phantom().grid().shape());
        let found = values(&back);
        let sum = |f: &dyn Fn(usize) -> f64| (0..truth.len()).map(f).sum::<f64>();
        let both = sum(&|i| found[i] * f64::from(truth[i]));
        let dice = 2.0 * both / sum(&|i| found[i] + f64::from(truth[i]));
        println!("{file}: Dice {dice:.4}");
        assert!(dice > 0.93, "{file}: {dice}");
    }
}

/// Steps that crop at random, one kind each; `weights` is the image without its negative values.
fn crops() -> [Value; 5] {
    [
        json!({ "rand_spatial_crop": { "roi_size": [16, 14, 9] } }),
        json!({ "rand_scale_crop": { "roi_scale": 0.3, "max_roi_scale": 0.6, "random_size": true } }),
        json!({ "rand_crop_by_pos_neg_label": { "source": "label", "spatial_size": [16, 14, 9], "image": "weights" } }),
        json!({ "rand_crop_by_label_classes": { "source": "label", "spatial_size": [16, 14, 9], "ratios": [1, 2, 3] } }),
        json!({ "rand_weighted_crop": { "source": "weights", "spatial_size": [15, 14, 9] } }),
    ]
}

#[test]
fn random_crops_take_all_inputs_to_one_place_at_any_number_of_threads() {
    let coarse = Affine::from_rows([[0., 1.6, 0., -40.], [-1.5, 0., 0., 80.], [0., 0., 2., -50.]]);
    let coarse = Grid::new([60, 60, 50], coarse).unwrap();
    let volumes = [
        ("image", phantom()),
        ("label", sampled(grid(), Kind::Label, |p| (waves(p) + 1.0).clamp(0.0, 2.0).floor())),
        ("weights", sampled(grid(), Kind::Image, |p| waves(p).max(0.0))),
        ("own", sampled(coarse, Kind::Image, waves)),
    ];
    for crop in crops() {
        let name = crop.as_object().unwrap().keys().next().unwrap().clone();
        // After a step that moves voxels, what is looked at is what came of it.
        let steps = json!([{ "rand_flip": { "prob": 1, "spatial_axis": [0, 2] } }, crop]);
        let with = |threads: usize, case: &str| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| augment(&volumes, &steps, 3, case))
        };
        let mut places = Vec::new();
        for case in ["a", "b", "c", "d"] {
            let done = with(1, case);
            let again = with(3, case);
            assert!(done.iter().all(|(key, d)| d.volume == again[key].volume), "{name}");
            assert_eq!(done["image"].volume.grid(), done["label"].volume.grid(), "{name}");
            let place = done["image"].volume.grid().index_to_world([0.0; 3]);
            places.push(place);
            // The same region of the world: each corner of the fine box lies in the other box's voxels.
            let (fine, own) = (done["image"].volume.grid(), done["own"].volume.grid());
            for corner in 0..8 {
                let end = |a: usize| if corner >> a & 1 == 0 { -0.499 } else { fine.shape()[a] as f64 - 0.501 };
                let at = fine.index_map_to(own).apply([0, 1, 2].map(end));
                assert!((0..3).all(|a| at[a] >= -0.5 && at[a] <= own.shape()[a] as f64 - 0.5), "{name}: {at:?}");
            }
            // Voxels are copied, and come back where they were.
            let seen = Recipe { coverage: true, ..Default::default() };
            for (key, source) in &volumes {
                let back = trace(source, &done[*key]).invert(done[*key].volume.clone(), seen.clone()).unwrap();
                assert_eq!(back.volume.grid(), source.grid());
                let (mask, there, again) = (values(&back.coverage.unwrap()), values(source), values(&back.volume));
                assert!((0..mask.len()).all(|i| mask[i] == 0.0 || there[i] == again[i]), "{name} {key}");
                let count = mask.iter().sum::<f64>() as usize;
                assert_eq!(count, done[*key].volume.grid().voxel_count(), "{name} {key}");
            }
        }
        assert!(places.iter().any(|p| *p != places[0]), "{name}: always {places:?}");
    }
}

#[test]
fn a_plan_says_that_crops_depend_on_voxels() {
    let inputs = [("image", Kind::Image), ("label", Kind::Label), ("weights", Kind::Image)];
    let grids: BTreeMap<String, Grid> = inputs.iter().map(|(key, _)| ((*key).to_owned(), grid())).collect();
    for (crop, fixed) in crops().into_iter().zip([true, true, false, false, false]) {
        let planned = pipeline(&inputs, &json!([crop, { "rand_flip": { "prob": 1 } }]));
        let plan = planned.plan(&grids, Some("case")).unwrap();
        assert_eq!(plan.result["image"].is_some(), fixed, "{crop}");
        assert!(plan.steps[1].volumes.iter().all(|(_, p)| p.before.is_some() == fixed && !p.by_case), "{crop}");
        // Without a case, nobody knows what is drawn.
        let plan = planned.plan(&grids, None).unwrap();
        assert!(plan.result["image"].is_none() && plan.steps[1].volumes.iter().all(|(_, p)| p.by_case), "{crop}");
    }
}

#[test]
fn what_a_crop_looks_at_must_be_there_and_on_one_grid() {
    let other = Grid::new([20, 20, 20], Affine::scaling([1.0; 3])).unwrap();
    let step = json!([{ "rand_crop_by_pos_neg_label": { "source": "label", "spatial_size": 4, "image": "other" } }]);
    let volumes = [
        ("image", phantom()),
        ("label", sampled(grid(), Kind::Label, |_| 0.0)),
        ("other", sampled(other, Kind::Image, waves)),
    ];
    let inputs: Vec<(&str, Kind)> = volumes.iter().map(|(key, volume)| (*key, volume.kind())).collect();
    let t = |keys: &[usize], part: &str| {
        let chosen = keys.iter().map(|k| (volumes[*k].0.to_owned(), volumes[*k].1.clone())).collect();
        let pipeline = pipeline(&inputs, &step);
        let error = Engine::new(chosen, pipeline.fuse).run(pipeline.drawn("")).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("rand_crop_by_pos_neg_label"), "{error}");
    };
    t(&[0, 1, 2], "lies on another grid");
    t(&[0, 1], "\"other\" that the step refers to is missing");
    t(&[0, 2], "\"label\" that the step refers to is missing");
}

#[test]
fn a_ratio_for_a_label_that_is_not_there_is_refused() {
    let place = Place::new();
    let text = "version: 1\ninputs:\n  label: { kind: label, path: \"{case}/l.nii\", labels: [0, 1, 2] }\nsteps:\n  \
                - rand_crop_by_label_classes: { source: label, spatial_size: 8, ratios: [0, 1, 0, 2] }\noutputs: {}\n\
                trace: \"{case}.json\"\n";
    place.text("p.yaml", text);
    let said = place.revoxel(&["plan", "p.yaml"]);
    assert!(
        said.code == 2 && said.err.contains("p.yaml:5:85") && said.err.contains("label 3 is not declared"),
        "{}",
        said.err
    );
}

#[test]
fn a_drawn_zoom_averages_as_one_that_is_given() {
    let volumes = [
        ("image", sampled(grid(), Kind::Image, |[x, y, z]| x - 2.0 * y + 0.5 * z)),
        ("label", sampled(grid(), Kind::Label, |[x, _, _]| if x > 0.0 { 2.0 } else { 0.0 })),
    ];
    let run = |step: Value| augment(&volumes, &json!([step]), 3, "c");
    let drawn = run(json!({ "rand_zoom": { "prob": 1, "min_zoom": 0.7, "max_zoom": 0.7, "area": true } }));
    let given = run(json!({ "zoom": { "zoom": 0.7, "area": true } }));
    let plain = run(json!({ "zoom": { "zoom": 0.7 } }));
    for key in ["image", "label"] {
        assert_eq!((&drawn[key].volume), (&given[key].volume), "{key}");
    }
    assert_eq!(given["label"].volume, plain["label"].volume);
    assert_ne!(given["image"].volume, plain["image"].volume);
    assert_eq!(given["image"].volume.grid(), plain["image"].volume.grid());
}
