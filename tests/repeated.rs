//! `run --from-trace`: a case again, from its trace and its files alone.

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Dtype, Grid, Kind, Volume};
use serde_json::Value;

use crate::support::Place;

fn image(seed: u64) -> Volume {
    let rows = [[0.25, -1.5, 0.5, 12.5], [-1.25, -0.25, 0.0, -30.0], [0.0, 0.25, -2.5, 40.25]];
    let grid = Grid::new([9, 8, 7], Affine::from_rows(rows)).unwrap();
    Draw::new(seed).volume(grid, Kind::Image, 1).cast(Dtype::I16)
}

/// Two subjects with two channels each, random steps, a matrix from a file, and two copies of each case.
fn dataset(place: &Place) {
    for (number, sub) in ["a", "b"].iter().enumerate() {
        for channel in ["t1", "t2"] {
            let seed = (number * 10 + usize::from(channel == "t2")) as u64;
            place.volume(&format!("data/sub-{sub}/{channel}.nii.gz"), &image(seed));
        }
    }
    place.text("p/turn.txt", "0 -1 0 2\n1 0 0 -3\n0 0 1 0.5\n0 0 0 1\n");
    place.text(
        "p/p.yaml",
        "version: 1\ndescription: not in the trace\nvars: { mm: 1.5 }\nseed: 5\ncopies: 2\ninputs:\n  \
         image: { kind: image, path: [\"sub-{sub}/t1.nii.gz\", \"sub-{sub}/t2.nii.gz\"] }\nsteps:\n  \
         - spacing: { pixdim: \"${mm}\" }\n  - affine: { file: turn.txt, frame: RAS }\n  \
         - rand_affine: { prob: 1, rotate_range: [0.2] }\n  - rand_gaussian_noise: { prob: 1 }\noutputs:\n  \
         image: { path: \"{sub}/{copy}.nii.gz\" }\ntrace: \"{sub}/{copy}.json\"\n",
    );
}

fn trace(place: &Place, path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(place.path(path)).unwrap()).unwrap()
}

#[test]
fn a_trace_and_its_files_are_all_that_is_needed() {
    let place = Place::new();
    dataset(&place);
    let run = ["run", "p/p.yaml", "--data", "data", "--out", "out", "--seed", "9", "--set", "vars.mm=2"];
    place.revoxel(&run).good();
    std::fs::remove_dir_all(place.path("p")).unwrap();
    let traces = ["out/b/1.json", "out/a/0.json"];
    let again = ["run", "--from-trace", traces[0], "--from-trace", traces[1], "--data", "data", "--out", "again"];
    let said = place.revoxel(&again).good();
    assert!(said.err.contains("2 cases: the same as before, bit for bit"), "{}", said.err);
    for file in ["b/1.nii.gz", "b/1.json", "a/0.nii.gz", "a/0.json"] {
        let bytes = |folder: &str| std::fs::read(place.path(&format!("{folder}/{file}"))).unwrap();
        assert!(bytes("out") == bytes("again"), "{file}");
    }
    assert!(!place.path("again/a/1.json").exists());
    let first = trace(&place, traces[0]);
    assert_eq!((&first["fields"]["sub"], &first["pipeline"]["document"]["seed"]), (&"b".into(), &9.into()));
    assert!(first["pipeline"]["document"].get("description").is_none());
    // A result that is not the same is told.
    let text = std::fs::read_to_string(place.path(traces[0])).unwrap();
    let hash = first["volumes"]["image"]["result"]["hash"].as_str().unwrap();
    place.text("other.json", &text.replace(hash, &hash.replace(['0', '1'], "2")));
    let other = ["run", "--from-trace", "other.json", "--data", "data", "--out", "third", "--json"];
    let said = place.revoxel(&other).told(1);
    assert!(said.err.contains("case sub-b/1: not the same as before: image"), "{}", said.err);
    assert_eq!(said.json()["cases"][0]["same"], false);
}

#[test]
fn what_cannot_be_repeated_is_refused_and_nothing_is_written() {
    let place = Place::new();
    dataset(&place);
    place.revoxel(&["run", "p/p.yaml", "--data", "data", "--out", "out"]).good();
    let text = std::fs::read_to_string(place.path("out/a/0.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut document = document.clone();
        change(&mut document);
        place.text("t.json", &document.to_string());
        place.revoxel(&["run", "--from-trace", "t.json", "--data", "data", "--out", "again"]).told(2).err
    };
    let no_pipeline = |d: &mut Value| drop(d["pipeline"].as_object_mut().unwrap().remove("document"));
    let said = changed(&no_pipeline);
    assert!(said.contains("it does not hold its pipeline: run the pipeline file itself"), "{said}");
    let said = changed(&|d| d["pipeline"]["document"]["steps"][0]["spacing"]["pixdim"] = 3.into());
    assert!(said.contains("its pipeline is not the one that its hash is of"), "{said}");
    let said = changed(&|d| d["results"] = 1.into());
    assert!(said.contains("results 1 of the program"), "{said}");
    let said = changed(&|d| d["volumes"]["image"]["source"]["path"] = "../data/sub-a/t1.nii.gz".into());
    assert!(said.contains("outside the data folder") && said.contains("--allow-outside"), "{said}");
    for arguments in [&["--seed", "4"][..], &["--case", "a"], &["p/p.yaml"]] {
        let all = [&["run", "--from-trace", "out/a/0.json", "--data", "data", "--out", "again"], arguments].concat();
        place.revoxel(&all).bad(2, &["--from-trace", "cannot be used with"]);
    }
    // The second channel is another file now.
    place.volume("data/sub-a/t2.nii.gz", &image(77));
    let again = ["run", "--from-trace", "out/a/0.json", "--data", "data", "--out", "again"];
    place.revoxel(&again).bad(2, &["sub-a/t1.nii.gz is not", "file that the trace was made of"]);
    std::fs::remove_file(place.path("data/sub-a/t1.nii.gz")).unwrap();
    place.revoxel(&again).bad(2, &["missing input: image", "sub-a/t1.nii.gz"]);
    assert!(!place.path("again").exists());
}

#[test]
fn traces_lead_to_no_other_place() {
    let place = Place::new();
    dataset(&place);
    place.revoxel(&["run", "p/p.yaml", "--data", "data", "--out", "out"]).good();
    place.volume("secret.nii.gz", &image(1));
    let text = std::fs::read_to_string(place.path("out/a/0.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let before = place.files();
    let refused = |change: &dyn Fn(&mut Value), parts: &[&str]| {
        let mut document = document.clone();
        change(&mut document);
        place.text("t.json", &document.to_string());
        let run = ["run", "--from-trace", "t.json", "--data", "data", "--out", "again/deep"];
        place.revoxel(&run).bad(2, parts);
        std::fs::remove_file(place.path("t.json")).unwrap();
        assert_eq!(place.files(), before);
    };
    for case in ["../../evil", "", "..", "/evil", "x/../sub-a"] {
        refused(&|d| d["case"] = case.into(), &["case is", "cannot be a part of a file name"]);
        refused(&|d| d["fields"]["sub"] = case.into(), &["sub is", "cannot be a part of a file name"]);
    }
    refused(&|d| drop(d.as_object_mut().unwrap().remove("fields")), &["fields has no \"sub\""]);
    refused(&|d| drop(d.as_object_mut().unwrap().remove("copy")), &["copy is None"]);
    refused(&|d| d["copy"] = 2.into(), &["copy is Some(2)"]);
    refused(&|d| d["pipeline"]["seed"] = 6.into(), &["its seed is Some(6), and that of its pipeline 5"]);
    refused(&|d| d["volumes"]["image"]["kind"] = "label".into(), &["its kind is label"]);
    refused(&|d| drop(d["volumes"].as_object_mut().unwrap().remove("image")), &["volumes"]);
    // The other channel is a part of the source.
    refused(
        &|d| d["volumes"]["image"]["source"]["parts"][0]["path"] = "../../secret.nii.gz".into(),
        &["../../secret.nii.gz lies outside the data folder", "--allow-outside"],
    );
}

#[test]
fn status_counts_the_copies_that_were_asked_for_alone() {
    let place = Place::new();
    dataset(&place);
    place.revoxel(&["run", "p/p.yaml", "--data", "data", "--out", "out"]).good();
    let again = |traces: &[&str]| {
        let traces: Vec<&str> = traces.iter().flat_map(|trace| ["--from-trace", *trace]).collect();
        place.revoxel(&[&["run"], &traces[..], &["--data", "data", "--out", "again", "--overwrite"]].concat()).good();
        place.revoxel(&["status", "again", "--json"])
    };
    let cases = |report: &Value| {
        let case = |case: &Value| format!("{} {}", case["case"].as_str().unwrap(), case["state"].as_str().unwrap());
        report["cases"].as_array().unwrap().iter().map(case).collect::<Vec<_>>()
    };
    let report = again(&["out/a/1.json", "out/b/0.json"]).good().json();
    assert_eq!(cases(&report), ["sub-a/1 done", "sub-b/0 done"]);
    // What later runs were asked for is asked for as well.
    let report = again(&["out/a/0.json", "out/a/1.json"]).good().json();
    assert_eq!(cases(&report), ["sub-a/0 done", "sub-a/1 done", "sub-b/0 done"]);
    std::fs::remove_file(place.path("again/a/0.json")).unwrap();
    std::fs::remove_file(place.path("again/a/0.nii.gz")).unwrap();
    let said = place.revoxel(&["status", "again"]).told(1).out;
    assert!(said.contains("case sub-a/0: missing: the run ended at ") && !said.contains("b/1"), "{said}");
}
