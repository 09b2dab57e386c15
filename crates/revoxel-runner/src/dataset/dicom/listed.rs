//! Series that a list of cases names by their UIDs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use revoxel_io::dicom_index::{DicomIndex, IndexedSeries};

use super::super::OwnSeries;
use super::folders::Pattern;
use crate::limits::options;

/// The folders of a list that were looked into.
#[derive(Default)]
pub(in crate::dataset) struct Folders(BTreeMap<PathBuf, Vec<IndexedSeries>>);

impl Folders {
    /// The series of a folder, or of a file, which says by itself what it holds.
    ///
    /// # Errors
    /// Where the folder cannot be listed or has no such series.
    pub(in crate::dataset) fn series(&mut self, path: &Path, uid: &str) -> Result<OwnSeries, String> {
        if !path.is_dir() {
            return Ok(OwnSeries { uid: uid.to_owned(), files: None });
        }
        if !self.0.contains_key(path) {
            let files = Pattern::new("**").files(path).map_err(|e| e.to_string())?.files;
            let index = DicomIndex::of(path, files, &[], &options()).map_err(|e| e.to_string())?;
            self.0.insert(path.to_owned(), index.series);
        }
        let all = self.0.get(path).map_or(&[][..], Vec::as_slice);
        match all.iter().find(|series| series.uid == uid) {
            Some(series) => Ok(OwnSeries { uid: uid.to_owned(), files: Some(series.files.clone().into()) }),
            None => Err(format!("{} has no series {uid}; it has {}", path.display(), super::shown(all.iter()))),
        }
    }
}
