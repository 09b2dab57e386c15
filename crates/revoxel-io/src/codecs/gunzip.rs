//! Reading gzip with one or more members: limited, and with a diagnosis on failure.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::bufread::GzDecoder;
use libdeflater::Decompressor;
use revoxel_core::{Buffer, Voxel};

use crate::buffer;
use crate::map::Fresh;

/// Why a gzip stream cannot be decoded to what is needed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GunzipError {
    /// The file ends within a member.
    #[error("the gzip stream is truncated: it decodes to {decoded} of {needed} bytes")]
    Truncated {
        /// Bytes that can be decoded.
        decoded: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// The file is whole but decodes to less than the header needs.
    #[error("the gzip stream decodes to {decoded} bytes, but the header requires {needed}")]
    TooShort {
        /// Bytes that are there.
        decoded: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// The compressed bytes are damaged.
    #[error("the gzip stream is damaged after {decoded} decoded bytes")]
    Damaged {
        /// Bytes that could be decoded.
        decoded: u64,
    },
    /// The checksum does not match.
    #[error("the gzip checksum does not match: the file is damaged")]
    Checksum,
    /// More bytes are needed than the compressed bytes can decode to.
    #[error("{compressed} compressed bytes decode to at most {most} bytes, but {needed} are needed")]
    Impossible {
        /// Bytes that are needed.
        needed: u64,
        /// Bytes in the file.
        compressed: u64,
        /// The most they can decode to.
        most: u64,
    },
    /// Not enough memory.
    #[error("not enough memory for {0} bytes")]
    Memory(u64),
}

/// The rest after the requested bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    /// Decoded bytes beyond those needed.
    pub(crate) extra: u64,
    /// Bytes after the last member.
    pub(crate) junk: u64,
}

/// Deflate cannot do better than this (258 bytes from 2 bits).
const BEST_RATIO: u64 = 1032;
/// The maximum that this many compressed bytes can decode to.
pub(crate) const fn most_decoded(compressed: u64) -> u64 {
    compressed.saturating_mul(BEST_RATIO)
}

/// If the values need more than this many times the compressed bytes, memory grows only as they arrive.
const USUAL_RATIO: u64 = 64;
/// The maximum of dropped bytes that are decoded in one piece with the requested ones.
const MOST_SKIP: usize = 16 << 20;

/// Whether so many compressed bytes usually decode to the requested amount, so that memory can be allocated at once.
pub(crate) const fn is_usual(compressed: usize, needed: usize) -> bool {
    needed as u64 <= (compressed as u64).saturating_mul(USUAL_RATIO)
}

/// Whether these are the first bytes of a gzip member.
pub(crate) fn is_gzip(first_bytes: &[u8]) -> bool {
    first_bytes.starts_with(&[0x1f, 0x8b, 8])
}

/// Decodes a file up to a limit to verify its checksums; returns what is wrong with it.
pub(crate) fn verify(path: &Path, limit: u64) -> io::Result<Option<GunzipError>> {
    let file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let compressed: Buffer<u8> = buffer::map_or_read(&file, 0, length)?;
    let mut stream = Members { decoder: Some(GzDecoder::new(&compressed[..])), decoded: 0, junk: 0 };
    let result = io::copy(&mut (&mut stream).take(limit), &mut io::sink());
    Ok(result.err().map(|error| stream.diagnose(&error, 0)))
}

/// Decodes and drops `skip` bytes, then decodes `count` values in the byte order of the file.
pub(crate) fn decode<T: Voxel>(compressed: &[u8], skip: usize, count: usize) -> Result<(Buffer<T>, Tail), GunzipError> {
    let needed = (count as u64).saturating_mul(size_of::<T>() as u64).saturating_add(skip as u64);
    let most = most_decoded(compressed.len() as u64);
    if needed > most {
        return Err(GunzipError::Impossible { needed, compressed: compressed.len() as u64, most });
    }
    match decode_whole(compressed, skip, count) {
        Some(values) => Ok((values, Tail::default())),
        None => decode_members(compressed, skip, count, needed).map(|(values, tail)| (values.into(), tail)),
    }
}

/// The fast way, for one member of exactly the right length: the length at its end is only a hint, but the
/// decoder checks it and the checksum.
fn decode_whole<T: Voxel>(compressed: &[u8], skip: usize, count: usize) -> Option<Buffer<T>> {
    let needed = skip.checked_add(count.checked_mul(size_of::<T>())?)?;
    let length = compressed.last_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes))?;
    if length != needed as u32 || skip > MOST_SKIP {
        return None;
    }
    let decode = |bytes: &mut [u8]| Decompressor::new().gzip_decompress(compressed, bytes) == Ok(needed);
    if let Some(mut fresh) = Fresh::new(needed, is_usual(compressed.len(), needed)) {
        return if decode(fresh.bytes()) { fresh.values(skip, count) } else { None };
    }
    let mut values: Vec<T> = buffer::zeroed(needed.div_ceil(size_of::<T>()))?;
    let bytes = &mut bytemuck::cast_slice_mut(&mut values)[..needed];
    if !decode(bytes) {
        return None;
    }
    bytes.copy_within(skip.., 0);
    values.truncate(count);
    Some(values.into())
}

/// The careful way: member by member, with memory that grows as bytes arrive.
fn decode_members<T: Voxel>(
    compressed: &[u8],
    skip: usize,
    count: usize,
    needed: u64,
) -> Result<(Vec<T>, Tail), GunzipError> {
    let mut stream = Members { decoder: Some(GzDecoder::new(compressed)), decoded: 0, junk: 0 };
    let skipped = io::copy(&mut (&mut stream).take(skip as u64), &mut io::sink());
    if let Err(error) = skipped {
        return Err(stream.diagnose(&error, needed));
    }
    let values = match buffer::read_growing(&mut stream, count) {
        Ok(values) => values,
        Err(error) => return Err(stream.diagnose(&error, needed)),
    };
    // To the end, where the checksum is.
    match io::copy(&mut stream, &mut io::sink()) {
        Ok(extra) => Ok((values, Tail { extra, junk: stream.junk })),
        Err(error) => Err(stream.diagnose(&error, needed)),
    }
}

/// The decoded bytes of all members in a row.
struct Members<'a> {
    /// The current member; `None` after the last one.
    decoder: Option<GzDecoder<&'a [u8]>>,
    decoded: u64,
    junk: u64,
}

impl Members<'_> {
    /// The cause of an error while decoding.
    fn diagnose(&mut self, error: &io::Error, needed: u64) -> GunzipError {
        let decoded = self.decoded;
        match (error.kind(), &mut self.decoder) {
            (io::ErrorKind::OutOfMemory, _) => GunzipError::Memory(needed),
            (io::ErrorKind::UnexpectedEof, None) => GunzipError::TooShort { decoded, needed },
            (io::ErrorKind::UnexpectedEof, Some(_)) => GunzipError::Truncated { decoded, needed },
            // Behind a wrong checksum the decoder is at its end; behind other damage it goes on failing.
            (_, Some(decoder)) => match decoder.read(&mut [0]) {
                Ok(0) if decoder.header().is_some() => GunzipError::Checksum,
                _ => GunzipError::Damaged { decoded },
            },
            _ => GunzipError::Damaged { decoded },
        }
    }
}

impl Read for Members<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.decoder {
            let count = decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                self.decoded += count as u64;
                return Ok(count);
            }
            let rest = *decoder.get_ref();
            if is_gzip(rest) {
                self.decoder = Some(GzDecoder::new(rest));
            } else {
                self.decoder = None;
                self.junk = rest.len() as u64;
            }
        }
        Ok(0)
    }
}
