//! Options for reading: limits, and choices that only some formats have.

use std::path::{Path, PathBuf};

use revoxel_core::Kind;

use crate::setting::Setting;
use crate::{ReadError, SeriesChoice};

/// Limits on what reading may allocate.
///
/// ```
/// use revoxel_io::Limits;
/// let limits = Limits::default();
/// // A small file may become 64 MiB, a large one 1100 times its size.
/// assert_eq!(limits.most_decoded(1000), 64 << 20);
/// assert_eq!(limits.most_decoded(1 << 20), 1100 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum size in bytes of the voxels of one volume, wherever they are stored.
    pub max_volume: u64,
    /// The maximum memory in bytes for the voxels of one volume. Voxels in a mapped file need none.
    pub memory: u64,
    /// How many times its own size a compressed file (or an archive) may grow when it is decoded.
    pub max_expansion: u64,
    /// The size in bytes to which any compressed file may decode, however small it is.
    pub free_expansion: u64,
}

impl Default for Limits {
    /// 1 TiB for a volume. A compressed file may decode to 64 MiB, or to 1100 times its size, which gzip, zlib and zip
    /// cannot reach.
    fn default() -> Self {
        Self { max_volume: 1 << 40, memory: 1 << 40, max_expansion: 1100, free_expansion: 64 << 20 }
    }
}

impl Limits {
    /// The maximum size that this many compressed bytes may decode to.
    pub const fn most_decoded(&self, compressed: u64) -> u64 {
        let most = compressed.saturating_mul(self.max_expansion);
        if most > self.free_expansion { most } else { self.free_expansion }
    }

    /// Refuses a volume whose voxels are too large; `mapped` says that they stay in their file.
    ///
    /// # Errors
    /// If they exceed `max_volume`, or need more than `memory`.
    pub fn check_volume(&self, path: &Path, bytes: u64, mapped: bool) -> Result<(), ReadError> {
        let path = || path.to_owned();
        match bytes {
            _ if bytes > self.max_volume => {
                Err(ReadError::Limit { path: path(), needed: bytes, limit: self.max_volume })
            }
            _ if bytes > self.memory && !mapped => {
                Err(ReadError::TooLarge { path: path(), needed: bytes, there: self.memory })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a file that would grow too much.
    pub(crate) fn check_expansion(&self, path: &Path, compressed: u64, needed: u64) -> Result<(), ReadError> {
        let limit = self.most_decoded(compressed);
        match needed > limit {
            true => Err(ReadError::Expansion { path: path.to_owned(), compressed, needed, limit }),
            false => Ok(()),
        }
    }
}

/// How to read a file. The defaults refuse whatever would have to be guessed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadOptions {
    /// Limits on what reading may allocate.
    pub limits: Limits,
    /// Whether a header may name data files outside its own folder (NRRD, MetaImage).
    pub allow_outside: bool,
    /// What to do with complex voxels.
    pub complex: ComplexPolicy,
    /// The voxel size in mm (x, y, z) of pictures, which do not state it; files of other formats are refused with this
    /// option. x and y are the columns and rows of the file as stored: if TIFF's Orientation swaps them, their sizes
    /// are swapped, too.
    pub spacing: Option<[f64; 3]>,
    /// Which series of a DICOM folder or archive, or of a folder of pictures.
    pub series: Option<SeriesChoice>,
    /// Which of several volumes of a series to read: a property from the list, such as `kernel B30f` or `phase`, with
    /// `*` for any text.
    pub select: Option<String>,
    /// What to do with DICOM images of different quantities at the same places.
    pub frames: FramesPolicy,
    /// What to do with DICOM images without a rescale if others of their series have one.
    pub rescale: RescalePolicy,
    /// What to do with a last frame of a DICOM series that lacks slices.
    pub incomplete: IncompletePolicy,
    /// What to do with uneven DICOM slices.
    pub slices: SlicePolicy,
    /// What to do with missing DICOM slices.
    pub missing: MissingPolicy,
    /// The kind as which the values will be read, if known when only the header is read. A segmentation is refused as
    /// anything but labels; for labels, it is preferred to a series of images.
    pub kind: Option<Kind>,
    /// How DICOM segmentations and structure sets become labels.
    pub labels: LabelOptions,
    /// Whether voxels that are used in place (those of large uncompressed files) are read from the disk only when they are
    /// looked at. For whoever looks at a part; for all voxels it takes longer.
    pub lazy: bool,
}

/// How DICOM segmentations (SEG) and structure sets (RTSTRUCT) become labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelOptions {
    /// The folder, file or archive with the series onto whose slices the labels go. `None`: the series to which they
    /// refer, from the same folder or archive.
    pub reference: Option<PathBuf>,
    /// Which series of the reference, if it contains several; `None`: the one to which the labels refer.
    pub reference_series: Option<SeriesChoice>,
    /// Which volume of that series, as in [`select`](ReadOptions::select).
    pub reference_select: Option<String>,
    /// The segments or structures to read, by name or number, in this order; if none is named, all of a segmentation.
    pub structures: Vec<String>,
    /// The smallest fraction of a segment in a voxel that counts as the segment, in FRACTIONAL segmentations.
    pub threshold: Threshold,
    /// What to do if labels overlap.
    pub overlap: OverlapPolicy,
}

impl LabelOptions {
    /// The names of the options that differ from their defaults.
    pub(crate) fn given(&self) -> Vec<Setting> {
        let plain = Self::default();
        let all = [
            (Setting::Reference, self.reference != plain.reference),
            (Setting::Structures, self.structures != plain.structures),
            (Setting::Threshold, self.threshold != plain.threshold),
            (Setting::Overlap, self.overlap != plain.overlap),
        ];
        all.into_iter().filter_map(|(setting, given)| given.then_some(setting)).collect()
    }

    /// Refuses options for labels if the file is neither a segmentation nor a structure set.
    pub(crate) fn check_unused(&self, path: &Path, format: &'static str) -> Result<(), ReadError> {
        match self.given() {
            given if given.is_empty() => Ok(()),
            given => Err(ReadError::LabelOptions { path: path.to_owned(), given, format }),
        }
    }
}

/// The smallest fraction that counts: above 0, at most 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold(f64);

impl Threshold {
    /// A fraction above 0 and at most 1; `None` for any other number.
    ///
    /// ```
    /// use revoxel_io::Threshold;
    /// assert_eq!(Threshold::new(0.25).map(Threshold::get), Some(0.25));
    /// assert_eq!(Threshold::new(0.0), None);
    /// ```
    pub fn new(fraction: f64) -> Option<Self> {
        (fraction > 0.0 && fraction <= 1.0).then_some(Self(fraction))
    }

    /// The fraction.
    pub const fn get(self) -> f64 {
        self.0
    }
}

// Never NaN.
impl Eq for Threshold {}

impl Default for Threshold {
    /// One half.
    fn default() -> Self {
        Self(0.5)
    }
}

/// What to do with voxels that have several labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverlapPolicy {
    /// Refuse, naming the labels.
    #[default]
    Error,
    /// Read one channel for each label, with 1 inside it.
    Channels,
}

/// What to do with images of different quantities (magnitude, phase; water, fat) at the same places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FramesPolicy {
    /// They are different volumes.
    #[default]
    Separate,
    /// They are frames of one volume.
    Stack,
}

/// What to do with images without a rescale if others of their series have one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RescalePolicy {
    /// Refuse, naming the first of them.
    #[default]
    Error,
    /// Use that of the others, if they share one.
    Assume,
}

/// What to do with a last frame that lacks slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncompletePolicy {
    /// Refuse, naming it.
    #[default]
    Error,
    /// Leave it out, with a warning.
    Drop,
}

/// What to do with complex voxels (NIfTI, MRtrix).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ComplexPolicy {
    /// Refuse, naming the type.
    #[default]
    Error,
    /// Read them as two channels: the real part, then the imaginary part.
    Channels,
}

/// What to do with uneven slices: gaps of different size, or slices shifted within their plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlicePolicy {
    /// Refuse, naming the gaps.
    #[default]
    Error,
    /// Read them with their positions ([`SliceStack`](crate::SliceStack)), for resampling onto an even grid.
    Regularize,
    /// Treat them as even, at the mean gap.
    Nominal,
}

/// What to do if slices are missing from an otherwise even stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingPolicy {
    /// Refuse, naming the missing positions.
    #[default]
    Error,
    /// Interpolate them between their neighbours, with a warning that lists them.
    Interpolate,
}
