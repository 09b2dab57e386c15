//! Pipelines made of plans, and plans that are refused. What the pipelines do is compared with nnU-Net in the system
//! tests.

use super::*;
use crate::everything;

fn plans() -> Value {
    let kwargs =
        |is_seg: bool, order: u64| json!({ "is_seg": is_seg, "order": order, "order_z": 0, "force_separate_z": null });
    json!({
        "dataset_name": "Dataset007_Test",
        "image_reader_writer": "SimpleITKIO",
        "label_manager": "LabelManager",
        "transpose_forward": [0, 1, 2],
        "foreground_intensity_properties_per_channel": {
            "0": { "mean": 54.5, "std": 131.25, "percentile_00_5": -480.0, "percentile_99_5": 310.5 },
        },
        "configurations": {
            "2d": { "inherits_from": "base", "spacing": [0.8, 0.75] },
            "base": {
                "preprocessor_name": "DefaultPreprocessor",
                "normalization_schemes": ["CTNormalization"],
                "use_mask_for_norm": [false],
                "resampling_fn_data": "resample_data_or_seg_to_shape",
                "resampling_fn_data_kwargs": kwargs(false, 3),
                "resampling_fn_seg": "resample_data_or_seg_to_shape",
                "resampling_fn_seg_kwargs": kwargs(true, 1),
                "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
                "resampling_fn_probabilities_kwargs": kwargs(false, 1),
            },
            "3d_fullres": { "inherits_from": "middle", "batch_size": 2 },
            "middle": { "inherits_from": "base", "spacing": [2.5, 0.8, 0.75] },
            "3d_cascade_fullres": { "inherits_from": "3d_fullres", "previous_stage": "3d_lowres" },
            "loop": { "inherits_from": "pool" },
            "pool": { "inherits_from": "loop" },
        },
    })
}

fn options(configuration: &str) -> Options {
    Options { configuration: configuration.to_owned(), images: "imagesTr".to_owned(), labels: "labelsTr".to_owned() }
}

fn dataset() -> Value {
    json!({ "channel_names": { "0": "CT" }, "labels": { "background": 0, "organ": 1 }, "file_ending": ".nrrd" })
}

/// The lines of the steps.
fn steps(imported: &Imported) -> Vec<String> {
    let all = imported.text.lines().skip_while(|l| *l != "steps:").skip(1);
    all.take_while(|l| *l != "outputs:").map(|l| l.trim().to_owned()).collect()
}

#[test]
fn plans_become_a_pipeline() {
    let imported = pipeline(&plans(), Some(&dataset()), &options("3d_fullres")).unwrap();
    assert_eq!(
        steps(&imported),
        [
            "- crop_to_nonzero: { source: image, on_empty: keep }",
            "- mark_outside: { keys: [label], nonzero_of: [image] }",
            "- ct_normalization: { mean: 54.5, std: 131.25, percentile_00_5: -480.0, percentile_99_5: 310.5 }",
            "- spacing:",
            "pixdim: [0.75, 0.8, 2.5]",
            "rule: nnunet",
            "interpolation: { image: cubic, label: label_nearest }",
            "separate_z: auto",
            "through_plane: nearest",
            "boundary: edge",
            "clip: true",
        ]
    );
    assert!(imported.text.contains("imagesTr/{case}_0000.nrrd\" } # CT"), "{}", imported.text);
    let checked = imported.check("pipeline.yaml", &everything()).unwrap();
    assert_eq!((checked.steps.len(), checked.restore.len()), (4, 1));
    // The slices keep their distance in two dimensions.
    let flat = pipeline(&plans(), Some(&dataset()), &options("2d")).unwrap();
    assert!(steps(&flat).contains(&"pixdim: [0.75, 0.8, -1]".to_owned()), "{}", flat.text);
}

#[test]
fn axes_channels_and_regions() {
    let mut plans = plans();
    plans["transpose_forward"] = json!([1, 2, 0]);
    plans["image_reader_writer"] = json!("NibabelIOWithReorient");
    let base = &mut plans["configurations"]["base"];
    base["normalization_schemes"] = json!(["ZScoreNormalization", "RescaleTo01Normalization", "ZScoreNormalization"]);
    base["use_mask_for_norm"] = json!([true, true, false]);
    base["resampling_fn_data_kwargs"]["separate_z_anisotropy_threshold"] = json!(2.5);
    base["resampling_fn_probabilities_kwargs"]["separate_z_anisotropy_threshold"] = json!(2.5);
    let labels = json!({ "background": 0, "whole": [1, 2], "core": 2, "ignore": 3 });
    let dataset = json!({ "labels": labels, "regions_class_order": [1, 2], "file_ending": ".nii.gz" });
    let imported = pipeline(&plans, Some(&dataset), &options("3d_fullres")).unwrap();
    let steps = steps(&imported);
    assert_eq!(
        steps[..6],
        [
            "- orientation: { axcodes: RAS }",
            "- transpose: { indices: [2, 0, 1] }",
            "- crop_to_nonzero: { source: image_0000, also: [image_0001, image_0002], on_empty: keep }",
            "- mark_outside: { keys: [label], nonzero_of: [image_0000, image_0001, image_0002] }",
            "- z_score: { keys: [image_0000], nonzero_of: [image_0000, image_0001, image_0002, label], keep_outside: true }",
            "- scale_intensity: { keys: [image_0001], minv: 0, maxv: 1 }",
        ]
    );
    assert_eq!(steps[6], "- z_score: { keys: [image_0002] }");
    // Labels follow a rule of their own.
    assert_eq!(steps.iter().filter(|s| *s == "- spacing:").count(), 2);
    assert!(steps.contains(&"anisotropy_threshold: 2.5".to_owned()), "{steps:?}");
    assert!(imported.text.contains("regions: { paint: [{ channel: 0, label: 1 }, { channel: 1, label: 2 }] }"));
    imported.check("pipeline.yaml", &everything()).unwrap();
}

#[test]
fn what_is_refused() {
    /// Changes one field and expects an error there.
    fn t(path: &[&str], value: Value, place: &str, says: &str) {
        let mut plans = plans();
        let (last, way) = path.split_last().unwrap();
        let found = way.iter().fold(&mut plans, |at, key| &mut at[*key]);
        match value {
            Value::String(word) if word == "-" => {
                found.as_object_mut().unwrap().remove(*last);
            }
            value => found[*last] = value,
        }
        let error = pipeline(&plans, Some(&dataset()), &options("3d_fullres")).unwrap_err();
        assert!(error.place.ends_with(place) && error.problem.contains(says), "{error}");
    }
    let base = |name: &'static str| ["configurations", "base", name];
    let schemes = base("normalization_schemes");
    t(
        &schemes,
        json!(["MyNormalization"]),
        "3d_fullres.normalization_schemes[0]",
        "\"MyNormalization\" is not supported",
    );
    t(&schemes, json!([]), "normalization_schemes", "expected a list of schemes");
    t(
        &schemes,
        json!(["NoNormalization", "NoNormalization"]),
        "normalization_schemes",
        "2 schemes, but dataset.json has 1 channels",
    );
    t(
        &base("resampling_fn_data"),
        json!("resample_torch_fornnunet"),
        "resampling_fn_data",
        "\"resample_torch_fornnunet\" is not supported",
    );
    let masks = base("use_mask_for_norm");
    for wrong in [json!("yes"), json!([]), json!(["true"]), json!([1]), json!([true, false]), Value::Null] {
        let says = format!("{wrong}: expected a list of true or false for each of the 1 schemes");
        t(&masks, wrong, "3d_fullres.use_mask_for_norm", &says);
    }
    t(&masks, json!("-"), "3d_fullres.use_mask_for_norm", "missing");
    t(&base("resampling_fn_seg"), json!("-"), "resampling_fn_seg", "missing");
    t(
        &base("preprocessor_name"),
        json!("NoResamplingPreprocessor"),
        "preprocessor_name",
        "expected DefaultPreprocessor",
    );
    let of = |name: &'static str, argument: &'static str| ["configurations", "base", name, argument];
    t(
        &of("resampling_fn_data_kwargs", "order"),
        json!(2),
        "resampling_fn_data_kwargs.order",
        "2 is not supported: use 0, 1 or 3",
    );
    t(&of("resampling_fn_seg_kwargs", "order_z"), json!(1), "resampling_fn_seg_kwargs.order_z", "use 0");
    t(&of("resampling_fn_seg_kwargs", "is_seg"), json!(false), "resampling_fn_seg_kwargs.is_seg", "expected true");
    t(&of("resampling_fn_data_kwargs", "device"), json!("cuda"), "resampling_fn_data_kwargs.device", "not an argument");
    t(&of("resampling_fn_probabilities_kwargs", "order"), json!("-"), "kwargs.order", "3 is not supported");
    t(
        &of("resampling_fn_probabilities_kwargs", "force_separate_z"),
        json!(true),
        "probabilities_kwargs",
        "must be those",
    );
    t(&["configurations", "middle", "spacing"], json!([1.0]), "3d_fullres.spacing", "2 or 3 numbers");
    t(&["configurations", "middle", "spacing"], json!("-"), "3d_fullres.spacing", "missing");
    t(&["transpose_forward"], json!([0, 0, 1]), "transpose_forward", "is not 0, 1, 2 in some order");
    t(&["transpose_forward"], json!([0.5, 1, 2]), "transpose_forward", "expected a list of whole numbers");
    t(&["image_reader_writer"], json!("Tiff3DIO"), "image_reader_writer", "\"Tiff3DIO\" is not supported");
    t(&["label_manager"], json!("MyLabels"), "label_manager", "expected LabelManager");
    let properties = ["foreground_intensity_properties_per_channel", "0", "std"];
    t(&properties, json!("-"), "per_channel.0.std", "missing");
    t(&["plans_per_stage"], json!({}), "plans_per_stage", "nnU-Net v1");
    t(&["configurations"], json!("-"), "configurations", "expected a map");
}

#[test]
fn configurations_that_are_refused() {
    let t = |configuration: &str, place: &str, says: &str| {
        let error = pipeline(&plans(), None, &options(configuration)).unwrap_err();
        assert!(error.place == place && error.problem.contains(says), "{error}");
    };
    t("3d_lowres", "configurations", "no \"3d_lowres\"; the file has 2d, ");
    t(
        "3d_cascade_fullres",
        "configurations.3d_cascade_fullres.previous_stage",
        "the segmentation of \"3d_lowres\" as an input",
    );
    t("loop", "configurations.loop.inherits_from", "circular");
}

/// What is said of a dataset.json with these fields instead.
fn refused(fields: Value, place: &str, says: &str) {
    let mut dataset = dataset();
    for (name, value) in fields.as_object().unwrap() {
        dataset[name] = value.clone();
    }
    let error = pipeline(&plans(), Some(&dataset), &options("3d_fullres")).unwrap_err();
    assert!(error.file == Source::Dataset && error.place == place && error.problem.contains(says), "{error}");
}

#[test]
fn labels_without_an_order_are_refused() {
    let labels = json!({ "background": 0, "whole": [1, 2], "core": 2 });
    let t = |fields: Value, says: &str| refused(fields, "regions_class_order", says);
    t(json!({ "labels": labels }), "missing");
    t(json!({ "labels": labels, "regions_class_order": [1] }), "expected 2 numbers, one per region, found 1");
    t(json!({ "labels": labels, "regions_class_order": [1, -2] }), "expected a list of whole numbers");
    let error = pipeline(&plans(), Some(&json!({})), &options("3d_fullres")).unwrap_err();
    assert_eq!((error.file, error.to_string()), (Source::Dataset, "labels: missing".to_owned()));
}

#[test]
fn labels_that_nnunet_refuses_are_refused() {
    let t = |labels: Value, place: &str, says: &str| refused(json!({ "labels": labels }), place, says);
    t(json!(["background", "a"]), "labels", "expected a map of names");
    t(json!({ "0": "background", "1": "a" }), "labels.0", "nnU-Net v2 writes \"background\": 0");
    t(json!({ "a": 1, "b": 2 }), "labels", "missing \"background\"");
    t(json!({ "background": [0], "a": 1 }), "labels.background", "[0]: expected 0");
    t(json!({ "background": 1, "a": 0 }), "labels.background", "1: expected 0");
    t(json!({ "background": 0, "a": null }), "labels.a", "null: expected a whole number");
    t(json!({ "background": 0, "a": "one" }), "labels.a", "\"one\": expected a whole number");
    t(json!({ "background": 0, "a": 1.5 }), "labels.a", "1.5: expected a whole number");
    t(json!({ "background": 0, "a": [1, {}] }), "labels.a", "or a list of them");
    t(json!({ "background": 0, "ignore": 1, "a": 2 }), "labels.ignore", "1: expected 3");
    t(json!({ "background": 0, "a": 1, "ignore": [2] }), "labels.ignore", "[2]: expected 2");
}

#[test]
fn labels_that_nnunet_takes_are_taken() {
    let t = |labels: Value, written: &str| {
        let mut dataset = dataset();
        dataset["labels"] = labels;
        let imported = pipeline(&plans(), Some(&dataset), &options("3d_fullres")).unwrap();
        assert!(imported.text.contains(&format!("optional: true, labels: {written} }}")), "{}", imported.text);
        imported.check("pipeline.yaml", &everything()).unwrap();
        imported.notes
    };
    // Its LabelManager makes numbers of texts.
    assert!(t(json!({ "background": "0", "b": "1" }), "{ background: 0, b: 1 }").is_empty());
    assert!(t(json!({ "background": 0, "b": [1], "c": 2.0 }), "{ background: 0, b: [1], c: 2 }").is_empty());
    assert!(t(json!({ "background": 0, "b": 1, "ignore": 2 }), "{ background: 0, b: 1, ignore: 2 }").is_empty());
    assert!(t(json!({ "background": 0, "b": 1, "ignore": null }), "{ background: 0, b: 1 }").is_empty());
    let notes = t(json!({ "background": 0, "b": 2 }), "{ background: 0, b: 2 }");
    assert!(notes[0].contains("gaps"), "{notes:?}");
}

#[test]
fn files_that_cannot_be_written_and_channels_without_numbers_are_refused() {
    for ending in [json!(".gipl"), json!(".vtk"), json!("nii.gz"), json!(".png"), json!(7)] {
        let says = format!("{ending} cannot be written: convert the files to .nii.gz, .nii, .nrrd or .mha");
        refused(json!({ "file_ending": ending }), "file_ending", &says);
    }
    refused(json!({ "channel_names": ["CT"] }), "channel_names", "[\"CT\"]: expected a map of numbers to names");
}
