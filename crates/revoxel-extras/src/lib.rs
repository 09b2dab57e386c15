//! Transforms that few pipelines need: one file each.
//!
//! The list of what there is: [`TRANSFORMS`].

pub mod intensity;
pub mod label;

use revoxel_transforms::definition::{TransformDef, define};

/// The transforms of this crate, in the order in which they are listed to people.
pub const TRANSFORMS: &[TransformDef] = &[
    define::<intensity::histogram_normalize::HistogramNormalize>(),
    define::<intensity::median_smooth::MedianSmooth>(),
    define::<intensity::savitzky_golay_smooth::SavitzkyGolaySmooth>(),
    define::<intensity::sobel_gradients::SobelGradients>(),
    define::<intensity::foreground_mask::ForegroundMask>(),
    define::<intensity::pca::Pca>(),
    define::<label::label_to_contour::LabelToContour>(),
    define::<label::distance_transform_edt::DistanceTransformEdt>(),
    define::<label::generate_heatmap::GenerateHeatmap>(),
    define::<label::compute_ho_ver_maps::ComputeHoVerMaps>(),
];
