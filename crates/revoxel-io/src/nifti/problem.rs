//! Errors of fields of a NIfTI header.

use crate::setting::Setting;

/// An invalid field, with its value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} is {value}: {problem}")]
pub struct HeaderError {
    /// The field, as the standard spells it.
    pub field: String,
    /// Its value.
    pub value: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl HeaderError {
    pub(crate) fn new(field: impl Into<String>, value: impl ToString, problem: Problem) -> Self {
        Self { field: field.into(), value: value.to_string(), problem }
    }
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A file shorter than a header; the field is the length of the file.
    #[error("a NIfTI header has {0} bytes")]
    NoHeader(u64),
    /// Neither 348 nor 540 in either byte order.
    #[error("must be 348 (NIfTI-1) or 540 (NIfTI-2), so this is not a NIfTI file or its start is damaged")]
    SizeOfHeader,
    /// A NIfTI-2 header without the right magic.
    #[error(
        "must be \"n+2\" or \"ni2\" followed by 0, \\r, \\n, 26, \\n in NIfTI-2 (transfer in text mode damages it)"
    )]
    Magic,
    /// The header says that the voxels are in another file, but the file name says that they are not.
    #[error("the header belongs to an .hdr/.img pair, but the file is not named .hdr")]
    PairInSingleFile,
    /// Not 1 to 7 axes.
    #[error("must be 1 to 7")]
    AxisCount,
    /// An axis without voxels.
    #[error("every dimension must be at least 1")]
    EmptyAxis,
    /// More than five axes.
    #[error("axes beyond the fifth must have 1 element")]
    TooManyAxes,
    /// More values than can be addressed.
    #[error("more values than can be addressed")]
    TooManyValues,
    /// A type that is known but not supported.
    #[error("voxels of type {0} are not supported")]
    UnsupportedType(&'static str),
    /// Complex voxels, which must be requested.
    #[error(
        "voxels of type {0} are not single numbers: read them as two channels, real and imaginary, with `complex: \
         channels`"
    )]
    Complex(&'static str),
    /// Both transforms are unusable.
    #[error("{sform}; and {qform}: correct one of them")]
    NoUsableTransform {
        /// What is wrong with the sform.
        sform: String,
        /// What is wrong with the qform.
        qform: String,
    },
    /// A type that the standard does not know.
    #[error("not the number of a NIfTI data type")]
    UnknownType,
    /// Not a number of bytes.
    #[error("must be a whole number of bytes")]
    NotBytes,
    /// The voxels would start within the header.
    #[error("must be at least {0} in a single file")]
    OffsetInHeader(u64),
    /// There are extensions, but no offset that gives their end.
    #[error("the file has header extensions: must be the byte after them, where the voxels start")]
    BehindExtensions,
    /// The voxels would start after the end of the file.
    #[error("past the end of the file, which has {0} bytes")]
    OffsetPastEnd(u64),
    /// The voxels would not fit into the file.
    #[error("the voxels need {needed} bytes from byte {offset} on, but the file ends after {length}")]
    PastEnd {
        /// Bytes of all values.
        needed: u64,
        /// Where they start.
        offset: u64,
        /// Length of the file.
        length: u64,
    },
    /// NaN or infinite.
    #[error("must be a finite number")]
    NotFinite,
    /// An intercept of complex voxels.
    #[error("programs disagree on whether it is added to the imaginary part of complex voxels: set it to 0")]
    ComplexIntercept,
    /// Not a valid voxel size.
    #[error("the size of a voxel must be a positive number")]
    NotASize,
    /// Smaller than the smallest normal 32-bit float.
    #[error("too small to be the size of a voxel")]
    TooSmall,
    /// An affine that cannot be inverted.
    #[error("the affine is singular: a voxel axis is zero, or the axes lie in one plane")]
    Singular,
    /// b² + c² + d² above 1.
    #[error("not a rotation: the sum of the squares is above 1")]
    NoRotation,
}

impl Problem {
    pub(crate) const fn settings(&self) -> &'static [Setting] {
        match self {
            Self::Complex(_) => &[Setting::ComplexChannels],
            _ => &[],
        }
    }
}
