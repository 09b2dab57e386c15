//! Recognising files by content, and writing them so that nobody sees half of one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use revoxel_core::{Dtype, Grid, Kind, Volume};

use crate::codecs::head;
use crate::slabs::{Head, Slabs};
use crate::unread::{self, Unread};
use crate::{Complete, FORMATS, Facts, Partial, ReadError, ReadOptions, Warning, WriteError};

/// A format of volume files. One line in [`FORMATS`] makes it known everywhere.
pub trait Format: Sync {
    /// The name, as listed to people.
    fn name(&self) -> &'static str;

    /// The extensions it is written under, lower case, without the leading dot; also compound ones (`nii.gz`).
    fn extensions(&self) -> &'static [&'static str];

    /// Whether a file is of this format. `first_bytes` are up to [`FIRST_BYTES`] bytes of its content, decoded if
    /// the file is gzip or bzip2.
    fn recognises(&self, path: &Path, first_bytes: &[u8]) -> bool;

    /// Whether its files say how large their voxels are; else the caller may.
    fn says_spacing(&self) -> bool {
        true
    }

    /// Whether its files may hold segments or structures to choose from.
    fn holds_segments(&self) -> bool {
        false
    }

    /// Reads the header only.
    ///
    /// # Errors
    /// Where the header cannot be followed.
    fn info(&self, path: &Path, options: &ReadOptions) -> Result<FileInfo, ReadError>;

    /// Reads everything.
    ///
    /// # Errors
    /// Where the file cannot be followed, or asks for more than the limits allow.
    fn read(&self, path: &Path, kind: Kind, options: &ReadOptions) -> Result<Loaded, ReadError>;

    /// Writes a volume for the name `path`, which decides on compression and the like, into the file `to`, which
    /// exists and is empty.
    ///
    /// # Errors
    /// Where the system refuses, or the format cannot hold the volume.
    fn write(&self, path: &Path, to: &Path, volume: &Volume, facts: &Facts) -> Result<Wrote, WriteError>;

    /// The other files that may be written with the file `path`: the values of a header, the header of values.
    fn beside(&self, path: &Path) -> Vec<PathBuf> {
        let _ = path;
        Vec::new()
    }

    /// The files that a volume is read from where these are more than the file itself: those that its header names, or
    /// the folder that a series lies in.
    ///
    /// # Errors
    /// Where the header cannot be followed.
    fn parts(&self, path: &Path, options: &ReadOptions) -> Result<Vec<PathBuf>, ReadError> {
        let _ = (path, options);
        Ok(Vec::new())
    }

    /// Begins a file whose voxels come slab by slab in a volume's order. `None` where the format wants them in
    /// another order, or does not write in parts.
    ///
    /// # Errors
    /// Where the system refuses, or the format cannot hold the volume.
    fn slabs(&self, path: &Path, file: fs::File, head: &Head, facts: &Facts) -> Result<Option<Slabs>, WriteError> {
        let _ = (path, file, head, facts);
        Ok(None)
    }
}

/// What [`Format::write`] has to say.
#[derive(Debug, Default)]
pub struct Wrote {
    /// What was odd.
    pub warnings: Vec<Warning>,
    /// The other file of two, complete but for its name.
    pub beside: Option<Partial>,
}

impl From<Vec<Warning>> for Wrote {
    fn from(warnings: Vec<Warning>) -> Self {
        Self { warnings, beside: None }
    }
}

/// How many first bytes of a file a format may look at to recognise it.
pub const FIRST_BYTES: u64 = 1024;

/// What a header says.
#[derive(Clone, Debug, PartialEq)]
pub struct FileInfo {
    /// The format and its version.
    pub format: &'static str,
    /// Where the voxels lie.
    pub grid: Grid,
    /// The voxel type in the file.
    pub stored: Dtype,
    /// The voxel type that reading gives, after scaling.
    pub dtype: Dtype,
    /// Channels or frames.
    pub channels: usize,
    /// What else is worth restoring.
    pub facts: Facts,
    /// What was odd.
    pub warnings: Vec<Warning>,
    /// The places of slices that lie unevenly; the grid is then the nearest even one. `None` for an even stack.
    pub slices: Option<SliceStack>,
}

/// Where the slices of an uneven stack lie. In their plane they are as the grid says.
#[derive(Clone, Debug, PartialEq)]
pub struct SliceStack {
    /// For each slice along axis 2, the centre of its first voxel, RAS+ mm.
    pub positions: Vec<[f64; 3]>,
}

/// A volume with what its file said.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The volume.
    pub volume: Volume,
    /// What the header says.
    pub info: FileInfo,
}

/// The name of the format that a file (or folder) is of, by its content.
///
/// # Errors
/// Where it cannot be opened, or is of no known format.
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
/// Where the file cannot be opened, is of no known format, or its header cannot be followed.
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

/// Reads a file; `kind` is what its values mean, which no header says.
///
/// # Errors
/// Where the file cannot be opened, is of no known format, is damaged, or asks for more than the limits allow.
pub fn read_with(path: impl AsRef<Path>, kind: Kind, options: &ReadOptions) -> Result<Loaded, ReadError> {
    for_reading(path.as_ref(), options)?.read(path.as_ref(), kind, options)
}

/// Writes a volume in the format that the name says. The file appears under its name when it is complete, in one
/// step; folders are not made. Facts that the format does not know are left out.
///
/// # Errors
/// Where the name says no format, the folder is missing, the system refuses, or the format cannot hold the volume.
pub fn write(path: impl AsRef<Path>, volume: &Volume, facts: &Facts) -> Result<Vec<Warning>, WriteError> {
    complete(path, volume, facts)?.persist()
}

/// Writes a volume that gets its name later.
///
/// # Errors
/// As [`write()`].
pub fn complete(path: impl AsRef<Path>, volume: &Volume, facts: &Facts) -> Result<Complete, WriteError> {
    let path = path.as_ref();
    let format = format_for_writing(path)?;
    let (file, wrote) = partly(path, |to| format.write(path, to, volume, facts))?;
    Ok(Complete::new(file, wrote))
}

/// The other files that writing a file of this name may write: an `.hdr` has its values in an `.img`, an `.mhd` in a
/// `.raw` or `.zraw`, an `.nhdr` in a `.raw` or `.raw.gz`.
pub fn written_beside(path: impl AsRef<Path>) -> Vec<PathBuf> {
    let path = path.as_ref();
    by_extension(path).map_or_else(Vec::new, |format| format.beside(path))
}

/// The files that a volume is read from, besides the file itself; see [`Format::parts`].
///
/// # Errors
/// Where the header cannot be followed.
pub fn parts(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Vec<PathBuf>, ReadError> {
    for_reading(path.as_ref(), options)?.parts(path.as_ref(), options)
}

/// Whether the name says a format that can be written.
pub fn writable_extension(path: impl AsRef<Path>) -> bool {
    format_for_writing(path.as_ref()).is_ok()
}

/// The format that a name says.
///
/// # Errors
/// Where it says none; the error lists the extensions.
pub fn format_for_writing(path: impl AsRef<Path>) -> Result<&'static dyn Format, WriteError> {
    let path = path.as_ref();
    by_extension(path).ok_or_else(|| {
        let all = FORMATS.iter().flat_map(|format| format.extensions());
        let known = all.map(|e| format!(".{e}")).collect::<Vec<_>>().join(", ");
        WriteError::UnknownExtension { path: path.to_owned(), known }
    })
}

/// Whether [`SlabWriter`](crate::SlabWriter) can write a file of this name: a volume, or an array (`.npy`).
///
/// # Errors
/// Where the name says no format.
pub fn check_name_for_writing(path: impl AsRef<Path>) -> Result<(), WriteError> {
    let path = path.as_ref();
    if is_array_name(path) { Ok(()) } else { format_for_writing(path).map(|_| ()) }
}

/// Whether a file of this name is a NumPy array, without geometry.
pub fn is_array_name(path: impl AsRef<Path>) -> bool {
    has_extension(path.as_ref(), "npy")
}

/// Whether a file name ends in an extension (given without its dot), in any case.
pub(crate) fn has_extension(path: &Path, extension: &str) -> bool {
    let Some(name) = path.file_name() else { return false };
    let name = name.to_string_lossy().to_lowercase();
    name.strip_suffix(extension).and_then(|stem| stem.strip_suffix('.')).is_some()
}

/// Fills a new file in the folder of `path` and gives it that name when it is complete.
pub(crate) fn atomically<T>(path: &Path, fill: impl FnOnce(&Path) -> Result<T, WriteError>) -> Result<T, WriteError> {
    let (file, result) = partly(path, fill)?;
    file.persist()?;
    Ok(result)
}

/// Fills a new file in the folder of `path`, which gets that name later.
pub(crate) fn partly<T>(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<T, WriteError>,
) -> Result<(Partial, T), WriteError> {
    let file = Partial::create(path)?;
    let result = fill(file.place())?;
    Ok((file, result))
}

/// Opens a file that is there and empty. It is not truncated: ext4 would take that for an attempt to replace its content,
/// and wait at the end until it knows where on the disk it goes.
pub(crate) fn empty(path: &Path) -> io::Result<fs::File> {
    fs::File::options().write(true).open(path)
}

/// Turns the system's refusal into an error that names the file.
pub(crate) fn failed_to_read(path: &Path) -> impl FnOnce(io::Error) -> ReadError + use<> {
    let path: PathBuf = path.to_owned();
    move |reason| ReadError::Io { path, reason }
}

/// The length of a regular file; everything else (a pipe never ends) is refused.
pub(crate) fn length_of(path: &Path) -> Result<u64, ReadError> {
    let metadata = fs::metadata(path).map_err(failed_to_read(path))?;
    if !metadata.is_file() {
        return Err(ReadError::NotAFile { path: path.to_owned() });
    }
    Ok(metadata.len())
}

/// The format of a file that is to be read with these options.
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

/// The format of a file by its content; by its name where no format knows the content, so that the format can say
/// what is wrong.
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
        let known = FORMATS.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ");
        ReadError::Unrecognised { path: path.to_owned(), known }
    })
}

fn by_extension(path: &Path) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.extensions().iter().any(|e| has_extension(path, e)))
}

#[cfg(test)]
mod tests {
    use super::*;

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
