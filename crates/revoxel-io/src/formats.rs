//! The list of volume formats.

use crate::Format;

/// Every format, in the order in which they try to recognise a file. One line per format.
pub const FORMATS: &[&dyn Format] = &[
    &crate::nifti::Nifti,
    &crate::picture::Picture,
    #[cfg(feature = "dicom")]
    &crate::dicom::Dicom,
    &crate::nrrd::Nrrd,
    &crate::metaimage::MetaImage,
    &crate::mgh::Mgh,
    &crate::mif::Mif,
];
