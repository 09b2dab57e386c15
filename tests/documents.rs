//! What the documentation of transforms says is tried.

use revoxel_core::Kind;
use revoxel_transforms::Registry;
use revoxel_transforms::docs::Docs;

use crate::support::{Place, root};

#[test]
fn every_documented_step_is_accepted_as_written() {
    let registry = Registry::builtin();
    let mut tried = 0;
    for transform in registry.iter() {
        for example in Docs::of(transform.source).examples() {
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
    let schema = revoxel_pipeline::schema(&Registry::builtin());
    let steps = schema["properties"]["steps"]["items"]["anyOf"].as_array().unwrap();
    for transform in Registry::builtin().iter() {
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
fn the_page_of_transforms_is_what_the_program_prints() {
    let printed = Place::new().revoxel(&["transforms", "--markdown"]).good().out;
    let written = std::fs::read_to_string(root().join("docs/transforms.md")).unwrap_or_default();
    let differs = printed.lines().zip(written.lines()).find(|(a, b)| a != b);
    assert!(
        printed == written,
        "docs/transforms.md is out of date (first at {differs:?}); make it anew with\n  \
         cargo run -p revoxel-runner -- transforms --markdown > docs/transforms.md\n"
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
