//! What a step finds in a volume.

use revoxel_core::Kind;
use revoxel_transforms::{ChannelRule, LabelSet, Names, ValueTransform};

use crate::error::{Fault, Place};
use crate::model::LabelReference;
use crate::state::{VolumeState, binary};

impl VolumeState {
    /// Refuses more channels than a step takes, and numbers between 0 and 1 where it takes bits.
    pub(super) fn suits(&self, key: &str, name: &str, transform: &dyn ValueTransform) -> Result<(), Fault> {
        let count = self.channels.as_ref().filter(|channels| channels.exact).map_or(1, |channels| channels.count);
        let rule = transform.traits().channels;
        if rule == ChannelRule::One && count > 1 {
            let problem =
                format!("{name}: {key:?} has {count} channels at this step: expected a label map with one channel");
            let help = "convert a one-hot map with as_discrete: { argmax: true }";
            return Err(Fault::new(Place::default(), problem).help(help));
        }
        if rule == ChannelRule::OneHot && self.mixed && self.one_hot {
            let problem = format!(
                "{name}: {key:?} was interpolated and is no longer a one-hot map: it contains values between 0 and 1"
            );
            let help = "set is_onehot: true to count values above 0, interpolate with nearest, or apply argmax first";
            return Err(Fault::new(Place::default(), problem).help(help));
        }
        Ok(())
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
