//! Errors of DICOM files, and why files do not form a volume.

use std::fmt;

use super::labels::error::LabelsError;
use super::report::{Gap, MissingSlice};
use crate::counted::counted;
use crate::setting::Setting;

/// Why a DICOM file or series cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DicomError {
    /// An invalid attribute.
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
    #[error("{field} is missing: it gives {need}")]
    Missing {
        /// The attribute: keyword and tag.
        field: String,
        /// What the attribute provides.
        need: &'static str,
    },
    /// Not a DICOM file at all.
    #[error("not a DICOM file: no \"DICM\" at byte 128, and no attribute of group 0002 or 0008 at the start")]
    NotDicom,
    /// The file ends within its header.
    #[error("the file is truncated: it ends after {0} bytes, within an attribute")]
    Truncated(u64),
    /// An error of the operating system.
    #[error("{0}")]
    Io(String),
    /// A DICOM file without an image.
    #[error("contains no image: {0}")]
    NoImage(String),
    /// There is nothing to read.
    #[error("no DICOM image in {}{skipped}", counted(*files, "file", "files"))]
    NoImages {
        /// How many files were examined.
        files: usize,
        /// Why they were skipped.
        skipped: String,
    },
    /// Several series and no choice.
    #[error(
        "contains {count} {}{asked}: choose one {}:{list}{}",
        if *of_one { "volumes in one series" } else { "series" },
        if *of_one {
            "by number with `series:`, or by an attribute that distinguishes it with `select:`"
        } else {
            "by number, UID or description with `series:`"
        },
        if *quantities { "\nor read the quantities as frames of one volume with `frames: stack`" } else { "" }
    )]
    SeveralSeries {
        /// How many.
        count: usize,
        /// The request so far; empty, or preceded by a word.
        asked: String,
        /// Whether they are volumes of one series.
        of_one: bool,
        /// Whether they are images of different quantities.
        quantities: bool,
        /// One line for each.
        list: String,
    },
    /// The requested series does not exist.
    #[error("no match for {asked}; available:{list}")]
    NoSuchSeries {
        /// The request.
        asked: String,
        /// One line for each existing series.
        list: String,
    },
    /// A mosaic: many slices in one picture.
    #[error("cannot determine the slice positions of this Siemens mosaic (all slices tiled into one image): {0}")]
    Mosaic(String),
    /// Nothing distinguishes slices at the same position.
    #[error(
        "{count} images share the position {position:?} (LPS mm; {first} and {second}), and none of {tried} separates \
         complete stacks: remove the duplicates or separate the acquisitions"
    )]
    Repeated {
        /// How many images have that position.
        count: usize,
        /// The position, LPS mm.
        position: [f64; 3],
        /// One file.
        first: String,
        /// Another one.
        second: String,
        /// What was tried.
        tried: &'static str,
    },
    /// A series in time, or copies, of one slice.
    #[error("all {count} images share the position {position:?} (LPS mm): one slice repeated is not a volume")]
    OnePosition {
        /// How many images there are.
        count: usize,
        /// Where, LPS mm.
        position: [f64; 3],
    },
    /// The frames of a 4-D series have slices at different positions.
    #[error("{by} splits the series into stacks with different slices ({counts}): images are missing")]
    UnequalFrames {
        /// What separates them.
        by: &'static str,
        /// How many slices each has.
        counts: String,
    },
    /// The last frame of a 4-D series lacks slices.
    #[error("frame {frame}, the last by {by}, has only {slices} of {of} slices (for example {first})")]
    IncompleteFrame {
        /// What distinguishes frames.
        by: &'static str,
        /// Its number, from 1.
        frame: usize,
        /// Its slices.
        slices: usize,
        /// Slices of the others.
        of: usize,
        /// One of its files.
        first: String,
    },
    /// Some images have no rescale, but others do.
    #[error(
        "RescaleSlope (0028,1053) or RescaleIntercept (0028,1052) is missing in {images} of {of} images of the series, \
         while the others have {}: the values are not comparable",
        common.map_or("several different pairs".to_owned(), |(slope, intercept)| format!("{slope} and {intercept}"))
    )]
    NoRescale {
        /// How many lack it.
        images: usize,
        /// How many there are.
        of: usize,
        /// Slope and intercept of the others, if they share one pair.
        common: Option<(f64, f64)>,
    },
    /// No grid goes through the slices.
    #[error("the slice positions do not form a grid: {0}")]
    NoGrid(String),
    /// Slices are missing.
    #[error("{} missing ({})", counted(missing.len(), "slice is", "slices are"), list(missing))]
    MissingSlices {
        /// Where.
        missing: Vec<MissingSlice>,
    },
    /// The slices are uneven.
    #[error("the slices are unevenly spaced: {}", list(gaps))]
    Irregular {
        /// The gaps that differ.
        gaps: Vec<Gap>,
    },
    /// The slices are displaced within their plane.
    #[error("slice {slice} lies {mm:.3} mm off the line through the first and the last slice")]
    Displaced {
        /// The slice, from 1.
        slice: usize,
        /// How far off.
        mm: f64,
    },
    /// No decoder.
    #[error(
        "pixels in transfer syntax {name} ({uid}) cannot be decoded: convert them to an uncompressed transfer syntax"
    )]
    Syntax {
        /// The syntax's name.
        name: String,
        /// Its UID.
        uid: String,
    },
    /// A decoder failed.
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
    /// Text that is not a number.
    #[error("must be a number (decimal point, no comma)")]
    NotANumber,
    /// Not a whole number.
    #[error("must be a whole number")]
    NotWhole,
    /// Too few or too many values.
    #[error("must have {0} values")]
    Count(usize),
    /// Outside what is allowed.
    #[error("must be {0}")]
    Must(&'static str),
    /// The value would extend beyond the end of the file.
    #[error("its {length} bytes from byte {offset} on extend past the end of the file, which has {file} bytes")]
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
    /// A look-up table that is too short.
    #[error("too short for {count} entries of {bits} bits")]
    Entries {
        /// Entries according to the descriptor.
        count: usize,
        /// Bits of each.
        bits: u32,
    },
    /// Text instead of binary numbers, which also reads as a number.
    #[error("its value representation is {0}, but the standard requires a binary one: correct it")]
    Type(String),
    /// Not two letters of the standard.
    #[error("not a value representation of the standard, so the file is damaged")]
    Vr,
    /// Only sequences may leave their length open.
    #[error("only sequences may have an undefined length, so the file is damaged")]
    Undefined,
    /// Deeper than anything real.
    #[error("at most {0} levels of nested sequences are supported")]
    Depth(usize),
    /// An item was expected.
    #[error("expected a sequence item, so the file is damaged")]
    NoItem,
    /// Per-frame groups ≠ frames.
    #[error("must be one per frame, but NumberOfFrames (0028,0008) is {0}")]
    FrameGroups(u64),
    /// Far more pixels than the attributes describe.
    #[error(
        "the pixels ({what}) need only {needed} bytes: the file is damaged, or Rows, Columns or NumberOfFrames is too \
         small; correct it"
    )]
    TooLong {
        /// Rows, columns, frames.
        what: String,
        /// Bytes needed.
        needed: u64,
    },
    /// Too many attributes for a header.
    #[error("the attributes take more than {0} MiB, so the file is damaged")]
    Kept(u64),
}

impl DicomError {
    pub(super) fn field(field: impl fmt::Display, value: impl fmt::Display, problem: Problem) -> Self {
        Self::Field { field: field.to_string(), value: value.to_string(), problem }
    }

    pub(super) fn missing(field: impl fmt::Display, need: &'static str) -> Self {
        Self::Missing { field: field.to_string(), need }
    }

    /// The option that helps, if there is one.
    pub fn advice(&self) -> Option<&'static str> {
        const EVEN: &str = "resample the slices to even spacing with `slices: regularize`, or \
                            treat them as evenly spaced with `slices: nominal`";
        match self {
            Self::MissingSlices { missing } if missing.len() == 1 => {
                Some("restore it, or fill it with `missing: interpolate`")
            }
            Self::MissingSlices { .. } => Some("restore them, or fill them with `missing: interpolate`"),
            Self::Irregular { .. } | Self::Displaced { .. } => Some(EVEN),
            Self::IncompleteFrame { .. } => {
                Some("restore the missing slices, or drop the last frame with `incomplete: drop`")
            }
            Self::OnePosition { .. } => Some("read the images as frames of one slice with `frames: stack`"),
            Self::NoRescale { common: Some(_), .. } => {
                Some("give these images the rescale of the others with `rescale: assume`")
            }
            _ => None,
        }
    }

    /// What a caller can set, of what the message and the advice speak of.
    pub fn settings(&self) -> Vec<Setting> {
        match self {
            Self::SeveralSeries { of_one: false, .. } => vec![Setting::Series],
            Self::SeveralSeries { quantities: false, .. } => vec![Setting::Series, Setting::Select],
            Self::SeveralSeries { .. } => vec![Setting::Series, Setting::Select, Setting::StackFrames],
            Self::MissingSlices { .. } => vec![Setting::FillMissing],
            Self::Irregular { .. } | Self::Displaced { .. } => vec![Setting::UnevenSlices],
            Self::IncompleteFrame { .. } => vec![Setting::DropIncomplete],
            Self::OnePosition { .. } => vec![Setting::StackFrames],
            Self::NoRescale { common: Some(_), .. } => vec![Setting::AssumeRescale],
            Self::Labels(error) => error.settings().to_vec(),
            _ => Vec::new(),
        }
    }

    /// Whether an image has no position.
    pub(super) fn is_unplaced(&self) -> bool {
        let place = [super::tags::POSITION, super::tags::ORIENTATION].map(|tag| tag.to_string());
        matches!(self, Self::Missing { field, .. } if place.contains(field))
    }
}

/// The first few of a list.
fn list<T: fmt::Display>(things: &[T]) -> String {
    const MOST: usize = 6;
    let shown = things.iter().take(MOST).map(ToString::to_string).collect::<Vec<_>>().join("; ");
    if things.len() > MOST { format!("{shown}; and {} more", things.len() - MOST) } else { shown }
}
