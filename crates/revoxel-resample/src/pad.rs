//! Padding with values taken from the volume, as numpy's `pad` does.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use revoxel_core::{Dtype, GridOp, Kind, Sampling, Volume, Voxel, Voxels, dispatch, parallel};

use crate::error::ResampleError;
use crate::work::{copied, covered};
use crate::{How, Interpolation};

/// The values of padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PadMode {
    /// One given value.
    Constant,
    /// The closest voxel.
    Edge,
    /// The volume mirrored about its outermost centres.
    Reflect,
    /// The volume mirrored about its outer faces.
    Symmetric,
    /// The volume repeated.
    Wrap,
    /// From the outermost voxel down to 0, which the last voxel of the padding holds; axis after axis.
    LinearRamp,
    /// The smallest value of each line, axis after axis.
    Minimum,
    /// The largest value of each line, axis after axis.
    Maximum,
    /// The mean of each line, axis after axis.
    Mean,
    /// The median of each line, axis after axis.
    Median,
    /// The smallest value of all channels.
    VolumeMinimum,
    /// The largest value of all channels.
    VolumeMaximum,
    /// The mean of all channels.
    VolumeMean,
    /// The median of all channels.
    VolumeMedian,
}

impl PadMode {
    /// All modes, in the order shown to people.
    pub const ALL: [Self; 14] = [
        Self::Constant,
        Self::Edge,
        Self::Reflect,
        Self::Symmetric,
        Self::Wrap,
        Self::LinearRamp,
        Self::Minimum,
        Self::Maximum,
        Self::Mean,
        Self::Median,
        Self::VolumeMinimum,
        Self::VolumeMaximum,
        Self::VolumeMean,
        Self::VolumeMedian,
    ];

    /// The name, as in numpy if numpy has the mode.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Edge => "edge",
            Self::Reflect => "reflect",
            Self::Symmetric => "symmetric",
            Self::Wrap => "wrap",
            Self::LinearRamp => "linear_ramp",
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::Mean => "mean",
            Self::Median => "median",
            Self::VolumeMinimum => "volume_minimum",
            Self::VolumeMaximum => "volume_maximum",
            Self::VolumeMean => "volume_mean",
            Self::VolumeMedian => "volume_median",
        }
    }

    /// Whether it computes numbers that need not be values of the volume.
    pub const fn averages(self) -> bool {
        matches!(self, Self::LinearRamp | Self::Mean | Self::Median | Self::VolumeMean | Self::VolumeMedian)
    }

    /// The number that pads all channels, if the mode has one. It is computed from the finite values; without any, it is 0.
    fn of_all(self, voxels: &Voxels) -> Option<f64> {
        match self {
            Self::VolumeMinimum => Some(voxels.min_max().map_or(0.0, |(low, _)| low)),
            Self::VolumeMaximum => Some(voxels.min_max().map_or(0.0, |(_, high)| high)),
            Self::VolumeMean => Some(dispatch!(voxels, v => mean_of(v))),
            Self::VolumeMedian => Some(dispatch!(voxels, v => median_of(v))),
            _ => None,
        }
    }

    /// The number that pads all channels, if it is a whole number that double precision rounds.
    fn long(self, voxels: &Voxels) -> Option<i128> {
        if !matches!(voxels.dtype(), Dtype::U64 | Dtype::I64) {
            return None;
        }
        let number = match self {
            Self::VolumeMinimum => voxels.whole_range()?.0,
            Self::VolumeMaximum => voxels.whole_range()?.1,
            _ => return None,
        };
        (!Dtype::F64.holds_whole(number)).then_some(number)
    }

    /// The index (0 .. n) of the voxel that is repeated at `index`, for modes that repeat voxels.
    fn index(self, index: i64, n: i64) -> i64 {
        match self {
            Self::Edge => index.clamp(0, n - 1),
            Self::Wrap => index.rem_euclid(n),
            Self::Reflect if n == 1 => 0,
            Self::Reflect => {
                let phase = index.rem_euclid(2 * (n - 1));
                phase.min(2 * (n - 1) - phase)
            }
            Self::Symmetric => {
                let phase = index.rem_euclid(2 * n);
                phase.min(2 * n - 1 - phase)
            }
            _ => index,
        }
    }
}

impl fmt::Display for PadMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is not a padding mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a padding mode: use constant, edge, reflect, symmetric, wrap, linear_ramp, minimum, maximum, mean, \
     median, or volume_minimum, volume_maximum, volume_mean or volume_median"
)]
pub struct PadModeError(pub String);

impl FromStr for PadMode {
    type Err = PadModeError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|m| m.name() == name).ok_or_else(|| PadModeError(name.to_owned()))
    }
}

/// Takes the window `start .. start + shape` of a volume. Beyond the volume, `mode` makes the padding from the voxels
/// inside the window, or from `value` (per channel) if the mode is constant. Cropping comes before padding.
///
/// # Errors
/// If the window is empty, or shares no voxel with the volume and the mode needs one.
pub fn pad(
    volume: &Volume,
    start: [i64; 3],
    shape: [usize; 3],
    mode: PadMode,
    value: &[f64],
) -> Result<Volume, ResampleError> {
    let window = GridOp::Window { start, shape };
    let mut sampling = Sampling::identity(*volume.grid());
    sampling.push(&window)?;
    if let Some(number) = mode.long(volume.voxels()) {
        return padded_with(volume, &sampling, number);
    }
    let of_all = mode.of_all(volume.voxels()).map(|number| vec![number; volume.channels()]);
    let constant = of_all.as_deref().or((mode == PadMode::Constant).then_some(value));
    if constant.is_some() || !sampling.has_padding() {
        let value = constant.unwrap_or(value).to_vec();
        return copied(volume, &sampling, &How::filled(Interpolation::Nearest, value));
    }
    let inner = *sampling.readable();
    let mut crop = Sampling::identity(*volume.grid());
    crop.push(&GridOp::Window { start: inner.start, shape: inner.shape })?;
    let cropped = copied(volume, &crop, &How::border(Interpolation::Nearest))?;
    let start = [0, 1, 2].map(|a| start[a] - inner.start[a]);
    let channels = volume.channels();
    let voxels: Voxels = dispatch!(cropped.voxels(), v => match mode {
        PadMode::Edge | PadMode::Reflect | PadMode::Symmetric | PadMode::Wrap => {
            repeated(v, inner.shape, channels, start, shape, mode).into()
        }
        _ => summarised(v, inner.shape, channels, start, shape, mode).into(),
    });
    let kind: Kind = volume.kind();
    Ok(Volume::new(voxels, *sampling.target(), kind, channels)?)
}

/// Executes a window whose padding is an exact whole number.
fn padded_with(volume: &Volume, window: &Sampling, number: i128) -> Result<Volume, ResampleError> {
    let inside = covered(window)?;
    let inside: &[u8] = inside.voxels().bytes();
    let padded = copied(volume, window, &How::filled(Interpolation::Nearest, vec![0.0]))?;
    fn put<T: Voxel>(values: &mut [T], inside: &[u8], number: i128) {
        let number = T::near_whole(number);
        for channel in values.chunks_mut(inside.len()) {
            channel.iter_mut().zip(inside).filter(|(_, inside)| **inside == 0).for_each(|(v, _)| *v = number);
        }
    }
    let (grid, kind, channels) = (*padded.grid(), padded.kind(), padded.channels());
    let mut voxels = padded.into_voxels();
    dispatch!(&mut voxels, v => put(v, inside, number));
    Ok(Volume::new(voxels, grid, kind, channels)?)
}

fn repeated<T: Voxel>(
    source: &[T],
    from: [usize; 3],
    channels: usize,
    start: [i64; 3],
    shape: [usize; 3],
    mode: PadMode,
) -> Vec<T> {
    let table = |a: usize| -> Vec<usize> {
        (0..shape[a] as i64).map(|i| mode.index(i + start[a], from[a] as i64) as usize).collect()
    };
    let [xs, ys, zs] = [table(0), table(1), table(2)];
    let mut out = vec![T::default(); shape.iter().product::<usize>() * channels];
    parallel::each_row(&mut out, shape[0], |line, row| {
        let (y, z, c) = (line % shape[1], line / shape[1] % shape[2], line / (shape[1] * shape[2]));
        let first = from[0] * (ys[y] + from[1] * (zs[z] + from[2] * c));
        row.iter_mut().zip(&xs).for_each(|(o, x)| *o = source[first + x]);
    });
    out
}

/// Pads one axis after another with numbers computed from each line.
fn summarised<T: Voxel>(
    source: &[T],
    from: [usize; 3],
    channels: usize,
    start: [i64; 3],
    shape: [usize; 3],
    mode: PadMode,
) -> Vec<T> {
    let mut values = source.to_vec();
    let mut current = from;
    for axis in 0..3 {
        let mut next = current;
        next[axis] = shape[axis];
        let stride: usize = current[..axis].iter().product();
        let lines = values.len() / current[axis];
        let mut out = vec![T::default(); lines * next[axis]];
        for line in 0..lines {
            let (inner, outer) = (line % stride, line / stride);
            let at = |i: usize| values[inner + stride * (i + current[axis] * outer)];
            let number = (mode != PadMode::LinearRamp).then(|| summary((0..current[axis]).map(at).collect(), mode));
            let last = current[axis] as i64 - 1;
            // How many voxels are padded below and above.
            let width = [-start[axis], start[axis] + next[axis] as i64 - 1 - last];
            for i in 0..next[axis] {
                let source = i as i64 + start[axis];
                let ramp = |edge: i64, width: i64| {
                    let share = (width - (source - edge).abs()) as f64 / width as f64;
                    T::from_f64(at(edge as usize).to_f64() * share)
                };
                out[inner + stride * (i + next[axis] * outer)] = match number {
                    _ if (0..=last).contains(&source) => at(source as usize),
                    Some(number) => number,
                    None if source < 0 => ramp(0, width[0]),
                    None => ramp(last, width[1]),
                };
            }
        }
        (values, current) = (out, next);
    }
    debug_assert_eq!(values.len(), shape.iter().product::<usize>() * channels);
    values
}

/// The mean of the finite values, summed in the same order on any number of threads; 0 if there are none.
fn mean_of<T: Voxel>(values: &[T]) -> f64 {
    let sum = |part: &[T]| {
        let finite = part.iter().map(|v| v.to_f64()).filter(|v| v.is_finite());
        finite.fold((0.0, 0usize), |(sum, count), v| (sum + v, count + 1))
    };
    let parts = parallel::map(values.chunks(1 << 16), sum);
    let (sum, count) = parts.into_iter().fold((0.0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    sum / count.max(1) as f64
}

/// The median of the finite values (for an even number, the mean of the middle two); 0 if there are none.
fn median_of<T: Voxel>(values: &[T]) -> f64 {
    let order = |a: &T, b: &T| a.to_f64().total_cmp(&b.to_f64());
    let mut values: Vec<T> = values.iter().copied().filter(|v| v.to_f64().is_finite()).collect();
    if values.is_empty() {
        return 0.0;
    }
    let n = values.len();
    let (below, upper, _) = values.select_nth_unstable_by(n / 2, order);
    let lower = if n % 2 == 1 { None } else { below.iter().copied().max_by(order) };
    lower.map_or(upper.to_f64(), |lower| 0.5 * (lower.to_f64() + upper.to_f64()))
}

/// The number computed from the finite values of a line; its first value if none is finite.
fn summary<T: Voxel>(mut line: Vec<T>, mode: PadMode) -> T {
    let mean = |values: &[T]| T::from_f64(values.iter().map(|v| v.to_f64()).sum::<f64>() / values.len() as f64);
    let first = line[0];
    line.retain(|v| v.to_f64().is_finite());
    if line.is_empty() {
        return first;
    }
    if mode == PadMode::Mean {
        return mean(&line);
    }
    // Whole numbers of 64 bits may be one number in double precision.
    let order = |a: &T, b: &T| a.partial_cmp(b).unwrap_or(Ordering::Equal);
    line.sort_unstable_by(|a, b| order(a, b).then(a.to_f64().total_cmp(&b.to_f64())));
    let n = line.len();
    match mode {
        PadMode::Minimum => line[0],
        PadMode::Maximum => line[n - 1],
        _ => mean(&line[(n - 1) / 2..=n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::Grid;

    #[test]
    fn a_line_is_padded_as_numpy_pads_it() {
        fn t(mode: PadMode, expected: [f32; 9]) {
            let grid = Grid::without_geometry([4, 1, 1]).unwrap();
            let line = Volume::new(vec![1f32, 2., 4., 9.].into(), grid, Kind::Image, 1).unwrap();
            let padded = pad(&line, [-3, 0, 0], [9, 1, 1], mode, &[7.0]).unwrap();
            assert_eq!(padded.voxels(), &Voxels::from(expected.to_vec()), "{mode}");
            assert_eq!(padded.grid().origin(), [-3.0, 0.0, 0.0]);
        }
        t(PadMode::Constant, [7., 7., 7., 1., 2., 4., 9., 7., 7.]);
        t(PadMode::Edge, [1., 1., 1., 1., 2., 4., 9., 9., 9.]);
        t(PadMode::Reflect, [9., 4., 2., 1., 2., 4., 9., 4., 2.]);
        t(PadMode::Symmetric, [4., 2., 1., 1., 2., 4., 9., 9., 4.]);
        t(PadMode::Wrap, [2., 4., 9., 1., 2., 4., 9., 1., 2.]);
        t(PadMode::Minimum, [1., 1., 1., 1., 2., 4., 9., 1., 1.]);
        t(PadMode::Maximum, [9., 9., 9., 1., 2., 4., 9., 9., 9.]);
        t(PadMode::Mean, [4., 4., 4., 1., 2., 4., 9., 4., 4.]);
        t(PadMode::Median, [3., 3., 3., 1., 2., 4., 9., 3., 3.]);
        t(PadMode::LinearRamp, [0., 1. / 3., 2. / 3., 1., 2., 4., 9., 4.5, 0.]);
        t(PadMode::VolumeMinimum, [1., 1., 1., 1., 2., 4., 9., 1., 1.]);
        t(PadMode::VolumeMean, [4., 4., 4., 1., 2., 4., 9., 4., 4.]);
        t(PadMode::VolumeMedian, [3., 3., 3., 1., 2., 4., 9., 3., 3.]);
        assert_eq!(median_of(&[5u8, 1, 9]), 5.0);
        // What is not finite does not count, except where nothing else is there.
        for (mode, expected) in PadMode::ALL[6..].iter().zip([1.0, 3.0, 2.0, 2.0, 1.0, 3.0, 2.0, 2.0]) {
            let grid = Grid::without_geometry([5, 1, 1]).unwrap();
            for other in [f32::INFINITY, f32::NEG_INFINITY] {
                let line = Volume::new(vec![f32::NAN, 1., 3., 2., other].into(), grid, Kind::Image, 1).unwrap();
                let padded = pad(&line, [0, 0, 0], [6, 1, 1], *mode, &[]).unwrap();
                assert_eq!(padded.voxels().get(5), expected, "{mode}");
            }
            let line = Volume::new(vec![f32::NAN; 5].into(), grid, Kind::Image, 1).unwrap();
            let padded = pad(&line, [0, 0, 0], [6, 1, 1], *mode, &[]).unwrap().voxels().get(5);
            assert!(if mode.name().starts_with("volume") { padded == 0.0 } else { padded.is_nan() }, "{mode}");
        }
        // Beyond 2^53 every digit counts.
        let (low, high) = ((1u64 << 53) + 1, (1 << 53) + 3);
        for (mode, expected) in [
            (PadMode::VolumeMinimum, low),
            (PadMode::VolumeMaximum, high),
            (PadMode::Minimum, low),
            (PadMode::Maximum, high),
        ] {
            let grid = Grid::without_geometry([3, 1, 1]).unwrap();
            let line = Volume::new(vec![low + 1, high, low].into(), grid, Kind::Label, 1).unwrap();
            let padded = pad(&line, [-1, 0, 0], [4, 1, 1], mode, &[]).unwrap();
            assert_eq!(padded.voxels(), &vec![expected, low + 1, high, low].into(), "{mode}");
        }
    }

    #[test]
    fn cropping_comes_before_padding() {
        let grid = Grid::without_geometry([4, 2, 1]).unwrap();
        let volume = Volume::new(vec![1u8, 2, 3, 4, 5, 6, 7, 8].into(), grid, Kind::Image, 1).unwrap();
        let padded = pad(&volume, [1, -1, 0], [2, 4, 1], PadMode::Maximum, &[]).unwrap();
        assert_eq!(padded.voxels(), &Voxels::from(vec![6u8, 7, 2, 3, 6, 7, 6, 7]));
        // What is taken of all is taken before.
        let padded = pad(&volume, [1, -1, 0], [2, 4, 1], PadMode::VolumeMaximum, &[]).unwrap();
        assert_eq!(padded.voxels(), &Voxels::from(vec![8u8, 8, 2, 3, 6, 7, 8, 8]));
    }
}
