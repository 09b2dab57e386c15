//! The list of transforms.

use crate::definition::{TransformDef, define};
use crate::{intensity, label, spatial};

/// The transforms of this crate, in the order in which they are listed to people.
pub const TRANSFORMS: &[TransformDef] = &[
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
    define::<intensity::scale_intensity_range::ScaleIntensityRange>(),
    define::<intensity::scale_intensity_range_percentiles::ScaleIntensityRangePercentiles>(),
    define::<intensity::rescale_to_8bit::RescaleTo8bit>(),
    define::<intensity::normalize_intensity::NormalizeIntensity>(),
    define::<intensity::z_score::ZScore>(),
    define::<intensity::ct_normalization::CtNormalization>(),
    define::<intensity::histogram_standardization::HistogramStandardization>(),
    define::<intensity::clip_intensity::ClipIntensity>(),
    define::<intensity::clip_intensity_percentiles::ClipIntensityPercentiles>(),
    define::<intensity::threshold_intensity::ThresholdIntensity>(),
    define::<intensity::mask_intensity::MaskIntensity>(),
    define::<intensity::shift_intensity::ShiftIntensity>(),
    define::<intensity::std_shift_intensity::StdShiftIntensity>(),
    define::<intensity::adjust_contrast::AdjustContrast>(),
    define::<intensity::gaussian_smooth::GaussianSmooth>(),
    define::<intensity::gaussian_sharpen::GaussianSharpen>(),
    define::<label::keep_largest_connected_component::KeepLargestConnectedComponent>(),
    define::<label::remove_small_objects::RemoveSmallObjects>(),
    define::<label::fill_holes::FillHoles>(),
    define::<label::map_label_value::MapLabelValue>(),
    define::<label::label_filter::LabelFilter>(),
    define::<label::remove_labels::RemoveLabels>(),
    define::<label::mark_outside::MarkOutside>(),
    define::<label::sequential_labels::SequentialLabels>(),
    define::<label::activations::Activations>(),
    define::<label::as_discrete::AsDiscrete>(),
    define::<label::one_hot::OneHot>(),
];

/// The transforms that a pipeline may name. A value, not a global: third parties add theirs with
/// [`with`](Self::with).
#[derive(Clone, Debug)]
pub struct Registry {
    transforms: Vec<TransformDef>,
}

impl Registry {
    /// The transforms of this crate.
    pub fn basic() -> Self {
        Self { transforms: TRANSFORMS.to_vec() }
    }

    /// The same registry with the transforms of another crate behind its own.
    #[must_use]
    pub fn and(self, transforms: &[TransformDef]) -> Self {
        transforms.iter().fold(self, |registry, transform| registry.with(*transform))
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
