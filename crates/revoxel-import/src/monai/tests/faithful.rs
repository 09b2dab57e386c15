//! What was once dropped or read otherwise than MONAI reads it, each as it is done or refused now.

use super::*;

/// The steps of a list of transforms, one a line.
fn steps(list: &str) -> Vec<String> {
    let text = format!("pre:\n{list}");
    let imported = pipeline("c.yaml", &text, Some("pre"), None).unwrap_or_else(|e| panic!("{e}\n{text}"));
    imported.check("p.yaml", &everything()).unwrap_or_else(|e| panic!("{e}\n{}", imported.text));
    imported.text.lines().filter_map(|line| line.strip_prefix("  - ")).map(str::to_owned).collect()
}

/// Refused in a line of the list, the first being 1.
fn refused(list: &str, line: usize, part: &str) {
    let text = format!("pre:\n{list}");
    let error = pipeline("c.yaml", &text, Some("pre"), None).unwrap_err();
    assert!(error.place.line == line + 1 && error.problem.contains(part), "{error}\n{text}");
}

#[test]
fn what_is_switched_off_is_left_out() {
    let flip = "- { _target_: Flipd, keys: image, spatial_axis: 2 }\n";
    let t = |list: &str| assert_eq!(steps(&format!("{list}{flip}")), ["flip: { spatial_axis: 2 }"], "{list}");
    t("- { _target_: Compose, _disabled_: true, transforms: [{ _target_: Flipd, keys: image, spatial_axis: 0 }] }\n");
    t("- { _target_: Compose, transforms: ['$1'], _disabled_: true }\n");
    t("- { _target_: Lambdad, keys: image, func: '$lambda x: x', _disabled_: ' TRUE ' }\n");
    t("- { _target_: scripts.Own, a: { _target_: B }, _disabled_: 1 }\n");
    refused(&format!("- {{ _target_: Flipd, keys: image, _disabled_: yes }}\n{flip}"), 1, "yes is true or false");
    refused(&format!("- {{ _target_: Flipd, keys: image, _disabled_: '$bool(1)' }}\n{flip}"), 1, "is code");
    let off = "off: { _target_: Flipd, keys: image, _disabled_: true }\npre:\n- '@off'\n";
    assert!(pipeline("c.yaml", off, Some("pre"), None).unwrap_err().problem.contains("disabled"));
    let copied = "off: { _target_: Flipd, keys: image, _disabled_: true }\npre:\n- '%off'\n";
    let copied = format!("{copied}{flip}");
    assert!(!pipeline("c.yaml", &copied, Some("pre"), None).unwrap().text.contains("{ }"));
    let first = format!(
        "a: {{ _target_: Compose, _disabled_: true, transforms: ['$1'] }}\nb:\n  _target_: Compose\n  \
                         transforms:\n  {flip}"
    );
    assert!(pipeline("c.yaml", &first, None, None).unwrap().text.contains("spatial_axis: 2"));
    assert!(pipeline("c.yaml", &first, Some("a"), None).unwrap_err().problem.contains("disabled"));
}

#[test]
fn scaling_by_a_factor_needs_both_ends_to_be_null() {
    let t = |arguments: &str, expected: &str| {
        assert_eq!(steps(&format!("- {{ _target_: ScaleIntensityd, keys: image{arguments} }}\n")), [expected]);
    };
    t(", factor: 0.5", "scale_intensity: {}");
    t(", factor: 0.5, minv: 2, maxv: 3", "scale_intensity: { minv: 2, maxv: 3 }");
    t(", minv: -1", "scale_intensity: { minv: -1 }");
    t(", minv: null, maxv: null, factor: 0.5", "scale_intensity: { factor: 0.5 }");
    t(", minv: null, maxv: 4, factor: 0.5, channel_wise: true", "scale_intensity: { channel_wise: true }");
    refused("- { _target_: ScaleIntensityd, keys: image, minv: null, maxv: null }\n", 1, "changes nothing");
}

#[test]
fn labels_are_padded_with_what_is_said() {
    for (transform, step) in [
        ("SpatialPadd, spatial_size: 20", "spatial_pad: { keys: [label], spatial_size: 20"),
        ("BorderPadd, spatial_border: 2", "border_pad: { keys: [label], spatial_border: 2"),
        ("DivisiblePadd, k: 8", "divisible_pad: { keys: [label], k: 8"),
        ("ResizeWithPadOrCropd, spatial_size: 20", "resize_with_pad_or_crop: { keys: [label], spatial_size: 20"),
        ("CropForegroundd, source_key: label", "crop_foreground: { keys: [label], source: label"),
    ] {
        for argument in ["constant_values", "value"] {
            let list = |keys: &str| {
                format!(
                    "- {{ _target_: LoadImaged, keys: [image, label] }}\n- {{ _target_: {transform}, keys: {keys}, \
                         {argument}: 255 }}\n"
                )
            };
            assert_eq!(steps(&list("label")), [format!("{step}, value: {{ label: 255 }} }}")]);
            let both = format!("{}, value: {{ image: 255, label: 255 }} }}", step.replace("keys: [label], ", ""));
            assert_eq!(steps(&list("[image, label]")), [both]);
            assert!(steps(&list("image"))[0].ends_with(", value: 255 }"));
        }
    }
    let twice = "- { _target_: SpatialPadd, keys: a, spatial_size: 9, value: 1, constant_values: 2 }\n";
    refused(twice, 1, "repeats a value");
}

#[test]
fn what_our_steps_do_not_take_is_told_of_the_transform() {
    let load = "- { _target_: LoadImaged, keys: [image, label] }\n";
    let t = |transform: &str, part: &str| refused(&format!("{load}- {{ {transform} }}\n"), 2, part);
    t("_target_: ShiftIntensityd, keys: [image, label], offset: 1", "\"label\" has another kind");
    t("_target_: NormalizeIntensityd, keys: label", "NormalizeIntensityd: normalize_intensity changes intensities");
    t("_target_: MapLabelValued, keys: image, orig_labels: [1], target_labels: [2]", "MapLabelValued");
    t(
        "_target_: MapLabelValued, keys: [image, label], orig_labels: [1], target_labels: [2]",
        "\"image\" has another kind",
    );
    t("_target_: CropForegroundd, keys: image, source_key: other", "CropForegroundd: there is no input \"other\"");
    refused("- { _target_: Flipd, keys: '../x' }\n", 1, "Flipd: ");
    // Labels of labels are another matter than what they were.
    let discrete = "- { _target_: AsDiscreted, keys: image, threshold: 1 }\n";
    refused(&format!("{load}{discrete}- {{ _target_: ScaleIntensityd, keys: image }}\n"), 3, "ScaleIntensityd");
    let restore = |post: &str| restored(post).unwrap_err();
    let invert = "- _target_: Invertd\n  keys: p\n  transform: '@preprocessing'\n  nearest_interp: false\n";
    let error = restore(&format!(
        "{invert}- _target_: AsDiscreted\n  keys: p\n  argmax: true\n- _target_: \
                                  ScaleIntensityd\n  keys: p\n"
    ));
    assert!(error.place.line == 14 && error.problem.starts_with("ScaleIntensityd: "), "{error}");
    let one_hot = "- _target_: AsDiscreted\n  keys: p\n  to_onehot: 3\n  argmax: true\n";
    let error = restore(&format!("{one_hot}- _target_: LabelFilterd\n  keys: p\n  applied_labels: 1\n"));
    assert!(error.place.line == 11 && error.problem.starts_with("LabelFilterd: "), "{error}");
    let largest = format!("{one_hot}- _target_: KeepLargestConnectedComponentd\n  keys: p\n  applied_labels: [1, 2]\n");
    assert!(restored(&largest).is_ok());
}

#[test]
fn nothing_of_a_compose_is_dropped() {
    let t = |arguments: &str| {
        let text =
            format!("pre:\n  _target_: Compose\n  {arguments}\n  transforms:\n  - {{ _target_: Flipd, keys: a }}\n");
        pipeline("c.yaml", &text, None, None)
    };
    for fine in ["lazy: false", "lazy: null", "map_items: true", "log_stats: true", "_desc_: x", "unpack_items: false"]
    {
        assert!(t(fine).is_ok(), "{fine}");
    }
    for bad in ["lazy: true", "unpack_items: true", "_mode_: callable", "sky: blue"] {
        let error = t(bad).unwrap_err();
        assert!(error.place.line == 3 && error.problem.contains("is not supported"), "{bad}: {error}");
    }
    refused("- { _target_: Compose, lazy: true, transforms: [{ _target_: Flipd, keys: a }] }\n", 1, "lazy: true");
}

#[test]
fn types_that_change_values_are_refused() {
    let flip = "- { _target_: Flipd, keys: [image, label] }\n";
    let t = |transform: &str| format!("{flip}- {{ _target_: {transform} }}\n");
    for fine in [
        "EnsureTyped, keys: image, dtype: float32, device: '$torch.device(0)'",
        "EnsureTyped, keys: image, dtype: '$torch.float'",
        "EnsureTyped, keys: [image, label], dtype: [float32, '$np.uint8']",
        "ToTensord, keys: label, dtype: '$torch.long'",
        "LoadImaged, keys: [image, label], dtype: null, image_only: true, reader: '$x()'",
    ] {
        assert_eq!(steps(&t(fine)), ["flip: {}"], "{fine}");
    }
    assert_eq!(steps(&t("ScaleIntensityd, keys: image, dtype: float64")).len(), 2);
    for bad in [
        "EnsureTyped, keys: image, dtype: uint8",
        "EnsureTyped, keys: [image, label], dtype: '$torch.int64'",
        "EnsureTyped, keys: image, dtype: bfloat16",
        "EnsureTyped, keys: label, dtype: bool",
        "ToTensord, keys: image, dtype: '$torch.int32'",
        "LoadImaged, keys: image, dtype: int16",
        "ScaleIntensityd, keys: image, maxv: 300.7, dtype: int16",
        "ScaleIntensityRanged, keys: image, a_min: 0, a_max: 1, dtype: uint8",
    ] {
        refused(&t(bad), 2, "dtype");
    }
    refused(&t("LoadImaged, keys: image, affine_lps_to_ras: false"), 2, "affine_lps_to_ras is not supported");
    assert!(
        restored(
            "- _target_: EnsureTyped\n  keys: p\n  dtype: uint8\n- _target_: AsDiscreted\n  keys: p\n  argmax: true\n"
        )
        .unwrap_err()
        .problem
        .contains("changes the values of \"p\"")
    );
    let after =
        "- _target_: AsDiscreted\n  keys: p\n  argmax: true\n- _target_: EnsureTyped\n  keys: p\n  dtype: uint8\n";
    assert!(restored(after).unwrap().contains("as_discrete"));
}

#[test]
fn inputs_may_be_missing_where_every_transform_allows_it() {
    let lenient = "allow_missing_keys: true";
    let inputs = |list: &str| {
        let text = pipeline("c.yaml", &format!("pre:\n{list}"), Some("pre"), None).unwrap().text;
        text.lines().filter(|line| line.contains("kind:")).map(|l| l.contains("optional: true")).collect::<Vec<_>>()
    };
    let flip = format!("- {{ _target_: Flipd, keys: [image, other], {lenient} }}\n");
    assert_eq!(inputs(&format!("- {{ _target_: LoadImaged, keys: image }}\n{flip}")), [false, true]);
    assert_eq!(inputs(&format!("- {{ _target_: LoadImaged, keys: [image, other] }}\n{flip}")), [false, false]);
    let both =
        format!("- {{ _target_: LoadImaged, keys: image }}\n- {{ _target_: LoadImaged, keys: other, {lenient} }}\n");
    assert_eq!(inputs(&format!("{both}{flip}")), [false, true]);
    refused("- { _target_: Flipd, keys: image, allow_missing_keys: maybe }\n", 1, "allow_missing_keys: expected true");
}

#[test]
fn code_of_a_bundle_and_keys_named_twice_are_refused() {
    refused("- { _target_: scripts.mine.Flipd, keys: image }\n", 1, "scripts.mine.Flipd is not supported");
    refused("- { _target_: monai.transformsx.Flipd, keys: image }\n", 1, "not in monai.transforms");
    refused("- { _target_: scripts.Compose, transforms: [] }\n", 1, "scripts.Compose is not supported");
    let whole = "- { _target_: monai.transforms.spatial.dictionary.Flipd, keys: image, spatial_axis: 1 }\n";
    assert_eq!(steps(whole), ["flip: { spatial_axis: 1 }"]);
    refused("- { _target_: Flipd, keys: [image, image], spatial_axis: 2 }\n", 1, "\"image\" occurs twice");
    // What is deleted is no volume.
    let meta = "- { _target_: Flipd, keys: image }\n- { _target_: DeleteItemsd, keys: image_meta_dict }\n";
    assert_eq!(steps(meta), ["flip: {}"]);
}

#[test]
fn what_is_inverted_are_the_steps() {
    let argmax = "- _target_: AsDiscreted\n  keys: p\n  argmax: true\n";
    let t = |transform: &str, more: &str| {
        let text = format!(
            "preprocessing:\n- _target_: LoadImaged\n  keys: image\n- _target_: Flipd\n  keys: image\npost:\n- _target_: \
             Invertd\n  keys: p\n  transform: {transform}\n{argmax}{more}"
        );
        pipeline("c.yaml", &text, Some("preprocessing"), Some("post"))
    };
    let refused = |transform: &str, more: &str, part: &str| {
        let error = t(transform, more).unwrap_err();
        assert!(error.place.line == 9 && error.problem.contains(part), "{error}");
    };
    let other = "other: { _target_: Compose, transforms: [{ _target_: Flipd, keys: image, spatial_axis: 0 }] }\n";
    refused("'@other'", other, "differs from the transforms of the steps, preprocessing");
    refused("'@other'", "other: []\n", "differs from the transforms of the steps");
    refused("'@other'", "other: [{ _target_: RandLambdad, keys: image }]\n", "line 13: RandLambdad is not supported");
    refused("'@missing'", "", "is not in this file");
    refused("'$@preprocessing.flatten()'", "", "is code");
    for same in ["'@preprocessing'", "'$@preprocessing'", "'@###preprocessing'"] {
        t(same, "").unwrap_or_else(|e| panic!("{same}: {e}"));
    }
    // Another list that does the same, also with what has nothing to do here.
    let same =
        "other: { _target_: Compose, transforms: ['%preprocessing#1', { _target_: EnsureTyped, keys: image }] }\n";
    t("'@other'", same).unwrap();
    let without = "preprocessing:\n- _target_: Flipd\n  keys: image\npost:\n- _target_: Invertd\n  keys: p\n";
    let error = pipeline("c.yaml", without, Some("preprocessing"), Some("post")).unwrap_err();
    assert!(error.problem.contains("missing transform"), "{error}");
}

#[test]
fn splines_go_on_beyond_the_volume_as_there() {
    let one = |arguments: &str| format!("- {{ _target_: {arguments} }}\n");
    let t = |arguments: &str, boundary: &str| {
        let step = steps(&one(arguments));
        let cubic = step[0].contains("interpolation: cubic");
        assert!(cubic && step[0].contains(&format!("boundary: {boundary}")), "{arguments}: {step:?}");
    };
    let spacing = "Spacingd, keys: image, pixdim: [1, 1, 2], mode: 3";
    t(spacing, "edge");
    for (padding, boundary) in [
        ("border", "edge"),
        ("nearest", "edge"),
        ("reflection", "reflect"),
        ("reflect", "reflect"),
        ("zeros", "mirror"),
        ("constant", "mirror"),
    ] {
        t(&format!("{spacing}, padding_mode: {padding}"), boundary);
    }
    t("Affined, keys: image, translate_params: 2, mode: [3]", "reflect");
    t("ResampleToMatchd, keys: image, key_dst: image, mode: 3", "edge");
    let step = steps(&one("Spacingd, keys: image, pixdim: [1, 1, 2], mode: bilinear"));
    assert!(!step[0].contains("boundary"), "{step:?}");
    refused(&one(&format!("{spacing}, padding_mode: mirror")), 1, "padding_mode: \"mirror\"");
    refused(&one("Rotated, keys: image, angle: [0, 0, 0.1], mode: 3"), 1, "splines (mode: 3) are not supported");
    let two = "Spacingd, keys: [a, b], pixdim: [1, 1, 2], mode: 3, padding_mode: [border, zeros]";
    refused(&one(two), 1, "a padding_mode per key");
}

#[test]
fn numbers_are_those_of_yaml_1_1() {
    let pad = |size: &str| format!("- {{ _target_: SpatialPadd, keys: image, spatial_size: [{size}, 20, 20] }}\n");
    for (size, part) in [
        ("010", "010 is 8 in MONAI, but 10"),
        ("1:30", "1:30 is the number 90 in MONAI"),
        ("1e1", "1e1 is text in MONAI, but 10"),
        ("0o17", "0o17 is text in MONAI, but 15"),
    ] {
        refused(&pad(size), 1, part);
    }
    assert_eq!(steps(&pad("12")), ["spatial_pad: { spatial_size: [12, 20, 20] }"]);
    // JSON has its own numbers.
    let json = r#"[{ "_target_": "ShiftIntensityd", "keys": "image", "offset": 1e3 }]"#;
    assert!(pipeline("list.json", json, None, None).is_ok());
    let error = pipeline("list.yaml", json, None, None).unwrap_err();
    assert!(error.problem.contains("1e3 is text in MONAI"), "{error}");
}

#[test]
fn what_is_discrete_by_then_is_treated_as_it_is() {
    let load = "- { _target_: LoadImaged, keys: [image, label] }\n";
    let t = |transforms: &[&str]| {
        let lines: String = transforms.iter().map(|t| format!("- {{ _target_: {t} }}\n")).collect();
        steps(&format!("{load}{lines}"))
    };
    let one_hot = "AsDiscreted, keys: label, to_onehot: 3";
    let largest = "KeepLargestConnectedComponentd, keys: label, applied_labels: [1, 2]";
    let spacing = "Spacingd, keys: [image, label], pixdim: 2, mode: bilinear";
    assert_eq!(
        t(&[one_hot, largest, spacing]),
        [
            "as_discrete: { keys: [label], to_onehot: 3 }",
            "keep_largest_connected_component: { keys: [label], applied_labels: [1, 2] }",
            "spacing: { rule: monai_strict, pixdim: 2, interpolation: { image: linear, label: linear } }",
        ]
    );
    // MONAI puts 0 into every channel, ours 1 into that of the background.
    assert_eq!(
        t(&[one_hot, "SpatialPadd, keys: [image, label], spatial_size: 9"])[1],
        "spatial_pad: { spatial_size: 9, value: { image: 0, label: 0 } }"
    );
    assert_eq!(
        t(&[one_hot, "Spacingd, keys: [image, label], pixdim: 2, mode: bilinear, padding_mode: zeros"])[1],
        "spacing: { rule: monai_strict, pixdim: 2, interpolation: { image: linear, label: linear }, padding: { image: zeros, label: 0 } }"
    );
    let both = t(&["AsDiscreted, keys: [image, label], threshold: [0.5, 0.5], argmax: null"]);
    assert_eq!(both, ["as_discrete: { keys: [image, label], threshold: 0.5 }"]);
    refused(
        &format!("{load}- {{ _target_: AsDiscreted, keys: [image, label], threshold: [1, 2] }}\n"),
        2,
        "differs between keys",
    );
    let replicate = t(&["BorderPadd, keys: image, spatial_border: 1, mode: replicate"]);
    assert_eq!(replicate, ["border_pad: { keys: [image], spatial_border: 1, mode: edge }"]);
}

#[test]
fn what_changes_nothing_is_left_out() {
    let load = "- { _target_: LoadImaged, keys: [image, label] }\n";
    let t = |transform: &str| steps(&format!("{load}- {{ _target_: {transform} }}\n"));
    for nothing in [
        "CastToTyped, keys: image",
        "CastToTyped, keys: [image, label], dtype: ['$torch.float32', '$torch.uint8']",
        "SaveImaged, keys: image, _disabled_: '$not @save', dtype: $None",
        "SaveImaged, keys: image, _disabled_: true, sky: blue",
        "LoadImaged, keys: image, reader: itkreader, affine_lps_to_ras: true",
    ] {
        assert!(t(nothing).is_empty(), "{nothing}");
    }
    refused(&format!("{load}- {{ _target_: CastToTyped, keys: image, dtype: '$torch.bfloat16' }}\n"), 2, "float16");
    let step = ["spacing: { keys: [image], rule: monai_strict, pixdim: 2, interpolation: linear }"];
    for more in ["dtype: '$np.float32'", "align_corners: true", "align_corners: true, padding_mode: border"] {
        assert_eq!(
            t(&format!("Spacingd, keys: image, pixdim: 2, mode: bilinear, {more}"))[0][..step[0].len() - 2],
            step[0][..step[0].len() - 2]
        );
    }
    for more in ["align_corners: true, mode: 3", "align_corners: true, padding_mode: reflection", "dtype: '$np.int16'"]
    {
        refused(&format!("{load}- {{ _target_: Spacingd, keys: image, pixdim: 2, {more} }}\n"), 2, "Spacingd");
    }
    assert_eq!(
        t("NormalizeIntensityd, keys: image, nonzero: 'True'"),
        ["normalize_intensity: { keys: [image], nonzero: true }"]
    );
    refused(&format!("{load}- {{ _target_: NormalizeIntensityd, keys: image, nonzero: 'no way' }}\n"), 2, "boolean");
}

#[test]
fn padding_by_key_is_a_step_for_each() {
    let load = "- { _target_: LoadImaged, keys: [image, label] }\n";
    let t = |transform: &str| steps(&format!("{load}- {{ _target_: {transform} }}\n"));
    let pad = "SpatialPadd, keys: [image, label], spatial_size: 9";
    assert_eq!(t(&format!("{pad}, mode: [reflect, reflect]")), ["spatial_pad: { spatial_size: 9, mode: reflect }"]);
    assert_eq!(
        t(&format!("{pad}, mode: [reflect, constant]")),
        [
            "spatial_pad: { keys: [image], spatial_size: 9, mode: reflect }",
            "spatial_pad: { keys: [label], spatial_size: 9, mode: constant }",
        ]
    );
    let crop = "CropForegroundd, keys: [image, label], source_key: image";
    assert_eq!(t(&format!("{crop}, mode: [minimum]")), ["crop_foreground: { source: image, mode: minimum }"]);
    refused(&format!("{load}- {{ _target_: {crop}, mode: [minimum, edge] }}\n"), 2, "differs between keys");
}

#[test]
fn expressions_that_are_references_are_followed() {
    let text = |transforms: &str| {
        format!(
            "always:\n- {{ _target_: Flipd, keys: image, spatial_axis: 1 }}\nsometimes: []\ntrain:\n  _target_: Compose\n  \
             transforms: {transforms}\n"
        )
    };
    for same in ["'@always'", "'$@always'", "'$@always '", "'$ @always'", "'$@always + @sometimes'"] {
        let imported = pipeline("c.yaml", &text(same), Some("train"), None).unwrap();
        assert!(imported.text.contains("- flip: { spatial_axis: 1 }"), "{same}");
    }
    let error = pipeline("c.yaml", &text("'$@always ** 2'"), None, None).unwrap_err();
    assert!(error.problem.contains("is code"), "{error}");
}

#[test]
fn where_the_model_saw_nothing_stands_0() {
    let t = |post: &str, fill: bool| {
        let text = restored(post).unwrap();
        assert_eq!(text.contains("    fill: 0\n"), fill, "{post}: {text}");
    };
    let invert = "- _target_: Invertd\n  keys: p\n  transform: '@preprocessing'\n  nearest_interp: false\n";
    let activate = |name: &str| format!("- _target_: Activationsd\n  keys: p\n  {name}: true\n");
    let discrete = |arguments: &str| format!("- _target_: AsDiscreted\n  keys: p\n  {arguments}\n");
    t(invert, true);
    t(&format!("{}{invert}", activate("softmax")), true);
    t(&format!("{}{invert}", activate("sigmoid")), true);
    t(&format!("{}{}{invert}", activate("softmax"), discrete("argmax: true\n  to_onehot: 3")), true);
    t(&format!("{}{invert}{}", activate("sigmoid"), discrete("threshold: 0.5")), true);
    // Labels are 0 by themselves.
    t(&format!("{}{invert}{}", activate("softmax"), discrete("argmax: true")), false);
    t(&format!("{}{invert}", discrete("argmax: true")), false);
    // MONAI finds something everywhere outside.
    let post = format!("{invert}{}", discrete("threshold: 0.0"));
    t(&post, false);
    let whole = |post: &str| {
        let flip = "preprocessing:\n  _target_: Compose\n  transforms:\n  - _target_: Flipd\n    keys: image\n";
        let post: String = post.lines().map(|line| format!("  {line}\n")).collect();
        pipeline("c.yaml", &format!("{flip}post:\n  _target_: Compose\n  transforms:\n{post}"), None, None)
    };
    assert!(whole(&post).unwrap().notes.iter().any(|note| note.contains("compares 0 with the threshold")));
    // What nobody asked for may be left away.
    let error = whole(&format!("{invert}- _target_: Lambdad\n  keys: p\n  func: '$lambda x: x'\n")).unwrap_err();
    assert!(error.help.unwrap_or_default().contains("--postprocessing none"));
}

#[test]
fn boxes_of_fewer_axes_are_refused() {
    let crop = |arguments: &str| format!("- {{ _target_: SpatialCropd, keys: image, {arguments} }}\n");
    assert_eq!(
        steps(&crop("roi_start: [1, 2, 3], roi_end: [4, 5, 6]")),
        ["spatial_crop: { roi_start: [1, 2, 3], roi_end: [4, 5, 6] }"]
    );
    refused(&crop("roi_start: [2, 3], roi_end: [8, 7]"), 1, "needs three numbers");
    refused(&crop("roi_center: 4, roi_size: 4"), 1, "needs three numbers");
}
