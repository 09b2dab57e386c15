//! Factors that change smoothly from voxel to voxel: exp of a polynomial in the voxel's position.

/// A field of factors exp(p), where p is a sum of products of Legendre polynomials Pi(x) Pj(y) Pk(z) with i + j + k up
/// to a degree. The position runs from −1 (first voxel) to 1 (last voxel) along each axis; a single voxel has position
/// −1.
#[derive(Clone, Debug, PartialEq)]
pub struct BiasField {
    degree: usize,
    coefficients: Vec<f64>,
}

impl BiasField {
    /// The highest degree that a field can have.
    pub const MAX_DEGREE: usize = 10;
    /// The limit of |p|, so that float32 holds every factor and its inverse.
    const MAX_LOG: f64 = 80.0;

    /// How many coefficients a degree has: (d + 1)(d + 2)(d + 3) / 6.
    pub const fn terms(degree: usize) -> usize {
        (degree + 1) * (degree + 2) * (degree + 3) / 6
    }

    /// The field of these coefficients, in the order of i, j and k, k fastest. `None` if the degree is not 1 to
    /// [`MAX_DEGREE`](Self::MAX_DEGREE), or the number of coefficients is not [`terms`](Self::terms).
    pub fn new(degree: usize, coefficients: Vec<f64>) -> Option<Self> {
        let fits = (1..=Self::MAX_DEGREE).contains(&degree) && coefficients.len() == Self::terms(degree);
        fits.then_some(Self { degree, coefficients })
    }

    /// The highest degree of a term.
    pub const fn degree(&self) -> usize {
        self.degree
    }

    /// The coefficients, in the order of i, j and k, k fastest.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// Whether values can be divided by the factors: Legendre polynomials stay between −1 and 1, so the sum of the
    /// coefficients limits p.
    pub fn can_be_undone(&self) -> bool {
        self.coefficients.iter().map(|c| c.abs()).sum::<f64>() <= Self::MAX_LOG
    }

    /// The field on the voxels of a shape.
    pub fn over(&self, shape: [usize; 3]) -> Factors {
        let [xs, ys, zs] =
            shape.map(|n| (0..n).map(|i| legendre(place(i, n), self.degree + 1)).collect::<Vec<Vec<f64>>>());
        Factors { field: self.clone(), xs, ys, zs }
    }
}

/// A field on the voxels of a shape, row by row.
#[derive(Clone, Debug)]
pub struct Factors {
    field: BiasField,
    /// The polynomials of each voxel along an axis.
    xs: Vec<Vec<f64>>,
    ys: Vec<Vec<f64>>,
    zs: Vec<Vec<f64>>,
}

impl Factors {
    /// The factors along axis 0 of a row; row numbers run along axis 1, then axis 2, and start again for each channel.
    pub fn row(&self, number: usize) -> impl Iterator<Item = f64> {
        let (y, z) = (number % self.ys.len(), number / self.ys.len() % self.zs.len());
        // A row has one polynomial in x.
        let mut row = vec![0.0; self.field.degree + 1];
        for ([i, j, k], c) in powers(self.field.degree).zip(&self.field.coefficients) {
            row[i] += c * self.ys[y][j] * self.zs[z][k];
        }
        self.xs.iter().map(move |x| libm::exp(row.iter().zip(x).map(|(c, l)| c * l).sum()))
    }
}

/// The degrees along the axes of each term, in the order of the coefficients.
fn powers(degree: usize) -> impl Iterator<Item = [usize; 3]> {
    (0..=degree).flat_map(move |i| (0..=degree - i).flat_map(move |j| (0..=degree - i - j).map(move |k| [i, j, k])))
}

/// The position of voxel `i` of `n` between −1 and 1; −1 for a single voxel.
fn place(i: usize, n: usize) -> f64 {
    if n < 2 { -1.0 } else { 2.0 * i as f64 / (n - 1) as f64 - 1.0 }
}

/// The first Legendre polynomials at a position.
fn legendre(x: f64, count: usize) -> Vec<f64> {
    let mut values = vec![1.0, x];
    for n in 1..count.max(2) - 1 {
        let (n, next) = (n as f64, values.len());
        values.push(((2.0 * n + 1.0) * x * values[next - 1] - n * values[next - 2]) / (n + 1.0));
    }
    values.truncate(count);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_monai_with_coefficients_of_their_own() {
        // RandBiasField._generate_random_field of MONAI 1.6.1: shape, degree, coefficients, index, field.
        fn t(shape: [usize; 3], degree: usize, coefficients: &[f64], index: [usize; 3], field: f64) {
            let factors = BiasField::new(degree, coefficients.to_vec()).unwrap().over(shape);
            let found = factors.row(index[1] + shape[1] * index[2]).nth(index[0]).unwrap().ln();
            assert!((found - field).abs() < 2e-7, "{index:?}: {found}, MONAI {field}");
        }
        let ten = [0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8, 0.9, -1.0];
        t([4, 3, 2], 2, &ten, [0, 0, 0], -0.7);
        t([4, 3, 2], 2, &ten, [1, 0, 0], 1.0333333174387611);
        t([4, 3, 2], 2, &ten, [3, 1, 0], 1.4);
        t([4, 3, 2], 2, &ten, [2, 2, 1], 0.2999999980131783);
        t([4, 3, 2], 2, &ten, [0, 1, 1], -0.4);
        t([4, 3, 2], 2, &ten, [1, 2, 0], -1.3666667004426323);
        let twenty: Vec<f64> = (0..20).map(|k| 0.01 * f64::from(k * k % 17)).collect();
        t([5, 4, 3], 3, &twenty, [3, 1, 2], 0.07129629632527074);
        t([5, 4, 3], 3, &twenty, [1, 3, 0], 0.045);
    }

    #[test]
    fn coefficients_are_as_many_as_the_degree_has() {
        for degree in 1..=BiasField::MAX_DEGREE {
            assert_eq!(powers(degree).count(), BiasField::terms(degree));
            assert!(BiasField::new(degree, vec![0.1; BiasField::terms(degree)]).is_some());
            assert!(BiasField::new(degree, vec![0.1; BiasField::terms(degree) - 1]).is_none());
        }
        assert!(BiasField::new(0, vec![0.1]).is_none() && BiasField::new(11, vec![0.1; 364]).is_none());
        assert!(BiasField::new(1, vec![20.0, -20.0, 20.0, 20.0]).unwrap().can_be_undone());
        assert!(!BiasField::new(1, vec![20.0, -20.0, 20.0, 20.1]).unwrap().can_be_undone());
    }
}
