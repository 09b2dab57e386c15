//! The pipeline as it is written, and what each of its lines comes from.

use revoxel_pipeline::{Pipeline, PipelineError, Place};
use revoxel_transforms::Registry;

use super::Fault;

/// A transform of the configuration.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) place: Place,
    pub(super) name: String,
}

/// Lines of a pipeline file.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) text: String,
    /// For each line, the transform that it comes from.
    origins: Vec<Option<Origin>>,
}

impl Written {
    /// Adds whole lines.
    pub(super) fn push(&mut self, lines: &str, origin: Option<Origin>) {
        self.text.push_str(lines);
        self.origins.extend(lines.lines().map(|_| origin.clone()));
    }

    pub(super) fn append(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.origins.extend(other.origins);
    }

    /// The pipeline that the lines are.
    ///
    /// # Errors
    /// Where they are none: the fault is that of the transform which the line comes from, or stands at `whole`.
    pub(super) fn check(&self, whole: Place, registry: &Registry) -> Result<Pipeline, Fault> {
        Pipeline::parse("pipeline", &self.text, &[], registry).map_err(|e| self.fault(e, whole))
    }

    fn fault(&self, error: PipelineError, whole: Place) -> Fault {
        let origin = self.origins.get(error.place.line.saturating_sub(1)).cloned().flatten();
        let (place, problem) = match origin {
            Some(Origin { place, name }) => (place, format!("{name}: {}", error.problem)),
            None => (whole, format!("the imported pipeline is not valid: {}", error.problem)),
        };
        Fault { place, problem, help: error.help }
    }
}
