//! Philox4x32-10: random numbers by position instead of by order.
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

/// The numbers of one step for one case, one after another.
#[derive(Clone, Debug)]
pub struct Draws {
    key: [u32; 2],
    base: [u32; 2],
    next: u64,
}

impl Draws {
    /// The numbers of step `step` (from 0) of a pipeline with this seed, for a case.
    pub fn new(seed: u64, case: &str, step: usize) -> Self {
        let mut hash = blake3::Hasher::new_derive_key("revoxel 1 draws");
        hash.update(&seed.to_le_bytes()).update(&(step as u64).to_le_bytes()).update(case.as_bytes());
        let words = hash.finalize();
        let word = |k: usize| u32::from_le_bytes([0, 1, 2, 3].map(|b| words.as_bytes()[4 * k + b]));
        Self { key: [word(0), word(1)], base: [word(2), word(3)], next: 0 }
    }

    /// A number between two others, each as likely.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        let words = block(counter(self.next, self.base), self.key);
        self.next += 1;
        low + (high - low) * pair(words)[0]
    }

    /// Whether something happens that does so with a probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform(0.0, 1.0) <= probability && probability > 0.0
    }

    /// A whole number from 0 to below `end`, each as likely.
    pub fn below(&mut self, end: u32) -> u32 {
        let number = (1.0 - self.uniform(0.0, 1.0)) * f64::from(end);
        (number as u32).min(end.saturating_sub(1))
    }

    /// A number from 0 (inclusive) to 1 (exclusive), each as likely: a place along an axis, say.
    pub fn fraction(&mut self) -> f64 {
        1.0 - self.uniform(0.0, 1.0)
    }

    /// Noise by position, apart from the numbers drawn one after another.
    pub fn noise(&self) -> Noise {
        Noise { key: self.key, base: [self.base[0], !self.base[1]], stream: 0 }
    }

    /// Noise by position that is other than [`noise`](Self::noise) and than what this gave before: for numbers by
    /// channel, say.
    pub fn further_noise(&mut self) -> Noise {
        self.next += 1;
        self.noise().stream(self.next)
    }
}

/// Noise by position.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    key: [u32; 2],
    base: [u32; 2],
    stream: u64,
}

impl Noise {
    /// Positions of one stream: more than a volume has values.
    const POSITIONS: u32 = 40;

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

    /// A number between two others at a position, each as likely. Not to be used beside [`normal`](Self::normal) of
    /// the same stream, which is made of it.
    pub fn uniform(&self, position: u64, low: f64, high: f64) -> f64 {
        low + (high - low) * self.pair(position)[0]
    }

    fn pair(&self, position: u64) -> [f64; 2] {
        pair(block(counter(position ^ self.stream, self.base), self.key))
    }

    fn polar(&self, position: u64) -> (f64, f64) {
        let [a, b] = self.pair(position);
        // libm is the same on every machine; the functions of the system are not.
        ((-2.0 * libm::log(a)).sqrt(), std::f64::consts::TAU * b)
    }
}

fn counter(number: u64, base: [u32; 2]) -> [u32; 4] {
    [number as u32, (number >> 32) as u32, base[0], base[1]]
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
    fn seed_case_and_step_each_change_the_numbers() {
        let first = |seed, case, step| Draws::new(seed, case, step).uniform(0.0, 1.0);
        let all = [first(0, "a", 0), first(1, "a", 0), first(0, "b", 0), first(0, "a", 1)];
        for i in 0..4 {
            assert!((0..i).all(|j| all[i] != all[j]), "{all:?}");
        }
        assert_eq!(first(7, "x", 3), first(7, "x", 3));
    }

    #[test]
    fn draws_are_spread_as_they_should_be() {
        let mut draws = Draws::new(1, "case", 0);
        let n = 100_000;
        let values: Vec<f64> = (0..n).map(|_| draws.uniform(-1.0, 3.0)).collect();
        let (mean, deviation) = moments(&values);
        // Standard errors: 0.0037 of the mean (4/√12/√n), about 0.0026 of the deviation.
        assert!((mean - 1.0).abs() < 0.012 && (deviation - 4.0 / 12f64.sqrt()).abs() < 0.01, "{mean} {deviation}");
        assert!(values.iter().all(|v| (-1.0..=3.0).contains(v)));
        let hits = (0..n).filter(|_| draws.chance(0.1)).count() as f64 / f64::from(n);
        assert!((hits - 0.1).abs() < 0.003, "{hits}");
        assert!((0..1000).all(|_| draws.chance(1.0) && !draws.chance(0.0)));
        let mut counts = [0; 3];
        (0..30_000).for_each(|_| counts[draws.below(3) as usize] += 1);
        assert!(counts.iter().all(|c: &i32| (c - 10_000).abs() < 300), "{counts:?}");
    }

    #[test]
    fn noise_is_normal_and_uncorrelated() {
        let noise = Draws::new(2, "case", 1).noise();
        let values: Vec<f64> = (0..200_000).map(|i| noise.normal(i)).collect();
        let (mean, deviation) = moments(&values);
        assert!(mean.abs() < 0.008 && (deviation - 1.0).abs() < 0.006, "{mean} {deviation}");
        let within = |s: f64| values.iter().filter(|v| v.abs() < s).count() as f64 / values.len() as f64;
        assert!((within(1.0) - 0.6827).abs() < 0.004 && (within(2.0) - 0.9545).abs() < 0.002);
        for lag in [1, 2, 64, 4096] {
            let pairs = values.iter().zip(&values[lag..]);
            let product = pairs.map(|(a, b)| a * b).sum::<f64>() / (values.len() - lag) as f64;
            assert!(product.abs() < 0.009, "{lag}: {product}");
        }
        // The numbers drawn in order are others.
        assert_ne!(Draws::new(2, "case", 1).uniform(0.0, 1.0), noise.normal(0));
    }

    #[test]
    fn streams_have_noise_of_their_own() {
        let mut draws = Draws::new(2, "case", 1);
        let [noise, first, second] = [draws.noise(), draws.further_noise(), draws.further_noise()];
        let correlation =
            |a: &dyn Fn(u64) -> f64, b: &dyn Fn(u64) -> f64| (0..100_000).map(|i| a(i) * b(i)).sum::<f64>() / 100_000.0;
        let normal = |noise: Noise| move |i| noise.normal(i);
        assert!((correlation(&normal(first), &normal(first)) - 1.0).abs() < 0.02);
        // Standard error: 0.0032.
        for (a, b) in [(noise, first), (noise, second), (first, second), (noise, noise.stream(1 << 20))] {
            assert!(correlation(&normal(a), &normal(b)).abs() < 0.012, "{a:?} {b:?}");
        }
        assert!(correlation(&normal(noise), &|i| noise.normals(i)[1]).abs() < 0.012);
        assert!((correlation(&|i| noise.normals(i)[1], &|i| noise.normals(i)[1]) - 1.0).abs() < 0.02);
        assert_eq!(noise.normals(77)[0].to_bits(), noise.normal(77).to_bits());
        let values: Vec<f64> = (0..100_000).map(|i| second.uniform(i, -1.0, 3.0)).collect();
        let (mean, deviation) = moments(&values);
        assert!((mean - 1.0).abs() < 0.012 && (deviation - 4.0 / 12f64.sqrt()).abs() < 0.01, "{mean} {deviation}");
        assert!((0..1000).map(|_| draws.fraction()).all(|f| (0.0..1.0).contains(&f)));
    }

    fn moments(values: &[f64]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
    }
}
