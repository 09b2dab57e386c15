//! Why a case fails.

use std::io::ErrorKind;
use std::path::PathBuf;

use revoxel_core::{Dtype, LostLabel};
use revoxel_io::{ReadError, WriteError};
use revoxel_resample::NonFinite;

use crate::channel::NoChannel;
use crate::files::FileError;
use crate::identity::IdentityError;
use crate::kind_values::KindError;
use crate::labels::UndeclaredLabels;
use crate::non_finite::NonFiniteInput;
use crate::several::SeveralError;

/// Why a case failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The files of an input are not the channels of one volume.
    #[error(transparent)]
    Several(#[from] SeveralError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A file cannot be written, read or hashed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The last pass failed.
    #[error(transparent)]
    Resample(#[from] revoxel_resample::ResampleError),
    /// A step failed; the message points into the pipeline file.
    #[error("{0}")]
    Step(String),
    /// Values that are not of the kind of their input.
    #[error(transparent)]
    Kind(Box<KindError>),
    /// A label map holds what its input does not declare.
    #[error(transparent)]
    Labels(Box<UndeclaredLabels>),
    /// A label that the declared dtype does not hold.
    #[error("{key}: label {} does not fit the output's dtype {}: declare a dtype that holds it, or leave out `dtype`",
             .lost.label, .lost.dtype)]
    Dtype {
        /// The key of the output.
        key: String,
        /// The label.
        lost: LostLabel,
    },
    /// A file does not have the channel that its input takes.
    #[error(transparent)]
    Channel(#[from] NoChannel),
    /// An input holds values that are not finite.
    #[error(transparent)]
    NonFinite(#[from] NonFiniteInput),
    /// Values that are not finite cannot be written as whole numbers.
    #[error(
        "{key}: {found}; the output's dtype {dtype} cannot hold NaN or infinity: declare `non_finite: 0` or another \
             number on the input, or write float32"
    )]
    NoWholeNumbers {
        /// The key of the output.
        key: String,
        /// The dtype.
        dtype: Dtype,
        /// What was found before the last pass.
        found: Box<NonFinite>,
    },
    /// Values too large for the output.
    #[error("{key}: values exceed the range of the output's dtype {dtype}: write float64, or scale them first")]
    Beyond {
        /// The key of the output.
        key: String,
        /// The dtype.
        dtype: Dtype,
    },
    /// A file is no longer what the preflight saw.
    #[error("{0}: the file has changed since the run started")]
    Changed(PathBuf),
}

impl CaseError {
    /// Whether a file could not be read or written for a reason that may pass, such as a server that does not answer. A
    /// file that is wrong, missing or forbidden stays so.
    pub fn may_pass(&self) -> bool {
        let reason = match self {
            Self::Read(ReadError::Io { reason, .. }) => reason,
            Self::Several(SeveralError::Read(ReadError::Io { reason, .. })) => reason,
            Self::Write(WriteError::Io { reason, .. }) => reason,
            Self::File(error) => &error.error,
            _ => return false,
        };
        Self::is_passing(reason.kind())
    }

    /// Whether an error of the system is one that may pass.
    pub(crate) fn is_passing(kind: ErrorKind) -> bool {
        let lasts = [
            ErrorKind::NotFound,
            ErrorKind::PermissionDenied,
            ErrorKind::AlreadyExists,
            ErrorKind::InvalidInput,
            ErrorKind::InvalidData,
            ErrorKind::UnexpectedEof,
            ErrorKind::Unsupported,
            ErrorKind::IsADirectory,
            ErrorKind::NotADirectory,
            ErrorKind::ReadOnlyFilesystem,
            ErrorKind::StorageFull,
            ErrorKind::QuotaExceeded,
            ErrorKind::FileTooLarge,
            ErrorKind::OutOfMemory,
        ];
        !lasts.contains(&kind)
    }
}

impl From<IdentityError> for CaseError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Read(error) => error.into(),
            IdentityError::File(error) => error.into(),
        }
    }
}

impl From<UndeclaredLabels> for CaseError {
    fn from(error: UndeclaredLabels) -> Self {
        Self::Labels(error.into())
    }
}

impl From<KindError> for CaseError {
    fn from(error: KindError) -> Self {
        Self::Kind(error.into())
    }
}
