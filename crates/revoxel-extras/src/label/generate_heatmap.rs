//! The transform `generate_heatmap`.

use std::collections::BTreeMap;

use revoxel_core::{Dtype, Kind, ValueUndo, Volume, dispatch, parallel};
use revoxel_resample::integrated_weights;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::labels::{Labels, check, named};
use super::one_hot::MOST;
use super::runs::Runs;
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{RealVector, yes};
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{
    ApplyError, ChannelRule, NamedLabel, RefusedLabel, Transform, ValueState, ValueTraits, ValueTransform,
};
use revoxel_transforms::{Channels, LabelSet};

/// Makes a heatmap of each landmark.
///
/// # What it does
/// Landmarks are a label map: label `k` marks landmark `k`, so that it keeps its place through every step before. The
/// result is an image, float32, with one channel for each of `labels` in that order, or for each label from 1 to the
/// largest in the volume. A channel holds a Gaussian of `sigma` voxels or `sigma_mm` millimetres around the centre of
/// the label's voxels (their mean index, rounded half to even). The Gaussian is integrated over each voxel and ends
/// after `truncated` standard deviations; `normalize` divides it by its highest value. A missing label gives a channel
/// of zeros. Set `labels` if volumes of a dataset may lack the last label.
///
/// `revoxel convert POINTS --like SCAN -o landmarks.nii.gz` makes a label map of a file of points.
///
/// # YAML
/// ```yaml
/// generate_heatmap: { sigma_mm: 4, labels: [1, 2, 3] }
/// ```
/// ```yaml
/// generate_heatmap: { sigma: [2, 2, 1], normalize: false }
/// ```
///
/// # Inverse
/// The labels are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenerateHeatmap {
    /// Standard deviation in voxels, for all axes or by axis. Default without `sigma_mm`: 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sigma: Option<RealVector>,
    /// Standard deviation in millimetres, for all axes or by axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sigma_mm: Option<RealVector>,
    /// Number of standard deviations after which a heatmap is 0.
    #[serde(default = "four")]
    truncated: f64,
    /// Divide each channel by its highest value.
    #[serde(default = "yes")]
    normalize: bool,
    /// The landmarks, one channel each. Default: from 1 to the largest label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labels: Option<Labels>,
}

const fn four() -> f64 {
    4.0
}

impl Define for GenerateHeatmap {
    const NAME: &'static str = "generate_heatmap";
    const CLASS: Class = Class::Label;
    const PEERS: &'static [Peer] = &[Peer::monai("GenerateHeatmapd").same(&["sigma", "truncated", "normalize"]).notes(
        "Its landmarks are a list of indices, each rounded to a voxel. The grid is that of the label map; in \
         MONAI it is given (`ref_image_keys`, `spatial_shape`, `coordinate_space`). A landmark that \
         `visibility_keys` hide is a missing label here.",
    )];

    fn check(&self) -> Result<(), Invalid> {
        if self.sigma.is_some() && self.sigma_mm.is_some() {
            return Err(Invalid::new("sigma_mm", "give sigma (voxels) or sigma_mm, not both"));
        }
        let above = |value: f64| value.is_finite() && value > 0.0;
        for (field, sigma) in [("sigma", &self.sigma), ("sigma_mm", &self.sigma_mm)] {
            let Some(sigma) = sigma else { continue };
            if ![1, 3].contains(&sigma.0.len()) {
                let problem = format!("{} numbers: give one number, or three, one per axis", sigma.0.len());
                return Err(Invalid::new(field, problem));
            }
            if let Some(wrong) = sigma.0.iter().find(|s| !above(**s)) {
                return Err(Invalid::new(field, format!("{wrong} is not a standard deviation: give more than 0")));
            }
        }
        if !above(self.truncated) {
            return Err(Invalid::new("truncated", format!("{}: give more than 0", self.truncated)));
        }
        check("labels", self.labels.as_ref())?;
        match &self.labels {
            Some(labels) if labels.has(0.0) => Err(Invalid::new("labels", "0 is the background, not a landmark")),
            Some(Labels(labels)) if labels.len() > MOST => {
                Err(Invalid::new("labels", format!("{} labels: give at most {MOST}", labels.len())))
            }
            _ => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for GenerateHeatmap {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (grid, channels) = (*volume.grid(), volume.channels());
        if channels != 1 {
            let problem = "landmarks are the labels of one channel";
            return Err(ApplyError::ChannelCount { channels, problem });
        }
        let runs = dispatch!(volume.voxels(), v => Runs::of(v, grid.shape(), |label| label != 0.0));
        let middles = middles(&runs);
        let labels = match &self.labels {
            Some(labels) => labels.0.clone(),
            None => up_to_largest(&middles)?,
        };
        let spacing = grid.spacing();
        let sigma = match (&self.sigma, &self.sigma_mm) {
            (Some(voxels), _) => voxels.repeated(),
            (None, Some(mm)) => [0, 1, 2].map(|a| mm.repeated()[a] / spacing[a]),
            (None, None) => [5.0; 3],
        };
        // Across the slice of a 2-D volume there is nothing.
        let weights = [0, 1, 2].map(|a| match a < grid.axes() {
            true => integrated_weights(sigma[a], self.truncated, grid.shape()[a]),
            false => vec![1.0],
        });
        // The middle of a landmark is in the volume, so that the highest value is there.
        let scale = if self.normalize { 1.0 / (weights[0][0] * weights[1][0] * weights[2][0]) } else { 1.0 };
        let size = grid.voxel_count();
        let mut values = vec![0f32; size * labels.len()];
        for (label, channel) in labels.iter().zip(values.chunks_mut(size)) {
            let middle = middles.iter().find(|(there, _)| *there == *label as f64);
            if let Some((_, middle)) = middle {
                paint(channel, grid.shape(), *middle, &weights, scale);
            }
        }
        let undo = ValueUndo::Lost { reason: "generate_heatmap made heatmaps of labels".to_owned() };
        Ok((Volume::new(values.into(), grid, Kind::Image, labels.len())?, undo))
    }

    fn refuses(&self, labels: &LabelSet) -> Option<RefusedLabel> {
        let wrong = |label: &f64| *label < 0.0 || label.fract() != 0.0;
        let label = labels.iter().find(wrong).filter(|_| self.labels.is_none())?;
        Some(RefusedLabel { label, field: "labels", problem: NO_LANDMARK.to_owned() })
    }

    fn named_labels(&self) -> Vec<NamedLabel> {
        named("labels", self.labels.as_ref())
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits { channels: ChannelRule::One, ..ValueTraits::LOST }
    }

    fn after(&self, before: &ValueState) -> ValueState {
        let channels = self.labels.as_ref().map(|labels| Channels::all(labels.0.len()));
        ValueState { kind: Kind::Image, channels, ..before.changed_to(Dtype::F32) }
    }
}

/// The voxel in the middle of each label.
fn middles(runs: &Runs) -> Vec<(f64, [usize; 3])> {
    let mut sums: BTreeMap<u64, (f64, u64, [u128; 3])> = BTreeMap::new();
    for (line, ends) in runs.lines.windows(2).enumerate() {
        let (y, z) = (line % runs.shape[1], line / runs.shape[1]);
        for run in &runs.runs[ends[0]..ends[1]] {
            let (_, count, sum) = sums.entry(run.label.to_bits()).or_insert((run.label, 0, [0; 3]));
            let n = u128::from(run.voxels());
            *count += run.voxels();
            sum[0] += n * u128::from(run.start + run.end - 1) / 2;
            sum[1] += n * y as u128;
            sum[2] += n * z as u128;
        }
    }
    let middle = |(label, count, sum): (f64, u64, [u128; 3])| {
        (label, sum.map(|s| (s as f64 / count as f64).round_ties_even() as usize))
    };
    sums.into_values().map(middle).collect()
}

/// Why a label is none.
const NO_LANDMARK: &str = "landmarks are numbered from 1; list in labels which ones get a channel";

/// 1 to the largest label.
fn up_to_largest(middles: &[(f64, [usize; 3])]) -> Result<Vec<i64>, ApplyError> {
    let wrong = |label: f64, problem: &str| ApplyError::Label { label, problem: problem.to_owned() };
    if let Some((label, _)) = middles.iter().find(|(label, _)| *label < 0.0 || label.fract() != 0.0) {
        return Err(wrong(*label, NO_LANDMARK));
    }
    match middles.iter().map(|(label, _)| *label).fold(0.0, f64::max) {
        0.0 => Err(wrong(0.0, "there is no other, so there is no landmark; list in labels which ones get a channel")),
        largest if largest > MOST as f64 => {
            Err(wrong(largest, &format!("at most {MOST} channels are possible; list in labels which ones get one")))
        }
        largest => Ok((1..=largest as i64).collect()),
    }
}

/// The product of three profiles around a voxel, where none of them is 0.
fn paint(channel: &mut [f32], shape: [usize; 3], middle: [usize; 3], weights: &[Vec<f64>; 3], scale: f64) {
    let [nx, ny, _] = shape;
    let profile = |axis: usize| {
        let (at, reach) = (middle[axis], weights[axis].len() - 1);
        let first = at.saturating_sub(reach);
        let last = (at + reach).min(shape[axis] - 1);
        (first, (first..=last).map(|i| weights[axis][i.abs_diff(at)]).collect::<Vec<f64>>())
    };
    let [(x, along), (y, across), (z, up)] = [0, 1, 2].map(profile);
    let planes = channel[z * nx * ny..].chunks_mut(nx * ny).zip(&up);
    parallel::each(planes, |(plane, up)| {
        for (row, across) in plane.chunks_mut(nx).skip(y).zip(&across) {
            let factor = up * across * scale;
            row[x..].iter_mut().zip(&along).for_each(|(value, along)| *value = (factor * along) as f32);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Affine, Grid, Voxels};
    use serde_json::json;

    fn heatmaps(voxels: Voxels, grid: Grid, params: serde_json::Value) -> Result<Volume, ApplyError> {
        let step: GenerateHeatmap = serde_json::from_value(params).unwrap();
        step.apply(Volume::new(voxels, grid, Kind::Label, 1).unwrap()).map(|(volume, _)| volume)
    }

    /// Where a channel is highest.
    fn highest(volume: &Volume, channel: usize) -> [usize; 3] {
        let [nx, ny, nz] = volume.grid().shape();
        let all = (0..nx * ny * nz).map(|i| [i % nx, i / nx % ny, i / (nx * ny)]);
        all.max_by(|a, b| volume.value(*a, channel).total_cmp(&volume.value(*b, channel))).unwrap()
    }

    #[test]
    fn a_landmark_is_the_middle_of_its_voxels() {
        let grid = Grid::without_geometry([9, 8, 7]).unwrap();
        let mut labels = vec![0u8; grid.voxel_count()];
        let mut mark = |at: [usize; 3], label| labels[at[0] + 9 * (at[1] + 8 * at[2])] = label;
        // Means 2.5, 4.5 and 3: half to even.
        [[2, 4, 3], [3, 5, 3]].iter().for_each(|at| mark(*at, 1));
        // 3.5 is rounded up, 6 and 5 are whole.
        [[1, 6, 5], [2, 6, 5], [3, 6, 5], [8, 6, 5]].iter().for_each(|at| mark(*at, 4));
        let found = heatmaps(labels.clone().into(), grid, json!({ "sigma": 1 })).unwrap();
        assert_eq!((found.channels(), found.kind()), (4, Kind::Image));
        assert_eq!([highest(&found, 0), highest(&found, 3)], [[2, 4, 3], [4, 6, 5]]);
        assert!((0..2).all(|c| found.value([2, 4, 3], c + 1) == 0.0 && found.value([4, 6, 5], c + 1) == 0.0));
        assert_eq!(found.value([4, 6, 5], 3), 1.0);
        let chosen = heatmaps(labels.into(), grid, json!({ "sigma": 1, "labels": [4, 9, 1] })).unwrap();
        assert_eq!([highest(&chosen, 0), highest(&chosen, 2)], [[4, 6, 5], [2, 4, 3]]);
        assert_eq!(chosen.channels(), 3);
    }

    #[test]
    fn millimetres_are_divided_by_the_spacing() {
        let affine = Affine::from_rows([[0.0, -1.5, 0.0, 3.0], [0.8, 0.0, 0.0, 1.0], [0.0, 0.0, 3.0, 7.0]]);
        let grid = Grid::new([9, 8, 7], affine).unwrap();
        let mut labels = vec![0i16; grid.voxel_count()];
        labels[4 + 9 * (3 + 8 * 2)] = 1;
        let mm = heatmaps(labels.clone().into(), grid, json!({ "sigma_mm": [2, 3, 4.5] })).unwrap();
        let voxels = heatmaps(labels.into(), grid, json!({ "sigma": [2.5, 2, 1.5] })).unwrap();
        for i in 0..grid.voxel_count() {
            assert!((mm.voxels().get(i) - voxels.voxels().get(i)).abs() < 1e-6);
        }
    }

    #[test]
    fn maps_without_landmarks_are_refused() {
        let grid = Grid::without_geometry([2, 2, 1]).unwrap();
        let t = |voxels: Voxels, part: &str| {
            let error = heatmaps(voxels, grid, json!({})).unwrap_err().to_string();
            assert!(error.contains(part), "{error} lacks {part}");
        };
        t(vec![0u8; 4].into(), "there is no other, so there is no landmark");
        t(vec![0i8, 0, -1, 2].into(), "the label -1");
        t(vec![0.0f32, 0.5, 1.0, 1.0].into(), "the label 0.5");
        t(vec![0u32, 5000, 1, 1].into(), "at most 4096 channels");
        let step: GenerateHeatmap = serde_json::from_value(json!({})).unwrap();
        let two = Volume::new(vec![1u8, 0, 0, 0, 0, 0, 0, 2].into(), grid, Kind::Label, 2).unwrap();
        assert!(matches!(step.apply(two), Err(ApplyError::ChannelCount { channels: 2, .. })));
        // With named labels nothing has to be there.
        let none = heatmaps(vec![0u8; 4].into(), grid, json!({ "labels": 3 })).unwrap();
        assert_eq!(none.voxels().min_max(), Some((0.0, 0.0)));
    }
}
