//! Recognising files by content, and writing them atomically.

use std::path::{Path, PathBuf};

use revoxel_core::{Kind, Volume};

use crate::atomic::partly;
use crate::by_name::{by_extension, format_for_writing};
use crate::codecs::head;
use crate::format::{FIRST_BYTES, FileInfo, Format, Loaded};
use crate::open::{failed_to_read, length_of};
use crate::slabs::Complete;
use crate::unread::{self, Unread};
use crate::{FORMATS, Facts, ReadError, ReadOptions, Warning, WriteError};

/// The name of the format of a file or folder, by its content.
///
/// # Errors
/// If it cannot be opened, or has no known format.
pub fn format_of(path: impl AsRef<Path>) -> Result<&'static str, ReadError> {
    recognise(path.as_ref()).map(Format::name)
}

/// Reads the header of a file, with the default options.
///
/// # Errors
/// As [`info_with`].
pub fn info(path: impl AsRef<Path>) -> Result<FileInfo, ReadError> {
    info_with(path, &ReadOptions::default())
}

/// Reads the header of a file. The voxels are not touched, so damage among them is not noticed.
///
/// # Errors
/// If the file cannot be opened, has no known format, or its header is invalid.
pub fn info_with(path: impl AsRef<Path>, options: &ReadOptions) -> Result<FileInfo, ReadError> {
    for_reading(path.as_ref(), options)?.info(path.as_ref(), options)
}

/// Reads a file, with the default options.
///
/// # Errors
/// As [`read_with`].
pub fn read(path: impl AsRef<Path>, kind: Kind) -> Result<Loaded, ReadError> {
    read_with(path, kind, &ReadOptions::default())
}

/// Reads a file; `kind` says what its values mean, which no header does.
///
/// # Errors
/// If the file cannot be opened, has no known format, is damaged, or exceeds the limits.
pub fn read_with(path: impl AsRef<Path>, kind: Kind, options: &ReadOptions) -> Result<Loaded, ReadError> {
    crate::map::lazily(options.lazy, || for_reading(path.as_ref(), options)?.read(path.as_ref(), kind, options))
}

/// Writes a volume in the format that the name implies. The file appears under its name in one step when it is
/// complete. Folders are not created. Facts that the format cannot store are left out.
///
/// # Errors
/// If the name has no known extension, the folder is missing, an I/O error occurs, or the format cannot store
/// the volume.
pub fn write(path: impl AsRef<Path>, volume: &Volume, facts: &Facts) -> Result<Vec<Warning>, WriteError> {
    complete(path, volume, facts)?.persist()
}

/// Writes a volume whose file gets its name later.
///
/// # Errors
/// As [`write()`].
pub fn complete(path: impl AsRef<Path>, volume: &Volume, facts: &Facts) -> Result<Complete, WriteError> {
    let path = path.as_ref();
    let format = format_for_writing(path)?;
    let (file, wrote) = partly(path, |to| format.write(path, to, volume, facts))?;
    Ok(Complete::new(file, wrote))
}

/// The other files that writing a file of this name may create: the values of an `.hdr` are in an `.img`, those of an
/// `.mhd` in a `.raw` or `.zraw`, those of an `.nhdr` in a `.raw` or `.raw.gz`.
pub fn written_beside(path: impl AsRef<Path>) -> Vec<PathBuf> {
    let path = path.as_ref();
    by_extension(path).map_or_else(Vec::new, |format| format.beside(path))
}

/// The files from which a volume is read, besides the file itself; see [`Format::parts`].
///
/// # Errors
/// If the header is invalid.
pub fn parts(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Vec<PathBuf>, ReadError> {
    for_reading(path.as_ref(), options)?.parts(path.as_ref(), options)
}

/// The format of a file that will be read with these options.
fn for_reading(path: &Path, options: &ReadOptions) -> Result<&'static dyn Format, ReadError> {
    let format = recognise(path)?;
    if !format.holds_segments() {
        options.labels.check_unused(path, format.name())?;
    }
    match options.spacing {
        Some(_) if format.says_spacing() => {
            Err(ReadError::SpacingGiven { path: path.to_owned(), format: format.name() })
        }
        _ => Ok(format),
    }
}

/// The format of a file by its content. If no format recognises the content, the name decides, so that the format can
/// say what is wrong.
fn recognise(path: &Path) -> Result<&'static dyn Format, ReadError> {
    let not_read = |Unread { format, how }| ReadError::NotRead { path: path.to_owned(), format, how };
    if path.is_dir() {
        if let Some(unread) = unread::of_folder(path) {
            return Err(not_read(unread));
        }
        let not_a_file = || ReadError::NotAFile { path: path.to_owned() };
        return FORMATS.iter().copied().find(|format| format.recognises(path, &[])).ok_or_else(not_a_file);
    }
    length_of(path)?;
    let head = head::head(path, FIRST_BYTES).map_err(failed_to_read(path))?;
    let by_content = FORMATS.iter().copied().find(|format| format.recognises(path, &head.bytes));
    if let (None, Some(unread)) = (by_content, unread::of(path, &head.bytes)) {
        return Err(not_read(unread));
    }
    by_content.or_else(|| by_extension(path)).ok_or_else(|| {
        let known = FORMATS.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ").replace("dicom", "DICOM");
        ReadError::Unrecognised { path: path.to_owned(), known }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_content_says_the_format_whatever_the_name_is() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let folder = tempfile::tempdir().unwrap();
        let series = tempfile::tempdir().unwrap();
        let dicom = series.path().join("slice");
        fs::write(&dicom, crate::dicom::testing::Object::slice(0, [0.0; 3]).bytes()).unwrap();
        for (source, format) in [
            (fixtures.join("dtype_i2.nii"), "NIfTI-1"),
            (fixtures.join("scaled_i2.nii.gz"), "NIfTI-1"),
            (fixtures.join("nrrd/ras.nrrd"), "NRRD"),
            (fixtures.join("metaimage/itk.mha"), "MetaImage"),
            (fixtures.join("mif/int16.mif"), "MRtrix"),
            (fixtures.join("mgh/int16.mgh"), "MGH"),
            (dicom, "DICOM"),
        ] {
            let expected = read(&source, Kind::Image).unwrap();
            assert_eq!(expected.info.format, format);
            for name in ["a", "a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.mif", "a.mgz", "a.dcm", "a.txt"] {
                let path = folder.path().join(name);
                fs::copy(&source, &path).unwrap();
                let loaded = read(&path, Kind::Image).unwrap_or_else(|e| panic!("{e}"));
                assert_eq!((loaded.info.format, loaded.volume), (format, expected.volume.clone()), "{name}");
                fs::remove_file(&path).unwrap();
            }
        }
    }
}
