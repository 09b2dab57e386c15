//! Physical measures of the labels of a label map, and the peaks of a map of probabilities.

pub mod peaks;

use std::collections::BTreeMap;

use revoxel_core::affine::norm;
use revoxel_core::{Frame, Grid, IndexBox, Volume, dispatch, parallel};

use crate::whole::{LabelValue, NotWhole, Rounded, check_whole};

/// What is measured of a label map.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Every label but 0 of every channel, by channel and label.
    pub labels: Vec<LabelMeasures>,
    /// How far the values lie from the labels that they were taken for.
    pub rounded: Rounded,
}

/// What is measured of one label.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelMeasures {
    /// The channel it was found in.
    pub channel: usize,
    /// The label.
    pub label: i128,
    /// Number of voxels.
    pub voxels: u64,
    /// Volume: voxels × |det(affine)|, mm³.
    pub mm3: f64,
    /// The box of indices around the label.
    pub bounds: IndexBox,
    /// Mean position of its voxels' centres, RAS+ mm.
    pub centroid_ras: [f64; 3],
    /// The longest distance of two voxel centres of one connected component on one axial slice.
    pub diameter: Diameter,
}

/// The longest in-plane diameter of a label, in the manner of RECIST.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Diameter {
    /// Its length, mm.
    pub long_mm: f64,
    /// Extent of the same component across it, in the plane, mm.
    pub short_mm: f64,
    /// Index of the slice, along the axis that is closest to superior–inferior.
    pub slice: usize,
    /// Its two ends, RAS+ mm.
    pub ends_ras: [[f64; 3]; 2],
}

impl LabelMeasures {
    /// The centroid in LPS+ mm.
    pub fn centroid_lps(&self) -> [f64; 3] {
        Frame::Lps.point_from_ras(self.centroid_ras)
    }
}

/// Measures every label of a label map but 0, channel by channel. Values within [`NEAR_WHOLE`](crate::whole::NEAR_WHOLE)
/// of a whole number are that label.
///
/// # Errors
/// Where a value is no label.
pub fn measure(labels: &Volume) -> Result<Measured, NotWhole> {
    let rounded = check_whole(labels)?;
    let labels = (0..labels.channels()).flat_map(|channel| measure_channel(labels, channel)).collect();
    Ok(Measured { labels, rounded })
}

fn measure_channel(labels: &Volume, channel: usize) -> Vec<LabelMeasures> {
    let grid = *labels.grid();
    let range = channel * grid.voxel_count()..(channel + 1) * grid.voxel_count();
    let sums = dispatch!(labels.voxels(), v => sums(&v[range.clone()], &grid));
    let diameters = dispatch!(labels.voxels(), v => diameters(&v[range], &grid));
    sums.into_iter()
        .map(|(label, sum)| {
            let n = sum.voxels as f64;
            LabelMeasures {
                channel,
                label,
                voxels: sum.voxels,
                mm3: n * grid.voxel_volume(),
                bounds: IndexBox::from_bounds(sum.low, sum.high.map(|h| h + 1)),
                centroid_ras: grid.index_to_world(sum.total.map(|t| t as f64 / n)),
                diameter: diameters.get(&label).copied().unwrap_or_default(),
            }
        })
        .collect()
}

/// The label of a value that was checked to be one.
fn label_of<T: LabelValue>(value: T) -> i128 {
    value.label().unwrap_or_default()
}

#[derive(Clone, Copy)]
struct Sum {
    voxels: u64,
    total: [u64; 3],
    low: [i64; 3],
    high: [i64; 3],
}

impl Sum {
    fn with(self, other: &Self) -> Self {
        Self {
            voxels: self.voxels + other.voxels,
            total: [0, 1, 2].map(|a| self.total[a] + other.total[a]),
            low: [0, 1, 2].map(|a| self.low[a].min(other.low[a])),
            high: [0, 1, 2].map(|a| self.high[a].max(other.high[a])),
        }
    }
}

type Sums = BTreeMap<i128, Sum>;

fn sums<T: LabelValue>(values: &[T], grid: &Grid) -> Sums {
    let [nx, ny, _] = grid.shape();
    let plane = |(z, plane): (usize, &[T])| {
        let mut sums = Sums::new();
        for (y, row) in plane.chunks(nx).enumerate() {
            let mut x = 0;
            while x < nx {
                // Runs of one label are summed at once.
                let length = row[x..].iter().take_while(|v| **v == row[x]).count().max(1);
                let label = label_of(row[x]);
                if label != 0 {
                    let n = length as u64;
                    let first = [x, y, z].map(|i| i as i64);
                    let run = Sum {
                        voxels: n,
                        total: [n * (2 * x as u64 + n - 1) / 2, n * y as u64, n * z as u64],
                        low: first,
                        high: [first[0] + length as i64 - 1, first[1], first[2]],
                    };
                    sums.entry(label).and_modify(|s| *s = s.with(&run)).or_insert(run);
                }
                x += length;
            }
        }
        sums
    };
    parallel::map(values.chunks(nx * ny).enumerate(), plane).into_iter().fold(Sums::new(), |mut a, b| {
        for (label, sum) in b {
            a.entry(label).and_modify(|s| *s = s.with(&sum)).or_insert(sum);
        }
        a
    })
}

/// The longest diameter of each label over all slices.
fn diameters<T: LabelValue>(values: &[T], grid: &Grid) -> BTreeMap<i128, Diameter> {
    let orientation = grid.orientation();
    let axial = (0..3).find(|a| orientation.world_axis(*a) == 2).unwrap_or(2);
    let slices = parallel::map(0..grid.shape()[axial], |k| slice_diameters(values, grid, axial, k));
    let mut longest = BTreeMap::new();
    for (label, diameter) in slices.into_iter().flatten() {
        let best = longest.entry(label).or_insert(diameter);
        if diameter.long_mm > best.long_mm {
            *best = diameter;
        }
    }
    longest
}

fn slice_diameters<T: LabelValue>(values: &[T], grid: &Grid, axial: usize, k: usize) -> BTreeMap<i128, Diameter> {
    let shape = grid.shape();
    let strides = [1, shape[0], shape[0] * shape[1]];
    let [u, v] = [(axial + 1) % 3, (axial + 2) % 3];
    let (nu, nv) = (shape[u], shape[v]);
    let at = |i: usize, j: usize| label_of(values[k * strides[axial] + i * strides[u] + j * strides[v]]);
    let mut seen = vec![false; nu * nv];
    let mut found = BTreeMap::new();
    for start in 0..nu * nv {
        let label = at(start % nu, start / nu);
        if seen[start] || label == 0 {
            continue;
        }
        // The component of equal labels around the start, neighbours by side or corner.
        let mut component = Vec::new();
        let mut open = vec![start];
        seen[start] = true;
        while let Some(place) = open.pop() {
            let (i, j) = (place % nu, place / nu);
            component.push([i as i64, j as i64]);
            for (ni, nj) in (i.saturating_sub(1)..=(i + 1).min(nu - 1))
                .flat_map(|a| (j.saturating_sub(1)..=(j + 1).min(nv - 1)).map(move |b| (a, b)))
            {
                if !seen[ni + nu * nj] && at(ni, nj) == label {
                    seen[ni + nu * nj] = true;
                    open.push(ni + nu * nj);
                }
            }
        }
        let world = |p: &[i64; 2]| {
            let mut index = [0.0; 3];
            (index[axial], index[u], index[v]) = (k as f64, p[0] as f64, p[1] as f64);
            grid.index_to_world(index)
        };
        let hull: Vec<[f64; 3]> = convex_hull(component).iter().map(world).collect();
        let diameter = across(&hull, k);
        let best = found.entry(label).or_insert(diameter);
        if diameter.long_mm > best.long_mm {
            *best = diameter;
        }
    }
    found
}

/// The longest distance of two points of a plane, and the extent across it in that plane.
fn across(points: &[[f64; 3]], slice: usize) -> Diameter {
    let minus = |a: [f64; 3], b: [f64; 3]| [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    let mut best = Diameter { slice, ends_ras: [points[0]; 2], ..Diameter::default() };
    for (i, p) in points.iter().enumerate() {
        for q in &points[i + 1..] {
            let length = norm(minus(*q, *p));
            if length > best.long_mm {
                best = Diameter { long_mm: length, short_mm: 0.0, slice, ends_ras: [*p, *q] };
            }
        }
    }
    if best.long_mm > 0.0 {
        let along = minus(best.ends_ras[1], best.ends_ras[0]).map(|c| c / best.long_mm);
        // Offsets from the long axis all lie on one line through it: signed lengths against the first of them.
        let offsets = points.iter().map(|p| {
            let d = minus(*p, best.ends_ras[0]);
            let t = d[0] * along[0] + d[1] * along[1] + d[2] * along[2];
            minus(d, along.map(|c| c * t))
        });
        let offsets: Vec<[f64; 3]> = offsets.collect();
        let far = offsets.iter().copied().max_by(|a, b| norm(*a).total_cmp(&norm(*b))).unwrap_or([0.0; 3]);
        let length = norm(far);
        if length > 1e-9 {
            let signed = |o: &[f64; 3]| (o[0] * far[0] + o[1] * far[1] + o[2] * far[2]) / length;
            let (low, high) = offsets.iter().map(signed).fold((0.0f64, 0.0f64), |(l, h), s| (l.min(s), h.max(s)));
            best.short_mm = high - low;
        }
    }
    best
}

/// The corners of the convex hull, counter-clockwise (Andrew's monotone chain).
fn convex_hull(mut points: Vec<[i64; 2]>) -> Vec<[i64; 2]> {
    points.sort_unstable();
    points.dedup();
    if points.len() < 3 {
        return points;
    }
    let turn = |o: [i64; 2], a: [i64; 2], b: [i64; 2]| (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
    let half = |points: &mut dyn Iterator<Item = [i64; 2]>| {
        let mut chain: Vec<[i64; 2]> = Vec::new();
        for p in points {
            while chain.len() > 1 && turn(chain[chain.len() - 2], chain[chain.len() - 1], p) <= 0 {
                chain.pop();
            }
            chain.push(p);
        }
        chain.pop();
        chain
    };
    let mut hull = half(&mut points.iter().copied());
    hull.extend(half(&mut points.iter().rev().copied()));
    hull
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Affine, Kind};

    #[test]
    fn an_oblique_sheared_box_is_measured_in_millimetres() {
        // Axis 0 runs along +y, axis 1 along −x with a shear, axis 2 up: PLS or so, not RAS.
        let affine = Affine::from_rows([[0., -1.5, 0.2, 10.], [0.8, 0., 0.3, -20.], [0., 0., 3., 5.]]);
        let grid = Grid::new([20, 16, 6], affine).unwrap();
        let mut values = vec![0u8; grid.voxel_count()];
        for (x, y, z) in (3..9).flat_map(|x| (2..6).flat_map(move |y| (1..3).map(move |z| (x, y, z)))) {
            values[x + 20 * (y + 16 * z)] = 7;
        }
        values[19 + 20 * (15 + 16 * 5)] = 7;
        let found = measure(&Volume::new(values.into(), grid, Kind::Label, 1).unwrap()).unwrap().labels;
        assert_eq!(found.len(), 1);
        let m = &found[0];
        assert_eq!((m.label, m.voxels), (7, 49));
        assert!((m.mm3 - 49.0 * 1.5 * 0.8 * 3.0).abs() < 1e-9);
        assert_eq!(m.bounds, IndexBox { start: [3, 2, 1], shape: [17, 14, 5] });
        let (a, b) = (5.0 * 0.8f64, 3.0 * 1.5f64);
        assert!((m.diameter.long_mm - a.hypot(b)).abs() < 1e-9, "{:?}", m.diameter);
        // Both other corners of the rectangle lie this far from its diagonal.
        assert!((m.diameter.short_mm - 2.0 * a * b / a.hypot(b)).abs() < 1e-9, "{:?}", m.diameter);
        assert_eq!(m.diameter.slice, 1);
        let mean = [(48.0 * 5.5 + 19.0) / 49.0, (48.0 * 3.5 + 15.0) / 49.0, (48.0 * 1.5 + 5.0) / 49.0];
        let expected = grid.index_to_world(mean);
        assert!((0..3).all(|i| (m.centroid_ras[i] - expected[i]).abs() < 1e-9));
        assert_eq!(m.centroid_lps()[0], -m.centroid_ras[0]);
    }

    #[test]
    fn labels_are_whole_exact_and_by_channel() {
        let grid = Grid::new([4, 2, 1], Affine::scaling([1.0, 1.0, 2.0])).unwrap();
        let t = |voxels: revoxel_core::Voxels, channels: usize, expected: &[(usize, i128, u64)]| {
            let found = measure(&Volume::new(voxels, grid, Kind::Label, channels).unwrap()).unwrap();
            let rows: Vec<_> = found.labels.iter().map(|m| (m.channel, m.label, m.voxels)).collect();
            assert_eq!(rows, expected);
            found
        };
        // A label that is stored as two numbers near to it is one label, and one component.
        let near = vec![0.99993f32, 1.00005, 1.0, 2.9999, -0.99995, 0.0, 1e-5, -1.0];
        let found = t(near.into(), 1, &[(0, -1, 2), (0, 1, 3), (0, 3, 1)]);
        assert!(found.rounded.voxels == 5 && found.rounded.furthest < 1.1e-4, "{found:?}");
        assert_eq!(found.labels[1].diameter.long_mm, 2.0);
        let big = 1i64 << 53;
        t(
            vec![big + 1, big, 0, -big - 1, 0, 0, 0, big].into(),
            1,
            &[(0, i128::from(-big - 1), 1), (0, i128::from(big), 2), (0, i128::from(big + 1), 1)],
        );
        t(vec![u64::MAX, u64::MAX - 1, 0, 0, 0, 0, 0, 0].into(), 1, &[(0, (1 << 64) - 2, 1), (0, (1 << 64) - 1, 1)]);
        let channels = vec![1u8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 0, 0];
        let found = t(channels.into(), 2, &[(0, 1, 2), (1, 1, 3), (1, 2, 1)]);
        assert_eq!(found.labels[1].bounds, IndexBox { start: [0, 0, 0], shape: [4, 2, 1] });
        let soft = Volume::new(vec![0.0f32, 0.7, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0].into(), grid, Kind::Label, 1).unwrap();
        assert!(measure(&soft).unwrap_err().to_string().contains("first is 0.7 at index (1, 0, 0)"));
    }

    #[test]
    fn hulls_keep_corners_only() {
        let square: Vec<[i64; 2]> = (0..5).flat_map(|x| (0..5).map(move |y| [x, y])).collect();
        assert_eq!(convex_hull(square), [[0, 0], [4, 0], [4, 4], [0, 4]]);
        assert_eq!(convex_hull(vec![[1, 1], [0, 0], [1, 1]]), [[0, 0], [1, 1]]);
        assert_eq!(convex_hull(vec![[0, 0], [1, 1], [2, 2]]).len(), 2);
    }
}
