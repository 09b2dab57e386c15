//! Distances between the surfaces of labels, in millimetres.
//!
//! A voxel of a label is on its surface where one of its face neighbours does not have the label, or lies outside of
//! the grid. Along an axis of one voxel there are no neighbours: the surface of a slice is its outline. The distance of
//! a surface voxel is that from its centre to the nearest centre of a surface voxel of the other map, through the
//! affine: exact on oblique, anisotropic and sheared grids.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::slice::ParallelSliceMut;
use revoxel_core::{Grid, Volume, dispatch, parallel};

use super::nearest::Nearest;
use crate::whole::LabelValue;

/// How far the surfaces of a label in two maps lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurfaceDistance {
    /// The Hausdorff distance: the largest distance of a surface voxel of either map, mm. Infinite where only one map
    /// has the label.
    pub hausdorff_mm: f64,
    /// The 95th percentile of the distances, mm: the larger one of the two directions, each interpolated linearly
    /// between neighbouring distances. Infinite where only one map has the label.
    pub hd95_mm: f64,
    /// The share of the surface voxels of both maps that lie within the tolerance of the other's surface. 0 where only
    /// one map has the label.
    pub surface_dice: f64,
}

impl SurfaceDistance {
    /// That of a label with the same voxels in both maps.
    pub const NONE: Self = Self { hausdorff_mm: 0.0, hd95_mm: 0.0, surface_dice: 1.0 };

    /// That of a label of one map only.
    pub const ONE_SIDED: Self = Self { hausdorff_mm: f64::INFINITY, hd95_mm: f64::INFINITY, surface_dice: 0.0 };
}

/// Spacings in files of single precision miss the intended one by less than this share, which is no reason for a
/// distance to lie beyond the tolerance.
const SINGLE_PRECISION: f64 = 1e-6;

/// The positions of the surface voxels of some labels (rising) in one channel, label by label, rising. `room` is how
/// many there may still be, of all calls; `None` where there are more.
pub(super) fn surfaces(volume: &Volume, channel: usize, wanted: &[i128], room: &AtomicU64) -> Option<Vec<Vec<usize>>> {
    let size = volume.grid().voxel_count();
    dispatch!(volume.voxels(), v => surfaces_in(&v[channel * size..][..size], volume.grid().shape(), wanted, room))
}

fn surfaces_in<T: LabelValue>(
    values: &[T],
    shape: [usize; 3],
    wanted: &[i128],
    room: &AtomicU64,
) -> Option<Vec<Vec<usize>>> {
    let [nx, ny, _] = shape;
    let strides = [1, nx, nx * ny];
    let label = |value: T| value.label().unwrap_or_default();
    let on_surface = |index: [usize; 3], position: usize, own: i128| {
        (0..3).filter(|axis| shape[*axis] > 1).any(|axis| {
            index[axis] == 0
                || index[axis] + 1 == shape[axis]
                || label(values[position - strides[axis]]) != own
                || label(values[position + strides[axis]]) != own
        })
    };
    let plane = |z: usize| {
        let mut found = vec![Vec::new(); wanted.len()];
        for y in 0..ny {
            // The label before, and its number among the wanted ones.
            let mut known = (0, None);
            let row = nx * (y + ny * z);
            for x in 0..nx {
                let own = label(values[row + x]);
                if own == 0 {
                    continue;
                }
                if own != known.0 {
                    known = (own, wanted.binary_search(&own).ok());
                }
                if let Some(number) = known.1
                    && on_surface([x, y, z], row + x, own)
                {
                    found[number].push(row + x);
                }
            }
        }
        let count = found.iter().map(|f| f.len() as u64).sum();
        let taken = room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(count));
        taken.is_ok().then_some(found).ok_or(())
    };
    let planes = parallel::try_map(0..shape[2], plane).ok();
    let mut all = vec![Vec::new(); wanted.len()];
    for plane in planes? {
        for (all, found) in all.iter_mut().zip(plane) {
            all.extend(found);
        }
    }
    Some(all)
}

/// The distance of two surfaces on one grid, by the positions of their voxels, rising.
pub(super) fn between(grid: &Grid, a: &[usize], b: &[usize], tolerance_mm: f64) -> SurfaceDistance {
    if a.is_empty() || b.is_empty() {
        return SurfaceDistance::ONE_SIDED;
    }
    let directions = [distances(grid, a, b), distances(grid, b, a)];
    let within = |d: &&f64| **d <= tolerance_mm * (1.0 + SINGLE_PRECISION);
    let near: usize = directions.iter().map(|d| d.iter().filter(within).count()).sum();
    let surface_dice = near as f64 / (a.len() + b.len()) as f64;
    let [forth, back] = directions.map(|mut d| {
        d.par_sort_unstable_by(f64::total_cmp);
        [percentile(&d, 1.0), percentile(&d, 0.95)]
    });
    SurfaceDistance { hausdorff_mm: forth[0].max(back[0]), hd95_mm: forth[1].max(back[1]), surface_dice }
}

/// The distance of every voxel of one surface to another, in no particular order.
fn distances(grid: &Grid, from: &[usize], to: &[usize]) -> Vec<f64> {
    const BLOCK: usize = 1 << 10;
    let [nx, ny, _] = grid.shape();
    // Without the origin, which takes digits from the distances.
    let place = |position: &usize| {
        let index = [position % nx, position / nx % ny, position / (nx * ny)];
        grid.affine().apply_vector(index.map(|i| i as f64))
    };
    let apart = only_in(from, to);
    let mut found = vec![0.0; from.len() - apart.len()];
    if apart.is_empty() {
        return found;
    }
    let tree = Nearest::new(to.iter().map(place).collect());
    let block = |block: &[usize]| {
        let mut near = 0;
        let distance = |position: &usize| {
            // The nearest of one is near to the nearest of the next.
            let (number, square) = tree.find(place(position), near);
            near = number;
            square.sqrt()
        };
        block.iter().map(distance).collect::<Vec<f64>>()
    };
    let blocks = parallel::map(apart.chunks(BLOCK), block);
    found.extend(blocks.into_iter().flatten());
    found
}

/// The positions of one list that another does not have; both are rising.
fn only_in(list: &[usize], other: &[usize]) -> Vec<usize> {
    let mut others = other.iter().peekable();
    let absent = |position: &usize| {
        while others.next_if(|o| *o < position).is_some() {}
        others.peek() != Some(&position)
    };
    list.iter().copied().filter(absent).collect()
}

/// A percentile of rising numbers, interpolated linearly between neighbours.
fn percentile(rising: &[f64], share: f64) -> f64 {
    let place = share * (rising.len() - 1) as f64;
    let low = place.floor() as usize;
    let high = (low + 1).min(rising.len() - 1);
    rising[low] + (rising[high] - rising[low]) * (place - low as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::affine::distance;
    use revoxel_core::testing::Draw;
    use revoxel_core::{Affine, Kind};

    fn map(grid: Grid, inside: &dyn Fn([usize; 3]) -> bool) -> Volume {
        let [nx, ny, nz] = grid.shape();
        let all = (0..nz).flat_map(|z| (0..ny).flat_map(move |y| (0..nx).map(move |x| [x, y, z])));
        Volume::new(all.map(|i| u8::from(inside(i))).collect::<Vec<_>>().into(), grid, Kind::Label, 1).unwrap()
    }

    fn surface(volume: &Volume) -> Vec<usize> {
        surfaces(volume, 0, &[1], &AtomicU64::new(u64::MAX)).unwrap().remove(0)
    }

    fn apart(a: &Volume, b: &Volume, tolerance: f64) -> SurfaceDistance {
        between(a.grid(), &surface(a), &surface(b), tolerance)
    }

    #[test]
    fn percentiles_are_interpolated_as_numpy_does() {
        assert_eq!(percentile(&[1.0, 2.0, 4.0], 0.95), 3.8);
        assert_eq!(percentile(&[7.0], 0.95), 7.0);
        assert_eq!(percentile(&[0.0, 1.0], 1.0), 1.0);
    }

    #[test]
    fn the_edge_of_the_grid_is_surface_and_a_slice_has_an_outline() {
        let full = map(Grid::without_geometry([4, 5, 6]).unwrap(), &|_| true);
        assert_eq!(surface(&full).len(), 120 - 2 * 3 * 4);
        let slice = map(Grid::without_geometry([4, 5, 1]).unwrap(), &|_| true);
        assert_eq!(surface(&slice).len(), 20 - 2 * 3);
        let one = map(Grid::without_geometry([1, 1, 1]).unwrap(), &|_| true);
        assert_eq!(surface(&one).len(), 0);
    }

    #[test]
    fn any_two_maps_on_any_grid_are_as_far_apart_as_a_look_at_all_pairs_says() {
        for seed in 0..40 {
            let mut draw = Draw::new(seed);
            let shape = [0; 3].map(|_| draw.int(2, 11) as usize);
            let grid = Grid::new(shape, draw.affine()).unwrap();
            let (p, q) = (draw.int(2, 6), draw.int(2, 6));
            let noise = |by: i64, salt: usize| {
                move |[x, y, z]: [usize; 3]| Draw::new((x + 17 * y + 289 * z + salt) as u64).int(0, by) == 0
            };
            let (mut a, mut b) = (map(grid, &noise(p, 0)), map(grid, &noise(q, 5000)));
            if seed % 3 == 0 {
                // Solid, and mostly the same.
                (a, b) = (map(grid, &|[x, ..]| x > 0), map(grid, &|[x, y, _]| x > 0 && y > 0));
            }
            let (on_a, on_b) = (surface(&a), surface(&b));
            if on_a.is_empty() || on_b.is_empty() {
                continue;
            }
            let world = |p: &usize| {
                let [nx, ny, _] = shape;
                grid.index_to_world([p % nx, p / nx % ny, p / (nx * ny)].map(|i| i as f64))
            };
            let direction = |from: &[usize], to: &[usize]| -> Vec<f64> {
                let near = |p: &usize| to.iter().map(|q| distance(world(p), world(q))).fold(f64::INFINITY, f64::min);
                let mut all: Vec<f64> = from.iter().map(near).collect();
                all.sort_by(f64::total_cmp);
                all
            };
            let (forth, back) = (direction(&on_a, &on_b), direction(&on_b, &on_a));
            let tolerance = draw.real(0.3, 4.0);
            let found = apart(&a, &b, tolerance);
            let near = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-9, "seed {seed}: {found:?}");
            near(found.hausdorff_mm, forth[forth.len() - 1].max(back[back.len() - 1]));
            near(found.hd95_mm, percentile(&forth, 0.95).max(percentile(&back, 0.95)));
            let inside = forth.iter().chain(&back).filter(|d| **d <= tolerance).count();
            near(found.surface_dice, inside as f64 / (forth.len() + back.len()) as f64);
        }
    }

    #[test]
    fn single_voxels_lie_as_far_apart_as_their_centres() {
        // Sheared by 30°: the spacings alone would say 5.
        let affine = Affine::from_rows([[2., 1., 0., 7.], [0., 3f64.sqrt(), 0., 8.], [0., 0., 1., 9.]]);
        let grid = Grid::new([6, 6, 2], affine).unwrap();
        let (a, b) = (map(grid, &|i| i == [1, 1, 0]), map(grid, &|i| i == [3, 4, 0]));
        let found = apart(&a, &b, 8.7);
        assert!((found.hausdorff_mm - 76f64.sqrt()).abs() < 1e-12, "{found:?}");
        assert!(found.hd95_mm == found.hausdorff_mm && found.surface_dice == 0.0);
        assert_eq!(apart(&a, &b, 76f64.sqrt()).surface_dice, 1.0);
    }

    #[test]
    fn a_spacing_of_single_precision_is_within_its_tolerance() {
        let grid = Grid::new([9, 2, 2], Affine::scaling([f64::from(0.1f32), 1.0, 1.0])).unwrap();
        let (a, b) = (map(grid, &|[x, ..]| x < 4), map(grid, &|[x, ..]| x < 5));
        assert_eq!(apart(&a, &b, 0.1).surface_dice, 1.0);
        assert!(apart(&a, &b, 0.0999).surface_dice < 1.0);
    }

    #[test]
    fn too_many_surface_voxels_are_not_gathered() {
        let full = map(Grid::without_geometry([4, 5, 6]).unwrap(), &|_| true);
        assert!(surfaces(&full, 0, &[1], &AtomicU64::new(95)).is_none());
        let room = AtomicU64::new(97);
        assert!(surfaces(&full, 0, &[1], &room).is_some());
        assert_eq!(room.into_inner(), 1);
    }

    #[test]
    fn spheres_and_boxes_are_as_far_apart_as_geometry_says() {
        let turn =
            |a: f64| Affine::from_linear([[a.cos(), -a.sin(), 0.], [a.sin(), a.cos(), 0.], [0., 0., 1.]], [0.; 3]);
        let tilt =
            |a: f64| Affine::from_linear([[1., 0., 0.], [0., a.cos(), -a.sin()], [0., a.sin(), a.cos()]], [0.; 3]);
        let shear = Affine::from_linear([[1., 0.25, -0.3], [0., 1., 0.4], [0., 0., 1.]], [0.; 3]);
        let spacing = Affine::scaling([0.5, 0.6, 0.8]);
        for linear in [spacing, turn(0.4).after(&tilt(-0.3)).after(&spacing), tilt(0.5).after(&shear).after(&spacing)] {
            let shape = [64, 60, 44];
            let middle = linear.apply_vector(shape.map(|n| (n as f64 - 1.0) / 2.0));
            let grid = Grid::new(shape, linear.with_translation(middle.map(|m| 3.0 - m))).unwrap();
            let world = move |i: [usize; 3]| grid.index_to_world(i.map(|i| i as f64));
            let ball = |centre: [f64; 3], radius: f64| map(grid, &move |i| distance(world(i), centre) <= radius);
            // Half the diagonal of a voxel, twice: each surface is off by at most so much.
            let off = shape.map(|_| 0.0);
            let reach =
                (0..8).map(|c| distance(linear.apply_vector([0, 1, 2].map(|a| f64::from(c >> a & 1) - 0.5)), off));
            let reach = 2.0 * reach.fold(0.0, f64::max);
            // Concentric: every point of either is as far from the other.
            let found = apart(&ball([3.0; 3], 6.0), &ball([3.0; 3], 9.0), 1.0);
            assert!((found.hd95_mm - 3.0).abs() < reach / 2.0 && found.surface_dice == 0.0, "{found:?}");
            // Moved: the farthest point lies on the line of the centres.
            let found = apart(&ball([3.0; 3], 7.0), &ball([5.0, 1.0, 4.0], 7.0), 3.0 + reach);
            assert!((found.hausdorff_mm - 3.0).abs() < reach / 2.0, "{found:?}");
            assert!(found.surface_dice == 1.0 && found.hd95_mm < found.hausdorff_mm, "{found:?}");
            // A box of the world, longer by 2.5 mm at one end.
            let slab = |end: f64| {
                map(grid, &move |i| {
                    (0..3).all(|a| world(i)[a] >= -1.0 && world(i)[a] <= if a == 0 { end } else { 6.0 })
                })
            };
            let found = apart(&slab(5.0), &slab(7.5), 0.9);
            assert!((found.hausdorff_mm - 2.5).abs() < reach / 2.0, "{found:?}");
        }
    }
}
