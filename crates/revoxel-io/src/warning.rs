//! What was odd about a file, but does not keep it from being read or written.

use std::path::PathBuf;

use crate::dicom::warning::DicomWarning;
use crate::nifti::problem::HeaderError;

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
    /// The numbers of pictures do not follow each other.
    #[error(
        "the numbers of the pictures jump from {before} to {after}: if one is missing, all behind it are in a wrong place"
    )]
    Jump {
        /// The file before.
        before: String,
        /// The file behind.
        after: String,
    },
    /// Pages of a TIFF file that are no slices.
    #[error("{} set aside (NewSubfileType)", aside(*.0))]
    PagesAside(usize),
    /// Pixels that are not square, in a TIFF file whose rows are shown as columns.
    #[error(
        "Orientation swaps rows and columns: the spacing of {columns} mm (x) and {rows} mm (y) is that of the pixels as \
         stored, so it is swapped too"
    )]
    SpacingTurned {
        /// mm from column to column of the file.
        columns: f64,
        /// mm from row to row of the file.
        rows: f64,
    },
    /// Pictures whose EXIF asks to turn them.
    #[error(
        "{count} {} turned (EXIF orientation {value} in {file}): pixels are taken as stored; turn them with the step \
         `flip` or `rotate90` if need be",
        if *count == 1 { "picture asks to be" } else { "pictures ask to be" }
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
    #[error("{} set aside: {}", others(.0.len()), names(.0))]
    OtherFiles(Vec<String>),
    /// Both transforms are set and lead to different places.
    #[error("sform and qform disagree by up to {mm:.3} mm at a corner: the sform is followed")]
    SformQformDisagree {
        /// The largest distance of corresponding outer corners, mm.
        mm: f64,
    },
    /// The qform is set but cannot be used; the sform is.
    #[error("the qform cannot be used ({0}): the sform is followed")]
    QformUnusable(Box<HeaderError>),
    /// The sform is set but cannot be used; the qform is.
    #[error("the sform cannot be used ({0}): the qform is followed")]
    SformUnusable(Box<HeaderError>),
    /// The sform has other voxel sizes than `pixdim` says.
    #[error("pixdim says voxels of {pixdim}, the sform has voxels of {sform}: the sform is followed")]
    OtherSpacing {
        /// The sizes of `pixdim`.
        pixdim: String,
        /// Those of the sform, in the same unit.
        sform: String,
    },
    /// Axes of 0 voxels.
    #[error("{} 0: taken as 1", dims(.0))]
    ZeroDimensions(Vec<usize>),
    /// Complex voxels that were asked for.
    #[error("the voxels are {0}: read as channels, the real part and then the imaginary part")]
    ComplexChannels(&'static str),
    /// A negative voxel size of an Analyze file.
    #[error("pixdim[{axis}] is {value:?}: taken as {:?}, as nibabel does; other programs mirror such an axis", -value)]
    NegativePixdim {
        /// The axis, counted from 1 as in the header.
        axis: usize,
        /// Its value.
        value: f64,
    },
    /// The origin that SPM writes into Analyze headers.
    #[error("originator is {0:?}: taken as the voxel at the world's origin (from 1), as SPM writes it")]
    SpmOrigin([i64; 3]),
    /// The affine that SPM writes beside Analyze files.
    #[error("the affine is that of {0}, which SPM wrote")]
    SpmMatrix(PathBuf),
    /// A file with the name of SPM's affine that holds none.
    #[error("{path} holds no affine of SPM ({why}): it is not followed")]
    SpmMatrixUnusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
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
    /// `vox_offset` of a single file is the length of the header, and the file ends with the voxels from there on.
    #[error("vox_offset is {0}: the file has no room for the 4 bytes that say whether there are extensions")]
    NoExtensionFlag(u64),
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
    /// Values that are compressed though the header says that they are not.
    #[error(
        "{field} is {value}, but the first bytes of the values in {path} are those of a compressed stream: decoded"
    )]
    Packed {
        /// The file with the values.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// Its value.
        value: &'static str,
    },
    /// Lines of a header that are not read.
    #[error("{count} lines behind ElementDataFile are not read, nor does ITK read them: {first}")]
    LinesBehind {
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// More numbers than the header has axes.
    #[error("{field} is {value}: the numbers behind the first {used} are not read, nor does ITK read them")]
    SurplusNumbers {
        /// The field.
        field: String,
        /// Its value.
        value: String,
        /// How many are read.
        used: usize,
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
    /// A header that does not say where the voxels lie.
    #[error("{field} is {value}: the header does not say where the voxels lie: taken as {used}")]
    NotPlaced {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is used instead.
        used: &'static str,
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

impl Warning {
    /// Whether it says that labels beside an image are not read: of no use to who reads these labels too.
    pub const fn is_labels_aside(&self) -> bool {
        matches!(self, Self::Dicom(warning) if warning.is_labels_aside())
    }
}

fn aside(count: usize) -> String {
    match count {
        1 => "1 page is a thumbnail or a mask:".to_owned(),
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
