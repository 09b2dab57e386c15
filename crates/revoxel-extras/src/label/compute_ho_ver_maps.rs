//! The transform `compute_ho_ver_maps`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use revoxel_core::{Dtype, Kind, ValueUndo, Volume, Voxel, dispatch, parallel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use revoxel_transforms::definition::{Class, Define};
use revoxel_transforms::peers::Argument::Fixed;
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{
    ApplyError, ChannelRule, RefusedLabel, Transform, ValueState, ValueTraits, ValueTransform,
};
use revoxel_transforms::{Channels, LabelSet};

/// Measures the horizontal and vertical distance of each voxel from the centre of its instance.
///
/// # What it does
/// Makes an image of two channels from a label map in which every instance (a cell, a lesion) has a label of its own.
/// Channel 0, *horizontal*, is the distance from the instance's centroid along axis 1; channel 1, *vertical*, is that
/// along axis 0. The result is float32. Distances below the centroid are divided by the instance's largest one there,
/// and those above it by the largest one there, so they run from −1 to 1; the background (0) is 0. An instance is all
/// voxels of a label in the whole volume, connected or not: with several slices, its centroid and extent are those over
/// all slices. Neural networks that separate touching instances learn these maps.
///
/// # YAML
/// ```yaml
/// compute_ho_ver_maps: {}
/// ```
///
/// # Inverse
/// The labels are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComputeHoVerMaps {}

impl Define for ComputeHoVerMaps {
    const NAME: &'static str = "compute_ho_ver_maps";
    const CLASS: Class = Class::Label;
    const PEERS: &'static [Peer] =
        &[Peer::imported("ComputeHoVerMapsd").others(&[Fixed("dtype", "\"float32\"")]).notes(
            "It keeps the label map beside the maps (`new_key_prefix`): here two inputs read the same file, and \
             `keys` names the one that becomes maps. Labels beyond 2²⁴, which MONAI confuses with their \
             neighbours, are correct here; labels below 0, which it leaves among the distances, are an error.",
        )];

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

/// Voxels per task, about.
const BLOCK: usize = 1 << 16;

/// Where the voxels of an instance lie along the axes 0 and 1, as indices.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Instance {
    voxels: u64,
    sums: [u64; 2],
    lowest: [usize; 2],
    highest: [usize; 2],
}

impl Instance {
    /// The voxels `start` to `end` (exclusive) of a line at `y`.
    fn of_run(start: usize, end: usize, y: usize) -> Self {
        let voxels = (end - start) as u64;
        let sum = (start + end - 1) as u64 * voxels / 2;
        Self { voxels, sums: [sum, y as u64 * voxels], lowest: [start, y], highest: [end - 1, y] }
    }

    fn add(&mut self, other: &Self) {
        self.voxels += other.voxels;
        for axis in 0..2 {
            self.sums[axis] += other.sums[axis];
            self.lowest[axis] = self.lowest[axis].min(other.lowest[axis]);
            self.highest[axis] = self.highest[axis].max(other.highest[axis]);
        }
    }

    /// The distance of an index from the centroid along an axis, from −1 to 1.
    fn scaled(&self, axis: usize) -> impl Fn(usize) -> f32 {
        let centroid = self.sums[axis] as f64 / self.voxels as f64;
        let (low, high) = (self.lowest[axis] as f64 - centroid, self.highest[axis] as f64 - centroid);
        move |index| {
            let distance = index as f64 - centroid;
            let farthest = if distance < 0.0 { -low } else { high };
            if distance == 0.0 { 0.0 } else { (distance / farthest) as f32 }
        }
    }
}

/// A label as a key; never one that is no number.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Key<T>(T);

impl<T: Voxel> Eq for Key<T> {}

// Derived comparisons are those of the numbers, which are all in order.
#[allow(clippy::derive_ord_xor_partial_ord)]
impl<T: Voxel> Ord for Key<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.partial_cmp(other).unwrap_or(Ordering::Equal)
    }
}

type Instances<T> = BTreeMap<Key<T>, Instance>;

/// Lines along axis 0 that are one task, with the number of the first.
#[derive(Clone, Copy, Debug)]
struct Lines {
    /// Voxels along the axes 0 and 1.
    shape: [usize; 2],
    /// Lines of a task.
    count: usize,
}

impl Lines {
    fn of(shape: [usize; 3]) -> Self {
        Self { shape: [shape[0], shape[1]], count: (BLOCK / shape[0].max(1)).max(1) }
    }

    /// Voxels of a task.
    const fn voxels(self) -> usize {
        self.count * self.shape[0]
    }

    /// Calls `each` with the runs of equal labels of a task, but for the background: where the run starts in the task,
    /// its first and its last index (exclusive) along axis 0, its index along axis 1, and the label.
    fn runs<T: Voxel>(self, task: usize, labels: &[T], mut each: impl FnMut(usize, [usize; 2], usize, T)) {
        for (number, line) in labels.chunks(self.shape[0]).enumerate() {
            let y = (task * self.count + number) % self.shape[1];
            let mut start = 0;
            while start < line.len() {
                let label = line[start];
                let length = line[start..].iter().position(|l| *l != label).unwrap_or(line.len() - start).max(1);
                if label != T::default() {
                    each(number * self.shape[0] + start, [start, start + length], y, label);
                }
                start += length;
            }
        }
    }
}

/// All instances.
///
/// # Errors
/// At the first voxel that is in none and no background.
fn instances<T: Voxel>(labels: &[T], lines: Lines) -> Result<Instances<T>, ApplyError> {
    let tasks = parallel::map(labels.chunks(lines.voxels()).enumerate(), |(task, labels)| {
        let (mut found, mut wrong) = (Instances::new(), None);
        lines.runs(task, labels, |_, [start, end], y, label| {
            let number = label.to_f64();
            if number > 0.0 && (T::DTYPE.is_integer() || number.fract() == 0.0) {
                let run = Instance::of_run(start, end, y);
                found.entry(Key(label)).and_modify(|all| all.add(&run)).or_insert(run);
            } else {
                wrong.get_or_insert(number);
            }
        });
        (found, wrong)
    });
    let mut all = Instances::new();
    for (found, wrong) in tasks {
        if let Some(label) = wrong {
            return Err(ApplyError::Label { label, problem: NO_INSTANCE.to_owned() });
        }
        for (label, part) in found {
            all.entry(label).and_modify(|instance| instance.add(&part)).or_insert(part);
        }
    }
    Ok(all)
}

/// The horizontal and the vertical map.
fn maps<T: Voxel>(labels: &[T], shape: [usize; 3]) -> Result<Vec<f32>, ApplyError> {
    let lines = Lines::of(shape);
    let instances = instances(labels, lines)?;
    let mut maps = vec![0.0f32; 2 * labels.len()];
    let (horizontal, vertical) = maps.split_at_mut(labels.len());
    let size = lines.voxels();
    let tasks = horizontal.chunks_mut(size).zip(vertical.chunks_mut(size)).zip(labels.chunks(size));
    parallel::each(tasks.enumerate(), |(task, ((horizontal, vertical), labels))| {
        lines.runs(task, labels, |at, [start, end], y, label| {
            let Some(instance) = instances.get(&Key(label)) else { return };
            let (across, along) = (instance.scaled(1)(y), instance.scaled(0));
            horizontal[at..at + end - start].fill(across);
            vertical[at..].iter_mut().zip(start..end).for_each(|(v, x)| *v = along(x));
        });
    });
    Ok(maps)
}

impl ValueTransform for ComputeHoVerMaps {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (grid, channels) = (*volume.grid(), volume.channels());
        if channels != 1 {
            let problem = "instances are the labels of one channel: see `as_discrete` and `label_filter`";
            return Err(ApplyError::ChannelCount { channels, problem });
        }
        let maps = dispatch!(volume.voxels(), v => maps(v, grid.shape()))?;
        let undo = ValueUndo::Lost { reason: "compute_ho_ver_maps made distances of labels".to_owned() };
        Ok((Volume::new(maps.into(), grid, Kind::Image, 2)?, undo))
    }

    fn refuses(&self, labels: &LabelSet) -> Option<RefusedLabel> {
        let label = labels.iter().find(|label| *label < 0.0 || label.fract() != 0.0)?;
        Some(RefusedLabel { label, field: "", problem: NO_INSTANCE.to_owned() })
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits { channels: ChannelRule::One, ..ValueTraits::LOST }
    }

    fn after(&self, before: &ValueState) -> ValueState {
        ValueState { kind: Kind::Image, channels: Some(Channels::all(2)), ..before.changed_to(Dtype::F32) }
    }
}

/// Why a label is none.
const NO_INSTANCE: &str = "instances have whole numbers from 1 on, and 0 is the background";

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::testing::Draw;
    use revoxel_core::{Grid, Voxels};

    fn maps_of(labels: Voxels, shape: [usize; 3]) -> Result<Volume, ApplyError> {
        let grid = Grid::without_geometry(shape).unwrap();
        let channels = labels.len() / grid.voxel_count();
        ComputeHoVerMaps {}.apply(Volume::new(labels, grid, Kind::Label, channels).unwrap()).map(|(maps, _)| maps)
    }

    #[test]
    fn maps_are_those_of_each_voxel_by_itself() {
        for seed in 0..20 {
            let mut draw = Draw::new(seed);
            let shape = [draw.int(1, 400) as usize, draw.int(1, 300) as usize, draw.int(1, 3) as usize];
            let count: usize = shape.iter().product();
            // Neighbours in float32, and in float64 too.
            let names = [0u64, 1, 7, (1 << 24) + 1, 1 << 24, (1 << 60) + 1, 1 << 60];
            let labels: Vec<u64> = (0..count).map(|i| names[(i / 3 + draw.int(0, 1) as usize) % 7]).collect();
            let found = maps_of(labels.clone().into(), shape).unwrap();
            assert_eq!((found.kind(), found.channels()), (Kind::Image, 2));
            let place = |i: usize| [i / shape[0] % shape[1], i % shape[0]];
            for label in names {
                let voxels: Vec<usize> = (0..count).filter(|i| labels[*i] == label).collect();
                for channel in 0..2 {
                    let places = || voxels.iter().map(|i| place(*i)[channel] as f64);
                    let middle = places().sum::<f64>() / voxels.len() as f64;
                    let (low, high) =
                        places().fold((0.0, 0.0), |(l, h): (f64, f64), p| (l.min(p - middle), h.max(p - middle)));
                    for (i, p) in voxels.iter().zip(places()) {
                        let d = p - middle;
                        let scaled = if d < 0.0 {
                            -d / low
                        } else if d > 0.0 {
                            d / high
                        } else {
                            0.0
                        };
                        let expected = if label == 0 { 0.0 } else { scaled };
                        let is = found.voxels().get(channel * count + i);
                        assert!((is - expected).abs() < 1e-6, "seed {seed}, label {label}, {i}: {is} {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_instance_is_an_error() {
        let t = |labels: Voxels, part: &str| {
            let said = maps_of(labels, [3, 1, 1]).unwrap_err().to_string();
            assert!(said.contains(part), "{said}");
        };
        t(vec![0i16, 1, -1].into(), "the label -1");
        t(vec![0.0f32, 1.0, 1.5].into(), "the label 1.5");
        t(vec![0.0f32, f32::NAN, 1.0].into(), "the label NaN");
        t(vec![0u8; 6].into(), "2 channel(s)");
    }
}
