//! What the documentation of transforms says is tried.

use revoxel_core::Kind;
use revoxel_transforms::Registry;
use revoxel_transforms::docs::Docs;

#[test]
fn every_documented_step_is_accepted_as_written() {
    let registry = Registry::builtin();
    let mut tried = 0;
    for transform in registry.iter() {
        for example in Docs::of(transform.source).examples() {
            let inputs: String = ["image", "label", "ct", "pet", "t1", "prediction"]
                .map(|key| {
                    let kind = match key {
                        "label" => Kind::Label,
                        "prediction" => Kind::Probability,
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
