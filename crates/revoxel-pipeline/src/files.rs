//! Parameters that name files: what the files hold takes their place.

use revoxel_transforms::Content;
use serde_json::Value;

use crate::error::{Fault, Place};
use crate::model::ReadFile;
use crate::node::{Data, Key, Node};

/// Replaces parameters that name files by what is in the files.
pub(crate) fn read_into(
    params: &mut Node,
    transform: &str,
    files: &[(&str, Content)],
    read: &ReadFile<'_>,
) -> Result<(), Fault> {
    let Data::Map(map) = &mut params.data else { return Ok(()) };
    for (parameter, content) in files {
        let Some(position) = map.iter().position(|(k, _)| k.name == *parameter) else { continue };
        // What may be written as a file or out in full is one only where it is a text.
        if *content == Content::Landmarks && !matches!(map[position].1.data, Data::Text(_)) {
            continue;
        }
        let (_, node) = map.remove(position);
        let fault = |problem: String| Fault::new(node.place, format!("{transform}: {problem}"));
        let Data::Text(path) = &node.data else {
            return Err(fault(format!("{parameter}: expected the path of a file")));
        };
        if path.contains("{case}") {
            return Err(fault(format!("{parameter}: the file is the same for all cases, so {{case}} is not allowed")));
        }
        for (name, value) in read(*content, path).map_err(fault)? {
            let Some((_, given)) = map.iter().find(|(k, _)| k.name == name) else {
                map.push((Key { place: node.place, name }, placed(&value, node.place)));
                continue;
            };
            if given.json() != value {
                let problem = format!("{transform}: {name} is {} in {path}: leave it out here", value);
                return Err(Fault::new(given.place, problem));
            }
        }
    }
    Ok(())
}

/// A value with one place for all its parts.
fn placed(value: &Value, place: Place) -> Node {
    let data = match value {
        Value::Null => Data::Null,
        Value::Bool(value) => Data::Bool(*value),
        Value::Number(value) => Data::Number(value.clone()),
        Value::String(value) => Data::Text(value.clone()),
        Value::Array(list) => Data::List(list.iter().map(|v| placed(v, place)).collect()),
        Value::Object(map) => {
            Data::Map(map.iter().map(|(k, v)| (Key { place, name: k.clone() }, placed(v, place))).collect())
        }
    };
    Node { place, data }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{Pipeline, PipelineError};

    fn parse(step: &str, answer: Result<Value, String>) -> Result<Pipeline, PipelineError> {
        let text = format!(
            "version: 1\ninputs:\n  image: {{ kind: image, path: \"{{case}}.nii\" }}\nsteps:\n  - {step}\noutputs: {{}}\ntrace: \"{{case}}.json\"\n"
        );
        let read = |_, path: &str| {
            assert_eq!(path, "a.tfm");
            answer.clone().map(|a| a.as_object().cloned().unwrap_or_default())
        };
        Pipeline::parse_with("p.yaml", &text, &[], &crate::testing::registry(), &read)
    }

    #[test]
    fn what_a_file_holds_becomes_part_of_the_pipeline() {
        let rows = json!([[1.0, 0.0, 0.0, 2.5], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]);
        let found = json!({ "matrix": rows, "frame": "LPS" });
        let pipeline = parse("affine: { file: a.tfm }", Ok(found.clone())).unwrap();
        let params = &pipeline.steps[0].params;
        assert_eq!((&params["matrix"], &params["frame"]), (&rows, &json!("LPS")));
        assert!(params.get("file").is_none() && !pipeline.canonical().to_string().contains("a.tfm"));
        assert!(parse("affine: { file: a.tfm, frame: LPS }", Ok(found)).is_ok());
    }

    #[test]
    fn landmarks_are_written_out_or_in_a_file() {
        let numbers = json!([0.0, 3.5, 6.0, 8.0, 9.0, 14.0, 22.0, 34.0, 48.0, 55.0, 63.0, 79.0, 100.0]);
        let t = |step: &str| {
            let pipeline = parse(step, Ok(json!({ "landmarks": numbers }))).unwrap();
            assert_eq!(pipeline.steps[0].params["landmarks"], numbers);
            assert!(!pipeline.canonical().to_string().contains("a.tfm"));
        };
        t("histogram_standardization: { mask: positive, landmarks: a.tfm }");
        t(&format!("histogram_standardization: {{ landmarks: {numbers} }}"));
    }

    #[test]
    fn faults_of_files_point_at_the_parameter() {
        fn t(step: &str, answer: Result<Value, String>, column: usize, part: &str) {
            let message = parse(step, answer).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("p.yaml:5:{column}: affine: ")) && message.contains(part),
                "{message}"
            );
        }
        let rows = json!([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]);
        t("affine: { file: a.tfm }", Err("a.tfm: not there".to_owned()), 21, "not there");
        t("affine: { file: [a.tfm] }", Ok(json!({})), 21, "expected the path");
        t("affine: { file: \"{case}.tfm\" }", Ok(json!({})), 21, "same for all cases");
        t("affine: { file: a.tfm }", Ok(json!({ "matrix": rows })), 13, "frame: RAS or frame: LPS");
        let given = Ok(json!({ "matrix": rows, "frame": "LPS" }));
        t("affine: { frame: RAS, file: a.tfm }", given, 22, "frame is \"LPS\" in a.tfm");
    }
}
