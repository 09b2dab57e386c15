//! The transform `rand_bias_field`.

use revoxel_core::{ValueUndo, Volume, Voxel, dispatch, parallel};
use revoxel_resample::BiasField;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::random::{Drawn, Draws, RandomTransform, Range, Ranges, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::peers::{DTYPE, Peer};
use revoxel_transforms::transform::{ApplyError, Transform, ValueTransform};

/// Multiplies at random by a smooth field, as uneven coils do in MR.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step and all channels get the same field. Multiplies every voxel
/// by exp(p); the result is float32. p is a polynomial of at most `degree` in the voxel's position (−1 to 1 along each
/// axis): a sum of Legendre polynomials with coefficients drawn from `coeff_range`.
///
/// # YAML
/// ```yaml
/// rand_bias_field: { prob: 0.3, degree: 3, coeff_range: [0, 0.1] }
/// ```
///
/// # Inverse
/// Divides by the same field, made again from the coefficients in the trace. If later steps moved voxels, the field is
/// moved in the same way: exactly where voxels were copied, approximately where they were interpolated (the
/// interpolation of a product is only nearly the product of the interpolations). Lost if the coefficients add up to
/// more than 80, beyond what float32 holds.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandBiasField {
    /// Probability of the field, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Highest degree of the polynomial, 1 to 10.
    #[serde(default = "three")]
    degree: usize,
    /// Smallest and largest coefficient.
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
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[
        Peer::imported("RandBiasFieldd").same(&["prob", "degree", "coeff_range"]).ignored(&[DTYPE]),
        Peer::torchio("RandomBiasField").notes("It has powers instead of Legendre polynomials."),
    ];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        if !(1..=BiasField::MAX_DEGREE).contains(&self.degree) {
            return Err(Invalid::new("degree", format!("{} must be 1 to {}", self.degree, BiasField::MAX_DEGREE)));
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
        let coefficients: Vec<f64> = (0..BiasField::terms(self.degree)).map(|_| draws.uniform(low, high)).collect();
        let values = json!({ "coefficients": coefficients });
        BiasField::new(self.degree, coefficients)
            .map_or_else(Drawn::nothing, |field| Drawn::value(Biased(field), values))
    }
}

/// What was drawn.
#[derive(Debug)]
struct Biased(BiasField);

impl ValueTransform for Biased {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let Self(field) = self;
        let (shape, mut values) = (volume.grid().shape(), vec![0f32; volume.voxels().len()]);
        let factors = field.over(shape);
        dispatch!(volume.voxels(), v => {
            parallel::each_row(&mut values, shape[0], |line, out| {
                for ((out, value), factor) in out.iter_mut().zip(&v[line * shape[0]..]).zip(factors.row(line)) {
                    *out = (Voxel::to_f64(*value) * factor) as f32;
                }
            });
        });
        let undo = match field.can_be_undone() {
            true => ValueUndo::BiasField { degree: field.degree(), coefficients: field.coefficients().to_vec() },
            false => ValueUndo::Lost { reason: "rand_bias_field multiplied beyond what float32 holds".to_owned() },
        };
        Ok((volume.with_voxels(values.into())?, undo))
    }
}
