//! One displacement per voxel, made from noise when first needed, and the inverse.

use std::ops::Range;
use std::sync::OnceLock;

use super::{STEEPEST, WarpError};
use crate::Grid;

/// Most voxels of a region with one displacement per voxel; each takes 12 bytes.
pub const MOST_VOXELS: usize = 1 << 30;
/// Largest error of the inverse, in voxels.
const CLOSE: f64 = 1e-7;
/// Most iterations of the inverse: 0.9^400 times any displacement is far below [`CLOSE`].
const MOST_STEPS: usize = 400;

/// How displacements are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// The key of the noise.
    pub key: [u32; 4],
    /// The factor of the noise, voxels; at most 1e6.
    pub magnitude: f64,
    /// How the noise is smoothed or interpolated.
    pub smoothing: Smoothing,
}

/// How noise becomes smooth.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Smoothing {
    /// Noise from −1 to 1 at each voxel and along each axis, smoothed by a Gaussian of this standard deviation
    /// (voxels, above 0), which ends after three of them; 0 beyond the region.
    Gaussian(f64),
    /// Noise with a standard deviation of 1, for displacements along axes 0 and 1: one sample every so many voxels (1
    /// or more), cubic in between, the same in all slices.
    Bicubic([f64; 2]),
}

impl Smoothing {
    /// Its numbers.
    fn is_good(self) -> bool {
        let within = |v: f64, low: f64| v.is_finite() && v >= low && v <= 1e6;
        match self {
            Self::Gaussian(sigma) => within(sigma, 1e-3),
            Self::Bicubic(spacing) => spacing.iter().all(|s| within(*s, 1.0)),
        }
    }
}

/// Displacements of the voxels of a box, along its axes and in voxels.
#[derive(Clone, Debug)]
pub struct Displacements {
    /// Voxels along axis 0, 1, 2; an axis of 1 holds for all voxels along it.
    pub shape: [usize; 3],
    /// The displacements along axis 0, 1, 2, by voxel; axis 0 fastest.
    pub along: [Vec<f32>; 3],
}

impl Displacements {
    /// The largest change of the displacements between two points, as a share of their distance, around the voxels of
    /// some slices: the largest singular value of the field's derivatives. Between eight voxels, it occurs at one of
    /// them, with the differences to its neighbours there.
    pub fn steepness(&self, slices: Range<usize>) -> f64 {
        let [nx, ny, _] = self.shape;
        let strides = strides(self.shape);
        let mut squared = 0.0;
        for z in slices {
            for y in 0..ny {
                for x in 0..nx {
                    let (at, index) = (x + nx * (y + ny * z), [x, y, z]);
                    // Along each axis: what changes from the voxel before, and to the next.
                    let changes = [0, 1, 2].map(|axis| {
                        let from = |first: usize| {
                            self.along.each_ref().map(|v| f64::from(v[first + strides[axis]]) - f64::from(v[first]))
                        };
                        let last = index[axis] + 1 >= self.shape[axis];
                        let before = if index[axis] == 0 { [0.0; 3] } else { from(at - strides[axis]) };
                        [before, if last { [0.0; 3] } else { from(at) }]
                    });
                    let square = |v: &[f64; 3]| v.iter().map(|v| v * v).sum::<f64>();
                    let most: f64 = changes.iter().map(|pair| square(&pair[0]).max(square(&pair[1]))).sum();
                    if most > squared {
                        for side in 0..8usize {
                            let columns = [0, 1, 2].map(|a| changes[a][side >> a & 1]);
                            squared = largest_singular_value_squared(columns).max(squared);
                        }
                    }
                }
            }
        }
        squared.sqrt()
    }
}

/// Makes the displacements of a region of this shape, and returns how [steep](Displacements::steepness) they are. It
/// is a function of the caller, because it uses threads, which this crate does not have.
pub type Make = fn(&Recipe, [usize; 3]) -> (Displacements, f64);

/// A field with one displacement per voxel: the voxel at index i shows what lies at i + d(i). The field is linear
/// between voxels and constant beyond the outermost voxels of the region.
///
/// It always has an inverse, because it is a contraction: if displacements differ by more than [`STEEPEST`] of the
/// distance between two points, all are reduced by one factor.
#[derive(Clone, Debug)]
pub struct Dense {
    region: [usize; 3],
    recipe: Recipe,
    make: Make,
    made: OnceLock<Made>,
}

/// Two fields are equal if their regions and recipes are.
impl PartialEq for Dense {
    fn eq(&self, other: &Self) -> bool {
        self.region == other.region && self.recipe == other.recipe
    }
}

/// Displacements that have an inverse.
#[derive(Clone, Debug)]
pub(super) struct Made {
    field: Displacements,
    strides: [usize; 3],
    steepness: f64,
}

impl Dense {
    pub(super) fn new(grid: &Grid, recipe: Recipe, make: Make) -> Result<Self, WarpError> {
        if grid.voxel_count() > MOST_VOXELS {
            return Err(WarpError::Large(grid.shape()));
        }
        if !(recipe.magnitude.abs() <= 1e6 && recipe.smoothing.is_good()) {
            return Err(WarpError::Recipe(recipe));
        }
        Ok(Self { region: grid.shape(), recipe, make, made: OnceLock::new() })
    }

    /// How the displacements are made.
    pub const fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    pub(super) fn apply(&self, index: [f64; 3]) -> [f64; 3] {
        let by = self.made().at(index);
        [0, 1, 2].map(|a| index[a] + by[a])
    }

    /// Solves i = j − d(i) by fixed-point iteration; each step multiplies the error by the steepness at most.
    pub(super) fn apply_back(&self, index: [f64; 3]) -> [f64; 3] {
        let made = self.made();
        let bound = CLOSE * (1.0 - made.steepness) / made.steepness.max(0.1);
        let mut at = index;
        for _ in 0..MOST_STEPS {
            let by = made.at(at);
            let next = [0, 1, 2].map(|a| index[a] - by[a]);
            let left: f64 = (0..3).map(|a| (next[a] - at[a]).powi(2)).sum();
            at = next;
            if left <= bound * bound {
                break;
            }
        }
        at
    }

    /// The displacements; makes them at the first call.
    pub(super) fn made(&self) -> &Made {
        // They are made by several threads, which must not wait for each other here. Where two make them, they are the
        // same.
        if self.made.get().is_none() {
            let _ = self.made.set(self.make());
        }
        self.made.get_or_init(|| self.make())
    }

    fn make(&self) -> Made {
        let (mut field, mut steepness) = (self.make)(&self.recipe, self.region);
        if steepness > STEEPEST {
            let factor = STEEPEST / steepness;
            let reduce = |v: &mut f32| *v = (f64::from(*v) * factor) as f32;
            field.along.iter_mut().for_each(|values| values.iter_mut().for_each(reduce));
            steepness = STEEPEST;
        }
        let strides = strides(field.shape);
        Made { field, strides, steepness }
    }
}

/// The offset from a voxel to the next along each axis; 0 if there is no next one.
fn strides([x, y, z]: [usize; 3]) -> [usize; 3] {
    let all = [1, x, x * y];
    [0, 1, 2].map(|a| if [x, y, z][a] > 1 { all[a] } else { 0 })
}

impl Made {
    /// The displacement at an index.
    fn at(&self, index: [f64; 3]) -> [f64; 3] {
        let (mut first, mut weights) = (0, [[0.0; 2]; 3]);
        let full = [1, self.field.shape[0], self.field.shape[0] * self.field.shape[1]];
        for a in 0..3 {
            let last = self.field.shape[a] - 1;
            let inside = index[a].clamp(0.0, last as f64);
            let low = (inside as usize).min(last.saturating_sub(1));
            first += low * full[a];
            let weight = inside - low as f64;
            weights[a] = [1.0 - weight, weight];
        }
        let [sx, sy, sz] = self.strides;
        let mut sum = [0.0; 3];
        for (dz, wz) in weights[2].into_iter().enumerate() {
            for (dy, wy) in weights[1].into_iter().enumerate() {
                let start = first + dz * sz + dy * sy;
                let w = wz * wy;
                for a in 0..3 {
                    let values = &self.field.along[a];
                    let line = [values[start], values[start + sx]].map(f64::from);
                    sum[a] += w * (weights[0][0] * line[0] + weights[0][1] * line[1]);
                }
            }
        }
        sum
    }
}

fn largest_singular_value_squared(columns: [[f64; 3]; 3]) -> f64 {
    let matrix = nalgebra::Matrix3::from_columns(&columns.map(nalgebra::Vector3::from));
    (matrix.transpose() * matrix).symmetric_eigenvalues().max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Warp;
    use crate::testing::Draw;

    /// Displacements that do not care what they are made of, as steep as the magnitude says.
    fn bumps(recipe: &Recipe, shape: [usize; 3]) -> (Displacements, f64) {
        let mut draw = Draw::new(u64::from(recipe.key[0]));
        let count = shape.iter().product();
        let along = [0; 3].map(|_| (0..count).map(|_| draw.real(-0.5, 0.5) as f32).collect::<Vec<f32>>());
        let mut field = Displacements { shape, along };
        let factor = recipe.magnitude / field.steepness(0..shape[2]).max(1e-9);
        field.along.iter_mut().flatten().for_each(|v| *v = (f64::from(*v) * factor) as f32);
        let steepness = field.steepness(0..shape[2]);
        (field, steepness)
    }

    fn warp(grid: Grid, key: u32, magnitude: f64) -> Warp {
        Warp::dense(grid, Recipe { key: [key, 1, 2, 3], magnitude, smoothing: Smoothing::Gaussian(1.0) }, bumps)
            .unwrap()
    }

    #[test]
    fn the_way_back_ends_where_it_began() {
        for seed in 0..60 {
            let mut draw = Draw::new(seed);
            let grid = draw.grid(9);
            // The last one folds, and is reduced.
            let warp = warp(grid, seed as u32, [0.3, 0.85, 4.0][seed as usize % 3]);
            for _ in 0..50 {
                let index = [0, 1, 2].map(|a| draw.real(-3.0, grid.shape()[a] as f64 + 2.0));
                let back = warp.apply_back(warp.apply(index));
                assert!((0..3).all(|a| (back[a] - index[a]).abs() < 2e-6), "{seed}: {index:?} {back:?}");
                let there = warp.apply(warp.apply_back(index));
                assert!((0..3).all(|a| (there[a] - index[a]).abs() < 2e-7), "{seed}: {index:?} {there:?}");
            }
        }
    }

    #[test]
    fn no_two_points_differ_by_more_than_the_steepness() {
        let mut steepest: f64 = 0.0;
        for seed in 0..40 {
            let mut draw = Draw::new(100 + seed);
            let grid = draw.grid(6);
            let warp = warp(grid, seed as u32, 1.0);
            for _ in 0..200 {
                let place = |draw: &mut Draw| [0, 1, 2].map(|a| draw.real(-1.0, grid.shape()[a] as f64));
                let p = place(&mut draw);
                let q = p.map(|v| v + draw.real(-0.2, 0.2));
                let by = |p: [f64; 3]| [0, 1, 2].map(|a| warp.apply(p)[a] - p[a]);
                let far = |a: [f64; 3], b: [f64; 3]| (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt();
                let share = far(by(p), by(q)) / far(p, q);
                assert!(share <= 0.90001, "{seed} {p:?} {q:?}: {share}");
                steepest = steepest.max(share);
            }
        }
        // The bound is close to what there is.
        assert!(steepest > 0.6, "{steepest}");
    }

    #[test]
    fn voxels_move_by_their_own_displacement_and_half_way_by_the_mean() {
        let grid = Grid::without_geometry([4, 3, 5]).unwrap();
        let recipe = Recipe { key: [5; 4], magnitude: 0.5, smoothing: Smoothing::Gaussian(1.0) };
        let ((field, _), warp) = (bumps(&recipe, grid.shape()), warp(grid, 5, 0.5));
        let by = |index: [f64; 3], a: usize| warp.apply(index)[a] - index[a];
        for a in 0..3 {
            let at = |x: usize, y: usize, z: usize| f64::from(field.along[a][x + 4 * (y + 3 * z)]);
            assert!((by([3.0, 1.0, 4.0], a) - at(3, 1, 4)).abs() < 1e-12);
            assert!((by([9.0, -2.0, 2.0], a) - at(3, 0, 2)).abs() < 1e-12);
            assert!((by([1.0, 1.5, 2.0], a) - (at(1, 1, 2) + at(1, 2, 2)) / 2.0).abs() < 1e-12);
        }
    }

    #[test]
    fn what_cannot_be_made_is_refused() {
        let t = |shape: [usize; 3], magnitude: f64, smoothing: Smoothing| {
            let grid = Grid::without_geometry(shape).unwrap();
            Warp::dense(grid, Recipe { key: [0; 4], magnitude, smoothing }, bumps).unwrap_err()
        };
        let large = t([1 << 11, 1 << 11, 1 << 9], 1.0, Smoothing::Gaussian(1.0));
        assert!(matches!(large, WarpError::Large(_)), "{large}");
        for (magnitude, smoothing) in [
            (f64::NAN, Smoothing::Gaussian(1.0)),
            (1e7, Smoothing::Gaussian(1.0)),
            (1.0, Smoothing::Gaussian(0.0)),
            (1.0, Smoothing::Gaussian(f64::INFINITY)),
            (1.0, Smoothing::Bicubic([4.0, 0.5])),
        ] {
            assert!(matches!(t([5; 3], magnitude, smoothing), WarpError::Recipe(_)));
        }
    }
}
