//! Files laid over each other, expressions that are values, random transforms, and labels of BraTS.

use super::*;

const TRAIN: &str = r#"{
  "patch": [64, 64, 32],
  "low": false,
  "pixdim": "$[1.5, 1.5, 1.5] if not @low else [3.0, 3.0, 3.0]",
  "train": {
    "steps": [
      { "_target_": "LoadImaged", "keys": ["image", "label"] },
      { "_target_": "Spacingd", "keys": ["image", "label"], "pixdim": "@pixdim", "mode": ["bilinear", "nearest"],
        "align_corners": [true, true] },
      { "_target_": "Flipd", "keys": "image", "_disabled_": "$not @low" }
    ],
    "random": [
      { "_target_": "RandCropByPosNegLabeld", "keys": ["image", "label"], "label_key": "label", "spatial_size": "@patch",
        "pos": 1, "neg": 1, "num_samples": 4, "image_key": "image", "image_threshold": 0 },
      { "_target_": "RandFlipd", "keys": ["image", "label"], "prob": 0.5, "spatial_axis": [0] },
      { "_target_": "RandRotated", "keys": ["image", "label"], "range_x": "$np.pi / 2", "mode": ["bilinear", "nearest"],
        "device": "$torch.device('cpu')" },
      { "_target_": "RandZoomd", "keys": "image", "min_zoom": 0.8, "max_zoom": 1.2, "mode": "trilinear" },
      { "_target_": "RandAdjustContrastd", "keys": "image", "gamma": 2.0 },
      { "_target_": "RandGaussianSmoothd", "keys": "image", "sigma_x": [0.5, 1.0] },
      { "_target_": "RandAffined", "keys": "image", "rotate_range": 0.1, "padding_mode": "border" }
    ],
    "preprocessing": { "_target_": "Compose", "transforms": "$@train#steps + @train#random" },
    "postprocessing": { "_target_": "Compose", "transforms": [
      { "_target_": "Activationsd", "keys": "pred", "softmax": true },
      { "_target_": "AsDiscreted", "keys": ["pred", "label"], "argmax": [true, false], "to_onehot": 2 } ] }
  },
  "validate": {
    "preprocessing": { "_target_": "Compose", "transforms": "%train#steps" }
  }
}"#;

const EVALUATE: &str = r#"{
  "validate#postprocessing": { "_target_": "Compose", "transforms": [
    { "_target_": "Invertd", "keys": "pred", "transform": "@validate#preprocessing", "orig_keys": "image",
      "nearest_interp": false },
    { "_target_": "AsDiscreted", "keys": "pred", "argmax": true } ] },
  "low": true,
  "+patch": [7]
}"#;

fn steps(imported: &Imported) -> Vec<&str> {
    imported.check("p.yaml", &everything()).unwrap_or_else(|e| panic!("{e}\n{}", imported.text));
    imported.text.lines().filter_map(|line| line.strip_prefix("  - ")).collect()
}

const SPACING: &str =
    "spacing: { rule: monai_strict, pixdim: [1.5, 1.5, 1.5], interpolation: { image: linear, label: nearest } }";

#[test]
fn lists_put_together_with_random_steps() {
    let imported = pipeline("train.json", TRAIN, None, None).unwrap();
    assert_eq!(
        steps(&imported),
        [
            SPACING,
            "rand_crop_by_pos_neg_label: { source: label, spatial_size: [64, 64, 32], pos: 1, neg: 1, image: image, \
             image_threshold: 0 }",
            "rand_flip: { prob: 0.5, spatial_axis: [0] }",
            "rand_rotate: { range_x: 1.5707963267948966, interpolation: { image: linear, label: nearest } }",
            "rand_zoom: { keys: [image], min_zoom: 0.8, max_zoom: 1.2, interpolation: linear }",
            "rand_gamma: { keys: [image], gamma: [0.5, 2.0] }",
            "rand_gaussian_smooth: { keys: [image], edge: zero, sigma_x: [0.5, 1.0] }",
            "rand_affine: { keys: [image], rotate_range: [0.1], padding: border }",
        ]
    );
    for part in [
        "copies: 4\n",
        "image: { path: \"image/{case}/{copy}.nii.gz\" }",
        "output: { path: \"pred/{case}/{copy}.nii.gz\" }",
        "trace: \"traces/{case}/{copy}.json\"",
        "# Ignored, because they change no values: device of RandRotated.",
    ] {
        assert!(imported.text.contains(part), "{part} is not in\n{}", imported.text);
    }
}

#[test]
fn without_what_is_random() {
    let registry = everything();
    let options = Options { skip_random: true, ..Options::new(&registry) };
    let code = TRAIN.replace("\"range_x\": \"$np.pi / 2\"", "\"range_x\": \"$draw()\"");
    let imported = super::super::pipeline(&[("train.json", &code)], &options).unwrap();
    assert_eq!(steps(&imported), [SPACING]);
    let skipped = "RandCropByPosNegLabeld, RandFlipd, RandRotated, RandZoomd";
    assert!(imported.notes.iter().any(|note| note.contains(skipped)), "{:?}", imported.notes);
    assert!(!imported.text.contains("copies"), "{}", imported.text);
    let error = pipeline("train.json", &code, None, None).unwrap_err();
    assert!(error.problem.contains("RandRotated: range_x: \"$draw()\" is code") && error.place.line == 16, "{error}");
}

#[test]
fn later_files_are_laid_over_earlier_ones() {
    let registry = everything();
    let options = Options {
        transforms: Some("validate#preprocessing"),
        postprocessing: Some("validate#postprocessing"),
        ..Options::new(&registry)
    };
    let both = [("train.json", TRAIN), ("evaluate.json", EVALUATE)];
    let imported = super::super::pipeline(&both, &options).unwrap();
    let steps = steps(&imported);
    assert_eq!(steps[0], SPACING.replace("1.5, 1.5, 1.5", "3.0, 3.0, 3.0"));
    assert_eq!(steps[1..], ["flip: { keys: [image] }"]);
    assert!(
        imported.text.contains("volume: image\n    interpolation: linear\n    argmax: true\n"),
        "{}",
        imported.text
    );
    // Where nobody names it, it is the one beside the steps, not the first of the file.
    let beside = Options { postprocessing: None, ..options };
    assert_eq!(super::super::pipeline(&both, &beside).unwrap().text, imported.text);
    // In the other order there is nothing yet that the entries change.
    let error = super::super::pipeline(&[both[1], both[0]], &options).unwrap_err();
    assert!(error.problem.contains("no \"validate\" comes before it"), "{error}");
    assert_eq!((error.file.as_str(), error.place.line), ("evaluate.json", 2));
    // A fault in the second file is told with its name, line and text.
    let faulty = EVALUATE.replace("\"argmax\": true", "\"argmax\": \"$code()\"");
    let error = super::super::pipeline(&[both[0], ("e.json", &faulty)], &options).unwrap_err();
    let line = faulty.lines().position(|l| l.contains("$code()")).unwrap() + 1;
    assert_eq!((error.file.as_str(), error.place.line, &*error.text), ("e.json", line, faulty.as_str()));
    assert!(error.to_string().contains("argmax"), "{error}");
}

#[test]
fn what_is_added_must_be_of_the_same_form() {
    let t = |second: &str, expected: Result<&str, &str>| {
        let first = "pre:\n- {_target_: Flipd, keys: image, spatial_axis: 0}\naxes: {a: 1}\n";
        let registry = everything();
        let options = Options { transforms: Some("pre"), ..Options::new(&registry) };
        let result = super::super::pipeline(&[("a.yaml", first), ("b.yaml", second)], &options);
        match (result, expected) {
            (Ok(imported), Ok(step)) => assert_eq!(steps(&imported).last(), Some(&step), "{second}"),
            (Err(error), Err(part)) => assert!(error.problem.contains(part), "{error}"),
            (result, _) => panic!("{second}: {result:?}"),
        }
    };
    t("'+pre': [{_target_: Flipd, keys: image, spatial_axis: 2}]\n", Ok("flip: { spatial_axis: 2 }"));
    t("'pre#0#spatial_axis': 1\n", Ok("flip: { spatial_axis: 1 }"));
    t("'pre::0::spatial_axis': '@axes::a'\n'+axes': {a: 2}\n", Ok("flip: { spatial_axis: 2 }"));
    t("'+pre': 1\n", Err("both must be maps, or both lists"));
    t("'pre#1#keys': image\n", Err("no \"1\" comes before it"));
    t("'a#b': 1\n", Err("no \"a\" comes before it"));
    t("- 1\n", Err("expected a map"));
}

#[test]
fn expressions_that_are_values() {
    let t = |value: &str, expected: Option<&str>| {
        let text = format!(
            "size: [2, 3, 4]\nhigh: true\nimage: $monai.utils.CommonKeys.IMAGE\npre:\n- _target_: SpatialPadd\n  keys: '@image'\n  \
             spatial_size: \"{value}\"\n"
        );
        match (pipeline("c.yaml", &text, Some("pre"), None), expected) {
            (Ok(imported), Some(size)) => {
                assert_eq!(steps(&imported), [format!("spatial_pad: {{ spatial_size: {size} }}")], "{value}");
            }
            (Err(error), None) => assert!(error.problem.contains("is code") && error.place.line == 7, "{error}"),
            (result, _) => panic!("{value}: {result:?}"),
        }
    };
    t("$[1, 2, 3]", Some("[1, 2, 3]"));
    t("$(1, 2, 3)", None);
    t("$[@size[0], @size[-1] + 1, 20]", Some("[2, 5, 20]"));
    t("$[@size[0]] + [@size[1] * 2 - 1] + [8]", Some("[2, 5, 8]"));
    t("$@size if @high else [1, 1, 1]", Some("[2, 3, 4]"));
    t("$[9, 9, 9] if not @high else @size", Some("[2, 3, 4]"));
    t("$@size[3]", None);
    t("$@size[:1]", None);
    t("$[1] * 3", Some("[1, 1, 1]"));
    t("$[1,] * @size[1]", Some("[1, 1, 1]"));
    t("$1 * [@size[0]] + [3, 4]", Some("[2, 3, 4]"));
    t("$[1] * 1.5", None);
    t("$[1] * 100000", None);
    t("$len(@size)", None);
    t("$tuple(@size)", None);
    t("$@missing + @size", None);
    t("$[1, 2", None);
}

#[test]
fn expressions_end() {
    let mut text: String = (0..20).map(|i| format!("a{i}: $@a{} + @a{}\n", i + 1, i + 1)).collect();
    text.push_str(
        "a20: [1]\nround: $@round + @round\npre:\n- {_target_: SpatialPadd, keys: image, spatial_size: '@a0'}\n",
    );
    let error = pipeline("c.yaml", &text, Some("pre"), None).unwrap_err();
    assert!(error.problem.contains("is code"), "{error}");
}

#[test]
fn labels_of_brats_are_three_maps_and_one_again() {
    let text = r#"{ "preprocessing": { "_target_": "Compose", "transforms": [
      { "_target_": "LoadImaged", "keys": ["image", "label"], "as_closest_canonical": true },
      { "_target_": "ConvertToMultiChannelBasedOnBratsClassesd", "keys": "label" },
      { "_target_": "Spacingd", "keys": ["image", "label"], "pixdim": 1, "mode": ["bilinear", "nearest"] },
      { "_target_": "CropForegroundd", "keys": ["image", "label"], "source_key": "label" } ] },
    "postprocessing": { "_target_": "Compose", "transforms": [
      { "_target_": "Activationsd", "keys": "pred", "sigmoid": true },
      { "_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "orig_keys": "image",
        "nearest_interp": false },
      { "_target_": "AsDiscreted", "keys": "pred", "threshold": 0.5 },
      { "_target_": "Lambdad", "keys": "pred",
        "func": "$lambda x: torch.where(x[[2]] > 0, 4, torch.where(x[[0]] > 0, 1, torch.where(x[[1]] > 0, 2, 0)))" },
      { "_target_": "SaveImaged", "keys": "pred" } ] } }"#;
    let imported = pipeline("c.json", text, None, None).unwrap();
    let nearest = "label_tc: nearest, label_wt: nearest, label_et: nearest";
    assert_eq!(
        steps(&imported),
        [
            "canonical: {}",
            "label_filter: { keys: [label_tc], applied_labels: [1, 4] }",
            "map_label_value: { keys: [label_tc], orig_labels: [1, 4], target_labels: [1, 1] }",
            "label_filter: { keys: [label_wt], applied_labels: [1, 2, 4] }",
            "map_label_value: { keys: [label_wt], orig_labels: [1, 2, 4], target_labels: [1, 1, 1] }",
            "label_filter: { keys: [label_et], applied_labels: [4] }",
            "map_label_value: { keys: [label_et], orig_labels: [4], target_labels: [1] }",
            &format!("spacing: {{ rule: monai_strict, pixdim: 1, interpolation: {{ image: linear, {nearest} }} }}"),
            "crop_foreground: { source: label_wt }",
        ]
    );
    assert!(imported.text.contains("  label_et: { kind: label, path: \"label/{case}.nii.gz\" }"), "{}", imported.text);
    let regions = "activation: sigmoid\n    interpolation: linear\n    regions: { threshold: 0.5, paint: [{ channel: 1, \
                   label: 2 }, { channel: 0, label: 1 }, { channel: 2, label: 4 }] }\n    output:";
    assert!(imported.text.contains(regions), "{}", imported.text);
    let other = text.replace("x[[1]] > 0, 2, 0", "x[[1]] > 0, 2, 3");
    let error = pipeline("c.json", &other, None, None).unwrap_err();
    assert!(error.problem.contains("Lambdad: func") && error.problem.contains("is code"), "{error}");
    let bare = text.replace(", \"threshold\": 0.5", ", \"argmax\": true");
    assert!(pipeline("c.json", &bare, None, None).unwrap_err().problem.contains("AsDiscreted with a threshold"));
}

#[test]
fn the_second_of_two_channels_is_a_map_of_labels() {
    let t = |invert: &str, classes: u8| {
        let text = format!(
            "pre:\n- {{_target_: LoadImaged, keys: image}}\npost:\n{invert}- {{_target_: AsDiscreted, keys: p, argmax: true, \
             to_onehot: {classes}}}\n- {{_target_: Lambdad, keys: p, func: '$lambda x : x[1:]'}}\n"
        );
        pipeline("c.yaml", &text, Some("pre"), Some("post"))
    };
    let invert = "- {_target_: Invertd, keys: p, transform: '@pre', orig_keys: image, nearest_interp: false}\n";
    let native = t(invert, 2).unwrap();
    assert!(native.text.contains("interpolation: linear\n    argmax: true\n    output"), "{}", native.text);
    assert!(t("", 2).unwrap().text.contains("- as_discrete: { in: model, argmax: true }"));
    assert!(t(invert, 3).unwrap_err().problem.contains("not two one-hot channels"));
}

#[test]
fn readers_and_keys_that_are_no_volumes() {
    let text = "- {_target_: LoadImaged, keys: image, reader: ITKReader, image_only: true}\n- {_target_: ToTensord, keys: \
                class}\n- {_target_: Spacingd, keys: image, pixdim: 1, mode: bilinear}\n- {_target_: ToNumpyd, keys: \
                image}\n";
    let imported = pipeline("c.yaml", text, None, None).unwrap();
    assert_eq!(steps(&imported), ["spacing: { rule: monai, pixdim: 1, interpolation: linear }"]);
    assert!(!imported.text.contains("class:") && imported.notes.iter().any(|n| n.starts_with("class is left out")));
    assert!(imported.notes.iter().any(|n| n.contains("ITKReader")), "{:?}", imported.notes);
}

#[test]
fn images_with_two_axes_have_the_same_arguments() {
    let text = "- {_target_: LoadImaged, keys: image}\n- {_target_: Resized, keys: image, spatial_size: [96, 64], mode: \
                bilinear}\n- {_target_: RandRotated, keys: image, range_x: 0.3, prob: 0.2}\n- {_target_: RandAffined, keys: \
                image, rotate_range: [[-0.1, 0.2]]}\n";
    let imported = pipeline("c.yaml", text, None, None).unwrap();
    assert_eq!(
        steps(&imported),
        [
            "resize: { spatial_size: [96, 64], interpolation: linear }",
            "rand_rotate: { range_x: 0.3, prob: 0.2 }",
            "rand_affine: { rotate_range: [[-0.1, 0.2]] }",
        ]
    );
}
