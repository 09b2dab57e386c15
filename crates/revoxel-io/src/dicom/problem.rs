//! What can be wrong with a DICOM file, and why files are no volume.

use std::fmt;

use super::labels::error::LabelsError;
use super::report::{Gap, MissingSlice};

/// Why a DICOM file or series cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DicomError {
    /// An attribute that cannot be followed.
    #[error("{field} is {value}: {problem}")]
    Field {
        /// The attribute: keyword and tag.
        field: String,
        /// Its value.
        value: String,
        /// What is wrong with it.
        problem: Problem,
    },
    /// An attribute that is needed is absent or empty.
    #[error("{field} is missing: {need}")]
    Missing {
        /// The attribute: keyword and tag.
        field: String,
        /// What it is needed for.
        need: &'static str,
    },
    /// Not a DICOM file at all.
    #[error("is no DICOM file: neither \"DICM\" at byte 128 nor an attribute of group 0002 or 0008 at its beginning")]
    NotDicom,
    /// The file ends within its header.
    #[error("the file is truncated: it ends after {0} bytes, within an attribute")]
    Truncated(u64),
    /// The system refuses.
    #[error("{0}")]
    Io(String),
    /// A DICOM file without an image.
    #[error("holds no image: {0}")]
    NoImage(String),
    /// Nothing to read.
    #[error("there is no DICOM image among {files} file(s){skipped}")]
    NoImages {
        /// How many files were looked at.
        files: usize,
        /// Why they were skipped.
        skipped: String,
    },
    /// Several series and no choice.
    #[error("holds {count} series: choose one by its number or its UID:{list}")]
    SeveralSeries {
        /// How many.
        count: usize,
        /// One line for each.
        list: String,
    },
    /// The series that was asked for is not there.
    #[error("there is no series {asked:?}; there are:{list}")]
    NoSuchSeries {
        /// What was asked for.
        asked: String,
        /// One line for each that there is.
        list: String,
    },
    /// A mosaic: many slices in one picture.
    #[error(
        "ImageType (0008,0008) is {0}: a Siemens mosaic (all slices tiled into one picture) is not supported; export \
         the series as enhanced MR, or convert it with dcm2niix"
    )]
    Mosaic(String),
    /// Slices at the same place which nothing tells apart.
    #[error(
        "{count} images share the position {position:?} (LPS mm; {first} and {second}) and none of {tried} tells \
         complete stacks apart: remove the duplicates or separate the acquisitions"
    )]
    Repeated {
        /// How many images are at that place.
        count: usize,
        /// The place, LPS mm.
        position: [f64; 3],
        /// One file.
        first: String,
        /// Another one.
        second: String,
        /// What was tried.
        tried: &'static str,
    },
    /// A series in time, or copies, of one slice.
    #[error("all {count} images share the position {position:?} (LPS mm): one slice many times is no volume")]
    OnePosition {
        /// How many images there are.
        count: usize,
        /// Where, LPS mm.
        position: [f64; 3],
    },
    /// Frames of a 4-D series whose slices are not at the same places.
    #[error("{by} separates the series into stacks of different slices ({counts}): images are missing")]
    UnequalFrames {
        /// What separates them.
        by: &'static str,
        /// How many slices each has.
        counts: String,
    },
    /// Slices are missing.
    #[error(
        "{} slice(s) are missing ({}): get them, or let them be filled in between their neighbours",
        missing.len(),
        list(missing)
    )]
    MissingSlices {
        /// Where.
        missing: Vec<MissingSlice>,
    },
    /// The slices do not lie evenly.
    #[error(
        "the slices are unevenly spaced: {}; let them be regularized (resampled to an even axis), or taken as even",
        list(gaps)
    )]
    Irregular {
        /// The gaps that differ.
        gaps: Vec<Gap>,
    },
    /// The slices are displaced within their plane.
    #[error(
        "slice {slice} lies {mm:.3} mm beside the line through the first and the last slice: let them be regularized \
         (resampled to an even axis), or taken as even"
    )]
    Displaced {
        /// The slice, from 1.
        slice: usize,
        /// How far off.
        mm: f64,
    },
    /// No decoder.
    #[error("pixels in transfer syntax {name} ({uid}) cannot be decoded here: convert them to an uncompressed one")]
    Syntax {
        /// The syntax's name.
        name: String,
        /// Its UID.
        uid: String,
    },
    /// A decoder gave up.
    #[error("frame {frame} cannot be decoded ({name}, {uid}): {reason}")]
    Codec {
        /// The frame, from 1.
        frame: usize,
        /// The transfer syntax's name.
        name: &'static str,
        /// Its UID.
        uid: &'static str,
        /// Why.
        reason: String,
    },
    /// Segmentations and structure sets.
    #[error(transparent)]
    Labels(#[from] LabelsError),
    /// Damaged fragments of compressed pixels.
    #[error("the fragments of PixelData (7FE0,0010) are damaged at byte {offset}: {reason}")]
    Fragments {
        /// Where in the file.
        offset: u64,
        /// Why.
        reason: String,
    },
}

/// What is wrong with an attribute.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Text that is no number.
    #[error("must be a number (decimal point, no comma)")]
    NotANumber,
    /// Not a whole number.
    #[error("must be a whole number")]
    NotWhole,
    /// Too few or too many values.
    #[error("must be {0} values")]
    Count(usize),
    /// Outside what is allowed.
    #[error("must be {0}")]
    Must(&'static str),
    /// The value would go on behind the file.
    #[error("its {length} bytes from byte {offset} on end behind the file, which has {file} bytes")]
    PastEnd {
        /// Bytes of the value.
        length: u64,
        /// Where it starts.
        offset: u64,
        /// Length of the file.
        file: u64,
    },
    /// Pixels are missing.
    #[error("the pixels ({what}) need {needed} bytes")]
    TooShort {
        /// Rows, columns, frames.
        what: String,
        /// Bytes needed.
        needed: u64,
    },
    /// Something known but unsupported.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// Not two letters that the standard knows.
    #[error("is no value representation: the file is damaged")]
    Vr,
    /// Only sequences may leave their length open.
    #[error("an undefined length is for sequences only: the file is damaged")]
    Undefined,
    /// Deeper than anything real.
    #[error("sequences are nested deeper than {0}")]
    Depth(usize),
    /// What should be an item is not.
    #[error("an item of a sequence was expected: the file is damaged")]
    NoItem,
    /// Per-frame groups ≠ frames.
    #[error("NumberOfFrames (0028,0008) is {0}")]
    FrameGroups(u64),
    /// Far more pixels than the attributes ask for.
    #[error(
        "the pixels ({what}) need {needed} bytes: the rest is of images that the attributes do not speak of, or the file \
         is damaged; correct Rows, Columns or NumberOfFrames"
    )]
    TooLong {
        /// Rows, columns, frames.
        what: String,
        /// Bytes needed.
        needed: u64,
    },
    /// More attributes than any header has.
    #[error("the attributes take more than {0} MiB: the file is damaged")]
    Kept(u64),
}

impl DicomError {
    pub(super) fn field(field: impl fmt::Display, value: impl fmt::Display, problem: Problem) -> Self {
        Self::Field { field: field.to_string(), value: value.to_string(), problem }
    }

    pub(super) fn missing(field: impl fmt::Display, need: &'static str) -> Self {
        Self::Missing { field: field.to_string(), need }
    }
}

/// The first few of a list.
fn list<T: fmt::Display>(things: &[T]) -> String {
    const MOST: usize = 6;
    let shown = things.iter().take(MOST).map(ToString::to_string).collect::<Vec<_>>().join("; ");
    if things.len() > MOST { format!("{shown}; and {} more", things.len() - MOST) } else { shown }
}
