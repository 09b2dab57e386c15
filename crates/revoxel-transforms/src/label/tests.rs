//! What holds for transforms of labels: senseless parameters are refused, channels are treated by themselves, labels
//! that have no place are errors.

use revoxel_core::{Dtype, Grid, Kind, ValueUndo, Volume, Voxels};
use serde_json::{Value, json};

use crate::{ApplyError, LabelSet, Names, Registry, Transform, ValueState, ValueTransform};

fn made(name: &str, params: Value) -> Box<dyn ValueTransform> {
    let registry = Registry::basic();
    match (registry.get(name).unwrap().build)(params).unwrap().transform {
        Transform::Value(transform) => transform,
        Transform::Spatial(_) | Transform::Random(_) => panic!("{name} does not change values alone"),
    }
}

fn line(voxels: Voxels, kind: Kind, channels: usize) -> Volume {
    let grid = Grid::without_geometry([voxels.len() / channels, 1, 1]).unwrap();
    Volume::new(voxels, grid, kind, channels).unwrap()
}

#[test]
fn senseless_parameters_are_refused() {
    fn t(name: &str, params: Value, field: &str, part: &str) {
        let registry = Registry::basic();
        let error = (registry.get(name).unwrap().build)(params.clone()).map(|_| ()).unwrap_err();
        assert_eq!(error.path.join("."), field, "{name} {params}: {error}");
        assert!(error.problem.contains(part), "{name} {params}: {error} lacks {part:?}");
    }
    t("keep_largest_connected_component", json!({ "connectivity": 4 }), "connectivity", "1 (faces)");
    t("keep_largest_connected_component", json!({ "num_components": 0 }), "num_components", "at least 1");
    t("keep_largest_connected_component", json!({ "applied_labels": [] }), "applied_labels", "empty");
    t("keep_largest_connected_component", json!({ "applied_labels": 1.5 }), "applied_labels", "whole number");
    t("fill_holes", json!({ "applied_labels": [1, 1] }), "applied_labels", "twice");
    t("remove_small_objects", json!({}), "", "min_size_voxels or min_size_mm3");
    t("remove_small_objects", json!({ "min_size": 5 }), "min_size", "unknown field");
    t("remove_small_objects", json!({ "min_size_voxels": 5, "min_size_mm3": 5 }), "min_size_mm3", "not both");
    t("remove_small_objects", json!({ "min_size_mm3": -5 }), "min_size_mm3", "0 or more");
    t("map_label_value", json!({ "orig_labels": [1, 2], "target_labels": [1] }), "target_labels", "1 labels for 2");
    t("map_label_value", json!({ "orig_labels": [1, 1], "target_labels": [1, 2] }), "orig_labels", "twice");
    t("label_filter", json!({ "applied_labels": [] }), "applied_labels", "empty");
    t("remove_labels", json!({ "labels": [0, 1] }), "labels", "background_label");
    t("as_discrete", json!({}), "", "give argmax, to_onehot");
    t("as_discrete", json!({ "to_onehot": 0 }), "to_onehot", "0 channels");
    t("as_discrete", json!({ "rounding": "up" }), "rounding", "torchrounding");
    t("one_hot", json!({ "num_classes": 0 }), "num_classes", "number of channels");
}

#[test]
fn channels_of_a_one_hot_map_are_labels() {
    let volume = line(vec![1u8, 0, 1, 1, /* */ 1, 1, 0, 1, /* */ 1, 0, 1, 0].into(), Kind::Label, 3);
    let t = |name: &str, params: Value, expected: [u8; 12]| {
        let (result, undo) = made(name, params.clone()).apply(volume.clone()).unwrap();
        assert_eq!(*result.voxels(), expected.to_vec().into(), "{name} {params}");
        assert_eq!(undo == ValueUndo::nothing(), result == volume, "{name} {params}");
    };
    let (largest, small, holes) = ("keep_largest_connected_component", "remove_small_objects", "fill_holes");
    t(largest, json!({}), [1, 0, 1, 1, 1, 1, 0, 0, 1, 0, 0, 0]);
    t(largest, json!({ "applied_labels": [0] }), [0, 0, 1, 1, 1, 1, 0, 1, 1, 0, 1, 0]);
    // Taken together the channels 1 and 2 are one piece, and so are all.
    t(largest, json!({ "independent": false }), [1, 0, 1, 1, 1, 1, 0, 1, 1, 0, 1, 0]);
    t(largest, json!({ "independent": false, "applied_labels": [0, 2] }), [0, 0, 1, 1, 1, 1, 0, 1, 0, 0, 1, 0]);
    t(largest, json!({ "is_onehot": false }), [0, 0, 1, 1, 1, 1, 0, 0, 1, 0, 0, 0]);
    t(small, json!({ "min_size_voxels": 2 }), [0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
    t(small, json!({ "min_size_voxels": 2, "applied_labels": 2 }), [1, 0, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0]);
    t(
        small,
        json!({ "min_size_voxels": 2, "independent": false, "applied_labels": [0, 2] }),
        [0, 0, 1, 1, 1, 1, 0, 1, 0, 0, 1, 0],
    );
    t(
        small,
        json!({ "min_size_voxels": 2, "is_onehot": false, "applied_labels": 2 }),
        [1, 0, 1, 1, 1, 1, 0, 1, 1, 0, 1, 0],
    );
    t(holes, json!({}), [1, 0, 1, 1, 1, 1, 0, 1, 1, 0, 1, 0]);
}

#[test]
fn holes_of_a_channel_are_filled_in_it_alone() {
    let grid = Grid::without_geometry([3, 3, 3]).unwrap();
    let mut voxels = vec![1u8; 3 * 27];
    voxels[13] = 0;
    (voxels[27 + 13], voxels[54 + 13]) = (0, 0);
    let volume = Volume::new(voxels.clone().into(), grid, Kind::Label, 3).unwrap();
    let mut t = |params: Value, filled: [bool; 3]| {
        let (result, _) = made("fill_holes", params.clone()).apply(volume.clone()).unwrap();
        (0..3).for_each(|channel| voxels[27 * channel + 13] = u8::from(filled[channel]));
        assert_eq!(*result.voxels(), voxels.clone().into(), "{params}");
    };
    t(json!({}), [false, true, true]);
    t(json!({ "applied_labels": [0, 2] }), [false, false, true]);
    t(json!({ "is_onehot": false, "applied_labels": [1] }), [true, true, true]);
    // Whatever is above 0, where somebody says so.
    let other = volume.clone().with_voxels(volume.voxels().clone().cast(Dtype::I16)).unwrap();
    let (result, _) =
        made("map_label_value", json!({ "orig_labels": [1], "target_labels": [7] })).apply(other).unwrap();
    let refused = made("fill_holes", json!({})).apply(result.clone()).unwrap_err();
    assert_eq!(refused, ApplyError::NotOneHot { channel: 1, value: 7.0 });
    let (result, _) = made("fill_holes", json!({ "is_onehot": true })).apply(result).unwrap();
    let middles = [13, 40, 67].map(|at| result.voxels().get(at));
    assert_eq!((middles, result.voxels().get(0)), ([0.0, 1.0, 1.0], 7.0));
}

#[test]
fn channels_that_are_not_there_are_errors() {
    let two = line(vec![1u8, 0, 1, 1, /* */ 1, 1, 0, 1].into(), Kind::Label, 2);
    let one = line(vec![1u8, 0, 2, 1].into(), Kind::Label, 1);
    for (name, params) in [
        ("keep_largest_connected_component", json!({ "applied_labels": [1, 2] })),
        ("remove_small_objects", json!({ "applied_labels": [1, 2], "min_size_voxels": 2 })),
        ("fill_holes", json!({ "applied_labels": [1, 2] })),
    ] {
        let error = made(name, params.clone()).apply(two.clone()).unwrap_err();
        assert_eq!(error, ApplyError::NoChannel { parameter: "applied_labels", channel: 2, channels: 2 }, "{name}");
        assert!(error.to_string().starts_with("applied_labels: there is no channel 2"), "{error}");
        // Of a label map they are labels, which need not be there.
        assert!(made(name, params.clone()).apply(one.clone()).is_ok(), "{name}");
        let says = |is_onehot: bool, label: i64| {
            let mut params = params.clone();
            (params["is_onehot"], params["applied_labels"]) = (is_onehot.into(), label.into());
            (Registry::basic().get(name).unwrap().build)(params)
        };
        assert_eq!(says(true, -1).unwrap_err().path, ["applied_labels"], "{name}");
        assert!(says(false, -1).is_ok(), "{name}");
        let Transform::Value(step) = says(true, 1).unwrap().transform else { panic!() };
        assert!(
            matches!(step.apply(one.clone()), Err(ApplyError::NoChannel { channel: 1, channels: 1, .. })),
            "{name}"
        );
        let names = |step: &dyn ValueTransform| step.named_labels().iter().map(|n| n.names).collect::<Vec<_>>();
        let either = vec![Names::LabelOrChannel; 2];
        assert_eq!((names(&*step), names(&*made(name, params.clone()))), (vec![Names::Channel], either), "{name}");
    }
    let maps = line(vec![1u8, 0, 2, 1, /* */ 1, 1, 0, 1].into(), Kind::Label, 2);
    let error = made("remove_small_objects", json!({ "min_size_voxels": 2 })).apply(maps).unwrap_err();
    assert!(
        error.to_string().contains("channel 0 holds 2") && error.to_string().contains("is_onehot: false"),
        "{error}"
    );
}

#[test]
fn of_equal_components_the_first_is_kept() {
    let volume = line(vec![2i16, 0, 2, 0, 5, 5, 0, 5, 5].into(), Kind::Label, 1);
    let (result, _) = made("keep_largest_connected_component", json!({})).apply(volume).unwrap();
    assert_eq!(*result.voxels(), vec![2i16, 0, 0, 0, 5, 5, 0, 0, 0].into());
}

#[test]
fn labels_without_a_channel_are_errors() {
    let t = |voxels: Voxels, params: Value| made("one_hot", params).apply(line(voxels, Kind::Label, 1)).unwrap_err();
    assert!(t(vec![0u8, 3].into(), json!({ "num_classes": 3 })).to_string().contains("the label 3"));
    assert!(t(vec![0i16, -1].into(), json!({})).to_string().contains("the label -1"));
    assert!(t(vec![0.0f32, 0.5].into(), json!({})).to_string().contains("the label 0.5"));
    assert!(t(vec![0u32, 4_000_000_000].into(), json!({})).to_string().contains("at most 4096 channels"));
    let two = line(vec![0u8; 4].into(), Kind::Label, 2);
    assert!(matches!(made("one_hot", json!({})).apply(two), Err(ApplyError::ChannelCount { channels: 2, .. })));
}

#[test]
fn channels_become_labels_and_labels_channels() {
    let labels = line(vec![2u8, 0, 1, 2].into(), Kind::Label, 1);
    let (hot, _) = made("one_hot", json!({})).apply(labels.clone()).unwrap();
    assert_eq!((hot.kind(), hot.channels(), hot.dtype()), (Kind::Probability, 3, Dtype::U8));
    let (back, _) = made("as_discrete", json!({ "argmax": true })).apply(hot).unwrap();
    assert_eq!(back, labels);
    // Ties go to the lowest channel, and what is no number never wins.
    let scores = line(vec![1.0f32, f32::NAN, f32::NAN, 1.0, -2.0, f32::NAN].into(), Kind::Logit, 2);
    let (result, _) = made("as_discrete", json!({ "argmax": true })).apply(scores).unwrap();
    assert_eq!((result.kind(), result.voxels()), (Kind::Label, &vec![0u8, 1, 0].into()));
}

#[test]
fn no_label_comes_out_that_was_not_foretold() {
    let t = |name: &str, params: Value, expected: Option<&[f64]>| {
        let step = made(name, params.clone());
        let volume = line(vec![0i16, 0, 7, 7, 0, 7, 2, 2, 2, 0, 3, 0, 3, 0, 0, -1].into(), Kind::Label, 1);
        let before = LabelSet::of(&volume);
        let after = step.after(&ValueState { labels: Some(before), ..ValueState::of(Kind::Label) }).labels;
        assert_eq!(after, expected.map(|labels| labels.iter().copied().collect()), "{name} {params}");
        let source = line(vec![0u8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0].into(), Kind::Label, 1);
        let (result, _) = step.apply_with(volume, &source).unwrap();
        if let Some(after) = after {
            assert!(LabelSet::of(&result).iter().all(|label| after.has(label)), "{name} {params}: {result:?}");
        }
    };
    let all = [-1.0, 0.0, 2.0, 3.0, 7.0];
    t("keep_largest_connected_component", json!({ "applied_labels": [7] }), Some(&all));
    t("remove_small_objects", json!({ "min_size_voxels": 2 }), Some(&all));
    t("fill_holes", json!({}), Some(&all));
    t(
        "map_label_value",
        json!({ "orig_labels": [7, 0, 9], "target_labels": [40, 5, 6] }),
        Some(&[-1., 2., 3., 5., 40.]),
    );
    t("map_label_value", json!({ "orig_labels": [2, 3], "target_labels": [3, 2] }), Some(&all));
    t("label_filter", json!({ "applied_labels": [3, 9] }), Some(&[3.0]));
    t("remove_labels", json!({ "labels": [3, 9], "background_label": 12 }), Some(&[-1.0, 2.0, 7.0, 12.0]));
    t("remove_labels", json!({ "labels": [8, 9], "background_label": 12 }), Some(&all));
    t("sequential_labels", json!({}), Some(&[1.0, 2.0, 3.0, 4.0]));
    t("mark_outside", json!({ "nonzero_of": ["image"], "label": 99 }), Some(&[-1.0, 2.0, 3.0, 7.0, 99.0]));
    // From anything.
    let from_anything = |name: &str, params: Value| made(name, params).after(&ValueState::of(Kind::Label)).labels;
    assert_eq!(from_anything("label_filter", json!({ "applied_labels": [3] })), Some(LabelSet::from_iter([3.0])));
    assert_eq!(from_anything("as_discrete", json!({ "threshold": 0.5 })), Some(LabelSet::from_iter([1.0])));
    assert_eq!(from_anything("as_discrete", json!({ "argmax": true })), None);
    assert_eq!(from_anything("remove_labels", json!({ "labels": [3] })), None);
}

#[test]
fn an_image_that_was_taken_for_a_label_map_takes_no_time() {
    let values: Vec<f32> = (0..400_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / 7.0).collect();
    let mut sorted = values.clone();
    sorted.sort_by(f32::total_cmp);
    sorted.dedup();
    let start = std::time::Instant::now();
    let found = LabelSet::of(&line(values.into(), Kind::Label, 1));
    assert_eq!(found.iter().map(|l| l as f32).collect::<Vec<_>>()[1..], sorted[1..]);
    // Put in order one by one they take minutes.
    assert!(start.elapsed().as_secs() < 10);
}
