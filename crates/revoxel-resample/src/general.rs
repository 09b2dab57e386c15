//! Any map, position by position, and the label interpolation.

use revoxel_core::{Bend, IndexBox, Sampling, Slices, Voxel};

use crate::pass::rows_of;
use crate::real::Real;
use crate::taps::{Range, cubic_weights};
use crate::{How, Interpolation, Outside};

pub(crate) struct General {
    map: [[f64; 4]; 3],
    limits: Vec<([[f64; 4]; 3], IndexBox)>,
    bends: Vec<Bent>,
    ranges: [Range; 3],
    strides: [usize; 3],
    ties_down: [bool; 3],
    interpolation: Interpolation,
    outside: Outside,
    from: Option<Slices>,
    to: Option<Slices>,
}

/// A warp on the way, with the map onto its grid and the limits on what comes out of it.
struct Bent {
    map: [[f64; 4]; 3],
    bend: Bend,
    limits: Vec<([[f64; 4]; 3], IndexBox)>,
}

impl General {
    pub(crate) fn new(sampling: &Sampling, how: &How, ranges: [Range; 3]) -> Self {
        let [nx, ny, _] = sampling.source().shape();
        let limits = |passed: usize| {
            let of = sampling.limits().iter().filter(|l| l.bends == passed);
            of.map(|l| (rows_of(&l.map), l.inside)).collect()
        };
        let bends = sampling.bends().enumerate().map(|(number, (map, bend))| Bent {
            map: rows_of(&map),
            bend: bend.clone(),
            limits: limits(number + 1),
        });
        Self {
            map: rows_of(&sampling.last_map()),
            limits: limits(0),
            bends: bends.collect(),
            ranges,
            strides: [1, nx, nx * ny],
            ties_down: sampling.ties_down(),
            interpolation: how.interpolation,
            outside: how.outside,
            from: sampling.from_slices().cloned(),
            to: sampling.to_slices().cloned(),
        }
    }

    pub(crate) fn averages(&self) -> bool {
        self.interpolation.averages()
    }

    /// Computes a target row whose values are averaged; it starts at target index `at`.
    pub(crate) fn row_real<T: Voxel, R: Real>(&self, source: &[T], at: [i64; 3], fill: R, row: &mut [R]) {
        for (x, out) in row.iter_mut().enumerate() {
            let target = [(at[0] + x as i64) as f64, at[1] as f64, at[2] as f64];
            *out = match self.position(target) {
                None => fill,
                Some(p) if self.interpolation == Interpolation::Cubic => self.cubic(source, p),
                Some(p) => self.linear(source, p),
            };
        }
    }

    /// Computes a target row whose values are copied; it starts at target index `at`.
    pub(crate) fn row_copy<T: Voxel, O: Voxel>(
        &self,
        source: &[T],
        at: [i64; 3],
        fill: O,
        convert: impl Fn(T) -> O,
        row: &mut [O],
    ) {
        for (x, out) in row.iter_mut().enumerate() {
            let target = [(at[0] + x as i64) as f64, at[1] as f64, at[2] as f64];
            *out = match self.position(target) {
                None => fill,
                Some(p) if self.interpolation == Interpolation::Label => convert(self.label(source, p)),
                Some(p) => {
                    let offset = |a: usize| self.ranges[a].nearest(p[a], self.ties_down[a]) as usize * self.strides[a];
                    convert(source[offset(0) + offset(1) + offset(2)])
                }
            };
        }
    }

    /// The source position of a target index, `None` where there is no data.
    fn position(&self, target: [f64; 3]) -> Option<[f64; 3]> {
        let target = self.to.as_ref().map_or(target, |slices| slices.to_even(target));
        let mapped = |m: &[[f64; 4]; 3], p: [f64; 3]| m.map(|r| r[0] * p[0] + r[1] * p[1] + r[2] * p[2] + r[3]);
        if !self.limits.iter().all(|(map, inside)| inside.covers(mapped(map, target))) {
            return None;
        }
        let mut bent = target;
        for Bent { map, bend, limits } in &self.bends {
            bent = bend.apply(mapped(map, bent));
            if !limits.iter().all(|(map, inside)| inside.covers(mapped(map, bent))) {
                return None;
            }
        }
        let p = mapped(&self.map, bent);
        let p = self.from.as_ref().map_or(p, |slices| slices.from_even(p));
        if self.outside == Outside::Fill && !(0..3).all(|a| self.ranges[a].covers(p[a])) {
            return None;
        }
        // Nearest keeps the true position, so that ties are seen where they are.
        if self.interpolation == Interpolation::Nearest && self.outside != Outside::Reflection {
            return Some(p);
        }
        Some([0, 1, 2].map(|a| self.ranges[a].place(p[a], self.outside)))
    }

    /// Offsets of the lower and upper voxel along each axis, and the upper ones' weights.
    #[inline]
    fn neighbours(&self, p: [f64; 3]) -> ([[usize; 2]; 3], [f64; 3]) {
        let mut offsets = [[0; 2]; 3];
        let mut weights = [0.0; 3];
        for a in 0..3 {
            let (index, weight) = self.ranges[a].linear(p[a]);
            offsets[a] = [index, (index + 1).min(self.ranges[a].high)].map(|i| i as usize * self.strides[a]);
            weights[a] = weight;
        }
        (offsets, weights)
    }

    fn linear<T: Voxel, R: Real>(&self, source: &[T], p: [f64; 3]) -> R {
        let ([ox, oy, oz], [wx, wy, wz]) = self.neighbours(p);
        let mix = |a: R, b: R, w: f64| a * R::weight(1.0 - w) + b * R::weight(w);
        let line = |y: usize, z: usize| {
            let start = oy[y] + oz[z];
            mix(R::of(source[start + ox[0]]), R::of(source[start + ox[1]]), wx)
        };
        mix(mix(line(0, 0), line(1, 0), wy), mix(line(0, 1), line(1, 1), wy), wz)
    }

    fn cubic<T: Voxel, R: Real>(&self, source: &[T], p: [f64; 3]) -> R {
        let mut offsets = [[0; 4]; 3];
        let mut weights = [[R::default(); 4]; 3];
        for a in 0..3 {
            let floor = p[a].floor();
            weights[a] = cubic_weights(p[a] - floor).map(R::weight);
            for k in 0..4 {
                offsets[a][k] = self.ranges[a].mirror(floor as i64 + k as i64 - 1) as usize * self.strides[a];
            }
        }
        let mut sum = R::default();
        for z in 0..4 {
            for y in 0..4 {
                let start = offsets[1][y] + offsets[2][z];
                let term = |k: usize| R::of(source[start + offsets[0][k]]) * weights[0][k];
                let line = (term(0) + term(1)) + (term(2) + term(3));
                sum = sum + line * (weights[1][y] * weights[2][z]);
            }
        }
        sum
    }

    /// The label with the highest summed weight among the eight voxels around the position, the lowest at a tie.
    fn label<T: Voxel>(&self, source: &[T], p: [f64; 3]) -> T {
        let ([ox, oy, oz], w) = self.neighbours(p);
        let mut labels = [(T::default(), 0.0f64); 8];
        let mut count = 0;
        for corner in 0..8 {
            let bit = |a: usize| corner >> a & 1;
            let weight: f64 = (0..3).map(|a| if bit(a) == 0 { 1.0 - w[a] } else { w[a] }).product();
            let label = source[ox[bit(0)] + oy[bit(1)] + oz[bit(2)]];
            match labels[..count].iter_mut().find(|(l, _)| *l == label) {
                Some((_, sum)) => *sum += weight,
                None => {
                    labels[count] = (label, weight);
                    count += 1;
                }
            }
        }
        let best = |a: (T, f64), b: &(T, f64)| {
            let tie = (a.1 - b.1).abs() < 1e-9;
            if (tie && b.0 < a.0) || (!tie && b.1 > a.1) { *b } else { a }
        };
        labels[1..count].iter().fold(labels[0], best).0
    }
}
