//! Deflate in parallel blocks: what gzip and zlib wrap.
//!
//! ```text
//! input   |---- block 0 ----|---- block 1 ----|-- block 2 --|
//!                     ‾‾‾‾‾‾ last 32 KiB: dictionary of block 1
//! output  deflate(0) sync flush · deflate(1) sync flush · deflate(2) finish
//! ```
//!
//! A sync flush ends a block on a byte boundary without ending the stream (RFC 1951, 3.2.4), so the compressed
//! blocks are simply joined; the checksums are combined.

use std::io::{self, Write};

use flate2::{Compress, Compression, FlushCompress, Status};
use rayon::prelude::*;

/// Bytes of input per block.
pub(super) const BLOCK: usize = 512 << 10;
/// How far back deflate can refer.
const WINDOW: usize = 32 << 10;

/// A checksum whose parts can be computed apart.
pub(super) trait Checksum: Default + Send {
    /// Goes on with more bytes.
    fn update(&mut self, bytes: &[u8]);
    /// Goes on with bytes whose checksum was computed apart.
    fn combine(&mut self, next: &Self);
}

/// A block of input with what stands before it.
struct Block<'a> {
    dictionary: &'a [u8],
    input: &'a [u8],
    last: bool,
}

/// Compresses the parts, one after the other, into a single deflate stream and gives the checksum of the input.
/// `level` is 0 to 9. A few blocks per thread are held in memory at a time.
pub(super) fn compress<C: Checksum>(parts: &[&[u8]], level: u32, to: &mut impl Write) -> io::Result<C> {
    let mut blocks: Vec<Block<'_>> = parts.iter().flat_map(|part| blocks_of(part)).collect();
    match blocks.last_mut() {
        Some(last) => last.last = true,
        None => blocks.push(Block { dictionary: &[], input: &[], last: true }),
    }
    let mut checksum = C::default();
    for batch in blocks.chunks(8 * rayon::current_num_threads()) {
        let new = || Compress::new(Compression::new(level), false);
        let done: Vec<_> = batch.par_iter().map_init(new, deflate::<C>).collect();
        for block in done {
            let (bytes, of_block) = block?;
            to.write_all(&bytes)?;
            checksum.combine(&of_block);
        }
    }
    Ok(checksum)
}

fn blocks_of(part: &[u8]) -> impl Iterator<Item = Block<'_>> {
    (0..part.len()).step_by(BLOCK).map(|start| {
        let input = &part[start..part.len().min(start + BLOCK)];
        Block { dictionary: &part[start.saturating_sub(WINDOW)..start], input, last: false }
    })
}

fn deflate<C: Checksum>(compressor: &mut Compress, block: &Block<'_>) -> io::Result<(Vec<u8>, C)> {
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
    let mut checksum = C::default();
    checksum.update(block.input);
    Ok((output, checksum))
}
