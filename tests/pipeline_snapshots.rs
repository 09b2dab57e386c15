//! Snapshots of pipelines: made, checked, and failing readably after a changed parameter, default and kernel.

use std::path::Path;
use std::process::Command;

use revoxel_core::{Affine, Grid, Kind, ValueUndo, Volume};
use revoxel_pipeline::Pipeline;
use revoxel_runner::RESULTS;
use revoxel_runner::snapshot::{self, Grids};
use revoxel_transforms::docs::Docs;
use revoxel_transforms::{ApplyError, Built, ParamsError, Registry, Transform, TransformDef, ValueTransform};
use serde_json::{Value, json};

use crate::support::{Place, Said, root};

const CT: &str = "# A test.
version: 1
inputs:
  image: { kind: image, path: \"images/{case}.nii.gz\" }
  label: { kind: label, path: \"labels/{case}.nii.gz\", optional: true }
steps:
  - orientation: { axcodes: RAS }
  - spacing: { pixdim: [1, 1, 2] }
  - crop_foreground: { source: image, above: -500, margin: 2 }
  - scale_intensity_range: { a_min: -175, a_max: 250, b_min: 0, b_max: 1 }
outputs:
  image: { path: \"{case}/image.nii.gz\", dtype: float32 }
  label: { path: \"{case}/label.nii.gz\" }
trace: \"{case}/trace.json\"
";

/// A folder with a pipeline and its snapshot.
fn made(pipeline: &str) -> Place {
    let place = Place::new();
    place.text("pipelines/ct.yaml", pipeline);
    let said = place.revoxel(&["snapshot", "pipelines/ct.yaml"]).good();
    assert!(said.out.starts_with("pipelines/ct.snapshot.yaml: written, "), "{said:?}");
    place
}

fn check(place: &Place) -> Said {
    place.revoxel(&["snapshot", "--check", "pipelines/ct.yaml"])
}

fn snapshot_of(place: &Place) -> String {
    std::fs::read_to_string(place.path("pipelines/ct.snapshot.yaml")).unwrap()
}

/// The document of a pipeline in memory, as a reader of the file gets it.
fn taken(text: &str, registry: &Registry) -> Value {
    let pipeline = Pipeline::parse("p.yaml", text, &[], registry).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let document = snapshot::take(&pipeline, &Grids::BuiltIn, &[]);
    snapshot::sealed(&pipeline, document, Path::new("p.snapshot.yaml")).unwrap_or_else(|e| panic!("{e}\n{text}")).1
}

#[test]
fn a_snapshot_is_made_and_checked() {
    let place = made(CT);
    let said = check(&place).good();
    assert!(said.out.starts_with("pipelines/ct.snapshot.yaml: unchanged, 5 grids"), "{said:?}");
    let text = snapshot_of(&place);
    for line in [
        "revoxel_snapshot: 1\n".to_owned(),
        format!("results: {RESULTS}\n"),
        "    2 spacing:\n      keys: [image, label]\n      pixdim: [1.0, 1.0, 2.0]\n      rule: monai\n".to_owned(),
        "  ct-axial without label:\n".to_owned(),
        "        label 3:\n          voxels: ".to_owned(),
        "      label map onto image:\n".to_owned(),
        "        unseen voxels: ".to_owned(),
    ] {
        assert!(text.contains(&line), "{line:?} is not in\n{text}");
    }
    // Nothing of the machine, the day or the version of the program.
    for word in [env!("CARGO_PKG_VERSION"), "/tmp", &place.path("").to_string_lossy(), "2026-", ".partial"] {
        assert!(!text.contains(word), "{word:?} is in\n{text}");
    }
    assert!(text.lines().all(|line| line == line.trim_end() && line.chars().count() < 200));
    // The snapshot's name stands for its pipeline, and a pipeline is checked once.
    let said = place.revoxel(&["snapshot", "--check", "pipelines/ct.snapshot.yaml", "pipelines/ct.yaml"]).good();
    assert_eq!(said.out.lines().count(), 1);
    assert_eq!(place.revoxel(&["snapshot", "pipelines/ct.yaml"]).good().out, said.out);
    assert_eq!(snapshot_of(&place), text);
    let json = place.revoxel(&["snapshot", "--check", "pipelines/ct.yaml", "--json"]).good().json();
    assert_eq!(json["snapshots"][0]["before"], "same");
}

#[test]
fn a_changed_parameter_is_named_with_what_it_changes() {
    let place = made(CT);
    let before = snapshot_of(&place);
    place.text("pipelines/ct.yaml", &CT.replace("[1, 1, 2]", "[1, 1, 2.5]"));
    let said = check(&place).told(1);
    for part in [
        "pipelines/ct.snapshot.yaml: differs: the pipeline was changed\n",
        "  pipeline, step 2 spacing: pixdim was [1.0, 1.0, 2.0], is [1.0, 1.0, 2.5]\n",
        "  grid ct-axial, step 2 spacing: shape was ",
        "  grid ct-axial, output image: the voxels differ: hash ",
        "more\n",
        "If this is intended, run `revoxel snapshot pipelines/ct.yaml`, review the difference, and commit it with the change.\n",
    ] {
        assert!(said.out.contains(part), "{part:?} is not in\n{}", said.out);
    }
    assert!(said.out.lines().count() < 50, "{}", said.out);
    assert_eq!(snapshot_of(&place), before, "--check writes nothing");
    let json = place.revoxel(&["snapshot", "--check", "pipelines/ct.yaml", "--json"]).told(1).json();
    let first = &json["snapshots"][0]["differences"];
    assert!(first.as_array().unwrap().iter().any(|d| d["path"][3] == "pixdim" && d["is"] == json!([1.0, 1.0, 2.5])));
    // Made again, it says what changed, and agrees.
    let said = place.revoxel(&["snapshot", "pipelines/ct.yaml"]).good();
    assert!(
        said.out.contains("written again: the pipeline was changed\n  pipeline, step 2 spacing: pixdim"),
        "{said:?}"
    );
    check(&place).good();
    // Comments and layout are no change.
    let spread = CT.replace("[1, 1, 2]", "[1, 1, 2.5]").replace("# A test.", "# Another word.\n");
    place.text("pipelines/ct.yaml", &spread.replace("{ axcodes: RAS }", "\n      axcodes: RAS"));
    check(&place).good();
}

/// The registry with a `spacing` that pads with something else where the pipeline does not say it.
fn another_default() -> Registry {
    fn build(mut params: Value) -> Result<Built, ParamsError> {
        if let Value::Object(params) = &mut params {
            params.entry("rule").or_insert("nnunet".into());
        }
        (revoxel::registry().get("spacing").unwrap().build)(params)
    }
    let builtin = revoxel::registry();
    let spacing = *builtin.get("spacing").unwrap();
    builtin.with(TransformDef { build, ..spacing })
}

#[test]
fn a_changed_default_is_named_as_one() {
    let written: Value = snapshot::read("p.yaml", CT).unwrap();
    let verdict = snapshot::compare(&taken(CT, &revoxel::registry()), &taken(CT, &another_default()), &written);
    assert!(verdict.reason.starts_with("a default of the program has changed"), "{}", verdict.reason);
    let lines = verdict.lines(40);
    assert_eq!(
        lines[0],
        "pipeline, step 2 spacing: rule was monai, is nnunet (a default: the pipeline does not set it)"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("grid ct-axial, step 2 spacing: affine (row R) was ")),
        "{lines:?}"
    );
}

/// `scale_intensity_range` as an older or newer kernel would do it: the same parameters, another last digit.
#[derive(Debug)]
struct AnotherKernel(Box<dyn ValueTransform>);

impl ValueTransform for AnotherKernel {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (volume, undo) = self.0.apply(volume)?;
        let another = 1.0 + 2.0 * f32::EPSILON;
        let values: Vec<f32> = (0..volume.voxels().len()).map(|i| volume.voxels().get(i) as f32 * another).collect();
        Ok((volume.with_voxels(values.into())?, undo))
    }
}

fn another_kernel() -> Registry {
    fn build(params: Value) -> Result<Built, ParamsError> {
        let Built { transform, params } = (revoxel::registry().get("scale_intensity_range").unwrap().build)(params)?;
        let Transform::Value(transform) = transform else { panic!("a transform of values") };
        Ok(Built { transform: Transform::Value(Box::new(AnotherKernel(transform))), params })
    }
    let builtin = revoxel::registry();
    let range = *builtin.get("scale_intensity_range").unwrap();
    builtin.with(TransformDef { build, ..range })
}

#[test]
fn a_changed_kernel_is_named_as_the_program_doing_something_else() {
    let verdict = snapshot::compare(&taken(CT, &revoxel::registry()), &taken(CT, &another_kernel()), &Value::Null);
    assert_eq!(verdict.reason, "the pipeline is the same, but the program gives other results");
    let lines = verdict.lines(40);
    assert!(lines[0].starts_with("grid ct-axial, output image: the voxels differ: hash "), "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("output image")), "only the image's values differ: {lines:?}");

    // The same with the program: the file is what another kernel made.
    let place = made(CT);
    let text = snapshot_of(&place);
    // Without the hash of its text, which would tell that this test has edited it.
    let seal = text.lines().find(|line| line.starts_with("document: blake3:")).unwrap();
    let text = text.replace(&format!("{seal}\n"), "");
    let mean = text.lines().find(|line| line.trim().starts_with("mean: ")).unwrap();
    let other = format!("{}mean: 9.5", mean.split("mean").next().unwrap());
    place.text("pipelines/ct.snapshot.yaml", &text.replacen(mean, &other, 1));
    let said = check(&place).told(1);
    assert!(said.out.contains("differs: the pipeline is the same, but the program gives other results"), "{said:?}");
    assert!(said.out.contains("grid ct-axial, output image: mean was 9.5, is "), "{said:?}");

    // And a file of another number of results.
    place.text("pipelines/ct.snapshot.yaml", &text.replace(&format!("results: {RESULTS}"), "results: 1"));
    let said = check(&place).told(1);
    let reason = format!("this version of the program gives results number {RESULTS}, but the snapshot has 1");
    assert!(said.out.contains(&reason), "{said:?}");
}

#[test]
fn what_is_missing_damaged_or_none_is_told_apart() {
    let place = Place::new();
    place.text("pipelines/ct.yaml", CT);
    let said = check(&place).told(1);
    assert!(said.out.contains("missing: write it with `revoxel snapshot pipelines/ct.yaml`"), "{said:?}");
    assert_eq!(place.files(), ["pipelines/ct.yaml"]);
    place.text("pipelines/ct.snapshot.yaml", "notes: mine\n");
    check(&place).bad(2, &["ct.snapshot.yaml: not a snapshot: move the file away, or pass -o FILE"]);
    place.revoxel(&["snapshot", "pipelines/ct.yaml"]).bad(2, &["not a snapshot"]);
    assert_eq!(snapshot_of(&place), "notes: mine\n");
    place.revoxel(&["snapshot", "pipelines/ct.yaml", "-o", "other.yaml"]).good();
    place.revoxel(&["snapshot", "--check", "pipelines/ct.yaml", "-o", "other.yaml"]).good();
    place.text("pipelines/ct.snapshot.yaml", "revoxel_snapshot: 2\n");
    check(&place).bad(2, &["version 2", "use a newer revoxel"]);
    place.text("pipelines/ct.snapshot.yaml", "<<<<<<< ours\nrevoxel_snapshot: 1\n=======\n");
    assert!(check(&place).told(1).out.contains("cannot be read"));
    assert!(place.revoxel(&["snapshot", "pipelines/ct.yaml"]).good().out.contains("could not be read"));
    check(&place).good();
    place.text("pipelines/ct.yaml", &CT.replace("pixdim", "pixdimm"));
    check(&place).bad(2, &["pixdimm"]);
    place.revoxel(&["snapshot", "--check", "none.yaml"]).bad(2, &["none.yaml"]);
}

#[test]
fn settings_are_kept_for_later_checks() {
    let place = Place::new();
    let text = CT.replace("[1, 1, 2]", "\"${size}\"").replace("version: 1", "version: 1\nvars: { size: [1, 1, 2] }");
    place.text("pipelines/ct.yaml", &text);
    place.revoxel(&["snapshot", "pipelines/ct.yaml", "--set", "vars.size=2"]).good();
    assert!(snapshot_of(&place).contains("\nset: [\"vars.size=2\"]\n"));
    check(&place).good();
    let said = place.revoxel(&["snapshot", "--check", "pipelines/ct.yaml", "--set", "vars.size=3"]).told(1);
    assert!(said.out.contains("pixdim was [2.0], is [3.0]"), "{said:?}");
    // What to type keeps what was typed.
    assert!(said.out.contains("`revoxel snapshot pipelines/ct.yaml --set vars.size=3`"), "{said:?}");
    // A setting that no longer fits is not the end.
    place.text("pipelines/ct.yaml", CT);
    check(&place).bad(2, &["vars.size", "pass --as-written to forget it"]);
    let said = place.revoxel(&["snapshot", "pipelines/ct.yaml", "--as-written"]).good();
    assert!(said.out.contains("written again"), "{said:?}");
    assert!(!snapshot_of(&place).contains("\nset:"));
    check(&place).good();
}

#[test]
fn why_a_snapshot_differs_is_not_mistaken() {
    let place = made(CT);
    let text = snapshot_of(&place);
    let mean = text.lines().find(|line| line.trim_start().starts_with("mean: ")).unwrap();
    place.text("pipelines/ct.snapshot.yaml", &text.replacen(mean, &mean.replace("mean: ", "mean: 1"), 1));
    let said = check(&place).told(1);
    assert!(said.out.contains("differs: the snapshot was edited or merged"), "{said:?}");
    // Those of versions before have no hash of what they say.
    let line = text.lines().find(|line| line.starts_with("document: blake3:")).unwrap();
    place.text("pipelines/ct.snapshot.yaml", &text.replace(&format!("{line}\n"), ""));
    check(&place).good();
    // The content of a file that the pipeline names is neither the pipeline nor a default.
    let matrix = |x: f64| format!("1 0 0 {x}\n0 1 0 2\n0 0 1 3\n0 0 0 1\n");
    place.text("pipelines/m.txt", &matrix(1.0));
    let step = "  - affine: { file: m.txt, frame: LPS }\n";
    place.text("pipelines/ct.yaml", &CT.replacen("outputs:", &format!("{step}outputs:"), 1));
    place.revoxel(&["snapshot", "pipelines/ct.yaml"]).good();
    check(&place).good();
    place.text("pipelines/m.txt", &matrix(4.0));
    let said = check(&place).told(1);
    assert!(said.out.contains("differs: a file named in the pipeline has changed"), "{said:?}");
    assert!(said.out.contains("(from a file named in the pipeline)"), "{said:?}");
}

#[test]
fn one_wrong_pipeline_does_not_hide_the_others() {
    let place = made(CT);
    place.text("pipelines/a.yaml", &CT.replace("pixdim", "pixdimm"));
    let said = place.revoxel(&["snapshot", "--check", "pipelines/a.yaml", "pipelines/ct.yaml"]).told(2);
    assert!(said.out.starts_with("pipelines/ct.snapshot.yaml: unchanged") && said.err.contains("pixdimm"), "{said:?}");
    place.text("pipelines/ct.yml", CT);
    let both = ["snapshot", "--check", "pipelines/ct.yml"];
    place.revoxel(&both).bad(2, &["ct.yml and pipelines/ct.yaml have the same snapshot pipelines/ct.snapshot.yaml"]);
    std::fs::remove_file(place.path("pipelines/ct.yml")).unwrap();
    place.revoxel(&["snapshot", "--check", "--like", "pipelines/ct.yaml"]).bad(2, &["name it before --like"]);
    // A link stays one.
    let (link, target) = (place.path("pipelines/ct.snapshot.yaml"), place.path("elsewhere.yaml"));
    std::fs::rename(&link, &target).unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    place.text("pipelines/ct.yaml", &CT.replace("margin: 2", "margin: 3"));
    place.revoxel(&["snapshot", "pipelines/ct.yaml"]).good();
    assert!(link.is_symlink() && std::fs::read_to_string(&target).unwrap().contains("margin: [3]"));
}

#[test]
fn every_machine_and_every_number_of_threads_gives_the_same_snapshot() {
    let shipped = root().join("pipelines/augment-ct.yaml");
    let place = Place::new();
    std::fs::copy(shipped, place.path("a.yaml")).unwrap();
    let mut texts = Vec::new();
    for (level, threads) in [("portable", "1"), ("avx2", "2"), ("avx512", "8")] {
        let made = Command::new(env!("CARGO_BIN_EXE_revoxel-under-test"))
            .args(["snapshot", "a.yaml", "--threads", threads, "-o", &format!("{level}.yaml")])
            .current_dir(place.path(""))
            .env("REVOXEL_SIMD", level)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        texts.push(std::fs::read_to_string(place.path(&format!("{level}.yaml"))).unwrap());
    }
    assert!(texts[0] == texts[1] && texts[1] == texts[2]);
    assert!(texts[0].contains("  steps of copy 1:\n") && texts[0].contains("back from the copies together:"));
}

/// The text of a pipeline with these inputs and steps.
fn pipeline(inputs: &[(&str, &str)], steps: &[&str], more: &str) -> String {
    let input = |(key, said): &(&str, &str)| format!("  {key}: {{ path: \"{{case}}/{key}.nii\", {said} }}\n");
    let inputs_text: String = inputs.iter().map(input).collect();
    let steps: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
    let output = |(key, _): &(&str, &str)| format!("  {key}: {{ path: \"out/{{case}}/{key}.nii\" }}\n");
    let outputs: String = inputs.iter().map(output).collect();
    let steps = if steps.is_empty() { "steps: []\n".to_owned() } else { format!("steps:\n{steps}") };
    format!("version: 1\ninputs:\n{inputs_text}{steps}outputs:\n{outputs}trace: \"{{case}}.json\"\n{more}")
}

/// Asserts that a made-up case on a grid came through, and gives what is said of it.
fn came(document: &Value, grid: &str) -> Value {
    let said = &document["grids"][grid];
    assert!(said.get("refused").is_none() && said.get("left out by").is_none(), "{said:#}");
    assert!(said["outputs"].as_object().is_some_and(|outputs| !outputs.is_empty()), "{said:#}");
    let back = said["back"].as_object().unwrap();
    assert!(!back.is_empty() && back.values().all(|way| way.get("refused").is_none()), "{back:#?}");
    said.clone()
}

#[test]
fn pipelines_of_every_sort_have_snapshots() {
    let registry = revoxel::registry();
    let (image, label) = (("image", "kind: image"), ("label", "kind: label"));
    let t = |inputs: &[(&str, &str)], steps: &[&str], more: &str| {
        let document = taken(&pipeline(inputs, steps, more), &registry);
        came(&document, "ct-axial");
        came(&document, "mr-sagittal")
    };
    // Labels that steps name and inputs declare are in the made-up maps.
    let said = t(&[image, label], &["crop_foreground: { source: label, labels: [17] }"], "");
    assert!(said["outputs"]["label"]["label 17"]["voxels"].as_u64().unwrap() > 20, "{said:#}");
    let said = t(&[image, ("label", "kind: label, labels: [5, 300]")], &[], "");
    assert_eq!(said["outputs"]["label"]["dtype"], "uint16");
    t(
        &[label],
        &["map_label_value: { orig_labels: [2], target_labels: [90] }", "label_filter: { applied_labels: [90] }"],
        "",
    );
    // Grids of their own, aligned by a step.
    let two = [image, ("pet", "kind: image, grid: own")];
    let said = t(&two, &["resample_to: { keys: [pet], reference: image }"], "");
    assert_ne!(said["source"]["image"]["grid"], said["source"]["pet"]["grid"]);
    assert_eq!(said["outputs"]["image"]["grid"], said["outputs"]["pet"]["grid"]);
    // A mask that must share the grid, though it may have its own.
    t(&[image, ("mask", "kind: label, grid: own")], &["mask_intensity: { keys: [image], source: mask }"], "");
    // Probabilities of several channels, and one channel of several.
    let said = t(&[image, ("p", "kind: probability")], &["spacing: { pixdim: 2 }"], "");
    assert_eq!(said["outputs"]["p"]["channels"], 3);
    t(&[("image", "kind: image, channel: 2")], &["spacing: { pixdim: 2 }"], "");
    // Random patches larger than the smallest made-up case: a larger one is made.
    let patch = "rand_crop_by_pos_neg_label: { source: label, spatial_size: [64, 64, 40] }";
    let said = t(&[image, label], &[patch], "seed: 9\n");
    assert_eq!(said["outputs"]["label"]["grid"]["shape"], json!([64, 64, 40]));
    assert!(said["steps"]["1 rand_crop_by_pos_neg_label"]["image"]["drawn"].is_object(), "{said:#}");
}

#[test]
fn predictions_go_back_through_every_entry_of_restore() {
    let more = "restore:
  organs: { kind: logit, argmax: true, steps: [{ keep_largest_connected_component: { in: native, applied_labels: [1] } }] }
  tumour: { kind: probability, regions: { paint: [{ channel: 1, label: 4 }, { channel: 0, label: 9 }] }, output: { path: \"r/{case}.nii\", dtype: uint16 } }
  denoised: { kind: image, values: undo }
  map: { kind: label, interpolation: label }
";
    let steps = [
        "orientation: { axcodes: RAS }",
        "spacing: { pixdim: [1.1, 1.3] }",
        "scale_intensity: { minv: 0, maxv: 1 }",
        "divisible_pad: { k: 8 }",
    ];
    let text = pipeline(&[("image", "kind: image")], &steps, more);
    let document = taken(&text, &revoxel::registry());
    for grid in ["ct-axial", "mr-sagittal", "ct-tilted", "slice-2d"] {
        let said = came(&document, grid);
        let (back, source) = (&said["back"], &said["source"]["grid"]);
        for way in [
            "label map onto image",
            "image onto image",
            "restore organs",
            "restore tumour",
            "restore denoised",
            "restore map",
        ] {
            assert_eq!(&back[way]["grid"], source, "{grid}, {way}");
        }
        assert_eq!(back["restore tumour"]["dtype"], "uint16");
        assert_eq!(
            (&back["restore tumour"]["label 9"].is_object(), &back["restore organs"]["interpolation"]),
            (&true, &json!("linear"))
        );
        assert_eq!(back["label map onto image"]["interpolation"], "nearest");
    }
    // Hounsfield units are back.
    let low = document["grids"]["ct-axial"]["back"]["restore denoised"]["min"].as_f64().unwrap();
    assert!((-1010.0..-990.0).contains(&low), "{low}");
}

#[test]
fn what_cannot_be_done_is_said_by_name() {
    let image = [("image", "kind: image")];
    let far = pipeline(&image, &["spacing: { pixdim: 0.01 }"], "");
    let place = made(&far);
    let text = snapshot_of(&place);
    assert!(text.contains("    refused:\n      step: 1 spacing\n      input: image\n"), "{text}");
    assert!(text.contains("voxels are more than the limit of 67108864 for snapshots"), "{text}");
    // The words of an error are no part of what is compared.
    place.text("pipelines/ct.snapshot.yaml", &text.replace("are more than the", "exceed the"));
    let said = check(&place).good();
    assert!(said.out.contains("3 of them refused by a step: ct-axial at step 1 spacing (image), "), "{said:?}");
    let json = place.revoxel(&["snapshot", "--check", "--json", "pipelines/ct.yaml"]).good().json();
    assert!(json.to_string().contains("\"refused\":3"), "{json}");
    let many = Volume::new(vec![0u8; 64 * 200].into(), Grid::without_geometry([4, 4, 4]).unwrap(), Kind::Image, 200);
    place.volume("many.nii", &many.unwrap());
    place.text("pipelines/ct.yaml", &pipeline(&image, &["flip: {}"], ""));
    place.revoxel(&["snapshot", "pipelines/ct.yaml", "--like", "many.nii"]).good();
    let text = snapshot_of(&place);
    assert!(text.contains("200 channels, more than the limit of 128 for snapshots"), "{text}");
    let none = pipeline(&image, &["crop_foreground: { source: image, above: 1000000, on_empty: skip_case }"], "");
    let document = taken(&none, &revoxel::registry());
    let left_out = json!({ "step": "1 crop_foreground", "input": "image" });
    assert_eq!(document["grids"]["ct-axial"]["left out by"], left_out);
}

#[test]
fn every_documented_example_of_a_transform_has_a_snapshot() {
    let registry = revoxel::registry();
    let keys = [
        ("image", "kind: image"),
        ("label", "kind: label"),
        ("ct", "kind: image, optional: true"),
        ("pet", "kind: image, optional: true"),
        ("t1", "kind: image, optional: true"),
        ("prediction", "kind: probability, optional: true"),
        ("scores", "kind: logit, optional: true"),
        ("weights", "kind: image, optional: true"),
    ];
    let (mut tried, mut refused) = (0, Vec::new());
    for transform in registry.iter() {
        for example in Docs::of(transform).examples() {
            let step = example.lines().map(|l| format!("    {l}\n")).collect::<String>();
            let step = format!("\n{}", step.trim_end());
            // Only the inputs that it speaks of, so that no other one refuses it; all where it needs a kind of them.
            let spoken = |key: &str| ["image", "label"].contains(&key) || example.contains(key);
            let few: Vec<_> = keys.into_iter().filter(|(key, _)| spoken(key)).collect();
            let text = pipeline(&few, &[&step], "");
            let good = Pipeline::parse("p.yaml", &text, &[], &registry).is_ok();
            let text = if good { text } else { pipeline(&keys, &[&step], "") };
            let document = taken(&text, &registry);
            let grids = document["grids"].as_object().unwrap();
            tried += 1;
            if grids.values().all(|said| said.get("outputs").is_none()) {
                refused.push(transform.name);
            }
        }
    }
    println!("{tried} examples, of which no grid takes {refused:?}");
    assert!(tried > 90 && refused.len() < 8, "{refused:?}");
}

/// A grid as a scanner would give it.
fn scan(shape: [usize; 3]) -> Grid {
    let affine = Affine::from_rows([[-0.7, 0.02, 0.1, 170.0], [0.02, -0.7, 0.2, 160.0], [0.03, 0.07, 2.5, -300.0]]);
    Grid::new(shape, affine).unwrap()
}

#[test]
fn grids_of_files_are_planned_whole_and_made_up_in_part() {
    let place = Place::new();
    place.text("pipelines/ct.yaml", CT);
    let volume = |shape: [usize; 3]| {
        let grid = scan(shape);
        Volume::new(vec![0i16; grid.voxel_count()].into(), grid, Kind::Image, 1).unwrap()
    };
    place.volume("private/Jane Doe.nii.gz", &volume([512, 400, 90]));
    place.volume("private/small.nii", &volume([30, 28, 20]));
    place.revoxel(&["snapshot", "pipelines/ct.yaml", "--like", "private/Jane Doe.nii.gz", "private/small.nii"]).good();
    let text = snapshot_of(&place);
    assert!(!text.contains("Jane") && !text.contains("small.nii") && !text.contains("private"), "{text}");
    let document = snapshot::read("s", &text).unwrap();
    let large = &document["grids"]["lps-512x400x90"];
    assert_eq!(large["whole"]["grid"]["shape"], json!([512, 400, 90]));
    let planned = &large["plan"]["2 spacing"];
    assert!(planned["grid"]["shape"][0].as_u64().unwrap() > 340, "{planned:#}");
    assert_eq!(large["plan"]["3 crop_foreground"]["image"]["does"], "depends on voxels");
    assert_eq!(large["source"]["grid"]["shape"], json!([64, 64, 64]));
    assert!(document["grids"]["lps-30x28x20"].get("plan").is_none());
    // The files are not needed any more.
    std::fs::remove_dir_all(place.path("private")).unwrap();
    let said = check(&place).good();
    assert!(said.out.contains("unchanged, 2 grids"), "{said:?}");
    place.revoxel(&["snapshot", "pipelines/ct.yaml"]).good();
    assert_eq!(snapshot_of(&place), text);
    let said = place.revoxel(&["snapshot", "pipelines/ct.yaml", "--built-in"]).good();
    assert!(said.out.contains("made on other grids"), "{said:?}");
    place.revoxel(&["snapshot", "pipelines/ct.yaml", "--like", "private/small.nii"]).bad(2, &["small.nii"]);
}

#[test]
fn a_dataset_gives_one_grid_of_each_kind() {
    let place = Place::new();
    place.text("pipelines/ct.yaml", CT);
    let kinds = [[20, 22, 12], [21, 20, 10]];
    for (case, shape) in [("a", kinds[0]), ("b", kinds[1]), ("c", [30, 10, 9])] {
        let grid = scan(shape);
        let affine = if case == "c" { Affine::scaling([1.0, 1.0, 3.0]) } else { *grid.affine() };
        let grid = Grid::new(shape, affine).unwrap();
        let image = Volume::new(vec![0i16; grid.voxel_count()].into(), grid, Kind::Image, 1).unwrap();
        place.volume(&format!("data/images/{case}.nii.gz"), &image);
    }
    place.revoxel(&["snapshot", "pipelines/ct.yaml", "--data", "data"]).good();
    let document = snapshot::read("s", &snapshot_of(&place)).unwrap();
    let names: Vec<&String> = document["grids"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["lps-20x22x12", "ras-30x10x9"]);
    assert!(document["grids"]["ras-30x10x9"]["source"].get("label").is_none());
    check(&place).good();
}

/// The snapshots of the shipped pipelines, in the order of their names.
fn shipped() -> Vec<String> {
    let files = std::fs::read_dir(root().join("pipelines")).unwrap().map(|e| e.unwrap().path());
    let pipelines = files.filter(|p| !p.to_string_lossy().ends_with(".snapshot.yaml"));
    let mut names: Vec<String> = pipelines.map(|p| p.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn shipped_pipelines_do_what_their_snapshots_say() {
    let place = Place::new();
    let pipelines = shipped();
    assert!(pipelines.len() >= 4);
    let mut arguments = vec!["snapshot", "--check"];
    arguments.extend(pipelines.iter().map(String::as_str));
    let said = place.revoxel(&arguments);
    assert!(
        said.code == 0,
        "{}\n{}\nIf results changed on purpose: raise RESULTS in crates/revoxel-runner/src/results.rs, say what changed in \
         docs/results.md, and renew the snapshots in the same commit with\n  \
         cargo run -- snapshot pipelines/*.yaml\n\
         If only a pipeline or the form of snapshots changed: renew them.",
        said.out,
        said.err
    );
}

#[test]
fn every_number_of_results_is_explained() {
    let page = std::fs::read_to_string(root().join("docs/results.md")).unwrap();
    for number in 1..=RESULTS {
        assert!(page.contains(&format!("\n## {number}\n")), "docs/results.md does not say what changed with {number}");
    }
    assert!(!page.contains(&format!("\n## {}\n", RESULTS + 1)), "docs/results.md is ahead of RESULTS");
}

/// Runs a program in a folder with `revoxel` on the PATH.
fn in_shell(place: &Place, folder: &str, script: &str, variables: &[(&str, String)]) -> Said {
    let tools = place.path("tools");
    std::fs::create_dir_all(&tools).unwrap();
    let link = tools.join("revoxel");
    if !link.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_revoxel-under-test"), &link).unwrap();
    }
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]).current_dir(place.path(folder));
    let output = command.env("PATH", path).envs(variables.iter().map(|(k, v)| (*k, v))).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

fn yaml(path: &str) -> Value {
    let text = std::fs::read_to_string(root().join(path)).unwrap();
    revoxel_pipeline::Node::read(path, &text).unwrap_or_else(|e| panic!("{e}")).json()
}

/// A git repository with a pipeline and its snapshot, committed.
fn repository() -> Place {
    let place = Place::new();
    place.text("repository/pipelines/ct.yaml", CT);
    let made = "git init -q . && revoxel snapshot pipelines/ct.yaml && git add . && \
                git -c user.name=t -c user.email=t@t commit -qm 'A pipeline and its snapshot'";
    in_shell(&place, "repository", made, &[]).good();
    place
}

#[test]
fn the_github_action_passes_and_fails_readably() {
    let action = yaml("action.yml");
    let workflow = yaml("docs/ci/snapshots.yml");
    let uses = workflow["jobs"]["snapshots"]["steps"][1].clone();
    let repository_url = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let used = uses["uses"].as_str().unwrap().split('@').next().unwrap().to_owned();
    assert!(repository_url.contains(&format!("https://github.com/{used}\"")), "{used}");
    let given = uses["with"].as_object().unwrap();
    assert!(given.keys().all(|key| action["inputs"].get(key).is_some()), "{given:?}");

    // What it installs is a package of this repository that has the program.
    let steps = action["runs"]["steps"].as_array().unwrap();
    let install = steps[0]["run"].as_str().unwrap();
    let folder = install.split("$GITHUB_ACTION_PATH/").nth(1).unwrap().split('"').next().unwrap();
    let manifest = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    assert!(manifest.contains("[[bin]]\nname = \"revoxel\"\n"), "{manifest}");

    // The step itself, in a repository.
    let place = repository();
    let check = steps.iter().find(|step| step["name"] == "Check").unwrap();
    let with = |text: &str| {
        let program = "${{ inputs.program || 'revoxel' }}";
        text.replace("${{ inputs.pipelines }}", given["pipelines"].as_str().unwrap()).replace(program, "revoxel")
    };
    let mut variables: Vec<(&str, String)> = vec![
        ("RUNNER_TEMP", place.path("").to_string_lossy().into_owned()),
        ("GITHUB_STEP_SUMMARY", place.path("summary.md").to_string_lossy().into_owned()),
    ];
    variables.extend(check["env"].as_object().unwrap().iter().map(|(k, v)| (k.as_str(), with(v.as_str().unwrap()))));
    assert!(variables.iter().all(|(_, value)| !value.contains("${{")), "{variables:?}");
    let run = |place: &Place| in_shell(place, "repository", check["run"].as_str().unwrap(), &variables);
    let said = run(&place).good();
    assert!(said.out.starts_with("pipelines/ct.snapshot.yaml: unchanged, 5 grids"), "{said:?}");
    place.text("repository/pipelines/ct.yaml", &CT.replace("margin: 2", "margin: 3"));
    let said = run(&place).told(1);
    assert!(said.out.contains("  pipeline, step 3 crop_foreground: margin was [2], is [3]\n"), "{said:?}");
    let summary = std::fs::read_to_string(place.path("summary.md")).unwrap();
    assert!(summary.contains("### revoxel snapshots\n```\npipelines/ct.snapshot.yaml: differs"), "{summary}");
    std::fs::remove_file(place.path("repository/pipelines/ct.yaml")).unwrap();
    let said = run(&place).told(2);
    assert!(said.out.contains("pipelines/ct.yaml"), "a snapshot without its pipeline: {said:?}");
    let summary = std::fs::read_to_string(place.path("summary.md")).unwrap();
    assert!(summary.ends_with("```\n") && summary.contains("pipelines/ct.yaml: No such file"), "{summary}");
}

#[test]
fn the_pre_commit_hook_passes_and_fails_readably() {
    let text = std::fs::read_to_string(root().join(".pre-commit-hooks.yaml")).unwrap();
    assert_eq!(text.lines().count(), 5);
    let hook = yaml(".pre-commit-hooks.yaml")[0].clone();
    let config = yaml("docs/ci/pre-commit-config.yaml");
    assert_eq!(config["repos"][0]["hooks"][0]["id"], hook["id"]);
    let place = repository();
    place.text("repository/notes.yaml", "not: a pipeline\n");
    in_shell(&place, "repository", "git add notes.yaml", &[]).good();
    // As pre-commit does: the entry with the tracked files that match.
    let (entry, files) = (hook["entry"].as_str().unwrap(), hook["files"].as_str().unwrap());
    let script = format!("files=$(git ls-files | grep -E '{files}') && {entry} $files");
    let run = || in_shell(&place, "repository", &script, &[]);
    assert!(run().good().out.starts_with("pipelines/ct.snapshot.yaml: unchanged, 5 grids"));
    place.text("repository/pipelines/ct.yaml", &CT.replace("a_max: 250", "a_max: 300"));
    let said = run().told(1);
    assert!(said.out.contains("step 4 scale_intensity_range: a_max was 250.0, is 300.0\n"), "{said:?}");
}
