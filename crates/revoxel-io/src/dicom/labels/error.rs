//! Why segmentations and structure sets cannot become labels.

/// Why an object of labels cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelsError {
    /// Labels are wanted as an image.
    #[error("is a {what}, a label map and no image: read it with `kind: label` (--kind label)")]
    NoImage {
        /// What it is.
        what: &'static str,
    },
    /// Several objects and no choice.
    #[error(
        "holds {count} segmentations or structure sets: choose one by its number or its UID with `series:` (--series):{list}"
    )]
    Several {
        /// How many.
        count: usize,
        /// One line for each.
        list: String,
    },
    /// A segment or structure that was asked for is not there.
    #[error("there is no segment or structure {asked:?}; there are: {list}")]
    NoSuchStructure {
        /// What was asked for.
        asked: String,
        /// The names.
        list: String,
    },
    /// A name that several segments or structures have.
    #[error("{count} segments or structures fit {asked:?}: choose by number, one of {list}")]
    Ambiguous {
        /// What was asked for.
        asked: String,
        /// How many have the name.
        count: usize,
        /// Their numbers.
        list: String,
    },
    /// A segment or structure that was asked for twice.
    #[error("{0:?} is asked for twice in `structures:` (--structure)")]
    Twice(String),
    /// What in a label map is no label.
    #[error("the segment 0 {0:?} is the background, which is no label: leave it out of `structures:` (--structure)")]
    Background(String),
    /// A choice among images.
    #[error("is a segmentation or structure set, and `select:` (--select) chooses among images: leave it out")]
    Select,
    /// A name that is the number of another one.
    #[error(
        "{asked:?} is the name of one segment or structure (number {named}) and the number of another: write `#{asked}` for \
         the number, or `#{named}` for the one of that name"
    )]
    NameOrNumber {
        /// What was asked for.
        asked: String,
        /// The number of the one that has the name.
        named: i64,
    },
    /// Nothing that could become a label.
    #[error("has no segment or structure")]
    Empty,
    /// A voxel with several labels.
    #[error(
        "a label map holds one label per voxel, and there are overlaps: {pairs}. Read one channel for each with \
         `overlap: channels` (--overlap channels), or choose those that do not overlap with `structures:` (--structure NAME)"
    )]
    Overlap {
        /// Which, and in how many voxels.
        pairs: String,
    },
    /// Two frames of one segment at one place.
    #[error("frames {first} and {second} are both of {what} and at the same place: a series of label maps is not read")]
    Repeated {
        /// One frame, from 1.
        first: usize,
        /// The other, from 1.
        second: usize,
        /// The segment.
        what: String,
    },
    /// The series that was given is of no use.
    #[error("{reference}, given as reference, does not fit: {why}")]
    Misfit {
        /// The path that was given.
        reference: String,
        /// Why.
        why: String,
    },
    /// The series that is referred to falls into parts.
    #[error(
        "{count} volumes fit the series that it refers to, on different grids: name the folder of one with `reference:` \
         (--reference):{list}"
    )]
    SeveralReferences {
        /// How many.
        count: usize,
        /// One line for each.
        list: String,
    },
    /// The series that is referred to cannot be read.
    #[error("the series that it refers to ({uid}): {why}")]
    Reference {
        /// The series.
        uid: String,
        /// Why.
        why: String,
    },
    /// There are no slices for the labels.
    #[error(
        "{what} lies on no even grid: {why}. Put the series that it refers to ({series}) into the same folder, or name it \
         with `reference:` (--reference PATH)"
    )]
    NoGrid {
        /// What lies badly: a frame.
        what: String,
        /// How.
        why: String,
        /// The series.
        series: String,
    },
    /// A value of a label map that cannot be a label of its own.
    #[error(
        "the segment 0 {name:?} and the value {padding} (PixelPaddingValue) for what is in no segment would both be label 0"
    )]
    TwoBackgrounds {
        /// Name of the segment.
        name: String,
        /// The padding value.
        padding: u16,
    },
    /// A value of a label map that is no segment.
    #[error(
        "the label map holds {0}, which SegmentSequence (0062,0002) does not describe: correct the file, or choose segments \
         with `structures:` (--structure)"
    )]
    Undescribed(String),
    /// Several structures and no choice.
    #[error(
        "holds {count} structures: choose with `structures:` (--structure NAME), they become the labels 1, 2, … in that \
         order, or read one channel for each with `overlap: channels` (--overlap channels); there are: {list}"
    )]
    SeveralStructures {
        /// How many.
        count: usize,
        /// Their names.
        list: String,
    },
    /// A structure set without its series.
    #[error(
        "the series whose slices the structures are drawn on ({series}) is not here: put it into the same folder, or name \
         it with `reference:` (--reference PATH)"
    )]
    NoSeries {
        /// The series.
        series: String,
    },
    /// A contour that cannot be followed.
    #[error("contour {contour} of the structure {name:?}: {why}")]
    Contour {
        /// Its number in the structure, from 1.
        contour: usize,
        /// The structure.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A structure without an area.
    #[error("the structure {name:?} has no area: its {count} contours are of type {types}, and CLOSED_PLANAR is read")]
    NoArea {
        /// The structure.
        name: String,
        /// How many contours.
        count: usize,
        /// What they are.
        types: String,
    },
    /// Too many edges.
    #[error("the contours of the structure {0:?} cross the rows of a slice more than 2³² times: the file is damaged")]
    Crossings(String),
    /// A pixel of a binary segment that is neither 0 nor 1.
    #[error("frame {frame} of a BINARY segmentation holds the value {value}: only 0 and 1 are possible")]
    NotBinary {
        /// The frame, from 1.
        frame: usize,
        /// The value.
        value: u16,
    },
    /// A fraction above the highest one.
    #[error("frame {frame} holds the value {value}, and MaximumFractionalValue (0062,000E) is {most}")]
    Fraction {
        /// The frame, from 1.
        frame: usize,
        /// The value.
        value: u16,
        /// The highest.
        most: u16,
    },
}
