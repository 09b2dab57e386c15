//! Displacements of voxels made from noise: smoothed noise, or noise at control points with cubic interpolation
//! between them.

use revoxel_core::warp::{Displacements, Recipe, Smoothing};
use revoxel_core::{Grid, Warp, WarpError, parallel};

use crate::smooth::smoothed;
use crate::{Gaussian, Noise};

/// Where the Gaussian that smooths noise ends, in standard deviations: MONAI's value.
const TRUNCATE: f64 = 3.0;
/// The parameter of the cubic between control points: torch's value.
const SHARPNESS: f64 = -0.75;
/// Voxels of noise made in one block.
const BLOCK: usize = 1 << 12;

/// A warp of a grid's voxels by noise. The displacements are made when first needed, and then take 12 bytes per voxel
/// ([`Smoothing::Bicubic`]: per voxel of a slice).
///
/// # Errors
/// If the grid is too large or the recipe's numbers are out of range.
pub fn elastic(grid: Grid, recipe: Recipe) -> Result<Warp, WarpError> {
    Warp::dense(grid, recipe, displacements)
}

fn displacements(recipe: &Recipe, shape: [usize; 3]) -> (Displacements, f64) {
    let field = match recipe.smoothing {
        Smoothing::Bicubic(spacing) => between_controls(recipe, [shape[0], shape[1]], spacing),
        Smoothing::Gaussian(sigma) => by_voxel(recipe, shape, sigma),
        _ => unreachable!("noise that nothing smooths"),
    };
    let steepness = parallel::map(0..field.shape[2], |z| field.steepness(z..z + 1));
    (field, steepness.into_iter().fold(0.0, f64::max))
}

fn by_voxel(recipe: &Recipe, shape: [usize; 3], sigma: f64) -> Displacements {
    let (noise, count) = (Noise::new(recipe.key), shape.iter().product());
    let mut along = [0; 3].map(|_| vec![0f32; count]);
    let [x, y, z] = &mut along;
    let blocks = x.chunks_mut(BLOCK).zip(y.chunks_mut(BLOCK)).zip(z.chunks_mut(BLOCK));
    parallel::each(blocks.enumerate(), |(block, ((x, y), z))| {
        for (((x, y), z), position) in x.iter_mut().zip(y).zip(z).zip(block * BLOCK..) {
            [*x, *y, *z] = noise.triple(position as u64).map(|v| v as f32);
        }
    });
    let gaussian = Gaussian { truncate: TRUNCATE, ..Gaussian::MONAI };
    let along = along.map(|values| {
        let smooth: Vec<f32> = smoothed(&values, shape, [sigma; 3], &gaussian);
        parallel::map_values(&smooth, |v| (f64::from(v) * recipe.magnitude) as f32)
    });
    Displacements { shape, along }
}

/// The positions of MONAI's `RandDeformGrid` and torch's bicubic `interpolate`: control points every so many voxels,
/// whose middle is that of the slice up to half a voxel.
fn between_controls(recipe: &Recipe, shape: [usize; 2], spacing: [f64; 2]) -> Displacements {
    let controls = [0, 1].map(|a| control_points(shape[a], spacing[a]));
    let [first, second] = [0, 1].map(|a| Axis::new(shape[a], controls[a], spacing[a]));
    let noise = Noise::new(recipe.key);
    let points: Vec<[f64; 2]> = (0..controls[0] * controls[1])
        .map(|position| noise.normals(position as u64).map(|v| v * recipe.magnitude))
        .collect();
    let mut along = [0; 3].map(|_| vec![0f32; shape[0] * shape[1]]);
    for (j, (columns, across)) in second.0.iter().enumerate() {
        for (i, (rows, down)) in first.0.iter().enumerate() {
            let mut sum = [0.0; 2];
            for (column, w) in columns.iter().zip(across) {
                for (row, v) in rows.iter().zip(down) {
                    let point = points[row + controls[0] * column];
                    (0..2).for_each(|a| sum[a] += w * v * point[a]);
                }
            }
            (0..2).for_each(|a| along[a][i + shape[0] * j] = sum[a] as f32);
        }
    }
    Displacements { shape: [shape[0], shape[1], 1], along }
}

/// The number of control points, one every so many voxels, that cover an axis of `n` with two beyond: as many as in
/// MONAI.
fn control_points(n: usize, spacing: f64) -> usize {
    let reach = (n as f64 - 1.0) / (2.0 * spacing);
    let points = if n.is_multiple_of(2) { (reach + 0.5).ceil() * 2.0 + 2.0 } else { reach.ceil() * 2.0 + 3.0 };
    points as usize
}

/// For each voxel of an axis, the four control points around it and their weights.
struct Axis(Vec<([usize; 4], [f64; 4])>);

impl Axis {
    fn new(n: usize, controls: usize, spacing: f64) -> Self {
        // What the control points are spread to, of which the middle is taken.
        let wide = (controls as f64 * spacing).floor();
        let start = (wide / 2.0).floor() - (n / 2) as f64;
        let last = controls as i64 - 1;
        Self(
            (0..n)
                .map(|i| {
                    let at = (start + i as f64 + 0.5) * controls as f64 / wide - 0.5;
                    let low = at.floor();
                    let points = [-1, 0, 1, 2].map(|k| (low as i64 + k).clamp(0, last) as usize);
                    (points, [-1.0, 0.0, 1.0, 2.0].map(|k| cubic((at - low - k).abs())))
                })
                .collect(),
        )
    }
}

/// The weight of a point at a distance of 0 to 2: Keys' cubic convolution.
fn cubic(x: f64) -> f64 {
    let a = SHARPNESS;
    if x <= 1.0 { ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0 } else { ((x - 5.0) * x + 8.0) * x * a - 4.0 * a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gaussian_smooth_as;
    use revoxel_core::{Kind, Volume};

    fn recipe(magnitude: f64, smoothing: Smoothing) -> Recipe {
        Recipe { key: [7, 8, 9, 10], magnitude, smoothing }
    }

    #[test]
    fn as_many_control_points_as_monai_takes() {
        // create_control_grid of MONAI 1.6.1.
        for (n, spacing, expected) in [(24, 4.0, 10), (21, 5.0, 7), (7, 2.5, 7), (8, 20.0, 4), (1, 3.0, 3)] {
            assert_eq!(control_points(n, spacing), expected, "{n} {spacing}");
        }
    }

    #[test]
    fn weights_add_up_and_stay_within_the_points() {
        for (n, spacing) in [(24, 4.0), (21, 5.0), (7, 2.5), (9, 1.3), (1, 3.0), (8, 20.0)] {
            let controls = control_points(n, spacing);
            let axis = Axis::new(n, controls, spacing);
            assert_eq!(axis.0.len(), n);
            assert!(axis.0.iter().all(|(_, w)| (w.iter().sum::<f64>() - 1.0).abs() < 1e-12), "{n} {spacing}");
            assert!(axis.0.iter().flat_map(|(p, _)| p).all(|p| *p < controls));
        }
    }

    #[test]
    fn noise_is_smoothed_and_multiplied() {
        let shape = [13, 9, 7];
        let (field, steepness) = displacements(&recipe(2.0, Smoothing::Gaussian(1.5)), shape);
        let noise = Noise::new([7, 8, 9, 10]);
        for a in 0..3 {
            let values: Vec<f32> = (0..13 * 9 * 7).map(|i| noise.triple(i)[a] as f32).collect();
            let volume = Volume::new(values.into(), Grid::without_geometry(shape).unwrap(), Kind::Image, 1).unwrap();
            let smooth = gaussian_smooth_as(&volume, [1.5; 3], &Gaussian { truncate: 3.0, ..Gaussian::MONAI }).unwrap();
            let far = (0..13 * 9 * 7).map(|i| (smooth.voxels().get(i) * 2.0 - f64::from(field.along[a][i])).abs());
            assert!(far.fold(0.0, f64::max) < 1e-7);
        }
        assert_ne!(field.along[0], field.along[1]);
        assert!(steepness == field.steepness(0..7) && steepness > 0.0);
    }

    #[test]
    fn noise_is_reduced_from_the_magnitudes_that_the_manual_tells() {
        // Where displacements of two points differ by 0.9 of their distance, by sigma, in 128³ voxels.
        for (sigma, told) in [(3.0, 40.0), (5.0, 140.0), (7.0, 350.0)] {
            let (_, steepness) = displacements(&recipe(1.0, Smoothing::Gaussian(sigma)), [128; 3]);
            let magnitude = revoxel_core::warp::STEEPEST / steepness;
            println!("sigma {sigma}: from a magnitude of {magnitude:.1}");
            assert!((magnitude / told - 1.0).abs() < 0.15, "{sigma}: {magnitude}");
        }
    }

    #[test]
    fn control_points_move_all_slices_alike() {
        let grid = Grid::without_geometry([24, 21, 5]).unwrap();
        let warp = elastic(grid, recipe(0.6, Smoothing::Bicubic([6.0, 5.0]))).unwrap();
        let moved = |z: f64| warp.apply([7.3, 11.8, z]);
        let (top, bottom) = (moved(0.0), moved(4.0));
        assert_eq!((top[0], top[1]), (bottom[0], bottom[1]));
        assert_eq!((top[2], bottom[2]), (0.0, 4.0));
        assert!((top[0] - 7.3).abs() > 1e-3 && (top[1] - 11.8).abs() > 1e-3, "{top:?}");
    }
}
