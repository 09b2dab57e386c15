//! The list of transforms of this crate.

use revoxel_transforms::definition::{TransformDef, define};

use crate::{intensity, label};

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
