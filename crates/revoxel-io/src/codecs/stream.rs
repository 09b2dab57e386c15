//! Reading a single compressed stream: limited, and with a diagnosis on failure.

use std::fmt;
use std::io::{self, Read};

use revoxel_core::Voxel;

use crate::buffer;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// zlib (RFC 1950).
    Zlib,
    /// bzip2.
    Bzip2,
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zlib => "zlib",
            Self::Bzip2 => "bzip2",
        })
    }
}

/// Why a stream cannot be decoded to what is needed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The stream is cut off.
    #[error("the {codec} stream is truncated: it decodes to {decoded} of {needed} bytes")]
    Truncated {
        /// How it is compressed.
        codec: Codec,
        /// Bytes that can be decoded.
        decoded: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// The stream is whole but decodes to less than the header needs.
    #[error("the {codec} stream decodes to {decoded} bytes, but the header requires {needed}")]
    TooShort {
        /// How it is compressed.
        codec: Codec,
        /// Bytes that are there.
        decoded: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// The compressed bytes or their checksum are damaged.
    #[error("the {codec} stream is damaged after {decoded} decoded bytes")]
    Damaged {
        /// How it is compressed.
        codec: Codec,
        /// Bytes that could be decoded.
        decoded: u64,
    },
    /// More bytes are needed than the compressed bytes can decode to.
    #[error("{compressed} bytes of {codec} decode to at most {most} bytes, but {needed} are needed")]
    Impossible {
        /// How it is compressed.
        codec: Codec,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes in the file.
        compressed: u64,
        /// The most they can decode to.
        most: u64,
    },
    /// Decodes to more than the limit.
    #[error(
        "{compressed} bytes of {codec} expand beyond the limit of {limit}: if the file can be trusted, raise the limit"
    )]
    Limit {
        /// How it is compressed.
        codec: Codec,
        /// Bytes in the file.
        compressed: u64,
        /// Bytes to which they may decode.
        limit: u64,
    },
    /// Not enough memory.
    #[error("not enough memory for {0} bytes")]
    Memory(u64),
}

/// The rest after the requested bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamTail {
    /// Decoded bytes beyond those needed.
    pub(crate) extra: u64,
    /// Bytes after the end of the stream.
    pub(crate) junk: u64,
}

/// Decodes and drops `skip` bytes, then decodes `count` values with memory that grows as bytes arrive, then the rest
/// for its checksum; at most `limit` bytes in all.
pub(super) fn decode<'a, T: Voxel, D: Read>(
    codec: Codec,
    compressed: &'a [u8],
    open: impl FnOnce(&'a [u8]) -> D,
    rest: impl FnOnce(D) -> &'a [u8],
    (skip, count): (usize, usize),
    limit: u64,
) -> Result<(Vec<T>, StreamTail), StreamError> {
    let needed = (count as u64).saturating_mul(size_of::<T>() as u64).saturating_add(skip as u64);
    let mut stream = Counted { inner: open(compressed), decoded: 0, ended: false };
    let result = io::copy(&mut (&mut stream).take(skip as u64), &mut io::sink())
        .and_then(|_| buffer::read_growing(&mut stream, count))
        .and_then(|values| {
            let left = limit.saturating_sub(stream.decoded);
            Ok((values, io::copy(&mut (&mut stream).take(left.saturating_add(1)), &mut io::sink())?))
        });
    let Counted { inner, decoded, ended } = stream;
    match result {
        Ok(_) if decoded > limit => Err(StreamError::Limit { codec, compressed: compressed.len() as u64, limit }),
        Ok((values, extra)) => Ok((values, StreamTail { extra, junk: rest(inner).len() as u64 })),
        Err(error) => Err(match error.kind() {
            io::ErrorKind::OutOfMemory => StreamError::Memory(needed),
            io::ErrorKind::UnexpectedEof if ended => StreamError::TooShort { codec, decoded, needed },
            io::ErrorKind::UnexpectedEof => StreamError::Truncated { codec, decoded, needed },
            _ => StreamError::Damaged { codec, decoded },
        }),
    }
}

/// Counts what is decoded and notices a proper end.
struct Counted<D> {
    inner: D,
    decoded: u64,
    ended: bool,
}

impl<D: Read> Read for Counted<D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.ended |= count == 0 && !buffer.is_empty();
        self.decoded += count as u64;
        Ok(count)
    }
}
