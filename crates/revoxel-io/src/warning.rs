//! What was odd about a file, but does not keep it from being read or written.

use std::path::PathBuf;

use crate::dicom::DicomWarning;
use crate::nifti::HeaderError;

/// A remark on a file that was read or written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// The header has no NIfTI magic.
    #[error("no NIfTI magic: read as Analyze 7.5, which does not say where left and right are")]
    Analyze,
    /// There is neither an sform nor a qform.
    #[error(
        "neither sform nor qform is set: the position in the world is a guess (x to the left, centred on the origin)"
    )]
    NoTransform,
    /// Both transforms are set and lead to different places.
    #[error("sform and qform disagree by up to {mm:.3} mm at a corner: the sform is followed")]
    SformQformDisagree {
        /// The largest distance of corresponding outer corners, mm.
        mm: f64,
    },
    /// The qform is set but cannot be used; the sform is.
    #[error("the qform cannot be used ({0}): the sform is followed")]
    QformUnusable(Box<HeaderError>),
    /// A transform code outside the standard.
    #[error("{field} is {value}: the standard knows 0 to 5; {}", if *value > 0 { "taken as set" } else { "taken as 0" })]
    UnknownCode {
        /// The field.
        field: &'static str,
        /// Its value.
        value: i32,
    },
    /// `pixdim[0]` is neither 1, −1 nor 0.
    #[error("pixdim[0] (qfac) is {:?}: taken as {used}", *value as f32)]
    Qfac {
        /// Its value.
        value: f64,
        /// What is used instead.
        used: f64,
    },
    /// A voxel size that is not positive, along an axis of one voxel.
    #[error("pixdim[{axis}] is {:?}: taken as 1, as the axis has one voxel", *value as f32)]
    PixdimReplaced {
        /// The axis, counted from 1 as in the header.
        axis: usize,
        /// Its value.
        value: f64,
    },
    /// A unit of length outside the standard.
    #[error("xyzt_units is {0}: an unknown unit of length, taken as mm")]
    UnknownUnits(i32),
    /// `bitpix` contradicts `datatype`.
    #[error("bitpix is {value}, but datatype has {expected} bits: datatype is followed")]
    Bitpix {
        /// Its value.
        value: i32,
        /// Bits of the data type.
        expected: i32,
    },
    /// `vox_offset` of a single file points into the header.
    #[error("vox_offset is {value}: the voxels are taken to start at byte {used}")]
    VoxOffset {
        /// Its value.
        value: u64,
        /// What is used instead.
        used: u64,
    },
    /// The header extensions cannot be read, or not all of them.
    #[error("extension[{index}].esize is {size}, where {available} bytes are left: it and what follows is left out")]
    ExtensionSize {
        /// Which extension, from 0.
        index: usize,
        /// Its declared size.
        size: i64,
        /// How many bytes there are.
        available: u64,
    },
    /// The place for extensions is beyond reason.
    #[error("vox_offset leaves {0} bytes for extensions: they are left out")]
    ExtensionsTooLarge(u64),
    /// The file goes on behind the voxels.
    #[error("{path}: {bytes} bytes behind the voxels are ignored")]
    MoreData {
        /// The file with the voxels.
        path: PathBuf,
        /// How many (for compressed files that go on for long: at least as many).
        bytes: u64,
    },
    /// A compressed file goes on behind the last gzip member.
    #[error("{path}: {bytes} bytes behind the end of the gzip stream are ignored")]
    TrailingJunk {
        /// The file.
        path: PathBuf,
        /// How many.
        bytes: u64,
    },
    /// A DICOM series.
    #[error(transparent)]
    Dicom(DicomWarning),
    /// The affine that was written shears.
    #[error(
        "the axes are not at right angles (sine {sine:.5}): written as sform only; ITK (SimpleITK, 3D Slicer, ANTs) \
         refuses such a NIfTI file"
    )]
    Sheared {
        /// The sine of the largest deviation from a right angle.
        sine: f64,
    },
    /// A 2-D volume that two axes of the format cannot place.
    #[error(
        "the volume is 2-D, but this format can say of two axes only that they lie in the plane z = 0: written with a \
         third axis of one slice, which keeps its place and thickness"
    )]
    ThirdAxis,
    /// A header that does not say how its world lies in the patient.
    #[error("{field} is {value}: it does not say where left and right are: read as left-posterior-superior (LPS)")]
    UnknownFrame {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// A field of the geometry is absent.
    #[error("{field} is absent: taken as {used}")]
    Assumed {
        /// The field.
        field: &'static str,
        /// What is used instead.
        used: &'static str,
    },
    /// A unit of length that is not known.
    #[error("{field} is {value:?}: an unknown unit of length, taken as mm")]
    UnknownUnit {
        /// The field.
        field: &'static str,
        /// The unit.
        value: String,
    },
    /// A field that is not followed.
    #[error("{field} is {value}: not applied, {why}")]
    NotApplied {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// Why not.
        why: &'static str,
    },
}
