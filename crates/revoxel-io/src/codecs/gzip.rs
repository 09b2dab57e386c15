//! Writing gzip: one member, compressed in parallel, the same bytes for any number of threads.
//!
//! ```text
//! header · deflate stream (see `deflate`) · crc32 · length
//! ```

use std::fs::File;
use std::io::{self, Write};

use crc32fast::Hasher;

use super::deflate::{self, Checksum, Effort};
use crate::sink::Sink;

/// Member header: deflate, no flags, no time, no hints, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

impl Checksum for Hasher {
    fn update(&mut self, bytes: &[u8]) {
        // libdeflate is the faster one of the two, and cannot combine.
        let mut crc = libdeflater::Crc::new();
        crc.update(bytes);
        Self::combine(self, &Self::new_with_initial_len(crc.sum(), bytes.len() as u64));
    }

    fn combine(&mut self, next: &Self) {
        Self::combine(self, next);
    }
}

/// Compresses the parts, one after the other, into a single gzip member. A few pieces per thread are
/// held in memory at a time.
///
/// # Errors
/// If `to` cannot be written.
pub fn compress(parts: &[&[u8]], effort: Effort, to: &mut (impl Write + Send)) -> io::Result<()> {
    to.write_all(&HEADER)?;
    let checksum: Hasher = deflate::compress(parts, effort, to)?;
    let length = parts.iter().fold(0u32, |sum, part| sum.wrapping_add(part.len() as u32));
    to.write_all(&checksum.finalize().to_le_bytes())?;
    to.write_all(&length.to_le_bytes())
}

/// A member whose input comes slab by slab. The bytes are those of [`compress`] for the same input.
pub struct Stream {
    to: File,
    deflate: deflate::Stream<Hasher>,
    length: u32,
}

impl Stream {
    /// Begins a member in a file with the first part of the input.
    ///
    /// # Errors
    /// If `to` cannot be written.
    pub fn new(mut to: File, front: &[u8], effort: Effort) -> io::Result<Self> {
        to.write_all(&HEADER)?;
        let mut stream = Self { to, deflate: deflate::Stream::new(effort), length: 0 };
        stream.push(front)?;
        stream.deflate.flush(&mut stream.to)?;
        Ok(stream)
    }
}

impl Sink for Stream {
    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length = self.length.wrapping_add(bytes.len() as u32);
        self.deflate.push(bytes, &mut self.to)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        let Self { mut to, deflate, length } = *self;
        let checksum = deflate.finish(&mut to)?;
        to.write_all(&checksum.finalize().to_le_bytes())?;
        to.write_all(&length.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::deflate::PIECE as BLOCK;
    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1u32;
        let step = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..length).map(step).collect()
    }

    #[test]
    fn every_length_and_level_decodes_and_is_one_member() {
        let data: Vec<u8> = noise(3 * BLOCK / 2).into_iter().chain(vec![7; 2 * BLOCK]).collect();
        for level in [Effort::Quick, Effort::Usual, Effort::Pairs, Effort::Fours] {
            for length in [0, 1, 352, BLOCK - 1, BLOCK, BLOCK + 1, data.len()] {
                let mut compressed = Vec::new();
                compress(&[&[1, 2, 3], &data[..length], &[]], level, &mut compressed).unwrap();
                let mut decoder = flate2::bufread::GzDecoder::new(&compressed[..]);
                let mut decoded = Vec::new();
                decoder.read_to_end(&mut decoded).unwrap();
                assert!(decoder.into_inner().is_empty(), "{level:?}, {length} bytes");
                assert!(decoded[..3] == [1, 2, 3] && decoded[3..] == data[..length], "{level:?}, {length} bytes");
            }
        }
    }

    #[test]
    fn voxels_of_sixteen_bits_need_no_search_at_odd_bytes() {
        // Values with a little noise, as tissue has, and plateaus.
        let noise = noise(BLOCK);
        let value =
            |(i, n): (usize, &u8)| if i % 700 < 150 { -1000 } else { 40 + i16::from(n % 24) + (i / 5000) as i16 };
        let data: Vec<u8> = noise.iter().enumerate().map(value).flat_map(i16::to_le_bytes).collect();
        let size = |effort| {
            let mut out = Vec::new();
            compress(&[&data], effort, &mut out).unwrap();
            let mut decoded = Vec::new();
            flate2::bufread::GzDecoder::new(&out[..]).read_to_end(&mut decoded).unwrap();
            assert!(decoded == data, "{effort:?}");
            out.len()
        };
        let (every, second) = (size(Effort::Usual), size(Effort::Pairs));
        assert!(second * 100 <= every * 102, "{second} bytes, {every} with a search at every byte");
    }

    #[test]
    fn threads_do_not_change_the_bytes() {
        let data = noise(5 * BLOCK + 17);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut out = Vec::new();
            pool.install(|| compress(&[&data], Effort::Usual, &mut out)).unwrap();
            out
        };
        assert_eq!(with(1), with(5));
    }

    #[test]
    fn no_time_and_no_name_are_written() {
        let mut out = Vec::new();
        compress(&[b"voxels"], Effort::Usual, &mut out).unwrap();
        assert_eq!(out[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    }
}
