//! Rules that find one threshold for the values of a channel, with the numbers of scikit-image.
//!
//! Whole numbers have a bin each, from the smallest to the largest; others lie in 256 bins of equal width. Where
//! scikit-image counts in single precision, its roundings decide between bins that are about as good, and so they are
//! made here too. Values that are no number or infinite do not count.

use std::cmp::Ordering;

use revoxel_core::{Dtype, Voxel};
use serde::Serialize;

use super::histogram::Histogram;
use super::statistics::{Moments, Statistic};

/// Bins of values that are not whole numbers.
const BINS: usize = 256;
/// How often `minimum` smooths at most.
const SMOOTHINGS: usize = 10_000;
/// Bins that `minimum` smooths at most: those of all whole numbers of 16 bit.
const MOST_BINS: usize = 1 << 16;

/// How a threshold is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rule {
    /// Midway between the means of the two classes; the lowest where there are several (Ridler and Calvard 1978).
    Isodata,
    /// Where the cross entropy between the values and their two means is least, from the mean on (Li and Tam 1998).
    Li,
    /// The mean.
    Mean,
    /// The lowest point between the two maxima of the smoothed histogram (Prewitt and Mendelsohn 1966).
    Minimum,
    /// Where the means of the two classes differ most, weighted by their sizes (Otsu 1979).
    Otsu,
    /// Farthest from the line between the peak of the histogram and its far end (Zack, Rogers and Latt 1977).
    Triangle,
    /// Where the correlation within the two classes is greatest (Yen, Chang and Chang 1995).
    Yen,
}

impl Rule {
    /// All rules, by name.
    pub(super) const ALL: [Self; 7] =
        [Self::Isodata, Self::Li, Self::Mean, Self::Minimum, Self::Otsu, Self::Triangle, Self::Yen];

    /// The name, as in scikit-image behind `threshold_`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Isodata => "isodata",
            Self::Li => "li",
            Self::Mean => "mean",
            Self::Minimum => "minimum",
            Self::Otsu => "otsu",
            Self::Triangle => "triangle",
            Self::Yen => "yen",
        }
    }

    /// All names, for people.
    pub(super) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// The threshold of some values; `None` where there is no number. Of values that are all the same it is that value,
    /// but for `minimum`.
    ///
    /// # Errors
    /// Where the rule finds none: why, and what to do.
    pub(super) fn of<T: Voxel>(self, values: &[T]) -> Result<Option<f64>, String> {
        if self == Self::Mean {
            return Ok(Some(Moments { counts: |_, v: f64| !v.is_nan(), ddof: 0 }.of(values).mean));
        }
        let mut finite = values.iter().map(|v| v.to_f64()).filter(|v| v.is_finite());
        let Some(first) = finite.next() else { return Ok(None) };
        let same = finite.all(|v| v == first);
        let histogram = || Histogram::of(values.iter().copied(), BINS);
        let single = T::DTYPE == Dtype::F32;
        match self {
            Self::Minimum if same => Err(format!("all values are {first}, and the rule needs two maxima")),
            Self::Minimum => minimum(&histogram()).map(Some),
            _ if same => Ok(Some(first)),
            Self::Isodata => isodata(&histogram(), single).map(Some),
            Self::Li => Ok(Some(if T::DTYPE.is_integer() { li_whole(&histogram()) } else { li_real(values) })),
            Self::Triangle => Ok(triangle(&histogram())),
            Self::Yen => Ok(yen(&histogram())),
            Self::Otsu | Self::Mean => Ok(otsu(&histogram(), single)),
        }
    }
}

/// The bin up to which the means of both sides differ most, weighted by how many there are; the lowest of several.
fn otsu(histogram: &Histogram, single: bool) -> Option<f64> {
    let Histogram { centres, counts, .. } = histogram;
    let to_single = |x: f64| f64::from(x as f32);
    let round = |x: f64| if single { to_single(x) } else { x };
    let products: Vec<f64> = counts.iter().zip(centres).map(|(count, v)| round(*count as f64 * v)).collect();
    let mut upper = vec![0.0; products.len() + 1];
    for (i, product) in products.iter().enumerate().rev() {
        upper[i] = round(upper[i + 1] + product);
    }
    let all: u64 = counts.iter().sum();
    let (mut below, mut sum) = (0u64, 0.0);
    let mut best = (f64::NEG_INFINITY, *centres.first()?);
    for (i, (count, product)) in counts.iter().zip(&products).enumerate() {
        below += count;
        sum = round(sum + product);
        let above = all - below;
        if above == 0 {
            break;
        }
        let apart = round(round(sum / below as f64) - round(upper[i + 1] / above as f64));
        let variance = round(to_single(below as f64 * above as f64) * round(apart * apart));
        if variance > best.0 {
            best = (variance, centres[i]);
        }
    }
    Some(best.1)
}

/// The lowest bin that lies less than a bin below the midpoint of the means on both its sides.
fn isodata(histogram: &Histogram, single: bool) -> Result<f64, String> {
    let Histogram { centres, counts, whole } = histogram;
    let round = |x: f64| if single { f64::from(x as f32) } else { x };
    let products = || counts.iter().zip(centres).map(|(count, v)| round(*count as f64 * v));
    let all: u64 = counts.iter().sum();
    let total = products().fold(0.0, |sum, p| round(sum + p));
    let (mut below, mut sum) = (0u64, 0.0);
    let width = round(centres.get(1).map_or(0.0, |second| second - centres[0]));
    for ((count, product), pair) in counts.iter().zip(products()).zip(centres.windows(2)) {
        below += count;
        sum = round(sum + product);
        let (lower, upper) = (round(sum / below as f64), round(round(total - sum) / (all - below) as f64));
        let middle = round(round(lower + upper) / 2.0);
        if *whole {
            // The bins without values up to the next have the same means.
            let found = middle.floor();
            if pair[0] <= found && found < pair[1] {
                return Ok(found);
            }
        } else if (0.0..width).contains(&round(middle - pair[0])) {
            return Ok(pair[0]);
        }
    }
    Err("the values lie too close together to separate them".to_owned())
}

/// Goes from a threshold to the logarithmic mean of the means on both its sides until it stays. `means` gives the
/// means of what is at most and what is more than a threshold; all values are 0 or more, and some are 0.
fn li(start: f64, tolerance: f64, means: impl Fn(f64) -> (f64, f64)) -> f64 {
    let (mut last, mut next) = (-2.0 * tolerance, start);
    // Steps go one way only: it ends when no value is left to pass.
    while (next - last).abs() > tolerance {
        last = next;
        let (below, above) = means(last);
        if below == 0.0 || below.partial_cmp(&above) != Some(Ordering::Less) {
            break;
        }
        next = (below - above) / (libm::log(below) - libm::log(above));
    }
    next
}

fn li_whole(histogram: &Histogram) -> f64 {
    let Histogram { centres, counts, .. } = histogram;
    let lowest = centres.first().copied().unwrap_or_default();
    let mean = |bins: std::ops::Range<usize>| {
        let sum: f64 = bins.clone().map(|i| counts[i] as f64 * (centres[i] - lowest)).sum();
        sum / counts[bins].iter().sum::<u64>() as f64
    };
    let means = |threshold: f64| {
        let above = centres.partition_point(|v| v - lowest <= threshold);
        (mean(0..above), mean(above..centres.len()))
    };
    // Bins are counted from 0 on there, and the values from the lowest.
    lowest + li(mean(0..centres.len()), 0.5, means)
}

fn li_real<T: Voxel>(values: &[T]) -> f64 {
    let mut sorted: Vec<f64> = values.iter().map(|v| v.to_f64()).filter(|v| v.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let lowest = sorted.first().copied().unwrap_or_default();
    // Differences are of the type of the values.
    sorted.iter_mut().for_each(|v| *v = T::from_f64(*v - lowest).to_f64());
    let mut sums = Vec::with_capacity(sorted.len());
    let total = sorted.iter().fold(0.0, |sum, v| {
        sums.push(sum);
        sum + v
    });
    let apart = |pair: &[f64]| T::from_f64(pair[1] - pair[0]).to_f64();
    let closest = sorted.windows(2).map(apart).filter(|d| *d > 0.0).fold(f64::INFINITY, f64::min);
    let means = |threshold: f64| {
        let above = sorted.partition_point(|v| *v <= threshold);
        let below = sums.get(above).copied().unwrap_or(total);
        (below / above as f64, (total - below) / (sorted.len() - above) as f64)
    };
    lowest + li(total / sorted.len() as f64, closest / 2.0, means)
}

/// Smooths the histogram until two maxima are left; the lowest bin between them.
fn minimum(histogram: &Histogram) -> Result<f64, String> {
    let Histogram { centres, counts, whole } = histogram;
    let lowest = centres.first().copied().unwrap_or_default();
    let mut heights: Vec<f32> = if *whole {
        let span = centres.last().copied().unwrap_or_default() - lowest;
        if span >= MOST_BINS as f64 {
            let problem = format!("the values span {span}, and the rule takes at most {MOST_BINS} whole numbers");
            return Err(format!("{problem}: scale the values before"));
        }
        let mut heights = vec![0.0; span as usize + 1];
        centres.iter().zip(counts).for_each(|(v, count)| heights[(v - lowest) as usize] = *count as f32);
        heights
    } else {
        counts.iter().map(|count| *count as f32).collect()
    };
    for _ in 1..SMOOTHINGS {
        smooth(&mut heights);
        match maxima(&heights)[..] {
            [first, second] => {
                let between = &heights[first..=second];
                let at = first + (0..between.len()).fold(0, |low, i| if between[i] < between[low] { i } else { low });
                return Ok(if *whole { lowest + at as f64 } else { centres[at] });
            }
            [] | [_] => return Err("the histogram lacks two maxima: try another rule, or a number".to_owned()),
            _ => {}
        }
    }
    Err(format!("more than two maxima are left after {SMOOTHINGS} smoothings: try another rule, or a number"))
}

/// The mean of each bin and its two neighbours; the outermost stand for those beyond. The sum moves along in double
/// precision: what it keeps of high bins decides which of the lowest are maxima.
fn smooth(heights: &mut [f32]) {
    let last = heights.len().saturating_sub(1);
    let Some(outermost) = heights.first().copied() else { return };
    // The two bins before this one, as they were.
    let mut before = [f64::from(outermost); 2];
    let mut sum = before[0] + before[1] + f64::from(heights[1.min(last)]);
    for i in 0..=last {
        let (here, next) = (f64::from(heights[i]), f64::from(heights[(i + 1).min(last)]));
        if i > 0 {
            sum += next - before[0];
        }
        heights[i] = (sum / 3.0) as f32;
        before = [before[1], here];
    }
}

/// The last bin of each maximum that falls off on its upper side.
fn maxima(heights: &[f32]) -> Vec<usize> {
    let (mut rising, mut found) = (true, Vec::new());
    for (i, pair) in heights.windows(2).enumerate() {
        if rising && pair[1] < pair[0] {
            rising = false;
            found.push(i);
        } else if !rising && pair[1] > pair[0] {
            rising = true;
        }
    }
    found
}

/// The bin farthest from the line between the peak and the end that lies farther from it.
fn triangle(histogram: &Histogram) -> Option<f64> {
    let Histogram { centres, counts, whole } = histogram;
    let (lowest, highest) = (*centres.first()?, *centres.last()?);
    let place = |i: usize| if *whole { centres[i] - lowest } else { i as f64 };
    let bins = place(centres.len() - 1);
    let peak = (0..counts.len()).fold(0, |peak, i| if counts[i] > counts[peak] { i } else { peak });
    let flip = place(peak) < bins - place(peak);
    // From the far end to the peak: how far, and how high.
    let far = |i: usize| if flip { bins - place(i) } else { place(i) };
    let order: Vec<usize> = if flip { (peak..counts.len()).rev().collect() } else { (0..=peak).collect() };
    let norm = libm::sqrt((counts[peak] as f64).powi(2) + far(peak).powi(2));
    let (height, width) = (counts[peak] as f64 / norm, far(peak) / norm);
    let mut best = (f64::NEG_INFINITY, 0.0);
    let mut consider = |x: f64, count: u64| {
        let length = height * x - width * count as f64;
        if length > best.0 {
            best = (length, x);
        }
    };
    for pair in order.windows(2) {
        consider(far(pair[0]), counts[pair[0]]);
        // The last bin without values before the next.
        if far(pair[1]) - far(pair[0]) > 1.0 {
            consider(far(pair[1]) - 1.0, 0);
        }
    }
    let at = if flip { bins - best.1 } else { best.1 };
    Some(if *whole { (lowest + at).min(highest) } else { centres[at as usize] })
}

/// The bin up to which the squared shares of both classes are least for their sizes.
fn yen(histogram: &Histogram) -> Option<f64> {
    let Histogram { centres, counts, .. } = histogram;
    let all: u64 = counts.iter().sum();
    let shares: Vec<f32> = counts.iter().map(|count| *count as f32 / all as f32).collect();
    let mut above: Vec<f32> = shares.iter().rev().scan(0.0f32, |sum, p| Some(added(sum, p * p))).collect();
    above.reverse();
    let (mut share, mut below, mut best) = (0.0f32, 0.0f32, (f32::NEG_INFINITY, *centres.first()?));
    for (i, p) in shares.iter().enumerate().take(shares.len() - 1) {
        (share, below) = (share + p, below + p * p);
        let spread = share * (1.0 - share);
        let criterion = (below * above[i + 1]).recip() * (spread * spread);
        // Logarithms that are the same in single precision are one criterion: the first of them counts.
        let criterion = libm::log(f64::from(criterion)) as f32;
        if criterion > best.0 {
            best = (criterion, centres[i]);
        }
    }
    Some(best.1)
}

fn added(sum: &mut f32, more: f32) -> f32 {
    *sum += more;
    *sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two hills of whole numbers, the lower one higher, with bins that hold nothing.
    const HILLS: [u8; 16] = [10, 11, 11, 12, 12, 12, 12, 13, 13, 14, 40, 51, 51, 51, 52, 60];

    #[test]
    fn rules_by_hand() {
        // Isodata: the means are 12 and 50.8 up to 15, so that 31 is midway.
        let (low, high) = (120.0 / 10.0, (40.0 + 3.0 * 51.0 + 52.0 + 60.0) / 6.0);
        assert_eq!(Rule::Isodata.of(&HILLS), Ok(Some(((low + high) / 2.0f64).floor())));
        // The peak is 12, the far end 60: of the bins without values the one next to the hill is farthest.
        assert_eq!(Rule::Triangle.of(&HILLS), Ok(Some(15.0)));
        assert_eq!(Rule::Otsu.of(&HILLS), Ok(Some(14.0)));
        assert_eq!(Rule::Mean.of(&HILLS), Ok(Some((120.0 + 305.0) / 16.0)));
    }

    #[test]
    fn otsu_tells_two_classes_apart() {
        assert_eq!(Rule::Otsu.of(&[1u8, 2, 2, 3, 90, 91, 91]), Ok(Some(3.0)));
        assert_eq!(otsu(&Histogram::default(), false), None);
        // As many on both sides.
        let values: Vec<u16> = (0..=24).flat_map(|i| [7000 + 40 * i, 8000 - 40 * i]).collect();
        assert_eq!(Rule::Otsu.of(&values), Ok(Some(7480.0)));
    }

    #[test]
    fn li_stays_at_the_logarithmic_mean() {
        let t = |found: Option<f64>, values: &[f64], tolerance: f64| {
            let found = found.unwrap();
            let mean = |above: bool| {
                let side: Vec<f64> = values.iter().copied().filter(|v| (*v > found) == above).collect();
                side.iter().map(|v| v - values[0]).sum::<f64>() / side.len() as f64
            };
            let (below, above) = (mean(false), mean(true));
            let expected = values[0] + (above - below) / (above.ln() - below.ln());
            assert!((found - expected).abs() <= tolerance, "{found} {expected}");
        };
        let values = HILLS.map(f64::from);
        t(Rule::Li.of(&HILLS).unwrap(), &values, 0.5);
        t(Rule::Li.of(&values).unwrap(), &values, 0.5);
        let fine = values.map(|v| v / 7.0 - 3.0);
        t(Rule::Li.of(&fine).unwrap(), &fine, 0.08);
        // One value below: the logarithm of 0 is none.
        assert_eq!(Rule::Li.of(&[1.0f64, 9.0, 9.0, 9.0]), Ok(Some(7.0)));
    }

    #[test]
    fn two_maxima_or_none() {
        let found = Rule::Minimum.of(&HILLS).unwrap().unwrap();
        assert!((14.0..40.0).contains(&found), "{found}");
        let t = |said: Result<Option<f64>, String>, part: &str| assert!(said.unwrap_err().contains(part), "{part}");
        t(Rule::Minimum.of(&[1u8, 2, 2, 2, 3]), "lacks two maxima");
        t(Rule::Minimum.of(&[7.5f32; 4]), "all values are 7.5");
        t(Rule::Minimum.of(&[0i32, 1, 100_000]), "100000");
        // A hundred thin peaks on 60000 bins.
        let peaks: Vec<u16> = (0..100u16).flat_map(|i| [i * 600, i * 600, i * 600 + 1]).collect();
        t(Rule::Minimum.of(&peaks), "more than two maxima");
    }

    #[test]
    fn one_value_is_its_own_threshold() {
        for rule in Rule::ALL.into_iter().filter(|rule| *rule != Rule::Minimum) {
            assert_eq!(rule.of(&[4.25f32, f32::NAN, 4.25]), Ok(Some(4.25)), "{rule:?}");
            assert_eq!(rule.of(&[-3i16; 5]), Ok(Some(-3.0)), "{rule:?}");
        }
        for rule in Rule::ALL.into_iter().filter(|rule| *rule != Rule::Mean) {
            assert_eq!(rule.of(&[f64::NAN, f64::INFINITY]), Ok(None), "{rule:?}");
        }
    }

    #[test]
    fn smoothing_is_the_mean_of_three() {
        let mut heights = [3.0f32, 0.0, 0.0, 9.0];
        smooth(&mut heights);
        assert_eq!(heights, [2.0, 1.0, 3.0, 6.0]);
        smooth(&mut []);
        assert_eq!(maxima(&[1.0, 2.0, 2.0, 1.0, 1.0, 3.0, 2.0, 5.0]), [2, 5]);
    }
}
