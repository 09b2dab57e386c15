//! Inversion of chains, on asymmetric volumes and oblique grids.

use std::sync::Arc;

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
        let back = again.volumes["image"].invert(prediction.clone(), Recipe::default()).unwrap();
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
        let options = Recipe { coverage: true, fill: Some(100.0), ..Default::default() };
        let back = trace.volumes["image"].invert(prediction.clone(), options.clone()).unwrap();
        let seen = back.coverage.unwrap();
        for position in 0..native.voxel_count() {
            let expected = if seen.voxels().get(position) == 1.0 { label.voxels().get(position) } else { 100.0 };
            prop_assert_eq!(back.volume.voxels().get(position), expected);
        }
    }
}

#[test]
fn a_warp_survives_its_file_and_is_undone() {
    let mut draw = Draw::new(5);
    let (mut all, native, _) = trace(&mut draw, true);
    let warp = GridOp::Warp { warp: Arc::new(draw.warp(native, 0.5)), back: false };
    let (step, after) = TraceStep::spatial("bend", Value::Null, &native, std::slice::from_ref(&warp)).unwrap();
    assert_eq!((after, step.fidelity), (native, revoxel_core::Fidelity::Lossy));
    let volume = all.volumes.get_mut("image").unwrap();
    (volume.steps, volume.result.grid) = (vec![step], (&native).into());
    let again = Trace::from_json(&all.to_json()).unwrap();
    assert_eq!(again.steps("image").unwrap()[0].op(), &warp);
    // Damaged: the displacements are a thousand times as large.
    let OpRecord::Warp { displacements, .. } = &mut all.volumes.get_mut("image").unwrap().steps[0].ops[0] else {
        panic!("no warp")
    };
    displacements.iter_mut().for_each(|d| *d = d.map(|v| v * 1e3));
    let error = Trace::from_json(&all.to_json()).unwrap_err().to_string();
    assert!(error.contains("too steeply"), "{error}");
}

#[test]
fn a_prediction_elsewhere_is_refused_with_both_grids_and_the_distance() {
    let mut draw = Draw::new(11);
    let (trace, _, model) = trace(&mut draw, false);
    let mut t = model.affine().translation();
    t[0] += 40.0;
    let moved = Grid::new(model.shape(), model.affine().with_translation(t)).unwrap();
    let prediction = draw.volume(moved, Kind::Label, 1);
    let error = trace.volumes["image"].invert(prediction.clone(), Recipe::default()).unwrap_err().to_string();
    for part in ["40.0000 mm", &moved.to_string(), &model.to_string(), "assume the grid"] {
        assert!(error.contains(part), "{error}");
    }
    let options = Recipe { assume_grid: true, ..Default::default() };
    assert!(trace.volumes["image"].invert(prediction.clone(), options.clone()).is_ok());
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
        let options = Recipe { argmax, ..Default::default() };
        let back = volume.invert(prediction.clone(), options.clone()).unwrap().volume;
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
