//! Counts the voxels of each label, and finds labels that vanished.
//!
//! Label maps are constant over long stretches, where voxels are counted in blocks. So counting takes about as long as
//! reading the map from memory.

use std::collections::{BTreeMap, HashMap};

use revoxel_core::{Volume, Voxel, Voxels, dispatch, parallel};

/// The voxels of each label, channel by channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    channels: Vec<BTreeMap<i128, u64>>,
    /// Voxels of a channel.
    size: usize,
    /// Voxels counted so far.
    counted: usize,
    /// Whether a value was not a whole number: then the volume is not a label map, and no label counts as vanished.
    fractions: bool,
}

/// A label that vanished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The channel.
    pub channel: usize,
    /// The label.
    pub label: i128,
    /// Voxels that it had.
    pub before: u64,
}

impl Census {
    /// An empty census for channels of so many voxels.
    pub fn new(size: usize, channels: usize) -> Self {
        Self { channels: vec![BTreeMap::new(); channels], size: size.max(1), counted: 0, fractions: false }
    }

    /// The census of a volume.
    pub fn of(volume: &Volume) -> Self {
        let mut all = Self::new(volume.grid().voxel_count(), volume.channels());
        all.add(volume.voxels());
        all
    }

    /// Counts the next voxels: axis 0 fastest, channels slowest. Voxels beyond the last channel do not count.
    pub fn add(&mut self, voxels: &Voxels) {
        dispatch!(voxels, v => self.add_values(v));
    }

    fn add_values<T: Voxel>(&mut self, mut values: &[T]) {
        while !values.is_empty() {
            let channel = self.counted / self.size;
            let (now, rest) = values.split_at(values.len().min(self.size * (channel + 1) - self.counted));
            let Some(counts) = self.channels.get_mut(channel) else { return };
            let fractions = counted(now, counts);
            self.fractions |= fractions;
            self.counted += now.len();
            values = rest;
        }
    }

    /// Counts voxels of one channel.
    pub fn add_channel(&mut self, channel: usize, voxels: &Voxels) {
        if let Some(counts) = self.channels.get_mut(channel) {
            self.fractions |= dispatch!(voxels, v => counted(v, counts));
        }
    }

    /// Adds the voxels of another census of as many channels.
    pub fn merge(&mut self, other: &Self) {
        for (counts, more) in self.channels.iter_mut().zip(&other.channels) {
            more.iter().for_each(|(label, voxels)| *counts.entry(*label).or_default() += voxels);
        }
        self.fractions |= other.fractions;
    }

    /// The labels other than 0 that have voxels here and none in `after`, by channel.
    pub fn gone_in(&self, after: &Self) -> Vec<Gone> {
        if self.fractions || after.fractions {
            return Vec::new();
        }
        let mut all = Vec::new();
        for (channel, (before, after)) in self.channels.iter().zip(&after.channels).enumerate() {
            let gone = before.iter().filter(|(label, _)| **label != 0 && !after.contains_key(label));
            all.extend(gone.map(|(label, before)| Gone { channel, label: *label, before: *before }));
        }
        all
    }
}

/// Voxels that a thread counts at once.
const CHUNK: usize = 1 << 21;

/// Adds the labels of values to counts; returns whether any value is not a whole number. Values that are not finite
/// are ignored.
fn counted<T: Voxel>(values: &[T], counts: &mut BTreeMap<i128, u64>) -> bool {
    let parts = parallel::map(values.chunks(CHUNK), of_chunk);
    let mut fractions = false;
    for (part, fraction) in parts {
        fractions |= fraction;
        for (label, voxels) in part {
            *counts.entry(label.whole().unwrap_or_default()).or_default() += voxels;
        }
    }
    fractions
}

fn of_chunk<T: Voxel>(values: &[T]) -> (Vec<(T, u64)>, bool) {
    let mut fractions = false;
    let labels = match std::mem::size_of::<T>() {
        // A table by the bits.
        1 => table(values, 1 << 8, |v| usize::from(bytemuck::cast::<T, u8>(v))),
        2 => table(values, 1 << 16, |v| usize::from(bytemuck::cast::<T, u16>(v))),
        _ => {
            let mut found: HashMap<i128, (T, u64)> = HashMap::new();
            stretches(values, |value, voxels| match value.whole() {
                Some(label) => found.entry(label).or_insert((value, 0)).1 += voxels,
                None => fractions |= value.to_f64().is_finite(),
            });
            found.into_values().collect()
        }
    };
    (labels, fractions)
}

fn table<T: Voxel>(values: &[T], size: usize, index: impl Fn(T) -> usize) -> Vec<(T, u64)> {
    let mut counts = vec![(T::default(), 0u64); size];
    stretches(values, |value, voxels| {
        let count = &mut counts[index(value)];
        *count = (value, count.1 + voxels);
    });
    counts.retain(|(_, voxels)| *voxels > 0);
    counts
}

/// Calls `add` with each value and the length of its run.
fn stretches<T: Voxel>(values: &[T], mut add: impl FnMut(T, u64)) {
    const BLOCK: usize = 32;
    let Some(&first) = values.first() else { return };
    let (mut last, mut length) = (first, 0u64);
    let mut one = |value: T, last: &mut T, length: &mut u64| {
        if value == *last {
            *length += 1;
        } else {
            add(*last, *length);
            (*last, *length) = (value, 1);
        }
    };
    let (blocks, rest) = values.as_chunks::<BLOCK>();
    for block in blocks {
        if block.iter().fold(true, |same, value| same & (*value == last)) {
            length += BLOCK as u64;
        } else {
            block.iter().for_each(|value| one(*value, &mut last, &mut length));
        }
    }
    rest.iter().for_each(|value| one(*value, &mut last, &mut length));
    add(last, length);
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Dtype, Grid, Kind};

    /// Labels in long stretches and in short ones, over more than a chunk.
    fn labels(length: usize) -> Vec<i16> {
        (0..length)
            .map(|i| if i % 1000 < 700 { 0 } else { [-1, 3, 3, 7][i * i % 4] + (i / 100_000) as i16 % 3 })
            .collect()
    }

    #[test]
    fn every_voxel_counts_once_in_every_type() {
        let values = labels(CHUNK + 12_345);
        let mut expected = BTreeMap::new();
        values.iter().for_each(|v| *expected.entry(i128::from(*v)).or_insert(0u64) += 1);
        for dtype in [Dtype::I8, Dtype::I16, Dtype::I32, Dtype::I64, Dtype::F32, Dtype::F64] {
            let mut census = Census::new(values.len(), 1);
            census.add(&Voxels::from(values.clone()).cast(dtype));
            assert_eq!(census.channels, [expected.clone()], "{dtype}");
        }
        let beyond = (1i64 << 53) + 1;
        let mut census = Census::new(3, 1);
        census.add(&vec![beyond, beyond - 1, beyond].into());
        assert_eq!(census.channels[0], BTreeMap::from([(beyond.into(), 2), (i128::from(beyond) - 1, 1)]));
    }

    #[test]
    fn slabs_that_cross_channels_count_where_they_lie() {
        let grid = Grid::without_geometry([2, 3, 5]).unwrap();
        let volume = Volume::new(labels(90).into(), grid, Kind::Label, 3).unwrap();
        let whole = Census::of(&volume);
        let mut slabs = Census::new(30, 3);
        for slab in labels(90).chunks(24) {
            slabs.add(&slab.to_vec().into());
        }
        assert_eq!(slabs, whole);
        let mut channels = Census::new(30, 3);
        for (channel, values) in labels(90).chunks(30).enumerate() {
            channels.add_channel(channel, &values.to_vec().into());
        }
        assert_eq!(channels.channels, whole.channels);
    }

    #[test]
    fn what_is_gone_is_named() {
        let census = |values: Vec<f32>| {
            let mut census = Census::new(3, 2);
            census.add(&values.into());
            census
        };
        let before = census(vec![0.0, 5.0, -1.0, 5.0, 5.0, 2.0]);
        let after = census(vec![7.0, 5.0, 7.0, 0.0, 0.0, 2.0]);
        let gone = |channel, label, before| Gone { channel, label, before };
        assert_eq!(before.gone_in(&after), [gone(0, -1, 1), gone(1, 5, 2)]);
        assert_eq!(before.gone_in(&before), []);
        let mut both = after.clone();
        both.merge(&before);
        assert_eq!(before.gone_in(&both), []);
        // What is not finite is no label, and what has fractions is no label map.
        assert_eq!(census(vec![f32::NAN, 1.0, 0.0, 0.0, 0.0, 0.0]).gone_in(&after), [gone(0, 1, 1)]);
        assert_eq!(census(vec![0.5, 1.0, 0.0, 0.0, 0.0, 0.0]).gone_in(&after), []);
    }
}
