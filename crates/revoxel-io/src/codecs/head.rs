//! The beginnings of files, decoded if they are compressed. The first bytes decide whether they are.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

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

/// The first `count` bytes of a file.
pub(crate) fn head(path: &Path, count: u64) -> io::Result<Head> {
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
