//! Where the values are and how they are encoded; checked before anything is allocated for them.

use std::fs;
use std::path::{Path, PathBuf};

use revoxel_core::Dtype;

use super::problem::{FieldError, Problem};
use crate::codecs::gunzip::{self, GunzipError};
use crate::codecs::stream::{Codec, StreamError};
use crate::{Limits, ReadError};

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Raw,
    Text,
    Hex,
    Gzip,
    Zlib,
    Bzip2,
}

/// What is to be skipped before the values; in compressed files, of what was decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    /// So many bytes.
    Bytes(u64),
    /// Everything but the values: they are at the end of the file.
    ToEnd,
}

/// What a format calls the fields that speak of the values.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) sizes: &'static str,
    pub(crate) lines: &'static str,
    pub(crate) skip: &'static str,
    /// The field and the value that stand for an encoding.
    pub(crate) encoding: fn(Encoding) -> (&'static str, &'static str),
    pub(crate) file: &'static str,
    /// Gives an error its place among those of the crate.
    pub(crate) wrap: fn(PathBuf, Box<FieldError>) -> ReadError,
}

/// A file with values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DataFile {
    pub(crate) path: PathBuf,
    /// Where the lines and bytes to be skipped start.
    pub(crate) start: u64,
    /// Length of the file.
    pub(crate) length: u64,
}

impl DataFile {
    /// A file that a header names, or the header itself; everything but a regular file is refused unopened.
    pub(crate) fn new(header: &Path, names: &Names, path: PathBuf, start: u64) -> Result<Self, ReadError> {
        let fail = |problem| {
            let value = path.display();
            Err((names.wrap)(header.to_owned(), FieldError::boxed(names.file, value, problem)))
        };
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(Self { length: metadata.len(), path, start }),
            Ok(_) => fail(Problem::NotAFile),
            Err(error) => fail(Problem::CannotOpen(error.to_string())),
        }
    }
}

/// Everything that reading the values needs.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) names: &'static Names,
    /// The files, in the order of the values; each has the same number of them.
    pub(crate) files: Vec<DataFile>,
    pub(crate) encoding: Encoding,
    pub(crate) dtype: Dtype,
    /// The byte order of the values is not this machine's.
    pub(crate) swapped: bool,
    /// Values of all files.
    pub(crate) values: usize,
    /// The sizes as the header says them.
    pub(crate) sizes: String,
    pub(crate) line_skip: u64,
    pub(crate) skip: Skip,
    /// Bytes of the compressed stream, where the header says so; else it goes to the end of the file.
    pub(crate) compressed: Option<u64>,
    /// The most that may be decoded.
    pub(crate) limits: Limits,
}

impl Payload {
    /// Values of one file.
    pub(crate) fn values_per_file(&self) -> usize {
        self.values / self.files.len().max(1)
    }

    /// Bytes of the values of one file.
    pub(crate) fn bytes_per_file(&self) -> u64 {
        self.values_per_file() as u64 * self.dtype.size() as u64
    }

    /// An error of a field, found in a file.
    pub(crate) fn fail(&self, file: &DataFile, field: &str, value: impl ToString, problem: Problem) -> ReadError {
        (self.names.wrap)(file.path.clone(), FieldError::boxed(field, value, problem))
    }

    /// An error of the encoding, found in a file.
    pub(crate) fn fail_encoded(&self, file: &DataFile, problem: Problem) -> ReadError {
        let (field, value) = (self.names.encoding)(self.encoding);
        self.fail(file, field, value, problem)
    }

    /// That the values can be in their files.
    pub(crate) fn check(&self) -> Result<(), ReadError> {
        self.files.iter().try_for_each(|file| self.check_file(file))
    }

    /// That the volume is within the limits.
    pub(crate) fn check_volume(&self, header: &Path) -> Result<(), ReadError> {
        let bytes = (self.values as u64).saturating_mul(self.dtype.size() as u64);
        let mapped = self.encoding == Encoding::Raw && !self.swapped && self.files.len() == 1;
        self.limits.check_volume(header, bytes, mapped)
    }

    fn check_file(&self, file: &DataFile) -> Result<(), ReadError> {
        let bytes = self.bytes_per_file();
        let values = self.values_per_file() as u64;
        let (start, length) = (file.start, file.length);
        let lines = start.saturating_add(self.line_skip);
        if lines > length {
            return Err(self.fail(file, self.names.lines, self.line_skip, Problem::SkipPastEnd(length)));
        }
        let skip = match self.skip {
            Skip::Bytes(n) => n,
            Skip::ToEnd => 0,
        };
        let fits = |needed: u64| {
            let offset = lines.saturating_add(skip);
            match offset.checked_add(needed) {
                _ if offset > length => Err(self.fail(file, self.names.skip, skip, Problem::SkipPastEnd(length))),
                Some(end) if end <= length => Ok(()),
                _ => {
                    let problem = Problem::PastEnd { needed, offset, length };
                    Err(self.fail(file, self.names.sizes, &self.sizes, problem))
                }
            }
        };
        match self.encoding {
            Encoding::Raw => fits(bytes),
            // One digit each, and blanks between them.
            Encoding::Text => fits(values.saturating_mul(2).saturating_sub(1)),
            Encoding::Hex => fits(bytes.saturating_mul(2)),
            Encoding::Gzip | Encoding::Zlib | Encoding::Bzip2 => {
                let needed = bytes.saturating_add(skip);
                let compressed = (length - lines).min(self.compressed.unwrap_or(u64::MAX));
                self.check_ratio(file, needed, compressed)?;
                self.limits.check_expansion(&file.path, compressed, needed)
            }
        }
    }

    fn check_ratio(&self, file: &DataFile, needed: u64, compressed: u64) -> Result<(), ReadError> {
        let most = gunzip::most_decoded(compressed);
        let problem = match self.encoding {
            Encoding::Gzip if needed > most => Problem::Gunzip(GunzipError::Impossible { needed, compressed, most }),
            Encoding::Zlib if needed > most => {
                Problem::Stream(StreamError::Impossible { codec: Codec::Zlib, needed, compressed, most })
            }
            _ => return Ok(()),
        };
        Err(self.fail_encoded(file, problem))
    }
}
