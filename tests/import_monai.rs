//! MONAI's bundles, imported and run by the program: what MONAI made of the same file is recorded.

use std::collections::BTreeMap;

use revoxel_core::{Grid, Kind, Relation, Volume};
use serde::Deserialize;
use serde_json::Value;

use crate::parity::{Array, Arrays, Expected, affine, volume};
use crate::support::{Place, root, values};

#[derive(Deserialize)]
struct Recorded {
    bundles: Vec<Bundle>,
}

#[derive(Deserialize)]
struct Bundle {
    name: String,
    suffix: String,
    config: String,
    transforms: String,
    inputs: BTreeMap<String, Array>,
    outputs: BTreeMap<String, Expected>,
    /// None of a bundle that says nothing of predictions.
    prediction: Option<Prediction>,
    restored: Option<Expected>,
}

#[derive(Deserialize)]
struct Prediction {
    array: String,
    shape: [usize; 3],
    channels: usize,
}

fn bundles() -> (Vec<Bundle>, Arrays) {
    let text = std::fs::read_to_string(root().join("tests/parity/bundle.json")).unwrap();
    (serde_json::from_str::<Recorded>(&text).unwrap().bundles, Arrays::of("bundle"))
}

/// The share of values that are further apart than `tolerance`.
fn apart(ours: &Volume, expected: &Expected, tolerance: f64, arrays: &mut Arrays) -> f64 {
    let theirs = Grid::new(expected.shape, affine(&expected.affine)).unwrap();
    let relation = Relation::between(ours.grid(), &theirs);
    assert_eq!(ours.grid().shape(), theirs.shape());
    // Affines in files are float32.
    assert!(relation.worst_corner_mm < 1e-4, "{relation}");
    let (ours, theirs) = (values(ours), arrays.get(&expected.array));
    assert_eq!(ours.len(), theirs.len());
    let apart = (0..ours.len()).filter(|i| (ours[*i] - theirs.get(*i)).abs() > tolerance).count();
    apart as f64 / ours.len() as f64
}

#[test]
fn an_imported_bundle_gives_what_monai_gives() {
    let (bundles, mut arrays) = bundles();
    assert_eq!(bundles.len(), 3);
    for bundle in &bundles {
        let (place, name) = (Place::new(), &bundle.name);
        let config = format!("config.{}", bundle.suffix);
        place.text(&config, &bundle.config);
        for (key, input) in &bundle.inputs {
            place.volume(&format!("data/{key}/a.nii.gz"), &volume(input, &mut arrays));
        }
        place.revoxel(&["import", "monai", &config, "--transforms", &bundle.transforms, "-o", "p.yaml"]).good();
        let pipeline = std::fs::read_to_string(place.path("p.yaml")).unwrap();
        place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
        for (key, expected) in &bundle.outputs {
            let (kind, tolerance) = if key == "label" { (Kind::Label, 0.0) } else { (Kind::Image, 1e-4) };
            let ours = place.read(&format!("out/{key}/a.nii.gz"), kind);
            assert_eq!(apart(&ours, expected, tolerance, &mut arrays), 0.0, "{name}: {key}\n{pipeline}");
        }
        let model = place.read("out/image/a.nii.gz", Kind::Image);
        let (Some(prediction), Some(expected)) = (&bundle.prediction, &bundle.restored) else { continue };
        let Prediction { array, shape, channels } = prediction;
        assert_eq!(model.grid().shape(), *shape, "{name}");
        let logits = Volume::new(arrays.get(array), *model.grid(), Kind::Logit, *channels).unwrap();
        place.volume("prediction.nii.gz", &logits);
        place.revoxel(&["invert", "out/traces/a.json", "prediction.nii.gz", "--out", "restored"]).good();
        let restored = place.read("restored/pred/a.nii.gz", Kind::Label);
        assert!(values(&restored).iter().any(|v| *v > 0.0), "{name}\n{pipeline}");
        assert_eq!(apart(&restored, expected, 0.0, &mut arrays), 0.0, "{name}: restored\n{pipeline}");
    }
}

#[test]
fn what_a_bundle_cannot_say_in_a_pipeline_is_refused_with_line_and_key() {
    let (bundles, _) = bundles();
    let bundle = bundles.iter().find(|b| b.suffix == "yaml").unwrap();
    let t = |from: &str, to: &str, line: &str, parts: &[&str]| {
        assert!(bundle.config.contains(from), "{from}");
        let place = Place::new();
        place.text("c.yaml", &bundle.config.replacen(from, to, 1));
        let at = format!("c.yaml:{line}:");
        place.revoxel(&["import", "monai", "c.yaml"]).bad(2, &[&[at.as_str()], parts].concat());
    };
    t("[1.4, 1.4, -1]", "$[1.4] ** 2", "13", &["Spacingd: pixdim", "is code"]);
    t("Flipd", "RandLambdad", "22", &["RandLambdad is not supported", "--skip-random"]);
    t("k: 8", "k: 8\n      sky: blue", "22", &["DivisiblePadd: sky", "is not supported"]);
    t("sigmoid: true", "sigmoid: true\n    other: $torch.tanh", "31", &["Activationsd: other", "is code"]);
    t("orig_keys: image", "orig_keys: '@orig'", "37", &["Invertd: orig_keys", "\"@orig\" is not in this file"]);
    t("pixdim: [1.4, 1.4, -1]", "pixdim: '%other.json::pixdim'", "13", &["pixdim", "other files are not read"]);
}

#[test]
fn a_pipeline_is_printed_or_written_once() {
    let (bundles, _) = bundles();
    let place = Place::new();
    place.text("c.json", &bundles[0].config);
    let printed = place.revoxel(&["import", "monai", "c.json"]).good().out;
    assert!(printed.contains("restore:\n  pred:\n    kind: logit\n"), "{printed}");
    let without = place.revoxel(&["import", "monai", "c.json", "--postprocessing", "none"]).good().out;
    assert!(!without.contains("restore:"), "{without}");
    place.revoxel(&["import", "monai", "c.json", "-o", "p.yaml"]).good();
    place.revoxel(&["import", "monai", "c.json", "-o", "p.yaml"]).bad(2, &["p.yaml exists already", "--overwrite"]);
    place.revoxel(&["import", "monai", "c.json", "-o", "new/deep/p.yaml"]).good();
    assert!(place.path("new/deep/p.yaml").exists());
    let plan = place.revoxel(&["schema"]).good().json();
    assert!(plan["properties"]["restore"].is_object() && plan["title"] != Value::Null);
}

#[test]
fn one_channel_of_a_file_is_taken() {
    let place = Place::new();
    place.text(
        "c.yaml",
        "pre:\n- { _target_: LoadImaged, keys: image }\n- { _target_: Lambdad, keys: image, func: '$lambda x: x[2, ...]' }\n\
         - { _target_: Flipd, keys: image, spatial_axis: 1 }\n",
    );
    let grid = Grid::without_geometry([4, 3, 2]).unwrap();
    let all: Vec<f32> = (0..4 * 24).map(|n| n as f32).collect();
    place.volume("data/image/a.nii.gz", &Volume::new(all.into(), grid, Kind::Image, 4).unwrap());
    place.revoxel(&["import", "monai", "c.yaml", "--transforms", "pre", "-o", "p.yaml"]).good();
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    let ours = place.read("out/image/a.nii.gz", Kind::Image);
    assert_eq!(ours.channels(), 1);
    for (index, expected) in [([0, 0, 0], 48.0 + 8.0), ([3, 2, 1], 48.0 + 15.0)] {
        assert_eq!(ours.value(index, 0), expected, "{index:?}");
    }
    // A channel that the file does not have is an error before anything is run.
    let text = std::fs::read_to_string(place.path("p.yaml")).unwrap().replace("channel: 2", "channel: 4");
    place.text("other.yaml", &text);
    let parts = ["a.nii.gz", "no channel 4, the file has 4", "\"image\"", "set `channel` of the input"];
    place.revoxel(&["run", "other.yaml", "--data", "data", "--out", "none"]).bad(2, &parts);
}
