//! What is found in many files, and what is looked for.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// An attribute of the standard whose value is text or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyword {
    /// Its keyword, such as `PatientID`.
    pub name: &'static str,
    /// Whether its values are numbers.
    pub is_number: bool,
    /// Group and element number.
    pub(crate) tag: u32,
}

/// A keyword that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeywordError {
    /// The standard has no such attribute.
    #[error("{0:?} is not a DICOM keyword")]
    Unknown(String),
    /// Its values are sequences or bytes.
    #[error("{0} holds a sequence or bytes, not a text or a number")]
    NoText(&'static str),
    /// It stands before the data set.
    #[error("{0} belongs to the head of the file, not to its data set")]
    Meta(&'static str),
}

/// What is known of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedSeries {
    /// SeriesInstanceUID.
    pub uid: String,
    /// PatientID; empty if it is absent.
    pub patient: String,
    /// StudyInstanceUID; empty if it is absent.
    pub study: String,
    /// FrameOfReferenceUID.
    pub frame_of_reference: Option<String>,
    /// Modality.
    pub modality: String,
    /// SeriesDescription.
    pub description: String,
    /// The values of the keywords in their order; several values with `\\` between them. They are those of the first
    /// file that may be a slice.
    pub values: Vec<Option<String>>,
    /// Its files, in the order of their paths.
    pub files: Vec<PathBuf>,
    /// Whether it can be a volume.
    pub sort: SeriesSort,
    /// Two files of the series that name different patients or studies: what they say.
    pub contradiction: Option<String>,
}

/// Whether a series can be a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesSort {
    /// At least one image is not for planning, and has a position.
    Volume,
    /// All images are for planning (LOCALIZER).
    Localizer,
    /// No image has a position in the patient (captures, dose reports).
    Unplaced,
}

/// A segmentation or structure set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedLabels {
    /// Its file.
    pub path: PathBuf,
    /// PatientID; empty if it is absent.
    pub patient: String,
    /// The series that it refers to.
    pub references: Vec<String>,
    /// FrameOfReferenceUID.
    pub frame_of_reference: Option<String>,
}

/// What files hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DicomIndex {
    /// The series of images, in the order of their first files.
    pub series: Vec<IndexedSeries>,
    /// The segmentations and structure sets, in the order of their paths.
    pub labels: Vec<IndexedLabels>,
    /// DICOM files that cannot be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Images without a SeriesInstanceUID.
    pub without_series: Vec<PathBuf>,
    /// What each patient is called, by PatientID: every PatientName with the first of its files. Names that differ in
    /// capital letters, blanks or empty parts alone are one.
    pub names: BTreeMap<String, Vec<(String, PathBuf)>>,
}
