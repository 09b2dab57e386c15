//! Means of predictions against the plain way: every member back by itself, then averaged.

use proptest::prelude::*;
use revoxel_core::SignedPermutation;
use revoxel_core::testing::Draw;
use serde_json::Value;

use super::*;
use crate::testing::trace;
use crate::{InvertOptions, Paint, Regions, Trace, TraceStep, invert};

fn values(volume: &Volume) -> Vec<f64> {
    (0..volume.voxels().len()).map(|i| volume.voxels().get(i)).collect()
}

/// The trace with one more step.
fn with_step(all: &Trace, op: GridOp) -> Trace {
    let mut all = all.clone();
    let record = all.volumes.get_mut("image").unwrap();
    let before = record.result.grid.grid().unwrap();
    let (step, after) = TraceStep::spatial("more", Value::Null, &before, &[op]).unwrap();
    record.steps.push(step);
    record.result.grid = (&after).into();
    all
}

fn model(all: &Trace) -> Grid {
    all.volumes["image"].result.grid.grid().unwrap()
}

/// Probabilities of three classes.
fn probabilities(draw: &mut Draw, grid: Grid) -> Volume {
    let raw = draw.volume(grid, Kind::Logit, 3);
    Activation::Softmax.apply(raw).unwrap()
}

/// The weighted mean of members that were each brought back, over those that saw the voxel.
fn plain(members: &[(&Trace, Volume, f64)]) -> Vec<f64> {
    let options = InvertOptions { coverage: true, ..Default::default() };
    let back: Vec<_> =
        members.iter().map(|(t, p, w)| (invert(&t.volumes["image"], p, &options).unwrap(), *w)).collect();
    let size = back[0].0.volume.grid().voxel_count();
    let fill = [1.0, 0.0, 0.0];
    (0..3 * size)
        .map(|i| {
            let seen = |b: &crate::Inverted| b.coverage.as_ref().unwrap().voxels().get(i % size);
            let total: f64 = back.iter().map(|(b, w)| w * seen(b)).sum();
            let sum: f64 = back.iter().map(|(b, w)| w * seen(b) * b.volume.voxels().get(i)).sum();
            if total > 0.0 { sum / total } else { fill[i / size] }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn the_mean_of_folds_and_of_mirrored_copies_is_that_of_each_member_brought_back(seed: u64) {
        let mut draw = Draw::new(seed);
        let (fold, ..) = trace(&mut draw, false);
        let mirrored = with_step(&fold, GridOp::Reorient(SignedPermutation::flips([true, false, true])));
        let turned = with_step(&fold, GridOp::Reorient(draw.permutation()));
        let cropped = with_step(&fold, draw.window(&model(&fold)));
        let members: Vec<(&Trace, Volume, f64)> = [&fold, &fold, &mirrored, &turned, &cropped]
            .into_iter()
            .map(|t| (t, probabilities(&mut draw, model(t)), draw.real(0.25, 2.0)))
            .collect();
        for count in [1, 2, 4, 5] {
            let mean = |decision: Decision| {
                let mut all = Ensemble::new(Recipe { decision, coverage: true, ..Default::default() });
                for (number, (t, p, w)) in members[..count].iter().enumerate() {
                    all.add(&number.to_string(), &t.volumes["image"], p.clone(), *w).unwrap();
                }
                // Folds and turned copies are one sum; only the crop lies elsewhere.
                assert!(all.groups.len() <= 2 && (count == 5 || all.groups.len() == 1));
                all.invert().unwrap()
            };
            let (found, expected) = (mean(Decision::Channels), plain(&members[..count]));
            let found = values(&found.volume);
            for (a, b) in found.iter().zip(&expected) {
                prop_assert!((a - b).abs() < 1e-5, "{} members: {} {}", count, a, b);
            }
            let size = expected.len() / 3;
            let labels = values(&mean(Decision::Argmax).volume);
            let paint = vec![Paint { channel: 2, label: 7 }, Paint { channel: 1, label: 3 }];
            let regions = values(&mean(Decision::Regions(Regions { threshold: 0.35, paint })).volume);
            for i in 0..size {
                let scores = [0, 1, 2].map(|c| expected[c * size + i]);
                let best = scores.iter().copied().fold(0.0, f64::max);
                prop_assert!(scores[labels[i] as usize] > best - 1e-5);
                if scores.iter().all(|s| (s - 0.35).abs() > 1e-5) {
                    let painted = if scores[1] > 0.35 { 3.0 } else if scores[2] > 0.35 { 7.0 } else { 0.0 };
                    prop_assert_eq!(regions[i], painted);
                }
            }
        }
    }
}

#[test]
fn members_that_do_not_fit_are_refused_by_name() {
    let mut draw = Draw::new(3);
    let (fold, native, _) = trace(&mut draw, true);
    let mut other = fold.clone();
    let record = other.volumes.get_mut("image").unwrap();
    record.snapped = Some((&native).into());
    // A billionth of a voxel is another grid.
    record.source.grid.affine[0][3] += 1e-9;
    let mut all = Ensemble::new(Recipe::default());
    let first = probabilities(&mut draw, model(&fold));
    all.add("a.nii", &fold.volumes["image"], first.clone(), 1.0).unwrap();
    let error = all.add("b.nii", &other.volumes["image"], first.clone(), 1.0).unwrap_err().to_string();
    assert!(error.contains("a.nii") && error.contains("b.nii") && error.contains("bit for bit"), "{error}");
    let two = draw.volume(model(&fold), Kind::Probability, 2);
    let error = all.add("c.nii", &fold.volumes["image"], two, 1.0).unwrap_err().to_string();
    assert!(error.contains("of kind probability with 2 channel(s), but the first"), "{error}");
    assert_eq!(all.add("d", &fold.volumes["image"], first, 0.0), Err(InvertError::Weight(0.0)));
    let mut all = Ensemble::new(Recipe::default());
    let volume = draw.volume(model(&fold), Kind::Logit, 1);
    all.add("a", &fold.volumes["image"], volume.clone(), 1.0).unwrap();
    let error = all.add("b", &fold.volumes["image"], volume, 1.0).unwrap_err().to_string();
    assert!(error.contains("--activation"), "{error}");
    assert_eq!(Ensemble::new(Recipe::default()).invert(), Err(InvertError::Nothing));
}

#[test]
fn logits_in_regions_are_compared_with_the_logit_of_the_threshold() {
    let mut draw = Draw::new(9);
    let (all, ..) = trace(&mut draw, true);
    let logits = draw.volume(model(&all), Kind::Logit, 2);
    let shifted: Vec<f32> = values(&logits).iter().map(|v| (*v as f32 - 0.5) * 6.0).collect();
    let logits = logits.with_voxels(shifted.into()).unwrap();
    let decision = Decision::Regions(Regions::in_order(&[1, 2]));
    let run = |activation| {
        let mut one = Ensemble::new(Recipe { activation, decision: decision.clone(), ..Default::default() });
        one.add("a", &all.volumes["image"], logits.clone(), 1.0).unwrap();
        values(&one.invert().unwrap().volume)
    };
    let (raw, sigmoid) = (run(None), run(Some(Activation::Sigmoid)));
    assert_eq!(raw, sigmoid);
    assert!([0.0, 1.0, 2.0].iter().all(|l| raw.contains(l)), "{raw:?}");
}

#[test]
fn what_the_model_never_saw_belongs_to_no_region() {
    let mut draw = Draw::new(12);
    // Half of the volume, whatever the steps before.
    let cropped = (0..)
        .map(|seed| {
            let (all, ..) = trace(&mut Draw::new(seed), true);
            let [x, y, z] = model(&all).shape();
            with_step(&all, GridOp::Window { start: [0; 3], shape: [x, y, z.div_ceil(2)] })
        })
        .find(|t| t.volumes["image"].steps.len() == 1 && model(t).shape()[2] > 1)
        .unwrap();
    for kind in [Kind::Logit, Kind::Probability] {
        let high = draw.volume(model(&cropped), kind, 2);
        let high = high.with_voxels(vec![1.0f32; 2 * model(&cropped).voxel_count()].into()).unwrap();
        let decision = Decision::Regions(Regions::in_order(&[1, 2]));
        let mut one = Ensemble::new(Recipe { decision, coverage: true, ..Default::default() });
        one.add("a", &cropped.volumes["image"], high, 1.0).unwrap();
        let found = one.invert().unwrap();
        let (labels, coverage) = (values(&found.volume), values(&found.coverage.unwrap()));
        assert!(coverage.contains(&0.0) && coverage.contains(&1.0));
        for (label, seen) in labels.iter().zip(&coverage) {
            assert_eq!(*label, 2.0 * seen, "{kind}");
        }
    }
}

#[test]
fn a_decision_on_the_model_grid_comes_before_its_steps() {
    let mut draw = Draw::new(5);
    let (all, ..) = trace(&mut draw, true);
    let scores = probabilities(&mut draw, model(&all));
    let mut one = Ensemble::new(Recipe { decision: Decision::Argmax, ..Default::default() });
    one.add("a", &all.volumes["image"], scores.clone(), 1.0).unwrap();
    let mut seen = None;
    let back = one.on_model(true, |v| {
        seen = Some(v.clone());
        Ok::<_, InvertError>(v)
    });
    let back = back.unwrap().invert().unwrap().volume;
    assert_eq!(seen.unwrap(), revoxel_resample::argmax(&scores).unwrap());
    assert_eq!(back.kind(), Kind::Label);
}

/// What most members say that were each brought back, among those that saw the voxel; the lowest of several.
fn plain_vote(members: &[(&Trace, Volume, f64)]) -> Vec<f64> {
    let options = InvertOptions { coverage: true, ..Default::default() };
    let back: Vec<_> =
        members.iter().map(|(t, p, w)| (invert(&t.volumes["image"], p, &options).unwrap(), *w)).collect();
    let size = back[0].0.volume.grid().voxel_count();
    let weight = |i: usize, label: u32| -> f64 {
        let says = |b: &crate::Inverted| {
            b.coverage.as_ref().unwrap().voxels().get(i) > 0.0 && b.volume.voxels().get(i) == f64::from(label)
        };
        back.iter().filter(|(b, _)| says(b)).map(|(_, w)| w).sum()
    };
    (0..size)
        .map(|i| (0..8).fold((0u32, 0.0), |best, l| if weight(i, l) > best.1 { (l, weight(i, l)) } else { best }))
        .map(|(label, _)| f64::from(label))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn label_maps_vote_as_if_each_was_brought_back(seed: u64) {
        let mut draw = Draw::new(seed);
        let (fold, ..) = trace(&mut draw, false);
        let mirrored = with_step(&fold, GridOp::Reorient(SignedPermutation::flips([true, false, true])));
        let cropped = with_step(&fold, draw.window(&model(&fold)));
        // Weights without ties, and the same for all.
        for weights in [[1.0, 1.25, 1.5, 1.125], [1.0; 4]] {
            let members: Vec<(&Trace, Volume, f64)> = [&fold, &fold, &mirrored, &cropped]
                .into_iter()
                .zip(weights)
                .map(|(t, w)| {
                    let count = model(t).voxel_count();
                    let labels: Vec<u8> = (0..count).map(|_| draw.real(0.0, 8.0) as u8).collect();
                    (t, Volume::new(labels.into(), model(t), Kind::Label, 1).unwrap(), w)
                })
                .collect();
            for count in [2, 3, 4] {
                let mut all = Ensemble::new(Recipe::default());
                for (number, (t, p, w)) in members[..count].iter().enumerate() {
                    all.add(&number.to_string(), &t.volumes["image"], p.clone(), *w).unwrap();
                }
                let found = all.invert().unwrap().volume;
                prop_assert_eq!(found.dtype(), revoxel_core::Dtype::U8);
                prop_assert_eq!((found.kind(), values(&found)), (Kind::Label, plain_vote(&members[..count])));
            }
        }
    }
}
