//! Which random transform of MONAI is which of ours, argument by argument.

use super::table::{self, DTYPE, LAZY, Translation};

/// What most of them have.
const PROB: (&str, &str) = ("prob", "prob");

/// Parameters of ours that are always the same, as [`table::FIXED`] of the others.
pub(super) const FIXED: &[(&str, &str, &str)] = &[
    ("RandGridDistortion", "rule", "\"monai\""),
    ("RandGaussianSmooth", "edge", "\"zero\""),
    ("RandGaussianSharpen", "edge", "\"zero\""),
];

/// The transform for a name without its ending, random or not.
pub(super) fn translation(base: &str) -> Option<Translation> {
    table::translation(base).or_else(|| spatial(base)).or_else(|| crops(base)).or_else(|| intensities(base))
}

fn spatial(base: &str) -> Option<Translation> {
    let t = |ours, arguments, dropped| Some(Translation { ours, arguments, dropped });
    match base {
        "RandFlip" => t("rand_flip", &[PROB, ("spatial_axis", "spatial_axis")], &[LAZY]),
        "RandAxisFlip" => t("rand_axis_flip", &[PROB], &[LAZY]),
        "RandRotate90" => t("rand_rotate90", &[PROB, ("max_k", "max_k"), ("spatial_axes", "spatial_axes")], &[LAZY]),
        "RandRotate" => t(
            "rand_rotate",
            &[PROB, ("range_x", "range_x"), ("range_y", "range_y"), ("range_z", "range_z"), ("keep_size", "keep_size")],
            &[LAZY, DTYPE, ("align_corners", &["false"])],
        ),
        "RandAffine" => t(
            "rand_affine",
            &[
                PROB,
                ("rotate_range", "rotate_range"),
                ("shear_range", "shear_range"),
                ("translate_range", "translate_range"),
                ("scale_range", "scale_range"),
                ("spatial_size", "spatial_size"),
            ],
            &[LAZY],
        ),
        "RandZoom" => t(
            "rand_zoom",
            &[
                PROB,
                ("min_zoom", "min_zoom"),
                ("max_zoom", "max_zoom"),
                ("keep_size", "keep_size"),
                ("padding_mode", "padding_mode"),
            ],
            &[LAZY, DTYPE],
        ),
        "RandGridDistortion" => {
            t("rand_grid_distortion", &[PROB, ("num_cells", "num_cells"), ("distort_limit", "distort_limit")], &[LAZY])
        }
        "Rand2DElastic" => t(
            "rand_2d_elastic",
            &[
                PROB,
                ("spacing", "spacing"),
                ("magnitude_range", "magnitude_range"),
                ("rotate_range", "rotate_range"),
                ("shear_range", "shear_range"),
                ("translate_range", "translate_range"),
                ("scale_range", "scale_range"),
            ],
            &[],
        ),
        "Rand3DElastic" => t(
            "rand_3d_elastic",
            &[
                PROB,
                ("sigma_range", "sigma_range"),
                ("magnitude_range", "magnitude_range"),
                ("rotate_range", "rotate_range"),
                ("shear_range", "shear_range"),
                ("translate_range", "translate_range"),
                ("scale_range", "scale_range"),
            ],
            &[],
        ),
        _ => None,
    }
}

fn crops(base: &str) -> Option<Translation> {
    let t = |ours, arguments, dropped| Some(Translation { ours, arguments, dropped });
    // How many patches there are is the field `copies` of the pipeline.
    const SAMPLES: (&str, &[&str]) = ("num_samples", &[]);
    match base {
        "RandSpatialCrop" | "RandSpatialCropSamples" => t(
            "rand_spatial_crop",
            &[
                ("roi_size", "roi_size"),
                ("max_roi_size", "max_roi_size"),
                ("random_center", "random_center"),
                ("random_size", "random_size"),
            ],
            &[LAZY, SAMPLES],
        ),
        "RandScaleCrop" => t(
            "rand_scale_crop",
            &[
                ("roi_scale", "roi_scale"),
                ("max_roi_scale", "max_roi_scale"),
                ("random_center", "random_center"),
                ("random_size", "random_size"),
            ],
            &[LAZY],
        ),
        "RandCropByPosNegLabel" => t(
            "rand_crop_by_pos_neg_label",
            &[
                ("label_key", "source"),
                ("spatial_size", "spatial_size"),
                ("pos", "pos"),
                ("neg", "neg"),
                ("image_key", "image"),
                ("image_threshold", "image_threshold"),
                ("allow_smaller", "allow_smaller"),
            ],
            &[LAZY, SAMPLES],
        ),
        "RandCropByLabelClasses" => t(
            "rand_crop_by_label_classes",
            &[
                ("label_key", "source"),
                ("spatial_size", "spatial_size"),
                ("ratios", "ratios"),
                ("num_classes", "num_classes"),
                ("image_key", "image"),
                ("image_threshold", "image_threshold"),
                ("allow_smaller", "allow_smaller"),
            ],
            &[LAZY, SAMPLES],
        ),
        "RandWeightedCrop" => {
            t("rand_weighted_crop", &[("w_key", "source"), ("spatial_size", "spatial_size")], &[LAZY, SAMPLES])
        }
        _ => None,
    }
}

fn intensities(base: &str) -> Option<Translation> {
    let t = |ours, arguments, dropped| Some(Translation { ours, arguments, dropped });
    match base {
        "RandGaussianNoise" => {
            t("rand_gaussian_noise", &[PROB, ("mean", "mean"), ("std", "std"), ("sample_std", "sample_std")], &[DTYPE])
        }
        "RandAdjustContrast" => t(
            "rand_gamma",
            &[PROB, ("gamma", "gamma"), ("invert_image", "invert_image"), ("retain_stats", "retain_stats")],
            &[],
        ),
        "RandBiasField" => {
            t("rand_bias_field", &[PROB, ("degree", "degree"), ("coeff_range", "coeff_range")], &[DTYPE])
        }
        "RandScaleIntensity" => {
            t("rand_scale_intensity", &[PROB, ("factors", "factors"), ("channel_wise", "channel_wise")], &[DTYPE])
        }
        "RandScaleIntensityFixedMean" => t(
            "rand_scale_intensity_fixed_mean",
            &[
                PROB,
                ("factors", "factors"),
                ("fixed_mean", "fixed_mean"),
                ("preserve_range", "preserve_range"),
                ("channel_wise", "channel_wise"),
            ],
            &[DTYPE],
        ),
        "RandShiftIntensity" => t(
            "rand_shift_intensity",
            &[PROB, ("offsets", "offsets"), ("channel_wise", "channel_wise")],
            &[("safe", &["false"])],
        ),
        "RandStdShiftIntensity" => t(
            "rand_std_shift_intensity",
            &[PROB, ("factors", "factors"), ("nonzero", "nonzero"), ("channel_wise", "channel_wise")],
            &[DTYPE],
        ),
        "RandHistogramShift" => t("rand_histogram_shift", &[PROB, ("num_control_points", "num_control_points")], &[]),
        "RandGaussianSmooth" => t(
            "rand_gaussian_smooth",
            &[PROB, ("sigma_x", "sigma_x"), ("sigma_y", "sigma_y"), ("sigma_z", "sigma_z")],
            &[("approx", &["\"erf\""])],
        ),
        "RandGaussianSharpen" => t(
            "rand_gaussian_sharpen",
            &[
                PROB,
                ("sigma1_x", "sigma1_x"),
                ("sigma1_y", "sigma1_y"),
                ("sigma1_z", "sigma1_z"),
                ("sigma2_x", "sigma2_x"),
                ("sigma2_y", "sigma2_y"),
                ("sigma2_z", "sigma2_z"),
                ("alpha", "alpha"),
            ],
            &[("approx", &["\"erf\""])],
        ),
        "RandRicianNoise" => t(
            "rand_rician_noise",
            &[
                PROB,
                ("mean", "mean"),
                ("std", "std"),
                ("channel_wise", "channel_wise"),
                ("relative", "relative"),
                ("sample_std", "sample_std"),
            ],
            &[DTYPE],
        ),
        "RandGibbsNoise" => t("rand_gibbs_noise", &[PROB, ("alpha", "alpha")], &[]),
        "RandKSpaceSpikeNoise" => t(
            "rand_k_space_spike_noise",
            &[PROB, ("intensity_range", "intensity_range"), ("channel_wise", "channel_wise")],
            &[],
        ),
        "RandCoarseDropout" => t(
            "rand_coarse_dropout",
            &[
                PROB,
                ("holes", "holes"),
                ("spatial_size", "spatial_size"),
                ("max_holes", "max_holes"),
                ("max_spatial_size", "max_spatial_size"),
                ("dropout_holes", "dropout_holes"),
                ("fill_value", "fill_value"),
            ],
            &[],
        ),
        "RandCoarseShuffle" => t(
            "rand_coarse_shuffle",
            &[
                PROB,
                ("holes", "holes"),
                ("spatial_size", "spatial_size"),
                ("max_holes", "max_holes"),
                ("max_spatial_size", "max_spatial_size"),
            ],
            &[],
        ),
        _ => None,
    }
}
