//! Pipelines.

use std::collections::BTreeMap;
use std::path::Path;

use revoxel_pipeline::CaseName;
use revoxel_runner::case::CaseError;
use revoxel_runner::dataset::{Finding, copies, discover_with};
use revoxel_runner::executor::{self, Execution};
use revoxel_runner::files::read_text;
use revoxel_runner::in_memory::{Outcome, Source, process};
use revoxel_runner::parameter_files::parameters;
use revoxel_runner::preflight::{Checked, Refused, Strictness, check};
use revoxel_transforms::Registry;

use crate::Error;

/// A pipeline, checked and ready to run.
#[derive(Debug)]
pub struct Pipeline(revoxel_pipeline::Pipeline);

impl Pipeline {
    /// Reads a pipeline file.
    ///
    /// # Errors
    /// The first fault in it, with file, line and column.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::load_with(path, &[], &crate::registry())
    }

    /// The same with assignments such as `vars.spacing=1.5`, and with transforms of one's own in the registry.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with(path: impl AsRef<Path>, set: &[String], registry: &Registry) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = read_text(path).map_err(|e| Error::File(e.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let read = |content, name: &str| parameters(folder, content, name);
        Ok(Self(revoxel_pipeline::Pipeline::parse_with(&path.to_string_lossy(), &text, set, registry, &read)?))
    }

    /// A pipeline of a text.
    ///
    /// # Errors
    /// As [`load`](Self::load). Parameters that name files are refused: nobody knows where these would lie.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::parse_with(text, &crate::registry())
    }

    /// The same with transforms of one's own in the registry.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(text: &str, registry: &Registry) -> Result<Self, Error> {
        Ok(Self(revoxel_pipeline::Pipeline::parse("the pipeline", text, &[], registry)?))
    }

    /// The pipeline in all details: inputs, steps with all parameters, outputs.
    pub const fn resolved(&self) -> &revoxel_pipeline::Pipeline {
        &self.0
    }

    /// Takes volumes through the pipeline, by the keys of its inputs. Nothing is read or written.
    ///
    /// # Errors
    /// Where an input is missing or does not fit, or a step fails.
    pub fn run<K: Into<String>, V: Into<Source>>(
        &self,
        volumes: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Outcome, CaseError> {
        self.run_case("case", volumes)
    }

    /// The same for a case with a name: random steps draw by it, and the trace has it.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_case<K: Into<String>, V: Into<Source>>(
        &self,
        case: &str,
        volumes: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Outcome, CaseError> {
        let name = CaseName::alone(case);
        let volumes: BTreeMap<String, Source> = volumes.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        process(&self.0, &name, volumes, Strictness::default())
    }

    /// The cases of a folder, all checked by their headers: those that can run, and those that cannot with the reason. If
    /// the pipeline takes its cases from a list that declares labels, such as a `dataset.json`, these become the labels
    /// of inputs that declare none.
    ///
    /// # Errors
    /// Where the folder cannot be listed or holds no case.
    pub fn cases(&mut self, data: impl AsRef<Path>) -> Result<(Vec<Checked>, Vec<Refused>), Error> {
        let cases = discover_with(&mut self.0, data.as_ref(), Finding::default())?;
        let cases = copies(&self.0, cases);
        let (mut ready, mut refused) = (Vec::new(), Vec::new());
        for case in check(&self.0, cases, Strictness::default()) {
            match case {
                Ok(case) => ready.push(case),
                Err(problem) => refused.push(problem),
            }
        }
        Ok((ready, refused))
    }

    /// Runs cases of the folder `data`, several at once, and writes their outputs and traces under `out`; each case appears
    /// whole or not at all. `tell` hears of each case as it ends. The outcomes are in the order of the cases.
    pub fn run_cases(
        &self,
        cases: &[Checked],
        data: impl AsRef<Path>,
        out: impl AsRef<Path>,
        execution: &Execution,
        tell: &(dyn Fn(&str, &executor::Outcome) + Sync),
    ) -> Vec<executor::Outcome> {
        let tell = |name: &CaseName, outcome: &executor::Outcome| tell(&name.to_string(), outcome);
        executor::run(&self.0, cases, (data.as_ref(), out.as_ref()), execution, &tell)
    }
}
