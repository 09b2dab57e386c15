//! Finding earlier matches: greedy, with two candidates for every four bytes. For voxels of 16 bits there is one
//! candidate, because the second saves one part in two hundred and takes a sixth of the time.

use super::huffman::Code;

/// The shortest match.
const LEAST: usize = 4;
/// The longest match in deflate.
const MOST: usize = 258;
/// The longest distance in deflate.
const WINDOW: u32 = 32 << 10;
/// Bits of a hash.
const HASH_BITS: u32 = 15;
const SLOTS: usize = 1 << HASH_BITS;
const PAIRS: usize = SLOTS / 2;
/// Within longer matches, only some positions are remembered.
const REMEMBERED: usize = 32;
/// The length of a match from which the other candidate is not tried.
const GOOD: usize = 6;

/// Literals followed by a match; the length is 0 at the end of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequence {
    pub(super) literals: u32,
    pub(super) length: u16,
    pub(super) distance: u16,
}

/// The content of a block.
#[derive(Debug)]
pub(super) struct Sequences {
    pub(super) list: Vec<Sequence>,
    pub(super) literals: [u32; 288],
    pub(super) distances: [u32; 32],
    /// Bits in addition to the codes.
    pub(super) extra: u64,
    symbols: usize,
}

impl Default for Sequences {
    fn default() -> Self {
        Self { list: Vec::new(), literals: [0; 288], distances: [0; 32], extra: 0, symbols: 0 }
    }
}

impl Sequences {
    pub(super) fn clear(&mut self) {
        self.list.clear();
        (self.literals, self.distances, self.extra, self.symbols) = ([0; 288], [0; 32], 0, 0);
        self.literals[256] = 1;
    }

    /// Bits of the block with these codes, without its head.
    pub(super) fn cost(&self, literals: &Code<288>, distances: &Code<32>) -> u64 {
        literals.cost(&self.literals) + distances.cost(&self.distances) + self.extra
    }

    #[inline(always)]
    fn push(&mut self, literals: usize, length: usize, distance: u32) {
        self.list.push(Sequence { literals: literals as u32, length: length as u16, distance: distance as u16 });
        let (length, distance) = (length_symbol(length), distance_symbol(distance));
        self.literals[length.symbol] += 1;
        self.distances[distance.symbol & 31] += 1;
        self.extra += u64::from(length.extra) + u64::from(distance.extra);
        self.symbols += 2;
    }
}

/// For each hash of four bytes, the last two positions where they were seen.
#[derive(Debug)]
pub(super) struct Matcher {
    slots: Box<[[u32; 2]; SLOTS]>,
    /// For voxels of 16 bits, only the last position: the window has half as many positions, and they stay in the
    /// cache.
    pairs: Box<[u32; PAIRS]>,
}

impl Default for Matcher {
    fn default() -> Self {
        Self { slots: Box::new([[0; 2]; SLOTS]), pairs: Box::new([0; PAIRS]) }
    }
}

impl Matcher {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.slots.fill([0; 2]);
        self.pairs.fill(0);
    }

    /// Splits bytes into sequences from a position on, up to `end` or `most` symbols, and returns where it stopped.
    /// Matches are searched at multiples of `stride`, and extended to both sides from there.
    pub(super) fn sequences(
        &mut self,
        data: &[u8],
        from: usize,
        end: usize,
        (stride, most): (usize, usize),
        to: &mut Sequences,
    ) -> usize {
        match stride {
            1 => self.strided::<1>(data, from, end, most, to),
            2 => self.strided::<2>(data, from, end, most, to),
            _ => self.strided::<4>(data, from, end, most, to),
        }
    }

    fn strided<const STRIDE: usize>(
        &mut self,
        data: &[u8],
        from: usize,
        end: usize,
        most: usize,
        to: &mut Sequences,
    ) -> usize {
        let data = &data[..end];
        let (mut at, mut first_literal) = (from, from);
        while let Some(four) = four_at(data, at) {
            if at % STRIDE != 0 {
                to.literals[usize::from(data[at])] += 1;
                at += 1;
                continue;
            }
            // Places are kept with the window added, so that a 0 is too far away from everywhere.
            let place = at as u32 + WINDOW + 1;
            let [newer, older] = self.exchange::<STRIDE>(four, place);
            let mut best = (0, 0);
            let distance = place - newer;
            if distance <= WINDOW {
                best = (matching(data, at - distance as usize, at, four), distance);
            }
            let distance = place - older;
            if best.0 < GOOD && distance <= WINDOW {
                let length = matching(data, at - distance as usize, at, four);
                if length > best.0 {
                    best = (length, distance);
                }
            }
            let (length, distance) = best;
            if length >= LEAST {
                // Bytes before that are the same too: the upper byte of the voxel before seldom differs.
                let (mut start, back) = (at, distance as usize);
                while start > first_literal
                    && at - start < STRIDE - 1
                    && at - start + length < MOST
                    && start > back
                    && data[start - 1] == data[start - 1 - back]
                {
                    start -= 1;
                    to.literals[usize::from(data[start])] -= 1;
                }
                to.push(start - first_literal, at - start + length, distance);
                for inner in (at + STRIDE..at + length.min(REMEMBERED)).step_by(STRIDE) {
                    if let Some(four) = four_at(data, inner) {
                        self.exchange::<STRIDE>(four, inner as u32 + WINDOW + 1);
                    }
                }
                at += length;
                first_literal = at;
                if to.symbols + (at - from) / 8 >= most {
                    return at;
                }
            } else {
                data[at..at + STRIDE].iter().for_each(|byte| to.literals[usize::from(*byte)] += 1);
                at += STRIDE;
            }
        }
        data[at..].iter().for_each(|byte| to.literals[usize::from(*byte)] += 1);
        to.list.push(Sequence { literals: (end - first_literal) as u32, length: 0, distance: 0 });
        end
    }

    /// The last two positions of the four bytes; remembers the current one.
    #[inline(always)]
    fn exchange<const STRIDE: usize>(&mut self, four: u32, place: u32) -> [u32; 2] {
        if STRIDE == 2 {
            return [std::mem::replace(&mut self.pairs[hash(four) / 2], place), 0];
        }
        let slot = &mut self.slots[hash(four)];
        std::mem::replace(slot, [place, slot[0]])
    }
}

#[inline(always)]
fn four_at(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes))
}

#[inline(always)]
fn hash(four: u32) -> usize {
    (four.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize & (SLOTS - 1)
}

/// The number of equal bytes at two positions; at the later one the first four are `four`.
#[inline(always)]
fn matching(data: &[u8], earlier: usize, later: usize, first: u32) -> usize {
    if four_at(data, earlier) != Some(first) {
        return 0;
    }
    let most = MOST.min(data.len() - later);
    let (a, b) = (&data[earlier..earlier + most], &data[later..later + most]);
    let mut length = 4;
    while let (Some(x), Some(y)) =
        (a.get(length..).and_then(<[u8]>::first_chunk::<8>), b.get(length..).and_then(<[u8]>::first_chunk::<8>))
    {
        let differing = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if differing != 0 {
            return length + differing.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    length + a[length.min(most)..].iter().zip(&b[length.min(most)..]).take_while(|(x, y)| x == y).count()
}

/// The symbol of a length or distance, and the bits after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Symbol {
    pub(super) symbol: usize,
    pub(super) extra: u32,
    pub(super) value: u64,
}

/// Two symbols for each power of two from 2^`bits` on.
#[inline(always)]
fn split(value: u32, bits: u32) -> (u32, u32, u32) {
    let extra = (31 - (value | 1).leading_zeros()).saturating_sub(bits);
    ((extra << bits) + (value >> extra), extra, value & ((1 << extra) - 1))
}

/// The symbol of a length (RFC 1951, 3.2.5).
#[inline(always)]
pub(super) fn length_symbol(length: usize) -> Symbol {
    if length == MOST {
        return Symbol { symbol: 285, extra: 0, value: 0 };
    }
    let (symbol, extra, value) = split(length as u32 - 3, 2);
    Symbol { symbol: (257 + symbol) as usize, extra, value: u64::from(value) }
}

/// The symbol of a distance (RFC 1951, 3.2.5).
#[inline(always)]
pub(super) fn distance_symbol(distance: u32) -> Symbol {
    let (symbol, extra, value) = split(distance - 1, 1);
    Symbol { symbol: symbol as usize, extra, value: u64::from(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_of_lengths_and_distances() {
        let length = |l| {
            let s = length_symbol(l);
            (s.symbol, s.extra, s.value)
        };
        assert_eq!([3, 10, 11, 12].map(length), [(257, 0, 0), (264, 0, 0), (265, 1, 0), (265, 1, 1)]);
        assert_eq!(
            [18, 19, 227, 257, 258].map(length),
            [(268, 1, 1), (269, 2, 0), (284, 5, 0), (284, 5, 30), (285, 0, 0)]
        );
        let distance = |d| {
            let s = distance_symbol(d);
            (s.symbol, s.extra, s.value)
        };
        assert_eq!([1, 4, 5, 6].map(distance), [(0, 0, 0), (3, 0, 0), (4, 1, 0), (4, 1, 1)]);
        assert_eq!([24577, 32768].map(distance), [(29, 13, 0), (29, 13, 8191)]);
    }

    #[test]
    fn lengths_of_matches() {
        let data: Vec<u8> = (0..700).map(|i| (i % 7) as u8).chain([9]).collect();
        let t = |a, b| matching(&data, a, b, four_at(&data, b).unwrap());
        assert_eq!([t(0, 7), t(0, 8), t(0, 693), t(0, 686), t(1, 694)], [258, 0, 7, 14, 6]);
    }
}
