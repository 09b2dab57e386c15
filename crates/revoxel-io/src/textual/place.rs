//! From steps along the axes of a file to an affine of three axes.

use revoxel_core::affine::norm;
use revoxel_core::{Affine, Grid};

use crate::Warning;

/// The affine of one to three steps (columns) and an origin. Missing steps belong to axes of one voxel; they become 1
/// mm, perpendicular to the others (for a space of two dimensions, along its third axis).
pub(crate) fn affine(steps: &[[f64; 3]], origin: [f64; 3], flat_space: bool) -> Affine {
    let mut columns = steps.to_vec();
    while columns.len() < 3 {
        columns.push(match (&columns[..], flat_space) {
            ([a], false) => unit(cross(*a, least_aligned(*a))),
            ([a], true) => unit([0.0 - a[1], a[0], 0.0]),
            ([a, b], false) => unit(cross(*a, *b)),
            _ => [0.0, 0.0, 1.0],
        });
    }
    let linear = [0, 1, 2].map(|row| [0, 1, 2].map(|axis| columns[axis][row]));
    Affine::from_linear(linear, origin)
}

/// Whether a grid of a 2-D file lies in the plane of a space of two dimensions, so that such a file can state its
/// position. `affine` is that of the file, in LPS. Such a file does not state the slice thickness.
pub(crate) fn in_flat_space(affine: &Affine) -> bool {
    let ([_, _, x], [_, _, y], [_, _, z]) = (affine.column(0), affine.column(1), affine.translation());
    let slice = affine.column(2);
    [x, y, z, slice[0], slice[1]].iter().all(|v| *v == 0.0)
}

/// The number of axes of a file: two for a 2-D grid that a space of two dimensions can hold, else three, with a
/// warning if the grid is 2-D.
pub(crate) fn axes_of(grid: &Grid, in_lps: &Affine) -> (usize, Vec<Warning>) {
    match (grid.is_planar(), in_flat_space(in_lps)) {
        (true, true) => (2, Vec::new()),
        (true, false) => (3, vec![Warning::ThirdAxis]),
        (false, _) => (3, Vec::new()),
    }
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// A vector scaled to length 1. A vector without a direction is not changed; later checks find it.
fn unit(v: [f64; 3]) -> [f64; 3] {
    let length = norm(v);
    if length > 0.0 { v.map(|x| x / length + 0.0) } else { v }
}

/// The negative unit vector of the axis along which a vector has its smallest component, so that the next axes of (1,
/// 0, 0) are (0, 1, 0) and (0, 0, 1).
fn least_aligned(v: [f64; 3]) -> [f64; 3] {
    let least = [2, 1, 0].into_iter().min_by(|a: &usize, b| v[*a].abs().total_cmp(&v[*b].abs())).unwrap_or(2);
    // z × x = y, so x × z = −y.
    [0, 1, 2].map(|axis| if axis == least { -1.0 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_steps() {
        let t = |steps: &[[f64; 3]], flat| affine(steps, [0.0; 3], flat);
        assert_eq!(t(&[[2., 0., 0.]], false), Affine::scaling([2., 1., 1.]));
        assert_eq!(t(&[[2., 0., 0.], [0., 3., 0.]], false), Affine::scaling([2., 3., 1.]));
        assert_eq!(t(&[[2., 0., 0.], [0., -3., 0.]], true), Affine::scaling([2., -3., 1.]));
        assert_eq!(t(&[[-2., 0., 0.]], true).column(2), [0., 0., 1.]);
        assert!(t(&[[0.3, -0.2, 0.9]], false).shear() < 1e-12);
    }
}
