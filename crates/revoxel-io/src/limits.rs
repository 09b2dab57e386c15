//! What a file may ask for.

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
