//! Landmarks: files of points as label maps, heatmaps of them, peaks of predictions, and the way back to the source.

use revoxel_core::{Affine, Dtype, Frame, Grid, Kind, Volume};
use revoxel_runner::measure::peaks::PeakSearch;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::parity::{Array, Arrays, volume};
use crate::support::{Place, root, values};

#[derive(Deserialize)]
struct Recorded {
    peaks: Vec<Row>,
}

/// What MONAI's ProbNMS found in a map.
#[derive(Deserialize)]
struct Row {
    name: String,
    op: String,
    input: Array,
    parameters: Parameters,
    expected: Vec<(usize, f64, usize, usize, usize)>,
    peer_is_wrong: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    #[serde(default)]
    sigma: Option<Given<f64>>,
    prob_threshold: Option<f64>,
    #[serde(default)]
    box_size: Option<Given<usize>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Given<T> {
    One(T),
    Three([T; 3]),
}

impl<T: Copy> Given<T> {
    fn by_axis(self) -> [T; 3] {
        match self {
            Self::One(one) => [one; 3],
            Self::Three(three) => three,
        }
    }
}

#[test]
fn peaks_are_those_of_monai() {
    let text = std::fs::read_to_string(root().join("tests/parity/landmarks.json")).unwrap();
    let recorded: Recorded = serde_json::from_str(&text).unwrap();
    let mut arrays = Arrays::of("landmarks");
    let (mut peaks, mut wrong) = (0, 0);
    for Row { name, op, input, parameters, expected, peer_is_wrong } in &recorded.peaks {
        let sigma = parameters.sigma.map_or([0.0; 3], Given::by_axis);
        let size = parameters.box_size.map_or([48; 3], Given::by_axis);
        let search = PeakSearch::new(sigma, parameters.prob_threshold.unwrap_or(0.5), size).unwrap();
        let found = search.find(&volume(input, &mut arrays)).unwrap();
        // Smoothed values agree to the precision of MONAI's weights, others to the bit.
        let tolerance = if sigma == [0.0; 3] { 0.0 } else { 1e-6 };
        let same = found.len() == expected.len()
            && found.iter().zip(expected).all(|(ours, (channel, value, i, j, k))| {
                (ours.channel, ours.index) == (*channel, [*i, *j, *k]) && (ours.value - value).abs() <= tolerance
            });
        match peer_is_wrong {
            None => assert!(same, "{name} ({op}): {found:?}, MONAI {expected:?}"),
            Some(why) => assert!(!same, "{name}: we give the peer's wrong answer too: {why}"),
        }
        peaks += expected.len();
        wrong += usize::from(peer_is_wrong.is_some());
    }
    println!("{} maps, {peaks} peaks, in {wrong} maps MONAI's are others", recorded.peaks.len());
    assert!(recorded.peaks.len() >= 25 && peaks > 400 && wrong == 3);
}

/// An oblique, sheared, anisotropic grid that NIfTI's single-precision numbers hold exactly.
fn grid() -> Grid {
    let rows = [[0.25, -1.5, 0.5, 12.5], [-1.25, -0.25, 0.0, -30.0], [0.0, 0.25, -2.5, 40.25]];
    Grid::new([13, 11, 9], Affine::from_rows(rows)).unwrap()
}

/// Points, not on the centres of their voxels, and the voxels that they lie in.
const POINTS: [([f64; 3], [usize; 3]); 4] = [
    ([6.3, 4.8, 4.0], [6, 5, 4]),
    ([-0.4, 10.4, 0.2], [0, 10, 0]),
    ([12.4, -0.3, 8.3], [12, 0, 8]),
    ([2.0, 7.0, 6.45], [2, 7, 6]),
];

fn scan(place: &Place) {
    let numbers: Vec<i16> = (0..13 * 11 * 9).map(|i| (i * 37 % 501) as i16).collect();
    place.volume("data/a/image.nii.gz", &Volume::new(numbers.into(), grid(), Kind::Image, 1).unwrap());
}

/// Slicer's markups, in LPS.
fn markups(points: &[[f64; 3]]) -> String {
    let control = |(i, index): (usize, &[f64; 3])| {
        let position = Frame::Lps.point_from_ras(grid().index_to_world(*index));
        json!({ "id": i.to_string(), "label": format!("F-{}", i + 1), "position": position, "positionStatus": "defined" })
    };
    let points: Vec<Value> = points.iter().enumerate().map(control).collect();
    json!({ "markups": [{ "type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": points }] }).to_string()
}

#[test]
fn points_become_the_labels_of_their_voxels() {
    let place = Place::new();
    scan(&place);
    let indices = POINTS.map(|(index, _)| index);
    place.text("p.mrk.json", &markups(&indices));
    let mut fcsv =
        String::from("# Markups fiducial file version = 4.11\n# CoordinateSystem = 0\n# columns = id,x,y,z,ow\n");
    let mut csv = String::from("name,i,j,k\n");
    for (number, index) in indices.iter().enumerate() {
        let [x, y, z] = grid().index_to_world(*index);
        fcsv.push_str(&format!("{number},{x},{y},{z},0\n"));
        csv.push_str(&format!("p{number},{},{},{}\n", index[0], index[1], index[2]));
    }
    place.text("p.fcsv", &fcsv);
    place.text("p.csv", &csv);
    place.text("p.json", &json!({ "points": indices }).to_string());
    let own = place.read("data/a/image.nii.gz", Kind::Image);
    let like = ["--like", "data/a/image.nii.gz"];
    for (file, more) in [("p.mrk.json", &[][..]), ("p.fcsv", &[]), ("p.csv", &[]), ("p.json", &["--space", "index"])] {
        let out = format!("{file}.nii.gz");
        let said = place.revoxel(&[&["convert", file, "-o", &out], &like[..], more].concat()).good();
        assert!(said.err.contains("4 landmarks, uint8"), "{}", said.err);
        let labels = place.read(&out, Kind::Label);
        assert_eq!((labels.grid(), labels.dtype()), (own.grid(), Dtype::U8), "{file}");
        for (number, (_, voxel)) in POINTS.iter().enumerate() {
            assert_eq!(labels.value(*voxel, 0), (number + 1) as f64, "{file}");
        }
        assert_eq!(values(&labels).iter().filter(|v| **v != 0.0).count(), 4, "{file}");
    }
    // 300 points do not fit into 8 bits.
    let many: Vec<[usize; 3]> = (0..300).map(|i| [i % 13, i / 13 % 11, i / 143]).collect();
    place.text("many.json", &json!({ "space": "index", "points": many }).to_string());
    let json = place.revoxel(&[&["convert", "many.json", "many.nrrd", "--json"], &like[..]].concat()).good().json();
    assert_eq!((&json["dtype"], &json["landmarks"][299]["label"]), (&json!("uint16"), &json!(300)));
    assert_eq!(place.read("many.nrrd", Kind::Label).value(many[299], 0), 300.0);
}

#[test]
fn points_that_cannot_be_labels_are_named() {
    let place = Place::new();
    scan(&place);
    let like = ["x.nii", "--like", "data/a/image.nii.gz"];
    let t = |file: &str, text: &str, parts: &[&str]| {
        place.text(file, text);
        place.revoxel(&[&["convert", file], &like[..]].concat()).bad(2, parts);
        assert!(!place.path("x.nii").exists());
    };
    let outside = markups(&[[1.0, 2.0, 3.0], [13.0, 2.0, 3.0]]);
    let parts = ["outside.mrk.json: markups.0.controlPoints.1 (F-2)", "(lps) lies at index (13.000, 2.000, 3.000)"];
    t("outside.mrk.json", &outside, &[parts[0], parts[1], "outside the grid", "13×11×9"]);
    let twice = markups(&[[1.0, 2.0, 3.0], [4.0, 4.0, 4.0], [1.3, 2.4, 2.8]]);
    let parts =
        ["controlPoints.2 (F-3)", "the same voxel [1, 2, 3]", "controlPoints.0 (F-1): a voxel holds only one label"];
    t("twice.mrk.json", &twice, &parts);
    let mut unplaced: Value = serde_json::from_str(&markups(&[[1.0, 2.0, 3.0], [4.0, 4.0, 4.0]])).unwrap();
    unplaced["markups"][0]["controlPoints"][0]["position"] = Value::Null;
    t("u.mrk.json", &unplaced.to_string(), &["controlPoints.0 (F-1)", "has no position"]);
    t("box.csv", "i,j,k\n", &["box.csv: the file holds no points"]);
    t(
        "box.json",
        "{\"space\": \"index\", \"boxes\": [[1, 2, 3, 4, 5, 6]]}",
        &["boxes.0", "expected a point, found a box"],
    );
    t("space.csv", "x,y,z\n1,2,3\n", &["space.csv:2", "--space index, ras or lps"]);
    place.revoxel(&["convert", "twice.mrk.json", "x.nii"]).bad(2, &["a file of points: pass --like SCAN"]);
    let volumes = ["convert", "data/a/image.nii.gz", "x.nii", "--like", "data/a/image.nii.gz"];
    place.revoxel(&volumes).bad(2, &["not a file of points", "`resample_to`"]);
    let turned = [&["convert", "twice.mrk.json"], &like[..], &["--orientation", "RAS"]].concat();
    place.revoxel(&turned).bad(2, &["--orientation"]);
    place.revoxel(&["convert", "data/a/image.nii.gz"]).bad(2, &["required"]);
}

const HEATMAPS: &str = "\
version: 1
inputs:
  image: { kind: image, path: \"{case}/image.nii.gz\" }
  landmarks: { kind: label, path: \"{case}/landmarks.nii.gz\" }
steps:
  - orientation: { axcodes: LPS }
  - divisible_pad: { k: 8 }
  - generate_heatmap: { sigma_mm: 2.5, labels: [1, 2, 3, 4] }
outputs:
  image: { path: \"{case}/image.nii.gz\" }
  landmarks: { path: \"{case}/heatmaps.nii.gz\" }
trace: \"{case}/trace.json\"
";

#[test]
fn landmarks_come_back_from_the_peaks_of_their_heatmaps() {
    let place = Place::new();
    scan(&place);
    place.text("p.mrk.json", &markups(&POINTS.map(|(index, _)| index)));
    place.text("p.yaml", HEATMAPS);
    let like = ["--like", "data/a/image.nii.gz", "-o", "data/a/landmarks.nii.gz"];
    place.revoxel(&[&["convert", "p.mrk.json"], &like[..]].concat()).good();
    // A landmark that no case has is a mistake, as any label is that steps name.
    place.text("more.yaml", &HEATMAPS.replace("3, 4]", "3, 4, 9]"));
    place.revoxel(&["run", "more.yaml", "--data", "data", "--out", "out"]).bad(2, &["9"]);
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    let heatmaps = place.read("out/a/heatmaps.nii.gz", Kind::Probability);
    assert_eq!((heatmaps.channels(), heatmaps.dtype()), (4, Dtype::F32));
    let table = place.revoxel(&["measure", "out/a/heatmaps.nii.gz", "--peaks"]).good().out;
    assert_eq!(table.lines().count(), 2 + 4, "{table}");
    let peaks = ["measure", "out/a/heatmaps.nii.gz", "--peaks", "--box-size-mm", "40"];
    let found = place.revoxel(&[&peaks[..], &["--json"]].concat()).good().json();
    for (number, (_, voxel)) in POINTS.iter().enumerate() {
        let peak = &found["peaks"][number];
        assert_eq!((&peak["channel"], &peak["value"]), (&json!(number), &json!(1.0)));
        let ras: [f64; 3] = serde_json::from_value(peak["ras"].clone()).unwrap();
        let centre = grid().index_to_world(voxel.map(|i| i as f64));
        assert!((0..3).all(|a| (ras[a] - centre[a]).abs() < 1e-4), "{ras:?} {centre:?}");
    }
    // 40 mm are 40 / spacing voxels, of the axes after the turn.
    let spacing: [f64; 3] = heatmaps.grid().spacing();
    assert_eq!(found["box_size"], json!(spacing.map(|s| (40.0 / s).round() as usize)));
    let csv = place.revoxel(&[&peaks[..], &["--csv"]].concat()).good().out;
    assert_eq!((csv.lines().next(), csv.lines().count()), (Some("channel,value,i,j,k,r,a,s"), 5));
    for file in ["peaks.mrk.json", "peaks.fcsv", "peaks.csv", "peaks.json"] {
        place.revoxel(&[&peaks[..], &["--points", file]].concat()).good();
        place.revoxel(&[&peaks[..], &["--points", file]].concat()).bad(2, &[file, "--overwrite"]);
        place.revoxel(&[&peaks[..], &["--points", file, "--overwrite"]].concat()).good();
        let back = ["points", "out/a/trace.json", file, "-o", "back.csv", "--to", "index", "--overwrite"];
        place.revoxel(&back).good();
        let text = std::fs::read_to_string(place.path("back.csv")).unwrap();
        let head: Vec<&str> = text.lines().next().unwrap().split(',').collect();
        assert!(head[..3] == ["x", "y", "z"] || head[..3] == ["i", "j", "k"], "{text}");
        assert_eq!(text.lines().count(), 5, "{text}");
        for (line, (_, voxel)) in text.lines().skip(1).zip(POINTS) {
            let index: Vec<f64> = line.split(',').take(3).map(|f| f.parse().unwrap()).collect();
            assert!((0..3).all(|a| (index[a] - voxel[a] as f64).abs() < 1e-4), "{file}: {line} {voxel:?}");
            assert!(line.ends_with("seen"), "{line}");
        }
    }
}

#[test]
fn peaks_are_asked_for_with_numbers_that_make_sense() {
    let place = Place::new();
    scan(&place);
    let t = |more: &[&str], parts: &[&str]| {
        place.revoxel(&[&["measure", "data/a/image.nii.gz"], more].concat()).bad(2, parts);
    };
    t(&["--peaks", "--sigma", "-1"], &["--sigma: -1"]);
    t(&["--peaks", "--sigma", "1,2"], &["--sigma: expected one number or three"]);
    t(&["--peaks", "--prob-threshold", "-0.5"], &["--prob-threshold: -0.5"]);
    t(&["--peaks", "--box-size", "3,0,3"], &["--box-size: 0: expected at least 1 voxel"]);
    t(&["--peaks", "--box-size-mm", "3,-1,3"], &["--box-size-mm: -1"]);
    t(&["--peaks", "--box-size", "3", "--box-size-mm", "3"], &["--box-size-mm"]);
    t(&["--peaks", "--points", "x.txt"], &["x.txt", "use .csv"]);
    t(&["--box-size", "3"], &["--peaks"]);
    let nan = Volume::new(vec![0.5f32, f32::NAN].into(), Grid::without_geometry([2, 1, 1]).unwrap(), Kind::Image, 1);
    place.volume("nan.nrrd", &nan.unwrap());
    place.revoxel(&["measure", "nan.nrrd", "--peaks"]).bad(2, &["nan.nrrd", "[1, 0, 0]", "holds NaN"]);
    let smooth = ["measure", "data/a/image.nii.gz", "--peaks", "--sigma", "1,0.5,2", "--prob-threshold", "200"];
    let found = place.revoxel(&[&smooth[..], &["--box-size", "5", "--json"]].concat()).good().json();
    assert!(found["peaks"].as_array().unwrap().len() > 2, "{found}");
    assert_eq!(found["sigma"], json!([1.0, 0.5, 2.0]));
}
