//! Where references lead, and references that lead nowhere. What MONAI's parser makes of them was seen by running it.

use super::*;

/// The steps of a list.
fn steps(text: &str, wanted: &str) -> Vec<String> {
    let imported = pipeline("c.yaml", text, Some(wanted), Some("none")).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let lines = imported.text.lines().filter_map(|line| line.strip_prefix("  - "));
    lines.map(str::to_owned).collect()
}

fn refused(text: &str, wanted: Option<&str>, line: usize, part: &str) {
    let error = pipeline("c.yaml", text, wanted, Some("none")).unwrap_err();
    assert!(error.place.line == line && error.problem.contains(part), "{error}\n{text}");
}

#[test]
fn circles_are_refused_with_their_ids() {
    refused(r#"{"pre":{"_target_":"Compose","transforms":["@pre"]}}"#, None, 1, "circular: pre -> pre");
    refused("pre:\n  _target_: Compose\n  transforms: '@pre'\n", None, 3, "circular: pre -> pre");
    let two = "a:\n  _target_: Compose\n  transforms: ['@b']\nb:\n  _target_: Compose\n  transforms: ['@a']\n";
    refused(two, None, 3, "circular: b -> a -> b");
    let values = "a: '@b'\nb: '@a'\npre:\n- {_target_: Flipd, keys: image, spatial_axis: '@a'}\n";
    refused(values, Some("pre"), 2, "spatial_axis: \"@a\" is circular: a -> b -> a");
    refused("a: ['@a']\npre:\n- {_target_: Flipd, keys: '@a'}\n", Some("pre"), 1, "circular: a -> a");
    refused("pre:\n  _target_: Compose\n  transforms: '%pre'\n", None, 3, "circular: pre -> pre");
}

#[test]
fn depth_and_repetition_are_bounded() {
    let deep = format!("pre:\n- {{_target_: Flipd, keys: {}a{}}}\n", "[".repeat(5000), "]".repeat(5000));
    assert!(pipeline("c.yaml", &deep, Some("pre"), None).is_err());
    let mut chain: String = (0..5000).map(|i| format!("a{i}: ['@a{}']\n", i + 1)).collect();
    chain.push_str("a5000: 0\npre:\n- {_target_: Flipd, keys: image, spatial_axis: '@a0'}\n");
    assert!(pipeline("c.yaml", &chain, Some("pre"), None).unwrap_err().problem.contains("levels deep"));
    let composed = chain.replace("['@", "{_target_: Compose, transforms: ['@").replace("']\n", "']}\n");
    assert!(pipeline("c.yaml", &composed, Some("a0"), None).unwrap_err().problem.contains("levels deep"));
    // Each holds four of the next: sixteen million values.
    let mut bomb: String = (1..13).map(|i| format!("x{}: ['@x{i}', '@x{i}', '@x{i}', '@x{i}']\n", i - 1)).collect();
    bomb.push_str("x12: [0]\npre:\n- {_target_: Flipd, keys: image, spatial_axis: '@x0'}\n");
    assert!(pipeline("c.yaml", &bomb, Some("pre"), None).unwrap_err().problem.contains("references lead to more than"));
}

#[test]
fn relative_ids_count_from_where_they_stand() {
    let spacing = |pixdim: &str| {
        format!(
            "q: [3, 3, 3]\ntrain:\n  q: [1, 1, 1]\n  pre:\n  - {{_target_: Flipd, keys: image, spatial_axis: 1}}\n  - \
             {{_target_: Spacingd, mode: bilinear, keys: '@##0#keys', pixdim: '{pixdim}'}}\n"
        )
    };
    let to = |pixdim: &str| steps(&spacing(pixdim), "train#pre")[1].clone();
    assert_eq!(to("@###q"), "spacing: { rule: monai_strict, interpolation: linear, pixdim: [1, 1, 1] }");
    assert_eq!(to("%###q"), "spacing: { rule: monai_strict, interpolation: linear, pixdim: [1, 1, 1] }");
    assert_eq!(to("@::::::q"), "spacing: { rule: monai_strict, interpolation: linear, pixdim: [1, 1, 1] }");
    assert_eq!(to("@####q"), "spacing: { rule: monai_strict, interpolation: linear, pixdim: [3, 3, 3] }");
    assert_eq!(to("@train#q"), "spacing: { rule: monai_strict, interpolation: linear, pixdim: [1, 1, 1] }");
    refused(&spacing("@#q"), Some("train#pre"), 6, "\"@#q\" is not in this file");
    refused(&spacing("@#####q"), Some("train#pre"), 6, "leads out of the file");
    refused(&spacing("@train##q"), Some("train#pre"), 6, "is not in this file");
    refused(&spacing("@train#pre#[0]"), Some("train#pre"), 6, "is not in this file");
    // From where the reference stands, not from where another leads to it.
    let far = "far:\n  axis: '@#other'\n  other: 2\npre:\n- _target_: Flipd\n  keys: image\n  spatial_axis: \
               '@far#axis'\n  other: 0\n";
    let far = far.replace("\n  other: 0\n", "\n");
    assert_eq!(steps(&far, "pre"), ["flip: { spatial_axis: 2 }"]);
}

#[test]
fn macros_copy_what_stands_before_them_with_its_ids_replaced() {
    let flip = "pre:\n- _target_: Flipd\n  keys: image\n  spatial_axis: '%axes'\n";
    let axes = "axes: ['@##axis', 2]\naxis: 1\n";
    assert_eq!(steps(&format!("{axes}{flip}"), "pre"), ["flip: { spatial_axis: [1, 2] }"]);
    // There MONAI looks for `::::axis` in the copy, and finds nothing.
    refused(&format!("{flip}{axes}"), Some("pre"), 5, "where MONAI does not replace it");
    // And here it takes `%axis` for a word.
    refused(&format!("{flip}axes: '%axis'\naxis: 1\n"), Some("pre"), 5, "where MONAI does not replace it");
    // One list at two places: the first decides in MONAI.
    let aliases = "b: { k: &k ['@##axis'], axis: 1 }\nc: *k\npre:\n- _target_: Flipd\n  keys: image\n  spatial_axis: ";
    refused(&format!("{aliases}'@c'\n"), Some("pre"), 2, "a YAML alias repeats it");
    assert_eq!(steps(&format!("{aliases}'@b#k'\n"), "pre"), ["flip: { spatial_axis: [1] }"]);
}
