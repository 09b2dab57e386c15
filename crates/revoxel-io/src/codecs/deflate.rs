//! Deflate in parallel pieces: what gzip and zlib wrap.
//!
//! ```text
//! input   |---- piece 0 ----|---- piece 1 ----|-- piece 2 --|
//! output  blocks · flush     blocks · flush    blocks · flush   an empty last block
//! ```
//!
//! A sync flush ends a piece on a byte boundary without ending the stream (RFC 1951, 3.2.4), so the compressed
//! pieces are simply joined; the checksums are combined. No piece refers to the one before: at this size that costs
//! less than one part in a thousand. docs/design.md says why the encoder is our own.

mod bits;
mod block;
mod huffman;
mod matches;

use std::io::{self, Write};

use rayon::prelude::*;
use revoxel_core::Dtype;

use block::Encoder;

/// Bytes of input per piece.
pub(super) const PIECE: usize = 1 << 20;
/// An empty last block with the fixed codes.
const END: [u8; 2] = [3, 0];

/// How much time smaller output may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effort {
    /// Repetitions are looked for only in pieces where they save an eighth or so: noise of real numbers has none
    /// to speak of.
    Quick,
    /// Repetitions are always looked for.
    Usual,
}

impl Effort {
    /// The effort that voxels are worth: real numbers are mostly noise, integers and labels repeat.
    pub fn for_voxels(dtype: Dtype) -> Self {
        if matches!(dtype, Dtype::F32 | Dtype::F64) { Self::Quick } else { Self::Usual }
    }
}

/// A checksum whose parts can be computed apart.
pub(super) trait Checksum: Default + Send + Sync {
    /// Goes on with more bytes.
    fn update(&mut self, bytes: &[u8]);
    /// Goes on with bytes whose checksum was computed apart.
    fn combine(&mut self, next: &Self);
}

/// Compresses the parts, one after the other, into a single deflate stream and gives the checksum of the input.
/// A few pieces per thread are held in memory at a time; while they are written, the next are compressed.
pub(super) fn compress<C: Checksum>(parts: &[&[u8]], effort: Effort, to: &mut (impl Write + Send)) -> io::Result<C> {
    let pieces: Vec<&[u8]> = parts.iter().flat_map(|part| part.chunks(PIECE)).collect();
    let mut checksum = C::default();
    let mut done: Vec<(Vec<u8>, C)> = Vec::new();
    for batch in pieces.chunks(4 * rayon::current_num_threads()) {
        let piece = |encoder: &mut Encoder, input: &&[u8]| {
            let mut checksum = C::default();
            checksum.update(input);
            (encoder.encode(input, effort).to_vec(), checksum)
        };
        let next = || batch.par_iter().map_init(Encoder::default, piece).collect();
        let (next, written): (Vec<_>, _) = rayon::join(next, || write(&done, to));
        written?;
        done.iter().for_each(|(_, of_piece)| checksum.combine(of_piece));
        done = next;
    }
    write(&done, to)?;
    done.iter().for_each(|(_, of_piece)| checksum.combine(of_piece));
    to.write_all(&END)?;
    Ok(checksum)
}

/// The same for input that comes bit by bit.
pub(super) struct Stream<C> {
    effort: Effort,
    checksum: C,
    waiting: Vec<u8>,
}

impl<C: Checksum> Stream<C> {
    pub(super) fn new(effort: Effort) -> Self {
        Self { effort, checksum: C::default(), waiting: Vec::new() }
    }

    /// Goes on with more input. A few pieces per thread are held back and compressed together.
    pub(super) fn push(&mut self, mut input: &[u8], to: &mut impl Write) -> io::Result<()> {
        let most = 4 * rayon::current_num_threads() * PIECE;
        while self.waiting.len() + input.len() >= most {
            let (now, later) = input.split_at(most - self.waiting.len());
            self.waiting.extend_from_slice(now);
            self.flush(to)?;
            input = later;
        }
        self.waiting.extend_from_slice(input);
        Ok(())
    }

    /// Ends the current piece.
    pub(super) fn flush(&mut self, to: &mut impl Write) -> io::Result<()> {
        let effort = self.effort;
        let piece = |encoder: &mut Encoder, input: &[u8]| {
            let mut checksum = C::default();
            checksum.update(input);
            (encoder.encode(input, effort).to_vec(), checksum)
        };
        let done: Vec<_> = self.waiting.par_chunks(PIECE).map_init(Encoder::default, piece).collect();
        write(&done, to)?;
        done.iter().for_each(|(_, of_piece)| self.checksum.combine(of_piece));
        self.waiting.clear();
        Ok(())
    }

    /// Ends the stream.
    pub(super) fn finish(mut self, to: &mut impl Write) -> io::Result<C> {
        self.flush(to)?;
        to.write_all(&END)?;
        Ok(self.checksum)
    }
}

fn write<C>(done: &[(Vec<u8>, C)], to: &mut impl Write) -> io::Result<()> {
    done.iter().try_for_each(|(bytes, _)| to.write_all(bytes))
}
