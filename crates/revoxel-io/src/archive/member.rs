//! A file in an archive.

use std::io::Read;
use std::path::{Path, PathBuf};

/// A file in an archive, read as a stream.
pub(crate) struct Member<'a> {
    /// Its name, for messages only: nothing is opened or created under it.
    pub(crate) name: String,
    /// Its number in the archive.
    pub(crate) index: usize,
    /// Its size according to the archive.
    pub(crate) size: u64,
    /// Whether it is a link, which is not followed.
    pub(crate) link: bool,
    /// Its bytes.
    pub(crate) read: &'a mut dyn Read,
}

impl Member<'_> {
    /// Its name in messages: the archive's path and the member's name.
    pub(crate) fn shown(&self, archive: &Path) -> PathBuf {
        archive.join(self.name.trim_start_matches(['/', '\\']))
    }
}
