//! Philox4x32-10: random numbers by position instead of in sequence.
//!
//! The generator of Salmon, Moraes, Dror and Shaw (Parallel random numbers: as easy as 1, 2, 3; 2011): a block of
//! four words is a function of a key and a counter, so that any thread can make any number.

/// Ten rounds over a counter.
fn block(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    const FACTORS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const STEPS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    let wide = |a: u32, b: u32| {
        let product = u64::from(a) * u64::from(b);
        ((product >> 32) as u32, product as u32)
    };
    for _ in 0..10 {
        let (high0, low0) = wide(FACTORS[0], counter[0]);
        let (high1, low1) = wide(FACTORS[1], counter[2]);
        counter = [high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0];
        key = [key[0].wrapping_add(STEPS[0]), key[1].wrapping_add(STEPS[1])];
    }
    counter
}

/// Two numbers from 0 (exclusive) to 1 (inclusive), with 53 bits each.
fn pair(words: [u32; 4]) -> [f64; 2] {
    let unit = |high: u32, low: u32| {
        let bits = (u64::from(high) << 32 | u64::from(low)) >> 11;
        (bits + 1) as f64 / (1u64 << 53) as f64
    };
    [unit(words[0], words[1]), unit(words[2], words[3])]
}

/// Noise by position: Philox4x32-10, with a key and a counter made of four words, a position and a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise {
    key: [u32; 2],
    base: [u32; 2],
    stream: u64,
}

impl Noise {
    /// Positions of one stream: more than a volume has values.
    const POSITIONS: u32 = 40;

    /// The noise of four words: the key, and the upper half of the counter.
    pub const fn new([a, b, c, d]: [u32; 4]) -> Self {
        Self { key: [a, b], base: [c, d], stream: 0 }
    }

    /// The four words of this noise; they do not contain the stream.
    pub const fn words(&self) -> [u32; 4] {
        [self.key[0], self.key[1], self.base[0], self.base[1]]
    }

    /// Another noise at the same positions, by number.
    #[must_use]
    pub const fn stream(&self, number: u64) -> Self {
        Self { stream: self.stream.wrapping_add(number << Self::POSITIONS), ..*self }
    }

    /// The noise at a position: mean 0, standard deviation 1 (Box and Muller).
    pub fn normal(&self, position: u64) -> f64 {
        let (length, angle) = self.polar(position);
        length * libm::cos(angle)
    }

    /// Two independent noises at a position, of which [`normal`](Self::normal) is the first.
    pub fn normals(&self, position: u64) -> [f64; 2] {
        let (length, angle) = self.polar(position);
        [length * libm::cos(angle), length * libm::sin(angle)]
    }

    /// A uniform number between two others at a position. Do not use it with [`normal`](Self::normal) of the same
    /// stream, which is derived from it.
    pub fn uniform(&self, position: u64, low: f64, high: f64) -> f64 {
        low + (high - low) * self.pair(position)[0]
    }

    /// Three independent uniform numbers between −1 and 1 at a position, with 32 bits each.
    pub fn triple(&self, position: u64) -> [f64; 3] {
        let [a, b, c, _] = self.block(position);
        [a, b, c].map(|word| (f64::from(word) + 0.5) / f64::from(1u32 << 31) - 1.0)
    }

    fn block(&self, position: u64) -> [u32; 4] {
        let position = position ^ self.stream;
        block([position as u32, (position >> 32) as u32, self.base[0], self.base[1]], self.key)
    }

    fn pair(&self, position: u64) -> [f64; 2] {
        pair(self.block(position))
    }

    fn polar(&self, position: u64) -> (f64, f64) {
        let [a, b] = self.pair(position);
        // libm is the same on every machine; the functions of the system are not.
        ((-2.0 * libm::log(a)).sqrt(), std::f64::consts::TAU * b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_answers_of_the_authors() {
        // kat_vectors of Random123: philox4x32, 10 rounds.
        assert_eq!(block([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(block([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let (counter, key) = ([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]);
        assert_eq!(block(counter, key), [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }

    #[test]
    fn three_numbers_are_spread_and_independent() {
        let noise = Noise::new([1, 2, 3, 4]);
        let all: Vec<[f64; 3]> = (0..100_000).map(|i| noise.triple(i)).collect();
        for a in 0..3 {
            let mean = all.iter().map(|t| t[a]).sum::<f64>() / 1e5;
            let square = all.iter().map(|t| t[a] * t[a]).sum::<f64>() / 1e5;
            let product = all.iter().map(|t| t[a] * t[(a + 1) % 3]).sum::<f64>() / 1e5;
            // Standard errors: 0.0018, 0.0009, 0.0011.
            assert!(mean.abs() < 0.007 && (square - 1.0 / 3.0).abs() < 0.004, "{mean} {square}");
            assert!(product.abs() < 0.004, "{product}");
        }
        assert!(all.iter().flatten().all(|v| v.abs() < 1.0));
        assert_eq!(Noise::new(noise.words()), noise);
    }
}
