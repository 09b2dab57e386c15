//! Facts of a DICOM series beyond the grid and the voxels.

use serde::{Deserialize, Serialize};

use super::labels::facts::LabelFacts;

/// Facts of a DICOM series. All are optional.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DicomFacts {
    /// SeriesInstanceUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series_uid: Option<String>,
    /// SeriesDescription.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Modality: CT, MR, PT, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modality: Option<String>,
    /// FrameOfReferenceUID: series with the same one share their world.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_of_reference: Option<String>,
    /// PatientPosition: how the patient lay in the scanner (HFS, FFP, …). Positions do not depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_position: Option<String>,
    /// PhotometricInterpretation; for MONOCHROME1, low values are bright.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photometric: Option<String>,
    /// WindowCenter and WindowWidth of the first slice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<[f64; 2]>,
    /// The value of voxels outside the scanned field (PixelPaddingValue), rescaled as the voxels are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub padding: Option<f64>,
    /// Gantry tilt that is kept as shear in the affine, degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tilt_degrees: Option<f64>,
    /// What distinguishes the frames of a 4-D series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_by: Option<String>,
    /// What distinguishes each frame, if it is not a time: quantities, b-values, echo times …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frame_values: Vec<String>,
    /// Slices that were interpolated between their neighbours, as numbers along axis 2, from 0.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filled_slices: Vec<usize>,
    /// SeriesInstanceUID of the series onto whose slices the labels were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What the labels of a segmentation or a structure set mean.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<LabelFacts>,
}
