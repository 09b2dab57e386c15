//! What was odd about a DICOM series that was read all the same.

use super::labels::warning::LabelsWarning;
use super::report::{Gap, MissingSlice};

/// A remark on a DICOM series.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DicomWarning {
    /// The slices are not perpendicular to the line from slice to slice.
    #[error("gantry tilt of {degrees:.2}°: the affine is sheared, the slices are where they were taken")]
    Tilt {
        /// The angle, degrees.
        degrees: f64,
    },
    /// Slices are moved within their plane, and go onto an even grid.
    #[error("gantry tilt of {degrees:.2}°: the even grid has right angles, and the tilt is sampled away with the gaps")]
    TiltEven {
        /// The angle.
        degrees: f64,
    },
    /// An uneven stack on an even grid.
    #[error("the slices are unevenly spaced and are taken to be even at {mean:.4} mm ({})", first(gaps))]
    TakenAsEven {
        /// The gap of the grid, mm.
        mean: f64,
        /// The gaps that differ.
        gaps: Vec<Gap>,
    },
    /// An uneven stack that comes with its positions.
    #[error("the slices are unevenly spaced ({}): they go onto an even grid, each from where it lies", first(gaps))]
    Uneven {
        /// The gaps that differ.
        gaps: Vec<Gap>,
    },
    /// Slices were made up.
    #[error("{} missing slice(s) were interpolated: {}", slices.len(), numbers(slices))]
    Filled {
        /// Where.
        slices: Vec<MissingSlice>,
    },
    /// One slice has no distance to the next.
    #[error(
        "a single slice: it is taken to be {mm} mm thick{}",
        attribute.map_or(", as nothing says how thick it is".to_owned(), |a| format!(", as {a} says"))
    )]
    SingleSlice {
        /// The spacing along axis 2, mm.
        mm: f64,
        /// The attribute that says so.
        attribute: Option<&'static str>,
    },
    /// White is 0.
    #[error("PhotometricInterpretation (0028,0004) is MONOCHROME1: low values are bright; the values are kept")]
    Monochrome1,
    /// A 4-D series.
    #[error(
        "{frames} images at each position, told apart by {by}: read as {frames} frames{}",
        if values.is_empty() { String::new() } else { format!(" ({})", several(values)) }
    )]
    Frames {
        /// How many.
        frames: usize,
        /// What tells them apart.
        by: &'static str,
        /// What it is of each frame, where that is not a time.
        values: Vec<String>,
    },
    /// A stack whose images have different frames of reference.
    #[error(
        "FrameOfReferenceUID (0020,0052) is not the same for all slices ({different} different{}): they are one volume, as \
         their places make an even stack",
        if *without == 0 { String::new() } else { format!(", {without} slice(s) without") }
    )]
    FramesOfReference {
        /// How many there are.
        different: usize,
        /// How many images have none.
        without: usize,
    },
    /// Images that differ in more than their place, and are one stack together.
    #[error("the {what} changes back and forth along the stack, whose slices are read as one volume")]
    Alternating {
        /// What alternates.
        what: &'static str,
    },
    /// A last frame without all slices.
    #[error("{images} image(s) of an incomplete last frame are left out")]
    Dropped {
        /// How many.
        images: usize,
    },
    /// Images that say nothing of their place.
    #[error("{count} image(s) say nothing of their place and are left out, the first is {first}")]
    Unplaced {
        /// How many.
        count: usize,
        /// The first.
        first: String,
    },
    /// Files with the instance UID of others.
    #[error(
        "{0} file(s) bear the SOPInstanceUID (0008,0018) of another file but differ from it in place or pixels: they are kept"
    )]
    EqualInstances(usize),
    /// Damaged files beside the series.
    #[error("{count} DICOM file(s) cannot be read and are left out, the first is {first}")]
    Unreadable {
        /// How many.
        count: usize,
        /// The first, and why.
        first: String,
    },
    /// Localizers beside the series.
    #[error("{0} localizer image(s) are left out")]
    Localizers(usize),
    /// Segmentations and structure sets.
    #[error(transparent)]
    Labels(LabelsWarning),
    /// Copies of files.
    #[error("{0} file(s) are copies of others and are left out")]
    Copies(usize),
}

impl DicomWarning {
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
