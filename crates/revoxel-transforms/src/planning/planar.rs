//! 2-D volumes: what a step is asked for is about the two axes of the plane, and the slice axis stays as it is.

use std::fmt::Display;

use revoxel_core::{Affine, Grid, GridOp, Orientation, SignedPermutation};

use crate::error::{ApplyError, PlanError};
use crate::params::Numbers;

/// How far from the plane of a 2-D volume its voxels may be sampled, in slices.
const IN_SLICE: f64 = 0.5 + 1e-6;

/// One number per axis; the last one is repeated, but never for the slice axis of a 2-D grid, which gets `kept`.
///
/// # Errors
/// Where a third number is given for a 2-D grid that does not keep its slice axis, as `keeps` says.
pub fn by_axis<T: Copy + Display>(
    field: &'static str,
    numbers: &Numbers<T>,
    grid: &Grid,
    kept: T,
    keeps: impl FnOnce(T) -> bool,
) -> Result<[T; 3], PlanError> {
    let [first, second, third] = numbers.repeated();
    match numbers.get(2) {
        _ if !grid.is_planar() => Ok([first, second, third]),
        None => Ok([first, second, kept]),
        Some(third) if keeps(third) => Ok([first, second, third]),
        Some(third) => {
            Err(two_axes(field, format!("{third} for a third axis: give two numbers, or one for both axes")))
        }
    }
}

/// A size by axis, where 0 or less keeps an axis; the slice axis of a 2-D grid is kept.
pub fn sizes(field: &'static str, size: &Numbers<i64>, grid: &Grid) -> Result<[i64; 3], PlanError> {
    by_axis(field, size, grid, 0, |n| n <= 1)
}

/// A size by axis as a shape, where it says how long each axis is; the slice axis of a 2-D grid is one voxel.
pub fn all_given(size: [i64; 3], grid: &Grid) -> Option<[usize; 3]> {
    let size = [0, 1, 2].map(|a| if a == grid.axes() { 1 } else { size[a] });
    size.iter().all(|n| *n > 0).then(|| size.map(|n| n as usize))
}

/// The error of a parameter that is about three axes.
pub const fn two_axes(field: &'static str, problem: String) -> PlanError {
    PlanError::TwoAxes { field, problem }
}

/// An axis of a grid by number; negative numbers count from its last one.
pub fn axis(field: &'static str, number: i64, grid: &Grid) -> Result<usize, PlanError> {
    let axes = grid.axes() as i64;
    let positive = if number < 0 { number + axes } else { number };
    let found = usize::try_from(positive).ok().filter(|a| *a < grid.axes());
    found.ok_or_else(|| two_axes(field, format!("{number} is not one of its axes: use 0 or 1 (or -1 for the last)")))
}

/// [`axis`] for a change of values.
pub fn axis_of(field: &'static str, number: i64, grid: &Grid) -> Result<usize, ApplyError> {
    axis(field, number, grid).map_err(|_| ApplyError::TwoAxes { field, axis: number })
}

/// The grid after a step on `from`: 2-D where `from` is.
///
/// # Errors
/// Where `from` is 2-D and the step would leave its plane or make several slices of it.
pub fn in_plane(from: &Grid, to: Grid) -> Result<Grid, PlanError> {
    if !from.is_planar() {
        return Ok(to);
    }
    let shape = to.shape();
    if shape[2] != 1 {
        return Err(PlanError::Slices { shape });
    }
    let map = to.index_map_to(from);
    let last = |axis: usize| shape[axis] as f64 - 1.0;
    let corners = [[0.0; 3], [last(0), 0.0, 0.0], [0.0, last(1), 0.0], [last(0), last(1), 0.0]];
    let farthest = corners.into_iter().map(|c| map.apply(c)[2].abs()).fold(0.0, f64::max);
    if farthest > IN_SLICE {
        let normal = from.world_to_index().linear()[2];
        return Err(PlanError::OutOfPlane { mm: farthest / revoxel_core::affine::norm(normal) });
    }
    Ok(to.planar())
}

/// The op that turns a grid to an orientation; none where it has it.
///
/// # Errors
/// Where the grid is 2-D and its slice axis would become an axis of the plane.
pub fn turned(grid: &Grid, turn: SignedPermutation, to: &Orientation) -> Result<Vec<GridOp>, PlanError> {
    if grid.is_planar() && turn.source(2) != 2 {
        return Err(PlanError::TurnsPlane { from: grid.orientation(), to: *to });
    }
    Ok(if turn.is_identity() { Vec::new() } else { vec![GridOp::Reorient(turn)] })
}

/// Refuses to bend a 2-D volume by the field of a first input that is not 2-D: it would leave the plane.
pub fn same_plane(grid: &Grid, first: &Grid) -> Result<(), PlanError> {
    if grid.is_planar() && !first.is_planar() {
        let problem = "it bends like the first input of the step, which is not 2-D: give it its own step";
        return Err(two_axes("keys", problem.to_owned()));
    }
    Ok(())
}

/// The rotation (radians) within the plane of a grid, about its normal: seen from the end of the normal that points to
/// R, A or S, counterclockwise.
pub fn turn_in_plane(grid: &Grid, angle: f64) -> Affine {
    let ([a0, a1, a2], [b0, b1, b2]) = (grid.affine().column(0), grid.affine().column(1));
    let cross = [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0];
    let largest = cross.iter().fold(0.0f64, |most, v| if v.abs() > most.abs() { *v } else { most });
    let length = revoxel_core::affine::norm(cross).copysign(largest);
    let [x, y, z] = cross.map(|v| v / length);
    let (sin, cos) = libm::sincos(angle);
    let rest = 1.0 - cos;
    Affine::from_linear(
        [
            [cos + x * x * rest, x * y * rest - z * sin, x * z * rest + y * sin],
            [y * x * rest + z * sin, cos + y * y * rest, y * z * rest - x * sin],
            [z * x * rest - y * sin, z * y * rest + x * sin, cos + z * z * rest],
        ],
        [0.0; 3],
    )
}

/// Takes from displacements in the world what leads out of the plane of a 2-D grid.
pub fn stay_in_plane(displacements: &mut [[f64; 3]], grid: &Grid) {
    let normal = grid.world_to_index().linear()[2];
    let dot = |a: &[f64; 3], b: &[f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let square = dot(&normal, &normal);
    for d in displacements {
        let out = dot(d, &normal) / square;
        *d = [0, 1, 2].map(|a| d[a] - out * normal[a]);
    }
}

/// A map with the slice axis of a grid as its last column.
pub fn with_slice_axis(map: &Affine, grid: &Grid) -> Affine {
    let (mut linear, slice) = (map.linear(), grid.affine().column(2));
    (0..3).for_each(|row| linear[row][2] = slice[row]);
    Affine::from_linear(linear, map.translation())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat() -> Grid {
        let affine = Affine::from_rows([[0.0, -0.9, 0.5, 7.0], [1.1, 0.0, 0.3, -3.0], [0.0, 0.2, 5.0, 11.0]]);
        Grid::new([24, 20, 1], affine).unwrap().planar()
    }

    #[test]
    fn the_slice_axis_gets_no_repeated_number() {
        let grid = flat();
        let solid = Grid::without_geometry([24, 20, 1]).unwrap();
        let t = |numbers: &[i64], grid: &Grid| sizes("spatial_size", &Numbers(numbers.to_vec()), grid);
        assert_eq!(t(&[9], &grid), Ok([9, 9, 0]));
        assert_eq!(t(&[9, 8], &grid), Ok([9, 8, 0]));
        assert_eq!(t(&[9, 8, 1], &grid), Ok([9, 8, 1]));
        assert_eq!(t(&[9, 8], &solid), Ok([9, 8, 8]));
        let error = t(&[9, 8, 7], &grid).unwrap_err().to_string();
        assert!(error.starts_with("spatial_size: 7 for a third axis") && error.contains("2-D"), "{error}");
    }

    #[test]
    fn negative_axes_count_from_the_last_of_two() {
        let (grid, solid) = (flat(), Grid::without_geometry([3; 3]).unwrap());
        let t = |number, grid: &Grid| axis("spatial_axis", number, grid).ok();
        assert_eq!([-3, -2, -1, 0, 1, 2].map(|n| t(n, &grid)), [None, Some(0), Some(1), Some(0), Some(1), None]);
        assert_eq!([-1, 2].map(|n| t(n, &solid)), [Some(2), Some(2)]);
    }

    #[test]
    fn what_leaves_the_plane_is_refused() {
        let grid = flat();
        assert!(in_plane(&grid, grid).unwrap().is_planar());
        let turned = |angle: f64| {
            let linear = turn_in_plane(&grid, angle).after(&grid.affine().with_translation([0.0; 3]));
            Grid::new(grid.shape(), linear.with_translation(grid.origin())).unwrap()
        };
        assert!(in_plane(&grid, turned(0.7)).unwrap().is_planar());
        let moved = |mm: f64| {
            let [x, y, z] = grid.origin();
            Grid::new(grid.shape(), grid.affine().with_translation([x, y, z + mm])).unwrap()
        };
        assert!(in_plane(&grid, moved(1.0)).is_ok());
        assert!(matches!(in_plane(&grid, moved(9.0)), Err(PlanError::OutOfPlane { mm }) if (8.0..9.0).contains(&mm)));
        let thick = Grid::new([24, 20, 3], *grid.affine()).unwrap();
        assert!(matches!(in_plane(&grid, thick), Err(PlanError::Slices { .. })));
        assert!(!in_plane(&thick, grid).unwrap_or(thick).shape().contains(&0));
    }

    #[test]
    fn the_normal_points_to_the_head_whichever_way_the_slice_does() {
        for third in [5.0, -5.0] {
            let grid = Grid::new([4, 3, 1], Affine::scaling([-1.0, 2.0, third])).unwrap().planar();
            let p = turn_in_plane(&grid, std::f64::consts::FRAC_PI_2).apply([1.0, 0.0, 0.0]);
            assert!((p[1] - 1.0).abs() < 1e-15 && p[0].abs() < 1e-15 && p[2] == 0.0, "{p:?}");
        }
    }
}
