//! Spatial transforms as people use them: there and back, aligned inputs, matrices from files.

use revoxel_core::{Affine, Grid, Kind, Volume};
use revoxel_invert::{Recipe, Trace};
use revoxel_transforms::Class;
use serde_json::{Value, json};

use crate::support::{Place, root, run_steps, traced, values};

/// Oblique, mirrored and sheared.
fn grid() -> Grid {
    let rows = [[-0.9, 0.3, 0.2, 31.0], [0.25, 1.1, -0.4, -17.5], [0.1, 0.2, 2.1, 6.25]];
    Grid::new([17, 15, 13], Affine::from_rows(rows)).unwrap()
}

/// A ramp over the world: linear interpolation gives it exactly.
fn ramp(grid: Grid) -> Volume {
    let [nx, ny, _] = grid.shape();
    let value = |i: usize| {
        let p = grid.index_to_world([i % nx, i / nx % ny, i / (nx * ny)].map(|v| v as f64));
        2.0 * p[0] - 3.0 * p[1] + 1.5 * p[2] + 400.0
    };
    let values: Vec<f64> = (0..grid.voxel_count()).map(value).collect();
    Volume::new(values.into(), grid, Kind::Image, 1).unwrap()
}

/// At least one step for every spatial transform.
fn steps() -> Vec<Value> {
    let matrix = json!([[0.98, -0.2, 0, 1.5], [0.2, 0.97, 0.05, -2], [0, -0.04, 1.02, 0.5], [0, 0, 0, 1]]);
    vec![
        json!({ "orientation": { "axcodes": "PIR" } }),
        json!({ "canonical": {} }),
        json!({ "spacing": { "pixdim": [0.8, 1.3, 1.7] } }),
        json!({ "spacing": { "pixdim": 0.9, "diagonal": true } }),
        json!({ "deshear": {} }),
        json!({ "resample_to": { "reference": "other", "padding": "border" } }),
        json!({ "align": { "reference": "other", "padding": "border" } }),
        json!({ "resize": { "spatial_size": [19, 14, 16] } }),
        json!({ "zoom": { "zoom": [1.4, 0.8, 1.1] } }),
        json!({ "zoom": { "zoom": 0.7, "keep_size": false } }),
        json!({ "spatial_crop": { "roi_start": [2, 3, 1], "roi_end": [15, 13, 12] } }),
        json!({ "spatial_crop": { "center_mm": [25, -10, 15], "size_mm": [10, 12, 18], "frame": "RAS" } }),
        json!({ "spatial_crop": { "start_world": [-35, 0, 5], "end_world": [-20, 15, 25], "frame": "LPS" } }),
        json!({ "center_spatial_crop": { "roi_size": [12, 13, 9] } }),
        json!({ "center_scale_crop": { "roi_scale": [0.6, 0.9, 0.45] } }),
        json!({ "grid_patch": { "patch_size": [15, 12, 11], "offset": 1 } }),
        json!({ "grid_split": { "grid": [1, 1], "size": [14, 13, 12] } }),
        json!({ "divisible_crop": { "k": [4, 5, 3] } }),
        json!({ "crop_foreground": { "source": "image", "above": 350 } }),
        json!({ "crop_to_nonzero": { "source": "image" } }),
        json!({ "rotate": { "degrees": [0, 90, 0], "keep_size": false, "anti_alias": true } }),
        json!({ "deshear": { "anti_alias": true } }),
        json!({ "crop_or_pad": { "target_shape": [21, 9, 0] } }),
        json!({ "spatial_pad": { "spatial_size": 21 } }),
        json!({ "border_pad": { "spatial_border": 2 } }),
        json!({ "divisible_pad": { "k": 8 } }),
        json!({ "resize_with_pad_or_crop": { "spatial_size": [14, 18, 13] } }),
        json!({ "flip": { "spatial_axis": [0, 2] } }),
        json!({ "rotate90": { "k": 3, "spatial_axes": [0, 2] } }),
        json!({ "rotate": { "angle": [0.2, -0.1, 0.3] } }),
        json!({ "rotate": { "degrees": [10, 20, -15], "about": "world", "keep_size": false } }),
        json!({ "affine": { "rotate_params": [0.1, 0.2, 0.1], "scale_params": [0.9, 1.1, 1], "shear_params": [0.1] } }),
        json!({ "affine": { "matrix": matrix, "frame": "LPS", "padding": "border" } }),
        json!({ "affine": { "matrix": matrix, "frame": "RAS", "reference": "other", "maps": "input_to_output" } }),
        json!({ "transpose": { "indices": [2, 0, 1] } }),
        // One cell: a ramp stays a ramp.
        json!({ "grid_distortion": { "num_cells": 1, "distort_steps": [[1.04, 1.04], [0.95, 0.95], [1.02, 1.02]] } }),
    ]
}

#[test]
fn every_spatial_transform_comes_back_onto_the_source_grid_bit_for_bit() {
    let steps = steps();
    let registry = revoxel::registry();
    let random = |name: &str| name.starts_with("rand_");
    for transform in registry.iter().filter(|t| t.class == Class::Spatial && !random(t.name)) {
        assert!(steps.iter().any(|s| s.get(transform.name).is_some()), "no step tries {}", transform.name);
    }
    let other =
        Grid::new([15, 14, 16], Affine::from_rows([[1., 0.1, 0., 18.], [0., 0.9, 0., -15.], [0.1, 0., 1.5, 8.]]))
            .unwrap();
    for step in &steps {
        compare(step, other);
    }
}

fn compare(step: &Value, other: Grid) {
    let (native, source) = (grid(), ramp(grid()));
    let mut only = step.clone();
    only.as_object_mut().unwrap().values_mut().next().unwrap()["keys"] = "image".into();
    let results = run_steps(vec![("image", source.clone()), ("other", ramp(other))], &[only]).unwrap();
    let processed = results.into_iter().find(|(key, _)| key == "image").unwrap().1;
    let model = *processed.volume.grid();
    let record = traced((Kind::Image, 1, &native), &model, &processed.steps);
    let back = record.invert(processed.volume.clone(), Recipe::default()).unwrap().volume;
    assert_eq!(back.grid(), &native, "{step}");
    // Voxels well inside both volumes: nothing beyond a face has a part in them.
    let (there, again) = (values(&source), values(&back));
    let to_model = native.index_map_to(&model);
    let mut compared = 0;
    for (i, (value, came)) in there.iter().zip(&again).enumerate() {
        let index = [i % 17, i / 17 % 15, i / 255];
        let place = to_model.apply(index.map(|v| v as f64));
        let inside = (0..3).all(|a| {
            let last = native.shape()[a] as f64 - 4.0;
            let end = model.shape()[a] as f64 - 2.0;
            (3.0..=last).contains(&(index[a] as f64)) && (1.0..=end).contains(&place[a])
        });
        if inside {
            compared += 1;
            assert!((value - came).abs() < 1e-3, "{step} at {index:?}: {value} came back as {came}");
        }
    }
    assert!(compared > 20, "{step}: only {compared} voxels are well inside");
}

const PAIR: &str = "\
version: 1
inputs:
  image: { kind: image, path: \"{case}/image.nii.gz\" }
  label: { kind: label, path: \"{case}/label.nii.gz\" }
steps:
  - orientation: { axcodes: RAS }
STEP  - divisible_pad: { k: 4 }
outputs:
  image: { path: \"{case}/image.nii.gz\" }
  label: { path: \"{case}/label.nii.gz\" }
trace: \"{case}/trace.json\"
";

fn pair(place: &Place, shift: f64, label_shape: [usize; 3]) {
    let rows = |x: f64| Affine::from_rows([[1., 0., 0., x], [0., 1.5, 0., -8.], [0., 0., 2., 4.]]);
    let image = ramp(Grid::new([12, 10, 8], rows(0.0)).unwrap());
    let grid = Grid::new(label_shape, rows(shift)).unwrap();
    let labels: Vec<u8> = (0..grid.voxel_count()).map(|i| u8::from(i % 5 == 0)).collect();
    place.volume("data/a/image.nii.gz", &image);
    place.volume("data/a/label.nii.gz", &Volume::new(labels.into(), grid, Kind::Label, 1).unwrap());
}

#[test]
fn inputs_that_disagree_are_aligned_or_snapped_in_plan_and_run() {
    let t = |place: &Place, more: &[&str], works: bool, part: &str| {
        for command in [
            &["plan", "p.yaml", "--data", "data"][..],
            &["run", "p.yaml", "--data", "data", "--out", "out", "--overwrite"],
        ] {
            let said = place.revoxel(&[command, more].concat());
            assert_eq!(said.code == 0, works, "{said:?}");
            let err = said.err.split_whitespace().filter(|w| *w != "│").collect::<Vec<_>>().join(" ");
            assert!(works || err.contains(part), "{said:?}");
        }
    };
    let place = Place::new();
    let aligned = PAIR.replace("STEP", "  - align: { keys: [label], reference: image }\n");
    // Another place and another shape: only `align` helps.
    pair(&place, 3.0, [9, 10, 8]);
    place.text("p.yaml", &PAIR.replace("STEP", ""));
    t(&place, &[], false, "align: { keys: [label], reference: image }");
    t(&place, &["--snap"], false, "other_grid");
    place.text("p.yaml", &aligned);
    t(&place, &[], true, "");
    let (image, label) = (place.read("out/a/image.nii.gz", Kind::Image), place.read("out/a/label.nii.gz", Kind::Label));
    assert_eq!(image.grid(), label.grid());
    assert_eq!((label.value([0, 2, 2], 0), label.value([3, 2, 2], 0)), (0.0, 0.0));
    // The label's first voxel lies 3 voxels to the right, and 12, 10, 8 are padded to 12, 12, 8.
    assert_eq!(label.value([3, 1, 0], 0), 1.0);
    // The same shape without a header: no overlap.
    pair(&place, 900.0, [12, 10, 8]);
    t(&place, &[], false, "do not overlap");
    place.text("p.yaml", &PAIR.replace("STEP", ""));
    t(&place, &[], false, "--snap");
    t(&place, &["--snap"], true, "");
    // Noise: not a value changes.
    pair(&place, 2e-4, [12, 10, 8]);
    place.text("p.yaml", &aligned);
    t(&place, &[], true, "");
    let label = place.read("out/a/label.nii.gz", Kind::Label);
    assert_eq!(values(&label).iter().sum::<f64>(), 192.0);
}

#[test]
fn a_matrix_is_read_from_a_file_beside_the_pipeline() {
    let place = Place::new();
    pair(&place, 0.0, [12, 10, 8]);
    let tfm = "#Insight Transform File V1.0\n#Transform 0\nTransform: TranslationTransform_double_3_3\n\
               Parameters: -2 0 4\nFixedParameters:\n";
    place.text("steps/shift.tfm", tfm);
    place.text("steps/p.yaml", &PAIR.replace("STEP", "  - affine: { file: shift.tfm, padding: 0 }\n"));
    place.revoxel(&["run", "steps/p.yaml", "--data", "data", "--out", "out"]).good();
    // LPS: the result at (x, y, z) shows what lies 2 mm further to the right and 4 mm further up.
    let (before, after) =
        (place.read("data/a/image.nii.gz", Kind::Image), place.read("out/a/image.nii.gz", Kind::Image));
    assert_eq!(after.grid().origin()[0], before.grid().origin()[0] + 2.0);
    assert!((after.value([3, 3, 1], 0) - before.value([5, 2, 3], 0)).abs() < 1e-9);
    let trace = std::fs::read_to_string(place.path("out/a/trace.json")).unwrap();
    assert!(trace.contains("LPS") && !trace.contains("shift.tfm"), "{trace}");
    place.text("steps/p.yaml", &PAIR.replace("STEP", "  - affine: { file: nothing.tfm }\n"));
    place.revoxel(&["plan", "steps/p.yaml", "--data", "data"]).bad(2, &["p.yaml:7:21", "nothing.tfm"]);
}

#[test]
fn the_grid_of_a_file_beside_the_pipeline_is_taken_and_recorded() {
    let place = Place::new();
    pair(&place, 0.0, [12, 10, 8]);
    let atlas =
        Grid::new([9, 11, 7], Affine::from_rows([[0.9, 0.2, 0., 1.], [-0.2, 1.1, 0., -7.], [0., 0.1, 1.5, 5.]]));
    let atlas = ramp(atlas.unwrap());
    place.volume("steps/atlas.nii.gz", &atlas);
    // The same grid as an input of every case.
    place.volume("data/a/atlas.nii.gz", &atlas);
    let by_file = PAIR.replace("STEP", "  - resample_to: { file: atlas.nii.gz, padding: border }\n");
    let by_input = PAIR.replace("steps:", "  atlas: { kind: image, path: \"{case}/atlas.nii.gz\", grid: own }\nsteps:");
    let by_input =
        by_input.replace("STEP", "  - resample_to: { keys: [image, label], reference: atlas, padding: border }\n");
    // Orientation changes the atlas too where it is an input, so it is left to the file's own order.
    let plain = |text: &str| {
        text.replace("  - orientation: { axcodes: RAS }\n", "").replace("divisible_pad: { k: 4 }", "flip: {}")
    };
    place.text("steps/file.yaml", &plain(&by_file));
    place.text("steps/input.yaml", &plain(&by_input));
    place.revoxel(&["run", "steps/file.yaml", "--data", "data", "--out", "file"]).good();
    place.revoxel(&["run", "steps/input.yaml", "--data", "data", "--out", "input"]).good();
    for (key, kind) in [("image", Kind::Image), ("label", Kind::Label)] {
        let [file, input] = ["file", "input"].map(|out| place.read(&format!("{out}/a/{key}.nii.gz"), kind));
        assert_eq!(file, input, "{key}");
        assert_eq!(file.grid().shape(), [9, 11, 7]);
    }
    let trace = Trace::from_json(&std::fs::read_to_string(place.path("file/a/trace.json")).unwrap()).unwrap();
    let step = &trace.volume("image").unwrap().steps[0];
    assert_eq!(step.params["grid"]["shape"], json!([9, 11, 7]));
    assert!(step.params.get("file").is_none(), "{}", step.params);
}

#[test]
fn random_changes_smooth_before_they_sample_onto_larger_voxels() {
    let image = || vec![("image", revoxel_core::testing::Draw::new(61).volume(grid(), Kind::Image, 1))];
    let one = |step: serde_json::Value| run_steps(image(), &[step]).unwrap().remove(0).1.volume;
    let zoom =
        |alias: bool| json!({ "prob": 1, "min_zoom": 0.5, "max_zoom": 0.5, "keep_size": false, "anti_alias": alias });
    let (smooth, plain) = (one(json!({ "rand_zoom": zoom(true) })), one(json!({ "rand_zoom": zoom(false) })));
    assert_eq!(smooth, one(json!({ "zoom": { "zoom": 0.5, "keep_size": false, "anti_alias": true } })));
    assert_ne!(smooth, plain);
    // A scale of 2 takes every second voxel.
    let affine = |alias: bool| {
        one(json!({ "rand_affine": { "prob": 1, "scale_range": [[1, 1], [1, 1], [1, 1]], "anti_alias": alias } }))
    };
    let range = |v: &Volume| v.voxels().min_max().map(|(low, high)| high - low).unwrap();
    assert!(range(&affine(true)) < 0.8 * range(&affine(false)));
}

#[test]
fn monai_strict_gives_the_shapes_of_monai() {
    let text = std::fs::read_to_string(root().join("tests/parity/shapes.json")).unwrap();
    let recorded: Value = serde_json::from_str(&text).unwrap();
    let rows = recorded["shapes"].as_array().unwrap();
    assert!(rows.len() >= 300);
    let mut differ = 0;
    for row in rows {
        let affine = |name: &str| {
            let rows: [[f64; 4]; 4] = serde_json::from_value(row[name].clone()).unwrap();
            Affine::from_rows([rows[0], rows[1], rows[2]])
        };
        let shape = |name: &str| serde_json::from_value::<[usize; 3]>(row[name].clone()).unwrap();
        let grid = Grid::new(shape("shape"), affine("affine")).unwrap();
        let spacing = |rule: &str| {
            let volume = Volume::new(vec![0u8; grid.voxel_count()].into(), grid, Kind::Image, 1).unwrap();
            let step = json!({ "spacing": { "pixdim": row["pixdim"], "rule": rule } });
            *run_steps(vec![("image", volume)], &[step]).unwrap()[0].1.volume.grid()
        };
        let strict = spacing("monai_strict");
        assert_eq!(strict.shape(), shape("expected"), "{row}");
        assert!(strict.affine().max_abs_difference(&affine("expected_affine")) < 1e-4, "{row}: {strict:?}");
        differ += usize::from(spacing("monai").shape() != strict.shape());
    }
    // The halves are there, and the other rule counts them by the formula.
    assert!(differ > 20, "{differ}");
}
