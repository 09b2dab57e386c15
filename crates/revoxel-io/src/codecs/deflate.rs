//! Deflate in parallel pieces; gzip and zlib wrap it.
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
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use revoxel_core::{Dtype, parallel};

use bits::Bits;
use block::Encoder;

/// Bytes of input per piece.
pub(super) const PIECE: usize = 1 << 20;
/// An empty last block with the fixed codes.
const END: [u8; 2] = [3, 0];

/// How much time to spend on smaller output, and where matches begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effort {
    /// Searches for matches at every fourth byte, and only in pieces where they save about an eighth: noise of real
    /// numbers has hardly any.
    Quick,
    /// Searches for matches at every byte.
    Usual,
    /// Searches for matches at every second byte: voxels of 16 bits.
    Pairs,
    /// Searches for matches at every fourth byte: wider integers.
    Fours,
}

impl Effort {
    /// The effort for voxels of a type: real numbers are mostly noise, integers and labels repeat.
    pub fn for_voxels(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 | Dtype::F64 => Self::Quick,
            Dtype::U8 | Dtype::I8 => Self::Usual,
            Dtype::U16 | Dtype::I16 => Self::Pairs,
            Dtype::U32 | Dtype::I32 | Dtype::U64 | Dtype::I64 => Self::Fours,
        }
    }

    /// The distance of positions where a match may begin, in bytes.
    const fn stride(self) -> usize {
        match self {
            Self::Usual => 1,
            Self::Pairs => 2,
            Self::Quick | Self::Fours => 4,
        }
    }
}

/// A checksum whose parts can be computed separately.
pub(super) trait Checksum: Default + Send + Sync {
    /// Adds more bytes.
    fn update(&mut self, bytes: &[u8]);
    /// Adds bytes whose checksum was computed separately.
    fn combine(&mut self, next: &Self);
}

/// A compressed piece, in reused memory.
#[derive(Debug, Default)]
struct Piece<C> {
    bits: Bits,
    checksum: C,
}

/// Pieces that are compressed in parallel. Each thread takes the next one as soon as it is free; the thread that
/// completes the piece to be written next writes it. All memory is kept, because fresh memory costs time.
#[derive(Debug)]
struct Pieces<C> {
    effort: Effort,
    encoders: Mutex<Vec<Encoder>>,
    spare: Mutex<Vec<Piece<C>>>,
    checksum: C,
}

/// The written part of the stream.
struct Writer<'a, C, W> {
    to: &'a mut W,
    checksum: &'a mut C,
    /// The number of the next piece.
    due: &'a AtomicUsize,
    result: io::Result<()>,
}

impl<C: Checksum> Pieces<C> {
    fn new(effort: Effort) -> Self {
        Self { effort, encoders: Mutex::default(), spare: Mutex::default(), checksum: C::default() }
    }

    /// Bytes that keep all threads busy: the more pieces, the shorter the wait for the last ones.
    fn enough() -> usize {
        let threads = parallel::threads();
        (6 * threads).min(48).max(2 * threads) * PIECE
    }

    /// Compresses the next pieces and writes them.
    fn next(&mut self, inputs: &[&[u8]], to: &mut (impl Write + Send)) -> io::Result<()> {
        let Self { effort, encoders, spare, checksum } = self;
        let (effort, encoders, spare) = (*effort, &*encoders, &*spare);
        let (taken, due) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let ahead = Self::enough() / PIECE;
        let complete: Mutex<Vec<Option<Piece<C>>>> = Mutex::new(inputs.iter().map(|_| None).collect());
        let writer = Mutex::new(Writer { to, checksum, due: &due, result: Ok(()) });
        let work = |_| {
            let mut encoder = locked(encoders).pop().unwrap_or_default();
            while let Some((number, input)) = next_of(inputs, &taken) {
                let mut piece = locked(spare).pop().unwrap_or_default();
                piece.checksum = C::default();
                piece.checksum.update(input);
                encoder.encode(input, effort, &mut piece.bits);
                locked(&complete)[number] = Some(piece);
                // Where another thread is writing, it or the next one will come to this piece; but where the disk is
                // slower than we are, nobody gets far ahead of it.
                let is_ahead = number >= due.load(Ordering::Relaxed) + ahead;
                let turn = if is_ahead { Some(locked(&writer)) } else { writer.try_lock().ok() };
                if let Some(mut writer) = turn {
                    writer.go_on(&complete, spare);
                }
            }
            locked(encoders).push(encoder);
        };
        parallel::each(0..parallel::threads().min(inputs.len()), work);
        let mut writer = writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        writer.go_on(&complete, spare);
        writer.result
    }

    /// Writes the end of the stream.
    fn finish(self, to: &mut (impl Write + Send)) -> io::Result<C> {
        to.write_all(&END)?;
        Ok(self.checksum)
    }
}

impl<C: Checksum, W: Write> Writer<'_, C, W> {
    /// Writes the pieces that are complete and next in order.
    fn go_on(&mut self, complete: &Mutex<Vec<Option<Piece<C>>>>, spare: &Mutex<Vec<Piece<C>>>) {
        while let Some(piece) = { locked(complete).get_mut(self.due.load(Ordering::Relaxed)).and_then(Option::take) } {
            if self.result.is_ok() {
                self.result = self.to.write_all(piece.bits.written());
            }
            self.checksum.combine(&piece.checksum);
            self.due.fetch_add(1, Ordering::Relaxed);
            locked(spare).push(piece);
        }
    }
}

/// The next free input, with its number.
fn next_of<'a>(inputs: &[&'a [u8]], taken: &AtomicUsize) -> Option<(usize, &'a [u8])> {
    let number = taken.fetch_add(1, Ordering::Relaxed);
    inputs.get(number).map(|input| (number, *input))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Compresses the parts, one after the other, into a single deflate stream; returns the checksum of the input. A few
/// pieces per thread are held in memory at a time.
pub(super) fn compress<C: Checksum>(parts: &[&[u8]], effort: Effort, to: &mut (impl Write + Send)) -> io::Result<C> {
    let all: Vec<&[u8]> = parts.iter().flat_map(|part| part.chunks(PIECE)).collect();
    let mut pieces = Pieces::new(effort);
    pieces.next(&all, to)?;
    pieces.finish(to)
}

/// The same for input that arrives in parts.
pub(super) struct Stream<C> {
    pieces: Pieces<C>,
    waiting: Vec<u8>,
}

impl<C: Checksum> Stream<C> {
    pub(super) fn new(effort: Effort) -> Self {
        Self { pieces: Pieces::new(effort), waiting: Vec::new() }
    }

    /// Adds more input. Input that does not fill the threads with whole pieces is held back.
    pub(super) fn push(&mut self, mut input: &[u8], to: &mut (impl Write + Send)) -> io::Result<()> {
        let enough = Pieces::<C>::enough();
        while self.waiting.len() + input.len() >= enough {
            // A piece that was begun is ended; whole ones are compressed where they lie.
            let missing = self.waiting.len().next_multiple_of(PIECE) - self.waiting.len();
            let (now, later) = input.split_at(missing);
            self.waiting.extend_from_slice(now);
            let (now, later) = later.split_at(enough - self.waiting.len());
            let inputs: Vec<&[u8]> = self.waiting.chunks(PIECE).chain(now.chunks(PIECE)).collect();
            self.pieces.next(&inputs, to)?;
            self.waiting.clear();
            input = later;
        }
        self.waiting.extend_from_slice(input);
        Ok(())
    }

    /// Ends the current piece.
    pub(super) fn flush(&mut self, to: &mut (impl Write + Send)) -> io::Result<()> {
        let inputs: Vec<&[u8]> = self.waiting.chunks(PIECE).collect();
        self.pieces.next(&inputs, to)?;
        self.waiting.clear();
        Ok(())
    }

    /// Ends the stream.
    pub(super) fn finish(mut self, to: &mut (impl Write + Send)) -> io::Result<C> {
        self.flush(to)?;
        self.pieces.finish(to)
    }
}
