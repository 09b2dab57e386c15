//! There and back, for every transform, on random volumes and through the file of the trace: geometry to the bit,
//! values as far as the documentation says.

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Grid, Kind, Volume};
use revoxel_invert::{Recipe, Values};
use revoxel_transforms::docs::Docs;
use revoxel_transforms::{Channels, Class, LabelSet, Sources, Transform, UndoRule, ValueState};
use serde_json::{Value, json};

use crate::support::{run_steps, traced, values};

/// How a volume comes back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Back {
    /// Every voxel, bit for bit.
    Exact,
    /// Every voxel that is left, bit for bit.
    Inside,
    /// The grid bit for bit; a ramp over the world well inside, to a share of its range.
    Lossy(f64),
    /// Values, to a share of their range.
    Undone(f64),
    /// The same but for what was cut off: refused by the step's name, or the limit where that is asked for.
    Clipped(f64),
    /// Not at all: refused by the step's name.
    Lost,
}

use Back::{Clipped, Exact, Inside, Lossy, Lost, Undone};

/// At least one step for every transform.
pub(crate) fn table() -> Vec<(Value, Back)> {
    let landmarks = json!([0, 3, 6.2, 8, 9.8, 14, 22, 34, 48, 55, 63, 79, 100]);
    let matrix = json!([[0.98, -0.2, 0, 1.5], [0.2, 0.97, 0.05, -2], [0, -0.04, 1.02, 0.5], [0, 0, 0, 1]]);
    let ct = json!({ "mean": 3, "std": 40, "percentile_00_5": -300, "percentile_99_5": 300 });
    let mut table: Vec<(Value, Back)> = Vec::new();
    let mut add = |name: &str, params: Value, back: Back| table.push((json!({ name: params }), back));
    add("orientation", json!({ "axcodes": "PIR" }), Exact);
    add("canonical", json!({}), Exact);
    add("transpose", json!({ "indices": [2, 0, 1] }), Exact);
    add("flip", json!({ "spatial_axis": [0, 2] }), Exact);
    add("rotate90", json!({ "k": 3, "spatial_axes": [0, 2] }), Exact);
    add("rand_flip", json!({ "prob": 1, "spatial_axis": 1 }), Exact);
    add("rand_axis_flip", json!({ "prob": 1 }), Exact);
    add("rand_rotate90", json!({ "prob": 1, "spatial_axes": [1, 2] }), Exact);
    add("spatial_pad", json!({ "spatial_size": [40, 3, 31] }), Exact);
    add("border_pad", json!({ "spatial_border": [1, 0, 3, 2, 0, 4] }), Exact);
    add("divisible_pad", json!({ "k": [8, 5, 7] }), Exact);
    add("spatial_crop", json!({ "roi_start": [2, 3, 1], "roi_end": [15, 13, 12] }), Inside);
    add("center_spatial_crop", json!({ "roi_size": [12, 9, 10] }), Inside);
    add("center_scale_crop", json!({ "roi_scale": [0.7, 0.5, 1] }), Inside);
    add("divisible_crop", json!({ "k": [5, 8, 3] }), Inside);
    add("crop_foreground", json!({ "source": "image", "above": 0, "margin": 1 }), Inside);
    add("crop_to_nonzero", json!({ "source": "source" }), Inside);
    add("rand_spatial_crop", json!({ "roi_size": [9, 12, 10] }), Inside);
    add("rand_spatial_crop", json!({ "roi_size": 8, "max_roi_size": 14, "random_size": true }), Inside);
    add("grid_patch", json!({ "patch_size": [9, 0, 8], "overlap": 0.5, "offset": 1, "patch": 2 }), Inside);
    let padded = json!({ "patch_size": [30, 9, 8], "offset": [-3, 0, 1], "pad_mode": "reflect", "patch": 1 });
    add("grid_patch", padded, Inside);
    let highest = json!({ "patch_size": 8, "overlap": 0.5, "source": "image", "sort_fn": "max", "num_patches": 3 });
    add("grid_patch", highest, Inside);
    add("rand_grid_patch", json!({ "patch_size": 9, "patch": 0 }), Inside);
    add("rand_grid_patch", json!({ "patch_size": 8, "sort_fn": "random" }), Inside);
    add("grid_split", json!({ "grid": [2, 1, 2], "patch": 3 }), Inside);
    add("rand_scale_crop", json!({ "roi_scale": [0.7, 0.5, 1] }), Inside);
    add("rand_crop_by_pos_neg_label", json!({ "source": "source", "spatial_size": [9, 12, 10], "pos": 3 }), Inside);
    let classes = json!({ "source": "source", "spatial_size": 11, "ratios": [1, 2], "image": "image" });
    add("rand_crop_by_label_classes", classes, Inside);
    add("rand_weighted_crop", json!({ "source": "source", "spatial_size": [10, 9, 12] }), Inside);
    add("resize_with_pad_or_crop", json!({ "spatial_size": [10, 30, 13] }), Inside);
    add("crop_or_pad", json!({ "target_shape": [10, 30, 13], "mode": "volume_mean" }), Inside);
    add("crop_or_pad", json!({ "target_shape": [12, 15.5, 8], "units": "mm", "source": "source" }), Inside);
    add("border_pad", json!({ "spatial_border": 2, "mode": "linear_ramp" }), Exact);
    add("spacing", json!({ "pixdim": [0.8, 1.1, 1.2] }), Lossy(1e-5));
    add("spacing", json!({ "pixdim": 0.9, "rule": "nnunet" }), Lossy(1e-5));
    add("deshear", json!({}), Lossy(1e-5));
    add("resample_to", json!({ "reference": "source", "padding": "border" }), Lossy(1e-5));
    add("align", json!({ "reference": "source", "padding": "border" }), Lossy(1e-5));
    add("resize", json!({ "spatial_size": [19, 22, 16] }), Lossy(1e-5));
    add("zoom", json!({ "zoom": [1.2, 0.9, 1.1] }), Lossy(1e-5));
    add("rotate", json!({ "angle": [0.2, -0.1, 0.3] }), Lossy(1e-5));
    add("affine", json!({ "rotate_params": [0.1, 0.2, 0.1], "scale_params": [0.9, 1.1, 1] }), Lossy(1e-5));
    add("affine", json!({ "matrix": matrix, "frame": "LPS", "padding": "border" }), Lossy(1e-5));
    add("rand_affine", json!({ "prob": 1, "rotate_range": [0.2, 0.1, 0.2], "scale_range": [0.1] }), Lossy(1e-5));
    add("rand_rotate", json!({ "prob": 1, "range_x": 0.2, "range_y": [0.05, 0.1], "range_z": 0.2 }), Lossy(1e-5));
    add("rand_zoom", json!({ "prob": 1, "min_zoom": 0.9, "max_zoom": 1.2 }), Lossy(1e-5));
    let cells = json!([[1.15, 0.9, 1.1, 1], [0.95, 1, 1.1, 1.05], [1.1, 0.92, 1, 1]]);
    add("grid_distortion", json!({ "num_cells": 3, "distort_steps": cells }), Lossy(0.05));
    add("rand_grid_distortion", json!({ "prob": 1, "num_cells": 3, "distort_limit": 0.15 }), Lossy(0.05));
    add("rand_elastic", json!({ "prob": 1, "max_displacement_mm": 1.5 }), Lossy(0.05));
    let noise = json!({ "prob": 1, "sigma_range": [3, 4], "magnitude_range": [10, 20], "rotate_range": [0.2, 0.1] });
    add("rand_3d_elastic", noise, Lossy(0.05));
    let controls = json!({ "prob": 1, "spacing": [6, 7], "magnitude_range": [0.3, 0.6], "rotate_range": [0.2] });
    add("rand_2d_elastic", controls, Lossy(0.05));
    add("scale_intensity", json!({ "minv": 3, "maxv": -1 }), Undone(1e-5));
    add("scale_intensity_fixed_mean", json!({ "factor": 0.4 }), Undone(1e-5));
    add("scale_intensity_fixed_mean", json!({ "factor": 0.4, "preserve_range": true }), Clipped(1e-5));
    add("scale_intensity_range", json!({ "a_min": -500, "a_max": 700, "b_min": 0, "b_max": 1 }), Undone(1e-5));
    let clip = json!({ "a_min": -300, "a_max": 300, "b_min": 0, "b_max": 1, "clip": true });
    add("scale_intensity_range", clip, Clipped(1e-5));
    add("scale_intensity_range_percentiles", json!({ "lower": 5, "upper": 90, "b_min": 1, "b_max": 3 }), Undone(1e-5));
    add("rescale_to_8bit", json!({}), Undone(0.5 / 255.0 + 1e-6));
    add("rescale_to_8bit", json!({ "lower": 3, "upper": 96 }), Clipped(0.5 / 255.0 + 1e-6));
    add("normalize_intensity", json!({}), Undone(1e-5));
    add("normalize_intensity", json!({ "nonzero": true }), Lost);
    add("std_shift_intensity", json!({ "factor": 1.5, "nonzero": true }), Lost);
    add("z_score", json!({ "mask": "above_mean", "ddof": 1 }), Undone(1e-5));
    add("ct_normalization", ct, Clipped(1e-5));
    add("histogram_standardization", json!({ "landmarks": landmarks }), Undone(1e-4));
    add("clip_intensity", json!({ "min": -300, "max": 300 }), Clipped(1e-5));
    add("clip_intensity_percentiles", json!({ "lower": 10 }), Clipped(1e-5));
    add("shift_intensity", json!({ "offset": -77.5 }), Undone(1e-5));
    add("std_shift_intensity", json!({ "factor": 1.5 }), Undone(1e-5));
    add("adjust_contrast", json!({ "gamma": 0.6 }), Undone(1e-4));
    add("adjust_contrast", json!({ "gamma": 1.6, "invert_image": true }), Undone(1e-4));
    add("adjust_contrast", json!({ "gamma": 0.6, "retain_stats": true }), Undone(1e-4));
    add("adjust_contrast", json!({ "gamma": 1.6, "invert_image": true, "retain_stats": true }), Undone(1e-4));
    add("threshold_intensity", json!({ "threshold": 10 }), Lost);
    add("mask_intensity", json!({ "source": "source" }), Lost);
    add("gaussian_smooth", json!({}), Lost);
    add("gaussian_sharpen", json!({}), Lost);
    add("median_smooth", json!({}), Lost);
    add("savitzky_golay_smooth", json!({ "window_length": 5, "order": 2, "spatial_axis": 1 }), Lost);
    add("sobel_gradients", json!({}), Lost);
    add("pca", json!({ "num_components": 1 }), Lost);
    add("foreground_mask", json!({ "invert": true }), Lost);
    add("gibbs_noise", json!({}), Lost);
    add("k_space_spike_noise", json!({ "loc": [2, 3, 4] }), Lost);
    add("histogram_normalize", json!({}), Lost);
    add("rand_gaussian_noise", json!({ "prob": 1, "mean": 40, "std": 300 }), Undone(1e-6));
    add("rand_gamma", json!({ "prob": 1 }), Undone(1e-4));
    add("rand_gamma", json!({ "prob": 1, "retain_stats": true }), Undone(1e-4));
    add("rand_gamma", json!({ "prob": 1, "gamma": [0.5, 0.7], "invert_image": true }), Undone(1e-4));
    let both = json!({ "prob": 1, "gamma": [1.2, 1.5], "invert_image": true, "retain_stats": true });
    add("rand_gamma", both, Undone(1e-4));
    add("rand_bias_field", json!({ "prob": 1, "coeff_range": [-0.3, 0.2] }), Undone(1e-6));
    add("rand_bias_field", json!({ "prob": 1, "coeff_range": [-5.5, -4.5] }), Lost);
    add("rand_scale_intensity", json!({ "prob": 1, "factors": 0.3 }), Undone(1e-5));
    add("rand_scale_intensity", json!({ "prob": 1, "factors": [0.1, 0.2], "channel_wise": true }), Undone(1e-5));
    add("rand_scale_intensity_fixed_mean", json!({ "prob": 1, "factors": 0.3 }), Undone(1e-5));
    let held = json!({ "prob": 1, "factors": [0.2, 0.5], "preserve_range": true, "channel_wise": true });
    add("rand_scale_intensity_fixed_mean", held, Clipped(1e-5));
    add("rand_shift_intensity", json!({ "prob": 1, "offsets": 90 }), Undone(1e-5));
    add("rand_shift_intensity", json!({ "prob": 1, "offsets": [-20, 0], "channel_wise": true }), Undone(1e-5));
    add("rand_std_shift_intensity", json!({ "prob": 1, "factors": 1.5 }), Undone(1e-5));
    add("rand_std_shift_intensity", json!({ "prob": 1, "factors": 1.5, "nonzero": true }), Lost);
    add("rand_histogram_shift", json!({ "prob": 1, "num_control_points": [3, 12] }), Undone(1e-3));
    add("rand_gaussian_smooth", json!({ "prob": 1 }), Lost);
    add("rand_gaussian_sharpen", json!({ "prob": 1 }), Lost);
    add("rand_rician_noise", json!({ "prob": 1, "channel_wise": true }), Lost);
    add("rand_gibbs_noise", json!({ "prob": 1 }), Lost);
    add("rand_k_space_spike_noise", json!({ "prob": 1 }), Lost);
    add("rand_simulate_low_resolution", json!({ "prob": 1 }), Lost);
    add("rand_coarse_dropout", json!({ "prob": 1, "holes": 3, "spatial_size": 5 }), Lost);
    add("rand_coarse_shuffle", json!({ "prob": 1, "holes": 3, "spatial_size": 5 }), Lost);
    add("map_label_value", json!({ "orig_labels": [1, 2, 3], "target_labels": [3, 1, 2] }), Undone(0.0));
    add("map_label_value", json!({ "orig_labels": [1, 2], "target_labels": [3, 3] }), Lost);
    add("sequential_labels", json!({}), Undone(0.0));
    add("keep_largest_connected_component", json!({}), Lost);
    add("remove_small_objects", json!({ "min_size_voxels": 9 }), Lost);
    add("fill_holes", json!({ "connectivity": 1 }), Lost);
    add("label_to_contour", json!({ "connectivity": 1 }), Lost);
    add("distance_transform_edt", json!({}), Lost);
    add("generate_heatmap", json!({ "sigma": [1, 2, 1.5], "labels": [3, 1] }), Lost);
    add("compute_ho_ver_maps", json!({}), Lost);
    add("activations", json!({ "sigmoid": true }), Lost);
    add("mark_outside", json!({ "nonzero_of": ["source"] }), Lost);
    add("label_filter", json!({ "applied_labels": 2 }), Lost);
    add("remove_labels", json!({ "labels": [1, 3] }), Lost);
    add("as_discrete", json!({ "argmax": true }), Lost);
    add("one_hot", json!({ "num_classes": 8 }), Lost);
    table
}

/// Oblique, sheared, anisotropic, of 16 to 22 voxels.
fn grid(draw: &mut Draw) -> Grid {
    let mut near = |value: f64| value + draw.real(-0.12, 0.12);
    let rows = [
        [near(-0.9), near(0.2), near(0.1), 31.0],
        [near(0.2), near(1.1), near(-0.2), -17.5],
        [near(0.1), near(0.1), near(1.3), 6.25],
    ];
    let shape = [0; 3].map(|_| draw.int(16, 22) as usize);
    Grid::new(shape, Affine::from_rows(rows)).unwrap()
}

/// A ramp over the world: linear interpolation gives it exactly.
fn ramp(grid: Grid) -> Volume {
    let [nx, ny, _] = grid.shape();
    let value = |i: usize| {
        let p = grid.index_to_world([i % nx, i / nx % ny, i / (nx * ny)].map(|v| v as f64));
        2.0 * p[0] - 3.0 * p[1] + 1.5 * p[2]
    };
    let values: Vec<f64> = (0..grid.voxel_count()).map(value).collect();
    Volume::new(values.into(), grid, Kind::Image, 1).unwrap()
}

/// Random values of the kind that a transform works on: numbers, labels with holes and gaps, or probabilities.
fn noise(draw: &mut Draw, grid: Grid, kind: Kind) -> Volume {
    let channels = if kind == Kind::Probability { 3 } else { 1 };
    let count = grid.voxel_count() * channels;
    let mut real = |low, high| -> Vec<f32> { (0..count).map(|_| draw.real(low, high) as f32).collect() };
    match kind {
        Kind::Label => {
            // Mostly 1, so that there are holes, islands and gaps between the numbers.
            let drawn = [0u8, 1, 1, 1, 1, 1, 1, 1, 2, 3, 5, 7];
            let labels: Vec<u8> = real(0.0, 12.0).into_iter().map(|v| drawn[v as usize % 12]).collect();
            Volume::new(labels.into(), grid, kind, 1).unwrap()
        }
        Kind::Image => Volume::new(real(-900.0, 1200.0).into(), grid, kind, 1).unwrap(),
        _ => Volume::new(real(0.0, 1.0).into(), grid, kind, channels).unwrap(),
    }
}

fn check(step: &Value, back: Back, seed: u64) {
    let name = step.as_object().unwrap().keys().next().unwrap();
    let (class, kinds) = revoxel::registry().get(name).map(|t| (t.class, t.kinds)).unwrap();
    let mut draw = Draw::new(seed);
    let native = grid(&mut draw);
    let source = match (back, class) {
        (Lossy(_), _) => ramp(native),
        (_, Class::Spatial) => noise(&mut draw, native, Kind::Image),
        _ => noise(&mut draw, native, kinds[0]),
    };
    // A second input: a mask with an empty rim, or for `resample_to` a grid of its own.
    let elsewhere = matches!(back, Lossy(_));
    let other = if elsewhere { grid(&mut draw) } else { native };
    let [nx, ny, nz] = other.shape();
    let rim = |i: usize, n: usize| i < 2 || i + 3 > n;
    let mask = |i: usize| u8::from(!(rim(i % nx, nx) || rim(i / nx % ny, ny) || rim(i / (nx * ny), nz)));
    let second = Volume::new((0..other.voxel_count()).map(mask).collect::<Vec<u8>>().into(), other, Kind::Label, 1);
    let mut step = step.clone();
    step[name]["keys"] = "image".into();
    let inputs = vec![("image", source.clone()), ("source", second.unwrap())];
    let results = run_steps(inputs, &[step.clone()]).unwrap_or_else(|e| panic!("{step}: {e}"));
    let processed = results.into_iter().find(|(key, _)| key == "image").unwrap().1;
    let record = &traced((source.kind(), source.channels(), &native), processed.volume.grid(), &processed.steps);
    let result = &processed.volume;
    // Geometry: always to the bit, whatever was done to values.
    let options = Recipe { coverage: true, ..Default::default() };
    let inverted = record.invert(result.clone(), options).unwrap();
    assert_eq!(inverted.volume.grid(), &native, "{step}");
    let extent = source.voxels().min_max().map_or(1.0, |(low, high)| high - low);
    match back {
        Exact | Inside => {
            let seen = values(&inverted.coverage.unwrap());
            let (there, again) = (values(&source), values(&inverted.volume));
            let same = (0..there.len()).all(|i| seen[i] == 0.0 || there[i].to_bits() == again[i].to_bits());
            assert!(same, "{step}, seed {seed}");
            let share = seen.iter().sum::<f64>() / seen.len() as f64;
            assert!(if back == Exact { share == 1.0 } else { share > 0.05 }, "{step}: {share} was seen");
        }
        Lossy(tolerance) => {
            let compared = inner(&source, &inverted.volume, result.grid(), tolerance * extent, &step);
            assert!(compared > 10, "{step}, seed {seed}: {compared} voxels well inside");
        }
        Undone(share) => {
            let undone = record.undo_values(result.clone(), Values::Undo).unwrap();
            close(&source, &undone, share * extent, |_| true, &step);
        }
        Clipped(share) => {
            let refused = record.undo_values(result.clone(), Values::Undo).unwrap_err().to_string();
            assert!(refused.contains(name.as_str()), "{step}: {refused}");
            let undone = record.undo_values(result.clone(), Values::Clamp).unwrap();
            let (low, high) = result.voxels().min_max().unwrap();
            let after = values(result);
            close(&source, &undone, share * extent, |i| after[i] > low && after[i] < high, &step);
        }
        Lost => {
            let refused = record.undo_values(result.clone(), Values::Undo).unwrap_err().to_string();
            // Channels have no units of the source.
            let part =
                if matches!(result.kind(), Kind::Image | Kind::Label) { name.as_str() } else { "cannot be undone" };
            assert!(refused.contains(part), "{step}: {refused}");
        }
    }
}

/// Compares values that count.
fn close(source: &Volume, undone: &Volume, tolerance: f64, counts: impl Fn(usize) -> bool, step: &Value) {
    let (there, again) = (values(source), values(undone));
    assert_eq!(there.len(), again.len(), "{step}");
    let mut compared = 0;
    for i in (0..there.len()).filter(|i| counts(*i)) {
        compared += 1;
        assert!((there[i] - again[i]).abs() <= tolerance, "{step}: {} came back as {}", there[i], again[i]);
    }
    assert!(compared > 100, "{step}: {compared}");
}

/// Compares voxels well inside both grids: nothing beyond a face has a part in them. How many there are.
fn inner(source: &Volume, back: &Volume, model: &Grid, tolerance: f64, step: &Value) -> usize {
    let native = source.grid();
    let ([nx, ny, _], to_model) = (native.shape(), native.index_map_to(model));
    let (there, again) = (values(source), values(back));
    let mut compared = 0;
    for i in 0..there.len() {
        let index = [i % nx, i / nx % ny, i / (nx * ny)].map(|v| v as f64);
        let place = to_model.apply(index);
        let within = |p: [f64; 3], grid: &Grid, margin: f64| {
            (0..3).all(|a| p[a] >= margin && p[a] <= grid.shape()[a] as f64 - 1.0 - margin)
        };
        if within(index, native, 4.0) && within(place, model, 2.0) {
            compared += 1;
            let error = (there[i] - again[i]).abs();
            assert!(error <= tolerance, "{step} at {index:?}: {} came back as {}", there[i], again[i]);
        }
    }
    compared
}

/// What `plan` knows to be lost is, and what is lost it knows, unless that depends on the voxels.
fn lost_for_good(step: &Value, back: Back) {
    let (name, params) = step.as_object().and_then(|step| step.iter().next()).unwrap();
    let definition = revoxel::registry().get(name).map(|t| (t.build)(params.clone()).unwrap().transform);
    let Some(Transform::Value(transform)) = definition else { return };
    let by_voxels = [
        "threshold_intensity",
        "mask_intensity",
        "keep_largest_connected_component",
        "remove_small_objects",
        "fill_holes",
        "label_to_contour",
        "mark_outside",
        "label_filter",
        "remove_labels",
        "map_label_value",
    ];
    let loses = transform.traits().undo == UndoRule::Lost;
    let known = loses || by_voxels.contains(&name.as_str());
    assert!(if back == Lost { known } else { !loses }, "{step}: {back:?}");
}

#[test]
fn every_transform_comes_back_as_it_says() {
    let table = table();
    for transform in revoxel::registry().iter() {
        let rows: Vec<Back> =
            table.iter().filter(|(step, _)| step.get(transform.name).is_some()).map(|(_, back)| *back).collect();
        assert!(!rows.is_empty(), "no row tries {}", transform.name);
        // What is tried is what the manual says.
        let said = Docs::of(transform).section("Inverse").unwrap_or_default().to_lowercase();
        let word = match rows[0] {
            Exact | Inside => "exact",
            Lossy(_) => "lossy",
            Lost if transform.name == "one_hot" => "no label map",
            Lost => "lost",
            Undone(_) => continue,
            Clipped(_) => "back as the",
        };
        assert!(said.contains(word), "{}: the manual does not say {word}: {said}", transform.name);
    }
    for (step, back) in &table {
        lost_for_good(step, *back);
        for seed in 0..12 {
            check(step, *back, seed);
        }
    }
}

#[test]
fn labels_and_channels_are_those_that_steps_announce() {
    let registry = revoxel::registry();
    let mut draw = Draw::new(11);
    let mut told = 0;
    for (step, _) in table() {
        let (name, params) = step.as_object().and_then(|step| step.iter().next()).unwrap();
        let definition = registry.get(name).unwrap();
        let Transform::Value(transform) = (definition.build)(params.clone()).unwrap().transform else { continue };
        if transform.sources() != Sources::Nothing {
            continue;
        }
        let probability = definition.one_hot.then_some(Kind::Probability);
        for kind in definition.kinds.iter().chain(definition.named_kinds).copied().chain(probability) {
            for count in [1, 3].into_iter().filter(|_| !(transform.traits().not_for_labels && kind == Kind::Label)) {
                let grid = grid(&mut draw);
                let bits = (0..count * grid.voxel_count()).map(|_| draw.int(0, 1) as u8).collect::<Vec<_>>();
                let volume = Volume::new(bits.into(), grid, kind, count).unwrap();
                let (channels, labels) = (Channels::all(count), LabelSet::of(&volume));
                let labels = (kind == Kind::Label).then_some(labels);
                let one_hot = kind == Kind::Probability;
                let before = ValueState { channels: Some(channels), labels, one_hot, ..ValueState::of(kind) };
                let after = transform.after(&before);
                let Ok((made, _)) = transform.apply(volume) else { continue };
                assert_eq!(made.kind(), after.kind, "{step} on {kind}");
                let announced = after.channels.unwrap_or_else(|| panic!("{step} on {kind} tells no channels"));
                assert_eq!(announced.count, made.channels(), "{step} on {kind}");
                if let Some(possible) = after.labels.filter(|_| made.kind() == Kind::Label) {
                    let stray = LabelSet::of(&made).iter().find(|label| !possible.has(*label));
                    assert_eq!(stray, None, "{step} on {kind}");
                }
                if made.kind() == Kind::Probability && after.one_hot {
                    let held = |c: usize| values(&made)[c * grid.voxel_count()..][..grid.voxel_count()].contains(&1.0);
                    let stray = (0..made.channels()).find(|c| held(*c) && !announced.held.has(*c as f64));
                    assert_eq!(stray, None, "{step} on {kind}");
                }
                told += 1;
            }
        }
    }
    assert!(told > 30, "{told} volumes");
}
