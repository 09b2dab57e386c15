//! The list of transforms of this crate.

use revoxel_transforms::definition::{TransformDef, define};

use crate::{intensity, spatial};

/// The transforms of this crate, in the order in which they are listed to people.
pub const TRANSFORMS: &[TransformDef] = &[
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
    define::<intensity::gibbs_noise::GibbsNoise>(),
    define::<intensity::k_space_spike_noise::KSpaceSpikeNoise>(),
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
