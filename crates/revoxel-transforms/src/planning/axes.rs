//! Grids with other axes: turned, moved, made orthogonal.

use std::f64::consts::PI;

use revoxel_core::{Affine, Grid, GridError};

use crate::error::Invalid;
use crate::params::RealVector;

/// The order in which angles are applied unless a step says otherwise.
pub const ORDER: &str = "XYZ";

/// Whether three letters are an order of rotations: each one of x, y, z, no neighbour twice, all of one case.
pub fn check_order(order: &str) -> Result<(), Invalid> {
    let letters = order.as_bytes();
    let known = letters.iter().all(|l| b"xyz".contains(l)) || letters.iter().all(|l| b"XYZ".contains(l));
    if letters.len() == 3 && known && letters[0] != letters[1] && letters[1] != letters[2] {
        return Ok(());
    }
    Err(Invalid::new(
        "rotate_order",
        format!("{order:?} is not an order of rotations: use three of X, Y, Z (about rotated axes) or of x, y, z"),
    ))
}

/// Angles given in radians or in degrees, in radians; `None` where neither is given.
pub fn angles(radians: Option<&RealVector>, degrees: Option<&RealVector>) -> Option<Vec<f64>> {
    radians.map(|r| r.0.clone()).or_else(|| degrees.map(|d| d.0.iter().map(|v| v * PI / 180.0).collect()))
}

/// A rotation made of angles (radians) about axes named by `order`: capitals turn about the axes as already turned,
/// small letters about the fixed ones. Missing angles are 0.
pub fn rotation(order: &str, angles: &[f64]) -> Affine {
    order.bytes().zip(angles).fold(Affine::IDENTITY, |turned, (letter, angle)| {
        let axis = usize::from(letter.to_ascii_lowercase() - b'x');
        let (a, b) = ((axis + 1) % 3, (axis + 2) % 3);
        // Angles may have been drawn, and a draw is the same on every machine.
        let (sin, cos) = libm::sincos(*angle);
        let mut linear = [[0.0; 3]; 3];
        linear[axis][axis] = 1.0;
        (linear[a][a], linear[a][b], linear[b][a], linear[b][b]) = (cos, -sin, sin, cos);
        let next = Affine::from_linear(linear, [0.0; 3]);
        if letter.is_ascii_uppercase() { turned.after(&next) } else { next.after(&turned) }
    })
}

/// The map of indices that does `map` about the middles of two shapes: from indices of `to` to indices of `from`.
pub fn about_middles(map: &Affine, from: [usize; 3], to: [usize; 3]) -> Affine {
    let (here, there) = (middle(from), map.apply(middle(to).map(|c| -c)));
    map.with_translation([0, 1, 2].map(|a| here[a] + there[a]))
}

/// The index in the middle of a shape.
pub fn middle(shape: [usize; 3]) -> [f64; 3] {
    shape.map(|n| (n as f64 - 1.0) / 2.0)
}

/// The shape that holds a box of `shape` voxels when its corners are taken through the linear part of a map.
pub fn enclosing(shape: [f64; 3], map: &Affine) -> [usize; 3] {
    let corners: [[f64; 3]; 8] = std::array::from_fn(|bits| {
        map.apply_vector([0, 1, 2].map(|a| if bits >> a & 1 == 0 { 0.0 } else { shape[a] }))
    });
    let (low, high) = revoxel_core::grid::bounds_of(&corners);
    [0, 1, 2].map(|a| (high[a] - low[a] + 0.5) as usize)
}

/// The grid with given axes that holds the corner voxels' centres. The corner that comes first along all axes is
/// its first voxel; where there is no such corner, the middles agree: (n − `end`) / 2 of both grids.
pub fn around_corners(grid: &Grid, axes: Affine, end: f64) -> Result<Grid, GridError> {
    let inverse = axes.inverse().unwrap_or(Affine::IDENTITY);
    let corners = grid.corner_centres();
    let places = corners.map(|c| inverse.apply(c));
    let (low, high) = revoxel_core::grid::bounds_of(&places);
    let shape = [0, 1, 2].map(|a| (high[a] - low[a] + 1.0).round_ties_even() as usize);
    let first = places.iter().position(|p| (0..3).all(|a| p[a] - low[a] < 1e-8));
    let origin = first.map_or_else(
        || {
            let middle = |shape: [usize; 3]| shape.map(|n| (n as f64 - end) / 2.0);
            let (here, there) = (grid.index_to_world(middle(grid.shape())), axes.apply_vector(middle(shape)));
            [0, 1, 2].map(|a| here[a] - there[a])
        },
        |corner| corners[corner],
    );
    Grid::new(shape, axes.with_translation(origin))
}

/// Orthogonal axes with given spacing: the first keeps its direction, the second its plane with the first.
pub fn orthogonal(affine: &Affine, spacing: [f64; 3]) -> Affine {
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let mut axes: Vec<[f64; 3]> = Vec::new();
    for axis in 0..3 {
        let mut column = affine.column(axis);
        for done in &axes {
            let along = dot(column, *done);
            column = [0, 1, 2].map(|r| column[r] - along * done[r]);
        }
        let length = revoxel_core::affine::norm(column);
        axes.push(column.map(|v| v / length));
    }
    let direction = [0, 1, 2].map(|row| [axes[0][row], axes[1][row], axes[2][row]]);
    Affine::from_parts(spacing, direction, [0.0; 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_of_rotations() {
        assert!(["XYZ", "zyx", "XZX"].iter().all(|o| check_order(o).is_ok()));
        assert!(["XY", "XXY", "XyZ", "ABC", "", "é"].iter().all(|o| check_order(o).is_err()));
        // A quarter about z takes x to y; capitals then turn about the axis that x has become.
        let t = |order, expected: [f64; 3]| {
            let p = rotation(order, &[PI / 2.0, PI / 2.0, 0.0]).apply([0.0, 0.0, 1.0]);
            assert!((0..3).all(|a| (p[a] - expected[a]).abs() < 1e-12), "{order}: {p:?}");
        };
        t("ZXY", [1.0, 0.0, 0.0]);
        t("zxy", [0.0, -1.0, 0.0]);
    }

    #[test]
    fn deshear_gives_orthogonal_axes_around_the_volume() {
        let tilt = Affine::from_rows([[0.5, 0., 0., 0.], [0., 0.5, 1.0, 0.], [0., 0., 3.0, 0.]]);
        let grid = Grid::new([20, 20, 10], tilt).unwrap();
        let after = around_corners(&grid, orthogonal(&tilt, [0.5, 0.5, 3.0]), 1.0).unwrap();
        assert!(after.affine().shear() < 1e-15);
        let (low, high) = after.bounds();
        assert!(low[1] <= 0.0 && high[1] >= 18.5 && low[2] <= 0.0 && high[2] >= 27.0, "{low:?} {high:?}");
    }
}
