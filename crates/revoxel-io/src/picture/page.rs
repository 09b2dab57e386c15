//! One picture of a file.

use std::path::Path;

use revoxel_core::Dtype;

use super::problem::PictureError;
use crate::ReadError;

/// The content of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Grey, grey and alpha, RGB, RGB and alpha.
    pub(super) channels: usize,
    pub(super) dtype: Dtype,
}

impl Page {
    /// For messages.
    pub(super) fn text(&self) -> String {
        format!("{}×{} pixels of {} × {}", self.width, self.height, self.channels, self.dtype)
    }

    pub(super) fn values(&self) -> usize {
        self.width.saturating_mul(self.height).saturating_mul(self.channels)
    }
}

pub(super) fn failed(path: &Path, reason: PictureError) -> ReadError {
    ReadError::Picture { path: path.to_owned(), reason: Box::new(reason) }
}

pub(super) fn undecodable(path: &Path) -> impl Fn(String) -> ReadError + use<'_> {
    move |why| failed(path, PictureError::Decode(why))
}
