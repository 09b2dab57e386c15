//! Interpolation, and values outside the volume.

use std::fmt;
use std::str::FromStr;

use revoxel_core::Kind;

/// How a value between voxel centres is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// The value of the closest voxel; [`Ties`] decides between two equally close ones.
    Nearest,
    /// The weighted mean of the eight voxels around the position.
    Linear,
    /// Cubic B-spline through the voxels (prefiltered, mirrored at the edges), as scipy's `order=3, mode='mirror'`.
    Cubic,
    /// Linear on each label's indicator; the label with the highest weight wins, at a tie that of the closest voxel.
    /// The result is that of one-hot → linear → argmax.
    Label,
    /// As `Label`, but if two voxels are equally close, the upper one decides ties, whatever [`Ties`] says, as in
    /// nnU-Net's resampling of segmentations.
    LabelNearest,
}

impl Interpolation {
    /// All of them, in the order shown to people.
    pub const ALL: [Self; 5] = [Self::Nearest, Self::Linear, Self::Cubic, Self::Label, Self::LabelNearest];

    /// The name as written in pipelines and traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Linear => "linear",
            Self::Cubic => "cubic",
            Self::Label => "label",
            Self::LabelNearest => "label_nearest",
        }
    }

    /// The default interpolation of a kind.
    pub const fn default_for(kind: Kind) -> Self {
        match kind {
            Kind::Image | Kind::Probability | Kind::Logit => Self::Linear,
            Kind::Label => Self::Nearest,
        }
    }

    /// Whether values are averaged, so that the result is real-valued.
    pub const fn averages(self) -> bool {
        matches!(self, Self::Linear | Self::Cubic)
    }

    /// Whether a label is chosen by the weights of all voxels around a position.
    pub const fn weighs_labels(self) -> bool {
        matches!(self, Self::Label | Self::LabelNearest)
    }
}

impl fmt::Display for Interpolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is not an interpolation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an interpolation: use nearest, linear, cubic, label or label_nearest")]
pub struct InterpolationError(pub String);

impl FromStr for Interpolation {
    type Err = InterpolationError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|i| i.name() == name).ok_or_else(|| InterpolationError(name.to_owned()))
    }
}

/// What is sampled beyond the readable voxels. Positions within half a voxel of the outermost centres always
/// clamp to the edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outside {
    /// The closest edge voxel.
    #[default]
    Border,
    /// The volume mirrored about its outer faces.
    Reflection,
    /// The fill.
    Fill,
}

/// Which of two voxels a position halfway between them takes, for interpolations that choose a voxel or a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// Alternates along an axis, so that label maps keep their position and volume: the even index if ties are an odd
    /// number of voxels apart, else the lower and the upper one in turn. Indices are those of the sampled volume.
    #[default]
    Alternate,
    /// Always the upper index: `floor(x + 0.5)`. Traces from before ties had a rule mean this.
    Upper,
}

impl Ties {
    /// The name as written in traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alternate => "alternate",
            Self::Upper => "upper",
        }
    }
}

/// The values that the cubic B-spline assumes beyond the voxels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Boundary {
    /// The voxels mirrored about the outermost centres.
    #[default]
    Mirror,
    /// The outermost voxels, repeated (scipy's `mode='nearest'`, which nnU-Net uses). Positions up to half a voxel
    /// outside the outermost centres are then not clamped.
    Edge,
    /// The voxels mirrored about the outer faces (scipy's `mode='reflect'`). Positions up to half a voxel outside the
    /// outermost centres are then not clamped.
    Reflect,
    /// As `Mirror`, but positions up to half a voxel outside the outermost centres read the mirrored voxels and are
    /// not clamped (ITK's B-spline).
    Itk,
}

/// An axis of the source that is interpolated in another way than the others, because its slices are far apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Through {
    /// The axis of the source, 0 to 2.
    pub axis: usize,
    /// Nearest, linear or cubic.
    pub interpolation: Interpolation,
}

impl Through {
    /// The same for voxels of a kind: labels are not averaged along any axis.
    pub fn of_kind(self, kind: Kind) -> Option<Self> {
        let averages = kind == Kind::Label && self.interpolation.averages();
        (!averages).then_some(self)
    }
}

/// How a pass is to be executed.
#[derive(Clone, Debug, PartialEq)]
pub struct How {
    /// How values between voxel centres are found.
    pub interpolation: Interpolation,
    /// What is sampled beyond the readable voxels.
    pub outside: Outside,
    /// The value of sampled voxels without data, per channel (one number for all channels is enough).
    pub fill: Vec<f64>,
    /// The value of padding, per channel (one number for all channels is enough).
    pub padding: Vec<f64>,
    /// An axis that is interpolated in another way.
    pub through: Option<Through>,
    /// The values that the cubic B-spline assumes beyond the voxels.
    pub boundary: Boundary,
    /// Which of two equally close voxels is taken.
    pub ties: Ties,
    /// Whether values decide labels afterwards (the highest channel, a threshold). Linear interpolation then shifts
    /// positions halfway by a few millionths of a voxel towards the closest voxel. Otherwise scores of 0 and 1 would
    /// be equal there, and the lowest label would win.
    pub decides: bool,
}

impl How {
    /// An interpolation that clamps at the border and pads with zero.
    pub fn border(interpolation: Interpolation) -> Self {
        let (fill, padding) = (vec![0.0], vec![0.0]);
        let (outside, through, boundary, ties) = (Outside::Border, None, Boundary::Mirror, Ties::Alternate);
        Self { interpolation, outside, fill, padding, through, boundary, ties, decides: false }
    }

    /// An interpolation that fills all voxels without data, including padding.
    pub fn filled(interpolation: Interpolation, fill: Vec<f64>) -> Self {
        Self { outside: Outside::Fill, padding: fill.clone(), fill, ..Self::border(interpolation) }
    }

    /// An interpolation that extends the edge to all voxels that the pass writes, and fills the others: for mapping a
    /// prediction back.
    pub fn extended(interpolation: Interpolation, fill: Vec<f64>) -> Self {
        Self { padding: fill.clone(), fill, ..Self::border(interpolation) }
    }

    /// Whether values are averaged, along any axis.
    pub fn averages(&self) -> bool {
        let through = |t: Through| self.interpolation == Interpolation::Nearest && t.interpolation.averages();
        self.interpolation.averages() || self.through.is_some_and(through)
    }

    /// Whether any axis uses a cubic B-spline, which needs coefficients.
    pub(crate) fn splines(&self) -> bool {
        let through = self.through.is_some_and(|t| t.interpolation == Interpolation::Cubic);
        self.interpolation == Interpolation::Cubic || through
    }

    pub(crate) fn fill_of(&self, channel: usize) -> f64 {
        of(&self.fill, channel)
    }

    pub(crate) fn padding_of(&self, channel: usize) -> f64 {
        of(&self.padding, channel)
    }
}

fn of(values: &[f64], channel: usize) -> f64 {
    values.get(channel).or_else(|| values.first()).copied().unwrap_or(0.0)
}
