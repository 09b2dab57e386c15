//! The list of transforms.

use crate::definition::{TransformDef, define};
use crate::peers::{Peer, Program, same_name};
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

    /// The transforms that a name stands for, here or in another program, in any spelling (`ScaleIntensityRanged`,
    /// `ScaleIntensityRange`, `scale_intensity_range`). First comes the one that is called the same here.
    pub fn called(&self, name: &str) -> Vec<&TransformDef> {
        let same = |transform: &TransformDef| same_name(transform.name, name);
        let of_peers = |transform: &TransformDef| transform.peers.iter().any(|peer| peer.is_called(name));
        let (mut found, others): (Vec<_>, Vec<_>) =
            self.iter().filter(|t| same(t) || of_peers(t)).partition(|t| same(t));
        found.extend(others);
        found
    }

    /// What the importer makes of a transform of another program, by its exact name there.
    pub fn imported(&self, program: Program, name: &str) -> Option<(&TransformDef, &'static Peer)> {
        let is = |peer: &&Peer| peer.imported && peer.program == program && peer.name == name;
        self.iter().find_map(|transform| Some((transform, transform.peers.iter().find(is)?)))
    }

    /// The name closest to a misspelt one, if any is close.
    pub fn closest(&self, name: &str) -> Option<&'static str> {
        crate::params::closest(name, self.transforms.iter().map(|t| t.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_are_found_by_the_names_of_peers() {
        let registry = Registry::basic();
        let t = |name: &str, expected: &[&str]| {
            let found: Vec<&str> = registry.called(name).into_iter().map(|t| t.name).collect();
            assert_eq!(found, expected, "{name}");
        };
        t("ScaleIntensityRanged", &["scale_intensity_range"]);
        t("ScaleIntensityRange", &["scale_intensity_range"]);
        t("ScaleIntensityRangeDict", &["scale_intensity_range"]);
        t("Orientationd", &["orientation", "canonical"]);
        t("ZNormalization", &["normalize_intensity", "z_score"]);
        t("CTNormalization", &["ct_normalization"]);
        t("CopyAffine", &["align"]);
        t("CropOrPad", &["crop_or_pad"]);
        t("EnsureShapeMultiple", &["divisible_pad", "divisible_crop"]);
        t("Padd", &["border_pad"]);
        t("d", &[]);
        t("", &[]);
        // Names that notes only mention.
        t("BSplineTransform", &[]);
        for transform in registry.iter() {
            for peer in transform.peers.iter().filter(|peer| !peer.name.is_empty()) {
                assert!(registry.called(peer.name).iter().any(|t| t.name == transform.name), "{peer:?}");
            }
        }
    }
}
