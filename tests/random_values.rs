//! Random steps that change values: the same at any number of threads, alike for the inputs of a step, each channel by
//! itself where that is asked for, and draws that are spread as they should be.

use revoxel_core::testing::Draw;
use revoxel_core::{Grid, Kind, Volume};
use revoxel_pipeline::Pipeline;
use serde_json::{Value, json};

use crate::support::{pipeline_text, run_drawing, values};

/// A step for every random transform of values, with the parameters that draw most.
fn every() -> Vec<Value> {
    let boxes = json!({ "prob": 1, "holes": 1, "max_holes": 5, "spatial_size": 3, "max_spatial_size": [20, 16, 9] });
    let rows = [
        ("rand_gamma", json!({})),
        ("rand_gaussian_noise", json!({})),
        ("rand_bias_field", json!({})),
        ("rand_scale_intensity", json!({ "factors": 0.2, "channel_wise": true })),
        ("rand_scale_intensity_fixed_mean", json!({ "factors": 0.2, "channel_wise": true })),
        ("rand_shift_intensity", json!({ "offsets": 0.2, "channel_wise": true })),
        ("rand_std_shift_intensity", json!({ "factors": 0.2 })),
        ("rand_histogram_shift", json!({ "num_control_points": [4, 9] })),
        ("rand_gaussian_smooth", json!({})),
        ("rand_gaussian_sharpen", json!({})),
        ("rand_rician_noise", json!({ "channel_wise": true, "relative": true })),
        ("rand_gibbs_noise", json!({ "alpha": [0.2, 0.5] })),
        ("rand_k_space_spike_noise", json!({})),
        ("rand_simulate_low_resolution", json!({ "zoom_range": [0.5, 0.7] })),
        ("rand_coarse_dropout", boxes.clone()),
        ("rand_coarse_shuffle", boxes),
    ];
    let step = |(name, mut params): (&str, Value)| {
        params["prob"] = 1.into();
        json!({ name: params })
    };
    rows.into_iter().map(step).collect()
}

/// Two channels of noise between 0 and 100, the second of which is the first again.
fn twice(seed: u64) -> Volume {
    let mut draw = Draw::new(seed);
    let grid = Grid::without_geometry([44, 40, 28]).unwrap();
    let one: Vec<f32> = (0..grid.voxel_count()).map(|_| draw.real(0.0, 100.0) as f32).collect();
    Volume::new(one.repeat(2).into(), grid, Kind::Image, 2).unwrap()
}

fn run(volumes: Vec<(&str, Volume)>, steps: &[Value], case: &str) -> Vec<Volume> {
    let done = run_drawing(volumes, steps, 3, case).unwrap();
    done.into_iter().map(|(_, processed)| processed.volume).collect()
}

#[test]
fn the_same_bits_at_any_number_of_threads_and_other_bits_in_other_cases() {
    let random = revoxel::registry();
    let random = random.iter().filter(|t| t.name.starts_with("rand_") && t.class.name() == "intensity");
    let names: Vec<&str> = random.map(|t| t.name).collect();
    assert!(names.iter().all(|name| every().iter().any(|step| step.get(name).is_some())), "{names:?}");
    for step in every() {
        let with = |threads: usize, case: &str| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run(vec![("image", twice(1))], std::slice::from_ref(&step), case).remove(0))
        };
        let one = with(1, "a");
        assert!(values(&one) != values(&twice(1)), "{step} changes nothing");
        assert!(one == with(5, "a"), "{step}: 5 threads give other bits");
        assert!(one != with(2, "b"), "{step}: another case gives the same");
    }
}

#[test]
fn inputs_are_changed_alike_and_channels_as_asked() {
    for step in every() {
        let both = run(vec![("image", twice(1)), ("other", twice(1))], std::slice::from_ref(&step), "a");
        assert!(both[0] == both[1], "{step}: inputs of a step differ");
        let of = |volume: &Volume| {
            let all = values(volume);
            let (first, second) = all.split_at(all.len() / 2);
            first == second
        };
        let text = step.to_string();
        // Noise has a position, and these have draws by channel.
        let by_channel = ["channel_wise", "noise", "coarse"].iter().any(|word| text.contains(word));
        assert_eq!(of(&both[0]), !by_channel || text.contains("gibbs"), "{step}");
    }
}

#[test]
fn what_is_drawn_is_spread_evenly_over_its_range() {
    let steps = [
        json!({ "rand_scale_intensity": { "prob": 1, "factors": 0.3 } }),
        json!({ "rand_shift_intensity": { "prob": 1, "offsets": [20, -5] } }),
        json!({ "rand_std_shift_intensity": { "prob": 1, "factors": [1, 2] } }),
        json!({ "rand_scale_intensity_fixed_mean": { "prob": 1, "factors": 0.2 } }),
        json!({ "rand_gaussian_smooth": { "prob": 1, "sigma_y": [0.5, 2] } }),
        json!({ "rand_gaussian_sharpen": { "prob": 1, "sigma1_z": [2, 2], "sigma2_z": 1 } }),
        json!({ "rand_gibbs_noise": { "prob": 1, "alpha": 0.4 } }),
        json!({ "rand_simulate_low_resolution": { "prob": 1 } }),
        json!({ "rand_k_space_spike_noise": { "prob": 1, "channel_wise": false } }),
        json!({ "rand_rician_noise": { "prob": 1 } }),
        json!({ "rand_histogram_shift": { "prob": 1, "num_control_points": 3 } }),
        json!({ "rand_coarse_dropout": { "prob": 1, "holes": 2, "spatial_size": 2 } }),
    ];
    let text = pipeline_text(&[("image", Kind::Image)], &steps);
    let mut pipeline = Pipeline::parse("test.yaml", &text, &[], &revoxel::registry()).unwrap();
    pipeline.seed = 11;
    let cases = 4000;
    let even = |step: usize, pointer: &str, low: f64, high: f64| {
        let drawn = |case: usize| pipeline.drawn(&format!("case_{case}")).nth(step).unwrap().params()["drawn"].clone();
        let all: Vec<f64> = (0..cases).map(|case| drawn(case).pointer(pointer).unwrap().as_f64().unwrap()).collect();
        let n = cases as f64;
        let mean = all.iter().sum::<f64>() / n;
        let deviation = (all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt() / (high - low);
        // Four standard errors of the mean are 0.0183 of the range.
        let off = (mean - (low + high) / 2.0).abs() / (high - low);
        assert!(off < 0.0183 && (deviation * 12f64.sqrt() - 1.0).abs() < 0.05, "{step} {pointer}: {mean} {deviation}");
        assert!(all.iter().all(|v| (low..=high).contains(v)), "{step} {pointer}");
    };
    even(0, "/factor", -0.3, 0.3);
    even(1, "/offset", -5.0, 20.0);
    even(2, "/factor", 1.0, 2.0);
    even(3, "/factor", -0.2, 0.2);
    even(4, "/sigma/0", 0.25, 1.5);
    even(4, "/sigma/1", 0.5, 2.0);
    even(5, "/sigma1/0", 0.5, 1.0);
    even(5, "/sigma2/2", 1.0, 2.0);
    even(5, "/alpha", 10.0, 30.0);
    even(6, "/alpha", 0.0, 0.4);
    even(7, "/zoom", 0.5, 1.0);
    even(8, "/place/2", 0.0, 1.0);
    even(8, "/strength", 0.0, 1.0);
    even(9, "/share_of_std", 0.0, 1.0);
    even(10, "/control_points/1", 0.0, 1.0);
    even(11, "/holes/1/place/0", 0.0, 1.0);
}
