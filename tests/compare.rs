//! `compare` as a gate: exit codes, tolerances, and labels in millimetres.

use revoxel_core::affine::distance;
use revoxel_core::{Affine, Grid, Kind, Volume, Voxels};
use serde_json::Value;

use crate::support::Place;

/// An oblique, sheared, anisotropic grid that NIfTI's single-precision numbers hold exactly.
fn grid() -> Grid {
    let rows = [[0.25, -1.5, 0.5, 12.5], [-1.25, -0.25, 0.0, -30.0], [0.0, 0.25, -2.5, 40.25]];
    Grid::new([4, 5, 6], Affine::from_rows(rows)).unwrap()
}

fn write(place: &Place, name: &str, voxels: impl Into<Voxels>, channels: usize) {
    place.volume(name, &Volume::new(voxels.into(), grid(), Kind::Image, channels).unwrap());
}

/// Compares two files with and without `--json`: the same exit code, which is returned with the document.
fn compare(place: &Place, files: [&str; 2], more: &[&str]) -> (i32, Value) {
    let command = [&["compare", files[0], files[1]], more].concat();
    let text = place.revoxel(&command);
    let json = place.revoxel(&[&command[..], &["--json"]].concat());
    assert_eq!(text.code, json.code, "{text:?}");
    let document = json.json();
    let result = if text.code == 0 { "result    agree" } else { "result    differ: " };
    assert!(text.out.contains(result), "{text:?}");
    assert_eq!(document["agree"], text.code == 0);
    (text.code, document)
}

#[test]
fn values_decide_the_exit_code_of_every_type() {
    fn t<T: Copy>(numbers: [T; 3], largest: f64)
    where
        Vec<T>: Into<Voxels>,
    {
        let [base, one, other] = numbers;
        for (channels, at) in [(1, 37), (2, 120 + 71)] {
            let place = Place::new();
            let make = |value: T| {
                let mut values = vec![base; 120 * channels];
                values[at] = value;
                values
            };
            for name in ["a.nii.gz", "a.nrrd", "a.mha"] {
                write(&place, name, make(one), channels);
            }
            write(&place, "b.nii.gz", make(other), channels);
            for name in ["a.nii.gz", "a.nrrd", "a.mha"] {
                assert_eq!(compare(&place, [name, "a.nii.gz"], &[]).0, 0);
                let (code, found) = compare(&place, [name, "b.nii.gz"], &[]);
                let values = &found["values"];
                assert_eq!((code, values["different"].as_u64()), (1, Some(1)), "{found}");
                assert_eq!(values["largest_difference"].as_f64(), Some(largest), "{found}");
                let first = &values["first_difference"];
                assert_eq!(first["channel"], at / 120);
                assert_eq!(first["index"], serde_json::json!([at % 4, at % 120 / 4 % 5, at % 120 / 20]));
            }
        }
    }
    let big = 1i64 << 53;
    t([big, big, big + 1], 1.0);
    t([-big, -big - 1, -big], 1.0);
    t([u64::MAX, u64::MAX - 1, u64::MAX], 1.0);
    t([7u16, 65_535, 65_534], 1.0);
    t([7i16, -32_768, -32_767], 1.0);
    t([7i32, i32::MAX, i32::MAX - 1], 1.0);
    t([0.5f32, 1.0, 1.0 + f32::EPSILON], f64::from(f32::EPSILON));
    t([0.5f64, 1.0, 1.0 + f64::EPSILON], f64::EPSILON);
}

#[test]
fn nan_agrees_with_nan_only() {
    let place = Place::new();
    let values = |first: f32| [&[first][..], &[1.5; 119]].concat();
    for (name, value) in [("nan.nii", f32::NAN), ("one.nii", 1.0), ("inf.nii", f32::INFINITY)] {
        write(&place, name, values(value), 1);
    }
    assert_eq!(compare(&place, ["nan.nii", "nan.nii"], &[]).0, 0);
    for (a, b) in [("nan.nii", "one.nii"), ("one.nii", "nan.nii"), ("inf.nii", "one.nii"), ("one.nii", "inf.nii")] {
        let (code, found) = compare(&place, [a, b], &["--atol", "1e300", "--rtol", "1e300"]);
        assert_eq!((code, &found["values"]["not_finite"]), (1, &1.into()), "{a} {b}");
    }
    let said = place.revoxel(&["compare", "one.nii", "nan.nii"]).told(1).out;
    assert!(said.contains("largest difference inf, mean inf") && said.contains(": 1 and NaN"), "{said}");
}

#[test]
fn tolerances_of_values_are_options() {
    let place = Place::new();
    let mut values: Vec<i16> = (0..120).collect();
    write(&place, "a.nii", values.clone(), 1);
    values[100] += 10;
    write(&place, "b.nii", values, 1);
    let t = |more: &[&str], code| assert_eq!(compare(&place, ["a.nii", "b.nii"], more).0, code, "{more:?}");
    t(&[], 1);
    t(&["--atol", "10"], 0);
    t(&["--atol", "9.99"], 1);
    // A tenth of b, which is 110.
    t(&["--rtol", "0.091"], 0);
    t(&["--rtol", "0.0909"], 1);
    t(&["--rtol", "0.0909", "--atol", "0.01"], 0);
    let (_, found) = compare(&place, ["a.nii", "b.nii"], &["--atol", "10"]);
    assert_eq!((&found["values"]["different"], &found["values"]["beyond_tolerance"]), (&1.into(), &0.into()));
}

#[test]
fn places_decide_too_and_have_a_tolerance() {
    let place = Place::new();
    let values = vec![3u8; 120];
    write(&place, "a.nii", values.clone(), 1);
    let put = |name: &str, grid: Grid| {
        place.volume(name, &Volume::new(vec![3u8; grid.voxel_count()].into(), grid, Kind::Image, 1).unwrap());
    };
    put("moved.nii", Grid::new([4, 5, 6], grid().affine().with_translation([12.75, -30.0, 40.25])).unwrap());
    put("longer.nii", Grid::new([4, 5, 7], *grid().affine()).unwrap());
    write(&place, "channels.nii", vec![3u8; 240], 2);
    let t = |b: &str, more: &[&str], code, values_agree: Value| {
        let (said, found) = compare(&place, ["a.nii", b], more);
        assert_eq!((said, &found["values_agree"]), (code, &values_agree), "{b} {more:?}");
        found
    };
    let found = t("moved.nii", &[], 1, true.into());
    assert_eq!((&found["places_agree"], &found["geometry"]), (&false.into(), &"header_differs".into()));
    assert_eq!(found["values"]["no_distances"].as_str().map(|s| s.contains("--max-corner-mm")), Some(true));
    t("moved.nii", &["--max-corner-mm", "0.25"], 0, true.into());
    t("moved.nii", &["--max-corner-mm", "0.24"], 1, true.into());
    t("moved.nii", &["--min-dice", "0.5"], 1, true.into());
    t("longer.nii", &[], 1, Value::Null);
    t("longer.nii", &["--max-corner-mm", "1000"], 1, Value::Null);
    let found = t("channels.nii", &[], 1, false.into());
    assert!(found["places_agree"] == true && found["values"].is_null());
}

#[test]
fn what_cannot_be_said_is_exit_code_2() {
    let place = Place::new();
    write(&place, "a.nii", vec![1.0f32; 120], 1);
    write(&place, "soft.nii", [vec![0.0f32; 71], vec![0.5; 49]].concat(), 1);
    let whole = std::fs::read(place.path("a.nii")).unwrap();
    std::fs::write(place.path("cut.nii"), &whole[..500]).unwrap();
    place.text("text.nii", "no volume");
    let t = |arguments: &[&str], parts: &[&str]| {
        let command = [&["compare"], arguments].concat();
        place.revoxel(&command).bad(2, parts);
        place.revoxel(&[&command[..], &["--json"]].concat()).bad(2, parts);
    };
    t(&["a.nii", "none.nii"], &["none.nii"]);
    t(&["cut.nii", "a.nii"], &["cut.nii"]);
    t(&["a.nii", "text.nii"], &["text.nii"]);
    t(
        &["a.nii", "soft.nii", "--min-dice", "0.9"],
        &["soft.nii: not a label map: 49 of 120", "first is 0.5 at index (3, 2, 3)", "--atol"],
    );
    t(&["a.nii"], &["<B>"]);
    for (option, value) in [
        ("--atol", "-1"),
        ("--rtol", "nan"),
        ("--max-corner-mm", "inf"),
        ("--min-dice", "1.5"),
        ("--tolerance-mm", "x"),
    ] {
        t(&["a.nii", "a.nii", option, value], &[option, value, "expected a number"]);
    }
    t(&["a.nii", "a.nii", "--min-dice", "0.9", "--atol", "1"], &["--min-dice", "--atol"]);
}

#[test]
fn the_worst_label_gates() {
    let place = Place::new();
    let mut labels: Vec<i16> = (0..120)
        .map(|i| {
            if i < 40 {
                1
            } else if i < 60 {
                -2
            } else {
                0
            }
        })
        .collect();
    write(&place, "b.nii", labels.clone(), 1);
    labels[0] = 0;
    labels[50] = 0;
    labels[51] = 3;
    write(&place, "a.nii", labels, 1);
    let dice = |a: f64, b: f64, both: f64| 2.0 * both / (a + b);
    let (code, found) = compare(&place, ["a.nii", "b.nii"], &["--min-dice", "0.9"]);
    let values = &found["values"];
    let row = |label: i64| values["labels"].as_array().unwrap().iter().find(|r| r["label"] == label).unwrap();
    assert_eq!(
        (code, row(-2)["dice"].as_f64(), row(1)["dice"].as_f64()),
        (1, Some(dice(18., 20., 18.)), Some(dice(39., 40., 39.)))
    );
    // Of a label that one map lacks there is no distance, and no NaN.
    let absent = row(3);
    assert!(absent["dice"] == 0.0 && absent["only_in"] == "a" && absent["surface_dice"] == 0.0, "{absent}");
    assert!(
        absent["hd95_mm"].is_null()
            && absent["hausdorff_mm"].is_null()
            && absent["relative_volume_difference"].is_null()
    );
    assert!((absent["volume_difference_mm3"].as_f64().unwrap() - grid().voxel_volume()).abs() < 1e-9);
    assert_eq!((&values["worst_dice"], &values["dice"]["3"]), (&0.0.into(), &0.0.into()));
    let said = place.revoxel(&["compare", "a.nii", "b.nii", "--min-dice", "0.9"]).told(1).out;
    assert!(said.contains("label 3: Dice 0.0000, only in a, volume +") && !said.contains("NaN"), "{said}");
    assert!(said.contains("labels (Dice 0.0000 of label 3 is below --min-dice 0.9)"), "{said}");
    assert_eq!(compare(&place, ["b.nii", "b.nii"], &["--min-dice", "1"]).0, 0);
    // Without label 3 the worst one is −2, at 0.947.
    let mut labels: Vec<i16> = (0..120)
        .map(|i| {
            if i < 40 {
                1
            } else if i < 60 {
                -2
            } else {
                0
            }
        })
        .collect();
    (labels[50], labels[51]) = (0, 0);
    write(&place, "c.nii", labels, 1);
    assert_eq!(compare(&place, ["c.nii", "b.nii"], &["--min-dice", "0.94"]).0, 0);
    assert_eq!(compare(&place, ["c.nii", "b.nii"], &["--min-dice", "0.95"]).0, 1);
    assert_eq!(compare(&place, ["c.nii", "b.nii"], &[]).0, 1);
    // Channels are not mixed: 38 of 40 voxels of label 1 agree, but none of the second channel.
    let channels = |second: usize| {
        let mut values = vec![0u8; 240];
        values[..38].fill(1);
        values[120 + second..122 + second].fill(1);
        values
    };
    write(&place, "p.nii", channels(0), 2);
    write(&place, "q.nii", channels(9), 2);
    let (code, found) = compare(&place, ["p.nii", "q.nii"], &["--min-dice", "0.9"]);
    let rows = found["values"]["labels"].as_array().unwrap();
    assert_eq!((code, &found["values"]["dice"]["1"], rows.len()), (1, &0.95.into(), 2));
    assert_eq!((&rows[0]["dice"], &rows[1]["channel"], &rows[1]["dice"]), (&1.0.into(), &1.into(), &0.0.into()));
}

#[test]
fn labels_that_are_stored_beside_whole_numbers_are_labels() {
    let place = Place::new();
    let labels: Vec<f32> = (0..120).map(|i| if i < 50 { 0.99993 } else { 1.99987 }).collect();
    write(&place, "near.nii", labels, 1);
    write(&place, "b.nii", (0..120).map(|i| if i < 50 { 1u8 } else { 2 }).collect::<Vec<_>>(), 1);
    let (code, found) = compare(&place, ["near.nii", "b.nii"], &[]);
    assert_eq!((code, &found["values"]["dice"]), (1, &serde_json::json!({ "1": 1.0, "2": 1.0 })));
    assert_eq!(compare(&place, ["near.nii", "b.nii"], &["--min-dice", "1"]).0, 0);
    assert_eq!(compare(&place, ["near.nii", "b.nii"], &["--atol", "0.001"]).0, 0);
    // Labels of 64 bits that f64 does not tell apart.
    let big = 1i64 << 53;
    write(&place, "p.nii", [vec![big; 60], vec![big + 1; 60]].concat(), 1);
    write(&place, "q.nii", vec![big; 120], 1);
    let (_, found) = compare(&place, ["p.nii", "q.nii"], &[]);
    assert_eq!(found["values"]["dice"], serde_json::json!({ "9007199254740992": 2.0 / 3.0, "9007199254740993": 0.0 }));
}

#[test]
fn distances_are_millimetres_on_a_sheared_grid_in_every_format() {
    // Axis 1 leans by 30° over axis 0: spacings alone say √(4² + 4²) = 5.66 mm between the two voxels.
    let affine = Affine::from_rows([[-2.0, 0.75, 0.0, 7.0], [0.5, 1.25, 0.0, 8.0], [0.0, 0.5, -3.0, 9.0]]);
    let grid = Grid::new([9, 8, 3], affine).unwrap();
    let place = Place::new();
    let one = |name: &str, [x, y, z]: [usize; 3]| {
        let mut values = vec![0u8; grid.voxel_count()];
        values[x + 9 * (y + 8 * z)] = 5;
        place.volume(name, &Volume::new(values.into(), grid, Kind::Label, 1).unwrap());
    };
    let (p, q) = ([2, 1, 1], [4, 5, 2]);
    let expected = distance(grid.index_to_world(p.map(|i| i as f64)), grid.index_to_world(q.map(|i| i as f64)));
    one("a.nii.gz", p);
    for name in ["b.nii.gz", "b.nrrd"] {
        one(name, q);
        let row = |more: &[&str]| compare(&place, ["a.nii.gz", name], more).1["values"]["labels"][0].clone();
        let found = row(&[]);
        for key in ["hd95_mm", "hausdorff_mm"] {
            assert!((found[key].as_f64().unwrap() - expected).abs() < 1e-5, "{name} {found}, {expected}");
        }
        let at = |mm: f64| row(&["--tolerance-mm", &mm.to_string()])["surface_dice"].as_f64();
        assert_eq!((at(expected - 0.001), at(expected + 0.001)), (Some(0.0), Some(1.0)));
    }
}
