//! What the transforms of labels share for volumes of several channels: one-hot maps, in which a label is a channel
//! that holds 1 where the label is and 0 elsewhere. Labels of such a map may overlap.

use revoxel_core::{ValueUndo, Volume, Voxel, dispatch};

use super::labels::Labels;
use super::runs::{Runs, paint};
use crate::error::Invalid;
use crate::transform::{ApplyError, NamedLabel, Names};

/// The parameter that names channels of a one-hot map, and labels of a label map.
const FIELD: &str = "applied_labels";

/// Refuses lists that are empty or name something twice, and channels that no volume has.
pub(super) fn check(applied: Option<&Labels>, is_onehot: Option<bool>) -> Result<(), Invalid> {
    let Some(applied) = applied else { return Ok(()) };
    applied.check(FIELD)?;
    match applied.0.iter().find(|l| **l < 0) {
        Some(label) if is_onehot == Some(true) => {
            Err(Invalid::new(FIELD, format!("{label} is not a channel: channels are numbered from 0")))
        }
        _ => Ok(()),
    }
}

/// The labels or channels that are named.
pub(super) fn named(applied: Option<&Labels>, is_onehot: Option<bool>) -> Vec<NamedLabel> {
    let names = match is_onehot {
        None => Names::LabelOrChannel,
        Some(true) => Names::Channel,
        Some(false) => Names::Label,
    };
    let labels = applied.map(|labels| labels.named(FIELD)).unwrap_or_default();
    labels.into_iter().map(|named| NamedLabel { names, ..named }).collect()
}

/// The channels of a one-hot map that a step looks at.
#[derive(Debug)]
pub(super) struct OneHot {
    /// From 0.
    pub(super) channels: Vec<usize>,
    /// Whether somebody says that it is one: what is above 0 counts then, and else anything but 0 and 1 is an error.
    told: bool,
}

impl OneHot {
    /// The channels that are named, else all from `first` on; `None` where the channels are label maps.
    ///
    /// # Errors
    /// Where a channel is named that is not there.
    pub(super) fn of(
        volume: &Volume,
        is_onehot: Option<bool>,
        applied: Option<&Labels>,
        first: usize,
    ) -> Result<Option<Self>, ApplyError> {
        let count = volume.channels();
        if !is_onehot.unwrap_or(count > 1) {
            return Ok(None);
        }
        let number = |label: &i64| {
            let channel = usize::try_from(*label).ok().filter(|channel| *channel < count);
            channel.ok_or(ApplyError::NoChannel { parameter: FIELD, channel: *label, channels: count })
        };
        let channels = match applied {
            Some(labels) => labels.0.iter().map(number).collect::<Result<_, _>>()?,
            None => (first..count).collect(),
        };
        Ok(Some(Self { channels, told: is_onehot.is_some() }))
    }

    /// The runs of what is in a channel, each with the label 1.
    ///
    /// # Errors
    /// Where nobody says that the map is one-hot and it is none.
    pub(super) fn runs<T: Voxel>(&self, values: &[T], shape: [usize; 3], channel: usize) -> Result<Runs, ApplyError> {
        let mut runs = Runs::of(values, shape, |value| if self.told { value > 0.0 } else { value != 0.0 });
        for run in &mut runs.runs {
            if !self.told && run.label != 1.0 {
                return Err(ApplyError::NotOneHot { channel, value: run.label });
            }
            run.label = 1.0;
        }
        Ok(runs)
    }

    /// A volume with 0 over runs of the channels, which are treated one by one, or together as one region: then 0
    /// comes into all of them. `drop` says which runs; `lost` tells of so many voxels of runs.
    ///
    /// # Errors
    /// Those of [`runs`](Self::runs).
    pub(super) fn strike(
        &self,
        volume: Volume,
        together: bool,
        drop: impl Fn(&Runs) -> Vec<bool>,
        lost: impl FnOnce(u64) -> String,
    ) -> Result<(Volume, ValueUndo), ApplyError> {
        let (grid, kind, count) = (*volume.grid(), volume.kind(), volume.channels());
        let groups: Vec<&[usize]> = if together { vec![&self.channels] } else { self.channels.chunks(1).collect() };
        let mut voxels = volume.into_voxels();
        let removed: u64 = dispatch!(&mut voxels, v => {
            groups.into_iter().map(|group| self.clear(v, grid.shape(), group, &drop)).sum::<Result<u64, _>>()?
        });
        let undo = if removed == 0 { ValueUndo::nothing() } else { ValueUndo::Lost { reason: lost(removed) } };
        Ok((Volume::new(voxels, grid, kind, count)?, undo))
    }

    /// Puts 0 over runs of what is in any of these channels; how many voxels of runs.
    fn clear<T: Voxel>(
        &self,
        voxels: &mut [T],
        shape: [usize; 3],
        channels: &[usize],
        drop: impl Fn(&Runs) -> Vec<bool>,
    ) -> Result<u64, ApplyError> {
        let size = shape.iter().product::<usize>();
        let part = |channel: usize| channel * size..(channel + 1) * size;
        let runs = if let [channel] = channels {
            self.runs(&voxels[part(*channel)], shape, *channel)?
        } else {
            let mut region = vec![0u8; size];
            for channel in channels {
                paint(&mut region, &self.runs(&voxels[part(*channel)], shape, *channel)?, |_| Some(1));
            }
            Runs::of(&region, shape, |value| value != 0.0)
        };
        let dropped = drop(&runs);
        for channel in channels {
            paint(&mut voxels[part(*channel)], &runs, |run| dropped[run].then(T::default));
        }
        Ok(dropped.iter().zip(&runs.runs).filter(|(dropped, _)| **dropped).map(|(_, run)| run.voxels()).sum())
    }
}
