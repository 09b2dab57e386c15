//! Peaks of a map of probabilities: the points that a model finds.
//!
//! The rule is that of MONAI's `ProbNMS`. What is above the threshold is put in order once, and each peak strikes out the
//! box around it, so that the work does not grow with the number of peaks: a voxel lies in few boxes, as each of them
//! is centred outside of those before.

use rayon::slice::ParallelSliceMut;
use revoxel_core::{Dtype, Grid, Volume, VolumeError, Voxel, dispatch, parallel};
use revoxel_resample::{Gaussian, gaussian_smooth_as};

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeakSearch {
    sigma: [f64; 3],
    threshold: f64,
    size: [usize; 3],
}

/// A peak.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// Its channel.
    pub channel: usize,
    /// The value there, after smoothing.
    pub value: f64,
    /// Its voxel.
    pub index: [usize; 3],
    /// The centre of its voxel, RAS+ mm.
    pub ras: [f64; 3],
}

/// Why there are no peaks to be had.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PeakError {
    /// A parameter makes no sense.
    #[error("{field}: {problem}")]
    Parameter {
        /// Its name.
        field: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A voxel holds no number.
    #[error("channel {channel} holds NaN at index {index:?}: replace NaN values first")]
    NoNumber {
        /// The channel.
        channel: usize,
        /// The voxel.
        index: [usize; 3],
    },
    /// The map could not be smoothed.
    #[error(transparent)]
    Volume(#[from] VolumeError),
}

impl PeakSearch {
    /// Looks for peaks above `threshold` in a map smoothed with a Gaussian of `sigma` voxels (0 for none), of which each
    /// strikes out a box of `size` voxels: from `i - size / 2` to before `i - size / 2 + size`.
    ///
    /// # Errors
    /// Where a number is out of range: a sigma or threshold below 0, a box without voxels.
    pub fn new(sigma: [f64; 3], threshold: f64, size: [usize; 3]) -> Result<Self, PeakError> {
        let wrong = |field, problem| Err(PeakError::Parameter { field, problem });
        let reaches_zero = |value: f64| value.is_finite() && value >= 0.0;
        if let Some(value) = sigma.into_iter().find(|s| !reaches_zero(*s)) {
            return wrong("sigma", format!("{value}: expected a number of at least 0"));
        }
        if !reaches_zero(threshold) {
            return wrong("prob-threshold", format!("{threshold}: expected a number of at least 0"));
        }
        if size.contains(&0) {
            return wrong("box-size", "0: expected at least 1 voxel".to_owned());
        }
        Ok(Self { sigma, threshold, size })
    }

    /// The peaks of each channel, highest first; of equal ones the first, counted with axis 0 slowest.
    ///
    /// # Errors
    /// Where a voxel holds no number.
    pub fn find(&self, volume: &Volume) -> Result<Vec<Peak>, PeakError> {
        let smoothed;
        let volume = if self.sigma == [0.0; 3] {
            volume
        } else {
            numbers(volume)?;
            smoothed = gaussian_smooth_as(volume, self.sigma, &Gaussian::MONAI)?;
            &smoothed
        };
        numbers(volume)?;
        // Values of single precision are compared with the threshold in single precision.
        let threshold = match volume.dtype() {
            Dtype::F32 => f64::from(self.threshold as f32),
            _ => self.threshold,
        };
        let grid = volume.grid();
        let mut peaks = Vec::new();
        for channel in 0..volume.channels() {
            let size = grid.voxel_count();
            let found = dispatch!(volume.voxels(), v => self.positions(&v[channel * size..][..size], grid, threshold));
            peaks.extend(found.into_iter().map(|(index, value)| {
                let ras = grid.index_to_world(index.map(|i| i as f64));
                Peak { channel, value, index, ras }
            }));
        }
        Ok(peaks)
    }

    fn positions<T: Voxel>(&self, values: &[T], grid: &Grid, threshold: f64) -> Vec<([usize; 3], f64)> {
        let shape = grid.shape();
        let open = parallel::map(values.chunks(parallel::BLOCK).enumerate(), |(block, values)| {
            let numbers = values.iter().map(|v| v.to_f64()).zip(block * parallel::BLOCK..);
            numbers.filter(|(value, _)| *value > threshold).collect::<Vec<_>>()
        });
        let mut open = open.concat();
        sort(&mut open, shape);
        let mut struck = vec![false; values.len()];
        let mut found = Vec::new();
        for (value, i) in open {
            if struck[i] {
                continue;
            }
            let index = index_of(i, shape);
            found.push((index, value));
            let below = self.size.map(|size| size / 2);
            let low = [0, 1, 2].map(|a| index[a].saturating_sub(below[a]));
            let high = [0, 1, 2].map(|a| (index[a] + (self.size[a] - below[a]).min(shape[a])).min(shape[a]));
            for (y, z) in (low[2]..high[2]).flat_map(|z| (low[1]..high[1]).map(move |y| (y, z))) {
                let line = shape[0] * (y + shape[1] * z);
                struck[line + low[0]..line + high[0]].fill(true);
            }
        }
        found
    }
}

/// Puts values with their places in order: the highest first, of equal ones that with the lowest index.
fn sort(open: &mut [(f64, usize)], shape: [usize; 3]) {
    let at = |i: usize| index_of(i, shape);
    open.par_sort_unstable_by(|(x, a), (y, b)| y.total_cmp(x).then_with(|| at(*a).cmp(&at(*b))));
}

fn index_of(i: usize, [nx, ny, _]: [usize; 3]) -> [usize; 3] {
    [i % nx, i / nx % ny, i / (nx * ny)]
}

/// Refuses voxels that hold no number.
fn numbers(volume: &Volume) -> Result<(), PeakError> {
    let first = dispatch!(volume.voxels(), v => parallel::position(v, |x| x.to_f64().is_nan()));
    let (size, shape) = (volume.grid().voxel_count(), volume.grid().shape());
    first.map_or(Ok(()), |i| Err(PeakError::NoNumber { channel: i / size, index: index_of(i % size, shape) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::testing::Draw;
    use revoxel_core::{Affine, Kind};

    /// The rule as it is said: again and again the highest value, and zeros around it.
    fn by_the_rule(volume: &Volume, threshold: f64, size: [usize; 3]) -> Vec<([usize; 3], f64)> {
        let [nx, ny, nz] = volume.grid().shape();
        let all = || (0..nx).flat_map(move |x| (0..ny).flat_map(move |y| (0..nz).map(move |z| [x, y, z])));
        let mut values: Vec<f64> = all().map(|i| volume.value(i, 0)).collect();
        let mut found = Vec::new();
        loop {
            let mut best = 0;
            (0..values.len()).for_each(|i| {
                if values[i] > values[best] {
                    best = i
                }
            });
            if values[best] <= threshold {
                return found;
            }
            let top: [usize; 3] = all().nth(best).unwrap();
            found.push((top, values[best]));
            for (i, at) in all().enumerate() {
                let within = |a: usize| {
                    let low = top[a] as i64 - (size[a] / 2) as i64;
                    (low..low + size[a] as i64).contains(&(at[a] as i64))
                };
                if (0..3).all(within) {
                    values[i] = 0.0;
                }
            }
        }
    }

    #[test]
    fn the_peaks_are_those_of_the_rule() {
        for seed in 0..60 {
            let mut draw = Draw::new(seed);
            let shape = [0; 3].map(|_| draw.int(1, 9) as usize);
            let grid = Grid::new(shape, Affine::scaling([0.5, 2.0, 3.0])).unwrap();
            let steps = if seed % 2 == 0 { 4.0 } else { 1e6 };
            let value = |draw: &mut Draw| ((draw.real(-0.5, 1.0) * steps).round() / steps) as f32;
            let values: Vec<f32> = (0..grid.voxel_count()).map(|_| value(&mut draw)).collect();
            let volume = Volume::new(values.into(), grid, Kind::Probability, 1).unwrap();
            let size = [0; 3].map(|_| draw.int(1, 6) as usize);
            let found = PeakSearch::new([0.0; 3], 0.25, size).unwrap().find(&volume).unwrap();
            let expected = by_the_rule(&volume, 0.25, size);
            assert_eq!(found.iter().map(|p| (p.index, p.value)).collect::<Vec<_>>(), expected, "seed {seed}");
            assert!(found.iter().all(|p| p.ras == grid.index_to_world(p.index.map(|i| i as f64))));
        }
    }

    #[test]
    fn senseless_numbers_and_voxels_are_refused() {
        let t = |sigma, threshold, size, part: &str| {
            let error = PeakSearch::new([sigma, 1.0, 0.0], threshold, [3, size, 3]).unwrap_err().to_string();
            assert!(error.starts_with(part), "{error}");
        };
        t(-1.0, 0.5, 1, "sigma: -1");
        t(f64::NAN, 0.5, 1, "sigma");
        t(1.0, -0.5, 1, "prob-threshold: -0.5");
        t(1.0, 0.5, 0, "box-size: 0");
        let grid = Grid::without_geometry([2, 2, 2]).unwrap();
        let mut values = vec![0.7f32; 16];
        values[11] = f32::NAN;
        let volume = Volume::new(values.into(), grid, Kind::Probability, 2).unwrap();
        let expected = Err(PeakError::NoNumber { channel: 1, index: [1, 1, 0] });
        for sigma in [0.0, 1.0] {
            assert_eq!(PeakSearch::new([sigma; 3], 0.5, [9; 3]).unwrap().find(&volume), expected);
        }
    }

    #[test]
    fn as_many_peaks_as_voxels_take_no_time() {
        let grid = Grid::without_geometry([100; 3]).unwrap();
        let values: Vec<f32> = (0..1_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 + 1.0).collect();
        let volume = Volume::new(values.into(), grid, Kind::Probability, 1).unwrap();
        let start = std::time::Instant::now();
        let found = PeakSearch::new([0.0; 3], 0.0, [1; 3]).unwrap().find(&volume).unwrap();
        assert_eq!(found.len(), 1_000_000);
        // A look at every voxel for each of them takes a quarter of an hour.
        assert!(start.elapsed().as_secs() < 10);
    }
}
