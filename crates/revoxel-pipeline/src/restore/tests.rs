//! The section `restore`: what it resolves to, and faults with their place.

use crate::CaseName;
use serde_json::json;

use crate::Pipeline;

const GOOD: &str = "\
version: 1
inputs:
  image: { kind: image, path: \"images/{case}.nii.gz\" }
outputs: {}
restore:
  seg:
    kind: logit
    volume: image
    activation: softmax
    argmax: true
    interpolation: linear
    steps:
      - remove_small_objects: { min_size_mm3: 50 }
      - keep_largest_connected_component: { in: native, applied_labels: [1] }
    output: { path: \"{case}/seg.nii.gz\", dtype: uint8 }
trace: \"{case}/trace.json\"
";

fn parse(text: &str) -> Result<Pipeline, crate::PipelineError> {
    Pipeline::parse("p.yaml", text, &[], &crate::testing::registry())
}

#[test]
fn it_resolves_to_what_a_trace_records() {
    let pipeline = parse(GOOD).unwrap();
    let record = serde_json::to_value(pipeline.restore[0].record(&CaseName::alone("c1"))).unwrap();
    assert_eq!(record["path"], "c1/seg.nii.gz");
    assert_eq!(
        (&record["kind"], &record["activation"], &record["argmax"]),
        (&json!("logit"), &json!("softmax"), &json!(true))
    );
    assert_eq!(record["steps"][0]["transform"], "remove_small_objects");
    assert_eq!(record["steps"][0]["in"], "native");
    assert_eq!(record["steps"][1]["params"]["num_components"], 1);
    assert!(record.get("decide_in_model").is_none());
    assert_ne!(pipeline.hash(), parse(&GOOD.replace("50", "60")).unwrap().hash());
    assert_eq!(pipeline.hash(), parse(&GOOD.replace("{ in: native, ", "{ ")).unwrap().hash());
    let text = GOOD.replace("{ min_size", "{ in: model, min_size").replace("linear", "label");
    assert!(parse(&text).unwrap().restore[0].record(&CaseName::alone("c1")).recipe.decide_in_model);
    let set = ["restore.seg.kind=probability".to_owned(), "restore.seg.activation=none".to_owned()];
    let set = Pipeline::parse("p.yaml", GOOD, &set, &crate::testing::registry()).unwrap();
    assert_eq!(set.restore[0].record(&CaseName::alone("c")).kind, revoxel_core::Kind::Probability);
    assert!(parse(&GOOD.replace("argmax: true", "argmax: true\n    values: null\n    fill: null")).is_ok());
    let regions =
        GOOD.replace("argmax: true", "regions: { paint: [{ channel: 0, label: 1 }, { channel: 2, label: 3 }] }");
    let regions = parse(&regions).unwrap().restore[0].record(&CaseName::alone("c")).recipe.regions.unwrap();
    assert_eq!((regions.threshold, regions.paint[1].channel, regions.paint[1].label), (0.5, 2, 3));
}

#[test]
fn faults_point_at_their_place() {
    fn t(from: &str, to: &str, line: usize, column: usize, parts: &[&str]) {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from:?} is not in the file");
        let message = parse(&text).unwrap_err().to_string();
        assert!(message.starts_with(&format!("p.yaml:{line}:{column}: ")), "{from:?} -> {to:?}: {message}");
        for part in parts {
            assert!(message.contains(part), "{message} lacks {part:?}");
        }
    }
    t("argmax:", "argmx:", 10, 5, &["unknown field `argmx`", "did you mean \"argmax\"?"]);
    t("kind: logit", "kind: logits", 7, 11, &["\"logits\" is not a kind", "did you mean \"logit\"?"]);
    t("kind: logit", "kind: probability", 9, 17, &["only logits have an activation"]);
    t(
        "kind: logit\n    volume: image\n    activation: softmax",
        "kind: label",
        8,
        13,
        &["argmax: expected probabilities"],
    );
    t("volume: image", "volume: imag", 8, 13, &["no input \"imag\"", "did you mean \"image\"?"]);
    t("softmax", "softmx", 9, 17, &["\"softmx\" is not an activation"]);
    t("linear", "linea", 11, 20, &["not an interpolation", "did you mean \"linear\"?"]);
    t(
        "argmax: true",
        "regions: { threshold: 2, paint: [{ channel: 0, label: 1 }] }",
        10,
        14,
        &["2 must be between 0 and 1"],
    );
    t("argmax: true", "regions: { paint: [{ chanel: 0, label: 1 }] }", 10, 26, &["did you mean \"channel\"?"]);
    t("argmax: true", "argmax: true\n    values: undo", 11, 13, &["only images and labels can be undone"]);
    t("uint8", "uint9", 15, 49, &["did you mean \"uint8\"?"]);
    t("{case}/seg", "seg", 15, 21, &["the same path for every case"]);
    t("{case}/seg.nii.gz", "{case}/trace.json", 16, 8, &["written twice"]);
    t("remove_small_objects", "remove_small_object", 13, 9, &["did you mean \"remove_small_objects\"?"]);
    t("min_size_mm3", "min_size", 13, 33, &["unknown field `min_size`"]);
    t("in: native", "in: nativ", 14, 49, &["expected model", "native"]);
    t("in: native", "in: model", 14, 45, &["put them first"]);
    t("in: native", "keys: [image]", 14, 45, &["only the prediction"]);
    let cause = "because remove_small_objects is a step in: model";
    t("{ min_size", "{ in: model, min_size", 11, 20, &["would average labels", cause, "label or label_nearest"]);
    t("argmax: true", "path: x.nii\n    argmax: true", 10, 5, &["unknown field `path`", "output: { path: ... }"]);
    // What follows from the steps is not written, though traces have it.
    t("argmax: true", "decide_in_model: true\n    argmax: true", 10, 5, &["unknown field `decide_in_model`"]);
    t("argmax: true", "values: undone", 10, 13, &["unknown variant `undone`", "did you mean \"undo\"?"]);
    t("argmax: true", "argmax: 1", 10, 13, &["invalid type: integer `1`, expected a boolean"]);
    // What is resampled are logits, and labels come after.
    t("linear", "label", 11, 20, &["label is for labels", "of kind logit: use nearest, linear or cubic"]);
    t("linear", "label_nearest", 11, 20, &["of kind logit"]);
    t("argmax: true", "fill: 0.5\n    argmax: true", 10, 11, &["fill: 0.5 is not a label"]);
    let one = "regions: { paint: [{ channel: 0, label: 0 }] }";
    t("argmax: true", one, 10, 14, &["label 0 is the background"]);
    let twice = "regions: { paint: [{ channel: 0, label: 1 }, { channel: 0, label: 2 }] }";
    t("argmax: true", twice, 10, 14, &["channel 0 is listed twice"]);
    let large = "regions: { paint: [{ channel: 0, label: 1 }, { channel: 1, label: 300 }] }";
    t("argmax: true", large, 15, 49, &["dtype: uint8 cannot store label 300", "leave `dtype` out"]);
    t("argmax: true", "argmax: true\n    fill: 300", 16, 49, &["uint8 cannot store label 300"]);
    let map = "- map_label_value: { orig_labels: [1], target_labels: [-1] }";
    t("- remove_small_objects: { min_size_mm3: 50 }", map, 15, 49, &["uint8 cannot store label -1"]);
    t("- remove_small_objects: { min_size_mm3: 50 }", "- spacing: { pixdim: 1 }", 13, 9, &["moves voxels"]);
    t("- remove_small_objects: { min_size_mm3: 50 }", "- clip_intensity: { min: 0 }", 13, 9, &["clip_intensity"]);
}

#[test]
fn a_fill_that_stays_must_fit_the_dtype() {
    let steps = GOOD.find("    steps:").unwrap()..GOOD.find("    output:").unwrap();
    let mut text = GOOD.to_owned();
    text.replace_range(steps, "    fill: 256\n");
    let message = parse(&text).unwrap_err().to_string();
    assert!(message.starts_with("p.yaml:12:11: fill: the dtype of the output, uint8"), "{message}");
    assert!(parse(&text.replace("256", "255")).is_ok());
    assert!(parse(&text.replace("uint8", "uint16")).is_ok());
    // Scores have a fill of their own.
    let scores = text.replace("    argmax: true\n", "").replace("256", "0.5");
    assert!(parse(&scores).is_ok());
    // Exchanged after it was put there.
    let native =
        "    fill: 300\n    steps:\n      - map_label_value: { orig_labels: [300], target_labels: [3] }\n    output";
    let exchanged = text.replace("    fill: 256\n    output", native);
    assert!(parse(&exchanged).is_ok(), "{:?}", parse(&exchanged).map(|_| ()).unwrap_err().to_string());
}

#[test]
fn the_schema_knows_it() {
    let schema = crate::schema(&crate::testing::registry());
    let spec = &schema["$defs"]["RestoreSpec"];
    for name in ["RestoreSpec", "Regions", "Paint", "RestoreOutput"] {
        assert_eq!(schema["$defs"][name]["additionalProperties"], false, "{name}");
    }
    let fields: Vec<&String> = spec["properties"].as_object().unwrap().keys().collect();
    assert_eq!(fields[..4], ["kind", "volume", "interpolation", "activation"]);
    assert_eq!(fields[4..], ["argmax", "regions", "values", "fill", "labels", "steps", "output"]);
    assert_eq!(spec["required"], json!(["kind"]));
    let steps = spec["properties"]["steps"]["items"]["anyOf"].as_array().unwrap();
    let fill = steps.iter().find(|s| s["properties"]["fill_holes"].is_object()).unwrap();
    assert_eq!(fill["properties"]["fill_holes"]["properties"]["in"]["enum"], json!(["model", "native"]));
    assert!(!steps.iter().any(|s| s["properties"]["spacing"].is_object()));
    assert!(schema["properties"]["restore"].is_object());
}
