//! Which labels can reach each step, and labels that steps name and that cannot.
//!
//! Where an input declares its labels, all of this is known from the text. Where it does not, whoever has label maps
//! says what they hold.
//!
//! Of a one-hot map of several channels some parameters name channels, not labels. Such a map holds 0 and 1 alone, and
//! how many channels a volume has is no matter of the text: where it can be one, they are not looked for. An input that
//! declares its labels is taken for none.

use std::collections::BTreeMap;

use revoxel_core::{Kind, LostLabel, StoredDtype};
use revoxel_transforms::params::{Padding, PerKey};
use revoxel_transforms::{LabelSet, NamedLabel, Need, PaddingRule, RefusedLabel, Resampling, Transform};
use schemars::JsonSchema;

use crate::error::{Fault, PipelineError, Place};
use crate::node::{Data, Node};
use crate::pipeline::{Input, Pipeline, Step};

/// The labels of an input as written, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum LabelsSchema {
    List(Vec<i64>),
    Names(BTreeMap<String, LabelOrList>),
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum LabelOrList {
    Label(i64),
    List(Vec<i64>),
}

/// The labels that an input declares: a list, or names with a label or several each.
pub(crate) fn declared(node: &Node, kind: Kind) -> Result<LabelSet, Fault> {
    if kind != Kind::Label {
        return Err(Fault::new(node.place, format!("labels: only label maps have them, and the kind is {kind}")));
    }
    let mut all: Vec<(i64, Place)> = Vec::new();
    match &node.data {
        Data::List(list) => {
            for item in list {
                let label = whole(item)?;
                if all.iter().any(|(other, _)| *other == label) {
                    return Err(Fault::new(item.place, format!("labels: {label} is listed twice")));
                }
                all.push((label, item.place));
            }
        }
        // Regions of several labels may share some.
        Data::Map(map) => {
            for (_, value) in map {
                match &value.data {
                    Data::List(list) => {
                        all.extend(list.iter().map(|n| Ok((whole(n)?, n.place))).collect::<Result<Vec<_>, Fault>>()?)
                    }
                    _ => all.push((whole(value)?, value.place)),
                }
            }
        }
        _ => {
            let problem = "labels: expected a list of labels, such as [0, 1, 2], or names with their labels";
            return Err(Fault::new(node.place, problem));
        }
    }
    if all.is_empty() {
        let problem = "labels: none are declared: name all that the maps may hold, or leave `labels` out";
        return Err(Fault::new(node.place, problem));
    }
    Ok(all.into_iter().map(|(label, _)| label as f64).collect())
}

fn whole(node: &Node) -> Result<i64, Fault> {
    match &node.data {
        Data::Number(number) if number.is_i64() => Ok(number.as_i64().unwrap_or_default()),
        _ => Err(Fault::new(node.place, format!("labels: {} is no label: labels are whole numbers", node.json()))),
    }
}

/// A label that a parameter of a step names, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sought {
    label: f64,
    or_channel: bool,
    place: Place,
}

/// The labels that a transform names, with their places in the parameters as written.
pub(crate) fn sought(transform: &Transform, params: &Node) -> Vec<Sought> {
    let named = match transform {
        Transform::Spatial(transform) => transform.named_labels(),
        Transform::Value(transform) => transform.named_labels(),
        Transform::Random(transform) => transform.named_labels(),
    };
    let place = |n: &NamedLabel| params.locate(&[n.field.to_owned(), n.position.to_string()], false);
    named.iter().map(|n| Sought { label: n.label, or_channel: n.or_channel, place: place(n) }).collect()
}

/// A label that a step names and that none of the volumes that it looks at can hold by then.
#[derive(Clone, Debug)]
pub struct AbsentLabel {
    /// Position of the step, from 0.
    pub step: usize,
    /// Name of the transform.
    pub name: &'static str,
    /// The label.
    pub label: f64,
    /// The volumes that the step looks at, by key.
    pub keys: Vec<String>,
    /// The labels that these can hold by then.
    pub possible: LabelSet,
    /// Whether that is not what they held before the first step.
    pub changed: bool,
    or_channel: bool,
    place: Place,
}

impl AbsentLabel {
    /// The line and the column, from 1.
    pub const fn place(&self) -> (usize, usize) {
        (self.place.line, self.place.column)
    }

    /// The fault where labels are known from the text.
    pub(crate) fn fault(&self, whose: &str) -> Fault {
        let Self { name, label, possible, .. } = self;
        let hold = if self.keys.len() == 1 { "it holds" } else { "they hold" };
        if self.changed {
            let problem = format!("{name}: label {label} cannot be in {whose} here: by this step {hold} {possible}");
            return Fault::new(self.place, problem).help("name a label that is there after the steps before this one");
        }
        let problem = format!("{name}: label {label} is not declared for {whose}: {hold} {possible}");
        let help = "correct it, or add it to `labels:` of the input";
        let channel = "; if it is a channel of a one-hot map, say is_onehot: true";
        Fault::new(self.place, problem).help(format!("{help}{}", if self.or_channel { channel } else { "" }))
    }
}

/// The fault where a voxel type does not hold a label that will be there.
pub(crate) fn lost(lost: &LostLabel, place: Place) -> Fault {
    let LostLabel { label, dtype } = lost;
    let problem = format!("dtype: {dtype} does not hold label {label}, which would become another label");
    Fault::new(place, problem).help("give a dtype that holds it, or leave `dtype` out")
}

/// Keys for people.
pub(crate) fn quoted(keys: &[String]) -> String {
    keys.iter().map(|key| format!("{key:?}")).collect::<Vec<_>>().join(" and ")
}

/// What label maps of an input hold, as far as they were looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenLabels {
    /// The labels.
    pub labels: LabelSet,
    /// The channels, of the map that has the most.
    pub channels: usize,
}

impl Default for SeenLabels {
    /// No label, in one channel.
    fn default() -> Self {
        Self { labels: LabelSet::default(), channels: 1 }
    }
}

/// What is known of a volume.
#[derive(Clone, Debug)]
struct Known {
    kind: Kind,
    /// Whether it can be a one-hot map of several channels.
    onehot: bool,
    /// All labels that it can hold; `None` where that is not known.
    labels: Option<LabelSet>,
    /// Labels that it can hold for certain: what was declared, named or made on the way.
    certain: LabelSet,
    changed: bool,
}

/// What volumes hold on their way through the steps.
#[derive(Clone, Debug)]
pub(crate) struct Reach(BTreeMap<String, Known>);

impl Reach {
    /// Before the first step, from what the inputs declare.
    pub(crate) fn of_text(inputs: &[Input]) -> Self {
        Self(inputs.iter().map(|i| (i.key.clone(), Known::new(i.kind, i.labels.clone(), None))).collect())
    }

    /// Before the first step, where the maps of the inputs that declare nothing hold `seen`. Such an input that is
    /// not in `seen` has no maps.
    fn of_maps(inputs: &[Input], seen: &BTreeMap<String, SeenLabels>) -> Self {
        let known = |i: &Input| {
            let seen = seen.get(&i.key).filter(|_| i.labels.is_none());
            let labels = i.labels.as_ref().or_else(|| seen.map(|s| &s.labels));
            let there = i.kind != Kind::Label || labels.is_some();
            there.then(|| (i.key.clone(), Known::new(i.kind, labels.cloned(), seen.map(|s| s.channels))))
        };
        Self(inputs.iter().filter_map(known).collect())
    }

    /// Makes a volume a label map of one channel that holds these.
    pub(crate) fn put(&mut self, key: &str, labels: Option<LabelSet>) {
        let certain = labels.clone().unwrap_or_default();
        self.0.insert(key.to_owned(), Known { kind: Kind::Label, onehot: false, labels, certain, changed: true });
    }

    /// A label that a volume can hold and that its voxel type would turn into another one.
    pub(crate) fn lost(&self, key: &str, dtype: StoredDtype) -> Option<LostLabel> {
        let known = self.0.get(key).filter(|known| known.kind == Kind::Label)?;
        let all = known.labels.iter().flat_map(LabelSet::iter).chain(known.certain.iter());
        dtype.check_labels(all).err()
    }

    /// Adds labels to what volumes hold; `None` is what nobody knows.
    pub(crate) fn add(&mut self, labels: Option<&LabelSet>) {
        for known in self.0.values_mut() {
            known.certain.extend(labels.into_iter().flat_map(LabelSet::iter));
            known.labels = known.labels.take().zip(labels).map(|(all, more)| all.iter().chain(more.iter()).collect());
        }
    }

    /// What is known of the volumes in which a step looks for labels.
    fn volumes<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = (&'a str, &'a Known)> {
        looked_at(step).into_iter().filter_map(|key| self.0.get(key).map(|known| (key, known)))
    }

    /// The labels that a step names and that it cannot find.
    pub(crate) fn absent(&self, number: usize, step: &Step) -> Vec<AbsentLabel> {
        if step.labels.is_empty() {
            return Vec::new();
        }
        let volumes: Vec<(&str, &Known)> = self.volumes(step).filter(|(_, known)| known.kind == Kind::Label).collect();
        let mut possible = LabelSet::default();
        for (_, known) in &volumes {
            match &known.labels {
                Some(labels) => possible.extend(labels.iter()),
                None => return Vec::new(),
            }
        }
        if volumes.is_empty() {
            return Vec::new();
        }
        let onehot = volumes.iter().any(|(_, known)| known.onehot && known.labels.as_ref().is_none_or(binary));
        let absent = |sought: &&Sought| !(possible.has(sought.label) || sought.or_channel && onehot);
        let told = |sought: &Sought| AbsentLabel {
            step: number,
            name: step.name,
            label: sought.label,
            keys: volumes.iter().map(|(key, _)| (*key).to_owned()).collect(),
            possible: possible.clone(),
            changed: volumes.iter().any(|(_, known)| known.changed),
            or_channel: sought.or_channel,
            place: sought.place,
        };
        step.labels.iter().filter(absent).map(told).collect()
    }

    /// Refuses labels of volumes that are no label maps, and labels that a step has no room for. `node` is the step
    /// as written.
    pub(crate) fn check(&self, step: &Step, node: &Node) -> Result<(), Fault> {
        let volumes: Vec<(&str, &Known)> = self.volumes(step).collect();
        if let (Some(first), Some((key, _))) = (step.labels.first(), volumes.first())
            && volumes.iter().all(|(_, known)| known.kind == Kind::Image)
        {
            let (name, label) = (step.name, first.label);
            let problem =
                format!("{name}: label {label} of {key:?}: it is an image here, and only label maps hold labels");
            return Err(Fault::new(first.place, problem).help("name an input of kind label, or use another rule"));
        }
        let Transform::Value(transform) = &step.transform else { return Ok(()) };
        for key in &step.keys {
            let labels = self.0.get(key).filter(|known| known.kind == Kind::Label).and_then(|k| k.labels.as_ref());
            let Some(refused) = labels.and_then(|labels| transform.refuses(labels)) else { continue };
            let RefusedLabel { label, field, problem } = refused;
            let place = node.locate(&[step.name.to_owned(), field.to_owned()], false);
            return Err(Fault::new(place, format!("{}: label {label} of {key:?}: {problem}", step.name)));
        }
        Ok(())
    }

    /// Carries the sets through a step.
    pub(crate) fn pass(&mut self, step: &Step) {
        for key in &step.keys {
            let Some(known) = self.0.get_mut(key) else { continue };
            let mut certain = known.certain.clone();
            let (kind, after) = match &step.transform {
                Transform::Value(transform) => {
                    let kind = transform.kind_after(known.kind);
                    let labels = known.labels.as_ref().filter(|_| known.kind == Kind::Label);
                    // A label that a step names is there: that is checked elsewhere.
                    certain
                        .extend(step.labels.iter().map(|sought| sought.label).filter(|_| transform.source().is_none()));
                    let made = transform.labels_after(Some(&certain).filter(|_| known.kind == Kind::Label));
                    certain = made.filter(|_| kind == Kind::Label).unwrap_or_default();
                    (kind, transform.labels_after(labels).filter(|_| kind == Kind::Label))
                }
                Transform::Spatial(transform) => {
                    certain.extend(padded(key, &transform.padding(), &transform.resampling()));
                    (known.kind, moved(known, key, &transform.padding(), &transform.resampling()))
                }
                Transform::Random(transform) if step.class == revoxel_transforms::Class::Spatial => {
                    certain.extend(padded(key, &transform.padding(), &transform.resampling()));
                    (known.kind, moved(known, key, &transform.padding(), &transform.resampling()))
                }
                Transform::Random(_) => {
                    certain = LabelSet::default();
                    (known.kind, None)
                }
            };
            let changed = known.changed || kind != known.kind || after != known.labels;
            // What becomes a label map may have a channel for each label.
            let onehot = known.onehot || kind != known.kind;
            *known = Known { kind, onehot, labels: after, certain, changed };
        }
    }
}

impl Known {
    /// Before the first step; `channels` where anybody knows.
    fn new(kind: Kind, labels: Option<LabelSet>, channels: Option<usize>) -> Self {
        let onehot = channels.map_or(labels.is_none(), |count| count > 1) && labels.as_ref().is_none_or(binary);
        let certain = labels.clone().unwrap_or_default();
        Self { kind, onehot, labels, certain, changed: false }
    }
}

/// Whether a one-hot map can hold these.
fn binary(labels: &LabelSet) -> bool {
    labels.iter().all(|label| label == 0.0 || label == 1.0)
}

/// The labels after voxels moved: interpolation and averages invent none, a value that pads may be one.
fn moved(known: &Known, key: &str, padding: &PaddingRule<'_>, resampling: &Resampling<'_>) -> Option<LabelSet> {
    let mut labels = known.labels.clone()?;
    labels.extend(padded(key, padding, resampling));
    Some(labels)
}

/// What a step is told to put where a volume has nothing.
fn padded(key: &str, padding: &PaddingRule<'_>, resampling: &Resampling<'_>) -> Vec<f64> {
    let value = padding.value.and_then(|v: &PerKey<f64>| v.for_key(key));
    let outside = resampling.padding.and_then(|p| p.for_key(key)).and_then(|p| match p {
        Padding::Value(value) => Some(value),
        _ => None,
    });
    value.into_iter().chain(outside).collect()
}

/// The keys of the volumes in which a step looks for the labels that it names.
fn looked_at(step: &Step) -> Vec<&str> {
    let own = || step.keys.iter().map(String::as_str).collect();
    let (need, also) = match &step.transform {
        Transform::Spatial(transform) => (transform.need(), transform.also()),
        Transform::Random(transform) => (transform.need(), &[][..]),
        Transform::Value(transform) => return transform.source().map_or_else(own, |key| vec![key]),
    };
    match need {
        Need::Voxels(key) => [key].into_iter().chain(also.iter().map(String::as_str)).collect(),
        Need::Nothing | Need::Grid(_) => own(),
    }
}

impl Pipeline {
    /// The labels that steps name and that none of the volumes can hold that they look at, where the label maps of
    /// inputs that declare no labels hold `seen`, by key. Such inputs that are not in `seen` have no maps: what steps
    /// look for only there counts as found.
    pub fn absent_labels(&self, seen: &BTreeMap<String, SeenLabels>) -> Vec<AbsentLabel> {
        let mut reach = Reach::of_maps(&self.inputs, seen);
        let mut absent = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            absent.extend(reach.absent(number, step));
            reach.pass(step);
        }
        absent
    }

    /// An error at a label that is named.
    pub fn label_error(&self, absent: &AbsentLabel, problem: String, help: String) -> PipelineError {
        PipelineError { help: Some(help), ..self.error_at(absent.place, problem) }
    }
}
