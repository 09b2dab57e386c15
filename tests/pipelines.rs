//! Every shipped pipeline: planned, run on the phantom, inverted; plans, traces and voxels as snapshots.

use revoxel_core::Kind;
use revoxel_runner::phantom::phantom;

use crate::support::{Place, Said, root};

/// Where each shipped pipeline expects image and label of a case `p`, and what predictions are compared with.
const LAYOUTS: [(&str, &str, &str, f64); 4] = [
    ("augment-ct", "images/p.nii.gz", "labels/p.nii.gz", 0.9),
    ("ct-1mm", "images/p.nii.gz", "labels/p.nii.gz", 0.99),
    ("brain-t1-1mm", "p/t1.nii.gz", "p/label.nii.gz", 0.99),
    ("msd-segmentation", "imagesTr/p.nii.gz", "labelsTr/p.nii.gz", 0.95),
];

#[test]
fn every_shipped_pipeline_is_listed_here() {
    let mut found: Vec<String> = std::fs::read_dir(root().join("pipelines"))
        .unwrap()
        .map(|e| e.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| !name.ends_with(".snapshot"))
        .collect();
    found.sort();
    let mut listed: Vec<&str> = LAYOUTS.iter().map(|l| l.0).collect();
    listed.sort_unstable();
    assert_eq!(found, listed);
}

/// Runs a shipped pipeline on the phantom.
fn run(name: &str, image: &str, label: &str) -> (Place, String, Said) {
    let place = Place::new();
    let (scan, labels) = phantom().unwrap();
    place.volume(&format!("data/{image}"), &scan);
    place.volume(&format!("data/{label}"), &labels);
    let pipeline = root().join(format!("pipelines/{name}.yaml")).to_string_lossy().into_owned();
    let said = place.revoxel(&["run", &pipeline, "--data", "data", "--out", "out", "--json"]).good();
    (place, pipeline, said)
}

fn check(name: &str) {
    let (_, image, label, dice) = LAYOUTS.into_iter().find(|l| l.0 == name).unwrap();
    let (place, pipeline, said) = run(name, image, label);
    let plan = place.revoxel(&["plan", &pipeline, "--data", "data", "--steps"]).good().out;
    // What it needs depends on the machine.
    let plan: String = plan.split_inclusive('\n').filter(|line| !line.starts_with("  needs at most ")).collect();
    insta::assert_snapshot!(format!("{name}-plan"), plan);

    let report = said.json();
    let files: Vec<&str> = report["cases"][0]["files"].as_array().unwrap().iter().filter_map(|f| f.as_str()).collect();
    let trace_file = files.iter().find(|f| f.ends_with(".json")).unwrap();
    let text = std::fs::read_to_string(place.path(trace_file)).unwrap();
    let mut trace: serde_json::Value = serde_json::from_str(&text).unwrap();
    trace["tool"] = "revoxel VERSION".into();
    for volume in trace["volumes"].as_object_mut().unwrap().values_mut() {
        // The bytes of a compressed file may change with the compressor; voxels are hashed below.
        volume["source"]["hash"] = "HASH".into();
        volume["source"]["stamp"] = "STAMP".into();
        if let Some(hash) = volume["result"].get_mut("hash") {
            *hash = "HASH".into();
        }
        for step in volume["steps"].as_array_mut().unwrap() {
            for op in step["ops"].as_array_mut().unwrap() {
                // Hundreds of numbers, which the hashes of the voxels stand for.
                if let Some(points) = op.pointer("/warp/displacements").map(|d| d.as_array().unwrap().len()) {
                    op["warp"]["displacements"] = format!("OF {points} POINTS").into();
                }
            }
        }
    }
    insta::assert_json_snapshot!(format!("{name}-trace"), trace);

    let hashes: Vec<String> = files
        .iter()
        .filter(|f| !f.ends_with(".json"))
        .map(|f| {
            let volume = place.read(f, Kind::Image);
            format!("{f}: {} {}", volume.dtype(), blake3::hash(volume.voxels().bytes()).to_hex())
        })
        .collect();
    insta::assert_snapshot!(format!("{name}-voxels"), hashes.join("\n"));

    // The label that came out, as a prediction, goes back.
    let prediction = files.iter().find(|f| f.contains("label")).unwrap();
    place.revoxel(&["invert", trace_file, prediction, "-o", "back.nii.gz"]).good();
    let compared = place.revoxel(&["compare", "back.nii.gz", &format!("data/{label}"), "--json"]).json();
    assert_eq!(compared["geometry"], "identical");
    for (label, found) in compared["values"]["dice"].as_object().unwrap() {
        assert!(found.as_f64().unwrap() >= dice, "{name}, label {label}: {found}");
    }
}

#[test]
fn ct_1mm() {
    check("ct-1mm");
}

#[test]
fn augment_ct() {
    check("augment-ct");
}

#[test]
fn brain_t1_1mm() {
    check("brain-t1-1mm");
}

#[test]
fn msd_segmentation() {
    check("msd-segmentation");
}
