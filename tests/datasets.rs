//! Datasets as people have them: which cases there are, and which files belong to each.

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Dtype, Grid, Kind, Volume};
use serde_json::Value;

use crate::support::{Place, values};

/// An oblique grid that NIfTI's single-precision numbers hold exactly.
fn grid() -> Grid {
    let rows = [[0.25, -1.5, 0.5, 12.5], [-1.25, -0.25, 0.0, -30.0], [0.0, 0.25, -2.5, 40.25]];
    Grid::new([5, 4, 3], Affine::from_rows(rows)).unwrap()
}

fn image(seed: u64) -> Volume {
    Draw::new(seed).volume(grid(), Kind::Image, 1).cast(Dtype::I16)
}

fn label(seed: u64) -> Volume {
    Draw::new(seed).volume(grid(), Kind::Label, 1)
}

/// A pipeline of one step; what is before the inputs, the inputs, and the outputs are given.
fn pipeline(head: &str, inputs: &str, outputs: &str, trace: &str) -> String {
    format!(
        "version: 1\n{head}inputs:\n{inputs}steps:\n  - orientation: {{ axcodes: LPS }}\noutputs:\n{outputs}trace: {trace:?}\n"
    )
}

fn outcomes(report: &Value) -> Vec<String> {
    let one = |case: &Value| format!("{} {}", case["case"].as_str().unwrap(), case["outcome"].as_str().unwrap());
    report["cases"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn sessions_that_some_subjects_have_are_cases() {
    let place = Place::new();
    let scans = [("01", Some("a")), ("01", Some("b")), ("02", None), ("10", Some("a"))];
    for (number, (sub, ses)) in scans.iter().enumerate() {
        let (folder, name) = match ses {
            Some(ses) => (format!("sub-{sub}/ses-{ses}"), format!("sub-{sub}_ses-{ses}")),
            None => (format!("sub-{sub}"), format!("sub-{sub}")),
        };
        place.volume(&format!("data/{folder}/anat/{name}_T1w.nii.gz"), &image(number as u64));
        place.volume(&format!("data/derivatives/manual/{folder}/{name}_dseg.nii.gz"), &label(number as u64));
    }
    // One atlas of each subject serves all its sessions.
    place.volume("data/atlas/sub-01.nii.gz", &label(90));
    let text = pipeline(
        "",
        "  image: { kind: image, path: \"sub-{sub}/[ses-{ses}/]anat/sub-{sub}[_ses-{ses}]_T1w.nii.gz\" }\n  \
         label: { kind: label, path: \"derivatives/manual/sub-{sub}/[ses-{ses}/]sub-{sub}[_ses-{ses}]_dseg.nii.gz\" }\n  \
         atlas: { kind: label, path: \"atlas/sub-{sub}.nii.gz\", optional: true }\n",
        "  image: { path: \"sub-{sub}/[ses-{ses}/]{case}_T1w.nii.gz\" }\n  label: { path: \"labels/{case}.nii.gz\" }\n",
        "traces/{case}.json",
    );
    place.text("bids.yaml", &text);
    let report = place.revoxel(&["run", "bids.yaml", "--data", "data", "--out", "out", "--json"]).good().json();
    assert_eq!(outcomes(&report), ["sub-01_ses-a done", "sub-01_ses-b done", "sub-02 done", "sub-10_ses-a done"]);
    let back = |name: &str, kind| values(&place.read(name, kind));
    // Each result is of its own scan.
    let count = |volume: &[f64]| {
        let mut sorted = volume.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    };
    for (number, name) in [(0, "sub-01/ses-a/sub-01_ses-a"), (1, "sub-01/ses-b/sub-01_ses-b"), (2, "sub-02/sub-02")] {
        let written = back(&format!("out/{name}_T1w.nii.gz"), Kind::Image);
        assert_eq!(count(&written), count(&values(&image(number))), "{name}");
    }
    let listed = place.revoxel(&["cases", "bids.yaml", "--data", "data", "--json"]).good().json();
    let atlases: Vec<bool> = listed["cases"].as_array().unwrap().iter().map(|case| case["atlas"].is_string()).collect();
    assert_eq!(atlases, [true, true, false, false]);
    // Without the brackets, what is left out is said.
    place.text("short.yaml", &text.replace("[ses-{ses}/]", "").replace("[_ses-{ses}]", ""));
    let said = place.revoxel(&["plan", "short.yaml", "--data", "data"]).told(2);
    assert!(said.err.contains("6 files with a name like an input match no input path: "), "{}", said.err);
    assert!(said.err.contains("path: derivatives/manual/sub-01/ses-a/sub-01_ses-a_dseg.nii.gz, "), "{}", said.err);
}

#[test]
fn outputs_name_what_the_inputs_have() {
    let place = Place::new();
    let input = "  image: { kind: image, path: \"{site}/[s-{ses}/]{sub}.nii\" }\n";
    let t = |inputs: &str, output: &str, parts: &[&str]| {
        let output = format!("  image: {{ path: \"{output}\" }}\n");
        place.text("p.yaml", &pipeline("", inputs, &output, "{case}.json"));
        place.revoxel(&["plan", "p.yaml"]).bad(2, parts);
    };
    t(input, "{cas}.nii", &["no input path contains {cas}", "{case}, {ses}, {site}, {sub}"]);
    t(input, "{case}_{ses}.nii", &["not every case has {ses}", "[ses-{ses}_]"]);
    t(input, "{case}_*.nii", &["contains `*`, which is for inputs only"]);
    t(input, "{case}_{copy}.nii", &["contains {copy}, but the pipeline makes no copies"]);
    t("  image: { kind: image, path: \"{a}{b}.nii\" }\n", "{case}.nii", &["put text between placeholders"]);
    let both = "  image: { kind: image, path: \"{a}.nii\" }\n  label: { kind: label, path: \"{b}.nii\" }\n";
    t(both, "{case}.nii", &["no input path contains all of {a}, {b}"]);
    t("  image: { kind: image, path: {case} }\n", "{case}.nii", &["put it in quotes", "\"{case}"]);
}

#[test]
fn a_star_matches_one_file_and_channels_are_files() {
    let place = Place::new();
    for case in ["a", "b"] {
        for channel in ["2", "10", "0"] {
            let seed = u64::from(case.as_bytes()[0]) * 100 + channel.parse::<u64>().unwrap();
            place.volume(&format!("data/{case}/mr_{channel}.nii.gz"), &image(seed));
        }
        place.volume(&format!("data/{case}/seg_v3.nii.gz"), &label(7));
    }
    let run = |image: &str, label: &str| {
        let inputs =
            format!("  image: {{ kind: image, path: {image} }}\n  label: {{ kind: label, path: \"{label}\" }}\n");
        let outputs = "  image: { path: \"{case}/image.nii.gz\" }\n  label: { path: \"{case}/label.nii.gz\" }\n";
        place.text("p.yaml", &pipeline("", &inputs, outputs, "{case}/trace.json"));
        place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out", "--overwrite", "--json"])
    };
    run("\"{case}/mr_{channel}.nii.gz\"", "{case}/seg_*.nii.gz").good();
    let by_name = place.read("out/b/image.nii.gz", Kind::Image);
    assert_eq!(by_name.channels(), 3);
    run("[\"{case}/mr_0.nii.gz\", \"{case}/mr_2.nii.gz\", \"{case}/mr_10.nii.gz\"]", "{case}/seg_*.nii.gz").good();
    assert_eq!(by_name, place.read("out/b/image.nii.gz", Kind::Image));
    let count = grid().voxel_count();
    let third = values(&by_name)[2 * count..].iter().sum::<f64>();
    assert_eq!(third, values(&image(9810)).iter().sum::<f64>());
    // All files of the input are recorded, and a changed one is noticed.
    let trace: Value = serde_json::from_str(&std::fs::read_to_string(place.path("out/b/trace.json")).unwrap()).unwrap();
    let source = &trace["volumes"]["image"]["source"];
    assert_eq!((source["channels"].as_u64(), source["parts"].as_array().map(Vec::len)), (Some(3), Some(2)));
    let check = ["run", "p.yaml", "--data", "data", "--out", "out", "--resume=check"];
    place.revoxel(&check).good();
    place.volume("data/b/mr_10.nii.gz", &image(5));
    place.revoxel(&check).told(1);
    // A prediction comes back onto the grid of the files.
    place
        .revoxel(&[
            "invert",
            "out/a/trace.json",
            "out/a/label.nii.gz",
            "--volume",
            "image",
            "--kind",
            "label",
            "-o",
            "back.nii.gz",
        ])
        .good();
    assert_eq!(values(&place.read("back.nii.gz", Kind::Label)), values(&label(7)));
    // Two files for one `*`, a channel that is missing, and one on another grid.
    place.volume("data/a/seg_v4.nii.gz", &label(8));
    run("\"{case}/mr_{channel}.nii.gz\"", "{case}/seg_*.nii.gz")
        .bad(2, &["case a: label: 2 files match \"a/seg_*.nii.gz\": seg_v3.nii.gz, seg_v4.nii.gz"]);
    std::fs::remove_file(place.path("data/a/seg_v4.nii.gz")).unwrap();
    std::fs::remove_file(place.path("data/a/mr_10.nii.gz")).unwrap();
    let few = run("\"{case}/mr_{channel}.nii.gz\"", "{case}/seg_*.nii.gz");
    few.bad(2, &["case a: image: it has the channels 0, 2, and most cases have 0, 2, 10"]);
    let moved =
        Grid::new([5, 4, 3], Affine::from_rows([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]));
    place.volume("data/a/mr_10.nii.gz", &image(1).on_grid(moved.unwrap()).unwrap());
    run("\"{case}/mr_{channel}.nii.gz\"", "{case}/seg_*.nii.gz").bad(2, &["channels of one input", "mr_10.nii.gz"]);
}

#[test]
fn a_frozen_list_gives_the_same_run() {
    let place = Place::new();
    for (number, (site, case)) in [("n", "1"), ("n", "2"), ("s", "3")].iter().enumerate() {
        place.volume(&format!("data/{site}/{case}/t1.nii.gz"), &image(number as u64));
        place.volume(&format!("data/{site}/{case}/t2.nii.gz"), &image(10 + number as u64));
    }
    let inputs = "  image: { kind: image, path: [\"{site}/{sub}/t1.nii.gz\", \"{site}/{sub}/t2*.nii.gz\"] }\n";
    let outputs = "  image: { path: \"{site}/{case}.nii.gz\" }\n";
    place.text("p.yaml", &pipeline("", inputs, outputs, "{case}.json"));
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out"]).good();
    let table = place.revoxel(&["cases", "p.yaml", "--data", "data", "--csv"]).good().out;
    assert_eq!(
        table,
        "case,site,sub,image\nsite-n_sub-1,n,1,n/1/t1.nii.gz;n/1/t2.nii.gz\nsite-n_sub-2,n,2,n/2/t1.nii.gz;n/2/t2.nii.gz\n\
         site-s_sub-3,s,3,s/3/t1.nii.gz;s/3/t2.nii.gz\n"
    );
    place.text("data/frozen.csv", &table);
    let document = place.revoxel(&["cases", "p.yaml", "--data", "data", "--json"]).good().out;
    place.text("data/frozen.json", &document);
    // A scan that came later is in no frozen list.
    place.volume("data/s/4/t1.nii.gz", &image(4));
    place.volume("data/s/4/t2.nii.gz", &image(4));
    for list in ["frozen.csv", "frozen.json"] {
        let set = format!("cases.from={list}");
        let of_list = [
            "run", "p.yaml", "--data", "data", "--out", "out", "--resume", "--json", "--set", "cases={}", "--set", &set,
        ];
        let report = place.revoxel(&of_list).good().json();
        assert_eq!(report["done_already"].as_array().unwrap().len(), 3, "{report}");
    }
    let north = ["cases", "p.yaml", "--data", "data", "--case", "site-n*,site-s_sub-4", "--json"];
    assert_eq!(place.revoxel(&north).good().json()["cases"].as_array().unwrap().len(), 3);
    place.text("chosen.txt", "# the second\nsite-n_sub-2\n\n");
    let chosen = ["cases", "p.yaml", "--data", "data", "--case", "@chosen.txt", "--csv"];
    assert_eq!(place.revoxel(&chosen).good().out.lines().count(), 2);
    for (name, part) in
        [("site-x*", "no case \"site-x*\""), ("@none.txt", "none.txt"), ("site-n_sub-3", "did you mean")]
    {
        place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "other", "--case", name]).bad(2, &[part]);
    }
}

#[test]
fn tables_and_documents_of_other_programs_are_lists() {
    let place = Place::new();
    for case in ["la_1", "la_2"] {
        let seed = u64::from(case.as_bytes()[3]);
        place.volume(&format!("raw/imagesTr/{case}_0000.nii.gz"), &image(seed));
        place.volume(&format!("raw/imagesTr/{case}_0001.nii.gz"), &image(seed + 100));
        place.volume(&format!("raw/labelsTr/{case}.nii.gz"), &label(seed));
    }
    place.text(
        "raw/dataset.json",
        r#"{"channel_names": {"0": "T1", "1": "T2"}, "labels": {"background": 0, "a": 1, "b": 2, "c": 3, "d": 4}, "numTraining": 2, "file_ending": ".nii.gz"}"#,
    );
    let inputs = "  image: { kind: image }\n  label: { kind: label, optional: true }\n";
    let outputs = "  image: { path: \"{case}.nii.gz\" }\n  label: { path: \"{case}_seg.nii.gz\" }\n";
    place.text(
        "nnunet.yaml",
        &pipeline("cases: { from: dataset.json, split: training }\n", inputs, outputs, "{case}.json"),
    );
    let report = place.revoxel(&["run", "nnunet.yaml", "--data", "raw", "--out", "out", "--json"]).good().json();
    assert_eq!(outcomes(&report), ["la_1 done", "la_2 done"]);
    assert_eq!(place.read("out/la_2.nii.gz", Kind::Image).channels(), 2);
    // A table beside the pipeline, whose paths are relative to the data folder.
    place.text("table.csv", "id,image,label,site\nx,imagesTr/la_1_0000.nii.gz,labelsTr/la_1.nii.gz,n\n");
    let head = "cases: { from: table.csv, name: id, where: { site: n } }\n";
    let outputs = "  image: { path: \"{site}/{case}.nii.gz\" }\n  label: { path: \"{site}/{case}_seg.nii.gz\" }\n";
    place.text("table.yaml", &pipeline(head, inputs, outputs, "{site}/{case}.json"));
    place.revoxel(&["run", "table.yaml", "--data", "raw", "--out", "out2"]).good();
    assert_eq!(place.read("out2/n/x.nii.gz", Kind::Image).channels(), 1);
    // Nothing is written where a list is wrong.
    place.text("table.csv", "id,image,label,site\nx,../secret.nii.gz,,n\nx,none.nii.gz,,n\n");
    place
        .revoxel(&["run", "table.yaml", "--data", "raw", "--out", "out3"])
        .bad(2, &["line 2", "outside the data folder"]);
    place.text("table.csv", "id,image,label,site\nx,none.nii.gz,,n\n");
    place
        .revoxel(&["run", "table.yaml", "--data", "raw", "--out", "out3"])
        .bad(2, &["case x: missing input: image", "none.nii.gz"]);
    assert!(!place.path("out3").exists());
    // What lies elsewhere may be named where that is allowed.
    let elsewhere = place.volume("elsewhere/scan.nii.gz", &image(3));
    place.text("table.csv", &format!("id,image,label,site\nx,{},,n\n", elsewhere.display()));
    place.revoxel(&["run", "table.yaml", "--data", "raw", "--out", "out4", "--allow-outside"]).good();
    assert!(place.path("out4/n/x.nii.gz").exists());
}

#[test]
fn a_run_whose_cases_others_run_says_how_it_stands() {
    let place = Place::new();
    for (number, case) in ["a", "b", "c"].iter().enumerate() {
        place.volume(&format!("data/{case}.nii.gz"), &image(number as u64));
    }
    let damaged = std::fs::read(place.path("data/b.nii.gz")).unwrap();
    std::fs::write(place.path("data/b.nii.gz"), &damaged[..damaged.len() - 12]).unwrap();
    let inputs = "  image: { kind: image, path: \"{case}.nii.gz\" }\n";
    place.text("p.yaml", &pipeline("", inputs, "  image: { path: \"{case}.nii.gz\" }\n", "{case}.json"));
    let run = ["run", "p.yaml", "--data", "data", "--out", "out"];
    let report = place.revoxel(&[&run[..], &["--record=begin", "--json"]].concat()).good().json();
    assert_eq!(report["recorded"], true);
    let states = || -> Vec<String> {
        let report = place.revoxel(&["status", "out", "--json"]).told(1).json();
        let one = |row: &Value| format!("{} {}", row["case"].as_str().unwrap(), row["state"].as_str().unwrap());
        report["cases"].as_array().unwrap().iter().map(one).collect()
    };
    assert_eq!(states(), ["a missing", "b missing", "c missing"]);
    // Each case by a program of its own, as the tasks of a cluster have it.
    for (case, code) in [("a", 0), ("b", 1)] {
        place.revoxel(&[&run[..], &["--resume", "--case", case]].concat()).told(code);
    }
    assert_eq!(states(), ["a done", "b failed", "c missing"]);
    place.revoxel(&[&run[..], &["--record=end", "--json"]].concat()).good();
    let record: Value =
        serde_json::from_str(&std::fs::read_to_string(place.path("out/.revoxel/run.json")).unwrap()).unwrap();
    assert!(record["ended"].is_string() && record["done"] == 1 && record["failed"] == 2, "{record}");
    // A case that nobody tries, since its header cannot be read.
    std::fs::write(place.path("data/c.nii.gz"), b"nothing").unwrap();
    place.revoxel(&[&run[..], &["--record=begin", "--json"]].concat()).good();
    assert_eq!(states(), ["a done", "b failed", "c failed"]);
    let one = [&run[..4], &["--out", "alone", "--case", "a", "--record=begin", "--json"]].concat();
    assert_eq!(place.revoxel(&one).good().json()["recorded"], false, "a single case is not recorded");
}

#[test]
fn a_run_that_stopped_says_how_it_stands() {
    let place = Place::new();
    for (number, case) in ["a", "b", "c", "d"].iter().enumerate() {
        place.volume(&format!("data/{case}.nii.gz"), &image(number as u64));
    }
    let good = std::fs::read(place.path("data/c.nii.gz")).unwrap();
    // The header can be read, and the voxels cannot.
    std::fs::write(place.path("data/c.nii.gz"), &good[..good.len() - 12]).unwrap();
    let inputs = "  image: { kind: image, path: \"{case}.nii.gz\" }\n";
    place.text("p.yaml", &pipeline("", inputs, "  image: { path: \"{case}.nii.gz\" }\n", "{case}.json"));
    place.revoxel(&["status", "out"]).bad(2, &["no run is recorded"]);
    let part = |part: &str| {
        ["run", "p.yaml", "--data", "data", "--out", "out", "--keep-going", "--resume", "--shard", part]
            .map(str::to_owned)
    };
    let run = |arguments: [String; 10]| place.revoxel(&arguments.each_ref().map(String::as_str));
    run(part("1/2")).told(1);
    let states = |code: i32| -> Vec<String> {
        let report = place.revoxel(&["status", "out", "--json"]).told(code).json();
        let one = |row: &Value| format!("{} {}", row["case"].as_str().unwrap(), row["state"].as_str().unwrap());
        report["cases"].as_array().unwrap().iter().map(one).collect()
    };
    assert_eq!(states(1), ["a done", "b missing", "c failed", "d missing"]);
    let said = place.revoxel(&["status", "out"]).told(1).out;
    assert!(said.contains("case b: missing: part 2 of 2 has not been run"), "{said}");
    assert!(said.contains("case c: failed: ") && said.contains("4 cases: 1 done, 1 failed, 2 missing"), "{said}");
    run(part("2/2")).good();
    assert_eq!(states(1), ["a done", "b done", "c failed", "d done"]);
    std::fs::write(place.path("data/c.nii.gz"), &good).unwrap();
    place.volume("data/d.nii.gz", &image(9));
    assert_eq!(states(1), ["a done", "b done", "c failed", "d stale"]);
    place.revoxel(&["run", "p.yaml", "--data", "data", "--out", "out", "--resume"]).good();
    assert_eq!(states(0).len(), 4);
    assert!(!place.path("out/.revoxel/failed").exists());
    let record: Value =
        serde_json::from_str(&std::fs::read_to_string(place.path("out/.revoxel/run.json")).unwrap()).unwrap();
    assert_eq!((record["done"].as_u64(), record["failed"].as_u64()), (Some(2), Some(0)));
    assert!(record["pipeline"]["text"].as_str().unwrap().contains("orientation") && record["ended"].is_string());
    // The data may have moved.
    std::fs::rename(place.path("data"), place.path("moved")).unwrap();
    place.revoxel(&["status", "out"]).told(2);
    place.revoxel(&["status", "out", "--data", "moved"]).good();
    // Every byte of the outputs is read again.
    place.revoxel(&["verify", "out"]).good();
    let mut bytes = std::fs::read(place.path("out/b.nii.gz")).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(place.path("out/b.nii.gz"), bytes).unwrap();
    std::fs::remove_file(place.path("out/a.nii.gz")).unwrap();
    let report = place.revoxel(&["verify", "out", "--json"]).told(1).json();
    let problems: Vec<&str> =
        report["problems"].as_array().unwrap().iter().map(|p| p["problems"][0].as_str().unwrap()).collect();
    assert!(
        problems[0].contains("a.nii.gz is missing") && problems[1].contains("b.nii.gz has changed"),
        "{problems:?}"
    );
    assert_eq!((report["cases"].as_u64(), report["files"].as_u64()), (Some(4), Some(4)));
    place.revoxel(&["verify", "moved"]).bad(2, &["no traces"]);
}

#[test]
fn parts_have_about_the_same_number_of_voxels() {
    let place = Place::new();
    for (case, depth) in [("a", 9), ("b", 3), ("c", 3), ("d", 3), ("e", 9)] {
        let rows = [[0.25, -1.5, 0.5, 12.5], [-1.25, -0.25, 0.0, -30.0], [0.0, 0.25, -2.5, 40.25]];
        let grid = Grid::new([5, 4, depth], Affine::from_rows(rows)).unwrap();
        place.volume(&format!("data/{case}.nii.gz"), &Draw::new(1).volume(grid, Kind::Image, 1).cast(Dtype::I16));
    }
    let inputs = "  image: { kind: image, path: \"{case}.nii.gz\" }\n";
    place.text("p.yaml", &pipeline("", inputs, "  image: { path: \"{case}.nii.gz\" }\n", "{case}.json"));
    let part = |part: &str| {
        let out = format!("out{}", part.len());
        outcomes(
            &place
                .revoxel(&["run", "p.yaml", "--data", "data", "--out", &out, "--shard", part, "--json"])
                .good()
                .json(),
        )
    };
    assert_eq!(part("1/3"), ["a done"]);
    assert_eq!(part("2/3"), ["e done"]);
    assert_eq!(part("3/3"), ["b done", "c done", "d done"]);
}

#[test]
fn a_run_of_some_cases_does_not_make_the_others_done() {
    let place = Place::new();
    for (number, case) in ["a", "b:c", "d"].iter().enumerate() {
        place.volume(&format!("data/images/{case}.nii.gz"), &image(number as u64));
    }
    place.volume("data/labels/a.nii.gz", &label(1));
    let inputs = "  image: { kind: image, path: \"images/{case}.nii.gz\" }\n  \
                  label: { kind: label, path: \"labels/{case}.nii.gz\", optional: true }\n";
    let outputs = "  image: { path: \"{case}/i.nii.gz\" }\n  label: { path: \"{case}/l.nii.gz\" }\n";
    place.text("p.yaml", &pipeline("", inputs, outputs, "{case}/t.json"));
    let run = ["run", "p.yaml", "--data", "data", "--out", "out"];
    place.revoxel(&run).good();
    place.revoxel(&["verify", "out"]).good();
    std::fs::remove_dir_all(place.path("out/d")).unwrap();
    place.revoxel(&[&run[..], &["--case", "a,b:c", "--overwrite"]].concat()).good();
    let said = place.revoxel(&["status", "out"]).told(1).out;
    assert!(said.contains("case d: missing"), "{said}");
    place.revoxel(&[&run[..], &["--resume"]].concat()).good();
    // Another pipeline in the same folder leaves the record of the first.
    place.text("q.yaml", &pipeline("", inputs, "  image: { path: \"q/{case}.nii.gz\" }\n", "q/{case}.json"));
    place.revoxel(&["run", "q.yaml", "--data", "data", "--out", "out", "--case", "a,d"]).good();
    let said = place.revoxel(&["status", "out"]).good();
    assert!(said.err.contains("only the cases that were asked for"), "{}", said.err);
    assert!(said.err.contains("1 run of another pipeline"), "{}", said.err);
    // A case without its optional label has none in a frozen list, either.
    for (form, name) in [("--csv", "frozen.csv"), ("--json", "frozen.json")] {
        let list = place.revoxel(&["cases", "p.yaml", "--data", "data", form]).good().out;
        place.text(&format!("data/{name}"), &list);
        let set = format!("cases.from={name}");
        let report = place.revoxel(&[&run[..], &["--resume", "--json", "--set", &set]].concat()).good().json();
        assert_eq!(report["done_already"].as_array().unwrap().len(), 3, "{report}");
    }
    // What is no list of files is no file.
    place.text(
        "data/nested.json",
        r#"{"training": [{"image": [["images/a.nii.gz"], "images/d.nii.gz"], "label": "labels/a.nii.gz"}]}"#,
    );
    place.revoxel(&["cases", "p.yaml", "--data", "data", "--set", "cases.from=nested.json"]).told(2);
}

#[test]
fn the_last_case_of_a_dataset_is_recorded_too() {
    let place = Place::new();
    for (number, case) in ["a", "b", "c"].iter().enumerate() {
        place.volume(&format!("data/{case}.nii.gz"), &image(number as u64));
    }
    let good = std::fs::read(place.path("data/c.nii.gz")).unwrap();
    std::fs::write(place.path("data/c.nii.gz"), &good[..good.len() - 12]).unwrap();
    let inputs = "  image: { kind: image, path: \"{case}.nii.gz\" }\n";
    place.text("p.yaml", &pipeline("", inputs, "  image: { path: \"{case}.nii.gz\" }\n", "{case}.json"));
    let run = ["run", "p.yaml", "--data", "data", "--out", "out", "--keep-going", "--resume"];
    place.revoxel(&run).told(1);
    assert!(place.path("out/.revoxel/failed/c.json").exists());
    std::fs::write(place.path("data/c.nii.gz"), &good).unwrap();
    // One case is left to do, of a dataset of three.
    place.revoxel(&run).good();
    assert!(!place.path("out/.revoxel/failed").exists());
    let record = std::fs::read_to_string(place.path("out/.revoxel/run.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!((record["done"].as_u64(), record["failed"].as_u64()), (Some(1), Some(0)));
    place.revoxel(&["status", "out"]).good();
}
