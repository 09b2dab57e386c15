//! Labels that steps name and that no label map has are told before any work, at their line and column.

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Grid, Kind, Volume};
use revoxel_pipeline::Pipeline;
use revoxel_transforms::Transform;
use serde_json::{Value, json};

use crate::support::{Place, Said, pipeline_text, run_steps, values};

/// A grid with shear.
fn grid() -> Grid {
    let rows = [[-0.9, 0.1, 0.0, 40.0], [0.0, 1.1, 0.2, -30.0], [0.0, 0.0, 2.5, 7.0]];
    Grid::new([9, 8, 7], Affine::from_rows(rows)).unwrap()
}

/// A volume of 0, but for a few voxels with each label.
fn map(labels: &[u8]) -> Volume {
    let mut voxels = vec![0u8; grid().voxel_count()];
    for (position, label) in labels.iter().enumerate() {
        voxels[30 + 10 * position..34 + 10 * position].fill(*label);
    }
    Volume::new(voxels.into(), grid(), Kind::Label, 1).unwrap()
}

/// A pipeline with a step, which stands on line 7; `declared` is `labels: [..]` or nothing.
fn pipeline(declared: &str, steps: &str) -> String {
    let declared = if declared.is_empty() { String::new() } else { format!(", labels: {declared}") };
    format!(
        "version: 1\ninputs:\n  image: {{ kind: image, path: \"{{case}}/image.nii\", optional: true }}\n  \
         label: {{ kind: label, path: \"{{case}}/label.nii\", grid: own{declared} }}\n  \
         other: {{ kind: label, path: \"{{case}}/other.nii\", optional: true{declared} }}\nsteps:\n{steps}\n\
         outputs:\n  label: {{ path: \"{{case}}/label.nii\" }}\ntrace: \"{{case}}/trace.json\"\n"
    )
}

/// Steps with `^` before the label that is not there, and the place where it stands.
fn marked(steps: &[&str]) -> (String, Option<String>) {
    let lines: Vec<String> = steps.iter().map(|s| format!("  - {s}")).collect();
    let at = lines.iter().enumerate().find_map(|(n, l)| Some((n, l.find('^')?)));
    (lines.join("\n").replace('^', ""), at.map(|(line, column)| format!("p.yaml:{}:{}", line + 7, column + 1)))
}

/// Plans; a `^` in the steps must be where the fault is, and without one there must be none.
fn plan(place: &Place, arguments: &[&str], declared: &str, steps: &[&str], parts: &[&str]) -> Said {
    let (text, at) = marked(steps);
    place.text("p.yaml", &pipeline(declared, &text));
    let said = place.revoxel(&[&["plan", "p.yaml"], arguments].concat());
    match at {
        Some(at) => said.bad(2, &[&[at.as_str()], parts].concat()),
        None => assert_eq!(said.code, 0, "{steps:?}: {}", said.err),
    }
    said
}

#[test]
fn declared_labels_are_checked_from_the_text() {
    let place = Place::new();
    let t = |declared: &str, steps: &[&str], parts: &[&str]| {
        plan(&place, &[], declared, steps, parts);
    };
    const DECLARED: &str = "[0, 1, 2, 5]";
    let not_declared = "label 7 is not declared for \"label\" and \"other\": they contain 0, 1, 2, 5";
    t(DECLARED, &["label_filter: { applied_labels: ^7 }"], &[not_declared, "add it to `labels:`"]);
    t(DECLARED, &["label_filter: { applied_labels: [1, 5, ^7] }"], &[not_declared]);
    t(DECLARED, &["map_label_value: { orig_labels: [1, ^7], target_labels: [7, 1] }"], &[not_declared]);
    t(DECLARED, &["remove_labels: { labels: ^7 }"], &[not_declared]);
    t(DECLARED, &["keep_largest_connected_component: { applied_labels: ^7 }"], &[not_declared]);
    t(DECLARED, &["remove_small_objects: { applied_labels: ^7, min_size_voxels: 3 }"], &[not_declared]);
    t(DECLARED, &["fill_holes: { applied_labels: [2, ^7] }"], &[not_declared]);
    t(DECLARED, &["crop_foreground: { source: label, labels: [1, ^7] }"], &["label 7 is not declared for \"label\""]);
    t(DECLARED, &["crop_foreground: { source: label, labels: [1, ^1.5] }"], &["label 1.5 is not declared"]);
    t(DECLARED, &["mask_intensity: { source: other, labels: [^7] }"], &["label 7 is not declared for \"other\""]);
    // What is there, background, and names instead of a list.
    t(DECLARED, &["label_filter: { applied_labels: [0, 1, 2, 5] }"], &[]);
    t("[1, 2, 5]", &["map_label_value: { orig_labels: [0, 1], target_labels: [1, 0] }"], &[]);
    t(
        DECLARED,
        &["crop_foreground: { source: image, labels: [^1] }"],
        &["\"image\" is an image here and has no label 1"],
    );
    const NAMES: &str = "{ background: 0, organ: [1, 2], \"the tumour\": 2, vessel: 5 }";
    t(NAMES, &["label_filter: { applied_labels: [1, 5, ^7] }"], &[not_declared]);
    t(NAMES, &["label_filter: { applied_labels: [1, 5, 2] }"], &[]);
}

#[test]
fn steps_change_which_labels_there_are() {
    let place = Place::new();
    let t = |declared: &str, steps: &[&str], parts: &[&str]| {
        plan(&place, &[], declared, steps, parts);
    };
    const DECLARED: &str = "[1, 2, 5]";
    let exchange = "map_label_value: { orig_labels: [1, 2], target_labels: [9, 9] }";
    t(DECLARED, &[exchange, "remove_labels: { labels: [9, 5] }"], &[]);
    let by_then = "\"label\" and \"other\" cannot have label 1 here: at this step they contain 0, 5, 9";
    t(DECLARED, &[exchange, "remove_labels: { labels: ^1 }"], &[by_then]);
    t(DECLARED, &["label_filter: { applied_labels: [1] }", "fill_holes: { applied_labels: ^2 }"], &["contain 0, 1"]);
    t(DECLARED, &["remove_labels: { labels: 5 }", "label_filter: { applied_labels: ^5 }"], &["contain 0, 1, 2"]);
    t(DECLARED, &["remove_labels: { labels: 5, background_label: 8 }", "label_filter: { applied_labels: 8 }"], &[]);
    t(DECLARED, &["sequential_labels", "label_filter: { applied_labels: 3 }"], &[]);
    t(DECLARED, &["sequential_labels", "label_filter: { applied_labels: ^4 }"], &["contain 0 to 3"]);
    let outside = "mark_outside: { keys: label, nonzero_of: [image], label: 12 }";
    t(DECLARED, &[outside, "fill_holes: { keys: label, applied_labels: 12 }"], &[]);
    t(DECLARED, &[outside, "fill_holes: { keys: other, applied_labels: ^12 }"], &["label 12"]);
    // Voxels that move keep their labels; padding may bring one.
    let steps = ["spacing: { pixdim: 2, interpolation: linear }", "flip", "rand_affine: { rotate_range: [0.3] }"];
    t(DECLARED, &[&steps[..], &["label_filter: { applied_labels: [5, ^6] }"]].concat(), &["label 6"]);
    let pad = "border_pad: { spatial_border: 2, value: { label: 6 } }";
    t(DECLARED, &[pad, "label_filter: { applied_labels: [5, 6] }"], &[]);
    let outside = "spacing: { pixdim: 2, padding: { label: 6 } }";
    t(DECLARED, &[outside, "label_filter: { applied_labels: [5, 6] }"], &[]);
    // Labels have no means: 0 pads them.
    let pad = "border_pad: { spatial_border: 2, mode: mean }";
    t(DECLARED, &[pad, "label_filter: { applied_labels: [5, ^6] }"], &["label 6", "0, 1, 2, 5"]);
    t(DECLARED, &[pad, "label_filter: { applied_labels: [0, 5] }"], &[]);
    // Known without a declaration.
    t("", &["label_filter: { applied_labels: [1, 2] }", "fill_holes: { applied_labels: ^5 }"], &["contain 0, 1, 2"]);
}

#[test]
fn senseless_declarations_are_refused() {
    let place = Place::new();
    let t = |input: &str, part: &str| {
        let (column, input) = (input.find('^').unwrap(), input.replace('^', ""));
        let text = pipeline("", "  - flip").replace("  other:", &format!("  third: {{ {input} }}\n  other:"));
        place.text("p.yaml", &text);
        place.revoxel(&["plan", "p.yaml"]).bad(2, &[&format!("p.yaml:5:{}", column + 12), part]);
    };
    t("kind: label, path: x, labels: ^[]", "the list is empty");
    t("kind: label, path: x, labels: ^{}", "the list is empty");
    t("kind: label, path: x, labels: [0, 1, ^1]", "1 is listed twice");
    t("kind: label, path: x, labels: [0, ^1.5]", "1.5 is not a label");
    t("kind: label, path: x, labels: { liver: ^one }", "\"one\" is not a label");
    t("kind: label, path: x, labels: { liver: [1, ^[2]] }", "[2] is not a label");
    t("kind: label, path: x, labels: ^3", "expected a list of labels");
    t("kind: image, path: x, labels: ^[0, 1]", "only inputs of kind label have labels, and the kind is image");
}

#[test]
fn labels_without_a_channel_are_refused_from_the_text() {
    let place = Place::new();
    let t = |declared: &str, steps: &[&str], parts: &[&str]| {
        plan(&place, &[], declared, steps, parts);
    };
    let none = "label 2 of \"label\": there is no channel for it among 2 (0 to 1)";
    t("[0, 1, 2]", &["one_hot: { num_classes: ^2 }"], &[none]);
    t("[0, 1, 2]", &["one_hot: { num_classes: 3 }"], &[]);
    t("[0, 1, 2]", &["as_discrete: { keys: [label], to_onehot: ^2 }"], &[none]);
    t("", &["one_hot: { num_classes: 2 }"], &[]);
    let exchange = "map_label_value: { orig_labels: [2], target_labels: [-1] }";
    t("[0, 1, 2]", &[exchange, "one_hot: { num_classes: ^2 }"], &["label -1 of \"label\""]);
}

#[test]
fn channels_that_steps_make_are_known_from_the_text() {
    let place = Place::new();
    let t = |declared: &str, steps: &[&str], parts: &[&str]| {
        plan(&place, &[], declared, &[&["flip: { keys: [label] }"], steps].concat(), parts);
    };
    const THREE: &str = "one_hot: { keys: [label], num_classes: 3 }";
    let none = |channel: &str, there: &str| format!("\"label\" has no channel {channel}: at this step it has {there}");
    for name in ["keep_largest_connected_component", "fill_holes", "remove_small_objects"] {
        let more = if name == "remove_small_objects" { ", min_size_voxels: 2" } else { "" };
        let step = |named: &str| format!("{name}: {{ keys: [label], applied_labels: {named}{more} }}");
        t("", &[THREE, &step("[1, 2]")], &[]);
        t("", &[THREE, &step("[1, ^3]")], &[&none("3", "3 channels (0 to 2)")]);
        t("", &[THREE, &step("[^-1]")], &[&none("-1", "3 channels (0 to 2)")]);
        t("", &[THREE, &step("[^3], is_onehot: true")], &[&none("3", "3 channels (0 to 2)")]);
        t("", &[THREE, &step("[1], is_onehot: false")], &[]);
        t("", &[THREE, &step("[^2], is_onehot: false")], &["label 2", "at this step it contains 0, 1"]);
        // What moves voxels or works on channels leaves them; a threshold makes labels of each.
        let way = ["spacing: { pixdim: 2, interpolation: nearest }", "fill_holes", "rand_flip: { prob: 1 }"];
        t("", &[&[THREE], &way[..], &[&step("[2, ^4]")]].concat(), &[&none("4", "3 channels (0 to 2)")]);
        let threshold = "as_discrete: { keys: [label], to_onehot: 3, threshold: 0.5 }";
        t("", &[threshold, &step("[0, 2]")], &[]);
        t("", &[threshold, &step("[0, ^3]")], &[&none("3", "3 channels (0 to 2)")]);
        t("", &[threshold, "border_pad: { spatial_border: 1, value: { label: 1 } }", &step("[0, ^3]")], &["channel 3"]);
        // A label that is not there has no voxel in its channel.
        t(
            "[0, 1, 3]",
            &["one_hot: { keys: [label] }", &step("[3, ^2]")],
            &["label 2", "at this step it contains 0, 1, 3"],
        );
        t("[0, 1, 3]", &["one_hot: { keys: [label] }", &step("[3, ^4]")], &[&none("4", "4 channels (0 to 3)")]);
        // One channel.
        t("", &["one_hot: { keys: [label], num_classes: 1 }", &step("[1]")], &[]);
        t("", &["one_hot: { keys: [label], num_classes: 1 }", &step("[^2]")], &["label 2", "contains 0, 1"]);
    }
    // An argmax makes labels of channels.
    const ARGMAX: &str = "as_discrete: { keys: [label], argmax: true }";
    let filter = "label_filter: { keys: [label], applied_labels: [1, ^3] }";
    t("", &[THREE, ARGMAX, filter], &["label 3", "at this step it contains 0, 1, 2"]);
    t(
        "[0, 1]",
        &[THREE, ARGMAX, "label_filter: { keys: label, applied_labels: ^2 }"],
        &["label 2", "it contains 0, 1"],
    );
    t("", &[THREE, ARGMAX, "label_filter: { keys: [label], applied_labels: 2 }"], &[]);
    let one = "fill_holes: { keys: label, is_onehot: true, applied_labels: [^1] }";
    t("", &[THREE, ARGMAX, one], &[&none("1", "1 channel (number 0)")]);
    t(
        "",
        &[THREE, ARGMAX, "one_hot: { keys: label, num_classes: ^2 }"],
        &["label 2 of \"label\": there is no channel"],
    );
    t("", &[THREE, ARGMAX, "one_hot: { keys: label, num_classes: 3 }"], &[]);
    let again = "as_discrete: { keys: [label], argmax: true, to_onehot: ^2 }";
    t("", &[THREE, again], &["label 2 of \"label\": there is no channel for it among 2 (0 to 1)"]);
    t("[0, 1]", &[THREE, &again.replace('^', "")], &[]);
    // Labels that only the way brings.
    let outside = "mark_outside: { keys: label, nonzero_of: [image] }";
    t("", &[outside, "one_hot: { keys: label, num_classes: ^9 }"], &["label -1 of \"label\""]);
    let pad = "border_pad: { spatial_border: 1, value: { label: 12 } }";
    t("", &[pad, "one_hot: { keys: label, num_classes: ^9 }"], &["label 12 of \"label\""]);
    t(
        "",
        &["foreground_mask", "label_filter: { keys: image, applied_labels: [1, ^2] }"],
        &["label 2", "it contains 0, 1"],
    );
    let outside = "mark_outside: { keys: label, nonzero_of: [image] }";
    t("", &[outside, "^one_hot: { keys: label }"], &["label -1 of \"label\": there is no channel"]);
    t("", &[outside, "^compute_ho_ver_maps: { keys: label }"], &["label -1 of \"label\": instances have whole"]);
    t("", &[outside, "^generate_heatmap: { keys: label }"], &["label -1 of \"label\": landmarks are numbered from 1"]);
    t("", &[outside, "generate_heatmap: { keys: label, labels: [-1, 1] }"], &[]);
    // What takes one channel.
    let four = "as_discrete: { keys: [label], to_onehot: 4, threshold: 0.5 }";
    for step in
        ["one_hot: { keys: label }", "compute_ho_ver_maps: { keys: label }", "generate_heatmap: { keys: label }"]
    {
        t(
            "",
            &[four, &format!("^{step}")],
            &["\"label\" has 4 channels at this step", "expected a label map with one channel"],
        );
    }
    t("", &[THREE, "^as_discrete: { keys: [label], to_onehot: 4 }"], &["\"label\" has 3 channels at this step"]);
    // What was mixed is no one-hot map.
    let mixed = "\"label\" was interpolated and is no";
    t("", &[THREE, "spacing: { pixdim: 2 }", "^fill_holes: { keys: label }"], &[mixed, "set is_onehot: true"]);
    t("", &[THREE, "rand_affine: { prob: 1 }", "^keep_largest_connected_component: { keys: label }"], &[mixed]);
    t("", &[THREE, "flip", "border_pad: { spatial_border: 2 }", "fill_holes: { keys: label }"], &[]);
    t("", &[THREE, "spacing: { pixdim: 2 }", "fill_holes: { keys: label, is_onehot: true }"], &[]);
    t("", &[THREE, "spacing: { pixdim: 2 }", ARGMAX, "fill_holes: { keys: label }"], &[]);
    // Classes of a random crop, which are channels.
    let crop =
        |ratios: &str| format!("rand_crop_by_label_classes: {{ source: label, spatial_size: 4, ratios: {ratios} }}");
    t("", &[THREE, &crop("[1, 1, 2]")], &[]);
    t("", &[THREE, &crop("[1, 1, 2, ^1]")], &[&none("3", "3 channels (0 to 2)")]);
    t("", &[THREE, &format!("^{}", crop("[1, 1]"))], &["\"label\" has 3 channels at this step, expected 2"]);
}

#[test]
fn steps_for_one_hot_maps_follow_what_makes_them() {
    let place = Place::new();
    let t = |steps: &[&str], parts: &[&str]| {
        plan(&place, &[], "", steps, parts);
    };
    for step in [
        "keep_largest_connected_component: { applied_labels: [1, 2] }",
        "fill_holes: {}",
        "remove_small_objects: { min_size_voxels: 9 }",
        "label_to_contour: {}",
        "distance_transform_edt: {}",
    ] {
        t(&["one_hot: {}", step], &[]);
        t(&["as_discrete: { keys: [label, other], to_onehot: 3 }", step], &[]);
    }
    // Other steps for labels look for values, not for channels.
    t(&["one_hot: {}", "^label_filter: { applied_labels: 1 }"], &["works on label volumes"]);
    // Distances are no one-hot map any more.
    t(&["one_hot: {}", "distance_transform_edt: {}", "^fill_holes: {}"], &["works on label volumes"]);

    let one = Place::new();
    one.volume("data/c/label.nii", &map(&[1, 2, 1]));
    let steps = "  - one_hot: { keys: [label] }\n  - keep_largest_connected_component: { keys: [label] }";
    one.text("p.yaml", &pipeline("", steps));
    one.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    let voxels = values(&one.read("out/c/label.nii", Kind::Image));
    let count = grid().voxel_count();
    let sums: Vec<f64> = voxels.chunks(count).map(|channel| channel.iter().sum()).collect();
    // The second of the two equal parts of label 1 goes, from its channel alone.
    assert_eq!(sums, [(count - 12) as f64, 4.0, 4.0]);
}

#[test]
fn what_pads_stays_itself_whatever_the_type() {
    let place = Place::new();
    let image = Volume::new(vec![200u8; grid().voxel_count()].into(), grid(), Kind::Image, 1).unwrap();
    place.volume("data/c/image.nii", &image);
    place.volume("data/c/label.nii", &map(&[1, 2]));
    let t = |step: &str, corners: [f64; 2], types: [&str; 2]| {
        let outputs = "outputs:\n  image: { path: \"{case}/image.nii\" }\n";
        place.text("p.yaml", &pipeline("", &format!("  - {step}")).replace("outputs:\n", outputs));
        place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out", "--overwrite"]).good();
        for (n, key) in ["image", "label"].into_iter().enumerate() {
            let volume = place.read(&format!("out/c/{key}.nii"), Kind::Image);
            assert_eq!((values(&volume)[0], volume.voxels().dtype().name()), (corners[n], types[n]), "{step} {key}");
        }
    };
    t("border_pad: { spatial_border: 1, value: { image: -1000, label: -1 } }", [-1000.0, -1.0], ["int16", "int16"]);
    t("border_pad: { spatial_border: 1, value: { image: 70000, label: 300 } }", [70000.0, 300.0], ["uint32", "uint16"]);
    t("border_pad: { spatial_border: 1, value: { image: 0.5, label: 9 } }", [0.5, 9.0], ["float32", "uint8"]);
    t(
        "affine: { translate_params: 30, padding: { image: -5.5, label: 256 }, interpolation: nearest }",
        [-5.5, 256.0],
        ["float32", "uint16"],
    );
    // A number is meant for images, unless label maps alone are named.
    t("border_pad: { spatial_border: 1, value: 5 }", [5.0, 0.0], ["uint8", "uint8"]);
    t("border_pad: { keys: [label], spatial_border: 1, value: 5 }", [200.0, 5.0], ["uint8", "uint8"]);
    t("affine: { keys: label, translate_params: 30, padding: 300 }", [200.0, 300.0], ["uint8", "uint16"]);
    // A mean of whole numbers is none, and labels have none.
    t("border_pad: { spatial_border: 1, mode: mean }", [200.0, 0.0], ["float32", "uint8"]);
    t("border_pad: { spatial_border: 1, mode: minimum }", [200.0, 0.0], ["uint8", "uint8"]);
}

#[test]
fn restored_regions_are_what_they_paint() {
    let place = Place::new();
    let t = |head: &str, steps: &[&str], parts: &[&str]| {
        let lines: Vec<String> = steps.iter().map(|s| format!("      - {s}")).collect();
        let at = lines.iter().enumerate().find_map(|(n, l)| Some((n, l.find('^')?)));
        let at = at.map(|(line, column)| format!("p.yaml:{}:{}", line + 16, column + 1));
        let section = format!("restore:\n  seg:\n    {head}\n    steps:\n{}\n", lines.join("\n").replace('^', ""));
        place.text("p.yaml", &format!("{}{section}", pipeline("", "  - flip")));
        let said = place.revoxel(&["plan", "p.yaml"]);
        match at {
            Some(at) => said.bad(2, &[&[at.as_str()], parts].concat()),
            None => assert_eq!(said.code, 0, "{}", said.err),
        }
    };
    let regions = "{ kind: logit, regions: { paint: [{ channel: 0, label: 1 }, { channel: 1, label: 4 }] } }";
    let head = regions.trim_matches(['{', '}', ' ']).replace(", regions", "\n    regions") + " }";
    let head = head.replace("] } }", "] }");
    let (filter, holds) = ("label_filter: { in: model, applied_labels: [1, 4] }", "contains 0, 1, 4");
    t(&head, &[filter], &[]);
    t(&head, &["fill_holes: { applied_labels: [1, ^2] }"], &["the prediction cannot have label 2 here", holds]);
    t(&head, &["fill_holes: { in: model, applied_labels: [1, ^2] }"], &["label 2", holds]);
    t(&head, &[filter, "fill_holes: { applied_labels: [4, ^2] }"], &["label 2", holds]);
    // How many channels there are is not known.
    t("kind: logit\n    argmax: true", &["fill_holes: { applied_labels: 99 }"], &[]);
    t("kind: label", &["fill_holes: { applied_labels: 99 }"], &[]);
    let channels = "as_discrete: { in: model, argmax: true, to_onehot: 3 }";
    let head = "kind: probability\n    fill: 0";
    t(
        head,
        &[channels, "fill_holes: { in: model, applied_labels: [^5] }"],
        &["no channel 5", "it has 3 channels (0 to 2)"],
    );
    t(head, &[channels, "fill_holes: { applied_labels: [2, ^3] }"], &["no channel 3", "it has 3 channels (0 to 2)"]);
    let largest = "keep_largest_connected_component: { applied_labels: [2, ^3] }";
    t("kind: probability\n    argmax: true", &[channels, largest], &["label 3", "contains 0, 1, 2"]);
    t(head, &[channels, "^fill_holes: { in: native }"], &["\"prediction\" was interpolated"]);
    t("kind: probability\n    interpolation: nearest", &[channels, "fill_holes: { in: native }"], &[]);
    // What is done twice, by chance, or to another volume.
    t("kind: logit\n    activation: sigmoid", &["^activations: { in: model, sigmoid: true }"], &["works on logit"]);
    t("kind: image\n    fill: 0", &["^rand_gaussian_noise: { prob: 1 }"], &["is random"]);
    // A threshold leaves the channels, and each is a label.
    let threshold = "as_discrete: { in: model, threshold: 0.5 }";
    t("kind: probability", &[threshold, "fill_holes: { applied_labels: [1, 9] }"], &[]);
    let told = "fill_holes: { is_onehot: false, applied_labels: [1, ^9] }";
    t("kind: probability\n    fill: 0", &[threshold, told], &["label 9", "contains 0, 1"]);
}

/// A data set of label maps, one case for each.
fn dataset(maps: &[&[u8]]) -> Place {
    let place = Place::new();
    for (number, labels) in maps.iter().enumerate() {
        place.volume(&format!("data/c{number:02}/label.nii"), &map(labels));
    }
    place
}

const DATA: [&str; 2] = ["--data", "data"];

#[test]
fn undeclared_labels_are_looked_for_in_all_maps() {
    let place = dataset(&[&[1, 2], &[2], &[1, 5], &[]]);
    let t = |steps: &[&str], parts: &[&str]| {
        plan(&place, &DATA, "", steps, parts);
    };
    let none = "no label 77 in the 4 label maps of \"label\", which hold 0, 1, 2, 5";
    t(&["map_label_value: { orig_labels: [^77, 1], target_labels: [1, 2] }"], &[none, "declare `labels:`"]);
    t(&["label_filter: { applied_labels: [1, ^77] }"], &[none]);
    t(&["crop_foreground: { source: label, labels: [1, ^77], on_empty: keep }"], &[none]);
    // In one map of several is enough, and so is what a step makes.
    t(&["label_filter: { applied_labels: [1, 2, 5] }"], &[]);
    t(&["map_label_value: { orig_labels: [5], target_labels: [77] }", "fill_holes: { applied_labels: 77 }"], &[]);
    let exchange = "map_label_value: { orig_labels: [5, 1], target_labels: [77, 77] }";
    let by_then =
        "\"label\" cannot have label 1 here: the 4 label maps hold 0, 1, 2, 5, which earlier steps turn into 0, 2, 77";
    t(&[exchange, "spacing: { pixdim: 3 }", "fill_holes: { applied_labels: ^1 }"], &[by_then]);
    // All of them are told.
    let both = ["label_filter: { applied_labels: [1, ^77] }", "fill_holes: { applied_labels: 88 }"];
    place.text("p.yaml", &pipeline("", &marked(&both).0));
    place.revoxel(&["plan", "p.yaml"]).bad(2, &["p.yaml:8:35", "cannot have label 88", "they contain 0, 1, 77"]);
    t(
        &["remove_labels: { labels: ^77 }", "fill_holes: { applied_labels: 88 }"],
        &["Also missing: 88 (line 8, column 35)"],
    );
    // An input that has no maps says nothing, and one case alone is planned against all.
    t(&["label_filter: { keys: other, applied_labels: 77 }"], &[]);
    plan(&place, &["--data", "data", "--case", "c01"], "", &["fill_holes: { applied_labels: 5 }"], &[]);
    // What is declared may be absent.
    plan(&place, &DATA, "[1, 2, 5, 77]", &["remove_labels: { labels: 77 }"], &[]);
}

#[test]
fn channels_of_one_hot_maps_are_counted() {
    let of = |count: usize| {
        let voxels = values(&map(&[1, 1])).repeat(count).iter().map(|v| *v as u8).collect::<Vec<_>>();
        Volume::new(voxels.into(), grid(), Kind::Label, count).unwrap()
    };
    let channels = |count: usize| {
        let place = Place::new();
        for case in ["c00", "c01"] {
            place.volume(&format!("data/{case}/label.nii"), &of(count));
        }
        place
    };
    let (one, three) = (channels(1), channels(3));
    for step in
        ["fill_holes: { ", "keep_largest_connected_component: { ", "remove_small_objects: { min_size_voxels: 2, "]
    {
        let named = |at: &str, more: &str| format!("{step}applied_labels: [1, {at}2]{more} }}");
        let (plain, marked, told) = (named("", ""), named("^", ""), named("", ", is_onehot: true"));
        // Nothing declared, and what only a map of one channel or of three can hold.
        for declared in ["", "[0, 1]"] {
            let data = |place: &Place, labels: &str| {
                place.text("p.yaml", &pipeline(declared, &format!("  - {}", told.replace("[1, 2]", labels))));
                place.revoxel(&["plan", "p.yaml", "--data", "data"])
            };
            refused(
                &data(&one, "[0, 1]"),
                &["p.yaml:7:", "has no channel 1: at this step it has 1 channel (number 0)"],
            );
            data(&one, "[0]").good();
            data(&three, "[1, 2]").good();
            refused(
                &data(&three, "[1, 3]"),
                &["p.yaml:7:", "has no channel 3: at this step it has 3 channels (0 to 2)"],
            );
            plan(&three, &DATA, declared, &[&named("^", ", is_onehot: false")], &["label 2"]);
        }
        plan(&three, &DATA, "", &[&plain], &[]);
        plan(&one, &[], "", &[&plain], &[]);
        plan(&one, &DATA, "", &[&marked], &["no label 2 in the 2 label maps of \"label\", which hold 0, 1"]);
        // What declares its labels has no channels for them.
        plan(&one, &[], "[0, 1]", &[&marked], &["label 2 is not declared for", "contain 0, 1", "set is_onehot: true"]);
        // A map of other labels is none of channels.
        plan(&one, &[], "[1, 5]", &[&marked], &["label 2 is not declared for", "0, 1, 5"]);
        plan(&one, &[], "[1, 5]", &["label_filter: { applied_labels: 1 }", &marked], &["cannot have label 2"]);
    }
    // Values of channels are looked for as those of label maps.
    plan(&three, &DATA, "", &["label_filter: { applied_labels: [1, ^2] }"], &["no label 2 in"]);
    // A channel that only some maps have is refused for the other cases, before anything is written.
    three.volume("data/c02/label.nii", &of(4));
    three.text("p.yaml", &pipeline("", "  - fill_holes: { applied_labels: [1, 3] }"));
    let said = three.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]);
    said.bad(2, &["p.yaml:7:39: fill_holes: \"label\" has no channel 3: at this step it has 3 channels (0 to 2)"]);
}

#[test]
fn exchanged_labels_are_undone_where_they_were_exchanged() {
    let place = Place::new();
    let exchange = "  - map_label_value: { keys: label, orig_labels: [1], target_labels: [7] }";
    let plan = |entry: &str| {
        let text = format!("{}restore:\n  seg: {{ kind: label, {entry} }}\n", pipeline("[0, 1]", exchange));
        place.text("p.yaml", &text);
        place.revoxel(&["plan", "p.yaml"])
    };
    plan("values: undo").bad(2, &["p.yaml:12:31", "labels were exchanged in \"label\"", "set volume: label"]);
    plan("values: undo, volume: label").good();
    plan("values: keep").good();
}

#[test]
fn what_is_lost_for_good_is_not_undone_by_plan_already() {
    let place = Place::new();
    let plan = |steps: &str, entry: &str| {
        let text = format!("{}restore:\n  back: {{ {entry} }}\n", pipeline("[0, 1]", steps));
        place.text("p.yaml", &text);
        place.revoxel(&["plan", "p.yaml"])
    };
    let smooth = "  - shift_intensity: { offset: 3 }\n  - gaussian_smooth: {}";
    let lost =
        ["p.yaml:13:32", "values: step 2 (gaussian_smooth) always loses the values of \"image\"", "leave out `values`"];
    plan(smooth, "kind: image, values: undo").bad(2, &lost);
    plan(smooth, "kind: image, values: clamp").bad(2, &lost);
    plan(smooth, "kind: image").good();
    plan(smooth, "kind: label, values: undo, volume: label").good();
    plan("  - normalize_intensity: { nonzero: true }", "kind: image, values: undo").bad(2, &["(normalize_intensity)"]);
    plan("  - normalize_intensity: {}", "kind: image, values: undo").good();
    plan("  - clip_intensity: { min: 0 }", "kind: image, values: undo").good();
}

/// Asserts that cases cannot be run, for these reasons.
fn refused(said: &Said, parts: &[&str]) {
    Said { code: said.code, out: String::new(), err: said.err.clone() }.bad(2, parts);
}

#[test]
fn channels_of_files_are_checked_with_the_data() {
    let place = Place::new();
    let many = |kind: Kind, count: usize| {
        Volume::new(vec![0u8; grid().voxel_count() * count].into(), grid(), kind, count).unwrap()
    };
    place.volume("data/c/image.nii", &many(Kind::Probability, 3));
    place.volume("data/c/label.nii", &many(Kind::Label, 3));
    place.volume("data/c/other.nii", &many(Kind::Label, 1));
    let t = |steps: &[&str], parts: &[&str]| {
        let (text, at) = marked(steps);
        place.text("p.yaml", &pipeline("", &text).replace("image: { kind: image", "image: { kind: probability"));
        place.revoxel(&["plan", "p.yaml"]).good();
        let said = place.revoxel(&["plan", "p.yaml", "--data", "data"]);
        match at {
            Some(at) => refused(&said, &[&[at.as_str()], parts].concat()),
            None => drop(said.good()),
        }
    };
    let three = "\"label\" has 3 channels at this step";
    t(&["^one_hot: { keys: label }"], &[three]);
    t(&["one_hot: { keys: other }"], &[]);
    t(&["^generate_heatmap: { keys: label }"], &[three]);
    t(&["^rand_crop_by_label_classes: { source: label, spatial_size: 4, ratios: [1, 1] }"], &[three, "expected 2"]);
    let argmax = "as_discrete: { keys: image, argmax: true }";
    t(&[argmax, "^one_hot: { keys: image, num_classes: 2 }"], &["label 2 of \"image\": there is no channel for it"]);
    t(&[argmax, "one_hot: { keys: image, num_classes: 3 }"], &[]);
    t(&[argmax, "label_filter: { keys: image, applied_labels: ^7 }"], &["label 7", "at this step it contains 0, 1, 2"]);
    let threshold = "as_discrete: { keys: image, threshold: 0.5 }";
    t(&[threshold, "fill_holes: { keys: image, applied_labels: [2, ^9] }"], &["\"image\" has no channel 9"]);
}

/// Asserts that steps have a plan, and that with the data they are refused for these reasons, or not where there are none.
fn told_with_the_data(place: &Place, steps: &[&str], parts: &[&str]) {
    place.text("p.yaml", &pipeline("", &marked(steps).0));
    place.revoxel(&["plan", "p.yaml"]).good();
    let said = place.revoxel(&["plan", "p.yaml", "--data", "data"]);
    if parts.is_empty() { drop(said.good()) } else { refused(&said, &[&["p.yaml:"], parts].concat()) }
}

#[test]
fn parameters_by_channel_and_places_are_checked_with_the_data() {
    let place = Place::new();
    let two = Volume::new(vec![3i16; 2 * grid().voxel_count()].into(), grid(), Kind::Image, 2).unwrap();
    place.volume("data/c/image.nii", &two);
    place.volume("data/c/label.nii", &map(&[1, 2]));
    let t = |steps: &[&str], parts: &[&str]| told_with_the_data(&place, steps, parts);
    let [nx, ny, nz] = grid().shape();
    t(&["pca: { num_components: 2 }"], &[]);
    t(&["pca: { num_components: 3 }"], &["(pca), image: the volume has 2 channel(s)", "num_components"]);
    // Two gradients of two channels are four.
    t(&["sobel_gradients: { spatial_axes: [0, 1] }", "pca: { num_components: 4 }"], &[]);
    t(&["sobel_gradients: { spatial_axes: [0, 1] }", "pca: { num_components: 5 }"], &["step 2", "has 4 channel(s)"]);
    t(&["normalize_intensity: { channel_wise: true, subtrahend: [1, 2] }"], &[]);
    t(&["normalize_intensity: { channel_wise: true, subtrahend: [1, 2, 3] }"], &["subtrahend has 3 numbers"]);
    t(&["foreground_mask: { hsv_threshold: 0.5 }"], &["has 2 channel(s)", "hsv_threshold"]);
    t(&["foreground_mask: { threshold: [1, 2, 3] }"], &["threshold has 3 numbers"]);
    let rician = "rand_rician_noise: { prob: 1, channel_wise: true, std: [1, 2, 3] }";
    t(&[rician], &["std has 3 numbers, but the volume has 2"]);
    let spikes = "rand_k_space_spike_noise: { prob: 1, channel_wise: true, intensity_range: [[1, 2], [1, 2], [1, 2]] }";
    t(&[spikes], &["intensity_range has 3 numbers"]);
    t(&[&format!("k_space_spike_noise: {{ loc: [1, {}, {}, {}] }}", nx - 1, ny - 1, nz - 1)], &[]);
    t(&[&format!("k_space_spike_noise: {{ loc: [{}, {ny}, {}] }}", nx - 1, nz - 1)], &["loc", "lies outside"]);
    t(&["k_space_spike_noise: { loc: [2, 0, 0, 0] }"], &["loc is a channel"]);
}

#[test]
fn what_finds_no_room_or_lies_elsewhere_is_told_with_the_data() {
    let place = Place::new();
    let image = Volume::new(vec![3i16; grid().voxel_count()].into(), grid(), Kind::Image, 1).unwrap();
    place.volume("data/c/image.nii", &image);
    place.volume("data/c/label.nii", &map(&[1, 2]));
    let t = |steps: &[&str], parts: &[&str]| told_with_the_data(&place, steps, parts);
    t(&["rand_crop_by_pos_neg_label: { source: label, spatial_size: 40 }"], &["spatial_size", "40", "larger than"]);
    t(&["rand_crop_by_label_classes: { source: label, spatial_size: 9, num_classes: 2 }"], &["larger than the volume"]);
    t(&["rand_crop_by_label_classes: { source: label, spatial_size: 9, num_classes: 2, allow_smaller: true }"], &[]);
    t(&["rand_crop_by_pos_neg_label: { source: label, spatial_size: [9, 8, 7] }"], &[]);
    let coarse = "spacing: { keys: image, pixdim: 3 }";
    t(&[coarse, "mask_intensity: { source: label }"], &["\"label\"", "lies on another grid", "step 2"]);
    t(&[coarse, "mark_outside: { keys: label, nonzero_of: [image] }"], &["\"image\"", "lies on another grid"]);
    let crop = "rand_crop_by_pos_neg_label: { source: label, spatial_size: 4, image: image }";
    t(&[coarse, crop], &["\"image\"", "lies on another grid"]);
    t(&[coarse, "resample_to: { keys: label, reference: image }", "mask_intensity: { source: label }"], &[]);
}

#[test]
fn one_map_alone() {
    let place = dataset(&[&[3]]);
    let part = "no label 4 in the label map of \"label\", which holds 0, 3 ";
    plan(&place, &DATA, "", &["fill_holes: { applied_labels: ^4 }"], &[part.trim()]);
}

#[test]
fn no_more_maps_are_read_than_needed() {
    let maps: Vec<&[u8]> = std::iter::once(&[1, 2][..]).chain([&[1][..]; 10]).chain([&[1, 5][..]]).collect();
    let place = dataset(&maps);
    let read = |declared: &str, step: &str| {
        place.text("p.yaml", &pipeline(declared, &format!("  - {step}")));
        place.revoxel(&["plan", "p.yaml", "--data", "data", "--json"]).good().json()["label_maps_read"].clone()
    };
    assert_eq!(read("", "fill_holes: { applied_labels: [1, 2] }"), 1);
    assert_eq!(read("", "fill_holes: { applied_labels: [1, 5] }"), 12);
    assert_eq!(read("", "fill_holes"), 0);
    assert_eq!(read("[1, 2, 5]", "fill_holes: { applied_labels: [1, 5] }"), 0);
    // Without any map nobody can say.
    place.text("p.yaml", &pipeline("", "  - fill_holes: { applied_labels: 9 }"));
    let said = place.revoxel(&["plan", "p.yaml", "--json"]).good();
    assert!(said.json()["label_maps_read"].is_null() && said.err.contains("were not checked"), "{}", said.err);
}

#[test]
fn maps_that_cannot_be_read_are_told_where_they_may_matter() {
    let place = Place::new();
    for number in 0..4 {
        place.volume(&format!("data/c{number:02}/label.nii.gz"), &map(&[1, 2]));
    }
    // The header is whole and the checksum behind the voxels is not.
    let path = place.path("data/c02/label.nii.gz");
    let mut bytes = std::fs::read(&path).unwrap();
    let crc = bytes.len() - 8;
    bytes[crc] ^= 0xff;
    std::fs::write(&path, bytes).unwrap();
    let plan = |step: &str| {
        place
            .text("p.yaml", &pipeline("", &format!("  - {step}")).replace("label.nii\", grid", "label.nii.gz\", grid"));
        place.revoxel(&["plan", "p.yaml", "--data", "data"])
    };
    plan("fill_holes: { applied_labels: 2 }").good();
    let parts = ["no label 9 in the 3 label maps", "hold 0, 1, 2 (1 could not be read: data/c02/label.nii.gz"];
    plan("fill_holes: { applied_labels: 9 }").bad(2, &parts);
}

#[test]
fn a_run_is_refused_before_any_work() {
    let place = dataset(&[&[1, 2], &[1, 2, 5]]);
    let run = |declared: &str, step: &str, arguments: &[&str]| {
        place.text("p.yaml", &pipeline(declared, &format!("  - {step}")));
        place.revoxel(&[&["run", "p.yaml", "--data", "data", "--out", "out"], arguments].concat())
    };
    let refused = ["p.yaml:7:35", "no label 7 in the 2 label maps"];
    run("", "fill_holes: { applied_labels: [7] }", &[]).bad(2, &["p.yaml:7:36", "label 7"]);
    run("", "fill_holes: { applied_labels: 7 }", &["--keep-going"]).bad(2, &refused);
    run("", "fill_holes: { applied_labels: 7 }", &["--shard", "1/2"]).bad(2, &refused);
    assert!(!place.files().iter().any(|f| f.starts_with("out")), "{:?}", place.files());
    // A part of the cases, without the only one that has the label.
    run("", "fill_holes: { applied_labels: 5 }", &["--shard", "1/2"]).good();
    run("", "fill_holes: { applied_labels: 5 }", &["--resume"]).good();
    assert_eq!(values(&place.read("out/c01/label.nii", Kind::Label)), values(&map(&[1, 2, 5])));
    // What is done already is not looked at again; another pipeline has done nothing yet.
    let said = run("", "fill_holes: { applied_labels: 5 }", &["--resume"]).good();
    assert!(said.err.contains("2 of 2 cases: done already"), "{}", said.err);
    run("", "fill_holes: { applied_labels: 7 }", &["--resume"]).bad(2, &refused);
}

#[test]
fn a_map_with_what_is_not_declared_fails() {
    let place = dataset(&[&[1, 2], &[1, 7, 9]]);
    place.text("p.yaml", &pipeline("{ liver: 1, vessel: 2 }", "  - fill_holes: { applied_labels: 2 }"));
    plan(&place, &DATA, "{ liver: 1, vessel: 2 }", &["fill_holes: { applied_labels: 2 }"], &[]);
    let said = place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out", "--keep-going"]);
    said.bad(1, &["c01/label.nii: the label map holds 7, 9", "`labels:` of \"label\" declares 0, 1, 2", "1 failed"]);
    assert!(place.path("out/c00/trace.json").exists() && !place.path("out/c01").exists());
}

#[test]
fn a_declaration_is_part_of_what_a_trace_says_was_run() {
    let hash = |declared: &str| {
        let registry = revoxel::registry();
        revoxel_pipeline::Pipeline::parse("p.yaml", &pipeline(declared, "  - flip"), &[], &registry).unwrap().hash()
    };
    // Names of labels are written, names of regions are not.
    assert_eq!(hash("[1, 2]"), hash("{ both: [1, 2] }"));
    assert_eq!(hash("{ vessel: 2, liver: 1 }"), hash("{ liver: 1, vessel: [2] }"));
    assert!(hash("[1, 2]") != hash("{ liver: 1, vessel: 2 }"));
    assert!(hash("[1, 2]") != hash("[1]") && hash("[1]") != hash(""));
}

/// Steps that make, change and name labels and channels.
fn any_step(draw: &mut Draw) -> Value {
    let number = |draw: &mut Draw| draw.int(-1, 5);
    let keys = ["label"];
    match draw.int(0, 17) {
        0 | 1 => json!({ "one_hot": { "num_classes": draw.int(1, 5) } }),
        2 => json!({ "one_hot": {} }),
        3 => json!({ "as_discrete": { "keys": keys, "argmax": true } }),
        4 => json!({ "as_discrete": { "keys": keys, "to_onehot": draw.int(1, 5) } }),
        5 => json!({ "as_discrete": { "keys": keys, "to_onehot": draw.int(1, 5), "threshold": 0.5 } }),
        6 => json!({ "as_discrete": { "keys": keys, "argmax": true, "to_onehot": draw.int(1, 5) } }),
        7 => json!({ "as_discrete": { "keys": keys, "threshold": draw.int(0, 2) } }),
        8 | 9 => {
            let mut params = json!({ "applied_labels": [number(draw)] });
            let name =
                ["keep_largest_connected_component", "fill_holes", "remove_small_objects"][draw.int(0, 2) as usize];
            if name == "remove_small_objects" {
                params["min_size_voxels"] = 2.into();
            }
            if draw.int(0, 2) == 0 {
                params["is_onehot"] = (draw.int(0, 1) == 0).into();
            }
            json!({ name: params })
        }
        10 => json!({ "flip": { "spatial_axis": 1 } }),
        11 => json!({ "border_pad": { "spatial_border": 1, "value": { "label": draw.int(0, 6) } } }),
        12 => json!({ "spacing": { "pixdim": 2, "interpolation": "nearest" } }),
        13 => json!({ "map_label_value": { "orig_labels": [number(draw)], "target_labels": [number(draw)] } }),
        14 => json!({ "label_filter": { "applied_labels": [number(draw), 1] } }),
        15 => json!({ "label_to_contour": {} }),
        16 => json!({ "sequential_labels": {} }),
        _ => {
            let ratios: Vec<i64> = (0..draw.int(2, 4)).map(|_| 1).collect();
            let params = json!({ "source": "label", "spatial_size": 0, "ratios": ratios, "on_empty": "keep" });
            json!({ "rand_crop_by_label_classes": params })
        }
    }
}

/// Steps done one by one: none knows what those before it were.
fn one_by_one(volume: Volume, steps: &[Value]) -> Result<Volume, String> {
    let registry = revoxel::registry();
    steps.iter().try_fold(volume, |volume, step| {
        let (name, params) = step.as_object().and_then(|step| step.iter().next()).unwrap();
        let mut bare = params.clone();
        bare.as_object_mut().unwrap().remove("keys");
        match (registry.get(name).unwrap().build)(bare).unwrap().transform {
            Transform::Value(transform) => transform.apply(volume).map(|(volume, _)| volume).map_err(|e| e.to_string()),
            _ => Ok(run_steps(vec![("label", volume)], std::slice::from_ref(step))?.remove(0).1.volume),
        }
    })
}

#[test]
fn a_run_meets_no_channel_that_plan_did_not_know() {
    let registry = revoxel::registry();
    let mut draw = Draw::new(5);
    let (mut planned, mut refused) = (0, 0);
    for _ in 0..3000 {
        let steps: Vec<Value> = (0..draw.int(1, 5)).map(|_| any_step(&mut draw)).collect();
        let label = map(&[1, 3, 1]);
        // How many channels a map has that nobody made here only the map can tell.
        let makes =
            |step: &Value| ["one_hot", "to_onehot", "argmax"].iter().any(|word| step.to_string().contains(word));
        let made = steps.iter().position(makes).unwrap_or(steps.len());
        if steps[..made].iter().any(|step| step.to_string().contains("\"is_onehot\":true")) {
            continue;
        }
        let mut text: Value = serde_json::from_str(&pipeline_text(&[("label", Kind::Label)], &steps)).unwrap();
        text["inputs"]["label"]["labels"] = json!([0, 1, 3]);
        let plan = Pipeline::parse("p.yaml", &text.to_string(), &[], &registry);
        let run = || one_by_one(label, &steps);
        match plan {
            Ok(_) => {
                planned += 1;
                let Err(error) = run() else { continue };
                // Without num_classes the labels of each map decide.
                let open = steps.contains(&json!({ "one_hot": {} }));
                let about_labels = error.contains("no channel") || error.contains("one channel per class") && !open;
                assert!(!about_labels, "{steps:?} fails in a run alone: {error}");
            }
            Err(error)
                if error.problem.contains("has no channel") || error.problem.contains("at this step, expected") =>
            {
                refused += 1;
                assert!(run().is_err(), "{steps:?} is refused for nothing: {}", error.problem);
            }
            Err(_) => {}
        }
    }
    assert!(planned > 500 && refused > 50, "{planned} planned, {refused} refused");
}
