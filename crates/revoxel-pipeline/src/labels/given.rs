//! Labels of inputs that declare none: those of the dataset's own document, such as a `dataset.json`.

use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::{declared, names, quoted};
use crate::error::{Fault, PipelineError, Place};
use crate::model::Pipeline;
use crate::state::VolumeStates;
use crate::yaml;

impl Pipeline {
    /// Gives an input that declares no labels those that a document declares: names, each with a label or a list of
    /// labels. From then on the pipeline is the one that declares them itself: its hash is made over them, and traces
    /// hold them. `from` is the document, for messages.
    ///
    /// # Errors
    /// If these are no labels, or if a step or an output contradicts them.
    pub fn declare_labels(&mut self, key: &str, labels: &Map<String, Value>, from: &Path) -> Result<(), PipelineError> {
        let given = |fault: Fault| self.error_at(Place::default(), format!("{}: {}", from.display(), fault.problem));
        let node = yaml::parse(&Value::from(labels.clone()).to_string()).map_err(given)?;
        let Some(at) = self.inputs.iter().position(|input| input.key == key && input.labels.is_none()) else {
            return Ok(());
        };
        let all = declared(&node, self.inputs[at].kind).map_err(given)?;
        let input = &mut self.inputs[at];
        (input.labels, input.names, input.labels_from) = (Some(all), names::of(&node), Some(from.to_owned()));
        self.document["inputs"][key]["labels"] = labels.clone().into();
        self.portable = OnceLock::new();
        self.check_given(key, from)
    }

    /// The labels of an input as they were declared: a list, or names with a label or several each.
    pub fn labels_as_written(&self, key: &str) -> Option<&Value> {
        self.document.get("inputs")?.get(key)?.get("labels")
    }

    /// What the text alone says once labels are declared.
    fn check_given(&self, key: &str, from: &Path) -> Result<(), PipelineError> {
        let named = |Fault { place, problem, help }: Fault| {
            let help = help.map_or_else(String::new, |help| format!("{help}; "));
            let help = format!("{help}the labels of {key:?} are those of {}", from.display());
            PipelineError { help: Some(help), ..self.error_at(place, problem) }
        };
        let mut reach = VolumeStates::of_text(&self.inputs);
        for (number, step) in self.steps.iter().enumerate() {
            reach.check(step, None).map_err(named)?;
            if let Some(absent) = reach.absent(number, step).first() {
                return Err(named(absent.fault(&quoted(&absent.keys))));
            }
            reach.pass(step).map_err(named)?;
        }
        for output in &self.outputs {
            if let Some(lost) = output.dtype.and_then(|dtype| reach.lost(&output.key, dtype)) {
                return Err(named(super::lost(&lost, output.place)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::registry;

    fn pipeline(labels: &str, more: &str) -> Pipeline {
        let text = format!(
            "version: 1\ninputs:\n  label: {{ kind: label, path: \"{{case}}/l.nii\"{labels} }}\n{more}\
             trace: \"{{case}}.json\"\n"
        );
        Pipeline::parse("p.yaml", &text, &[], &registry()).unwrap()
    }

    fn given(more: &str, labels: &str) -> Result<Pipeline, PipelineError> {
        let mut pipeline = pipeline("", more);
        let labels: Map<String, Value> = serde_json::from_str(labels).unwrap();
        pipeline.declare_labels("label", &labels, Path::new("dataset.json")).map(|()| pipeline)
    }

    #[test]
    fn labels_that_are_given_are_as_good_as_declared_ones() {
        let labels = "{\"background\": 0, \"liver\": 1, \"both\": [1, 2], \"spleen \\u00e9\": 2}";
        let one = given("outputs: {}\n", labels).unwrap();
        let other = pipeline(&format!(", labels: {labels}"), "outputs: {}\n");
        assert_eq!(one.hash(), other.hash());
        assert_ne!(one.hash(), pipeline("", "outputs: {}\n").hash());
        assert_eq!((one.portable(), one.input("label").unwrap().names.len()), (other.portable(), 2));
        assert!(one.portable().is_some());
        // What the pipeline says itself counts.
        let mut own = pipeline(", labels: { x: 3 }", "outputs: {}\n");
        let before = own.hash();
        own.declare_labels("label", &Map::from_iter([("y".to_owned(), 1.into())]), Path::new("d")).unwrap();
        assert_eq!(own.hash(), before);
    }

    #[test]
    fn what_contradicts_given_labels_is_refused() {
        let t = |more: &str| {
            let error = given(more, "{\"a\": 1, \"b\": 300}").unwrap_err();
            format!("{} {} ({})", error.place.line, error.problem, error.help.unwrap_or_default())
        };
        let step = t("steps:\n  - remove_labels: { labels: 7 }\noutputs: {}\n");
        assert!(step.starts_with("5 ") && step.contains("label 7 is not declared"), "{step}");
        assert!(step.contains("the labels of \"label\" are those of dataset.json"), "{step}");
        let output = t("outputs:\n  label: { path: \"{case}_o.nii\", dtype: uint8 }\n");
        assert!(output.contains("cannot store label 300"), "{output}");
        assert!(given("outputs: {}\n", "{\"a\": 1.5}").unwrap_err().problem.contains("dataset.json"));
    }
}
