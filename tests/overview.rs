//! `plan --data`: what a run will do to each case of a dataset, before it does it.

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Dtype, Grid, Kind, Volume};
use serde_json::Value;

use crate::support::Place;

const PIPELINE: &str = "version: 1\ninputs:\n  image: { kind: image, path: \"images/{case}.nii.gz\" }\n  \
                        label: { kind: label, path: \"labels/{case}.nii.gz\", optional: true }\nsteps:\n  \
                        - orientation: { axcodes: RAS }\n  - spacing: { pixdim: 1.5 }\n  \
                        - crop_foreground: { source: image, above: 0 }\n  \
                        - resize_with_pad_or_crop: { spatial_size: [24, 20, 16] }\noutputs:\n  \
                        image: { path: \"{case}/image.nii.gz\", dtype: float32 }\n  \
                        label: { path: \"{case}/label.nii.gz\" }\ntrace: \"{case}/trace.json\"\n";

/// Cases of different shapes, mirrored and with axes in another order; number 3 has thick slices.
fn dataset(place: &Place, count: usize) {
    place.text("p.yaml", PIPELINE);
    for number in 0..count {
        let mm = if number == 3 { -12.0 } else { -2.0 };
        let rows = [[0.0, 0.75, 0.0, 12.5], [-0.75, 0.0, 0.0, -30.0], [0.0, 0.0, mm, 40.25]];
        let grid = Grid::new([30 + number, 26, 14], Affine::from_rows(rows)).unwrap();
        let image = Draw::new(number as u64).volume(grid, Kind::Image, 1).cast(Dtype::I16);
        place.volume(&format!("data/images/c{number}.nii.gz"), &image);
        place.volume(&format!("data/labels/c{number}.nii.gz"), &Draw::new(7).volume(grid, Kind::Label, 1));
    }
}

fn three(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect()
}

#[test]
fn each_case_has_a_line_and_the_shape_of_a_last_step_is_known() {
    let place = Place::new();
    dataset(&place, 6);
    let said = place.revoxel(&["plan", "p.yaml", "--data", "data"]).good();
    let line = said.out.lines().find(|line| line.starts_with("c3 ")).unwrap();
    let cells: Vec<&str> = line.split_whitespace().take(8).collect();
    assert_eq!(cells, ["c3", "33×26×14", "0.75×0.75×12", "PRI", "24×20×16", "1.5×1.5×1.5", "RAS", "lossy"]);
    for part in ["c3: voxels of 12 mm along S/I; the median is 2 mm", "axes: PRI 6", "int16 6", "all cases: about "] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    // One case is shown with its steps, and what it needs.
    let alone = place.revoxel(&["plan", "p.yaml", "--data", "data", "--case", "c1"]).good().out;
    assert!(alone.contains("resize_with_pad_or_crop    24×20×16, 1.5000×1.5000×1.5000 mm, RAS, place dep"), "{alone}");
    assert!(alone.contains("\n  needs at most ") && !alone.contains("unlike most"), "{alone}");
    let steps = place.revoxel(&["plan", "p.yaml", "--data", "data", "--steps"]).good().out;
    assert_eq!(steps.matches("place depends on voxels").count(), 6 * 4);
}

#[test]
fn what_is_planned_is_what_a_run_writes() {
    let place = Place::new();
    dataset(&place, 5);
    let plan = place.revoxel(&["plan", "p.yaml", "--data", "data", "--json"]).good().json();
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    let (mut planned, mut written) = (0.0, 0.0);
    for case in plan["plans"].as_array().unwrap() {
        let name = case["like"].as_str().unwrap();
        assert_eq!(case["result"]["image"], Value::Null);
        let outline = &case["outlines"]["image"];
        let grid = *place.read(&format!("out/{name}/image.nii.gz"), Kind::Image).grid();
        assert_eq!(three(&outline["shape"]), grid.shape().map(|n| n as f64));
        assert_eq!(outline["orientation"], grid.orientation().to_string());
        assert!(three(&outline["spacing_mm"]).iter().zip(grid.spacing()).all(|(a, b)| (a - b).abs() < 1e-6));
        assert_eq!(case["estimate"]["fidelity"], "lossy");
        planned += case["estimate"]["written_bytes"].as_f64().unwrap();
        for file in ["image", "label"] {
            written += std::fs::metadata(place.path(&format!("out/{name}/{file}.nii.gz"))).unwrap().len() as f64;
        }
    }
    let total = plan["overview"]["total"]["written_bytes"].as_f64().unwrap();
    assert!((total - planned).abs() < 1.0, "{total} {planned}");
    assert!((0.2..5.0).contains(&(planned / written)), "{planned} planned, {written} written");
    let spread = &plan["overview"]["spread"];
    // Axis 0 of the files points to the back.
    assert_eq!(three(&spread["voxels"]["min"]), [26.0, 30.0, 14.0]);
    assert_eq!(three(&spread["voxels"]["max"]), [26.0, 34.0, 14.0]);
    assert_eq!(three(&spread["voxel_mm"]["max"]), [0.75, 0.75, 12.0]);
    assert_eq!(plan["overview"]["outliers"][0]["case"], "c3");
}

#[test]
fn damaged_voxels_are_found_before_a_run() {
    let place = Place::new();
    dataset(&place, 3);
    let path = place.path("data/labels/c1.nii.gz");
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 8;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    // The header is whole.
    place.revoxel(&["plan", "p.yaml", "--data", "data"]).good();
    let said = place.revoxel(&["plan", "p.yaml", "--data", "data", "--verify"]).told(2);
    assert!(said.err.contains("1 case cannot run") && said.err.contains("case c1: "), "{}", said.err);
    assert!(said.err.contains("labels/c1.nii.gz") && said.err.contains("checksum"), "{}", said.err);
    assert!(said.out.lines().any(|l| l.starts_with("c2 ")) && !said.out.lines().any(|l| l.starts_with("c1 ")));
    let document = place.revoxel(&["plan", "p.yaml", "--data", "data", "--verify", "--json"]).told(2).json();
    assert_eq!(document["failures"][0]["case"], "c1");
    assert_eq!(document["plans"].as_array().unwrap().len(), 2);
}

#[test]
fn memory_that_a_case_cannot_keep_is_refused_in_the_plan_and_by_the_run() {
    let place = Place::new();
    dataset(&place, 2);
    let arguments = ["p.yaml", "--data", "data", "--memory", "20k"];
    let plan = place.revoxel(&[&["plan"], &arguments[..]].concat()).told(2);
    let run = place.revoxel(&[&["run", "--out", "out"], &arguments[..]].concat()).told(2);
    for said in [plan, run] {
        assert!(said.err.contains("case c0: ") && said.err.contains("only 20.0 KiB may be taken"), "{}", said.err);
        assert!(said.err.contains("--memory SIZE"), "{}", said.err);
    }
    assert!(!place.path("out").exists());
    place.revoxel(&["plan", "p.yaml", "--data", "data", "--memory", "1M"]).good();
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out", "--memory", "1M"]).good();
}

/// A volume in a plan of two inputs that lie on grids of their own.
#[test]
fn inputs_on_their_own_grids_have_lines_of_their_own() {
    let place = Place::new();
    let grid = |n: usize, mm: f64| Grid::new([n, n + 1, n + 2], Affine::scaling([mm, mm, 2.0 * mm])).unwrap();
    for case in ["a", "b"] {
        let volume = |grid: Grid| -> Volume { Draw::new(3).volume(grid, Kind::Image, 1).cast(Dtype::I16) };
        place.volume(&format!("data/{case}_ct.nii.gz"), &volume(grid(12, 0.5)));
        place.volume(&format!("data/{case}_pet.nii.gz"), &volume(grid(6, 2.0)));
    }
    place.text(
        "p.yaml",
        "version: 1\ninputs:\n  pet: { kind: image, path: \"{case}_pet.nii.gz\" }\n  \
         ct: { kind: image, path: \"{case}_ct.nii.gz\", grid: own }\nsteps:\n  - flip: { spatial_axis: 0, keys: [ct] }\n  \
         - spacing: { pixdim: 1, keys: [pet] }\noutputs:\n  ct: { path: \"{case}_ct.nii\" }\n  \
         pet: { path: \"{case}_pet.nii\" }\ntrace: \"{case}.json\"\n",
    );
    let said = place.revoxel(&["plan", "p.yaml", "--data", "data"]).good().out;
    let of = |name: &str| {
        let line = said.lines().find(|line| line.trim_start().starts_with(&format!("{name} "))).unwrap();
        line.split_whitespace().skip(1).take(7).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of("a"), "6×7×8 2×2×4 RAS 11×13×29 1×1×1 RAS lossy");
    assert_eq!(of("ct"), "12×13×14 0.5×0.5×1 RAS 12×13×14 0.5×0.5×1 LAS exact");
}

#[test]
fn a_box_in_the_world_has_no_known_shape_behind_a_crop_that_depends_on_voxels() {
    let place = Place::new();
    dataset(&place, 2);
    let text =
        PIPELINE.replace("outputs:", "  - spatial_crop: { center_mm: [5, 5, 5], size_mm: 8, frame: RAS }\noutputs:");
    place.text("p.yaml", &text);
    let said = place.revoxel(&["plan", "p.yaml", "--data", "data", "--case", "c1"]).good().out;
    assert!(
        said.contains("spatial_crop               1.5000×1.5000×1.5000 mm, RAS, place depends on voxels"),
        "{said}"
    );
    let plan = place.revoxel(&["plan", "p.yaml", "--data", "data", "--json"]).good().json();
    for case in plan["plans"].as_array().unwrap() {
        assert!(case["outlines"]["image"]["shape"].is_null(), "{case}");
        assert_eq!(case["outlines"]["image"]["orientation"], "RAS");
    }
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "o", "--shard", "9/99999999999"]).told(2);
}

#[test]
fn outputs_with_one_data_file_are_refused_before_a_run() {
    let place = Place::new();
    dataset(&place, 2);
    let t = |image: &str, label: &str, file: &str| {
        let text = PIPELINE.replace("{case}/image.nii.gz\", dtype", &format!("{image}\", dtype"));
        place.text("p.yaml", &text.replace("\"{case}/label.nii.gz\"", &format!("\"{label}\"")));
        let parts = ["the output \"label\"", "would both write", file, "another name or ending"];
        for data in [&[][..], &["--data", "data"]] {
            place.revoxel(&[&["plan", "p.yaml"], data].concat()).bad(2, &parts);
        }
        place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).bad(2, &parts);
        assert!(!place.path("out").exists());
    };
    t("{case}/x.mhd", "{case}/x.nhdr", "\"{case}/x.raw\"");
    t("{case}.nhdr", "{case}.mhd", "\"{case}.raw\"");
    t("{case}/x.img", "{case}/x.hdr", "\"{case}/x.");
    // Another folder is another file.
    let text = PIPELINE.replace("{case}/image.nii.gz\", dtype", "{case}/i/x.mhd\", dtype");
    place.text("p.yaml", &text.replace("{case}/label.nii.gz\" }\ntrace", "{case}/l/x.nhdr\" }\ntrace"));
    place.revoxel(&["plan", "p.yaml", "--data", "data"]).good();
}
