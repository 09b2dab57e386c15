//! What the documentation of transforms says is tried.

use revoxel_core::{Affine, Dtype, Grid, Kind, Volume, Voxels};
use revoxel_transforms::docs::{Docs, HEADINGS};
use revoxel_transforms::manual::parameters;
use revoxel_transforms::{Sources, Transform, ValueState};

use crate::support::{Place, root};

#[test]
fn every_documented_step_is_accepted_as_written() {
    let registry = revoxel::registry();
    let mut tried = 0;
    for transform in registry.iter() {
        for example in Docs::of(transform).examples() {
            let inputs: String = ["image", "label", "ct", "pet", "t1", "prediction", "scores", "weights"]
                .map(|key| {
                    let kind = match key {
                        "label" => Kind::Label,
                        "prediction" => Kind::Probability,
                        "scores" => Kind::Logit,
                        _ => Kind::Image,
                    };
                    format!("  {key}: {{ kind: {kind}, path: '{{case}}/{key}.nii', grid: own }}\n")
                })
                .concat();
            let step: String = example.lines().map(|l| format!("    {l}\n")).collect();
            let text =
                format!("version: 1\ninputs:\n{inputs}steps:\n  -\n{step}outputs: {{}}\ntrace: '{{case}}.json'\n");
            if let Err(error) = revoxel_pipeline::Pipeline::parse(transform.name, &text, &[], &registry) {
                panic!("{error}\n{text}");
            }
            tried += 1;
        }
    }
    assert!(tried >= registry.iter().count());
}

#[test]
fn the_schema_knows_every_transform_and_its_parameters() {
    let schema = revoxel_pipeline::schema(&revoxel::registry());
    let steps = schema["properties"]["steps"]["items"]["anyOf"].as_array().unwrap();
    for transform in revoxel::registry().iter() {
        let step = steps.iter().find(|s| s["required"][0] == transform.name).unwrap_or_else(|| {
            panic!("{} is not in the schema", transform.name);
        });
        let properties = step["properties"][transform.name]["properties"].as_object().unwrap();
        assert!(properties.contains_key("keys"), "{}", transform.name);
        for (name, parameter) in properties {
            assert!(parameter["description"].is_string(), "{}: {name} has no description", transform.name);
        }
    }
}

#[test]
fn parameters_are_described_in_words() {
    let registry = revoxel::registry();
    for transform in registry.iter() {
        let docs = Docs::of(transform);
        for heading in HEADINGS {
            assert!(docs.section(heading).is_some_and(|text| text.len() > 3), "{}: {heading}", transform.name);
        }
        for p in parameters(transform) {
            assert!(!p.about.is_empty() && p.values != "any value", "{}: {p:?}", transform.name);
        }
    }
    let gamma = parameters(registry.get("rand_gamma").unwrap()).into_iter().find(|p| p.name == "gamma").unwrap();
    assert_eq!((gamma.values.as_str(), gamma.default.as_deref()), ("a list of 2 numbers", Some("[0.5,4.5]")));
    assert_eq!((registry.iter().count(), registry.get("pca").unwrap().name), (100, "pca"));
}

#[test]
fn the_page_of_transforms_is_what_the_program_prints() {
    let printed = Place::new().revoxel(&["transforms", "--markdown"]).good().out;
    let written = std::fs::read_to_string(root().join("docs/transforms.md")).unwrap_or_default();
    let differs = printed.lines().zip(written.lines()).find(|(a, b)| a != b);
    assert!(
        printed == written,
        "docs/transforms.md is out of date (first at {differs:?}); make it anew with\n  \
         cargo run -- transforms --markdown > docs/transforms.md\n"
    );
}

/// Transforms that the peers have, by what they call them.
#[derive(serde::Deserialize)]
struct Recorded {
    names: Vec<Group>,
}

#[derive(serde::Deserialize)]
struct Group {
    peer: String,
    of: String,
    names: Vec<String>,
}

#[test]
fn users_of_the_peers_find_each_transform_by_its_name() {
    let text = std::fs::read_to_string(root().join("tests/parity/names.json")).unwrap();
    let recorded: Recorded = serde_json::from_str(&text).unwrap();
    let place = Place::new();
    let (mut found, mut without_step) = (0, Vec::new());
    for Group { peer, of, names } in recorded.names {
        assert!(names.len() >= 5, "{peer} {of}: {names:?}");
        for name in names {
            let said = place.revoxel(&["transforms", &name]).good().out;
            match said.strip_prefix(&format!("{name}: ")) {
                Some(what) => {
                    assert!(what.len() > 20, "{name}: {what}");
                    without_step.push(name);
                }
                None => found += 1,
            }
        }
    }
    println!("{found} names lead to a step");
    assert!(found >= 110, "{found}");
    // What is no step here, with the answer where it is: the whole list, so that none is lost unseen.
    let expected = [
        "ConvertBoxToPointsd",
        "ConvertPointsToBoxesd",
        "BoundingRectd",
        "RandCropd",
        "Ensembled",
        "Invertd",
        "MeanEnsembled",
        "ProbNMSd",
        "SaveClassificationd",
        "VoteEnsembled",
        "To",
        "NoNormalization",
    ];
    assert_eq!(without_step, expected);
}

/// What a step says of the voxel type of its result is what it gives, for every documented example.
#[test]
fn steps_give_the_type_that_they_say() {
    let registry = revoxel::registry();
    let grid = Grid::new([42, 54, 32], Affine::scaling([1.0, 1.5, 2.0])).unwrap();
    let values: Vec<u8> = (0..grid.voxel_count()).map(|i| (i * i / 11 % 4) as u8 * u8::from(i > 9000)).collect();
    let (mut said, mut silent) = (0, Vec::new());
    for transform in registry.iter() {
        let mut known = false;
        for example in Docs::of(transform).examples() {
            let step: String = example.lines().map(|l| format!("    {l}\n")).collect();
            let text = format!(
                "version: 1\ninputs:\n  image: {{ kind: image, path: a }}\n  label: {{ kind: label, path: b }}\nsteps:\n  -\n{step}outputs: {{}}\ntrace: c\n"
            );
            let Ok(pipeline) = revoxel_pipeline::Pipeline::parse("p", &text, &[], &registry) else { continue };
            let Transform::Value(step) = &pipeline.steps[0].transform else { continue };
            for dtype in [Dtype::U8, Dtype::I16, Dtype::I64, Dtype::F32, Dtype::F64] {
                for kind in [Kind::Image, Kind::Label] {
                    let before = ValueState { dtype: Some(dtype), ..ValueState::of(kind) };
                    let volume = Volume::new(Voxels::from(values.clone()).cast(dtype), grid, kind, 1).unwrap();
                    let label = Volume::new(values.clone().into(), grid, Kind::Label, 1).unwrap();
                    let done = match step.sources() {
                        Sources::Voxels { .. } => step.apply_with(volume, &label),
                        _ => step.apply(volume),
                    };
                    let (Ok((done, _)), Some(after)) = (done, step.after(&before).dtype) else { continue };
                    assert_eq!(done.dtype(), after, "{}: {example} on {kind} of {dtype}", transform.name);
                    (said, known) = (said + 1, true);
                }
            }
        }
        silent.extend((!known && transform.name != "random").then_some(transform.name));
    }
    assert!(said >= 250, "said; nothing is said of {silent:?}");
}
