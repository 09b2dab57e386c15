//! Archives of files, read as they stream by: nothing is written to disk, whatever the members' names say.

mod member;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;

use crate::ReadError;
use crate::codecs::gunzip;
use crate::file::failed_to_read;

pub(crate) use member::Member;

/// Why an archive cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Damaged, truncated, encrypted.
    #[error("the archive is damaged or of an unsupported kind (after {members} members): {reason}")]
    Damaged {
        /// How many members could be reached.
        members: usize,
        /// What the decoder says.
        reason: String,
    },
    /// More than the limit.
    #[error("the archive decodes to more than the limit of {0} bytes")]
    Limit(u64),
}

/// A kind of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Zip,
    Tar,
    TarGz,
    TarBz2,
}

/// How much of a tar file tells that it is one.
const TAR_HEAD: u64 = 512;

impl Packing {
    /// The kind of archive that a file is, by its content.
    pub(crate) fn sniff(path: &Path) -> io::Result<Option<Self>> {
        let head = gunzip::head(path, TAR_HEAD)?;
        let is_tar = |bytes: &[u8]| bytes.get(257..262) == Some(b"ustar");
        if is_tar(&head.bytes) {
            return Ok(Some(if head.gzip { Self::TarGz } else { Self::Tar }));
        }
        if head.bytes.starts_with(b"PK\x03\x04") || head.bytes.starts_with(b"PK\x05\x06") {
            return Ok((!head.gzip).then_some(Self::Zip));
        }
        if !head.bytes.starts_with(b"BZh") {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        // Damage is found when the archive is read.
        let read = MultiBzDecoder::new(File::open(path)?).take(TAR_HEAD).read_to_end(&mut bytes);
        Ok((read.is_ok() && is_tar(&bytes)).then_some(Self::TarBz2))
    }
}

/// Shows every member to `visit`, in the order of the archive; it need not read them to their ends. All that is
/// decoded counts towards the limit.
pub(crate) fn visit(
    path: &Path,
    packing: Packing,
    limit: u64,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let file = BufReader::new(File::open(path).map_err(failed_to_read(path))?);
    let path = path.to_owned();
    match packing {
        Packing::Zip => zipped(path, file, limit, visit),
        Packing::Tar => tarred(path, file, u64::MAX, limit, visit),
        Packing::TarGz => tarred(path, MultiGzDecoder::new(file), limit, limit, visit),
        Packing::TarBz2 => tarred(path, MultiBzDecoder::new(file), limit, limit, visit),
    }
}

fn zipped(
    path: PathBuf,
    file: BufReader<File>,
    limit: u64,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let damaged = |members, reason: String| ReadError::Archive {
        path: path.clone(),
        reason: ArchiveError::Damaged { members, reason },
    };
    let mut archive = zip::ZipArchive::new(file).map_err(|e| damaged(0, e.to_string()))?;
    let mut left = limit;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|e| damaged(index, e.to_string()))?;
        if entry.is_dir() {
            continue;
        }
        let (name, size, link) = (entry.name().to_owned(), entry.size(), entry.is_symlink());
        let mut read = Counted { inner: &mut entry, left };
        let result = visit(Member { name, index, size, link, read: &mut read });
        left = read.left;
        if left == 0 {
            return Err(ReadError::Archive { path, reason: ArchiveError::Limit(limit) });
        }
        result?;
    }
    Ok(())
}

fn tarred(
    path: PathBuf,
    stream: impl Read,
    left: u64,
    limit: u64,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let left = std::cell::Cell::new(left);
    let mut archive = tar::Archive::new(Shared { inner: stream, left: &left });
    let fail = |members, error: &io::Error| {
        let damaged = ArchiveError::Damaged { members, reason: error.to_string() };
        let reason = if left.get() == 0 { ArchiveError::Limit(limit) } else { damaged };
        ReadError::Archive { path: path.clone(), reason }
    };
    for (index, entry) in archive.entries().map_err(|e| fail(0, &e))?.enumerate() {
        let mut entry = entry.map_err(|e| fail(index, &e))?;
        let kind = entry.header().entry_type();
        if !kind.is_file() && !kind.is_symlink() && !kind.is_hard_link() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let (size, link) = (entry.size(), !kind.is_file());
        visit(Member { name, index, size, link, read: &mut entry })?;
        if left.get() == 0 {
            return Err(ReadError::Archive { path, reason: ArchiveError::Limit(limit) });
        }
    }
    Ok(())
}

/// Ends a stream that goes beyond its limit.
struct Counted<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(&mut buffer[..most])?;
        self.left -= count as u64;
        Ok(count)
    }
}

/// As [`Counted`], for a stream that is lent away.
struct Shared<'a, R> {
    inner: R,
    left: &'a std::cell::Cell<u64>,
}

impl<R: Read> Read for Shared<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - count as u64);
        Ok(count)
    }
}
