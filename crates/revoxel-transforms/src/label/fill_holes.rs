//! The transform `fill_holes`.

use revoxel_core::{ValueUndo, Volume, Voxel, dispatch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::channels::{self, OneHot};
use super::components::{Components, Join};
use super::labels::{Labels, check_connectivity};
use super::runs::Runs;
use crate::definition::{Class, Define, Invalid};
use crate::peers::{Peer, Program};
use crate::transform::{
    ApplyError, ChannelRule, NamedLabel, Renumbering, Transform, ValueState, ValueTraits, ValueTransform,
};

/// Fills the holes of labels.
///
/// # What it does
/// A hole of a label is a region without the label that the label cuts off from the faces of the volume. Holes get the
/// label, whatever they held, other labels included. The labels in `applied_labels` (by default all but 0) are
/// processed one after another, lowest first. `connectivity` sets the neighbours through which the outside enters: 1
/// those that share a face, 2 also an edge, 3 also a corner.
///
/// A volume with several channels is a one-hot map: its channels are the labels. They hold 0 and 1 (anything else is an
/// error) and may overlap. `applied_labels` then names channels, from 0 (by default all). Channel 0 is the background
/// and is never filled, even if it is named. Each channel is filled separately, with 1: other channels do not change.
/// With `is_onehot: false` each channel is a label map, and `applied_labels` names its values. With `is_onehot: true`
/// the channels, or the only one, are labels, and any value above 0 counts.
///
/// # YAML
/// ```yaml
/// fill_holes: {}
/// ```
/// ```yaml
/// fill_holes: { applied_labels: 1, connectivity: 1 }
/// ```
///
/// # Inverse
/// What the holes held is lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FillHoles {
    /// The labels, or channels of a one-hot map, whose holes are filled. Default: all but 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    applied_labels: Option<Labels>,
    /// Whether channels are labels, with 0 and 1. Default: they are if the volume has several channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is_onehot: Option<bool>,
    /// The outside enters through faces (1), also edges (2) or also corners (3).
    #[serde(default = "full")]
    connectivity: u8,
}

const fn full() -> u8 {
    3
}

impl Define for FillHoles {
    const NAME: &'static str = "fill_holes";
    const CLASS: Class = Class::Label;
    const PEERS: &'static [Peer] = &[
        Peer::imported("FillHolesd").same(&["applied_labels", "connectivity"]).notes("It has no `is_onehot`."),
        Peer::new(Program::SciPy, "binary_fill_holes")
            .notes("It is the same for each label, with the structuring element of the connectivity."),
    ];
    const ONE_HOT: bool = true;

    fn check(&self) -> Result<(), Invalid> {
        channels::check(self.applied_labels.as_ref(), self.is_onehot)?;
        check_connectivity(self.connectivity)
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for FillHoles {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (grid, kind, channels) = (*volume.grid(), volume.kind(), volume.channels());
        let (shape, size, axes) = (grid.shape(), grid.voxel_count(), grid.axes());
        let onehot = OneHot::of(&volume, self.is_onehot, self.applied_labels.as_ref(), 1)?;
        let mut voxels = volume.into_voxels();
        let filled: u64 = dispatch!(&mut voxels, v => match &onehot {
            None => v.chunks_mut(size).map(|values| self.channel(values, shape, axes)).sum(),
            Some(map) => {
                let mut filled = 0;
                for channel in map.channels.iter().copied().filter(|channel| *channel > 0) {
                    let values = &mut v[channel * size..(channel + 1) * size];
                    let runs = map.runs(values, shape, channel)?;
                    filled += boxes(&runs).iter().map(|found| self.fill(values, &runs, *found, axes)).sum::<u64>();
                }
                filled
            }
        });
        let undo = match filled {
            0 => ValueUndo::nothing(),
            _ => ValueUndo::Lost { reason: format!("fill_holes filled {filled} voxels") },
        };
        Ok((Volume::new(voxels, grid, kind, channels)?, undo))
    }

    fn named_labels(&self) -> Vec<NamedLabel> {
        channels::named(self.applied_labels.as_ref(), self.is_onehot)
    }

    fn traits(&self) -> ValueTraits {
        let channels = if self.is_onehot.is_none() { ChannelRule::OneHot } else { ChannelRule::Any };
        ValueTraits { channels, ..ValueTraits::default() }
    }

    fn after(&self, before: &ValueState) -> ValueState {
        // In a channel that holds other numbers holes get 1.
        let filled = (self.is_onehot == Some(true)).then_some(1.0);
        let labels = before.labels.as_ref().map(|labels| labels.iter().chain(filled).collect());
        ValueState { labels, ..before.clone() }
    }

    fn renumbering(&self) -> Renumbering {
        match self.is_onehot {
            // Holes get 1, whatever label surrounds them.
            Some(true) => Renumbering::Unknown,
            _ => Renumbering::KEPT,
        }
    }
}

/// Fills the holes of what is 1, in a volume of 0 and 1; the outside gets in through faces.
pub(super) fn fill(region: &mut [u8], shape: [usize; 3]) {
    FillHoles { applied_labels: None, is_onehot: None, connectivity: 1 }.channel(region, shape, 3);
}

impl FillHoles {
    /// Fills the holes of one channel; how many voxels. With two axes nothing gets in from beside the slice.
    fn channel<T: Voxel>(&self, values: &mut [T], shape: [usize; 3], axes: usize) -> u64 {
        let applies = |label: f64| label != 0.0 && self.applied_labels.as_ref().is_none_or(|l| l.has(label));
        let mut runs = Runs::of(values, shape, applies);
        let (mut found, mut filled) = (boxes(&runs), 0);
        for label in found.iter().map(|b| b.0).collect::<Vec<_>>() {
            let Some(around) = found.iter().copied().find(|b| b.0 == label) else { continue };
            let more = self.fill(values, &runs, around, axes);
            filled += more;
            if more > 0 {
                // What is filled may have covered parts of the labels that follow.
                runs = Runs::of(values, shape, applies);
                found = boxes(&runs);
            }
        }
        filled
    }

    /// Fills the holes of a label, in the box around it; how many voxels.
    fn fill<T: Voxel>(&self, values: &mut [T], runs: &Runs, around: Around, axes: usize) -> u64 {
        let label = around.0;
        let mut filled = 0;
        for [line, start, end] in self.holes(runs, around, axes) {
            values[line * runs.shape[0] + start..line * runs.shape[0] + end].fill(T::from_f64(label));
            filled += (end - start) as u64;
        }
        filled
    }

    /// The runs that are holes of a label, as line, start and end.
    fn holes(&self, runs: &Runs, (label, low, high): Around, axes: usize) -> Vec<[usize; 3]> {
        // What is cut off lies inside the box around the label, and what reaches the box's faces is not cut off.
        let free = runs.complement(label, low, high);
        let components = Components::of(&free, self.connectivity, Join::All);
        let [nx, ny, nz] = free.shape;
        let mut open = vec![false; components.sizes.len()];
        for (line, run) in free.by_line() {
            let (y, z, r) = (line % ny, line / ny, &free.runs[run]);
            let end = axes == 3 && (z == 0 || z + 1 == nz);
            let face = end || y == 0 || y + 1 == ny || r.start == 0 || r.end as usize == nx;
            open[components.of_run[run] as usize] |= face;
        }
        let closed = free.by_line().filter(|(_, run)| !open[components.of_run[*run] as usize]);
        closed
            .map(|(line, run)| {
                let (y, z, r) = (line % ny + low[1], line / ny + low[2], &free.runs[run]);
                [y + runs.shape[1] * z, r.start as usize + low[0], r.end as usize + low[0]]
            })
            .collect()
    }
}

/// A label, and the box of indices around it.
type Around = (f64, [usize; 3], [usize; 3]);

/// The labels of runs, rising, with the box of indices around each.
fn boxes(runs: &Runs) -> Vec<Around> {
    let mut found: Vec<Around> = Vec::new();
    let mut last = 0;
    for (line, run) in runs.by_line() {
        let (y, z, run) = (line % runs.shape[1], line / runs.shape[1], &runs.runs[run]);
        if found.get(last).is_none_or(|b| b.0 != run.label) {
            last = match found.binary_search_by(|b| b.0.total_cmp(&run.label)) {
                Ok(at) => at,
                Err(at) => {
                    found.insert(at, (run.label, [usize::MAX; 3], [0; 3]));
                    at
                }
            };
        }
        let (_, low, high) = &mut found[last];
        for (axis, (first, end)) in
            [(run.start as usize, run.end as usize), (y, y + 1), (z, z + 1)].into_iter().enumerate()
        {
            low[axis] = low[axis].min(first);
            high[axis] = high[axis].max(end);
        }
    }
    found
}
