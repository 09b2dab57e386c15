//! Parameters that make no sense are refused by `plan`, for every transform, with line, column and what to do.

use revoxel_transforms::Class;
use revoxel_transforms::manual::{Parameter, parameters};

use crate::support::Place;

/// Lines before the step.
const HEAD: &str = "\
version: 1
inputs:
  image: { kind: image, path: \"{case}/image.nii\", grid: own }
  label: { kind: label, path: \"{case}/label.nii\", grid: own }
  prediction: { kind: probability, path: \"{case}/prediction.nii\", grid: own }
steps:
";
const FOOT: &str = "outputs: {}\ntrace: \"{case}.json\"\n";
/// Where the step stands.
const LINE: usize = 7;

/// Transforms without a parameter that could be wrong.
const WITHOUT_PARAMETERS: [&str; 3] = ["canonical", "compute_ho_ver_maps", "sequential_labels"];

/// What plans the step and finds fault; the text of the fault.
fn fault(place: &Place, step: &str) -> Result<String, String> {
    place.text("p.yaml", &format!("{HEAD}  - {step}\n{FOOT}"));
    let said = place.revoxel(&["plan", "p.yaml"]);
    let text = said.err.split_whitespace().filter(|w| *w != "│").collect::<Vec<_>>().join(" ");
    // 2: the pipeline is wrong. Without data a good one is refused too, but not for its step.
    match (said.code, text.contains("p.yaml:")) {
        (2, true) => Ok(text),
        _ => Err(format!("{step}: not refused: {} {text}", said.code)),
    }
}

/// A step with `^` before what is wrong, and a part of what is said. `None` where all is well.
fn check(place: &Place, marked: &str, part: &str) -> Option<String> {
    let Some(column) = marked.find('^') else { return Some(format!("{marked}: no ^")) };
    let step = marked.replacen('^', "", 1);
    match fault(place, &step) {
        Err(why) => Some(why),
        Ok(text) => {
            let at = format!("p.yaml:{LINE}:{}", marked[..column].chars().count() + 5);
            let name = step.split(':').next().unwrap_or(&step);
            let missing: Vec<&str> = [at.as_str(), name, part].into_iter().filter(|p| !text.contains(p)).collect();
            (!missing.is_empty()).then(|| format!("{marked}: {missing:?} is not in: {text}"))
        }
    }
}

/// Out of range, contradictory, of the wrong length, kind or name: at least one for every transform.
const TABLE: &[(&str, &str)] = &[
    ("orientation: { axcodes: ^RAX }", "RAX"),
    ("orientation: { axcodes: ^RLS }", "RLS"),
    ("orientation: { axcodes: RAS, closest_canonical: ^true }", "not both"),
    ("^orientation: {}", "axcodes"),
    ("spacing: { pixdim: ^two }", "a number"),
    ("spacing: { pixdim: ^[1, 1, 1, 1] }", "4 numbers for three axes"),
    ("spacing: { pixdim: ^[] }", "one to three numbers"),
    ("spacing: { pixdim: 1, min_pixdim: ^2, max_pixdim: 1 }", "larger than max_pixdim"),
    ("spacing: { pixdim: 1, max_pixdim: ^[1, 1, 1, 1] }", "4 numbers"),
    ("spacing: { pixdim: 1, rule: ^monia }", "did you mean `monai`?"),
    ("spacing: { pixdim: 1, rule: ^nnunet, diagonal: true }", "rule: monai only"),
    ("spacing: { pixdim: 1, rule: monai_strict, separate_z: ^true }", "mixes the axes"),
    ("spacing: { pixdim: 1, rule: monai_strict, deshear: ^true }", "orthogonal already"),
    ("spacing: { pixdim: 1, interpolation: ^bilinear }", "linear"),
    ("spacing: { pixdim: 1, interpolation: { label: ^linear } }", "would average the labels"),
    ("spacing: { pixdim: 1, interpolation: { ^seg: label } }", "no input \"seg\""),
    ("spacing: { pixdim: 1, padding: ^mirror }", "border"),
    ("spacing: { pixdim: 1, through_plane: ^nearest }", "separate_z"),
    ("spacing: { pixdim: 1, separate_z: auto, anisotropy_threshold: ^0.5 }", "0.5"),
    ("spacing: { pixdim: 1, separate_z: ^true, deshear: true }", "mix the axes"),
    ("deshear: { interpolation: { label: ^cubic } }", "would average the labels"),
    ("resample_to: { reference: ^imge }", "did you mean \"image\"?"),
    ("^resample_to: {}", "give reference"),
    ("resample_to: { file: ^nothing.nii }", "nothing.nii"),
    ("resample_to: { file: ^[1] }", "the path of a file"),
    (
        "resample_to: { grid: ^{ shape: [0, 1, 1], affine: [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]] } }",
        "grid",
    ),
    (
        "resample_to: { grid: ^{ shape: [9, 9, 9], affine: [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]] } }",
        "grid",
    ),
    ("align: { reference: ^imge }", "did you mean \"image\"?"),
    ("resize: { spatial_size: ^[8, 8, 8, 8] }", "4 numbers"),
    ("resize: { spatial_size: ^[8, 8], size_mode: longest }", "one positive number"),
    ("resize: { spatial_size: ^1.5 }", "whole number"),
    ("zoom: { zoom: ^0 }", "above 0"),
    ("zoom: { zoom: ^[1, -2, 1] }", "-2 is not a factor"),
    ("zoom: { zoom: 2, mode: edge, value: ^3 }", "mode: constant only"),
    ("^spatial_crop: { roi_start: [1, 1, 1] }", "roi_start and roi_end"),
    ("^spatial_crop: { roi_start: 1, roi_end: 5, roi_size: 3 }", "give roi_center and roi_size"),
    ("spatial_crop: { roi_start: [5, 1, 1], roi_end: ^[5, 4, 4] }", "leaves nothing"),
    ("spatial_crop: { roi_center: 5, roi_size: ^[4, 0, 4] }", "at least 1"),
    ("spatial_crop: { roi_slices: ^[[4, 2]] }", "[4, 2] leaves nothing"),
    ("spatial_crop: { roi_slices: ^[[-2, -4]] }", "leaves nothing"),
    ("spatial_crop: ^{ center_mm: [1, 2, 3], size_mm: 4 }", "frame"),
    ("spatial_crop: { center_mm: [1, 2, 3], size_mm: ^0, frame: RAS }", "above 0"),
    ("spatial_crop: { start_world: [1, 2, 3], end_world: ^[4, 2, 6], frame: RAS }", "flat"),
    ("spatial_crop: { roi_start: 1, roi_end: 5, frame: ^RAS }", "no frame"),
    ("center_spatial_crop: { roi_size: ^[1, 2, 3, 4] }", "4 numbers"),
    ("center_spatial_crop: { roi_size: 4, source: ^imge }", "did you mean \"image\"?"),
    ("^crop_foreground: { source: image, above: 1, below: 5 }", "only one of"),
    ("crop_foreground: { source: image, between: ^[5, 1] }", "5 is larger than 1"),
    ("crop_foreground: { source: label, labels: ^[] }", "at least one label"),
    ("crop_foreground: { source: image, nonzero: ^false }", "selects nothing"),
    ("crop_foreground: { source: image, margin: ^-1 }", "0 or more"),
    ("crop_foreground: { source: image, margin: 1, margin_mm: ^1 }", "not both"),
    ("crop_foreground: { source: image, mode: edge, value: ^1 }", "mode: constant only"),
    ("crop_foreground: { source: ^imge }", "did you mean \"image\"?"),
    ("crop_to_nonzero: { source: ^imge }", "did you mean \"image\"?"),
    ("crop_to_nonzero: { source: image, on_empty: ^skip }", "skip_case"),
    ("spatial_pad: { spatial_size: ^[1, 2, 3, 4] }", "4 numbers"),
    ("spatial_pad: { spatial_size: 9, mode: reflect, value: ^1 }", "mode: constant only"),
    ("spatial_pad: { spatial_size: 9, mode: ^mirror }", "reflect"),
    ("border_pad: { spatial_border: ^-1 }", "cannot be added"),
    ("border_pad: { spatial_border: ^[1, 2, 3, 4, 5] }", "1, 3 or 6"),
    ("divisible_pad: { k: ^[8, 8, 8, 8] }", "4 numbers"),
    ("divisible_pad: { k: 8, method: ^both }", "symmetric"),
    ("divisible_crop: { k: ^[8, 8, 8, 8] }", "4 numbers"),
    ("divisible_crop: { k: ^many }", "whole number"),
    ("center_scale_crop: { roi_scale: ^1.2 }", "more than the whole"),
    ("center_scale_crop: { roi_scale: ^[1, 1, 1, 1] }", "4 numbers"),
    ("center_scale_crop: { roi_scale: 0.5, source: ^imge }", "did you mean \"image\"?"),
    ("resize: { spatial_size: 9, area: ^true, interpolation: linear }", "give the interpolation by key"),
    ("resize: { spatial_size: 9, area: ^true, align_corners: true }", "boxes between faces"),
    ("resize: { spatial_size: 9, anti_alias_rule: ^scikit_image }", "set anti_alias: true, too"),
    ("resize: { spatial_size: 9, anti_alias: true, anti_alias_rule: ^monai }", "scikit_image"),
    ("zoom: { zoom: 2, area: ^true, interpolation: nearest }", "give the interpolation by key"),
    ("rand_zoom: { area: ^true, align_corners: true }", "boxes between faces"),
    ("resize_with_pad_or_crop: { spatial_size: ^[1, 2, 3, 4] }", "4 numbers"),
    ("resize_with_pad_or_crop: { spatial_size: 9, mode: edge, value: ^1 }", "mode: constant only"),
    ("resize: { spatial_size: 8, interpolation: { image: ^label } }", "label is for labels, and \"image\" is of kind"),
    ("spacing: { pixdim: 2, interpolation: { image: ^label_nearest } }", "label_nearest is for labels"),
    ("^crop_or_pad: {}", "one of them sets the size"),
    ("crop_or_pad: { target_shape: ^[1, 2, 3, 4] }", "4 numbers"),
    ("crop_or_pad: { target_shape: ^[8, 8.5, 8] }", "8.5 is not a number of voxels"),
    ("crop_or_pad: { target_shape: 8, units: ^inch }", "mm"),
    ("crop_or_pad: { target_shape: ^.nan }", "non-finite"),
    ("crop_or_pad: { target_shape: 8, labels: ^[1] }", "give it, too"),
    ("crop_or_pad: { target_shape: 8, on_empty: ^keep }", "give it, too"),
    ("crop_or_pad: { source: ^imge }", "did you mean \"image\"?"),
    ("crop_or_pad: { source: label, labels: ^[] }", "the list is empty"),
    ("crop_or_pad: { target_shape: 8, only: ^both }", "crop"),
    ("crop_or_pad: { target_shape: 8, mode: volume_mean, value: ^1 }", "mode: constant only"),
    ("flip: { spatial_axis: ^3 }", "3 is not an axis"),
    ("flip: { spatial_axis: ^[0, 0] }", "twice"),
    ("flip: { spatial_axis: ^[2, -1] }", "twice"),
    ("rotate90: { spatial_axes: ^[1, 1] }", "one axis twice"),
    ("rotate90: { spatial_axes: ^[0, 4] }", "4 is not an axis"),
    ("rotate90: { k: ^0.5 }", "0.5"),
    ("rotate: { angle: ^[1, 2] }", "2 angles"),
    ("rotate: { angle: 1, degrees: ^30 }", "not both"),
    ("^rotate: {}", "radians"),
    ("rotate: { degrees: 30, rotate_order: ^XYW }", "XYW"),
    ("rotate: { degrees: 30, about: ^center }", "volume"),
    ("affine: { scale_params: ^[1, 0, 1] }", "0 leaves nothing"),
    ("affine: { translate_params: ^[1, 2, 3, 4] }", "at most 3"),
    ("affine: { rotate_params: 1, degrees: ^1 }", "not both"),
    ("affine: ^{ matrix: [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]] }", "frame: RAS or frame: LPS"),
    ("affine: { matrix: ^[[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]], frame: RAS }", "inverted"),
    ("affine: { matrix: ^[[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 2]], frame: RAS }", "last row"),
    ("affine: { file: ^nothing.tfm }", "nothing.tfm"),
    ("affine: { scale_params: 1.5, frame: ^RAS }", "matrix or file only"),
    ("transpose: { indices: ^[0, 1, 1] }", "in some order"),
    ("transpose: { indices: ^[1, 2] }", "in some order"),
    ("grid_distortion: { num_cells: 1, distort_steps: ^[[1, 1]] }", "1 lists"),
    ("scale_intensity: { minv: 2, maxv: ^2 }", "no extent"),
    ("scale_intensity: { factor: ^1, maxv: 2 }", "not both"),
    ("scale_intensity: { factor: ^-1 }", "every value 0"),
    ("scale_intensity_fixed_mean: { factor: ^-1 }", "the same"),
    ("^scale_intensity_fixed_mean: {}", "missing field `factor`"),
    ("scale_intensity_range: { a_min: 2, a_max: ^2 }", "both 2"),
    ("scale_intensity_range: { a_min: 0, a_max: 2, b_min: 1, b_max: ^1 }", "both 1"),
    ("scale_intensity_range: { a_min: 0, a_max: 2, b_min: ^1 }", "b_max is missing"),
    ("scale_intensity_range: { a_min: 0, a_max: 2, clip: ^true }", "needs b_min and b_max"),
    ("scale_intensity_range: { a_min: 0, a_max: 2, b_min: ^5, b_max: 1, clip: true }", "larger than b_max"),
    ("^scale_intensity_range: { a_min: 0 }", "missing field `a_max`"),
    ("scale_intensity_range_percentiles: { lower: ^50, upper: 50 }", "not below upper"),
    ("scale_intensity_range_percentiles: { lower: 0, upper: ^101 }", "0 to 100"),
    ("scale_intensity_range_percentiles: { lower: 0, upper: 9, b_min: 1, b_max: ^1 }", "both 1"),
    ("rescale_to_8bit: { lower: ^99, upper: 1 }", "not below upper"),
    ("rescale_to_8bit: { lower: ^-1 }", "0 to 100"),
    ("normalize_intensity: { divisor: ^0 }", "cannot divide by 0"),
    ("normalize_intensity: ^{ subtrahend: [1, 2] }", "channel_wise"),
    ("z_score: { source: label, mask: ^nonzero }", "only one of"),
    ("z_score: { keep_outside: ^true }", "no mask"),
    ("z_score: { ddof: ^2 }", "0 or 1"),
    ("z_score: { source: ^lable }", "did you mean \"label\"?"),
    ("ct_normalization: { mean: 0, std: ^-1, percentile_00_5: 0, percentile_99_5: 1 }", "standard deviation"),
    ("ct_normalization: { mean: 0, std: 1, percentile_00_5: ^5, percentile_99_5: 1 }", "not below"),
    ("histogram_standardization: { landmarks: ^[0, 100] }", "13 landmarks"),
    ("histogram_standardization: { landmarks: ^[0, 3, 2, 8, 9, 14, 22, 34, 48, 55, 63, 79, 100] }", "must rise"),
    ("histogram_standardization: { landmarks: ^[5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5] }", "must rise"),
    ("histogram_standardization: { landmarks: ^nothing.npy }", "nothing.npy"),
    ("histogram_normalize: { num_bins: ^1 }", "2 to 65536"),
    ("histogram_normalize: { min: ^300 }", "not below max"),
    ("histogram_normalize: { source: ^lable }", "did you mean \"label\"?"),
    ("clip_intensity: { min: ^5, max: 5 }", "not below max"),
    ("^clip_intensity: {}", "min, max or both"),
    ("clip_intensity_percentiles: { lower: ^60, upper: 40 }", "not below upper"),
    ("clip_intensity_percentiles: { lower: 1, sharpness_factor: ^0 }", "above 0"),
    ("threshold_intensity: { threshold: ^high }", "high"),
    ("mask_intensity: { source: ^lable }", "did you mean \"label\"?"),
    ("mask_intensity: { source: label, labels: ^[] }", "at least one label"),
    ("shift_intensity: { offset: ^\"1\" }", "string"),
    ("^shift_intensity: {}", "missing field `offset`"),
    ("std_shift_intensity: { factor: ^[1] }", "sequence"),
    ("adjust_contrast: { gamma: ^0 }", "above 0"),
    ("adjust_contrast: { gamma: ^-2 }", "above 0"),
    ("gaussian_smooth: { sigma: ^-1 }", "0 or more"),
    ("gaussian_smooth: { sigma: 1, sigma_mm: ^1 }", "not both"),
    ("gaussian_smooth: { edge: ^wrap }", "mirror"),
    ("gaussian_sharpen: { sigma1: ^-1 }", "0 or more"),
    ("gaussian_sharpen: { sigma2: ^[1, 1, 1, 1] }", "three axes"),
    ("median_smooth: { radius: ^16 }", "0 to 15"),
    ("savitzky_golay_smooth: { window_length: ^4, order: 2 }", "odd number"),
    ("savitzky_golay_smooth: { window_length: 5, order: ^5 }", "less than window_length"),
    ("savitzky_golay_smooth: { window_length: 5, order: 2, spatial_axis: ^3 }", "3 is not an axis"),
    ("savitzky_golay_smooth: { window_length: 5, order: 2, mode: ^mirror }", "replicate"),
    ("sobel_gradients: { kernel_size: ^2 }", "odd number"),
    ("sobel_gradients: { spatial_axes: ^[1, 1] }", "twice"),
    ("sobel_gradients: { padding_mode: ^edge }", "reflect"),
    ("foreground_mask: { threshold: ^[] }", "for each channel"),
    ("foreground_mask: { threshold: ^huang }", "is not a rule: give a number, or one of isodata, li"),
    ("foreground_mask: { threshold: ^Sauvola }", "a threshold for each voxel, not one number"),
    ("foreground_mask: { threshold: [otsu, ^multiotsu] }", "several numbers, not one"),
    ("foreground_mask: { threshold: { R: ^niblack } }", "a threshold for each voxel"),
    ("foreground_mask: { threshold: ^{ S: 0.1 } }", "\"S\" is not a channel: use letters of RGB"),
    ("foreground_mask: { threshold: ^{ R: 1, r: 2 } }", "named twice"),
    ("foreground_mask: { threshold: ^null }", "give threshold or hsv_threshold"),
    ("foreground_mask: { hsv_threshold: ^[0.1, 0.2] }", "hue, saturation and value take three"),
    ("foreground_mask: { hsv_threshold: ^{ R: 0.1 } }", "use letters of HSV"),
    ("foreground_mask: { hsv_threshold: ^{} }", "no channel is named"),
    ("gibbs_noise: { alpha: ^1.5 }", "0 to 1"),
    ("k_space_spike_noise: { loc: ^[1] }", "three indices"),
    ("k_space_spike_noise: { loc: ^[[1, 2, 3], [1]] }", "three indices"),
    ("k_space_spike_noise: { loc: [1, 2, 3], k_intensity: ^[1, 2] }", "2 numbers for 1 places"),
    ("k_space_spike_noise: { loc: [1, 2, 3], k_intensity: ^100 }", "-80 to 80"),
    ("keep_largest_connected_component: { connectivity: ^4 }", "1 (faces)"),
    ("keep_largest_connected_component: { num_components: ^0 }", "at least 1"),
    ("keep_largest_connected_component: { applied_labels: ^[] }", "at least one label"),
    ("keep_largest_connected_component: { applied_labels: ^1.5 }", "whole number"),
    ("remove_small_objects: { min_size_voxels: ^-5 }", "-5"),
    ("remove_small_objects: { min_size_mm3: ^-5 }", "0 or more"),
    ("remove_small_objects: { min_size_voxels: 5, min_size_mm3: ^5 }", "not both"),
    ("^remove_small_objects: {}", "min_size_voxels or min_size_mm3"),
    ("fill_holes: { applied_labels: ^[1, 1] }", "twice"),
    ("fill_holes: { connectivity: ^0 }", "1 (faces)"),
    ("fill_holes: { is_onehot: true, applied_labels: ^-1 }", "numbered from 0"),
    ("keep_largest_connected_component: { is_onehot: ^2 }", "boolean"),
    ("label_to_contour: { connectivity: ^4 }", "1 (faces)"),
    ("distance_transform_edt: { sampling: ^0 }", "more than 0"),
    ("distance_transform_edt: { sampling: 1, mm: ^true }", "not both"),
    ("generate_heatmap: { sigma: ^0 }", "more than 0"),
    ("generate_heatmap: { sigma: ^[1, 2] }", "one number, or three"),
    ("generate_heatmap: { sigma_mm: ^[1, -2, 1] }", "more than 0"),
    ("generate_heatmap: { sigma: 1, sigma_mm: ^1 }", "not both"),
    ("generate_heatmap: { truncated: ^0 }", "more than 0"),
    ("generate_heatmap: { labels: ^[1, 1] }", "twice"),
    ("generate_heatmap: { labels: ^[0, 1] }", "background"),
    ("mark_outside: { nonzero_of: ^[] }", "name the inputs"),
    ("map_label_value: { orig_labels: [1, 2], target_labels: ^[1] }", "1 labels for 2"),
    ("map_label_value: { orig_labels: ^[1, 1], target_labels: [1, 2] }", "twice"),
    ("label_filter: { applied_labels: ^[] }", "at least one label"),
    ("remove_labels: { labels: ^[0, 1] }", "background_label"),
    ("^as_discrete: {}", "give argmax, to_onehot"),
    ("as_discrete: { to_onehot: ^0 }", "0 channels"),
    ("^activations: {}", "sigmoid: true or softmax"),
    ("activations: { sigmoid: true, softmax: ^true }", "not both"),
    ("as_discrete: { argmax: true, to_onehot: ^5000 }", "4096"),
    ("as_discrete: { rounding: ^up }", "torchrounding"),
    ("one_hot: { num_classes: ^0 }", "number of channels"),
    ("one_hot: { num_classes: ^5000 }", "4096"),
    ("rand_flip: { prob: ^1.5 }", "0 to 1"),
    ("rand_flip: { spatial_axis: ^[1, 1] }", "twice"),
    ("rand_axis_flip: { prob: ^-1 }", "0 to 1"),
    ("rand_rotate: { prob: ^2 }", "0 to 1"),
    ("rand_rotate: { range_y: ^30 }", "must lie between -7 and 7"),
    ("rand_rotate90: { max_k: ^4 }", "1, 2 or 3"),
    ("rand_rotate90: { spatial_axes: ^[0, 0] }", "one axis twice"),
    ("rand_affine: { prob: ^-0.1 }", "0 to 1"),
    ("rand_affine: { rotate_range: ^[1, 1, 1, 1] }", "at most 3"),
    ("rand_affine: { scale_range: ^[-1.5] }", "must lie between"),
    ("rand_zoom: { min_zoom: 1.2, max_zoom: ^0.8 }", "0.8"),
    ("rand_zoom: { min_zoom: [1, 1], max_zoom: ^[2] }", "min_zoom has 2"),
    ("pca: { num_components: ^0 }", "give 1 or more"),
    ("pca: { values_range: ^[2, 2] }", "2 is not below 2"),
    ("grid_distortion: { num_cells: ^0, distort_steps: [[1], [1], [1]] }", "1 to 1000"),
    ("grid_distortion: { num_cells: 1, distort_steps: ^[[1, 1], [1], [1, 1]] }", "axis 1 has 1 steps"),
    ("grid_distortion: { num_cells: 1, distort_steps: ^[[1, 1], [1, 1], [1, 0]] }", "0.001 to 1000"),
    ("rand_grid_distortion: { prob: ^-1 }", "0 to 1"),
    ("rand_grid_distortion: { num_cells: ^-3 }", "1 to 1000"),
    ("rand_grid_distortion: { distort_limit: ^1 }", "must lie between -0.999 and 999"),
    ("rand_3d_elastic: { prob: ^2, sigma_range: [1, 2], magnitude_range: [1, 2] }", "0 to 1"),
    ("rand_3d_elastic: { sigma_range: ^[0, 2], magnitude_range: [1, 2] }", "0.1 to 10000"),
    ("rand_3d_elastic: { sigma_range: [1, 2], magnitude_range: ^[1, 1e9] }", "-100000 to 100000"),
    ("rand_3d_elastic: { sigma_range: [1, 2], magnitude_range: [1, 2], rotate_range: ^[0, 0, 0, 1] }", "at most 3"),
    ("rand_2d_elastic: { spacing: ^[4, 4, 4], magnitude_range: [1, 2] }", "3 numbers for two axes"),
    ("rand_2d_elastic: { spacing: ^0.5, magnitude_range: [1, 2] }", "1 to 100000"),
    ("rand_2d_elastic: { spacing: 4, magnitude_range: ^[1, 1e5] }", "-10000 to 10000"),
    ("rand_2d_elastic: { spacing: 4, magnitude_range: [1, 2], rotate_range: ^[0.1, 0.1] }", "at most 1"),
    ("rand_elastic: { num_control_points: ^3 }", "5 to 20"),
    ("rand_elastic: { locked_borders: ^3 }", "0, 1 or 2"),
    ("rand_elastic: { max_displacement_mm: ^-1 }", "0 to 10000"),
    ("spacing: { pixdim: 1, separate_z: true, through_plane: ^cubic }", "needs interpolation: cubic within the plane"),
    ("grid_patch: { patch_size: 4, overlap: ^1 }", "0 to 0.999"),
    ("grid_patch: { patch_size: 4, offset: ^-1 }", "set pad_mode"),
    ("grid_patch: { patch_size: 4, offset: ^-5, pad_mode: edge }", "outside the volume"),
    ("grid_patch: { patch_size: 4, value: ^3 }", "pad_mode: constant only"),
    ("grid_patch: { patch_size: 4, pad_mode: edge, value: ^3 }", "mode: constant only"),
    ("grid_patch: { patch_size: 4, threshold: ^3 }", "set source"),
    ("grid_patch: { patch_size: 4, source: image, threshold: ^.nan }", "non-finite"),
    ("grid_patch: { patch_size: 4, source: image, sort_fn: ^random }", "expected `min` or `max`"),
    ("grid_patch: { patch_size: 4, source: ^nowhere, sort_fn: max }", "no input \"nowhere\""),
    ("grid_patch: { patch_size: 4, num_patches: ^0 }", "give 1 or more"),
    ("grid_patch: { patch_size: 4, num_patches: 3, patch: ^3 }", "not among the 3 of num_patches"),
    ("rand_grid_patch: { patch_size: 4, sort_fn: ^min }", "set source"),
    ("rand_grid_patch: { patch_size: 4, source: ^image, sort_fn: random }", "threshold, or sort_fn: min or max, only"),
    ("rand_grid_patch: { patch_size: ^[1, 1, 1, 1] }", "4 numbers"),
    ("rand_grid_patch: { patch_size: 4, min_offset: 3, max_offset: ^2 }", "less than the min_offset 3"),
    ("grid_split: { grid: ^[2, 2, 2, 2] }", "4 numbers for three axes"),
    ("grid_split: { grid: ^[0, 2] }", "1 to 10000"),
    ("grid_split: { size: ^0 }", "1 voxel or more"),
    ("rand_spatial_crop: { roi_size: ^[1, 1, 1, 1] }", "4 numbers"),
    ("rand_spatial_crop: { roi_size: 8, max_roi_size: ^16 }", "random_size: true only"),
    (
        "rand_spatial_crop: { roi_size: [4, 9], max_roi_size: ^[9, 8], random_size: true }",
        "8 is less than the roi_size 9",
    ),
    ("^rand_spatial_crop: {}", "roi_size"),
    ("rand_scale_crop: { roi_scale: ^1.1 }", "more than the whole"),
    ("rand_scale_crop: { roi_scale: 0.5, max_roi_scale: ^[1, 2], random_size: true }", "2 is more than the whole"),
    (
        "rand_scale_crop: { roi_scale: 0.5, max_roi_scale: ^0.4, random_size: true }",
        "0.4 is less than the roi_scale 0.5",
    ),
    ("rand_scale_crop: { roi_scale: 0, max_roi_scale: ^0.9, random_size: true }", "0.9 is less than the roi_scale 1"),
    ("rand_scale_crop: { roi_scale: 0.5, max_roi_scale: ^0.9 }", "random_size: true only"),
    ("rand_crop_by_pos_neg_label: { source: ^lable, spatial_size: 4 }", "did you mean \"label\"?"),
    ("rand_crop_by_pos_neg_label: { source: label, spatial_size: 4, image: ^img }", "no input \"img\""),
    ("rand_crop_by_pos_neg_label: { source: label, spatial_size: 4, pos: ^-1 }", "0 to"),
    ("rand_crop_by_pos_neg_label: { source: label, spatial_size: 4, pos: ^0, neg: 0 }", "both 0"),
    ("rand_crop_by_pos_neg_label: { source: label, spatial_size: 4, image_threshold: ^3 }", "`image` names"),
    ("^rand_crop_by_pos_neg_label: { source: label }", "spatial_size"),
    ("^rand_crop_by_label_classes: { source: label, spatial_size: 4 }", "give ratios, or num_classes"),
    (
        "rand_crop_by_label_classes: { source: label, spatial_size: 4, num_classes: 3, ratios: ^[1, 2] }",
        "2 ratios for 3",
    ),
    ("rand_crop_by_label_classes: { source: label, spatial_size: 4, ratios: ^[1, -2] }", "-2"),
    ("rand_crop_by_label_classes: { source: label, spatial_size: 4, ratios: ^[0, 0] }", "all are 0"),
    ("rand_crop_by_label_classes: { source: label, spatial_size: 4, ratios: ^[] }", "0 classes"),
    ("rand_crop_by_label_classes: { source: label, spatial_size: 4, num_classes: ^0 }", "0 classes"),
    (
        "rand_crop_by_label_classes: { source: label, spatial_size: 4, num_classes: 2, image_threshold: ^0 }",
        "`image` names",
    ),
    ("rand_weighted_crop: { source: ^weights, spatial_size: 4 }", "no input \"weights\""),
    ("rand_weighted_crop: { source: image, spatial_size: ^[1, 1, 1, 1] }", "4 numbers"),
    ("rand_gaussian_noise: { std: ^-1 }", "0 or more"),
    ("rand_gamma: { gamma: ^[0, 2] }", "gamma"),
    ("rand_bias_field: { degree: ^0 }", "1 to 10"),
    ("rand_bias_field: { coeff_range: ^[0] }", "length 1"),
    ("rand_scale_intensity: { factors: 0.1, prob: ^1.1 }", "0 to 1"),
    ("rand_scale_intensity: { factors: ^[0.1] }", "the lowest and the highest"),
    ("rand_scale_intensity: { factors: ^[-1, -1] }", "every value 0"),
    ("^rand_scale_intensity: {}", "missing field `factors`"),
    ("rand_scale_intensity_fixed_mean: { factors: ^[-1, -1] }", "the same"),
    ("rand_scale_intensity_fixed_mean: { factors: ^[0, 1e7] }", "-1000000 to 1000000"),
    ("rand_shift_intensity: { offsets: ^1e31 }", "must be"),
    ("rand_std_shift_intensity: { factors: ^a few }", "give a number r for −r to r"),
    ("rand_histogram_shift: { num_control_points: ^2 }", "2 must be 3 to 1000"),
    ("rand_histogram_shift: { num_control_points: ^[9, 2] }", "2 must be 3 to 1000"),
    ("rand_histogram_shift: { num_control_points: ^-5 }", "give a number, or a list of the lowest and the highest"),
    ("rand_gaussian_smooth: { sigma_y: ^[-0.5, 1] }", "-0.5 must be 0 to 1000"),
    ("rand_gaussian_smooth: { sigma_z: ^[1, 2000] }", "2000 must be 0 to 1000"),
    ("rand_gaussian_sharpen: { sigma2_x: ^-1 }", "-1 must be 0 to 1000"),
    ("rand_gaussian_sharpen: { alpha: ^30 }", "array"),
    ("rand_rician_noise: { std: ^-0.1 }", "0 or more"),
    ("rand_rician_noise: { mean: [1, 2], channel_wise: ^false }", "one number per channel"),
    ("rand_gibbs_noise: { alpha: ^1.5 }", "1.5 must be 0 to 1"),
    ("rand_gibbs_noise: { alpha: ^[-0.1, 0.5] }", "-0.1 must be 0 to 1"),
    ("rand_k_space_spike_noise: { intensity_range: ^[5, 90] }", "90 must be -80 to 80"),
    ("rand_k_space_spike_noise: { intensity_range: ^[] }", "the list is empty"),
    ("rand_k_space_spike_noise: { intensity_range: ^[[1, 2], [1, 2]], channel_wise: false }", "channel_wise: true"),
    ("rand_simulate_low_resolution: { zoom_range: ^[0, 1] }", "0 must be 0.001 to 1"),
    ("rand_simulate_low_resolution: { downsample_mode: ^label }", "is for labels"),
    ("rand_coarse_dropout: { holes: ^0, spatial_size: 4 }", "0 must be 1 to 1000"),
    ("rand_coarse_dropout: { holes: 5, max_holes: ^4, spatial_size: 4 }", "4 must be 5 (holes) to 1000"),
    ("rand_coarse_dropout: { holes: 1, spatial_size: ^[4, 4, 4, 4] }", "4 numbers for three axes"),
    ("rand_coarse_dropout: { holes: 1, spatial_size: 4, fill_value: ^[1, 2, 3] }", "the lowest and the highest"),
    ("rand_coarse_shuffle: { holes: 1, spatial_size: [4, 8], max_spatial_size: ^6 }", "less than spatial_size"),
    ("rand_coarse_shuffle: { holes: 1, spatial_size: -1, max_spatial_size: ^6 }", "less than spatial_size"),
    ("^rand_coarse_shuffle: { holes: 1 }", "missing field `spatial_size`"),
    // Kinds of volumes that a step makes no sense of, and inputs that are not there.
    ("normalize_intensity: { keys: ^label }", "changes intensities, and \"label\" is of kind label"),
    (
        "scale_intensity: { keys: [image, ^prediction] }",
        "changes intensities, and \"prediction\" is of kind probability",
    ),
    ("fill_holes: { keys: ^image }", "works on label volumes"),
    ("fill_holes: { keys: ^prediction }", "works on label volumes"),
    ("crop_foreground: { source: image, labels: [^1, 2] }", "\"image\" is an image here"),
    ("border_pad: { spatial_border: 1, value: { label: ^0.5 } }", "0.5 is not a label of \"label\""),
    ("spacing: { pixdim: 1, padding: { label: ^0.5 } }", "0.5 is not a label of \"label\""),
    ("border_pad: { keys: label, spatial_border: 1, value: ^0.5 }", "0.5 is not a label of \"label\""),
    ("as_discrete: { keys: ^label, argmax: true }", "works on probability or logit volumes"),
    ("spacing: { keys: ^imge, pixdim: 1 }", "did you mean \"image\"?"),
    ("spacing: { keys: ^[], pixdim: 1 }", "the list is empty"),
];

#[test]
fn senseless_parameters_are_refused_where_they_stand() {
    let place = Place::new();
    let wrong: Vec<String> = TABLE.iter().filter_map(|(step, part)| check(&place, step, part)).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), TABLE.len(), wrong.join("\n"));
    for transform in revoxel::registry().iter() {
        let tried =
            TABLE.iter().any(|(step, _)| step.trim_start_matches('^').split(':').next() == Some(transform.name));
        let without = parameters(transform).is_empty();
        assert_eq!(without, WITHOUT_PARAMETERS.contains(&transform.name), "{}", transform.name);
        assert!(tried || without, "no row of the table tries {}", transform.name);
    }
}

/// A parameter may say other things than numbers, but no number that is none.
#[test]
fn numbers_are_finite_everywhere() {
    let place = Place::new();
    let (mut tried, mut wrong) = (0, Vec::new());
    for transform in revoxel::registry().iter() {
        for Parameter { name, values, .. } in parameters(transform) {
            if !values.contains("number") {
                continue;
            }
            for (number, bare) in [(".nan", true), (".inf", true), ("-.inf", true), ("[1, .nan]", false)] {
                let value = if bare { format!("^{number}") } else { number.replace(".nan", "^.nan") };
                wrong.extend(check(&place, &format!("{}: {{ {name}: {value} }}", transform.name), "finite"));
                tried += 1;
            }
        }
    }
    assert!(tried > 200, "only {tried}");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn misspelt_parameters_are_refused_with_what_was_meant() {
    let place = Place::new();
    let mut wrong = Vec::new();
    for transform in revoxel::registry().iter() {
        wrong.extend(check(&place, &format!("{}: {{ ^no_such_thing: 1 }}", transform.name), "no_such_thing"));
        for Parameter { name, .. } in parameters(transform).into_iter().filter(|p| p.name.len() > 3) {
            let misspelt = format!("{}{}", &name[..2], &name[3..]);
            let step = format!("{}: {{ ^{misspelt}: 1 }}", transform.name);
            wrong.extend(check(&place, &step, &format!("did you mean `{name}`?")));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is neither a number, a word nor a list that any parameter takes.
#[test]
fn values_of_another_type_are_refused() {
    let place = Place::new();
    let mut wrong = Vec::new();
    for transform in revoxel::registry().iter() {
        for Parameter { name, .. } in parameters(transform) {
            for value in ["[{ what: ever }]", "{ image: [[what]] }"] {
                let step = format!("{}: {{ {name}: {value} }}", transform.name);
                match fault(&place, &step) {
                    Ok(text) if text.contains(&format!("p.yaml:{LINE}:")) && text.contains(transform.name) => {}
                    Ok(text) => wrong.push(format!("{step}: {text}")),
                    Err(why) => wrong.push(why),
                }
            }
        }
        // Of kinds that it makes no sense of.
        let key = match transform.class {
            Class::Spatial => continue,
            Class::Intensity => "label",
            Class::Label => "image",
        };
        let step = format!("{}: {{ keys: {key} }}", transform.name);
        if !parameters(transform).iter().any(|p| p.required) {
            wrong.extend(fault(&place, &step).err());
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
