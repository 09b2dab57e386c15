//! Prefix codes of limited length, and how deflate encodes them (RFC 1951, 3.2.2 and 3.2.7).

use super::bits::Bits;

/// The longest code of a symbol. Deflate allows 15; with 14, four literals fit into one flush.
pub(super) const MOST_BITS: usize = 14;
/// The longest code of a code length.
const MOST_BITS_OF_LENGTHS: usize = 7;
/// The order in which the lengths of the codes of code lengths are written.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Codes of `N` symbols: the bits, ready to write, and their number.
#[derive(Clone, Debug)]
pub(super) struct Code<const N: usize> {
    pub(super) bits: [u16; N],
    pub(super) lengths: [u8; N],
}

impl<const N: usize> Code<N> {
    /// The best code for these frequencies. At least two symbols get a code, so that it is complete.
    pub(super) fn new(frequencies: &[u32; N]) -> Self {
        let lengths = lengths(frequencies, MOST_BITS);
        Self { bits: codes(&lengths), lengths }
    }

    /// Bits of this many symbols.
    pub(super) fn cost(&self, frequencies: &[u32; N]) -> u64 {
        frequencies.iter().zip(&self.lengths).map(|(f, l)| u64::from(*f) * u64::from(*l)).sum()
    }
}

/// The lengths of the best code that has none longer than `most`.
fn lengths<const N: usize>(frequencies: &[u32; N], most: usize) -> [u8; N] {
    let mut used: Vec<(u32, usize)> = (0..N).map(|s| (frequencies[s], s)).filter(|(f, _)| *f > 0).collect();
    for symbol in 0..N {
        if used.len() < 2 && frequencies[symbol] == 0 {
            used.push((1, symbol));
        }
    }
    used.sort_unstable();
    let mut counts = counts(&used.iter().map(|(f, _)| u64::from(*f)).collect::<Vec<_>>(), most);
    // The rarest symbols get the longest codes.
    let mut lengths = [0; N];
    let mut length = most;
    for (_, symbol) in used {
        while counts[length] == 0 {
            length -= 1;
        }
        counts[length] -= 1;
        lengths[symbol] = length as u8;
    }
    lengths
}

/// The number of codes of each length, for ascending weights: those of Huffman's tree, limited to `most`.
fn counts(weights: &[u64], most: usize) -> [usize; MOST_BITS + 1] {
    let leaves = weights.len();
    // Nodes in the order in which they are made; their weights ascend too.
    let mut nodes: Vec<u64> = Vec::with_capacity(leaves);
    let mut parents = vec![0; 2 * leaves];
    let (mut leaf, mut node) = (0, 0);
    while nodes.len() + 1 < leaves {
        let mut sum = 0;
        for _ in 0..2 {
            let take_leaf = leaf < leaves && nodes.get(node).is_none_or(|n| weights[leaf] <= *n);
            let child = if take_leaf { leaf } else { leaves + node };
            sum += if take_leaf { weights[leaf] } else { nodes[node] };
            if take_leaf {
                leaf += 1
            } else {
                node += 1
            };
            parents[child] = leaves + nodes.len();
        }
        nodes.push(sum);
    }
    let mut depths = vec![0usize; leaves + nodes.len()];
    let mut counts = [0; MOST_BITS + 1];
    for i in (0..(leaves + nodes.len()).saturating_sub(1)).rev() {
        depths[i] = depths[parents[i]] + 1;
        if i < leaves {
            counts[depths[i].min(most)] += 1;
        }
    }
    // Codes that were cut off take more room than there is: shorter ones are made longer until all fit.
    let room = 1usize << most;
    let mut taken: usize = (1..=most).map(|length| counts[length] << (most - length)).sum();
    while taken > room {
        counts[most] -= 1;
        if let Some(length) = (1..most).rev().find(|length| counts[*length] > 0) {
            counts[length] -= 1;
            counts[length + 1] += 2;
        }
        taken -= 1;
    }
    counts
}

/// The canonical codes of these lengths, with the first bit lowest.
fn codes<const N: usize>(lengths: &[u8; N]) -> [u16; N] {
    let mut next = [0u32; 17];
    for length in lengths {
        next[usize::from(*length) + 1] += u32::from(*length > 0);
    }
    // next[l] is the number of codes of length l − 1 by now.
    let mut code = 0;
    for length in 1..=16 {
        code = (code + next[length]) << 1;
        next[length] = code;
    }
    let mut codes = [0; N];
    for (code, length) in codes.iter_mut().zip(lengths) {
        if *length > 0 {
            let value = &mut next[usize::from(*length)];
            *code = (*value as u16).reverse_bits() >> (16 - length);
            *value += 1;
        }
    }
    codes
}

/// The head of a block: the encoded lengths of both codes.
pub(super) struct Head {
    /// Symbol, value and number of extra bits.
    symbols: Vec<(u8, u8, u8)>,
    code: Code<19>,
    written: usize,
    literals: usize,
    distances: usize,
}

impl Head {
    pub(super) fn new(literals: &[u8], distances: &[u8]) -> Self {
        let used = |lengths: &[u8], least: usize| lengths.iter().rposition(|l| *l > 0).map_or(0, |l| l + 1).max(least);
        let (n, m) = (used(literals, 257), used(distances, 1));
        let all: Vec<u8> = literals[..n].iter().chain(&distances[..m]).copied().collect();
        let mut symbols = Vec::with_capacity(all.len());
        for run in all.chunk_by(|a, b| a == b) {
            let (length, mut left) = (run[0], run.len());
            if length > 0 {
                symbols.push((length, 0, 0));
                left -= 1;
            }
            while left > 0 {
                let (count, symbol) = match (length, left) {
                    (0, 11..) => (left.min(138), (18, left.min(138) as u8 - 11, 7)),
                    (0, 3..) => (left, (17, left as u8 - 3, 3)),
                    (1.., 3..) => (left.min(6), (16, left.min(6) as u8 - 3, 2)),
                    _ => (1, (length, 0, 0)),
                };
                symbols.push(symbol);
                left -= count;
            }
        }
        let mut frequencies = [0; 19];
        symbols.iter().for_each(|(symbol, ..)| frequencies[usize::from(*symbol)] += 1);
        let lengths = lengths(&frequencies, MOST_BITS_OF_LENGTHS);
        let code = Code { bits: codes(&lengths), lengths };
        let written = ORDER.iter().rposition(|symbol| lengths[*symbol] > 0).map_or(4, |i| i + 1).max(4);
        Self { symbols, code, written, literals: n, distances: m }
    }

    /// Its size in bits.
    pub(super) fn cost(&self) -> u64 {
        let symbol = |(symbol, _, extra): &(u8, u8, u8)| self.code.lengths[usize::from(*symbol)] + extra;
        14 + 3 * self.written as u64 + self.symbols.iter().map(|s| u64::from(symbol(s))).sum::<u64>()
    }

    pub(super) fn write(&self, to: &mut Bits) {
        to.put(self.literals as u64 - 257, 5);
        to.put(self.distances as u64 - 1, 5);
        to.put(self.written as u64 - 4, 4);
        ORDER[..self.written].iter().for_each(|symbol| to.put(u64::from(self.code.lengths[*symbol]), 3));
        for (symbol, value, extra) in &self.symbols {
            let symbol = usize::from(*symbol);
            to.put(u64::from(self.code.bits[symbol]), u32::from(self.code.lengths[symbol]));
            to.put(u64::from(*value), u32::from(*extra));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_complete_and_short_enough() {
        let mut fibonacci = [0u32; 40];
        (fibonacci[0], fibonacci[1]) = (1, 1);
        (2..40).for_each(|i| fibonacci[i] = fibonacci[i - 1] + fibonacci[i - 2]);
        let mut few = [0u32; 40];
        few[7] = 3;
        let even = [5u32; 40];
        for frequencies in [fibonacci, few, even, [0; 40]] {
            let code = Code::new(&frequencies);
            let room: f64 = code.lengths.iter().filter(|l| **l > 0).map(|l| 0.5f64.powi(i32::from(*l))).sum();
            assert_eq!(room, 1.0, "{:?}", code.lengths);
            assert!(code.lengths.iter().all(|l| usize::from(*l) <= MOST_BITS));
            assert!((0..40).all(|i| frequencies[i] == 0 || code.lengths[i] > 0));
        }
        // A rarer symbol never has a shorter code.
        let code = Code::new(&fibonacci);
        assert!(code.lengths.windows(2).all(|w| w[0] >= w[1]));
        let simple = Code::new(&[1, 2, 4, 1]);
        assert_eq!((simple.lengths, simple.bits), ([3, 2, 1, 3], [0b011, 0b01, 0b0, 0b111]));
    }
}
