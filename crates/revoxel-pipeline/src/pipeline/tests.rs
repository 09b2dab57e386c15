//! Faults in pipeline files, each with its place and its help.

use super::*;

const GOOD: &str = "\
version: 1
inputs:
  image: { kind: image, path: \"images/{case}.nii.gz\" }
  label: { kind: label, path: \"labels/{case}.nii.gz\", optional: true }
steps:
  - orientation: { axcodes: RAS }
  - spacing: { pixdim: [1, 1, 1] }
  - crop_foreground: { source: image, above: -500, margin: 8 }
  - clip_intensity: { min: -175, max: 250 }
outputs:
  image: { path: \"{case}/image.nii.gz\", dtype: float32 }
  label: { path: \"{case}/label.nii.gz\" }
trace: \"{case}/trace.json\"
";

fn parse(text: &str) -> Result<Pipeline, PipelineError> {
    Pipeline::parse("dir/p.yaml", text, &[], &crate::testing::registry())
}

#[test]
fn outputs_hold_the_labels_that_are_known() {
    let parse = |labels: &str, step: &str, dtype: &str| {
        let text = format!(
            "version: 1\ninputs:\n  seg: {{ kind: label, path: \"{{case}}.nii\"{labels} }}\nsteps:\n  - {step}\noutputs:\n  \
             seg: {{ path: \"{{case}}/seg.nii\", dtype: {dtype} }}\ntrace: \"{{case}}.json\"\n"
        );
        Pipeline::parse("p.yaml", &text, &[], &crate::testing::registry()).map(|_| ()).map_err(|e| e.to_string())
    };
    let map = "map_label_value: { orig_labels: [1], target_labels: [300] }";
    let declared = ", labels: [1, 300]";
    let flip = "flip: { spatial_axis: [0] }";
    for (labels, step, dtype, label) in [
        (declared, flip, "uint8", "300"),
        ("", map, "uint8", "300"),
        (", labels: [1, 2]", map, "int8", "300"),
        ("", "map_label_value: { orig_labels: [2], target_labels: [-1] }", "uint16", "-1"),
        ("", "spatial_pad: { spatial_size: [90, 90, 90], value: { seg: 256 } }", "uint8", "256"),
    ] {
        let error = parse(labels, step, dtype).unwrap_err();
        assert!(error.starts_with("p.yaml:7:41: "), "{error}");
        assert!(error.contains(&format!("{dtype} cannot store label {label}")), "{error}");
    }
    for (labels, step, dtype) in [
        (declared, map, "uint16"),
        ("", flip, "uint8"),
        (declared, "map_label_value: { orig_labels: [300], target_labels: [3] }", "uint8"),
        ("", "remove_labels: { labels: [300] }", "uint8"),
        (declared, "label_filter: { applied_labels: [1] }", "uint8"),
    ] {
        assert_eq!(parse(labels, step, dtype), Ok(()), "{labels} {step} {dtype}");
    }
}

#[test]
fn a_good_pipeline_resolves() {
    let pipeline = parse(GOOD).unwrap();
    assert_eq!(pipeline.name, "p.yaml");
    assert_eq!(pipeline.steps[1].keys, ["image", "label"]);
    assert_eq!(pipeline.steps[3].keys, ["image"]);
    assert_eq!(pipeline.steps[1].params["rule"], "monai");
    assert_eq!(pipeline.hash(), parse(&GOOD.replace("  - ", "  -   ")).unwrap().hash());
    assert_ne!(pipeline.hash(), parse(&GOOD.replace("-500", "-400")).unwrap().hash());
}

#[test]
fn faults_point_at_their_place_and_suggest_the_nearest_name() {
    fn t(from: &str, to: &str, line: usize, column: usize, parts: &[&str]) {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from:?} is not in the file");
        let error = parse(&text).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with(&format!("dir/p.yaml:{line}:{column}: ")), "{from:?} -> {to:?}: {message}");
        for part in parts {
            assert!(message.contains(part), "{message} lacks {part:?}");
        }
    }
    t("[1, 1, 1]", "${size}", 7, 25, &["in quotes"]);
    t("version: 1", "version: 2", 1, 10, &["version 2"]);
    t("steps:", "step:", 5, 1, &["unknown field `step`", "did you mean \"steps\"?"]);
    t("spacing:", "spacng:", 7, 5, &["no transform \"spacng\"", "did you mean \"spacing\"?"]);
    t("pixdim:", "pixdm:", 7, 16, &["unknown field `pixdm`", "did you mean `pixdim`?"]);
    t("[1, 1, 1]", "[1, x, 1]", 7, 28, &["spacing", "\"x\""]);
    t("[1, 1, 1]", "[1, .nan, 1]", 7, 28, &["non-finite"]);
    t("RAS", "RRS", 6, 29, &["\"RRS\" is not an orientation"]);
    t("source: image", "source: imag", 8, 32, &["no input \"imag\"", "did you mean \"image\"?"]);
    t("margin: 8", "margin: -8", 8, 60, &["-8 is not a margin"]);
    t("margin: 8", "margin: 8, below: 3", 8, 5, &["only one of above, below"]);
    t("{ min: -175", "{ keys: [label], min: -175", 9, 30, &["\"label\" is of kind label"]);
    t("{ min: -175", "{ keys: [labels], min: -175", 9, 30, &["did you mean \"label\"?"]);
    t("min: -175", "min: 300", 9, 28, &["300 is not below max, 250"]);
    t("float32", "float23", 11, 48, &["\"float23\" is not a voxel type", "did you mean \"float32\"?"]);
    t("kind: label", "kind: lable", 4, 18, &["\"lable\" is not a kind", "did you mean \"label\"?"]);
    t("{case}/label.nii.gz", "{case}/image.nii.gz", 12, 18, &["written twice: for image and for label"]);
    t("{case}/image.nii.gz\", dtype", "image.nii.gz\", dtype", 11, 18, &["the same path for every case"]);
    t("  label: { path", "  lable: { path", 12, 3, &["no input \"lable\"", "did you mean \"label\"?"]);
    t("images/{case}", "images/{name}", 3, 31, &["no input path contains all of {case}, {name}"]);
    t("images/{case}", "images/{a b}", 3, 31, &["{a b} is not a placeholder"]);
    t("images/{case}", "images/{copy}", 3, 31, &["for outputs only"]);
    t("{case}/image.nii.gz\", dtype", "{case}/{copy}.nii.gz\", dtype", 11, 18, &["makes no copies", "`copies: 4`"]);
    t("version: 1", "version: 1\ncopies: 3", 2, 9, &["all copies would be equal", "rand_"]);
    t("version: 1", "version: 1\ncopies: 0", 2, 9, &["0 must be 1 to 10000"]);
    t("version: 1", "version: 1\ncopies: -2", 2, 9, &["-2"]);
    t("trace:", "inputs:", 13, 1, &["duplicate"]);
    t("pixdim: [1, 1, 1]", "pixdim: 1, interpolation: linaer", 7, 42, &["did you mean `linear`?"]);
    t("pixdim: [1, 1, 1]", "pixdim: 1, interpolation: { lable: linear }", 7, 44, &["did you mean \"label\"?"]);
    t("pixdim: [1, 1, 1]", "pixdim: 1, interpolation: { label: linear }", 7, 51, &["average the labels"]);
    t("  - spacing: {", "  - spacing: 1 #", 7, 14, &["takes named parameters"]);
    t("trace: \"{case}/trace.json\"\n", "", 1, 1, &["missing field `trace`"]);
    t("path: \"labels", "pth: \"labels", 4, 25, &["unknown field `pth`", "did you mean \"path\"?"]);
}

#[test]
fn steps_apply_to_the_kinds_of_which_they_make_sense() {
    fn t(steps: &str, expected: Result<&[&[&str]], (usize, usize, &str)>) {
        let text = format!(
            "version: 1\ninputs:\n  ct: {{ kind: image, path: a }}\n  seg: {{ kind: label, path: b }}\n  \
             net: {{ kind: logit, path: c }}\noutputs: {{}}\ntrace: t\nsteps:\n{steps}"
        );
        match (parse(&text), expected) {
            (Ok(pipeline), Ok(keys)) => {
                let found: Vec<&[String]> = pipeline.steps.iter().map(|s| &s.keys[..]).collect();
                assert_eq!(found, keys, "{steps}");
            }
            (Err(error), Err((line, column, part))) => {
                let message = error.to_string();
                assert!(message.starts_with(&format!("dir/p.yaml:{line}:{column}: ")), "{steps}: {message}");
                assert!(message.contains(part), "{message} lacks {part:?}");
            }
            (found, _) => panic!("{steps}: {found:?}"),
        }
    }
    t("  - fill_holes", Ok(&[&["seg"]]));
    t("  - normalize_intensity", Ok(&[&["ct"]]));
    t("  - fill_holes: { keys: ct }", Err((9, 25, "fill_holes works on label volumes, and \"ct\" is of kind image")));
    t("  - normalize_intensity: { keys: seg }", Err((9, 34, "changes intensities, and \"seg\" is of kind label")));
    t(
        "  - normalize_intensity: { keys: [ct, seg] }",
        Err((9, 39, "changes intensities, and \"seg\" is of kind label")),
    );
    // What a step makes of a volume counts for the steps after it.
    t("  - as_discrete: { argmax: true }\n  - fill_holes", Ok(&[&["net"], &["seg", "net"]]));
    t("  - one_hot: {}\n  - fill_holes", Ok(&[&["seg"], &["seg"]]));
    t("  - one_hot: {}\n  - sequential_labels", Err((10, 5, "works on label volumes, and there is no such input")));
    t("  - as_discrete: { keys: [ct, seg], threshold: 1 }\n  - fill_holes", Ok(&[&["ct", "seg"], &["ct", "seg"]]));
    t("  - as_discrete: { keys: seg, argmax: true }", Err((9, 26, "\"seg\" is of kind label")));
    t("  - one_hot: {}\n  - as_discrete: { argmax: true }", Ok(&[&["seg"], &["seg", "net"]]));
    t("  - fill_holes: { keys: net }", Err((9, 25, "\"net\" is of kind logit")));
}

#[test]
fn copies_have_paths_of_their_own() {
    let drawn =
        GOOD.replace("version: 1", "version: 1\ncopies: 3").replace("  - spacing:", "  - rand_flip: {}\n  - spacing:");
    let error = parse(&drawn).unwrap_err().to_string();
    assert!(error.contains("{case}/image.nii.gz\" is the same path for every copy: add {copy}"), "{error}");
    let numbered = drawn
        .replace("{case}/image", "{case}/{copy}/image")
        .replace("{case}/label.nii.gz\" }\n", "{case}/{copy}/label.nii.gz\" }\n");
    let numbered = numbered.replace("{case}/trace", "{case}/{copy}/trace");
    let pipeline = parse(&numbered).unwrap();
    let names: Vec<String> =
        pipeline.copies_of(&CaseName::alone("a")).iter().map(|name| pipeline.trace.path(name)).collect();
    assert_eq!(names, ["a/0/trace.json", "a/1/trace.json", "a/2/trace.json"]);
    assert_ne!(pipeline.hash(), parse(&numbered.replace("copies: 3", "copies: 4")).unwrap().hash());
}

#[test]
fn variables_and_assignments_reach_the_steps() {
    let text = GOOD.replace("steps:", "vars: { size: 2 }\nsteps:").replace("[1, 1, 1]", "\"${size}\"");
    let pixdim = |set: &[&str]| {
        let set: Vec<String> = set.iter().map(|s| (*s).to_owned()).collect();
        let pipeline = Pipeline::parse("p.yaml", &text, &set, &crate::testing::registry()).unwrap();
        pipeline.steps[1].params["pixdim"].clone()
    };
    assert_eq!(pixdim(&[]), serde_json::json!([2.0]));
    assert_eq!(pixdim(&["vars.size=[1, 2, 3]"]), serde_json::json!([1.0, 2.0, 3.0]));
    assert_eq!(pixdim(&["steps.1.spacing.pixdim=4"]), serde_json::json!([4.0]));
}

#[test]
fn a_plan_predicts_grids_until_they_depend_on_voxels() {
    let pipeline = parse(GOOD).unwrap();
    let affine = revoxel_core::Affine::from_rows([[-0.7, 0., 0., 90.], [0., -0.7, 0., 80.], [0., 0., 3., -50.]]);
    let grid = revoxel_core::Grid::new([256, 240, 40], affine).unwrap();
    let plan = pipeline.plan(&[("image".to_owned(), grid), ("label".to_owned(), grid)].into(), None).unwrap();
    let image = |step: usize| &plan.steps[step].volumes[0].1;
    assert_eq!(image(0).fidelity, Some(revoxel_core::Fidelity::Exact));
    assert_eq!(image(1).after.unwrap().shape(), [180, 168, 118]);
    assert!(image(1).fused && !image(0).fused);
    assert!(image(2).after.is_none() && plan.result["label"].is_none());
}
