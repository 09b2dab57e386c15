//! What is raised: the classes of `revoxel._errors`, with file, line, column and what to do.

use std::path::Path;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use revoxel::geometry::{Kind, VolumeError};
use revoxel::{Error, dataset::CaseError};

use crate::numpy::python;

/// Makes an error of a class.
fn raise(py: Python<'_>, class: &str, message: &str, details: &[(&str, Option<String>)]) -> PyErr {
    let make = || {
        let keywords = PyDict::new(py);
        for (name, value) in details {
            match value {
                // Numbers of lines and columns are numbers in Python.
                Some(value) if ["line", "column"].contains(name) => {
                    keywords.set_item(name, value.parse::<usize>().ok())?
                }
                value => keywords.set_item(name, value)?,
            }
        }
        python(py, "_errors", class, (message,), Some(&keywords))
    };
    make().map_or_else(|error| error, PyErr::from_value)
}

/// An error with nothing but a message.
pub(crate) fn plain(py: Python<'_>, message: &str) -> PyErr {
    raise(py, "RevoxelError", message, &[])
}

/// A fault of the program.
pub(crate) fn internal(py: Python<'_>, what: &str) -> PyErr {
    plain(py, &format!("internal error, please report it: {what}"))
}

/// A trace that cannot be used; `file` where it was read from one.
pub(crate) fn trace(py: Python<'_>, file: Option<&Path>, message: &str) -> PyErr {
    let file = file.map(|file| file.display().to_string());
    let message = file.as_ref().map_or_else(|| message.to_owned(), |file| format!("{file}: {message}"));
    raise(py, "TraceError", &message, &[("file", file)])
}

/// An error of the engine.
pub(crate) fn of(py: Python<'_>, error: &Error) -> PyErr {
    let help = help(error);
    let with_help = |class: &str| {
        let message = match &help {
            Some(help) => format!("{error} ({help})"),
            None => error.to_string(),
        };
        raise(py, class, &message, &[("help", help.clone())])
    };
    match error {
        Error::Pipeline(e) => {
            let known = e.place.line > 0;
            let number = |n: usize| known.then(|| n.to_string());
            let details = [
                ("file", Some(e.file.clone())),
                ("line", number(e.place.line)),
                ("column", number(e.place.column)),
                ("help", e.help.clone()),
            ];
            raise(py, "PipelineError", &e.to_string(), &details)
        }
        Error::Read(_) | Error::File(_) | Error::Case(CaseError::Read(_) | CaseError::Several(_)) => {
            with_help("ReadError")
        }
        Error::Write(_) | Error::Unwritten(_) | Error::Case(CaseError::Write(_)) => with_help("WriteError"),
        Error::Trace(_) | Error::Invert(_) | Error::Prediction(_) | Error::Restore(_) => with_help("TraceError"),
        _ => with_help("RevoxelError"),
    }
}

/// The arguments of the package that a message speaks of.
fn help(error: &Error) -> Option<String> {
    let names: Vec<String> = error.settings().into_iter().filter_map(argument).collect();
    match &names[..] {
        [] => None,
        [one] => Some(format!("the argument is {one}")),
        [all @ .., last] => Some(format!("the arguments are {} and {last}", all.join(", "))),
    }
}

fn argument(setting: revoxel::Setting) -> Option<String> {
    use revoxel::Setting as Any;
    let kinds = |kinds: &[Kind]| {
        let names: Vec<String> = kinds.iter().map(|kind| format!("{:?}", kind.name())).collect();
        format!("kind={}", names.join(" or "))
    };
    let name = match setting {
        Any::Kind(choices) => return Some(kinds(choices)),
        Any::Axes => "axes=",
        Any::Restore => "restore=",
        Any::Space => "space=",
        Any::Prediction(setting) => match setting {
            revoxel::trace::Setting::AssumeGrid => "assume_grid=True",
            revoxel::trace::Setting::Activation => "activation=\"softmax\" or \"sigmoid\"",
            revoxel::trace::Setting::Logits => "kind=\"logit\"",
            revoxel::trace::Setting::Clamp => "values=\"clamp\"",
            revoxel::trace::Setting::Volume => "volume=",
        },
        Any::File(setting) => match setting {
            revoxel::io::Setting::Series => "series=",
            revoxel::io::Setting::Select => "select=",
            revoxel::io::Setting::Spacing => "spacing=",
            revoxel::io::Setting::Dtype => "dtype=",
            _ => return None,
        },
        _ => return None,
    };
    Some(name.to_owned())
}

/// What an engine's result is in Python.
pub(crate) trait OrRaise<T> {
    /// The value, or the error as Python raises it.
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T, E: Into<Error>> OrRaise<T> for Result<T, E> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| of(py, &error.into()))
    }
}

/// A shape that does not fit.
pub(crate) fn shape(py: Python<'_>, error: &VolumeError) -> PyErr {
    plain(py, &error.to_string())
}
