//! Multiplies by a smooth field, as uneven coils do in MR, sometimes.
//!
//! # What it does
//! With the probability `prob`, multiplies every voxel by exp(p), as float32, where p is a polynomial of at most
//! `degree` in the voxel's place (−1 to 1 along each axis): a sum of Legendre polynomials whose coefficients are
//! drawn from `coeff_range`. The inputs of a step and all channels get the same field.
//!
//! # YAML
//! ```yaml
//! rand_bias_field: { prob: 0.3, degree: 3, coeff_range: [0, 0.1] }
//! ```
//!
//! # Inverse
//! Lost: the factors differ from voxel to voxel.
//!
//! # Same as
//! MONAI `RandBiasFieldd(prob, degree, coeff_range)`. TorchIO `RandomBiasField` has powers instead of Legendre
//! polynomials.

use rayon::prelude::*;
use revoxel_core::{ValueUndo, Volume, Voxel, dispatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::definition::{Class, Define, Invalid};
use crate::random::{Drawn, Draws, RandomTransform, Range, Ranges, probability, tenth};
use crate::transform::{ApplyError, Transform, ValueTransform};

/// Parameters of `rand_bias_field`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandBiasField {
    /// How likely the field is, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// The highest degree of the polynomial, 1 to 10.
    #[serde(default = "three")]
    degree: usize,
    /// The smallest and the largest coefficient.
    #[serde(default = "narrow")]
    coeff_range: [f64; 2],
}

const fn three() -> usize {
    3
}

const fn narrow() -> [f64; 2] {
    [0.0, 0.1]
}

impl Define for RandBiasField {
    const NAME: &'static str = "rand_bias_field";
    const SOURCE: &'static str = include_str!("rand_bias_field.rs");
    const CLASS: Class = Class::Intensity;

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        if !(1..=10).contains(&self.degree) {
            return Err(Invalid::new("degree", format!("{} must be 1 to 10", self.degree)));
        }
        Ranges(vec![Range::Between(self.coeff_range)]).check("coeff_range", 1, -100.0, 100.0)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandBiasField {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let (low, high) = Range::Between(self.coeff_range).bounds();
        let coefficients: Vec<f64> = powers(self.degree).map(|_| draws.uniform(low, high)).collect();
        let values = json!({ "coefficients": coefficients });
        Drawn::value(Biased { degree: self.degree, coefficients }, values)
    }
}

/// The degrees along the axes of each term, in the order of the coefficients.
fn powers(degree: usize) -> impl Iterator<Item = [usize; 3]> {
    (0..=degree).flat_map(move |i| (0..=degree - i).flat_map(move |j| (0..=degree - i - j).map(move |k| [i, j, k])))
}

/// What was drawn.
#[derive(Debug)]
pub(super) struct Biased {
    degree: usize,
    coefficients: Vec<f64>,
}

impl ValueTransform for Biased {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let [nx, ny, nz] = volume.grid().shape();
        let terms = self.degree + 1;
        let [xs, ys, zs] = [nx, ny, nz].map(|n| (0..n).map(|i| legendre(place(i, n), terms)).collect::<Vec<_>>());
        // A row has one polynomial in x.
        let row_of = |y: usize, z: usize| {
            let mut row = vec![0.0; terms];
            for ([i, j, k], c) in powers(self.degree).zip(&self.coefficients) {
                row[i] += c * ys[y][j] * zs[z][k];
            }
            row
        };
        let mut values = vec![0f32; volume.voxels().len()];
        dispatch!(volume.voxels(), v => {
            values.par_chunks_mut(nx).zip(v.par_chunks(nx)).enumerate().for_each(|(line, (out, source))| {
                let row = row_of(line % ny, line / ny % nz);
                for ((out, value), x) in out.iter_mut().zip(source).zip(&xs) {
                    let p: f64 = row.iter().zip(x).map(|(c, l)| c * l).sum();
                    *out = (Voxel::to_f64(*value) * libm::exp(p)) as f32;
                }
            });
        });
        let reason = "rand_bias_field multiplied by a field".to_owned();
        Ok((volume.with_voxels(values.into())?, ValueUndo::Lost { reason }))
    }
}

/// The place of voxel `i` of `n` between −1 and 1; −1 for a single one.
fn place(i: usize, n: usize) -> f64 {
    if n < 2 { -1.0 } else { 2.0 * i as f64 / (n - 1) as f64 - 1.0 }
}

/// The first Legendre polynomials at a place.
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
    use revoxel_core::{Grid, Kind};

    use super::*;

    #[test]
    fn fields_of_monai_with_coefficients_of_their_own() {
        // RandBiasField._generate_random_field of MONAI 1.6.1: shape, degree, coefficients, index, field.
        fn t(shape: [usize; 3], degree: usize, coefficients: &[f64], index: [usize; 3], field: f64) {
            let count = shape.iter().product();
            let volume = Volume::new(vec![1f32; count].into(), Grid::without_geometry(shape).unwrap(), Kind::Image, 1);
            let biased = Biased { degree, coefficients: coefficients.to_vec() };
            let (result, _) = biased.apply(volume.unwrap()).unwrap();
            let value = result.voxels().get(index[0] + shape[0] * (index[1] + shape[1] * index[2]));
            assert!((value.ln() - field).abs() < 2e-7, "{index:?}: {}, MONAI {field}", value.ln());
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
}
