//! The report of a scan, for people and programs.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::labels::facts::LabelFacts;
use crate::setting::Setting;

/// Everything found under a path.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DicomScan {
    /// The folder, file or archive.
    pub path: PathBuf,
    /// The series, numbered from 1 in this order.
    pub series: Vec<SeriesReport>,
    /// The segmentations and structure sets, numbered after the series.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<LabelsReport>,
    /// Files without an image, and why.
    pub skipped: Vec<Skipped>,
}

/// One series, or one of its volumes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeriesReport {
    /// The number that chooses it, from 1.
    pub number: usize,
    /// SeriesInstanceUID.
    pub uid: String,
    /// SeriesNumber.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series_number: Option<i64>,
    /// Modality.
    pub modality: String,
    /// SeriesDescription.
    pub description: String,
    /// If a series contains several volumes: the attributes that distinguish this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// How many files.
    pub files: usize,
    /// How many images (slices × frames).
    pub images: usize,
    /// Slices of the stack.
    pub slices: usize,
    /// Frames of a 4-D series; 1 for a plain stack.
    pub frames: usize,
    /// Columns and rows.
    pub size: [usize; 2],
    /// How the pixels are stored.
    pub transfer_syntax: String,
    /// The geometry of the stack, if the images form one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub geometry: Option<Geometry>,
    /// Oddities that do not prevent reading it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Why it cannot be read with the default options; absent if it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The option that helps, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<&'static str>,
    /// What a caller can set, of what the advice speaks of.
    #[serde(skip)]
    pub settings: Vec<Setting>,
}

/// A segmentation or a structure set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelsReport {
    /// The number that chooses it.
    pub number: usize,
    /// The file.
    pub path: PathBuf,
    /// What it is.
    pub what: &'static str,
    /// SeriesInstanceUID.
    pub uid: String,
    /// SOPInstanceUID, which chooses it if its series has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Modality.
    pub modality: String,
    /// SeriesDescription.
    pub description: String,
    /// FrameOfReferenceUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_of_reference: Option<String>,
    /// The series to which it refers.
    pub references: Vec<String>,
    /// Its segments or structures.
    pub labels: Vec<LabelFacts>,
    /// Why it cannot be read; absent if its header is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The geometry of a stack of slices.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Geometry {
    /// Voxels along axis 0 (columns), 1 (rows), 2 (slices).
    pub shape: [usize; 3],
    /// Distance of voxel centres along the axes, mm.
    pub spacing: [f64; 3],
    /// Index → RAS+ mm, three rows. For an uneven stack: through the first and the last slice.
    pub affine: [[f64; 4]; 3],
    /// The angle between the slices' normal and the line from slice to slice, degrees; 0 if it is noise.
    pub tilt_degrees: f64,
    /// Gaps that differ from the usual one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// Slices that are missing from an otherwise even stack.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingSlice>,
}

/// A gap between slices that is not the usual one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gap {
    /// It lies between this slice and the next; from 1.
    pub after: usize,
    /// The usual gap, mm.
    pub expected: f64,
    /// This one, mm.
    pub found: f64,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (expected, found) = (short(self.expected), short(self.found));
        write!(f, "{expected} mm expected, {found} mm found between slices {} and {}", self.after, self.after + 1)
    }
}

/// A slice that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MissingSlice {
    /// The existing slice before it; from 1.
    pub after: usize,
    /// Its number in the complete stack; from 1.
    pub number: usize,
    /// Where its first voxel should be, RAS+ mm.
    pub position: [f64; 3],
}

impl fmt::Display for MissingSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.position.map(|v| format!("{v:.3}"));
        write!(f, "between slices {} and {} at ({x}, {y}, {z}) mm RAS", self.after, self.after + 1)
    }
}

/// A file without an image of a volume.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: SkipReason,
}

/// Why a file is skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SkipReason {
    /// Not DICOM.
    #[error("not DICOM")]
    NotDicom,
    /// An index of other files.
    #[error("DICOMDIR")]
    Dicomdir,
    /// A DICOM object without pixels; its class.
    #[error("no pixels ({0})")]
    NoPixels(String),
    /// An image for planning (scout, topogram) beside the volume.
    #[error("localizer")]
    Localizer,
    /// An image without a position among images that have one: a capture, a dose report.
    #[error("no position in the patient: {0}")]
    Unplaced(String),
    /// The same image twice.
    #[error("copy of {0}")]
    Copy(String),
    /// A damaged DICOM file.
    #[error("unreadable: {0}")]
    Unreadable(String),
    /// A link to a folder (could be a loop), or a link in an archive.
    #[error("link, not followed")]
    Link,
    /// A device, a pipe.
    #[error("not a regular file")]
    NotRegular,
}

/// At most four decimals, without trailing zeros.
fn short(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
