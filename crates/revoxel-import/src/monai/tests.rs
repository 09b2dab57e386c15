//! Pipelines made of bundles, and bundles that are refused.

use super::*;
use crate::everything;

mod bundles;
mod faithful;
mod layers;
mod peers;
mod references;

/// One file.
fn pipeline(file: &str, text: &str, wanted: Option<&str>, post: Option<&str>) -> Result<Imported, PipelineError> {
    let registry = everything();
    let options = Options { transforms: wanted, postprocessing: post, ..Options::new(&registry) };
    super::pipeline(&[(file, text)], &options)
}

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
  "postprocessing": { "_target_": "Compose", "transforms": [
    { "_target_": "Activationsd", "keys": "pred", "sigmoid": [true] },
    { "_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "orig_keys": "image" },
    { "_target_": "SaveImaged", "keys": "pred", "output_dir": "$@root + '/eval'" }
  ] }
}"#;

#[test]
fn a_bundle_becomes_a_pipeline() {
    let imported = pipeline("inference.json", CT, None, None).unwrap();
    let steps: Vec<&str> = imported.text.lines().filter(|l| l.starts_with("  - ")).collect();
    assert_eq!(
        steps,
        [
            "  - orientation: { axcodes: RAS }",
            "  - spacing: { rule: monai_strict, pixdim: [1.5, 1.5, 2.0], interpolation: { image: linear, label: nearest } }",
            "  - scale_intensity_range: { keys: [image], a_min: -57, a_max: 164, b_min: 0, b_max: 1, clip: true }",
            "  - crop_foreground: { source: image, margin: [4, 4, 2] }",
        ]
    );
    assert!(imported.text.contains("label: { kind: label, path: \"label/{case}.nii.gz\" }"), "{}", imported.text);
    let left_out = "LoadImaged, EnsureChannelFirstd, EnsureTyped, SaveImaged";
    assert!(imported.notes[1].contains(left_out), "{:?}", imported.notes);
    assert_eq!(imported.check("pipeline.yaml", &everything()).unwrap().steps.len(), 4);
    let restore = "restore:\n  pred:\n    kind: logit\n    volume: image\n    activation: sigmoid\n    \
                   interpolation: nearest\n    fill: 0\n    output: { path: \"pred/{case}.nii.gz\" }\n";
    assert!(imported.text.contains(restore), "{}", imported.text);
}

#[test]
fn filters_and_masks() {
    let text = r#"[
      { "_target_": "CenterScaleCropd", "keys": ["image", "label"], "roi_scale": [0.5, 0.5, 1] },
      { "_target_": "HistogramNormalized", "keys": "image", "num_bins": 64, "mask_key": "label" },
      { "_target_": "SavitzkyGolaySmoothd", "keys": "image", "window_length": 5, "order": 2, "axis": 3,
        "mode": "replicate" },
      { "_target_": "GibbsNoised", "keys": "image", "alpha": 0.25 },
      { "_target_": "KSpaceSpikeNoised", "keys": "image", "loc": [3, 4, 5], "k_intensity": 11 },
      { "_target_": "SobelGradientsd", "keys": "image", "spatial_axes": [0], "new_key_prefix": null },
      { "_target_": "LabelToContourd", "keys": "label", "kernel_type": "Laplace" },
      { "_target_": "DistanceTransformEDTd", "keys": "label", "sampling": null }
    ]"#;
    let imported = pipeline("list.json", text, None, None).unwrap();
    let steps: Vec<&str> = imported.text.lines().filter(|l| l.starts_with("  - ")).collect();
    assert_eq!(
        steps,
        [
            "  - center_scale_crop: { roi_scale: [0.5, 0.5, 1] }",
            "  - histogram_normalize: { keys: [image], as_float: true, num_bins: 64, source: label }",
            "  - savitzky_golay_smooth: { keys: [image], window_length: 5, order: 2, spatial_axis: 2, mode: replicate }",
            "  - gibbs_noise: { keys: [image], alpha: 0.25 }",
            "  - k_space_spike_noise: { keys: [image], loc: [3, 4, 5], k_intensity: 11 }",
            "  - sobel_gradients: { keys: [image], spatial_axes: [0] }",
            "  - label_to_contour: { keys: [label] }",
            "  - distance_transform_edt: { keys: [label] }",
        ]
    );
    let channels = text.replace("\"axis\": 3", "\"axis\": 0");
    assert!(pipeline("list.json", &channels, None, None).unwrap_err().problem.contains("axis: 0 is not supported"));
}

#[test]
fn thresholds_of_colours_and_maps_of_instances() {
    let text = r#"[
      { "_target_": "ForegroundMaskd", "keys": "scan", "threshold": { "R": "otsu", "g": 100 }, "invert": true },
      { "_target_": "ForegroundMaskd", "keys": "photo", "threshold": null, "hsv_threshold": { "S": 0.1 } },
      { "_target_": "ComputeHoVerMapsd", "keys": "label", "dtype": "float32", "new_key_prefix": null }
    ]"#;
    let imported = pipeline("list.json", text, None, None).unwrap();
    imported.check("p.yaml", &everything()).unwrap_or_else(|e| panic!("{e}\n{}", imported.text));
    let steps: Vec<&str> = imported.text.lines().filter(|l| l.starts_with("  - ")).collect();
    assert_eq!(
        steps,
        [
            "  - foreground_mask: { keys: [scan], as_float: true, threshold: { R: otsu, g: 100 }, invert: true }",
            "  - foreground_mask: { keys: [photo], as_float: true, threshold: null, hsv_threshold: { S: 0.1 } }",
            "  - compute_ho_ver_maps: { keys: [label] }",
        ]
    );
}

#[test]
fn yaml_lists_and_ids() {
    let text = "train:\n  deterministic:\n  - _target_: LoadImaged\n    keys: image\n  - _target_: Flipd\n    keys: image\n    \
                spatial_axis: 1\n  - _target_: Spacingd\n    _disabled_: true\n    keys: image\n  preprocessing:\n    \
                _target_: Compose\n    transforms: $@train#deterministic[:1]\n";
    let imported = pipeline("train.yaml", text, Some("train#deterministic"), None).unwrap();
    assert!(imported.text.contains("- flip: { spatial_axis: 1 }") && !imported.text.contains("spacing"));
    let error = pipeline("train.yaml", text, None, None).unwrap_err();
    assert!(error.problem.contains("is code") && error.place.line == 13, "{error}");
}

#[test]
fn what_is_not_supported_is_refused_where_it_stands() {
    let t = |transform: &str, line: usize, part: &str| {
        let text = format!("- _target_: LoadImaged\n  keys: image\n- {}\n", transform.replace('\n', "\n  "));
        let error = pipeline("list.yaml", &text, None, None).unwrap_err();
        assert!(error.problem.contains(part) && error.place.line == line, "{transform}: {error}");
    };
    t("_target_: RandTorchVisiond\nkeys: image", 3, "RandTorchVisiond");
    let many = "- _target_: LoadImaged\n  keys: image\n- _target_: RandTorchVisiond\n  keys: image\n- _target_: Spacingd\n  keys: \
                image\n  pixdim: '$[1] ** 3'\n- _target_: GridPatchd\n  keys: image\n  patch_size: [8, 8, 8]\n";
    let error = pipeline("list.yaml", many, None, None).unwrap_err();
    let help = error.help.unwrap();
    for part in [
        "line 7, column 11",
        "is code",
        "line 8, column 13",
        "GridPatchd is not supported: no step does exactly the same",
    ] {
        assert!(error.place.line == 3 && help.contains(part), "{part:?} is not in {help}");
    }
    t("_target_: Transposed\nkeys: image\nindices: [0, 3, 1, 2]", 3, "permutes axes without the affine");
    t("_target_: Lambdad\nkeys: image\nfunc: '$lambda x: x'", 5, "is code");
    t("_target_: Spacingd\nkeys: image\npixdim: '$list(range(3))'", 5, "is code");
    t("_target_: Resized\nkeys: [image, seg]\nspatial_size: 9\nalign_corners: [true, false]", 6, "align_corners");
    t(
        "_target_: Resized\nkeys: image\nspatial_size: 9\nanti_aliasing: true\nanti_aliasing_sigma: 2",
        7,
        "is not supported",
    );
    t("_target_: Spacingd\nkeys: image\npixdim: '@missing'", 5, "Spacingd: pixdim: \"@missing\" is not in this file");
    t("_target_: Spacingd\nkeys: image\npixdim: '%a.json::b'", 5, "not in this file");
    t("_target_: Spacingd\nkeys: image\n_requires_: x", 5, "_requires_");
    t("_target_: Resized\nkeys: image\nspatial_size: 9\nmode: bicubic", 6, "is not supported");
    t("_target_: Spacing\npixdim: [1, 1, 1]", 3, "Spacing");
    t("_target_: CropForegroundd\nkeys: image\nsource_key: image\nselect_fn: x", 6, "is code");
    t("_target_: ScaleIntensityRanged\nkeys: image\na_min: 1\na_max: 1", 3, "a_max");
    t("_target_: ComputeHoVerMapsd\nkeys: label", 3, "keeps the labels");
    t("_target_: ForegroundMaskd\nkeys: image\nthreshold: niblack", 3, "a threshold for each voxel");
}

#[test]
fn what_can_be_written_instead_of_transposed() {
    let t = |indices: &str, expected: &str| {
        let text = format!("- _target_: Transposed\n  keys: image\n  indices: {indices}\n");
        let error = pipeline("list.yaml", &text, None, None).unwrap_err();
        assert_eq!((error.place.line, error.place.column), (1, 13));
        assert!(error.help.as_ref().is_some_and(|h| h.contains(expected)), "{indices}: {error}");
    };
    t("[0, 3, 1, 2]", "`- transpose: { indices: [2, 0, 1] }`");
    // The channel is turned too.
    t("[1, 0, 2, 3]", "`- transpose: { indices: [..] }`");
}

/// Transforms of predictions before and after the way back; the lines of `steps` and the other fields.
fn restored(post: &str) -> Result<String, PipelineError> {
    let text = format!(
        "preprocessing:\n- _target_: LoadImaged\n  keys: image\n- _target_: Flipd\n  keys: image\npost:\n{}",
        post.lines().map(|line| format!("  {line}\n")).collect::<String>()
    );
    let imported = pipeline("c.yaml", &text, Some("preprocessing"), Some("post"))?;
    imported.check("p.yaml", &everything()).unwrap_or_else(|e| panic!("{e}\n{}", imported.text));
    let (_, restore) = imported.text.split_once("restore:\n").unwrap_or_else(|| panic!("{}", imported.text));
    Ok(restore.split("trace:").next().unwrap_or_default().to_owned())
}

#[test]
fn what_is_done_to_predictions_is_restored() {
    let invert = "- _target_: Invertd\n  keys: p\n  transform: '@preprocessing'\n  orig_keys: image\n  \
                  nearest_interp: false\n";
    let argmax = "- _target_: AsDiscreted\n  keys: p\n  argmax: true\n";
    let largest = "- _target_: KeepLargestConnectedComponentd\n  keys: p\n  is_onehot: false\n";
    let small = "- _target_: RemoveSmallObjectsd\n  keys: [p]\n  by_measure: true\n  min_size: 30\n";
    let t = |post: &[&str], parts: &[&str]| {
        let restore = restored(&post.concat()).unwrap();
        for part in parts {
            assert!(restore.contains(part), "{part:?} is not in\n{restore}");
        }
    };
    t(&[invert, argmax], &["kind: logit\n", "interpolation: linear\n", "argmax: true\n"]);
    t(&[argmax, invert], &["- as_discrete: { in: model, argmax: true }\n", "interpolation: nearest\n"]);
    t(
        &[invert, argmax, largest, small],
        &[
            "argmax: true\n",
            "- keep_largest_connected_component: { in: native, is_onehot: false }\n",
            "- remove_small_objects: { in: native, min_size_mm3: 30 }\n",
        ],
    );
    t(&[argmax, largest, invert], &["- keep_largest_connected_component: { in: model, is_onehot: false }\n"]);
    let activate = "- _target_: Activationsd\n  keys: p\n  softmax: true\n";
    t(&[activate, invert, argmax], &["activation: softmax\n"]);
    // After the way back, softmax changes nothing that argmax sees.
    let restore = restored(&[invert, activate, argmax].concat()).unwrap();
    assert!(!restore.contains("softmax"), "{restore}");
    t(&[invert], &["kind: image\n"]);
    let refused = |post: &[&str], part: &str| {
        let error = restored(&post.concat()).unwrap_err();
        assert!(error.problem.contains(part), "{error}");
    };
    refused(&[invert, activate], "comes after Invertd");
    refused(&[invert, invert], "a second Invertd");
    refused(&[argmax, argmax], "labels already");
    refused(&["- _target_: MeanEnsembled\n  keys: [p]\n"], "MeanEnsembled is not supported");
    refused(&["- _target_: AsDiscreted\n  keys: p\n  argmax: true\n  dim: 0\n"], "AsDiscreted: dim");
}

#[test]
fn arguments_are_those_of_monai_where_defaults_differ() {
    let t = |transform: &str, expected: &str| {
        let text = format!("- _target_: LoadImaged\n  keys: image\n- {}\n", transform.replace('\n', "\n  "));
        let imported = pipeline("list.yaml", &text, None, None).unwrap();
        assert!(imported.text.contains(expected), "{expected:?} is not in\n{}", imported.text);
        imported.check("p.yaml", &everything()).unwrap_or_else(|e| panic!("{e}\n{}", imported.text));
    };
    t("_target_: GaussianSmoothd\nkeys: image", "- gaussian_smooth: { sigma: 1.0, edge: zero }");
    t("_target_: GaussianSmoothd\nkeys: image\nsigma: 2", "- gaussian_smooth: { sigma: 2, edge: zero }");
    t("_target_: MedianSmoothd\nkeys: image\nradius: 2", "- median_smooth: { radius: 2 }");
    t("_target_: ClipIntensityPercentilesd\nkeys: image\nlower: 1\nupper: 99", "lower: 1, upper: 99");
    t("_target_: StdShiftIntensityd\nkeys: image\nfactor: 2", "- std_shift_intensity: { factor: 2 }");
    t("_target_: Resized\nkeys: image\nspatial_size: 9", "- resize: { spatial_size: 9, area: true }");
    t("_target_: Zoomd\nkeys: [image, seg]\nzoom: 2", "interpolation: { seg: label }, area: true }");
    let resized = "_target_: Resized\nkeys: [image, seg]\nspatial_size: 9\nmode: ";
    t(&format!("{resized}[area, nearest-exact]"), "interpolation: { seg: nearest }, area: true }");
    t(&format!("{resized}[trilinear, nearest-exact]"), "interpolation: { image: linear, seg: nearest } }");
    let smoothed = "spatial_size: 9, anti_alias: true, anti_alias_rule: scikit_image, area: true }";
    t("_target_: Resized\nkeys: image\nspatial_size: 9\nanti_aliasing: true", smoothed);
    let zoomed = "_target_: Zoomd\nkeys: image\nzoom: 2\nmode: trilinear\nalign_corners: true";
    t(zoomed, "zoom: { zoom: 2, interpolation: linear, align_corners: true }");
    t(&format!("{resized}[trilinear, nearest-exact]\nalign_corners: [false, null]"), "seg: nearest } }");
    let padded = "_target_: Zoomd\nkeys: image\nzoom: 0.5\npadding_mode: constant\nconstant_values: 5";
    t(padded, "zoom: { zoom: 0.5, mode: constant, value: 5, area: true }");
    let rotated = "_target_: Rotated\nkeys: [image, seg]\nangle: 0.1\nmode: [bilinear, nearest]\npadding_mode: ";
    t(&format!("{rotated}[zeros, border]"), "# Rotated: with padding_mode zeros, MONAI mixes zeros");
    t("_target_: Flipd\nkeys: image\n_desc_: mirrored\nspatial_axis: 0", "- flip: { spatial_axis: 0 }");
}

#[test]
fn turned_enlarged_and_moved() {
    let text = "t:\n- _target_: Zoomd\n  keys: image\n  zoom: [1.2, 1, 0.8]\n  mode: trilinear\n  keep_size: false\n- _target_: \
                Rotated\n  keys: image\n  angle: [0.1, 0, 0]\n  mode: nearest\n  padding_mode: zeros\n- _target_: Affined\n  \
                keys: image\n  rotate_params: [0, 0, 0.2]\n  scale_params: [1.1, 1, 1]\n  padding_mode: border\n  \
                align_corners: false\n";
    let imported = pipeline("t.yaml", text, Some("t"), None).unwrap();
    assert!(!imported.text.contains("mixes"), "nearest mixes nothing: {}", imported.text);
    let steps: Vec<&str> = imported.text.lines().filter(|l| l.starts_with("  - ")).collect();
    assert_eq!(
        steps,
        [
            "  - zoom: { zoom: [1.2, 1, 0.8], interpolation: linear, keep_size: false }",
            "  - rotate: { angle: [0.1, 0, 0], interpolation: nearest, padding: zeros }",
            "  - affine: { rotate_params: [0, 0, 0.2], scale_params: [1.1, 1, 1], padding: border }",
        ]
    );
    let t = |text: &str, line: usize, part: &str| {
        let error = pipeline("t.yaml", text, Some("t"), None).unwrap_err();
        assert!(error.place.line == line && error.problem.contains(part), "{error}");
    };
    t("t:\n- _target_: Zoomd\n  keys: image\n  zoom: 1.2\n  align_corners: true\n", 2, "align_corners");
    t("t:\n- _target_: Affined\n  keys: image\n  affine: [[1]]\n", 4, "is not supported");
    t("t:\n- _target_: Rotated\n  keys: image\n  angle: 0.1\n  align_corners: true\n", 5, "is not supported");
}
