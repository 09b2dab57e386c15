//! What a caller says about reading: bounds, and choices that only some formats have.

/// Bounds on what reading may allocate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that a compressed file may decode to. (A file that is not compressed is bounded by its own
    /// length.)
    pub max_decoded_bytes: u64,
}

impl Default for Limits {
    /// 64 GiB.
    fn default() -> Self {
        Self { max_decoded_bytes: 64 << 30 }
    }
}

/// How a file is to be read. The defaults refuse whatever would have to be guessed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Bounds on what reading may allocate.
    pub limits: Limits,
    /// Whether a header may name data files outside its own folder (NRRD, MetaImage).
    pub allow_outside: bool,
    /// Which series of a DICOM folder or archive: its UID, or its number (from 1) in the list of series.
    pub series: Option<String>,
    /// What to do with DICOM slices that lie unevenly.
    pub slices: SlicePolicy,
    /// What to do with missing DICOM slices.
    pub missing: MissingPolicy,
}

/// What to do with slices that lie unevenly: gaps of different size, or slices moved within their plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlicePolicy {
    /// Refuse, naming the gaps.
    #[default]
    Error,
    /// Read them with their places ([`SliceStack`](crate::SliceStack)), for resampling onto an even grid.
    Regularize,
    /// Take them to be even, at the mean gap.
    Nominal,
}

/// What to do where slices are missing from an otherwise even stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingPolicy {
    /// Refuse, naming the missing positions.
    #[default]
    Error,
    /// Fill them in between their neighbours, and say which.
    Interpolate,
}
