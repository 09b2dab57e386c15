//! What was odd about segmentations and structure sets that were read all the same.

/// A remark on an object of labels.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelsWarning {
    /// The series is not at hand.
    #[error(
        "a segmentation without the series that it refers to ({series}): it is read onto the grid of its own frames. Put \
         the series into the same folder, or name it with `reference:` (--reference PATH), to read it onto the series' grid"
    )]
    NoReference {
        /// The series.
        series: String,
    },
    /// The series is on another grid.
    #[error(
        "a segmentation that does not lie on the slices of the series that it refers to ({why}): it is read onto the grid \
         of its own frames"
    )]
    OtherGrid {
        /// What does not lie there.
        why: String,
    },
    /// The series is not the one that is referred to.
    #[error("the labels refer to the series {refers}, and are read onto the series {used}")]
    OtherSeries {
        /// What is referred to.
        refers: String,
        /// What they are read onto.
        used: String,
    },
    /// The series lies in another frame of reference.
    #[error(
        "the labels have the frame of reference {labels} and their series has {series}: they are read by their positions \
         in mm, which is right only where both mean the same place"
    )]
    OtherFrame {
        /// That of the labels.
        labels: String,
        /// That of the series.
        series: String,
    },
    /// Fractions become labels.
    #[error(
        "a FRACTIONAL segmentation: voxels with at least {threshold} of a segment get its label (`threshold:`, --threshold)"
    )]
    Threshold {
        /// The least fraction.
        threshold: f64,
    },
    /// A structure without contours.
    #[error("the structure {0:?} has no contour: its label is in no voxel")]
    NoContour(String),
    /// Labels that no voxel has.
    #[error("no voxel has the label of {0}: it is empty, or too small to hold the centre of a voxel")]
    NoVoxel(String),
    /// Contours that are no area.
    #[error("{count} contours of the structure {name:?} are left out: they are of type {types}, and have no area")]
    NoArea {
        /// The structure.
        name: String,
        /// How many.
        count: usize,
        /// What they are.
        types: String,
    },
    /// The same contour again.
    #[error("{count} contours of the structure {name:?} are copies of others on their slice and are left out")]
    Copies {
        /// The structure.
        name: String,
        /// How many.
        count: usize,
    },
    /// Contours beyond the slices.
    #[error("the structure {0:?} reaches beyond the slices of the series and is cut off there")]
    Beyond(String),
    /// Labels beside an image.
    #[error("{0} segmentation(s) or structure set(s) are left out: read them with `kind: label` (--kind label)")]
    Aside(usize),
}
