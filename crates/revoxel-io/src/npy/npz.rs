//! Archives of arrays: a zip file with one .npy file per array, stored or deflated.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::Tensor;
use super::elements::{self, Length};
use super::problem::NpyError;
use crate::codecs::gunzip::most_decoded;
use crate::file::{failed_to_read, length_of};
use crate::{Limits, ReadError};

type Archive = ZipArchive<BufReader<File>>;

/// The names of the arrays in an .npz file, in their order.
///
/// # Errors
/// Where the file cannot be opened, or is no zip archive.
pub fn npz_names(path: impl AsRef<Path>) -> Result<Vec<String>, ReadError> {
    let path = path.as_ref();
    let archive = open(path)?;
    Ok(names(&archive))
}

/// Reads one array of an .npz file; without a name, the only one.
///
/// # Errors
/// Where there is no such array, no name and not just one array, or the array cannot be read (see
/// [`read_npy`](super::read_npy)).
pub fn read_npz(path: impl AsRef<Path>, name: Option<&str>, limits: &Limits) -> Result<Tensor, ReadError> {
    let path = path.as_ref();
    let length = length_of(path)?;
    let mut archive = open(path)?;
    array(&mut archive, name, length, limits).map_err(|reason| ReadError::Npy { path: path.to_owned(), reason })
}

fn open(path: &Path) -> Result<Archive, ReadError> {
    length_of(path)?;
    let file = File::open(path).map_err(failed_to_read(path))?;
    let damaged = |e| ReadError::Npy { path: path.to_owned(), reason: archive_error(e) };
    ZipArchive::new(BufReader::new(file)).map_err(damaged)
}

fn names(archive: &Archive) -> Vec<String> {
    archive.file_names().filter_map(|name| name.strip_suffix(".npy")).map(str::to_owned).collect()
}

fn array(archive: &mut Archive, name: Option<&str>, length: u64, limits: &Limits) -> Result<Tensor, NpyError> {
    let found = names(archive);
    let name = match (name, &found[..]) {
        (Some(name), _) => name.strip_suffix(".npy").unwrap_or(name),
        (None, [only]) => only,
        (None, _) => return Err(NpyError::WhichArray { found }),
    };
    if !found.iter().any(|f| f == name) {
        return Err(NpyError::NoArray { name: name.to_owned(), found });
    }
    let mut member = archive.by_name(&format!("{name}.npy")).map_err(archive_error)?;
    // The sizes in the archive are claims; what cannot be exceeded is the ratio of deflate.
    let possible = member.size().min(most_decoded(length));
    let tensor = elements::read(&mut member, Length::AtMost { possible, limit: limits.max_decoded_bytes })?;
    // The checksum is verified where the member ends.
    member.read(&mut [0]).map_err(NpyError::Io)?;
    Ok(tensor)
}

fn archive_error(error: ZipError) -> NpyError {
    match error {
        ZipError::Io(reason) => NpyError::Io(reason),
        other => NpyError::Archive(other.to_string()),
    }
}
