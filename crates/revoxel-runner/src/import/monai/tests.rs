//! Pipelines made of bundles, and bundles that are refused.

use super::*;

/// In the style of a public bundle for CT.
const CT: &str = r#"{
  "spacing": [1.5, 1.5, 2.0],
  "image_key": "image",
  "preprocessing": {
    "_target_": "Compose",
    "transforms": [
      { "_target_": "LoadImaged", "keys": ["@image_key", "label"] },
      { "_target_": "EnsureChannelFirstd", "keys": ["image", "label"] },
      { "_target_": "Orientationd", "keys": ["image", "label"], "axcodes": "RAS" },
      { "_target_": "monai.transforms.SpacingD", "keys": ["image", "label"], "pixdim": "@spacing",
        "mode": ["bilinear", "nearest"] },
      { "_target_": "ScaleIntensityRanged", "keys": "image", "a_min": -57, "a_max": 164, "b_min": 0, "b_max": 1,
        "clip": true },
      { "_target_": "CropForegroundd", "keys": ["image", "label"], "source_key": "image", "margin": [4, 4, 2] },
      { "_target_": "EnsureTyped", "keys": ["image", "label"] }
    ]
  },
  "postprocessing": { "_target_": "Compose", "transforms": ["$code()"] }
}"#;

#[test]
fn a_bundle_becomes_a_pipeline() {
    let imported = pipeline("inference.json", CT, None).unwrap();
    let steps: Vec<&str> = imported.text.lines().filter(|l| l.starts_with("  - ")).collect();
    assert_eq!(
        steps,
        [
            "  - orientation: { axcodes: RAS }",
            "  - spacing: { pixdim: [1.5, 1.5, 2.0], interpolation: { image: linear, label: nearest } }",
            "  - scale_intensity_range: { keys: [image], a_min: -57, a_max: 164, b_min: 0, b_max: 1, clip: true }",
            "  - crop_foreground: { source: image, margin: [4, 4, 2] }",
        ]
    );
    assert!(imported.text.contains("label: { kind: label, path: \"label/{case}.nii.gz\" }"), "{}", imported.text);
    assert!(imported.notes[1].contains("LoadImaged, EnsureChannelFirstd, EnsureTyped"), "{:?}", imported.notes);
    assert_eq!(imported.check("pipeline.yaml").unwrap().steps.len(), 4);
}

#[test]
fn yaml_lists_and_ids() {
    let text = "train:\n  deterministic:\n  - _target_: LoadImaged\n    keys: image\n  - _target_: Flipd\n    keys: image\n    \
                spatial_axis: 1\n  - _target_: Spacingd\n    _disabled_: true\n    keys: image\n  preprocessing:\n    \
                _target_: Compose\n    transforms: $@train#deterministic + []\n";
    let imported = pipeline("train.yaml", text, Some("train#deterministic")).unwrap();
    assert!(imported.text.contains("- flip: { spatial_axis: 1 }") && !imported.text.contains("spacing"));
    let error = pipeline("train.yaml", text, None).unwrap_err();
    assert!(error.problem.contains("is code") && error.place.line == 13, "{error}");
}

#[test]
fn what_has_no_counterpart_is_refused_where_it_stands() {
    let t = |transform: &str, line: usize, part: &str| {
        let text = format!("- _target_: LoadImaged\n  keys: image\n- {}\n", transform.replace('\n', "\n  "));
        let error = pipeline("list.yaml", &text, None).unwrap_err();
        assert!(error.problem.contains(part) && error.place.line == line, "{transform}: {error}");
    };
    t("_target_: RandFlipd\nkeys: image", 3, "RandFlipd");
    t("_target_: Lambdad\nkeys: image\nfunc: '$lambda x: x'", 5, "is code");
    t("_target_: Spacingd\nkeys: image\npixdim: '$[1, 1, 1]'", 5, "is code");
    t("_target_: Spacingd\nkeys: image\npixdim: [1, 1, 1]\nalign_corners: true", 6, "align_corners");
    t("_target_: Spacingd\nkeys: image\npixdim: '@missing'", 5, "not in this file");
    t("_target_: Resized\nkeys: image\nspatial_size: [8, 8, 8]", 3, "averages areas");
    t("_target_: Spacing\npixdim: [1, 1, 1]", 3, "Spacing");
    t("_target_: CropForegroundd\nkeys: image\nsource_key: image\nselect_fn: x", 6, "is code");
    t("_target_: ScaleIntensityRanged\nkeys: image\na_min: 1\na_max: 1", 3, "a_max");
}
