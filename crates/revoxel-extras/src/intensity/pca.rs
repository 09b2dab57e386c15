//! The transform `pca`.

use nalgebra::{DMatrix, SymmetricEigen};
use revoxel_core::{Dtype, ValueUndo, Volume, parallel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filter::floats;
use revoxel_transforms::Channels;
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::yes;
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{ApplyError, KnownShape, Transform, ValueState, ValueTraits, ValueTransform};

/// Reduces many channels to their principal components.
///
/// # What it does
/// Treats the values of all channels at a voxel as a point, and computes its coordinates along the `num_components`
/// directions in which the points of the volume vary most, largest variance first. So three channels can show an
/// embedding with hundreds. `whiten` gives each component the variance 1. `normalize` divides all components by the
/// standard deviation of the first. `make_skewness_positive` changes the sign of components with negative skewness;
/// without it, the channel with the largest part in a component has a positive part. Then `values_range` maps to 0 to 1
/// (`values_range: null` takes the volume's own range), and `clip` cuts off values beyond. The result is float32. A
/// direction without variance is 0.
///
/// # YAML
/// ```yaml
/// pca: { num_components: 3 }
/// ```
///
/// # Inverse
/// The other components are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pca {
    /// Number of channels of the result, from 1 to the number of channels of the volume.
    #[serde(default = "three")]
    num_components: usize,
    /// Give each component the variance 1.
    #[serde(default = "yes")]
    whiten: bool,
    /// Divide all components by the standard deviation of the first.
    #[serde(default = "yes")]
    normalize: bool,
    /// Change the sign of components with negative skewness.
    #[serde(default = "yes")]
    make_skewness_positive: bool,
    /// The values that become 0 and 1; null for the range of the components.
    #[serde(default = "most")]
    values_range: Option<[f64; 2]>,
    /// Cut off values below 0 and above 1.
    #[serde(default = "yes")]
    clip: bool,
}

const fn three() -> usize {
    3
}

#[allow(clippy::unnecessary_wraps, reason = "the type of the field")]
const fn most() -> Option<[f64; 2]> {
    Some([-2.3, 2.3])
}

impl Define for Pca {
    const NAME: &'static str = "pca";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::torchio("PCA")
        .same(&["num_components", "whiten", "normalize", "make_skewness_positive", "values_range", "clip"])
        .notes("Options of scikit-learn (`pca_kwargs`) are not supported: the decomposition is exact.")];

    fn check(&self) -> Result<(), Invalid> {
        if self.num_components == 0 {
            return Err(Invalid::new("num_components", "0 components: give 1 or more"));
        }
        match self.values_range {
            Some([low, high]) if !(low.is_finite() && high.is_finite() && low < high) => {
                let problem = format!("{low} is not below {high}: give the lowest and the highest value");
                Err(Invalid::new("values_range", problem))
            }
            _ => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for Pca {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        self.fits(&KnownShape::of(&volume))?;
        let (values, voxels) = (floats(&volume), volume.grid().voxel_count());
        let points = Points { values: &values, voxels };
        let means: Vec<f64> =
            values.chunks(voxels).map(|c| sum(c.len(), |i| f64::from(c[i])) / voxels as f64).collect();
        let directions = self.directions(points.covariance(&means));
        let mut components: Vec<Vec<f64>> = directions.iter().map(|d| points.along(d, &means)).collect();
        if self.normalize {
            let deviation = moment(&components[0], 2).sqrt();
            let factor = if deviation > 0.0 { 1.0 / deviation } else { 1.0 };
            components.iter_mut().flatten().for_each(|v| *v *= factor);
        }
        if self.make_skewness_positive {
            let negative = components.iter_mut().filter(|c| third(c) < 0.0);
            negative.flatten().for_each(|v| *v = -*v);
        }
        let own = || {
            let ends = components.iter().flatten().fold([f64::MAX, f64::MIN], |[a, b], v| [a.min(*v), b.max(*v)]);
            if ends[0] < ends[1] { ends } else { [ends[0], ends[0] + 1.0] }
        };
        let [low, high] = self.values_range.unwrap_or_else(own);
        let scaled = |v: &f64| {
            let share = (v - low) / (high - low);
            (if self.clip { share.clamp(0.0, 1.0) } else { share }) as f32
        };
        let result: Vec<f32> = components.iter().flatten().map(scaled).collect();
        let (grid, kind) = (*volume.grid(), volume.kind());
        let undo = ValueUndo::Lost { reason: "pca kept the first components only".to_owned() };
        Ok((Volume::new(result.into(), grid, kind, self.num_components)?, undo))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits::MIXED
    }

    fn after(&self, before: &ValueState) -> ValueState {
        ValueState { channels: Some(Channels::all(self.num_components)), ..before.changed_to(Dtype::F32) }
    }

    fn fits(&self, volume: &KnownShape) -> Result<(), ApplyError> {
        let Some(channels) = volume.channels else { return Ok(()) };
        if channels < self.num_components {
            let problem = "num_components must not be more than that";
            return Err(ApplyError::ChannelCount { channels, problem });
        }
        Ok(())
    }
}

impl Pca {
    /// The directions, as factors by channel.
    fn directions(&self, covariance: DMatrix<f64>) -> Vec<Vec<f64>> {
        let SymmetricEigen { eigenvectors, eigenvalues } = SymmetricEigen::new(covariance);
        let mut order: Vec<usize> = (0..eigenvalues.len()).collect();
        order.sort_by(|a, b| eigenvalues[*b].total_cmp(&eigenvalues[*a]).then(a.cmp(b)));
        // Less than this share of the largest variance is rounding.
        let least = eigenvalues.max() * 1e-12;
        let direction = |column: &usize| {
            let (variance, vector) = (eigenvalues[*column], eigenvectors.column(*column));
            let largest = vector.iter().fold(0.0f64, |a, b| if b.abs() > a.abs() { *b } else { a });
            let scale = match (variance > least.max(0.0), self.whiten) {
                (false, _) => 0.0,
                (true, true) => 1.0 / variance.sqrt(),
                (true, false) => 1.0,
            };
            vector.iter().map(|v| v * scale * largest.signum()).collect()
        };
        order.iter().take(self.num_components).map(direction).collect()
    }
}

/// Voxels in a block: sums go over fixed blocks, so that the number of threads does not change them.
const BLOCK: usize = 1 << 12;
/// Blocks at work together.
const TOGETHER: usize = 16;

/// The values of all channels, one channel after the other.
struct Points<'a> {
    values: &'a [f32],
    voxels: usize,
}

impl Points<'_> {
    /// What channels have to do with each other (ddof 1).
    fn covariance(&self, means: &[f64]) -> DMatrix<f64> {
        let channels = means.len();
        let blocks: Vec<usize> = (0..self.voxels.div_ceil(BLOCK)).collect();
        let mut total = DMatrix::zeros(channels, channels);
        for some in blocks.chunks(TOGETHER) {
            let products = parallel::map(some.iter(), |block| {
                let (start, end) = (block * BLOCK, ((block + 1) * BLOCK).min(self.voxels));
                let value = |c: usize, i: usize| f64::from(self.values[c * self.voxels + start + i]) - means[c];
                let points = DMatrix::from_fn(channels, end - start, value);
                &points * points.transpose()
            });
            products.into_iter().for_each(|product| total += product);
        }
        total / (self.voxels.max(2) - 1) as f64
    }

    /// The coordinate of every point.
    fn along(&self, direction: &[f64], means: &[f64]) -> Vec<f64> {
        let mut result = vec![0.0; self.voxels];
        parallel::each(result.chunks_mut(BLOCK).enumerate(), |(block, part)| {
            for (c, (factor, mean)) in direction.iter().zip(means).enumerate() {
                let from = &self.values[c * self.voxels + block * BLOCK..][..part.len()];
                part.iter_mut().zip(from).for_each(|(sum, v)| *sum += factor * (f64::from(*v) - mean));
            }
        });
        result
    }
}

/// A sum over fixed blocks.
fn sum(count: usize, value: impl Fn(usize) -> f64 + Sync) -> f64 {
    let block = |b: usize| (b * BLOCK..((b + 1) * BLOCK).min(count)).map(&value).sum::<f64>();
    parallel::map(0..count.div_ceil(BLOCK), block).into_iter().sum()
}

/// A central moment.
fn moment(values: &[f64], power: i32) -> f64 {
    let mean = sum(values.len(), |i| values[i]) / values.len() as f64;
    sum(values.len(), |i| (values[i] - mean).powi(power)) / values.len() as f64
}

/// What the sign of the skewness is; components have the mean 0 but for rounding.
fn third(values: &[f64]) -> f64 {
    sum(values.len(), |i| values[i].powi(3))
}

#[cfg(test)]
mod tests {
    use revoxel_core::{Grid, Kind};
    use serde_json::json;

    use super::*;

    fn pca(params: serde_json::Value, values: &[f32], channels: usize) -> Result<Vec<f64>, ApplyError> {
        let step: Pca = serde_json::from_value(params).unwrap();
        let grid = Grid::without_geometry([values.len() / channels, 1, 1]).unwrap();
        let volume = Volume::new(values.to_vec().into(), grid, Kind::Image, channels).unwrap();
        let result = step.apply(volume)?.0;
        Ok((0..result.voxels().len()).map(|i| result.voxels().get(i)).collect())
    }

    #[test]
    fn points_on_a_line_have_one_component() {
        // (0, 0), (2, 1), (4, 2), (10, 5): deviations from the mean are −4, −2, 0, 6 along (2, 1) / 2.
        let values = [0.0, 2.0, 4.0, 10.0, 0.0, 1.0, 2.0, 5.0];
        let plain =
            json!({ "num_components": 2, "whiten": false, "normalize": false, "clip": false, "values_range": [0, 1] });
        let found = pca(plain, &values, 2).unwrap();
        let unit = 5f64.sqrt() / 2.0;
        let expected = [-4.0 * unit, -2.0 * unit, 0.0, 6.0 * unit, 0.0, 0.0, 0.0, 0.0];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}");
        let own = pca(json!({ "num_components": 1, "values_range": null }), &values, 2).unwrap();
        assert!(own.iter().zip([0.0, 0.2, 0.4, 1.0]).all(|(a, b)| (a - b).abs() < 1e-6), "{own:?}");
    }

    #[test]
    fn a_volume_in_which_nothing_varies_stays_a_number() {
        let found = pca(json!({ "num_components": 2 }), &[3.0, 3.0, 3.0, 7.0, 7.0, 7.0], 2).unwrap();
        assert_eq!(found, [0.5; 6]);
        assert!(
            pca(json!({ "values_range": null, "num_components": 1 }), &[3.0; 4], 2).unwrap().iter().all(|v| *v == 0.0)
        );
        let error = pca(json!({}), &[1.0, 2.0, 3.0, 4.0], 2).unwrap_err().to_string();
        assert!(error.contains("2 channel(s)"), "{error}");
    }
}
