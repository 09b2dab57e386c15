//! Means of predictions against the plain way: every member back by itself, then averaged.

use proptest::prelude::*;
use revoxel_core::testing::Draw;
use revoxel_core::{Dtype, SignedPermutation, Voxels};
use serde_json::Value;

use revoxel_resample::{Census, coverage, execute_argmax, unseen_count};

use super::*;
use crate::activation::Activation;
use crate::inversion::{fill_of, interpolation_for, model_relation};
use crate::testing::trace;
use crate::unseen::{check_label_fill, holding_fill, put};
use crate::{Paint, Regions, Trace, TraceStep};

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

/// One prediction, brought back by itself: the oracle of the tests.
fn alone(trace: &VolumeTrace, prediction: &Volume, options: &Recipe) -> Result<Inverted, InvertError> {
    let argmax = options.argmax;
    let (steps, native, model) = trace.ends()?;
    let relation = model_relation(prediction.grid(), &model, options.assume_grid)?;
    let kind = prediction.kind();
    if argmax && prediction.channels() < 2 {
        return Err(InvertError::SingleChannel);
    }
    let interpolation = interpolation_for(kind, options.interpolation)?;
    let label = options.fill.filter(|_| argmax || kind == Kind::Label);
    label.map_or(Ok(()), check_label_fill)?;
    let sampling = Sampling::inverse_of(&steps).unwrap_or(Sampling::identity(model));
    let lossless = sampling.exact().is_some();
    let through = through_of(&steps, trace.separating()?).and_then(|t| t.of_kind(kind));
    let prediction = bounded(Cow::Borrowed(prediction), Some(interpolation))?;
    let fill = fill_of(&prediction, options.fill.filter(|_| !argmax));
    // Where nnU-Net's rule for thick slices was asked for, its export is: no place leans.
    let decides = argmax && trace.separating()?.is_none();
    let how = How { through, ties: trace.ties, decides, ..How::extended(interpolation, fill.clone()) };
    // Noise and headers are put right here; the voxels stay where they are.
    let same = *prediction.grid() == model && prediction.grid().axes() == model.axes();
    let prediction = if same { prediction } else { Cow::Owned(prediction.into_owned().on_grid(model)?) };
    // Copies keep the voxel type, which must not turn the fill into another value.
    let held = argmax || fill.iter().all(|v| prediction.dtype_with(*v) == Ok(prediction.dtype()));
    let prediction = match held {
        true => prediction,
        false => Cow::Owned(holding_fill(prediction.into_owned(), &sampling, &how)?),
    };
    let volume = if argmax {
        let labels = execute_argmax(&prediction, &sampling, &how)?;
        match label {
            Some(label) => put(labels, &[coverage(&sampling)?], label)?,
            None => labels,
        }
    } else {
        execute(&prediction, &sampling, &how)?
    };
    let gone = match kind {
        Kind::Label => Census::of(&prediction).gone_in(&Census::of(&volume)),
        _ => Vec::new(),
    };
    let coverage = options.coverage.then(|| coverage(&sampling)).transpose()?;
    let unseen = unseen_count(&sampling)?;
    Ok(Inverted {
        // A snapped volume started on another grid of the same shape: the result gets the source's own.
        volume: volume.on_grid(native)?,
        coverage: coverage.map(|c| c.on_grid(native)).transpose()?,
        unseen,
        relation,
        interpolation: (!lossless).then_some(interpolation),
        gone,
    })
}

/// The weighted mean of members that were each brought back, over those that saw the voxel.
fn plain(members: &[(&Trace, Volume, f64)]) -> Vec<f64> {
    let options = Recipe { coverage: true, ..Default::default() };
    let back: Vec<_> = members.iter().map(|(t, p, w)| (alone(&t.volumes["image"], p, &options).unwrap(), *w)).collect();
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
                let mut all = Ensemble::new(Recipe { coverage: true, ..decision.into() });
                for (number, (t, p, w)) in members[..count].iter().enumerate() {
                    all.add(&number.to_string(), &t.volumes["image"], p.clone(), &[*w]).unwrap();
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
fn channels_have_weights_of_their_own() {
    let mut draw = Draw::new(5);
    let (mut fold, ..) = trace(&mut draw, true);
    let grid = Grid::without_geometry([2, 1, 1]).unwrap();
    let record = fold.volumes.get_mut("image").unwrap();
    record.steps.clear();
    record.source.grid = (&grid).into();
    record.result.grid = (&grid).into();
    let mirrored = with_step(&fold, GridOp::Reorient(SignedPermutation::flips([true, false, false])));
    // A crop that keeps everything lies on a grid of its own for the ensemble: sums meet on the native grid.
    let padded = with_step(&fold, GridOp::Window { start: [-1, 0, 0], shape: [4, 1, 1] });
    let numbers = [[1.0f32, 2.0, 3.0, 4.0, 5.0, 7.0], [9.0, -2.0, 0.5, 8.0, 1.0, 2.0]];
    let volume = |numbers: Vec<f32>, grid: Grid| Volume::new(numbers.into(), grid, Kind::Logit, 3).unwrap();
    let [first, second] = numbers.map(|n| n.to_vec());
    let turned: Vec<f32> = second.chunks(2).flat_map(|c| [c[1], c[0]]).collect();
    let wide: Vec<f32> = second.chunks(2).flat_map(|c| [77.0, c[0], c[1], -77.0]).collect();
    let others = [(&fold, second), (&mirrored, turned), (&padded, wide)];
    // MONAI 1.6.1, MeanEnsemble(weights)([first, second]) on arrays of shape (3, 1, 1, 2).
    let t = |weights: [&[f64]; 2], expected: [f64; 6]| {
        for (other, numbers) in &others {
            let mean = |decision| {
                let activation = Some(Activation::None);
                let mut all = Ensemble::new(Recipe { activation, ..Recipe::from(decision) });
                all.add("a", &fold.volumes["image"], volume(first.clone(), grid), weights[0]).unwrap();
                all.add("b", &other.volumes["image"], volume(numbers.clone(), model(other)), weights[1]).unwrap();
                all.ready().unwrap()
            };
            let mut streamed = Vec::new();
            let give = |slab: &Voxels| -> Result<(), InvertError> {
                streamed.extend((0..slab.len()).map(|i| slab.get(i)));
                Ok(())
            };
            mean(Decision::Channels).slabs(Dtype::F32, give).unwrap();
            for found in [values(&mean(Decision::Channels).whole().unwrap().volume), streamed] {
                assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} {expected:?}");
            }
            let winner =
                |i: usize| (0..3).fold(0, |b, c| if expected[2 * c + i] > expected[2 * b + i] { c } else { b });
            let labels = values(&mean(Decision::Argmax).whole().unwrap().volume);
            assert_eq!(labels, [winner(0) as f64, winner(1) as f64]);
            let painted =
                |i: usize| (0..3).fold(0.0, |l, c| if expected[2 * c + i] > 0.0 { (c + 1) as f64 } else { l });
            let labels = values(&mean(Decision::Regions(Regions::in_order(&[1, 2, 3]))).whole().unwrap().volume);
            assert_eq!(labels, [painted(0), painted(1)]);
        }
    };
    t([&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]], [7.0, -1.0, 1.75, 6.0, 4.0, 5.75]);
    t([&[1.0], &[3.0]], [7.0, -1.0, 1.125, 7.0, 2.0, 3.25]);
    let expected = [3.666_666_7, 0.666_666_7, 1.181_818_2, 6.909_091, 3.666_666_5, 5.333_333];
    t([&[0.5, 1.5, 2.0], &[0.25, 4.0, 1.0]], expected);
    let mut all = Ensemble::new(Recipe::default());
    let mut bad =
        |weights: &[f64]| all.add("a", &fold.volumes["image"], volume(first.clone(), grid), weights).unwrap_err();
    assert_eq!(bad(&[1.0, 2.0]), InvertError::WeightCount { given: 2, channels: 3 });
    assert_eq!(bad(&[1e308]), InvertError::Weight(1e308));
    assert_eq!(bad(&[1.0, 0.0, 1.0]), InvertError::Weight(0.0));
}

#[test]
fn what_no_model_saw_is_filled_in_the_units_of_the_result() {
    let mut draw = Draw::new(5);
    let (mut fold, ..) = trace(&mut draw, true);
    let grid = Grid::without_geometry([3, 1, 1]).unwrap();
    let record = fold.volumes.get_mut("image").unwrap();
    record.steps.clear();
    record.source.grid = (&grid).into();
    record.result.grid = (&grid).into();
    let cropped = with_step(&fold, GridOp::Window { start: [0, 0, 0], shape: [2, 1, 1] });
    let one = |volume: &Volume, recipe: Recipe| {
        let mut all = Ensemble::new(recipe);
        all.add("a", &cropped.volumes["image"], volume.clone(), &[1.0])?;
        all.ready()
    };
    let whole = |volume: &Volume, recipe: Recipe| one(volume, recipe).unwrap().whole().unwrap().volume;
    let filled = |decision: &Decision, fill| Recipe { fill: Some(fill), ..decision.clone().into() };
    let labels = Volume::new(vec![1u8, 2].into(), model(&cropped), Kind::Label, 1).unwrap();
    for (fill, dtype) in [(300.0, Dtype::U16), (-1.0, Dtype::I16), (7.0, Dtype::U8), (70000.0, Dtype::U32)] {
        let back = whole(&labels, filled(&Decision::Channels, fill));
        assert_eq!((values(&back), back.dtype()), (vec![1.0, 2.0, fill], dtype));
        let options = Recipe { fill: Some(fill), ..Default::default() };
        assert_eq!(values(&alone(&cropped.volumes["image"], &labels, &options).unwrap().volume), [1.0, 2.0, fill]);
    }
    // What is written slab by slab.
    let ready = one(&labels, filled(&Decision::Channels, 300.0)).unwrap();
    assert_eq!(ready.dtype(), Dtype::U16);
    let error = ready.slabs(Dtype::U8, |_| Ok::<(), InvertError>(())).unwrap_err().to_string();
    assert!(error.starts_with("label 300 does not fit into uint8"), "{error}");
    let scores = Volume::new(vec![0.9f32, 0.2, 0.1, 0.8].into(), model(&cropped), Kind::Probability, 2).unwrap();
    let regions = Decision::Regions(Regions::in_order(&[1, 2]));
    for fill in [7.0, -1.0, 300.0] {
        assert_eq!(values(&whole(&scores, filled(&Decision::Argmax, fill))), [0.0, 1.0, fill]);
        assert_eq!(values(&whole(&scores, filled(&regions, fill))), [1.0, 2.0, fill]);
        let options = Recipe { fill: Some(fill), argmax: true, ..Default::default() };
        assert_eq!(values(&alone(&cropped.volumes["image"], &scores, &options).unwrap().volume), [0.0, 1.0, fill]);
    }
    for decision in [Decision::Argmax, regions] {
        assert_eq!(one(&scores, filled(&decision, 0.5)).unwrap_err(), InvertError::Fill(0.5));
    }
    assert_eq!(one(&labels, filled(&Decision::Channels, 1e30)).unwrap_err(), InvertError::Fill(1e30));
    let back = whole(&scores, filled(&Decision::Channels, 0.5));
    assert_eq!([values(&back)[2], values(&back)[5]], [0.5, 0.5]);
    // Of regions none is the background.
    let logits = Volume::new(vec![3.0f32, -1.0, 0.5, 2.0].into(), model(&cropped), Kind::Logit, 2).unwrap();
    let unseen = |volume: &Volume, activation, overlap| {
        let back = values(&whole(volume, Recipe { activation, overlap, ..Default::default() }));
        [back[2], back[5]]
    };
    assert_eq!(unseen(&logits, Some(Activation::Sigmoid), false), [0.0, 0.0]);
    assert_eq!(unseen(&logits, Some(Activation::Softmax), false), [1.0, 0.0]);
    assert_eq!(unseen(&logits, None, true), [-1e4, -1e4]);
    assert_eq!(unseen(&scores, None, false), [1.0, 0.0]);
    let voted = |interpolation| Recipe { interpolation: Some(interpolation), ..Default::default() };
    let error = one(&scores, voted(Interpolation::Label)).unwrap_err();
    assert_eq!(error, InvertError::VotedScores(Interpolation::Label, Kind::Probability));
    assert!(one(&labels, voted(Interpolation::LabelNearest)).is_ok());
}

#[test]
fn regions_that_make_no_sense_are_refused() {
    let check = |paint: &[(usize, u16)]| {
        let paint = paint.iter().map(|(channel, label)| Paint { channel: *channel, label: *label }).collect();
        Regions { threshold: 0.5, paint }.check(Some(3)).map_err(|e| e.to_string())
    };
    assert!(check(&[(0, 1), (2, 1)]).is_ok());
    assert!(check(&[(0, 0)]).unwrap_err().contains("label 0 is the background"));
    assert!(check(&[(0, 1), (1, 2), (0, 3)]).unwrap_err().contains("channel 0 is listed twice"));
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
    all.add("a.nii", &fold.volumes["image"], first.clone(), &[1.0]).unwrap();
    let error = all.add("b.nii", &other.volumes["image"], first.clone(), &[1.0]).unwrap_err().to_string();
    assert!(error.contains("a.nii") && error.contains("b.nii") && error.contains("must be identical"), "{error}");
    let two = draw.volume(model(&fold), Kind::Probability, 2);
    let error = all.add("c.nii", &fold.volumes["image"], two, &[1.0]).unwrap_err().to_string();
    assert!(error.contains("of kind probability with 2 channels, but the first"), "{error}");
    assert_eq!(all.add("d", &fold.volumes["image"], first, &[0.0]), Err(InvertError::Weight(0.0)));
    let mut all = Ensemble::new(Recipe::default());
    let volume = draw.volume(model(&fold), Kind::Logit, 1);
    all.add("a", &fold.volumes["image"], volume.clone(), &[1.0]).unwrap();
    let error = all.add("b", &fold.volumes["image"], volume, &[1.0]).unwrap_err().to_string();
    assert!(error.contains("choose the activation"), "{error}");
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
        let mut one = Ensemble::new(Recipe { activation, ..decision.clone().into() });
        one.add("a", &all.volumes["image"], logits.clone(), &[1.0]).unwrap();
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
        let mut one = Ensemble::new(Recipe { coverage: true, ..decision.into() });
        one.add("a", &cropped.volumes["image"], high, &[1.0]).unwrap();
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
    let mut one = Ensemble::new(Recipe { argmax: true, decide_in_model: true, ..Default::default() });
    one.add("a", &all.volumes["image"], scores.clone(), &[1.0]).unwrap();
    let mut seen = None;
    let back = one.on_model(|v| {
        seen = Some(v.clone());
        Ok::<_, InvertError>(v)
    });
    let back = back.unwrap().invert().unwrap().volume;
    assert_eq!(seen.unwrap(), revoxel_resample::argmax(&scores).unwrap());
    assert_eq!(back.kind(), Kind::Label);
}

/// What most members say that were each brought back, among those that saw the voxel; the lowest of several.
fn plain_vote(members: &[(&Trace, Volume, f64)]) -> Vec<f64> {
    let options = Recipe { coverage: true, ..Default::default() };
    let back: Vec<_> = members.iter().map(|(t, p, w)| (alone(&t.volumes["image"], p, &options).unwrap(), *w)).collect();
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
                    all.add(&number.to_string(), &t.volumes["image"], p.clone(), &[*w]).unwrap();
                }
                let found = all.invert().unwrap().volume;
                prop_assert_eq!(found.dtype(), revoxel_core::Dtype::U8);
                prop_assert_eq!((found.kind(), values(&found)), (Kind::Label, plain_vote(&members[..count])));
            }
        }
    }
}
