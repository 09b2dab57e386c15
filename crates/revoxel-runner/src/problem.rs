//! What is wrong with a case or a prediction, and what a caller can set about it.

use std::fmt;

use revoxel_core::Kind;
use revoxel_io::{ReadError, WriteError};

/// What a caller can set and a message speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// How files are read and written.
    File(revoxel_io::Setting),
    /// What is done to predictions.
    Prediction(revoxel_invert::Setting),
    /// Put inputs of one shape on one grid.
    Snap,
    /// The memory that may be taken.
    Memory,
    /// Replace existing files.
    Overwrite,
    /// The order of an array's axes.
    Axes,
    /// What values mean: one of these.
    Kind(&'static [Kind]),
    /// Which entry of `restore` is followed.
    Restore,
    /// The space of points.
    Space,
    /// The folder of the data.
    Data,
    /// Which label input is meant.
    LabelInput,
    /// The reference label maps.
    Reference,
}

/// What is wrong, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// What is wrong, and what to do.
    pub text: String,
    /// What the text speaks of, of what a caller can set.
    pub settings: Vec<Setting>,
}

impl Problem {
    /// A problem that a setting can solve.
    pub(crate) fn new(text: impl fmt::Display, settings: impl IntoIterator<Item = Setting>) -> Self {
        Self { text: text.to_string(), settings: settings.into_iter().collect() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<String> for Problem {
    fn from(text: String) -> Self {
        Self { text, settings: Vec::new() }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        Self::new(&error, error.settings().into_iter().map(Setting::File))
    }
}

impl From<WriteError> for Problem {
    fn from(error: WriteError) -> Self {
        Self::new(&error, error.settings().into_iter().map(Setting::File))
    }
}
