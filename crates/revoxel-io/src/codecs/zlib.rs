//! zlib streams: written in parallel, the same bytes for any number of threads; read in one go.
//!
//! ```text
//! 78 5e · deflate stream (see `deflate`) · adler32, big-endian
//! ```

use std::io::{self, Read, Write};

use flate2::{Decompress, FlushDecompress, Status};
use libdeflater::Decompressor;
use revoxel_core::{Buffer, Voxel};

use super::deflate::{self, Checksum, Effort};
use super::gunzip::{is_usual, most_decoded};
use super::stream::{self, Codec, StreamError, StreamTail};
use crate::buffer;
use crate::map::Fresh;

/// Deflate with a window of 32 KiB, a fast level, no dictionary.
const HEADER: [u8; 2] = [0x78, 0x5e];
/// The largest prime below 2¹⁶ (RFC 1950, 8.2).
const MODULUS: u32 = 65_521;
/// The bytes that can be summed before the 32-bit sums overflow.
const MOST_UNREDUCED: usize = 5552;

/// Compresses the parts, one after the other, into a zlib stream.
///
/// # Errors
/// If `to` cannot be written.
pub fn compress(parts: &[&[u8]], effort: Effort, to: &mut (impl Write + Send)) -> io::Result<()> {
    to.write_all(&HEADER)?;
    let checksum: Adler32 = deflate::compress(parts, effort, to)?;
    to.write_all(&checksum.value().to_be_bytes())
}

/// Decodes and drops `skip` bytes, then decodes `count` values in the byte order of the file.
pub(crate) fn decode<T: Voxel>(
    compressed: &[u8],
    skip: usize,
    count: usize,
) -> Result<(Buffer<T>, StreamTail), StreamError> {
    let codec = Codec::Zlib;
    let needed = (count as u64).saturating_mul(size_of::<T>() as u64).saturating_add(skip as u64);
    let most = most_decoded(compressed.len() as u64);
    if needed > most {
        return Err(StreamError::Impossible { codec, needed, compressed: compressed.len() as u64, most });
    }
    if skip == 0
        && let Some(values) = decode_whole(compressed, count)
    {
        return Ok((values, StreamTail::default()));
    }
    let decoded = stream::decode(codec, compressed, Inflate::new, |stream| stream.rest, (skip, count), most);
    decoded.map(|(values, tail)| (values.into(), tail))
}

/// The fast way, for a stream of exactly the right length.
fn decode_whole<T: Voxel>(compressed: &[u8], count: usize) -> Option<Buffer<T>> {
    if let Some(mut fresh) = fresh::<T>(compressed, count) {
        let length = fresh.bytes().len();
        let decoded = Decompressor::new().zlib_decompress(compressed, fresh.bytes());
        return if decoded == Ok(length) { fresh.values(0, count) } else { None };
    }
    let mut values: Vec<T> = buffer::zeroed(count)?;
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut values);
    let length = bytes.len();
    (Decompressor::new().zlib_decompress(compressed, bytes) == Ok(length)).then(|| values.into())
}

fn fresh<T: Voxel>(compressed: &[u8], count: usize) -> Option<Fresh> {
    let length = count.checked_mul(size_of::<T>())?;
    Fresh::new(length, is_usual(compressed.len(), length))
}

/// The decoded bytes of a stream; a stream that is cut off, even within its checksum, is an error.
struct Inflate<'a> {
    state: Decompress,
    rest: &'a [u8],
    ended: bool,
}

impl<'a> Inflate<'a> {
    fn new(compressed: &'a [u8]) -> Self {
        Self { state: Decompress::new(true), rest: compressed, ended: false }
    }
}

impl Read for Inflate<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.ended && !buffer.is_empty() {
            let before = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(self.rest, buffer, FlushDecompress::None)?;
            let consumed = (self.state.total_in() - before.0) as usize;
            let count = (self.state.total_out() - before.1) as usize;
            self.rest = &self.rest[consumed..];
            self.ended = status == Status::StreamEnd;
            if count > 0 {
                return Ok(count);
            }
            if consumed == 0 && !self.ended {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}

/// The checksum of zlib.
struct Adler32 {
    a: u32,
    b: u32,
    /// Bytes summed so far, modulo [`MODULUS`].
    length: u32,
}

impl Default for Adler32 {
    fn default() -> Self {
        Self { a: 1, b: 0, length: 0 }
    }
}

impl Adler32 {
    const fn value(&self) -> u32 {
        self.b << 16 | self.a
    }
}

impl Checksum for Adler32 {
    fn update(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(MOST_UNREDUCED) {
            for byte in chunk {
                self.a += u32::from(*byte);
                self.b += self.a;
            }
            self.a %= MODULUS;
            self.b %= MODULUS;
        }
        self.length = ((u64::from(self.length) + bytes.len() as u64) % u64::from(MODULUS)) as u32;
    }

    fn combine(&mut self, next: &Self) {
        // The next part started from a = 1: what stood in `a` before goes into `b` once per byte.
        let before = (self.a + MODULUS - 1) % MODULUS;
        let shifted = u64::from(before) * u64::from(next.length) % u64::from(MODULUS);
        self.b = ((u64::from(self.b) + u64::from(next.b) + shifted) % u64::from(MODULUS)) as u32;
        self.a = (before + next.a) % MODULUS;
        self.length = (self.length + next.length) % MODULUS;
    }
}

#[cfg(test)]
mod tests {
    use super::super::deflate::PIECE as BLOCK;
    use super::*;

    #[test]
    fn adler32_of_parts() {
        let data: Vec<u8> = (0..200_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
        for cut in [0, 1, 5552, 70_000, 199_999] {
            let (mut left, mut right) = (Adler32::default(), Adler32::default());
            left.update(&data[..cut]);
            right.update(&data[cut..]);
            left.combine(&right);
            let mut reference = libdeflater::Adler32::new();
            reference.update(&data);
            assert_eq!(left.value(), reference.sum(), "{cut}");
        }
    }

    #[test]
    fn every_length_comes_back() {
        let data: Vec<u8> = (0..3 * BLOCK as u32).map(|i| (i * 7 % 251) as u8).collect();
        for level in [Effort::Quick, Effort::Usual, Effort::Pairs, Effort::Fours] {
            for length in [0, 1, BLOCK, BLOCK + 1, data.len()] {
                let mut compressed = Vec::new();
                compress(&[&data[..length]], level, &mut compressed).unwrap();
                let (values, tail) = decode::<u8>(&compressed, 0, length).unwrap();
                assert!(values[..] == data[..length] && tail == StreamTail::default(), "{level:?} {length}");
            }
        }
    }

    #[test]
    fn damage_is_told() {
        let data = [3u8; 5000];
        let mut whole = Vec::new();
        compress(&[&data], Effort::Usual, &mut whole).unwrap();
        let text = |bytes: &[u8], count| decode::<u8>(bytes, 0, count).unwrap_err().to_string();
        assert!(text(&whole[..whole.len() - 6], 5000).contains("truncated"));
        assert!(text(&whole, 5001).contains("decodes to 5000 bytes, but the header requires 5001"));
        assert!(text(&whole, 1 << 30).contains("decode to at most"));
        let mut wrong = whole.clone();
        *wrong.last_mut().unwrap() ^= 1;
        assert!(text(&wrong, 5000).contains("damaged"));
        assert_eq!(decode::<u8>(&whole, 0, 4990).unwrap().1.extra, 10);
        assert_eq!(decode::<u16>(&whole, 10, 2495).unwrap().0[0], 0x0303);
        whole.extend(b"junk");
        assert_eq!(decode::<u8>(&whole, 1, 4999).unwrap().1.junk, 4);
    }
}
