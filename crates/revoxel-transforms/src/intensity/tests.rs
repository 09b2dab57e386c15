//! What holds for all transforms of intensities: values come back, threads change nothing, senseless parameters are
//! refused.

use revoxel_core::testing::Draw;
use revoxel_core::{Grid, Kind, ValueUndo, Volume};
use serde_json::{Value, json};

use crate::{Registry, Transform, ValueTransform};

fn made(name: &str, params: Value) -> Box<dyn ValueTransform> {
    let registry = Registry::basic();
    match (registry.get(name).unwrap().build)(params).unwrap().transform {
        Transform::Value(transform) => transform,
        Transform::Spatial(_) | Transform::Random(_) => panic!("{name} does not change values alone"),
    }
}

/// An image with values of any size and offset, integers half of the time.
fn image(seed: u64) -> Volume {
    let mut draw = Draw::new(seed);
    let shape = [0; 3].map(|_| draw.int(2, 9) as usize);
    let (grid, channels) = (Grid::without_geometry(shape).unwrap(), draw.int(1, 3) as usize);
    let (low, extent) = (draw.real(-2000.0, 100.0), draw.real(10.0, 3000.0));
    let count = grid.voxel_count() * channels;
    let values: Vec<f32> = (0..count).map(|_| draw.real(low, low + extent) as f32).collect();
    let volume = Volume::new(values.into(), grid, Kind::Image, channels).unwrap();
    if seed.is_multiple_of(2) { volume.cast(revoxel_core::Dtype::I16) } else { volume }
}

/// Steps whose values come back, and what an error of the inverse may be as a share of the range.
fn invertible() -> Vec<(&'static str, Value, f64)> {
    let landmarks = json!([0, 3, 6.2, 8, 9.8, 14, 22, 34, 48, 55, 63, 79, 100]);
    vec![
        ("scale_intensity", json!({}), 1e-5),
        ("scale_intensity", json!({ "minv": 3, "maxv": -1, "channel_wise": true }), 1e-5),
        ("scale_intensity", json!({ "factor": 0.25 }), 1e-5),
        ("scale_intensity_fixed_mean", json!({ "factor": -0.3, "channel_wise": true }), 1e-5),
        ("scale_intensity_fixed_mean", json!({ "factor": 0.5, "preserve_range": true }), 1e-5),
        ("scale_intensity_range", json!({ "a_min": -500, "a_max": 700, "b_min": 0, "b_max": 1 }), 1e-4),
        ("scale_intensity_range", json!({ "a_min": -500, "a_max": 700, "b_min": 0, "b_max": 1, "clip": true }), 1e-4),
        ("scale_intensity_range_percentiles", json!({ "lower": 5, "upper": 90, "b_min": 1, "b_max": 3 }), 1e-4),
        (
            "scale_intensity_range_percentiles",
            json!({ "lower": 5, "upper": 90, "b_min": 1, "b_max": 3, "clip": true, "channel_wise": true }),
            1e-4,
        ),
        ("rescale_to_8bit", json!({}), 0.5 / 255.0 + 1e-6),
        ("rescale_to_8bit", json!({ "lower": 1, "upper": 95, "channel_wise": true }), 0.5 / 255.0 + 1e-6),
        ("normalize_intensity", json!({ "channel_wise": true }), 1e-5),
        ("z_score", json!({ "mask": "above_mean", "ddof": 1 }), 1e-5),
        ("ct_normalization", json!({ "mean": 3, "std": 40, "percentile_00_5": -300, "percentile_99_5": 300 }), 1e-4),
        ("histogram_standardization", json!({ "landmarks": landmarks }), 1e-4),
        ("clip_intensity", json!({ "min": -300, "max": 300 }), 1e-5),
        ("clip_intensity_percentiles", json!({ "lower": 10, "channel_wise": true }), 1e-5),
        ("shift_intensity", json!({ "offset": -77.5 }), 1e-4),
        ("std_shift_intensity", json!({ "factor": 1.5 }), 1e-4),
        ("adjust_contrast", json!({ "gamma": 0.6 }), 1e-4),
        ("adjust_contrast", json!({ "gamma": 1.8 }), 2e-2),
    ]
}

#[test]
fn values_come_back() {
    for (name, params, share) in invertible() {
        let step = made(name, params.clone());
        let mut clipped = 0;
        for seed in 0..40 {
            let volume = image(seed);
            let (low, high) = volume.voxels().min_max().unwrap();
            let (result, undo) = step.apply(volume.clone()).unwrap();
            let size = volume.grid().voxel_count();
            let limits = |channel: usize| match &undo {
                ValueUndo::RescaleClipped { limits, .. } => limits[channel.min(limits.len() - 1)],
                _ => [None, None],
            };
            for at in 0..volume.voxels().len() {
                let (channel, before, after) = (at / size, volume.voxels().get(at), result.voxels().get(at));
                let back = undo.before(channel, after).unwrap_or_else(|| panic!("{name} {params}: {undo:?}"));
                let [least, most] = limits(channel);
                // What lies at a limit was cut off, or may have been; it comes back as the limit.
                let near = |limit: f64| 1e-6 * (1.0 + limit.abs());
                if least.is_some_and(|l| after <= l + near(l)) || most.is_some_and(|m| after >= m - near(m)) {
                    clipped += 1;
                    continue;
                }
                assert!(
                    (back - before).abs() <= share * (high - low),
                    "{name} {params}, seed {seed}: {before} became {after} and came back as {back}; {undo:?}"
                );
            }
        }
        let clips = matches!(name, "ct_normalization" | "clip_intensity" | "clip_intensity_percentiles")
            || params["clip"] == true
            || params["preserve_range"] == true
            || params["upper"] == 95;
        assert_eq!(clipped > 0, clips, "{name} {params}: {clipped} values at limits");
    }
}

#[test]
fn what_was_cut_off_comes_back_as_the_limit() {
    let grid = Grid::without_geometry([4, 1, 1]).unwrap();
    let volume = Volume::new(vec![-100i16, 0, 50, 900].into(), grid, Kind::Image, 1).unwrap();
    let t = |name: &str, params: Value, expected: [f64; 4]| {
        let (result, undo) = made(name, params).apply(volume.clone()).unwrap();
        let back = [0, 1, 2, 3].map(|i| undo.before(0, result.voxels().get(i)).unwrap());
        assert!(back.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{name}: {back:?}");
        undo.clips()
    };
    let range = |clip: bool| json!({ "a_min": -50, "a_max": 150, "b_min": 0, "b_max": 1, "clip": clip });
    assert!(t("scale_intensity_range", range(true), [-50.0, 0.0, 50.0, 150.0]));
    assert!(!t("scale_intensity_range", range(false), [-100.0, 0.0, 50.0, 900.0]));
    let ct = json!({ "mean": 20, "std": 10, "percentile_00_5": -40, "percentile_99_5": 60 });
    assert!(t("ct_normalization", ct, [-40.0, 0.0, 50.0, 60.0]));
    // Limits that cut nothing off are no limits.
    assert!(!t("clip_intensity", json!({ "min": -1000, "max": 1000 }), [-100.0, 0.0, 50.0, 900.0]));
    let wide = json!({ "mean": 20, "std": 10, "percentile_00_5": -400, "percentile_99_5": 6000 });
    assert!(!t("ct_normalization", wide, [-100.0, 0.0, 50.0, 900.0]));
}

#[test]
fn one_value_everywhere_comes_back() {
    let grid = Grid::without_geometry([2, 2, 1]).unwrap();
    for (name, params, _) in invertible() {
        let volume = Volume::new(vec![42.5f32; 4].into(), grid, Kind::Image, 1).unwrap();
        if params["mask"] == "above_mean" {
            // No voxel is above the mean, and a scan of one value is worth an error, not numbers without a meaning.
            let error = made(name, params).apply(volume).unwrap_err();
            assert!(error.to_string().contains("no voxel is in the mask (above_mean)"), "{name}: {error}");
            continue;
        }
        let (result, undo) = made(name, params.clone()).apply(volume).unwrap();
        match undo.before(0, result.voxels().get(3)) {
            Some(back) => assert!((back - 42.5).abs() < 1e-3, "{name} {params}: {back}, {undo:?}"),
            None => panic!("{name} {params}: {undo:?}"),
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let (one, three) = (pool(1), pool(3));
    let mut draw = Draw::new(7);
    let grid = Grid::without_geometry([64, 50, 45]).unwrap();
    let values: Vec<f32> = (0..grid.voxel_count()).map(|_| draw.real(-1000.0, 1000.0) as f32).collect();
    let volume = Volume::new(values.into(), grid, Kind::Image, 1).unwrap();
    for (name, params, _) in invertible() {
        let step = made(name, params);
        let run = || step.apply(volume.clone()).unwrap();
        assert_eq!(one.install(run), three.install(run), "{name}");
    }
}

#[test]
fn senseless_parameters_are_refused() {
    fn t(name: &str, params: Value, field: &str, part: &str) {
        let registry = Registry::basic();
        let error = (registry.get(name).unwrap().build)(params.clone()).map(|_| ()).unwrap_err();
        assert_eq!(error.path.join("."), field, "{name} {params}: {error}");
        assert!(error.problem.contains(part), "{name} {params}: {error} lacks {part:?}");
    }
    t("scale_intensity", json!({ "minv": 1 }), "maxv", "no extent");
    t("scale_intensity", json!({ "factor": 1, "maxv": 2 }), "factor", "not both");
    t("scale_intensity", json!({ "factor": -1 }), "factor", "every value 0");
    t("scale_intensity_range", json!({ "a_min": 2, "a_max": 2 }), "a_max", "both 2");
    t("scale_intensity_range_percentiles", json!({ "lower": 50, "upper": 50 }), "lower", "not below upper");
    t("scale_intensity_range_percentiles", json!({ "lower": -1, "upper": 50 }), "lower", "0 to 100");
    t("scale_intensity_range_percentiles", json!({ "lower": 1, "upper": 101 }), "upper", "0 to 100");
    t("scale_intensity_range_percentiles", json!({ "lower": 1, "upper": 99, "clip": true }), "clip", "b_min");
    t("scale_intensity_range_percentiles", json!({ "lower": 1, "upper": 99, "b_min": 0 }), "b_min", "b_max is missing");
    t("scale_intensity_range_percentiles", json!({ "lower": 1, "upper": 99, "relative": true }), "relative", "missing");
    t("rescale_to_8bit", json!({ "lower": 99, "upper": 1 }), "lower", "not below upper");
    t("clip_intensity_percentiles", json!({}), "", "lower, upper or both");
    t("clip_intensity_percentiles", json!({ "lower": 1, "sharpness_factor": 0 }), "sharpness_factor", "above 0");
    t("ct_normalization", json!({ "mean": 0, "std": -1, "percentile_00_5": 0, "percentile_99_5": 1 }), "std", "-1");
    t(
        "ct_normalization",
        json!({ "mean": 0, "std": 1, "percentile_00_5": 5, "percentile_99_5": 1 }),
        "percentile_00_5",
        "5",
    );
    t("ct_normalization", json!({ "mean": 0, "std": 1, "percentile_00_5": 5 }), "", "percentile_99_5");
    t("z_score", json!({ "keep_outside": true }), "keep_outside", "no mask");
    t("z_score", json!({ "mask": "nonzero", "source": "seg" }), "mask", "not both");
    t("z_score", json!({ "ddof": 2 }), "ddof", "0 or 1");
    t("histogram_standardization", json!({ "landmarks": [0, 100] }), "landmarks", "13");
    let falling = json!([0, 3, 2, 8, 9, 14, 22, 34, 48, 55, 63, 79, 100]);
    t("histogram_standardization", json!({ "landmarks": falling }), "landmarks", "must rise");
    let rising = json!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    t("histogram_standardization", json!({ "landmarks": rising, "cutoff": [0.2, 0.8] }), "cutoff", "0.09");
    t("mask_intensity", json!({ "source": "seg", "labels": [] }), "labels", "empty");
    t("adjust_contrast", json!({ "gamma": 0 }), "gamma", "above 0");
    t("gaussian_smooth", json!({ "sigma": -1 }), "sigma", "0 or more");
    t("gaussian_smooth", json!({ "sigma": 1, "sigma_mm": 1 }), "sigma_mm", "not both");
    t("gaussian_smooth", json!({ "sigma": [1, 1, 1, 1] }), "sigma", "three axes");
    t("threshold_intensity", json!({}), "", "threshold");
}

#[test]
fn an_empty_mask_is_an_error() {
    let grid = Grid::without_geometry([2, 2, 1]).unwrap();
    let zeros = Volume::new(vec![0i16; 4].into(), grid, Kind::Image, 1).unwrap();
    for (name, params) in [
        ("z_score", json!({ "mask": "nonzero" })),
        (
            "histogram_standardization",
            json!({ "landmarks": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], "mask": "positive" }),
        ),
    ] {
        let error = made(name, params).apply(zeros.clone()).unwrap_err();
        assert!(error.to_string().contains("no voxel is in the mask"), "{name}: {error}");
    }
}
