//! How the ops of a transform interpolate and pad.

use revoxel_core::Kind;
use revoxel_resample::{AntiAlias, Boundary, Interpolation, PadMode, Separate};

use crate::params::{Named, Padding, PerKey};

/// Parameters of the interpolating ops of a transform.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resampling<'a> {
    /// The interpolation, where the step gives one; else the kind decides.
    pub interpolation: Option<&'a PerKey<Named<Interpolation>>>,
    /// What lies outside, where the step gives it; else the default.
    pub padding: Option<&'a PerKey<Padding>>,
    /// What lies outside by default.
    pub default_padding: Padding,
    /// By which rule an axis is interpolated in another way than the rest, where one is.
    pub separate: Option<Separate>,
    /// What the cubic B-spline takes to lie beyond the voxels.
    pub boundary: Boundary,
    /// Whether the cubic B-spline is kept within the range of what it reads.
    pub clip: bool,
    /// Whether voxels are means of all that they touch, where the step gives no interpolation and the volume is no label
    /// map; for ops that keep the outer faces. See [`area`](revoxel_resample::area).
    pub area: bool,
    /// Whether voxels are interpolated at all, where grids differ.
    pub samples: bool,
    /// How a volume is smoothed before it is sampled more coarsely, where it is; see
    /// [`anti_alias_sigma`](revoxel_resample::anti_alias_sigma). Labels never are.
    pub smoothing: Option<AntiAlias>,
}

impl Resampling<'_> {
    /// The interpolation that the step gives for a volume. One for all inputs is not meant for labels where it would
    /// average them, nor for other kinds where it would choose among labels.
    pub fn interpolation_for(&self, key: &str, kind: Kind) -> Option<Interpolation> {
        let asked = self.interpolation.and_then(|i| i.get(key)).map(|named| named.0);
        asked.filter(|i| match kind {
            Kind::Label => !i.averages(),
            _ => !i.weighs_labels(),
        })
    }

    /// Whether values of a volume may be mixed with those beside them.
    pub fn mixes(&self, key: &str, kind: Kind) -> bool {
        let asked = self.interpolation_for(key, kind).unwrap_or(Interpolation::default_for(kind));
        self.samples && kind != Kind::Label && asked.averages()
    }

    /// Whether a volume is averaged instead of interpolated.
    pub fn averages(&self, key: &str, kind: Kind) -> bool {
        self.area && kind != Kind::Label && self.interpolation_for(key, kind).is_none()
    }
}

impl<'a> Resampling<'a> {
    /// What a step asks for, with what lies outside where it does not say.
    pub const fn asked(
        interpolation: Option<&'a PerKey<Named<Interpolation>>>,
        padding: Option<&'a PerKey<Padding>>,
        default_padding: Padding,
    ) -> Self {
        let (separate, boundary, smoothing) = (None, Boundary::Mirror, None);
        let (clip, area, samples) = (false, false, true);
        Self { interpolation, padding, default_padding, separate, boundary, clip, area, samples, smoothing }
    }

    /// The same, with smoothing by the usual rule where `anti_alias` asks for it.
    #[must_use]
    pub fn smoothed(self, anti_alias: bool) -> Self {
        Self { smoothing: anti_alias.then_some(AntiAlias::Cardoso), ..self }
    }
}

/// Parameters of the windows of a transform.
#[derive(Clone, Copy, Debug)]
pub struct PaddingRule<'a> {
    /// How padding is made.
    pub mode: PadMode,
    /// The constant, where the step gives one; else the kind decides (images: 0).
    pub value: Option<&'a PerKey<f64>>,
}

impl Default for PaddingRule<'_> {
    /// A constant that the kind decides.
    fn default() -> Self {
        Self { mode: PadMode::Constant, value: None }
    }
}

impl PaddingRule<'_> {
    /// The constant for the channels of a volume, one number for all of them or one by channel.
    pub fn value_for(&self, key: &str, kind: Kind, channels: usize) -> Vec<f64> {
        self.value.and_then(|v| v.for_key(key)).map(|v| vec![v]).unwrap_or_else(|| {
            kind.unseen(channels).unwrap_or_else(|| vec![self.value.and_then(|v| v.for_all()).unwrap_or(0.0)])
        })
    }
}
