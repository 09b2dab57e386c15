//! All predictions of a run: what is checked before the first is written, what is said, and where their references are.

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Dtype, Grid, Kind, Volume};
use serde_json::Value;

use crate::support::{Place, values};

const PIPELINE: &str = "\
version: 1
inputs:
  image: { kind: image, path: \"images/{case}.nii.gz\" }
  label: { kind: label, path: \"labels/{case}.nii.gz\", optional: true }
steps:
  - orientation: { axcodes: PIR }
  - divisible_pad: { k: 4 }
outputs:
  image: { path: \"{case}/image.nii.gz\" }
  label: { path: \"{case}/label.nii.gz\" }
trace: \"{case}/trace.json\"
";

/// The same with a prediction of scores.
fn restoring(entry: &str) -> String {
    format!("{PIPELINE}restore:\n  seg:\n    kind: logit\n    output: {{ path: \"{{case}}/seg.nii.gz\" }}\n{entry}")
}

fn grid() -> Grid {
    let rows = [[0.25, -1.5, 0.5, 12.5], [-1.25, -0.25, 0.0, -30.0], [0.0, 0.25, -2.5, 40.25]];
    Grid::new([7, 6, 5], Affine::from_rows(rows)).unwrap()
}

fn label(seed: u64) -> Volume {
    Draw::new(seed).volume(grid(), Kind::Label, 1)
}

/// A dataset of three scans with labels, run; the labels on the model's grid are the predictions.
fn dataset(pipeline: &str) -> Place {
    let place = Place::new();
    for number in 0..3 {
        let image = Draw::new(50 + number).volume(grid(), Kind::Image, 1).cast(Dtype::I16);
        place.volume(&format!("data/images/c{number}.nii.gz"), &image);
        place.volume(&format!("data/labels/c{number}.nii.gz"), &label(number));
    }
    place.text("p.yaml", pipeline);
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    for case in ["c0", "c1", "c2"] {
        copy(&place, &format!("out/{case}/label.nii.gz"), &format!("predictions/{case}.nii.gz"));
    }
    place
}

fn copy(place: &Place, from: &str, to: &str) {
    let to = place.path(to);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(place.path(from), to).unwrap();
}

fn outcomes(report: &Value) -> Vec<String> {
    let one = |case: &Value| format!("{} {}", case["case"].as_str().unwrap(), case["outcome"].as_str().unwrap());
    report["cases"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn label_maps_are_labels_already_where_the_pipeline_would_decide() {
    let entry = "    activation: softmax\n    argmax: true\n    interpolation: linear\n    steps:\n      \
                 - remove_small_objects: { in: native, min_size_voxels: 1 }\n";
    let place = dataset(&restoring(entry));
    let said = place.revoxel(&["invert", "out", "predictions", "--out", "restored"]).good();
    assert_eq!(said.err.matches("labels already: argmax not needed").count(), 1, "{}", said.err);
    assert!(said.err.contains("interpolation: copied\n"), "{}", said.err);
    for number in 0..3 {
        let back = place.read(&format!("restored/c{number}/seg.nii.gz"), Kind::Label);
        assert_eq!(values(&back), values(&label(number)), "c{number}");
    }
    let report = place.revoxel(&["invert", "out", "predictions", "-o", "again", "--json"]).good().json();
    assert_eq!(report["interpolations"], serde_json::json!(["copied"]));
    assert_eq!((&report["cases"][0]["labels_already"], &report["cases"][0]["kind"]), (&true.into(), &"label".into()));
    // One case alone is the same.
    let one = ["invert", "out/c1/trace.json", "predictions/c1.nii.gz", "--out", "one"];
    let said = place.revoxel(&one).good();
    assert!(said.err.contains("labels already: argmax not needed"), "{}", said.err);
    let bytes = |name: &str| std::fs::read(place.path(name)).unwrap();
    assert_eq!(bytes("one/c1/seg.nii.gz"), bytes("restored/c1/seg.nii.gz"));
    // What was typed is done, or is an error.
    for typed in [&["--argmax"][..], &["--kind", "logit"], &["--interpolation", "linear"]] {
        let said = place.revoxel(&[&one[..4], &["typed"], typed].concat());
        assert_eq!(said.code, 2, "{typed:?}: {said:?}");
        assert!(!place.path("typed").exists(), "{typed:?}");
    }
    // Floating point may be scores, a scan is no label map, and neither goes with labels.
    let model = place.read("predictions/c1.nii.gz", Kind::Label);
    place.volume("float.nii.gz", &model.clone().with_kind(Kind::Image).cast(Dtype::F32));
    let scan: Vec<i16> = values(&model).iter().map(|v| *v as i16 * 40 - 1000).collect();
    place.volume("scan.nii.gz", &Volume::new(scan.into(), *model.grid(), Kind::Image, 1).unwrap());
    let t = |files: &[&str], parts: &[&str]| {
        place.revoxel(&[&["invert", "out/c1/trace.json", "-o", "bad.nii.gz"], files].concat()).bad(2, parts);
    };
    t(&["float.nii.gz"], &["argmax needs a prediction with one channel per class"]);
    t(&["scan.nii.gz"], &["whole numbers below -1"]);
    t(&["predictions/c1.nii.gz", "float.nii.gz"], &["predictions/c1.nii.gz is a label map, and float.nii.gz is not"]);
}

#[test]
fn label_maps_of_regions_have_the_labels_that_are_painted() {
    let highest = (0..3).flat_map(|seed| values(&label(seed))).fold(0.0, f64::max) as u16;
    assert!(highest > 1, "the maps have too few labels for this test");
    let regions = |most: u16| {
        let paint: Vec<String> = (1..=most).map(|l| format!("{{ channel: {}, label: {l} }}", l - 1)).collect();
        format!("    regions: {{ paint: [{}] }}\n", paint.join(", "))
    };
    let place = dataset(&restoring(&regions(highest)));
    let said = place.revoxel(&["invert", "out", "predictions", "-o", "restored"]).good();
    assert!(said.err.contains("labels already"), "{}", said.err);
    assert_eq!(values(&place.read("restored/c2/seg.nii.gz", Kind::Label)), values(&label(2)));
    // A label that no region has is of another model.
    let place = dataset(&restoring(&regions(1)));
    let said = place.revoxel(&["invert", "out", "predictions", "-o", "restored", "--keep-going"]).told(1);
    assert!(said.err.contains("restore.seg paints no label "), "{}", said.err);
    // A step on scores has none to work on.
    let place =
        dataset(&restoring("    argmax: true\n    steps:\n      - activations: { in: model, softmax: true }\n"));
    let said = place.revoxel(&["invert", "out", "predictions", "-o", "restored"]);
    said.bad(2, &["nothing was written", "case c0: ", "step 1 (activations) works on scores", "--restore NAME"]);
}

#[test]
fn everything_that_headers_tell_is_said_before_the_first_result() {
    let place = dataset(PIPELINE);
    let other = Grid::new([4, 4, 4], *grid().affine()).unwrap();
    place.volume("predictions/c1.nii.gz", &Draw::new(1).volume(other, Kind::Label, 1));
    std::fs::write(place.path("predictions/c2.nii.gz"), "no volume").unwrap();
    let all = ["invert", "out", "predictions", "-o", "restored"];
    place.revoxel(&all).bad(2, &["nothing was written", "case c1: ", "the pipeline's result lies on", "case c2: "]);
    assert!(!place.path("restored").exists());
    let report = place.revoxel(&[&all[..], &["--keep-going", "--json"]].concat()).told(1).json();
    assert_eq!(outcomes(&report), ["c0 done", "c1 failed", "c2 failed"]);
    assert!(report["cases"][1]["problem"].as_str().unwrap().contains("--assume-grid"), "{report}");
    // With nothing to go on with, nothing is written.
    std::fs::remove_file(place.path("predictions/c0.nii.gz")).unwrap();
    place.revoxel(&["invert", "out", "predictions", "-o", "x", "--keep-going"]).bad(2, &["nothing was written"]);
    // Predictions of one case that differ in channels.
    for case in ["c0", "c1", "c2"] {
        let model = *place.read(&format!("out/{case}/label.nii.gz"), Kind::Label).grid();
        for (fold, channels) in [("fold_0", 2), ("fold_1", if case == "c1" { 3 } else { 2 })] {
            let scores = Draw::new(7).volume(model, Kind::Logit, channels);
            place.volume(&format!("folds/{fold}/{case}.nii.gz"), &scores);
        }
    }
    let folds = ["invert", "out", "folds", "-o", "y", "--kind", "logit", "--argmax", "--activation", "softmax"];
    place.revoxel(&folds).bad(2, &["case c1: folds/fold_0/c1.nii.gz has 2 channels and folds/fold_1/c1.nii.gz has 3"]);
    assert!(!place.path("y").exists());
}

#[test]
fn results_replace_nothing_that_is_read_or_was_run() {
    let place = dataset(PIPELINE);
    let before = std::fs::read(place.path("predictions/c0.nii.gz")).unwrap();
    let over = ["invert", "out", "predictions", "-o", "predictions", "--overwrite"];
    place.revoxel(&over).bad(2, &["predictions/c0.nii.gz is a prediction and cannot also be the result of case c0"]);
    assert_eq!(std::fs::read(place.path("predictions/c0.nii.gz")).unwrap(), before);
    // Nor is what the run wrote: here its images have the names of the results.
    place.text("q.yaml", &PIPELINE.replace("{case}/image.nii.gz", "{case}.nii.gz"));
    place.revoxel(&["run", "q.yaml", "--data", "data", "--out", "flat"]).good();
    let before = std::fs::read(place.path("flat/c0.nii.gz")).unwrap();
    let over = ["invert", "flat", "predictions", "-o", "flat", "--overwrite"];
    place.revoxel(&over).bad(2, &["flat/c0.nii.gz is an output of the run and cannot also be the result of case c0"]);
    assert_eq!(std::fs::read(place.path("flat/c0.nii.gz")).unwrap(), before);
    // -o and --out are one thing here: a folder.
    let with = |more: &[&str]| place.revoxel(&[&["invert", "out", "predictions"], more].concat());
    with(&["-o", "one.nii.gz"]).bad(2, &["-o one.nii.gz: a file, but all predictions of a run need a folder"]);
    with(&["-o", "a", "--out", "b"]).bad(2, &["cannot be used with"]);
    with(&[]).bad(2, &["pass -o DIR"]);
    with(&["--out", "restored"]).good();
    assert!(place.path("restored/c2.nii.gz").exists());
    place.text("file", "x");
    with(&["-o", "file/below"]).bad(2, &["case c0: ", "cannot be written, because file is not a folder"]);
    // For one case -o is a file.
    let one = ["invert", "out/c0/trace.json", "predictions/c0.nii.gz", "-o", "restored"];
    place.revoxel(&one).bad(2, &["-o restored is a folder: name the file, or pass --out restored"]);
}

#[test]
fn files_that_compete_for_a_case_are_named() {
    let place = dataset(PIPELINE);
    for name in ["a", "b"] {
        copy(&place, "predictions/c1.nii.gz", &format!("mine/c1/{name}.nii.gz"));
    }
    copy(&place, "predictions/c0.nii.gz", "mine/c0/only.nii.gz");
    copy(&place, "predictions/c2.nii.gz", "mine/c2.nii.gz");
    let said = place.revoxel(&["invert", "out", "mine", "-o", "restored"]).told(1);
    assert!(
        said.err.contains("case c1 (2 files compete: mine/c1/a.nii.gz, mine/c1/b.nii.gz; keep the one to use"),
        "{}",
        said.err
    );
    assert!(!said.err.contains("no case is called like it"), "{}", said.err);
    assert!(said.err.contains("3 cases: 2 done, 1 without prediction"), "{}", said.err);
    // A path with `*` that several files match, and files that match it and have no case.
    copy(&place, "predictions/c0.nii.gz", "star/c0/x_1.nii.gz");
    for name in ["c1/x_1", "c1/x_2", "d/x_1"] {
        copy(&place, "predictions/c1.nii.gz", &format!("star/{name}.nii.gz"));
    }
    let said = place.revoxel(&["invert", "out", "mine/../star/{case}/x_*.nii.gz", "-o", "star-out"]).told(1);
    for part in ["case c1 (2 files compete: ", "case c2: no prediction", "star/d/x_1.nii.gz: no case is called like it"]
    {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    place.revoxel(&["invert", "out", "star/{case}.npy", "-o", "z"]).bad(2, &["no predictions here"]);
}

#[cfg(unix)]
#[test]
fn a_stopped_inversion_goes_on_to_the_same_bytes() {
    let place = Place::new();
    let rows = [[1.0, 0.25, 0.0, 5.0], [-0.25, 1.0, 0.0, -7.0], [0.0, 0.0, 1.5, 11.0]];
    let grid = Grid::new([110, 100, 60], Affine::from_rows(rows)).unwrap();
    for case in 0..3 {
        let label = Draw::new(case).volume(grid, Kind::Label, 1);
        place.volume(&format!("data/images/{case}.nii.gz"), &label.clone().with_kind(Kind::Image));
        place.volume(&format!("data/labels/{case}.nii.gz"), &label);
    }
    place.text("p.yaml", &PIPELINE.replace("  - divisible_pad: { k: 4 }\n", "  - spacing: { pixdim: 4 }\n"));
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    for case in 0..3 {
        copy(&place, &format!("out/{case}/label.nii.gz"), &format!("predictions/{case}.nii.gz"));
    }
    let all = ["invert", "out", "predictions", "--jobs", "1", "--interpolation", "label", "--resume", "-o"];
    place.revoxel(&[&all[..], &["whole"]].concat()).good();
    // On a busy machine all may be done before the signal comes: then it is tried again.
    let tries = (0..10).map(|_| {
        let _ = std::fs::remove_dir_all(place.path("back"));
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_revoxel-under-test"))
            .args(all)
            .arg("back")
            .current_dir(place.path(""))
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        while !place.path("back/0.nii.gz").exists() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let id = child.id().to_string();
        let _ = std::process::Command::new("kill").args(["-s", "INT", &id]).status();
        child.wait_with_output().unwrap()
    });
    let said_by = |ended: &std::process::Output| String::from_utf8_lossy(&ended.stderr).into_owned();
    let is_between = |ended: &std::process::Output| !ended.status.success() && !said_by(ended).contains("3 of 3 cases");
    let ended = tries.into_iter().find(is_between).expect("no inversion was interrupted");
    let said = said_by(&ended);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("stopped by Ctrl-C (SIGINT): ") && said.contains("of 3 cases done"), "{said}");
    assert!(said.contains("continue with the same command and --resume"), "{said}");
    assert!(place.files().iter().all(|file| !file.ends_with(".partial")), "{:?}", place.files());
    let report = place.revoxel(&[&all[..], &["back", "--json"]].concat()).good().json();
    assert_eq!(report["cases"][2]["outcome"], "done", "{report}");
    assert_eq!(report["interpolations"], serde_json::json!(["label"]));
    for case in 0..3 {
        let bytes = |folder: &str| std::fs::read(place.path(&format!("{folder}/{case}.nii.gz"))).unwrap();
        assert_eq!(bytes("back"), bytes("whole"), "{case}");
    }
}

#[test]
fn references_are_what_the_run_read() {
    let place = dataset(&restoring("    argmax: true\n"));
    place.revoxel(&["invert", "out", "predictions", "-o", "restored"]).good();
    let score = |more: &[&str]| place.revoxel(&[&["score", "restored"], more].concat());
    let by_run = score(&["--run", "out", "--json"]).good().json();
    let by_path =
        place.revoxel(&["score", "restored/{case}/seg.nii.gz", "--reference", "data/labels", "--json"]).good().json();
    assert_eq!(by_run, by_path);
    assert_eq!(by_run["cases"].as_array().unwrap().len(), 3);
    assert!(by_run["labels"].as_array().unwrap().iter().all(|label| label["dice"]["min"] == 1.0), "{by_run}");
    score(&[]).bad(2, &["--reference"]);
    score(&["--run", "out", "--reference", "data/labels"]).bad(2, &["cannot be used with"]);
    score(&["--run", "data"]).bad(2, &["no traces in this folder"]);
    score(&["--run", "out", "--key", "lesion"]).bad(2, &["no label input \"lesion\"; its label inputs are label"]);
    // A case without a result, and a result without a case.
    std::fs::rename(place.path("restored/c2"), place.path("restored/d2")).unwrap();
    let said = score(&["--run", "out"]).told(1);
    assert!(said.err.contains("labels/c2.nii.gz: no result for it"), "{}", said.err);
    assert!(said.err.contains("restored/d2/seg.nii.gz: no reference for it"), "{}", said.err);
    std::fs::rename(place.path("restored/d2"), place.path("restored/c2")).unwrap();
    // Two results of one case.
    copy(&place, "restored/c1/seg.nii.gz", "restored/c1.nii.gz");
    score(&["--run", "out"]).bad(2, &["case c1: ", "restored/c1/seg.nii.gz and restored/c1.nii.gz compete"]);
    std::fs::remove_file(place.path("restored/c1.nii.gz")).unwrap();
    // The references must be those that were read.
    std::fs::rename(place.path("data"), place.path("moved")).unwrap();
    score(&["--run", "out"]).bad(2, &["labels/c0.nii.gz, which the run read, is not there", "--data DIR"]);
    score(&["--run", "out", "--data", "moved"]).good();
    copy(&place, "moved/labels/c0.nii.gz", "moved/labels/c1.nii.gz");
    score(&["--run", "out", "--data", "moved"]).bad(2, &["case c1: moved/labels/c1.nii.gz has changed since"]);
}

#[test]
fn references_of_several_label_inputs_and_of_a_single_case() {
    let place = Place::new();
    place.volume("data/images/a.nii.gz", &Draw::new(50).volume(grid(), Kind::Image, 1).cast(Dtype::I16));
    place.volume("data/labels/a.nii.gz", &label(1));
    place.volume("data/lesions/a.nii.gz", &label(2));
    let more = "labels/{case}.nii.gz\", optional: true }\n  lesion: { kind: label, path: \"lesions/{case}.nii.gz\" }\n";
    let text = PIPELINE.replace("labels/{case}.nii.gz\", optional: true }\n", more);
    place.text("p.yaml", &text.replace("trace:", "  lesion: { path: \"{case}/lesion.nii.gz\" }\ntrace:"));
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    copy(&place, "data/lesions/a.nii.gz", "results/a.nii.gz");
    let score = |more: &[&str]| place.revoxel(&[&["score", "results", "--run", "out"], more].concat());
    score(&[]).bad(2, &["several label inputs (label, lesion): choose one", "--key NAME"]);
    // A run of one case leaves no record of its data folder.
    score(&["--key", "lesion"]).bad(2, &["no record of the data folder", "--data DIR"]);
    let report = score(&["--key", "lesion", "--data", "data", "--json"]).good().json();
    assert!(report["labels"].as_array().unwrap().iter().all(|label| label["dice"]["min"] == 1.0), "{report}");
    let report = score(&["--key", "label", "--data", "data", "--json"]).good().json();
    assert!(report["labels"].as_array().unwrap().iter().any(|label| label["dice"]["min"] != 1.0), "{report}");
}

#[test]
fn a_case_of_which_a_copy_has_no_prediction_is_not_restored() {
    let text = PIPELINE.replace("steps:", "seed: 3\ncopies: 2\nsteps:\n  - rand_flip: { prob: 1, spatial_axis: 0 }");
    let place = Place::new();
    for case in ["a", "b"] {
        place.volume(
            &format!("data/images/{case}.nii.gz"),
            &Draw::new(1).volume(grid(), Kind::Image, 1).cast(Dtype::I16),
        );
        place.volume(&format!("data/labels/{case}.nii.gz"), &label(2));
    }
    place.text("p.yaml", &text.replace("{case}/", "{case}/{copy}_"));
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    for (case, copy) in [("a", 0), ("a", 1), ("b", 0)] {
        self::copy(&place, &format!("out/{case}/{copy}_label.nii.gz"), &format!("predictions/{case}_{copy}.nii.gz"));
    }
    let said = place.revoxel(&["invert", "out", "predictions", "-o", "home", "--kind", "label"]).told(1);
    assert!(said.err.contains("case b/1: no prediction"), "{}", said.err);
    assert!(place.path("home/a.nii.gz").exists() && !place.path("home/b.nii.gz").exists());
    assert_eq!(values(&place.read("home/a.nii.gz", Kind::Label)), values(&label(2)));
}

#[test]
fn scans_of_the_case_are_not_replaced() {
    let place = dataset(PIPELINE);
    let bytes = |file: &str| std::fs::read(place.path(file)).unwrap();
    let before = bytes("data/labels/c0.nii.gz");
    let all = ["invert", "out", "predictions", "-o", "data/labels", "--kind", "label", "--overwrite"];
    place.revoxel(&all).told(2);
    let one = ["invert", "out/c0/trace.json", "predictions/c0.nii.gz", "-o", "data/images/c0.nii.gz", "--overwrite"];
    place.revoxel(&[&one[..], &["--kind", "label"]].concat()).bad(2, &["data/images/c0.nii.gz", "is not replaced"]);
    assert_eq!(bytes("data/labels/c0.nii.gz"), before);
}

/// Scores of this many channels on the model's grid of a case.
fn scores(place: &Place, case: &str, channels: usize, file: &str) {
    let model = *place.read(&format!("out/{case}/label.nii.gz"), Kind::Label).grid();
    place.volume(file, &Draw::new(9).volume(model, Kind::Image, channels).cast(Dtype::F32));
}

#[test]
fn kinds_and_activations_are_checked_before_the_first_result() {
    let place = dataset(PIPELINE);
    std::fs::remove_dir_all(place.path("predictions")).unwrap();
    for case in ["c0", "c1", "c2"] {
        scores(&place, case, 3, &format!("predictions/{case}.nii.gz"));
        for fold in ["fold_0", "fold_1"] {
            scores(&place, case, 3, &format!("folds/{fold}/{case}.nii.gz"));
        }
    }
    let t = |more: &[&str], parts: &[&str]| {
        let all = [&["nothing was written", "case c0: ", "case c2: "], parts].concat();
        place.revoxel(&[&["invert", "out"], more, &["-o", "restored"]].concat()).bad(2, &all);
        assert!(!place.path("restored").exists(), "{more:?}");
    };
    // What several channels are, nobody says.
    t(&["predictions"], &["cannot infer the kind of values (several channels)", "--kind"]);
    t(&["folds", "--kind", "logit"], &["logits of several members: choose the activation"]);
    t(&["predictions", "--kind", "probability", "--activation", "softmax"], &["softmax needs logits"]);
    t(&["predictions", "--kind", "image", "--interpolation", "label"], &["interpolation label is for labels"]);
    t(&["folds", "--kind", "probability", "--weights", "1,2;3,4"], &["2 weights for 3 channels"]);
    // With one of three in order, the others are told, and it is done.
    scores(&place, "c1", 1, "predictions/c1.nii.gz");
    let said = place.revoxel(&["invert", "out", "predictions", "-o", "restored", "--argmax"]);
    said.bad(2, &["nothing was written", "case c1: ", "argmax needs a prediction with one channel per class"]);
    place.revoxel(&["invert", "out", "folds", "-o", "restored", "--kind", "logit", "--activation", "softmax"]).good();
}

#[test]
fn what_was_looked_for_and_found_is_said() {
    let place = dataset(PIPELINE);
    std::fs::remove_dir_all(place.path("predictions")).unwrap();
    copy(&place, "out/c0/label.nii.gz", "predictions/seg-c0.nii.gz");
    let said = place.revoxel(&["invert", "out", "predictions", "-o", "restored", "--kind", "label"]);
    let parts = ["of case c0, looked for c0.npy", "(or another ending)", "found predictions/seg-c0.nii.gz", "{case}"];
    said.bad(2, &parts);
    // With copies, the name of a case may be that of a copy of another.
    let text = PIPELINE.replace("steps:", "seed: 3\ncopies: 2\nsteps:\n  - rand_flip: { prob: 1, spatial_axis: 0 }");
    let place = Place::new();
    for case in ["s", "s_1"] {
        let image = Draw::new(1).volume(grid(), Kind::Image, 1).cast(Dtype::I16);
        place.volume(&format!("data/images/{case}.nii.gz"), &image);
        place.volume(&format!("data/labels/{case}.nii.gz"), &label(2));
    }
    place.text("p.yaml", &text.replace("{case}/", "{case}/{copy}_"));
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    for (case, copy, name) in [("s", 0, "s_0"), ("s", 1, "s_1"), ("s_1", 0, "s_1_0"), ("s_1", 1, "s_1_1")] {
        self::copy(&place, &format!("out/{case}/{copy}_label.nii.gz"), &format!("predictions/{name}.nii.gz"));
    }
    let all = ["invert", "out", "predictions", "-o", "home", "--kind", "label"];
    let said = place.revoxel(&all).told(1);
    for part in [
        "case s/1: no prediction",
        "predictions/s_1.nii.gz: not used: case s_1 has 2 copies: call it s_1/0, s_1/1 …; for copy 1 of case s, call it s/1",
    ] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    // What it says is right.
    copy(&place, "predictions/s_1.nii.gz", "predictions/s/1.nii.gz");
    std::fs::remove_file(place.path("predictions/s_1.nii.gz")).unwrap();
    let all = [&all[..], &["--overwrite"]].concat();
    place.revoxel(&all).good();
    assert_eq!(values(&place.read("home/s.nii.gz", Kind::Label)), values(&label(2)));
}
