//! The numbers that the steps of a pipeline draw: by position instead of by order.

use revoxel_resample::Noise;

/// The numbers of one step for one case, one after another.
#[derive(Clone, Debug)]
pub struct Draws {
    noise: Noise,
    next: u64,
    copy: u32,
    shared: Noise,
}

impl Draws {
    /// The numbers of step `step` (from 0) of a pipeline with this seed, for a case; or for a copy of it, as `name/2`.
    pub fn new(seed: u64, case: &str, step: usize) -> Self {
        let noise = |name: &str| {
            let mut hash = blake3::Hasher::new_derive_key("revoxel 1 draws");
            hash.update(&seed.to_le_bytes()).update(&(step as u64).to_le_bytes()).update(name.as_bytes());
            let words = hash.finalize();
            let word = |k: usize| u32::from_le_bytes([0, 1, 2, 3].map(|b| words.as_bytes()[4 * k + b]));
            Noise::new([0, 1, 2, 3].map(word))
        };
        let copy = case.rsplit_once('/').and_then(|(name, copy)| Some((name, copy.parse().ok()?)));
        let (name, copy) = copy.unwrap_or((case, 0));
        Self { noise: noise(case), next: 0, copy, shared: noise(name) }
    }

    /// The number of the copy, from 0; 0 where there are none.
    pub const fn copy(&self) -> u32 {
        self.copy
    }

    /// Numbers that are the same for all copies of the case.
    #[must_use]
    pub const fn of_all_copies(&self) -> Self {
        Self { noise: self.shared, next: 0, copy: self.copy, shared: self.shared }
    }

    /// A number between two others, each as likely.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        let number = self.noise.uniform(self.next, low, high);
        self.next += 1;
        number
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
        let [a, b, c, d] = self.noise.words();
        Noise::new([a, b, c, !d])
    }

    /// Noise by position that is other than [`noise`](Self::noise) and than what this gave before: for numbers by
    /// channel, say.
    pub fn further_noise(&mut self) -> Noise {
        self.next += 1;
        self.noise().stream(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn copies_have_numbers_of_their_own_and_some_that_they_share() {
        let (a, b) = (Draws::new(3, "a/0", 1), Draws::new(3, "a/12", 1));
        assert_eq!([a.copy(), b.copy(), Draws::new(3, "a", 1).copy()], [0, 12, 0]);
        assert_ne!(a.clone().fraction(), b.clone().fraction());
        let shared = |draws: &Draws| draws.of_all_copies().fraction();
        assert_eq!(shared(&a), shared(&b));
        assert_ne!(shared(&a), shared(&Draws::new(3, "b/0", 1)));
        assert_ne!(shared(&a), a.clone().fraction());
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
