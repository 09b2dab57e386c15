//! One piece of input as deflate blocks, ended by a sync flush.

use super::Effort;
use super::bits::Bits;
use super::huffman::{Code, Head};
use super::matches::{Matcher, Sequence, Sequences, distance_symbol, length_symbol};

/// Input bytes of a deflate block: short enough that codes follow the values, long enough that code lengths cost
/// little.
const BYTES: usize = 128 << 10;
/// Symbols of a deflate block.
const SYMBOLS: usize = 32 << 10;
/// Sample from the middle of a piece, in bytes, that decides whether matches are worthwhile.
const SAMPLE: usize = 24 << 10;
/// With [`Effort::Quick`], matches must save this part to be worthwhile.
const WORTH: f64 = 0.12;
/// The maximum length of a stored block.
const MOST_STORED: usize = 65_535;

/// The memory of one thread.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    matcher: Matcher,
    sequences: Sequences,
}

impl Encoder {
    /// Writes the blocks, none of them marked as last; they end at a whole byte.
    pub(super) fn encode(&mut self, input: &[u8], effort: Effort, bits: &mut Bits) {
        bits.start(input.len() + 5 * (input.len() / MOST_STORED) + 10 * (input.len() / BYTES) + 64);
        let with_matches = effort != Effort::Quick || self.matches_are_worth_it(input);
        let stride = effort.stride();
        self.matcher.clear();
        let mut at = 0;
        while at < input.len() {
            let end = input.len().min(at + BYTES);
            self.sequences.clear();
            let next = match with_matches {
                true => self.matcher.sequences(input, at, end, (stride, SYMBOLS), &mut self.sequences),
                false => {
                    count(&input[at..end], &mut self.sequences.literals);
                    self.sequences.list.push(Sequence { literals: (end - at) as u32, length: 0, distance: 0 });
                    end
                }
            };
            self.block(&input[at..next], bits);
            at = next;
        }
        // An empty stored block.
        bits.put(0, 3);
        bits.align();
        bits.bytes(&[0, 0, 255, 255]);
    }

    /// Whether matches save enough in a sample.
    fn matches_are_worth_it(&mut self, input: &[u8]) -> bool {
        let start = (input.len() / 2).saturating_sub(SAMPLE / 2) & !7;
        let sample = &input[start..input.len().min(start + SAMPLE)];
        let mut cost = |matcher: Option<&mut Matcher>| {
            let sequences = &mut self.sequences;
            sequences.clear();
            match matcher {
                Some(matcher) => {
                    _ = matcher.sequences(sample, 0, sample.len(), (Effort::Quick.stride(), usize::MAX), sequences)
                }
                None => count(sample, &mut sequences.literals),
            }
            sequences.cost(&Code::new(&sequences.literals), &Code::new(&sequences.distances)) as f64
        };
        self.matcher.clear();
        cost(Some(&mut self.matcher)) < (1.0 - WORTH) * cost(None)
    }

    /// Writes the current sequences, which represent `input`.
    fn block(&self, input: &[u8], bits: &mut Bits) {
        let sequences = &self.sequences;
        let literals = Code::new(&sequences.literals);
        let distances = Code::new(&sequences.distances);
        let head = Head::new(&literals.lengths[..286], &distances.lengths[..30]);
        if head.cost() + sequences.cost(&literals, &distances) >= 8 * input.len() as u64 {
            return stored(bits, input);
        }
        bits.put(0b100, 3);
        head.write(bits);
        let packed: [u32; 288] =
            std::array::from_fn(|s| u32::from(literals.bits[s]) << 8 | u32::from(literals.lengths[s]));
        let mut at = 0;
        for Sequence { literals: count, length, distance } in &sequences.list {
            let next = at + *count as usize;
            write_literals(bits, &input[at..next], &packed);
            at = next + usize::from(*length);
            if *length == 0 {
                continue;
            }
            let (l, d) = (length_symbol(usize::from(*length)), distance_symbol(u32::from(*distance)));
            bits.add(u64::from(literals.bits[l.symbol]), u32::from(literals.lengths[l.symbol]));
            bits.add(l.value, l.extra);
            bits.add(u64::from(distances.bits[d.symbol & 31]), u32::from(distances.lengths[d.symbol & 31]));
            bits.add(d.value, d.extra);
            bits.flush();
        }
        bits.put(u64::from(literals.bits[256]), u32::from(literals.lengths[256]));
    }
}

#[inline(always)]
fn write_literals(bits: &mut Bits, literals: &[u8], packed: &[u32; 288]) {
    let code = |byte: u8| {
        let code = packed[usize::from(byte)];
        (u64::from(code >> 8), code & 255)
    };
    // Joined among themselves first, so that only every fourth waits for the buffer. No code has more than 14 bits.
    let join = |(low, length): (u64, u32), (high, more): (u64, u32)| (low | high << length, length + more);
    let mut fours = literals.chunks_exact(4);
    for four in &mut fours {
        let (codes, length) = join(join(code(four[0]), code(four[1])), join(code(four[2]), code(four[3])));
        bits.add(codes, length);
        bits.flush();
    }
    for byte in fours.remainder() {
        let (bits_of, length) = code(*byte);
        bits.add(bits_of, length);
    }
    bits.flush();
}

fn stored(bits: &mut Bits, input: &[u8]) {
    for chunk in input.chunks(MOST_STORED) {
        bits.put(0, 3);
        bits.align();
        let length = chunk.len() as u16;
        bits.bytes(&length.to_le_bytes());
        bits.bytes(&(!length).to_le_bytes());
        bits.bytes(chunk);
    }
}

/// Counts bytes in four tables, because counting the same byte twice in a row in one table would stall.
fn count(bytes: &[u8], to: &mut [u32; 288]) {
    let mut tables = [[0u32; 256]; 4];
    let mut fours = bytes.chunks_exact(4);
    for four in &mut fours {
        (0..4).for_each(|i| tables[i][usize::from(four[i])] += 1);
    }
    fours.remainder().iter().for_each(|byte| tables[0][usize::from(*byte)] += 1);
    (0..256).for_each(|byte| to[byte] += tables.iter().map(|table| table[byte]).sum::<u32>());
}
