//! Writing gzip: one member, compressed in parallel, the same bytes for any number of threads.
//!
//! ```text
//! input   |---- block 0 ----|---- block 1 ----|-- block 2 --|
//!                     ‾‾‾‾‾‾ last 32 KiB: dictionary of block 1
//! output  header · deflate(0) sync flush · deflate(1) sync flush · deflate(2) finish · crc32 · length
//! ```
//!
//! A sync flush ends a block on a byte boundary without ending the stream (RFC 1951, 3.2.4), so the compressed
//! blocks are simply joined; the checksums are combined.

use std::io::{self, Write};

use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};
use rayon::prelude::*;

/// Bytes of input per block.
const BLOCK: usize = 512 << 10;
/// How far back deflate can refer.
const WINDOW: usize = 32 << 10;
/// Member header: deflate, no flags, no time, no hints, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// A block of input with what stands before it.
struct Block<'a> {
    dictionary: &'a [u8],
    input: &'a [u8],
    last: bool,
}

/// Compresses the parts, one after the other, into a single gzip member. `level` is 0 to 9. A few blocks per
/// thread are held in memory at a time.
///
/// # Errors
/// Where `to` cannot be written.
pub fn compress(parts: &[&[u8]], level: u32, to: &mut impl Write) -> io::Result<()> {
    let mut blocks: Vec<Block<'_>> = parts.iter().flat_map(|part| blocks_of(part)).collect();
    match blocks.last_mut() {
        Some(last) => last.last = true,
        None => blocks.push(Block { dictionary: &[], input: &[], last: true }),
    }
    to.write_all(&HEADER)?;
    let mut checksum = Hasher::new();
    for batch in blocks.chunks(8 * rayon::current_num_threads()) {
        let new = || Compress::new(Compression::new(level), false);
        let done: Vec<_> = batch.par_iter().map_init(new, deflate).collect();
        for block in done {
            let (bytes, of_block) = block?;
            to.write_all(&bytes)?;
            checksum.combine(&of_block);
        }
    }
    let length = parts.iter().fold(0u32, |sum, part| sum.wrapping_add(part.len() as u32));
    to.write_all(&checksum.finalize().to_le_bytes())?;
    to.write_all(&length.to_le_bytes())
}

fn blocks_of(part: &[u8]) -> impl Iterator<Item = Block<'_>> {
    (0..part.len()).step_by(BLOCK).map(|start| {
        let input = &part[start..part.len().min(start + BLOCK)];
        Block { dictionary: &part[start.saturating_sub(WINDOW)..start], input, last: false }
    })
}

fn deflate(compressor: &mut Compress, block: &Block<'_>) -> io::Result<(Vec<u8>, Hasher)> {
    compressor.reset();
    if !block.dictionary.is_empty() {
        compressor.set_dictionary(block.dictionary)?;
    }
    let flush = if block.last { FlushCompress::Finish } else { FlushCompress::Sync };
    // Room for input that does not shrink: 5 bytes per stored block of 64 KiB, and the flush.
    let mut output = Vec::with_capacity(block.input.len() + block.input.len() / 1000 + 64);
    loop {
        let consumed = compressor.total_in() as usize;
        let status = compressor.compress_vec(&block.input[consumed..], &mut output, flush)?;
        // A flush is complete when it leaves room in the output.
        let flushed = compressor.total_in() as usize == block.input.len() && output.len() < output.capacity();
        if status == Status::StreamEnd || (!block.last && flushed) {
            break;
        }
        output.reserve(output.capacity() / 2 + 64);
    }
    let mut checksum = Hasher::new();
    checksum.update(block.input);
    Ok((output, checksum))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

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
        for level in [0, 1, 3, 6, 9] {
            for length in [0, 1, 352, BLOCK - 1, BLOCK, BLOCK + 1, data.len()] {
                let mut compressed = Vec::new();
                compress(&[&[1, 2, 3], &data[..length], &[]], level, &mut compressed).unwrap();
                let mut decoder = flate2::bufread::GzDecoder::new(&compressed[..]);
                let mut decoded = Vec::new();
                decoder.read_to_end(&mut decoded).unwrap();
                assert!(decoder.into_inner().is_empty(), "level {level}, {length} bytes");
                assert!(decoded[..3] == [1, 2, 3] && decoded[3..] == data[..length], "level {level}, {length} bytes");
            }
        }
    }

    #[test]
    fn threads_do_not_change_the_bytes() {
        let data = noise(5 * BLOCK + 17);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut out = Vec::new();
            pool.install(|| compress(&[&data], 3, &mut out)).unwrap();
            out
        };
        assert_eq!(with(1), with(5));
    }
}
