//! Why a file cannot be read or written. Every message starts with the path.

use std::io;
use std::path::PathBuf;

use crate::archive::problem::ArchiveError;
use crate::codecs::gunzip::GunzipError;
use crate::codecs::stream::StreamError;
#[cfg(feature = "dicom")]
use crate::dicom::problem::DicomError;
use crate::mgh::problem::MghError;
use crate::nifti::problem::HeaderError;
use crate::npy::problem::NpyError;
use crate::picture::problem::PictureError;
use crate::setting::Setting;
use crate::textual::FieldError;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// An error of the operating system.
    #[error("{path}: {reason}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error.
        reason: io::Error,
    },
    /// A folder, a device, a pipe.
    #[error("{path}: not a regular file")]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// No format recognises the content or the name.
    #[error("{path}: unknown format; supported are {known}")]
    Unrecognised {
        /// The file.
        path: PathBuf,
        /// Names of the formats.
        known: String,
    },
    /// A format that is known, but not read.
    #[error("{path}: {format} is not supported: {how}")]
    NotRead {
        /// The file or folder.
        path: PathBuf,
        /// The format.
        format: &'static str,
        /// How to convert it.
        how: &'static str,
    },
    /// The other file of a pair is missing.
    #[error("{path}: its second file, {partner}, is missing")]
    MissingPartner {
        /// The file that was given.
        path: PathBuf,
        /// The file that should be beside it.
        partner: PathBuf,
    },
    /// A gzip stream cannot be decoded.
    #[error("{path}: {reason}")]
    Gunzip {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: GunzipError,
    },
    /// Another compressed stream cannot be decoded.
    #[error("{path}: {reason}")]
    Stream {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: StreamError,
    },
    /// The volume is larger than the limit.
    #[error("{path}: the volume needs {needed} bytes, more than the limit of {limit}: raise the limit")]
    Limit {
        /// The file.
        path: PathBuf,
        /// Bytes of the voxels.
        needed: u64,
        /// Allowed bytes.
        limit: u64,
    },
    /// The volume is larger than the memory.
    #[error(
        "{path}: the volume needs {needed} bytes of memory, but one volume may take {there} here: use a machine with \
         more memory, or set another limit"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes of the voxels.
        needed: u64,
        /// Bytes of memory for a volume.
        there: u64,
    },
    /// A compressed file would grow too much.
    #[error(
        "{path}: {compressed} compressed bytes would expand to {needed}, more than the limit of {limit}: if the file \
         can be trusted, raise the limit"
    )]
    Expansion {
        /// The file.
        path: PathBuf,
        /// Bytes of the compressed file.
        compressed: u64,
        /// Bytes to which it would decode.
        needed: u64,
        /// Bytes to which it may decode.
        limit: u64,
    },
    /// Not enough memory.
    #[error("{path}: not enough memory for {bytes} bytes")]
    Memory {
        /// The file.
        path: PathBuf,
        /// Bytes asked for.
        bytes: u64,
    },
    /// An invalid NIfTI header.
    #[error("{path}: {reason}")]
    Nifti {
        /// The file with the header.
        path: PathBuf,
        /// Which field, and why.
        reason: Box<HeaderError>,
    },
    /// Pictures that cannot be read as a volume.
    #[error("{path}: {reason}")]
    Picture {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        reason: Box<PictureError>,
    },
    /// A voxel size was given for a file that has one.
    #[error("{path}: {format} files store their voxel size: leave out `spacing:`")]
    SpacingGiven {
        /// The file or folder.
        path: PathBuf,
        /// Its format.
        format: &'static str,
    },
    /// Options for segmentations were given for another kind of file.
    #[error(
        "{path}: only DICOM segmentations and structure sets accept {}, and this is {format}: leave the option out",
        fields(given)
    )]
    LabelOptions {
        /// The file or folder.
        path: PathBuf,
        /// The options.
        given: Vec<Setting>,
        /// What it is.
        format: &'static str,
    },
    /// An invalid MGH header.
    #[error("{path}: {reason}")]
    Mgh {
        /// The file.
        path: PathBuf,
        /// Which field, and why.
        reason: Box<MghError>,
    },
    /// An invalid MRtrix header, or invalid values.
    #[error("{path}: {reason}")]
    Mif {
        /// The file with the problem: the header, or a file with values.
        path: PathBuf,
        /// Which field, and why.
        reason: Box<FieldError>,
    },
    /// An invalid NRRD header, or invalid values.
    #[error("{path}: {reason}")]
    Nrrd {
        /// The file with the problem: the header, or a file with values.
        path: PathBuf,
        /// Which field, and why.
        reason: Box<FieldError>,
    },
    /// An invalid MetaImage header, or invalid values.
    #[error("{path}: {reason}")]
    MetaImage {
        /// The file with the problem: the header, or a file with values.
        path: PathBuf,
        /// Which field, and why.
        reason: Box<FieldError>,
    },
    /// A DICOM file or series that cannot be read.
    #[cfg(feature = "dicom")]
    #[error("{path}: {reason}{}", reason.advice().map_or_else(String::new, |advice| format!(": {advice}")))]
    Dicom {
        /// The file, or the folder or archive of the series.
        path: PathBuf,
        /// Which attribute or slice, and why.
        reason: Box<DicomError>,
    },
    /// An archive that cannot be read.
    #[error("{path}: {reason}")]
    Archive {
        /// The archive.
        path: PathBuf,
        /// Why.
        reason: ArchiveError,
    },
    /// A NumPy file that cannot be read.
    #[error("{path}: {reason}")]
    Npy {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: NpyError,
    },
}

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// An error of the operating system.
    #[error("{path}: {reason}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error.
        reason: io::Error,
    },
    /// The folder does not exist; this crate never creates folders.
    #[error("{path}: the folder {folder} does not exist")]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// A name without a known extension.
    #[error("{path}: the name has no known extension; use one of {known}")]
    UnknownExtension {
        /// The file.
        path: PathBuf,
        /// The extensions, listed.
        known: String,
    },
    /// A format that is only read.
    #[error("{path}: {format} files cannot be written; choose another format")]
    CannotWrite {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
    },
    /// An entry of the affine is beyond the range of the format's numbers.
    #[error("{path}: {field} is {value:?}: cannot be stored as a 32-bit float")]
    NotStorable {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// The value.
        value: f64,
    },
    /// The format does not have the voxel type.
    #[error("{path}: {format} cannot store {dtype}, only {known}: choose one of these with `dtype:`")]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
        /// The types of the format.
        known: &'static str,
        /// The type of the voxels.
        dtype: &'static str,
    },
    /// An axis longer than the format can store.
    #[error("{path}: an axis has {size} voxels, more than {format} can store")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
        /// Voxels along the axis, or channels.
        size: usize,
    },
    /// Half precision in a format that has none.
    #[error("{path}: only .npy files can store float16, converted from float32 values")]
    Half {
        /// The file.
        path: PathBuf,
    },
    /// A value beyond the range of half precision.
    #[error(
        "{path}: the value {value} is beyond the range of float16 (±65504); write float32, or scale the values first"
    )]
    HalfRange {
        /// The file.
        path: PathBuf,
        /// The value.
        value: f32,
    },
    /// A tensor whose shape does not fit its values.
    #[error("{path}: shape is {shape:?}: does not match {values} values")]
    Shape {
        /// The file.
        path: PathBuf,
        /// The shape.
        shape: Vec<usize>,
        /// How many values there are.
        values: usize,
    },
}

impl ReadError {
    /// What a caller can set, of what the message speaks of.
    pub fn settings(&self) -> Vec<Setting> {
        match self {
            Self::Limit { .. } | Self::TooLarge { .. } => vec![Setting::MaxVolume],
            Self::Expansion { .. }
            | Self::Stream { reason: StreamError::Limit { .. }, .. }
            | Self::Archive { reason: ArchiveError::Limit(_), .. } => vec![Setting::MaxExpansion],
            Self::Nifti { reason, .. } => reason.problem.settings().to_vec(),
            Self::Mif { reason, .. } | Self::Nrrd { reason, .. } | Self::MetaImage { reason, .. } => {
                reason.problem.settings().to_vec()
            }
            Self::Picture { reason, .. } => reason.settings().to_vec(),
            Self::SpacingGiven { .. } => vec![Setting::Spacing],
            Self::LabelOptions { given, .. } => given.clone(),
            #[cfg(feature = "dicom")]
            Self::Dicom { reason, .. } => reason.settings(),
            _ => Vec::new(),
        }
    }
}

impl WriteError {
    /// What a caller can set, of what the message speaks of.
    pub fn settings(&self) -> Vec<Setting> {
        match self {
            Self::Dtype { .. } => vec![Setting::Dtype],
            _ => Vec::new(),
        }
    }
}

/// The fields of a pipeline for labels.
fn fields(given: &[Setting]) -> String {
    let field = |setting: &Setting| match setting {
        Setting::Reference => "`reference:`",
        Setting::Structures => "`structures:`",
        Setting::Threshold => "`threshold:`",
        _ => "`overlap:`",
    };
    given.iter().map(field).collect::<Vec<_>>().join(", ")
}
