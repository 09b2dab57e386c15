//! The Fourier transform of a channel, forth and back. Only scalar code is used, so that the last digits are the same
//! on every machine.

use rustfft::num_complex::Complex32;
use rustfft::{FftDirection, FftPlannerScalar};

use revoxel_transforms::lines::for_each_line;

/// The spectrum of a channel; frequency 0 is the first value.
pub(super) fn spectrum(values: &[f32], shape: [usize; 3]) -> Vec<Complex32> {
    let mut data: Vec<Complex32> = values.iter().map(|v| Complex32::new(*v, 0.0)).collect();
    transform(&mut data, shape, FftDirection::Forward);
    data
}

/// The real part of the channel with this spectrum.
pub(super) fn channel(mut spectrum: Vec<Complex32>, shape: [usize; 3]) -> Vec<f32> {
    transform(&mut spectrum, shape, FftDirection::Inverse);
    let count = spectrum.len() as f32;
    spectrum.into_iter().map(|v| v.re / count).collect()
}

/// The index at which a frequency stands when frequency 0 is in the middle, along an axis of `n`.
pub(super) const fn shifted(frequency: usize, n: usize) -> usize {
    (frequency + n / 2) % n
}

fn transform(data: &mut [Complex32], shape: [usize; 3], direction: FftDirection) {
    let mut planner = FftPlannerScalar::new();
    for axis in 0..3 {
        if shape[axis] > 1 {
            let plan = planner.plan_fft(shape[axis], direction);
            let scratch = || vec![Complex32::default(); plan.get_inplace_scratch_len()];
            for_each_line(data, shape, axis, scratch, |scratch, line| plan.process_with_scratch(line, scratch));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_is_one_frequency_and_comes_back() {
        let shape = [6, 5, 4];
        let wave = |i: usize| {
            let turns = (i % 6) as f64 / 6.0 * 2.0 + (i / 6 % 5) as f64 / 5.0;
            (turns * std::f64::consts::TAU).cos() as f32
        };
        let values: Vec<f32> = (0..120).map(wave).collect();
        let found = spectrum(&values, shape);
        for (i, value) in found.iter().enumerate() {
            // 2 along the first axis and 1 along the second, and the same with the other sign.
            let expected = if i == 2 + 6 || i == 4 + 6 * 4 { 60.0 } else { 0.0 };
            assert!((value.norm() - expected).abs() < 1e-4, "{i}: {value}");
        }
        let back = channel(found, shape);
        assert!(values.iter().zip(back).all(|(a, b)| (a - b).abs() < 1e-6));
        assert_eq!([0, 1, 2, 3, 4].map(|f| shifted(f, 5)), [2, 3, 4, 0, 1]);
    }
}
