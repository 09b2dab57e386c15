//! What is wrong is said before any work, with file, field and value, and nothing is written.

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Grid, Kind, Volume};

use crate::support::Place;

const PIPELINE: &str = "\
version: 1
inputs:
  image: { kind: image, path: \"im/{case}.nii.gz\" }
  label: { kind: label, path: \"lb/{case}.nii.gz\" }
steps:
  - spacing: { pixdim: 2 }
outputs:
  image: { path: \"{case}/image.nii.gz\" }
  label: { path: \"{case}/label.nii.gz\" }
trace: \"{case}/trace.json\"
";

fn grid(shift: f64) -> Grid {
    let rows = [[1.0, 0.0, 0.0, shift], [0.0, 1.5, 0.0, -3.0], [0.0, 0.0, 2.0, 7.0]];
    Grid::new([10, 8, 6], Affine::from_rows(rows)).unwrap()
}

fn place() -> Place {
    let place = Place::new();
    let mut draw = Draw::new(9);
    for case in ["a", "b"] {
        place.volume(&format!("data/im/{case}.nii.gz"), &draw.volume(grid(0.0), Kind::Image, 1));
        place.volume(&format!("data/lb/{case}.nii.gz"), &draw.volume(grid(0.0), Kind::Label, 1));
    }
    place.text("p.yaml", PIPELINE);
    place
}

const RUN: [&str; 6] = ["run", "p.yaml", "--data", "data", "--out", "out"];

fn refused(place: &Place, arguments: &[&str], parts: &[&str]) {
    place.revoxel(&[&RUN[..], arguments].concat()).bad(2, parts);
    assert!(!place.files().iter().any(|f| f.starts_with("out")), "{:?}", place.files());
}

#[test]
fn faults_of_the_pipeline_are_shown_with_their_line() {
    let t = |from: &str, to: &str, parts: &[&str]| {
        let place = place();
        place.text("p.yaml", &PIPELINE.replacen(from, to, 1));
        refused(&place, &[], parts);
    };
    t("spacing", "spaceing", &["p.yaml:6:5", "no transform \"spaceing\"", "did you mean \"spacing\"?"]);
    t("pixdim", "pixdims", &["p.yaml:6:16", "unknown field `pixdims`", "did you mean `pixdim`?"]);
    t("pixdim: 2", "pixdim: two", &["p.yaml:6:24", "\"two\""]);
    t("{case}/label.nii.gz", "label.nii.gz", &["same path for every case"]);
    t("{case}/label.nii.gz", "{case}/label.png", &["p.yaml:9", "label.png", ".nii.gz"]);
    t("version: 1", "version: [1", &["p.yaml"]);
    t("inputs:", "inputs: {}\ninput:", &["p.yaml:3:1", "unknown field `input`"]);
}

#[test]
fn voxels_beyond_all_memory_are_refused_before_they_are_made() {
    let place = place();
    place.text("p.yaml", &PIPELINE.replacen("pixdim: 2", "pixdim: [1, 1, 1.0e-9]", 1));
    refused(&place, &[], &["step 1 (spacing) makes 10 × 12 × 10000000001 voxels of", "GiB of memory, but "]);
}

#[test]
fn a_trace_of_more_voxels_than_all_memory_is_refused() {
    let place = place();
    place.revoxel(&RUN).good();
    let trace = std::fs::read_to_string(place.path("out/a/trace.json")).unwrap();
    let mut trace: serde_json::Value = serde_json::from_str(&trace).unwrap();
    let label = &mut trace["volumes"]["label"];
    let small = label["result"]["grid"].clone();
    let mut huge = small.clone();
    huge["shape"] = serde_json::json!([200_000, 200_000, 2000]);
    label["source"]["grid"] = huge.clone();
    label["steps"] = serde_json::json!([{
        "transform": "spacing", "params": {}, "before": huge, "after": small, "ops": [{ "resample": { "grid": small } }],
        "fidelity": "lossy", "interpolation": "nearest",
    }]);
    place.text("t.json", &trace.to_string());
    let invert = ["invert", "t.json", "out/a/label.nii.gz", "--volume", "label", "-o", "x.nii"];
    place.revoxel(&invert).bad(2, &["t.json: the source has 200000 × 200000 × 2000 voxels", "GiB of memory"]);
    assert!(!place.path("x.nii").exists());
}

#[test]
fn statistics_of_what_is_no_number_fail_the_case() {
    for (step, bad) in [
        ("normalize_intensity: {}", f32::NAN),
        ("z_score: {}", f32::NAN),
        ("std_shift_intensity: { factor: 2 }", f32::NAN),
        ("scale_intensity_fixed_mean: { factor: 0.5 }", f32::INFINITY),
        ("adjust_contrast: { gamma: 2 }", f32::INFINITY),
    ] {
        let place = place();
        let mut values: Vec<f32> = (0..480).map(|i| i as f32).collect();
        values[77] = bad;
        let image = Volume::new(values.into(), grid(0.0), Kind::Image, 1).unwrap();
        place.volume("data/im/b.nii.gz", &image);
        place.text("p.yaml", &PIPELINE.replacen("spacing: { pixdim: 2 }", step, 1));
        let said = place.revoxel(&[&RUN[..], &["--keep-going"]].concat());
        let facts = format!("the first, {}, is at index [7, 7, 0]", if bad.is_nan() { "NaN" } else { "inf" });
        said.bad(1, &["case b:", "data/im/b.nii.gz", &facts, "`non_finite: 0`", "1 done, 1 failed"]);
        assert!(place.path("out/a/trace.json").exists() && !place.path("out/b").exists());
        let (trace, label) = ("out/a/trace.json", "data/lb/a.nii.gz");
        place.revoxel(&["invert", trace, label, "--kind", "label", "-o", "back.nii.gz"]).good();
    }
}

#[test]
fn missing_files_folders_and_inputs_are_named() {
    let place = place();
    std::fs::remove_file(place.path("data/lb/b.nii.gz")).unwrap();
    refused(&place, &[], &["nothing was written", "case b: missing input: label", "data/lb/b.nii.gz"]);
    place.revoxel(&["run", "q.yaml", "--data", "data", "--out", "out"]).bad(2, &["q.yaml"]);
    place.revoxel(&["run", "p.yaml", "--data", "nowhere", "--out", "out"]).bad(2, &["nowhere"]);
    place
        .revoxel(&["run", "p.yaml", "--data", "data/im", "--out", "out"])
        .bad(2, &["no cases in data/im", "im/{case}.nii.gz"]);
    // With --keep-going the others run; the exit code still says that not all is good.
    let said = place.revoxel(&[&RUN[..], &["--keep-going"]].concat());
    said.bad(1, &["case b: missing input", "2 cases: 1 done, 1 failed"]);
    assert!(place.path("out/a/trace.json").exists() && !place.path("out/b").exists());
}

#[test]
fn a_label_on_another_grid_is_refused_with_both_grids_and_the_distance() {
    let place = place();
    let label = Draw::new(1).volume(grid(40.0), Kind::Label, 1);
    place.volume("data/lb/b.nii.gz", &label);
    let parts = ["case b", "label and image", "40.0000 mm", "disjoint", "data/lb/b.nii.gz", "origin RAS (40.000"];
    refused(&place, &[], &parts);
    place.volume("data/lb/b.nii.gz", &Draw::new(1).volume(grid(4.0), Kind::Label, 1));
    refused(&place, &[], &["header_differs", "4.0000 mm", "--snap", "align: { keys: [label], reference: image }"]);
    // The two ways out that the message names.
    place.revoxel(&[&RUN[..], &["--snap"]].concat()).good();
    let snapped = place.read("out/b/label.nii.gz", Kind::Label);
    assert_eq!(snapped.grid(), place.read("out/b/image.nii.gz", Kind::Image).grid());
    place.revoxel(&["invert", "out/b/trace.json", "out/b/label.nii.gz", "-o", "b.nii", "--volume", "label"]).good();
    assert_eq!(place.read("b.nii", Kind::Label).grid(), &grid(4.0), "back on the label's own grid");
    let way = "steps:\n  - resample_to: { keys: [label], reference: image }";
    place.text("p.yaml", &PIPELINE.replace("steps:", way));
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out2"]).good();
    assert_eq!(place.read("out2/b/label.nii.gz", Kind::Label).grid(), snapped.grid());
    // A random step that looks at the labels before they are brought there needs them there, and one that does after it
    // does not.
    let looks =
        "  - rand_crop_by_pos_neg_label: { keys: [image, label], source: label, spatial_size: 2, on_empty: keep }\n";
    place.text(
        "p.yaml",
        &PIPELINE.replace("steps:\n", &format!("steps:\n{looks}{}\n", way.trim_start_matches("steps:\n"))),
    );
    let run = ["run", "p.yaml", "--data", "data", "--out", "out3"];
    let parts = ["label and image must be on one grid", "align: { keys: [label], reference: image }"];
    place.revoxel(&run).bad(2, &parts);
    place.text("p.yaml", &PIPELINE.replace("steps:\n", &format!("{way}\n{looks}")));
    place.revoxel(&run).good();
}

#[test]
fn noise_in_a_header_is_snapped() {
    let place = place();
    place.volume("data/lb/b.nii.gz", &Draw::new(1).volume(grid(2e-4), Kind::Label, 1));
    let said = place.revoxel(&[&["-v"], &RUN[..]].concat()).good();
    assert!(said.err.contains("snapped to the grid of image"), "{}", said.err);
}

#[test]
fn damaged_headers_are_refused_before_any_work() {
    let t = |offset: usize, bytes: &[u8], parts: &[&str]| {
        let place = place();
        place.volume("data/im/b.nii", &Draw::new(1).volume(grid(0.0), Kind::Image, 1));
        let mut file = std::fs::read(place.path("data/im/b.nii")).unwrap();
        file[offset..offset + bytes.len()].copy_from_slice(bytes);
        // Without a qform in the place of a damaged sform.
        file[252..254].fill(0);
        std::fs::write(place.path("data/im/b.nii.gz"), file).unwrap();
        std::fs::remove_file(place.path("data/im/b.nii")).unwrap();
        refused(&place, &[], parts);
    };
    // srow_x of zeros, a NaN in it, a negative dimension, an unknown type.
    t(280, &[0; 16], &["case b", "data/im/b.nii.gz", "srow"]);
    t(280, &f32::NAN.to_le_bytes(), &["case b", "data/im/b.nii.gz", "srow"]);
    t(42, &(-4i16).to_le_bytes(), &["data/im/b.nii.gz", "dim[1] is -4"]);
    t(70, &999i16.to_le_bytes(), &["data/im/b.nii.gz", "datatype is 999"]);
}

#[test]
fn an_empty_foreground_follows_the_policy() {
    let place = place();
    let zeros = Volume::new(vec![0u8; 480].into(), grid(0.0), Kind::Label, 1).unwrap();
    place.volume("data/lb/b.nii.gz", &zeros);
    let pipeline = |policy: &str| {
        let step = format!("steps:\n  - crop_foreground: {{ source: label, nonzero: true{policy} }}");
        place.text("p.yaml", &PIPELINE.replace("steps:", &step));
    };
    pipeline("");
    let said = place.revoxel(&RUN);
    said.bad(1, &["case b", "p.yaml:6:5", "no voxel is foreground", "nonzero in \"label\"", "on_empty"]);
    assert!(!place.path("out/b").exists());
    pipeline(", on_empty: keep");
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "keep"]).good();
    assert!(place.path("keep/b/trace.json").exists());
    pipeline(", on_empty: skip_case");
    let said = place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "skip"]).good();
    assert!(said.err.contains("1 done, 1 skipped"), "{}", said.err);
    assert!(!place.path("skip/b").exists());
}

#[test]
fn outputs_may_not_lie_on_inputs() {
    let place = place();
    place.text("p.yaml", &PIPELINE.replace("{case}/image.nii.gz", "im/{case}.nii.gz"));
    let said = place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "data", "--overwrite"]);
    said.bad(2, &["case a", "data/im/a.nii.gz would change an input of case a"]);
}

#[test]
fn an_output_folder_that_cannot_be_made_is_named() {
    let place = place();
    place.text("file", "");
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "file/out"]).bad(2, &["file/out"]);
}

#[test]
fn predictions_that_do_not_belong_to_a_trace_are_refused() {
    let place = place();
    place.revoxel(&RUN).good();
    let invert = |prediction: &str, more: &[&str]| {
        place.revoxel(&[&["invert", "out/a/trace.json", prediction, "-o", "x.nii"], more].concat())
    };
    let parts = ["data/lb/a.nii.gz", "other_grid", "10×8×6", "--assume-grid"];
    invert("data/lb/a.nii.gz", &[]).bad(2, &parts);
    invert("none.nii", &[]).bad(2, &["none.nii"]);
    invert("out/a/label.nii.gz", &["--volume", "lable"]).bad(2, &["no volume \"lable\"", "image, label"]);
    invert("out/a/label.nii.gz", &["--argmax"]).bad(2, &["single channel"]);
    invert("out/a/label.nii.gz", &["--interpolation", "linear"]).bad(2, &["would average labels"]);
    invert("out/a/image.nii.gz", &["--kind", "label"])
        .bad(2, &["kind is label, but 91 of 216 values are not whole numbers", "mm RAS", "--kind probability"]);
    place.text("t.json", "{ \"schema\": \"other\" }");
    place.revoxel(&["invert", "t.json", "out/a/label.nii.gz", "-o", "x.nii"]).bad(2, &["t.json", "not a trace"]);
    let trace = std::fs::read_to_string(place.path("out/a/trace.json")).unwrap();
    place.text("t.json", &trace.replace("\"version\": 1", "\"version\": 7"));
    place.revoxel(&["invert", "t.json", "out/a/label.nii.gz", "-o", "x.nii"]).bad(2, &["version 7", "newer revoxel"]);
    assert!(!place.path("x.nii").exists());
    place.revoxel(&["invert", "out/a/trace.json", "out/a/label.nii.gz", "-o", "x.txt"]).bad(2, &["x.txt", ".nii.gz"]);
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_is_refused_before_any_work() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let place = place();
    let out = OsStr::from_bytes(b"out\xff");
    for form in [&[][..], &["--json"]] {
        let arguments: Vec<&OsStr> =
            RUN[..5].iter().map(OsStr::new).chain([out]).chain(form.iter().map(OsStr::new)).collect();
        let said = place.revoxel_with(&arguments);
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains("is not UTF-8") && !said.err.contains("internal error"), "{}", said.err);
    }
    assert!(!place.files().iter().any(|file| file.starts_with("out")));
}
