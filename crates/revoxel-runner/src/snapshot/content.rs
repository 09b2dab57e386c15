//! What the made-up scans, label maps and predictions of a snapshot hold.
//!
//! A body with parts that do not touch, none the mirror image of another, in the coordinates of a reference grid: 0 at
//! one face and 1 at the other along each axis. Volumes on other grids show the same body at the same place of the
//! world. All values come from whole numbers, additions, multiplications and divisions, which are the same on every
//! machine.

use revoxel_core::{Affine, Dtype, Grid, Kind, Volume, VolumeError, Voxel, Voxels, dispatch_dtype};

/// Version of the made-up content and of the built-in grids: raised where either changes.
pub const PHANTOM: u32 = 1;

/// The intensity of air, of the body and of its parts, in Hounsfield units.
const AIR: i64 = -1000;
const BODY: i64 = 40;
const PARTS: [i64; 4] = [110, 20, 280, 180];
const OTHER: i64 = 75;

/// The labels that stand beside the four parts lie in a block of cells, so many in a row.
const COLUMNS: usize = 16;

/// The body on a reference grid.
#[derive(Clone, Debug)]
pub(super) struct Phantom {
    reference: Grid,
    /// The labels of the four parts, which repeat where there are fewer, and of the cells.
    labels: Vec<i64>,
}

/// What is at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tissue {
    Air,
    Body,
    /// One of the four parts.
    Part(usize),
    /// One of the cells, for labels beyond the fourth.
    Cell(usize),
}

impl Phantom {
    pub(super) fn new(reference: Grid, labels: Vec<i64>) -> Self {
        Self { reference, labels }
    }

    /// How many classes there are, the background included.
    pub(super) fn classes(&self) -> usize {
        self.labels.len() + 1
    }

    /// A volume of a kind on a grid. An image of whole numbers without sign has no values below 0.
    pub(super) fn volume(&self, grid: &Grid, kind: Kind, dtype: Dtype, channels: usize) -> Result<Volume, VolumeError> {
        let voxels: Voxels = dispatch_dtype!(dtype, T => self.voxels::<T>(grid, kind, channels).into());
        Volume::new(voxels, *grid, kind, channels)
    }

    /// The smallest voxel type that holds the labels.
    pub(super) fn label_dtype(&self) -> Dtype {
        let (low, high) = self.labels.iter().fold((0, 0), |(a, b), l| (a.min(*l), b.max(*l)));
        Dtype::smallest_for_whole(low.into(), high.into()).unwrap_or(Dtype::I64)
    }

    fn voxels<T: Voxel>(&self, grid: &Grid, kind: Kind, channels: usize) -> Vec<T> {
        let [nx, ny, nz] = grid.shape();
        let map = grid.index_map_to(&self.reference);
        let mut values = Vec::with_capacity(grid.voxel_count() * channels);
        for channel in 0..channels {
            for (z, y, x) in (0..nz).flat_map(|z| (0..ny).flat_map(move |y| (0..nx).map(move |x| (z, y, x)))) {
                let place = self.place(&map, [x, y, z]);
                let noise = noise([x, y, z, channel]);
                let tissue = tissue(place, self.labels.len());
                values.push(match kind {
                    Kind::Image => intensity(tissue, place, noise, channel, T::DTYPE),
                    Kind::Label => T::near_whole(self.label(tissue, channel, channels).into()),
                    Kind::Probability => T::from_f64(self.score(tissue, noise, channel, channels, false)),
                    Kind::Logit => T::from_f64(self.score(tissue, noise, channel, channels, true)),
                });
            }
        }
        values
    }

    /// Where a voxel is, from 0 to 1 along each axis of the reference grid.
    fn place(&self, map: &Affine, index: [usize; 3]) -> [f64; 3] {
        let (at, shape) = (map.apply(index.map(|i| i as f64)), self.reference.shape());
        [0, 1, 2].map(|axis| (at[axis] + 0.5) / shape[axis] as f64)
    }

    /// The label of a tissue. Of a map of several channels, channel c holds 1 where class c is.
    fn label(&self, tissue: Tissue, channel: usize, channels: usize) -> i64 {
        let class = self.class(tissue);
        match (channels, class) {
            (1, 0) => 0,
            (1, class) => self.labels.get(class - 1).copied().unwrap_or(0),
            _ => i64::from(class % channels == channel),
        }
    }

    /// The position of a tissue's label, from 1; 0 is the background.
    fn class(&self, tissue: Tissue) -> usize {
        match tissue {
            Tissue::Air | Tissue::Body => 0,
            Tissue::Part(part) => 1 + part % self.labels.len().max(1),
            Tissue::Cell(cell) => 5 + cell,
        }
    }

    /// What a network that is rather certain would say.
    fn score(&self, tissue: Tissue, noise: i64, channel: usize, channels: usize, logit: bool) -> f64 {
        let class = self.class(tissue);
        let yes = if channels == 1 { class > 0 } else { class % channels == channel };
        if logit {
            return (if yes { 64 } else { -48 } + noise) as f64 / 16.0;
        }
        // The classes together make 1.
        let others = channels.saturating_sub(1).max(1) as f64;
        if yes { 0.75 } else { 0.25 / others }
    }
}

/// Whole numbers from −8 to 8 that look random.
fn noise(index: [usize; 4]) -> i64 {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for i in index {
        state = (state ^ i as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state ^= state >> 29;
    }
    (state >> 32) as i64 % 17 - 8
}

/// The middle of the body on the reference grid, and its size: around it is air, so that crops have something to take.
const MIDDLE: [f64; 3] = [0.48, 0.53, 0.5];
const SIZE: f64 = 0.62;

fn tissue(place: [f64; 3], labels: usize) -> Tissue {
    // From 0 to 1 in the box around the body, but for a rim.
    let u = [0, 1, 2].map(|axis| (place[axis] - MIDDLE[axis]) / SIZE + 0.5);
    let within = |centre: [f64; 3], radii: [f64; 3]| {
        let part = |axis: usize| (u[axis] - centre[axis]) / radii[axis];
        (0..3).map(|axis| part(axis) * part(axis)).sum::<f64>() <= 1.0
    };
    let inside = |low: [f64; 3], high: [f64; 3]| (0..3).all(|axis| (low[axis]..high[axis]).contains(&u[axis]));
    if within([0.34, 0.42, 0.5], [0.15, 0.17, 0.3]) {
        return Tissue::Part(0);
    }
    if inside([0.59, 0.28, 0.33], [0.77, 0.52, 0.77]) {
        return Tissue::Part(1);
    }
    let leaning = 0.55 + 0.1 * (u[2] - 0.5);
    let (across, up) = (u[0] - leaning, u[1] - 0.7);
    if across * across + up * up <= 0.07 * 0.07 && (0.12..0.88).contains(&u[2]) {
        return Tissue::Part(2);
    }
    if within([0.22, 0.7, 0.44], [0.06, 0.08, 0.2]) {
        return Tissue::Part(3);
    }
    let (low, high) = ([0.25, 0.8, 0.2], [0.75, 0.95, 0.8]);
    if labels > 4 && inside(low, high) {
        let count = labels - 4;
        let (columns, rows) = (count.min(COLUMNS), count.div_ceil(COLUMNS));
        let at = |axis: usize, n: usize| ((u[axis] - low[axis]) / (high[axis] - low[axis]) * n as f64) as usize;
        let cell = at(0, columns) + columns * at(1, rows);
        if cell < count {
            return Tissue::Cell(cell);
        }
    }
    if within([0.5, 0.5, 0.5], [0.44, 0.46, 0.47]) { Tissue::Body } else { Tissue::Air }
}

/// The intensity of a voxel: Hounsfield units, or in types without sign, or too small for these, numbers from 0.
fn intensity<T: Voxel>(tissue: Tissue, u: [f64; 3], noise: i64, channel: usize, dtype: Dtype) -> T {
    let channel = channel as i64;
    let base = match tissue {
        Tissue::Air => AIR,
        Tissue::Body => BODY,
        Tissue::Part(part) => PARTS[(part + channel as usize) % PARTS.len()],
        Tissue::Cell(_) => OTHER,
    };
    // Values rise along each axis, along each another way.
    let ramp = if tissue == Tissue::Air { 0 } else { (u[0] * 30.0 + u[1] * 20.0 + u[2] * 10.0).floor() as i64 };
    let raised = if tissue == Tissue::Air { 0 } else { 37 * channel };
    let hounsfield = base + ramp + raised + noise;
    let scale = match dtype {
        Dtype::I16 | Dtype::I32 | Dtype::I64 => return T::near_whole(hounsfield.into()),
        Dtype::U8 => 8,
        Dtype::I8 => 16,
        _ => 4,
    };
    let above = if tissue == Tissue::Air { 0 } else { hounsfield - AIR };
    if dtype.is_integer() { T::near_whole((above / scale).into()) } else { T::from_f64(above as f64 / scale as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let affine = Affine::from_rows([[-0.8, 0.1, 0.2, 12.0], [0.1, -0.8, 0.3, 20.0], [0.0, 0.1, 3.0, -30.0]]);
        Grid::new([64, 56, 32], affine).unwrap()
    }

    fn counts(volume: &Volume) -> std::collections::BTreeMap<i64, usize> {
        let mut found = std::collections::BTreeMap::new();
        (0..volume.voxels().len()).for_each(|i| *found.entry(volume.voxels().get(i) as i64).or_default() += 1);
        found
    }

    #[test]
    fn every_label_has_voxels_also_in_one_slice() {
        let labels: Vec<i64> = (1..=40).chain([255, -1]).collect();
        let phantom = Phantom::new(grid(), labels.clone());
        let map = phantom.volume(&grid(), Kind::Label, phantom.label_dtype(), 1).unwrap();
        assert_eq!(map.dtype(), Dtype::I16);
        assert!(labels.iter().all(|label| counts(&map)[label] > 5), "{:?}", counts(&map));
        let flat = Grid::new([72, 60, 1], Affine::scaling([0.7, 0.7, 5.0])).unwrap().planar();
        let phantom = Phantom::new(flat, vec![1, 2, 3, 4]);
        let map = phantom.volume(&flat, Kind::Label, Dtype::U8, 1).unwrap();
        assert!((1..5).all(|label| counts(&map)[&label] > 10), "{:?}", counts(&map));
        // Fewer labels than parts: they repeat.
        let phantom = Phantom::new(grid(), vec![7]);
        assert_eq!(counts(&phantom.volume(&grid(), Kind::Label, Dtype::U8, 1).unwrap()).len(), 2);
    }

    #[test]
    fn no_turn_of_the_phantom_looks_like_it() {
        let phantom = Phantom::new(grid(), vec![1, 2, 3, 4]);
        for kind in [Kind::Image, Kind::Label] {
            let volume = phantom.volume(&grid(), kind, Dtype::I16, 1).unwrap();
            let [nx, ny, nz] = grid().shape();
            for bits in 1..8usize {
                let flip = |i: usize, n: usize, axis: usize| if bits >> axis & 1 == 1 { n - 1 - i } else { i };
                let other = |x, y, z| volume.value([flip(x, nx, 0), flip(y, ny, 1), flip(z, nz, 2)], 0);
                let all = (0..nz).flat_map(|z| (0..ny).flat_map(move |y| (0..nx).map(move |x| (x, y, z))));
                let differ = all.filter(|(x, y, z)| volume.value([*x, *y, *z], 0) != other(*x, *y, *z)).count();
                assert!(differ > 400, "{kind}, flips {bits:03b}: {differ}");
            }
        }
    }

    #[test]
    fn grids_show_one_body_at_one_place() {
        let phantom = Phantom::new(grid(), vec![1, 2, 3, 4]);
        let finer = Affine::scaling([0.5, 0.5, 1.0]).with_translation([-46.0, -30.0, -35.0]);
        let finer = Grid::new([150, 140, 140], finer).unwrap();
        let here = phantom.volume(&grid(), Kind::Label, Dtype::U8, 1).unwrap();
        let there = phantom.volume(&finer, Kind::Label, Dtype::U8, 1).unwrap();
        let mm3 = |volume: &Volume, label| counts(volume)[&label] as f64 * volume.grid().voxel_volume();
        for label in 1..5 {
            assert!((mm3(&here, label) / mm3(&there, label) - 1.0).abs() < 0.2, "{label}");
        }
    }

    #[test]
    fn images_are_of_their_type() {
        let phantom = Phantom::new(grid(), vec![1, 2]);
        let t = |dtype| phantom.volume(&grid(), Kind::Image, dtype, 1).unwrap().voxels().min_max().unwrap();
        let (low, high) = t(Dtype::I16);
        assert!(low < -1000.0 && high > 300.0);
        for dtype in [Dtype::U8, Dtype::U16, Dtype::F32, Dtype::I8] {
            let (low, high) = t(dtype);
            assert!(low == 0.0 && high > 60.0 && high < dtype.range().1, "{dtype}: {low} {high}");
        }
    }

    #[test]
    fn probabilities_of_all_classes_make_one() {
        let phantom = Phantom::new(grid(), vec![1, 2, 3, 4]);
        let volume = phantom.volume(&grid(), Kind::Probability, Dtype::F64, 5).unwrap();
        for i in 0..grid().voxel_count() {
            let sum: f64 = (0..5).map(|c| volume.voxels().get(c * grid().voxel_count() + i)).sum();
            assert_eq!(sum, 1.0);
        }
        let single = phantom.volume(&grid(), Kind::Probability, Dtype::F32, 1).unwrap();
        assert_eq!(single.voxels().min_max(), Some((0.25, 0.75)));
    }
}
