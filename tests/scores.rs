//! What a model says of whole images, as rows of a table.

use revoxel_core::testing::Draw;
use revoxel_core::{Grid, Kind};
use serde::Deserialize;

use crate::support::{Place, root};

#[derive(Deserialize)]
struct Recorded {
    rows: Vec<Row>,
}

/// The row that MONAI's SaveClassificationd writes of an array.
#[derive(Deserialize)]
struct Row {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    hex: String,
    row: String,
}

const PIPELINE: &str = "\
version: 1
copies: 2
inputs:
  image: { kind: image, path: \"{case}.nrrd\" }
steps:
  - rand_flip: { prob: 0.5 }
outputs: {}
trace: \"{case}/{copy}.json\"
";

/// Traces of cases with these names.
fn traces(place: &Place, names: &[&str]) {
    for name in names {
        let volume = Draw::new(1).volume(Grid::without_geometry([4, 3, 2]).unwrap(), Kind::Image, 1);
        place.volume(&format!("data/{name}.nrrd"), &volume);
    }
    place.text("p.yaml", PIPELINE);
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
}

/// Writes an .npy file of version 1.
fn array(place: &Place, name: &str, descr: &str, shape: &[usize], bytes: &[u8]) {
    let sizes: String = shape.iter().map(|n| format!("{n},")).collect();
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}").into_bytes();
    header.resize((10 + header.len() + 1).next_multiple_of(64) - 11, b' ');
    header.push(b'\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header);
    file.extend(bytes);
    std::fs::write(place.path(name), file).unwrap();
}

fn of_f32(place: &Place, name: &str, values: &[f32]) {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    array(place, name, "<f4", &[1, values.len()], &bytes);
}

fn parsed(row: &str) -> (String, Vec<f64>) {
    let mut fields = row.trim_end().split(',');
    (fields.next().unwrap().to_owned(), fields.map(|f| f.parse().unwrap()).collect())
}

#[test]
fn rows_are_those_of_monai() {
    let text = std::fs::read_to_string(root().join("tests/parity/scores.json")).unwrap();
    let recorded: Recorded = serde_json::from_str(&text).unwrap();
    assert!(recorded.rows.len() >= 7);
    let place = Place::new();
    traces(&place, &recorded.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>());
    for Row { name, dtype, shape, hex, .. } in &recorded.rows {
        let byte = |i: usize| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..hex.len() / 2).map(byte).collect();
        array(&place, &format!("{name}.npy"), dtype, shape, &bytes);
        let (trace, scores) = (format!("out/{name}/0.json"), format!("{name}.npy"));
        // Rows of one length go into one table.
        let table = format!("t/{}.csv", shape.iter().product::<usize>());
        place.revoxel(&["scores", &trace, &scores, "--append", "-o", &table]).good();
    }
    let tables = std::fs::read_dir(place.path("t")).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()));
    let text: String = tables.map(Result::unwrap).collect();
    let of = |name: &str| text.lines().find(|line| line.starts_with(&format!("{name}.nrrd,"))).unwrap();
    assert!(text.lines().count() == recorded.rows.len() && of("class").len() < of("flags").len());
    for Row { name, row, .. } in &recorded.rows {
        let ((source, ours), (theirs_of, theirs)) = (parsed(of(name)), parsed(row));
        assert_eq!(source, theirs_of);
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        assert!(ours.len() == theirs.len() && ours.iter().zip(&theirs).all(same), "{name}: {ours:?} {theirs:?}");
    }
}

#[test]
fn predictions_of_one_case_are_averaged_and_of_others_refused() {
    let place = Place::new();
    traces(&place, &["a", "b"]);
    of_f32(&place, "1.npy", &[0.25, 0.75]);
    of_f32(&place, "2.npy", &[0.75, 0.25]);
    of_f32(&place, "3.npy", &[0.5, 0.25, 0.25]);
    let both = ["scores", "out/a/0.json", "1.npy", "--with", "out/a/1.json", "2.npy", "--weights", "3,1"];
    let said = place.revoxel(&[&both[..], &["-o", "t.tsv", "--json"]].concat()).good().json();
    assert_eq!((&said["scores"], &said["source"]), (&serde_json::json!([0.375, 0.625]), &"a.nrrd".into()));
    assert_eq!(std::fs::read_to_string(place.path("t.tsv")).unwrap(), "a.nrrd\t0.375\t0.625\n");
    let bad = |args: &[&str], parts: &[&str]| {
        let all = [&["scores", "out/a/0.json"], args].concat();
        place.revoxel(&all).bad(2, parts);
    };
    bad(&["1.npy", "-o", "t.tsv"], &["t.tsv exists already"]);
    bad(&["1.npy", "-o", "t.tsv", "--append"], &["already has a row of a.nrrd"]);
    bad(&["1.npy"], &["--output"]);
    bad(&["1.npy", "-o", "t.nii"], &["t.nii: a table of scores needs the extension .csv or .tsv"]);
    bad(&["1.npy", "3.npy", "-o", "u.csv"], &["3.npy: 3 numbers cannot be averaged with the 2"]);
    bad(&["1.npy", "--with", "out/b/0.json", "2.npy", "-o", "u.csv"], &["out/b/0.json", "\"b\"", "--append"]);
    bad(&["1.npy", "--weights", "1,2", "-o", "u.csv"], &["2 weights for 1"]);
    bad(&["data/a.nrrd", "-o", "u.csv"], &["data/a.nrrd: expected an .npy or .npz array of scores"]);
    of_f32(&place, "nan.npy", &[f32::INFINITY, f32::NAN]);
    of_f32(&place, "low.npy", &[f32::NEG_INFINITY, 1.0]);
    of_f32(&place, "high.npy", &[f32::INFINITY, 1.0]);
    bad(&["1.npy", "nan.npy", "-o", "u.csv"], &["nan.npy: 1 of 2 numbers are NaN, the first is number 2"]);
    bad(&["low.npy", "high.npy", "-o", "u.csv"], &["number 1", "is +inf in one prediction and -inf in another"]);
    let alone = place.revoxel(&["scores", "out/a/0.json", "nan.npy", "-o", "n.csv"]).good();
    assert!(alone.err.contains("nan.npy: 1 of 2 numbers are NaN, the first is number 2"), "{}", alone.err);
    array(&place, "none.npy", "<f4", &[0], &[]);
    bad(&["none.npy", "-o", "u.csv"], &["none.npy: the array is empty"]);
    array(&place, "volume.npy", "|u1", &[64, 64, 17], &[0; 64 * 64 * 17]);
    bad(&["volume.npy", "-o", "u.csv"], &["69632 numbers", "`revoxel invert`"]);
    assert!(!place.path("u.csv").exists());
    assert_eq!(std::fs::read_to_string(place.path("t.tsv")).unwrap(), "a.nrrd\t0.375\t0.625\n");
}
