//! Why something cannot be done.

use revoxel_invert::{InvertError, TraceError};
use revoxel_io::{ReadError, WriteError};
use revoxel_pipeline::PipelineError;
use revoxel_runner::case::CaseError;
use revoxel_runner::dataset::DatasetError;
use revoxel_runner::prediction::PredictionError;
use revoxel_runner::problem::Setting;
use revoxel_runner::restore::RestoreError;
use revoxel_runner::several::SeveralError;
use revoxel_runner::uneven::UnevenError;

/// Any error of this crate, in words for people: what, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A pipeline file is wrong.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A text file cannot be read.
    #[error("{0}")]
    File(String),
    /// A text file cannot be written.
    #[error("{0}")]
    Unwritten(String),
    /// A case fails.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// A dataset cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A trace cannot be followed.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// A prediction cannot be brought back.
    #[error(transparent)]
    Invert(#[from] InvertError),
    /// A prediction cannot be read, or does not fit.
    #[error(transparent)]
    Prediction(Box<PredictionError>),
    /// A prediction cannot be restored as the trace says.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// Unevenly spaced slices cannot be put on a grid.
    #[error(transparent)]
    Uneven(#[from] UnevenError),
    /// What the caller wishes is not possible.
    #[error("{0}")]
    Wish(String),
}

impl Error {
    /// What a caller can set, of what the message speaks of. A program has names of its own for these.
    pub fn settings(&self) -> Vec<Setting> {
        let file = |settings: Vec<revoxel_io::Setting>| settings.into_iter().map(Setting::File).collect();
        match self {
            Self::Read(error) | Self::Case(CaseError::Read(error) | CaseError::Several(SeveralError::Read(error))) => {
                file(error.settings())
            }
            Self::Write(error) | Self::Case(CaseError::Write(error)) => file(error.settings()),
            Self::Trace(error) => error.setting().map(Setting::Prediction).into_iter().collect(),
            Self::Invert(error) => error.setting().map(Setting::Prediction).into_iter().collect(),
            Self::Prediction(error) => error.settings(),
            Self::Restore(error) => error.settings(),
            Self::Uneven(error) => file(error.settings().into_iter().collect()),
            _ => Vec::new(),
        }
    }
}
