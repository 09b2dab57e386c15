//! Why something cannot be done.

use revoxel_invert::{InvertError, TraceError};
use revoxel_io::{ReadError, WriteError};
use revoxel_pipeline::PipelineError;
use revoxel_runner::case::CaseError;
use revoxel_runner::dataset::DatasetError;

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
}
