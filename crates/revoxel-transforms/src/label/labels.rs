//! What the transforms of labels share: lists of labels, the labels of a volume, and exchanging them.

use std::borrow::Cow;
use std::fmt;

use revoxel_core::{Dtype, ValueUndo, Volume, Voxel, Voxels, dispatch, dispatch_dtype, parallel};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::runs::{Runs, paint};
use crate::error::Invalid;
use crate::label_set::distinct;
use crate::transform::{ApplyError, NamedLabel};

/// One label or a list of labels: what people write as `1` or `[1, 2]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Labels(pub Vec<i64>);

impl Labels {
    /// Whether a label is in the list.
    pub fn has(&self, label: f64) -> bool {
        self.0.iter().any(|l| *l as f64 == label)
    }

    /// Each label with its place in the parameter.
    pub fn named(&self, field: &'static str) -> Vec<NamedLabel> {
        NamedLabel::list(field, self.0.iter().map(|l| *l as f64))
    }

    /// Refuses an empty list and labels that are listed twice.
    pub fn check(&self, field: &'static str) -> Result<(), Invalid> {
        if self.0.is_empty() {
            return Err(Invalid::new(field, "the list is empty: name at least one label"));
        }
        let twice = (1..self.0.len()).find(|i| self.0[..*i].contains(&self.0[*i]));
        twice.map_or(Ok(()), |i| Err(Invalid::new(field, format!("{} is listed twice", self.0[i]))))
    }
}

/// Refuses what is listed twice or empty, where there is a list.
pub fn check(field: &'static str, labels: Option<&Labels>) -> Result<(), Invalid> {
    labels.map_or(Ok(()), |l| l.check(field))
}

/// Each label with its place in the parameter, where there is a list.
pub fn named(field: &'static str, labels: Option<&Labels>) -> Vec<NamedLabel> {
    labels.map_or_else(Vec::new, |l| l.named(field))
}

/// Refuses connectivities that there are none of in three dimensions.
pub fn check_connectivity(connectivity: u8) -> Result<(), Invalid> {
    match connectivity {
        1..=3 => Ok(()),
        c => Err(Invalid::new("connectivity", format!("{c}: use 1 (faces), 2 (and edges) or 3 (and corners)"))),
    }
}

struct Wanted;

impl<'de> Visitor<'de> for Wanted {
    type Value = Labels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a label (a whole number) or a list of labels")
    }

    fn visit_i64<E: de::Error>(self, label: i64) -> Result<Labels, E> {
        Ok(Labels(vec![label]))
    }

    fn visit_u64<E: de::Error>(self, label: u64) -> Result<Labels, E> {
        i64::try_from(label).map(|l| Labels(vec![l])).map_err(|_| E::custom(format!("{label} is too large")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Labels, A::Error> {
        let mut labels = Vec::new();
        while let Some(label) = list.next_element()? {
            labels.push(label);
        }
        Ok(Labels(labels))
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Wanted)
    }
}

impl JsonSchema for Labels {
    fn schema_name() -> Cow<'static, str> {
        "labels".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "integer" }, { "type": "array", "items": { "type": "integer" }, "minItems": 1 }] })
    }
}

/// A volume with another label over runs of each channel; `change` gives the label by run, `None` for runs that stay.
/// `lost` says how the labels were lost, where any was changed.
pub fn repaint(
    volume: Volume,
    keep: impl Fn(f64) -> bool + Sync,
    change: impl Fn(&Runs) -> Vec<Option<f64>>,
    lost: impl FnOnce(u64) -> String,
) -> Result<(Volume, ValueUndo), ApplyError> {
    fn channel<T: Voxel>(
        values: &mut [T],
        shape: [usize; 3],
        keep: &(impl Fn(f64) -> bool + Sync),
        change: &impl Fn(&Runs) -> Vec<Option<f64>>,
    ) -> u64 {
        let runs = Runs::of(values, shape, keep);
        let labels = change(&runs);
        paint(values, &runs, |run| labels[run].map(T::from_f64));
        labels.iter().zip(&runs.runs).filter(|(label, _)| label.is_some()).map(|(_, run)| run.voxels()).sum()
    }
    let (shape, size) = (volume.grid().shape(), volume.grid().voxel_count());
    let (grid, kind, channels) = (*volume.grid(), volume.kind(), volume.channels());
    let mut voxels = volume.into_voxels();
    let changed: u64 =
        dispatch!(&mut voxels, v => v.chunks_mut(size).map(|values| channel(values, shape, &keep, &change)).sum());
    let undo = if changed == 0 { ValueUndo::nothing() } else { ValueUndo::Lost { reason: lost(changed) } };
    Ok((Volume::new(voxels, grid, kind, channels)?, undo))
}

/// The volume with every label replaced by `new`, in its own voxel type where that holds all new labels, else in the
/// smallest that does.
pub fn exchange(volume: Volume, new: impl Fn(f64) -> f64) -> Result<Volume, ApplyError> {
    fn convert<S: Voxel, T: Voxel>(values: &[S], table: &[(f64, f64)]) -> Vec<T> {
        let mut result = vec![T::default(); values.len()];
        parallel::each(result.chunks_mut(1 << 16).zip(values.chunks(1 << 16)), |(out, values)| {
            let mut last: Option<(S, T)> = None;
            for (out, value) in out.iter_mut().zip(values) {
                *out = match last {
                    Some((from, to)) if from == *value => to,
                    _ => {
                        let label = value.to_f64();
                        let found = table.binary_search_by(|(from, _)| from.total_cmp(&(label + 0.0)));
                        let to = T::from_f64(found.map_or(label, |at| table[at].1));
                        last = Some((*value, to));
                        to
                    }
                };
            }
        });
        result
    }
    let table: Vec<(f64, f64)> = distinct(volume.voxels()).into_iter().map(|label| (label, new(label))).collect();
    let lowest = table.iter().map(|(_, to)| *to).fold(0.0, f64::min);
    let highest = table.iter().map(|(_, to)| *to).fold(0.0, f64::max);
    let (low, high) = volume.dtype().range();
    let dtype = if low <= lowest && highest <= high {
        volume.dtype()
    } else {
        Dtype::smallest_for_label_range(lowest, highest)
    };
    let voxels: Voxels =
        dispatch!(volume.voxels(), v => dispatch_dtype!(dtype, T => convert::<_, T>(v, &table).into()));
    Ok(volume.with_voxels(voxels)?)
}

/// [`exchange`] for pairs of (before, after), to the last digit in whole numbers of 64 bits too.
pub fn exchange_pairs(volume: Volume, pairs: &[(i64, i64)]) -> Result<Volume, ApplyError> {
    if !matches!(volume.dtype(), Dtype::U64 | Dtype::I64) {
        let new = |label: f64| pairs.iter().find(|(from, _)| *from as f64 == label).map_or(label, |(_, to)| *to as f64);
        return exchange(volume, new);
    }
    let after = |label: i128| {
        let pair = pairs.iter().find(|(from, _)| i128::from(*from) == label);
        pair.map_or(label, |(_, to)| i128::from(*to))
    };
    fn all<S: Voxel>(values: &[S], after: impl Fn(i128) -> i128) -> impl Iterator<Item = i128> {
        let mut last: Option<(S, i128)> = None;
        values.iter().map(move |value| match last {
            Some((from, to)) if from == *value => to,
            _ => {
                let to = after(value.whole().unwrap_or_default());
                last = Some((*value, to));
                to
            }
        })
    }
    let range = |range: (i128, i128), label: i128| (range.0.min(label), range.1.max(label));
    let (lowest, highest) = dispatch!(volume.voxels(), v => all(v, after).fold((0, 0), range));
    let held = volume.dtype().holds_whole(lowest) && volume.dtype().holds_whole(highest);
    let dtype = if held { Some(volume.dtype()) } else { Dtype::smallest_for_whole(lowest, highest) };
    let dtype = dtype.ok_or(ApplyError::LongLabels([lowest, highest].into()))?;
    let voxels: Voxels = dispatch!(volume.voxels(), v => dispatch_dtype!(dtype, T => {
        all(v, after).map(T::near_whole).collect::<Vec<T>>().into()
    }));
    Ok(volume.with_voxels(voxels)?)
}

/// The undo of [`exchange_pairs`] of a volume that holds `labels`.
pub fn exchange_pairs_undo(pairs: &[(i64, i64)], labels: Vec<f64>) -> ValueUndo {
    let rounded = |label: i64| Dtype::F64.holds_whole(label.into()).then_some(label as f64);
    let exact: Option<Vec<(f64, f64)>> =
        pairs.iter().map(|(from, to)| Some((rounded(*from)?, rounded(*to)?))).collect();
    match exact {
        Some(exact) => exchange_undo(&exact, labels),
        None => ValueUndo::Lost {
            reason: "it exchanged a label beyond 2^53, which a trace does not hold to the last digit".to_owned(),
        },
    }
}

/// The undo of exchanged labels: `pairs` of (before, after); `stays` are labels that were there and are not listed.
pub fn exchange_undo(pairs: &[(f64, f64)], stays: impl IntoIterator<Item = f64>) -> ValueUndo {
    let all =
        pairs.iter().copied().chain(stays.into_iter().filter(|l| pairs.iter().all(|p| p.0 != *l)).map(|l| (l, l)));
    let mut back: Vec<[f64; 2]> = all.map(|(before, after)| [after, before]).collect();
    back.sort_by(|a, b| a[0].total_cmp(&b[0]));
    if let Some(twice) = back.windows(2).find(|p| p[0][0] == p[1][0]) {
        let ([after, first], second) = (twice[0], twice[1][1]);
        return ValueUndo::Lost { reason: format!("the labels {first} and {second} both became {after}") };
    }
    back.retain(|[after, before]| after != before);
    if back.is_empty() { ValueUndo::nothing() } else { ValueUndo::Relabel { pairs: back } }
}
