//! What is known of one volume on its way through the steps.

use revoxel_core::Kind;
use revoxel_transforms::params::{Padding, PerKey};
use revoxel_transforms::{Channels, LabelSet, Names, PaddingRule, Resampling, ValueTransform};

use crate::error::{Fault, Place};
use crate::model::LabelReference;

/// What is known of a volume.
#[derive(Clone, Debug)]
pub(super) struct VolumeState {
    pub(super) kind: Kind,
    /// Whether it can be a one-hot map of several channels.
    pub(super) one_hot: bool,
    /// Its channels if it is one, where they are known.
    pub(super) channels: Option<Channels>,
    /// All labels that it can hold; `None` where that is not known.
    pub(super) labels: Option<LabelSet>,
    /// Labels that it can hold for certain: what was declared, named or made on the way.
    pub(super) certain: LabelSet,
    /// Whether a step made it a one-hot map of kind probability.
    pub(super) made_one_hot: bool,
    /// Whether a one-hot map was mixed from voxel to voxel, so that there is something between 0 and 1.
    pub(super) mixed: bool,
    pub(super) changed: bool,
}

impl VolumeState {
    /// Before the first step; with `channels`, if known.
    pub(super) fn new(kind: Kind, labels: Option<LabelSet>, channels: Option<usize>) -> Self {
        let one_hot = channels.map_or(labels.is_none(), |count| count > 1) && labels.as_ref().is_none_or(binary);
        let certain = labels.clone().unwrap_or_default();
        let channels = channels.map(Channels::all);
        Self { kind, one_hot, channels, labels, certain, made_one_hot: false, mixed: false, changed: false }
    }

    /// After a step.
    pub(super) fn turn(&mut self, kind: Kind, labels: Option<LabelSet>, channels: Option<Channels>, certain: LabelSet) {
        let channels = channels.filter(|_| kind != Kind::Image);
        let changed = self.changed || kind != self.kind || labels != self.labels || channels != self.channels;
        // What becomes a label map may have a channel for each label.
        let one_hot = channels.as_ref().map_or(self.one_hot || kind != self.kind, |channels| channels.count > 1);
        let mixed = self.mixed && kind == self.kind;
        *self = Self { kind, one_hot, channels, labels, certain, mixed, changed, ..*self };
    }

    /// After voxels moved: interpolation and averages invent no labels, a value that pads may be one.
    pub(super) fn moved(&mut self, key: &str, padding: &PaddingRule<'_>, resampling: &Resampling<'_>) {
        let padded = padded(key, padding, resampling);
        if padded.iter().any(|value| *value != 0.0) {
            self.channels = self.channels.as_ref().map(Channels::filled);
        }
        if resampling.mixes(key, self.kind) {
            self.mix();
        }
        if self.kind == Kind::Label {
            self.certain.extend(padded.iter().copied());
        }
        let Some(labels) = &mut self.labels else { return };
        let before = labels.count();
        labels.extend(padded);
        self.changed |= labels.count() != before;
    }

    /// After an interpolation: labels are not mixed, and only one-hot maps that a step made are.
    pub(super) fn mix(&mut self) {
        self.mixed |= self.kind == Kind::Probability && self.channels.is_some();
    }

    /// Refuses more channels than a step takes, and numbers between 0 and 1 where it takes bits.
    pub(super) fn suits(&self, key: &str, name: &str, transform: &dyn ValueTransform) -> Result<(), Fault> {
        let count = self.channels.as_ref().filter(|channels| channels.exact).map_or(1, |channels| channels.count);
        if transform.one_channel() && count > 1 {
            let problem =
                format!("{name}: {key:?} has {count} channels at this step: expected a label map with one channel");
            let help = "convert a one-hot map with as_discrete: { argmax: true }";
            return Err(Fault::new(Place::default(), problem).help(help));
        }
        if transform.bits_alone() && self.mixed && self.one_hot {
            let problem = format!(
                "{name}: {key:?} was interpolated and is no longer a one-hot map: it contains values between 0 and 1"
            );
            let help = "set is_onehot: true to count values above 0, interpolate with nearest, or apply argmax first";
            return Err(Fault::new(Place::default(), problem).help(help));
        }
        Ok(())
    }

    /// The numbers of the labels that it may hold: of a one-hot map of probabilities, those of its channels.
    pub(super) fn numbers(&self) -> Option<&LabelSet> {
        match self.kind {
            Kind::Label => self.labels.as_ref(),
            _ => self.channels.as_ref().map(|channels| &channels.held),
        }
    }

    /// How many channels it has, where a number that stands for this is certainly one of them, and that is known.
    pub(super) fn channels_named(&self, names: Names) -> Option<usize> {
        let count = self.channels.as_ref().map(|channels| channels.count)?;
        let channel = match names {
            Names::Label => false,
            Names::LabelOrChannel => count > 1,
            Names::Channel => true,
        };
        channel.then_some(count)
    }

    /// Whether it may hold what a step looks for.
    pub(super) fn finds(&self, sought: &LabelReference) -> bool {
        let channel = || self.channels.as_ref().is_none_or(|channels| channels.held.has(sought.label));
        match (self.kind, sought.names) {
            (_, Names::Channel) => channel(),
            (Kind::Label, names) => {
                let labels = self.labels.as_ref();
                let one_hot = self.one_hot && labels.is_none_or(binary);
                labels.is_none_or(|labels| labels.has(sought.label))
                    || names == Names::LabelOrChannel && one_hot && channel()
            }
            (_, Names::LabelOrChannel) if self.one_hot => channel(),
            // Each channel of a one-hot map is a label map of 0 and 1, and no probability is anything else.
            (Kind::Probability, _) => (0.0..=1.0).contains(&sought.label),
            _ => true,
        }
    }

    /// All numbers of this kind that it may hold.
    pub(super) fn possible(&self, names: Names) -> Vec<f64> {
        let channels = names == Names::Channel || names == Names::LabelOrChannel && self.one_hot;
        let channels = self.channels.iter().filter(|_| channels).flat_map(|channels| channels.held.iter());
        let labels = self.labels.iter().filter(|_| names != Names::Channel).flat_map(LabelSet::iter);
        let bits =
            [0.0, 1.0].into_iter().filter(|_| self.kind != Kind::Label && (names == Names::Label || !self.one_hot));
        labels.chain(channels).chain(bits).collect()
    }
}

/// Whether a one-hot map can hold these.
fn binary(labels: &LabelSet) -> bool {
    labels.iter().all(|label| label == 0.0 || label == 1.0)
}

/// The values that a step puts outside a volume.
fn padded(key: &str, padding: &PaddingRule<'_>, resampling: &Resampling<'_>) -> Vec<f64> {
    let value = padding.value.and_then(|v: &PerKey<f64>| v.for_key(key));
    let outside = resampling.padding.and_then(|p| p.for_key(key)).and_then(|p| match p {
        Padding::Value(value) => Some(value),
        _ => None,
    });
    value.into_iter().chain(outside).collect()
}
