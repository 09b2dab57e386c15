//! The transform `distance_transform_edt`.

use revoxel_core::{Dtype, Kind, ValueUndo, Volume, Voxel, dispatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::lines::for_each_line;
use revoxel_transforms::params::RealVector;
use revoxel_transforms::peers::{Peer, Program};
use revoxel_transforms::transform::{ApplyError, Transform, ValueState, ValueTraits, ValueTransform};

/// Measures the distance of each voxel from the background.
///
/// # What it does
/// Replaces each label by the distance of its voxel from the closest voxel that is 0; 0 stays 0. The result is an
/// image, float32. Distances are exact (Euclidean), in voxels or, with `sampling`, in its units: one number, or the
/// size of a voxel along each axis. `mm: true` takes the spacing of the volume. Each channel is treated separately.
///
/// # YAML
/// ```yaml
/// distance_transform_edt: { mm: true }
/// ```
/// ```yaml
/// distance_transform_edt: { sampling: [1, 1, 2.5] }
/// ```
///
/// # Inverse
/// The labels are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DistanceTransformEdt {
    /// Size of a voxel, for all axes or by axis. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sampling: Option<RealVector>,
    /// Measure in millimetres.
    #[serde(default)]
    mm: bool,
}

impl Define for DistanceTransformEdt {
    const NAME: &'static str = "distance_transform_edt";
    const CLASS: Class = Class::Label;
    const PEERS: &'static [Peer] = &[
        Peer::imported("DistanceTransformEDTd").same(&["sampling"]).notes(
            "It returns float64. For a volume without any background it returns meaningless numbers; here that \
             is an error. Its result loses the affine (it becomes the identity); here the grid stays.",
        ),
        Peer::new(Program::SciPy, "distance_transform_edt").same(&["sampling"]).notes(
            "It returns float64. For a volume without any background it returns meaningless numbers; here that \
             is an error.",
        ),
    ];
    const ONE_HOT: bool = true;

    fn check(&self) -> Result<(), Invalid> {
        let Some(sampling) = &self.sampling else { return Ok(()) };
        if self.mm {
            return Err(Invalid::new("mm", "give sampling or mm: true, not both"));
        }
        sampling.by_axis("sampling")?;
        match sampling.0.iter().find(|s| !(s.is_finite() && **s > 0.0)) {
            Some(wrong) => Err(Invalid::new("sampling", format!("{wrong} is not a size: give more than 0"))),
            None => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for DistanceTransformEdt {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (grid, channels) = (*volume.grid(), volume.channels());
        let size = match &self.sampling {
            Some(sampling) => sampling.repeated(),
            None if self.mm => grid.spacing(),
            None => [1.0; 3],
        };
        let far = |label: f64| if label == 0.0 { 0.0 } else { f64::INFINITY };
        let mut squares: Vec<f64> = dispatch!(volume.voxels(), v => v.iter().map(|x| far(x.to_f64())).collect());
        if let Some(channel) = squares.chunks(grid.voxel_count()).position(|c| c.iter().all(|s| *s > 0.0)) {
            return Err(ApplyError::NoBackground(channel));
        }
        for axis in 0..3 {
            let step = size[axis];
            for_each_line(&mut squares, grid.shape(), axis, Envelope::default, |envelope, line| {
                envelope.distances(line, step);
            });
        }
        let distances: Vec<f32> = squares.into_iter().map(|s| s.sqrt() as f32).collect();
        let undo = ValueUndo::Lost { reason: "distance_transform_edt made distances of labels".to_owned() };
        Ok((Volume::new(distances.into(), grid, Kind::Image, channels)?, undo))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits::LOST
    }

    fn after(&self, before: &ValueState) -> ValueState {
        ValueState { kind: Kind::Image, ..before.changed_to(Dtype::F32) }
    }
}

/// The parabolas of which the lower envelope of a line is made.
#[derive(Debug, Default)]
struct Envelope {
    /// Index and height of their lowest points.
    lowest: Vec<(f64, f64)>,
    /// From where on each of them is the lowest.
    starts: Vec<f64>,
}

impl Envelope {
    /// Replaces squared distances by the smallest of `(distance along the line)² + square` over the line.
    fn distances(&mut self, line: &mut [f64], step: f64) {
        self.lowest.clear();
        self.starts.clear();
        let weight = step * step;
        for (i, height) in line.iter().enumerate().filter(|(_, h)| h.is_finite()) {
            let at = i as f64;
            let mut start = f64::NEG_INFINITY;
            while let (Some((other, low)), Some(first)) = (self.lowest.last(), self.starts.last()) {
                // Where the two parabolas meet.
                let meet = (height - low + weight * (at * at - other * other)) / (2.0 * weight * (at - other));
                if meet > *first {
                    start = meet;
                    break;
                }
                self.lowest.pop();
                self.starts.pop();
            }
            self.lowest.push((at, *height));
            self.starts.push(start);
        }
        if self.lowest.is_empty() {
            return;
        }
        let mut piece = 0;
        for (i, value) in line.iter_mut().enumerate() {
            let at = i as f64;
            while self.starts.get(piece + 1).is_some_and(|start| *start <= at) {
                piece += 1;
            }
            let (lowest, height) = self.lowest[piece];
            *value = weight * (at - lowest) * (at - lowest) + height;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::testing::Draw;
    use revoxel_core::{Affine, Grid};

    fn distances(volume: Volume, params: serde_json::Value) -> Result<Volume, ApplyError> {
        let step: DistanceTransformEdt = serde_json::from_value(params).unwrap();
        step.apply(volume).map(|(volume, _)| volume)
    }

    #[test]
    fn distances_are_those_of_trying_all() {
        for seed in 0..20 {
            let mut draw = Draw::new(seed);
            let shape = [0; 3].map(|_| draw.int(1, 7) as usize);
            let size = [0; 3].map(|_| draw.real(0.3, 4.0));
            let grid = Grid::new(shape, Affine::scaling(size)).unwrap();
            let mut labels: Vec<u8> = (0..grid.voxel_count()).map(|_| u8::from(draw.int(0, 9) > 1)).collect();
            labels[0] = 0;
            let at = |i: usize| [i % shape[0], i / shape[0] % shape[1], i / (shape[0] * shape[1])];
            let apart = |i: usize, j: usize| {
                (0..3).map(|a| ((at(i)[a] as f64 - at(j)[a] as f64) * size[a]).powi(2)).sum::<f64>().sqrt()
            };
            let volume = Volume::new(labels.clone().into(), grid, Kind::Label, 1).unwrap();
            let found = distances(volume, serde_json::json!({ "mm": true })).unwrap();
            assert_eq!(found.kind(), Kind::Image);
            for i in 0..labels.len() {
                let background = (0..labels.len()).filter(|j| labels[*j] == 0);
                let expected = background.map(|j| apart(i, j)).fold(f64::INFINITY, f64::min);
                assert!((found.voxels().get(i) - expected).abs() < 1e-5 * expected.max(1.0), "seed {seed}, {i}");
            }
        }
    }

    #[test]
    fn without_background_there_is_no_distance() {
        let grid = Grid::without_geometry([2, 1, 1]).unwrap();
        let volume = Volume::new(vec![0u8, 1, 1, 1].into(), grid, Kind::Label, 2).unwrap();
        assert_eq!(distances(volume, serde_json::json!({})), Err(ApplyError::NoBackground(1)));
    }
}
