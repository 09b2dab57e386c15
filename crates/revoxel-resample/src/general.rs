//! Any affine map, row by row.
//!
//! Along a target row, the source position moves by the same step from voxel to voxel. So the row splits into parts
//! without data and a part whose positions are computed side by side, clamped to the readable voxels. Positions are
//! computed one by one only if they are mirrored, at the boundary of the cubic spline, and between uneven slices.

mod rows;

use std::ops::Range as Indices;

use revoxel_core::{Bend, IndexBox, Limit, Sampling, Slices, Voxel};

use crate::real::Real;
use crate::taps::{Along, NO_CLOSEST, Range, Tie, cubic_weights};
use crate::weighing::{Weighing, heaviest};
use crate::{How, Interpolation, Outside};
use rows::{Walk, bilinear_row, cubic_row, label_row, linear_row, mixed, nearest_row};

pub(crate) struct General {
    map: [[f64; 4]; 3],
    limits: Vec<Bounds>,
    bends: Vec<Bent>,
    ranges: [Range; 3],
    strides: [usize; 3],
    along: [Along; 3],
    interpolation: Interpolation,
    weighing: Weighing,
    averages: bool,
    outside: Outside,
    from: Option<Slices>,
    to: Option<Slices>,
    /// Whether interiors are computed side by side.
    fast: bool,
    /// Whether target planes are parallel to source planes, so that a plane is mixed once for all of its rows.
    parallel: bool,
}

/// A row's parts: voxels with data, and those among them that are computed side by side.
struct Split {
    inside: Indices<usize>,
    interior: Indices<usize>,
}

impl Split {
    /// The voxels outside the interior.
    fn rest(&self, count: usize) -> impl Iterator<Item = usize> + use<> {
        (0..self.interior.start).chain(self.interior.end..count)
    }
}

/// A warp of the pass, with the map onto its grid and the limits on its result.
struct Bent {
    map: [[f64; 4]; 3],
    bend: Bend,
    limits: Vec<Bounds>,
}

/// A limit with the rows of its map.
struct Bounds {
    map: [[f64; 4]; 3],
    limit: Limit,
}

impl Bounds {
    fn admits(&self, at: [f64; 3]) -> bool {
        self.limit.admits(mapped(&self.map, at))
    }
}

fn mapped(map: &[[f64; 4]; 3], p: [f64; 3]) -> [f64; 3] {
    map.map(|r| r[0] * p[0] + (r[1] * p[1] + r[2] * p[2] + r[3]))
}

impl General {
    pub(crate) fn new(sampling: &Sampling, how: &How, along: [Along; 3], ranges: [Range; 3]) -> Self {
        let source = sampling.source().shape();
        let voxels: usize = source.iter().product();
        let limits = |passed: usize| {
            let of = sampling.limits().iter().filter(|l| l.bends == passed);
            of.map(|l| Bounds { map: l.map.rows(), limit: *l }).collect()
        };
        let bends = sampling.bends().enumerate().map(|(number, (map, bend))| Bent {
            map: map.rows(),
            bend: bend.clone(),
            limits: limits(number + 1),
        });
        let bends: Vec<Bent> = bends.collect();
        bends.iter().for_each(|bent| bent.bend.warp.prepare());
        let map = sampling.last_map().rows();
        let target = sampling.target().shape();
        // A ten-millionth of a voxel is less than what rounding of positions may do.
        let slope = (map[2][0] * target[0] as f64).abs() + (map[2][1] * target[1] as f64).abs();
        let straight = bends.is_empty() && !sampling.is_uneven();
        let fast = straight && how.through.is_none() && i32::try_from(voxels).is_ok();
        Self {
            map,
            limits: limits(0),
            bends,
            ranges,
            strides: [1, source[0], source[0] * source[1]],
            along,
            interpolation: how.interpolation,
            weighing: Weighing::of(how),
            averages: how.averages(),
            outside: how.outside,
            from: sampling.from_slices().cloned(),
            to: sampling.to_slices().cloned(),
            fast,
            parallel: fast && slope < 1e-7 && how.interpolation == Interpolation::Linear,
        }
    }

    pub(crate) fn averages(&self) -> bool {
        self.averages
    }

    /// The source plane of the target plane `at`, mixed from the two around it, if the target plane lies entirely in
    /// one source plane and mixing pays off. Only the part that the `region` of the target plane reads is set.
    pub(crate) fn level<'a, T: Voxel, R: Real>(
        &self,
        source: &[T],
        at: i64,
        region: &IndexBox,
        plane: &'a mut Vec<R>,
    ) -> Option<&'a [R]> {
        let width = self.strides[1];
        if !self.parallel || region.is_empty() {
            return None;
        }
        let row = |x: i64, y: i64| {
            let r = self.map[1];
            r[0] * x as f64 + (r[1] * y as f64 + r[2] * at as f64 + r[3])
        };
        let ([x, y, _], [right, top, _]) = (region.start, region.end());
        let corners = [row(x, y), row(right - 1, y), row(x, top - 1), row(right - 1, top - 1)];
        let range = &self.ranges[1];
        let within = |p: f64| (p as i64).clamp(range.low, range.high);
        let first = within(corners.into_iter().fold(f64::INFINITY, f64::min).floor() - 1.0) as usize;
        let last = within(corners.into_iter().fold(f64::NEG_INFINITY, f64::max).floor() + 2.0) as usize;
        // Mixing a voxel takes a small part of the time that reading four neighbours less saves.
        if (last + 1 - first) * width > 8 * region.shape[0] * region.shape[1] {
            return None;
        }
        let walk = self.walk([0, 0, at], 0);
        let place = walk.start[2].max(walk.low[2]).min(walk.high[2]);
        let lower = place.min(walk.last[2]) as usize;
        let weight = R::weight(place - lower as f64);
        let size = walk.strides[2];
        plane.resize(size, R::default());
        let rows = first * width..(last + 1) * width;
        let of = |offset: usize| &source[lower * size + offset..][rows.clone()];
        mixed(of(0), of(walk.next[2]), weight, &mut plane[rows.clone()]);
        Some(plane)
    }

    /// Computes a target row with averaged values. It starts at target index `at`; its interior reads the mixed plane
    /// `level`, if there is one.
    pub(crate) fn row_real<T: Voxel, R: Real>(
        &self,
        source: &[T],
        level: Option<&[R]>,
        at: [i64; 3],
        fill: R,
        row: &mut [R],
    ) {
        let split = self.split(at, row.len());
        let walk = self.walk(at, split.interior.start);
        let interior = &mut row[split.interior.clone()];
        if let Some(plane) = level {
            bilinear_row(plane, &walk, interior);
        } else if self.interpolation == Interpolation::Cubic {
            cubic_row(source, &walk, interior);
        } else {
            linear_row(source, &walk, interior);
        }
        for x in split.rest(row.len()) {
            let target = [(at[0] + x as i64) as f64, at[1] as f64, at[2] as f64];
            row[x] = match split.inside.contains(&x).then(|| self.position(target)).flatten() {
                Some(p) => self.mean(source, p),
                None => fill,
            };
        }
    }

    /// Computes a target row with copied values, which starts at target index `at`.
    pub(crate) fn row_copy<T: Voxel, O: Voxel>(
        &self,
        source: &[T],
        at: [i64; 3],
        fill: O,
        convert: impl Fn(T) -> O + Copy,
        row: &mut [O],
    ) {
        let split = self.split(at, row.len());
        let mut walk = self.walk(at, split.interior.start);
        let interior = &mut row[split.interior.clone()];
        if self.interpolation.weighs_labels() {
            let closest = |p: [f64; 3]| self.closest(p);
            label_row(source, &walk, self.weighing, closest, convert, interior);
        } else {
            for a in 0..3 {
                // A position that stays the same along the row is decided once; the quarter keeps it off whole voxels.
                walk.start[a] = match walk.step[a] == 0.0 {
                    true => self.nearest(a, walk.start[a]) as f64 + 0.25,
                    false => walk.start[a] + 0.5,
                };
                walk.last[a] = walk.high[a];
                // Beyond the first and the last voxel there are no ties to look for.
                walk.low[a] += 0.25;
                walk.high[a] += 0.75;
            }
            let nearest = |p: [f64; 3]| {
                let index = |a: usize| if walk.step[a] == 0.0 { p[a] as i64 } else { self.nearest(a, p[a] - 0.5) };
                (0..3).map(|a| index(a) as usize * self.strides[a]).sum()
            };
            nearest_row(source, &walk, nearest, convert, interior);
        }
        for x in split.rest(row.len()) {
            let target = [(at[0] + x as i64) as f64, at[1] as f64, at[2] as f64];
            row[x] = match split.inside.contains(&x).then(|| self.position(target)).flatten() {
                Some(p) => convert(self.chosen(source, p)),
                None => fill,
            };
        }
    }

    /// The walk along a row from its `x`th voxel on.
    fn walk(&self, at: [i64; 3], x: usize) -> Walk {
        let start =
            self.map.map(|r| r[0] * (at[0] + x as i64) as f64 + (r[1] * at[1] as f64 + r[2] * at[2] as f64 + r[3]));
        let several = self.ranges.map(|r| r.high > r.low);
        // Where a position stays the same along the row, it may lie half way all along.
        let leaning = |a: usize| match self.along[a] {
            Along::Linear(tie) if self.map[a][0] == 0.0 => self.ranges[a].leaning(start[a], tie),
            _ => start[a],
        };
        Walk {
            start: [0, 1, 2].map(leaning),
            step: self.map.map(|r| r[0]),
            low: self.ranges.map(|r| r.low as f64),
            high: self.ranges.map(|r| r.high as f64),
            last: self.ranges.map(|r| (r.high - 1).max(r.low) as f64),
            strides: self.strides,
            next: [0, 1, 2].map(|a| if several[a] { self.strides[a] } else { 0 }),
        }
    }

    fn split(&self, at: [i64; 3], count: usize) -> Split {
        let whole = 0..count;
        if !self.fast {
            return Split { inside: whole, interior: 0..0 };
        }
        let mut inside = whole;
        let along = |rows: &[[f64; 4]; 3], a: usize| {
            let r = rows[a];
            (r[0], r[0] * at[0] as f64 + (r[1] * at[1] as f64 + r[2] * at[2] as f64 + r[3]))
        };
        for Bounds { map, limit } in &self.limits {
            for a in 0..3 {
                inside = within(inside, along(map, a), limit.low[a], limit.high[a]);
            }
        }
        if self.outside == Outside::Fill {
            for a in 0..3 {
                let (low, high) = self.ranges[a].faces();
                inside = within(inside, along(&self.map, a), low - 1e-6, high + 1e-6);
            }
        }
        let mut interior = inside.clone();
        for a in 0..3 {
            let (low, high) = (self.ranges[a].low as f64, self.ranges[a].high as f64);
            if self.interpolation == Interpolation::Cubic {
                // A hair's breadth less, so that a rounded step never leaves the interior.
                interior = within(interior, along(&self.map, a), low + 1.0 + 1e-9, high - 1.0 - 1e-9);
                // Positions beyond the faces are read elsewhere.
                if self.outside == Outside::Reflection || self.ranges[a].beyond > 0 {
                    let (first, last) = self.ranges[a].faces();
                    interior = within(interior, along(&self.map, a), first, last);
                }
            } else if self.outside == Outside::Reflection {
                interior = within(interior, along(&self.map, a), low, high);
            }
        }
        let start = interior.start.clamp(inside.start, inside.end);
        let interior = start..interior.end.clamp(start, inside.end);
        Split { inside, interior }
    }

    /// The source position of a target index; `None` if there is no data.
    fn position(&self, target: [f64; 3]) -> Option<[f64; 3]> {
        let target = self.to.as_ref().map_or(target, |slices| slices.to_even(target));
        if !self.limits.iter().all(|bounds| bounds.admits(target)) {
            return None;
        }
        let mut bent = target;
        for Bent { map, bend, limits } in &self.bends {
            bent = bend.apply(mapped(map, bent));
            if !limits.iter().all(|bounds| bounds.admits(bent)) {
                return None;
            }
        }
        let p = mapped(&self.map, bent);
        let p = self.from.as_ref().map_or(p, |slices| slices.from_even(p));
        if self.outside == Outside::Fill && !(0..3).all(|a| self.ranges[a].covers(p[a])) {
            return None;
        }
        Some([0, 1, 2].map(|a| {
            let placed = self.ranges[a].place(p[a], self.outside);
            match self.along[a] {
                Along::Linear(tie) => self.ranges[a].leaning(placed, tie),
                // Nearest keeps the true position, so that ties are seen where they are.
                Along::Nearest(tie) => {
                    let p = if self.outside == Outside::Reflection { placed } else { p[a] };
                    self.ranges[a].nearest(p, tie) as f64
                }
                _ => placed,
            }
        }))
    }

    fn mean<T: Voxel, R: Real>(&self, source: &[T], p: [f64; 3]) -> R {
        let mut offsets = [[0; 4]; 3];
        let mut weights = [[R::default(); 4]; 3];
        let mut widths = [2; 3];
        for a in 0..3 {
            if self.along[a] == Along::Cubic {
                widths[a] = 4;
                let floor = p[a].floor();
                weights[a] = cubic_weights(p[a] - floor).map(R::weight);
                for k in 0..4 {
                    offsets[a][k] = self.ranges[a].mirror(floor as i64 + k as i64 - 1) as usize * self.strides[a];
                }
            } else {
                let (index, weight) = self.ranges[a].linear(p[a]);
                let next = (index + 1).min(self.ranges[a].high);
                (offsets[a][0], offsets[a][1]) = (index as usize * self.strides[a], next as usize * self.strides[a]);
                (weights[a][0], weights[a][1]) = (R::weight(1.0 - weight), R::weight(weight));
            }
        }
        let mut sum = R::default();
        for z in 0..widths[2] {
            for y in 0..widths[1] {
                let start = offsets[1][y] + offsets[2][z];
                let mut line = R::default();
                for x in 0..widths[0] {
                    line = line + R::of(source[start + offsets[0][x]]) * weights[0][x];
                }
                sum = sum + line * (weights[1][y] * weights[2][z]);
            }
        }
        sum
    }

    /// The voxel or label at a position.
    fn chosen<T: Voxel>(&self, source: &[T], p: [f64; 3]) -> T {
        if !self.interpolation.weighs_labels() {
            let offset = |a: usize| self.nearest(a, p[a]) as usize * self.strides[a];
            return source[offset(0) + offset(1) + offset(2)];
        }
        let pairs = [0, 1, 2].map(|a| {
            let (index, weight) = self.ranges[a].linear(p[a]);
            let offset = |i: i64| i.min(self.ranges[a].high) as usize * self.strides[a];
            ([offset(index), offset(index + 1)], [1.0 - weight, weight])
        });
        let corner = |i: usize| {
            let at = pairs[0].0[i & 1] + pairs[1].0[i >> 1 & 1] + pairs[2].0[i >> 2];
            source[at]
        };
        let closest = || self.closest(p);
        heaviest([0, 1, 2, 3, 4, 5, 6, 7].map(corner), pairs.map(|p| p.1), self.weighing, closest)
    }

    /// The closest index along an axis.
    #[inline]
    fn nearest(&self, axis: usize, position: f64) -> i64 {
        let tie = match self.along[axis] {
            Along::Nearest(tie) | Along::Label(Some(tie)) => tie,
            Along::Label(None) | Along::Linear(_) | Along::Cubic => Tie::UP,
        };
        self.ranges[axis].nearest(position, tie)
    }

    /// Which of the two voxels around a position is closest along each axis, 0 or 1.
    fn closest(&self, position: [f64; 3]) -> [u8; 3] {
        [0, 1, 2].map(|a| {
            let placed = position[a].clamp(self.ranges[a].low as f64, self.ranges[a].high as f64);
            let (index, _) = self.ranges[a].linear(placed);
            if self.along[a] == Along::Label(None) { NO_CLOSEST } else { u8::from(self.nearest(a, placed) > index) }
        })
    }
}

/// The voxels of a row whose position `step · x + first` lies in `[low, high]`.
fn within(row: Indices<usize>, (step, first): (f64, f64), low: f64, high: f64) -> Indices<usize> {
    let ok = |x: usize| (low..=high).contains(&(step * x as f64 + first));
    let bounds = if step == 0.0 {
        if (low..=high).contains(&first) { (f64::NEG_INFINITY, f64::INFINITY) } else { (0.0, -1.0) }
    } else {
        let (a, b) = ((low - first) / step, (high - first) / step);
        (a.min(b).ceil() - 1.0, a.max(b).floor() + 2.0)
    };
    let clamp = |v: f64| v.clamp(row.start as f64, row.end as f64) as usize;
    let (mut start, mut end) = (clamp(bounds.0), clamp(bounds.1));
    while start < end && !ok(start) {
        start += 1;
    }
    while end > start && !ok(end - 1) {
        end -= 1;
    }
    start..end.max(start)
}
