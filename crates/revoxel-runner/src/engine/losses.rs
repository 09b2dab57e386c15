//! Labels that spatial steps lose: thin structures between the voxels of a coarser grid, and what a crop cuts off.
//!
//! Labels are counted before the first spatial step and again where values are changed or written. What a step of
//! values removes was meant to go, and so was what a random step or a patch leaves out: neither is compared.

use std::collections::BTreeMap;

use revoxel_core::{Kind, Volume};
use revoxel_resample::{Census, Gone};

/// A label that is gone from a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vanished {
    /// Key of the volume.
    pub key: String,
    /// The label, its channel and the voxels that it had.
    pub gone: Gone,
}

/// The labels of each label map before the spatial steps that wait, and those that are gone already.
#[derive(Debug, Default)]
pub(super) struct Losses {
    before: BTreeMap<String, Option<Census>>,
    gone: Vec<Vanished>,
}

impl Losses {
    /// Counts the labels of a volume, unless they were counted since its values changed.
    pub(super) fn before_spatial(&mut self, key: &str, volume: &Volume) {
        if volume.kind() == Kind::Label && !self.before.contains_key(key) {
            self.before.insert(key.to_owned(), Some(Census::of(volume)));
        }
    }

    /// A step took a part of the volume by intention: until values change nothing is compared.
    pub(super) fn part_taken(&mut self, key: &str) {
        if let Some(census) = self.before.get_mut(key) {
            *census = None;
        }
    }

    /// Compares a volume, whose spatial steps are executed, before its values change.
    pub(super) fn before_values(&mut self, key: &str, volume: &Volume) {
        if let Some(census) = self.take(key) {
            self.add(key, census.gone_in(&Census::of(volume)));
        }
    }

    /// The census before the spatial steps of a volume that wait.
    pub(super) fn take(&mut self, key: &str) -> Option<Census> {
        self.before.remove(key).flatten()
    }

    fn add(&mut self, key: &str, gone: Vec<Gone>) {
        self.gone.extend(gone.into_iter().map(|gone| Vanished { key: key.to_owned(), gone }));
    }

    /// The labels that are gone so far.
    pub(super) fn gone(&self) -> &[Vanished] {
        &self.gone
    }
}
