//! The expected result of every path, computed naively in f64: for tests, benches and third parties' checks. Slow.

use revoxel_core::{Sampling, Volume, dispatch};

use crate::pass::along;
use crate::taps::{Along, Range, cubic_weights};
use crate::weighing::Weighing;
use crate::{How, Outside, spline};

/// The values of a pass on the sampling's target grid, axis 0 fastest, channels slowest.
///
/// A cubic spline has the mirrored boundary. Its coefficients come from the crate's own prefilter in f64, which is
/// tested against its definition and against scipy.
pub fn resample(volume: &Volume, sampling: &Sampling, how: &How) -> Vec<f64> {
    let source = sampling.source().shape();
    let channels = volume.channels();
    let size = source.iter().product::<usize>();
    let all: Vec<f64> = dispatch!(volume.voxels(), v => v.iter().map(|x| revoxel_core::Voxel::to_f64(*x)).collect());
    (0..channels).flat_map(|c| channel(&all[c * size..][..size], sampling, how, c)).collect()
}

fn channel(values: &[f64], sampling: &Sampling, how: &How, channel: usize) -> Vec<f64> {
    let (readable, source, target) = (sampling.readable(), sampling.source().shape(), sampling.target().shape());
    let ranges = [0, 1, 2].map(|a| Range { low: readable.start[a], high: readable.end()[a] - 1, beyond: 0 });
    let at = |[x, y, z]: [i64; 3]| values[x as usize + source[0] * (y as usize + source[1] * z as usize)];
    let cubic = how.splines() && sampling.exact().is_none();
    let along = along(sampling, how);
    let spline: Vec<f64> = if cubic && !readable.is_empty() {
        let inner: Vec<f64> =
            indices(readable.shape).map(|i| at([0, 1, 2].map(|a| i[a] + readable.start[a]))).collect();
        spline::coefficients(&inner, readable.shape, along.map(|a| a == Along::Cubic))
    } else {
        Vec::new()
    };
    let value = |v: [i64; 3]| {
        let index = v.map(|i| i as f64);
        let written = sampling.written();
        if !(0..3).all(|a| (written.start[a]..written.end()[a]).contains(&v[a])) {
            return how.padding_of(channel);
        }
        let p = sampling.position(index);
        let reach = how.outside != Outside::Fill || (0..3).all(|a| ranges[a].covers(p[a]));
        let exact = sampling.exact().is_none() || (0..3).all(|a| ranges[a].covers(p[a]));
        if readable.is_empty() || !reach || !exact || !sampling.within_limits(index) {
            return how.fill_of(channel);
        }
        let placed = [0, 1, 2].map(|a| ranges[a].place(p[a], how.outside));
        let averages = how.averages() && sampling.exact().is_none();
        if !averages && !how.interpolation.weighs_labels() {
            let p = if how.outside == Outside::Reflection { placed } else { p };
            return at([0, 1, 2].map(|a| match along[a] {
                Along::Nearest(tie) => ranges[a].nearest(p[a], tie),
                _ => unreachable!("nearest along every axis"),
            }));
        }
        let mut labels: Vec<(f64, f64)> = Vec::new();
        let (mut closest, mut preferred) = ([0; 3], true);
        let mut sum = 0.0;
        let reach = along.map(|a| match a {
            Along::Nearest(_) => 1,
            Along::Linear(_) | Along::Label(_) => 2,
            Along::Cubic => 4,
        });
        for corner in indices(reach) {
            let mut weight = 1.0;
            let mut place = [0; 3];
            for a in 0..3 {
                let tie = if let Along::Linear(tie) = along[a] { tie } else { None };
                let (index, fraction) = ranges[a].linear(ranges[a].leaning(placed[a], tie));
                let floor = placed[a].floor();
                let k = corner[a];
                match along[a] {
                    Along::Nearest(tie) => {
                        let p = if how.outside == Outside::Reflection { placed[a] } else { p[a] };
                        place[a] = ranges[a].nearest(p, tie);
                        closest[a] = place[a];
                    }
                    Along::Cubic => {
                        weight *= cubic_weights(placed[a] - floor)[k as usize];
                        place[a] = ranges[a].mirror(floor as i64 + k - 1);
                    }
                    Along::Linear(_) | Along::Label(_) => {
                        weight *= if k == 0 { 1.0 - fraction } else { fraction };
                        place[a] = (index + k).min(ranges[a].high);
                        match along[a] {
                            Along::Label(Some(tie)) => closest[a] = ranges[a].nearest(placed[a], tie),
                            _ => preferred = false,
                        }
                    }
                }
            }
            if cubic {
                let shape = readable.shape;
                let [x, y, z] = [0, 1, 2].map(|a| (place[a] - readable.start[a]) as usize);
                sum += weight * spline[x + shape[0] * (y + shape[1] * z)];
            } else {
                sum += weight * at(place);
                labels.push((at(place), weight));
            }
        }
        if averages { sum } else { heaviest(&labels, Weighing::of(how), preferred.then(|| at(closest))) }
    };
    indices(target).map(value).collect()
}

/// The label with the highest weight; of several, that of the closest voxel if it is among them, else the lowest.
fn heaviest(labels: &[(f64, f64)], Weighing(equal): Weighing, closest: Option<f64>) -> f64 {
    let weight = |label: f64| labels.iter().filter(|(l, _)| *l == label).map(|(_, w)| w).sum::<f64>();
    let mut names: Vec<f64> = labels.iter().map(|(l, _)| *l).collect();
    names.sort_by(f64::total_cmp);
    let top = names.iter().map(|l| weight(*l)).fold(0.0, f64::max);
    if let Some(closest) = closest.filter(|label| weight(*label) > top - equal) {
        return closest;
    }
    names.into_iter().find(|l| weight(*l) > top - equal).unwrap_or(0.0)
}

fn indices(shape: [usize; 3]) -> impl Iterator<Item = [i64; 3]> {
    let [nx, ny, nz] = shape.map(|n| n as i64);
    (0..nz).flat_map(move |z| (0..ny).flat_map(move |y| (0..nx).map(move |x| [x, y, z])))
}
