//! Which transform of MONAI is which of ours, argument by argument.

/// Transforms that have nothing to do here, with the arguments that change no values (`*`: all of them). Files are read,
/// channels come first, and types are kept by themselves.
const IGNORED: &[(&str, &[&str])] = &[
    (
        "LoadImage",
        &[
            "reader",
            "meta_keys",
            "meta_key_postfix",
            "overwriting",
            "image_only",
            "ensure_channel_first",
            "simple_keys",
            "prune_meta_pattern",
            "prune_meta_sep",
            "expanduser",
        ],
    ),
    ("EnsureChannelFirst", &["meta_keys", "meta_key_postfix", "strict_check", "channel_dim"]),
    ("AddChannel", &[]),
    ("AsChannelFirst", &["channel_dim"]),
    ("EnsureType", &["data_type", "device", "wrap_sequence", "track_meta"]),
    ("CastToType", &[]),
    ("ToTensor", &["device", "wrap_sequence", "track_meta"]),
    ("ToDevice", &["device", "non_blocking"]),
    ("ToNumpy", &["wrap_sequence"]),
    ("FromMetaTensor", &["data_type"]),
    ("Identity", &[]),
    ("SelectItems", &[]),
    ("DeleteItems", &["sep", "use_re"]),
    ("SaveImage", &["*"]),
    // Boxes are no volumes.
    ("ClipBoxToImage", &["*"]),
    ("AffineBoxToImageCoordinate", &["*"]),
    ("AffineBoxToWorldCoordinate", &["*"]),
    ("ConvertBoxMode", &["*"]),
    ("ConvertBoxToStandardMode", &["*"]),
    ("BoxToMask", &["*"]),
    ("MaskToBox", &["*"]),
];

/// Arguments that change no values, of any transform that has them.
pub(super) const NO_EFFECT: &[&str] = &["device", "cache_grid", "warn"];

/// Transforms that have a place in `restore` and are no step of ours under one name.
pub(super) const PREDICTIONS: &[&str] = &["Activations", "Invert", "AsDiscrete", "Lambda"];

/// Of a transform that has nothing to do here, the arguments that change no values.
pub(super) fn ignored(base: &str) -> Option<&'static [&'static str]> {
    IGNORED.iter().find(|(name, _)| *name == base).map(|(_, harmless)| *harmless)
}

/// Parameters of ours that are always the same, as JSON: what MONAI does without being asked, by its name. An argument
/// replaces them.
pub(super) const FIXED: &[(&str, &str, &str)] = &[
    ("Spacing", "rule", "\"monai_strict\""),
    ("GaussianSmooth", "sigma", "1.0"),
    ("GaussianSmooth", "edge", "\"zero\""),
    ("GridDistortion", "rule", "\"monai\""),
    ("GaussianSharpen", "edge", "\"zero\""),
    // LoadImage reads in single precision.
    ("HistogramNormalize", "as_float", "true"),
    ("ForegroundMask", "as_float", "true"),
    ("RemoveSmallObjects", "min_size_voxels", "64"),
    ("ResampleToMatch", "padding", "\"border\""),
];

/// A transform of ours for one of MONAI's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Translation {
    /// The name of ours.
    pub(super) ours: &'static str,
    /// Arguments that both have: theirs, ours.
    pub(super) arguments: &'static [(&'static str, &'static str)],
    /// Arguments that are left out, with the values (as JSON) that change nothing; none for any value.
    pub(super) dropped: &'static [(&'static str, &'static [&'static str])],
}

pub(super) const LAZY: (&str, &[&str]) = ("lazy", &["false"]);
/// Types that change no values; see [`keeps_values`](super::types::keeps_values).
pub(super) const DTYPE: (&str, &[&str]) = ("dtype", &[]);

/// The transform for a name without its ending.
pub(super) fn translation(base: &str) -> Option<Translation> {
    let t = |ours, arguments, dropped| Some(Translation { ours, arguments, dropped });
    match base {
        "Orientation" => {
            t("orientation", &[("axcodes", "axcodes"), ("as_closest_canonical", "closest_canonical")], &[LAZY])
        }
        "Spacing" => t(
            "spacing",
            &[
                ("pixdim", "pixdim"),
                ("diagonal", "diagonal"),
                ("min_pixdim", "min_pixdim"),
                ("max_pixdim", "max_pixdim"),
            ],
            &[
                LAZY,
                DTYPE,
                // See `Call::translate`.
                ("align_corners", &["false", "true"]),
                ("scale_extent", &["false"]),
                ("recompute_affine", &[]),
                ("ensure_same_shape", &[]),
            ],
        ),
        "Resize" => t("resize", &[("spatial_size", "spatial_size"), ("size_mode", "size_mode")], &[LAZY, DTYPE]),
        "CropForeground" => t(
            "crop_foreground",
            &[
                ("source_key", "source"),
                ("margin", "margin"),
                ("k_divisible", "k_divisible"),
                ("allow_smaller", "allow_smaller"),
                ("mode", "mode"),
                ("constant_values", "value"),
                ("value", "value"),
            ],
            &[LAZY, ("start_coord_key", &[]), ("end_coord_key", &[])],
        ),
        "SpatialPad" => t(
            "spatial_pad",
            &[
                ("spatial_size", "spatial_size"),
                ("method", "method"),
                ("mode", "mode"),
                ("constant_values", "value"),
                ("value", "value"),
            ],
            &[LAZY],
        ),
        "BorderPad" => t(
            "border_pad",
            &[("spatial_border", "spatial_border"), ("mode", "mode"), ("constant_values", "value"), ("value", "value")],
            &[LAZY],
        ),
        "DivisiblePad" => t(
            "divisible_pad",
            &[("k", "k"), ("mode", "mode"), ("method", "method"), ("constant_values", "value"), ("value", "value")],
            &[LAZY],
        ),
        "ResizeWithPadOrCrop" => t(
            "resize_with_pad_or_crop",
            &[
                ("spatial_size", "spatial_size"),
                ("mode", "mode"),
                ("method", "method"),
                ("constant_values", "value"),
                ("value", "value"),
            ],
            &[LAZY],
        ),
        "SpatialCrop" => t(
            "spatial_crop",
            &[
                ("roi_center", "roi_center"),
                ("roi_size", "roi_size"),
                ("roi_start", "roi_start"),
                ("roi_end", "roi_end"),
            ],
            &[LAZY],
        ),
        "CenterSpatialCrop" => t("center_spatial_crop", &[("roi_size", "roi_size")], &[LAZY]),
        "ResampleToMatch" => {
            t("resample_to", &[("key_dst", "reference")], &[LAZY, DTYPE, ("align_corners", &["false"])])
        }
        "StdShiftIntensity" => t(
            "std_shift_intensity",
            &[("factor", "factor"), ("nonzero", "nonzero"), ("channel_wise", "channel_wise")],
            &[DTYPE],
        ),
        "ClipIntensityPercentiles" => t(
            "clip_intensity_percentiles",
            &[
                ("lower", "lower"),
                ("upper", "upper"),
                ("sharpness_factor", "sharpness_factor"),
                ("channel_wise", "channel_wise"),
            ],
            &[DTYPE],
        ),
        "MaskIntensity" => t("mask_intensity", &[("mask_key", "source")], &[]),
        "GaussianSmooth" => t("gaussian_smooth", &[("sigma", "sigma")], &[("approx", &["\"erf\""])]),
        "GaussianSharpen" => t(
            "gaussian_sharpen",
            &[("sigma1", "sigma1"), ("sigma2", "sigma2"), ("alpha", "alpha")],
            &[("approx", &["\"erf\""])],
        ),
        "MedianSmooth" => t("median_smooth", &[("radius", "radius")], &[]),
        "KeepLargestConnectedComponent" => t(
            "keep_largest_connected_component",
            &[
                ("applied_labels", "applied_labels"),
                ("independent", "independent"),
                ("connectivity", "connectivity"),
                ("num_components", "num_components"),
                ("is_onehot", "is_onehot"),
            ],
            &[],
        ),
        "RemoveSmallObjects" => t(
            "remove_small_objects",
            &[
                ("min_size", "min_size_voxels"),
                ("connectivity", "connectivity"),
                ("independent_channels", "independent"),
            ],
            &[],
        ),
        "FillHoles" => t("fill_holes", &[("applied_labels", "applied_labels"), ("connectivity", "connectivity")], &[]),
        "AsDiscrete" => t("as_discrete", &[], &[DTYPE, ("dim", &["0"]), ("keepdim", &["true"])]),
        "LabelFilter" => t("label_filter", &[("applied_labels", "applied_labels")], &[]),
        "MapLabelValue" => {
            t("map_label_value", &[("orig_labels", "orig_labels"), ("target_labels", "target_labels")], &[DTYPE])
        }
        "Zoom" => t(
            "zoom",
            &[
                ("zoom", "zoom"),
                ("keep_size", "keep_size"),
                ("padding_mode", "mode"),
                ("constant_values", "value"),
                ("value", "value"),
            ],
            &[LAZY, DTYPE],
        ),
        "Rotate" => t(
            "rotate",
            &[("angle", "angle"), ("keep_size", "keep_size")],
            &[LAZY, DTYPE, ("align_corners", &["false"])],
        ),
        "Affine" => t(
            "affine",
            &[
                ("rotate_params", "rotate_params"),
                ("shear_params", "shear_params"),
                ("translate_params", "translate_params"),
                ("scale_params", "scale_params"),
                ("spatial_size", "spatial_size"),
            ],
            &[LAZY, DTYPE, ("align_corners", &["false"])],
        ),
        "GridDistortion" => {
            t("grid_distortion", &[("num_cells", "num_cells"), ("distort_steps", "distort_steps")], &[LAZY, DTYPE])
        }
        "Flip" => t("flip", &[("spatial_axis", "spatial_axis")], &[LAZY]),
        "Rotate90" => t("rotate90", &[("k", "k"), ("spatial_axes", "spatial_axes")], &[LAZY]),
        "ScaleIntensityRange" => t(
            "scale_intensity_range",
            &[("a_min", "a_min"), ("a_max", "a_max"), ("b_min", "b_min"), ("b_max", "b_max"), ("clip", "clip")],
            &[DTYPE],
        ),
        "ScaleIntensityRangePercentiles" => t(
            "scale_intensity_range_percentiles",
            &[
                ("lower", "lower"),
                ("upper", "upper"),
                ("b_min", "b_min"),
                ("b_max", "b_max"),
                ("clip", "clip"),
                ("relative", "relative"),
                ("channel_wise", "channel_wise"),
            ],
            &[DTYPE],
        ),
        "ScaleIntensity" => t(
            "scale_intensity",
            // What its range is depends on three arguments together.
            &[("channel_wise", "channel_wise")],
            &[DTYPE],
        ),
        "NormalizeIntensity" => t(
            "normalize_intensity",
            &[
                ("subtrahend", "subtrahend"),
                ("divisor", "divisor"),
                ("nonzero", "nonzero"),
                ("channel_wise", "channel_wise"),
            ],
            &[DTYPE],
        ),
        "ThresholdIntensity" => {
            t("threshold_intensity", &[("threshold", "threshold"), ("above", "above"), ("cval", "cval")], &[])
        }
        "ShiftIntensity" => t("shift_intensity", &[("offset", "offset")], &[("safe", &["false"])]),
        "AdjustContrast" => t(
            "adjust_contrast",
            &[("gamma", "gamma"), ("invert_image", "invert_image"), ("retain_stats", "retain_stats")],
            &[],
        ),
        "CenterScaleCrop" => t("center_scale_crop", &[("roi_scale", "roi_scale")], &[LAZY]),
        "HistogramNormalize" => t(
            "histogram_normalize",
            &[("num_bins", "num_bins"), ("min", "min"), ("max", "max"), ("mask_key", "source")],
            &[DTYPE],
        ),
        "SavitzkyGolaySmooth" => {
            t("savitzky_golay_smooth", &[("window_length", "window_length"), ("order", "order"), ("mode", "mode")], &[])
        }
        "SobelGradients" => t(
            "sobel_gradients",
            &[
                ("kernel_size", "kernel_size"),
                ("spatial_axes", "spatial_axes"),
                ("normalize_kernels", "normalize_kernels"),
                ("normalize_gradients", "normalize_gradients"),
                ("padding_mode", "padding_mode"),
            ],
            &[DTYPE],
        ),
        "ForegroundMask" => t(
            "foreground_mask",
            &[("threshold", "threshold"), ("hsv_threshold", "hsv_threshold"), ("invert", "invert")],
            &[],
        ),
        "ComputeHoVerMaps" => t("compute_ho_ver_maps", &[], &[("dtype", &["\"float32\""])]),
        "GibbsNoise" => t("gibbs_noise", &[("alpha", "alpha")], &[]),
        "KSpaceSpikeNoise" => t("k_space_spike_noise", &[("loc", "loc"), ("k_intensity", "k_intensity")], &[]),
        "LabelToContour" => t("label_to_contour", &[], &[("kernel_type", &["\"Laplace\""])]),
        "DistanceTransformEDT" => t("distance_transform_edt", &[("sampling", "sampling")], &[]),
        _ => None,
    }
}
