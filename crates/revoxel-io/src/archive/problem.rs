//! Why archives cannot be read.

/// Why an archive cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Damaged, truncated, encrypted.
    #[error("the archive is damaged or not supported (after {members} members): {reason}")]
    Damaged {
        /// How many members could be reached.
        members: usize,
        /// The decoder's message.
        reason: String,
    },
    /// It exceeds the limit.
    #[error("the archive decodes to more than the limit of {0} bytes: if it can be trusted, raise the limit")]
    Limit(u64),
    /// More members than such a small archive can have images.
    #[error("the archive has more than {0} members, too many for its size")]
    Members(u64),
}
