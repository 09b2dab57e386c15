//! Other inputs that a transform looks at.

use revoxel_core::{Grid, IndexBox};

/// What a transform looks at besides the volume that it changes: other inputs, by key, as they are before the step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sources<'a> {
    /// Nothing.
    #[default]
    Nothing,
    /// The grid of an input.
    Grid {
        /// Its key.
        of: &'a str,
        /// Whether volumes are put on this grid, so that they may lie on another one before the step.
        aligns: bool,
    },
    /// The voxels of an input.
    Voxels {
        /// Its key.
        of: &'a str,
        /// An input on the same grid that is looked at together with it.
        beside: Option<&'a str>,
        /// Further inputs on the same grid: the regions that are seen in each of them are taken together.
        also: &'a [String],
    },
    /// The voxels of these inputs, of which one mask is made. Those that the case does not have count for nothing.
    Mask(&'a [String]),
}

impl<'a> Sources<'a> {
    /// The voxels of one input.
    pub const fn voxels(of: &'a str) -> Self {
        Self::Voxels { of, beside: None, also: &[] }
    }

    /// The grid of an input on which volumes are not put.
    pub(crate) const fn grid(of: &'a str) -> Self {
        Self::Grid { of, aligns: false }
    }

    /// All inputs that it looks at, also those of which only the grid counts.
    pub fn keys(self) -> impl Iterator<Item = &'a str> {
        let (of, beside, also) = match self {
            Self::Nothing => (None, None, &[][..]),
            Self::Grid { of, .. } => (Some(of), None, &[][..]),
            Self::Voxels { of, beside, also } => (Some(of), beside, also),
            Self::Mask(also) => (None, None, also),
        };
        of.into_iter().chain(beside).chain(also.iter().map(String::as_str))
    }

    /// The inputs whose voxels it looks at.
    pub fn voxel_keys(self) -> impl Iterator<Item = &'a str> {
        self.keys().filter(move |_| !matches!(self, Self::Grid { .. }))
    }
}

/// What is known besides a grid. In a static plan there are no voxels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'a> {
    /// What [`SpatialTransform::observe`](crate::SpatialTransform::observe) saw.
    pub observed: Option<&'a Observed>,
    /// The grid that [`Sources::Grid`] asks for; of a drawn transform, the grid of the step's first input.
    pub reference: Option<&'a Grid>,
}

/// A region seen in the voxels of a volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed {
    /// The grid of the volume that was looked at.
    pub grid: Grid,
    /// The region, in indices of that grid; `None` where there is none and the volume is to be kept as it is.
    pub region: Option<IndexBox>,
}
