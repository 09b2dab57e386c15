//! Archives of files, read as a stream: nothing is written to disk, whatever the members' names say.

mod directory;
mod member;
pub(crate) mod problem;
mod streams;
mod tar;

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;

use self::streams::Streams;
use self::tar::{Entry, Tar};
use crate::codecs::head::{self, Packed};
use crate::open::{failed_to_read, length_of};
pub use problem::ArchiveError;

use crate::{Limits, ReadError};

pub(crate) use directory::check as check_directory;
pub(crate) use member::Member;

/// A kind of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Zip,
    Tar,
    TarGz,
    TarBz2,
}

/// The bytes that identify a tar file.
const TAR_HEAD: u64 = 512;

impl Packing {
    /// The kind of archive that a file is, by its content.
    pub(crate) fn sniff(path: &Path) -> io::Result<Option<Self>> {
        // Damage is found when the archive is read.
        let head = head::head(path, TAR_HEAD)?;
        if head.bytes.get(257..262) == Some(b"ustar") {
            return Ok(Some(match head.packed {
                Some(Packed::Gzip) => Self::TarGz,
                Some(Packed::Bzip2) => Self::TarBz2,
                Some(Packed::Zlib) | None => Self::Tar,
            }));
        }
        let is_zip = head.bytes.starts_with(b"PK\x03\x04") || head.bytes.starts_with(b"PK\x05\x06");
        Ok((is_zip && head.packed.is_none()).then_some(Self::Zip))
    }
}

/// The number of members allowed in addition to one per [`MEMBER`] bytes of the archive.
const FREE_MEMBERS: u64 = 1024;
/// The fewest bytes that a member with an image takes in an archive.
const MEMBER: u64 = 64;

/// What to read of the members of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Their beginnings. (A tar file is still read to its end.)
    Heads,
    /// All of their bytes, with checksums.
    All,
}

/// Shows every member to `visit`, in the order of the archive; it need not read them to their ends. All decoded bytes
/// count towards the limit.
pub(crate) fn visit(
    path: &Path,
    packing: Packing,
    limits: &Limits,
    want: Want,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let length = length_of(path)?;
    let file = BufReader::new(File::open(path).map_err(failed_to_read(path))?);
    let path = path.to_owned();
    let limit = Limit { bytes: limits.most_decoded(length), members: length / MEMBER + FREE_MEMBERS };
    match packing {
        Packing::Zip => zipped(path, file, limit, want, visit),
        Packing::Tar => tarred(path, file, Limit { bytes: u64::MAX, ..limit }, visit),
        Packing::TarGz => tarred(path, Streams::<GzDecoder<_>>::new(file), limit, visit),
        Packing::TarBz2 => tarred(path, Streams::<BzDecoder<_>>::new(file), limit, visit),
    }
}

/// How much an archive may decode to.
#[derive(Clone, Copy)]
struct Limit {
    bytes: u64,
    members: u64,
}

impl Limit {
    fn check_members(self, path: &Path, members: usize) -> Result<(), ReadError> {
        match members as u64 > self.members {
            true => Err(ReadError::Archive { path: path.to_owned(), reason: ArchiveError::Members(self.members) }),
            false => Ok(()),
        }
    }
}

fn zipped(
    path: PathBuf,
    file: BufReader<File>,
    limit: Limit,
    want: Want,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let damaged = |members, reason: String| ReadError::Archive {
        path: path.clone(),
        reason: ArchiveError::Damaged { members, reason },
    };
    let mut archive = zip::ZipArchive::new(file).map_err(|e| damaged(0, e.to_string()))?;
    limit.check_members(&path, archive.len())?;
    directory::check(&path, archive.central_directory_start(), archive.len()).map_err(|e| damaged(0, e.to_string()))?;
    let left = Cell::new(limit.bytes);
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|e| damaged(index, e.to_string()))?;
        if entry.is_dir() {
            continue;
        }
        let (name, size, link) = (entry.name().to_owned(), entry.size(), entry.is_symlink());
        let before = left.get();
        let mut read = Counted { inner: &mut entry, left: &left };
        let result = visit(Member { name, index, size, link, read: &mut read });
        // The checksum is compared where a member ends.
        let rest = match (&result, want) {
            (Ok(()), Want::All) => io::copy(&mut read, &mut io::sink()).map(drop),
            _ => Ok(()),
        };
        if left.get() == 0 {
            return Err(ReadError::Archive { path, reason: ArchiveError::Limit(limit.bytes) });
        }
        result?;
        rest.map_err(|e| damaged(index, e.to_string()))?;
        let read = before - left.get();
        if want == Want::All && read != size {
            return Err(damaged(index, format!("a member has {read} bytes, but the directory says {size}")));
        }
    }
    Ok(())
}

fn tarred(
    path: PathBuf,
    stream: impl Read,
    limit: Limit,
    visit: &mut dyn FnMut(Member<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let left = Cell::new(limit.bytes);
    let mut archive = Tar::new(Counted { inner: stream, left: &left });
    let fail = |members, error: &io::Error| {
        let damaged = ArchiveError::Damaged { members, reason: error.to_string() };
        let reason = if left.get() == 0 { ArchiveError::Limit(limit.bytes) } else { damaged };
        ReadError::Archive { path: path.clone(), reason }
    };
    let mut index = 0;
    while let Some(Entry { name, size, link }) = archive.next().map_err(|e| fail(index, &e))? {
        limit.check_members(&path, index)?;
        visit(Member { name, index, size, link, read: &mut archive })?;
        index += 1;
    }
    // Behind the end of the archive comes the end of the compressed stream, with its checksum.
    if limit.bytes < u64::MAX {
        io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(|e| fail(index, &e))?;
    }
    match left.get() {
        0 => Err(ReadError::Archive { path, reason: ArchiveError::Limit(limit.bytes) }),
        _ => Ok(()),
    }
}

/// Stops a stream that exceeds its limit.
struct Counted<'a, R> {
    inner: R,
    left: &'a Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(&mut buffer[..most])?;
        self.left.set(self.left.get() - count as u64);
        Ok(count)
    }
}
