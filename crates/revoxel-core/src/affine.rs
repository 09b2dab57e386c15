//! The 4×4 map from voxel indices to world millimetres, or between two index spaces.

use nalgebra::{Matrix3, Vector3};

/// An affine map of 3-D points, kept in f64 as three rows of four numbers (the fourth row is always 0 0 0 1).
///
/// As the affine of a [`Grid`](crate::Grid) it takes a voxel index (i, j, k) to RAS+ millimetres. Shear and
/// mirroring are kept: nothing here assumes orthogonal columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    rows: [[f64; 4]; 3],
}

impl Affine {
    /// The identity map.
    pub const IDENTITY: Self = Self { rows: [[1., 0., 0., 0.], [0., 1., 0., 0.], [0., 0., 1., 0.]] };

    /// An affine from its first three rows.
    pub const fn from_rows(rows: [[f64; 4]; 3]) -> Self {
        Self { rows }
    }

    /// An affine from a 3×3 linear part (rows) and a translation.
    pub fn from_linear(linear: [[f64; 3]; 3], translation: [f64; 3]) -> Self {
        let row = |r: usize| [linear[r][0], linear[r][1], linear[r][2], translation[r]];
        Self { rows: [row(0), row(1), row(2)] }
    }

    /// An affine from voxel spacing (mm), direction (rows of a 3×3 matrix whose **columns** are the world
    /// directions of the axes) and origin (world position of index (0, 0, 0), mm).
    pub fn from_parts(spacing: [f64; 3], direction: [[f64; 3]; 3], origin: [f64; 3]) -> Self {
        let mut linear = direction;
        for row in &mut linear {
            for axis in 0..3 {
                row[axis] *= spacing[axis];
            }
        }
        Self::from_linear(linear, origin)
    }

    /// A translation by a vector.
    pub fn translation_by(vector: [f64; 3]) -> Self {
        Self::from_linear([[1., 0., 0.], [0., 1., 0.], [0., 0., 1.]], vector)
    }

    /// A diagonal scaling.
    pub fn scaling(factors: [f64; 3]) -> Self {
        Self::from_linear([[factors[0], 0., 0.], [0., factors[1], 0.], [0., 0., factors[2]]], [0.; 3])
    }

    /// The first three rows; the fourth is 0 0 0 1.
    pub const fn rows(&self) -> [[f64; 4]; 3] {
        self.rows
    }

    /// The 3×3 linear part, as rows.
    pub fn linear(&self) -> [[f64; 3]; 3] {
        self.rows.map(|r| [r[0], r[1], r[2]])
    }

    /// The translation: where index (0, 0, 0) goes.
    pub fn translation(&self) -> [f64; 3] {
        self.rows.map(|r| r[3])
    }

    /// Column `axis` of the linear part: the step in the target space for one index along that axis.
    pub fn column(&self, axis: usize) -> [f64; 3] {
        self.rows.map(|r| r[axis])
    }

    /// The same affine with another translation.
    pub fn with_translation(&self, translation: [f64; 3]) -> Self {
        Self::from_linear(self.linear(), translation)
    }

    /// The image of a point.
    #[inline]
    pub fn apply(&self, p: [f64; 3]) -> [f64; 3] {
        self.rows.map(|r| r[0] * p[0] + r[1] * p[1] + r[2] * p[2] + r[3])
    }

    /// The image of a difference of two points (no translation).
    #[inline]
    pub fn apply_vector(&self, v: [f64; 3]) -> [f64; 3] {
        self.rows.map(|r| r[0] * v[0] + r[1] * v[1] + r[2] * v[2])
    }

    /// The map that does `first` and then `self`.
    pub fn after(&self, first: &Self) -> Self {
        let columns = [0, 1, 2].map(|axis| self.apply_vector(first.column(axis)));
        let translation = self.apply(first.translation());
        let mut linear = [[0.0; 3]; 3];
        for (row, out) in linear.iter_mut().enumerate() {
            for axis in 0..3 {
                out[axis] = columns[axis][row];
            }
        }
        Self::from_linear(linear, translation)
    }

    /// The inverse map, or `None` if the linear part is singular to working precision.
    pub fn inverse(&self) -> Option<Self> {
        if !self.is_regular() {
            return None;
        }
        let inverse = self.matrix().try_inverse()?;
        let t = inverse * Vector3::from(self.translation());
        Some(Self::from_linear(rows_of(&inverse), [-t.x, -t.y, -t.z]))
    }

    /// The determinant of the linear part; its absolute value is the volume of one voxel in mm³.
    pub fn determinant(&self) -> f64 {
        self.matrix().determinant()
    }

    /// The distance between neighbouring voxel centres along each axis (column norms, mm).
    pub fn spacing(&self) -> [f64; 3] {
        [0, 1, 2].map(|axis| norm(self.column(axis)))
    }

    /// The world directions of the axes: unit **columns**, given as rows of the 3×3 matrix.
    pub fn direction(&self) -> [[f64; 3]; 3] {
        let spacing = self.spacing();
        let mut linear = self.linear();
        for row in &mut linear {
            for axis in 0..3 {
                row[axis] /= spacing[axis];
            }
        }
        linear
    }

    /// Whether every number is finite.
    pub fn is_finite(&self) -> bool {
        self.rows.iter().flatten().all(|v| v.is_finite())
    }

    /// Whether the linear part can be inverted: finite, no zero column, columns not in one plane. The bound of 1e-9
    /// applies to the volume of the unit columns, so voxels may be as anisotropic as they like.
    pub fn is_regular(&self) -> bool {
        let spacing = self.spacing();
        self.is_finite()
            && spacing.iter().all(|s| s.is_normal() && *s < 1e30)
            && (self.determinant() / (spacing[0] * spacing[1] * spacing[2])).abs() > 1e-9
    }

    /// The sine of the largest deviation of two axes from a right angle: 0 for an orthogonal affine.
    pub fn shear(&self) -> f64 {
        let d = self.direction();
        let dot = |a: usize, b: usize| (0..3).map(|r| d[r][a] * d[r][b]).sum::<f64>().abs();
        dot(0, 1).max(dot(0, 2)).max(dot(1, 2))
    }

    /// The rotation (or rotoreflection) closest to the direction, as rows: the polar factor. Equal to
    /// [`direction`](Self::direction) for an orthogonal affine.
    pub fn nearest_rotation(&self) -> [[f64; 3]; 3] {
        let d = self.direction();
        let svd = nalgebra::SVD::new(Matrix3::from_fn(|r, c| d[r][c]), true, true);
        match (svd.u, svd.v_t) {
            (Some(u), Some(v_t)) => rows_of(&(u * v_t)),
            _ => d,
        }
    }

    /// The largest absolute difference of two entries.
    pub fn max_abs_difference(&self, other: &Self) -> f64 {
        let pairs = self.rows.iter().flatten().zip(other.rows.iter().flatten());
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    fn matrix(&self) -> Matrix3<f64> {
        Matrix3::from_fn(|r, c| self.rows[r][c])
    }
}

/// The Euclidean length of a vector.
pub fn norm(v: [f64; 3]) -> f64 {
    (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt()
}

/// The Euclidean distance of two points.
pub fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    norm([a[0] - b[0], a[1] - b[1], a[2] - b[2]])
}

fn rows_of(m: &Matrix3<f64>) -> [[f64; 3]; 3] {
    [0, 1, 2].map(|r| [m[(r, 0)], m[(r, 1)], m[(r, 2)]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oblique() -> Affine {
        Affine::from_rows([[0.9, -0.2, 0.1, 10.], [0.3, 1.1, -0.4, -20.], [0.05, 0.2, 2.5, 30.]])
    }

    #[test]
    fn inverse_undoes() {
        let a = oblique();
        let back = a.inverse().unwrap().after(&a);
        assert!(back.max_abs_difference(&Affine::IDENTITY) < 1e-13);
        let p = [3., -4., 5.];
        assert!(distance(a.inverse().unwrap().apply(a.apply(p)), p) < 1e-12);
    }

    #[test]
    fn parts_come_back() {
        let direction = [[0., 1., 0.], [-1., 0., 0.], [0., 0., 1.]];
        let a = Affine::from_parts([2., 3., 4.], direction, [7., 8., 9.]);
        assert_eq!(a.spacing(), [2., 3., 4.]);
        assert_eq!(a.direction(), direction);
        assert_eq!(a.translation(), [7., 8., 9.]);
        assert_eq!(a.apply([1., 0., 0.]), [7., 6., 9.]);
    }

    #[test]
    fn singular_and_not_finite_have_no_inverse() {
        let flat = Affine::from_linear([[1., 1., 0.], [1., 1., 0.], [0., 0., 1.]], [0.; 3]);
        let zero = Affine::scaling([1., 0., 1.]);
        let nan = Affine::scaling([1., f64::NAN, 1.]);
        for a in [flat, zero, nan] {
            assert!(!a.is_regular() && a.inverse().is_none(), "{a:?}");
        }
        assert!(Affine::scaling([1e-6, 1., 1e6]).inverse().is_some());
    }

    #[test]
    fn rotation_of_a_sheared_affine_is_orthogonal() {
        let r = oblique().nearest_rotation();
        for a in 0..3 {
            for b in 0..3 {
                let dot: f64 = (0..3).map(|row| r[row][a] * r[row][b]).sum();
                assert!((dot - f64::from(u8::from(a == b))).abs() < 1e-12);
            }
        }
    }
}
