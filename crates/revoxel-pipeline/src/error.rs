//! Errors of pipeline files, with their places.

use std::fmt;
use std::sync::Arc;

/// A place in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Byte offset, from 0.
    pub offset: usize,
    /// Length in bytes.
    pub length: usize,
}

/// A fault in a pipeline file.
#[derive(Clone, Debug)]
pub struct PipelineError {
    /// Name of the file.
    pub file: String,
    /// Its text.
    pub text: Arc<str>,
    /// Where the fault is.
    pub place: Place,
    /// What is wrong, with the value.
    pub problem: String,
    /// What to do.
    pub help: Option<String>,
}

impl fmt::Display for PipelineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What was set is in no line of the file.
        match self.place.line {
            0 => write!(f, "{}: {}", self.file, self.problem)?,
            line => write!(f, "{}:{line}:{}: {}", self.file, self.place.column, self.problem)?,
        }
        self.help.as_ref().map_or(Ok(()), |help| write!(f, " ({help})"))
    }
}

impl std::error::Error for PipelineError {}

/// A fault whose file is not named yet.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) problem: String,
    pub(crate) help: Option<String>,
}

impl Fault {
    pub(crate) fn new(place: Place, problem: impl Into<String>) -> Self {
        Self { place, problem: problem.into(), help: None }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Adds "did you mean" where a known name is close to the wrong one.
    pub(crate) fn meant<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match revoxel_transforms::params::closest(name, known) {
            Some(near) => self.help(format!("did you mean {near:?}?")),
            None => self,
        }
    }
}
