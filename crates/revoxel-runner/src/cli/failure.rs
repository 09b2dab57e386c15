//! How errors are shown, and with which exit code the program ends.

use std::fmt;
use std::process::ExitCode;

use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};
use revoxel_pipeline::PipelineError;

/// Why the program ends with an error.
pub(super) struct Failure {
    code: u8,
    report: Option<Report>,
}

impl Failure {
    /// The work failed: exit code 1.
    pub(super) fn work(message: impl fmt::Display) -> Self {
        Self { code: 1, report: Some(Report::msg(message.to_string())) }
    }

    /// The command, the pipeline or the data layout is wrong: exit code 2.
    pub(super) fn usage(message: impl fmt::Display) -> Self {
        Self { code: 2, report: Some(Report::msg(message.to_string())) }
    }

    /// A fault in a pipeline file, shown with its line: exit code 2.
    pub(super) fn pipeline(error: &PipelineError) -> Self {
        let place = error.place;
        let mut diagnostic = MietteDiagnostic::new(error.problem.clone());
        if place.line > 0 {
            diagnostic =
                diagnostic.with_label(LabeledSpan::at(place.offset..place.offset + place.length.max(1), "here"));
        }
        if let Some(help) = &error.help {
            diagnostic = diagnostic.with_help(help.clone());
        }
        let source = NamedSource::new(&error.file, error.text.to_string());
        Self { code: 2, report: Some(Report::new(diagnostic).with_source_code(source)) }
    }

    /// The work failed, and people have been told already: exit code 1.
    pub(super) const fn told() -> Self {
        Self { code: 1, report: None }
    }

    /// The same with another exit code.
    pub(super) fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// Prints the error to standard error.
    pub(super) fn show(self) -> ExitCode {
        if let Some(report) = self.report {
            eprintln!("{report:?}");
        }
        ExitCode::from(self.code)
    }
}

/// What a command gives.
pub(super) type Outcome = Result<(), Failure>;
