//! Oddities of a DICOM series that do not prevent reading it.

use super::labels::warning::LabelsWarning;
use super::report::{Gap, MissingSlice};
use crate::counted::counted;
use crate::setting::Setting;

/// A warning about a DICOM series.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DicomWarning {
    /// The slices are not perpendicular to the line from slice to slice.
    #[error("gantry tilt of {degrees:.2}°: kept as a sheared affine, so slices stay at their acquired positions")]
    Tilt {
        /// The angle, degrees.
        degrees: f64,
    },
    /// Slices that are shifted within their plane go onto an even grid.
    #[error(
        "gantry tilt of {degrees:.2}°: the even grid has right angles, so slices are resampled to it without the tilt"
    )]
    TiltEven {
        /// The angle.
        degrees: f64,
    },
    /// An uneven stack on an even grid.
    #[error("the slices are unevenly spaced ({}), treated as evenly spaced at {mean:.4} mm", first(gaps))]
    TakenAsEven {
        /// The gap of the grid, mm.
        mean: f64,
        /// The gaps that differ.
        gaps: Vec<Gap>,
    },
    /// An uneven stack is read with its positions.
    #[error("the slices are unevenly spaced ({}): resampled to an even grid from their true positions", first(gaps))]
    Uneven {
        /// The gaps that differ.
        gaps: Vec<Gap>,
    },
    /// Missing slices were interpolated.
    #[error("{} interpolated: {}", counted(slices.len(), "missing slice was", "missing slices were"), numbers(slices))]
    Filled {
        /// Where.
        slices: Vec<MissingSlice>,
    },
    /// A single slice has no distance to the next.
    #[error(
        "single slice: thickness {mm} mm{}",
        attribute.map_or(", assumed because no attribute gives it".to_owned(), |a| format!(" from {a}"))
    )]
    SingleSlice {
        /// The spacing along axis 2, mm.
        mm: f64,
        /// The attribute that gives it.
        attribute: Option<&'static str>,
    },
    /// White is 0.
    #[error("PhotometricInterpretation (0028,0004) is MONOCHROME1: low values are bright; values are not inverted")]
    Monochrome1,
    /// A 4-D series.
    #[error(
        "{frames} images at each position, distinguished by {by}: read as {frames} frames{}",
        if values.is_empty() { String::new() } else { format!(" ({})", several(values)) }
    )]
    Frames {
        /// How many.
        frames: usize,
        /// What distinguishes them.
        by: &'static str,
        /// The value for each frame, if it is not a time.
        values: Vec<String>,
    },
    /// A stack whose images have different frames of reference.
    #[error(
        "FrameOfReferenceUID (0020,0052) differs between slices ({different} different{}): read as one volume, because \
         their positions form an even stack",
        match *without {
            0 => String::new(),
            _ => format!(", {}", counted(*without, "slice without one", "slices without one")),
        }
    )]
    FramesOfReference {
        /// How many there are.
        different: usize,
        /// How many images have none.
        without: usize,
    },
    /// A stack whose images name different patients or studies.
    #[error(
        "{attribute} differs between slices ({different} different), though they are of one series: read as one volume"
    )]
    PatientOrStudy {
        /// PatientID or StudyInstanceUID.
        attribute: &'static str,
        /// How many there are.
        different: usize,
    },
    /// Images that differ in more than their position form one stack.
    #[error("the {what} alternates along the stack; the slices are read as one volume")]
    Alternating {
        /// What alternates.
        what: &'static str,
    },
    /// A last frame without all slices.
    #[error("incomplete last frame: {} left out", counted(*images, "image is", "images are"))]
    Dropped {
        /// How many.
        images: usize,
    },
    /// Images without a position.
    #[error(
        "{} left out, the first is {first}",
        counted(*count, "image without a position is", "images without a position are")
    )]
    Unplaced {
        /// How many.
        count: usize,
        /// The first.
        first: String,
    },
    /// Files with the instance UID of others.
    #[error(
        "{} the SOPInstanceUID (0008,0018) of another file but a different position or different pixels: kept",
        counted(*.0, "file has", "files have")
    )]
    EqualInstances(usize),
    /// Damaged files beside the series.
    #[error(
        "{} left out, the first is {first}",
        counted(*count, "DICOM file cannot be read and is", "DICOM files cannot be read and are")
    )]
    Unreadable {
        /// How many.
        count: usize,
        /// The first, and why.
        first: String,
    },
    /// Localizers beside the series.
    #[error("{} left out", counted(*.0, "localizer image is", "localizer images are"))]
    Localizers(usize),
    /// Segmentations and structure sets.
    #[error(transparent)]
    Labels(LabelsWarning),
    /// Copies of files.
    #[error("{} left out", counted(*.0, "file is a copy of another and is", "files are copies of others and are"))]
    Copies(usize),
}

impl DicomWarning {
    pub(crate) const fn settings(&self) -> &'static [Setting] {
        match self {
            Self::Labels(warning) => warning.settings(),
            _ => &[],
        }
    }

    pub(crate) const fn is_labels_aside(&self) -> bool {
        matches!(self, Self::Labels(LabelsWarning::Aside(_)))
    }
}

fn first(gaps: &[Gap]) -> String {
    match gaps {
        [] => "displaced within their plane".to_owned(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first}; and {} more", rest.len()),
    }
}

/// The first few of a list.
fn several(values: &[String]) -> String {
    const MOST: usize = 6;
    let more = if values.len() > MOST { ", …" } else { "" };
    format!("{}{more}", values[..values.len().min(MOST)].join(", "))
}

fn numbers(slices: &[MissingSlice]) -> String {
    slices.iter().map(|s| s.number.to_string()).collect::<Vec<_>>().join(", ")
}
