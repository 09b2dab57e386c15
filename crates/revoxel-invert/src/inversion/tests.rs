//! Inversion of chains, on asymmetric volumes and oblique grids.

use proptest::prelude::*;
use revoxel_core::testing::Draw;
use revoxel_core::{Dtype, Grid, GridOp, Kind, Sampling, Volume};
use revoxel_resample::{How, Interpolation, execute};
use serde_json::Value;

use crate::testing::trace;
use crate::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_trace_survives_its_file_and_brings_back_the_grid_bit_for_bit(seed: u64) {
        let mut draw = Draw::new(seed);
        let (trace, native, model) = trace(&mut draw, false);
        let again = Trace::from_json(&trace.to_json()).unwrap();
        prop_assert_eq!(&again, &trace);
        let prediction = draw.volume(model, Kind::Label, 1);
        let back = invert(&again.volumes["image"], &prediction, &InvertOptions::default()).unwrap();
        let bits = |g: &Grid| g.affine().rows().map(|r| r.map(f64::to_bits));
        prop_assert_eq!(bits(back.volume.grid()), bits(&native));
        prop_assert_eq!(back.volume.grid().shape(), native.shape());
        prop_assert_eq!(back.volume.dtype(), Dtype::U8);
    }

    #[test]
    fn exact_chains_bring_every_seen_voxel_back(seed: u64) {
        let mut draw = Draw::new(seed);
        let (trace, native, model) = trace(&mut draw, true);
        let label = draw.volume(native, Kind::Label, 1);
        let mut forward = Sampling::identity(native);
        for step in trace.steps("image").unwrap() {
            forward.push(step.op()).unwrap();
        }
        prop_assert_eq!(forward.target(), &model);
        let prediction = execute(&label, &forward, &How::filled(Interpolation::Nearest, vec![200.0])).unwrap();
        let options = InvertOptions { coverage: true, fill: Some(100.0), ..Default::default() };
        let back = invert(&trace.volumes["image"], &prediction, &options).unwrap();
        let seen = back.coverage.unwrap();
        for position in 0..native.voxel_count() {
            let expected = if seen.voxels().get(position) == 1.0 { label.voxels().get(position) } else { 100.0 };
            prop_assert_eq!(back.volume.voxels().get(position), expected);
        }
    }
}

#[test]
fn a_prediction_elsewhere_is_refused_with_both_grids_and_the_distance() {
    let mut draw = Draw::new(11);
    let (trace, _, model) = trace(&mut draw, false);
    let mut t = model.affine().translation();
    t[0] += 40.0;
    let moved = Grid::new(model.shape(), model.affine().with_translation(t)).unwrap();
    let prediction = draw.volume(moved, Kind::Label, 1);
    let error = invert(&trace.volumes["image"], &prediction, &InvertOptions::default()).unwrap_err().to_string();
    for part in ["40.0000 mm", &moved.to_string(), &model.to_string(), "--assume-grid"] {
        assert!(error.contains(part), "{error}");
    }
    let options = InvertOptions { assume_grid: true, ..Default::default() };
    assert!(invert(&trace.volumes["image"], &prediction, &options).is_ok());
}

#[test]
fn what_the_model_never_saw_is_background_whatever_the_kind() {
    let native = Grid::without_geometry([4, 1, 1]).unwrap();
    let crop = GridOp::Window { start: [1, 0, 0], shape: [2, 1, 1] };
    let (step, model) = TraceStep::spatial("spatial_crop", Value::Null, &native, &[crop]).unwrap();
    let mut draw = Draw::new(0);
    let (mut all, ..) = trace(&mut draw, true);
    let volume = all.volumes.get_mut("image").unwrap();
    volume.source.grid = (&native).into();
    volume.steps = vec![step];
    volume.result.grid = (&model).into();
    let values = |kind, numbers: Vec<f32>, argmax| {
        let channels = numbers.len() / 2;
        let prediction = Volume::new(numbers.into(), model, kind, channels).unwrap();
        let options = InvertOptions { argmax, ..Default::default() };
        let back = invert(volume, &prediction, &options).unwrap().volume;
        (0..back.voxels().len()).map(|i| back.voxels().get(i)).collect::<Vec<_>>()
    };
    assert_eq!(values(Kind::Label, vec![3., 4.], false), [0., 3., 4., 0.]);
    assert_eq!(values(Kind::Logit, vec![2., 3., 5., 1.], false), [1e4, 2., 3., 1e4, -1e4, 5., 1., -1e4]);
    assert_eq!(values(Kind::Logit, vec![2., 3., 5., 1.], true), [0., 1., 0., 0.]);
    assert_eq!(values(Kind::Probability, vec![0.25, 0.5, 0.75, 0.5], false), [1., 0.25, 0.5, 1., 0., 0.75, 0.5, 0.]);
    assert_eq!(values(Kind::Image, vec![-7., 4.], false), [-7., -7., 4., -7.]);
}

#[test]
fn texts_that_are_no_traces_are_refused() {
    let mut draw = Draw::new(21);
    let (mut all, ..) = trace(&mut draw, false);
    let good = all.to_json();
    let t = |text: &str, part: &str| {
        let error = Trace::from_json(text).unwrap_err().to_string();
        assert!(error.contains(part), "{error} lacks {part}");
    };
    t("", "not a trace");
    t(&good[..good.len() / 2], "not a trace");
    t("{\"schema\": \"x\"}", "expected \"revoxel-trace\"");
    t(&good.replace("\"version\": 1", "\"version\": 99"), "version 99");
    let volume = all.volumes.get_mut("image").unwrap();
    volume.source.grid.affine[0] = [0.0; 4];
    t(&all.to_json(), "source.grid");
}
