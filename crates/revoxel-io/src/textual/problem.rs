//! Errors of fields of a text header, and of the values that it announces.

use crate::codecs::gunzip::GunzipError;
use crate::codecs::stream::StreamError;
use crate::setting::Setting;

/// An invalid field, with its value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} is {value}: {problem}")]
pub struct FieldError {
    /// The field, as the format spells it.
    pub field: String,
    /// Its value, shortened if it is long.
    pub value: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// The maximum characters of a value in a message.
const MOST_SHOWN: usize = 120;

impl FieldError {
    pub(crate) fn new(field: impl Into<String>, value: impl ToString, problem: Problem) -> Self {
        Self { field: field.into(), value: shown(&value.to_string()), problem }
    }

    pub(crate) fn boxed(field: impl Into<String>, value: impl ToString, problem: Problem) -> Box<Self> {
        Box::new(Self::new(field, value, problem))
    }
}

/// A value for a message: on one line, not too long, and visible if it is empty.
fn shown(value: &str) -> String {
    let mut text: String = value.chars().take(MOST_SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if value.chars().nth(MOST_SHOWN).is_some() {
        text.push('…');
    }
    if text.is_empty() { "empty".to_owned() } else { text }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Not the magic of a version that is known.
    #[error("must be NRRD0001 to NRRD0006 on a line of its own")]
    Magic,
    /// The header goes on for too long.
    #[error("the header does not end within {0} bytes: the file is damaged or has another format")]
    HeaderTooLong(u64),
    /// Neither an empty line nor a data file.
    #[error("no empty line ends the header, and no data file is named: the file is truncated or damaged")]
    NoEnd,
    /// A line that is not a field.
    #[error("not a header line, expected {0}")]
    NotAField(&'static str),
    /// A field that may appear only once.
    #[error("the field appears twice; remove one of them")]
    Twice,
    /// A required field is absent.
    #[error("it is required")]
    Missing,
    /// A field that contradicts another.
    #[error("cannot be combined with {0}; remove one of them")]
    Together(&'static str),
    /// A field after the one that must be last.
    #[error("must be the last field, but lines follow it: {0}")]
    NotLast(String),
    /// Complex values, which must be requested.
    #[error(
        "complex values are not single numbers: read them as two channels, real and imaginary, with `complex: \
         channels`"
    )]
    Complex,
    /// Not a number.
    #[error("must be {0}")]
    NotANumber(&'static str),
    /// Another number of values than needed.
    #[error("expected {expected} values, found {found}")]
    Count {
        /// How many are needed.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// NaN or infinite.
    #[error("must be a finite number")]
    NotFinite,
    /// Too many or too few axes.
    #[error("must be {0} to {1}")]
    OutOfRange(i64, i64),
    /// An axis without samples.
    #[error("every axis must have at least 1 sample")]
    EmptyAxis,
    /// More values than can be addressed.
    #[error("more values than can be addressed")]
    TooManyValues,
    /// Not a valid voxel size.
    #[error("the size of a voxel must be a positive number")]
    NotASize,
    /// An affine that cannot be inverted.
    #[error("the affine is singular: a voxel axis is zero, or the axes lie in one plane")]
    Singular,
    /// No axis lies in space.
    #[error("no axis has a direction in space; a volume needs at least one")]
    NoSpatialAxis,
    /// More than three axes lie in space.
    #[error("{0} axes have a direction in space; a volume has at most three")]
    TooManySpatialAxes(usize),
    /// Space and time are mixed.
    #[error("mixes space and time in one axis")]
    TimeMixed,
    /// Not in a list of words.
    #[error("unknown; supported are {0}")]
    UnknownWord(&'static str),
    /// Known, but not supported.
    #[error("not supported: {0}")]
    Unsupported(&'static str),
    /// Type without a byte order.
    #[error("the byte order (little or big) is required for values of more than one byte")]
    NoByteOrder,
    /// A path that leaves the header's folder.
    #[error("outside the folder of the header: if the file can be trusted, pass `allow_outside: true`")]
    Outside,
    /// The data file is the header.
    #[error("this is the header itself")]
    Itself,
    /// An invalid pattern of names.
    #[error("a pattern of file names needs one number such as %03d, then minimum, maximum and step: {0}")]
    Pattern(&'static str),
    /// Values do not divide evenly over the files.
    #[error("{files} files do not match {expected}")]
    FileCount {
        /// How many files are named.
        files: u64,
        /// The number that the sizes require.
        expected: String,
    },
    /// A file that cannot be opened.
    #[error("the file cannot be read: {0}")]
    CannotOpen(String),
    /// Not a regular file.
    #[error("not a regular file")]
    NotAFile,
    /// The values would not fit into the file.
    #[error("the values need {needed} bytes from byte {offset} on, but the file ends after {length}")]
    PastEnd {
        /// Bytes of all values of the file.
        needed: u64,
        /// Where they start, at the earliest.
        offset: u64,
        /// Length of the file.
        length: u64,
    },
    /// A skip beyond the file.
    #[error("past the end of the file, which has {0} bytes")]
    SkipPastEnd(u64),
    /// A negative skip.
    #[error("must be 0 or more, or -1 for values at the end of the file")]
    Skip,
    /// A text that is not a value of the type.
    #[error("value {index} is {text:?}, not a number of type {dtype}")]
    Value {
        /// Which value, from 0.
        index: usize,
        /// The text.
        text: String,
        /// The type of the voxels.
        dtype: &'static str,
    },
    /// Fewer values than needed.
    #[error("expected {needed} values, the text has {found}")]
    TooFewValues {
        /// How many are needed.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// More values than needed.
    #[error("expected {needed} values, the text has more")]
    TooManyInText {
        /// How many are needed.
        needed: usize,
    },
    /// A character that is not a digit.
    #[error("byte {at} of the text is not a hexadecimal digit")]
    HexDigit {
        /// Where, from the start of the text.
        at: usize,
    },
    /// The digits do not form whole bytes, or there are too few or too many.
    #[error("expected {needed} hexadecimal digits, the text has {found}")]
    HexCount {
        /// How many are needed.
        needed: u64,
        /// How many there are (counting stops at one too many).
        found: u64,
    },
    /// A gzip stream that cannot be decoded.
    #[error(transparent)]
    Gunzip(GunzipError),
    /// Another compressed stream that cannot be decoded.
    #[error(transparent)]
    Stream(StreamError),
}

impl Problem {
    pub(crate) const fn settings(&self) -> &'static [Setting] {
        match self {
            Self::Complex => &[Setting::ComplexChannels],
            Self::Outside => &[Setting::AllowOutside],
            Self::Stream(StreamError::Limit { .. }) => &[Setting::MaxExpansion],
            _ => &[],
        }
    }
}
