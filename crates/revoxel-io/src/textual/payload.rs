//! Where the values are and how they are encoded; checked before anything is allocated for them.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use revoxel_core::Dtype;

use super::problem::{FieldError, Problem};
use crate::codecs::gunzip::{self, GunzipError};
use crate::codecs::head::Packed;
use crate::codecs::stream::{Codec, StreamError};
use crate::open::failed_to_read;
use crate::{Limits, ReadError, Warning};

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

/// What to skip before the values; in compressed files, of the decoded bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    /// This many bytes.
    Bytes(u64),
    /// Everything but the values: they are at the end of the file.
    ToEnd,
}

/// The names of the fields about the values in a format.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) sizes: &'static str,
    pub(crate) lines: &'static str,
    pub(crate) skip: &'static str,
    /// The field and the value of an encoding.
    pub(crate) encoding: fn(Encoding) -> (&'static str, &'static str),
    pub(crate) file: &'static str,
    /// Wraps an error in the crate's error.
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
    /// How its values are compressed, if the first bytes show it.
    pub(crate) packed: Option<Encoding>,
}

impl DataFile {
    /// A file that a header names, or the header itself; everything but a regular file is refused unopened.
    pub(crate) fn new(header: &Path, names: &Names, path: PathBuf, start: u64) -> Result<Self, ReadError> {
        let fail = |problem| {
            let value = path.display();
            Err((names.wrap)(header.to_owned(), FieldError::boxed(names.file, value, problem)))
        };
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(Self { length: metadata.len(), path, start, packed: None }),
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
    /// Whether the byte order of the values differs from this machine's.
    pub(crate) swapped: bool,
    /// Values of all files.
    pub(crate) values: usize,
    /// The sizes as in the header.
    pub(crate) sizes: String,
    pub(crate) line_skip: u64,
    pub(crate) skip: Skip,
    /// Bytes of the compressed stream, if the header gives them; else it ends with the file.
    pub(crate) compressed: Option<u64>,
    /// The maximum of decoded bytes.
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
        let (field, value) = (self.names.encoding)(self.encoding_of(file));
        self.fail(file, field, value, problem)
    }

    /// The encoding of the values of a file: by its first bytes, else by the header.
    pub(crate) fn encoding_of(&self, file: &DataFile) -> Encoding {
        file.packed.unwrap_or(self.encoding)
    }

    /// Whether all files hold plain values.
    pub(crate) fn is_raw(&self) -> bool {
        self.files.iter().all(|file| self.encoding_of(file) == Encoding::Raw)
    }

    /// Where the skipped lines of a file end.
    pub(crate) fn lines_end(&self, file: &DataFile) -> Result<u64, ReadError> {
        if self.line_skip == 0 {
            return Ok(file.start);
        }
        let skip_lines = || {
            let mut from = File::open(&file.path)?;
            let mut at = from.seek(SeekFrom::Start(file.start))?;
            let mut lines = BufReader::new(from);
            for _ in 0..self.line_skip {
                match lines.skip_until(b'\n')? {
                    0 => return Ok(None),
                    count => at += count as u64,
                }
            }
            Ok(Some(at))
        };
        let past_end = || self.fail(file, self.names.lines, self.line_skip, Problem::SkipPastEnd(file.length));
        skip_lines().map_err(failed_to_read(&file.path))?.ok_or_else(past_end)
    }

    /// Checks the first bytes of each file, which decide on its compression; warns if the header says that it is not
    /// compressed.
    pub(crate) fn detect(&mut self, warnings: &mut Vec<Warning>) -> Result<(), ReadError> {
        if matches!(self.encoding, Encoding::Text | Encoding::Hex) {
            return Ok(());
        }
        for at in 0..self.files.len() {
            let file = &self.files[at];
            // Where there are no such lines, whoever reads the values says so.
            let Ok(start) = self.lines_end(file) else { continue };
            let found = packed_at(file, start)?;
            let behind = match self.skip {
                Skip::Bytes(skip) if found.is_none() && skip > 0 && self.encoding == Encoding::Raw => {
                    packed_at(file, start.saturating_add(skip))?
                }
                _ => None,
            };
            if behind.is_some() {
                let Skip::Bytes(skip) = self.skip else { continue };
                let why = "compressed values after skipped bytes; decompress them first";
                return Err(self.fail(file, self.names.skip, skip, Problem::Unsupported(why)));
            }
            if found.is_some() && self.encoding == Encoding::Raw {
                let (field, value) = (self.names.encoding)(Encoding::Raw);
                warnings.push(Warning::Packed { path: file.path.clone(), field, value });
            }
            self.files[at].packed = found;
        }
        Ok(())
    }

    /// Checks that the files can contain the values.
    pub(crate) fn check(&self) -> Result<(), ReadError> {
        self.files.iter().try_for_each(|file| self.check_file(file))
    }

    /// Checks that the volume is within the limits.
    pub(crate) fn check_volume(&self, header: &Path) -> Result<(), ReadError> {
        let bytes = (self.values as u64).saturating_mul(self.dtype.size() as u64);
        let mapped = self.is_raw() && !self.swapped && self.files.len() == 1;
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
        match self.encoding_of(file) {
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
        let problem = match self.encoding_of(file) {
            Encoding::Gzip if needed > most => Problem::Gunzip(GunzipError::Impossible { needed, compressed, most }),
            Encoding::Zlib if needed > most => {
                Problem::Stream(StreamError::Impossible { codec: Codec::Zlib, needed, compressed, most })
            }
            _ => return Ok(()),
        };
        Err(self.fail_encoded(file, problem))
    }
}

/// How the bytes of a file are compressed from a position on.
fn packed_at(file: &DataFile, start: u64) -> Result<Option<Encoding>, ReadError> {
    if start >= file.length {
        return Ok(None);
    }
    let look = || {
        let mut from = File::open(&file.path)?;
        from.seek(SeekFrom::Start(start))?;
        Packed::of_stream(BufReader::new(from))
    };
    Ok(look().map_err(failed_to_read(&file.path))?.map(|packed| match packed {
        Packed::Gzip => Encoding::Gzip,
        Packed::Bzip2 => Encoding::Bzip2,
        Packed::Zlib => Encoding::Zlib,
    }))
}
