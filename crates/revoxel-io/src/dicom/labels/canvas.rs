//! The canvas for labels: a label map, or a channel for each label.

use std::collections::BTreeMap;

use revoxel_core::Voxel;

use super::error::LabelsError;
use super::facts::LabelFacts;
use crate::buffer;

/// The maximum number of label pairs that are counted; further ones are not named.
const MOST_PAIRS: usize = 64;
/// The maximum number of pairs that are named.
const SHOWN: usize = 6;

/// Voxels that receive labels.
pub(super) struct Canvas<T> {
    values: Vec<T>,
    /// Voxels of a channel.
    voxels: usize,
    /// The value of each label, and the label of each value.
    labels: Vec<T>,
    channels: bool,
    /// The number of voxels with each label.
    painted: Vec<u64>,
    overlaps: BTreeMap<[u32; 2], u64>,
}

impl<T: Voxel + PartialEq> Canvas<T> {
    /// Room for the voxels, once or per label. `None` if memory is short.
    pub(super) fn new(voxels: usize, labels: &[LabelFacts], channels: bool) -> Option<Self> {
        let count = if channels { labels.len() } else { 1 };
        let values = voxels.checked_mul(count).and_then(buffer::zeroed)?;
        let labels: Vec<T> = labels.iter().map(|l| T::from_f64(f64::from(l.label))).collect();
        let painted = vec![0; labels.len()];
        Some(Self { values, voxels, labels, channels, painted, overlaps: BTreeMap::new() })
    }

    /// Gives a label to a run of voxels with a step.
    pub(super) fn paint(&mut self, first: i64, step: i64, set: impl Iterator<Item = bool>, label: usize) {
        let value = self.labels[label];
        let offset = if self.channels { label * self.voxels } else { 0 };
        for (i, _) in set.enumerate().filter(|(_, set)| *set) {
            self.painted[label] += 1;
            self.put((first + i as i64 * step) as usize + offset, value);
        }
    }

    /// Gives one voxel a label.
    pub(super) fn label(&mut self, at: i64, label: usize) {
        let offset = if self.channels { label * self.voxels } else { 0 };
        self.painted[label] += 1;
        self.put(at as usize + offset, self.labels[label]);
    }

    /// The number of voxels with a label.
    pub(super) fn voxels_of(&self, label: usize) -> u64 {
        self.painted[label]
    }

    fn put(&mut self, at: usize, value: T) {
        let Some(there) = self.values.get_mut(at) else { return };
        if *there == T::default() {
            *there = value;
        } else if *there != value {
            let pair = [there.to_f64() as u32, value.to_f64() as u32];
            if let Some(count) = self.overlaps.get_mut(&pair) {
                *count += 1;
            } else if self.overlaps.len() < MOST_PAIRS {
                self.overlaps.insert(pair, 1);
            }
        }
    }

    /// The voxels, if no two labels overlap.
    pub(super) fn finish(self, labels: &[LabelFacts]) -> Result<Vec<T>, LabelsError> {
        if self.overlaps.is_empty() {
            return Ok(self.values);
        }
        let mut sums: BTreeMap<[u32; 2], u64> = BTreeMap::new();
        for ([a, b], count) in self.overlaps {
            *sums.entry([a.min(b), a.max(b)]).or_default() += count;
        }
        let name = |value: u32| match labels.iter().find(|l| l.label == value) {
            Some(l) => format!("{} {:?}", l.number, l.name),
            None => value.to_string(),
        };
        let shown = sums.iter().take(SHOWN).map(|([a, b], count)| {
            let voxels = if *count == 1 { "voxel" } else { "voxels" };
            format!("{} and {} in {count} {voxels}", name(*a), name(*b))
        });
        let mut pairs = shown.collect::<Vec<_>>().join("; ");
        if sums.len() > SHOWN {
            pairs.push_str(&format!("; and {} more pairs", sums.len() - SHOWN));
        }
        Err(LabelsError::Overlap { pairs })
    }
}
