//! Oddities of a file that do not prevent reading or writing it.

use std::path::PathBuf;

use crate::counted::counted;
#[cfg(feature = "dicom")]
use crate::dicom::warning::DicomWarning;
use crate::nifti::problem::HeaderError;
use crate::setting::Setting;

/// A remark on a file that was read or written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// The header has no NIfTI magic.
    #[error("no NIfTI magic: read as Analyze 7.5, which does not define left and right")]
    Analyze,
    /// There is neither an sform nor a qform.
    #[error("neither sform nor qform is set: position assumed (x to the left, centred on the origin)")]
    NoTransform,
    /// The numbers of pictures do not follow each other.
    #[error(
        "the numbers of the pictures jump from {before} to {after}: if a picture is missing, all slices after it are \
         misplaced"
    )]
    Jump {
        /// The file before the gap.
        before: String,
        /// The file after the gap.
        after: String,
    },
    /// Pages of a TIFF file that are not slices.
    #[error("{} left out (NewSubfileType)", aside(*.0))]
    PagesAside(usize),
    /// Pixels that are not square, in a TIFF file whose rows are shown as columns.
    #[error(
        "Orientation swaps rows and columns: the spacing as stored, {columns} mm (x) and {rows} mm (y), is swapped too"
    )]
    SpacingTurned {
        /// mm from column to column of the file.
        columns: f64,
        /// mm from row to row of the file.
        rows: f64,
    },
    /// Pictures with an EXIF orientation.
    #[error(
        "{} an EXIF orientation ({value} in {file}), which is not applied: turn the volume with the step `flip` or \
         `rotate90` if needed",
        counted(*count, "picture has", "pictures have")
    )]
    AsksToBeTurned {
        /// The first of them.
        file: String,
        /// Its orientation, 2 to 8.
        value: u16,
        /// How many.
        count: usize,
    },
    /// Files and folders among pictures, by their names.
    #[error("{} left out: {}", others(.0.len()), names(.0))]
    OtherFiles(Vec<String>),
    /// Both transforms are set and lead to different places.
    #[error("sform and qform disagree by up to {mm:.3} mm at a corner: the sform is used")]
    SformQformDisagree {
        /// The largest distance of corresponding outer corners, mm.
        mm: f64,
    },
    /// The qform is set but cannot be used; the sform is.
    #[error("the qform cannot be used ({0}): the sform is used")]
    QformUnusable(Box<HeaderError>),
    /// The sform is set but cannot be used; the qform is.
    #[error("the sform cannot be used ({0}): the qform is used")]
    SformUnusable(Box<HeaderError>),
    /// The sform has other voxel sizes than `pixdim` says.
    #[error("voxel sizes disagree (pixdim {pixdim}, sform {sform}): the sform is used")]
    OtherSpacing {
        /// The sizes of `pixdim`.
        pixdim: String,
        /// Those of the sform, in the same unit.
        sform: String,
    },
    /// Axes of 0 voxels.
    #[error("{} 0: taken as 1", dims(.0))]
    ZeroDimensions(Vec<usize>),
    /// Complex voxels, read as requested.
    #[error("the voxels are {0}: read as channels, first the real part, then the imaginary part")]
    ComplexChannels(&'static str),
    /// A negative voxel size of an Analyze file.
    #[error("pixdim[{axis}] is {value:?}: taken as {:?}, as in nibabel; other programs mirror such an axis", -value)]
    NegativePixdim {
        /// The axis, counted from 1 as in the header.
        axis: usize,
        /// Its value.
        value: f64,
    },
    /// The origin that SPM writes into Analyze headers.
    #[error("originator is {0:?}: read as the voxel at the origin of the world (counted from 1), as written by SPM")]
    SpmOrigin([i64; 3]),
    /// The affine that SPM writes beside Analyze files.
    #[error("affine read from {0}, written by SPM")]
    SpmMatrix(PathBuf),
    /// A file with the name of SPM's affine contains none.
    #[error("{path} contains no usable SPM affine ({why}): ignored")]
    SpmMatrixUnusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A transform code outside the standard.
    #[error("{field} is {value}: the standard has 0 to 5; {}", if *value > 0 { "taken as set" } else { "taken as 0" })]
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
    #[error("xyzt_units is {0}: unknown unit of length, taken as mm")]
    UnknownUnits(i32),
    /// `bitpix` contradicts `datatype`.
    #[error("bitpix is {value}, but datatype has {expected} bits: datatype is used")]
    Bitpix {
        /// Its value.
        value: i32,
        /// Bits of the data type.
        expected: i32,
    },
    /// `vox_offset` of a single file points into the header.
    #[error("vox_offset is {value}: voxels are read from byte {used} on")]
    VoxOffset {
        /// Its value.
        value: u64,
        /// What is used instead.
        used: u64,
    },
    /// `vox_offset` of a single file is the length of the header, and the file ends with the voxels from there on.
    #[error("vox_offset is {0}: no room for the 4 bytes of the extension flag")]
    NoExtensionFlag(u64),
    /// The header extensions cannot be read, or not all of them.
    #[error(
        "extension[{index}].esize is {size}, but {available} bytes are left: this and later extensions are left out"
    )]
    ExtensionSize {
        /// Which extension, from 0.
        index: usize,
        /// Its declared size.
        size: i64,
        /// How many bytes there are.
        available: u64,
    },
    /// The space for extensions is unreasonably large.
    #[error("vox_offset leaves {0} bytes for extensions, which is too large: they are left out")]
    ExtensionsTooLarge(u64),
    /// The file continues after the voxels.
    #[error("{path}: {bytes} bytes after the voxels are ignored")]
    MoreData {
        /// The file with the voxels.
        path: PathBuf,
        /// The number of bytes (for long compressed files, at least this many).
        bytes: u64,
    },
    /// The values are compressed although the header says that they are not.
    #[error("{field} is {value}, but the values in {path} are compressed: decompressed")]
    Packed {
        /// The file with the values.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// Its value.
        value: &'static str,
    },
    /// Lines of a header that are not read.
    #[error("{} after ElementDataFile, as in ITK: {first}", counted(*count, "line is ignored", "lines are ignored"))]
    LinesBehind {
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// More numbers than the header has axes.
    #[error("{field} is {value}: numbers after the first {used} are ignored, as in ITK")]
    SurplusNumbers {
        /// The field.
        field: String,
        /// Its value.
        value: String,
        /// How many are read.
        used: usize,
    },
    /// A compressed file continues after the last gzip member.
    #[error("{path}: {bytes} bytes after the end of the gzip stream are ignored")]
    TrailingJunk {
        /// The file.
        path: PathBuf,
        /// How many.
        bytes: u64,
    },
    /// A DICOM series.
    #[cfg(feature = "dicom")]
    #[error(transparent)]
    Dicom(DicomWarning),
    /// The written affine has shear.
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
        "this format can place 2-D volumes only in the plane z = 0: written with a third axis of one slice to keep \
         position and thickness"
    )]
    ThirdAxis,
    /// A header without the anatomical meaning of its world axes.
    #[error("{field} is {value}: left and right are unknown, read as left-posterior-superior (LPS)")]
    UnknownFrame {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// A header without the position of the voxels.
    #[error("{field} is {value}: the position is unknown, assumed {used}")]
    NotPlaced {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is used instead.
        used: &'static str,
    },
    /// A field of the geometry is absent.
    #[error("{field} is absent: assumed {used}")]
    Assumed {
        /// The field.
        field: &'static str,
        /// What is used instead.
        used: &'static str,
    },
    /// A unit of length that is not known.
    #[error("{field} is {value:?}: unknown unit of length, taken as mm")]
    UnknownUnit {
        /// The field.
        field: &'static str,
        /// The unit.
        value: String,
    },
    /// A field that is not applied.
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

impl Warning {
    /// What a caller can set, of what the message speaks of.
    pub const fn settings(&self) -> &'static [Setting] {
        #[cfg(feature = "dicom")]
        if let Self::Dicom(warning) = self {
            return warning.settings();
        }
        &[]
    }

    /// Whether it reports labels beside an image as left out. Callers that also read these labels can drop it.
    pub const fn is_labels_aside(&self) -> bool {
        #[cfg(feature = "dicom")]
        if let Self::Dicom(warning) = self {
            return warning.is_labels_aside();
        }
        false
    }
}

fn aside(count: usize) -> String {
    match count {
        1 => "1 page is a thumbnail or mask:".to_owned(),
        _ => format!("{count} pages are thumbnails or masks:"),
    }
}

fn others(count: usize) -> String {
    if count == 1 { "1 other file or folder is".to_owned() } else { format!("{count} other files and folders are") }
}

/// Up to three names, and how many more there are.
fn names(all: &[String]) -> String {
    let named = all.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if all.len() > 3 { format!("{named} and {} more", all.len() - 3) } else { named }
}

/// `dim[2], dim[3] are`, for axes 2 and 3.
fn dims(axes: &[usize]) -> String {
    let names: Vec<String> = axes.iter().map(|axis| format!("dim[{axis}]")).collect();
    format!("{} {}", names.join(", "), if axes.len() == 1 { "is" } else { "are" })
}
