//! `measure` of what label maps really hold: fractions, 64-bit integers, negative labels, channels.

use revoxel_core::{Affine, Grid, Kind, Volume, Voxels};
use serde_json::Value;

use crate::support::Place;

fn grid() -> Grid {
    let rows = [[0.25, -1.5, 0.5, 12.5], [-1.25, -0.25, 0.0, -30.0], [0.0, 0.25, -2.5, 40.25]];
    Grid::new([6, 5, 4], Affine::from_rows(rows)).unwrap()
}

fn write(place: &Place, name: &str, voxels: impl Into<Voxels>, channels: usize) {
    place.volume(name, &Volume::new(voxels.into(), grid(), Kind::Label, channels).unwrap());
}

/// Channel, label and voxels of every row, as `--json` says.
fn rows(document: &Value) -> Vec<(u64, String, u64)> {
    let number = |row: &Value, key: &str| row[key].as_u64().unwrap();
    let row = |row: &Value| (number(row, "channel"), row["label"].to_string(), number(row, "voxels"));
    document["labels"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn labels_are_rounded_and_said_to_be() {
    let place = Place::new();
    // What a file with the scale 0.00030001 says of the labels 1, 2 and 3, and a negative one.
    let values: Vec<f32> = (0..120).map(|i| [0.0, 0.99993, 1.99987, 3.0001, -0.99993][i % 5]).collect();
    write(&place, "x.nii", values, 1);
    let said = place.revoxel(&["measure", "x.nii", "--json"]).good();
    let expected: Vec<(u64, String, u64)> = [-1, 1, 2, 3].map(|label: i64| (0, label.to_string(), 24)).into();
    assert_eq!(rows(&said.json()), expected);
    assert_eq!(said.json()["rounded_voxels"], 96);
    assert!(said.err.contains("x.nii: rounded 96 values to the nearest whole number"), "{}", said.err);
    write(&place, "whole.nii", vec![2.0f32; 120], 1);
    assert_eq!(place.revoxel(&["measure", "whole.nii"]).good().err, "");
}

#[test]
fn fractions_are_refused_by_name() {
    let place = Place::new();
    let mut values = vec![0.0f32; 240];
    values[120 + 37..120 + 60].fill(0.7);
    write(&place, "soft.nrrd", values.clone(), 2);
    for format in [&["--json"][..], &["--csv"], &[]] {
        let said = place.revoxel(&[&["measure", "soft.nrrd"], format].concat());
        let place = "index (1, 1, 1) of channel 1, RAS";
        said.bad(2, &["soft.nrrd: not a label map: 23 of 240", "the first is 0.7 at", place, "--peaks"]);
    }
    for (value, part) in [
        (f32::NAN, "first is NaN"),
        (f32::NEG_INFINITY, "first is -inf"),
        (1.002, "first is 1.002"),
        (1e20, "first is 1e20"),
    ] {
        values[3] = value;
        write(&place, "x.nii", values.clone(), 2);
        place.revoxel(&["measure", "x.nii"]).bad(2, &[part, "index (3, 0, 0) of channel 0", "24 of 240"]);
    }
    // A map of probabilities has peaks.
    place.revoxel(&["measure", "soft.nrrd", "--peaks"]).good();
}

#[test]
fn labels_of_64_bits_are_told_apart() {
    let place = Place::new();
    let t = |voxels: Voxels, labels: [&str; 2]| {
        for name in ["x.nii.gz", "x.nrrd", "x.mha"] {
            write(&place, name, voxels.clone(), 1);
            let found = rows(&place.revoxel(&["measure", name, "--json"]).good().json());
            assert_eq!(found, [(0, labels[0].to_owned(), 60), (0, labels[1].to_owned(), 60)], "{name}");
            let csv = place.revoxel(&["measure", name, "--csv"]).good().out;
            assert!(csv.lines().nth(2).unwrap().starts_with(&format!("{},60,", labels[1])), "{csv}");
        }
    };
    let halves = |a, b| [vec![a; 60], vec![b; 60]].concat();
    let big = 1i64 << 53;
    t(halves(big + 1, big).into(), ["9007199254740992", "9007199254740993"]);
    t(halves(-big, -big - 1).into(), ["-9007199254740993", "-9007199254740992"]);
    t([vec![u64::MAX; 60], vec![u64::MAX - 1; 60]].concat().into(), ["18446744073709551614", "18446744073709551615"]);
}

#[test]
fn every_channel_is_measured_by_itself() {
    let place = Place::new();
    let labels: Vec<usize> = (0..120).map(|i| i * 7 % 11 % 3).collect();
    let one_hot: Vec<u8> = (0..3).flat_map(|c| labels.iter().map(move |l| u8::from(*l == c))).collect();
    let count = |c: usize| labels.iter().filter(|l| **l == c).count() as u64;
    for name in ["x.nii.gz", "x.nrrd", "x.mha"] {
        write(&place, name, one_hot.clone(), 3);
        let said = place.revoxel(&["measure", name, "--json"]).good().json();
        let expected: Vec<_> = (0..3).map(|c| (c as u64, "1".to_owned(), count(c))).collect();
        assert_eq!((rows(&said), &said["channels"]), (expected, &3.into()), "{name}");
        let table = place.revoxel(&["measure", name]).good().out;
        let lines: Vec<Vec<&str>> = table.lines().map(|l| l.split_whitespace().collect()).collect();
        assert_eq!((lines[0][0], lines[3][0], lines[3][1]), ("channel", "1", "1"), "{table}");
        assert_eq!(lines[4][2], count(2).to_string());
        let csv = place.revoxel(&["measure", name, "--csv"]).good().out;
        assert!(
            csv.lines().next().unwrap().ends_with(",diameter_slice,channel")
                && csv.lines().nth(3).unwrap().ends_with(",2")
        );
    }
    // One channel needs no column, and the sums are those of a scan of its own.
    write(&place, "one.nii", one_hot[120..240].to_vec(), 1);
    assert!(place.revoxel(&["measure", "one.nii"]).good().out.starts_with("label  voxels"));
    let alone = place.revoxel(&["measure", "one.nii", "--json"]).good().json();
    let mut among = place.revoxel(&["measure", "x.nrrd", "--json"]).good().json()["labels"][1].clone();
    among["channel"] = 0.into();
    assert_eq!(alone["labels"][0]["voxels"], among["voxels"]);
    for key in ["box", "mm3"] {
        assert_eq!(alone["labels"][0][key], among[key], "{key}");
    }
}
