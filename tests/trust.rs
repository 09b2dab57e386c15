//! Runs that can be trusted: what is done, what is done again and why, and what is left where a run ends badly.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Grid, Kind, Volume};
use serde_json::{Value, json};

use crate::support::{Place, Said, values};

const PIPELINE: &str = "version: 1
inputs:
  image: { kind: image, path: \"{case}/image.nii.gz\" }
  label: { kind: label, path: \"{case}/label.mhd\", optional: true }
seed: 1
steps:
  - orientation: { axcodes: PIR }
  - rand_gaussian_noise: { prob: 1, std: 20, keys: [image] }
  - spacing: { pixdim: [1, 1, 1.5] }
outputs:
  image: { path: \"{case}/image.nii.gz\" }
  label: { path: \"{case}/label.mhd\" }
trace: \"{case}/trace.json\"
";

fn grid() -> Grid {
    let rows = [[0.25, -1.5, 0.5, 12.5], [-1.25, -0.25, 0.0, -30.0], [0.0, 0.25, -2.5, 40.25]];
    Grid::new([13, 11, 9], Affine::from_rows(rows)).unwrap()
}

fn image(place: &Place, name: &str, seed: u64) -> Volume {
    let volume = Draw::new(seed).volume(grid(), Kind::Image, 1);
    place.volume(&format!("data/{name}"), &volume);
    volume
}

fn label(place: &Place, name: &str, seed: u64) {
    let voxels: Vec<u8> = (0..grid().voxel_count()).map(|i| (i as u64 * i as u64 / 7 % (3 + seed)) as u8).collect();
    let volume = Volume::new(voxels.into(), grid(), Kind::Label, 1).unwrap();
    place.volume(&format!("data/{name}"), &volume);
}

/// Three cases, one without labels.
fn dataset() -> Place {
    let place = Place::new();
    place.text("p.yaml", PIPELINE);
    for (number, case) in ["a", "b", "c"].iter().enumerate() {
        image(&place, &format!("{case}/image.nii.gz"), number as u64);
    }
    ["a", "b"].iter().for_each(|case| label(&place, &format!("{case}/label.mhd"), 1));
    place
}

fn run(place: &Place, more: &[&str]) -> Said {
    place.revoxel(&[&["run", "p.yaml", "--data", "data", "--out", "out"], more].concat())
}

/// The files of a folder with their content.
fn contents(place: &Place, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let before = format!("{folder}/");
    let files = place.files().into_iter().filter(|file| file.starts_with(&before));
    files.map(|file| (file[before.len()..].to_owned(), fs::read(place.path(&file)).unwrap())).collect()
}

/// The cases that `--resume=check` says are not done, with the reason.
fn not_done(place: &Place, more: &[&str]) -> BTreeMap<String, String> {
    let before = contents(place, "out");
    let said = run(place, &[&["--resume=check", "--json"], more].concat());
    assert_eq!(before, contents(place, "out"));
    let document = said.json();
    let rows = document["cases"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let is_done = |row: &Value| row["outcome"] == "done" || row["outcome"] == "left_out";
    let left: BTreeMap<_, _> =
        rows.filter(|row| !is_done(row)).map(|row| (text(&row["case"]), text(&row["problem"]))).collect();
    assert_eq!(said.code, i32::from(!left.is_empty()), "{said:?}");
    left
}

/// Resumes, which does exactly these cases again for this reason, and gives what a run into a new folder gives.
fn is_done_again(place: &Place, cases: &[&str], why: &str, more: &[&str]) {
    let left = not_done(place, more);
    assert_eq!(left.keys().map(String::as_str).collect::<Vec<_>>(), cases, "{why}: {left:?}");
    assert!(left.values().all(|said| said.contains(why)), "{why}: {left:?}");
    let said = run(place, &[&["--resume"], more].concat()).good();
    for case in cases {
        let line = said.err.lines().find(|line| line.starts_with(&format!("case {case}: run again, because ")));
        assert!(line.is_some_and(|line| line.contains(why)), "{why}: {}", said.err);
    }
    let fresh = ["run", "p.yaml", "--data", "data", "--out", "fresh", "--overwrite"];
    place.revoxel(&[&fresh, more].concat()).good();
    assert_eq!(contents(place, "out"), contents(place, "fresh"), "{why}");
    assert!(not_done(place, more).is_empty());
}

#[test]
fn a_case_is_done_only_while_everything_is_what_it_was() {
    let place = dataset();
    run(&place, &[]).good();
    assert!(not_done(&place, &[]).is_empty());
    let all = ["a", "b", "c"];
    is_done_again(&place, &all, "the seed was 1 and is now 7", &["--seed", "7"]);
    is_done_again(&place, &all, "the seed was 7 and is now 1", &[]);
    place.text("p.yaml", &PIPELINE.replace("1, 1, 1.5", "1, 1, 2"));
    is_done_again(&place, &all, "the pipeline has changed", &[]);
    is_done_again(&place, &all, "the pipeline has changed", &["--set", "steps.2.spacing.rule=torchio"]);
    place.text("p.yaml", PIPELINE);
    is_done_again(&place, &all, "the pipeline has changed", &[]);
    is_done_again(&place, &all, "without snapping, and now with it", &["--snap"]);
    is_done_again(&place, &all, "with snapping, and now without it", &[]);
    // Inputs: another image, other values of a header, an input more, an input less.
    image(&place, "b/image.nii.gz", 9);
    is_done_again(&place, &["b"], "b/image.nii.gz has changed", &[]);
    let times = fs::metadata(place.path("data/a/label.mhd")).unwrap().modified().unwrap();
    let data = place.path("data/a").join("label.zraw");
    label(&place, "a/label.mhd", 2);
    assert!(data.exists());
    for file in [data, place.path("data/a/label.mhd")] {
        fs::File::options().write(true).open(file).unwrap().set_modified(times - Duration::from_secs(86400)).unwrap();
    }
    is_done_again(&place, &["a"], "a/label.mhd has changed", &[]);
    label(&place, "c/label.mhd", 1);
    is_done_again(&place, &["c"], "its inputs were image and are now image, label", &[]);
    // Outputs: changed, gone, the data file of a header.
    let flip = |name: &str| {
        let mut bytes = fs::read(place.path(name)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(place.path(name), bytes).unwrap();
    };
    flip("out/a/image.nii.gz");
    is_done_again(&place, &["a"], "image.nii.gz has changed since it was written", &[]);
    flip("out/b/label.zraw");
    is_done_again(&place, &["b"], "label.zraw has changed since it was written", &[]);
    fs::remove_file(place.path("out/c/label.mhd")).unwrap();
    is_done_again(&place, &["c"], "label.mhd is missing", &[]);
    // The trace: empty, cut off, of another case, of other results.
    let trace = |edit: &dyn Fn(&str) -> String| {
        let path = place.path("out/b/trace.json");
        fs::write(&path, edit(&fs::read_to_string(&path).unwrap())).unwrap();
    };
    trace(&|_| String::new());
    is_done_again(&place, &["b"], "its trace cannot be read", &[]);
    trace(&|text| text[..text.len() / 2].to_owned());
    is_done_again(&place, &["b"], "its trace cannot be read", &[]);
    trace(&|text| text.replace("\"case\": \"b\"", "\"case\": \"x\""));
    is_done_again(&place, &["b"], "of another case, x", &[]);
    trace(&|text| text.replace(&format!("\"results\": {}", revoxel_runner::RESULTS), "\"results\": 1"));
    is_done_again(&place, &["b"], "with results 1", &[]);
    trace(&|text| text.replace(&format!("  \"results\": {},\n", revoxel_runner::RESULTS), ""));
    is_done_again(&place, &["b"], "an older version", &[]);
}

#[test]
fn a_copy_of_the_same_files_is_no_change() {
    let place = dataset();
    run(&place, &[]).good();
    let now = SystemTime::now() + Duration::from_secs(60);
    for file in place.files().iter().filter(|file| file.starts_with("data/") || file.starts_with("out/")) {
        fs::File::options().write(true).open(place.path(file)).unwrap().set_modified(now).unwrap();
    }
    let before = contents(&place, "out");
    let said = run(&place, &["--resume"]).good();
    assert!(said.err.contains("3 of 3 cases: done already"), "{}", said.err);
    assert_eq!(before, contents(&place, "out"));
}

#[test]
fn half_a_case_is_done_again_and_holds_up_no_other() {
    let place = dataset();
    run(&place, &["--case", "a"]).good();
    run(&place, &["--case", "b"]).good();
    fs::remove_file(place.path("out/b/trace.json")).unwrap();
    run(&place, &[]).bad(2, &["nothing was written", "--overwrite"]);
    let said = run(&place, &["--resume"]).good();
    assert!(said.err.contains("1 of 3 cases: done already"), "{}", said.err);
    assert!(said.err.contains("case b: run again, because it has outputs but no trace"), "{}", said.err);
    assert!(not_done(&place, &[]).is_empty());
    let json = run(&place, &["--resume", "--json"]).good().json();
    assert_eq!((json["done_already"].as_array().unwrap().len(), &json["cases"]), (3, &Value::Array(vec![])));
}

#[test]
fn what_a_killed_run_left_goes_and_what_another_run_writes_stays() {
    let place = dataset();
    let left = [place.text("out/a/.revoxel-x1Y2z3.partial", "left"), place.text("out/c/.revoxel-9.partial", "left")];
    fs::create_dir_all(place.path("out/b")).unwrap();
    let alive = revoxel_io::Partial::create(place.path("out/b/other.nii")).unwrap();
    let said = run(&place, &[]).good();
    assert!(said.err.contains("removed 1 file of an interrupted run"), "{}", said.err);
    assert!(left.iter().all(|path| !path.exists()) && alive.place().exists());
}

#[test]
fn a_case_that_fails_leaves_what_was_there() {
    let place = dataset();
    run(&place, &[]).good();
    let before = contents(&place, "out");
    // The second output does not hold its labels: the first is complete by then.
    place.text(
        "p.yaml",
        &PIPELINE.replace("PIR", "LAS").replace("/label.mhd\" }\ntrace", "/label.mhd\", dtype: int8 }\ntrace"),
    );
    let big: Vec<u16> = (0..grid().voxel_count()).map(|i| (i % 400) as u16).collect();
    place.volume("data/a/label.mhd", &Volume::new(big.into(), grid(), Kind::Label, 1).unwrap());
    let said = run(&place, &["--overwrite", "--case", "a"]);
    said.bad(1, &["case a", "label", "int8"]);
    assert_eq!(before, contents(&place, "out"));
    // A folder in the way is found before anything is written.
    fs::remove_file(place.path("out/b/label.mhd")).unwrap();
    fs::create_dir_all(place.path("out/b/label.mhd/x")).unwrap();
    run(&place, &["--overwrite", "--case", "b"]).bad(2, &["nothing was written", "b/label.mhd is a folder"]);
    fs::remove_dir_all(place.path("out/b/label.mhd")).unwrap();
    let after = contents(&place, "out");
    assert!(before.iter().all(|(name, bytes)| name == "b/label.mhd" || after.get(name) == Some(bytes)));
}

#[test]
fn a_case_that_is_left_out_now_leaves_nothing_behind() {
    let place = dataset();
    let leave_out = |when: &str| {
        PIPELINE.replace("steps:\n", &format!("steps:\n  - crop_foreground: {{ source: image, {when} }}\n"))
    };
    place.text("p.yaml", &leave_out("nonzero: true"));
    run(&place, &["--case", "a"]).good();
    assert_eq!(contents(&place, "out").len(), 4);
    let voxels = vec![0f32; grid().voxel_count()];
    place.volume("data/a/image.nii.gz", &Volume::new(voxels.into(), grid(), Kind::Image, 1).unwrap());
    place.text("p.yaml", &leave_out("nonzero: true, on_empty: skip_case"));
    let said = run(&place, &["--case", "a", "--resume"]).good();
    assert!(said.err.contains("1 skipped"), "{}", said.err);
    assert!(contents(&place, "out").is_empty(), "{:?}", place.files());
}

/// A scan without any foreground.
fn empty(place: &Place, case: &str) {
    let voxels = vec![0f32; grid().voxel_count()];
    place.volume(&format!("data/{case}/image.nii.gz"), &Volume::new(voxels.into(), grid(), Kind::Image, 1).unwrap());
}

#[test]
fn cases_that_are_left_out_are_done() {
    let place = dataset();
    let step = "steps:\n  - crop_foreground: { source: image, nonzero: true, on_empty: skip_case }\n";
    place.text("p.yaml", &PIPELINE.replace("steps:\n", step));
    empty(&place, "b");
    let said = run(&place, &[]).good();
    assert!(said.err.contains("3 cases: 2 done, 1 skipped"), "{}", said.err);
    let status = |more: &[&str]| place.revoxel(&[&["status", "out"], more].concat());
    let said = status(&[]).good().out;
    assert!(said.starts_with("case b: left out: ") && said.contains("crop_foreground"), "{said}");
    assert!(said.ends_with("3 cases: 2 done, 1 left out\n"), "{said}");
    let report = status(&["--json"]).good().json();
    assert_eq!((&report["counts"]["left_out"], &report["cases"][1]["state"]), (&1.into(), &"left_out".into()));
    // It is not done again, unless something has changed.
    let said = run(&place, &["--resume"]).good();
    assert!(said.err.contains("1 of 3 cases: left out already") && said.err.contains("nothing to do"), "{}", said.err);
    assert!(not_done(&place, &[]).is_empty());
    let report = run(&place, &["--resume", "--json"]).good().json();
    assert_eq!(report["left_out_already"], serde_json::json!(["b"]));
    let why = &not_done(&place, &["--set", "steps.0.crop_foreground.margin=2"])["b"];
    assert!(why.contains("the pipeline has changed"), "{why}");
    label(&place, "b/label.mhd", 2);
    assert!(not_done(&place, &[])["b"].contains("b/label.mhd has changed"));
    assert!(status(&[]).told(1).out.contains("case b: stale: "));
    run(&place, &["--resume"]).good();
    status(&[]).good();
    // Now it has something; then it fails; then it is empty again.
    image(&place, "b/image.nii.gz", 5);
    assert!(run(&place, &["--resume"]).good().err.contains("1 case: 1 done"));
    assert_eq!(status(&["--json"]).good().json()["counts"]["left_out"], 0);
    assert!(!place.path("out/.revoxel/left-out").exists(), "{:?}", place.files());
    empty(&place, "b");
    run(&place, &["--resume"]).good();
    fs::write(place.path("data/b/image.nii.gz"), "no volume").unwrap();
    run(&place, &["--resume", "--keep-going"]).told(1);
    assert!(status(&[]).told(1).out.contains("case b: failed: "));
    empty(&place, "b");
    run(&place, &["--resume"]).good();
    assert!(status(&[]).good().out.contains("case b: left out: "));
}

#[test]
fn copies_without_a_patch_are_left_out() {
    let place = Place::new();
    image(&place, "a/image.nii.gz", 1);
    image(&place, "b/image.nii.gz", 2);
    let text = "version: 1\ninputs:\n  image: { kind: image, path: \"{case}/image.nii.gz\" }\ncopies: 3\nsteps:\n  \
                - rand_grid_patch: { patch_size: [13, 11, 5], max_offset: 0, pad_mode: null }\noutputs:\n  \
                image: { path: \"{case}/{copy}.nii.gz\" }\ntrace: \"{case}/{copy}.json\"\n";
    place.text("p.yaml", text);
    let said = run(&place, &[]).good();
    assert!(said.err.contains("skipped"), "{}", said.err);
    let report = place.revoxel(&["status", "out", "--json"]).good().json();
    assert!(report["counts"]["left_out"].as_u64().unwrap() > 0 && report["counts"]["missing"] == 0, "{report}");
    assert!(run(&place, &["--resume"]).good().err.contains("nothing to do"));
    // A file that was touched is looked at again, which costs nothing.
    let file = fs::File::options().write(true).open(place.path("data/a/image.nii.gz")).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    assert!(run(&place, &["--resume"]).good().err.contains("skipped"));
    place.revoxel(&["status", "out"]).good();
}

#[test]
fn after_a_signal_status_says_which_run_was_stopped_before_a_case() {
    let place = dataset();
    run(&place, &["--case", "a,b"]).good();
    run(&place, &["--case", "c"]).good();
    fs::remove_dir_all(place.path("out/c")).unwrap();
    // The record as a signal leaves it.
    let path = place.path("out/.revoxel/run.json");
    let mut record: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    record["interrupted"] = "Ctrl-C (SIGINT)".into();
    record["ended"] = "2024-05-06T07:08:09.123Z".into();
    record["cases"] = Value::Array(Vec::new());
    fs::write(&path, record.to_string()).unwrap();
    let said = place.revoxel(&["status", "out"]).told(1);
    let why = "case c: missing: the run was stopped by Ctrl-C (SIGINT) at 2024-05-06T07:08:09Z before it\n";
    assert!(said.out.contains(why), "{}", said.out);
    assert!(said.err.contains("the last run was stopped by Ctrl-C (SIGINT)"), "{}", said.err);
    // A run that ends well takes its place.
    run(&place, &["--resume"]).good();
    assert!(!place.revoxel(&["status", "out"]).good().err.contains("stopped"));
}

#[test]
fn one_pipeline_at_a_time_writes_into_a_folder() {
    let place = dataset();
    fs::create_dir_all(place.path("out")).unwrap();
    let other = revoxel_runner::lock::Lock::take(&place.path("out"), "other.yaml 123").unwrap();
    run(&place, &[]).bad(2, &["out: another run with another pipeline", "other.yaml 123"]);
    assert!(contents(&place, "out").keys().all(|name| name == ".revoxel-lock"));
    drop(other);
    run(&place, &[]).good();
    assert!(!place.path("out/.revoxel-lock").exists());
}

/// A dataset whose cases take a while, and the program at work on it.
#[cfg(unix)]
fn at_work(place: &Place) -> std::process::Child {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_revoxel-under-test"));
    command.args(["run", "p.yaml", "--data", "data", "--out", "out", "--resume", "--jobs", "1"]);
    command.current_dir(place.path("")).stderr(std::process::Stdio::piped()).spawn().unwrap()
}

/// Waits until a file of this ending is there.
#[cfg(unix)]
fn until(place: &Place, ending: &str) {
    for _ in 0..4000 {
        if place.path("out").exists() && place.files().iter().any(|f| f.starts_with("out/") && f.ends_with(ending)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("no {ending} was ever seen: {:?}", place.files());
}

#[cfg(unix)]
#[test]
fn signals_end_a_run_cleanly() {
    let place = Place::new();
    place.text("p.yaml", &PIPELINE.replace("1, 1, 1.5", "0.4, 0.4, 0.4"));
    let rows = [[1.0, 0.25, 0.0, 5.0], [-0.25, 1.0, 0.0, -7.0], [0.0, 0.0, 1.5, 11.0]];
    let grid = Grid::new([70, 60, 50], Affine::from_rows(rows)).unwrap();
    for (seed, case) in ["a", "b", "c"].iter().enumerate() {
        place.volume(&format!("data/{case}/image.nii.gz"), &Draw::new(seed as u64).volume(grid, Kind::Image, 1));
    }
    for (signal, code, name) in [("INT", 130, "SIGINT"), ("TERM", 143, "SIGTERM"), ("HUP", 129, "SIGHUP")] {
        // On a busy machine, a run may be done before the signal comes: then it is tried again.
        let tries = (0..10).map(|_| {
            let _ = fs::remove_dir_all(place.path("out"));
            let child = at_work(&place);
            until(&place, ".partial");
            let id = child.id().to_string();
            assert!(std::process::Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
            child.wait_with_output().unwrap()
        });
        let ended = tries.into_iter().find(|ended| ended.status.code() != Some(0)).expect("no run was interrupted");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(code), "{said}");
        assert!(said.contains(name) && said.contains("of 3 cases done") && said.contains("--resume"), "{said}");
        let left = contents(&place, "out");
        assert!(left.keys().all(|file| !file.ends_with(".partial") && !file.contains("lock")), "{:?}", left.keys());
        // The record says how far the run was.
        let record = fs::read_to_string(place.path("out/.revoxel/run.json")).unwrap();
        let record: Value = serde_json::from_str(&record).unwrap();
        let done = left.keys().filter(|file| file.ends_with("trace.json")).count();
        assert!(record["interrupted"].as_str().unwrap().contains(name) && record["ended"].is_string(), "{record}");
        assert!(said.contains(&format!("{} of 3 cases done", record["done"])), "{said}: {record}");
        assert!(record["done"].as_u64().unwrap() as usize <= done, "{record}: {done} traces");
        let said = place.revoxel(&["status", "out"]).told(1).err;
        assert!(said.contains("the last run was stopped by ") && said.contains(name), "{said}");
        let said = place.revoxel(&["status", "out"]).told(1).out;
        let stopped = |line: &&str| line.contains(": missing: the run was stopped by ") && line.ends_with(" before it");
        assert_eq!(said.lines().filter(stopped).filter(|line| line.contains(name)).count(), 3 - done, "{said}");
    }
    run(&place, &["--resume"]).good();
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "fresh"]).good();
    assert_eq!(contents(&place, "out"), contents(&place, "fresh"));
}

#[test]
fn names_that_lead_out_of_the_folder_are_passed_over() {
    let place = Place::new();
    place.text("p.yaml", &PIPELINE.replacen("{case}/image.nii.gz", "im_{case}.nii.gz", 1));
    for name in ["im_a.nii.gz", "im_...nii.gz", "im_..nii.gz"] {
        image(&place, name, 1);
    }
    let said = run(&place, &[]).good();
    assert!(said.err.contains("im_...nii.gz: ignored") && said.err.contains("im_..nii.gz: ignored"), "{}", said.err);
    assert_eq!(contents(&place, "out").keys().collect::<Vec<_>>(), ["a/image.nii.gz", "a/trace.json"]);
    let wrong = place.files().into_iter().filter(|f| !["data/", "out/", "p.yaml"].iter().any(|s| f.starts_with(s)));
    assert_eq!(wrong.count(), 0);
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_run() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    place.text("p.yaml", PIPELINE);
    let volume = image(&place, "x/image.nii.gz", 1);
    let raw = place.path("data").join(std::ffi::OsStr::from_bytes(b"b\xff"));
    fs::rename(place.path("data/x"), &raw).unwrap();
    run(&place, &[]).good();
    let back = ["invert", "out/b%FF/trace.json", "out/b%FF/image.nii.gz", "-o", "back.nii", "--kind", "image"];
    place.revoxel(&back).good();
    assert_eq!(place.read("back.nii", Kind::Image).grid(), volume.grid());
    assert!(not_done(&place, &[]).is_empty());
    image(&place, ".hidden/image.nii.gz", 2);
    let said = run(&place, &["--resume"]).good();
    assert!(said.err.contains(".hidden: ignored") && said.err.contains("hidden file"), "{}", said.err);
}

#[test]
fn a_trace_does_not_lead_out_of_the_folder() {
    for path in ["../up.nii", "/revoxel-abs.nii", "a/../../up.nii", "C:\\up.nii", "", "..\\up.nii"] {
        let place = Place::new();
        let restore = "\nrestore:\n  seg: { kind: label, output: { path: \"{case}/seg.nii\" } }\ntrace: ";
        place.text("p.yaml", &PIPELINE.replace("\ntrace: ", restore));
        image(&place, "a/image.nii.gz", 1);
        run(&place, &[]).good();
        let text = fs::read_to_string(place.path("out/a/trace.json")).unwrap();
        let spelled = serde_json::to_string(path).unwrap();
        place.text("out/a/trace.json", &text.replace("\"a/seg.nii\"", &spelled));
        let model = place.read("out/a/image.nii.gz", Kind::Image);
        let ones = Volume::new(vec![1u8; model.grid().voxel_count()].into(), *model.grid(), Kind::Label, 1).unwrap();
        place.volume("mask.nii", &ones);
        let files = place.files();
        let said = place.revoxel(&["invert", "out/a/trace.json", "mask.nii", "--out", "rest"]);
        said.bad(2, &["restore.seg.path", "leads out of the output folder", "name the output file"]);
        assert_eq!(files, place.files(), "{path}");
    }
}

#[test]
fn the_case_of_a_trace_does_not_lead_out_of_the_folder() {
    for case in ["../evil", "../../evil", "a/../../evil", "/revoxel-abs", "", ".", "..", "C:\\evil"] {
        let place = Place::new();
        place.text("p.yaml", PIPELINE);
        image(&place, "a/image.nii.gz", 1);
        run(&place, &[]).good();
        let text = fs::read_to_string(place.path("out/a/trace.json")).unwrap();
        let mut trace: Value = serde_json::from_str(&text).unwrap();
        trace["case"] = json!(case);
        place.text("out/a/trace.json", &trace.to_string());
        fs::create_dir_all(place.path("predictions/a")).unwrap();
        fs::copy(place.path("out/a/image.nii.gz"), place.path("predictions/a/image.nii.gz")).unwrap();
        let files = place.files();
        let said = place.revoxel(&["invert", "out", "predictions", "-o", "deep/rest", "--kind", "image"]);
        said.bad(2, &["out/a/trace.json", "case is", "cannot be the name of a result"]);
        assert_eq!(files, place.files(), "{case}");
    }
}

#[test]
fn a_file_of_two_replaces_no_other_file() {
    let place = Place::new();
    image(&place, "a.nii", 1);
    for (name, beside) in [
        ("x.hdr", "x.img"),
        ("x.img", "x.hdr"),
        ("x.hdr.gz", "x.img.gz"),
        ("x.mhd", "x.zraw"),
        ("x.mhd", "x.raw"),
        ("x.nhdr", "x.raw.gz"),
        ("x.nhdr", "x.raw"),
    ] {
        let place = Place::new();
        image(&place, "a.nii", 1);
        place.text(beside, "another's voxels");
        let files = place.files();
        place.revoxel(&["convert", "data/a.nii", name]).bad(2, &[beside, "already", "--overwrite"]);
        assert_eq!((files, fs::read(place.path(beside)).unwrap()), (place.files(), b"another's voxels".to_vec()));
        place.revoxel(&["convert", "data/a.nii", name, "--overwrite"]).good();
        assert_eq!(place.read(name, Kind::Image).grid().shape(), [13, 11, 9]);
        // Outputs of a pipeline too.
        place.text(&format!("out/c/{beside}"), "another's voxels");
        image(&place, "c/image.nii.gz", 1);
        place.text(
            "p.yaml",
            &PIPELINE.replace(
                "image: { path: \"{case}/image.nii.gz\" }\n  label",
                &format!("image: {{ path: \"{{case}}/{name}\" }}\n  label"),
            ),
        );
        run(&place, &[]).bad(2, &["nothing was written", beside]);
    }
    for pair in [["x.img", "x.hdr"], ["x.mhd", "x.nhdr"]] {
        let place = dataset();
        let other = PIPELINE
            .replace(
                "image: { path: \"{case}/image.nii.gz\" }\n  label",
                &format!("image: {{ path: \"{{case}}/{}\" }}\n  label", pair[0]),
            )
            .replace(
                "label: { path: \"{case}/label.mhd\" }\ntrace",
                &format!("label: {{ path: \"{{case}}/{}\" }}\ntrace", pair[1]),
            );
        place.text("p.yaml", &other);
        run(&place, &[]).bad(2, &["nothing was written", "would both write"]);
        assert!(contents(&place, "out").is_empty());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn messages_that_nobody_reads_change_nothing() {
    use std::process::{Command, Stdio};
    let program = env!("CARGO_BIN_EXE_revoxel-under-test");
    for (way, arguments, code) in [
        ("full", vec!["-v", "run", "p.yaml", "--data", "data", "--out", "full"], 0),
        ("closed", vec!["-v", "run", "p.yaml", "--data", "data", "--out", "closed"], 0),
        ("full", vec!["run", "none.yaml", "--data", "data", "--out", "x"], 2),
        ("closed", vec!["info", "none.nii"], 2),
        ("full", vec!["convert", "data/a/image.nii.gz", "full.nii"], 0),
        ("full", vec!["transforms", "no_such"], 2),
        ("full", vec!["no-such-command"], 2),
    ] {
        let place = dataset();
        let mut command = Command::new(program);
        command.args(&arguments).current_dir(place.path("")).stdout(Stdio::null());
        if way == "full" {
            command.stderr(fs::File::options().write(true).open("/dev/full").unwrap());
        } else {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            command.stderr(writer);
        }
        assert_eq!(command.status().unwrap().code(), Some(code), "{way} {arguments:?}");
        let traces = place.files().into_iter().filter(|f| f.ends_with("trace.json")).count();
        assert_eq!(traces, if arguments.contains(&"p.yaml") { 3 } else { 0 });
    }
}

#[cfg(unix)]
#[test]
fn files_follow_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    for (mask, wanted) in [("077", 0o600), ("022", 0o644), ("002", 0o664)] {
        let place = dataset();
        let program = env!("CARGO_BIN_EXE_revoxel-under-test");
        let script = format!(
            "umask {mask}; '{program}' run p.yaml --data data --out out; '{program}' convert data/a/image.nii.gz out/x.mhd"
        );
        let status =
            std::process::Command::new("sh").args(["-c", &script]).current_dir(place.path("")).output().unwrap();
        assert!(status.status.success());
        for file in place.files().iter().filter(|file| file.starts_with("out/")) {
            let mode = fs::metadata(place.path(file)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, wanted, "umask {mask}: {file} has {mode:o}");
        }
    }
}

#[test]
fn what_terminals_obey_is_not_printed() {
    let place = Place::new();
    let bad = "x\u{1b}[31m\u{9b}\u{7}\u{202e}y";
    let obeyed = |text: &str| text.chars().find(|c| (c.is_control() && !"\n\t".contains(*c)) || *c == '\u{202e}');
    let volume = Draw::new(1).volume(grid(), Kind::Image, 1);
    let facts = revoxel_io::Facts { description: Some(bad.to_owned()), ..Default::default() };
    revoxel_io::write(place.path("a.nii"), &volume, &facts).unwrap();
    place.text("data/a/image.nii.gz", "no volume");
    place.text("p.yaml", &PIPELINE.replace("PIR", bad));
    place.text("long.yaml", &format!("{{version: 1, description: \"{}\", stepss: []}}", "x".repeat(70_000)));
    place.text("key.yaml", &format!("version: 1\n\"{bad}\": 2\n"));
    let named = format!("no\u{1b}[2Jsuch{bad}.nii");
    for (arguments, code) in [
        (vec!["info", "a.nii"], 0),
        (vec!["info", "a.nii", "--json"], 0),
        (vec!["info", &named], 2),
        (vec!["convert", "a.nii", &named], 0),
        (vec!["run", "p.yaml", "--data", "data", "--out", "o"], 2),
        (vec!["run", "key.yaml", "--data", "data", "--out", "o"], 2),
        (vec!["run", "long.yaml", "--data", "data", "--out", "o"], 2),
        (vec!["run", "long.yaml", "--data", &named, "--out", "o"], 2),
        (vec!["-v", "compare", "a.nii", &named], 0),
        (vec!["transforms", &named], 2),
    ] {
        let said = place.revoxel(&arguments);
        assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        assert_eq!(obeyed(&said.out).or(obeyed(&said.err)), None, "{arguments:?}: {said:?}");
    }
    let said = place.revoxel(&["run", "long.yaml", "--data", "data", "--out", "o"]);
    said.bad(2, &["stepss", "long.yaml:1"]);
    assert!(said.err.len() < 2000, "{}", said.err);
}

/// The values that come back are those of the scan, whatever happened to the run in between.
#[test]
fn a_resumed_run_inverts_as_an_undisturbed_one() {
    let place = dataset();
    place.text(
        "p.yaml",
        &PIPELINE
            .replace("  - spacing: { pixdim: [1, 1, 1.5] }\n", "")
            .replace("  - rand_gaussian_noise: { prob: 1, std: 20, keys: [image] }\n", ""),
    );
    run(&place, &["--case", "a"]).good();
    fs::remove_file(place.path("out/a/trace.json")).unwrap();
    run(&place, &["--resume"]).good();
    place.revoxel(&["invert", "out/a/trace.json", "out/a/image.nii.gz", "-o", "back.nii", "--kind", "image"]).good();
    let (back, source) = (place.read("back.nii", Kind::Image), place.read("data/a/image.nii.gz", Kind::Image));
    assert_eq!((values(&back), back.grid()), (values(&source), source.grid()));
    assert!(Path::new(&place.path("out/a/trace.json")).exists());
}

#[test]
fn what_is_not_made_any_more_goes() {
    let place = dataset();
    run(&place, &[]).good();
    // Without its labels, at another place, and left out.
    fs::remove_file(place.path("data/a/label.mhd")).unwrap();
    run(&place, &["--resume", "--set", "steps.2.spacing.rule=torchio"]).good();
    assert_eq!(contents(&place, "out/a").keys().collect::<Vec<_>>(), ["image.nii.gz", "trace.json"]);
    place.text(
        "p.yaml",
        &PIPELINE.replace("label: { path: \"{case}/label.mhd\" }\ntrace", "label: { path: \"{case}/seg.nii\" }\ntrace"),
    );
    place.text("out/b/mine.txt", "not the program's");
    run(&place, &["--overwrite"]).good();
    let left = contents(&place, "out/b");
    assert_eq!(left.keys().collect::<Vec<_>>(), ["image.nii.gz", "mine.txt", "seg.nii", "trace.json"]);
    // What somebody has changed is nobody's to remove.
    place.text("out/b/seg.nii", "changed by hand");
    place.text("p.yaml", PIPELINE);
    run(&place, &["--resume"]).good();
    assert!(place.path("out/b/seg.nii").exists() && place.path("out/b/label.mhd").exists());
}

#[test]
fn no_file_is_two_things_at_once() {
    let place = dataset();
    let before = place.files();
    let refused = |arguments: &[&str], part: &str| {
        place.revoxel(arguments).bad(2, &[part]);
        assert_eq!(before, place.files(), "{arguments:?}");
    };
    let source = "data/a/label.mhd";
    for trace in ["data/a/label.zraw", source, "data/../data/a/label.mhd"] {
        refused(&["convert", source, "c.mhd", "--trace", trace, "--overwrite"], "the input");
    }
    for trace in ["c.mhd", "c.zraw", "./c.raw"] {
        refused(&["convert", source, "c.mhd", "--trace", trace], "the output");
    }
    refused(&["convert", source, source, "--overwrite"], "the input");
    let traced = |trace: &str| PIPELINE.replace("{case}/trace.json", trace);
    for (trace, part) in [
        ("{case}/label.zraw", "an input of case"),
        ("{case}/label.raw", "would both write"),
        ("{case}/image.nii.gz/t.json", "is a file, not a folder"),
        (".revoxel-{case}.partial", "begin with .revoxel-"),
    ] {
        place.text(
            "p.yaml",
            &traced(trace)
                .replace("label: { path: \"{case}/label.mhd\" }\ntrace", "label: { path: \"{case}/l.mhd\" }\ntrace")
                .replace(
                    "l.mhd",
                    if trace.ends_with("raw") && !trace.contains("zraw") { "label.mhd" } else { "l.mhd" },
                ),
        );
        let said = place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "data", "--resume"]);
        said.bad(2, &["nothing was written"]);
        assert!(said.err.contains(part) || said.err.contains("an input of case"), "{trace}: {}", said.err);
        assert_eq!(before, place.files(), "{trace}");
    }
    // Of two cases that write one file, none is run alone either.
    image(&place, "a.l/image.nii.gz", 1);
    place.text(
        "p.yaml",
        &PIPELINE
            .replace("image: { path: \"{case}/image.nii.gz\" }\n  label", "image: { path: \"{case}/i.nii\" }\n  label")
            .replace("label: { path: \"{case}/label.mhd\" }\ntrace", "label: { path: \"{case}.l/i.nii\" }\ntrace"),
    );
    run(&place, &["--case", "a"]).bad(2, &["cases a and a.l both write"]);
    run(&place, &["--shard", "1/4"]).bad(2, &["cases a and a.l both write"]);
}

#[cfg(unix)]
#[test]
fn a_lock_is_no_link() {
    let place = dataset();
    place.text("precious", "mine");
    fs::create_dir_all(place.path("out")).unwrap();
    std::os::unix::fs::symlink("../precious", place.path("out/.revoxel-lock")).unwrap();
    run(&place, &[]).bad(2, &[".revoxel-lock", "a symbolic link"]);
    assert_eq!(fs::read_to_string(place.path("precious")).unwrap(), "mine");
}

#[test]
fn errors_are_documents_where_json_is_asked_for() {
    let place = dataset();
    place.text("bad.yaml", &PIPELINE.replace("orientation", "orientatoin"));
    let said = place.revoxel(&["run", "bad.yaml", "--data", "data", "--out", "out", "--json"]).told(2);
    let document = said.json();
    assert!(document["error"].as_str().unwrap().contains("orientatoin") && document["exit_code"] == 2, "{document}");
    assert_eq!(document["place"], "bad.yaml:7:5");
    for arguments in [
        vec!["measure", "none.nii", "--json"],
        vec!["convert", "none.nii", "x.nii", "--json"],
        vec!["compare", "none.nii", "x.nii", "--json"],
        vec!["plan", "none.yaml", "--json"],
        vec!["run", "p.yaml", "--data", "none", "--out", "out", "--json"],
        vec!["invert", "none.json", "x.nii", "-o", "y.nii", "--json"],
    ] {
        let said = place.revoxel(&arguments).told(2);
        assert!(said.json()["error"].as_str().is_some_and(|text| text.contains("none")), "{said:?}");
    }
}
