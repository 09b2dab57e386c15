//! Why segmentations and structure sets cannot be read as labels.

use crate::setting::Setting;

/// Why a label object cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelsError {
    /// Labels were requested as an image.
    #[error("this {what} is a label map, not an image: read it with `kind: label`")]
    NoImage {
        /// What it is.
        what: &'static str,
    },
    /// Several objects and no choice.
    #[error("contains {count} segmentations or structure sets: choose one by number or UID with `series:`:{list}")]
    Several {
        /// How many.
        count: usize,
        /// One line for each.
        list: String,
    },
    /// A requested segment or structure does not exist.
    #[error("no segment or structure matches {asked:?}; available: {list}")]
    NoSuchStructure {
        /// The request.
        asked: String,
        /// The names.
        list: String,
    },
    /// A name that several segments or structures have.
    #[error("{count} segments or structures match {asked:?}: choose by number, one of {list}")]
    Ambiguous {
        /// The request.
        asked: String,
        /// How many have the name.
        count: usize,
        /// Their numbers.
        list: String,
    },
    /// A segment or structure was requested twice.
    #[error("{0:?} is listed twice in `structures:`")]
    Twice(String),
    /// The background of a label map.
    #[error("segment 0 {0:?} is the background, not a label: leave it out of `structures:`")]
    Background(String),
    /// A choice among images.
    #[error("`select:` chooses among images and does not apply to a segmentation or structure set: leave it out")]
    Select,
    /// A name that is the number of another one.
    #[error(
        "{asked:?} is the name of one segment or structure (number {named}) and the number of another: write \
         `#{asked}` for the one with that number, or `#{named}` for the one with that name"
    )]
    NameOrNumber {
        /// The request.
        asked: String,
        /// The number of the one that has the name.
        named: i64,
    },
    /// There is nothing that could become a label.
    #[error("contains no segment or structure")]
    Empty,
    /// A voxel with several labels.
    #[error(
        "labels overlap: {pairs}. Read one channel per label with `overlap: channels`, or choose \
         labels that do not overlap with `structures:`"
    )]
    Overlap {
        /// Which, and in how many voxels.
        pairs: String,
    },
    /// Two frames of one segment at one place.
    #[error("frames {first} and {second} are both {what} at the same position: label maps in time are not supported")]
    Repeated {
        /// One frame, from 1.
        first: usize,
        /// The other, from 1.
        second: usize,
        /// The segment.
        what: String,
    },
    /// The given series cannot be used.
    #[error("the reference {reference} does not match: {why}")]
    Misfit {
        /// The given path.
        reference: String,
        /// Why.
        why: String,
    },
    /// The referenced series consists of several volumes.
    #[error(
        "{count} volumes on different grids match the referenced series: name the folder of one with \
         `reference:`:{list}"
    )]
    SeveralReferences {
        /// How many.
        count: usize,
        /// One line for each.
        list: String,
    },
    /// The referenced series cannot be read.
    #[error("the referenced series ({uid}) cannot be used: {why}")]
    Reference {
        /// The series.
        uid: String,
        /// Why.
        why: String,
    },
    /// No slices match the labels.
    #[error(
        "{what} does not lie on an even grid: {why}. Put the referenced series ({series}) into the same folder, or \
         name it with `reference:`"
    )]
    NoGrid {
        /// What does not match, such as a frame.
        what: String,
        /// How.
        why: String,
        /// The series.
        series: String,
    },
    /// A value of a label map that cannot be a label of its own.
    #[error("segment 0 {name:?} and PixelPaddingValue {padding} (voxels in no segment) would both become label 0")]
    TwoBackgrounds {
        /// Name of the segment.
        name: String,
        /// The padding value.
        padding: u16,
    },
    /// A value of a label map without a segment.
    #[error(
        "the label map contains {0}, which SegmentSequence (0062,0002) does not describe: correct the file, or choose \
         segments with `structures:`"
    )]
    Undescribed(String),
    /// Several structures and no choice.
    #[error(
        "contains {count} structures: choose with `structures:`, which numbers them 1, 2, … in that \
         order, or read one channel per structure with `overlap: channels`; available: {list}"
    )]
    SeveralStructures {
        /// How many.
        count: usize,
        /// Their names.
        list: String,
    },
    /// A structure set without its series.
    #[error(
        "the series on which the structures were drawn ({series}) was not found: put it into the same folder, or name \
         it with `reference:`"
    )]
    NoSeries {
        /// The series.
        series: String,
    },
    /// An invalid contour.
    #[error("contour {contour} of structure {name:?}: {why}")]
    Contour {
        /// Its number in the structure, from 1.
        contour: usize,
        /// The structure.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A structure without an area.
    #[error(
        "structure {name:?} has no area: type of its contours ({count}) is {types}, and only CLOSED_PLANAR is read"
    )]
    NoArea {
        /// The structure.
        name: String,
        /// How many contours.
        count: usize,
        /// What they are.
        types: String,
    },
    /// Too many edges.
    #[error("the contours of structure {0:?} cross the rows of a slice more than 2³² times: the file is damaged")]
    Crossings(String),
    /// A pixel of a binary segment that is neither 0 nor 1.
    #[error("frame {frame} of a BINARY segmentation contains the value {value}: must be 0 or 1")]
    NotBinary {
        /// The frame, from 1.
        frame: usize,
        /// The value.
        value: u16,
    },
    /// A fraction above the highest one.
    #[error("frame {frame} contains the value {value}, above MaximumFractionalValue (0062,000E), which is {most}")]
    Fraction {
        /// The frame, from 1.
        frame: usize,
        /// The value.
        value: u16,
        /// The highest.
        most: u16,
    },
}

impl LabelsError {
    pub(crate) const fn settings(&self) -> &'static [Setting] {
        match self {
            Self::NoImage { .. } => &[Setting::Labels],
            Self::Several { .. } => &[Setting::Series],
            Self::Select => &[Setting::Select],
            Self::Twice(_) | Self::Background(_) | Self::Undescribed(_) => &[Setting::Structures],
            Self::Overlap { .. } | Self::SeveralStructures { .. } => &[Setting::Structures, Setting::Overlap],
            Self::SeveralReferences { .. } | Self::NoGrid { .. } | Self::NoSeries { .. } => &[Setting::Reference],
            _ => &[],
        }
    }
}
