//! How the labels of two maps differ: voxels, volumes and surfaces.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use revoxel_core::Volume;

use super::overlap::{Overlap, Overlaps, Uncounted, overlaps};
use super::surface::{SurfaceDistance, between, surfaces};
use crate::whole::{NotWhole, check_whole};

/// Two maps, label by label.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelDifferences {
    /// The voxels of every label but 0 that one of the maps has, of all channels together.
    pub overlaps: BTreeMap<i128, Overlap>,
    /// Every label but 0 of every channel, by channel and label.
    pub rows: Vec<LabelDifference>,
    /// Why the distances of surfaces were not measured, where they were not.
    pub unmeasured: Option<Unmeasured>,
}

/// One label of one channel in two maps.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelDifference {
    /// The channel.
    pub channel: usize,
    /// The label.
    pub label: i128,
    /// Its voxels.
    pub overlap: Overlap,
    /// Its volume in each map, mm³.
    pub mm3: [f64; 2],
    /// How far its surfaces lie apart; `None` where that was not measured.
    pub surface: Option<SurfaceDistance>,
}

impl LabelDifference {
    /// How much larger the first map's volume is than the second's, mm³.
    pub fn volume_difference_mm3(&self) -> f64 {
        self.mm3[0] - self.mm3[1]
    }

    /// The same as a share of the second map's volume; `None` where that map does not have the label.
    pub fn relative_volume_difference(&self) -> Option<f64> {
        (self.overlap.b > 0).then(|| self.volume_difference_mm3() / self.mm3[1])
    }
}

/// Why distances of surfaces were not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmeasured {
    /// The maps lie at different places.
    Places,
    /// Together they have more surface voxels than this.
    TooManyVoxels(u64),
}

/// Why two volumes were not compared label by label.
#[derive(Clone, Debug, PartialEq)]
pub enum NoLabels {
    /// The first or second (0 or 1) is no label map.
    NotWhole(usize, Box<NotWhole>),
    /// They have more different values than this.
    TooMany(usize),
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    /// Whether both maps lie at the same place.
    pub(super) same_place: bool,
    /// At most so many labels.
    pub(super) most_labels: usize,
    /// At most so many surface voxels.
    pub(super) most_surface: u64,
    /// The tolerance of the surface Dice, mm.
    pub(super) tolerance_mm: f64,
}

/// Compares the labels of two volumes of one shape and as many channels.
pub(super) fn labels(a: &Volume, b: &Volume, scope: &Scope) -> Result<LabelDifferences, NoLabels> {
    let mut pooled = BTreeMap::new();
    let mut channels: Vec<Overlaps> = Vec::new();
    for channel in 0..a.channels() {
        let found = overlaps(a, b, channel, scope.most_labels).map_err(|e| no_labels(a, b, scope, e))?;
        for (label, overlap) in &found {
            let known: &mut Overlap = pooled.entry(*label).or_default();
            *known = known.and(*overlap);
        }
        if pooled.len() > scope.most_labels {
            return Err(NoLabels::TooMany(scope.most_labels));
        }
        channels.push(found);
    }
    // Maps at the same place are measured on the first one's grid.
    let voxel = [a.grid().voxel_volume(), if scope.same_place { a } else { b }.grid().voxel_volume()];
    let room = AtomicU64::new(scope.most_surface);
    let mut unmeasured = (!scope.same_place).then_some(Unmeasured::Places);
    let mut rows = Vec::new();
    for (channel, found) in channels.iter().enumerate() {
        let measured = if unmeasured.is_none() { measure(a, b, channel, found, scope, &room) } else { None };
        if measured.is_none() && unmeasured.is_none() {
            unmeasured = Some(Unmeasured::TooManyVoxels(scope.most_surface));
        }
        rows.extend(found.iter().map(|(label, overlap)| LabelDifference {
            channel,
            label: *label,
            overlap: *overlap,
            mm3: [overlap.a as f64 * voxel[0], overlap.b as f64 * voxel[1]],
            surface: measured.as_ref().map(|m| m[label]),
        }));
    }
    if unmeasured.is_some() {
        rows.iter_mut().for_each(|row| row.surface = None);
    }
    Ok(LabelDifferences { overlaps: pooled, rows, unmeasured })
}

/// The distances of all labels of a channel.
fn measure(
    a: &Volume,
    b: &Volume,
    channel: usize,
    found: &Overlaps,
    scope: &Scope,
    room: &AtomicU64,
) -> Option<BTreeMap<i128, SurfaceDistance>> {
    let at_once = |o: &Overlap| match o {
        Overlap { a: 0, .. } | Overlap { b: 0, .. } => Some(SurfaceDistance::ONE_SIDED),
        Overlap { a, b, both } if a == both && b == both => Some(SurfaceDistance::NONE),
        _ => None,
    };
    let wanted: Vec<i128> = found.iter().filter(|(_, o)| at_once(o).is_none()).map(|(label, _)| *label).collect();
    let mut all: BTreeMap<i128, SurfaceDistance> =
        found.iter().filter_map(|(label, o)| Some((*label, at_once(o)?))).collect();
    if wanted.is_empty() {
        return Some(all);
    }
    let (on_a, on_b) = (surfaces(a, channel, &wanted, room)?, surfaces(b, channel, &wanted, room)?);
    for (label, (p, q)) in wanted.into_iter().zip(on_a.iter().zip(&on_b)) {
        all.insert(label, between(a.grid(), p, q, scope.tolerance_mm));
    }
    Some(all)
}

fn no_labels(a: &Volume, b: &Volume, scope: &Scope, why: Uncounted) -> NoLabels {
    let not_whole = [a, b].into_iter().enumerate().find_map(|(side, v)| Some((side, check_whole(v).err()?)));
    match (why, not_whole) {
        (Uncounted::NotWhole, Some((side, error))) => NoLabels::NotWhole(side, Box::new(error)),
        _ => NoLabels::TooMany(scope.most_labels),
    }
}
