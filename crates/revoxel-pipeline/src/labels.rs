//! Which labels can reach each step, and labels that steps name and that cannot.
//!
//! Where an input declares its labels, all of this is known from the text. Where it does not, whoever has label maps
//! says what they hold.
//!
//! Of a one-hot map of several channels some parameters name channels, not labels. Such a map holds 0 and 1 alone. How
//! many channels one has that a step made is known from the text; how many those of an input have is not: where it can
//! be one, they are not looked for. An input that declares its labels is taken for none.

mod given;
mod known;
pub(crate) mod names;

use std::collections::BTreeMap;

use revoxel_core::{Kind, LostLabel, StoredDtype};
use revoxel_transforms::{LabelSet, NamedLabel, Names, RefusedLabel, Sources, Transform};

use crate::error::{Fault, PipelineError, Place};
use crate::model::{LabelReference, Pipeline, Step};
use crate::node::{Data, Node};
use crate::state::{SeenLabels, VolumeState, VolumeStates};

/// The labels that an input declares: a list, or names with a label or several each.
pub(crate) fn declared(node: &Node, kind: Kind) -> Result<LabelSet, Fault> {
    if kind != Kind::Label {
        return Err(Fault::new(
            node.place,
            format!("labels: only inputs of kind label have labels, and the kind is {kind}"),
        ));
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
        let problem = "labels: the list is empty: list all labels that the maps may contain, or leave `labels` out";
        return Err(Fault::new(node.place, problem));
    }
    Ok(all.into_iter().map(|(label, _)| label as f64).collect())
}

/// A label as it is written.
pub(crate) fn whole(node: &Node) -> Result<i64, Fault> {
    match &node.data {
        Data::Number(number) if number.is_i64() => Ok(number.as_i64().unwrap_or_default()),
        _ => Err(Fault::new(node.place, format!("labels: {} is not a label: labels are whole numbers", node.json()))),
    }
}

/// The labels that a transform names, with their places in the parameters as written.
pub(crate) fn sought(transform: &Transform, params: &Node) -> Vec<LabelReference> {
    let place = |n: &NamedLabel| params.locate(&[n.field.to_owned(), n.position.to_string()], false);
    transform
        .named_labels()
        .iter()
        .map(|n| LabelReference { label: n.label, names: n.names, place: place(n) })
        .collect()
}

/// A label that a step names but that none of its volumes can contain at this step.
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
    /// The labels that these can contain at this step.
    pub possible: LabelSet,
    /// Whether that is not what they held before the first step.
    pub changed: bool,
    names: Names,
    place: Place,
}

impl AbsentLabel {
    /// What its number is of: a label, or a channel.
    pub fn noun(&self) -> &'static str {
        if self.names == Names::Channel { "channel" } else { "label" }
    }

    /// The line and the column, from 1.
    pub const fn place(&self) -> (usize, usize) {
        (self.place.line, self.place.column)
    }

    /// The fault where labels are known from the text.
    pub(crate) fn fault(&self, whose: &str) -> Fault {
        let Self { name, label, possible, .. } = self;
        let hold = if self.keys.len() == 1 { "it contains" } else { "they contain" };
        if self.changed {
            let problem = format!("{name}: {whose} cannot have label {label} here: at this step {hold} {possible}");
            return Fault::new(self.place, problem).help("name a label that exists after the previous steps");
        }
        let problem = format!("{name}: label {label} is not declared for {whose}: {hold} {possible}");
        let help = "correct it, or add it to `labels:` of the input";
        let channel = "; if it is a channel of a one-hot map, leave `labels` out, or set is_onehot: true if the step \
                       has this parameter";
        Fault::new(self.place, problem)
            .help(format!("{help}{}", if self.names == Names::LabelOrChannel { channel } else { "" }))
    }
}

/// The fault where a voxel type does not hold a label that will be there.
pub(crate) fn lost(lost: &LostLabel, place: Place) -> Fault {
    let LostLabel { label, dtype } = lost;
    let problem = format!("dtype: {dtype} cannot store label {label}, which would become another label");
    Fault::new(place, problem).help("choose a dtype that can store it, or leave `dtype` out")
}

/// Keys in quotes, for messages.
pub(crate) fn quoted(keys: &[String]) -> String {
    keys.iter().map(|key| format!("{key:?}")).collect::<Vec<_>>().join(" and ")
}

impl VolumeStates {
    /// A label that a volume can hold and that its voxel type would turn into another one.
    pub(crate) fn lost(&self, key: &str, dtype: StoredDtype) -> Option<LostLabel> {
        let known = self.get(key).filter(|known| known.kind == Kind::Label)?;
        let all = known.labels.iter().flat_map(LabelSet::iter).chain(known.certain.iter());
        dtype.check_labels(all).err()
    }

    /// What is known of the volumes in which a step looks for labels.
    fn volumes<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = (&'a str, &'a VolumeState)> {
        let known = |key| self.get(key).filter(|known| known.there).map(|known| (key, known));
        looked_at(step).into_iter().filter_map(known)
    }

    /// The labels that a step names and that it cannot find.
    pub(crate) fn absent(&self, number: usize, step: &Step) -> Vec<AbsentLabel> {
        if step.labels.is_empty() {
            return Vec::new();
        }
        let volumes: Vec<(&str, &VolumeState)> =
            self.volumes(step).filter(|(_, known)| known.kind != Kind::Image).collect();
        let counted = volumes.iter().any(|(_, known)| known.channels.is_some());
        let absent = |sought: &&LabelReference| {
            // Where channels were counted, a volume whose channels nobody knows is no evidence.
            let counts = |known: &VolumeState| !(counted && sought.names == Names::Channel && known.channels.is_none());
            !volumes.is_empty() && !volumes.iter().any(|(_, known)| counts(known) && known.finds(sought))
        };
        let told = |sought: &LabelReference| AbsentLabel {
            step: number,
            name: step.name,
            label: sought.label,
            keys: volumes.iter().map(|(key, _)| (*key).to_owned()).collect(),
            possible: volumes.iter().flat_map(|(_, known)| known.possible(sought.names)).collect(),
            changed: volumes.iter().any(|(_, known)| known.changed),
            names: sought.names,
            place: sought.place,
        };
        step.labels.iter().filter(absent).map(told).collect()
    }

    /// Refuses labels of volumes that are no label maps, channels that a one-hot map does not have, labels that a step
    /// has no room for, more channels than it takes, and a one-hot map that is none any more. `node` is the step as
    /// written, where it is at hand.
    pub(crate) fn check(&self, step: &Step, node: Option<&Node>) -> Result<(), Fault> {
        let volumes: Vec<(&str, &VolumeState)> = self.volumes(step).collect();
        if let (Some(first), Some((key, _))) = (step.labels.first(), volumes.first())
            && volumes.iter().all(|(_, known)| known.kind == Kind::Image)
        {
            let (name, label) = (step.name, first.label);
            let problem =
                format!("{name}: {key:?} is an image here and has no label {label}: only label maps have labels");
            return Err(Fault::new(first.place, problem).help("name an input of kind label, or use another rule"));
        }
        for ((key, known), sought) in volumes.iter().flat_map(|volume| step.labels.iter().map(move |s| (volume, s))) {
            let Some(channels) = known.channels_named(sought.names) else { continue };
            if sought.label < 0.0 || sought.label >= channels as f64 {
                let (name, label) = (step.name, sought.label);
                let there = if channels == 1 {
                    "1 channel (number 0)".to_owned()
                } else {
                    format!("{channels} channels (0 to {})", channels - 1)
                };
                let problem = format!("{name}: {key:?} has no channel {label}: at this step it has {there}");
                return Err(Fault::new(sought.place, problem).help("channels are numbered from 0"));
            }
        }
        match &step.transform {
            Transform::Value(transform) => {
                for key in &step.keys {
                    let Some(known) = self.get(key) else { continue };
                    known.suits(key, step.name, &**transform).map_err(|fault| Fault { place: step.place, ..fault })?;
                    let refused = known.numbers().and_then(|labels| transform.refuses(labels));
                    let certain = || transform.refuses(&known.certain);
                    let Some(RefusedLabel { label, field, problem }) = refused.or_else(certain) else { continue };
                    let value = node.and_then(|node| node.child(step.name)?.child(field));
                    let place = value.map_or(step.place, |value| value.place);
                    return Err(Fault::new(place, format!("{}: label {label} of {key:?}: {problem}", step.name)));
                }
            }
            Transform::Random(transform) => {
                let Some(asked) = transform.channels() else { return Ok(()) };
                for (key, known) in volumes {
                    let exact = known.channels.as_ref().is_some_and(|channels| channels.exact);
                    let channels = known.channels_named(Names::LabelOrChannel);
                    let Some(channels) = channels.filter(|n| exact && *n != asked) else { continue };
                    let name = step.name;
                    let problem = format!("{name}: {key:?} has {channels} channels at this step, expected {asked}");
                    return Err(Fault::new(step.place, problem));
                }
            }
            Transform::Spatial(_) => {}
        }
        Ok(())
    }
}

/// The keys of the volumes in which a step looks for the labels that it names.
fn looked_at(step: &Step) -> Vec<&str> {
    match step.transform.sources() {
        Sources::Voxels { of, also, .. } => [of].into_iter().chain(also.iter().map(String::as_str)).collect(),
        _ => step.keys.iter().map(String::as_str).collect(),
    }
}

impl Pipeline {
    /// The labels that steps name and that none of the volumes can hold that they look at, where the label maps of
    /// inputs hold `seen`, by key; of those that declare their labels only the channels count. Inputs that declare none
    /// and are not in `seen` have no maps: what steps look for only there counts as found.
    pub fn absent_labels(&self, seen: &BTreeMap<String, SeenLabels>) -> Vec<AbsentLabel> {
        let mut reach = VolumeStates::of_maps(&self.inputs, seen);
        let mut absent = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            absent.extend(reach.absent(number, step));
            // Nothing is refused where no grid is known.
            if reach.pass(step).is_err() {
                break;
            }
        }
        absent
    }

    /// Checks what steps say of labels and channels against the channels of a case's files, by key.
    ///
    /// # Errors
    /// The first fault, at its place in the pipeline.
    pub fn check_channels(&self, channels: &BTreeMap<String, usize>) -> Result<(), PipelineError> {
        let mut reach = VolumeStates::of_files(&self.inputs, channels);
        let named = |Fault { place, problem, help }: Fault| PipelineError { help, ..self.error_at(place, problem) };
        for (number, step) in self.steps.iter().enumerate() {
            reach.check(step, None).map_err(named)?;
            if let Some(absent) = reach.absent(number, step).first() {
                return Err(named(absent.fault(&quoted(&absent.keys))));
            }
            reach.pass(step).map_err(named)?;
        }
        Ok(())
    }

    /// An error at a label that is named.
    pub fn label_error(&self, absent: &AbsentLabel, problem: String, help: String) -> PipelineError {
        PipelineError { help: Some(help), ..self.error_at(absent.place, problem) }
    }
}
