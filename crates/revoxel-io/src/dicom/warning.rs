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
    /// An uneven stack on an even grid.
    #[error("the slices are unevenly spaced and are taken to be even at {mean:.4} mm ({})", first(gaps))]
    TakenAsEven {
        /// The gap of the grid, mm.
        mean: f64,
        /// The gaps that differ.
        gaps: Vec<Gap>,
    },
    /// An uneven stack that comes with its positions.
    #[error("the slices are unevenly spaced ({}): their positions are kept", first(gaps))]
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
    #[error("{frames} images at each position, told apart by {by}: read as {frames} frames")]
    Frames {
        /// How many.
        frames: usize,
        /// What tells them apart.
        by: &'static str,
    },
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

fn first(gaps: &[Gap]) -> String {
    match gaps {
        [] => "displaced within their plane".to_owned(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first}; and {} more", rest.len()),
    }
}

fn numbers(slices: &[MissingSlice]) -> String {
    slices.iter().map(|s| s.number.to_string()).collect::<Vec<_>>().join(", ")
}
