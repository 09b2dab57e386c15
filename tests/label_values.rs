//! Labels stay themselves from the file through the steps and back, and values that are not of their kind are refused.

use revoxel_core::{Affine, Dtype, Grid, Kind, Volume, Voxels};
use revoxel_io::npy::{Tensor, write_npy};
use serde_json::{Value, json};

use crate::support::{Place, Said, values};

/// Oblique, with shear and a mirrored axis.
fn grid() -> Grid {
    let rows = [[-0.9, 0.1, 0.0, 40.0], [0.0, 1.1, 0.2, -30.0], [0.05, 0.0, 2.5, 7.0]];
    Grid::new([7, 6, 5], Affine::from_rows(rows)).unwrap()
}

/// A volume of these values, one after another.
fn volume<T: Copy>(some: &[T], kind: Kind, channels: usize) -> Volume
where
    Voxels: From<Vec<T>>,
{
    let count = grid().voxel_count() * channels;
    let voxels: Vec<T> = (0..count).map(|i| some[(i * i % 11 + i / 7) % some.len()]).collect();
    Volume::new(voxels.into(), grid(), kind, channels).unwrap()
}

/// A pipeline for a label map in a format. A single step may stand without braces.
fn pipeline(place: &Place, extension: &str, steps: &str) {
    let steps =
        if steps.contains(':') && !steps.starts_with('{') { format!("{{ {steps} }}") } else { steps.to_owned() };
    place.text(
        "p.yaml",
        &format!(
            "version: 1\ninputs:\n  label: {{ kind: label, path: \"{{case}}/label.{extension}\" }}\nsteps: [{steps}]\n\
             outputs:\n  label: {{ path: \"{{case}}/label.{extension}\" }}\ntrace: \"{{case}}/trace.json\"\n"
        ),
    );
}

fn run(place: &Place, more: &[&str]) -> Said {
    place.revoxel(&[&["run", "p.yaml", "--data", "data", "--out", "out", "--overwrite"], more].concat())
}

fn back(place: &Place, prediction: &str, output: &str, more: &[&str]) -> Said {
    place.revoxel(&[&["invert", "out/c/trace.json", prediction, "-o", output, "--overwrite"], more].concat())
}

/// Labels as whole numbers of any size.
fn exact(volume: &Volume) -> Vec<i128> {
    revoxel_core::dispatch!(volume.voxels(), v => v.iter().map(|x| revoxel_core::Voxel::whole(*x).unwrap()).collect())
}

/// No step changes a label, and no voxel of the source is cut away.
const TURNS: &str = "{ orientation: { axcodes: LPS } }, { flip: { spatial_axis: 1 } }, { border_pad: { spatial_border: 2 \
                     } }, { resize_with_pad_or_crop: { spatial_size: [12, 12, 12] } }";

#[test]
fn labels_of_every_type_come_back_to_the_last_digit() {
    let place = Place::new();
    let long = (1i64 << 53) + 1;
    let maps = [
        volume(&[0i8, -1, 1, 2], Kind::Label, 1),
        volume(&[0i16, -1, 1, 300], Kind::Label, 1),
        volume(&[0i32, -1, 1, 70_000], Kind::Label, 1),
        volume(&[0u32, 1, 4_000_000_000], Kind::Label, 1),
        volume(&[0i64, long, (1 << 62) + 3, -1], Kind::Label, 1),
        volume(&[0u64, long as u64, u64::MAX, 7], Kind::Label, 1),
        volume(&[0.0f32, -1.0, 3.0], Kind::Label, 1),
        volume(&[0.0f64, -1.0, 3.0], Kind::Label, 1),
        volume(&[0i64, long, (1 << 62) + 3, -1], Kind::Label, 3),
    ];
    for extension in ["nii.gz", "nrrd", "mha"] {
        pipeline(&place, extension, TURNS);
        for map in &maps {
            let (name, seen) = (format!("data/c/label.{extension}"), format!("{} in {extension}", map.dtype()));
            place.volume(&name, map);
            assert_eq!(run(&place, &[]).good().err.matches("lost").count(), 0, "{seen}");
            let processed = place.read(&format!("out/c/label.{extension}"), Kind::Label);
            assert_eq!(processed.dtype(), map.dtype(), "{seen}");
            let output = format!("back.{extension}");
            let more = ["--kind", "label", "--json"];
            let said = back(&place, &format!("out/c/label.{extension}"), &output, &more).good().json();
            assert_eq!((&said["kind"], &said["vanished"]), (&json!("label"), &json!([])), "{seen}");
            let restored = place.read(&output, Kind::Label);
            assert_eq!((exact(&restored), restored.channels()), (exact(map), map.channels()), "{seen}");
        }
    }
}

#[test]
fn arrays_of_labels_come_back_in_the_smallest_type() {
    let place = Place::new();
    pipeline(&place, "nii.gz", "orientation: { axcodes: LPS }");
    place.volume("data/c/label.nii.gz", &volume(&[0u8, 1, 2], Kind::Label, 1));
    run(&place, &[]).good();
    let [nx, ny, nz] = place.read("out/c/label.nii.gz", Kind::Label).grid().shape();
    let t = |voxels: Voxels, kind: &[&str], expected: Dtype| {
        let highest = voxels.whole_range();
        write_npy(place.path("p.npy"), &Tensor { shape: vec![nz, ny, nx], voxels }).unwrap();
        let said = back(&place, "p.npy", "back.nii.gz", &[&["--json", "--axes", "zyx"], kind].concat()).good().json();
        assert_eq!((said["kind"].as_str(), said["dtype"].as_str()), (Some("label"), Some(expected.name())));
        assert_eq!(place.read("back.nii.gz", Kind::Label).voxels().whole_range(), highest);
    };
    let count = grid().voxel_count();
    let of = |labels: &[i64]| (0..count).map(|i| labels[i % labels.len()]).collect::<Vec<i64>>();
    t(of(&[0, -1, 2]).into(), &[], Dtype::I8);
    t(of(&[0, -1, 200]).into(), &["--kind", "label"], Dtype::I16);
    t(of(&[0, -1, 1 << 40]).into(), &[], Dtype::I64);
    t(of(&[0, 5, (1 << 53) + 1]).into(), &[], Dtype::U64);
    t(of(&[0, -5, 2]).into(), &["--kind", "label"], Dtype::I8);
    // Beside a label map whole numbers of any sign are labels.
    t(of(&[0, -5, 2]).into(), &[], Dtype::I8);
    t(Voxels::from(of(&[0, -1, 2])).cast(Dtype::F32), &[], Dtype::I8);
    t(Voxels::from(of(&[0, 3, 300])).cast(Dtype::F64), &["--kind", "label"], Dtype::U16);
}

#[test]
fn negative_numbers_beside_a_scan_are_asked_for() {
    let place = Place::new();
    place.text(
        "p.yaml",
        "version: 1\ninputs:\n  image: { kind: image, path: \"{case}/image.nii\" }\nsteps: []\noutputs:\n  \
         image: { path: \"{case}/image.nii\" }\ntrace: \"{case}/trace.json\"\n",
    );
    place.volume("data/c/image.nii", &volume(&[-1000i16, 40, 3000], Kind::Image, 1));
    run(&place, &[]).good();
    back(&place, "out/c/image.nii", "b.nii", &[]).bad(2, &["image.nii", "whole numbers below -1", "--kind label"]);
    place.volume("l.nii", &volume(&[0i16, -1, 3], Kind::Label, 1));
    assert_eq!(back(&place, "l.nii", "b.nii", &["--json"]).good().json()["kind"], "label");
}

#[test]
fn label_maps_that_vote_meet_in_a_type_that_holds_every_label() {
    let place = Place::new();
    pipeline(&place, "nii.gz", "orientation: { axcodes: LPS }");
    let long = (1i64 << 53) + 1;
    place.volume("data/c/label.nii.gz", &volume(&[0i64, long, -1], Kind::Label, 1));
    run(&place, &[]).good();
    let model = *place.read("out/c/label.nii.gz", Kind::Label).grid();
    let size = model.voxel_count();
    let map = |name: &str, voxels: Voxels| place.volume(name, &Volume::new(voxels, model, Kind::Label, 1).unwrap());
    map("a.nii.gz", vec![long as u64; size].into());
    map("b.nii.gz", vec![-1i8; size].into());
    let arguments = ["b.nii.gz", "--kind", "label", "--json", "--weights"];
    let vote = |weights: &str| back(&place, "a.nii.gz", "v.nii.gz", &[&arguments[..], &[weights]].concat());
    for (weights, winner) in [("2,1", i128::from(long)), ("1,2", -1)] {
        vote(weights).good();
        assert!(exact(&place.read("v.nii.gz", Kind::Label)).iter().all(|label| *label == winner));
    }
    map("a.nii.gz", vec![u64::MAX; size].into());
    vote("1,1").bad(2, &["labels of all label maps range from -1 to 18446744073709551615", "no voxel type"]);
}

#[test]
fn fills_and_padding_never_become_other_values() {
    let place = Place::new();
    let t = |map: &Volume, steps: &str, more: &str| {
        place.text(
            "p.yaml",
            &format!(
                "version: 1\ninputs:\n  x: {{ kind: {}, path: \"{{case}}/x.nii\" }}\nsteps: [{steps}]\noutputs:\n  \
                 x: {{ path: \"{{case}}/x.nii\"{more} }}\ntrace: \"{{case}}/trace.json\"\n",
                map.kind()
            ),
        );
        place.volume("data/c/x.nii", map);
        run(&place, &[])
    };
    let pad = |value: &str| format!("{{ border_pad: {{ spatial_border: 1, value: {{ x: {value} }} }} }}");
    let corner = || {
        let padded = place.read("out/c/x.nii", Kind::Label);
        (padded.dtype(), exact(&padded)[0])
    };
    let long = (1u64 << 53) + 1;
    let small = volume(&[1u64, long], Kind::Label, 1);
    t(&small, &pad("-1"), "").good();
    assert_eq!(corner(), (Dtype::I64, -1));
    assert!(exact(&place.read("out/c/x.nii", Kind::Label)).contains(&long.into()));
    let large = volume(&[1u64, u64::MAX], Kind::Label, 1);
    t(&large, &pad("-1"), "").bad(1, &["no voxel type can store both -1 and the values 1 to 18446744073709551615"]);
    t(&volume(&[1u64, u64::MAX], Kind::Image, 1), &pad("-1"), "")
        .bad(1, &["no voxel type can store both -1 and the values"]);
    t(&volume(&[1u64, 1 << 53], Kind::Image, 1), &pad("-1"), "").good();
    assert_eq!(corner(), (Dtype::F64, -1));
    t(&volume(&[1.0f32, 2.0], Kind::Label, 1), &pad("16777217"), "").good();
    assert_eq!(corner(), (Dtype::F64, 16_777_217));
    t(&volume(&[1i64, 2], Kind::Label, 1), &pad("9223372036854775808"), "").good();
    assert_eq!(corner(), (Dtype::U64, 1 << 63));
    let moved = "{ affine: { translate_params: [30, 0, 0], padding: { x: -1 } } }";
    t(&small, moved, "").good();
    assert!(exact(&place.read("out/c/x.nii", Kind::Label)).contains(&-1));

    let said = t(&small, &pad(&long.to_string()), "");
    said.bad(2, &["p.yaml:4", "9007199254740993 is not exact in double precision"]);
    t(&small, "{ border_pad: { spatial_border: 1, mode: volume_maximum } }", "").good();
    assert_eq!(corner(), (Dtype::U64, long.into()));

    // On the way back: what the crop cut away gets the fill.
    let crop = "{ spatial_crop: { roi_start: [2, 2, 1], roi_end: [6, 5, 4] } }";
    t(&small, crop, "").good();
    let fill = |fill: &str, more: &[&str]| back(&place, "out/c/x.nii", "b.nii", &[&["--fill", fill], more].concat());
    fill("-1", &["--kind", "label"]).good();
    let restored = place.read("b.nii", Kind::Label);
    assert_eq!((restored.dtype(), exact(&restored)[0]), (Dtype::I64, -1));
    assert!(exact(&restored).contains(&long.into()));
    fill(&long.to_string(), &["--kind", "label"]).bad(2, &["--fill", "not exact in double precision"]);
    t(&large, crop, "").good();
    fill("-1", &["--kind", "label"]).bad(2, &["fill: no voxel type can store both -1 and the values"]);
    // Scores and images are copied too where nothing is interpolated.
    t(&volume(&[3u8, 9], Kind::Image, 1), crop, "").good();
    fill("-1024", &["--kind", "image"]).good();
    assert_eq!(exact(&place.read("b.nii", Kind::Image))[0], -1024);
    back(&place, "out/c/x.nii", "b.nii", &["--kind", "logit"]).good();
    assert_eq!(exact(&place.read("b.nii", Kind::Image))[0], -10_000);
}

#[test]
fn exchanged_labels_beyond_what_doubles_hold_stay_exact() {
    let place = Place::new();
    let long = (1i64 << 53) + 1;
    let map = volume(&[0i64, long - 1, long, 5], Kind::Label, 1);
    pipeline(&place, "nii.gz", "map_label_value: { orig_labels: [5], target_labels: [7] }");
    place.volume("data/c/label.nii.gz", &map);
    run(&place, &[]).good();
    let exchanged = exact(&place.read("out/c/label.nii.gz", Kind::Label));
    let expected: Vec<i128> = exact(&map).into_iter().map(|l| if l == 5 { 7 } else { l }).collect();
    assert_eq!(exchanged, expected);
    back(&place, "out/c/label.nii.gz", "b.nii.gz", &["--values"]).good();
    assert_eq!(exact(&place.read("b.nii.gz", Kind::Label)), exact(&map));
    // A listed label that is not exact in a trace: exchanged to the last digit, and lost for the way back.
    pipeline(&place, "nii.gz", &format!("map_label_value: {{ orig_labels: [{long}], target_labels: [1] }}"));
    run(&place, &[]).good();
    let exchanged = exact(&place.read("out/c/label.nii.gz", Kind::Label));
    let expected: Vec<i128> = exact(&map).into_iter().map(|l| if l == i128::from(long) { 1 } else { l }).collect();
    assert_eq!(exchanged, expected);
    back(&place, "out/c/label.nii.gz", "b.nii.gz", &["--values"]).bad(2, &["beyond 2^53"]);
    // Steps that compare labels in double precision refuse them.
    for step in ["keep_largest_connected_component", "label_filter: { applied_labels: 5 }", "sequential_labels"] {
        pipeline(&place, "nii.gz", step);
        run(&place, &[]).bad(1, &["the label map holds 9007199254740993", "map_label_value"]);
    }
}

#[test]
fn values_that_are_not_whole_are_no_labels() {
    let place = Place::new();
    let t = |map: &Volume| {
        pipeline(&place, "nii.gz", "orientation: { axcodes: LPS }");
        place.volume("data/c/label.nii.gz", map);
        run(&place, &[])
    };
    let parts = [
        "label.nii.gz",
        "kind is label, but",
        "values are not whole numbers",
        "0.5 at index",
        "mm RAS",
        "kind: probability",
    ];
    t(&volume(&[0.0f32, 1.0, 0.5], Kind::Label, 1)).bad(1, &parts);
    t(&volume(&[0.0f64, 1.0, 0.5], Kind::Label, 2)).bad(1, &[&parts[..], &["of channel 0"]].concat());
    // Within a thousandth they are rounded, and that is said.
    let said = t(&volume(&[0.0f32, 0.99993, 1.99987, 3.0001], Kind::Label, 1)).good();
    assert!(said.err.contains("; the first is 0.99993"), "{}", said.err);
    let mut labels = values(&place.read("out/c/label.nii.gz", Kind::Label));
    labels.sort_by(f64::total_cmp);
    labels.dedup();
    assert_eq!(labels, [0.0, 1.0, 2.0, 3.0]);
    // Predictions.
    let model = *place.read("out/c/label.nii.gz", Kind::Label).grid();
    place.volume("p.nii.gz", &volume(&[0.0f32, 1.0, 0.5], Kind::Label, 1).on_grid(model).unwrap());
    let said = back(&place, "p.nii.gz", "b.nii.gz", &["--kind", "label"]);
    said.bad(2, &["p.nii.gz", "0.5 at index", "--kind probability"]);
    back(&place, "p.nii.gz", "b.nii.gz", &[]).bad(2, &["not all are whole numbers", "--kind label"]);
    // Labels that steps name are looked for in the rounded map.
    t(&volume(&[0.0f32, 0.99993], Kind::Label, 1)).good();
    pipeline(&place, "nii.gz", "label_filter: { applied_labels: 1 }");
    run(&place, &[]).good();
    assert!(values(&place.read("out/c/label.nii.gz", Kind::Label)).contains(&1.0));
}

#[test]
fn values_beyond_0_and_1_are_no_probabilities() {
    let place = Place::new();
    let t = |map: &Volume| {
        let text = format!(
            "version: 1\ninputs:\n  x: {{ kind: {}, path: \"{{case}}/x.nii\" }}\nsteps: []\noutputs:\n  \
             x: {{ path: \"{{case}}/x.nii\" }}\ntrace: \"{{case}}/trace.json\"\n",
            map.kind()
        );
        place.text("p.yaml", &text);
        place.volume("data/c/x.nii", map);
        run(&place, &[])
    };
    let wrong = volume(&[0.25f32, 7.25, -3.5], Kind::Probability, 2);
    let parts = ["x.nii", "(from -3.5 to 7.25)", "are not between 0 and 1", "mm RAS"];
    t(&wrong).bad(1, &[&parts[..], &["kind: logit"]].concat());
    t(&volume(&[0u8, 255, 128], Kind::Probability, 1)).bad(1, &["from 0 to 255"]);
    t(&volume(&[0.0f32, 1.0004, -0.0004, 0.5], Kind::Probability, 1)).good();
    t(&volume(&[0.25f32, 7.25, -3.5], Kind::Image, 2)).good();
    back(&place, "out/c/x.nii", "b.nii", &["--kind", "probability"]).bad(2, &[&parts[..], &["--kind logit"]].concat());
    back(&place, "out/c/x.nii", "b.nii", &["--kind", "logit"]).good();
}

/// A map with a large label 1, a line of label 2 of one voxel's width, and a block of label 3 in a corner.
fn thin() -> Volume {
    let grid = Grid::new([16, 14, 12], *grid().affine()).unwrap();
    let [nx, ny, nz] = grid.shape();
    let mut voxels = vec![0u8; nx * ny * nz];
    for (i, v) in voxels.iter_mut().enumerate() {
        let (x, y, z) = (i % nx, i / nx % ny, i / (nx * ny));
        if (3..12).contains(&x) && (3..11).contains(&y) && (2..9).contains(&z) {
            *v = 1;
        }
        if x == 7 && y == 5 && (3..8).contains(&z) {
            *v = 2;
        }
        if x > 11 && y > 9 && z > 7 {
            *v = 3;
        }
    }
    Volume::new(voxels.into(), grid, Kind::Label, 1).unwrap()
}

/// What `run --json` says of labels that vanished: label, voxels before.
fn vanished(said: &Value) -> Vec<(i64, u64)> {
    let all = said.as_array().unwrap();
    all.iter().map(|v| (v["label"].as_i64().unwrap(), v["before"].as_u64().unwrap())).collect()
}

#[test]
fn labels_that_spatial_steps_lose_are_named() {
    let place = Place::new();
    place.volume("data/c/label.nii.gz", &thin());
    let t = |steps: &str, lost: &[(i64, u64)]| {
        pipeline(&place, "nii.gz", steps);
        let said = run(&place, &["--json"]).good();
        assert_eq!(vanished(&said.json()["cases"][0]["vanished"]), lost, "{steps}: {}", said.err);
        for (label, before) in lost {
            let part = format!("label {label} ({before} voxels before, 0 after)");
            assert!(said.err.contains(&part) && said.err.contains("case c: label:"), "{part}: {}", said.err);
        }
        assert_eq!(said.err.contains("lost"), !lost.is_empty(), "{}", said.err);
    };
    const COARSE: &str = "{ resize: { spatial_size: [4, 4, 3] } }";
    const CROP: &str = "{ spatial_crop: { roi_start: [1, 1, 1], roi_end: [12, 10, 8] } }";
    t("orientation: { axcodes: PSL }", &[]);
    t("{ spacing: { pixdim: 0.6 } }", &[]);
    t(COARSE, &[(2, 5)]);
    t(CROP, &[(3, 64)]);
    t(&format!("{CROP}, {COARSE}"), &[(2, 5), (3, 64)]);
    // Before a step of values as well as after it, and never what that step removes.
    t(&format!("{CROP}, {{ label_filter: {{ applied_labels: [1, 2] }} }}, {COARSE}"), &[(3, 64), (2, 5)]);
    t("{ label_filter: { applied_labels: 1 } }", &[]);
    t(&format!("{{ remove_labels: {{ labels: [2, 3] }} }}, {COARSE}"), &[]);
    t("{ remove_small_objects: { min_size_voxels: 9 } }, { flip: { spatial_axis: 0 } }", &[]);
    // A patch leaves labels out by intention.
    t("{ rand_spatial_crop: { roi_size: [2, 2, 2], random_size: false } }", &[]);
    t("{ grid_patch: { patch_size: [4, 4, 4] } }", &[]);
    // Two thirds of a voxel more, and it is there.
    t("{ resize: { spatial_size: [16, 14, 12] } }", &[]);
}

#[test]
fn labels_that_a_prediction_loses_are_named() {
    let place = Place::new();
    let map = thin();
    place.volume("data/c/label.nii.gz", &map);
    pipeline(&place, "nii.gz", "{ resize: { spatial_size: [64, 56, 48] } }");
    run(&place, &[]).good();
    let fine = place.read("out/c/label.nii.gz", Kind::Label);
    let (model, size) = (*fine.grid(), fine.grid().voxel_count());
    let dot = |at: usize, kind: Kind, channels: usize| {
        let mut voxels = vec![1u8; size * channels];
        voxels[at] = 9;
        Volume::new(voxels.into(), model, kind, channels).unwrap()
    };
    place.volume("dot.nii.gz", &dot(size / 2, Kind::Label, 1));
    let said = back(&place, "dot.nii.gz", "b.nii.gz", &["--json"]).good();
    assert_eq!(said.json()["vanished"], json!([{ "label": 9, "channel": 0, "before": 1, "after": 0 }]));
    assert!(said.err.contains("labels lost on the way back: label 9 (1 voxel before, 0 after)"), "{}", said.err);
    // Of several channels the one is named, of several maps none that another one keeps.
    place.volume("dots.nii.gz", &dot(size + size / 2, Kind::Label, 2));
    let said = back(&place, "dots.nii.gz", "b.nii.gz", &["--kind", "label", "--json"]).good();
    assert_eq!(said.json()["vanished"], json!([{ "label": 9, "channel": 1, "before": 1, "after": 0 }]));
    assert!(said.err.contains("label 9 of channel 1"), "{}", said.err);
    let said = back(&place, "out/c/label.nii.gz", "b.nii.gz", &["--json"]).good();
    assert_eq!(said.json()["vanished"], json!([]));
    let with = ["--with", "out/c/trace.json", "dot.nii.gz", "--kind", "label", "--json"];
    assert_eq!(back(&place, "out/c/label.nii.gz", "b.nii.gz", &with).good().json()["vanished"], json!([]));
}

#[test]
fn inputs_that_nothing_comes_of_are_named() {
    let place = Place::new();
    place.text(
        "p.yaml",
        "version: 1\ninputs:\n  image: { kind: image, path: \"{case}/image.nii\" }\n  seg: { kind: label, path: \
         \"{case}/seg.nii\" }\nsteps: [{ orientation: { axcodes: LPS } }]\noutputs:\n  image: { path: \
         \"{case}/image.nii\" }\ntrace: \"{case}/trace.json\"\n",
    );
    place.volume("data/c/image.nii", &volume(&[1i16, 2, 3], Kind::Image, 1));
    place.volume("data/c/seg.nii", &volume(&[1u8, 2, 3], Kind::Label, 1));
    for said in [run(&place, &[]).good(), place.revoxel(&["plan", "p.yaml", "--data", "data"]).good()] {
        assert!(said.err.contains("the input \"seg\" is not used by any step"), "{}", said.err);
        assert!(!said.err.contains("\"image\""), "{}", said.err);
    }
}
