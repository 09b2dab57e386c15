//! Folders of pictures.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::decode::Kind;
use super::names::name_of;
use crate::codecs::head;
use crate::format::FIRST_BYTES;
use crate::open::has_extension;
use crate::{FORMATS, unread};

/// The content of a folder of pictures.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) pictures: Vec<PathBuf>,
    /// Names of other files and folders, in their order.
    pub(super) others: Vec<String>,
}

/// Files that operating systems leave in folders, in lower case.
const LITTER: [&str; 8] =
    ["thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "$recycle.bin"];

/// Whether a folder contains pictures and no volumes of other formats.
pub(super) fn is_of_pictures(path: &Path) -> bool {
    path.is_dir() && list(path).is_ok_and(|listing| listing.is_some())
}

/// Lists the pictures of a folder, unsorted. `None` if it holds no picture, or if it or a sub-folder also holds
/// volumes of other formats.
pub(super) fn list(path: &Path) -> io::Result<Option<Listing>> {
    let mut listing = Listing::default();
    let mut folders = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let path = entry.path();
        let name = name_of(&path);
        if is_litter(&name) || has_extension(&path, "json") {
            continue;
        }
        let is_file = fs::metadata(&path).is_ok_and(|metadata| metadata.is_file());
        let is_picture = is_file && Kind::of(&first_bytes(&path)?).is_some();
        match () {
            // One that is damaged is an error, and not left out.
            () if is_picture || is_named_as_picture(&path) => listing.pictures.push(path),
            () if is_file && is_volume(&path) => return Ok(None),
            () => {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                }
                listing.others.push(name);
            }
        }
    }
    if listing.pictures.is_empty() || folders.into_iter().any(holds_volume) {
        return Ok(None);
    }
    listing.others.sort();
    Ok(Some(listing))
}

fn is_litter(name: &str) -> bool {
    name.starts_with('.') || LITTER.contains(&name.to_lowercase().as_str())
}

fn first_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    File::open(path)?.take(8).read_to_end(&mut first)?;
    Ok(first)
}

fn is_named_as_picture(path: &Path) -> bool {
    !path.is_dir() && ["tif", "tiff", "png", "jpg", "jpeg"].iter().any(|extension| has_extension(path, extension))
}

/// Whether a file is a volume of another format. A folder with such a file is not a folder of pictures, so no volume
/// is left out silently.
fn is_volume(path: &Path) -> bool {
    let extensions = |format: &&dyn crate::Format| format.extensions().iter().any(|e| has_extension(path, e));
    if FORMATS.iter().any(extensions) || has_extension(path, "dcm") {
        return true;
    }
    let Ok(head) = head::head(path, FIRST_BYTES) else { return false };
    let mut formats = FORMATS.iter().filter(|format| ![super::NAME, "dicom"].contains(&format.name()));
    is_dicom(&head.bytes)
        || formats.any(|format| format.recognises(path, &head.bytes))
        || unread::of(path, &head.bytes).is_some()
}

#[cfg(feature = "dicom")]
fn is_dicom(first_bytes: &[u8]) -> bool {
    crate::dicom::is_dicom(first_bytes)
}

/// Without the feature `dicom`, such a file counts as not readable.
#[cfg(not(feature = "dicom"))]
const fn is_dicom(_: &[u8]) -> bool {
    false
}

/// Whether a volume lies in a folder or below. Links to folders are not followed: they could lead in a circle.
fn holds_volume(folder: PathBuf) -> bool {
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                _ if is_litter(&name_of(&path)) => {}
                Ok(kind) if kind.is_dir() => folders.push(path),
                _ if path.is_file() && is_volume(&path) => return true,
                _ => {}
            }
        }
    }
    false
}
