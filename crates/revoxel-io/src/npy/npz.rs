//! Archives of arrays: a zip file with one .npy file per array, stored or deflated.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::Tensor;
use super::elements::{self, Length};
use super::preamble::Preamble;
use super::problem::NpyError;
use crate::archive::check_directory;
use crate::codecs::gunzip::most_decoded;
use crate::open::{failed_to_read, length_of};
use crate::{Limits, ReadError};

type Archive = ZipArchive<BufReader<File>>;

/// The names of the arrays in an .npz file, in order.
///
/// # Errors
/// If the file cannot be opened, or is not a zip archive.
pub fn npz_names(path: impl AsRef<Path>) -> Result<Vec<String>, ReadError> {
    let path = path.as_ref();
    let archive = open(path)?;
    Ok(names(&archive))
}

/// Reads one array of an .npz file; without a name, the only one.
///
/// # Errors
/// If there is no such array, if no name is given and there is not exactly one array, or if the array cannot be read
/// (see [`read_npy`](super::read_npy)).
pub fn read_npz(path: impl AsRef<Path>, name: Option<&str>, limits: &Limits) -> Result<Tensor, ReadError> {
    read_npz_if(path.as_ref(), name, limits, |_| Ok(()))
}

/// The header of the only array of an .npz file.
pub(super) fn preamble(path: &Path) -> Result<Preamble, ReadError> {
    let named = |reason| ReadError::Npy { path: path.to_owned(), reason };
    let mut archive = open(path)?;
    let mut member = member(&mut archive, None).map_err(named)?;
    Preamble::read(&mut member).map_err(named)
}

/// The same, but `fits` first checks the shape.
pub(super) fn read_npz_if<E: From<ReadError>>(
    path: &Path,
    name: Option<&str>,
    limits: &Limits,
    fits: impl FnOnce(&[usize]) -> Result<(), E>,
) -> Result<Tensor, E> {
    let named = |reason| E::from(ReadError::Npy { path: path.to_owned(), reason });
    let length = length_of(path)?;
    let mut archive = open(path)?;
    let mut member = member(&mut archive, name).map_err(named)?;
    // The sizes in the archive are claims; what cannot be exceeded is the ratio of deflate.
    let possible = member.size().min(most_decoded(length));
    let preamble = Preamble::read(&mut member).map_err(named)?;
    fits(&preamble.shape)?;
    let needed = preamble.bytes().map_err(named)?;
    limits.check_expansion(path, length, needed)?;
    limits.check_volume(path, needed, false)?;
    let tensor = elements::read(&mut member, preamble, Length::AtMost(possible)).map_err(named)?;
    // The checksum is verified where the member ends.
    let rest = member.size().saturating_add(1).min(limits.most_decoded(length));
    std::io::copy(&mut member.take(rest), &mut std::io::sink()).map_err(|e| named(NpyError::Io(e)))?;
    Ok(tensor)
}

fn open(path: &Path) -> Result<Archive, ReadError> {
    length_of(path)?;
    let file = File::open(path).map_err(failed_to_read(path))?;
    let damaged = |e| ReadError::Npy { path: path.to_owned(), reason: archive_error(e) };
    let archive = ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
    let checked = check_directory(path, archive.central_directory_start(), archive.len());
    checked.map_err(|e| damaged(ZipError::Io(e)))?;
    Ok(archive)
}

fn names(archive: &Archive) -> Vec<String> {
    archive.file_names().filter_map(|name| name.strip_suffix(".npy")).map(str::to_owned).collect()
}

/// The file of an array in the archive.
fn member<'a>(archive: &'a mut Archive, name: Option<&str>) -> Result<ZipFile<'a, BufReader<File>>, NpyError> {
    let found = names(archive);
    let name = match (name, &found[..]) {
        (Some(name), _) => name.strip_suffix(".npy").unwrap_or(name),
        (None, [only]) => only,
        (None, _) => return Err(NpyError::WhichArray { found }),
    };
    if !found.iter().any(|f| f == name) {
        return Err(NpyError::NoArray { name: name.to_owned(), found });
    }
    archive.by_name(&format!("{name}.npy")).map_err(archive_error)
}

fn archive_error(error: ZipError) -> NpyError {
    match error {
        ZipError::Io(reason) => NpyError::Io(reason),
        other => NpyError::Archive(other.to_string()),
    }
}
