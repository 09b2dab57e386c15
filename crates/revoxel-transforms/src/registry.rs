//! The list of transforms.

use crate::definition::{TransformDef, define};
use crate::{intensity, label, spatial};

/// The built-in transforms, in the order in which they are listed to people.
pub const BUILTIN: &[TransformDef] = &[
    define::<spatial::orientation::Orientation>(),
    define::<spatial::canonical::Canonical>(),
    define::<spatial::spacing::Spacing>(),
    define::<spatial::deshear::Deshear>(),
    define::<spatial::resample_to::ResampleTo>(),
    define::<spatial::align::Align>(),
    define::<spatial::resize::Resize>(),
    define::<spatial::zoom::Magnify>(),
    define::<spatial::spatial_crop::SpatialCrop>(),
    define::<spatial::center_spatial_crop::CenterSpatialCrop>(),
    define::<spatial::center_scale_crop::CenterScaleCrop>(),
    define::<spatial::crop_foreground::CropForeground>(),
    define::<spatial::crop_to_nonzero::CropToNonzero>(),
    define::<spatial::crop_or_pad::CropOrPad>(),
    define::<spatial::spatial_pad::SpatialPad>(),
    define::<spatial::border_pad::BorderPad>(),
    define::<spatial::divisible_pad::DivisiblePad>(),
    define::<spatial::divisible_crop::DivisibleCrop>(),
    define::<spatial::resize_with_pad_or_crop::ResizeWithPadOrCrop>(),
    define::<spatial::flip::Flip>(),
    define::<spatial::rotate90::Rotate90>(),
    define::<spatial::rotate::Rotate>(),
    define::<spatial::affine::Affine>(),
    define::<spatial::grid_distortion::GridDistortion>(),
    define::<spatial::transpose::Transpose>(),
    define::<intensity::scale_intensity::ScaleIntensity>(),
    define::<intensity::scale_intensity_fixed_mean::ScaleIntensityFixedMean>(),
    define::<spatial::rand_flip::RandFlip>(),
    define::<spatial::rand_axis_flip::RandAxisFlip>(),
    define::<spatial::rand_rotate90::RandRotate90>(),
    define::<spatial::rand_rotate::RandRotate>(),
    define::<spatial::rand_affine::RandAffine>(),
    define::<spatial::rand_zoom::RandMagnify>(),
    define::<spatial::rand_grid_distortion::RandGridDistortion>(),
    define::<spatial::rand_grid_patch::RandGridPatch>(),
    define::<spatial::grid_patch::GridPatch>(),
    define::<spatial::grid_split::GridSplit>(),
    define::<spatial::rand_2d_elastic::Rand2dElastic>(),
    define::<spatial::rand_3d_elastic::Rand3dElastic>(),
    define::<spatial::rand_elastic::RandElastic>(),
    define::<spatial::rand_spatial_crop::RandSpatialCrop>(),
    define::<spatial::rand_scale_crop::RandScaleCrop>(),
    define::<spatial::rand_crop_by_pos_neg_label::RandCropByPosNegLabel>(),
    define::<spatial::rand_crop_by_label_classes::RandCropByLabelClasses>(),
    define::<spatial::rand_weighted_crop::RandWeightedCrop>(),
    define::<intensity::scale_intensity_range::ScaleIntensityRange>(),
    define::<intensity::scale_intensity_range_percentiles::ScaleIntensityRangePercentiles>(),
    define::<intensity::rescale_to_8bit::RescaleTo8bit>(),
    define::<intensity::normalize_intensity::NormalizeIntensity>(),
    define::<intensity::z_score::ZScore>(),
    define::<intensity::ct_normalization::CtNormalization>(),
    define::<intensity::histogram_standardization::HistogramStandardization>(),
    define::<intensity::histogram_normalize::HistogramNormalize>(),
    define::<intensity::clip_intensity::ClipIntensity>(),
    define::<intensity::clip_intensity_percentiles::ClipIntensityPercentiles>(),
    define::<intensity::threshold_intensity::ThresholdIntensity>(),
    define::<intensity::mask_intensity::MaskIntensity>(),
    define::<intensity::shift_intensity::ShiftIntensity>(),
    define::<intensity::std_shift_intensity::StdShiftIntensity>(),
    define::<intensity::adjust_contrast::AdjustContrast>(),
    define::<intensity::gaussian_smooth::GaussianSmooth>(),
    define::<intensity::gaussian_sharpen::GaussianSharpen>(),
    define::<intensity::median_smooth::MedianSmooth>(),
    define::<intensity::savitzky_golay_smooth::SavitzkyGolaySmooth>(),
    define::<intensity::sobel_gradients::SobelGradients>(),
    define::<intensity::foreground_mask::ForegroundMask>(),
    define::<intensity::pca::Pca>(),
    define::<intensity::gibbs_noise::GibbsNoise>(),
    define::<intensity::k_space_spike_noise::KSpaceSpikeNoise>(),
    define::<label::keep_largest_connected_component::KeepLargestConnectedComponent>(),
    define::<label::remove_small_objects::RemoveSmallObjects>(),
    define::<label::fill_holes::FillHoles>(),
    define::<label::label_to_contour::LabelToContour>(),
    define::<label::distance_transform_edt::DistanceTransformEdt>(),
    define::<label::generate_heatmap::GenerateHeatmap>(),
    define::<label::compute_ho_ver_maps::ComputeHoVerMaps>(),
    define::<label::map_label_value::MapLabelValue>(),
    define::<label::label_filter::LabelFilter>(),
    define::<label::remove_labels::RemoveLabels>(),
    define::<label::mark_outside::MarkOutside>(),
    define::<label::sequential_labels::SequentialLabels>(),
    define::<label::activations::Activations>(),
    define::<label::as_discrete::AsDiscrete>(),
    define::<label::one_hot::OneHot>(),
    define::<intensity::rand_gaussian_noise::RandGaussianNoise>(),
    define::<intensity::rand_gamma::RandGamma>(),
    define::<intensity::rand_bias_field::RandBiasField>(),
    define::<intensity::rand_scale_intensity::RandScaleIntensity>(),
    define::<intensity::rand_scale_intensity_fixed_mean::RandScaleIntensityFixedMean>(),
    define::<intensity::rand_shift_intensity::RandShiftIntensity>(),
    define::<intensity::rand_std_shift_intensity::RandStdShiftIntensity>(),
    define::<intensity::rand_histogram_shift::RandHistogramShift>(),
    define::<intensity::rand_gaussian_smooth::RandGaussianSmooth>(),
    define::<intensity::rand_gaussian_sharpen::RandGaussianSharpen>(),
    define::<intensity::rand_rician_noise::RandRicianNoise>(),
    define::<intensity::rand_gibbs_noise::RandGibbsNoise>(),
    define::<intensity::rand_k_space_spike_noise::RandKSpaceSpikeNoise>(),
    define::<intensity::rand_simulate_low_resolution::RandSimulateLowResolution>(),
    define::<intensity::rand_coarse_dropout::RandCoarseDropout>(),
    define::<intensity::rand_coarse_shuffle::RandCoarseShuffle>(),
];

/// The transforms that a pipeline may name. A value, not a global: third parties add theirs with
/// [`with`](Self::with).
#[derive(Clone, Debug)]
pub struct Registry {
    transforms: Vec<TransformDef>,
}

impl Registry {
    /// The built-in transforms.
    pub fn builtin() -> Self {
        Self { transforms: BUILTIN.to_vec() }
    }

    /// The same registry with one transform more; it takes the place of one with the same name.
    #[must_use]
    pub fn with(mut self, transform: TransformDef) -> Self {
        self.transforms.retain(|t| t.name != transform.name);
        self.transforms.push(transform);
        self
    }

    /// The transform with a name.
    pub fn get(&self, name: &str) -> Option<&TransformDef> {
        self.transforms.iter().find(|t| t.name == name)
    }

    /// All transforms, in order.
    pub fn iter(&self) -> impl Iterator<Item = &TransformDef> {
        self.transforms.iter()
    }

    /// The name closest to a misspelt one, if any is close.
    pub fn closest(&self, name: &str) -> Option<&'static str> {
        crate::params::closest(name, self.transforms.iter().map(|t| t.name))
    }
}
