//! Oddities of segmentations and structure sets that do not prevent reading them.

use crate::counted::counted;
use crate::setting::Setting;

/// A warning about a label object.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelsWarning {
    /// The series is missing.
    #[error(
        "the series that the segmentation refers to ({series}) was not found: read onto the grid of its own frames. To \
         read it onto the grid of the series, put the series into the same folder, or name it with \
         `reference:`"
    )]
    NoReference {
        /// The series.
        series: String,
    },
    /// The series is on another grid.
    #[error(
        "the segmentation does not lie on the slices of the series that it refers to ({why}): read onto the grid of \
         its own frames"
    )]
    OtherGrid {
        /// What does not lie on it.
        why: String,
    },
    /// The series is not the referenced one.
    #[error("the labels refer to the series {refers}, but are read onto the series {used}")]
    OtherSeries {
        /// The referenced series.
        refers: String,
        /// The series onto which they are read.
        used: String,
    },
    /// The series lies in another frame of reference.
    #[error(
        "the labels have the frame of reference {labels}, their series has {series}: placed by their positions in mm, \
         which is correct only if both use the same coordinates"
    )]
    OtherFrame {
        /// The frame of reference of the labels.
        labels: String,
        /// The frame of reference of the series.
        series: String,
    },
    /// Fractions become labels.
    #[error("FRACTIONAL segmentation: voxels with a fraction of at least {threshold} get the label (`threshold:`)")]
    Threshold {
        /// The smallest fraction.
        threshold: f64,
    },
    /// A structure without contours.
    #[error("structure {0:?} has no contour: no voxel gets its label")]
    NoContour(String),
    /// Labels that no voxel has.
    #[error("no voxel gets the label of {0}: empty, or too small to contain the centre of a voxel")]
    NoVoxel(String),
    /// Contours without an area.
    #[error(
        "structure {name:?}: {} left out, as type {types} has no area",
        counted(*count, "contour is", "contours are")
    )]
    NoArea {
        /// The structure.
        name: String,
        /// How many.
        count: usize,
        /// What they are.
        types: String,
    },
    /// The same contour again.
    #[error(
        "structure {name:?}: {} on the same slice and left out",
        counted(*count, "contour is a copy of another", "contours are copies of others")
    )]
    Copies {
        /// The structure.
        name: String,
        /// How many.
        count: usize,
    },
    /// Contours beyond the slices.
    #[error("structure {0:?} extends beyond the slices of the series and is cut off there")]
    Beyond(String),
    /// Labels beside an image.
    #[error(
        "{} left out: read with `kind: label`",
        counted(*.0, "segmentation or structure set is", "segmentations or structure sets are")
    )]
    Aside(usize),
}

impl LabelsWarning {
    pub(crate) const fn settings(&self) -> &'static [Setting] {
        match self {
            Self::NoReference { .. } => &[Setting::Reference],
            Self::Threshold { .. } => &[Setting::Threshold],
            Self::Aside(_) => &[Setting::Labels],
            _ => &[],
        }
    }
}
