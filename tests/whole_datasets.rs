//! All predictions of a run brought back and scored, as a user does it: with one command each.

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Dtype, Grid, Kind, Volume};
use revoxel_io::npy::{Tensor, write_npy};
use serde_json::Value;

use crate::support::{Place, values};

const PIPELINE: &str = "\
version: 1
inputs:
  image: { kind: image, path: \"images/{case}.nii.gz\" }
steps:
  - orientation: { axcodes: PIR }
  - divisible_pad: { k: 4 }
outputs:
  image: { path: \"{case}/image.nii.gz\" }
trace: \"{case}/trace.json\"
";

fn grid() -> Grid {
    let rows = [[0.25, -1.5, 0.5, 12.5], [-1.25, -0.25, 0.0, -30.0], [0.0, 0.25, -2.5, 40.25]];
    Grid::new([7, 6, 5], Affine::from_rows(rows)).unwrap()
}

/// A dataset of three scans with labels, run.
fn dataset() -> (Place, Vec<Volume>) {
    let place = Place::new();
    let labels: Vec<Volume> = (0..3).map(|seed| Draw::new(seed).volume(grid(), Kind::Label, 1)).collect();
    for (number, label) in labels.iter().enumerate() {
        let image = Draw::new(50 + number as u64).volume(grid(), Kind::Image, 1).cast(Dtype::I16);
        place.volume(&format!("data/images/c{number}.nii.gz"), &image);
        place.volume(&format!("data/labels/c{number}.nii.gz"), label);
    }
    place.text("p.yaml", PIPELINE);
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    (place, labels)
}

/// The labels of a case on the model's grid, as a model would give them: by the same pipeline with other inputs.
fn predict(place: &Place) {
    let text = PIPELINE.replace("kind: image, path: \"images", "kind: label, path: \"labels");
    place.text("model.yaml", &text);
    place.revoxel(&["run", "model.yaml", "--data", "data", "--out", "model"]).good();
    for case in ["c0", "c1", "c2"] {
        let from = place.path(&format!("model/{case}/image.nii.gz"));
        let to = place.path(&format!("predictions/{case}.nii.gz"));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
}

fn outcomes(report: &Value) -> Vec<String> {
    let one = |case: &Value| format!("{} {}", case["case"].as_str().unwrap(), case["outcome"].as_str().unwrap());
    report["cases"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn all_predictions_of_a_run_come_home_and_are_scored() {
    let (place, labels) = dataset();
    predict(&place);
    let all = ["invert", "out", "predictions", "-o", "restored", "--json"];
    let report = place.revoxel(&all).good().json();
    assert_eq!(outcomes(&report), ["c0 done", "c1 done", "c2 done"]);
    for (number, label) in labels.iter().enumerate() {
        let back = place.read(&format!("restored/c{number}.nii.gz"), Kind::Label);
        assert_eq!(values(&back), values(label), "c{number}");
        assert_eq!(back.grid(), label.grid());
    }
    // One case gives what the command for one case gives, byte for byte.
    place.revoxel(&["invert", "out/c1/trace.json", "predictions/c1.nii.gz", "-o", "one.nii.gz"]).good();
    let bytes = |name: &str| std::fs::read(place.path(name)).unwrap();
    assert_eq!(bytes("one.nii.gz"), bytes("restored/c1.nii.gz"));
    // What is there is not replaced, and done again only where something changed.
    place.revoxel(&all).bad(2, &["nothing was written", "exists already"]);
    let again = ["invert", "out", "predictions", "-o", "restored", "--resume", "--json"];
    assert_eq!(
        outcomes(&place.revoxel(&again).good().json()),
        ["c0 done_already", "c1 done_already", "c2 done_already"]
    );
    std::fs::copy(place.path("predictions/c0.nii.gz"), place.path("predictions/c1.nii.gz")).unwrap();
    std::fs::write(place.path("restored/c2.nii.gz"), "torn").unwrap();
    assert_eq!(outcomes(&place.revoxel(&again).good().json()), ["c0 done_already", "c1 done", "c2 done"]);
    // Scores: two cases are right, one has the labels of another.
    let score = ["score", "restored", "--reference", "data/labels"];
    let report = place.revoxel(&[&score[..], &["--json", "--csv", "scores.csv"]].concat()).good().json();
    let dice = |case: usize| -> Vec<f64> {
        report["cases"][case]["labels"].as_array().unwrap().iter().map(|l| l["dice"].as_f64().unwrap()).collect()
    };
    assert!(
        dice(0).iter().chain(&dice(2)).all(|dice| *dice == 1.0) && dice(1).iter().any(|dice| *dice < 0.9),
        "{report}"
    );
    assert_eq!(report["labels"][0]["worst"][0], "c1");
    let table = std::fs::read_to_string(place.path("scores.csv")).unwrap();
    assert!(table.starts_with("case,channel,label,dice,hd95_mm,surface_dice,"), "{table}");
    // The same numbers as `compare` for one pair.
    let pair = ["compare", "restored/c1.nii.gz", "data/labels/c1.nii.gz", "--tolerance-mm", "1", "--json"];
    let compared = place.revoxel(&pair).told(1).json();
    let row = compared["values"]["labels"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["label"] == report["cases"][1]["labels"][0]["label"]);
    assert_eq!(row.unwrap()["hd95_mm"], report["cases"][1]["labels"][0]["hd95_mm"]);
    place.revoxel(&[&score[..], &["--min-dice", "0.99"]].concat()).told(1);
    let pattern = ["score", "restored/{case}.nii.gz", "--reference", "data/labels/{case}.nii.gz"];
    let said = place.revoxel(&pattern).good();
    assert!(said.out.contains("3 cases scored"), "{}", said.out);
}

#[test]
fn predictions_and_cases_that_have_no_partner_are_listed() {
    let (place, _) = dataset();
    predict(&place);
    std::fs::rename(place.path("predictions/c2.nii.gz"), place.path("predictions/d2.nii.gz")).unwrap();
    std::fs::write(place.path("predictions/c1.nii.gz"), "no volume").unwrap();
    let all = ["invert", "out", "predictions", "-o", "restored", "--keep-going", "--jobs", "1"];
    let said = place.revoxel(&all).told(1);
    for part in [
        "case c1: ",
        "case c2: no prediction",
        "d2.nii.gz: no case is called like it",
        "3 cases: 1 done, 1 failed, 1 without prediction",
    ] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    assert!(place.path("restored/c0.nii.gz").exists() && !place.path("restored/c1.nii.gz").exists());
    place.revoxel(&["invert", "data", "predictions", "-o", "x"]).bad(2, &["no traces in this folder"]);
    place.revoxel(&["invert", "out", "data/labels", "-o", "x", "--coverage", "m.nii"]).bad(2, &["--coverage"]);
    place.revoxel(&["invert", "out", "predictions"]).bad(2, &["pass -o DIR"]);
    let one = ["invert", "out/c0/trace.json", "predictions/c0.nii.gz", "-o", "y.nii.gz", "--resume"];
    place.revoxel(&one).bad(2, &["--resume is for all predictions"]);
    let score = place.revoxel(&["score", "restored", "--reference", "data/labels"]).told(1);
    assert!(score.err.contains("c1.nii.gz: no result for it"), "{}", score.err);
    place.volume("other/z.nii.gz", &Draw::new(1).volume(grid(), Kind::Label, 1));
    place.revoxel(&["score", "restored", "--reference", "other"]).bad(2, &["no file of restored has the name"]);
}

#[test]
fn folds_are_averaged_and_arrays_come_first_for_scores() {
    let (place, labels) = dataset();
    predict(&place);
    let [nx, ny, nz] = place.read("model/c0/image.nii.gz", Kind::Label).grid().shape();
    for (fold, scale) in [("fold_0", 1.0), ("fold_1", 3.0)] {
        for case in ["c0", "c1", "c2"] {
            let label = values(&place.read(&format!("model/{case}/image.nii.gz"), Kind::Label));
            let most = labels.iter().flat_map(values).fold(0.0, f64::max) as usize;
            let scores =
                (0..=most).flat_map(|class| label.iter().map(move |v| if *v == class as f64 { scale } else { -scale }));
            let tensor = Tensor {
                shape: vec![most + 1, nz, ny, nx],
                voxels: scores.map(|v| v as f32).collect::<Vec<f32>>().into(),
            };
            let path = place.path(&format!("scores/{fold}/{case}.npy"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            write_npy(&path, &tensor).unwrap();
            // nnU-Net writes a label map beside the scores.
            std::fs::write(path.with_extension("nii.gz"), "not looked at").unwrap();
        }
    }
    let all = [
        "invert",
        "out",
        "scores",
        "-o",
        "restored",
        "--argmax",
        "--kind",
        "logit",
        "--activation",
        "softmax",
        "--axes",
        "czyx",
        "--json",
    ];
    let report = place.revoxel(&all).good().json();
    assert_eq!(report["cases"][0]["predictions"], 2);
    for (number, label) in labels.iter().enumerate() {
        assert_eq!(values(&place.read(&format!("restored/c{number}.nii.gz"), Kind::Label)), values(label));
    }
}

#[test]
fn what_preprocessing_costs_is_measured_before_training() {
    let place = Place::new();
    // A ball in each scan; the second lies at the edge, where the crop cuts.
    for (case, centre) in [("a", 12.0), ("b", 3.0)] {
        let rows = [[0.0, -1.0, 0.0, 12.5], [-1.0, 0.0, 0.0, -30.0], [0.0, 0.0, 2.0, 40.25]];
        let grid = Grid::new([24, 24, 12], Affine::from_rows(rows)).unwrap();
        let ball = |at: usize| {
            let (x, y, z) = (at % 24, at / 24 % 24, at / 576);
            let d = [x as f64 - centre, y as f64 - 12.0, 2.0 * (z as f64 - 6.0)];
            u8::from(d.iter().map(|v| v * v).sum::<f64>() < 49.0) * 4
        };
        let label = Volume::new((0..24 * 24 * 12).map(ball).collect::<Vec<u8>>().into(), grid, Kind::Label, 1).unwrap();
        place.volume(&format!("data/labels/{case}.nii.gz"), &label);
        place.volume(&format!("data/images/{case}.nii.gz"), &label.with_kind(Kind::Image).cast(Dtype::I16));
    }
    let pipeline = |steps: &str| {
        let text = format!(
            "version: 1\ninputs:\n  image: {{ kind: image, path: \"images/{{case}}.nii.gz\" }}\n  \
             label: {{ kind: label, path: \"labels/{{case}}.nii.gz\", labels: [4] }}\nsteps:\n{steps}outputs:\n  \
             image: {{ path: \"{{case}}.nii.gz\" }}\n  label: {{ path: \"{{case}}_seg.nii.gz\" }}\ntrace: \"{{case}}.json\"\n"
        );
        place.text("p.yaml", &text);
    };
    let trip = |more: &[&str]| place.revoxel(&[&["roundtrip", "p.yaml", "--data", "data"][..], more].concat());
    // Turned, and with other numbers of labels: nothing is lost.
    pipeline("  - orientation: { axcodes: SPL }\n  - map_label_value: { orig_labels: [4], target_labels: [1] }\n");
    let report = trip(&["--min-dice", "1", "--max-unseen", "0", "--max-hd95-mm", "0", "--json"]).good().json();
    let label = &report["cases"][1]["inputs"][0]["labels"][0];
    assert_eq!((label["label"].as_u64(), label["dice"].as_f64()), (Some(4), Some(1.0)), "{report}");
    assert_eq!(report["cases"][0]["inputs"][0]["worst_corner_mm"], 0.0);
    // Coarse voxels cost something, and a crop cuts the second ball.
    pipeline("  - spacing: { pixdim: 3 }\n  - center_spatial_crop: { roi_size: [6, 8, 8] }\n");
    let report = trip(&["--json", "--csv", "cost.csv"]).good().json();
    let dice = |case: usize| report["cases"][case]["inputs"][0]["labels"][0]["dice"].as_f64().unwrap();
    assert!(dice(0) > 0.75 && dice(0) < 1.0 && dice(1) < dice(0), "{report}");
    assert!(report["cases"][1]["inputs"][0]["unseen_share"].as_f64().unwrap() > 0.2, "{report}");
    // The numbers are those of a run, an inversion and a comparison.
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    place.revoxel(&["invert", "out/b.json", "out/b_seg.nii.gz", "--volume", "label", "-o", "b.nii.gz"]).good();
    let compared = place.revoxel(&["compare", "b.nii.gz", "data/labels/b.nii.gz", "--json"]).told(1).json();
    assert_eq!(
        compared["values"]["labels"][0]["dice"], report["cases"][1]["inputs"][0]["labels"][0]["dice"],
        "{compared}"
    );
    let said = trip(&["--min-dice", "0.9", "--max-unseen", "0.1"]).told(1);
    for part in ["case b, label 4 of the input \"label\": Dice", "case b: the model never sees"] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    assert!(std::fs::read_to_string(place.path("cost.csv")).unwrap().lines().count() == 3);
}

#[test]
fn the_command_line_explains_itself_to_shells_and_man() {
    let place = Place::new();
    let script = place.revoxel(&["completions", "bash"]).good().out;
    assert!(script.contains("--keep-going") && script.contains("roundtrip"));
    place.revoxel(&["completions", "none"]).told(2);
    place.revoxel(&["man", "man1"]).good();
    let page = std::fs::read_to_string(place.path("man1/revoxel-run.1")).unwrap();
    assert!(page.contains("\\-\\-shard") && place.path("man1/revoxel.1").exists());
    // The synopsis has the values of what is required.
    let plain = page.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "").replace("\\fI", "");
    assert!(plain.contains("--data <DIR> --out <DIR> "), "{plain}");
    // Limits of reading mean nothing to commands that read no volumes; they are taken all the same.
    for command in ["completions", "man", "schema", "transforms"] {
        let help = place.revoxel(&[command, "--help"]).good().out;
        assert!(!help.contains("Limits") && !help.contains("--max-volume"), "{help}");
    }
    assert!(place.revoxel(&["run", "--help"]).good().out.contains("--max-volume"));
    place.revoxel(&["schema", "--max-volume", "1G", "--threads", "1"]).good();
    place.revoxel(&["--threads", "1", "schema"]).good();
    // With --quiet there are answers and errors alone.
    let (place, _) = dataset();
    let command = ["run", "p.yaml", "--data", "data", "--out", "quiet", "--quiet"];
    let said = place.revoxel(&command).good();
    assert_eq!((said.out.as_str(), said.err.as_str()), ("", ""));
    place.revoxel(&command).bad(2, &["exists already"]);
    // Programs are told of each case, beside errors for people.
    let command = ["run", "p.yaml", "--data", "data", "--out", "told", "--quiet", "--progress", "json"];
    let said = place.revoxel(&command).good();
    let lines: Vec<serde_json::Value> = said.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let begun = serde_json::json!({ "progress": { "ended": 0, "of": 3, "unit": "cases", "case": null } });
    assert_eq!((lines.len(), &lines[0]), (4, &begun));
    let cases: std::collections::BTreeSet<&str> =
        lines[1..].iter().map(|line| line["progress"]["case"].as_str().unwrap()).collect();
    assert_eq!(cases, ["c0", "c1", "c2"].into());
    assert_eq!(lines[3]["progress"]["ended"], 3);
}

#[test]
fn what_is_doubtful_is_not_scored_or_restored_without_a_word() {
    let (place, labels) = dataset();
    predict(&place);
    // Values between labels are none.
    let half = labels[0].clone().cast(Dtype::F32);
    let voxels: Vec<f32> = values(&half).iter().map(|v| *v as f32 * 0.6).collect();
    place.volume("half/c0.nii.gz", &Volume::new(voxels.into(), grid(), Kind::Image, 1).unwrap());
    place.volume("one/c0.nii.gz", &labels[0]);
    let said = place.revoxel(&["score", "half", "--reference", "one"]).told(1);
    assert!(said.err.contains("case c0: half/c0.nii.gz: kind is label, but "), "{}", said.err);
    // A table replaces neither a label map nor what is there.
    let table = ["score", "one", "--reference", "one", "--csv", "one/c0.nii.gz"];
    place.revoxel(&table).bad(2, &["exists already"]);
    place.revoxel(&[&table[..], &["--overwrite"]].concat()).bad(2, &["a label map"]);
    assert_eq!(values(&place.read("one/c0.nii.gz", Kind::Label)), values(&labels[0]));
    place.revoxel(&["score", "one", "--reference", "one", "--min-dice", "nan"]).bad(2, &["--min-dice"]);
    place.volume("empty/c0.nii.gz", &Volume::new(vec![0u8; 210].into(), grid(), Kind::Label, 1).unwrap());
    let said = place.revoxel(&["score", "empty", "--reference", "empty", "--min-dice", "0.5"]).told(1);
    assert!(said.out.contains("no label was compared"), "{}", said.out);
    // A fold that lacks a case, and two files of one case.
    for (fold, cases) in [("fold_0", ["c0", "c1", "c2"]), ("fold_1", ["c0", "c2", "c2"])] {
        for case in cases {
            let to = place.path(&format!("folds/{fold}/{case}.nii.gz"));
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(place.path(&format!("predictions/{case}.nii.gz")), to).unwrap();
        }
    }
    std::fs::copy(place.path("predictions/c0.nii.gz"), place.path("folds/c0.nii.gz")).unwrap();
    place.volume("folds/fold_0/c2.nii", &labels[2]);
    let said = place.revoxel(&["invert", "out", "folds", "-o", "restored"]).told(1);
    for part in [
        "case c1 (none in folds/fold_1): no prediction",
        "case c2 (2 files compete: folds/fold_0/c2.nii, folds/fold_0/c2.nii.gz; keep the one to use",
        "folds/c0.nii.gz: not used: it lies beside folders of folds",
        "3 cases: 1 done, 2 without prediction",
    ] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    place.volume("one/c0.nii", &labels[0]);
    place.revoxel(&["score", "one", "--reference", "one"]).bad(2, &["are both of case \"c0\""]);
    // References where a pipeline finds them.
    place.volume("refs/sub-1/ses-a/x.nii.gz", &labels[0]);
    place.volume("mine/sub-1_ses-a.nii.gz", &labels[0]);
    let refs = ["score", "mine", "--reference", "refs/sub-{sub}/[ses-{ses}/]x.nii.gz"];
    assert!(place.revoxel(&refs).good().out.contains("1 case scored"));
}
