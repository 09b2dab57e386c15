//! Predictions on the grid that a made-up case ended on, and what they are on the grid that it came from.

use std::sync::Arc;

use revoxel_core::{Dtype, Kind, StoredDtype, Volume};
use revoxel_invert::{Trace, Values};
use revoxel_transforms::Registry;
use serde_json::{Map, Value, json};

use super::content::Phantom;
use super::passage::Passage;
use super::statistics;
use super::text::COMMENT;
use crate::restore::{Member, Restoration};

/// Numbers of channels that are tried for a prediction, after the number of classes.
const CHANNELS: usize = 8;

/// A prediction that goes back.
struct RestoreSample {
    restoration: Restoration,
    volume: String,
    kind: Kind,
}

/// What becomes of predictions: a label map and an image without any entry of `restore`, and one of each entry. With the
/// passages of several copies of a case, one prediction of each, taken together.
pub(super) fn predictions(passages: &[&Passage], phantom: &Phantom, registry: &Registry) -> Map<String, Value> {
    let mut all = Map::new();
    let Some(trace) = passages[0].trace.as_ref() else { return all };
    if passages.len() == 1 {
        for (key, record) in &trace.volumes {
            let known = trace.volumes.iter().take_while(|(other, _)| *other != key);
            let mut same = known.filter(|(_, o)| o.source.grid == record.source.grid && o.steps_alike(record));
            if let Some((other, _)) = same.next() {
                all.insert(format!("onto {key}"), json!(format!("as onto {other}")));
                continue;
            }
            for kind in [Kind::Label, Kind::Image] {
                let way = RestoreSample { restoration: Restoration::default(), volume: key.clone(), kind };
                all.insert(format!("{} onto {key}", plain(kind)), way.go(passages, phantom).into());
            }
        }
    } else if let Ok(key) = trace.main_volume() {
        let way = RestoreSample { restoration: Restoration::default(), volume: key.to_owned(), kind: Kind::Label };
        all.insert(format!("{} onto {key}", plain(Kind::Label)), way.go(passages, phantom).into());
    }
    for name in trace.restore.keys() {
        let said = match way(trace, name, registry) {
            Ok(way) => way.go(passages, phantom),
            Err(why) => refused(&why),
        };
        all.insert(format!("restore {name}"), said.into());
    }
    all
}

const fn plain(kind: Kind) -> &'static str {
    match kind {
        Kind::Label => "label map",
        Kind::Image => "image",
        Kind::Probability => "probabilities",
        Kind::Logit => "logits",
    }
}

/// Two volumes whose predictions take the same way.
trait Alike {
    fn steps_alike(&self, other: &Self) -> bool;
}

impl Alike for revoxel_invert::VolumeTrace {
    fn steps_alike(&self, other: &Self) -> bool {
        let spatial = |trace: &Self| {
            let moving = trace.steps.iter().filter(|step| !step.ops.is_empty());
            moving.map(|step| (step.ops.clone(), step.separate.clone())).collect::<Vec<_>>()
        };
        self.result.grid == other.result.grid && spatial(self) == spatial(other)
    }
}

/// The way of an entry of `restore`.
fn way(trace: &Trace, name: &str, registry: &Registry) -> Result<RestoreSample, String> {
    let restoration = Restoration::of(trace, Some(name), registry).map_err(|e| e.to_string())?;
    let volume = match &restoration.volume {
        Some(key) => key.clone(),
        None if restoration.recipe.values != Values::Keep => trace.main_values().map_err(|e| e.to_string())?.to_owned(),
        None => trace.main_volume().map_err(|e| e.to_string())?.to_owned(),
    };
    let kind = restoration.kind.unwrap_or(Kind::Image);
    Ok(RestoreSample { restoration, volume, kind })
}

/// What is said of a prediction that cannot go back.
fn refused(why: &str) -> Map<String, Value> {
    Map::from_iter([(COMMENT.to_owned(), why.into()), ("refused".to_owned(), true.into())])
}

impl RestoreSample {
    fn go(&self, passages: &[&Passage], phantom: &Phantom) -> Map<String, Value> {
        if passages.iter().any(|passage| !passage.volumes.contains_key(&self.volume)) {
            return refused(&format!("the case has no volume {:?}", self.volume));
        }
        let mut problem = String::new();
        for channels in self.channels(phantom) {
            match self.with(passages, phantom, channels) {
                Ok(said) => return said,
                // The first one says what is wrong.
                Err(why) if problem.is_empty() => problem = why,
                Err(_) => {}
            }
        }
        refused(&problem)
    }

    /// The numbers of channels to try, in order.
    fn channels(&self, phantom: &Phantom) -> Vec<usize> {
        if matches!(self.kind, Kind::Image | Kind::Label) {
            return vec![1];
        }
        let regions = self.restoration.recipe.regions.as_ref();
        let painted = regions.and_then(|regions| regions.paint.iter().map(|p| p.channel + 1).max());
        let first = painted.unwrap_or_else(|| phantom.classes());
        [first].into_iter().chain((1..=CHANNELS).filter(|n| *n != first)).collect()
    }

    fn with(&self, passages: &[&Passage], phantom: &Phantom, channels: usize) -> Result<Map<String, Value>, String> {
        let member = |(number, passage): (usize, &&Passage)| -> Result<Member, crate::restore::RestoreError> {
            let trace =
                passage.trace.clone().unwrap_or_else(|| unreachable!("only passages that ended have a way back"));
            let prediction = self.prediction(passage, phantom, channels);
            let name = format!("prediction {number}");
            Ok(Member { name, trace: Arc::new(trace), volume: self.volume.clone(), prediction, weights: vec![1.0] })
        };
        let text = |e: crate::restore::RestoreError| e.to_string();
        let (taken, _) = self.restoration.take(passages.iter().enumerate().map(member)).map_err(text)?;
        let unseen = taken.unseen().map_err(|e| e.to_string())?;
        let interpolation = taken.interpolation().map_or("copied", |i| i.name());
        let mut volume = self.restoration.bring_back(taken).map_err(text)?.volume;
        let wanted = self.restoration.dtype.map(StoredDtype::in_memory);
        if let Some(dtype) = wanted.or(self.smallest(&volume)) {
            volume = volume.cast(dtype);
        }
        let mut said = Map::new();
        said.insert("channels of the prediction".to_owned(), channels.into());
        said.insert("interpolation".to_owned(), interpolation.into());
        said.insert("unseen voxels".to_owned(), unseen.into());
        said.extend(statistics::volume(&volume));
        Ok(said)
    }

    /// The smallest type that holds the labels of a label map.
    fn smallest(&self, volume: &Volume) -> Option<Dtype> {
        let (low, high) = volume.voxels().whole_range().filter(|_| volume.kind() == Kind::Label)?;
        Dtype::smallest_for_whole(low.min(0), high.max(0))
    }

    /// A prediction on the grid that the case ended on. Where values are undone it is what came out, in whose range they
    /// are.
    fn prediction(&self, passage: &Passage, phantom: &Phantom, channels: usize) -> Volume {
        let result = &passage.volumes[&self.volume];
        let dtype = match self.kind {
            Kind::Label => phantom.label_dtype(),
            _ => Dtype::F32,
        };
        if self.restoration.recipe.values != Values::Keep {
            let dtype = if self.kind == Kind::Label { result.dtype() } else { dtype };
            return result.clone().cast(dtype).with_kind(self.kind);
        }
        let made = phantom.volume(result.grid(), self.kind, dtype, channels);
        made.unwrap_or_else(|_| result.clone().with_kind(self.kind))
    }
}
