//! NaN and infinite values: in inputs, on their way through every step, in predictions and in what is written.

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Dtype, Grid, Kind, Volume, Voxels};
use revoxel_transforms::Class;
use serde_json::{Value, json};

use crate::inverses::table;
use crate::support::{Place, run_steps, values};

const NONE: f32 = f32::NAN;
const MORE: f32 = f32::INFINITY;

/// Oblique, sheared and anisotropic.
fn grid(shape: [usize; 3]) -> Grid {
    let rows = [[-0.9, 0.2, 0.1, 31.0], [0.2, 1.1, -0.2, -17.5], [0.1, 0.1, 1.3, 6.25]];
    Grid::new(shape, Affine::from_rows(rows)).unwrap()
}

/// A smooth image with noise, and 0 in its first columns.
fn image(shape: [usize; 3]) -> Volume {
    let grid = grid(shape);
    let mut draw = Draw::new(7);
    let value = |i: usize| {
        let [x, y, z] = [i % shape[0], i / shape[0] % shape[1], i / (shape[0] * shape[1])].map(|v| v as f64);
        let wave = 300.0 * (0.4 * x).sin() + 200.0 * (0.5 * y - 0.3 * z).cos() + draw.real(-100.0, 100.0);
        if x < 3.0 { 0.0 } else { wave as f32 }
    };
    let values: Vec<f32> = (0..grid.voxel_count()).map(value).collect();
    Volume::new(values.into(), grid, Kind::Image, 1).unwrap()
}

/// A volume with one other value, at an index of its first channel.
fn with(volume: &Volume, [x, y, z]: [usize; 3], value: f32) -> Volume {
    let shape = volume.grid().shape();
    let mut all: Vec<f64> = values(volume);
    all[x + shape[0] * (y + shape[1] * z)] = f64::from(value);
    Volume::new(Voxels::from(all).cast(Dtype::F32), *volume.grid(), volume.kind(), volume.channels()).unwrap()
}

/// How much of a result one bad voxel spoils: values that are not finite, and the share of the others that differ from
/// the result without it by more than a fiftieth of its range.
fn spoiled(good: &Volume, bad: &Volume) -> (usize, f64) {
    let (low, high) = good.voxels().min_max().unwrap();
    let (good, bad) = (values(good), values(bad));
    let far = |(a, b): (&f64, &f64)| b.is_finite() && (a - b).abs() > 0.02 * (high - low).max(1e-6);
    let lost = bad.iter().filter(|v| !v.is_finite()).count();
    (lost, good.iter().zip(&bad).filter(|pair| far(*pair)).count() as f64 / good.len() as f64)
}

#[test]
fn one_bad_voxel_spoils_no_volume_whatever_the_step() {
    const AT: [usize; 3] = [9, 8, 7];
    let registry = revoxel::registry();
    let shape = [19, 17, 16];
    let (mut kept, mut refused) = (Vec::new(), Vec::new());
    for (step, _) in table() {
        let (name, params) =
            step.as_object().and_then(|s| s.iter().next()).map(|(n, p)| (n.clone(), p.clone())).unwrap();
        let definition = registry.get(&name).unwrap();
        let kind = if definition.class == Class::Spatial { Kind::Image } else { definition.kinds[0] };
        // Labels are never kept, whatever the file holds.
        if kind == Kind::Label {
            continue;
        }
        let volume = match kind {
            Kind::Image => image(shape),
            kind => {
                let mut draw = Draw::new(3);
                let count = 3 * shape.iter().product::<usize>();
                let all: Vec<f32> = (0..count).map(|_| draw.real(0.0, 1.0) as f32).collect();
                Volume::new(all.into(), grid(shape), kind, 3).unwrap()
            }
        };
        let [nx, ny, nz] = shape;
        let inner = |i: usize| {
            let [x, y, z] = [i % nx, i / nx % ny, i / (nx * ny)];
            u8::from((2..nx - 2).contains(&x) && (2..ny - 2).contains(&y) && (2..nz - 2).contains(&z))
        };
        let mask: Vec<u8> = (0..nx * ny * nz).map(inner).collect();
        let mask = Volume::new(mask.into(), *volume.grid(), Kind::Label, 1).unwrap();
        let run = |volume: Volume, params: &Value| {
            let mut step = json!({ name.as_str(): params });
            step[&name]["keys"] = "image".into();
            let all = run_steps(vec![("image", volume), ("source", mask.clone())], &[step])?;
            Ok::<_, String>(all.into_iter().find(|(key, _)| key == "image").unwrap().1.volume)
        };
        let mut cubic = params.clone();
        cubic["interpolation"] = "cubic".into();
        for (params, plain) in [(params, true), (cubic, false)] {
            // Not every step interpolates.
            let good = match run(volume.clone(), &params) {
                Ok(good) => good,
                Err(problem) if plain => panic!("{step}: {problem}"),
                Err(_) => continue,
            };
            for value in [NONE, MORE, -MORE] {
                match run(with(&volume, AT, value), &params) {
                    Err(problem) => {
                        assert!(problem.contains("step 1") && problem.contains(&name), "{problem}");
                        assert!(problem.contains("not finite") && problem.contains("[9, 8, 7]"), "{problem}");
                        refused.push(name.clone());
                    }
                    Ok(bad) => {
                        assert_eq!((bad.grid(), bad.channels()), (good.grid(), good.channels()), "{name} {params}");
                        let (lost, changed) = spoiled(&good, &bad);
                        assert!(lost <= 100 * good.channels(), "{name} {params}, {value}: {lost} values are lost");
                        assert!(changed < 0.05, "{name} {params}, {value}: {changed} of the values changed");
                        kept.push(name.clone());
                    }
                }
            }
        }
    }
    refused.dedup();
    kept.dedup();
    assert_eq!(refused, ["rescale_to_8bit", "foreground_mask", "as_discrete"]);
    assert!(kept.len() > 70, "{}", kept.len());
}

#[test]
fn statistics_do_not_count_what_is_not_finite() {
    // The one bad voxel takes the place of a value in the middle of the range: what the others become is what they become
    // without it, to the last bit where no mean or percentile moves.
    let volume = image([12, 10, 9]);
    let t = |step: Value, tolerance: f64| {
        let run = |volume: Volume| {
            run_steps(vec![("image", volume)], std::slice::from_ref(&step)).unwrap().remove(0).1.volume
        };
        let good = values(&run(with(&volume, [6, 5, 4], 0.0)));
        for bad in [NONE, MORE, -MORE] {
            let result = values(&run(with(&volume, [6, 5, 4], bad)));
            let at = 6 + 12 * (5 + 10 * 4);
            assert!(!result[at].is_finite(), "{step}: {}", result[at]);
            for i in (0..good.len()).filter(|i| *i != at) {
                assert!((good[i] - result[i]).abs() <= tolerance, "{step} {bad}: {} and {}", good[i], result[i]);
            }
        }
    };
    // Zeros do not count there, so that the good volume has the same statistics.
    t(json!({ "normalize_intensity": { "nonzero": true } }), 0.0);
    t(json!({ "std_shift_intensity": { "factor": 1, "nonzero": true } }), 0.0);
    t(json!({ "z_score": { "mask": "nonzero" } }), 1e-3);
    t(json!({ "scale_intensity": { "minv": 0, "maxv": 1 } }), 0.0);
    t(json!({ "scale_intensity": { "minv": -1, "maxv": 1, "channel_wise": true } }), 0.0);
    t(json!({ "scale_intensity_range_percentiles": { "lower": 0, "upper": 100, "b_min": 0, "b_max": 1 } }), 0.0);
    t(json!({ "gaussian_smooth": { "sigma": 0.01 } }), 0.0);
}

#[test]
fn crops_do_not_see_what_is_not_finite() {
    let shape = [16, 14, 12];
    let mut inside = vec![0f32; 16 * 14 * 12];
    for (x, y, z) in [(5, 6, 4), (9, 8, 7)] {
        inside[x + 16 * (y + 14 * z)] = 50.0;
    }
    let volume = Volume::new(inside.into(), grid(shape), Kind::Image, 1).unwrap();
    for rule in [json!({ "above": 1 }), json!({ "nonzero": true }), json!({ "between": [-9, 0.0] }), json!({})] {
        let mut params = rule.clone();
        params["source"] = "image".into();
        let run = |volume: Volume| {
            let steps = [json!({ "crop_foreground": params }), json!({ "crop_to_nonzero": { "source": "image" } })];
            run_steps(vec![("image", volume)], &steps).map(|mut all| all.remove(0).1.volume)
        };
        let good = run(volume.clone()).unwrap();
        for bad in [NONE, MORE, -MORE] {
            let cropped = run(with(&volume, [1, 1, 1], bad)).unwrap();
            let same = cropped.grid() == good.grid();
            // What is 0 is in the box of the third rule anyway.
            assert!(same, "{rule} {bad}: {} and {}", cropped.grid(), good.grid());
        }
    }
}

#[test]
fn padding_and_fills_are_made_of_finite_values() {
    let volume = image([9, 8, 7]);
    let (low, _) = volume.voxels().min_max().unwrap();
    for bad in [NONE, MORE, -MORE] {
        let bad = with(&volume, [4, 4, 3], bad);
        for mode in ["minimum", "maximum", "mean", "median", "volume_mean", "volume_minimum", "volume_median"] {
            let step = json!({ "crop_or_pad": { "target_shape": [15, 14, 13], "mode": mode } });
            let padded = run_steps(vec![("image", bad.clone())], &[step]).unwrap().remove(0).1.volume;
            assert_eq!(values(&padded).iter().filter(|v| !v.is_finite()).count(), 1, "{mode}");
        }
        let step = json!({ "affine": { "translate_params": [30, 0, 0], "padding": "minimum" } });
        let moved = run_steps(vec![("image", bad)], &[step]).unwrap().remove(0).1.volume;
        assert!((moved.voxels().min_max().unwrap().0 - low).abs() < 1e-3);
        assert!(values(&moved).iter().filter(|v| !v.is_finite()).count() <= 27);
    }
}

#[test]
fn a_cubic_spline_loses_what_linear_interpolation_loses() {
    // In one piece and slab by slab, in single and in double precision, straight and oblique, with each boundary.
    let volume = with(&with(&image([14, 13, 12]), [7, 6, 5], NONE), [2, 3, 9], MORE);
    for dtype in [Dtype::F32, Dtype::F64] {
        for step in [
            json!({ "spacing": { "pixdim": [0.7, 0.6, 1.0] } }),
            json!({ "spacing": { "pixdim": 0.7, "rule": "nnunet", "boundary": "edge" } }),
            json!({ "rotate": { "angle": [0.2, -0.1, 0.3] } }),
        ] {
            let name = step.as_object().unwrap().keys().next().unwrap().clone();
            let run = |volume: &Volume, interpolation: &str| {
                let mut step = step.clone();
                step[&name]["interpolation"] = interpolation.into();
                run_steps(vec![("image", volume.clone())], &[step]).unwrap().remove(0).1.volume
            };
            let bad = volume.clone().cast(dtype);
            let good = run(&image([14, 13, 12]).cast(dtype), "cubic");
            let [cubic, linear] = ["cubic", "linear"].map(|i| values(&run(&bad, i)));
            assert!(cubic.iter().zip(&linear).all(|(c, l)| c.is_finite() || !l.is_finite()), "{step}");
            let lost = cubic.iter().filter(|v| !v.is_finite()).count();
            assert!((8..150).contains(&lost), "{step}: {lost}");
            let far = values(&good).iter().zip(&cubic).filter(|(a, b)| (*a - *b).abs() > 5.0).count();
            assert!(far < cubic.len() / 25, "{step}: {far} of {}", cubic.len());
        }
    }
}

const PIPELINE: &str = "\
version: 1
inputs:
  image: { kind: image, path: \"im/{case}.nii\" }
steps:
  - flip: { spatial_axis: 0 }
outputs:
  image: { path: \"{case}/image.nii\" }
trace: \"{case}/trace.json\"
";
const RUN: [&str; 6] = ["run", "p.yaml", "--data", "data", "--out", "out"];

#[test]
fn inputs_that_are_not_finite_are_refused_with_count_index_and_place() {
    let place = Place::new();
    let volume = with(&with(&image([9, 8, 7]), [5, 6, 4], MORE), [8, 7, 6], NONE);
    let [x, y, z] = volume.grid().index_to_world([5.0, 6.0, 4.0]);
    let ras = format!("RAS ({x:.3}, {y:.3}, {z:.3}), LPS ({:.3}, {:.3}, {z:.3}) mm", -x, -y);
    for (file, dtype) in [
        ("c.nii", Dtype::F32),
        ("c.nii.gz", Dtype::F64),
        ("c.nrrd", Dtype::F32),
        ("c.mha", Dtype::F64),
        ("c.hdr", Dtype::F32),
    ] {
        std::fs::remove_dir_all(place.path("data")).ok();
        place.volume(&format!("data/im/{file}"), &volume.clone().cast(dtype));
        let extension = file.split_once('.').unwrap().1;
        place.text("p.yaml", &PIPELINE.replacen("{case}.nii", &format!("{{case}}.{extension}"), 1));
        let facts = "2 of 504 values are not finite (1 NaN, 1 infinite); the first, inf, is at index [5, 6, 4]";
        let said = place.revoxel(&RUN);
        said.bad(
            1,
            &["case c:", &format!("data/im/{file}"), facts, "`non_finite: 0`", "`non_finite: keep`", "\"image\""],
        );
        // Rounding of the header may move the last digit.
        assert!(said.err.contains("RAS (") && (extension != "nrrd" || said.err.contains(&ras)), "{}", said.err);
        assert!(!place.path("out/c/trace.json").exists());
    }
}

#[test]
fn big_endian_floats_are_looked_at_too() {
    let place = Place::new();
    let head = "NRRD0004\ntype: TYPE\ndimension: 3\nspace: right-anterior-superior\nsizes: 3 2 1\n\
                space directions: (1,0,0) (0,2,0) (0,0,3)\nspace origin: (5,-4,1)\nendian: big\nencoding: raw\n\n";
    for wide in [false, true] {
        let values = [1.0f64, 2.0, 3.0, 4.0, f64::NEG_INFINITY, f64::NAN];
        let mut bytes = head.replace("TYPE", if wide { "double" } else { "float" }).into_bytes();
        for value in values {
            if wide { bytes.extend(value.to_be_bytes()) } else { bytes.extend((value as f32).to_be_bytes()) }
        }
        place.text("data/im/none", "");
        std::fs::write(place.path("data/im/c.nrrd"), &bytes).unwrap();
        place.text("p.yaml", &PIPELINE.replacen("{case}.nii", "{case}.nrrd", 1));
        let facts = "2 of 6 values are not finite (1 NaN, 1 infinite); the first, -inf, is at index [1, 1, 0], RAS (6.000, \
                     -2.000, 1.000), LPS (-6.000, 2.000, 1.000) mm";
        place.revoxel(&RUN).bad(1, &[facts]);
    }
}

#[test]
fn a_number_takes_their_place_or_they_are_kept_and_both_is_said() {
    let place = Place::new();
    let volume = with(&with(&image([9, 8, 7]), [5, 6, 4], -MORE), [8, 7, 6], NONE);
    place.volume("data/im/c.nii", &volume);
    let run = |rule: &str, steps: &str| {
        let text = PIPELINE.replacen("kind: image,", &format!("kind: image, non_finite: {rule},"), 1);
        place.text("p.yaml", &text.replacen("flip: { spatial_axis: 0 }", steps, 1));
        let said = place.revoxel(&[&RUN[..], &["--json", "--overwrite"]].concat()).good();
        let report = said.json();
        assert!(said.err.contains("2 of 504 values are not finite"), "{}", said.err);
        (said.err, report, values(&place.read("out/c/image.nii", Kind::Image)))
    };
    let (text, report, flipped) = run("-7.5", "flip: { spatial_axis: 0 }");
    assert!(text.contains("replaced by -7.5"), "{text}");
    let note = &report["cases"][0]["non_finite"]["image"];
    assert_eq!((&note["nan"], &note["infinite"], &note["non_finite"]), (&json!(1), &json!(1), &json!(-7.5)));
    assert_eq!(note["first"]["index"], json!([5, 6, 4]));
    let at = |x: usize, y: usize, z: usize| x + 9 * (y + 8 * z);
    assert_eq!((flipped[at(3, 6, 4)], flipped[at(0, 7, 6)]), (-7.5, -7.5));
    assert!(flipped.iter().all(|v| v.is_finite()));
    let (text, report, kept) = run("keep", "scale_intensity: { minv: 0, maxv: 1 }");
    assert!(text.contains("; kept"), "{text}");
    assert_eq!(report["cases"][0]["non_finite"]["image"]["non_finite"], "keep");
    assert!(kept[at(8, 7, 6)].is_nan() && kept[at(5, 6, 4)] == f64::NEG_INFINITY);
    let rest: Vec<f64> = kept.into_iter().filter(|v| v.is_finite()).collect();
    assert!(rest.len() == 502 && rest.contains(&0.0) && rest.contains(&1.0));
    // Nothing is said of files that hold nothing of the kind.
    place.volume("data/im/c.nii", &image([9, 8, 7]));
    let said = place.revoxel(&[&RUN[..], &["--json", "--overwrite"]].concat()).good();
    assert!(!said.err.contains("finite") && said.json()["cases"][0].get("non_finite").is_none(), "{said:?}");
}

#[test]
fn the_rule_of_an_input_is_checked_at_its_place() {
    let place = Place::new();
    let t = |input: &str, column: usize, parts: &[&str]| {
        place.text("p.yaml", &PIPELINE.replacen("kind: image,", input, 1));
        let at = format!("p.yaml:3:{column}");
        place.revoxel(&["plan", "p.yaml"]).bad(2, &[&[at.as_str(), "non_finite"], parts].concat());
    };
    t("kind: image, non_finite: kep,", 37, &["error, keep or a number, not \"kep\"", "did you mean \"keep\"?"]);
    t("kind: image, non_finite: [0],", 37, &["error, keep or a number"]);
    t("kind: image, non_finite: 1e300,", 37, &["beyond the range of float32"]);
    t("kind: label, non_finite: keep,", 37, &["NaN is not a label"]);
    t("kind: label, non_finite: 0.5,", 37, &["0.5 is not a label"]);
    t("kind: image, non_finit: 0,", 25, &["unknown field `non_finit`"]);
    let schema = place.revoxel(&["schema"]).good().json();
    let rule = &schema["$defs"]["InputSpec"]["properties"]["non_finite"];
    assert!(rule["description"].as_str().unwrap().contains("keep") && rule.to_string().contains("error"), "{rule}");
}

#[test]
fn label_maps_with_nan_are_refused_or_filled_with_a_label() {
    let place = Place::new();
    let labels: Vec<f32> = (0..504).map(|i| (i % 3) as f32).collect();
    let labels = Volume::new(labels.into(), grid([9, 8, 7]), Kind::Label, 1).unwrap();
    for bad in [NONE, MORE] {
        place.volume("data/im/c.nii", &with(&labels, [1, 2, 3], bad));
        place.text("p.yaml", &PIPELINE.replacen("kind: image", "kind: label", 1));
        let said = place.revoxel(&[&RUN[..], &["--overwrite"]].concat());
        said.bad(1, &["im/c.nii", "is at index [1, 2, 3]", "`non_finite: 0`"]);
        assert!(!said.err.contains("keep"), "{}", said.err);
        place.text("p.yaml", &PIPELINE.replacen("kind: image", "kind: label, non_finite: 9", 1));
        place.revoxel(&[&RUN[..], &["--overwrite"]].concat()).good();
        assert_eq!(place.read("out/c/image.nii", Kind::Label).value([7, 2, 3], 0), 9.0);
    }
}

#[test]
fn steps_that_overflow_and_types_that_hold_no_nan_are_named() {
    let place = Place::new();
    let volume = image([9, 8, 7]);
    let t = |volume: &Volume, rule: &str, step: &str, output: &str, parts: &[&str]| {
        place.volume("data/im/c.nii", volume);
        let text = PIPELINE.replacen("kind: image,", &format!("kind: image, non_finite: {rule},"), 1);
        let text =
            text.replacen("flip: { spatial_axis: 0 }", step, 1).replacen("{ path: \"{case}/image.nii\" }", output, 1);
        place.text("p.yaml", &text);
        place.revoxel(&[&RUN[..], &["--overwrite"]].concat()).bad(1, parts);
    };
    let plain = "{ path: \"{case}/image.nii\" }";
    let parts = ["step 1 (scale_intensity)", "finite values into values that are not finite", "infinite); the first"];
    t(&volume, "error", "scale_intensity: { factor: 1e37 }", plain, &parts);
    let nan = with(&volume, [5, 6, 4], NONE);
    t(&nan, "keep", "scale_intensity: { factor: 1e37 }", plain, &parts);
    let parts = ["step 1 (rescale_to_8bit)", "makes whole numbers", "is at index [5, 6, 4]", "`non_finite: 0`"];
    t(&nan, "keep", "rescale_to_8bit: {}", plain, &parts);
    let int = "{ path: \"{case}/image.nii\", dtype: int16 }";
    t(&nan, "keep", "flip: { spatial_axis: 0 }", int, &["image:", "is at index [5, 6, 4]", "int16", "`non_finite: 0`"]);
    t(&nan, "keep", "spacing: { pixdim: 0.8 }", int, &["image:", "not finite", "int16"]);
    let half = "{ path: \"{case}/image.npy\", dtype: float16 }";
    t(
        &with(&volume, [5, 6, 4], 65520.0),
        "error",
        "flip: { spatial_axis: 0 }",
        half,
        &["65520", "float16", "image.npy"],
    );
    let wide = Volume::new(vec![1e300f64; 504].into(), *volume.grid(), Kind::Image, 1).unwrap();
    let single = "{ path: \"{case}/image.nii\", dtype: float32 }";
    t(&wide, "error", "flip: { spatial_axis: 0 }", single, &["image:", "float32", "write float64"]);
    t(&wide, "error", "spacing: { pixdim: 0.8 }", single, &["image:", "float32", "write float64"]);
    let files = place.files();
    assert!(!files.iter().any(|f| f.starts_with("out/c/")), "{files:?}");
    // What is not finite in the input may be so in a float16 file.
    place.volume("data/im/c.nii", &with(&volume, [5, 6, 4], MORE));
    let text = PIPELINE.replacen("kind: image,", "kind: image, non_finite: keep,", 1);
    place.text("p.yaml", &text.replacen("{ path: \"{case}/image.nii\" }", half, 1));
    place.revoxel(&RUN).good();
    // convert
    place.volume("n.nii", &nan);
    place.revoxel(&["convert", "n.nii", "m.nii", "--dtype", "int16"]).bad(1, &["n.nii", "index [5, 6, 4]", "int16"]);
    place.volume("w.nii", &wide);
    place.revoxel(&["convert", "w.nii", "m.nii", "--dtype", "float32"]).bad(1, &["w.nii", "float32"]);
    place.revoxel(&["convert", "n.nii", "m.nii", "--dtype", "float64"]).good();
    assert!(place.read("m.nii", Kind::Image).value([5, 6, 4], 0).is_nan());
}

/// A place with a run of one case through steps, and the shape of the model's grid.
fn ran(steps: &str) -> (Place, Grid) {
    let place = Place::new();
    place.volume("data/im/c.nii", &image([14, 13, 12]));
    place.text("p.yaml", &PIPELINE.replacen("flip: { spatial_axis: 0 }", steps, 1));
    place.revoxel(&RUN).good();
    let model = *place.read("out/c/image.nii", Kind::Image).grid();
    (place, model)
}

/// Float32 or float16 in C order, as numpy writes them.
fn npy(place: &Place, name: &str, shape: [usize; 4], half: bool, value: impl Fn(usize, [usize; 3]) -> f32) {
    let [channels, nx, ny, nz] = shape;
    let kind = if half { "<f2" } else { "<f4" };
    let text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({channels}, {nx}, {ny}, {nz}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let length = (10 + text.len() + 1).next_multiple_of(64) - 10;
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{text:<width$}\n", width = length - 1).bytes());
    for c in 0..channels {
        for x in 0..nx {
            for y in 0..ny {
                for z in 0..nz {
                    let value = value(c, [x, y, z]);
                    match half {
                        true => bytes.extend(half_of(value).to_le_bytes()),
                        false => bytes.extend(value.to_le_bytes()),
                    }
                }
            }
        }
    }
    std::fs::write(place.path(name), bytes).unwrap();
}

/// The bits of float16 for infinities, NaN, 0 and small whole numbers.
fn half_of(value: f32) -> u16 {
    let sign = u16::from(value.is_sign_negative()) << 15;
    match value.abs() {
        v if v.is_nan() => 0x7e00,
        v if v.is_infinite() => sign | 0x7c00,
        0.0 => sign,
        v => {
            let bits = v.to_bits();
            sign | ((((bits >> 23) + 15 - 127) << 10) | ((bits >> 13) & 0x3ff)) as u16
        }
    }
}

fn in_ball([x, y, z]: [usize; 3], [nx, ny, nz]: [usize; 3], radius: f64) -> bool {
    let far = |i: usize, n: usize| (i as f64 - (n as f64 - 1.0) / 2.0).powi(2);
    far(x, nx) + far(y, ny) + far(z, nz) < radius * radius
}

#[test]
fn infinite_logits_win_or_lose_as_the_limit_says() {
    for steps in ["orientation: { axcodes: LPS }", "spacing: { pixdim: 0.8 }", "rotate: { angle: 0.3 }"] {
        let (place, model) = ran(steps);
        let shape = model.shape();
        let native = grid([14, 13, 12]);
        let to_model = native.index_map_to(&model);
        // Voxels of the source that lie well inside, and well outside of the ball.
        let sure = |index: [usize; 3], radius: f64, inside: bool| {
            let p = to_model.apply(index.map(|i| i as f64));
            let far: f64 = (0..3).map(|a| (p[a] - (shape[a] as f64 - 1.0) / 2.0).powi(2)).sum();
            let seen = (0..3).all(|a| (0.0..=shape[a] as f64 - 1.0).contains(&p[a]));
            let beyond = (radius + 4.5) * (radius + 4.5);
            if inside { far < (radius - 1.8) * (radius - 1.8) } else { seen && far > beyond }
        };
        for (half, sign) in [(false, 1.0), (true, 1.0), (true, -1.0)] {
            // Channel 1 is infinite in a ball, and beaten by a finite channel 2 everywhere else. With the other sign
            // channels 0 and 2 are minus infinity there.
            npy(&place, "l.npy", [3, shape[0], shape[1], shape[2]], half, |c, at| match (in_ball(at, shape, 5.0), c) {
                (true, 1) if sign > 0.0 => MORE,
                (true, 0 | 2) if sign < 0.0 => -MORE,
                (_, c) => [-2.0, -3.0, 4.0][c],
            });
            for options in [
                &["--argmax"][..],
                &["--argmax", "--activation", "softmax"],
                &["--argmax", "--activation", "sigmoid"],
                &["--argmax", "--activation", "none", "--interpolation", "cubic"],
                &["--regions", "1,2,3"],
                &["--regions", "1,2,3", "--activation", "sigmoid"],
            ] {
                if sign < 0.0 && options[0] == "--regions" {
                    continue;
                }
                let base = ["invert", "out/c/trace.json", "l.npy", "--kind", "logit", "--axes", "cxyz", "-o", "b.nii"];
                place.revoxel(&[&base[..], options, &["--overwrite"]].concat()).good();
                let labels = place.read("b.nii", Kind::Label);
                // Regions: channel 2 is painted last, and it is above one half in the ball, too.
                let (winner, other) = if options[0] == "--regions" { (3.0, 3.0) } else { (1.0, 2.0) };
                let mut seen = [0; 2];
                for i in 0..14 * 13 * 12 {
                    let index = [i % 14, i / 14 % 13, i / 182];
                    for (inside, expected) in [(true, winner), (false, other)] {
                        if sure(index, 5.0, inside) {
                            seen[usize::from(inside)] += 1;
                            let label = labels.value(index, 0);
                            assert_eq!(label, expected, "{steps}, {options:?}, half {half}, {sign} at {index:?}");
                        }
                    }
                }
                assert!(seen[1] > 20, "{seen:?}");
            }
        }
    }
}

#[test]
fn infinite_logits_of_regions_are_above_every_threshold() {
    let (place, model) = ran("spacing: { pixdim: 0.8 }");
    let shape = model.shape();
    npy(&place, "l.npy", [3, shape[0], shape[1], shape[2]], false, |c, at| match (in_ball(at, shape, 6.0), c) {
        (true, 1) => MORE,
        (false, 1) => -MORE,
        _ => -3.0,
    });
    let base = ["invert", "out/c/trace.json", "l.npy", "--kind", "logit", "--axes", "cxyz", "-o", "b.nii"];
    for options in [&["--regions", "1,2,3"][..], &["--regions", "1,2,3", "--threshold", "0.99"]] {
        place.revoxel(&[&base[..], options, &["--overwrite"]].concat()).good();
        let labels = values(&place.read("b.nii", Kind::Label));
        let ball = labels.iter().filter(|l| **l == 2.0).count();
        assert!(labels.iter().all(|l| [0.0, 2.0].contains(l)) && (200..1200).contains(&ball), "{ball}");
    }
    // As channels they are probabilities of 0 and 1, and nothing is lost between them.
    place.revoxel(&[&base[..], &["--activation", "sigmoid", "--overwrite"]].concat()).good();
    let all = values(&place.read("b.nii", Kind::Image));
    assert!(all.iter().all(|v| (-1e-6..=1.0 + 1e-6).contains(v)));
    assert!(all.iter().any(|v| *v > 0.9999) && all.iter().any(|v| *v < 1e-4));
    place.revoxel(&[&base[..], &["--overwrite"]].concat()).good();
    assert!(values(&place.read("b.nii", Kind::Image)).iter().all(|v| v.is_finite()));
}

#[test]
fn one_infinite_member_decides_for_all() {
    let (place, model) = ran("spacing: { pixdim: 0.8 }");
    let shape = model.shape();
    let full = [3, shape[0], shape[1], shape[2]];
    npy(
        &place,
        "a.npy",
        full,
        true,
        |c, at| if c == 1 && in_ball(at, shape, 6.0) { MORE } else { [1.0, -8.0, 2.0][c] },
    );
    npy(&place, "b.npy", full, false, |c, _| [1.0, -20.0, 20.0][c]);
    let base =
        ["invert", "out/c/trace.json", "a.npy", "b.npy", "b.npy", "--kind", "logit", "--axes", "cxyz", "--argmax"];
    let run = |activation: &str| {
        place.revoxel(&[&base[..], &["--activation", activation, "-o", "m.nii", "--overwrite"]].concat()).good();
        let labels = values(&place.read("m.nii", Kind::Label));
        labels.into_iter().filter(|l| *l == 1.0).count()
    };
    // Scores: one that is infinite outweighs the others. Probabilities: two of three say 2.
    assert!(run("none") > 100);
    assert_eq!(run("softmax"), 0);
}

#[test]
fn predictions_with_nan_are_refused_whatever_they_are() {
    let (place, model) = ran("spacing: { pixdim: 0.8 }");
    let shape = model.shape();
    let at = [shape[0] - 2, 3, 1];
    let [x, y, z] = model.index_to_world(at.map(|i| i as f64));
    let facts = format!("is at index {at:?}");
    let place_of = format!("RAS ({x:.3}, {y:.3}, {z:.3})");
    let t = |name: &str, bad: f32, options: &[&str], part: &str| {
        let base = ["invert", "out/c/trace.json", name, "-o", "b.nii"];
        let said = place.revoxel(&[&base[..], options].concat());
        said.bad(2, &[name, "not finite", &facts, &place_of, part]);
        assert!(said.err.contains(&bad.to_string()) && !place.path("b.nii").exists(), "{}", said.err);
    };
    for half in [false, true] {
        for bad in [NONE, MORE] {
            npy(
                &place,
                "p.npy",
                [3, shape[0], shape[1], shape[2]],
                half,
                |c, i| if c == 2 && i == at { bad } else { 0.0 },
            );
            let axes = ["--axes", "cxyz"];
            for options in [&["--argmax"][..], &["--regions", "1,2,3"], &[]] {
                let options = [&["--kind", "probability"], &axes, options].concat();
                t("p.npy", bad, &options, "of channel 2");
            }
            if bad.is_nan() {
                for activation in ["softmax", "sigmoid", "none"] {
                    let options = ["--kind", "logit", "--activation", activation, "--argmax", "--axes", "cxyz"];
                    t("p.npy", bad, &options, "of channel 2");
                }
                t("p.npy", bad, &["--argmax", "--axes", "cxyz"], "of channel 2");
            }
            npy(&place, "o.npy", [1, shape[0], shape[1], shape[2]], half, |_, i| if i == at { bad } else { 1.0 });
            t("o.npy", bad, &["--kind", "label", "--axes", "cxyz"], "labels cannot be");
            t("o.npy", bad, &["--axes", "cxyz"], "labels cannot be");
            t("o.npy", bad, &["--kind", "image", "--axes", "cxyz"], "replace these values");
            let ones = Volume::new(vec![1f32; model.voxel_count()].into(), model, Kind::Image, 1).unwrap();
            place.volume("v.nii.gz", &with(&ones, at, bad));
            t("v.nii.gz", bad, &["--kind", "image"], "replace these values");
            t("v.nii.gz", bad, &["--kind", "image", "--values"], "replace these values");
            t("v.nii.gz", bad, &["--kind", "label"], "labels cannot be");
        }
    }
    // One bad member of several is named.
    npy(&place, "g.npy", [3, shape[0], shape[1], shape[2]], false, |_, _| 0.25);
    npy(&place, "n.npy", [3, shape[0], shape[1], shape[2]], false, |c, i| if c == 2 && i == at { NONE } else { 0.0 });
    let base =
        ["invert", "out/c/trace.json", "g.npy", "n.npy", "--kind", "probability", "--axes", "cxyz", "-o", "b.nii"];
    place.revoxel(&base).bad(2, &["n.npy: 1 of", &facts]);
}

#[test]
fn values_that_cannot_be_undone_to_finite_ones_are_refused() {
    let (place, model) = ran("scale_intensity_range: { a_min: -3e38, a_max: 3e38, b_min: 0, b_max: 1 }");
    let high = Volume::new(vec![9f32; model.voxel_count()].into(), model, Kind::Image, 1).unwrap();
    place.volume("v.nii", &high);
    let base = ["invert", "out/c/trace.json", "v.nii", "--kind", "image", "-o", "b.nii"];
    place.revoxel(&[&base[..], &["--values"]].concat()).bad(2, &["v.nii", "cannot undo", "infinite"]);
    place.revoxel(&base).good();
    // A type that does not hold the result.
    let wide = Volume::new(vec![1e300f64; model.voxel_count()].into(), model, Kind::Image, 1).unwrap();
    place.volume("w.nii", &wide);
    let base = ["invert", "out/c/trace.json", "w.nii", "--kind", "image", "-o", "c.nii"];
    place.revoxel(&[&base[..], &["--dtype", "float32"]].concat()).bad(1, &["float32", "--dtype float64"]);
    place.revoxel(&[&base[..], &["--dtype", "float64"]].concat()).good();
}
