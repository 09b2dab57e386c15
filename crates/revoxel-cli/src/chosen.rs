//! Which cases a command works on: options that several commands share.

use std::path::{Path, PathBuf};

use revoxel_pipeline::Pipeline;
use revoxel_runner::dataset::{Case, DatasetError, Finding, PassedOver, discover_with, passed_over, select};

use super::failure::Failure;
use super::{flags, show};

/// Heading of the options in the help.
pub(super) const HEADING: &str = "Cases";

/// Options that choose cases.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Take only these cases: a name, a pattern with * and ?, several with commas between them, or @FILE with one on
    /// each line; repeatable.
    #[arg(long = "case", help_heading = HEADING, value_name = "NAME")]
    cases: Vec<String>,
    /// Let the list under `cases` of the pipeline name files outside the data folder.
    #[arg(long, help_heading = HEADING)]
    allow_outside: bool,
}

/// Why cases cannot be found, for people.
pub(super) fn failure(error: &DatasetError) -> Failure {
    match error {
        DatasetError::Pipeline(error) => Failure::pipeline(error),
        error => Failure::usage(flags::with(error, &error.settings())),
    }
}

impl Args {
    /// What is asked for; nothing for all cases.
    pub(super) fn names(&self) -> &[String] {
        &self.cases
    }

    /// Whether lists of cases may name files outside the data folder.
    pub(super) const fn allows_outside(&self) -> bool {
        self.allow_outside
    }

    /// All cases of a dataset; the labels that it declares become those of the pipeline. A warning counts files that look
    /// like an input but belong to no case; `out` is left out.
    pub(super) fn discover(
        &self,
        pipeline: &mut Pipeline,
        data: &Path,
        out: Option<&Path>,
    ) -> Result<Vec<Case>, Failure> {
        let finding = Finding { allow_outside: self.allow_outside };
        let cases = discover_with(pipeline, data, finding).map_err(|e| failure(&e))?;
        let PassedOver { count, first } = passed_over(pipeline, data, &cases, out);
        if count > 0 {
            let named: Vec<String> = first.iter().map(|path: &PathBuf| path.display().to_string()).collect();
            let more = if count > named.len() { ", …" } else { "" };
            let (files, verb) = (show::counted(count, "file"), if count == 1 { "matches" } else { "match" });
            tracing::warn!(
                "{files} with a name like an input {verb} no input path: {}{more}; `revoxel cases` shows what is taken",
                named.join(", ")
            );
        }
        Ok(cases)
    }

    /// Those of the cases that are asked for.
    pub(super) fn select(&self, cases: Vec<Case>, data: &Path) -> Result<Vec<Case>, Failure> {
        select(cases, &self.cases, data).map_err(Failure::usage)
    }
}
