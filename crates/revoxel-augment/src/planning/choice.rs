//! Which of the windows of a sweep count, and in which order.

use std::ops::Range;

use revoxel_core::{IndexBox, Volume, dispatch, parallel};
use revoxel_resample::{Noise, PadMode, pad};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::windows::Windows;
use revoxel_transforms::definition::Invalid;
use revoxel_transforms::transform::PaddingRule;
use revoxel_transforms::transform::PlanError;

/// The order of windows by the sum of their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BySum {
    /// The lowest first.
    Min,
    /// The highest first.
    Max,
}

/// The order of windows by the sum of their values, or by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BySumOrChance {
    /// The lowest first.
    Min,
    /// The highest first.
    Max,
    /// Random.
    Random,
}

/// An order of windows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    /// By the sum of their values.
    BySum(BySum),
    /// By noise at their numbers.
    Drawn(Noise),
}

/// Which windows count, and in which order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Choice {
    /// The input whose values are summed; there is one where something depends on sums.
    pub(crate) source: Option<String>,
    /// Windows count whose sum is below.
    pub(crate) threshold: Option<f64>,
    /// The order; by default that of the sweep.
    pub(crate) order: Option<Order>,
    /// How many count at most, of the first ones.
    pub(crate) num_patches: Option<u32>,
}

impl Choice {
    /// The window of a number, from 0; `sums` has one for each, where there is a source.
    pub(crate) fn window(&self, windows: &Windows, number: u32, sums: Option<&[f64]>) -> Result<IndexBox, PlanError> {
        let count = windows.count();
        if count == 0 {
            return Err(PlanError::NoWindow { size: windows.size });
        }
        let sum = |window: usize| sums.map_or(0.0, |sums| sums[window]);
        let counts = |window: &usize| self.threshold.is_none_or(|threshold| sum(*window) < threshold);
        let mut kept: Vec<usize> = (0..count).filter(counts).collect();
        // Windows whose order nobody can tell, those with NaN, come last.
        let by_sum = |a: &usize, b: &usize| {
            let (a, b) = (sum(*a), sum(*b));
            a.partial_cmp(&b).ok_or_else(|| a.is_nan().cmp(&b.is_nan()))
        };
        match self.order {
            None => {}
            Some(Order::BySum(BySum::Min)) => kept.sort_by(|a, b| by_sum(a, b).unwrap_or_else(|nan| nan)),
            Some(Order::BySum(BySum::Max)) => {
                kept.sort_by(|a, b| by_sum(a, b).map_or_else(|nan| nan, std::cmp::Ordering::reverse));
            }
            Some(Order::Drawn(noise)) => {
                let place = |window: &usize| noise.uniform(*window as u64, 0.0, 1.0);
                kept.sort_by(|a, b| place(a).total_cmp(&place(b)).then(a.cmp(b)));
            }
        }
        kept.truncate(self.num_patches.map_or(usize::MAX, |n| n as usize));
        let chosen = kept.get(number as usize).ok_or(PlanError::NoPatch { number, patches: kept.len() })?;
        Ok(windows.window(*chosen))
    }
}

/// Refuses choices that contradict themselves.
pub(crate) fn check_choice(
    source: Option<&str>,
    threshold: Option<f64>,
    by_sum: bool,
    num_patches: Option<u32>,
    patch: Option<u32>,
) -> Result<(), Invalid> {
    let sums = "it needs the sums of the values of an input: set source";
    match (source, threshold) {
        (_, Some(threshold)) if !threshold.is_finite() => {
            return Err(Invalid::new("threshold", format!("{threshold} is not a finite number")));
        }
        (None, Some(_)) => return Err(Invalid::new("threshold", sums)),
        (None, None) if by_sum => return Err(Invalid::new("sort_fn", sums)),
        (Some(_), None) if !by_sum => {
            return Err(Invalid::new("source", "it takes effect with threshold, or sort_fn: min or max, only"));
        }
        _ => {}
    }
    match (num_patches, patch) {
        (Some(0), _) => Err(Invalid::new("num_patches", "0 patches: give 1 or more, or leave it out")),
        (Some(most), Some(patch)) if patch >= most => {
            Err(Invalid::new("patch", format!("{patch} is not among the {most} of num_patches, counted from 0")))
        }
        _ => Ok(()),
    }
}

/// The sum of the finite values of all channels in each window, with what windows hold where they stick out.
pub(crate) fn sums(
    volume: &Volume,
    windows: &Windows,
    rule: &PaddingRule<'_>,
    key: &str,
) -> Result<Vec<f64>, PlanError> {
    let n = volume.grid().shape().map(|n| n as i64);
    let end = |a: usize, start: &i64| start + windows.size[a] as i64;
    let low = [0, 1, 2].map(|a| windows.starts[a].iter().copied().min().unwrap_or(0).min(0));
    let high = [0, 1, 2].map(|a| windows.starts[a].iter().map(|s| end(a, s)).max().unwrap_or(0).max(n[a]));
    let value = rule.value_for(key, volume.kind(), volume.channels());
    if rule.mode == PadMode::Constant || (low == [0; 3] && high == n) {
        let part = |a: usize, s: &i64| (*s).clamp(0, n[a]) as usize..end(a, s).clamp(0, n[a]) as usize;
        let parts = [0, 1, 2].map(|a| windows.starts[a].iter().map(|s| part(a, s)).collect());
        return Ok(of_windows(volume, &parts, windows.size, &value));
    }
    let shape = [0, 1, 2].map(|a| (high[a] - low[a]) as usize);
    let padded = pad(volume, low, shape, rule.mode, &value)
        .map_err(|e| PlanError::Unfit { key: key.to_owned(), problem: e.to_string() })?;
    let part = |a: usize, s: &i64| (s - low[a]) as usize..(end(a, s) - low[a]) as usize;
    let parts = [0, 1, 2].map(|a| windows.starts[a].iter().map(|s| part(a, s)).collect());
    Ok(of_windows(&padded, &parts, windows.size, &value))
}

/// The sums of windows, of which these parts along each axis lie inside, axis by axis: a voxel is added once for each
/// window along an axis. What lies outside holds `value`, one number or one by channel.
fn of_windows(volume: &Volume, parts: &[Vec<Range<usize>>; 3], size: [usize; 3], value: &[f64]) -> Vec<f64> {
    let [nx, ny, nz] = volume.grid().shape();
    let [along_x, along_y, along_z] = parts.each_ref().map(Vec::len);
    // Of the windows along axes 0 and 1, for one index along axis 2.
    let plane = |z: usize| {
        let mut sums = vec![0.0; along_x * along_y];
        for channel in 0..volume.channels() {
            let first = (channel * nz + z) * nx * ny;
            let rows: Vec<f64> = dispatch!(volume.voxels(), v => {
                let row = |row: &[_]| parts[0].iter().map(|part| added(&row[part.clone()])).collect::<Vec<f64>>();
                v[first..first + nx * ny].chunks(nx).flat_map(row).collect()
            });
            for x in 0..along_x {
                for (y, part) in parts[1].iter().enumerate() {
                    sums[x * along_y + y] += part.clone().map(|y| rows[y * along_x + x]).sum::<f64>();
                }
            }
        }
        sums
    };
    let planes = parallel::map(0..nz, plane);
    let whole: usize = size.iter().product();
    let of_outside: f64 = (0..volume.channels()).map(|c| value.get(c).or(value.first()).copied().unwrap_or(0.0)).sum();
    let window = |number: usize| {
        let (column, z) = (number / along_z, number % along_z);
        let sum: f64 = planes[parts[2][z].clone()].iter().map(|plane| plane[column]).sum();
        let inside = parts[0][column / along_y].len() * parts[1][column % along_y].len() * parts[2][z].len();
        if inside == whole { sum } else { sum + of_outside * (whole - inside) as f64 }
    };
    parallel::map_indices(along_x * along_y * along_z, window)
}

fn added<T: revoxel_core::Voxel>(values: &[T]) -> f64 {
    values.iter().map(|v| v.to_f64()).filter(|v| v.is_finite()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::testing::Draw;
    use revoxel_core::{Grid, Kind};
    use revoxel_transforms::params::PerKey;

    fn windows() -> Windows {
        Windows { starts: [vec![0, 3, 6], vec![1, 2], vec![0, 2, 4]], size: [4, 5, 3] }
    }

    fn chosen(choice: &Choice, sums: Option<&[f64]>) -> Vec<usize> {
        let all = windows();
        let number = |window: &IndexBox| (0..all.count()).find(|i| all.window(*i) == *window).unwrap();
        (0..).map_while(|k| choice.window(&all, k, sums).ok()).map(|window| number(&window)).collect()
    }

    #[test]
    fn sums_are_those_of_each_window_with_its_padding() {
        let grid = Grid::without_geometry([10, 7, 7]).unwrap();
        for (kind, mode, value, channels) in
            [(Kind::Image, PadMode::Constant, Some(-3.0), 2), (Kind::Label, PadMode::Reflect, None, 1)]
        {
            let volume = Draw::new(5).volume(grid, kind, channels);
            let value = value.map(PerKey::All);
            let rule = PaddingRule { mode, value: value.as_ref() };
            let out = Windows { starts: [vec![-2, 1, 8], vec![0, 4], vec![-1, 2, 5]], size: [4, 5, 3] };
            for windows in [windows(), out] {
                let found = sums(&volume, &windows, &rule, "image").unwrap();
                assert_eq!(found.len(), windows.count());
                for (number, sum) in found.into_iter().enumerate() {
                    let IndexBox { start, shape } = windows.window(number);
                    let fill = vec![value.as_ref().and_then(PerKey::for_all).unwrap_or(0.0); channels];
                    // The padding of the step is made of the whole volume.
                    let (low, high) = ([-2, 0, -1], [12, 9, 8]);
                    let all = pad(&volume, low, [0, 1, 2].map(|a| (high[a] - low[a]) as usize), mode, &fill).unwrap();
                    let from = [0, 1, 2].map(|a| start[a] - low[a]);
                    let part = pad(&all, from, shape, PadMode::Constant, &fill).unwrap();
                    let expected: f64 = dispatch!(part.voxels(), v => added(v));
                    assert!((sum - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{number}: {sum} {expected}");
                }
            }
        }
    }

    #[test]
    fn windows_are_kept_and_put_in_order_by_their_sums() {
        let mut sums: Vec<f64> = [5, 3, 9, 3, 0, 8, 1, 7, 2, 6, 4, 11, 10, 12, 13, 14, 15, 16].map(f64::from).into();
        sums[5] = f64::NAN;
        let t = |choice: Choice, expected: &[usize]| assert_eq!(chosen(&choice, Some(&sums)), expected);
        let by = |by| Some(Order::BySum(by));
        let below = Choice { threshold: Some(4.0), ..Choice::default() };
        t(below.clone(), &[1, 3, 4, 6, 8]);
        t(Choice { order: by(BySum::Min), ..below.clone() }, &[4, 6, 8, 1, 3]);
        t(Choice { order: by(BySum::Max), num_patches: Some(3), ..below }, &[1, 3, 8]);
        let all = chosen(&Choice { order: by(BySum::Max), ..Choice::default() }, Some(&sums));
        assert_eq!((&all[..3], all[17]), (&[17, 16, 15][..], 5));
        assert_eq!(chosen(&Choice { order: by(BySum::Min), ..Choice::default() }, Some(&sums))[17], 5);
        let none = Choice { threshold: Some(-1.0), ..Choice::default() };
        assert_eq!(none.window(&windows(), 0, Some(&sums)), Err(PlanError::NoPatch { number: 0, patches: 0 }));
        let few = Choice { num_patches: Some(2), ..Choice::default() };
        assert_eq!(chosen(&few, None), [0, 1]);
    }

    #[test]
    fn every_order_is_as_likely() {
        let mut first = [0; 18];
        for seed in 0..9000 {
            let order = Some(Order::Drawn(Noise::new([seed, 1, 2, 3])));
            let mut all = chosen(&Choice { order, ..Choice::default() }, None);
            first[all[0]] += 1;
            all.sort_unstable();
            assert!(all.into_iter().eq(0..18));
        }
        // 500 expected, with a deviation of 21.7.
        assert!(first.iter().all(|n: &i32| (n - 500).abs() < 90), "{first:?}");
    }
}
