//! Values there and back.

use proptest::prelude::*;
use revoxel_core::Grid;
use revoxel_core::testing::Draw;
use serde_json::Value;

use super::*;
use crate::testing::trace;
use crate::{Ensemble, Recipe, TraceStep};

/// A trace with these changes of values between its ops, in order.
fn with_values(draw: &mut Draw, undos: &[ValueUndo]) -> (VolumeTrace, Grid) {
    let (mut all, native, _) = trace(draw, true);
    let mut record = all.volumes.remove("image").unwrap();
    let mut at = 0;
    for (number, undo) in undos.iter().enumerate() {
        at += draw.int(0, (record.steps.len() - at) as i64) as usize;
        let grid = if at == 0 { native } else { record.steps[at - 1].after.grid().unwrap() };
        record.steps.insert(at, TraceStep::value(&format!("value{number}"), Value::Null, &grid, undo));
        at += 1;
    }
    let model = record.result.grid.grid().unwrap();
    (record, model)
}

/// A rescaling and what it does forwards.
fn rescale(draw: &mut Draw) -> (ValueUndo, impl Fn(f64) -> f64 + use<>) {
    let (scale, shift) = (draw.real(0.2, 30.0), draw.real(-500.0, 500.0));
    (ValueUndo::rescale(scale, shift), move |v: f64| (v - shift) / scale)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn changes_are_undone_last_first_wherever_they_stand(seed: u64) {
        let mut draw = Draw::new(seed);
        let (a, f) = rescale(&mut draw);
        let (b, g) = rescale(&mut draw);
        let ends = vec![[-3000.0, 10_000.0]];
        let power = ValueUndo::Power { after: ends.clone(), before: ends, exponent: 2.0 };
        let h = |v: f64| -3000.0 + 10_000.0 * ((v + 3000.0) / 10_000.0).sqrt();
        // The pipeline: the power first, then the rescalings.
        let (record, model) = with_values(&mut draw, &[power, a, b]);
        let source = draw.volume(model, Kind::Image, 1);
        let numbers: Vec<f64> = (0..source.voxels().len()).map(|i| source.voxels().get(i)).collect();
        let seen: Vec<f64> = numbers.iter().map(|v| g(f(h(*v)))).collect();
        let prediction = source.clone().with_voxels(seen.into()).unwrap();
        let back = record.undo_values(prediction, Values::Undo).unwrap();
        prop_assert_eq!(back.dtype(), Dtype::F64);
        for (i, v) in numbers.iter().enumerate() {
            prop_assert!((back.voxels().get(i) - v).abs() < 1e-6, "{} {}", back.voxels().get(i), v);
        }
    }

    #[test]
    fn the_fill_is_in_the_units_of_the_source(seed: u64) {
        let mut draw = Draw::new(seed);
        let (a, f) = rescale(&mut draw);
        let (record, model) = with_values(&mut draw, &[a]);
        let source = draw.volume(model, Kind::Image, 1);
        let numbers: Vec<f32> = (0..source.voxels().len()).map(|i| f(source.voxels().get(i)) as f32).collect();
        let prediction = source.clone().with_voxels(numbers.into()).unwrap();
        let run = |fill| {
            let mut one = Ensemble::new(Recipe { values: Values::Undo, fill, coverage: true, ..Default::default() });
            one.add("a", &record, prediction.clone(), &[1.0]).unwrap();
            one.invert().unwrap()
        };
        let (low, _) = source.voxels().min_max().unwrap();
        for (fill, expected) in [(None, low), (Some(-1024.0), -1024.0)] {
            let back = run(fill);
            let seen = back.coverage.unwrap();
            for i in 0..seen.voxels().len() {
                let value = back.volume.voxels().get(i);
                if seen.voxels().get(i) == 0.0 {
                    prop_assert!((value - expected).abs() < 0.05, "{} {}", value, expected);
                } else {
                    prop_assert!((value - value.round()).abs() < 0.05);
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_undone_is_named() {
    let mut draw = Draw::new(2);
    let clipped = ValueUndo::rescale(425.0, -175.0).clipped([Some(0.0), Some(1.0)]);
    let lost = ValueUndo::Lost { reason: "it was noise".to_owned() };
    let t = |undos: &[ValueUndo], kind, channels, values, part: &str| {
        let mut draw = Draw::new(1);
        let (record, model) = with_values(&mut draw, undos);
        let prediction = draw.volume(model, kind, channels);
        let error = record.undo_values(prediction, values).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        error
    };
    let error = t(std::slice::from_ref(&clipped), Kind::Image, 1, Values::Undo, "(value0): clipped to [0, 1]");
    assert!(error.starts_with("step ") && error.contains("`values: clamp`"), "{error}");
    t(&[lost], Kind::Image, 1, Values::Clamp, "(value0): the values are lost: it was noise");
    t(&[], Kind::Probability, 1, Values::Undo, "cannot be undone");
    let two = ValueUndo::Rescale { scale: vec![1.0, 2.0], shift: vec![0.0, 0.0] };
    t(&[two], Kind::Image, 3, Values::Undo, "recorded for 2 channels, but the prediction has 3");
    t(
        &[ValueUndo::rescale(2.0, 0.0)],
        Kind::Label,
        1,
        Values::Undo,
        "changed intensities, but the prediction holds labels",
    );
    // With --clamp the limits stand for what lay beyond.
    let (record, model) = with_values(&mut draw, &[clipped]);
    let count = model.voxel_count();
    let numbers: Vec<f32> = (0..count).map(|i| [-0.5, 0.5, 1.5][i % 3]).collect();
    let prediction = Volume::new(numbers.into(), model, Kind::Image, 1).unwrap();
    let back = record.undo_values(prediction, Values::Clamp).unwrap();
    assert_eq!(back.dtype(), Dtype::F32);
    (0..count).for_each(|i| assert_eq!(back.voxels().get(i), [-175.0, 37.5, 250.0][i % 3]));
}

#[test]
fn exchanged_labels_get_their_names_back() {
    let mut draw = Draw::new(6);
    let (record, model) = with_values(&mut draw, &[ValueUndo::Relabel { pairs: vec![[1.0, 300.0], [2.0, -7.0]] }]);
    let labels = draw.volume(model, Kind::Label, 1);
    let back = record.undo_values(labels.clone(), Values::Undo).unwrap();
    let expected = |v: f64| [0.0, 300.0, -7.0, 3.0, 4.0][v as usize];
    (0..model.voxel_count()).for_each(|i| assert_eq!(back.voxels().get(i), expected(labels.voxels().get(i))));
}
