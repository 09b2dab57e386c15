//! Which DICOM series and label objects there are among many files, and what their headers say of them: without their
//! geometry, and only as much of each header as is needed.
//!
//! Without the feature `dicom` all of this is an error that says so.

pub(crate) mod found;

use std::path::{Path, PathBuf};

use crate::{ReadError, ReadOptions};

pub use found::{DicomIndex, IndexedLabels, IndexedSeries, Keyword, KeywordError, SeriesSort};

#[cfg(feature = "dicom")]
mod imp {
    use super::{DicomIndex, Keyword, KeywordError, Path, PathBuf, ReadError, ReadOptions};
    use crate::dicom::index;

    pub(super) fn supported(_folder: &Path) -> Result<(), ReadError> {
        Ok(())
    }

    pub(super) fn keyword(name: &str) -> Result<Keyword, KeywordError> {
        index::keyword(name)
    }

    pub(super) fn keywords() -> Vec<&'static str> {
        index::keywords()
    }

    pub(super) fn of(files: Vec<PathBuf>, keywords: &[Keyword], options: &ReadOptions) -> DicomIndex {
        index::of(files, keywords, &options.limits)
    }

    pub(super) fn series(root: &Path, options: &ReadOptions) -> Result<Option<String>, ReadError> {
        index::series(root, options)
    }

    pub(super) fn labels(root: &Path, options: &ReadOptions) -> Result<Option<PathBuf>, ReadError> {
        index::labels(root, options)
    }
}

#[cfg(not(feature = "dicom"))]
mod imp {
    use super::{DicomIndex, Keyword, KeywordError, Path, PathBuf, ReadError, ReadOptions};

    pub(super) fn supported(folder: &Path) -> Result<(), ReadError> {
        Err(ReadError::NotRead {
            path: folder.to_owned(),
            format: "DICOM",
            how: "this program was built without the feature `dicom`",
        })
    }

    pub(super) fn keyword(name: &str) -> Result<Keyword, KeywordError> {
        Err(KeywordError::Unknown(name.to_owned()))
    }

    pub(super) fn keywords() -> Vec<&'static str> {
        Vec::new()
    }

    pub(super) fn of(_files: Vec<PathBuf>, _keywords: &[Keyword], _options: &ReadOptions) -> DicomIndex {
        DicomIndex::default()
    }

    pub(super) fn series(root: &Path, _options: &ReadOptions) -> Result<Option<String>, ReadError> {
        supported(root).map(|()| None)
    }

    pub(super) fn labels(root: &Path, _options: &ReadOptions) -> Result<Option<PathBuf>, ReadError> {
        supported(root).map(|()| None)
    }
}

/// Whether this program reads DICOM; the error is about `folder`.
///
/// # Errors
/// Without the feature `dicom`.
pub fn check_supported(folder: &Path) -> Result<(), ReadError> {
    imp::supported(folder)
}

impl Keyword {
    /// An attribute by its keyword.
    ///
    /// # Errors
    /// If the standard has no such attribute, or its value is neither text nor a number.
    pub fn find(name: &str) -> Result<Self, KeywordError> {
        imp::keyword(name)
    }

    /// The keywords that a wrong one may have meant.
    pub fn all() -> Vec<&'static str> {
        imp::keywords()
    }
}

impl DicomIndex {
    /// What these files hold, with the values of some keywords. Files that are not DICOM are passed over.
    ///
    /// # Errors
    /// If this program reads no DICOM.
    pub fn of(
        folder: &Path,
        files: Vec<PathBuf>,
        keywords: &[Keyword],
        options: &ReadOptions,
    ) -> Result<Self, ReadError> {
        check_supported(folder)?;
        Ok(imp::of(files, keywords, options))
    }
}

/// The SeriesInstanceUID of the one series of images that the options choose among the files of their series choice;
/// `None` if none matches.
///
/// # Errors
/// If several match, or a file cannot be read; `root` is the folder that the error is about.
pub fn choose_series(root: &Path, options: &ReadOptions) -> Result<Option<String>, ReadError> {
    imp::series(root, options)
}

/// The one segmentation or structure set that the options choose among the files of their series choice; `None` if none
/// matches.
///
/// # Errors
/// As [`choose_series`].
pub fn choose_labels(root: &Path, options: &ReadOptions) -> Result<Option<PathBuf>, ReadError> {
    imp::labels(root, options)
}
