//! What published bundles do in their lists: casts, copies, arrays, channels, masks of images.

use super::*;

fn skipping(text: &str) -> Result<Imported, PipelineError> {
    let registry = everything();
    let options = Options { skip_random: true, transforms: Some("pre"), ..Options::new(&registry) };
    super::super::pipeline(&[("c.yaml", text)], &options)
}

fn imported(text: &str) -> Imported {
    pipeline("c.yaml", text, None, None).unwrap_or_else(|e| panic!("{e}"))
}

fn refused(text: &str, line: usize, part: &str) {
    let error = pipeline("c.yaml", text, None, None).unwrap_err();
    assert!(error.problem.contains(part) && error.place.line == line, "{error}");
}

/// The lines of the steps.
fn steps(imported: &Imported) -> Vec<&str> {
    imported.check("p.yaml", &everything()).unwrap_or_else(|e| panic!("{e}\n{}", imported.text));
    imported.text.lines().filter_map(|line| line.strip_prefix("  - ")).collect()
}

fn noted(imported: &Imported, part: &str) {
    assert!(imported.notes.iter().any(|note| note.contains(part)), "{part}: {:?}", imported.notes);
}

const LOAD: &str = "- {_target_: LoadImaged, keys: [image, label]}\n";

#[test]
fn half_precision_of_images_is_noted() {
    let found = imported(&format!(
        "{LOAD}- {{_target_: ShiftIntensityd, keys: image, offset: 3}}\n- {{_target_: CastToTyped, keys: [image, label], \
         dtype: ['$np.float16', '$np.uint8']}}\n- {{_target_: EnsureTyped, keys: image, dtype: half}}\n"
    ));
    assert_eq!(steps(&found), ["shift_intensity: { keys: [image], offset: 3 }"]);
    noted(&found, "CastToTyped: MONAI rounds image to float16");
    noted(&found, "EnsureTyped: MONAI rounds image to float16");
    refused(&format!("{LOAD}- {{_target_: CastToTyped, keys: label, dtype: float16}}\n"), 2, "\"label\"");
    refused(&format!("{LOAD}- {{_target_: CastToTyped, keys: image, dtype: bfloat16}}\n"), 2, "\"image\"");
}

#[test]
fn types_of_what_is_no_volume_do_not_matter() {
    let found = imported(
        "- {_target_: LoadImaged, keys: image}\n- {_target_: EnsureTyped, keys: [image, class], dtype: ['$torch.float32', \
         '$torch.long']}\n- {_target_: Flipd, keys: image}\n",
    );
    assert_eq!(steps(&found), ["flip: {}"]);
    noted(&found, "class is left out");
    refused("- {_target_: LoadImaged, keys: image}\n- {_target_: EnsureTyped, keys: image, dtype: long}\n", 2, "dtype");
}

#[test]
fn a_copy_is_an_input_of_the_same_file() {
    let text = format!(
        "{LOAD}- {{_target_: Spacingd, keys: [image, label], pixdim: 2, mode: [bilinear, nearest]}}\n- {{_target_: \
         CopyItemsd, keys: [label], names: [where]}}\n- {{_target_: LabelFilterd, keys: where, applied_labels: [2]}}\n\
         - {{_target_: CropForegroundd, keys: [image, label, where], source_key: where}}\n"
    );
    let found = imported(&text);
    let modes = "{ image: linear, label: nearest, where: nearest }";
    assert_eq!(
        steps(&found),
        [
            &format!("spacing: {{ rule: monai_strict, pixdim: 2, interpolation: {modes} }}"),
            "label_filter: { keys: [where], applied_labels: [2] }",
            "crop_foreground: { source: where }",
        ]
    );
    let input = "where: { kind: label, path: \"label/{case}.nii.gz\" }";
    assert!(
        found.text.contains(input) && found.text.contains("where: { path: \"where/{case}.nii.gz\" }"),
        "{}",
        found.text
    );
    refused(&text.replace("names: [where]", "times: 2, names: [where]"), 3, "one name per key and copy");
    let random = "- {_target_: RandFlipd, keys: label}\n- {_target_: CopyItemsd";
    refused(&text.replace("- {_target_: CopyItemsd", random), 4, "a random transform changes");
}

#[test]
fn a_copy_for_random_crops_goes_with_them() {
    let text = "pre:\n- {_target_: LoadImaged, keys: [image, label]}\n- {_target_: CopyItemsd, keys: label, times: 1, names: \
                [near]}\n- {_target_: Lambdad, keys: near, func: '$lambda x: widened(x)', overwrite: true}\n- {_target_: \
                SpatialPadd, keys: [image, label, near], spatial_size: 9, mode: [reflect, constant, constant]}\n- \
                {_target_: RandCropByLabelClassesd, keys: [image, label], label_key: near, num_classes: 3, spatial_size: \
                9}\n- {_target_: Lambdad, keys: near, func: '$lambda x: 0'}\n";
    let found = skipping(text).unwrap();
    assert_eq!(
        steps(&found),
        [
            "spatial_pad: { keys: [image], spatial_size: 9, mode: reflect }",
            "spatial_pad: { keys: [label], spatial_size: 9, mode: constant }",
        ]
    );
    assert!(!found.text.contains("near:"), "{}", found.text);
    noted(&found, "near is left out, because code makes it (Lambdad, line 4)");
    // The crop needs what the code makes.
    let error = pipeline("c.yaml", text, Some("pre"), None).unwrap_err();
    assert!(error.problem.contains("widened(x)\" is code") && error.place.line == 4, "{error}");
    let cropped = text.replace(
        "RandCropByLabelClassesd, keys: [image, label], label_key: near, num_classes: 3, spatial_size: \
                9",
        "CropForegroundd, keys: [image, label], source_key: near",
    );
    assert!(skipping(&cropped).unwrap_err().problem.contains("is code"));
}

#[test]
fn masks_of_boxes_are_left_out() {
    let text = "- {_target_: LoadImaged, keys: image}\n- {_target_: BoxToMaskd, box_keys: box, box_mask_keys: box_mask, \
                box_ref_image_keys: image}\n- {_target_: Rotate90d, keys: [image, box_mask], k: 1}\n- {_target_: MaskToBoxd, \
                box_keys: box, box_mask_keys: box_mask}\n- {_target_: DeleteItemsd, keys: box_mask}\n";
    let found = imported(text);
    assert_eq!(steps(&found), ["rotate90: { k: 1 }"]);
    assert!(!found.text.contains("box_mask:"), "{}", found.text);
    noted(&found, "box_mask is left out");
    noted(&found, "revoxel points");
    let crop = "- {_target_: CropForegroundd, keys: image, source_key: box_mask}\n";
    refused(&format!("{text}{crop}"), 2, "another transform needs it");
}

#[test]
fn transforms_of_arrays_are_about_one_image() {
    let text = "- {_target_: LoadImage, image_only: true, ensure_channel_first: true}\n- {_target_: SpatialPad, \
                spatial_size: [64, 64]}\n- {_target_: ScaleIntensityRange, a_min: 0, a_max: 255, b_min: 0, b_max: 1}\n- \
                {_target_: RandAffine, prob: 1.0, spatial_size: [64, 64], rotate_range: $np.pi / 8, scale_range: [-0.15, \
                0.15], mode: bilinear, padding_mode: border, cache_grid: true}\n";
    let found = imported(text);
    assert_eq!(
        steps(&found),
        [
            "spatial_pad: { spatial_size: [64, 64] }",
            "scale_intensity_range: { a_min: 0, a_max: 255, b_min: 0, b_max: 1 }",
            "rand_affine: { prob: 1.0, spatial_size: [64, 64], rotate_range: [0.39269908169872414], scale_range: [-0.15, \
             0.15], interpolation: linear, padding: border }",
        ]
    );
    assert!(found.text.contains("  image: { kind: image, path:"), "{}", found.text);
    noted(&found, "Array transforms have no keys");
    // A dictionary is no array, and one array has no other beside it.
    refused(&format!("{LOAD}- {{_target_: SpatialPad, spatial_size: 9}}\n"), 2, "SpatialPad is not supported");
    refused("- {_target_: LoadImage}\n- {_target_: ResampleToMatch}\n", 2, "ResampleToMatch is not supported");
    refused(
        "- {_target_: LoadImage}\n- {_target_: Transpose, indices: [2, 0, 1, 3]}\n",
        2,
        "permutes axes without the affine",
    );
}

#[test]
fn a_mask_whose_values_are_scaled_is_an_image() {
    let found = imported(&format!(
        "{LOAD}- {{_target_: Resized, keys: [image, label], spatial_size: [96, 64], mode: [bilinear, nearest]}}\n- \
         {{_target_: ScaleIntensityd, keys: [image, label]}}\n"
    ));
    assert_eq!(
        steps(&found),
        ["resize: { spatial_size: [96, 64], interpolation: { image: linear, label: nearest } }", "scale_intensity: {}"]
    );
    assert!(found.text.contains("  label: { kind: image, path:"), "{}", found.text);
    noted(&found, "label: imported as an image");
}

#[test]
fn arguments_of_random_zoom_that_it_does_not_have() {
    let found = imported("- {_target_: RandZoomd, keys: image, prob: 0.2, max: 1.3, min: 0.7, mode: bilinear}\n");
    assert_eq!(steps(&found), ["rand_zoom: { prob: 0.2, interpolation: linear }"]);
    noted(&found, "RandZoomd has no argument max");
    refused("- {_target_: RandZoomd, keys: image, most: 1.3}\n", 1, "most: 1.3 is not supported");
}

#[test]
fn one_channel_of_a_file() {
    let text = "which: 2\npre:\n- {_target_: LoadImaged, keys: image}\n- {_target_: Lambdad, keys: image, func: '$lambda x: \
                x[@which, :, :, :]'}\n- {_target_: EnsureChannelFirstd, keys: image, channel_dim: no_channel}\n- {_target_: \
                Flipd, keys: image}\npost:\n- {_target_: Lambdad, keys: pred, func: '$lambda x: x[0]'}\n";
    let t = |text: &str| pipeline("c.yaml", text, Some("pre"), Some("post"));
    let found = t(text).unwrap();
    assert_eq!(steps(&found), ["flip: {}"]);
    let input = "image: { kind: image, path: \"image/{case}.nii.gz\", channel: 2 }";
    assert!(found.text.contains(input), "{}", found.text);
    assert_eq!(found.check("p.yaml", &everything()).unwrap().inputs[0].channel, Some(2));
    noted(&found, "pred: func takes the first result of the model");
    assert!(t(&text.replace("@which", "1")).unwrap().text.contains("channel: 1 }"));
    for other in ["@which + 1, :, :, :", "-1, :, :, :", "@which, 0, :, :", ":, :, :, 0"] {
        let error = t(&text.replace("@which, :, :, :", other)).unwrap_err();
        assert!(error.problem.contains("is code") && error.place.line == 4, "{other}: {error}");
    }
    assert!(t(&text.replace("which: 2", "which: a")).unwrap_err().problem.contains("expected the number of a channel"));
    let late = text.replace(
        "- {_target_: Lambdad, keys: image",
        "- {_target_: Flipd, keys: image}\n- {_target_: Lambdad, keys: image",
    );
    assert!(t(&late).unwrap_err().problem.contains("after Flipd"));
}
