//! What a pipeline says of predictions, ensembles, and the units of the source: run as people run it.

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Dtype, Grid, Kind, Volume};
use serde_json::Value;

use crate::support::{Place, root, values};

fn grid() -> Grid {
    let rows = [[0.25, -1.5, 0.5, 12.5], [-1.25, -0.25, 0.0, -30.0], [0.0, 0.25, -2.5, 40.25]];
    Grid::new([13, 11, 9], Affine::from_rows(rows)).unwrap()
}

/// A pipeline with these steps and this section, in its file.
fn pipeline(place: &Place, file: &str, steps: &str, restore: &str) {
    let text = format!(
        "version: 1\ninputs:\n  image: {{ kind: image, path: \"{{case}}.nii.gz\" }}\nsteps:\n{steps}outputs:\n  image: {{ path: \
         \"{{case}}.nii.gz\" }}\n{restore}trace: \"{{case}}.json\"\n"
    );
    place.text(file, &text);
}

/// Runs a pipeline on a case of noise.
fn run(place: &Place, file: &str, out: &str) -> Volume {
    let image = Draw::new(8).volume(grid(), Kind::Image, 1);
    if !place.path("data/a.nii.gz").exists() {
        place.volume("data/a.nii.gz", &image);
    }
    place.revoxel(&["run", file, "--data", "data", "--out", out]).good();
    image
}

const STEPS: &str = "  - orientation: { axcodes: RAS }\n  - spacing: { pixdim: [1, 1, 1.5] }\n  - center_spatial_crop: { roi_size: [12, 11, 12] }\n";
const SEG: &str = "restore:\n  seg:\n    kind: probability\n    argmax: true\n    steps:\n      - keep_largest_connected_component: {}\n      \
                   - map_label_value: { orig_labels: [1], target_labels: [300] }\n    output: { path: \"{case}/seg.nii.gz\" }\n";

/// Two blobs of a class on the model's grid, as probabilities of two classes: a large one and a small one.
fn blobs(model: &Grid) -> Volume {
    let [nx, ny, nz] = model.shape();
    let size = nx * ny * nz;
    let mut numbers = vec![0.0f32; 2 * size];
    for i in 0..size {
        let (x, y, z) = (i % nx, i / nx % ny, i / (nx * ny));
        let large = (2..7).contains(&x) && (2..8).contains(&y) && (2..9).contains(&z);
        let small = x > 9 && y < 3 && z > 8;
        let p = if large || small { 0.9 } else { 0.2 };
        (numbers[i], numbers[size + i]) = (1.0 - p, p);
    }
    Volume::new(numbers.into(), *model, Kind::Probability, 2).unwrap()
}

fn labels(volume: &Volume) -> Vec<f64> {
    let mut found = values(volume);
    found.sort_by(f64::total_cmp);
    found.dedup();
    found
}

#[test]
fn a_prediction_goes_the_way_that_its_pipeline_says() {
    let place = Place::new();
    pipeline(&place, "p.yaml", STEPS, SEG);
    let plan = place.revoxel(&["plan", "p.yaml"]).good().out;
    assert!(
        plan.contains("seg") && plan.contains("keep_largest_connected_component") && plan.contains("{case}/seg.nii.gz"),
        "{plan}"
    );
    run(&place, "p.yaml", "out");
    let model = *place.read("out/a.nii.gz", Kind::Image).grid();
    place.volume("blobs.nii.gz", &blobs(&model));
    let said = place.revoxel(&["invert", "out/a.json", "blobs.nii.gz", "--out", "back", "--json"]).good().json();
    assert_eq!((said["restore"].as_str(), said["dtype"].as_str()), (Some("seg"), Some("uint16")));
    let seg = place.read("back/a/seg.nii.gz", Kind::Label);
    assert_eq!((seg.grid(), seg.dtype()), (&grid(), Dtype::U16));
    assert_eq!(labels(&seg), [0.0, 300.0]);
    // The same by hand, without what the pipeline says: the small blob is still there.
    place
        .revoxel(&[
            "invert",
            "out/a.json",
            "blobs.nii.gz",
            "-o",
            "raw.nii",
            "--restore",
            "none",
            "--kind",
            "probability",
            "--argmax",
        ])
        .good();
    let raw = place.read("raw.nii", Kind::Label);
    assert_eq!((labels(&raw), raw.dtype()), (vec![0.0, 1.0], Dtype::U8));
    let count = |v: &Volume| values(v).iter().filter(|x| **x > 0.0).count();
    assert!(count(&seg) > 0 && count(&seg) < count(&raw), "{} {}", count(&seg), count(&raw));
    assert!(values(&seg).iter().zip(values(&raw)).all(|(s, r)| *s == 0.0 || r == 1.0));
    // What is typed comes first.
    place
        .revoxel(&[
            "invert",
            "out/a.json",
            "blobs.nii.gz",
            "-o",
            "u32.nii",
            "--dtype",
            "uint32",
            "--interpolation",
            "nearest",
        ])
        .good();
    assert_eq!(place.read("u32.nii", Kind::Label).dtype(), Dtype::U32);
    place
        .revoxel(&["invert", "out/a.json", "blobs.nii.gz", "--out", "back"])
        .bad(2, &["back/a/seg.nii.gz exists already"]);
    place
        .revoxel(&["invert", "out/a.json", "blobs.nii.gz"])
        .bad(2, &["pass -o FILE, or --out DIR to write DIR/a/seg.nii.gz"]);
    let other = ["invert", "out/a.json", "blobs.nii.gz", "-o", "x.nii", "--restore", "sg"];
    place.revoxel(&other).bad(2, &["no restore entry \"sg\"; it has seg"]);
}

#[test]
fn steps_in_model_come_before_the_resampling() {
    let place = Place::new();
    let section = SEG.replace("_component: {}", "_component: { in: model }");
    pipeline(&place, "p.yaml", STEPS, &section);
    run(&place, "p.yaml", "out");
    let model = *place.read("out/a.nii.gz", Kind::Image).grid();
    place.volume("blobs.nii.gz", &blobs(&model));
    place.revoxel(&["invert", "out/a.json", "blobs.nii.gz", "-o", "seg.nii.gz"]).good();
    // By hand: the component on the model's grid, then back as labels.
    let scores = values(&blobs(&model));
    let size = model.voxel_count();
    let [nx, ny, _] = model.shape();
    let large = |i: usize| i % nx < 8 && i / nx % ny > 1;
    let kept: Vec<u16> = (0..size).map(|i| if scores[size + i] > 0.5 && large(i) { 300 } else { 0 }).collect();
    place.volume("kept.nii.gz", &Volume::new(kept.into(), model, Kind::Label, 1).unwrap());
    place.revoxel(&["invert", "out/a.json", "kept.nii.gz", "-o", "hand.nii.gz", "--restore", "none"]).good();
    assert_eq!(place.read("seg.nii.gz", Kind::Label), place.read("hand.nii.gz", Kind::Label));
    pipeline(&place, "bad.yaml", STEPS, &section.replace("argmax: true", "argmax: true\n    interpolation: linear"));
    place.revoxel(&["plan", "bad.yaml"]).bad(2, &["linear would average labels"]);
}

#[test]
fn channels_of_a_decision_are_labels_of_their_own() {
    let place = Place::new();
    pipeline(&place, "p.yaml", STEPS, "");
    run(&place, "p.yaml", "out");
    let model = *place.read("out/a.nii.gz", Kind::Image).grid();
    // Channels that overlap: 0 and 1 hold a large and a small blob, 2 the other way round of the first.
    let both = values(&blobs(&model));
    let (first, second) = both.split_at(model.voxel_count());
    let numbers: Vec<f32> = [second, second, first].concat().iter().map(|v| *v as f32).collect();
    place.volume("three.nii", &Volume::new(numbers.into(), model, Kind::Probability, 3).unwrap());
    let back = |file: &str, steps: &[&str]| {
        let steps: String = steps.iter().map(|step| format!("      - {step}\n")).collect();
        let section = format!(
            "restore:\n  seg:\n    kind: probability\n    fill: 0\n    steps:\n{steps}    output: {{ path: \"{{case}}/{file}.nii\" }}\n"
        );
        pipeline(&place, &format!("{file}.yaml"), STEPS, &section);
        run(&place, &format!("{file}.yaml"), file);
        place.revoxel(&["invert", &format!("{file}/a.json"), "three.nii", "--out", file]).good();
        place.read(&format!("{file}/a/{file}.nii"), Kind::Label)
    };
    for at in ["model", "native"] {
        let threshold = format!("as_discrete: {{ in: {at}, threshold: 0.5 }}");
        let largest = |params: &str| format!("keep_largest_connected_component: {{ in: {at}, {params} }}");
        let raw = back(&format!("{at}-raw"), &[&threshold]);
        let kept = back(&format!("{at}-kept"), &[&threshold, &largest("applied_labels: [1]")]);
        let each = back(&format!("{at}-each"), &[&threshold, &largest("is_onehot: false, applied_labels: [1]")]);
        assert_eq!((raw.channels(), kept.channels(), raw.grid()), (3, 3, &grid()));
        let counts = |volume: &Volume| -> Vec<f64> {
            values(volume).chunks(grid().voxel_count()).map(|channel| channel.iter().sum()).collect()
        };
        let (raw, kept, each) = (counts(&raw), counts(&kept), counts(&each));
        assert!(raw[0] == raw[1] && raw[2] > raw[0] && raw[0] > 0.0, "{at}: {raw:?}");
        // The small blob is gone in channel 1 alone, and in every channel of label maps.
        assert_eq!([kept[0], kept[2]], [raw[0], raw[2]], "{at}");
        assert!(kept[1] > 0.0 && kept[1] < raw[1], "{at}: {kept:?} {raw:?}");
        assert_eq!((each[0], each[1]), (kept[1], kept[1]), "{at}");
    }
    let missing = "restore:\n  seg:\n    kind: probability\n    steps:\n      - as_discrete: { threshold: 0.5 }\n      - fill_holes: \
                   { applied_labels: [3] }\n    output: { path: \"{case}/m.nii\" }\n";
    pipeline(&place, "m.yaml", STEPS, missing);
    run(&place, "m.yaml", "m");
    let parts = ["step 2 (fill_holes)", "applied_labels: there is no channel 3"];
    place.revoxel(&["invert", "m/a.json", "three.nii", "--out", "m"]).bad(1, &parts);
}

#[test]
fn an_image_comes_back_in_the_units_of_its_source() {
    let place = Place::new();
    let scale =
        "  - scale_intensity_range: { a_min: -1000, a_max: 3000, b_min: -1, b_max: 1 }\n  - normalize_intensity: {}\n";
    let exact = "  - orientation: { axcodes: RAS }\n  - spatial_crop: { roi_start: [1, 2, 1], roi_end: [9, 9, 11] }\n";
    let between = scale.replacen("\n  - norm", &format!("\n{exact}  - norm"), 1);
    pipeline(
        &place,
        "p.yaml",
        &between,
        "restore:\n  synth: { kind: image, values: undo, output: { path: \"{case}.nii\", dtype: int16 } }\n",
    );
    let image = run(&place, "p.yaml", "out");
    // The image as it was processed stands for a perfect prediction.
    place.revoxel(&["invert", "out/a.json", "out/a.nii.gz", "--out", "back", "--coverage", "seen.nii"]).good();
    let (back, seen) = (place.read("back/a.nii", Kind::Image), values(&place.read("seen.nii", Kind::Label)));
    assert_eq!((back.grid(), back.dtype()), (&grid(), Dtype::I16));
    let (back, source) = (values(&back), values(&image));
    let lowest = (0..seen.len()).filter(|i| seen[*i] == 1.0).map(|i| source[i]).fold(f64::INFINITY, f64::min);
    for i in 0..seen.len() {
        assert_eq!(back[i], if seen[i] == 1.0 { source[i] } else { lowest }, "voxel {i}");
    }
    // Without it, the model's own units.
    place
        .revoxel(&["invert", "out/a.json", "out/a.nii.gz", "-o", "own.nii", "--restore", "none", "--kind", "image"])
        .good();
    assert!(values(&place.read("own.nii", Kind::Image)).iter().all(|v| v.abs() < 5.0));

    let clipped =
        exact.to_owned() + "  - scale_intensity_range: { a_min: -175, a_max: 250, b_min: 0, b_max: 1, clip: true }\n";
    pipeline(&place, "c.yaml", &clipped, "");
    run(&place, "c.yaml", "clipped");
    let values_of = ["invert", "clipped/a.json", "clipped/a.nii.gz", "-o", "c.nii", "--kind", "image", "--values"];
    place.revoxel(&values_of).bad(2, &["step 3 (scale_intensity_range): clipped to [0, 1]", "--clamp"]);
    place.revoxel(&[&values_of[..], &["--clamp", "--fill", "-1024"]].concat()).good();
    let back = values(&place.read("c.nii", Kind::Image));
    for i in 0..seen.len() {
        let expected = if seen[i] == 1.0 { source[i].clamp(-175.0, 250.0) } else { -1024.0 };
        assert!((back[i] - expected).abs() < 1e-3, "voxel {i}: {} {expected}", back[i]);
    }
    place
        .revoxel(&["invert", "clipped/a.json", "clipped/a.nii.gz", "-o", "d.nii", "--kind", "probability", "--values"])
        .bad(2, &["cannot be undone"]);
}

#[test]
fn folds_and_mirrored_copies_are_averaged_where_the_case_came_from() {
    let place = Place::new();
    pipeline(&place, "p.yaml", STEPS, "");
    pipeline(&place, "m.yaml", &format!("{STEPS}  - flip: {{ spatial_axis: [0, 2] }}\n"), "");
    pipeline(&place, "w.yaml", &format!("{STEPS}  - center_spatial_crop: {{ roi_size: [9, 8, 10] }}\n"), "");
    let mut back = Vec::new();
    for (number, (file, out)) in
        [("p.yaml", "p"), ("p.yaml", "p"), ("m.yaml", "m"), ("w.yaml", "w")].into_iter().enumerate()
    {
        if number != 1 {
            run(&place, file, out);
        }
        let model = *place.read(&format!("{out}/a.nii.gz"), Kind::Image).grid();
        let logits = Draw::new(40 + number as u64).volume(model, Kind::Logit, 3);
        let stretched: Vec<f32> = values(&logits).iter().map(|v| *v as f32 * 8.0 - 4.0).collect();
        place.volume(&format!("l{number}.nii.gz"), &logits.with_voxels(stretched.into()).unwrap());
        let (trace, logits) = (format!("{out}/a.json"), format!("l{number}.nii.gz"));
        let (one, seen) = (format!("one{number}.nii"), format!("seen{number}.nii"));
        place
            .revoxel(&[
                "invert",
                &trace,
                &logits,
                "-o",
                &one,
                "--kind",
                "logit",
                "--activation",
                "softmax",
                "--coverage",
                &seen,
            ])
            .good();
        back.push((values(&place.read(&one, Kind::Probability)), values(&place.read(&seen, Kind::Label))));
    }
    let all = [
        "invert",
        "p/a.json",
        "l0.nii.gz",
        "l1.nii.gz",
        "--with",
        "m/a.json",
        "l2.nii.gz",
        "--with",
        "w/a.json",
        "l3.nii.gz",
        "--kind",
        "logit",
    ];
    place
        .revoxel(&[&all[..], &["-o", "x.nii"]].concat())
        .bad(2, &["logits of several members", "--activation softmax or sigmoid"]);
    let mean = [&all[..], &["--activation", "softmax", "--weights", "1,2,0.5,1.5", "-o", "mean.nii"]].concat();
    let said = place.revoxel(&[&mean[..], &["--json"]].concat()).good().json();
    assert_eq!(said["predictions"], 4);
    let found = values(&place.read("mean.nii", Kind::Probability));
    let weights = [1.0, 2.0, 0.5, 1.5];
    let size = grid().voxel_count();
    for i in 0..3 * size {
        let total: f64 = (0..4).map(|m| weights[m] * back[m].1[i % size]).sum();
        let sum: f64 = (0..4).map(|m| weights[m] * back[m].1[i % size] * back[m].0[i]).sum();
        let expected = if total > 0.0 { sum / total } else { f64::from(u8::from(i < size)) };
        assert!((found[i] - expected).abs() < 1e-5, "{i}: {} {expected}", found[i]);
    }
    let decided =
        [&all[..], &["--activation", "softmax", "--weights", "1,2,0.5,1.5", "-o", "labels.nii", "--argmax"]].concat();
    place.revoxel(&decided).good();
    let labels = values(&place.read("labels.nii", Kind::Label));
    for i in 0..size {
        let best = (0..3).map(|c| found[c * size + i]).fold(0.0, f64::max);
        assert!(found[labels[i] as usize * size + i] > best - 1e-5, "{i}");
    }
    place
        .revoxel(&[&all[..], &["-o", "x.nii", "--activation", "softmax", "--weights", "1,2"]].concat())
        .bad(2, &["2 weights for 4 predictions"]);

    // Another case is not averaged in.
    let affine = grid().affine().with_translation([12.5, -30.0, 40.5]);
    let moved = Grid::new(grid().shape(), affine).unwrap();
    place.volume("other/a.nii.gz", &Draw::new(1).volume(moved, Kind::Image, 1));
    place.revoxel(&["run", "p.yaml", "--data", "other", "--out", "o"]).good();
    let model = *place.read("o/a.nii.gz", Kind::Image).grid();
    place.volume("lo.nii.gz", &Draw::new(2).volume(model, Kind::Logit, 3));
    let strange = [
        "invert",
        "p/a.json",
        "l0.nii.gz",
        "--with",
        "o/a.json",
        "lo.nii.gz",
        "-o",
        "x.nii",
        "--kind",
        "logit",
        "--activation",
        "softmax",
    ];
    place.revoxel(&strange).bad(2, &["l0.nii.gz belongs to", "lo.nii.gz to", "must be identical"]);
    assert!(!place.path("x.nii").exists());
}

#[test]
fn label_maps_of_members_vote() {
    let place = Place::new();
    pipeline(&place, "p.yaml", STEPS, "");
    pipeline(&place, "w.yaml", &format!("{STEPS}  - center_spatial_crop: {{ roi_size: [9, 8, 10] }}\n"), "");
    let mut back = Vec::new();
    for (number, out) in ["p", "p", "p", "w"].into_iter().enumerate() {
        if number % 3 == 0 {
            run(&place, &format!("{out}.yaml"), out);
        }
        let model = *place.read(&format!("{out}/a.nii.gz"), Kind::Image).grid();
        let mut draw = Draw::new(70 + number as u64);
        let labels: Vec<u8> = (0..model.voxel_count()).map(|_| draw.real(0.0, 4.0) as u8).collect();
        let (map, trace) = (format!("v{number}.nii.gz"), format!("{out}/a.json"));
        place.volume(&map, &Volume::new(labels.into(), model, Kind::Label, 1).unwrap());
        let (one, seen) = (format!("vone{number}.nii"), format!("vseen{number}.nii"));
        place.revoxel(&["invert", &trace, &map, "-o", &one, "--kind", "label", "--coverage", &seen]).good();
        back.push((values(&place.read(&one, Kind::Label)), values(&place.read(&seen, Kind::Label))));
    }
    for (members, weights) in [(3, [1.0, 1.0, 1.0, 0.0]), (4, [1.0, 1.0, 1.5, 2.0])] {
        let names: Vec<String> = (0..3).map(|n| format!("v{n}.nii.gz")).collect();
        let mut all = vec!["invert", "p/a.json", &names[0], &names[1], &names[2], "--kind", "label", "-o", "vote.nii"];
        all.push("--overwrite");
        if members == 4 {
            all.extend(["--with", "w/a.json", "v3.nii.gz", "--weights", "1,1,1.5,2"]);
        }
        let said = place.revoxel(&all).good();
        assert!(said.err.contains(&format!("most votes of {members}")), "{}", said.err);
        let vote = place.read("vote.nii", Kind::Label);
        assert_eq!((vote.dtype(), vote.grid()), (Dtype::U8, &grid()));
        for (i, found) in values(&vote).into_iter().enumerate() {
            let votes = |label: f64| -> f64 {
                (0..members).filter(|m| back[*m].0[i] == label && back[*m].1[i] > 0.0).map(|m| weights[m]).sum()
            };
            let most = (0..4).map(|l| votes(f64::from(l))).fold(0.0, f64::max);
            let expected = (0..4).map(f64::from).find(|l| votes(*l) == most).filter(|_| most > 0.0).unwrap_or(0.0);
            assert_eq!(found, expected, "{i}");
        }
    }
}

#[test]
fn regions_are_painted_over_each_other() {
    let place = Place::new();
    pipeline(&place, "p.yaml", "  - orientation: { axcodes: RAS }\n", "");
    run(&place, "p.yaml", "out");
    let model = *place.read("out/a.nii.gz", Kind::Image).grid();
    let logits = Draw::new(3).volume(model, Kind::Logit, 3);
    let numbers: Vec<f32> = values(&logits).iter().map(|v| *v as f32 * 6.0 - 3.0).collect();
    let logits = logits.with_voxels(numbers.clone().into()).unwrap();
    place.volume("l.nii", &logits);
    let arguments = ["invert", "out/a.json", "l.nii", "--kind", "logit", "--regions", "1,2,3", "-o", "r.nii"];
    place.revoxel(&arguments).good();
    place.revoxel(&["convert", "r.nii", "ras.nii", "--orientation", "RAS"]).good();
    // As nnU-Net does it: sigmoid, above one half, in the order of the labels.
    let size = model.voxel_count();
    let painted = |i: usize| (0..3).filter(|c| numbers[c * size + i] > 0.0).map(|c| c as f64 + 1.0).fold(0.0, f64::max);
    let found = values(&place.read("ras.nii", Kind::Label));
    assert!((0..size).all(|i| found[i] == painted(i)));
    assert_eq!(place.read("r.nii", Kind::Label).grid(), &grid());
    place
        .revoxel(&["invert", "out/a.json", "l.nii", "--kind", "logit", "--regions", "1,2,3,4", "-o", "x.nii"])
        .bad(2, &["channel 3 does not exist"]);
}

#[test]
fn traces_of_the_first_version_stay_readable() {
    let path = root().join("tests/fixtures/trace-version-1.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let trace = revoxel_invert::Trace::from_json(&text).unwrap();
    assert!(trace.restore.is_empty());
    // Nothing was lost on reading, and nothing is added on writing.
    let again: Value = serde_json::from_str(&trace.to_json()).unwrap();
    assert_eq!(again, serde_json::from_str::<Value>(&text).unwrap());
    let place = Place::new();
    let record = &trace.volumes["image"];
    let model = record.result.grid.grid().unwrap();
    place.volume("p.nii", &Draw::new(1).volume(model, Kind::Label, 1));
    place.revoxel(&["invert", &path.to_string_lossy(), "p.nii", "-o", "b.nii"]).good();
    assert_eq!(place.read("b.nii", Kind::Label).grid().shape(), record.source.grid.shape);
    let undone = record.undo_values(Draw::new(1).volume(model, Kind::Image, 1), revoxel_invert::Values::Clamp);
    assert!(undone.unwrap_err().to_string().contains("step 4 (scale_intensity_range): the values are lost"));
}

#[test]
fn scores_are_written_slab_by_slab_as_volumes_and_as_half_precision_arrays() {
    let place = Place::new();
    let section =
        "restore:\n  scores:\n    kind: probability\n    output: { path: \"{case}/scores.npy\", dtype: float16 }\n";
    pipeline(&place, "p.yaml", STEPS, section);
    run(&place, "p.yaml", "out");
    let model = *place.read("out/a.nii.gz", Kind::Image).grid();
    let scores = Draw::new(21).volume(model, Kind::Probability, 3).cast(Dtype::F32);
    place.volume("scores.nii", &scores);
    let invert = |more: &[&str]| place.revoxel(&[&["invert", "out/a.json", "scores.nii"], more].concat());
    invert(&["--restore", "none", "--kind", "probability", "-o", "whole.nii.gz"]).good();
    let whole = place.read("whole.nii.gz", Kind::Probability);
    // The library's answer, which is never streamed.
    let trace = revoxel_invert::Trace::from_json(&std::fs::read_to_string(place.path("out/a.json")).unwrap()).unwrap();
    let held = trace.invert(scores, revoxel_invert::Recipe::default()).unwrap().volume;
    assert_eq!((whole.grid().shape(), whole.channels()), (held.grid().shape(), 3));
    assert_eq!(values(&whole), values(&held));
    invert(&["--out", "back"]).good();
    let array = revoxel_io::npy::read_npy(place.path("back/a/scores.npy"), &Default::default()).unwrap();
    assert_eq!(array.shape, [3, 9, 11, 13]);
    let halved = (0..array.voxels.len()).map(|i| array.voxels.get(i));
    for (half, full) in halved.zip(values(&held)) {
        // Eleven bits.
        assert!((half - full).abs() <= full.abs() / 2048.0 + 1e-7, "{half} {full}");
    }
    let bytes = std::fs::metadata(place.path("back/a/scores.npy")).unwrap().len();
    assert_eq!(bytes, 128 + 2 * 3 * 9 * 11 * 13);
    invert(&["--dtype", "float16", "-o", "scores.nii.gz"]).bad(2, &["scores.nii.gz", "float16", ".npy"]);
    assert!(!place.path("scores.nii.gz").exists());
    let wrong = section.replace(".npy", ".nii");
    pipeline(&place, "wrong.yaml", STEPS, &wrong);
    place.revoxel(&["plan", "wrong.yaml"]).bad(2, &["wrong.yaml:13:", "only .npy files can store float16"]);
}

#[test]
fn tensors_for_models_are_written_as_arrays() {
    let place = Place::new();
    pipeline(&place, "p.yaml", STEPS, "");
    run(&place, "p.yaml", "out");
    let text = std::fs::read_to_string(place.path("p.yaml")).unwrap();
    let output = "image: { path: \"{case}.npy\", dtype: float16 }";
    place.text("arrays.yaml", &text.replace("image: { path: \"{case}.nii.gz\" }\ntrace", &format!("{output}\ntrace")));
    place.revoxel(&["run", "arrays.yaml", "--data", "data", "--out", "arrays"]).good();
    let array = revoxel_io::npy::read_npy(place.path("arrays/a.npy"), &Default::default()).unwrap();
    let volume = place.read("out/a.nii.gz", Kind::Image);
    let [x, y, z] = volume.grid().shape();
    assert_eq!(array.shape, [1, z, y, x]);
    for (i, full) in values(&volume).into_iter().enumerate() {
        assert!((array.voxels.get(i) - full).abs() <= full.abs() / 2048.0 + 1e-7);
    }
    let trace: Value = serde_json::from_str(&std::fs::read_to_string(place.path("arrays/a.json")).unwrap()).unwrap();
    assert_eq!(trace["volumes"]["image"]["result"]["dtype"], "float16");
}

/// A pipeline of one label map, on the model's grid a crop of it, and a prediction there of 0 and 1.
fn cropped_labels(place: &Place, restore: &str, dtype: &str) {
    let text = format!(
        "version: 1\ninputs:\n  seg: {{ kind: label, path: \"{{case}}.nii.gz\" }}\nsteps:\n  - center_spatial_crop: {{ roi_size: \
         [9, 8, 7] }}\noutputs:\n  seg: {{ path: \"{{case}}.nii.gz\"{dtype} }}\n{restore}trace: \"{{case}}.json\"\n"
    );
    place.text("p.yaml", &text);
}

#[test]
fn labels_stay_themselves_whatever_their_type() {
    let place = Place::new();
    let size = grid().voxel_count();
    let seg: Vec<i16> = (0..size).map(|i| [0, 1, 2, 300][i % 4]).collect();
    place.volume("data/a.nii.gz", &Volume::new(seg.into(), grid(), Kind::Label, 1).unwrap());
    // What only the voxels tell: the case fails, nothing is written.
    cropped_labels(&place, "", ", dtype: uint8");
    place.revoxel(&["plan", "p.yaml"]).good();
    let run = ["run", "p.yaml", "--data", "data", "--out", "bad"];
    place.revoxel(&run).bad(1, &["seg: label 300", "uint8", "declare a dtype"]);
    assert!(!place.path("bad/a.nii.gz").exists());
    let restore = "restore:\n  s:\n    kind: label\n    volume: seg\n    steps:\n      - map_label_value: { orig_labels: [1], \
                   target_labels: [-1] }\n    output: { path: \"{case}/s.nii.gz\" }\n";
    cropped_labels(&place, restore, "");
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    let model = *place.read("out/a.nii.gz", Kind::Label).grid();
    let ones: Vec<u8> = (0..model.voxel_count()).map(|i| (i % 2) as u8).collect();
    place.volume("ones.nii.gz", &Volume::new(ones.into(), model, Kind::Label, 1).unwrap());
    place.revoxel(&["invert", "out/a.json", "ones.nii.gz", "--out", "back"]).good();
    let back = place.read("back/a/s.nii.gz", Kind::Label);
    assert_eq!((labels(&back), back.dtype()), (vec![-1.0, 0.0], Dtype::I8));
    let invert = |file: &str, more: &[&str]| {
        let all = [&["invert", "out/a.json", file, "-o", "x.nii.gz", "--overwrite"], more].concat();
        place.revoxel(&all)
    };
    invert("ones.nii.gz", &["--dtype", "uint8"]).bad(1, &["label -1 does not fit into uint8"]);
    let none = ["--restore", "none", "--kind", "label"];
    for (fill, dtype) in [("300", Dtype::U16), ("-1", Dtype::I8)] {
        invert("ones.nii.gz", &[&none[..], &["--fill", fill]].concat()).good();
        let back = place.read("x.nii.gz", Kind::Label);
        let mut expected = vec![0.0, 1.0, fill.parse().unwrap()];
        expected.sort_by(f64::total_cmp);
        assert_eq!((labels(&back), back.dtype()), (expected, dtype));
        assert_eq!(back.value([0, 0, 0], 0), fill.parse::<f64>().unwrap());
    }
    invert("ones.nii.gz", &[&none[..], &["--fill", "0.5"]].concat()).bad(2, &["fill 0.5", "whole numbers"]);
    let small = [&none[..], &["--fill", "300", "--dtype", "uint8"]].concat();
    invert("ones.nii.gz", &small).bad(2, &["label 300 does not fit into uint8"]);
    let count = model.voxel_count();
    let scores: Vec<f32> = (0..2 * count).map(|i| ((i % count + i / count) % 3) as f32 / 2.0).collect();
    place.volume("scores.nii.gz", &Volume::new(scores.into(), model, Kind::Probability, 2).unwrap());
    let none = ["--restore", "none", "--kind", "probability"];
    for decision in [&["--argmax"][..], &["--regions", "2,1"]] {
        invert("scores.nii.gz", &[&none[..], decision, &["--fill", "7"]].concat()).good();
        let back = place.read("x.nii.gz", Kind::Label);
        assert_eq!((back.value([0, 0, 0], 0), back.dtype()), (7.0, Dtype::U8));
        assert!(labels(&back).contains(&1.0));
    }
    let large = [&none[..], &["--regions", "300,1", "--dtype", "uint8"]].concat();
    invert("scores.nii.gz", &large).bad(2, &["label 300 does not fit into uint8"]);
    invert("scores.nii.gz", &[&none[..], &["--regions", "0,1"]].concat()).bad(2, &["label 0 is the background"]);
    invert("scores.nii.gz", &[&none[..], &["--interpolation", "label"]].concat())
        .bad(2, &["interpolation label", "of kind probability"]);
    // Sigmoid: of regions none is the background.
    let sigmoid = ["--restore", "none", "--kind", "logit", "--activation", "sigmoid"];
    invert("scores.nii.gz", &sigmoid).good();
    let back = place.read("x.nii.gz", Kind::Probability);
    assert_eq!([back.value([0, 0, 0], 0), back.value([0, 0, 0], 1)], [0.0, 0.0]);
    // Weights by channel, and weights that are none.
    let two = |weights: &str| {
        let all = ["invert", "out/a.json", "scores.nii.gz", "scores.nii.gz", "-o", "x.nii.gz", "--overwrite"];
        place.revoxel(&[&all[..], &none, &["--weights", weights]].concat())
    };
    two("1,2;3,1").good();
    let mean = place.read("x.nii.gz", Kind::Probability);
    invert("scores.nii.gz", &none).good();
    let single = values(&place.read("x.nii.gz", Kind::Probability));
    assert!(values(&mean).iter().zip(single).all(|(a, b)| (a - b).abs() < 1e-6));
    two("1,2,3;3,1,1").bad(2, &["3 weights for 2 channels"]);
    two("1,2;3,1;1,1").bad(2, &["--weights: weights of 3 predictions for 2"]);
    two("1,2,3").bad(2, &["3 weights for 2 predictions"]);
    two("1e308,1e308").bad(2, &["add up to inf"]);
    two("1e200,1").bad(2, &["weight 1e200"]);
}
