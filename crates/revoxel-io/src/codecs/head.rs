//! The beginnings of files, decoded if they are compressed. The first bytes decide whether they are.

use std::cell::RefCell;
use std::fs::{self, File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bzip2::bufread::{BzDecoder, MultiBzDecoder};
use flate2::bufread::{GzDecoder, MultiGzDecoder, ZlibDecoder};

use super::gunzip::{GunzipError, is_gzip};
use super::stream::{Codec, StreamError};
use crate::ReadError;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packed {
    /// gzip.
    Gzip,
    /// bzip2.
    Bzip2,
    /// A zlib stream.
    Zlib,
}

/// Bytes that only look like a stream by chance fail before so many are decoded.
const BELIEVED: u64 = 64;
/// The length of the longest signature, in bytes.
const LONGEST_SIGN: usize = 10;

impl Packed {
    /// How a file with these first bytes is compressed, by its magic. zlib has none.
    pub(crate) fn of(first_bytes: &[u8]) -> Option<Self> {
        match () {
            () if is_gzip(first_bytes) => Some(Self::Gzip),
            () if is_bzip2(first_bytes) => Some(Self::Bzip2),
            () => None,
        }
    }

    /// How the bytes from here on are compressed. Voxel values may look like the beginning of such a stream, so the
    /// first bytes must also decode.
    pub(crate) fn of_stream(mut from: impl BufRead) -> io::Result<Option<Self>> {
        let mut first_bytes = Vec::new();
        (&mut from).take(LONGEST_SIGN as u64).read_to_end(&mut first_bytes)?;
        let zlib = || is_zlib(&first_bytes).then_some(Self::Zlib);
        let Some(packed) = Self::of(&first_bytes).or_else(zlib) else { return Ok(None) };
        let whole = BufReader::new(first_bytes.chain(from));
        let tried = match packed {
            Self::Gzip => tried(GzDecoder::new(whole)),
            Self::Bzip2 => tried(BzDecoder::new(whole)),
            Self::Zlib => tried(ZlibDecoder::new(whole)),
        };
        let is_stream = match tried {
            (_, Ok(_)) => true,
            // The stream ends too early. The sign of bzip2 is long enough to believe it; gzip must have decoded to
            // something.
            (decoded, Err(e)) if e.kind() == io::ErrorKind::UnexpectedEof => match packed {
                Self::Bzip2 => true,
                Self::Gzip => decoded > 0,
                Self::Zlib => false,
            },
            (_, Err(_)) => false,
        };
        Ok(is_stream.then_some(packed))
    }
}

/// Decodes the first bytes of a stream; returns their number and how decoding ended.
fn tried(stream: impl Read) -> (usize, io::Result<usize>) {
    let mut decoded = Vec::new();
    let ended = stream.take(BELIEVED).read_to_end(&mut decoded);
    (decoded.len(), ended)
}

/// Whether these are the first bytes of a bzip2 stream: its magic, and that of its first block or of its end.
fn is_bzip2(first_bytes: &[u8]) -> bool {
    let block = first_bytes.get(4..10);
    let is_block = block == Some(b"\x31\x41\x59\x26\x53\x59") || block == Some(b"\x17\x72\x45\x38\x50\x90");
    first_bytes.starts_with(b"BZh") && first_bytes.get(3).is_some_and(|b| (b'1'..=b'9').contains(b)) && is_block
}

/// Whether a zlib stream can begin like this: deflate, a window of at most 32 KiB, no dictionary, and a valid check of
/// both bytes.
fn is_zlib(first_bytes: &[u8]) -> bool {
    let Some([method, flags]) = first_bytes.first_chunk() else { return false };
    method & 15 == 8 && method >> 4 <= 7 && flags & 32 == 0 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
}

/// The beginning of a file, decoded if it is compressed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The requested number of bytes, or fewer if the file ends or is damaged before.
    pub(crate) bytes: Vec<u8>,
    /// How the file is compressed.
    pub(crate) packed: Option<Packed>,
    /// Why fewer bytes could be decoded.
    pub(crate) damage: Option<GunzipError>,
}

impl Head {
    /// The first bytes of these; `None` where so many may say something else, because decoding failed.
    fn first(&self, asked: u64, count: u64) -> Option<Self> {
        let Self { bytes, packed, damage } = self;
        let whole = damage.is_none() && count <= asked;
        whole.then(|| Self { bytes: bytes[..bytes.len().min(count as usize)].to_vec(), packed: *packed, damage: None })
    }

    /// The error that explains why too few bytes of this file could be decoded.
    pub(crate) fn failure(&self, path: &Path, needed: u64) -> Option<ReadError> {
        let damage = self.damage.clone()?;
        let path = path.to_owned();
        Some(match (self.packed, damage) {
            (Some(Packed::Bzip2), GunzipError::Truncated { decoded, .. }) => {
                ReadError::Stream { path, reason: StreamError::Truncated { codec: Codec::Bzip2, decoded, needed } }
            }
            (Some(Packed::Bzip2), _) => {
                let decoded = self.bytes.len() as u64;
                ReadError::Stream { path, reason: StreamError::Damaged { codec: Codec::Bzip2, decoded } }
            }
            (_, GunzipError::Truncated { decoded, .. }) => {
                ReadError::Gunzip { path, reason: GunzipError::Truncated { decoded, needed } }
            }
            (_, reason) => ReadError::Gunzip { path, reason },
        })
    }
}

thread_local! {
    /// The file that was looked at last: its format, its parts and its header are asked for one after another.
    static LAST: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// The beginning of a file as it was.
struct Kept {
    path: PathBuf,
    was: Version,
    /// How many bytes were asked for.
    count: u64,
    head: Head,
}

/// What is another one when a file has changed.
#[derive(PartialEq, Eq)]
struct Version {
    length: u64,
    changed: SystemTime,
    file: u64,
}

impl Version {
    /// Of a file; `None` where the system does not say enough, and where it has changed just now: a change after that
    /// may have the same time.
    fn of(about: &Metadata) -> Option<Self> {
        let changed = about.modified().ok()?;
        if changed.elapsed().ok()? < Duration::from_secs(1) {
            return None;
        }
        #[cfg(unix)]
        let file = std::os::unix::fs::MetadataExt::ino(about);
        #[cfg(not(unix))]
        let file = 0;
        Some(Self { length: about.len(), changed, file })
    }
}

/// So many bytes are kept at least, so that the next question is answered too.
const KEPT: u64 = 1024;

/// The first `count` bytes of a file. Of a small count nothing is read where the same was asked just now.
pub(crate) fn head(path: &Path, count: u64) -> io::Result<Head> {
    if count > KEPT {
        return read(path, count);
    }
    let Some(was) = Version::of(&fs::metadata(path)?) else { return read(path, count) };
    let kept = LAST.with_borrow(|last| {
        let same = last.as_ref().filter(|last| last.path == path && last.was == was)?;
        same.head.first(same.count, count)
    });
    if let Some(head) = kept {
        return Ok(head);
    }
    let head = read(path, KEPT)?;
    let first = head.first(KEPT, count);
    LAST.set(Some(Kept { path: path.to_owned(), was, count: KEPT, head }));
    first.map_or_else(|| read(path, count), Ok)
}

/// The first `count` bytes of a file, as it is now.
fn read(path: &Path, count: u64) -> io::Result<Head> {
    let mut file = BufReader::new(File::open(path)?);
    let mut head = Head { packed: Packed::of(file.fill_buf()?), ..Head::default() };
    let result = match head.packed {
        None | Some(Packed::Zlib) => {
            file.take(count).read_to_end(&mut head.bytes)?;
            return Ok(head);
        }
        Some(Packed::Gzip) => MultiGzDecoder::new(file).take(count).read_to_end(&mut head.bytes),
        Some(Packed::Bzip2) => MultiBzDecoder::new(file).take(count).read_to_end(&mut head.bytes),
    };
    let decoded = head.bytes.len() as u64;
    head.damage = result.err().map(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => GunzipError::Truncated { decoded, needed: count },
        _ => GunzipError::Damaged { decoded },
    });
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_that_is_kept_is_that_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let old = SystemTime::now() - Duration::from_secs(60);
        let put = |name: &str, bytes: &[u8], time: SystemTime| {
            fs::write(at(name), bytes).unwrap();
            File::options().write(true).open(at(name)).unwrap().set_modified(time).unwrap();
        };
        let bytes: Vec<u8> = (0..10_000u32).map(|n| (n % 251) as u8).collect();
        let mut packed = Vec::new();
        flate2::read::GzEncoder::new(&bytes[..], flate2::Compression::fast()).read_to_end(&mut packed).unwrap();
        for (name, content) in [("plain", &bytes[..]), ("packed", &packed), ("short", &packed[..60])] {
            put(name, content, old);
            for count in [8, 352, 1024, 8, 6000, 540] {
                assert_eq!(head(&at(name), count).unwrap(), read(&at(name), count).unwrap(), "{name} {count}");
            }
        }
        // Changed since: in length, in time, and within the second of its making.
        put("plain", &bytes[1..], old);
        assert_eq!(head(&at("plain"), 4).unwrap().bytes, [1, 2, 3, 4]);
        put("plain", &bytes[2..], old + Duration::from_secs(1));
        assert_eq!(head(&at("plain"), 4).unwrap().bytes, [2, 3, 4, 5]);
        for first in 3..6 {
            fs::write(at("plain"), [first; 9]).unwrap();
            assert_eq!(head(&at("plain"), 2).unwrap().bytes, [first; 2]);
        }
        fs::remove_file(at("plain")).unwrap();
        head(&at("plain"), 4).unwrap_err();
    }

    #[test]
    fn values_that_look_like_a_header_are_no_stream() {
        let of = |bytes: &[u8]| Packed::of_stream(bytes).unwrap();
        // Eight voxels, found by fuzzing, and a whole header with nothing behind it.
        assert_eq!(of(&[0x1f, 0x8b, 8, 0x7a, 0x65, 0x73, 1, 0]), None);
        assert_eq!(of(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), None);
        assert_eq!(of(&[0x78, 0x01, 7, 7, 7]), None);
        let mut packed = Vec::new();
        let content: Vec<u8> = (0..200).collect();
        flate2::read::GzEncoder::new(&content[..], flate2::Compression::fast()).read_to_end(&mut packed).unwrap();
        assert_eq!(of(&packed), Some(Packed::Gzip));
        assert_eq!(of(&packed[..packed.len() - 20]), Some(Packed::Gzip));
    }
}
